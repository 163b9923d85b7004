//! What the ledger did, and why it refuses an operation.

use super::company::unknown_company;
use super::form::key_reused;
use super::resources::out_of_range;
use super::{Notice, Worded, conflict, forbidden, invalid, not_found, too_many_attempts};
use crate::model::amount::grouped;
use crate::model::ledger::{Cause, Refusal, Transfer, balance_after};

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
        Refusal::CodeDisputed => conflict(
            "CODE_DISPUTED",
            "The payment of this voucher is disputed, so it cannot be used now. Ask the person who gave it to you.",
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

/// The notice of an operation that moved units.
#[must_use]
pub fn transfers(transfers: &[Transfer]) -> Notice {
    let Some(first) = transfers.first() else { return Notice::done("", "") };
    let served = transfers.iter().skip(1).filter(|t| t.cause == Cause::Spend);
    let left = balance_after(transfers);
    let extended = match served.count() {
        0 => String::new(),
        1 => " 1 waiting device was extended at once.".to_owned(),
        n => format!(" {} waiting devices were extended at once.", grouped(n as i64)),
    };
    Notice::done(first.cause.verb(), sentence(first, transfers.len(), left) + &extended)
}

/// `left` is the balance after the whole operation, which may create several codes.
fn sentence(t: &Transfer, count: usize, left: i64) -> String {
    let units = format!("{} {}", grouped(t.amount), t.resource_type.label());
    match t.cause {
        Cause::Issue => format!("{units} issued to {}. The balance is now {}.", t.to_name, grouped(left)),
        Cause::Move => format!("{units} moved from {} to {}.", t.from_name, t.to_name),
        Cause::CreateCode if count > 1 => {
            let count = grouped(count as i64);
            format!("{count} codes of {units} each were created for {}. {} left.", t.from_name, grouped(left))
        }
        Cause::CreateCode => {
            format!("A code of {units} was created for {}. {} left.", t.from_name, grouped(left))
        }
        Cause::DeleteCode => {
            format!("{units} returned to {}. The balance is now {}.", t.to_name, grouped(left))
        }
        Cause::Redeem => format!("{units} added to {}. The balance is now {}.", t.to_name, grouped(left)),
        Cause::Spend => format!("{units} of {} used by {}.", t.from_name, t.memo),
        Cause::Fulfil if t.code_id.is_none() => {
            format!("{units} bought by {} were added to its pool. The balance is now {}.", t.to_name, grouped(left))
        }
        Cause::Fulfil => format!("Vouchers of {units} each were issued to {}.", t.to_name),
        Cause::Expire => format!("{units} of {} expired.", t.from_name),
        Cause::Cancel => format!("{units} of {} went back to the vendor.", t.from_name),
        Cause::BuyData => format!("{units} of {} became {}. {} left.", t.from_name, t.memo, grouped(left)),
        Cause::Replace => format!("The code of {units} was replaced. The old one no longer works."),
    }
}
