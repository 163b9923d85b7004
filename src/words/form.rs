//! Problems with a form as such, or with a value that any field may have.

use super::{Worded, invalid, missing};
use crate::model::amount::grouped;
use crate::model::refusal::{FieldReason, FormReason};

pub(super) fn form(reason: &FormReason) -> Worded {
    match reason {
        FormReason::Foreign => invalid("FORM_FOREIGN", "This form is out of date. Reload the page."),
        FormReason::KeyReused => key_reused(),
        FormReason::ClockMoved => {
            invalid("CLOCK", "The clock has moved on since this page was opened. Look at it again.")
        }
    }
}

pub(super) fn field(reason: &FieldReason) -> Worded {
    match reason {
        FieldReason::Missing => missing("This is missing."),
        FieldReason::TooLong { maximum } => {
            invalid("TOO_LONG", format!("Enter {} characters or fewer.", grouped(*maximum as i64)))
        }
        FieldReason::HiddenCharacters => hidden_characters(),
        FieldReason::NotBetween { minimum, maximum } => invalid(
            "OUT_OF_RANGE",
            format!("Enter a whole number from {} to {}.", grouped(*minimum), grouped(*maximum)),
        ),
        FieldReason::NotANumber => invalid("NOT_A_NUMBER", "Give a whole number."),
        FieldReason::NotAText => invalid("NOT_A_TEXT", "Give a text."),
        FieldReason::NotAList => invalid("NOT_A_LIST", "Give a list of objects."),
        FieldReason::NotAChoice { choices } => invalid("NOT_A_CHOICE", format!("Give one of: {choices}.")),
        FieldReason::TooMany { maximum } => {
            invalid("TOO_MANY", format!("Choose {} or fewer at once.", grouped(*maximum as i64)))
        }
        FieldReason::NothingToChange => invalid("NOTHING_TO_CHANGE", "Give at least one field to change."),
    }
}

pub(super) fn hidden_characters() -> Worded {
    invalid(
        "HIDDEN_CHARACTERS",
        "This holds a character that cannot be seen, such as one that turns the direction of the text. Type it \
         again.",
    )
}

pub(super) fn key_reused() -> Worded {
    invalid("IDEMPOTENCY_KEY_REUSED", "This form was sent before with other values. Reload the page to start again.")
}
