//! Jobs that were given up. The operator sees what each was for and why it failed, and can have it retried.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::mail;
use crate::model::event::JobEvent;
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::db::Tx;
use crate::store::jobs::GivenUpJob;
use crate::words;

/// A job that was given up, and what it was for.
pub struct FailedJob {
    pub job: GivenUpJob,
    pub about: About,
}

/// What a job was for.
pub enum About {
    Mail {
        to: String,
        subject: String,
    },
    Import(i64),
    Batch(i64),
    /// A document of an order, by its number.
    Document {
        name: String,
        order_id: i64,
    },
    Order(i64),
    /// Its subject no longer exists, or does not open.
    Unknown,
}

/// A page of failed jobs, latest first, and how many there are. `after` is the last row of the previous page.
///
/// # Errors
/// [`OpError::Forbidden`] unless the actor is the operator.
pub async fn list(app: &App, actor: &Actor, after: Option<(i64, i64)>, limit: i64) -> OpResult<(Vec<FailedJob>, i64)> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    let counts = store::jobs::counts(&mut tx).await?;
    let mut failed = Vec::new();
    for job in store::jobs::given_up(&mut tx, after, limit).await? {
        let about = about(app, &mut tx, &job).await?;
        failed.push(FailedJob { job, about });
    }
    Ok((failed, counts.given_up))
}

async fn about(app: &App, tx: &mut Tx, job: &GivenUpJob) -> OpResult<About> {
    if job.kind == "mail" {
        let opened = mail::open(&app.keys, &job.payload);
        return Ok(opened.map_or(About::Unknown, |mail| About::Mail { to: mail.to, subject: mail.subject }));
    }
    let Ok(id) = job.payload.parse::<i64>() else { return Ok(About::Unknown) };
    Ok(match job.kind.as_str() {
        "import" => About::Import(id),
        "codes" => About::Batch(id),
        "order_paid" | "close_card_pages" => About::Order(id),
        "refund" => store::payments::find(tx, id).await?.map_or(About::Unknown, |p| About::Order(p.order_id)),
        "document" | "reminder" | "credit_refund" => store::invoices::by_id(tx, id)
            .await?
            .map_or(About::Unknown, |i| About::Document { name: i.name, order_id: i.order_id }),
        _ => About::Unknown,
    })
}

/// Has one retried now.
///
/// # Errors
/// [`OpError::NotFound`] if no such job was given up.
pub async fn retry(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require_operator()?;
    work_once!(app, actor, operation_id, "retry_job", &id.to_string(), work => {
        let kind = store::jobs::retry(&mut work.tx, id, work.now).await?.ok_or(OpError::NotFound)?;
        work.has_due_jobs();
        work.note(actor.note("job.retried", &format!("Job #{id}"), &kind));
        Ok(Outcome::of(JobEvent::Retried))
    })
}

/// Has all retried now.
///
/// # Errors
/// [`OpError::Forbidden`] unless the actor is the operator.
pub async fn retry_all(app: &App, actor: &Actor, operation_id: &str) -> OpResult<Outcome> {
    actor.require_operator()?;
    work_once!(app, actor, operation_id, "retry_jobs", "", work => {
        let count = store::jobs::retry_all(&mut work.tx, work.now).await?;
        work.has_due_jobs();
        if count > 0 {
            work.note(actor.note("job.retried", "All failed jobs", &words::job::retried(count)));
        }
        Ok(Outcome::of(JobEvent::AllRetried { count }))
    })
}
