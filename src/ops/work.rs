//! A unit of work: one transaction with its history rows and its jobs. [`work!`] runs one and returns after the
//! commit; [`work_once!`] runs an actor's operation once, and returns its first outcome to retries.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::mail::{self, Mail};
use crate::model::event::Event;
use crate::model::job::Job;
use crate::model::ledger::Fingerprint;
use crate::model::refusal::FormReason;
use crate::model::time::Moment;
use crate::rng::Rng;
use crate::store;
use crate::store::db::WriteTx;
use crate::store::history::NewHistory;
use crate::store::operations::{Stored, Use};
use crate::store::tries::Tries;

/// A unit of work in progress: its transaction, and what is written with it.
pub struct Work {
    pub tx: WriteTx,
    pub now: Moment,
    history: Vec<NewHistory>,
    has_jobs: bool,
}

impl Work {
    /// Adds a row to the history.
    pub fn note(&mut self, entry: NewHistory) {
        self.history.push(entry);
    }

    /// Adds a job that runs after the commit.
    pub async fn job(&mut self, job: &Job) -> OpResult<()> {
        store::jobs::add(&mut self.tx, job, self.now).await?;
        self.has_jobs = true;
        Ok(())
    }

    /// Adds the job that sends a mail after the commit.
    pub async fn mail(&mut self, app: &App, mail: &Mail) -> OpResult<()> {
        self.job(&mail::job(mail, &app.keys, &app.rng)).await
    }

    /// Marks a job that already existed as due now.
    pub fn has_due_jobs(&mut self) {
        self.has_jobs = true;
    }

    /// Begins an attempt: see [`work!`].
    pub async fn begin(app: &App, tries: &Tries) -> OpResult<Work> {
        if tries.is_settling() {
            store::settings::settle(&app.db, app.clock.now(), tries.deadline()).await?;
        }
        let tx = app.db.write_until(tries.deadline()).await?;
        Ok(Work { tx, now: app.clock.now(), history: Vec::new(), has_jobs: false })
    }

    /// Ends the attempt: commits it with its history rows and jobs, or rolls it all back.
    ///
    /// # Errors
    /// The work's own; then nothing has changed. [`OpError::OutcomeUnknown`] if the commit was not confirmed.
    pub async fn end<T>(mut self, app: &App, outcome: OpResult<T>) -> OpResult<T> {
        let value = match outcome {
            Ok(value) => value,
            Err(error) => {
                self.tx.rollback().await;
                return Err(error);
            }
        };
        store::history::add(&mut self.tx, &app.keys, &self.history, self.now).await?;
        self.tx.commit().await?;
        if self.has_jobs {
            app.jobs.notify_waiters();
        }
        Ok(value)
    }
}

/// Runs a unit of work: one transaction with its history rows and its jobs. Returns after the commit, and retries what
/// did not happen and may succeed. (A macro, because the future of a function that takes a borrowing closure would
/// not be `Send`.)
macro_rules! work {
    ($app:expr, $work:ident => $body:block) => {
        $crate::ops::work::work!($crate::ops::work::Repeat::IfNotDone, $app, $work => $body)
    };
    ($repeat:expr, $app:expr, $work:ident => $body:block) => {{
        let mut tries = $crate::store::tries::Tries::begin();
        loop {
            let outcome = match $crate::ops::work::Work::begin(&$app, &tries).await {
                Ok(mut begun) => {
                    let outcome: $crate::ops::error::OpResult<_> = {
                        let $work = &mut begun;
                        async { $body }.await
                    };
                    begun.end(&$app, outcome).await
                }
                Err(error) => Err(error),
            };
            match $crate::ops::work::judge($repeat, &mut tries, &$app.rng, outcome).await {
                Some(outcome) => break outcome,
                None => continue,
            }
        }
    }};
}
pub(crate) use work;

/// When to run the work again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// If it certainly did not happen.
    IfNotDone,
    /// Also if its outcome is unknown: the operation's id shows what has happened.
    UntilKnown,
}

/// What to return after an attempt; `None`, after a pause, if there is to be another.
pub async fn judge<T>(repeat: Repeat, tries: &mut Tries, rng: &Rng, outcome: OpResult<T>) -> Option<OpResult<T>> {
    let is_again = match &outcome {
        Err(OpError::Collision) => true,
        Err(OpError::OutcomeUnknown) => {
            tries.note_outcome_unknown();
            repeat == Repeat::UntilKnown
        }
        _ => false,
    };
    if is_again && tries.wait(rng).await {
        return None;
    }
    let is_uncertain = matches!(outcome, Err(OpError::Collision | OpError::Unavailable | OpError::Internal(_)));
    Some(if tries.is_settling() && is_uncertain { Err(OpError::OutcomeUnknown) } else { outcome })
}

/// Runs an actor's unit of work once: a second request with the same operation id gets the first outcome. `request`
/// is the canonical form that distinguishes a retry from another request.
macro_rules! work_once {
    ($app:expr, $actor:expr, $key:expr, $verb:literal, $request:expr, $work:ident => $body:block) => {{
        let fingerprint = $app.keys.fingerprint(&format!("{}\n{}", $verb, $request));
        $crate::ops::work::work!($crate::ops::work::Repeat::UntilKnown, $app, $work => {
            if let Some(first) = $crate::ops::work::replay($work, $actor, $key, fingerprint).await? {
                return Ok(first);
            }
            let outcome: $crate::ops::error::OpResult<$crate::ops::work::Outcome<_>> = async { $body }.await;
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(error) => return Err($crate::ops::work::unless_met($work, $actor, $key, error).await),
            };
            $crate::ops::work::keep($work, $actor, $key, fingerprint, $verb, outcome).await
        })
    }};
}
pub(crate) use work_once;

/// What an operation did, now or when it was first sent.
#[derive(Debug, Clone)]
pub struct Outcome<T = ()> {
    pub event: Event,
    /// What else the answer is made from, as it was right after the operation.
    pub about: T,
    pub replayed: bool,
}

impl Outcome {
    /// An event that is the whole outcome.
    pub fn of(event: impl Into<Event>) -> Outcome {
        Outcome::about((), event)
    }
}

impl<T> Outcome<T> {
    /// An event, and what the answer is made from.
    pub fn about(about: T, event: impl Into<Event>) -> Outcome<T> {
        Outcome { event: event.into(), about, replayed: false }
    }
}

/// The first outcome of an operation that has happened.
///
/// # Errors
/// A refusal if the id was used for another request; [`OpError::Internal`] if the stored outcome has another type.
pub async fn replay<T: DeserializeOwned>(
    work: &mut Work,
    actor: &Actor,
    operation_id: &str,
    fingerprint: Fingerprint,
) -> OpResult<Option<Outcome<T>>> {
    match store::operations::find_in_turn(&mut work.tx, actor.user_id, operation_id).await? {
        None => Ok(None),
        Some(Use::Write(stored)) if stored.fingerprint == fingerprint => {
            let about = serde_json::from_value(stored.about).map_err(|e| OpError::Internal(e.to_string()))?;
            Ok(Some(Outcome { event: stored.event, about, replayed: true }))
        }
        Some(_) => refuse("", FormReason::KeyReused),
    }
}

/// Why it failed. If the same request was sent twice at once, the second may have waited for the first, and then been
/// refused because of what the first did. It is retried, and gets the first outcome.
pub async fn unless_met(work: &mut Work, actor: &Actor, operation_id: &str, error: OpError) -> OpError {
    let is_refusal = matches!(error, OpError::Refused(..) | OpError::Invalid(_) | OpError::Rows(_) | OpError::NotFound);
    if is_refusal && matches!(store::operations::find(&mut work.tx, actor.user_id, operation_id).await, Ok(Some(_))) {
        return OpError::Collision;
    }
    error
}

/// Stores an operation's outcome, so that it happens once.
///
/// # Errors
/// A collision if it happened in the meantime.
pub async fn keep<T: Serialize>(
    work: &mut Work,
    actor: &Actor,
    operation_id: &str,
    fingerprint: Fingerprint,
    verb: &str,
    outcome: Outcome<T>,
) -> OpResult<Outcome<T>> {
    let about = serde_json::to_value(&outcome.about).map_err(|e| OpError::Internal(e.to_string()))?;
    let stored = Stored { fingerprint, verb: verb.to_owned(), event: outcome.event.clone(), about };
    store::operations::add(&mut work.tx, actor.user_id, operation_id, &stored, work.now).await?;
    Ok(outcome)
}
