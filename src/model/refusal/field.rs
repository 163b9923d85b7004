//! What is wrong with a form, or with what was typed into a field.

use crate::model::amount::AmountError;
use crate::model::code::CodeError;
use crate::model::month::PeriodError;

/// The form itself, whatever was typed into it.
#[derive(Debug, Clone)]
pub enum FormReason {
    /// It belongs to another session or was altered.
    Foreign,
    KeyReused,
    /// The machine's clock has leapt since the operator looked at it.
    ClockMoved,
}

/// A value that any field may have.
#[derive(Debug, Clone)]
pub enum FieldReason {
    Missing,
    TooLong {
        maximum: usize,
    },
    /// Control characters, or such that turn the direction of others.
    HiddenCharacters,
    NotBetween {
        minimum: i64,
        maximum: i64,
    },
    /// A value that a program sent, of the wrong kind.
    NotANumber,
    NotAText,
    NotAList,
    NotAChoice {
        choices: &'static str,
    },
    /// More than can be done at once.
    TooMany {
        maximum: usize,
    },
    NothingToChange,
}

#[derive(Debug, Clone)]
pub enum DateReason {
    /// A text that is no day, such as 2026-11-21.
    NotADay,
    Past,
    Period(PeriodError),
}

#[derive(Debug, Clone)]
pub enum ResourceReason {
    Amount(AmountError),
    MissingType,
    UnknownType,
}

#[derive(Debug, Clone)]
pub enum CodeReason {
    Text(CodeError),
    /// No code that could be activated now.
    Unusable,
    /// A code was searched for where none is found.
    Searched,
}
