//! Credit notes: cancel an invoice's charges, whole or in part.

use jiff::civil::Date;

use super::{Document, DocumentKind, Line};

/// A part of an invoice line that is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    /// Index of the invoice's line, from 0.
    pub line: usize,
    /// How many of its units earlier credit notes cancelled.
    pub before: i64,
    /// How many units this one cancels.
    pub count: i64,
}

impl Document {
    /// The credit note for parts of this invoice; `None` if a part exceeds what is left.
    #[must_use]
    pub fn credit_note(&self, number: String, issued_on: Date, parts: &[Cancelled]) -> Option<Document> {
        let lines = parts.iter().map(|part| self.lines.get(part.line)?.cancelled(part.before, part.count));
        Some(Document {
            kind: DocumentKind::CreditNote,
            number,
            issued_on,
            due_on: None,
            paid: None,
            corrects: Some(self.number.clone()),
            lines: lines.collect::<Option<Vec<_>>>()?,
            notes: String::new(),
            ..self.clone()
        })
    }
}

impl Line {
    /// The line that cancels `count` units after `before` of them. Its money is the difference of two rounded sums, so
    /// that all parts together cancel this line to the cent, in whatever steps.
    fn cancelled(&self, before: i64, count: i64) -> Option<Line> {
        let after = before.checked_add(count)?;
        if before < 0 || count < 1 || after > self.quantity {
            return None;
        }
        let back = |amount| share(amount, before, self.quantity) - share(amount, after, self.quantity);
        Some(Line { quantity: -count, net: back(self.net), vat: back(self.vat), ..self.clone() })
    }
}

/// The share of an amount that `count` of `all` units make up, rounded half away from zero; `all` is above zero.
fn share(amount: i64, count: i64, all: i64) -> i64 {
    let (amount, count, all) = (i128::from(amount), i128::from(count), i128::from(all));
    let rounded = (2 * amount.abs() * count + all) / (2 * all) * amount.signum();
    // At most the amount itself, which is an i64.
    i64::try_from(rounded).unwrap_or(0)
}
