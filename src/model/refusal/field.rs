//! What is wrong with a form, or with a field's value.

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

/// Faults that any field's value may have.
#[derive(Debug, Clone)]
pub enum FieldReason {
    Missing,
    TooLong {
        maximum: usize,
    },
    /// Control characters, or ones that reverse the direction of others.
    HiddenCharacters,
    NotBetween {
        minimum: i64,
        maximum: i64,
    },
    /// A value of the wrong type in an API request.
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
    /// A text that is not a day such as 2026-11-21.
    NotADay,
    Past,
    Period(PeriodError),
    /// A report on that period has more rows.
    TooManyRows {
        maximum: usize,
    },
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
    NoneChosen,
    /// No code that could be activated now.
    Unusable,
    /// The search text is a code that none of the companies has.
    Searched,
}
