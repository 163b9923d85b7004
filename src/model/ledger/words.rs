//! The ledger's vocabulary: kinds of accounts, states of a code, causes of a transfer.

/// What an account holds units for. The numbers are those in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The balance: what the company can use now.
    Available = 0,
    /// Locked in the company's unused codes.
    InCodes = 1,
    /// Used by its devices.
    Spent = 2,
    /// In vouchers that nobody redeemed in time.
    Expired = 3,
    /// Units that the operator created. Only the root company has it, and its balance is negative.
    Issued = 4,
}

impl TryFrom<i64> for Kind {
    type Error = UnknownKind;

    fn try_from(number: i64) -> Result<Self, UnknownKind> {
        [Kind::Available, Kind::InCodes, Kind::Spent, Kind::Expired, Kind::Issued]
            .into_iter()
            .find(|k| *k as i64 == number)
            .ok_or(UnknownKind(number))
    }
}

/// A number that no kind of account has.
#[derive(Debug, thiserror::Error)]
#[error("there is no kind of account {0}")]
pub struct UnknownKind(i64);

/// A number that no code status has.
#[derive(Debug, thiserror::Error)]
#[error("there is no status of a code {0}")]
pub struct UnknownStatus(i64);

/// The states of a code. The numbers are those in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeStatus {
    Unused = 0,
    Used = 1,
    Expired = 2,
    Deleted = 3,
    Cancelled = 4,
    Replaced = 5,
}

impl CodeStatus {
    pub const ALL: [CodeStatus; 6] = [
        CodeStatus::Unused,
        CodeStatus::Used,
        CodeStatus::Expired,
        CodeStatus::Deleted,
        CodeStatus::Cancelled,
        CodeStatus::Replaced,
    ];

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            CodeStatus::Unused => "Unused",
            CodeStatus::Used => "Used",
            CodeStatus::Expired => "Expired",
            CodeStatus::Deleted => "Deleted",
            CodeStatus::Cancelled => "Cancelled",
            CodeStatus::Replaced => "Replaced",
        }
    }

    /// The word in addresses and in the API.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            CodeStatus::Unused => "unused",
            CodeStatus::Used => "used",
            CodeStatus::Expired => "expired",
            CodeStatus::Deleted => "deleted",
            CodeStatus::Cancelled => "cancelled",
            CodeStatus::Replaced => "replaced",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<CodeStatus> {
        CodeStatus::ALL.into_iter().find(|s| s.slug() == slug)
    }
}

impl TryFrom<i64> for CodeStatus {
    type Error = UnknownStatus;

    fn try_from(number: i64) -> Result<Self, UnknownStatus> {
        CodeStatus::ALL.into_iter().find(|s| *s as i64 == number).ok_or(UnknownStatus(number))
    }
}

/// What caused a transfer. The words are those of the database and the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    Issue,
    Move,
    CreateCode,
    DeleteCode,
    Redeem,
    /// A device takes a unit.
    Spend,
    /// A paid order's units are created in its vouchers, or in the buyer's own pool.
    Fulfil,
    /// Nobody redeemed a voucher in time.
    Expire,
    /// A voucher, or what was bought for the own pool, goes back to the vendor.
    Cancel,
    /// From a lost voucher to its replacement.
    Replace,
    /// A company buys data for credits.
    BuyData,
}

impl Cause {
    pub const ALL: [Cause; 11] = [
        Cause::Issue,
        Cause::Move,
        Cause::CreateCode,
        Cause::DeleteCode,
        Cause::Redeem,
        Cause::Spend,
        Cause::Fulfil,
        Cause::Expire,
        Cause::Cancel,
        Cause::Replace,
        Cause::BuyData,
    ];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Cause::Issue => "issue",
            Cause::Move => "move",
            Cause::CreateCode => "create_code",
            Cause::DeleteCode => "delete_code",
            Cause::Redeem => "redeem",
            Cause::Spend => "spend",
            Cause::Fulfil => "fulfil",
            Cause::Expire => "expire",
            Cause::Cancel => "cancel",
            Cause::Replace => "replace",
            Cause::BuyData => "buy_data",
        }
    }

    /// Whether the target receives units. Those that return from a code, or stay in codes, were received before.
    #[must_use]
    pub fn is_receipt(self) -> bool {
        !matches!(self, Cause::DeleteCode | Cause::Cancel | Cause::Replace)
    }

    /// The verb of the notice: "VERB operation completed successfully."
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Cause::Issue => "Issue",
            Cause::Move => "Move",
            Cause::CreateCode => "Create",
            Cause::DeleteCode => "Delete",
            Cause::Redeem => "Activate",
            Cause::Spend => "Extend",
            Cause::Fulfil => "Fulfil",
            Cause::Expire => "Expire",
            Cause::Cancel => "Cancel",
            Cause::Replace => "Replace",
            Cause::BuyData => "Buy data",
        }
    }
}

impl TryFrom<String> for Cause {
    type Error = UnknownCause;

    fn try_from(slug: String) -> Result<Self, UnknownCause> {
        Cause::ALL.into_iter().find(|c| c.slug() == slug).ok_or(UnknownCause(slug))
    }
}

/// An unknown cause.
#[derive(Debug, thiserror::Error)]
#[error("there is no cause {0:?}")]
pub struct UnknownCause(String);
