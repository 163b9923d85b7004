//! Work done after a commit: at least once, so each kind is idempotent. A job that was given up stays until someone
//! retries it, or for [`KEPT_DAYS`].

use sqlx::FromRow;

use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::job::{Job, Lane};
use crate::model::time::Moment;

/// How long one run may take before another worker takes the job over: longer than any kind's deadline.
pub const LEASE_SECONDS: i64 = 120;
/// Longer than any wait or lease of a job.
const FAR_OFF_SECONDS: i64 = 2 * 86_400;
/// How long a job that was given up is kept.
pub const KEPT_DAYS: i64 = 90;

/// Adds a job in the transaction that causes it.
pub async fn add(tx: &mut WriteTx, job: &Job, now: Moment) -> Result<()> {
    let id = super::ledger::reserve(tx, "job", 1).await?[0];
    sql("insert into job (id, kind, lane, payload, run_at) values ($1, $2, $3, $4, $5)")
        .bind(id)
        .bind(job.kind())
        .bind(job.lane().slug())
        .bind(job.payload())
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// A job that is due.
#[derive(Debug, Clone, FromRow)]
pub struct DueJob {
    pub id: i64,
    pub kind: String,
    pub payload: String,
    /// Includes the attempt now starting: it is counted first, so that one which kills the process counts too.
    pub attempts: i64,
}

/// Leases the next due job of a lane, if any.
pub async fn take(tx: &mut WriteTx, lane: Lane, now: Moment) -> Result<Option<DueJob>> {
    sql("update job set leased_until = $3, attempts = attempts + 1 where id =
         (select id from job where given_up_at is null and lane = $1 and run_at <= $2 and leased_until < $2
          order by run_at, id limit 1")
    .locking(" for update skip locked")
    .push(") returning id, kind, payload, attempts")
    .bind(lane.slug())
    .bind(now)
    .bind(now.plus_seconds(LEASE_SECONDS))
    .returning(tx)
    .await
    .map(|mut rows| rows.pop())
}

/// A statement about a job that its worker still owns: another worker's attempt has another number.
fn own(text: &'static str, job: &DueJob) -> Query {
    sql(text).bind(job.id).bind(job.attempts)
}

/// Removes a finished job.
pub async fn finish(tx: &mut WriteTx, job: &DueJob) -> Result<()> {
    own("delete from job where id = $1 and attempts = $2", job).run(tx).await?;
    Ok(())
}

/// Requeues a job for its next step, behind those that wait: the step succeeded.
pub async fn go_on(tx: &mut WriteTx, job: &DueJob, now: Moment) -> Result<()> {
    own("update job set run_at = $3, leased_until = 0, attempts = 0 where id = $1 and attempts = $2", job)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// Releases a job interrupted by the end of the process, which does not count as an attempt.
pub async fn release(tx: &mut WriteTx, job: &DueJob) -> Result<()> {
    own("update job set leased_until = 0, attempts = attempts - 1 where id = $1 and attempts = $2", job)
        .run(tx)
        .await?;
    Ok(())
}

/// Postpones a failed job.
pub async fn reschedule(tx: &mut WriteTx, job: &DueJob, until: Moment, reason: &str) -> Result<()> {
    own("update job set run_at = $3, leased_until = 0, reason = $4 where id = $1 and attempts = $2", job)
        .bind(until)
        .bind(reason)
        .run(tx)
        .await?;
    Ok(())
}

/// Gives up a job; it stays for the operator.
pub async fn give_up(tx: &mut WriteTx, job: &DueJob, reason: &str, now: Moment) -> Result<()> {
    own("update job set given_up_at = $3, leased_until = 0, reason = $4 where id = $1 and attempts = $2", job)
        .bind(now)
        .bind(reason)
        .run(tx)
        .await?;
    Ok(())
}

/// A job that was given up.
#[derive(Debug, Clone, FromRow)]
pub struct GivenUpJob {
    pub id: i64,
    pub kind: String,
    pub payload: String,
    pub attempts: i64,
    pub given_up_at: i64,
    pub reason: String,
}

/// A page of the jobs that were given up, latest first; `after` is the last row of the previous page.
pub async fn given_up(tx: &mut Tx, after: Option<(i64, i64)>, limit: i64) -> Result<Vec<GivenUpJob>> {
    given_up_query(after, limit).all(tx).await
}

/// The query behind [`given_up`].
#[must_use]
pub fn given_up_query(after: Option<(i64, i64)>, limit: i64) -> Query {
    let (at, id) = after.unwrap_or((i64::MAX, i64::MAX));
    sql("select id, kind, payload, attempts, given_up_at, reason from job
         where given_up_at is not null and (given_up_at, id) < ($1, $2)
         order by given_up_at desc, id desc limit $3")
    .bind(at)
    .bind(id)
    .bind(limit)
}

/// How many jobs wait for their time or a worker, and how many were given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromRow)]
pub struct Counts {
    pub waiting: i64,
    pub given_up: i64,
}

/// Counts the jobs.
pub async fn counts(tx: &mut Tx) -> Result<Counts> {
    sql("select (select count(*) from job where given_up_at is null) as waiting,
             (select count(*) from job where given_up_at is not null) as given_up")
    .one(tx)
    .await
}

/// Makes a job that was given up due again; returns its kind, or `None` if there is no such job.
pub async fn retry(tx: &mut WriteTx, id: i64, now: Moment) -> Result<Option<String>> {
    let found: Option<(String,)> = sql("update job set given_up_at = null, attempts = 0, run_at = $2, leased_until = 0
         where id = $1 and given_up_at is not null returning kind")
    .bind(id)
    .bind(now)
    .returning(tx)
    .await?
    .pop();
    Ok(found.map(|row| row.0))
}

/// Makes all jobs that were given up due again; returns how many.
pub async fn retry_all(tx: &mut WriteTx, now: Moment) -> Result<u64> {
    sql("update job set given_up_at = null, attempts = 0, run_at = $1, leased_until = 0
         where given_up_at is not null")
    .bind(now)
    .run(tx)
    .await
}

/// Makes jobs due that are further off than any wait can be: the clock was set back.
pub async fn bring_near(tx: &mut WriteTx, now: Moment) -> Result<u64> {
    sql("update job set run_at = $1, leased_until = 0
         where given_up_at is null and (run_at > $2 or leased_until > $2)")
    .bind(now)
    .bind(now.plus_seconds(FAR_OFF_SECONDS))
    .run(tx)
    .await
}

/// Deletes jobs that were given up before a moment.
pub async fn forget_given_up(tx: &mut WriteTx, before: Moment) -> Result<u64> {
    sql("delete from job where given_up_at < $1").bind(before).run(tx).await
}
