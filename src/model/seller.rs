//! What the operator sets once for all sales.

use serde::{Deserialize, Serialize};

use super::invoice::Seller;

/// The longest name of a section of the shop.
pub const SECTION_LENGTH_MAX: usize = 60;

/// The longest payment term of an invoice, in days.
pub const DUE_DAYS_MAX: i64 = 120;
/// The payment term unless the operator sets another.
pub const DUE_DAYS: i64 = 14;

/// The seller and its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerSettings {
    pub seller: Seller,
    /// Days from the invoice until it is due.
    pub due_days: i64,
    /// Whether distributors may cancel unused vouchers.
    pub may_cancel: bool,
    /// Whether each company may buy for its own pool, unless the operator says otherwise of it.
    #[serde(default = "companies_may_buy")]
    pub companies_may_buy: bool,
    /// What the shop calls its sections.
    #[serde(default)]
    pub sections: Sections,
}

fn companies_may_buy() -> bool {
    true
}

/// The names of the shop's sections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sections {
    pub vouchers: String,
    pub licences: String,
}

impl Default for Sections {
    fn default() -> Sections {
        Sections { vouchers: "Vouchers".to_owned(), licences: "Licences".to_owned() }
    }
}
