//! Combines concurrent look-ups into one statement: does for the two reads that every request begins with what the
//! writer does for writes.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;

use tokio::sync::{mpsc, oneshot};

use crate::store::db::DbError;
use crate::tasks::Tasks;

const BATCH_LENGTH_MAX: usize = 256;
const QUEUE_LENGTH_MAX: usize = 8_192;

struct LookUp<K, V> {
    key: K,
    answer: oneshot::Sender<Result<Option<V>, Unavailable>>,
}

/// The look-up could not be made.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the database cannot be read now")]
pub struct Unavailable;

/// Looks up keys, many at once.
pub struct Gatherer<K, V> {
    queue: mpsc::Sender<LookUp<K, V>>,
}

impl<K, V> Clone for Gatherer<K, V> {
    fn clone(&self) -> Self {
        Gatherer { queue: self.queue.clone() }
    }
}

impl<K, V> std::fmt::Debug for Gatherer<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gatherer")
    }
}

impl<K, V> Gatherer<K, V>
where
    K: Eq + Hash + Clone + Send + 'static,
    V: Clone + Send + 'static,
{
    /// Starts the task under a name; `look_up` returns the values that it finds.
    pub fn start<F, R>(tasks: &Tasks, name: &'static str, look_up: F) -> Gatherer<K, V>
    where
        F: Fn(Vec<K>) -> R + Send + 'static,
        R: Future<Output = Result<HashMap<K, V>, DbError>> + Send + 'static,
    {
        let (queue, mut requests) = mpsc::channel::<LookUp<K, V>>(QUEUE_LENGTH_MAX);
        tasks.spawn(name, async move {
            let mut batch = Vec::with_capacity(BATCH_LENGTH_MAX);
            while requests.recv_many(&mut batch, BATCH_LENGTH_MAX).await > 0 {
                let keys: HashSet<K> = batch.iter().map(|look_up| look_up.key.clone()).collect();
                let found = look_up(keys.into_iter().collect()).await;
                if let Err(error) = &found {
                    tracing::error!(%error, "a look-up failed");
                }
                for LookUp { key, answer } in batch.drain(..) {
                    let _ = answer.send(found.as_ref().map(|f| f.get(&key).cloned()).map_err(|_| Unavailable));
                }
            }
        });
        Gatherer { queue }
    }

    /// The value of a key, read for this call.
    pub async fn get(&self, key: K) -> Result<Option<V>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(LookUp { key, answer }).map_err(|_| Unavailable)?;
        answered.await.map_err(|_| Unavailable)?
    }
}
