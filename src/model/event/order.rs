//! What was done to orders, and to their codes and licences.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvent {
    VoucherAdded {
        order_id: i64,
    },
    LicencesAdded {
        order_id: i64,
    },
    /// For the own pool.
    UnitsAdded {
        order_id: i64,
    },
    LineRemoved {
        order_id: i64,
    },
    Placed {
        order_id: i64,
        placed: Placed,
    },
    Paid {
        order_id: i64,
        /// Codes are still being made.
        is_being_made: bool,
    },
    Cancelled {
        order_id: i64,
        credit_note: Option<String>,
    },
    /// Codes that existed.
    VouchersCancelled {
        order_id: i64,
        count: usize,
        credit_note: Option<String>,
    },
    /// Codes of a paid order that were not made yet.
    RestCancelled {
        order_id: i64,
        count: i64,
        credit_note: Option<String>,
    },
    /// What was bought for the own pool went back to the vendor.
    UnitsTakenBack {
        order_id: i64,
        amount: i64,
        /// Its slug.
        resource_type: String,
        credit_note: Option<String>,
    },
    CreditNoteSettled {
        number: String,
    },
}

/// How a placed order is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placed {
    /// It costs nothing.
    Free {
        is_being_made: bool,
    },
    ByInvoice {
        invoice: String,
        email: String,
    },
    ByCard,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeEvent {
    CommentSaved,
    BatchOrdered {
        count: i64,
        company: String,
    },
    BatchCancelled {
        /// Nothing was left to make.
        was_over: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LicenceEvent {
    /// It moved from the device with one serial number to another one.
    Rehosted { name: String, from: String, to: String },
}

/// Standing top-ups, and the card that pays them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TopUpEvent {
    Set {
        /// Its slug.
        resource_type: String,
        /// What it keeps, in words.
        kept: String,
    },
    TurnedOff {
        resource_type: String,
    },
    CardForgotten,
}
