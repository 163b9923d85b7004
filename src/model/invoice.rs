//! Who sells and who buys, as invoices name them.

use serde::{Deserialize, Serialize};

/// Who sells. What may have several lines holds them with line ends; what does not apply is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    pub name: String,
    pub address: String,
    /// ISO 3166, two letters.
    pub country: String,
    pub vat_number: String,
    /// Where and under which number the company is registered.
    pub registration: String,
    pub email: String,
    /// Where to pay, as the payer types it: IBAN, BIC, the bank's name.
    pub bank_account: String,
    /// Small print at the end.
    pub footer: String,
}

/// Who buys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    pub name: String,
    pub address: String,
    /// ISO 3166, two letters.
    pub country: String,
    pub vat_number: String,
    pub email: String,
}
