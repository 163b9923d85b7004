//! Problems with a price or a product, and what was done to the price list.

use super::{Notice, Worded, invalid, missing};
use crate::model::event::ProductEvent;
use crate::model::money::MoneyError;
use crate::model::product::{MODEL_LENGTH_MAX, MODELS_MAX, ModelsError};
use crate::model::refusal::ProductReason;

pub(super) fn product(reason: &ProductReason) -> Worded {
    match reason {
        ProductReason::NoPrice => {
            missing("Enter at least one price: for a device, for an apartment, or for another type.")
        }
        ProductReason::UnknownCurrency => invalid("NOT_A_CHOICE", "Choose a currency."),
        ProductReason::UnknownVatClass => {
            invalid("NOT_A_CHOICE", "Choose a VAT class. They are at the end of the price list.")
        }
        ProductReason::VatClassTaken => invalid("NAME_TAKEN", "Another VAT class has this name."),
        ProductReason::MalformedRate => invalid("NOT_A_PRICE", "Enter a rate between 0 and 100 %, such as 21 or 5.5."),
        ProductReason::Models(ModelsError::TooMany) => {
            invalid("TOO_LONG", format!("Name {MODELS_MAX} models or fewer, a line each."))
        }
        ProductReason::Models(ModelsError::TooLong) => {
            invalid("TOO_LONG", format!("Name one model on each line, in {MODEL_LENGTH_MAX} characters or fewer."))
        }
        ProductReason::Changed { by, name, prices, .. } => invalid(
            "CHANGED_MEANWHILE",
            format!(
                "{by} has changed this product since you opened it: it is now “{name}”, {prices}. What you typed is \
                 still below: save it again to replace that."
            ),
        ),
        ProductReason::ListFull { maximum } => {
            invalid("TOO_MANY", format!("The list has {maximum} entries, which is the most."))
        }
    }
}

pub(super) fn money(error: MoneyError) -> Worded {
    let not_a_price = |sentence: &'static str| invalid("NOT_A_PRICE", sentence);
    match error {
        MoneyError::Missing => missing("Enter a price."),
        MoneyError::NotMoney => not_a_price("Enter a price in figures, such as 12.50."),
        MoneyError::TooManyDigits { digits: 0 } => not_a_price("This currency has no digits after the point."),
        MoneyError::TooManyDigits { digits } => {
            invalid("NOT_A_PRICE", format!("Enter {digits} digits after the point or fewer, as the currency has."))
        }
        MoneyError::OutOfRange => not_a_price("Enter a smaller price."),
    }
}

pub(super) fn event(event: &ProductEvent) -> Notice {
    match event {
        ProductEvent::Added { name, currency, price } => {
            let prices = price.words(*currency);
            Notice::done("Add", format!("{name} is on the price list and offered: {prices}."))
        }
        ProductEvent::Changed { name, currency, price } => {
            let prices = price.words(*currency);
            let text = format!("{name} now costs: {prices}. Orders that were made keep their prices.");
            Notice::done("Change", text)
        }
        ProductEvent::Offered { name } => Notice::done("Update", format!("{name} is offered again.")),
        ProductEvent::Withdrawn { name } => Notice::done("Update", format!("{name} is no longer offered.")),
        ProductEvent::VatClassAdded { name, rate } => Notice::done("Add", format!("The VAT class {name} has {rate}.")),
        ProductEvent::VatClassChanged { name, rate } => {
            let text = format!("The VAT class {name} has {rate}, in orders that are made from now on.");
            Notice::done("Change", text)
        }
    }
}
