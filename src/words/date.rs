//! Why a text is not a day or a period.

use super::{Worded, invalid};
use crate::model::amount::grouped;
use crate::model::month::{PERIOD_MONTHS_MAX, PeriodError};
use crate::model::refusal::DateReason;

pub(super) fn date(reason: &DateReason) -> Worded {
    match reason {
        DateReason::NotADay => invalid("NOT_A_DATE", "Enter a day such as 2026-11-21."),
        DateReason::Past => invalid("PAST", "Enter a day that has not passed."),
        DateReason::TooManyRows { maximum } => {
            let maximum = grouped(*maximum as i64);
            invalid("TOO_MANY_ROWS", format!("The report has more than {maximum} rows. Choose a shorter period."))
        }
        DateReason::Period(error) => invalid("NOT_A_PERIOD", period(*error)),
    }
}

fn period(error: PeriodError) -> String {
    match error {
        PeriodError::Unreadable => "Enter a month such as 2026-11.".into(),
        PeriodError::Backwards => "Choose the first month or a later one.".into(),
        PeriodError::TooLong => {
            format!("Choose {PERIOD_MONTHS_MAX} months or fewer: begin later, or end earlier.")
        }
    }
}
