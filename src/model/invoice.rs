//! Invoices and credit notes as stored: a snapshot of everything printed, so that a document stays the same when
//! prices, names and rates change.

mod credit;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::money::{Currency, Money, VatRate};

pub use credit::Cancelled;

/// The kinds of documents; each has its own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    Invoice,
    CreditNote,
}

impl DocumentKind {
    /// The heading of the document.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            DocumentKind::Invoice => "Invoice",
            DocumentKind::CreditNote => "Credit note",
        }
    }
}

/// The number of a year's `n`th document of a kind: "INV-2026-000001".
#[must_use]
pub fn document_number(kind: DocumentKind, year: i16, n: i64) -> String {
    let prefix = match kind {
        DocumentKind::Invoice => "INV",
        DocumentKind::CreditNote => "CN",
    };
    format!("{prefix}-{year}-{n:06}")
}

/// An invoice or a credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub kind: DocumentKind,
    pub number: String,
    pub issued_on: Date,
    /// The last day to pay; `None` if nothing is left to pay.
    pub due_on: Option<Date>,
    pub paid: Option<Paid>,
    pub order_id: i64,
    /// The number of the invoice that a credit note corrects.
    pub corrects: Option<String>,
    pub seller: Seller,
    pub buyer: Billing,
    pub lines: Vec<Line>,
    pub currency: Currency,
    /// The buyer accounts for the VAT: none is added, and the document says so.
    pub reverse_charge: bool,
    /// Additional text, may have several lines or be empty.
    pub notes: String,
}

/// A payment made before the document was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    pub on: Date,
    /// How: "by card".
    pub how: String,
}

/// The seller. Multi-line fields hold line ends; what does not apply is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    pub name: String,
    pub address: String,
    /// ISO 3166, two letters.
    pub country: String,
    pub vat_number: String,
    /// Where the company is registered, and its number there.
    pub registration: String,
    pub email: String,
    /// Where to pay, as the payer types it: IBAN, BIC, the bank's name.
    pub bank_account: String,
    /// Small print at the end.
    pub footer: String,
}

/// The buyer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Billing {
    pub name: String,
    pub address: String,
    /// ISO 3166, two letters.
    pub country: String,
    pub vat_number: String,
    pub email: String,
}

/// One thing sold, or taken back: then quantity, net and VAT are negative. Money is in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub description: String,
    pub quantity: i64,
    /// The unit counted: "device-year".
    pub unit: String,
    pub unit_price: i64,
    pub net: i64,
    pub vat_rate: VatRate,
    pub vat: i64,
}

impl Line {
    /// A line at its full price; `None` past [`super::money::MONEY_MAX`].
    #[must_use]
    pub fn new(description: &str, quantity: i64, unit: &str, price: Money, rate: VatRate) -> Option<Line> {
        let net = price.times(quantity)?;
        Some(Line {
            description: description.into(),
            quantity,
            unit: unit.into(),
            unit_price: price.minor,
            net: net.minor,
            vat_rate: rate,
            vat: rate.of(net).minor,
        })
    }
}

/// The totals of one or more lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub net: Money,
    pub vat: Money,
}

impl Totals {
    /// Net and VAT together: what is to be paid.
    #[must_use]
    pub fn gross(self) -> Money {
        Money::new(self.net.minor + self.vat.minor, self.net.currency)
    }
}

impl Document {
    /// The totals of all lines.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.sum(|_| true)
    }

    /// The totals per VAT rate, the lowest rate first. Rounded line by line, so they add up to the
    /// [`Document::totals`].
    #[must_use]
    pub fn vat_summary(&self) -> Vec<(VatRate, Totals)> {
        let mut rates: Vec<VatRate> = self.lines.iter().map(|l| l.vat_rate).collect();
        rates.sort_unstable();
        rates.dedup();
        rates.into_iter().map(|rate| (rate, self.sum(|l| l.vat_rate == rate))).collect()
    }

    fn sum(&self, counts: impl Fn(&Line) -> bool) -> Totals {
        let lines = || self.lines.iter().filter(|l| counts(l));
        Totals {
            net: Money::new(lines().map(|l| l.net).sum(), self.currency),
            vat: Money::new(lines().map(|l| l.vat).sum(), self.currency),
        }
    }
}

#[cfg(test)]
mod tests;
