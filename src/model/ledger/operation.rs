//! What is asked of the ledger, and what it answers.

use super::words::{Cause, CodeStatus, Kind};
use crate::model::code::Code;
use crate::model::device::DeviceChange;
use crate::model::resources::ResourceType;
use crate::model::throttle::Policy;
use crate::model::time::Moment;

/// A code's keyed hash: how it is found without being readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub [u8; 16]);

/// Who acts: the user, the company that the user belongs to, from where, and by which access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub user_id: i64,
    pub company_id: i64,
    pub address: String,
    pub token_id: Option<i64>,
}

impl Actor {
    /// The user id of the portal itself, which renews devices. Nobody has it; the database keeps null.
    pub const PORTAL: i64 = 0;

    /// The portal itself, on behalf of the root company.
    #[must_use]
    pub fn portal(root_id: i64) -> Actor {
        Actor { user_id: Actor::PORTAL, company_id: root_id, address: String::new(), token_id: None }
    }
}

/// A keyed hash of a request's canonical form: tells a retry from another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 16]);

/// One change of balances, asked for once. (actor, key) is its identity.
#[derive(Debug, Clone)]
pub struct Operation {
    pub actor: Actor,
    pub key: String,
    pub fingerprint: Fingerprint,
    pub at: Moment,
    pub act: Act,
}

/// What an operation does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Brings units into being at the root company.
    Issue {
        resource_type: ResourceType,
        amount: i64,
        memo: String,
    },
    Move {
        resource_type: ResourceType,
        from: i64,
        to: i64,
        amount: i64,
    },
    CreateCodes {
        company_id: i64,
        resource_type: ResourceType,
        amount: i64,
        comment: String,
        codes: Vec<NewCode>,
    },
    DeleteCode {
        code_id: i64,
    },
    Redeem {
        tag: Tag,
        limits: Vec<Limit>,
    },
    /// Changes devices, and pays for those that run, extend themselves and are not paid. Without a
    /// change it is a renewal.
    SetDevices {
        devices: Vec<i64>,
        change: DeviceChange,
    },
    /// An order was paid: its units come into being in its vouchers. By the portal or the vendor.
    Fulfil(Fulfilment),
    /// Ends those of the vouchers whose time is over; others stay as they are.
    ExpireCodes {
        code_ids: Vec<i64>,
    },
    /// Unused vouchers go back to the vendor; all of them, or none.
    CancelCodes {
        code_ids: Vec<i64>,
    },
    /// A lost voucher gets a new code; the old one is dead.
    ReplaceCode {
        code_id: i64,
        code: NewCode,
        comment: String,
    },
}

impl Act {
    /// The codes that it names by their ids.
    #[must_use]
    pub fn code_ids(&self) -> &[i64] {
        match self {
            Act::DeleteCode { code_id } | Act::ReplaceCode { code_id, .. } => std::slice::from_ref(code_id),
            Act::ExpireCodes { code_ids } | Act::CancelCodes { code_ids } => code_ids,
            Act::Issue { .. }
            | Act::Move { .. }
            | Act::CreateCodes { .. }
            | Act::Redeem { .. }
            | Act::SetDevices { .. }
            | Act::Fulfil(_) => &[],
        }
    }

    /// How many codes it makes.
    #[must_use]
    pub fn new_codes(&self) -> usize {
        match self {
            Act::CreateCodes { codes, .. } => codes.len(),
            Act::Fulfil(order) => order.vouchers.iter().map(|v| v.codes.len()).sum(),
            Act::ReplaceCode { .. } => 1,
            _ => 0,
        }
    }

    /// The most transfers that it may make, but for those of devices.
    #[must_use]
    pub fn transfers_max(&self) -> usize {
        1 + self.new_codes() + self.code_ids().len()
    }
}

/// The vouchers of a paid order.
#[derive(Debug, Clone)]
pub struct Fulfilment {
    pub order_id: i64,
    pub company_id: i64,
    /// Who ordered: the vouchers' maker.
    pub buyer_id: i64,
    pub expires_at: Moment,
    pub vouchers: Vec<Voucher>,
}

/// The codes of one line of an order, each with the same content.
#[derive(Debug, Clone)]
pub struct Voucher {
    pub line: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    /// The codes' comment.
    pub name: String,
    pub codes: Vec<NewCode>,
}

/// A code that does not exist yet, with its keyed hashes.
#[derive(Debug, Clone)]
pub struct NewCode {
    pub code: Code,
    pub tag: Tag,
    pub suffix_tag: i64,
}

/// One key under which wrong codes are counted.
#[derive(Debug, Clone)]
pub struct Limit {
    pub key: String,
    pub policy: &'static Policy,
}

/// One row of the ledger: units leave one account and enter another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: i64,
    pub actor: Actor,
    pub operation: String,
    pub seq: i64,
    pub fingerprint: Fingerprint,
    pub at: Moment,
    pub cause: Cause,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub from: (i64, Kind),
    pub to: (i64, Kind),
    pub from_balance: i64,
    pub to_balance: i64,
    pub from_name: String,
    pub to_name: String,
    pub code_id: Option<i64>,
    pub device_id: Option<i64>,
    /// A few words; of a device, its serial number or name as it was.
    pub memo: String,
    /// Of a redemption, the pool that it filled.
    pub filled: Option<Filled>,
}

/// A pool right after a redemption filled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub received_total: i64,
    pub in_codes: i64,
    /// The company above its company, as it was called then.
    pub parent_name: Option<String>,
}

/// The balance that an operation left: of where its units went, after it has served whoever waited for
/// them; or of where they came from, for codes. 0 where it moved nothing.
#[must_use]
pub fn balance_after(transfers: &[Transfer]) -> i64 {
    let Some(first) = transfers.first() else { return 0 };
    match first.cause {
        Cause::CreateCode => transfers.last().map_or(0, |t| t.from_balance),
        _ => {
            let spent = transfers.iter().skip(1).rfind(|t| t.cause == Cause::Spend && t.from == first.to);
            spent.map_or(first.to_balance, |t| t.from_balance)
        }
    }
}

/// Why an operation was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The source has fewer units than asked for.
    NotEnough {
        has: i64,
        resource_type: ResourceType,
        company: String,
    },
    SameCompany,
    /// No such company in the actor's tree.
    UnknownSource,
    UnknownTarget,
    AmountOutOfRange,
    /// A balance would pass 2^63.
    Overflow,
    UnknownCode,
    CodeUsed {
        at: Option<Moment>,
    },
    CodeExpired {
        at: Option<Moment>,
    },
    /// Deleting what is no longer unused.
    CodeNotUnused {
        status: CodeStatus,
    },
    TooManyAttempts {
        until: Moment,
    },
    /// The operation's key was used for another request.
    KeyReused,
    /// Only the root company issues.
    NotIssuer,
    /// No such device in the actor's tree, or it has changed at this very moment.
    UnknownDevice,
    /// A voucher of an order is not deleted: it is cancelled or replaced.
    CodeOfOrder,
    /// Only vouchers of an order are cancelled or replaced.
    NotOfOrder,
}

/// What an operation did, or had done when it was first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub transfers: Vec<Transfer>,
    pub replayed: bool,
}
