//! What was done to companies and their terms.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompanyEvent {
    Created {
        id: i64,
        name: String,
        parent: String,
    },
    Changed {
        /// As it was called before.
        name: String,
        renamed_to: Option<String>,
        /// Whether it uses its parent's credits, where that was set.
        uses_parent_credits: Option<bool>,
    },
    SecondFactorDemanded {
        name: String,
    },
    SecondFactorOptional {
        name: String,
    },
    Moved {
        name: String,
        parent: String,
    },
    Removed {
        names: Vec<String>,
    },
    /// It may buy.
    Activated {
        name: String,
    },
    Deactivated {
        name: String,
    },
    ReverseChargeSet {
        name: String,
        is_on: bool,
    },
}

/// The data on invoices: of who sells, and of who buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingEvent {
    SellerSaved {
        name: String,
    },
    BuyerSaved {
        company: String,
        /// Who its invoices are made out to.
        name: String,
    },
}
