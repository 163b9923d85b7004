//! What the operator sets once for all that is sold.

use serde::{Deserialize, Serialize};

use super::invoice::Seller;

/// How many days a buyer may have to pay an invoice, at most.
pub const DUE_DAYS_MAX: i64 = 120;
/// How many days a buyer has unless the operator says otherwise.
pub const DUE_DAYS: i64 = 14;

/// Who sells, and on which terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerSettings {
    pub seller: Seller,
    /// Days from the invoice until it is due.
    pub due_days: i64,
    /// Whether distributors may cancel vouchers that nobody has used.
    pub may_cancel: bool,
}
