//! A layer in front of the database that makes calls fail as a test plans.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use scrip::config::Given;
use scrip::store::db::faults::{Fault, FaultLayer, Faults, Step};

use super::{Backend, TestApp};

/// Decides which of the next calls fail, and how.
#[derive(Default)]
pub struct Plan {
    next: Mutex<Vec<(Step, Fault)>>,
    /// The fault for every call of a step, until it is cleared.
    always: Mutex<Option<(Step, Fault)>>,
    breaks_after_commit: AtomicBool,
}

impl Plan {
    /// The next call of this step fails with this fault; calls of other steps are unaffected.
    pub fn next(&self, step: Step, fault: Fault) {
        self.next.lock().unwrap().push((step, fault));
    }

    /// Every call of this step fails with this fault.
    pub fn always(&self, step: Step, fault: Fault) {
        *self.always.lock().unwrap() = Some((step, fault));
    }

    /// From the next commit on, all reads fail.
    pub fn break_reads_after_commit(&self) {
        self.breaks_after_commit.store(true, Ordering::SeqCst);
    }

    /// Clears the plan, so that nothing fails.
    pub fn mend(&self) {
        self.breaks_after_commit.store(false, Ordering::SeqCst);
        *self.always.lock().unwrap() = None;
        self.next.lock().unwrap().clear();
    }

    /// Whether every planned fault has happened.
    pub fn is_over(&self) -> bool {
        self.next.lock().unwrap().is_empty()
    }
}

#[async_trait::async_trait]
impl FaultLayer for Plan {
    async fn begin(&self, step: Step) -> Fault {
        if step == Step::Commit && self.breaks_after_commit.load(Ordering::SeqCst) {
            self.always(Step::Statement, Fault::Before);
        }
        let mut next = self.next.lock().unwrap();
        if let Some(at) = next.iter().position(|(planned, _)| *planned == step) {
            return next.remove(at).1;
        }
        match *self.always.lock().unwrap() {
            Some((planned, fault)) if planned == step => fault,
            _ => Fault::None,
        }
    }
}

impl TestApp {
    /// Starts an application behind a plan of faults.
    pub async fn start_planned(backend: Backend) -> Option<(TestApp, Arc<Plan>)> {
        let plan = Arc::<Plan>::default();
        let faults = Faults::new(plan.clone());
        let test = TestApp::start_behind(backend, Given::default(), |_| {}, |db| db.with_faults(faults)).await?;
        Some((test, plan))
    }
}

/// Makes an `sqlite` and a `postgres` test of an async function that takes a [`TestApp`] and its [`Plan`].
#[macro_export]
macro_rules! both_planned {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some((app, plan)) = $crate::support::TestApp::start_planned($crate::support::Backend::Sqlite).await {
                    Box::pin(super::$name(app, &plan)).await;
                }
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some((app, plan)) = $crate::support::TestApp::start_planned($crate::support::Backend::Postgres).await {
                    Box::pin(super::$name(app, &plan)).await;
                }
            })*
        }
    };
}
