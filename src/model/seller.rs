//! What the operator sets once for all sales.

use serde::{Deserialize, Serialize};

use super::invoice::Seller;

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
}
