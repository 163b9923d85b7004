//! Settles a paid order: makes its vouchers, fills the buyer's own pool, issues its licences' keys and settles its
//! invoice, all in one transaction and once, no matter who reports the payment or how often. The order's own row decides: it is locked, and leaves
//! `awaiting_payment` only once.

use jiff::civil::Date;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use super::invoices::{date, invoice};
use super::orders::currency;
use crate::app::App;
use crate::model::event::OrderEvent;
use crate::model::invoice::Paid;
use crate::model::job::Job;
use crate::model::ledger;
use crate::model::money::Money;
use crate::model::order::{Method, OrderError, OrderState};
use crate::model::refusal::FieldReason;
use crate::model::time::Moment;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::history::NewHistory;
use crate::store::orders::OrderRow;
use crate::store::payments::NewPayment;

/// The oldest accepted statement: a year back.
const STATEMENT_HOURS_MAX: i64 = 366 * 24;
/// The most characters of a bank's reference.
pub const REFERENCE_LENGTH_MAX: usize = 140;

/// An order's total, formatted.
///
/// # Errors
/// [`OpError::Internal`] for a currency that Scrip never wrote.
pub fn sum(row: &OrderRow) -> OpResult<String> {
    Ok(Money::new(row.total, currency(row)?).to_string())
}

/// The payment of an order.
pub(super) struct Settlement<'a> {
    pub order: &'a OrderRow,
    /// The portal if a card provider reported it, else the operator.
    pub by: ledger::ActorFacts,
    /// "by card".
    pub how: &'static str,
    /// The day of the payment.
    pub on: Date,
}

impl<'a> Settlement<'a> {
    /// An order that costs nothing: the portal fulfils it as placed.
    pub fn free(actor: &Actor, order: &'a OrderRow, now: Moment) -> Settlement<'a> {
        let root_id = actor.company_path.ids().first().copied().unwrap_or(actor.company_id);
        Settlement { order, by: ledger::ActorFacts::portal(root_id), how: "", on: date(now) }
    }

    /// A history row about the order.
    pub fn note(&self, verb: &'static str, details: String) -> NewHistory {
        let Settlement { order, by, .. } = self;
        NewHistory {
            actor_id: Some(by.user_id).filter(|id| *id != ledger::ActorFacts::PORTAL),
            company_id: Some(order.company_id),
            address: by.address.clone(),
            verb,
            subject: format!("Order {}", order.id),
            details,
            token: None,
        }
    }
}

/// Settles an order that the caller has locked; false if it no longer waits for that.
pub(super) async fn settle(app: &App, work: &mut Work, settlement: &Settlement<'_>) -> OpResult<bool> {
    let Settlement { order, how, on, .. } = settlement;
    let lines = store::orders::lines(&mut work.tx, order.id).await?;
    let vouchers = || lines.iter().filter_map(|(_, line)| line.voucher.as_ref());
    let codes: i64 = vouchers().map(|voucher| voucher.codes).sum();
    // The same for all of them: see `OrderError::OtherValidity`.
    let valid_months = vouchers().map(|voucher| voucher.valid_months).min();
    let expires_at = valid_months.map(|months| work.now.plus_months(months));
    if !store::orders::set_paid(&mut work.tx, order.id, work.now, expires_at, codes).await? {
        return Ok(false);
    }
    if codes > 0 {
        let by = settlement.by.clone();
        let mut paid = (*order).clone();
        (paid.codes_wanted, paid.expires_at) = (codes, expires_at.map(|at| at.0));
        super::order_codes::begin(app, work, &paid, &lines, by).await?;
    }
    super::own_pool::fill(app, work, order, &lines, settlement.by.clone()).await?;
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

/// What the operator saw on the bank's statement.
#[derive(Debug, Clone)]
pub struct BankPayment<'a> {
    /// In minor units of the order's currency.
    pub amount: i64,
    /// The day on the statement.
    pub on: Date,
    pub reference: &'a str,
}

/// Marks an order as paid on the operator's word, and makes its vouchers and licences.
///
/// # Errors
/// A refusal if the sum differs, the day is in the future, or the order does not wait for a payment.
pub async fn mark_paid(
    app: &App,
    actor: &Actor,
    operation_id: &str,
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
    work_once!(app, actor, operation_id, "mark_paid", &request, work => {
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
