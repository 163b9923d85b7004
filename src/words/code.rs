//! Why a text is no code, or no usable one, and what was done to codes.

use super::{Notice, Worded, invalid, missing};
use crate::model::amount::grouped;
use crate::model::code::CodeError;
use crate::model::event::CodeEvent;
use crate::model::refusal::CodeReason;

pub(super) fn code(reason: &CodeReason) -> Worded {
    match reason {
        CodeReason::Text(CodeError::Missing) => missing("Enter the code."),
        CodeReason::Text(CodeError::Malformed) => {
            invalid("NOT_A_CODE", "This is not a code: a code has 20 letters and digits, in five groups of four.")
        }
        CodeReason::Text(CodeError::Mistyped) => {
            invalid("CODE_MISTYPED", "A character of the code is mistyped. Compare it with what you were given.")
        }
        CodeReason::NoneChosen => invalid("NOTHING_CHOSEN", "Choose at least one code."),
        CodeReason::Unusable => {
            invalid("UNKNOWN_CODE", "There is no unused code like this. Compare it with what you were given.")
        }
        CodeReason::Searched => invalid(
            "UNKNOWN_CODE",
            "What you searched for is a code, and none of your companies has it. Codes are searched for in the \
             list of codes, and activated under Redeem code.",
        ),
    }
}

pub(super) fn event(event: &CodeEvent) -> Notice {
    match event {
        CodeEvent::CommentSaved => Notice::done("Update", "The comment was saved."),
        CodeEvent::BatchOrdered { count, company } => {
            Notice::done("Create", format!("{} codes are being made for {company}.", grouped(*count)))
        }
        CodeEvent::BatchCancelled { was_over: true } => {
            Notice::done("Cancel", "It was over already. What was made stays.")
        }
        CodeEvent::BatchCancelled { was_over: false } => {
            Notice::done("Cancel", "The rest is not made. What was made stays.")
        }
    }
}
