//! Asks the provider for a payment's state: when the payer is back before the event, and from a job, so that an event
//! that never comes loses nothing.

use super::take::{Status, believe};
use super::{ASK_AFTER_SECONDS, ends_at};
use crate::app::App;
use crate::cards::SessionState;
use crate::model::time::Moment;
use crate::ops::actor::Actor;
use crate::ops::error::OpResult;
use crate::ops::work::work;
use crate::store;
use crate::store::payments::PaymentRow;

/// A page is asked about every minute for this long, then less often.
const YOUNG_SECONDS: i64 = 3_600;
const ASK_LATER_SECONDS: i64 = 900;
/// How many payments are asked about at once.
const ASKED_AT_ONCE: i64 = 20;
/// Money that has not come after this long does not come.
pub(super) const UNDER_WAY_SECONDS_MAX: i64 = 30 * 86_400;

/// Asks the provider for the state of an order's payment: a browser may be back before the event.
///
/// # Errors
/// [`OpError::NotFound`](crate::ops::error::OpError) outside the actor's tree.
pub async fn refresh(app: &App, actor: &Actor, order_id: i64) -> OpResult<()> {
    let order = crate::ops::orders::find(app, actor, order_id).await?;
    for payment in order.payments.iter().filter(|p| is_open_here(app, p)) {
        ask(app, payment).await?;
    }
    Ok(())
}

/// Asks about the next payments that no event has come for; returns whether there may be more.
pub async fn ask_due(app: &App) -> OpResult<bool> {
    let Some(provider) = app.cards.provider() else { return Ok(false) };
    let due = work!(app, work => {
        let now = work.now;
        let times = (
            now.plus_seconds(-YOUNG_SECONDS),
            now.plus_seconds(ASK_AFTER_SECONDS),
            now.plus_seconds(ASK_LATER_SECONDS),
        );
        Ok(store::payments::take_due(&mut work.tx, provider, now, times, ASKED_AT_ONCE).await?)
    })?;
    for payment in &due {
        ask(app, payment).await?;
    }
    Ok(due.len() as i64 == ASKED_AT_ONCE)
}

fn is_open_here(app: &App, payment: &PaymentRow) -> bool {
    payment.state == "open" && Some(payment.provider.as_str()) == app.cards.provider()
}

async fn ask(app: &App, payment: &PaymentRow) -> OpResult<()> {
    if payment.saved_card().is_some() {
        return super::off_session::ask(app, payment).await;
    }
    let now = app.clock.now();
    let answer = match &payment.session_id {
        Some(session) => app.cards.session(session).await,
        None => Ok(None),
    };
    let is_over = now >= ends_at(payment);
    let (word, intent) = match answer {
        Ok(Some(state)) => (status_of(payment, &state, now), state.payment_intent),
        // There is no page, or it is the demo's own.
        Ok(None) => (is_over.then_some(Status::Expired), None),
        Err(error) => {
            tracing::warn!(%error, payment = payment.id, "the card provider did not say how a payment stands");
            ((is_over && error.is_unknown()).then_some(Status::Expired), None)
        }
    };
    let Some(word) = word else { return Ok(()) };
    work!(app, work => { believe(app, work, payment, word, intent.as_deref()).await })
}

/// What the state of a session means for the payment; `None` as long as it is open.
fn status_of(payment: &PaymentRow, state: &SessionState, now: Moment) -> Option<Status> {
    if state.reference.as_deref() != Some(payment.reference.as_str()) {
        tracing::error!(payment = payment.id, "the provider's page is of another payment");
        return None;
    }
    let is_hopeless = now > Moment(payment.created_at).plus_seconds(UNDER_WAY_SECONDS_MAX);
    match state {
        state if state.is_paid => Some(Status::Paid(state.amount_total)),
        state if state.is_expired => Some(Status::Expired),
        state if state.is_complete && is_hopeless => Some(Status::Failed),
        state => state.is_complete.then_some(Status::UnderWay),
    }
}

/// Closes an order's provider pages that are no longer needed. A payment that comes all the same is refunded.
/// Idempotent.
///
/// # Errors
/// What went wrong; the job is retried.
pub async fn close(app: &App, order_id: &str) -> Result<(), String> {
    let order_id: i64 = order_id.parse().map_err(|_| "no such order".to_owned())?;
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    let payments = store::payments::of_order(&mut tx, order_id).await.map_err(|e| e.to_string())?;
    drop(tx);
    for payment in payments.iter().filter(|p| is_open_here(app, p)) {
        if payment.saved_card().is_some() {
            ask(app, payment).await.map_err(|e| e.to_string())?;
            continue;
        }
        let closed = match &payment.session_id {
            Some(session) => app.cards.expire_session(session).await,
            None => Ok(()),
        };
        match closed {
            Ok(()) => expired(app, payment).await,
            Err(error) if error.is_passing() => return Err(error.to_string()),
            // It is paid, or over: the provider knows which.
            Err(_) => ask(app, payment).await,
        }
        .map_err(|e| e.to_string())?;
    }
    Ok(())
}

async fn expired(app: &App, payment: &PaymentRow) -> OpResult<()> {
    work!(app, work => { believe(app, work, payment, Status::Expired, None).await })
}
