//! PostgreSQL: connection pools by purpose, each with the server's own limits.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, PgConnection, Postgres};
use tokio::time::Instant;

use super::error::{DbError, Result};
use super::faults::{Faults, Step};
use super::{Reads, call, deadline};

/// The pools of one database.
#[derive(Debug, Clone)]
pub struct PostgresDb {
    writers: PgPool,
    facts: PgPool,
    lists: PgPool,
    exports: PgPool,
    unlimited: Arc<PgConnectOptions>,
    pub(super) faults: Faults,
    pub(super) reads_exports: bool,
}

const WRITERS: u32 = 10;
/// How many connections read facts, lists and exports.
const READERS: [u32; 3] = [6, 4, 4];

impl PostgresDb {
    pub(super) async fn open(url: &str) -> Result<PostgresDb> {
        let unlimited = PgConnectOptions::from_str(url)?
            .application_name("scrip")
            .options([("synchronous_commit", "on"), ("timezone", "UTC")]);
        let options = unlimited.clone().options([
            // For an SSD. The planner assumes a hundred ids in each list, and would rather scan a table of
            // thousands than look them up.
            ("random_page_cost", "1.1".to_owned()),
            ("lock_timeout", seconds(deadline::LOCK_SECONDS)),
            ("idle_in_transaction_session_timeout", seconds(deadline::IDLE_IN_TRANSACTION_SECONDS)),
            // The server notices that a client is gone even while a statement runs or the network is cut.
            ("client_connection_check_interval", seconds(1)),
            ("tcp_keepalives_idle", "5".to_owned()),
            ("tcp_keepalives_interval", "2".to_owned()),
            ("tcp_keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", seconds(deadline::WRITE_SECONDS)),
        ]);
        let limited = |statement: u64| options.clone().options([("statement_timeout", seconds(statement))]);
        let reads = limited(deadline::READ_SECONDS);
        let [facts, lists, exports] = READERS;
        Ok(PostgresDb {
            writers: pool(WRITERS).connect_with(limited(deadline::STATEMENT_SECONDS)).await?,
            facts: pool(facts).connect_lazy_with(reads.clone()),
            lists: pool(lists).connect_lazy_with(reads),
            exports: pool(exports).connect_lazy_with(limited(deadline::EXPORT_SECONDS)),
            unlimited: Arc::new(unlimited),
            faults: Faults::default(),
            reads_exports: false,
        })
    }

    /// A separate connection without time limits: migrations take as long as they take.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub async fn connection_without_limits(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.unlimited).await?)
    }

    /// The pool that writes, for code that runs its own transactions.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.writers
    }

    pub(super) async fn begin_writing(&self, until: Instant) -> Result<PgTx> {
        self.begin(&self.writers, "begin", until).await
    }

    pub(super) async fn begin_reading(&self) -> Result<PgTx> {
        let until = deadline::after_seconds(deadline::EXPORT_SECONDS);
        self.begin(&self.exports, "begin isolation level repeatable read read only", until).await
    }

    async fn begin(&self, from: &PgPool, statement: &'static str, until: Instant) -> Result<PgTx> {
        let mut lease = self.lease(from, until).await?;
        lease.is_open = true;
        lease.run(Step::Connect, async |connection| connection.execute(statement).await).await?;
        Ok(PgTx { lease, has_failed: false })
    }

    pub(super) async fn reader(&self, reads: Reads) -> Result<PgConnectionLease> {
        let (from, seconds) = match reads {
            Reads::Facts => (&self.facts, deadline::READ_SECONDS),
            Reads::List => (&self.lists, deadline::READ_SECONDS),
            Reads::Export => (&self.exports, deadline::EXPORT_SECONDS),
        };
        self.lease(from, deadline::after_seconds(seconds)).await
    }

    async fn lease(&self, from: &PgPool, until: Instant) -> Result<PgConnectionLease> {
        let connection = call(&self.faults, Step::Connect, until, from.acquire()).await?;
        Ok(PgConnectionLease { connection, until, faults: self.faults.clone(), is_busy: false, is_open: false })
    }

    pub(super) async fn close(&self) {
        for pool in [&self.facts, &self.lists, &self.exports, &self.writers] {
            pool.close().await;
        }
    }
}

fn seconds(seconds: u64) -> String {
    format!("{seconds}s")
}

fn pool(connections: u32) -> PgPoolOptions {
    let acquire = Duration::from_secs(deadline::READ_SECONDS);
    PgPoolOptions::new().max_connections(connections).acquire_timeout(acquire)
}

/// A connection in use.
pub struct PgConnectionLease {
    connection: PoolConnection<Postgres>,
    until: Instant,
    faults: Faults,
    /// A statement was begun and has not been seen to end.
    is_busy: bool,
    /// A transaction was begun and has not been seen to end.
    is_open: bool,
}

impl PgConnectionLease {
    /// Runs a future within the deadline of the lease.
    pub(super) async fn run<T>(
        &mut self,
        step: Step,
        run: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T> {
        self.is_busy = true;
        let outcome = call(&self.faults, step, self.until, run(&mut self.connection)).await;
        // An answer from the server, even a refusal, ends the statement.
        self.is_busy = outcome.as_ref().is_err_and(|error| !error.is_from_database());
        outcome
    }
}

impl Drop for PgConnectionLease {
    fn drop(&mut self) {
        // When it closes, the server cancels what runs and rolls back what is open.
        if self.is_busy || self.is_open {
            self.connection.close_on_drop();
        }
    }
}

/// A transaction on PostgreSQL. An error poisons it: its commit would roll it back and still be acknowledged.
pub struct PgTx {
    lease: PgConnectionLease,
    has_failed: bool,
}

impl PgTx {
    pub(super) async fn run<T>(&mut self, run: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>) -> Result<T> {
        let outcome = self.lease.run(Step::Statement, run).await;
        self.has_failed |= outcome.is_err();
        outcome
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        if self.has_failed {
            self.rollback().await;
            return Err(DbError::had_failed());
        }
        self.lease.run(Step::Commit, async |connection| connection.execute("commit").await).await?;
        self.lease.is_open = false;
        Ok(())
    }

    pub(super) async fn rollback(mut self) {
        let undo = async |connection: &mut PgConnection| connection.execute("rollback").await;
        self.lease.is_open = self.lease.is_busy || self.lease.run(Step::Statement, undo).await.is_err();
    }
}
