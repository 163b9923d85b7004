//! Why something cannot be ordered or paid, and what was done to an order.

use super::{Notice, Worded, invalid};
use crate::model::amount::grouped;
use crate::model::event::{OrderEvent, Placed};
use crate::model::order::{CODES_MAX, DisputeState, LINES_MAX, OrderError, SUBSCRIPTIONS_MAX, YEARS_MAX};
use crate::model::product::validity_in_words;
use crate::model::refusal::OrderReason;
use crate::model::resources::ResourceType;

pub(super) fn order(reason: &OrderReason) -> Worded {
    let sentence = match reason {
        OrderReason::Error(error) => self::error(*error),
        OrderReason::Withdrawn { name } => {
            format!("{name} is no longer offered. Take it out of the order first.")
        }
        OrderReason::UnitsUsed { bought, left, resource_type } => format!(
            "The order brought {}, and the pool has {} left. What was used or moved cannot be taken back, and nothing \
             was changed.",
            units(*bought, *resource_type),
            grouped(*left),
        ),
        OrderReason::BelowOneOrder { order } => {
            format!("One order comes to {order}. Enter at least that.")
        }
        OrderReason::VatChanged => {
            "The VAT has changed since this order was put together. It was calculated again: check \
             the new total, then place the order."
                .into()
        }
    };
    invalid("ORDER", sentence)
}

fn error(error: OrderError) -> String {
    match error {
        OrderError::Years => format!("Enter a whole number of years from 1 to {YEARS_MAX}."),
        OrderError::NotByYear => "This type is not counted in years. Enter 1 here, and how many below.".into(),
        OrderError::Subscriptions => {
            format!("Enter a whole number from 1 to {}.", grouped(SUBSCRIPTIONS_MAX))
        }
        OrderError::Codes => "Enter a whole number of codes: at least 1, and no more than subscriptions.".into(),
        OrderError::Uneven => {
            "Every code must hold the same number of subscriptions. Enter a number of codes that divides them.".into()
        }
        OrderError::TooMuch => "That is more than one order may come to. Make it smaller.".into(),
        OrderError::NotOffered => "This is not offered now. Choose another one.".into(),
        OrderError::OtherCurrency { order, line } => format!(
            "This order is in {} and cannot take something priced in {}. Finish it first, then begin another.",
            order.code(),
            line.code()
        ),
        OrderError::OtherValidity { order, line } => format!(
            "The vouchers of this order are valid for {}, and these for {}. Finish the order first, then begin another.",
            validity_in_words(order),
            validity_in_words(line),
        ),
        OrderError::TooManyLines => format!("An order has at most {LINES_MAX} lines. Begin another order."),
        OrderError::TooManyCodes => {
            format!("An order has at most {} codes, all lines together.", grouped(CODES_MAX))
        }
        OrderError::Empty => "The order has no lines yet. Add something to it first.".into(),
        OrderError::NotDraft => "This order was placed already, so it does not change any more.".into(),
        OrderError::NotOpen => "This order is not waiting for a payment any more. Reload the page.".into(),
        OrderError::Disputed => {
            "The payment of this order is disputed. Nothing of it can be paid back until the dispute is won.".into()
        }
        OrderError::TakenBack => "This was taken back already. Reload the page.".into(),
        OrderError::NoSeller => {
            "Nothing can be ordered yet: the vendor has not entered who sells. Please ask the vendor.".into()
        }
        OrderError::CardsOff => "Card payments are not set up here. Choose payment by invoice.".into(),
        OrderError::NoSavedCard => "Save a card first, or choose payment by invoice.".into(),
        OrderError::OtherAmount { due } => format!("The order comes to {due}. Enter exactly that."),
        OrderError::FutureDay => "Choose today or an earlier day.".into(),
        OrderError::Vendor => "The vendor sells, and does not buy from itself. Choose another company.".into(),
        OrderError::OldDay => "Choose a day of the last year.".into(),
        OrderError::NotForCards => "This sum cannot be charged to a card. Choose payment by invoice.".into(),
        OrderError::UnderWay => {
            "A payment of this order is under way. With some ways to pay the money takes a few days to come.".into()
        }
        OrderError::ProviderFailed => {
            "The card payment page cannot be opened now, and nothing was paid. Try again in a few minutes, or cancel \
             the order and choose payment by invoice."
                .into()
        }
    }
}

pub(super) fn event(event: &OrderEvent) -> Notice {
    match event {
        OrderEvent::VoucherAdded { order_id } => {
            Notice::done("Add", format!("The voucher was added to order {order_id}."))
        }
        OrderEvent::LicencesAdded { order_id } => {
            Notice::done("Add", format!("The licences were added to order {order_id}."))
        }
        OrderEvent::UnitsAdded { order_id } => {
            Notice::done("Add", format!("The units for your pool were added to order {order_id}."))
        }
        OrderEvent::LineRemoved { order_id } => {
            Notice::done("Remove", format!("The line was taken out of order {order_id}."))
        }
        OrderEvent::Placed { order_id, placed } => {
            Notice::done("Order", format!("Order {order_id} was placed. {}", self::placed(placed)))
        }
        OrderEvent::Paid { order_id, is_being_made } => {
            let ready = match is_being_made {
                true => "Its codes are being made.",
                false => "What was bought is ready.",
            };
            Notice::done("Pay", format!("Order {order_id} is paid. {ready}"))
        }
        OrderEvent::Cancelled { order_id, credit_note: None } => {
            Notice::done("Cancel", format!("Order {order_id} was cancelled."))
        }
        OrderEvent::Cancelled { order_id, credit_note: Some(number) } => {
            Notice::done("Cancel", format!("Order {order_id} was cancelled. {}", credited(number)))
        }
        OrderEvent::VouchersCancelled { order_id, count, credit_note } => {
            cancelled(&codes(*count), *order_id, credit_note.as_deref())
        }
        OrderEvent::RestCancelled { order_id, count, credit_note } => {
            cancelled(&unmade_codes(*count), *order_id, credit_note.as_deref())
        }
        OrderEvent::UnitsTakenBack { order_id, amount, resource_type, credit_note } => {
            let what = match ResourceType::from_slug(resource_type) {
                Some(resource_type) => units(*amount, resource_type),
                None => grouped(*amount),
            };
            let credited = credit_note.as_deref().map(credited).unwrap_or_default();
            Notice::done("Take back", format!("{what} of order {order_id} went back to the vendor. {credited}"))
        }
        OrderEvent::CreditNoteSettled { number } => Notice::done("Pay back", format!("{number} is settled.")),
    }
}

fn placed(placed: &Placed) -> String {
    match placed {
        Placed::Free { is_being_made: true } => "It costs nothing; its codes are being made.".into(),
        Placed::Free { is_being_made: false } => "It costs nothing and is ready.".into(),
        Placed::ByInvoice { invoice, email } => format!("Invoice {invoice} was made and is sent to {email}."),
        Placed::ByCard => "It is to be paid by card.".into(),
    }
}

fn cancelled(what: &str, order_id: i64, credit_note: Option<&str>) -> Notice {
    let credited = credit_note.map(credited).unwrap_or_default();
    Notice::done("Cancel", format!("{what} of order {order_id} cancelled. {credited}"))
}

fn credited(number: &str) -> String {
    format!("Credit note {number} was made.")
}

/// What a dispute did to a payment, and what follows for the codes of its order: "the payment …".
#[must_use]
pub fn dispute(state: DisputeState) -> (&'static str, &'static str) {
    match state {
        DisputeState::Inquiry => (
            "is questioned by the payer's bank",
            "No money is withheld, and codes of this order can be used as before.",
        ),
        DisputeState::Open => (
            "is disputed by the payer",
            "The money is withheld until the bank has decided. Unused codes of this order cannot be used until then.",
        ),
        DisputeState::Won => ("is the vendor's: the dispute was won or withdrawn", "Unused codes can be used again."),
        DisputeState::Lost => {
            ("went back to the payer: the dispute was lost", "Unused codes of this order can no longer be used.")
        }
    }
}

/// "10 Credit".
#[must_use]
pub fn units(amount: i64, resource_type: ResourceType) -> String {
    format!("{} {}", grouped(amount), resource_type.label())
}

/// How many codes were cancelled.
#[must_use]
pub fn codes(count: usize) -> String {
    if count == 1 { "1 code".to_owned() } else { format!("{count} codes") }
}

/// How many codes were cancelled before they were made.
#[must_use]
pub fn unmade_codes(count: i64) -> String {
    format!("{} codes before they were made", grouped(count))
}
