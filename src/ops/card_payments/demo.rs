//! The demo's own card page. What a payer does there becomes an event, and takes the same path as a provider's.

use super::sum;
use crate::app::App;
use crate::cards::{Event, EventKind};
use crate::model::money::Money;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult};
use crate::store;
use crate::store::payments::PaymentRow;

/// The demo's name as a provider.
const PROVIDER: &str = "demo";

/// What the demo's card page shows.
#[derive(Debug, Clone)]
pub struct DemoPayment {
    pub order_id: i64,
    pub amount: Money,
    pub is_open: bool,
}

/// The payer's choice on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoAnswer {
    Pay,
    Decline,
}

/// A payment of the actor's own company on the demo's card page.
///
/// # Errors
/// [`OpError::NotFound`] if there is none, and outside of the demo.
pub async fn demo_payment(app: &App, actor: &Actor, session_id: &str) -> OpResult<DemoPayment> {
    let payment = find(app, actor, session_id).await?;
    let (order_id, amount) = (payment.order_id, sum(&payment)?);
    Ok(DemoPayment { order_id, amount, is_open: payment.state == "open" })
}

async fn find(app: &App, actor: &Actor, session_id: &str) -> OpResult<PaymentRow> {
    crate::ops::buying::require_any(app, actor).await?;
    // An address may contain a NUL, which PostgreSQL's text cannot hold.
    if !app.cards.are_demo() || !session_id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(OpError::NotFound);
    }
    let mut tx = app.db.read().await?;
    let payment = store::payments::by_session(&mut tx, PROVIDER, session_id).await?;
    let payment = payment.ok_or(OpError::NotFound)?;
    let order = store::orders::find(&mut tx, &actor.company_path, payment.order_id).await?;
    order.filter(|o| o.company_id == actor.company_id).map(|_| payment).ok_or(OpError::NotFound)
}

/// Reports the payer's choice to the portal; returns the order's id. Once per operation id, and per payment.
///
/// # Errors
/// As [`demo_payment`].
pub async fn demo_answer(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    session_id: &str,
    answer: DemoAnswer,
) -> OpResult<i64> {
    let payment = find(app, actor, session_id).await?;
    let event = Event {
        id: format!("demo_event_{operation_id}"),
        kind: match answer {
            DemoAnswer::Pay => EventKind::SessionCompleted { is_paid: true },
            DemoAnswer::Decline => EventKind::AsyncFailed,
        },
        created: app.clock.now(),
        session_id: Some(session_id.to_owned()),
        payment_intent: Some(format!("demo_intent_{}", payment.id)),
        amount_total: Some(sum(&payment)?),
        reference: Some(payment.reference),
        dispute: None,
    };
    super::take(app, PROVIDER, &event).await?;
    Ok(payment.order_id)
}
