//! What was done to the price list.

use serde::{Deserialize, Serialize};

use crate::model::money::{Currency, VatRate};
use crate::model::product::Price;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductEvent {
    Added { name: String, currency: Currency, price: Price },
    Changed { name: String, currency: Currency, price: Price },
    Offered { name: String },
    Withdrawn { name: String },
    VatClassAdded { name: String, rate: VatRate },
    VatClassChanged { name: String, rate: VatRate },
}
