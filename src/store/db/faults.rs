//! A layer that the simulation puts between the program and its database: it decides which calls fail, where,
//! and in what order they run. Without one nothing is asked.

use std::sync::Arc;

use tokio::time::Instant;

/// Where a call stands in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A connection is taken.
    Connect,
    /// A statement, or several at one hand-over.
    Statement,
    /// The commit, with the statements that waited for it.
    Commit,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection breaks before the database has heard of it.
    Before,
    /// The database does it, and the connection breaks before its answer.
    After,
    /// The database has not heard of it, and nothing is heard until the deadline.
    SilentBefore,
    /// The database does it, and nothing is heard until the deadline.
    SilentAfter,
}

/// Who decides.
#[async_trait::async_trait]
pub trait FaultLayer: Send + Sync {
    /// Waits for the call's turn and says what becomes of it.
    async fn begin(&self, step: Step) -> Fault;
    /// The call is over.
    fn end(&self);
    /// A connection is being closed, until this is dropped.
    fn closing(&self) -> Box<dyn Send>;
}

/// A layer, or none.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<dyn FaultLayer>>);

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Faults" } else { "NoFaults" })
    }
}

impl Faults {
    #[must_use]
    pub fn new(layer: Arc<dyn FaultLayer>) -> Faults {
        Faults(Some(layer))
    }

    /// Held while a connection is being closed.
    pub(super) fn closing(&self) -> Option<Box<dyn Send>> {
        self.0.as_ref().map(|layer| layer.closing())
    }

    /// Runs a call as the layer decides.
    pub(super) async fn around<T>(
        &self,
        step: Step,
        until: Instant,
        run: impl Future<Output = sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let Some(layer) = &self.0 else { return run.await };
        let fault = layer.begin(step).await;
        let turn = Turn(layer);
        match fault {
            Fault::None => run.await,
            Fault::Before => Err(broken()),
            Fault::After => run.await.and_then(|_| Err(broken())),
            Fault::SilentBefore | Fault::SilentAfter => {
                if fault == Fault::SilentAfter {
                    let _ = run.await;
                }
                drop(turn);
                tokio::time::sleep_until(until).await;
                std::future::pending().await
            }
        }
    }
}

/// Gives the turn back when a call is over, also where its caller has gone away.
struct Turn<'a>(&'a Arc<dyn FaultLayer>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn broken() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other("the simulation broke the connection"))
}
