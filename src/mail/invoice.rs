//! Mails about invoices and credit notes, which are attached as PDF.

use askama::Template;
use jiff::civil::Date;

use super::{Attachment, Mail, mail};
use crate::model::invoice::Document;

mail_text!(InvoiceText, "mail/invoice.txt", number, order, total, due, bank_account, link);
mail_text!(ReminderText, "mail/invoice_reminder.txt", number, order, total, due, bank_account, link);
mail_text!(PaidText, "mail/invoice_paid.txt", number, total, state, link);
mail_text!(CreditNoteText, "mail/credit_note.txt", number, corrects, order, total, link);

fn readable(date: Option<Date>) -> String {
    date.map(|d| d.strftime("%-d %b %Y").to_string()).unwrap_or_default()
}

fn total(document: &Document) -> String {
    document.totals().gross().to_string()
}

/// An invoice to be paid. `link` leads to the order.
#[must_use]
pub fn invoice(to: &str, document: &Document, link: &str) -> Mail {
    let text = InvoiceText {
        number: &document.number,
        order: &document.order_id.to_string(),
        total: &total(document),
        due: &readable(document.due_on),
        bank_account: &document.seller.bank_account,
        link,
    };
    mail(to, &format!("Invoice {}", document.number), &text)
}

/// An overdue invoice.
#[must_use]
pub fn invoice_reminder(to: &str, document: &Document, link: &str) -> Mail {
    let text = ReminderText {
        number: &document.number,
        order: &document.order_id.to_string(),
        total: &total(document),
        due: &readable(document.due_on),
        bank_account: &document.seller.bank_account,
        link,
    };
    mail(to, &format!("Reminder: invoice {} is overdue", document.number), &text)
}

/// The payment of an invoice has arrived.
#[must_use]
pub fn invoice_paid(to: &str, document: &Document, is_being_made: bool, link: &str) -> Mail {
    let order = document.order_id.to_string();
    let state = match is_being_made {
        true => {
            format!("The codes of order {order} are being made. We write again when all of them are ready:")
        }
        false => format!("What you ordered with order {order} is ready:"),
    };
    let text = PaidText { number: &document.number, total: &total(document), state: &state, link };
    mail(to, &format!("Invoice {} is paid", document.number), &text)
}

/// All or part of an invoice was cancelled.
#[must_use]
pub fn credit_note(to: &str, document: &Document, link: &str) -> Mail {
    // What is negative on the document is returned to the buyer.
    let back = document.totals().gross();
    let text = CreditNoteText {
        number: &document.number,
        corrects: document.corrects.as_deref().unwrap_or_default(),
        order: &document.order_id.to_string(),
        total: &crate::model::money::Money::new(-back.minor, back.currency).to_string(),
        link,
    };
    mail(to, &format!("Credit note {}", document.number), &text)
}

/// The document as an attachment.
///
/// # Errors
/// If the PDF cannot be created.
pub fn attached(document: &Document) -> Result<Attachment, String> {
    let bytes = crate::pdf::invoice(document).map_err(|e| e.to_string())?;
    Ok(Attachment { name: format!("{}.pdf", document.number), content_type: "application/pdf", bytes })
}
