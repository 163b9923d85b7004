//! Charges a company's saved card without anybody present. The payment is stored with the card before the provider is
//! asked, and its reference is the provider's idempotency key: asking again charges once.

use super::ask::UNDER_WAY_SECONDS_MAX;
use super::sum;
use super::take::{Status, believe};
use crate::app::App;
use crate::cards::{Charge, ChargeRequest};
use crate::model::order::OrderState;
use crate::model::time::Moment;
use crate::ops::error::{OpError, OpResult};
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::payments::PaymentRow;
use crate::store::top_ups::SavedCard;

/// The provider forgets keys after a day. After this long it is asked what it knows instead.
const KEY_SECONDS_MAX: i64 = 20 * 3_600;
/// When to ask again about a charge without an answer.
const ASK_AGAIN_SECONDS: i64 = 60;

/// Charges a card for the open payment of an order that has just been placed. Without an answer the job asks again.
pub(in crate::ops) async fn begin(app: &App, order_id: i64, card: &SavedCard) -> OpResult<()> {
    let payment: Option<PaymentRow> = work!(app, work => {
        let payments = store::payments::of_order(&mut work.tx, order_id).await?;
        let Some(payment) = payments.into_iter().rev().find(|p| p.state == "open") else { return Ok(None) };
        let ask_at = work.now.plus_seconds(ASK_AGAIN_SECONDS);
        store::payments::set_card(&mut work.tx, payment.id, &card.customer, &card.method, ask_at).await?;
        Ok(store::payments::find(&mut work.tx, payment.id).await?)
    })?;
    match payment {
        Some(payment) => ask(app, &payment).await,
        None => Ok(()),
    }
}

/// Charges the card of a payment, or asks what became of it.
pub(super) async fn ask(app: &App, payment: &PaymentRow) -> OpResult<()> {
    let Some((customer, method)) = payment.saved_card() else { return Ok(()) };
    let request = ChargeRequest {
        reference: &payment.reference,
        amount: sum(payment)?,
        customer,
        method,
        description: &format!("Order {}", payment.order_id),
    };
    let began = Moment(payment.created_at);
    let is_before = |seconds| app.clock.now() < began.plus_seconds(seconds);
    let found = match is_before(KEY_SECONDS_MAX) && is_awaited(app, payment.order_id).await? {
        true => charge(app, &request, began).await,
        // What nobody waits for any more is looked for, never begun; if it is not there, it never arrived.
        false => match app.cards.find_charge(customer, &payment.reference, began).await {
            Ok(found) => Some(found.unwrap_or(Charge::Declined)),
            Err(error) => {
                tracing::warn!(%error, payment = payment.id, "the card provider did not list a customer's charges");
                None
            }
        },
    };
    let Some(charge) = found.or_else(|| (!is_before(UNDER_WAY_SECONDS_MAX)).then_some(Charge::Declined)) else {
        // The job asks again.
        return Ok(());
    };
    work!(app, work => { apply(app, work, payment, &charge).await })
}

/// Charges; `None` if it is not known what became of it.
async fn charge(app: &App, request: &ChargeRequest<'_>, began: Moment) -> Option<Charge> {
    let error = match app.cards.charge(request).await {
        Ok(charge) => return Some(charge),
        Err(error) if error.is_never_done() => {
            tracing::error!(%error, reference = request.reference, "a saved card could not be charged");
            return Some(Charge::Declined);
        }
        Err(error) => error,
    };
    if error.is_providers_fault() {
        // It keeps its own fault as the key's answer: whether it charged, only its list tells.
        let found = app.cards.find_charge(request.customer, request.reference, began).await;
        if let Ok(Some(charge)) = found {
            return Some(charge);
        }
    }
    tracing::warn!(%error, reference = request.reference, "it is not known whether a saved card was charged");
    None
}

async fn is_awaited(app: &App, order_id: i64) -> OpResult<bool> {
    let mut tx = app.db.read().await?;
    let (_, root) = store::companies::root(&mut tx).await?.ok_or(OpError::NotFound)?;
    let order = store::orders::find(&mut tx, &root, order_id).await?;
    Ok(order.is_some_and(|order| order.state() == OrderState::AwaitingPayment))
}

async fn apply(app: &App, work: &mut Work, payment: &PaymentRow, charge: &Charge) -> OpResult<()> {
    match charge {
        Charge::Paid { intent, amount } => believe(app, work, payment, Status::Paid(*amount), Some(intent)).await,
        Charge::UnderWay { intent } => believe(app, work, payment, Status::UnderWay, Some(intent)).await,
        Charge::Declined => believe(app, work, payment, Status::Failed, None).await,
        Charge::NeedsPayer => {
            believe(app, work, payment, Status::Failed, None).await?;
            crate::ops::top_ups::needs_payer(app, work, payment.order_id).await
        }
    }
}
