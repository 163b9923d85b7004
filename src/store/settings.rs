//! Single values that belong to the database, such as the key file's check value.

use tokio::time::Instant;

use super::db::{Db, Result, Tx, WriteTx, sql};
use crate::model::time::Moment;

/// The value of a name, if set.
pub async fn get(tx: &mut Tx, name: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = sql("select value from setting where name = $1").bind(name).optional(tx).await?;
    Ok(row.map(|r| r.0))
}

/// Sets or replaces a value.
pub async fn set(tx: &mut WriteTx, name: &str, value: &str) -> Result<()> {
    sql("insert into setting (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value")
    .bind(name)
    .bind(value)
    .run(tx)
    .await?;
    Ok(())
}

/// Sets a value once; an existing one stays.
pub async fn set_once(tx: &mut WriteTx, name: &str, value: &str) -> Result<()> {
    sql("insert into setting (name, value) values ($1, $2) on conflict do nothing")
        .bind(name)
        .bind(value)
        .run(tx)
        .await?;
    Ok(())
}

/// Makes an earlier unanswered commit certain by one that is answered. On SQLite, what a failed flush left in the WAL
/// is overwritten, or flushed with this one. On PostgreSQL the standby acknowledges this one, and with it everything
/// before.
///
/// # Errors
/// If this commit fails; then the earlier one is as uncertain as before.
pub async fn settle(db: &Db, now: Moment, until: Instant) -> Result<()> {
    let mut tx = db.write_until(until).await?;
    set(&mut tx, "settled_at", &now.0.to_string()).await?;
    tx.commit().await
}

const ACCEPTED_TIME: &str = "clock_accepted";

/// The highest machine time accepted so far; `None` in a database that has not been served yet.
pub async fn accepted_time(tx: &mut Tx) -> Result<Option<Moment>> {
    Ok(get(tx, ACCEPTED_TIME).await?.and_then(|text| text.parse().ok()).map(Moment))
}

/// Raises the accepted time. A higher one, set by a faster process, stays.
pub async fn raise_accepted_time(tx: &mut WriteTx, now: Moment) -> Result<()> {
    sql("insert into setting (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value
         where cast(setting.value as bigint) < cast(excluded.value as bigint)")
    .bind(ACCEPTED_TIME)
    .bind(now.0.to_string())
    .run(tx)
    .await?;
    Ok(())
}

/// Accepts a time, whatever was accepted before.
pub async fn accept_time(tx: &mut WriteTx, now: Moment) -> Result<()> {
    set(tx, ACCEPTED_TIME, &now.0.to_string()).await
}

/// The clock of the database's machine; `None` if the database has none of its own.
pub async fn database_time(tx: &mut Tx) -> Result<Option<Moment>> {
    if !tx.is_postgres() {
        return Ok(None);
    }
    let (now,): (i64,) = sql("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)").one(tx).await?;
    Ok(Some(Moment(now)))
}
