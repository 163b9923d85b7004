//! What is wrong with the data that stand on an invoice.

use super::{Worded, invalid, missing};
use crate::model::refusal::BillingReason;

pub(super) fn billing(reason: &BillingReason) -> Worded {
    match reason {
        BillingReason::MissingAddress => missing("Enter an address: street, postal code and town."),
        BillingReason::MissingBankAccount => {
            missing("Enter where buyers pay to, such as the IBAN and the bank's name.")
        }
        BillingReason::UnknownCountry => invalid("NOT_A_CHOICE", "Choose a country."),
    }
}
