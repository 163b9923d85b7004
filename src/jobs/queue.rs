//! The workers: one per lane takes a due job, runs it as a task with its own deadline, and records the outcome. A job
//! that fails, panics, takes too long or kills the process has used up an attempt.

use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{Progress, codes, imports, invoices, order_codes};
use crate::app::App;
use crate::mail;
use crate::model::job::Lane;
use crate::ops;
use crate::store;
use crate::store::db::DbError;
use crate::store::jobs::DueJob;

const LOOK_EVERY_SECONDS: u64 = 5;
const ATTEMPTS_MAX: i64 = 12;
const FIRST_WAIT_SECONDS: i64 = 10;
const DOUBLINGS_MAX: i64 = 10;
/// Sending a mail, including all of the server's answers.
const MAIL_SECONDS_MAX: u64 = 30;
/// One step of many.
const STEP_SECONDS_MAX: u64 = 30;
/// Requests to the card provider, each with its own deadline.
const MONEY_SECONDS_MAX: u64 = 60;
/// How long a job may continue once the process is stopping: a mail cut off late is sent twice.
const STOP_SECONDS_MAX: u64 = 5;
const REASON_LENGTH_MAX: usize = 500;

/// The outcome of an attempt.
enum Outcome {
    Done,
    Again,
    Failed(String),
    /// The process is stopping.
    Cut,
}

/// Runs the jobs of a lane until stopped.
pub async fn work(app: App, lane: Lane, stop: CancellationToken) {
    loop {
        let rung = app.jobs.notified();
        tokio::pin!(rung);
        // A notification that arrives while the queue is being read is not lost.
        rung.as_mut().enable();
        while !stop.is_cancelled() && run_next_of(&app, lane, &stop).await {}
        tokio::select! {
            () = stop.cancelled() => return,
            () = rung => {}
            () = tokio::time::sleep(Duration::from_secs(LOOK_EVERY_SECONDS)) => {}
        }
    }
}

/// Runs the next due job of any lane once; returns whether there was one.
pub async fn run_next(app: &App) -> bool {
    for lane in Lane::ALL {
        if run_next_of(app, lane, &CancellationToken::new()).await {
            return true;
        }
    }
    false
}

async fn run_next_of(app: &App, lane: Lane, stop: &CancellationToken) -> bool {
    // Boxed, because the future of all kinds of jobs is large and is passed on a few times.
    run_next_by(app, lane, stop, |app, job| Box::pin(async move { run_one(&app, &job).await })).await
}

/// Like [`run_next`] for one lane, with a given job runner: lets tests run a job that panics.
pub async fn run_next_by<R>(app: &App, lane: Lane, stop: &CancellationToken, run: fn(App, DueJob) -> R) -> bool
where
    R: Future<Output = Result<Progress, String>> + Send + 'static,
{
    match try_next(app, lane, stop, run).await {
        Ok(found) => found,
        Err(error) => {
            if !error.is_disk_full() {
                tracing::error!(%error, "the job queue failed");
            }
            false
        }
    }
}

async fn try_next<R>(
    app: &App,
    lane: Lane,
    stop: &CancellationToken,
    run: fn(App, DueJob) -> R,
) -> Result<bool, DbError>
where
    R: Future<Output = Result<Progress, String>> + Send + 'static,
{
    let mut tx = app.db.write().await?;
    let Some(job) = store::jobs::take(&mut tx, lane, app.clock.now()).await? else {
        tx.rollback().await;
        return Ok(false);
    };
    tx.commit().await?;
    let outcome = if job.attempts > ATTEMPTS_MAX && is_given_up(job.kind.as_str()) {
        Outcome::Failed("The program ended while it was at it, each time.".to_owned())
    } else {
        attempt(run(app.clone(), job.clone()), deadline_seconds(lane), stop).await
    };
    note(app, &job, outcome).await?;
    Ok(true)
}

/// Runs a job once, in its own task.
async fn attempt(
    run: impl Future<Output = Result<Progress, String>> + Send + 'static,
    seconds: u64,
    stop: &CancellationToken,
) -> Outcome {
    let mut running = AbortOnDropHandle::new(tokio::spawn(run));
    let cut = async {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(STOP_SECONDS_MAX)).await;
    };
    tokio::select! {
        ended = &mut running => match ended {
            Ok(Ok(Progress::Done)) => Outcome::Done,
            Ok(Ok(Progress::Again)) => Outcome::Again,
            Ok(Err(reason)) => Outcome::Failed(reason),
            Err(error) => Outcome::Failed(format!("A fault of the program stopped it: {}", panic_text(error))),
        },
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {
            Outcome::Failed(format!("It took longer than {seconds} seconds."))
        }
        () = cut => Outcome::Cut,
    }
}

/// The message of a task's panic.
pub(super) fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast::<&str>().map_or_else(|_| "a panic".to_owned(), |text| (*text).to_owned()),
        },
        Err(error) => error.to_string(),
    }
}

/// Codes that were paid for are owed: their job goes on for as long as it takes.
fn is_given_up(kind: &str) -> bool {
    kind != order_codes::KIND
}

fn deadline_seconds(lane: Lane) -> u64 {
    match lane {
        Lane::Mail => MAIL_SECONDS_MAX,
        Lane::Bulk => STEP_SECONDS_MAX,
        Lane::Money => MONEY_SECONDS_MAX,
    }
}

async fn note(app: &App, job: &DueJob, outcome: Outcome) -> Result<(), DbError> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    match outcome {
        Outcome::Done => store::jobs::finish(&mut tx, job).await?,
        Outcome::Again => store::jobs::go_on(&mut tx, job, now).await?,
        Outcome::Cut => store::jobs::release(&mut tx, job).await?,
        Outcome::Failed(reason) => {
            let reason: String = reason.chars().take(REASON_LENGTH_MAX).collect();
            if job.attempts >= ATTEMPTS_MAX && is_given_up(&job.kind) {
                tracing::error!(job = job.id, kind = job.kind, reason, "a job is given up");
                metrics::counter!("scrip_jobs_given_up_total", "kind" => job.kind.clone()).increment(1);
                store::jobs::give_up(&mut tx, job, &reason, now).await?;
            } else {
                tracing::warn!(job = job.id, kind = job.kind, reason, "a job failed and will be tried again");
                let wait = FIRST_WAIT_SECONDS << job.attempts.clamp(0, DOUBLINGS_MAX);
                store::jobs::reschedule(&mut tx, job, now.plus_seconds(wait), &reason).await?;
            }
        }
    }
    tx.commit().await
}

async fn run_one(app: &App, job: &DueJob) -> Result<Progress, String> {
    let payload = &job.payload;
    match job.kind.as_str() {
        "codes" => return codes::run(app, payload).await,
        "import" => return imports::run(app, payload).await,
        order_codes::KIND => return order_codes::run(app, payload).await,
        "document" => invoices::send(app, payload).await?,
        "reminder" => invoices::send_reminder(app, payload).await?,
        "order_paid" => invoices::send_paid(app, payload).await?,
        "refund" => ops::card_payments::refund(app, payload).await?,
        "close_card_pages" => ops::card_payments::close(app, payload).await?,
        "credit_refund" => invoices::refund(app, payload).await?,
        "mail" => mail::send(app.config.mail.as_ref(), &app.keys, payload).await?,
        other => return Err(format!("There is no job of kind {other}.")),
    }
    Ok(Progress::Done)
}
