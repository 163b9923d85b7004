//! The only place that knows that there are two databases. A statement stands once, with `$1`
//! placeholders; where the databases truly differ, [`sql_for`] takes both texts.
//!
//! Nothing here waits for ever: [`deadline`] names each limit. What goes wrong is a [`DbError`], which knows
//! whether the work may have happened all the same.

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

/// A database, of either kind.
#[derive(Debug, Clone)]
pub enum Db {
    Sqlite(SqliteDb),
    Postgres(PostgresDb),
}

/// What a read is for: each kind has connections of its own, so that a heavy one makes no light one wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Single rows: signing in, redeeming, a page's facts.
    Facts,
    /// Lists, searches, counts and reports.
    List,
    /// Files and checks of everything, step by step.
    Export,
}

impl Db {
    /// Opens the SQLite files in a folder, making them where they are missing.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is no database.
    pub async fn open_sqlite(folder: &Path) -> Result<Db> {
        Ok(Db::Sqlite(SqliteDb::open(folder).await?))
    }

    /// Opens a PostgreSQL database by its URL.
    ///
    /// # Errors
    /// When it cannot be reached.
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

    /// The same database on a disk that is measured otherwise: for tests.
    #[must_use]
    pub fn with_disk(mut self, measure: disk::Measure) -> Db {
        if let Db::Sqlite(db) = &mut self {
            db.measure(measure);
        }
        self
    }

    /// The same database, whose every read is one of an export.
    #[must_use]
    pub fn for_exports(&self) -> Db {
        let mut db = self.clone();
        match &mut db {
            Db::Sqlite(db) => db.reads_exports = true,
            Db::Postgres(db) => db.reads_exports = true,
        }
        db
    }

    /// Begins a transaction that writes: one try, with its deadline. On SQLite it takes the one writer's turn.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn write(&self) -> Result<WriteTx> {
        self.write_until(deadline::after_milliseconds(deadline::TRY_MILLISECONDS)).await
    }

    /// As [`Db::write`], ending sooner where its caller must.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn write_until(&self, until: Instant) -> Result<WriteTx> {
        let until = until.min(deadline::after_milliseconds(deadline::TRY_MILLISECONDS));
        Ok(WriteTx(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.begin_writing(until, false).await?),
            Db::Postgres(db) => Tx::Postgres(db.begin_writing(until).await?),
        }))
    }

    /// As [`Db::write`], for what makes room: on a full disk it may, too.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn write_to_make_room(&self) -> Result<WriteTx> {
        let until = deadline::after_milliseconds(deadline::TRY_MILLISECONDS);
        Ok(WriteTx(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.begin_writing(until, true).await?),
            Db::Postgres(db) => Tx::Postgres(db.begin_writing(until).await?),
        }))
    }

    /// Whether nothing is written for want of room on SQLite's disk.
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
    /// When no connection comes free in time.
    pub async fn read(&self) -> Result<Tx> {
        self.read_for(Reads::Facts).await
    }

    /// A connection for lists, searches, counts and reports.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn read_list(&self) -> Result<Tx> {
        self.read_for(Reads::List).await
    }

    /// A connection for one step of a long read.
    ///
    /// # Errors
    /// When no connection comes free in time.
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

    /// Several reads that see one moment.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::Sqlite(db.begin_reading().await?),
            Db::Postgres(db) => Tx::Postgres(db.begin_reading().await?),
        })
    }

    /// Where sessions are kept.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn sessions(&self) -> Result<WriteTx> {
        Ok(WriteTx(match self {
            Db::Sqlite(db) => Tx::SqliteRead(db.sessions().await?),
            Db::Postgres(db) => Tx::PostgresRead(db.reader(Reads::Facts).await?),
        }))
    }

    /// Waits for what is under way, at most so long, then closes all connections. Tells whether all are closed.
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

/// A connection that reads: one for single reads, or a transaction. Dropped in the middle of a statement, the statement
/// is cancelled.
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

    /// Ends it, and what it saw of the database with it.
    pub async fn end(self) {
        match self {
            Tx::Sqlite(tx) => tx.rollback().await,
            Tx::Postgres(tx) => tx.rollback().await,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => {}
        }
    }
}

/// A transaction that writes; it reads as any other. Dropped without [`WriteTx::commit`], it is rolled back. (Sessions on
/// SQLite are written without one, each statement for itself.)
pub struct WriteTx(Tx);

impl WriteTx {
    /// Makes all of it durable; it has happened when this returns.
    ///
    /// # Errors
    /// When the database could not keep it: [`DbError::is_outcome_unknown`] tells whether it may have happened.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Tx::Sqlite(tx) => tx.commit().await,
            Tx::Postgres(tx) => tx.commit().await,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => Ok(()),
        }
    }

    /// Undoes all of it. Where the connection is gone it has been undone all the same.
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

/// One call of the database, with its deadline and what the simulation makes of it.
async fn call<T>(
    faults: &Faults,
    step: Step,
    until: Instant,
    run: impl Future<Output = sqlx::Result<T>>,
) -> Result<T> {
    // In a box, or whatever awaits a few statements becomes a future too large for its thread's stack.
    match tokio::time::timeout_at(until, Box::pin(faults.around(step, until, run))).await {
        Ok(answer) => answer.map_err(|error| DbError::of(error, step)),
        Err(_) => Err(DbError::late(step)),
    }
}
