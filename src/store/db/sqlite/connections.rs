//! SQLite's connections, each on a thread of its own. A statement can be ended from outside by its progress handler,
//! which is set once per connection and reads a deadline and a flag.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::store::db::call;
use crate::store::db::error::{DbError, Result};
use crate::store::db::faults::Faults;
use crate::store::db::script::{Outcome, Script};

/// How many of SQLite's VM steps pass between two checks of the deadline: about a tenth of a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 4_000;
/// Statements end this long before their caller gives up, who can then tell a long statement from a disk that hangs.
const END_EARLIER: Duration = Duration::from_millis(100);
/// How long to wait for a connection if one hangs on the disk.
const STUCK_WAIT: Duration = Duration::from_millis(100);

/// A few connections to one file, opened on demand.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    ended_before: Arc<AtomicU64>,
    places: Arc<Semaphore>,
    count: usize,
    idle: Mutex<Vec<Open>>,
    /// A statement has passed its deadline and does not end: SQLite waits for the disk.
    is_stuck: AtomicBool,
}

/// A connection, and the limit that ends its statements.
#[derive(Debug)]
pub(super) struct Open {
    raw: SqliteConnection,
    limit: Arc<Limit>,
}

/// What the progress handler checks.
#[derive(Debug, Default)]
struct Limit {
    /// Milliseconds since [`BEGINNING`]; 0 for no deadline.
    until: AtomicU64,
    is_cancelled: AtomicBool,
    /// When the connection was taken.
    begun: AtomicU64,
    ended_before: Arc<AtomicU64>,
}

pub(super) static BEGINNING: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

/// Milliseconds since [`BEGINNING`].
pub(super) fn milliseconds() -> u64 {
    BEGINNING.elapsed().as_millis() as u64
}

impl Limit {
    /// Sets the time limit of the next statement.
    fn set(&self, time: Duration) {
        let until = BEGINNING.elapsed() + time;
        self.until.store(until.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether a statement may continue.
    fn allows(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        !self.is_cancelled.load(Ordering::Relaxed)
            && self.begun.load(Ordering::Relaxed) >= self.ended_before.load(Ordering::Relaxed)
            && (until == 0 || milliseconds() < until)
    }
}

impl Connections {
    pub(super) fn new(options: SqliteConnectOptions, count: usize) -> Connections {
        Connections::new_ended(options, count, Arc::default())
    }

    /// Connections whose statements end if they began before that time.
    pub(super) fn new_ended(options: SqliteConnectOptions, count: usize, ended_before: Arc<AtomicU64>) -> Connections {
        let places = Arc::new(Semaphore::new(count));
        Connections(Arc::new(Shared {
            options,
            ended_before,
            places,
            count,
            idle: Mutex::default(),
            is_stuck: AtomicBool::new(false),
        }))
    }

    /// A connection, until the lease is dropped.
    pub(super) async fn lease(&self, until: Instant) -> Result<Lease> {
        let place = self.place(until).await?;
        Ok(self.lease_of(self.open().await?, place, until, Faults::default()))
    }

    /// A place for one connection. Refuses soon if one hangs on the disk.
    pub(super) async fn place(&self, until: Instant) -> Result<OwnedSemaphorePermit> {
        let is_stuck = self.0.is_stuck.load(Ordering::Relaxed);
        let until = if is_stuck { until.min(Instant::now() + STUCK_WAIT) } else { until };
        let place = tokio::time::timeout_at(until, self.0.places.clone().acquire_owned())
            .await
            .map_err(|_| DbError::no_connection())?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        self.0.is_stuck.store(false, Ordering::Relaxed);
        Ok(place)
    }

    pub(super) async fn open(&self) -> Result<Open> {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(open) => Ok(open),
            None => Open::connect(&self.0.options, self.0.ended_before.clone()).await,
        }
    }

    pub(super) fn lease_of(&self, open: Open, place: OwnedSemaphorePermit, until: Instant, faults: Faults) -> Lease {
        open.limit.begun.store(milliseconds(), Ordering::Relaxed);
        Lease { open: Some(open), from: self.clone(), place: Some(place), until, faults, is_busy: false }
    }

    /// Waits for running work, then closes all connections.
    pub(super) async fn close(&self) {
        let _all = self.0.places.acquire_many(self.0.count as u32).await;
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for open in idle {
            let _ = open.raw.close().await;
        }
    }
}

impl Open {
    async fn connect(options: &SqliteConnectOptions, ended_before: Arc<AtomicU64>) -> Result<Open> {
        let mut raw = SqliteConnection::connect_with(options).await?;
        let limit = Arc::new(Limit { ended_before, ..Limit::default() });
        let seen = limit.clone();
        raw.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_LOOKS, move || seen.allows());
        Ok(Open { raw, limit })
    }
}

/// A connection in use.
pub struct Lease {
    /// Always `Some`, until it is dropped.
    open: Option<Open>,
    from: Connections,
    place: Option<OwnedSemaphorePermit>,
    until: Instant,
    faults: Faults,
    /// A statement was begun and has not been seen to end, or a transaction is open: the connection will be closed.
    pub(super) is_busy: bool,
}

impl Lease {
    /// For code that runs its own statements: the connection counts as busy until [`Lease::is_clean`].
    pub fn connection(&mut self) -> &mut SqliteConnection {
        self.is_busy = true;
        let open = self.open.as_mut().expect("a lease has its connection until it is dropped");
        open.limit.until.store(0, Ordering::Relaxed);
        &mut open.raw
    }

    /// Marks that everything has ended, and nothing is open.
    pub fn is_clean(&mut self) {
        self.is_busy = false;
    }

    /// Runs statements within the deadline of the lease.
    pub(in crate::store::db) async fn run(&mut self, script: Script) -> Result<Vec<Outcome>> {
        let step = script.step();
        self.is_busy = true;
        let open = self.open.as_mut().expect("a lease has its connection until it is dropped");
        if self.faults.are_none() {
            let left = self.until.saturating_duration_since(Instant::now());
            open.limit.set(left.saturating_sub(END_EARLIER).max(Duration::from_millis(1)));
        }
        let outcome = call(&self.faults, step, self.until, script.run(&mut open.raw)).await;
        match &outcome {
            Ok(_) => self.is_busy = false,
            Err(_) if self.until <= Instant::now() => self.from.0.is_stuck.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
        outcome
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        if !self.is_busy {
            self.from.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(open);
            return;
        }
        open.limit.is_cancelled.store(true, Ordering::Relaxed);
        let place = self.place.take();
        let faults = self.faults.clone();
        // Its thread may still be working: the place is free once it has ended.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = faults.run(open.raw.close()).await;
                drop(place);
            });
        }
    }
}
