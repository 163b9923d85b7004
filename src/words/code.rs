//! Why a text is not a code, or not one that can be used.

use super::{Worded, invalid, missing};
use crate::model::code::CodeError;
use crate::model::refusal::CodeReason;

pub(super) fn code(reason: &CodeReason) -> Worded {
    match reason {
        CodeReason::Text(CodeError::Missing) => missing("Enter the code."),
        CodeReason::Text(CodeError::Malformed) => invalid(
            "NOT_A_CODE",
            "This is not a code: a code has 20 letters and digits, in five groups of four.",
        ),
        CodeReason::Text(CodeError::Mistyped) => invalid(
            "CODE_MISTYPED",
            "A character of the code is mistyped. Compare it with what you were given.",
        ),
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
