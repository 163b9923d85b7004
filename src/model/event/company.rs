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
        /// The name before the change.
        name: String,
        renamed_to: Option<String>,
        /// Whether it uses its parent's credits, if that was set.
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
    /// It may buy from now on.
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
    DataBought {
        name: String,
        credits: i64,
        mebibytes: i64,
    },
    BuyingTermsSet {
        name: String,
        /// Whether it may buy for its own pool; `None` follows the setting.
        for_own_pool: Option<bool>,
    },
}

/// The data on invoices: the seller's and the buyer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingEvent {
    SellerSaved {
        name: String,
    },
    BuyerSaved {
        company: String,
        /// The invoices' recipient.
        name: String,
    },
}
