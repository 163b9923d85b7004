//! SQLite: one connection writes, some read, each on a thread of its own. A statement is ended from outside by its
//! progress handler, which is set once for each connection and reads a deadline and a flag.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::disk::{self, Disk, WAL_BYTES_MAX};
use super::error::{DbError, Result};
use super::faults::{Faults, Step};
use super::script::{Outcome, Script};
use super::{Reads, call, deadline};
use crate::private;

/// One connection writes; some read, apart by what for; sessions have a file of their own.
#[derive(Debug, Clone)]
pub struct SqliteDb {
    writer: Connections,
    facts: Connections,
    lists: Connections,
    exports: Connections,
    sessions: Connections,
    /// For checkpoints beside the writer.
    upkeep: Connections,
    /// Reads that began before are ended, in milliseconds since [`BEGINNING`].
    ended_before: Arc<AtomicU64>,
    /// Until then the WAL is not restarted, in milliseconds since [`BEGINNING`].
    anew_from: Arc<AtomicU64>,
    pub file: Arc<Path>,
    pub(super) disk: Arc<Disk>,
    pub(super) faults: Faults,
    pub(super) reads_exports: bool,
}

/// How many connections read facts, lists and exports.
const READERS: [usize; 3] = [3, 3, 4];
/// How many steps of SQLite's machine lie between two looks at the deadline: about a tenth of a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 4_000;
/// A page of 4 KB and its head.
const WAL_PAGE_BYTES: u64 = 4_096 + 24;
/// Below this a checkpoint is not worth its flush.
const CHECKPOINT_BYTES_MIN: u64 = 4 << 20;

/// How long writers wait for those who read from the WAL before it is restarted; and where it is half as long
/// again as it should be, before these are ended. After waiting in vain they are left alone for ten times as long.
const ANEW_MILLISECONDS: u64 = 20;
const ANEW_MILLISECONDS_LONG: u64 = 500;

/// Whether somebody was in the way, pages in the WAL, pages copied.
type CheckpointRow = (i64, i64, i64);

impl SqliteDb {
    pub(super) async fn open(folder: &Path) -> Result<SqliteDb> {
        let file: Arc<Path> = folder.join("scrip.db").into();
        // First: on a full disk it gives up the ballast, which the databases need to open.
        let disk = Arc::new(Disk::new(folder, disk::capacity));
        let sessions_file = folder.join("sessions.db");
        [&*file, &sessions_file].into_iter().try_for_each(make_private).map_err(sqlx::Error::Io)?;
        let main = options(&file);
        let reading = main.clone().pragma("query_only", "1");
        let ended_before = Arc::<AtomicU64>::default();
        let readers = |count| Connections::new_ended(reading.clone(), count, ended_before.clone());
        let [facts, lists, exports] = READERS.map(readers);
        let db = SqliteDb {
            writer: Connections::new(main.pragma("wal_autocheckpoint", "0"), 1),
            facts,
            lists,
            exports,
            sessions: Connections::new(sessions_options(&sessions_file), 1),
            upkeep: Connections::new(reading.clone(), 1),
            ended_before: ended_before.clone(),
            anew_from: Arc::default(),
            file,
            disk,
            faults: Faults::default(),
            reads_exports: false,
        };
        let opening = deadline::after_seconds(deadline::EXPORT_SECONDS);
        // The writer makes the file, so that the readers find one.
        drop(db.writer.lease(opening).await?);
        let mut sessions = db.sessions.lease(opening).await?;
        let schema = include_str!("../../../migrations/sessions.sql");
        sqlx::raw_sql(schema).execute(sessions.connection()).await?;
        sessions.is_clean();
        drop(sessions);
        Ok(db)
    }

    /// Measures its disk so from now on.
    pub(super) fn measure(&mut self, measure: disk::Measure) {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        self.disk = Arc::new(Disk::new(folder, measure));
    }

    /// Begins a transaction that writes. On a full disk only what makes room may.
    pub(super) async fn begin_writing(&self, until: Instant, makes_room: bool) -> Result<SqliteTx> {
        if self.disk.is_full() && !makes_room {
            return Err(DbError::disk_full());
        }
        self.begin(&self.writer, "begin immediate", until).await
    }

    pub(super) async fn begin_reading(&self) -> Result<SqliteTx> {
        self.begin(&self.exports, "begin", deadline::after_seconds(deadline::EXPORT_SECONDS)).await
    }

    async fn begin(&self, from: &Connections, statement: &'static str, until: Instant) -> Result<SqliteTx> {
        let lease = self.lease(from, until).await?;
        let mut waiting = Script::default();
        waiting.add(statement, Vec::new());
        Ok(SqliteTx { lease, waiting, disk: self.disk.clone(), has_begun: false, has_ended: false })
    }

    pub(super) async fn reader(&self, reads: Reads) -> Result<Lease> {
        let (from, seconds) = match reads {
            Reads::Facts => (&self.facts, deadline::READ_SECONDS),
            Reads::List => (&self.lists, deadline::READ_SECONDS),
            Reads::Export => (&self.exports, deadline::EXPORT_SECONDS),
        };
        self.lease(from, deadline::after_seconds(seconds)).await
    }

    pub(super) async fn sessions(&self) -> Result<Lease> {
        self.lease(&self.sessions, deadline::after_milliseconds(deadline::TRY_MILLISECONDS)).await
    }

    async fn lease(&self, from: &Connections, until: Instant) -> Result<Lease> {
        let place = from.place(until).await?;
        let open = async { Ok(from.open().await) };
        let open = call(&self.faults, Step::Connect, until, open).await??;
        Ok(from.lease_of(open, place, until, self.faults.clone()))
    }

    pub(super) async fn close(&self) {
        let reading = [&self.facts, &self.lists, &self.exports, &self.upkeep];
        for connections in reading.into_iter().chain([&self.writer, &self.sessions]) {
            connections.close().await;
        }
    }

    /// The connection that writes, for what brings its own transactions. It has no deadline.
    ///
    /// # Errors
    /// When it does not come free in time.
    pub async fn writer_connection(&self) -> Result<Lease> {
        self.writer.lease(deadline::after_seconds(deadline::EXPORT_SECONDS)).await
    }

    /// Keeps the WAL small, and looks at the disk.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn tend(&self) -> Result<()> {
        let (wal, space) = (self.wal_bytes(), self.disk.space());
        let limit = space.wal_limit(wal);
        metrics::gauge!("scrip_wal_bytes").set(wal as f64);
        let has_refused = self.disk.take_refusal();
        let is_anew_due = wal > limit && milliseconds() >= self.anew_from.load(Ordering::Relaxed);
        let tended = if is_anew_due || has_refused {
            self.begin_wal_anew(limit, has_refused).await
        } else if wal > CHECKPOINT_BYTES_MIN.min(limit / 2) {
            self.checkpoint_beside().await
        } else {
            Ok(())
        };
        let has_room = !tended.as_ref().is_err_and(DbError::is_write_refused);
        let disk = self.disk.clone();
        let _ = tokio::task::spawn_blocking(move || disk.judge(!has_room)).await;
        // That the disk is full it says once, by itself.
        if has_room { tended } else { Ok(()) }
    }

    /// Copies what committed from the WAL into the database file, beside the writer.
    async fn checkpoint_beside(&self) -> Result<()> {
        let mut lease = self.upkeep.lease(deadline::after_seconds(deadline::READ_SECONDS)).await?;
        sqlx::query("pragma wal_checkpoint(passive)").execute(lease.connection()).await?;
        lease.is_clean();
        Ok(())
    }

    /// Takes the writer's turn and begins the WAL anew where more of it is in use, unless somebody still reads
    /// from it: a long reader, such as a backup, must not make writers wait for long. The file keeps its length, which
    /// later commits write over: that is cheaper than to let it grow again. Only where room is scarce it is cut.
    async fn begin_wal_anew(&self, limit: u64, is_scarce: bool) -> Result<()> {
        let mut writer = self.writer.lease(deadline::after_milliseconds(deadline::TRY_MILLISECONDS)).await?;
        let connection = writer.connection();
        let is_cut = is_scarce || limit < WAL_BYTES_MAX;
        let (_, pages, _): CheckpointRow =
            sqlx::query_as("pragma wal_checkpoint(noop)").fetch_one(&mut *connection).await?;
        let used = pages.cast_unsigned() * WAL_PAGE_BYTES;
        if is_cut || used > limit {
            let mut waited = ANEW_MILLISECONDS;
            let mut is_busy = !try_anew(connection, is_cut, waited).await?;
            if is_busy && used > limit + limit / 2 {
                let begun = milliseconds();
                waited = ANEW_MILLISECONDS_LONG;
                is_busy = !try_anew(connection, is_cut, waited).await?;
                if is_busy {
                    // Who reads still and began before this wait keeps all others from writing.
                    self.ended_before.store(begun, Ordering::Relaxed);
                    is_busy = !try_anew(connection, is_cut, waited).await?;
                }
            }
            let pause = if is_busy { 10 * waited } else { 0 };
            self.anew_from.store(milliseconds() + pause, Ordering::Relaxed);
        }
        writer.is_clean();
        Ok(())
    }

    /// SQLite's own checks of the file: what is wrong, empty when nothing is. It takes as long as it takes.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn check_file(&self) -> Result<Vec<String>> {
        let mut connection = SqliteConnection::connect_with(&options(&self.file)).await?;
        let lines: Vec<(String,)> =
            sqlx::query_as("pragma integrity_check").fetch_all(&mut connection).await?;
        let mut wrong: Vec<String> = lines.into_iter().map(|l| l.0).filter(|l| l != "ok").collect();
        let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut connection).await?;
        if !broken.is_empty() {
            wrong.push(format!("{} rows refer to rows that do not exist", broken.len()));
        }
        connection.close().await?;
        Ok(wrong)
    }

    /// The size of the WAL file in bytes.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        let mut name = self.file.as_os_str().to_owned();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |m| m.len())
    }

    /// A consistent copy of the running database in a new file.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub async fn copy_into(&self, file: &Path) -> Result<()> {
        let mut connection = SqliteConnection::connect_with(&options(&self.file)).await?;
        sqlx::query("vacuum into $1")
            .bind(file.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }
}

/// Begins the WAL anew, waiting so long for those who read from it; tells whether it could.
async fn try_anew(connection: &mut SqliteConnection, is_cut: bool, milliseconds: u64) -> Result<bool> {
    let wait = format!("pragma busy_timeout = {milliseconds}");
    sqlx::query(AssertSqlSafe(wait)).execute(&mut *connection).await?;
    let anew = if is_cut { "pragma wal_checkpoint(truncate)" } else { "pragma wal_checkpoint(restart)" };
    let (is_busy, ..): CheckpointRow = sqlx::query_as(anew).fetch_one(&mut *connection).await?;
    let wait = format!("pragma busy_timeout = {}", deadline::LOCK_SECONDS * 1_000);
    sqlx::query(AssertSqlSafe(wait)).execute(connection).await?;
    Ok(is_busy == 0)
}

/// A database's files are closed to all but their owner. SQLite makes the others as the first one is.
fn make_private(file: &Path) -> std::io::Result<()> {
    private::make(file)?;
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        private::close(Path::new(&name));
    }
    Ok(())
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(deadline::LOCK_SECONDS))
        // A whole batch's rows cross between the threads at once.
        .row_buffer_size(1_024)
        .pragma("recursive_triggers", "1")
        // What a statement that may fail half-way keeps of each page, a file of its own otherwise.
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "33554432")
}

/// Sessions are few and small, and so is their WAL.
fn sessions_options(file: &Path) -> SqliteConnectOptions {
    options(file).pragma("wal_autocheckpoint", "250").pragma("journal_size_limit", "1048576")
}

/// A few connections to one file, opened when they are needed.
#[derive(Debug, Clone)]
struct Connections(Arc<Shared>);

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

/// A connection, and how its statements are ended from outside.
#[derive(Debug)]
struct Open {
    raw: SqliteConnection,
    limit: Arc<Limit>,
}

/// What the progress handler looks at.
#[derive(Debug, Default)]
struct Limit {
    /// Milliseconds since [`BEGINNING`]; 0 where there is none.
    until: AtomicU64,
    is_cancelled: AtomicBool,
    /// When the connection was taken.
    begun: AtomicU64,
    ended_before: Arc<AtomicU64>,
}

static BEGINNING: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

/// Since [`BEGINNING`].
fn milliseconds() -> u64 {
    BEGINNING.elapsed().as_millis() as u64
}

impl Limit {
    /// The next statement has so long.
    fn set(&self, time: Duration) {
        let until = BEGINNING.elapsed() + time;
        self.until.store(until.as_millis() as u64, Ordering::Relaxed);
    }

    /// Whether a statement may go on.
    fn allows(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        !self.is_cancelled.load(Ordering::Relaxed)
            && self.begun.load(Ordering::Relaxed) >= self.ended_before.load(Ordering::Relaxed)
            && (until == 0 || milliseconds() < until)
    }
}

impl Connections {
    fn new(options: SqliteConnectOptions, count: usize) -> Connections {
        Connections::new_ended(options, count, Arc::default())
    }

    /// Whose statements end where they began before that time.
    fn new_ended(options: SqliteConnectOptions, count: usize, ended_before: Arc<AtomicU64>) -> Connections {
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
    async fn lease(&self, until: Instant) -> Result<Lease> {
        let place = self.place(until).await?;
        Ok(self.lease_of(self.open().await?, place, until, Faults::default()))
    }

    /// A place for one connection. Where one hangs on the disk, the refusal comes at once.
    async fn place(&self, until: Instant) -> Result<OwnedSemaphorePermit> {
        let places = self.0.places.clone();
        let place = if self.0.is_stuck.load(Ordering::Relaxed) {
            places.try_acquire_owned().map_err(|_| DbError::no_connection())?
        } else {
            tokio::time::timeout_at(until, places.acquire_owned())
                .await
                .map_err(|_| DbError::no_connection())?
                .map_err(|_| sqlx::Error::PoolClosed)?
        };
        self.0.is_stuck.store(false, Ordering::Relaxed);
        Ok(place)
    }

    async fn open(&self) -> Result<Open> {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(open) => Ok(open),
            None => Open::connect(&self.0.options, self.0.ended_before.clone()).await,
        }
    }

    fn lease_of(&self, open: Open, place: OwnedSemaphorePermit, until: Instant, faults: Faults) -> Lease {
        open.limit.begun.store(milliseconds(), Ordering::Relaxed);
        Lease { open: Some(open), from: self.clone(), place: Some(place), until, faults, is_busy: false }
    }

    /// Waits for what is under way, then closes all.
    async fn close(&self) {
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
    /// Always there, until it is dropped.
    open: Option<Open>,
    from: Connections,
    place: Option<OwnedSemaphorePermit>,
    until: Instant,
    faults: Faults,
    /// A statement was begun and not seen to end, or a transaction is open: the connection is closed.
    is_busy: bool,
}

impl Lease {
    /// For what runs its own statements: until [`Lease::is_clean`], the connection counts as busy.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        self.is_busy = true;
        let open = self.open.as_mut().expect("a lease has its connection until it is dropped");
        open.limit.until.store(0, Ordering::Relaxed);
        &mut open.raw
    }

    /// What was run has ended, and nothing is open.
    pub fn is_clean(&mut self) {
        self.is_busy = false;
    }

    /// Runs statements, within the deadline of the lease.
    pub(super) async fn run(&mut self, script: Script) -> Result<Vec<Outcome>> {
        let step = script.step();
        self.is_busy = true;
        let open = self.open.as_mut().expect("a lease has its connection until it is dropped");
        if self.faults.are_none() {
            let left = self.until.saturating_duration_since(Instant::now());
            open.limit.set(left.max(Duration::from_millis(1)));
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
        // Its thread may still be at work: the place is free when it has ended.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = faults.run(open.raw.close()).await;
                drop(place);
            });
        }
    }
}

/// A transaction on SQLite. On a full disk SQLite ends a transaction by itself, so what was not ended here takes
/// its connection with it: the next one is in a known state.
pub struct SqliteTx {
    lease: Lease,
    /// What gives nothing, such as `begin`, waits for the next statement that does.
    waiting: Script,
    disk: Arc<Disk>,
    has_begun: bool,
    has_ended: bool,
}

impl SqliteTx {
    /// Runs what waits, and this.
    pub(super) async fn run(&mut self, add: impl FnOnce(&mut Script)) -> Result<Vec<Outcome>> {
        self.has_begun = true;
        let mut script = std::mem::take(&mut self.waiting);
        add(&mut script);
        let outcome = self.lease.run(script).await;
        if outcome.as_ref().is_err_and(DbError::is_write_refused) {
            self.disk.note_refusal();
        }
        outcome
    }

    /// The statements that wait for the next one.
    pub(super) fn waiting(&mut self) -> &mut Script {
        &mut self.waiting
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.run(Script::add_commit).await?;
        self.has_ended = true;
        Ok(())
    }

    pub(super) async fn rollback(mut self) {
        let rolled_back =
            !self.has_begun || self.run(|script| script.add("rollback", Vec::new())).await.is_ok();
        self.has_ended = rolled_back;
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        self.lease.is_busy |= self.has_begun && !self.has_ended;
    }
}
