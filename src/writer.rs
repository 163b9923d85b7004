//! The writer task: gathers the ledger's operations, runs them as batches, answers each after the
//! commit. While one commit flushes, the next batch gathers: one flush serves many requests.

use tokio::sync::{mpsc, oneshot};

use crate::keys::Keys;
use crate::model::ledger::{self, Done, Operation, Refusal};
use crate::rng::Rng;
use crate::store;
use crate::store::db::{Db, DbError};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

const QUEUE_LENGTH_MAX: usize = 4_096;
const BATCH_LENGTH_MAX: usize = 512;
const TRIES_MAX: usize = 8;
/// The writer begins the WAL anew past this size, so that it stays below twice as much.
const WAL_BYTES_MAX: u64 = 32 << 20;
const LOOK_EVERY_MILLISECONDS: u64 = 100;

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// Too much waits, or the database cannot take a write now. Nothing has changed.
    #[error("the database cannot take a write now")]
    Unavailable,
    #[error("the ledger failed: {0}")]
    Failed(DbError),
}

struct Waiting {
    operation: Operation,
    answer: oneshot::Sender<Result<Done, WriteError>>,
}

/// The door to the writer task. Clones share it.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
}

impl Writer {
    /// Starts the task. It ends, after all that waits, when every `Writer` is gone.
    #[must_use]
    pub fn start(db: Db, keys: Arc<Keys>, rng: Rng) -> (Writer, tokio::task::JoinHandle<()>) {
        Writer::start_with_batches_of(BATCH_LENGTH_MAX, db, keys, rng)
    }

    /// As [`Writer::start`], with shorter batches: how the benchmark measures what they are worth.
    #[must_use]
    pub fn start_with_batches_of(
        length_max: usize,
        db: Db,
        keys: Arc<Keys>,
        rng: Rng,
    ) -> (Writer, tokio::task::JoinHandle<()>) {
        let (queue, waiting) = mpsc::channel(QUEUE_LENGTH_MAX);
        (Writer { queue }, tokio::spawn(run(length_max, db, keys, rng, waiting)))
    }

    /// Hands an operation over and waits until it is on disk. A caller that goes away does not
    /// undo it.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub async fn submit(&self, operation: Operation) -> Result<Done, WriteError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Waiting { operation, answer }).map_err(|_| WriteError::Unavailable)?;
        answered.await.map_err(|_| WriteError::Unavailable)?
    }
}

async fn run(length_max: usize, db: Db, keys: Arc<Keys>, rng: Rng, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH_LENGTH_MAX);
    let mut looked_at = None;
    while waiting.recv_many(&mut batch, length_max).await > 0 {
        let (operations, answers): (Vec<_>, Vec<_>) =
            batch.drain(..).map(|w| (w.operation, w.answer)).unzip();
        let outcomes = match write_batch(&db, &keys, &rng, &operations).await {
            Ok(outcomes) => outcomes.into_iter().map(|o| o.map_err(WriteError::Refused)).collect(),
            Err(error) => one_by_one(&db, &keys, &rng, &operations, error).await,
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever went away does not hear it; it has happened all the same.
            let _ = answer.send(outcome);
        }
        keep_wal_small(&db, &mut looked_at).await;
    }
}

/// Runs operations as one transaction, again where two processes met.
///
/// # Errors
/// Whatever the database says in the end; then nothing has happened.
pub async fn write_batch(
    db: &Db,
    keys: &Keys,
    rng: &Rng,
    operations: &[Operation],
) -> Result<Vec<Result<Done, Refusal>>, DbError> {
    let mut tries = 1;
    loop {
        match try_batch(db, keys, rng, operations).await {
            Err(error) if tries < TRIES_MAX && (error.is_retryable() || error.is_unique_violation()) => {
                tries += 1
            }
            Ok(None) => tries += 1,
            Ok(Some(outcomes)) => return Ok(outcomes),
            Err(error) => return Err(error),
        }
    }
}

/// `None` where another process has had one of the operations meanwhile: then nothing has happened here, and
/// the next try finds its result.
async fn try_batch(
    db: &Db,
    keys: &Keys,
    rng: &Rng,
    operations: &[Operation],
) -> Result<Option<Vec<Result<Done, Refusal>>>, DbError> {
    let mut tx = db.write().await?;
    let mut read = store::ledger::prefetch(&mut tx, operations).await?;
    let outcomes = ledger::decide(&mut read, operations);
    if tx.is_postgres() {
        let refused = operations.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_err());
        let refused: Vec<Operation> = refused.map(|(operation, _)| operation.clone()).collect();
        if !refused.is_empty() && store::ledger::happened_meanwhile(&mut tx, &read, &refused).await? {
            return Ok(None);
        }
    }
    store::ledger::write(&mut tx, &read, keys, rng).await?;
    tx.commit().await?;
    Ok(Some(outcomes))
}

/// When a batch fails, one operation may be to blame: the others must not pay for it.
async fn one_by_one(
    db: &Db,
    keys: &Keys,
    rng: &Rng,
    operations: &[Operation],
    error: DbError,
) -> Vec<Result<Done, WriteError>> {
    tracing::error!(%error, operations = operations.len(), "a batch failed");
    if error.is_unavailable() {
        return operations.iter().map(|_| Err(WriteError::Unavailable)).collect();
    }
    let mut outcomes = Vec::with_capacity(operations.len());
    for operation in operations {
        let outcome = write_batch(db, keys, rng, std::slice::from_ref(operation)).await;
        outcomes.push(match outcome {
            Ok(mut one) => one.pop().unwrap_or(Err(Refusal::UnknownSource)).map_err(WriteError::Refused),
            Err(error) if error.is_unavailable() => Err(WriteError::Unavailable),
            Err(error) => Err(WriteError::Failed(error)),
        });
    }
    outcomes
}

/// The file keeps its length, which later commits write over: that is cheaper than to let it grow
/// again. So it is asked, now and then, how much of it is in use.
async fn keep_wal_small(db: &Db, looked_at: &mut Option<Instant>) {
    let Db::Sqlite(sqlite) = db else { return };
    let looked_lately =
        looked_at.is_some_and(|at| at.elapsed() < Duration::from_millis(LOOK_EVERY_MILLISECONDS));
    if looked_lately || sqlite.wal_bytes() < WAL_BYTES_MAX {
        return;
    }
    *looked_at = Some(Instant::now());
    if let Err(error) = sqlite.restart_wal_past(WAL_BYTES_MAX).await {
        tracing::warn!(%error, "the WAL could not be begun anew");
    }
}
