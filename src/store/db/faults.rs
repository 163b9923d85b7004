//! A layer between the program and its database, for the simulation. It decides which calls fail, where, and in what
//! order they run. Without a layer, nothing is asked.

use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::future::maybe_done;
use tokio::time::Instant;

/// A call's place in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Taking a connection.
    Connect,
    /// A statement, or several in one hand-over.
    Statement,
    /// The commit, with the statements that waited for it.
    Commit,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The connection breaks before the database receives it.
    Before,
    /// The database does it, and the connection breaks before its answer.
    After,
    /// The database never receives it, and no answer comes until the deadline.
    SilentBefore,
    /// The database does it, and no answer comes until the deadline.
    SilentAfter,
}

/// Decides about calls.
#[async_trait::async_trait]
pub trait FaultLayer: Send + Sync {
    /// Waits for the call's turn, and decides what happens to it.
    async fn begin(&self, step: Step) -> Fault;

    /// May run a call to its end right here, so that nothing else runs beside it.
    fn drive(&self, _call: Pin<&mut dyn Future<Output = ()>>) {}
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

    /// Whether nothing is simulated. Simulated time differs from the machine's, by which SQLite ends a statement.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_none()
    }

    /// Runs a call that the layer never lets fail.
    pub(super) async fn run<T>(&self, run: impl Future<Output = T>) -> T {
        let Some(layer) = &self.0 else { return run.await };
        let mut call = pin!(maybe_done(run));
        layer.drive(call.as_mut());
        call.as_mut().await;
        call.take_output().expect("what has ended has an outcome")
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
        if fault == Fault::Before {
            return Err(broken());
        }
        if fault != Fault::SilentBefore {
            let outcome = self.run(run).await;
            match fault {
                Fault::After => return outcome.and_then(|_| Err(broken())),
                Fault::SilentAfter => {}
                _ => return outcome,
            }
        }
        tokio::time::sleep_until(until).await;
        std::future::pending().await
    }
}

fn broken() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other("the simulation broke the connection"))
}
