//! Failed attempts, counted across processes and restarts.

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::throttle::{Attempts, Policy};
use crate::model::time::Moment;

/// The attempts recorded under a key, locked until the end of the transaction.
pub async fn read(tx: &mut WriteTx, key: &str, now: Moment) -> Result<Attempts> {
    if tx.is_postgres() {
        sql("insert into throttle (key, failures, last_at) values ($1, 0, $2) on conflict do nothing")
            .bind(key)
            .bind(now)
            .run(tx)
            .await?;
    }
    let row: Option<(i64, i64)> =
        sql("select failures, last_at from throttle where key = $1").locked().bind(key).optional(tx).await?;
    Ok(row.map_or(Attempts::NONE, |(failures, last_at)| Attempts { failures, last_at: Moment(last_at) }))
}

/// The attempts recorded under a key, without a lock.
pub async fn peek(tx: &mut Tx, key: &str) -> Result<Attempts> {
    let row: Option<(i64, i64)> =
        sql("select failures, last_at from throttle where key = $1").bind(key).optional(tx).await?;
    Ok(row.map_or(Attempts::NONE, |(failures, last_at)| Attempts { failures, last_at: Moment(last_at) }))
}

/// Takes back a failure that was counted before the attempt was checked and turned out right.
pub async fn lower(tx: &mut WriteTx, key: &str, by: i64) -> Result<()> {
    sql("update throttle set failures = case when failures > $2 then failures - $2 else 0 end where key = $1")
        .bind(key)
        .bind(by)
        .run(tx)
        .await?;
    Ok(())
}

/// Counts one more failure.
pub async fn fail(tx: &mut WriteTx, key: &str, policy: &Policy, now: Moment) -> Result<()> {
    let attempts = read(tx, key, now).await?.failed(policy, now);
    sql("insert into throttle (key, failures, last_at) values ($1, $2, $3)
         on conflict (key) do update set failures = excluded.failures, last_at = excluded.last_at")
    .bind(key)
    .bind(attempts.failures)
    .bind(attempts.last_at)
    .run(tx)
    .await?;
    Ok(())
}

/// Clears a key's failures.
pub async fn clear(tx: &mut WriteTx, key: &str) -> Result<()> {
    sql("delete from throttle where key = $1").bind(key).run(tx).await?;
    Ok(())
}

/// Deletes what is too old to count.
pub async fn forget_before(tx: &mut WriteTx, before: Moment) -> Result<u64> {
    sql("delete from throttle where last_at < $1").bind(before).run(tx).await
}
