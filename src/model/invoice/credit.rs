//! Credit notes: what an invoice asked for is taken back, whole or in parts.

use jiff::civil::Date;

use super::{Document, DocumentKind, Line};

/// A part of an invoice's line that is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    /// Which of the invoice's lines, from 0.
    pub line: usize,
    /// How many of its units earlier credit notes took back.
    pub before: i64,
    /// How many units this one takes back.
    pub count: i64,
}

impl Document {
    /// The credit note of parts of this invoice; `None` where a part is not there to be taken back.
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
    /// The line that takes `count` units back after `before` of them were. Money is the difference of
    /// two rounded sums, so that all parts together take back this line to the cent, in whatever steps.
    fn cancelled(&self, before: i64, count: i64) -> Option<Line> {
        let after = before.checked_add(count)?;
        if before < 0 || count < 1 || after > self.quantity {
            return None;
        }
        let back = |amount| share(amount, before, self.quantity) - share(amount, after, self.quantity);
        Some(Line { quantity: -count, net: back(self.net), vat: back(self.vat), ..self.clone() })
    }
}

/// What `count` of `all` units are of an amount, rounded half away from zero; `all` is above zero.
fn share(amount: i64, count: i64, all: i64) -> i64 {
    let (amount, count, all) = (i128::from(amount), i128::from(count), i128::from(all));
    let rounded = (2 * amount.abs() * count + all) / (2 * all) * amount.signum();
    // At most the amount itself, which is an i64.
    i64::try_from(rounded).unwrap_or(0)
}
