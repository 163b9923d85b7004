//! What is wrong with an order, and with what stands around it: the price list and the billing data.

use crate::model::order::OrderError;
use crate::model::product::ModelsError;

/// The price list: products and VAT classes.
#[derive(Debug, Clone)]
pub enum ProductReason {
    /// Not a single price.
    NoPrice,
    UnknownCurrency,
    UnknownVatClass,
    VatClassTaken,
    MalformedRate,
    Models(ModelsError),
    /// Somebody else has changed it since its form was opened: what it is now.
    Changed {
        version: i64,
        by: String,
        name: String,
        prices: String,
    },
    /// The price list, or the list of VAT classes, takes no more.
    ListFull {
        maximum: usize,
    },
}

/// Who sells, and who buys.
#[derive(Debug, Clone)]
pub enum BillingReason {
    MissingAddress,
    MissingBankAccount,
    UnknownCountry,
}

#[derive(Debug, Clone)]
pub enum OrderReason {
    Error(OrderError),
    /// A line's product is not offered any more.
    Withdrawn {
        name: String,
    },
    /// The VAT is another one than when the draft was made: it was recalculated.
    VatChanged,
}
