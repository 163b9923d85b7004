//! Attempts to pay orders, and events that a card provider reported about them.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use super::ledger::reserve;
use crate::model::time::Moment;

/// An attempt to pay an order.
#[derive(Debug, Clone, FromRow)]
pub struct PaymentRow {
    pub id: i64,
    pub order_id: i64,
    pub provider: String,
    pub state: String,
    /// 1 for the payment that settled its order, even after it was refunded.
    pub has_paid: i64,
    pub amount: i64,
    pub currency: String,
    pub session_id: Option<String>,
    pub session_url: Option<String>,
    /// The provider's id of the money, known once the payer is done.
    pub intent: Option<String>,
    /// The payment's name at the provider or on the bank statement.
    pub reference: String,
    pub created_at: i64,
    pub ended_at: Option<i64>,
    /// The saved card that is charged without anybody present: the provider's customer and method.
    pub customer: Option<String>,
    pub method: Option<String>,
}

impl PaymentRow {
    /// The saved card that is charged, if it is not paid on the provider's page.
    #[must_use]
    pub fn saved_card(&self) -> Option<(&str, &str)> {
        self.customer.as_deref().zip(self.method.as_deref())
    }

    /// Whether the payer is done, or their saved card is charged, but the money has not arrived.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.state == "open" && (self.intent.is_some() || self.saved_card().is_some())
    }
}

/// A payment that starts, or one by bank that has arrived.
pub struct NewPayment<'a> {
    pub order_id: i64,
    pub provider: &'a str,
    pub state: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    pub reference: &'a str,
    pub created_at: Moment,
    /// When to ask the provider for the status, if it reports nothing before.
    pub ask_at: Option<Moment>,
    pub ended_at: Option<Moment>,
}

/// Stores a payment; returns its id.
pub async fn insert(tx: &mut WriteTx, new: &NewPayment<'_>) -> Result<i64> {
    let id = reserve(tx, "payment", 1).await?[0];
    sql(
        "insert into payment (id, order_id, provider, state, amount, currency, reference, created_at, ask_at, ended_at,
         has_paid) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, case $4 when 'paid' then 1 else 0 end)",
    )
    .bind(id)
    .bind(new.order_id)
    .bind(new.provider)
    .bind(new.state)
    .bind(new.amount)
    .bind(new.currency)
    .bind(new.reference)
    .bind(new.created_at)
    .bind(new.ask_at)
    .bind(new.ended_at)
    .run(tx)
    .await?;
    Ok(id)
}

/// The payments of an order, oldest first.
pub async fn of_order(tx: &mut Tx, order_id: i64) -> Result<Vec<PaymentRow>> {
    sql("select * from payment where order_id = $1 order by id").bind(order_id).all(tx).await
}

/// Finds the payment of a card provider's session.
pub async fn by_session(tx: &mut Tx, provider: &str, session_id: &str) -> Result<Option<PaymentRow>> {
    sql("select * from payment where provider = $1 and session_id = $2")
        .bind(provider)
        .bind(session_id)
        .optional(tx)
        .await
}

/// Finds a payment.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<PaymentRow>> {
    sql("select * from payment where id = $1").bind(id).optional(tx).await
}

/// Finds the card payment with this reference.
pub async fn by_reference(tx: &mut Tx, provider: &str, reference: &str) -> Result<Option<PaymentRow>> {
    sql("select * from payment where provider <> 'bank' and provider = $1 and reference = $2")
        .bind(provider)
        .bind(reference)
        .optional(tx)
        .await
}

/// Finds the card payment whose money the provider calls so.
pub async fn by_intent(tx: &mut Tx, provider: &str, intent: &str) -> Result<Option<PaymentRow>> {
    sql("select * from payment where provider = $1 and intent = $2 order by id limit 1")
        .bind(provider)
        .bind(intent)
        .optional(tx)
        .await
}

/// Records the session that a provider opened for a payment, and its address if known; an existing session stays.
pub async fn set_session(tx: &mut WriteTx, id: i64, session_id: &str, url: Option<&str>, ask_at: Moment) -> Result<()> {
    sql("update payment set session_id = $2, session_url = coalesce($3, session_url), ask_at = $4
         where id = $1 and (session_id is null or session_id = $2)")
    .bind(id)
    .bind(session_id)
    .bind(url.map(str::to_owned))
    .bind(ask_at)
    .run(tx)
    .await?;
    Ok(())
}

/// Records that a saved card is charged for an open payment, unless it has a page; returns whether it is so. The provider
/// is asked afterwards, with this card and no other.
pub async fn set_card(tx: &mut WriteTx, id: i64, customer: &str, method: &str, ask_at: Moment) -> Result<bool> {
    let changed =
        sql("update payment set customer = coalesce(customer, $2), method = coalesce(method, $3), ask_at = $4
         where id = $1 and state = 'open' and session_id is null");
    Ok(changed.bind(id).bind(customer).bind(method).bind(ask_at).run(tx).await? > 0)
}

/// Records that the payer of an open payment is done.
pub async fn set_under_way(tx: &mut WriteTx, id: i64, intent: Option<&str>) -> Result<()> {
    sql("update payment set intent = coalesce($2, intent) where id = $1 and state = 'open'")
        .bind(id)
        .bind(intent.map(str::to_owned))
        .run(tx)
        .await?;
    Ok(())
}

/// Ends an open payment; returns whether it was open.
pub async fn end(tx: &mut WriteTx, id: i64, state: &str, intent: Option<&str>, now: Moment) -> Result<bool> {
    let ended = sql("update payment set state = $2, intent = coalesce($3, intent), ended_at = $4
         where id = $1 and state = 'open'");
    Ok(ended.bind(id).bind(state).bind(intent.map(str::to_owned)).bind(now).run(tx).await? > 0)
}

/// Ends a payment whose money has arrived, even one that failed or expired, since events come in any order. Returns
/// whether this is new.
pub async fn end_late(tx: &mut WriteTx, id: i64, state: &str, intent: Option<&str>, now: Moment) -> Result<bool> {
    let ended = sql("update payment set state = $2, intent = coalesce($3, intent), ended_at = $4,
         has_paid = case $2 when 'paid' then 1 else 0 end
         where id = $1 and state in ('open', 'failed', 'expired')");
    Ok(ended.bind(id).bind(state).bind(intent.map(str::to_owned)).bind(now).run(tx).await? > 0)
}

/// Takes open payments whose provider must be asked now. Those that began after `young_from` are asked again at `soon`,
/// the others at `later`.
pub async fn take_due(
    tx: &mut WriteTx,
    provider: &str,
    now: Moment,
    (young_from, soon, later): (Moment, Moment, Moment),
    limit: i64,
) -> Result<Vec<PaymentRow>> {
    sql("update payment set ask_at = case when created_at > $3 then cast($4 as bigint) else cast($5 as bigint) end
         where id in (select id from payment where state = 'open' and ask_at <= $1 and provider = $2
             order by ask_at, id limit $6")
    .locking(" for update skip locked")
    .push(") returning *")
    .bind(now)
    .bind(provider)
    .bind(young_from)
    .bind(soon)
    .bind(later)
    .bind(limit)
    .returning(tx)
    .await
}

/// Takes a provider's event; `false` if it was taken before.
pub async fn take_event(tx: &mut WriteTx, provider: &str, event_id: &str, kind: &str, now: Moment) -> Result<bool> {
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

/// Records that a payment was fully refunded; returns whether this is new.
pub async fn set_refunded(tx: &mut WriteTx, id: i64, intent: Option<&str>, now: Moment) -> Result<bool> {
    let changed = sql("update payment set state = 'refunded', intent = coalesce($2, intent), ended_at = $3
         where id = $1 and state <> 'refunded'");
    Ok(changed.bind(id).bind(intent.map(str::to_owned)).bind(now).run(tx).await? > 0)
}
