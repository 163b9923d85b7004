//! Problems with the data on invoices, and what was done to it.

use super::{Notice, Worded, invalid, missing};
use crate::model::event::BillingEvent;
use crate::model::refusal::BillingReason;

pub(super) fn billing(reason: &BillingReason) -> Worded {
    match reason {
        BillingReason::MissingAddress => missing("Enter an address: street, postal code and town."),
        BillingReason::MissingBankAccount => {
            missing("Enter where buyers pay to, such as the IBAN and the bank's name.")
        }
        BillingReason::NotEntered => invalid(
            "NO_BILLING_DATA",
            "There is no billing data yet. Place one order for your own pool first: it asks for it.",
        ),
        BillingReason::UnknownCountry => invalid("NOT_A_CHOICE", "Choose a country."),
    }
}

pub(super) fn event(event: &BillingEvent) -> Notice {
    let text = match event {
        BillingEvent::SellerSaved { name } => format!("New invoices come from {name}."),
        BillingEvent::BuyerSaved { company, name } => {
            format!("New invoices of {company} are made out to {name}.")
        }
    };
    Notice::done("Save", text)
}
