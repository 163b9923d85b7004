//! Invoices and credit notes. A number is taken in the transaction that creates the document, so a year's numbers have
//! no gaps.

use sqlx::FromRow;

use super::db::{DbError, Result, Tx, WriteTx, sql};
use super::ledger::{decode, reserve};
use crate::model::company::Path;
use crate::model::invoice::{Document, DocumentKind, document_number};
use crate::model::month::Month;
use crate::model::time::Moment;

/// A document as stored.
#[derive(Debug, Clone, FromRow)]
pub struct InvoiceRow {
    pub id: i64,
    pub kind: String,
    pub name: String,
    pub order_id: i64,
    pub corrects: Option<i64>,
    pub currency: String,
    pub total: i64,
    document: String,
    pub issued_at: i64,
    pub due_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub cancelled_at: Option<i64>,
    pub reminded_at: Option<i64>,
    pub reminders: i64,
}

impl InvoiceRow {
    /// Everything that is printed on it.
    ///
    /// # Errors
    /// If the database holds a value that Scrip never writes.
    pub fn document(&self) -> Result<Document> {
        serde_json::from_str(&self.document).map_err(decode)
    }

    #[must_use]
    pub fn is_credit_note(&self) -> bool {
        self.kind == slug(DocumentKind::CreditNote)
    }
}

fn slug(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Invoice => "invoice",
        DocumentKind::CreditNote => "credit_note",
    }
}

const INVOICE: &str =
    "select i.id, i.kind, i.name, i.order_id, i.corrects, i.currency, i.total, i.document, i.issued_at,
         i.due_at, i.paid_at, i.cancelled_at, i.reminded_at, i.reminders from invoice i ";

/// Takes the next number of a kind and year.
pub async fn next_number(tx: &mut WriteTx, kind: DocumentKind, year: i16) -> Result<i64> {
    let numbers: Vec<(i64,)> = sql("insert into invoice_number (kind, year, last) values ($1, $2, 1)
         on conflict (kind, year) do update set last = invoice_number.last + 1 returning last")
    .bind(slug(kind))
    .bind(i64::from(year))
    .returning(tx)
    .await?;
    numbers.first().map(|row| row.0).ok_or_else(|| DbError::decode("no number was given"))
}

/// A document to be stored.
pub struct NewInvoice<'a> {
    pub document: &'a Document,
    pub number: i64,
    pub corrects: Option<i64>,
    pub issued_at: Moment,
    pub due_at: Option<Moment>,
    pub paid_at: Option<Moment>,
}

/// Stores a document; returns its id.
pub async fn insert(tx: &mut WriteTx, new: &NewInvoice<'_>) -> Result<i64> {
    let id = reserve(tx, "invoice", 1).await?[0];
    let document = new.document;
    let year = document.issued_on.year();
    let totals = document.totals();
    sql("insert into invoice (id, kind, year, number, name, order_id, corrects, currency, net, vat, total, document,
             issued_at, due_at, paid_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
    .bind(id)
    .bind(slug(document.kind))
    .bind(i64::from(year))
    .bind(new.number)
    .bind(document_number(document.kind, year, new.number))
    .bind(document.order_id)
    .bind(new.corrects)
    .bind(document.currency.code())
    .bind(totals.net.minor)
    .bind(totals.vat.minor)
    .bind(totals.gross().minor)
    .bind(serde_json::to_string(document).map_err(decode)?)
    .bind(new.issued_at)
    .bind(new.due_at.map(|at| at.0))
    .bind(new.paid_at.map(|at| at.0))
    .run(tx)
    .await?;
    super::reports::add_sale(tx, Month::of(new.issued_at), document.order_id, &totals).await?;
    Ok(id)
}

/// The documents of an order, oldest first.
pub async fn of_order(tx: &mut Tx, order_id: i64) -> Result<Vec<InvoiceRow>> {
    sql(INVOICE).push("where i.order_id = ").push_value(order_id).push(" order by i.id").all(tx).await
}

/// Finds a document within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<InvoiceRow>> {
    sql(INVOICE)
        .push("join purchase_order o on o.id = i.order_id join company c on c.id = o.company_id where i.id = ")
        .push_value(id)
        .push(" and ")
        .push_tree("c.path", tree)
        .optional(tx)
        .await
}

/// Marks an invoice as paid.
pub async fn set_paid(tx: &mut WriteTx, order_id: i64, at: Moment) -> Result<()> {
    sql("update invoice set paid_at = $2 where order_id = $1 and kind = 'invoice' and paid_at is null
         and cancelled_at is null")
    .bind(order_id)
    .bind(at)
    .run(tx)
    .await?;
    Ok(())
}

/// Marks an invoice as cancelled in full.
pub async fn set_cancelled(tx: &mut WriteTx, id: i64, at: Moment) -> Result<()> {
    sql("update invoice set cancelled_at = $2 where id = $1 and cancelled_at is null")
        .bind(id)
        .bind(at)
        .run(tx)
        .await?;
    Ok(())
}

/// Unpaid invoices that are past due and were not reminded of since `before`.
pub async fn overdue(tx: &mut Tx, now: Moment, before: Moment, reminders_max: i64) -> Result<Vec<InvoiceRow>> {
    sql(INVOICE)
        .push("where i.kind = 'invoice' and i.due_at is not null and i.paid_at is null and i.cancelled_at is null and i.due_at < ")
        .push_value(now)
        .push(" and (i.reminded_at is null or i.reminded_at < ")
        .push_value(before)
        .push(") and i.reminders < ")
        .push_value(reminders_max)
        .push(" order by i.due_at, i.id limit 100")
        .all(tx)
        .await
}

/// Records a reminder; `false` if another process was faster.
pub async fn set_reminded(tx: &mut WriteTx, invoice: &InvoiceRow, now: Moment) -> Result<bool> {
    let changed = sql("update invoice set reminded_at = $2, reminders = reminders + 1
         where id = $1 and reminders = $3 and paid_at is null and cancelled_at is null")
    .bind(invoice.id)
    .bind(now)
    .bind(invoice.reminders)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Finds a document, regardless of tree.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<InvoiceRow>> {
    sql(INVOICE).push("where i.id = ").push_value(id).optional(tx).await
}

/// Records that a credit note's amount was paid back; `false` if it already was.
pub async fn settle(tx: &mut WriteTx, id: i64, now: Moment) -> Result<bool> {
    let changed = sql("update invoice set paid_at = $2 where id = $1 and kind = 'credit_note' and paid_at is null")
        .bind(id)
        .bind(now)
        .run(tx)
        .await?;
    Ok(changed > 0)
}
