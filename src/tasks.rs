//! The tasks that live as long as the process. Each is watched: if one ended by itself, the portal would look fine but
//! no longer work, so the process ends with it, to be started again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// All tasks. Clones share them.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Shared>);

#[derive(Default)]
struct Shared {
    tracker: TaskTracker,
    /// The end is near: load balancers know, but everything is still served.
    draining: CancellationToken,
    stopping: CancellationToken,
    running: Mutex<Vec<&'static str>>,
    cut: Mutex<Vec<String>>,
    ended: watch::Sender<Option<Ended>>,
}

/// A task that has ended although nobody stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub name: &'static str,
    pub has_panicked: bool,
}

impl Tasks {
    /// Starts a task that is to run until [`Tasks::stop`].
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.0.running).push(name);
        let watched = Watched { tasks: self.clone(), name };
        self.0.tracker.spawn(async move {
            let _watched = watched;
            task.await;
        });
    }

    /// Waits until a task ends although nobody stopped it.
    pub async fn ended_alone(&self) -> Ended {
        let mut ended = self.0.ended.subscribe();
        loop {
            if let Some(ended) = *ended.borrow_and_update() {
                return ended;
            }
            if ended.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Cancelled when all tasks must end.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Announces that the end is near.
    pub fn drain(&self) {
        self.0.draining.cancel();
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Stops all tasks.
    pub fn stop(&self) {
        self.0.draining.cancel();
        self.0.stopping.cancel();
    }

    /// Waits until all have ended.
    pub async fn all_ended(&self) {
        self.0.tracker.close();
        self.0.tracker.wait().await;
    }

    /// The names of the running tasks.
    #[must_use]
    pub fn running(&self) -> Vec<&'static str> {
        lock(&self.0.running).clone()
    }

    /// Records something that the end cut off.
    pub fn note_cut(&self, what: impl Into<String>) {
        lock(&self.0.cut).push(what.into());
    }

    /// What the end cut off.
    #[must_use]
    pub fn cut(&self) -> Vec<String> {
        lock(&self.0.cut).clone()
    }
}

/// Dropped by whatever ends a task: a return, a panic, an abort.
struct Watched {
    tasks: Tasks,
    name: &'static str,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let shared = &self.tasks.0;
        let mut running = lock(&shared.running);
        if let Some(at) = running.iter().position(|name| *name == self.name) {
            running.remove(at);
        }
        drop(running);
        if !shared.stopping.is_cancelled() {
            let ended = Ended { name: self.name, has_panicked: std::thread::panicking() };
            shared.ended.send_if_modified(|first| first.is_none() && first.replace(ended).is_none());
        }
    }
}

/// The data behind these locks is consistent after each statement, so a panic spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_returns_or_panics_is_noticed_and_one_that_was_stopped_is_not() {
        for has_panicked in [false, true] {
            let tasks = Tasks::default();
            tasks.spawn("patient", std::future::pending());
            tasks.spawn("weak", async move { assert!(!has_panicked, "on purpose") });
            assert_eq!(tasks.ended_alone().await, Ended { name: "weak", has_panicked });
            assert_eq!(tasks.running(), ["patient"]);
        }
        let tasks = Tasks::default();
        let stopping = tasks.stopping();
        tasks.spawn("obedient", async move { stopping.cancelled().await });
        tasks.stop();
        tasks.all_ended().await;
        assert_eq!(*tasks.0.ended.subscribe().borrow(), None);
    }
}
