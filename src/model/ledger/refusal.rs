//! Why an operation does not happen.

use super::operation::Tag;
use super::state::AccountKey;
use super::words::CodeStatus;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// Why an operation was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The source has fewer units than requested.
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
    /// A balance would exceed 2^63.
    Overflow,
    UnknownCode,
    CodeUsed {
        at: Option<Moment>,
    },
    CodeExpired {
        at: Option<Moment>,
    },
    /// Deleting a code that is not unused.
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
    /// No such device in the actor's tree, or it changed at this very moment.
    UnknownDevice,
    /// An order's voucher cannot be deleted, only cancelled or replaced.
    CodeOfOrder,
    /// The payment of its order is disputed.
    CodeDisputed,
    /// Only an order's vouchers can be cancelled or replaced.
    NotOfOrder,
}

/// What an operation touched although its footprint does not name it: a bug that would otherwise become a wrong
/// balance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unloaded {
    #[error("the footprint lacks {0:?}")]
    Account(AccountKey),
    #[error("the footprint lacks company {0}")]
    Company(i64),
    #[error("the footprint lacks a code, {0:?}")]
    Tag(Tag),
    #[error("the footprint lacks code {0}")]
    Code(i64),
    #[error("the footprint lacks device {0}")]
    Device(i64),
    #[error("the footprint lacks the devices that wait for {1:?} of company {0}")]
    Arrivals(i64, ResourceType),
    #[error("the footprint lacks the wrong codes of {0}")]
    Attempts(String),
    #[error("the footprint has too few ids")]
    Ids,
}

/// Why a command is not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stop {
    #[error("refused: {0:?}")]
    Refused(Refusal),
    #[error(transparent)]
    Unloaded(#[from] Unloaded),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}
