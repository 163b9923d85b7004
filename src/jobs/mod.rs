//! What happens later, at least once each: mails, documents, refunds, clean-up, imports, codes by the
//! thousand, renewals, expired vouchers, questions about card payments, and the WAL's checkpoints.
//! To add a kind: a variant of [`Job`], a file here, and its arm in [`run_one`].

pub mod audit_log;
pub mod card_payments;
pub mod chain;
pub mod checkpoint;
pub mod cleanup;
pub mod codes;
pub mod documents;
pub mod expiry;
pub mod imports;
pub mod mail;
pub mod order_codes;
pub mod renewals;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::ops;
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
    /// An invoice or a credit note that is mailed, by its id.
    Document { id: String },
    /// A reminder of an invoice, by its id.
    Reminder { id: String },
    /// An order whose codes are being made, by its id.
    OrderCodes { id: String },
    /// An order whose payment has come, by its id.
    OrderPaid { id: String },
    /// A payment by card that is given back, by its id.
    Refund { id: String },
    /// An order that needs the card provider's pages no more, by its id.
    CloseCardPages { id: String },
    /// A credit note whose sum is given back by card, by its id.
    CreditRefund { id: String },
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
            Job::Document { .. } => "document",
            Job::Reminder { .. } => "reminder",
            Job::OrderCodes { .. } => "order_codes",
            Job::OrderPaid { .. } => "order_paid",
            Job::Refund { .. } => "refund",
            Job::CloseCardPages { .. } => "close_card_pages",
            Job::CreditRefund { .. } => "credit_refund",
        }
    }

    #[must_use]
    pub fn payload(&self) -> &str {
        match self {
            Job::Mail { sealed } => sealed,
            Job::Import { id }
            | Job::Codes { id }
            | Job::Document { id }
            | Job::Reminder { id }
            | Job::OrderCodes { id }
            | Job::OrderPaid { id }
            | Job::Refund { id }
            | Job::CloseCardPages { id }
            | Job::CreditRefund { id } => id,
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
            documents::remind(&app).await;
        }
        since_cleanup = (since_cleanup + 1) % 120;
        if since_cleanup % 12 == 1 {
            expiry::run(&app).await;
        }
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
        Err(error) if job.attempts >= ATTEMPTS_MAX && job.kind != order_codes::KIND => {
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
        "document" => documents::send(app, &job.payload).await,
        "reminder" => documents::send_reminder(app, &job.payload).await,
        "order_codes" => order_codes::run(app, &job.payload).await,
        "order_paid" => documents::send_paid(app, &job.payload).await,
        "refund" => ops::card_payments::refund(app, &job.payload).await,
        "close_card_pages" => ops::card_payments::close(app, &job.payload).await,
        "credit_refund" => documents::refund(app, &job.payload).await,
        "import" => imports::run(app, &job.payload).await,
        "mail" => mail::send(app, &job.payload).await,
        other => Err(format!("there is no job of kind {other}")),
    }
}
