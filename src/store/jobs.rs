//! Work that is done after a commit: at least once, so each kind is idempotent.

use super::db::{Result, Tx, sql, sql_for};
use crate::jobs::Job;
use crate::model::time::Moment;

/// How long one run may take before another worker takes the job over.
pub const LEASE_SECONDS: i64 = 120;

/// Writes a job into the transaction of its cause.
///
/// # Errors
/// Whatever the database says.
pub async fn add(tx: &mut Tx, job: &Job, now: Moment) -> Result<()> {
    let id = super::ledger::reserve(tx, "job", 1).await?[0];
    sql("insert into job (id, kind, payload, run_at) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(job.kind())
        .bind(job.payload())
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// A job that is due.
#[derive(sqlx::FromRow)]
pub struct DueJob {
    pub id: i64,
    pub kind: String,
    pub payload: String,
    pub attempts: i64,
}

/// Leases the next job that is due, if there is one.
///
/// # Errors
/// Whatever the database says.
pub async fn take(tx: &mut Tx, now: Moment) -> Result<Option<DueJob>> {
    sql_for(
        "update job set leased_until = $2, attempts = attempts + 1 where id =
         (select id from job where run_at <= $1 and leased_until < $1 order by run_at, id limit 1)
         returning id, kind, payload, attempts",
        "update job set leased_until = $2, attempts = attempts + 1 where id =
         (select id from job where run_at <= $1 and leased_until < $1 order by run_at, id limit 1 for update skip locked)
         returning id, kind, payload, attempts",
    )
    .bind(now)
    .bind(now.plus_seconds(LEASE_SECONDS))
    .optional(tx)
    .await
}

/// Removes a job that is done.
///
/// # Errors
/// Whatever the database says.
pub async fn finish(tx: &mut Tx, id: i64) -> Result<()> {
    sql("delete from job where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Puts a job that failed off.
///
/// # Errors
/// Whatever the database says.
pub async fn put_off(tx: &mut Tx, id: i64, until: Moment) -> Result<()> {
    sql("update job set run_at = $2, leased_until = 0 where id = $1").bind(id).bind(until).run(tx).await?;
    Ok(())
}
