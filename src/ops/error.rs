//! What an act or a read answers when it does not do what was asked.

use crate::model::amount::AmountError;
use crate::model::code::CodeError;
use crate::model::company::NameError;
use crate::model::import::FileError;
use crate::model::ledger::Refusal;
use crate::model::licence::LicenceRefusal;
use crate::model::money::MoneyError;
use crate::model::month::PeriodError;
use crate::model::network::NetworkError;
use crate::model::order::OrderError;
use crate::model::product::ModelsError;
use crate::model::text::TextError;
use crate::model::time::Moment;
use crate::model::user::{EmailError, PasswordError};
use crate::store::companies::CompanyName;
use crate::store::db::DbError;
use crate::writer::WriteError;

/// A reason with its data; worded at the door.
#[derive(Debug, Clone)]
pub enum Reason {
    Ledger(Refusal),
    Amount(AmountError),
    Code(CodeError),
    Name(NameError),
    Email(EmailError),
    Password(PasswordError),
    /// The two new passwords differ.
    PasswordsDiffer,
    WrongPassword,
    Order(OrderError),
    Licence(LicenceRefusal),
    MissingType,
    UnknownType,
    MissingCompany,
    UnknownCompany,
    /// The text fits several companies.
    AmbiguousCompany(Vec<CompanyName>),
    /// A company cannot be put under itself.
    UnderItself,
    TooDeep,
    NameTaken,
    EmailTaken,
    UnknownRole,
    UnknownTimeZone,
    TooLong {
        maximum: usize,
    },
    /// Control characters, or such that turn the direction of others.
    HiddenCharacters,
    /// No code that could be activated now.
    UnusableCode,
    /// A code was searched for where none is found.
    SearchedCode,
    /// A line's product is not offered any more.
    Withdrawn {
        name: String,
    },
    /// The VAT is another one than when the draft was made: it was recalculated.
    VatChanged,
    /// A company above demands two-factor authentication, so it stays demanded.
    DemandedAbove {
        company: String,
    },
    /// Nobody would be left to administer the company.
    LastAdministrator,
    /// An administrator may not disable or demote the own account.
    OwnAccount,
    /// A link that was used, replaced or is too old.
    LinkDead,
    /// The form belongs to another session or was altered.
    FormForeign,
    KeyReused,
    SignInFailed,
    /// Not six digits.
    MalformedSecondFactor,
    WrongSecondFactor,
    MalformedRecoveryCode,
    WrongRecoveryCode,
    /// The second step came too late, or the account has changed since the password.
    SignInLapsed,
    /// There is no second factor to do this with.
    SecondFactorOff,
    /// The company demands it, so it stays on.
    SecondFactorDemanded,
    NoMail,
    Wait {
        until: Moment,
    },
    /// Only a reset link helps.
    ResetNeeded,
    NothingChosen,
    /// Access tokens are for people with a second factor.
    SecondFactorNeeded,
    TooManyTokens {
        maximum: i64,
    },
    UnknownScope(String),
    NoScope,
    Networks(NetworkError),
    /// A text that is no day, such as 2026-11-21.
    UnknownDay,
    Period(PeriodError),
    PastDay,
    /// A value that a program sent, of the wrong kind.
    NotANumber,
    NotAText,
    NotAList,
    UnknownDevice,
    /// A device for which several rows ask.
    RepeatedDevice,
    NothingToChange,
    NotBetween {
        minimum: i64,
        maximum: i64,
    },
    Missing,
    NotAChoice {
        choices: &'static str,
    },
    NoDeviceChosen,
    Money(MoneyError),
    /// A product without any price.
    NoPrice,
    UnknownCurrency,
    UnknownVatClass,
    VatClassTaken,
    MalformedRate,
    Models(ModelsError),
    /// Somebody else has changed the product since its form was opened: what it is now.
    ProductChanged {
        version: i64,
        by: String,
        name: String,
        prices: String,
    },
    /// A list that can take no more.
    ListFull {
        maximum: usize,
    },
    MissingAddress,
    MissingBankAccount,
    UnknownCountry,
    /// A file of devices that cannot be read.
    File(FileError),
    MissingSerial,
    MissingApartment,
    SerialTaken,
    UnknownService,
    /// An apartment runs on apartment subscriptions, a device on all else.
    UnsuitableService,
    /// More than can be done at once.
    TooMany {
        maximum: usize,
    },
    /// The machine's clock has leapt since the operator looked at it.
    ClockMoved,
    /// The first obstacle of each company that cannot be removed.
    Obstacles(Vec<Obstacle>),
}

/// What stands in the way of removing a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub company_id: i64,
    pub company: String,
    pub what: ObstacleKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    Root,
    OwnCompany,
    Balance,
    UnusedCodes(i64),
    Subsidiaries(i64),
    Users(i64),
    Devices(i64),
    /// Orders that wait for their payment.
    OpenOrders(i64),
}

/// Why it was not done. But for [`OpError::OutcomeUnknown`], nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// A reason, and the field that it belongs to.
    #[error("refused: {1:?} at {0}")]
    Refused(&'static str, Reason),
    /// Several fields are wrong at once.
    #[error("refused: {0:?}")]
    Invalid(Vec<(&'static str, Reason)>),
    /// There is no such thing in the actor's tree.
    #[error("not found")]
    NotFound,
    /// The actor's role does not allow it.
    #[error("forbidden")]
    Forbidden,
    #[error("the database cannot take a write now")]
    Unavailable,
    /// The database did not say whether it happened: it may have, or may happen still.
    #[error("the database did not say whether it happened")]
    OutcomeUnknown,
    /// Two processes met, or the connection was lost; the whole act may be tried again. Two requests with one key meet so too:
    /// the second then finds what the first has stored.
    #[error("two writes met")]
    Collision,
    #[error("internal: {0}")]
    Internal(String),
}

pub type OpResult<T> = Result<T, OpError>;

impl From<DbError> for OpError {
    fn from(error: DbError) -> OpError {
        if error.is_outcome_unknown() {
            tracing::error!(%error, "the outcome of a write is unknown");
            OpError::OutcomeUnknown
        } else if error.is_retryable() || error.is_unique_violation() {
            tracing::debug!(%error, "a write may be tried again");
            OpError::Collision
        } else if error.is_disk_full() {
            OpError::Unavailable
        } else if error.is_unavailable() {
            tracing::error!(%error, "the database is unavailable");
            OpError::Unavailable
        } else {
            OpError::Internal(error.to_string())
        }
    }
}

impl From<WriteError> for OpError {
    fn from(error: WriteError) -> OpError {
        match error {
            WriteError::Refused(refusal) => OpError::Refused(field_of(&refusal), Reason::Ledger(refusal)),
            WriteError::Unavailable => OpError::Unavailable,
            WriteError::OutcomeUnknown => OpError::OutcomeUnknown,
            WriteError::Failed(error) => OpError::Internal(error.to_string()),
        }
    }
}

/// Why a text is refused; `missing` where there is none.
pub(super) fn text_reason(error: TextError, missing: Reason) -> Reason {
    match error {
        TextError::Missing => missing,
        TextError::TooLong { maximum } => Reason::TooLong { maximum },
        TextError::Hidden => Reason::HiddenCharacters,
    }
}

/// Refuses with one reason.
pub fn refuse<T>(field: &'static str, reason: Reason) -> OpResult<T> {
    Err(OpError::Refused(field, reason))
}

/// The field of a form that a ledger's refusal belongs to.
fn field_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotEnough { .. } | Refusal::AmountOutOfRange | Refusal::Overflow => "amount",
        Refusal::UnknownSource => "from",
        Refusal::SameCompany | Refusal::UnknownTarget => "to",
        Refusal::UnknownCode
        | Refusal::CodeUsed { .. }
        | Refusal::CodeExpired { .. }
        | Refusal::CodeNotUnused { .. }
        | Refusal::CodeOfOrder
        | Refusal::NotOfOrder
        | Refusal::TooManyAttempts { .. } => "code",
        Refusal::UnknownDevice => "device",
        Refusal::KeyReused | Refusal::NotIssuer => "",
    }
}

/// Collects what is wrong in each field, so that a person hears all of it at once.
#[derive(Default)]
pub struct Problems(Vec<(&'static str, Reason)>);

impl Problems {
    /// Takes a value, or notes why the field has none.
    pub fn take<T>(&mut self, field: &'static str, value: Result<T, Reason>) -> Option<T> {
        value.map_err(|reason| self.0.push((field, reason))).ok()
    }

    pub fn add(&mut self, field: &'static str, reason: Reason) {
        self.0.push((field, reason));
    }

    /// Goes on where nothing was noted.
    ///
    /// # Errors
    /// All that was noted.
    pub fn finish(self) -> OpResult<()> {
        if self.0.is_empty() { Ok(()) } else { Err(OpError::Invalid(self.0)) }
    }
}
