//! Decides which database call runs next, and whether it fails.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use scrip::store::db::faults::{Fault, FaultLayer, Step};
use tokio::sync::oneshot;

/// One in this many calls of each step fails.
const ONE_STATEMENT_IN: u32 = 40;
const ONE_CONNECTION_IN: u32 = 40;
const ONE_COMMIT_IN: u32 = 5;

/// The layer in front of the database.
pub struct Turns {
    inner: Mutex<Inner>,
    /// Runs one call at a time, so that a seed always gives the same run.
    is_ordered: bool,
    has_faults: AtomicBool,
}

struct Inner {
    rng: StdRng,
    waiting: Vec<(Step, oneshot::Sender<Fault>)>,
    /// How many turns were given, and which clients go away after how many turns.
    given: u64,
    leaving: Vec<(u64, oneshot::Sender<()>)>,
    /// Every call and its fault.
    trace: Vec<String>,
}

impl Turns {
    pub fn new(seed: u64, is_ordered: bool) -> Turns {
        let rng = StdRng::seed_from_u64(seed);
        let inner = Inner { rng, waiting: Vec::new(), given: 0, leaving: Vec::new(), trace: Vec::new() };
        Turns { inner: Mutex::new(inner), is_ordered, has_faults: AtomicBool::new(false) }
    }

    pub fn begin_faults(&self) {
        self.has_faults.store(true, Ordering::SeqCst);
    }

    pub fn end_faults(&self) {
        self.has_faults.store(false, Ordering::SeqCst);
    }

    pub fn trace(&self) -> Vec<String> {
        self.inner.lock().unwrap().trace.clone()
    }

    /// Resolves after this many more turns. Turns are used because time would differ between runs.
    pub fn after(&self, turns: u64) -> oneshot::Receiver<()> {
        let (leave, left) = oneshot::channel();
        let mut inner = self.inner.lock().unwrap();
        let at = inner.given + turns;
        inner.leaving.push((at, leave));
        left
    }

    /// Gives turns, one at a time, whenever no other task can proceed.
    pub async fn dispatch(self: Arc<Turns>) {
        loop {
            // The paused clock advances only when every task is waiting, so by then all calls have requested their turn.
            tokio::time::sleep(Duration::from_millis(1)).await;
            self.give_turn();
        }
    }

    fn give_turn(&self) {
        let mut inner = self.inner.lock().unwrap();
        inner.waiting.retain(|(_, turn)| !turn.is_closed());
        inner.leaving.retain(|(_, leave)| !leave.is_closed());
        if inner.leave_one() || inner.waiting.is_empty() {
            return;
        }
        inner.given += 1;
        let count = inner.waiting.len();
        let chosen = inner.rng.random_range(0..count);
        let (step, turn) = inner.waiting.remove(chosen);
        let fault = self.fault(&mut inner.rng, step);
        inner.trace.push(format!("{chosen} of {count}: {step:?}, {fault:?}"));
        let _ = turn.send(fault);
    }

    fn fault(&self, rng: &mut StdRng, step: Step) -> Fault {
        let one_in = match step {
            Step::Connect => ONE_CONNECTION_IN,
            Step::Statement => ONE_STATEMENT_IN,
            Step::Commit => ONE_COMMIT_IN,
        };
        if !self.has_faults.load(Ordering::SeqCst) || !rng.random_ratio(1, one_in) {
            return Fault::None;
        }
        match rng.random_range(0..8) {
            0..=2 => Fault::Before,
            3..=5 => Fault::After,
            6 => Fault::SilentBefore,
            _ => Fault::SilentAfter,
        }
    }
}

impl Inner {
    /// Makes the next client that is due go away; returns whether there was one.
    fn leave_one(&mut self) -> bool {
        let Some(next) = self.leaving.iter().position(|(at, _)| *at <= self.given) else { return false };
        let _ = self.leaving.remove(next).1.send(());
        true
    }
}

#[async_trait::async_trait]
impl FaultLayer for Turns {
    async fn begin(&self, step: Step) -> Fault {
        if !self.is_ordered {
            let mut inner = self.inner.lock().unwrap();
            inner.given += 1;
            while inner.leave_one() {}
            return self.fault(&mut inner.rng, step);
        }
        let (turn, given) = oneshot::channel();
        self.inner.lock().unwrap().waiting.push((step, turn));
        given.await.unwrap_or(Fault::None)
    }

    /// Blocks on the call: an answer from another thread would arrive at an unpredictable point in the run.
    fn drive(&self, call: Pin<&mut dyn Future<Output = ()>>) {
        if self.is_ordered {
            futures_executor::block_on(call);
        }
    }
}
