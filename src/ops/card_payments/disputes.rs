//! Disputes: a payer's bank takes the money back, or asks. The provider reports them; the order is flagged while one is
//! open or lost, and its unused codes are not redeemed.

use super::take::{lock, note};
use crate::app::App;
use crate::cards::{DisputeFacts, Event};
use crate::mail;
use crate::model::money::Money;
use crate::model::order::DisputeState;
use crate::ops::error::OpResult;
use crate::ops::work::Work;
use crate::store;
use crate::store::disputes::Report;
use crate::store::payments::PaymentRow;

/// Takes a report of a dispute about a payment.
pub(super) async fn take(
    app: &App,
    work: &mut Work,
    payment: &PaymentRow,
    event: &Event,
    (dispute, state): (&DisputeFacts, DisputeState),
) -> OpResult<()> {
    let (_, order) = lock(work, payment).await?;
    let amount = match event.amount_total {
        Some(amount) => amount,
        None => super::sum(payment)?,
    };
    let report = Report {
        provider: &payment.provider,
        id: &dispute.id,
        payment_id: payment.id,
        order_id: order.id,
        state: state.slug(),
        amount: amount.minor,
        currency: amount.currency.code(),
        reason: &dispute.reason,
        opened_at: dispute.opened_at,
        reported_at: event.created,
    };
    if !store::disputes::record(&mut work.tx, &report).await? {
        return Ok(());
    }
    store::disputes::flag(&mut work.tx, order.id).await?;
    let verb = match state {
        DisputeState::Inquiry => "order.dispute_asked",
        DisputeState::Open => "order.disputed",
        DisputeState::Won => "order.dispute_won",
        DisputeState::Lost => "order.dispute_lost",
    };
    note(work, &order, verb, &format!("{amount}, {}", dispute.reason));
    tell(app, work, order.id, amount, &dispute.reason, state).await
}

/// Mails the seller's contact.
async fn tell(
    app: &App,
    work: &mut Work,
    order_id: i64,
    amount: Money,
    reason: &str,
    state: DisputeState,
) -> OpResult<()> {
    if app.config.mail.is_none() {
        return Ok(());
    }
    let Some(settings) = store::seller::get(&mut work.tx).await? else { return Ok(()) };
    let mail =
        mail::disputed(&settings.seller.email, order_id, &amount.to_string(), reason, state, &app.config.public_url);
    work.mail(app, &mail).await
}
