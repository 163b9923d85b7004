//! Why something is not done, as data: `words` says it.

use super::amount::AmountError;
use super::code::CodeError;
use super::company::{CompanyName, NameError};
use super::import::FileError;
use super::ledger::Refusal;
use super::licence::LicenceRefusal;
use super::money::MoneyError;
use super::month::PeriodError;
use super::network::NetworkError;
use super::order::OrderError;
use super::product::ModelsError;
use super::time::Moment;
use super::user::{EmailError, PasswordError};

/// A reason with its data.
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
