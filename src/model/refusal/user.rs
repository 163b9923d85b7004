//! What is wrong with an account, with signing in to it, and with its access tokens and applications.

use crate::model::network::NetworkError;
use crate::model::oauth::RedirectError;
use crate::model::time::Moment;
use crate::model::user::{EmailError, PasswordError};

#[derive(Debug, Clone)]
pub enum UserReason {
    Email(EmailError),
    EmailTaken,
    UnknownTimeZone,
    /// Nobody would be left to administer the company.
    LastAdministrator,
    /// Administrators cannot disable or demote themselves.
    OwnAccount,
    /// The person's role allows more than the actor's.
    MayMore,
    Password(PasswordError),
    /// The two new passwords differ.
    PasswordsDiffer,
    WrongPassword,
}

#[derive(Debug, Clone)]
pub enum RoleReason {
    /// There is none, or it is not for people of the company.
    Unknown,
    TitleMissing,
    TitleTaken,
    /// The company has as many as it may.
    ListFull,
    UnknownPermission(String),
    /// The permissions are more than the actor has.
    Lacking,
    /// It allows more than the giver's own role.
    TooHigh,
    BuiltIn,
    /// The actor has it.
    Own,
    /// It belongs to a company above, or allows more than the actor's role.
    NotYours,
    /// People have it.
    InUse,
}

#[derive(Debug, Clone)]
pub enum SignInReason {
    Failed,
    Wait {
        until: Moment,
    },
    /// Only a reset link helps.
    ResetNeeded,
    /// The second step came too late, or the account has changed since the password was entered.
    Lapsed,
    /// A link that was used, replaced or has expired.
    LinkDead,
}

#[derive(Debug, Clone)]
pub enum SecondFactorReason {
    /// Not six digits.
    MalformedCode,
    WrongCode,
    MalformedRecoveryCode,
    WrongRecoveryCode,
    /// No second factor is turned on.
    Off,
    /// The company demands it, so it stays on.
    Demanded,
    /// A company above demands it, so it stays demanded.
    DemandedAbove {
        company: String,
    },
    NoMail,
}

#[derive(Debug, Clone)]
pub enum TokenReason {
    /// Access tokens are for people with a second factor.
    SecondFactorNeeded,
    TooMany {
        maximum: i64,
    },
    UnknownScope(String),
    NoScope,
    Networks(NetworkError),
}

#[derive(Debug, Clone)]
pub enum ApplicationReason {
    TooMany {
        maximum: i64,
    },
    UnknownType,
    Redirects(RedirectError),
    /// A public application has no secret, so anybody could act as its service user.
    PublicService,
    /// A public application has no secret to renew.
    Public,
    /// The application that sent the person here is not registered.
    Unknown,
    /// It wants the answer at an address that is not registered.
    UnknownRedirect,
}
