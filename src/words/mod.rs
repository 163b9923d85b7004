//! The wording of reasons, events and states. For a person, a reason is a sentence: what happened and what to do; the
//! form says above it that nothing was changed. For a program, it is a code, which never changes. Each noun has a file
//! that puts the two side by side. For a person, an event is a notice.

mod application;
mod billing;
mod code;
mod company;
mod date;
mod device;
mod form;
mod import;
pub mod job;
mod ledger;
mod licence;
mod notice;
mod order;
mod product;
mod resources;
mod role;
mod sign_in;
mod tag;
mod token;
mod top_up;
mod user;

use std::borrow::Cow;

pub use company::{data, missing_company, own_purchases};
pub use import::row_error;
pub use ledger::transfers;
pub use notice::{Notice, event};
pub use order::{codes, dispute, units, unmade_codes};
pub use resources::coverage;
pub use top_up::{top_up, top_up_stopped};
pub use user::password_help;

use crate::model::refusal::{CompanyReason, Reason};

/// A reason, for people and for programs.
#[derive(Debug)]
pub struct Worded {
    pub code: &'static str,
    pub sentence: Cow<'static, str>,
    pub status: Status,
}

/// What a program first distinguishes reasons by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The input is wrong.
    Invalid,
    Forbidden,
    /// The named object does not exist, or is hidden from the caller.
    NotFound,
    /// The named object is in the wrong state for this.
    Conflict,
    TooManyAttempts,
}

/// A reason as a sentence and a code.
#[must_use]
pub fn reason(reason: &Reason) -> Worded {
    match reason {
        Reason::Ledger(refusal) => ledger::refusal(refusal),
        Reason::Form(reason) => form::form(reason),
        Reason::Field(reason) => form::field(reason),
        Reason::Date(reason) => date::date(reason),
        Reason::Resource(reason) => resources::resource(reason),
        Reason::Code(reason) => code::code(reason),
        Reason::Name(error) => company::name(*error),
        Reason::Company(reason) => company::company(reason),
        Reason::User(reason) => user::user(reason),
        Reason::SignIn(reason) => sign_in::sign_in(reason),
        Reason::SecondFactor(reason) => sign_in::second_factor(reason),
        Reason::Token(reason) => token::token(reason),
        Reason::Application(reason) => application::application(reason),
        Reason::Role(reason) => role::role(reason),
        Reason::Device(reason) => device::device(reason),
        Reason::Tag(reason) => tag::tag(reason),
        Reason::Import(error) => import::file(error),
        Reason::Money(error) => product::money(*error),
        Reason::Product(reason) => product::product(reason),
        Reason::Billing(reason) => billing::billing(reason),
        Reason::Order(reason) => order::order(reason),
        Reason::Licence(refusal) => licence::licence(refusal),
    }
}

/// A reason's parts: one, except that each obstacle of companies is a part of its own.
#[must_use]
pub fn parts(reason: &Reason) -> Vec<Worded> {
    match reason {
        Reason::Company(CompanyReason::Obstacles(obstacles)) => obstacles.iter().map(company::obstacle).collect(),
        reason => vec![self::reason(reason)],
    }
}

fn invalid(code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Worded {
    Worded { code, sentence: sentence.into(), status: Status::Invalid }
}

/// A required field is empty.
fn missing(sentence: &'static str) -> Worded {
    invalid("MISSING", sentence)
}

fn not_found(code: &'static str, sentence: &'static str) -> Worded {
    Worded { status: Status::NotFound, ..invalid(code, sentence) }
}

fn conflict(code: &'static str, sentence: impl Into<Cow<'static, str>>) -> Worded {
    Worded { status: Status::Conflict, ..invalid(code, sentence) }
}

fn forbidden(sentence: &'static str) -> Worded {
    Worded { status: Status::Forbidden, ..invalid("FORBIDDEN", sentence) }
}

fn too_many_attempts(sentence: &'static str) -> Worded {
    Worded { status: Status::TooManyAttempts, ..invalid("TOO_MANY_ATTEMPTS", sentence) }
}
