//! The only place that knows of two databases. A statement is written once, with `$1` placeholders; where the databases
//! truly differ, [`sql_for`] takes both texts.
//!
//! Nothing here waits forever: [`deadline`] names each limit. Errors are [`DbError`]s, which know whether the work may
//! have happened all the same.

pub mod deadline;
pub mod disk;
mod error;
pub mod faults;
mod postgres;
mod query;
mod rows;
mod script;
mod sqlite;

use std::ops::{Deref, DerefMut};
use std::path::Path;

use tokio::time::Instant;

pub use error::{DbError, Result};
use faults::{Faults, Step};
pub use postgres::PostgresDb;
use postgres::{PgConnectionLease, PgTx};
pub use query::{Found, Query, Row, Value, all_of, sql, sql_for};
pub(crate) use rows::columns;
pub use rows::{Column, ColumnType, Columns, Hex, Typed};
pub use sqlite::SqliteDb;
use sqlite::{Lease, SqliteTx};

/// A database of either kind.
#[derive(Debug, Clone)]
pub enum Db {
    Sqlite(SqliteDb),
    Postgres(PostgresDb),
}

/// What a read is for. Each kind has its own connections, so that a heavy read delays no light one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Single rows: signing in, redeeming, a page's facts.
    Facts,
    /// Lists, searches, counts and reports.
    List,
    /// Files and complete checks, in steps.
    Export,
}

impl Db {
    /// Opens the SQLite files in a folder; creates missing ones.
    ///
    /// # Errors
    /// If the folder cannot be written or the file is no database.
    pub async fn open_sqlite(folder: &Path) -> Result<Db> {
        Ok(Db::Sqlite(SqliteDb::open(folder).await?))
    }

    /// Opens a PostgreSQL database by its URL.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn open_postgres(url: &str) -> Result<Db> {
        Ok(Db::Postgres(PostgresDb::open(url).await?))
    }

    /// The same database behind a layer that makes its calls fail: for the simulation.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Db {
        match &mut self {
            Db::Sqlite(db) => db.faults = faults,
            Db::Postgres(db) => db.faults = faults,
        }
        self
    }

    /// The same database with another measure of its disk: for tests.
    #[must_use]
    pub fn with_disk(mut self, measure: disk::Measure) -> Db {
        if let Db::Sqlite(db) = &mut self {
            db.measure(measure);
        }
        self
    }

    /// The same database, on which every read counts as an export's.
    #[must_use]
    pub fn for_exports(&self) -> Db {
        let mut db = self.clone();
        match &mut db {
            Db::Sqlite(db) => db.reads_exports = true,
            Db::Postgres(db) => db.reads_exports = true,
        }
        db
    }

    /// Begins a transaction that writes: one attempt, with its deadline. On SQLite it takes the only writer's turn.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn write(&self) -> Result<WriteTx> {
        self.write_until(deadline::after_milliseconds(deadline::TRY_MILLISECONDS)).await
    }

    /// As [`Db::write`], with an earlier deadline if the caller needs one.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn write_until(&self, until: Instant) -> Result<WriteTx> {
        let until = until.min(deadline::after_milliseconds(deadline::TRY_MILLISECONDS));
        Ok(WriteTx(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.begin_writing(until, false).await?),
            Db::Postgres(db) => Tx::Postgres(db.begin_writing(until).await?),
        }))
    }

    /// As [`Db::write`], for work that frees space: it may run even on a full disk.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn write_to_make_room(&self) -> Result<WriteTx> {
        let until = deadline::after_milliseconds(deadline::TRY_MILLISECONDS);
        Ok(WriteTx(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.begin_writing(until, true).await?),
            Db::Postgres(db) => Tx::Postgres(db.begin_writing(until).await?),
        }))
    }

    /// Whether writes are refused because SQLite's disk is full.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Db::Sqlite(db) => db.disk.is_full(),
            Db::Postgres(_) => false,
        }
    }

    /// A connection for single reads.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn read(&self) -> Result<Tx> {
        self.read_for(Reads::Facts).await
    }

    /// A connection for lists, searches, counts and reports.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn read_list(&self) -> Result<Tx> {
        self.read_for(Reads::List).await
    }

    /// A connection for one step of a long read.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn read_export(&self) -> Result<Tx> {
        self.read_for(Reads::Export).await
    }

    async fn read_for(&self, reads: Reads) -> Result<Tx> {
        let is_export = match self {
            Db::Sqlite(db) => db.reads_exports,
            Db::Postgres(db) => db.reads_exports,
        };
        let reads = if is_export { Reads::Export } else { reads };
        Ok(match self {
            Db::Sqlite(db) => Tx::SqliteRead(db.reader(reads).await?),
            Db::Postgres(db) => Tx::PostgresRead(db.reader(reads).await?),
        })
    }

    /// A transaction whose reads all see the same moment.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.begin_reading().await?),
            Db::Postgres(db) => Tx::Postgres(db.begin_reading().await?),
        })
    }

    /// A connection to the database of sessions.
    ///
    /// # Errors
    /// If no connection is free in time.
    pub async fn sessions(&self) -> Result<WriteTx> {
        Ok(WriteTx(match self {
            Db::Sqlite(db) => Tx::SqliteRead(db.sessions().await?),
            Db::Postgres(db) => Tx::PostgresRead(db.reader(Reads::Facts).await?),
        }))
    }

    /// Waits a limited time for running work, then closes all connections. Returns whether all are closed.
    pub async fn close(&self) -> bool {
        let closing = async {
            match self {
                Db::Sqlite(db) => db.close().await,
                Db::Postgres(db) => db.close().await,
            }
        };
        tokio::time::timeout_at(deadline::after_seconds(deadline::CLOSE_SECONDS), closing).await.is_ok()
    }
}

/// A connection that reads: one for single reads, or a transaction. Dropping it cancels a statement that is running.
pub enum Tx {
    Sqlite(SqliteTx),
    SqliteRead(Lease),
    Postgres(PgTx),
    PostgresRead(PgConnectionLease),
}

impl Tx {
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self, Tx::Postgres(_) | Tx::PostgresRead(_))
    }

    /// Ends it, and with it its view of the database.
    pub async fn end(self) {
        match self {
            Tx::Sqlite(tx) => tx.rollback().await,
            Tx::Postgres(tx) => tx.rollback().await,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => {}
        }
    }
}

/// A transaction that writes; it reads like any other. Dropped without [`WriteTx::commit`], it is rolled back. (On
/// SQLite, sessions are written without one, each statement on its own.)
pub struct WriteTx(Tx);

impl WriteTx {
    /// Makes all of it durable; once this returns, it has happened.
    ///
    /// # Errors
    /// If the database could not store it: [`DbError::is_outcome_unknown`] says whether it may have happened.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Tx::Sqlite(tx) => tx.commit().await,
            Tx::Postgres(tx) => tx.commit().await,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => Ok(()),
        }
    }

    /// Rolls all of it back. If the connection is gone, that has happened already.
    pub async fn rollback(self) {
        self.0.end().await;
    }
}

impl Deref for WriteTx {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.0
    }
}

/// One call to the database, with its deadline and the simulation's faults.
async fn call<T>(faults: &Faults, step: Step, until: Instant, run: impl Future<Output = sqlx::Result<T>>) -> Result<T> {
    // Boxed: otherwise a future that awaits a few statements becomes too large for its thread's stack.
    match tokio::time::timeout_at(until, Box::pin(faults.around(step, until, run))).await {
        Ok(answer) => answer.map_err(|error| DbError::of(error, step)),
        Err(_) => Err(DbError::late(step)),
    }
}
