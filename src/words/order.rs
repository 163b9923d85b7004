//! Why something cannot be ordered or paid.

use super::{Worded, invalid};
use crate::model::amount::grouped;
use crate::model::order::{CODES_MAX, LINES_MAX, OrderError, SUBSCRIPTIONS_MAX, YEARS_MAX};
use crate::model::refusal::OrderReason;

pub(super) fn order(reason: &OrderReason) -> Worded {
    let sentence = match reason {
        OrderReason::Error(error) => self::error(*error),
        OrderReason::Withdrawn { name } => {
            format!("{name} is no longer offered. Take it out of the order first.")
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
        OrderError::Subscriptions => {
            format!("Enter a whole number from 1 to {}.", grouped(SUBSCRIPTIONS_MAX))
        }
        OrderError::Codes => "Enter a whole number of codes: at least 1, and no more than subscriptions.".into(),
        OrderError::Uneven => {
            "Every code must hold the same number of subscriptions. Enter a number of codes that divides them."
                .into()
        }
        OrderError::TooMuch => "That is more than one order may come to. Make it smaller.".into(),
        OrderError::NotOffered => "This is not offered now. Choose another one.".into(),
        OrderError::OtherCurrency { order, line } => format!(
            "This order is in {} and cannot take something priced in {}. Finish it first, then begin another.",
            order.code(),
            line.code()
        ),
        OrderError::TooManyLines => format!("An order has at most {LINES_MAX} lines. Begin another order."),
        OrderError::TooManyCodes => {
            format!("An order has at most {} codes, all lines together.", grouped(CODES_MAX))
        }
        OrderError::Empty => "The order has no lines yet. Add something to it first.".into(),
        OrderError::NotDraft => "This order was placed already, so it does not change any more.".into(),
        OrderError::NotOpen => "This order is not waiting for a payment any more. Reload the page.".into(),
        OrderError::NoSeller => {
            "Nothing can be ordered yet: the vendor has not entered who sells. Please ask the vendor.".into()
        }
        OrderError::CardsOff => "Card payments are not set up here. Choose payment by invoice.".into(),
        OrderError::OtherAmount { due } => format!("The order comes to {due}. Enter exactly that."),
        OrderError::FutureDay => "Choose today or an earlier day.".into(),
        OrderError::Vendor => "The vendor sells, and does not buy from itself. Choose another company.".into(),
        OrderError::OldDay => "Choose a day of the last year.".into(),
        OrderError::NotForCards => "This sum cannot be charged to a card. Choose payment by invoice.".into(),
        OrderError::UnderWay => {
            "A payment of this order is under way. With some ways to pay the money takes a few days to come."
                .into()
        }
        OrderError::ProviderFailed => {
            "The card payment page cannot be opened now, and nothing was paid. Try again in a few minutes, or cancel \
             the order and choose payment by invoice."
                .into()
        }
    }
}
