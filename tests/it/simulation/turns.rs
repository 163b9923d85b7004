//! Whose call of the database runs next, and what becomes of it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use scrip::store::db::faults::{Fault, FaultLayer, Step};
use tokio::sync::oneshot;

/// One in so many calls fails, by its step.
const ONE_STATEMENT_IN: u32 = 40;
const ONE_CONNECTION_IN: u32 = 40;
const ONE_COMMIT_IN: u32 = 5;

/// The layer before the database.
pub struct Turns {
    inner: Mutex<Inner>,
    /// One call at a time: then a seed gives the same run each time.
    is_ordered: bool,
    has_faults: AtomicBool,
}

struct Inner {
    rng: StdRng,
    waiting: Vec<(Step, oneshot::Sender<Fault>)>,
    /// How many turns were given, and who goes away after how many.
    given: u64,
    leaving: Vec<(u64, oneshot::Sender<()>)>,
    /// Every call with what became of it.
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

    /// Comes when so many more turns were given: time would not be the same in each run.
    pub fn after(&self, turns: u64) -> oneshot::Receiver<()> {
        let (leave, left) = oneshot::channel();
        let mut inner = self.inner.lock().unwrap();
        let at = inner.given + turns;
        inner.leaving.push((at, leave));
        left
    }

    /// Gives turns, one at a time, whenever nothing else can go on.
    pub async fn dispatch(self: Arc<Turns>) {
        loop {
            // The paused clock moves when every task waits: then all who want a turn have asked for it.
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
    /// Tells the next one whose time it is to go away; tells whether there was one.
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

    /// Another thread's answer would come before or after what else goes on at that moment, as chance has it.
    fn drive(&self, call: Pin<&mut dyn Future<Output = ()>>) {
        if self.is_ordered {
            futures_executor::block_on(call);
        }
    }
}
