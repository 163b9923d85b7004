//! SQLite: one connection writes, some read.

mod connections;
mod transaction;
mod wal;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};
use tokio::time::Instant;

use connections::Connections;
pub use connections::Lease;
pub use transaction::SqliteTx;

use super::disk::{self, Disk};
use super::error::{DbError, Result};
use super::faults::{Faults, Step};
use super::{Reads, call, deadline};
use crate::private;

/// One connection writes; the others read, separated by purpose. Sessions have a file of their own.
#[derive(Debug, Clone)]
pub struct SqliteDb {
    writer: Connections,
    facts: Connections,
    lists: Connections,
    exports: Connections,
    sessions: Connections,
    /// For checkpoints beside the writer.
    upkeep: Connections,
    /// Reads that began earlier are ended; in milliseconds since [`connections::BEGINNING`].
    ended_before: Arc<AtomicU64>,
    /// The WAL is not restarted before this time; in milliseconds since [`connections::BEGINNING`].
    restart_from: Arc<AtomicU64>,
    pub file: Arc<Path>,
    pub(super) disk: Arc<Disk>,
    pub(super) faults: Faults,
    pub(super) reads_exports: bool,
}

/// How many connections read facts, lists and exports.
const READERS: [usize; 3] = [3, 3, 4];

impl SqliteDb {
    pub(super) async fn open(folder: &Path) -> Result<SqliteDb> {
        let file: Arc<Path> = folder.join("scrip.db").into();
        // First: on a full disk this deletes the ballast, whose space the databases need to open.
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
            restart_from: Arc::default(),
            file,
            disk,
            faults: Faults::default(),
            reads_exports: false,
        };
        let opening = deadline::after_seconds(deadline::EXPORT_SECONDS);
        // The writer creates the file, so that the readers find one.
        drop(db.writer.lease(opening).await?);
        let mut sessions = db.sessions.lease(opening).await?;
        let schema = include_str!("../../../../migrations/sessions.sql");
        sqlx::raw_sql(schema).execute(sessions.connection()).await?;
        sessions.is_clean();
        drop(sessions);
        Ok(db)
    }

    /// Replaces the measure of its disk.
    pub(super) fn measure(&mut self, measure: disk::Measure) {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        self.disk = Arc::new(Disk::new(folder, measure));
    }

    /// Begins a transaction that writes. On a full disk, only work that frees space may.
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
        Ok(SqliteTx::begin(lease, self.disk.clone(), statement))
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

    /// The connection that writes, for code that runs its own transactions. It has no deadline.
    ///
    /// # Errors
    /// If it is not free in time.
    pub async fn writer_connection(&self) -> Result<Lease> {
        self.writer.lease(deadline::after_seconds(deadline::EXPORT_SECONDS)).await
    }

    /// SQLite's own check of the file: the problems, empty if there are none. It has no time limit.
    pub async fn check_file(&self) -> Result<Vec<String>> {
        let mut connection = SqliteConnection::connect_with(&options(&self.file)).await?;
        let lines: Vec<(String,)> = sqlx::query_as("pragma integrity_check").fetch_all(&mut connection).await?;
        let mut wrong: Vec<String> = lines.into_iter().map(|l| l.0).filter(|l| l != "ok").collect();
        let broken = sqlx::query("pragma foreign_key_check").fetch_all(&mut connection).await?;
        if !broken.is_empty() {
            wrong.push(format!("{} rows refer to rows that do not exist", broken.len()));
        }
        connection.close().await?;
        Ok(wrong)
    }

    /// Copies the running database, consistently, into a new file.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub async fn copy_into(&self, file: &Path) -> Result<()> {
        let mut connection = SqliteConnection::connect_with(&options(&self.file)).await?;
        sqlx::query("vacuum into $1").bind(file.to_string_lossy().into_owned()).execute(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }
}

/// Makes a database's files private to their owner. SQLite gives the others the first one's permissions.
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
        // The statement journal, which would otherwise be a file of its own.
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "33554432")
}

/// Sessions are few and small, and so is their WAL.
fn sessions_options(file: &Path) -> SqliteConnectOptions {
    options(file).pragma("wal_autocheckpoint", "250").pragma("journal_size_limit", "1048576")
}
