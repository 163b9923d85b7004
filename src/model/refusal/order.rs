//! What is wrong with an order, the price list or the billing data.

use crate::model::money::Money;
use crate::model::order::OrderError;
use crate::model::product::ModelsError;
use crate::model::resources::ResourceType;

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
    /// Somebody else has changed it since its form was opened; this is its current state.
    Changed {
        version: i64,
        by: String,
        name: String,
        prices: String,
    },
    /// The price list, or the list of VAT classes, is full.
    ListFull {
        maximum: usize,
    },
}

/// The seller and the buyer.
#[derive(Debug, Clone)]
pub enum BillingReason {
    MissingAddress,
    MissingBankAccount,
    UnknownCountry,
    /// The company has not entered its billing data.
    NotEntered,
}

#[derive(Debug, Clone)]
pub enum OrderReason {
    Error(OrderError),
    /// A line's product is no longer offered.
    Withdrawn {
        name: String,
    },
    /// What was bought for the own pool is no longer all there.
    UnitsUsed {
        bought: i64,
        left: i64,
        resource_type: ResourceType,
    },
    /// The most that a top-up may cost in a month is less than one of its orders costs.
    BelowOneOrder {
        order: Money,
    },
    /// The VAT has changed since the draft was started, and was recalculated.
    VatChanged,
}
