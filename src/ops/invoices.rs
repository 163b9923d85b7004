//! Invoices and credit notes: numbered without gaps, stored as issued, mailed by a job.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use super::orders::currency;
use crate::app::App;
use crate::model::event::OrderEvent;
use crate::model::invoice::{Billing, Cancelled, Document, DocumentKind, Line, Paid, document_number};
use crate::model::job::Job;
use crate::model::order::{self, OrderError, OrderLine};
use crate::model::permission::Permission;
use crate::model::resources::ResourceType;
use crate::model::seller::SellerSettings;
use crate::model::time::{self, Moment};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::invoices::NewInvoice;
use crate::store::orders::OrderRow;

/// Creates an order's invoice and has it mailed; returns its number.
pub(super) async fn invoice(
    work: &mut Work,
    order: &OrderRow,
    lines: &[(i64, OrderLine)],
    seller: &SellerSettings,
    paid: Option<Paid>,
) -> OpResult<String> {
    let issued_on = date(work.now);
    let due_on = paid.is_none().then(|| date(work.now.plus_seconds(seller.due_days * 86_400)));
    let number = store::invoices::next_number(&mut work.tx, DocumentKind::Invoice, issued_on.year()).await?;
    let serials = store::orders::serials(&mut work.tx, order.id).await?;
    let document = Document {
        kind: DocumentKind::Invoice,
        number: document_number(DocumentKind::Invoice, issued_on.year(), number),
        issued_on,
        due_on,
        order_id: order.id,
        corrects: None,
        seller: seller.seller.clone(),
        buyer: billing(order)?,
        lines: lines.iter().map(|(number, line)| invoice_line(*number, line, &serials)).collect(),
        currency: currency(order)?,
        reverse_charge: order.reverse_charge == 1,
        notes: String::new(),
        paid,
    };
    let paid_at = document.paid.as_ref().map(|_| work.now);
    // It can be paid until the end of that day.
    let due_at = due_on.map(time::end_of);
    let new = NewInvoice { document: &document, number, corrects: None, issued_at: work.now, due_at, paid_at };
    let id = store::invoices::insert(&mut work.tx, &new).await?;
    work.job(&Job::Document { id: id.to_string() }).await?;
    Ok(document.number)
}

/// `serials` are those of all lines, each with its line's number.
fn invoice_line(number: i64, line: &OrderLine, serials: &[(i64, String)]) -> Line {
    let (description, unit) = match (&line.voucher, &line.pool) {
        (Some(wish), _) => {
            let what = wish.resource_type.label();
            let count = many(wish.resource_type, wish.subscriptions, wish.years);
            let text = format!("{}: {what}, {count}, in {}", wish.name, counted(wish.codes, "code"));
            (text, order::unit(wish.resource_type))
        }
        (None, Some(wish)) => {
            let what = wish.resource_type.label();
            let count = many(wish.resource_type, wish.subscriptions, wish.years);
            let text = format!("{}: {what}, {count}, for the buyer's own pool", line.name);
            (text, order::unit(wish.resource_type))
        }
        (None, None) => {
            let own = serials.iter().filter(|(of, _)| *of == number).map(|(_, serial)| serial.as_str());
            let own = own.collect::<Vec<_>>().join(", ");
            (format!("{}: for serial number {own}", line.name), "licence")
        }
    };
    Line {
        description,
        quantity: line.quantity,
        unit: unit.to_owned(),
        unit_price: line.unit_price,
        net: line.net,
        vat_rate: line.vat_rate,
        vat: line.vat,
    }
}

/// "10 for 3 years"; of what is not counted in years, "10".
fn many(resource_type: ResourceType, subscriptions: i64, years: i64) -> String {
    let years = resource_type.is_by_year().then(|| format!(" for {}", counted(years, "year")));
    format!("{subscriptions}{}", years.unwrap_or_default())
}

fn counted(n: i64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", crate::model::amount::grouped(n)) }
}

pub(super) fn billing(order: &OrderRow) -> OpResult<Billing> {
    serde_json::from_str(order.billing.as_deref().unwrap_or_default())
        .map_err(|e| OpError::Internal(format!("order {} has no billing data: {e}", order.id)))
}

/// A moment's date in UTC, as documents show it.
pub(super) fn date(at: Moment) -> Date {
    at.zoned(&TimeZone::UTC).date()
}

/// Credits the whole invoice of an unpaid order; returns the credit note's number, if there is an invoice.
pub(super) async fn credit_all(work: &mut Work, order_id: i64) -> OpResult<Option<String>> {
    let found = store::invoices::of_order(&mut work.tx, order_id).await?;
    let Some(invoice) = found.iter().find(|i| !i.is_credit_note()) else { return Ok(None) };
    let document = invoice.document()?;
    let all = (0..).zip(&document.lines);
    let parts: Vec<_> = all.map(|(line, l)| Cancelled { line, before: 0, count: l.quantity }).collect();
    let (name, _) = credit(work, invoice.id, &document, &parts, Some(work.now)).await?;
    store::invoices::set_cancelled(&mut work.tx, invoice.id, work.now).await?;
    Ok(Some(name))
}

/// Creates a credit note for parts of an invoice and has it mailed; returns its number and id. It is settled if
/// nothing is to be paid back.
pub(super) async fn credit(
    work: &mut Work,
    invoice_id: i64,
    invoice: &Document,
    parts: &[Cancelled],
    settled_at: Option<Moment>,
) -> OpResult<(String, i64)> {
    let issued_on = date(work.now);
    let kind = DocumentKind::CreditNote;
    let number = store::invoices::next_number(&mut work.tx, kind, issued_on.year()).await?;
    let name = document_number(kind, issued_on.year(), number);
    let document = invoice
        .credit_note(name.clone(), issued_on, parts)
        .ok_or_else(|| OpError::Internal(format!("{} has no such parts", invoice.number)))?;
    let is_nothing = document.totals().gross().minor == 0;
    let new = NewInvoice {
        document: &document,
        number,
        corrects: Some(invoice_id),
        issued_at: work.now,
        due_at: None,
        paid_at: settled_at.or(is_nothing.then_some(work.now)),
    };
    let id = store::invoices::insert(&mut work.tx, &new).await?;
    work.job(&Job::Document { id: id.to_string() }).await?;
    Ok((name, id))
}

/// A document of the actor's tree, with everything it states.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`OpError::Forbidden`] for end users.
pub async fn document(app: &App, actor: &Actor, id: i64) -> OpResult<Document> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    let found = store::invoices::find(&mut tx, &actor.company_path, id).await?;
    Ok(found.ok_or(OpError::NotFound)?.document()?)
}

/// Marks a credit note as paid back by the operator; returns the order's id.
///
/// # Errors
/// [`OpError::NotFound`] if there is no such credit note.
pub async fn settle_credit_note(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<i64> {
    actor.require_operator()?;
    let outcome = work_once!(app, actor, operation_id, "settle_credit_note", &id.to_string(), work => {
        let found = store::invoices::find(&mut work.tx, &actor.company_path, id).await?;
        let row = found.filter(|i| i.is_credit_note()).ok_or(OpError::NotFound)?;
        if !store::invoices::settle(&mut work.tx, id, work.now).await? {
            return refuse("", OrderError::NotOpen);
        }
        work.note(actor.note("order.paid_back", &row.name, ""));
        Ok(Outcome::about(row.order_id, OrderEvent::CreditNoteSettled { number: row.name }))
    })?;
    Ok(outcome.about)
}
