//! What happens later, at least once each: mails, clean-up, imports, codes by the thousand, renewals, and
//! the WAL's checkpoints.
//! To add a kind: a variant of [`Job`], a file here, and its arm in [`run_one`].

pub mod checkpoint;
pub mod cleanup;
pub mod codes;
pub mod imports;
pub mod mail;
pub mod renewals;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::store;

const LOOK_EVERY_SECONDS: u64 = 5;
const ATTEMPTS_MAX: i64 = 12;

/// Work to be done after a commit.
pub enum Job {
    /// A mail, sealed: it may carry a link that stands in for a password.
    Mail { sealed: String },
    /// A file of devices, by its id.
    Import { id: String },
    /// A batch of codes, by its id.
    Codes { id: String },
}

impl Job {
    /// A job that sends a mail.
    #[must_use]
    pub fn mail(app: &App, mail: &mail::Mail) -> Job {
        let text = serde_json::to_string(mail).unwrap_or_default();
        Job::Mail { sealed: app.keys.seal_text(&text, &app.rng) }
    }

    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Job::Mail { .. } => "mail",
            Job::Import { .. } => "import",
            Job::Codes { .. } => "codes",
        }
    }

    #[must_use]
    pub fn payload(&self) -> &str {
        match self {
            Job::Mail { sealed } => sealed,
            Job::Import { id } | Job::Codes { id } => id,
        }
    }
}

/// Runs jobs until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    let mut since_cleanup = 0;
    loop {
        while !stop.is_cancelled() && run_next(&app).await {}
        if since_cleanup == 0 {
            cleanup::run(&app).await;
        }
        since_cleanup = (since_cleanup + 1) % 120;
        tokio::select! {
            () = stop.cancelled() => return,
            () = app.jobs.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(LOOK_EVERY_SECONDS)) => {}
        }
    }
}

/// Runs the next job that is due; tells whether there was one.
pub async fn run_next(app: &App) -> bool {
    match try_next(app).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "the job queue failed");
            false
        }
    }
}

async fn try_next(app: &App) -> Result<bool, store::db::DbError> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let Some(job) = store::jobs::take(&mut tx, now).await? else { return Ok(false) };
    tx.commit().await?;
    let outcome = run_one(app, &job).await;
    let mut tx = app.db.write().await?;
    match outcome {
        Ok(()) => store::jobs::finish(&mut tx, job.id).await?,
        Err(error) if job.attempts >= ATTEMPTS_MAX => {
            tracing::error!(job = job.id, kind = job.kind, error, "a job is given up");
            store::jobs::finish(&mut tx, job.id).await?;
        }
        Err(error) => {
            tracing::warn!(job = job.id, kind = job.kind, error, "a job failed and will be tried again");
            let wait = 10 << job.attempts.min(10);
            store::jobs::put_off(&mut tx, job.id, now.plus_seconds(wait)).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}

async fn run_one(app: &App, job: &store::jobs::DueJob) -> Result<(), String> {
    match job.kind.as_str() {
        "codes" => codes::run(app, &job.payload).await,
        "import" => imports::run(app, &job.payload).await,
        "mail" => mail::send(app, &job.payload).await,
        other => Err(format!("there is no job of kind {other}")),
    }
}
