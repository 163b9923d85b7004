//! The writer task: gathers the ledger's operations, runs them in batches, answers each after the commit. While one
//! commit flushes, the next batch gathers: one flush serves many requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::keys::Keys;
use crate::ledger;
use crate::model::ledger::{Decision, Done, Operation, Refusal};
use crate::rng::Rng;
use crate::store;
use crate::store::db::{Db, DbError, deadline};
use crate::store::tries::Tries;

const QUEUE_LENGTH_MAX: usize = 4_096;
const BATCH_LENGTH_MAX: usize = 512;
/// Operations that have waited longer are refused, so that their batch has the time that is left.
const QUEUE_MILLISECONDS: u64 = deadline::WRITE_SECONDS * 1_000 - deadline::TRY_MILLISECONDS;
/// A readiness check costs a write, so it is not repeated more often.
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// Why an operation has no result.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The queue is full, or the database cannot take a write now. Nothing has changed.
    #[error("the database cannot take a write now")]
    Unavailable,
    /// It may have happened, or may still happen.
    #[error("the database did not say whether it happened")]
    OutcomeUnknown,
    /// A fault. Nothing has changed.
    #[error("the ledger failed: {0}")]
    Failed(DbError),
}

#[expect(clippy::large_enum_variant, reason = "nearly all that waits is an operation")]
enum Waiting {
    Operation {
        operation: Operation,
        answer: Answer,
        since: Instant,
        /// Set by the writer that begins it or by the caller that gives up: by exactly one of them.
        is_claimed: Arc<AtomicBool>,
    },
    /// A check whether the writer can write.
    Probe(oneshot::Sender<bool>),
}

type Answer = oneshot::Sender<Result<Done, WriteError>>;

/// The interface to the writer task. Clones share it.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    /// When it last showed that it can write, or that it cannot.
    probed: Arc<Mutex<Option<(Instant, bool)>>>,
}

struct Tools {
    db: Db,
    keys: Arc<Keys>,
    rng: Rng,
    clock: Clock,
}

impl Writer {
    /// Starts the task. It ends, after finishing the queue, once every `Writer` is dropped.
    #[must_use]
    pub fn start(db: Db, keys: Arc<Keys>, rng: Rng, clock: Clock) -> (Writer, tokio::task::JoinHandle<()>) {
        Writer::start_with_batches_of(BATCH_LENGTH_MAX, db, keys, rng, clock)
    }

    /// Like [`Writer::start`], with shorter batches: lets the benchmark measure what batching gains.
    #[must_use]
    pub fn start_with_batches_of(
        length_max: usize,
        db: Db,
        keys: Arc<Keys>,
        rng: Rng,
        clock: Clock,
    ) -> (Writer, tokio::task::JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE_LENGTH_MAX);
        let writer = Writer { queue, probed: Arc::default() };
        (writer, tokio::spawn(run(length_max, Tools { db, keys, rng, clock }, waiting)))
    }

    /// Whether it has written within the last second, or can do so now.
    pub async fn is_ready(&self) -> bool {
        let mut probed = self.probed.lock().await;
        if let Some((at, is_ready)) = *probed
            && at.elapsed() < PROBE_EVERY
        {
            return is_ready;
        }
        let (answer, answered) = oneshot::channel();
        let is_ready = match self.queue.try_send(Waiting::Probe(answer)) {
            Ok(()) => matches!(tokio::time::timeout(PROBE_WITHIN, answered).await, Ok(Ok(true))),
            Err(_) => false,
        };
        *probed = Some((Instant::now(), is_ready));
        is_ready
    }

    /// Submits an operation and waits until it is on disk. A caller that goes away does not undo it.
    ///
    /// # Errors
    /// After nine seconds at the latest, see [`WriteError`].
    pub async fn submit(&self, operation: Operation) -> Result<Done, WriteError> {
        let (answer, answered) = oneshot::channel();
        let is_claimed = Arc::<AtomicBool>::default();
        let since = Instant::now();
        let waiting = Waiting::Operation { operation, answer, since, is_claimed: is_claimed.clone() };
        self.queue.try_send(waiting).map_err(|_| WriteError::Unavailable)?;
        match tokio::time::timeout(Duration::from_secs(deadline::WRITE_SECONDS), answered).await {
            Ok(Ok(outcome)) => outcome,
            // The writer is late or dead: it never starts what it had not claimed.
            Ok(Err(_)) | Err(_) if !is_claimed.swap(true, Ordering::AcqRel) => Err(WriteError::Unavailable),
            Ok(Err(_)) | Err(_) => Err(WriteError::OutcomeUnknown),
        }
    }
}

async fn run(length_max: usize, tools: Tools, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_LENGTH_MAX);
    while waiting.recv_many(&mut batch, length_max).await > 0 {
        let Claimed { operations, answers, probes } = claim(&mut batch);
        if !operations.is_empty() {
            let until = deadline::after_milliseconds(deadline::TRY_MILLISECONDS);
            let outcomes = outcomes_of(&tools, &operations, until).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // The caller may have gone away; it has happened all the same.
                let _ = answer.send(outcome);
            }
        }
        for probe in probes {
            let until = deadline::after_milliseconds(deadline::TRY_MILLISECONDS);
            let written = store::settings::settle(&tools.db, tools.clock.now(), until).await;
            if let Err(error) = &written
                && !error.is_disk_full()
            {
                tracing::error!(%error, "the writer cannot write");
            }
            let _ = probe.send(written.is_ok());
        }
    }
}

/// A batch.
#[derive(Default)]
struct Claimed {
    operations: Vec<Operation>,
    answers: Vec<Answer>,
    probes: Vec<oneshot::Sender<bool>>,
}

/// Claims operations that are still wanted, and refuses those that have waited too long.
fn claim(batch: &mut Vec<Waiting>) -> Claimed {
    let mut claimed = Claimed::default();
    for waiting in batch.drain(..) {
        let (operation, answer, since, is_claimed) = match waiting {
            Waiting::Operation { operation, answer, since, is_claimed } => (operation, answer, since, is_claimed),
            Waiting::Probe(probe) => {
                claimed.probes.push(probe);
                continue;
            }
        };
        if is_claimed.swap(true, Ordering::AcqRel) {
            continue;
        }
        if since.elapsed() > Duration::from_millis(QUEUE_MILLISECONDS) {
            let _ = answer.send(Err(WriteError::Unavailable));
            continue;
        }
        claimed.operations.push(operation);
        claimed.answers.push(answer);
    }
    claimed
}

/// The outcome of each operation. If a batch fails because of one of them, the others must not fail with it.
async fn outcomes_of(tools: &Tools, operations: &[Operation], until: Instant) -> Vec<Result<Done, WriteError>> {
    let error = match write_until(tools, operations, until).await {
        Ok(decisions) => return outcomes_after(tools, operations, decisions, until).await,
        Err(error) => error,
    };
    if !error.is_disk_full() {
        tracing::error!(%error, operations = operations.len(), "a batch failed");
    }
    if error.is_outcome_unknown() {
        return operations.iter().map(|_| Err(WriteError::OutcomeUnknown)).collect();
    }
    if error.is_unavailable() {
        return operations.iter().map(|_| Err(WriteError::Unavailable)).collect();
    }
    if operations.len() == 1 {
        return vec![Err(WriteError::Failed(error))];
    }
    let mut outcomes = Vec::with_capacity(operations.len());
    for operation in operations {
        let outcome = Box::pin(outcomes_of(tools, std::slice::from_ref(operation), until)).await;
        outcomes.extend(outcome);
    }
    outcomes
}

/// The outcome of each operation after a commit. Those that an earlier one led beyond what was loaded run again: each
/// round completes at least one of them.
async fn outcomes_after(
    tools: &Tools,
    operations: &[Operation],
    decisions: Vec<Option<Decision>>,
    until: Instant,
) -> Vec<Result<Done, WriteError>> {
    let unfinished = operations.iter().zip(&decisions).filter(|(_, decision)| decision.is_none());
    let unfinished: Vec<Operation> = unfinished.map(|(operation, _)| operation.clone()).collect();
    let mut later = Vec::new().into_iter();
    if !unfinished.is_empty() {
        later = Box::pin(outcomes_of(tools, &unfinished, until)).await.into_iter();
    }
    let outcome = |decision: Option<Decision>| match decision {
        Some(decision) => decision.map_err(WriteError::Refused),
        None => later.next().unwrap_or(Err(WriteError::OutcomeUnknown)),
    };
    decisions.into_iter().map(outcome).collect()
}

/// Runs operations as one transaction. Retries if it has not happened and may succeed, or if its outcome is unknown:
/// the operations' ids show what has happened.
async fn write_until(
    tools: &Tools,
    operations: &[Operation],
    until: Instant,
) -> Result<Vec<Option<Decision>>, DbError> {
    let mut tries = Tries::until(until);
    loop {
        let error = match try_batch(tools, operations, &tries).await {
            Ok(decisions) => return Ok(decisions),
            Err(error) => error,
        };
        if error.is_outcome_unknown() {
            tries.note_outcome_unknown();
        }
        let is_again = error.is_outcome_unknown() || error.is_retryable() || error.is_unique_violation();
        if !(is_again && tries.wait(&tools.rng).await) {
            return Err(if tries.is_settling() { error.with_unknown_outcome() } else { error });
        }
    }
}

async fn try_batch(tools: &Tools, operations: &[Operation], tries: &Tries) -> Result<Vec<Option<Decision>>, DbError> {
    if tries.is_settling() {
        store::settings::settle(&tools.db, tools.clock.now(), tries.deadline()).await?;
    }
    let mut tx = tools.db.write_until(tries.deadline()).await?;
    let run = ledger::run(&mut tx, &tools.keys, &tools.rng, operations).await?;
    tx.commit().await?;
    Ok(run.decisions)
}
