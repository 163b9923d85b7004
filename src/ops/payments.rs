//! An order is paid: its units come into being in its vouchers, its licences get their keys, its invoice is
//! settled, all in one transaction, and once, no matter who reports it or how often. The order's own row
//! decides: it is locked, and left only from `awaiting_payment`.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use super::orders::currency;
use crate::app::App;
use crate::model::event::OrderEvent;
use crate::model::invoice::{Billing, Cancelled, Document, DocumentKind, Line, Paid, document_number};
use crate::model::job::Job;
use crate::model::ledger;
use crate::model::money::Money;
use crate::model::order::{Method, OrderError, OrderLine, OrderState, VOUCHER_VALID_MONTHS};
use crate::model::refusal::FieldReason;
use crate::model::seller::SellerSettings;
use crate::model::time::{self, Moment};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::audit::NewHistory;
use crate::store::invoices::NewInvoice;
use crate::store::orders::OrderRow;
use crate::store::payments::NewPayment;

/// The oldest statement: of a year ago.
const STATEMENT_HOURS_MAX: i64 = 366 * 24;
/// The most characters of a bank's reference.
pub const REFERENCE_LENGTH_MAX: usize = 140;

/// What an order comes to, for people.
///
/// # Errors
/// [`OpError::Internal`] for a currency that no Scrip wrote.
pub fn sum(row: &OrderRow) -> OpResult<String> {
    Ok(Money::new(row.total, currency(row)?).to_string())
}

/// An order that is paid now.
pub(super) struct Settlement<'a> {
    pub order: &'a OrderRow,
    /// The portal where a card provider told so, else the operator.
    pub by: ledger::Actor,
    /// "by card".
    pub how: &'static str,
    /// The day of the payment.
    pub on: Date,
}

impl<'a> Settlement<'a> {
    /// An order that costs nothing: the portal fulfils what the buyer placed.
    pub fn free(actor: &Actor, order: &'a OrderRow, now: Moment) -> Settlement<'a> {
        let root_id = actor.company_path.ids().first().copied().unwrap_or(actor.company_id);
        Settlement { order, by: ledger::Actor::portal(root_id), how: "", on: date(now) }
    }

    /// A row of the history about the order.
    pub fn note(&self, verb: &'static str, details: String) -> NewHistory {
        let Settlement { order, by, .. } = self;
        NewHistory {
            actor_id: Some(by.user_id).filter(|id| *id != ledger::Actor::PORTAL),
            company_id: Some(order.company_id),
            address: by.address.clone(),
            verb,
            subject: format!("Order {}", order.id),
            details,
            token: None,
        }
    }
}

/// Settles an order that its caller has locked; false where it is not waiting for that any more.
pub(super) async fn settle(app: &App, work: &mut Work, settlement: &Settlement<'_>) -> OpResult<bool> {
    let Settlement { order, how, on, .. } = settlement;
    let lines = store::orders::lines(&mut work.tx, order.id).await?;
    let codes: i64 = lines.iter().filter_map(|(_, line)| Some(line.voucher.as_ref()?.codes)).sum();
    let expires_at = (codes > 0).then(|| work.now.plus_months(VOUCHER_VALID_MONTHS));
    if !store::orders::set_paid(&mut work.tx, order.id, work.now, expires_at, codes).await? {
        return Ok(false);
    }
    if codes > 0 {
        let by = settlement.by.clone();
        let mut paid = (*order).clone();
        (paid.codes_wanted, paid.expires_at) = (codes, expires_at.map(|at| at.0));
        super::order_codes::begin(app, work, &paid, &lines, by).await?;
    }
    super::licences::issue(app, work, settlement, &lines).await?;
    if store::invoices::of_order(&mut work.tx, order.id).await?.is_empty() {
        let seller = store::seller::get(&mut work.tx).await?;
        let Some(seller) = seller else { return refuse("", OrderError::NoSeller) };
        let paid = Paid { on: *on, how: (*how).to_owned() };
        invoice(work, order, &lines, &seller, Some(paid)).await?;
    } else {
        store::invoices::set_paid(&mut work.tx, order.id, work.now).await?;
        work.job(&Job::OrderPaid { id: order.id.to_string() }).await?;
    }
    let details = format!("{} {how}", sum(order)?).trim_end().to_owned();
    work.note(settlement.note("order.paid", details));
    Ok(true)
}

/// Makes an order's invoice, and has it mailed; its number is given.
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
    // The whole of that day is there to pay.
    let due_at = due_on.map(time::end_of);
    let new =
        NewInvoice { document: &document, number, corrects: None, issued_at: work.now, due_at, paid_at };
    let id = store::invoices::insert(&mut work.tx, &new).await?;
    work.job(&Job::Document { id: id.to_string() }).await?;
    Ok(document.number)
}

/// `serials` are those of all lines, each with the number of its line.
fn invoice_line(number: i64, line: &OrderLine, serials: &[(i64, String)]) -> Line {
    let (description, unit) = match &line.voucher {
        Some(wish) => {
            let what = wish.resource_type.label();
            let (years, codes) = (counted(wish.years, "year"), counted(wish.codes, "code"));
            let text = format!("{}: {what}, {} for {years}, in {codes}", wish.name, wish.subscriptions);
            (text, wish.unit())
        }
        None => {
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

fn counted(n: i64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", crate::model::amount::grouped(n)) }
}

pub(super) fn billing(order: &OrderRow) -> OpResult<Billing> {
    serde_json::from_str(order.billing.as_deref().unwrap_or_default())
        .map_err(|e| OpError::Internal(format!("order {} has no billing data: {e}", order.id)))
}

/// The day of a moment in UTC, as documents have it.
pub(super) fn date(at: Moment) -> Date {
    at.zoned(&TimeZone::UTC).date()
}

/// Takes the whole invoice of an unpaid order back; the credit note's number is given, if there is one.
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

/// Makes a credit note of parts of an invoice and has it mailed; its number and id are given. It is settled
/// where nothing is to be given back.
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

/// What the operator saw on the bank's statement.
#[derive(Debug, Clone)]
pub struct BankPayment<'a> {
    /// Minor units of the order's currency.
    pub amount: i64,
    /// The day on the statement.
    pub on: Date,
    pub reference: &'a str,
}

/// The operator marks an order as paid: its vouchers and licences come into being.
///
/// # Errors
/// A refusal where another sum came, the day is to come, or the order is not waiting for a payment.
pub async fn mark_paid(
    app: &App,
    actor: &Actor,
    key: &str,
    order_id: i64,
    came: &BankPayment<'_>,
) -> OpResult<Outcome> {
    actor.require_operator()?;
    let reference: String = came.reference.trim().to_owned();
    if reference.chars().any(crate::model::text::is_hidden) {
        return refuse("reference", FieldReason::HiddenCharacters);
    }
    if reference.chars().count() > REFERENCE_LENGTH_MAX {
        return refuse("reference", FieldReason::TooLong { maximum: REFERENCE_LENGTH_MAX });
    }
    let request = serde_json::json!([order_id, came.amount, came.on.to_string(), reference]).to_string();
    work_once!(app, actor, key, "mark_paid", &request, work => {
        let found = store::orders::lock(&mut work.tx, &actor.company_path, order_id).await?;
        let row = found.ok_or(OpError::NotFound)?;
        if row.state() != OrderState::AwaitingPayment {
            return refuse("", OrderError::NotOpen);
        }
        if came.amount != row.total {
            let due = Money::new(row.total, currency(&row)?);
            return refuse("amount", OrderError::OtherAmount { due });
        }
        let today = work.now.zoned(&actor.time_zone).date();
        if came.on > today {
            return refuse("day", OrderError::FutureDay);
        }
        if today.duration_since(came.on).as_hours() > STATEMENT_HOURS_MAX {
            return refuse("day", OrderError::OldDay);
        }
        let payment = NewPayment {
            order_id,
            provider: "bank",
            state: "paid",
            amount: came.amount,
            currency: &row.currency,
            reference: &reference,
            created_at: work.now,
            ask_at: None,
            ended_at: Some(work.now),
        };
        store::payments::insert(&mut work.tx, &payment).await?;
        let how = "by bank transfer";
        settle(app, work, &Settlement { order: &row, by: actor.for_ledger(), how, on: came.on }).await?;
        if row.method() == Some(Method::Card) {
            work.job(&Job::CloseCardPages { id: order_id.to_string() }).await?;
        }
        let is_being_made = store::orders::is_being_made(&mut work.tx, order_id).await?;
        Ok(Outcome::of(OrderEvent::Paid { order_id, is_being_made }))
    })
}

/// A document of the actor's tree, with all that stands on it.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`OpError::Forbidden`] for end users.
pub async fn document(app: &App, actor: &Actor, id: i64) -> OpResult<Document> {
    actor.require_tree()?;
    let mut tx = app.db.read().await?;
    let found = store::invoices::find(&mut tx, &actor.company_path, id).await?;
    Ok(found.ok_or(OpError::NotFound)?.document()?)
}

/// The operator has paid back what a credit note says; the order's id is given.
///
/// # Errors
/// [`OpError::NotFound`] where there is no such credit note.
pub async fn settle_credit_note(app: &App, actor: &Actor, key: &str, id: i64) -> OpResult<i64> {
    actor.require_operator()?;
    let outcome = work_once!(app, actor, key, "settle_credit_note", &id.to_string(), work => {
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
