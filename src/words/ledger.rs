//! Why the ledger refuses an operation.

use super::company::unknown_company;
use super::form::key_reused;
use super::resources::out_of_range;
use super::{Worded, conflict, forbidden, invalid, not_found, too_many_attempts};
use crate::model::amount::grouped;
use crate::model::ledger::Refusal;

pub(super) fn refusal(refusal: &Refusal) -> Worded {
    match refusal {
        Refusal::NotEnough { has, resource_type, company } => invalid(
            "NOT_ENOUGH",
            format!("{company} has {} {}. Enter that many or fewer.", grouped(*has), resource_type.label()),
        ),
        Refusal::SameCompany => invalid("SAME_COMPANY", "Choose another company than the one the resources come from."),
        Refusal::UnknownSource | Refusal::UnknownTarget => unknown_company(),
        Refusal::AmountOutOfRange => out_of_range(),
        Refusal::Overflow => invalid("OVERFLOW", "The balance would become too large."),
        Refusal::UnknownCode => {
            not_found("UNKNOWN_CODE", "There is no such code. Compare it with what you were given.")
        }
        Refusal::CodeUsed { at: Some(at) } => {
            conflict("CODE_USED", format!("This code was already used on {}.", at.exact()))
        }
        Refusal::CodeUsed { at: None } => conflict("CODE_USED", "This code was already used."),
        Refusal::CodeExpired { at: Some(at) } => {
            invalid("CODE_EXPIRED", format!("This code expired on {}.", at.exact()))
        }
        Refusal::CodeExpired { at: None } => invalid("CODE_EXPIRED", "This code has expired."),
        Refusal::CodeNotUnused { status } => conflict(
            "CODE_NOT_UNUSED",
            format!("This code is no longer unused: its status is {}.", status.label().to_lowercase()),
        ),
        Refusal::CodeOfOrder => conflict(
            "CODE_OF_ORDER",
            "This voucher was bought, so it is not deleted. Open its order under Payments to cancel or replace it.",
        ),
        Refusal::NotOfOrder => conflict(
            "CODE_NOT_OF_ORDER",
            "Only vouchers that were bought are cancelled or replaced. Delete this code instead.",
        ),
        Refusal::TooManyAttempts { .. } => too_many_attempts("Too many wrong codes. Wait a little, then try again."),
        Refusal::KeyReused => key_reused(),
        Refusal::NotIssuer => forbidden("Only the root company issues resources."),
        Refusal::UnknownDevice => {
            not_found("UNKNOWN_DEVICE", "A device is not among yours, or was changed at this moment. Reload the page.")
        }
    }
}
