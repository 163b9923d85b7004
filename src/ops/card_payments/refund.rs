//! Refunds money that came for an order that was already cancelled or paid.

use super::sum;
use super::take::{Status, believe};
use crate::app::App;
use crate::ops::error::OpResult;
use crate::ops::work::work;
use crate::store;
use crate::store::payments::PaymentRow;

/// Refunds a payment that is due back. Running it again refunds it only once.
///
/// # Errors
/// What the provider answered; the job is retried.
pub async fn refund(app: &App, payment_id: &str) -> Result<(), String> {
    let payment_id: i64 = payment_id.parse().map_err(|_| "no such payment".to_owned())?;
    let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
    let payment = store::payments::find(&mut tx, payment_id).await.map_err(|e| e.to_string())?;
    drop(tx);
    let Some(payment) = payment.filter(|p| p.state == "refund_due") else { return Ok(()) };
    let amount = sum(&payment).map_err(|e| e.to_string())?;
    let intent = payment.intent.as_deref().ok_or("the payment has no number at the provider")?;
    let key = format!("scrip-refund-{}", payment.reference);
    let refund = app.cards.refund(intent, amount, &key).await.map_err(|e| e.to_string())?;
    if refund.has_failed() {
        return Err(format!("refund {} is {}", refund.id, refund.status));
    }
    paid_back(app, &payment).await.map_err(|e| e.to_string())
}

async fn paid_back(app: &App, payment: &PaymentRow) -> OpResult<()> {
    work!(app, work => { believe(app, work, payment, Status::PaidBack, None).await })
}
