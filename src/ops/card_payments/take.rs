//! What a card provider reports of a payment, in an event or when asked: applied once, in any order.

use super::sum;
use crate::app::App;
use crate::cards::{Event, EventKind};
use crate::model::job::Job;
use crate::model::ledger;
use crate::model::money::Money;
use crate::model::order::OrderState;
use crate::ops::error::{OpError, OpResult};
use crate::ops::invoices::date;
use crate::ops::payments::{Settlement, settle};
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::history::NewHistory;
use crate::store::orders::OrderRow;
use crate::store::payments::PaymentRow;

/// The state of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Paid(Money),
    /// The payer is done; the money has not arrived.
    UnderWay,
    Failed,
    Expired,
    /// All of it was refunded.
    PaidBack,
}

/// Takes an event from the provider. One that was taken before, or that concerns no payment here, changes nothing.
///
/// # Errors
/// Whatever prevents it from being taken now; the provider sends it again.
pub async fn take(app: &App, provider: &'static str, event: &Event) -> OpResult<()> {
    work!(app, work => {
        let found = match (&event.reference, &event.payment_intent, &event.dispute) {
            (Some(reference), ..) => store::payments::by_reference(&mut work.tx, provider, reference).await?,
            (None, Some(intent), Some(_)) => store::payments::by_intent(&mut work.tx, provider, intent).await?,
            _ => None,
        };
        let Some(payment) = found else { return Ok(()) };
        // Payments on pages have events of their own.
        if event.kind == EventKind::Charged && payment.saved_card().is_none() {
            return Ok(());
        }
        let kind = name(event.kind);
        if !store::payments::take_event(&mut work.tx, provider, &event.id, kind, work.now).await? {
            return Ok(());
        }
        if let (EventKind::Disputed(state), Some(dispute)) = (event.kind, &event.dispute) {
            return super::disputes::take(app, work, &payment, event, (dispute, state)).await;
        }
        // The event may arrive before the answer to the request that opened the page.
        if let (None, Some(session)) = (&payment.session_id, &event.session_id) {
            let ask_at = work.now.plus_seconds(super::ASK_AFTER_SECONDS);
            store::payments::set_session(&mut work.tx, payment.id, session, None, ask_at).await?;
        }
        match word(event) {
            Some(word) => believe(app, work, &payment, word, event.payment_intent.as_deref()).await,
            None => Ok(()),
        }
    })
}

/// An event's name in the database.
fn name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::SessionCompleted { is_paid: true } => "paid",
        EventKind::SessionCompleted { is_paid: false } => "under_way",
        EventKind::AsyncSucceeded => "async_succeeded",
        EventKind::AsyncFailed => "async_failed",
        EventKind::SessionExpired => "expired",
        EventKind::Refunded { .. } => "refunded",
        EventKind::Charged => "charged",
        EventKind::Disputed(_) => "disputed",
        EventKind::Other => "other",
    }
}

fn word(event: &Event) -> Option<Status> {
    match event.kind {
        EventKind::SessionCompleted { is_paid: true } | EventKind::AsyncSucceeded | EventKind::Charged => {
            event.amount_total.map(Status::Paid)
        }
        EventKind::SessionCompleted { is_paid: false } => Some(Status::UnderWay),
        EventKind::AsyncFailed => Some(Status::Failed),
        EventKind::SessionExpired => Some(Status::Expired),
        // Each credit note refunds a part of it.
        EventKind::Refunded { total } => (event.amount_total == Some(total)).then_some(Status::PaidBack),
        EventKind::Disputed(_) | EventKind::Other => None,
    }
}

/// Applies the provider's report; a second time does nothing.
pub(super) async fn believe(
    app: &App,
    work: &mut Work,
    payment: &PaymentRow,
    word: Status,
    intent: Option<&str>,
) -> OpResult<()> {
    let (id, now) = (payment.id, work.now);
    match word {
        Status::Paid(came) => return paid(app, work, payment, intent, came).await,
        Status::UnderWay => store::payments::set_under_way(&mut work.tx, id, intent).await?,
        Status::Failed => {
            store::payments::end(&mut work.tx, id, "failed", intent, now).await?;
        }
        Status::Expired => {
            store::payments::end(&mut work.tx, id, "expired", intent, now).await?;
        }
        Status::PaidBack => {
            let (_, order) = lock(work, payment).await?;
            if store::payments::set_refunded(&mut work.tx, id, intent, now).await? {
                if payment.has_paid == 1 {
                    // Codes that are no longer paid for and not made yet are not made.
                    store::orders::stop_codes(&mut work.tx, order.id).await?;
                }
                note(work, &order, "order.refunded", &sum(payment)?.to_string());
            }
        }
    }
    Ok(())
}

/// Money has arrived: settles the order, or marks the money due back if the order was cancelled or paid otherwise.
/// Any sum other than the one asked for settles nothing, and a person has to look at it.
async fn paid(app: &App, work: &mut Work, payment: &PaymentRow, intent: Option<&str>, came: Money) -> OpResult<()> {
    let (root_id, order) = lock(work, payment).await?;
    let due = sum(payment)?;
    let is_due = order.state() == OrderState::AwaitingPayment;
    let state = match (came == due, is_due) {
        (false, _) => "failed",
        (true, true) => "paid",
        (true, false) => "refund_due",
    };
    if !store::payments::end_late(&mut work.tx, payment.id, state, intent, work.now).await? {
        return Ok(());
    }
    match state {
        "failed" => {
            tracing::error!(payment = payment.id, %came, %due, "another sum was paid than was asked for");
            note(work, &order, "order.other_sum", &format!("{came} instead of {due}"));
        }
        "paid" => {
            let by = ledger::ActorFacts::portal(root_id);
            settle(app, work, &Settlement { order: &order, by, how: "by card", on: date(work.now) }).await?;
        }
        _ => work.job(&Job::Refund { id: payment.id.to_string() }).await?,
    }
    Ok(())
}

/// The order of a payment, locked; and the root company.
pub(super) async fn lock(work: &mut Work, payment: &PaymentRow) -> OpResult<(i64, OrderRow)> {
    let (root_id, root) = store::companies::root(&mut work.tx).await?.ok_or(OpError::NotFound)?;
    let order = store::orders::lock(&mut work.tx, &root, payment.order_id).await?;
    Ok((root_id, order.ok_or(OpError::NotFound)?))
}

/// No signed-in user does what a provider reports.
pub(super) fn note(work: &mut Work, order: &OrderRow, verb: &'static str, details: &str) {
    work.note(NewHistory {
        actor_id: None,
        company_id: Some(order.company_id),
        address: String::new(),
        verb,
        subject: format!("Order {}", order.id),
        details: details.to_owned(),
        token: None,
    });
}
