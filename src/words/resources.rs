//! Problems with an amount or a resource type, and how long a balance lasts.

use super::{Worded, invalid, missing};
use crate::model::amount::{AMOUNT_MAX, AmountError, grouped};
use crate::model::coverage::Coverage;
use crate::model::refusal::ResourceReason;

pub(super) fn resource(reason: &ResourceReason) -> Worded {
    match reason {
        ResourceReason::Amount(AmountError::Missing) => missing("Enter an amount."),
        ResourceReason::Amount(AmountError::NotWhole) => invalid("NOT_WHOLE", "Enter a whole number, such as 5."),
        ResourceReason::Amount(AmountError::OutOfRange) => out_of_range(),
        ResourceReason::MissingType => missing("Choose a type."),
        ResourceReason::UnknownType => invalid("UNKNOWN_TYPE", "There is no such type. Choose one of the list."),
    }
}

pub(super) fn out_of_range() -> Worded {
    invalid("OUT_OF_RANGE", format!("Enter a whole number from 1 to {}.", grouped(AMOUNT_MAX)))
}

/// How long a balance lasts.
#[must_use]
pub fn coverage(coverage: &Coverage) -> String {
    if coverage.is_used_up {
        "used up".to_owned()
    } else if coverage.is_beyond {
        "over 100 years".to_owned()
    } else {
        format!("until {}", coverage.until.readable_date(&jiff::tz::TimeZone::UTC))
    }
}
