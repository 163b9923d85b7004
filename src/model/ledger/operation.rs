//! Requests to the ledger, and their results.

use super::command::Command;
use super::words::{Cause, Kind};
use crate::model::code::Code;
use crate::model::resources::ResourceType;
use crate::model::throttle::Policy;
use crate::model::time::Moment;

/// A code's keyed hash: finds the code without making it readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub [u8; 16]);

/// Who acts: the user and the user's company, the address, and the access token if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorFacts {
    pub user_id: i64,
    pub company_id: i64,
    pub address: String,
    pub token_id: Option<i64>,
}

impl ActorFacts {
    /// The user id of the portal itself, which renews devices. No user has it; the database stores null.
    pub const PORTAL: i64 = 0;

    /// The portal itself, acting for the root company.
    #[must_use]
    pub fn portal(root_id: i64) -> ActorFacts {
        ActorFacts { user_id: ActorFacts::PORTAL, company_id: root_id, address: String::new(), token_id: None }
    }
}

/// A keyed hash of a request's canonical form: distinguishes a retry from another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 16]);

/// One change of balances, requested once. (actor, key) is its identity.
#[derive(Debug, Clone)]
pub struct Operation {
    pub actor: ActorFacts,
    pub id: String,
    pub fingerprint: Fingerprint,
    pub at: Moment,
    pub command: Command,
}

/// The codes of one order line, all with the same content.
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
#[derive(Debug, Clone, PartialEq)]
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
    pub actor: ActorFacts,
    pub operation_id: String,
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
    /// A few words; for a device, its serial number or name at the time.
    pub memo: String,
    /// For a redemption, the pool that it filled.
    pub filled: Option<Filled>,
}

/// A pool right after a redemption filled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    pub received_total: i64,
    pub in_codes: i64,
    /// The parent company's name at the time.
    pub parent_name: Option<String>,
}

/// The balance that an operation left: where its units went, after serving waiting devices; for codes, where they came
/// from. 0 if it moved nothing.
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

/// What an operation did, now or when it was first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub transfers: Vec<Transfer>,
    pub replayed: bool,
}
