//! Tries to pay orders, and what a card provider told of them.

use sqlx::FromRow;

use super::db::{Result, Tx, sql};
use super::ledger::reserve;
use crate::model::time::Moment;

/// A try to pay an order.
#[derive(Debug, Clone, FromRow)]
pub struct PaymentRow {
    pub id: i64,
    pub order_id: i64,
    pub provider: String,
    pub state: String,
    pub amount: i64,
    pub currency: String,
    pub session_id: Option<String>,
    pub session_url: Option<String>,
    pub intent: Option<String>,
    pub reference: String,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

/// A payment that begins, or one by bank that has come.
pub struct NewPayment<'a> {
    pub order_id: i64,
    pub provider: &'a str,
    pub state: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    pub reference: &'a str,
    pub created_at: Moment,
    pub ended_at: Option<Moment>,
}

/// Keeps a payment; its id is given.
///
/// # Errors
/// Whatever the database says.
pub async fn insert(tx: &mut Tx, new: &NewPayment<'_>) -> Result<i64> {
    let id = reserve(tx, "payment", 1).await?[0];
    sql("insert into payment (id, order_id, provider, state, amount, currency, reference, created_at, ended_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
    .bind(id)
    .bind(new.order_id)
    .bind(new.provider)
    .bind(new.state)
    .bind(new.amount)
    .bind(new.currency)
    .bind(new.reference)
    .bind(new.created_at)
    .bind(new.ended_at.map(|at| at.0))
    .run(tx)
    .await?;
    Ok(id)
}

/// The payments of an order, in order.
///
/// # Errors
/// Whatever the database says.
pub async fn of_order(tx: &mut Tx, order_id: i64) -> Result<Vec<PaymentRow>> {
    sql("select * from payment where order_id = $1 order by id").bind(order_id).all(tx).await
}

/// The payment that a card provider's session belongs to.
///
/// # Errors
/// Whatever the database says.
pub async fn by_session(tx: &mut Tx, provider: &str, session_id: &str) -> Result<Option<PaymentRow>> {
    sql("select * from payment where provider = $1 and session_id = $2")
        .bind(provider)
        .bind(session_id)
        .optional(tx)
        .await
}

/// A payment.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<PaymentRow>> {
    sql("select * from payment where id = $1").bind(id).optional(tx).await
}

/// Keeps the session that a provider opened for a payment; one that has a session keeps it.
///
/// # Errors
/// Whatever the database says.
pub async fn set_session(tx: &mut Tx, id: i64, session_id: &str, url: &str) -> Result<bool> {
    let changed =
        sql("update payment set session_id = $2, session_url = $3 where id = $1 and session_id is null")
            .bind(id)
            .bind(session_id)
            .bind(url)
            .run(tx)
            .await?;
    Ok(changed > 0)
}

/// Ends an open payment; tells whether it was open.
///
/// # Errors
/// Whatever the database says.
pub async fn end(tx: &mut Tx, id: i64, state: &str, intent: Option<&str>, now: Moment) -> Result<bool> {
    // A try that failed or expired may still be paid: events come in any order.
    let changed = sql("update payment set state = $2, intent = coalesce($3, intent), ended_at = $4
         where id = $1 and (state = 'open' or ($5 = 1 and state in ('failed', 'expired')))")
    .bind(id)
    .bind(state)
    .bind(intent.map(str::to_owned))
    .bind(now)
    .bind(i64::from(matches!(state, "paid" | "refund_due")))
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Takes an event of a provider; false where it was taken before.
///
/// # Errors
/// Whatever the database says.
pub async fn take_event(
    tx: &mut Tx,
    provider: &str,
    event_id: &str,
    kind: &str,
    now: Moment,
) -> Result<bool> {
    let added = sql("insert into payment_event (provider, event_id, kind, at) values ($1, $2, $3, $4)
         on conflict do nothing")
    .bind(provider)
    .bind(event_id)
    .bind(kind)
    .bind(now)
    .run(tx)
    .await?;
    Ok(added > 0)
}

/// Notes that a payment was given back.
///
/// # Errors
/// Whatever the database says.
pub async fn set_refunded(tx: &mut Tx, id: i64, now: Moment) -> Result<()> {
    sql("update payment set state = 'refunded', ended_at = $2 where id = $1 and state = 'refund_due'")
        .bind(id)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}
