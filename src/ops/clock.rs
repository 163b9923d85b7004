//! Whether the machine's clock is trusted, and the operator's verdict on it. Everything that time alone triggers asks
//! here first: renewals, expiry, reminders, the clean-up.

use super::actor::Actor;
use super::console;
use super::error::{OpResult, refuse};
use crate::app::App;
use crate::model::clock::Verdict;
use crate::model::event::Event;
use crate::model::refusal::FormReason;
use crate::model::time::Moment;
use crate::ops::work::{Outcome, work, work_once};
use crate::store;

/// How stale the accepted time in the database may get while all is well.
const KEPT_SECONDS: i64 = 60;
/// How long after the page was rendered the operator may accept the time it shows.
const SEEN_SECONDS_MAX: i64 = 3_600;

/// What the machine's clock says, and the verdict on it.
pub struct Standing {
    pub now: Moment,
    /// The latest time that was accepted.
    pub accepted: Moment,
    pub verdict: Verdict,
}

/// Reads the clock and judges it. Logs a change of the verdict.
pub async fn look(app: &App) -> OpResult<Standing> {
    let now = app.clock.now();
    let mut tx = app.db.read().await?;
    let accepted = store::settings::accepted_time(&mut tx).await?.unwrap_or(now);
    let expected = app.clock_watch.expected(&app.clock);
    let is_vouched_for = expected.is_none()
        && app.clock.is_synchronised()
        && store::settings::database_time(&mut tx)
            .await?
            .is_none_or(|at| now <= at.plus_seconds(app.config.clock_leaps.running_seconds));
    drop(tx);
    let verdict = Verdict::of(now, accepted, expected, is_vouched_for, app.config.clock_leaps);
    let before = app.clock_watch.keep(verdict, now, &app.clock);
    if before.waits() != verdict.waits() || matches!(verdict, Verdict::Behind { .. }) && before != verdict {
        log(verdict);
    }
    Ok(Standing { now, accepted, verdict })
}

fn log(verdict: Verdict) {
    match verdict.sentence() {
        Some(sentence) if verdict.waits() => tracing::error!(
            "{sentence} Renewals and expiry wait until it is right, or accepted by the operator (scrip clock accept)"
        ),
        Some(sentence) => tracing::warn!("{sentence} Nothing waits for that"),
        None => tracing::info!("the clock is trusted again: renewals and expiry go on"),
    }
}

/// The current time, for work that time alone triggers; `None` while that work must wait.
pub async fn trusted_now(app: &App) -> OpResult<Option<Moment>> {
    let standing = look(app).await?;
    Ok((!standing.verdict.waits()).then_some(standing.now))
}

/// Advances the accepted time along with a trusted clock.
pub async fn keep_up(app: &App) -> OpResult<()> {
    let standing = look(app).await?;
    if standing.verdict.waits() || standing.now < standing.accepted.plus_seconds(KEPT_SECONDS) {
        return Ok(());
    }
    work!(app, work => { Ok(store::settings::raise_accepted_time(&mut work.tx, standing.now).await?) })
}

/// What the operator sees of the clock.
///
/// # Errors
/// [`super::error::OpError::Forbidden`] unless the actor is the operator.
pub async fn show(app: &App, actor: &Actor) -> OpResult<Standing> {
    actor.require_operator()?;
    look(app).await
}

/// The operator confirms that the clock is right. `seen` is the time that they were shown.
///
/// # Errors
/// A refusal if the clock has leapt since.
pub async fn accept(app: &App, actor: &Actor, operation_id: &str, seen: Moment) -> OpResult<Outcome> {
    actor.require_operator()?;
    let done = work_once!(app, actor, operation_id, "accept_clock", &seen.0.to_string(), work => {
        if work.now > seen.plus_seconds(SEEN_SECONDS_MAX) {
            return refuse("", FormReason::ClockMoved);
        }
        store::settings::accept_time(&mut work.tx, work.now).await?;
        work.note(actor.note("clock.accepted", &work.now.exact(), ""));
        Ok(Outcome::of(Event::ClockAccepted))
    })?;
    note_accepted(app).await;
    Ok(done)
}

/// The same, from the console.
pub async fn accept_on_console(app: &App) -> OpResult<Moment> {
    let now = work!(app, work => {
        store::settings::accept_time(&mut work.tx, work.now).await?;
        if let Some((root, _)) = store::companies::root(&mut work.tx).await? {
            work.note(console::note(root, "clock.accepted", &work.now.exact()));
        }
        Ok(work.now)
    })?;
    note_accepted(app).await;
    Ok(now)
}

/// Pages show at once what was accepted. If the database does not answer now, the next round catches up.
async fn note_accepted(app: &App) {
    if let Err(error) = look(app).await {
        tracing::warn!(%error, "the clock was accepted and could not be looked at again");
    }
}
