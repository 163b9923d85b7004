//! Disputes about card payments, as their provider reports them.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::time::Moment;

/// A dispute.
#[derive(Debug, Clone, FromRow)]
pub struct DisputeRow {
    pub payment_id: i64,
    pub state: String,
    pub amount: i64,
    pub currency: String,
    /// The provider's word.
    pub reason: String,
    pub opened_at: i64,
}

/// What a provider reports.
pub struct Report<'a> {
    pub provider: &'a str,
    pub id: &'a str,
    pub payment_id: i64,
    pub order_id: i64,
    pub state: &'a str,
    pub amount: i64,
    pub currency: &'a str,
    pub reason: &'a str,
    pub opened_at: Moment,
    pub reported_at: Moment,
}

/// Records a report, unless a later one was recorded: reports come in any order, and nothing follows a decision.
/// Returns whether it changed the dispute's state.
pub async fn record(tx: &mut WriteTx, report: &Report<'_>) -> Result<bool> {
    let state: Option<(String,)> = sql("select state from dispute where provider = $1 and id = $2")
        .locked()
        .bind(report.provider)
        .bind(report.id)
        .optional(tx)
        .await?;
    let recorded = sql(
        "insert into dispute (provider, id, payment_id, order_id, state, amount, currency, reason, opened_at, reported_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (provider, id) do update set state = excluded.state, amount = excluded.amount,
             reason = excluded.reason, reported_at = excluded.reported_at
         where dispute.reported_at <= excluded.reported_at
             and (dispute.state not in ('won', 'lost') or excluded.state in ('won', 'lost'))",
    )
    .bind(report.provider)
    .bind(report.id)
    .bind(report.payment_id)
    .bind(report.order_id)
    .bind(report.state)
    .bind(report.amount)
    .bind(report.currency)
    .bind(report.reason)
    .bind(report.opened_at)
    .bind(report.reported_at)
    .run(tx)
    .await?;
    Ok(recorded > 0 && state.is_none_or(|(before,)| before != report.state))
}

/// Sets an order's flag by its disputes: those that are open or lost. The caller has locked the order.
pub async fn flag(tx: &mut WriteTx, order_id: i64) -> Result<()> {
    sql("update purchase_order set disputed_at = (select min(d.opened_at) from dispute d
             where d.order_id = $1 and d.state in ('open', 'lost')) where id = $1")
    .bind(order_id)
    .run(tx)
    .await?;
    Ok(())
}

/// The disputes of an order, oldest first.
pub async fn of_order(tx: &mut Tx, order_id: i64) -> Result<Vec<DisputeRow>> {
    sql("select payment_id, state, amount, currency, reason, opened_at from dispute where order_id = $1
         order by opened_at, id")
    .bind(order_id)
    .all(tx)
    .await
}
