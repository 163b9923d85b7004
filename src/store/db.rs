//! The only file that knows that there are two databases. A statement stands once, with `$1`
//! placeholders; where the databases truly differ, [`sql_for`] takes both texts.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Connection, FromRow, Postgres, Sqlite, Transaction};

/// What goes wrong in a database. The door shows none of it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DbError(#[from] pub sqlx::Error);

impl DbError {
    /// A row with this key exists already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        self.0.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
    }

    /// Two transactions met: the whole transaction may simply be tried again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        let code = self.0.as_database_error().and_then(|e| e.code().map(std::borrow::Cow::into_owned));
        // 40001 serialization failure, 40P01 deadlock, 55P03 lock timeout; 5 and 517 SQLite busy.
        matches!(code.as_deref(), Some("40001" | "40P01" | "55P03" | "5" | "517"))
    }

    /// The database cannot take a write now: full disk, no connection, a lock held too long.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        let code = self.0.as_database_error().and_then(|e| e.code().map(std::borrow::Cow::into_owned));
        let disk = matches!(
            code.as_deref(),
            Some("13" | "10" | "778" | "1034" | "266" | "53100" | "57P03" | "53300")
        );
        disk || self.is_retryable()
            || matches!(self.0, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_))
    }
}

pub type Result<T> = std::result::Result<T, DbError>;

/// A database, of either kind.
#[derive(Debug, Clone)]
pub enum Db {
    Sqlite(SqliteDb),
    Postgres(PgPool),
}

/// One connection writes, some read; sessions have a file of their own.
#[derive(Debug, Clone)]
pub struct SqliteDb {
    writer: SqlitePool,
    readers: SqlitePool,
    sessions: SqlitePool,
    pub file: PathBuf,
}

const READERS: u32 = 4;
const PG_CONNECTIONS: u32 = 16;
const ACQUIRE_TIMEOUT_SECONDS: u64 = 10;

impl Db {
    /// Opens the SQLite files in a folder, making them where they are missing.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is no database.
    pub async fn open_sqlite(folder: &Path) -> Result<Db> {
        let file = folder.join("scrip.db");
        let main = sqlite_options(&file, SqliteSynchronous::Full);
        let sessions = sqlite_options(&folder.join("sessions.db"), SqliteSynchronous::Normal);
        let writer = sqlite_pool(1).connect_with(main.clone().pragma("wal_autocheckpoint", "0")).await?;
        let readers = sqlite_pool(READERS).connect_lazy_with(main.pragma("query_only", "1"));
        let sessions = sqlite_pool(1).connect_with(sessions).await?;
        sqlx::raw_sql(include_str!("../../migrations/sessions.sql")).execute(&sessions).await?;
        Ok(Db::Sqlite(SqliteDb { writer, readers, sessions, file }))
    }

    /// Opens a PostgreSQL database by its URL.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open_postgres(url: &str) -> Result<Db> {
        let options = PgConnectOptions::from_str(url)?.application_name("scrip").options([
            ("lock_timeout", "5s"),
            ("synchronous_commit", "on"),
            ("timezone", "UTC"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(PG_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_SECONDS))
            .connect_with(options)
            .await?;
        Ok(Db::Postgres(pool))
    }

    /// Begins a transaction that writes. On SQLite it takes the one writer's turn.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn write(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::Sqlite(SqliteTx::begin(&db.writer, "begin immediate").await?),
            Db::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A connection for single reads.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::SqliteRead(db.readers.acquire().await?),
            Db::Postgres(pool) => Tx::PostgresRead(pool.acquire().await?),
        })
    }

    /// Several reads that see one moment.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn snapshot(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::Sqlite(SqliteTx::begin(&db.readers, "begin").await?),
            Db::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("begin isolation level repeatable read read only").await?)
            }
        })
    }

    /// Where sessions are kept.
    ///
    /// # Errors
    /// When no connection comes free in time.
    pub async fn sessions(&self) -> Result<Tx> {
        Ok(match self {
            Db::Sqlite(db) => Tx::SqliteRead(db.sessions.acquire().await?),
            Db::Postgres(pool) => Tx::PostgresRead(pool.acquire().await?),
        })
    }

    /// Waits for what is under way, then closes all connections.
    pub async fn close(&self) {
        match self {
            Db::Sqlite(db) => {
                db.readers.close().await;
                db.writer.close().await;
                db.sessions.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

fn sqlite_options(file: &Path, synchronous: SqliteSynchronous) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        // A whole batch's rows cross between the threads at once.
        .row_buffer_size(1_024)
        .pragma("recursive_triggers", "1")
        .pragma("cache_size", "-16000")
        .pragma("journal_size_limit", "33554432")
}

fn sqlite_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(ACQUIRE_TIMEOUT_SECONDS))
        .idle_timeout(None)
        .max_lifetime(None)
}

/// A connection in use: a transaction, or one for single reads. Dropped without
/// [`Tx::commit`], a transaction is rolled back.
pub enum Tx {
    Sqlite(SqliteTx),
    SqliteRead(PoolConnection<Sqlite>),
    Postgres(Transaction<'static, Postgres>),
    PostgresRead(PoolConnection<Postgres>),
}

impl Tx {
    /// Makes all of it durable; it has happened when this returns.
    ///
    /// # Errors
    /// When the database could not keep it; then nothing has happened.
    pub async fn commit(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.end("commit").await?,
            Tx::Postgres(tx) => tx.commit().await?,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => {}
        }
        Ok(())
    }

    /// Undoes all of it.
    ///
    /// # Errors
    /// When the connection is gone; then it has been undone all the same.
    pub async fn rollback(self) -> Result<()> {
        match self {
            Tx::Sqlite(tx) => tx.end("rollback").await?,
            Tx::Postgres(tx) => tx.rollback().await?,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => {}
        }
        Ok(())
    }

    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self, Tx::Postgres(_) | Tx::PostgresRead(_))
    }
}

/// A transaction on SQLite. On a full disk SQLite ends a transaction by itself, so what was not
/// ended here takes its connection with it: the pool opens a new one, in a known state.
pub struct SqliteTx {
    connection: PoolConnection<Sqlite>,
    has_ended: bool,
}

impl SqliteTx {
    async fn begin(pool: &SqlitePool, statement: &'static str) -> Result<SqliteTx> {
        let mut tx = SqliteTx { connection: pool.acquire().await?, has_ended: false };
        sqlx::query(statement).execute(&mut *tx.connection).await?;
        Ok(tx)
    }

    async fn end(mut self, statement: &'static str) -> Result<()> {
        sqlx::query(statement).execute(&mut *self.connection).await?;
        self.has_ended = true;
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.close_on_drop();
        }
    }
}

/// A value bound to a placeholder.
#[derive(Debug, Clone)]
pub enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident($x:ident) $make:expr;)*) => {
        $(impl From<$from> for Value { fn from($x: $from) -> Value { Value::$variant($make) } })*
    };
}
value_from! {
    i64 => Int(x) Some(x);
    Option<i64> => Int(x) x;
    bool => Int(x) Some(i64::from(x));
    &str => Text(x) Some(x.to_owned());
    String => Text(x) Some(x);
    &String => Text(x) Some(x.clone());
    Option<String> => Text(x) x;
    Vec<u8> => Bytes(x) Some(x);
    &[u8] => Bytes(x) Some(x.to_vec());
    crate::model::time::Moment => Int(x) Some(x.0);
    Option<crate::model::time::Moment> => Int(x) x.map(|m| m.0);
    crate::model::resources::ResourceType => Int(x) Some(x.id());
    crate::model::ledger::CodeStatus => Int(x) Some(x as i64);
    Option<crate::model::resources::ResourceType> => Int(x) x.map(crate::model::resources::ResourceType::id);
    Option<crate::model::ledger::CodeStatus> => Int(x) x.map(|s| s as i64);
}

/// A statement with its values.
pub struct Query {
    sqlite: Cow<'static, str>,
    postgres: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement that both databases read alike.
#[must_use]
pub fn sql(text: &'static str) -> Query {
    sql_for(text, text)
}

/// A statement with a text for each database: for lists, locks and little else.
#[must_use]
pub fn sql_for(sqlite: &'static str, postgres: &'static str) -> Query {
    Query { sqlite: sqlite.into(), postgres: postgres.into(), values: Vec::new() }
}

/// A row type that both databases can give.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

// A text that was put together is safe as a constant one is: all its pieces are constants.
macro_rules! make {
    ($make:path, $text:expr) => {
        match $text {
            Cow::Borrowed(text) => $make(text),
            Cow::Owned(text) => $make(AssertSqlSafe(text)),
        }
    };
}

macro_rules! on_connection {
    ($query:expr, $tx:expr, $make:path, |$statement:ident, $connection:ident| $run:expr) => {{
        let query = $query;
        match $tx {
            Tx::Sqlite(_) | Tx::SqliteRead(_) => query.check(&query.sqlite),
            Tx::Postgres(_) | Tx::PostgresRead(_) => query.check(&query.postgres),
        }
        match $tx {
            Tx::Sqlite(tx) => {
                let $connection = &mut *tx.connection;
                let $statement = bind_sqlite(make!($make, query.sqlite), query.values);
                $run
            }
            Tx::SqliteRead(c) => {
                let $connection = &mut **c;
                let $statement = bind_sqlite(make!($make, query.sqlite), query.values);
                $run
            }
            Tx::Postgres(tx) => {
                let $connection = &mut **tx;
                let $statement = bind_postgres(make!($make, query.postgres), query.values);
                $run
            }
            Tx::PostgresRead(c) => {
                let $connection = &mut **c;
                let $statement = bind_postgres(make!($make, query.postgres), query.values);
                $run
            }
        }
    }};
}

impl Query {
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Query {
        self.values.push(value.into());
        self
    }

    /// Adds a constant piece of text: for lists whose filters come and go.
    #[must_use]
    pub fn push(self, piece: &'static str) -> Query {
        self.push_for(piece, piece)
    }

    /// As [`Query::push`], with a text for each database.
    #[must_use]
    pub fn push_for(mut self, sqlite: &'static str, postgres: &'static str) -> Query {
        self.sqlite.to_mut().push_str(sqlite);
        self.postgres.to_mut().push_str(postgres);
        self
    }

    /// Adds the next placeholder, with its value.
    #[must_use]
    pub fn push_value(mut self, value: impl Into<Value>) -> Query {
        let placeholder = format!("${}", self.values.len() + 1);
        self.sqlite.to_mut().push_str(&placeholder);
        self.postgres.to_mut().push_str(&placeholder);
        self.bind(value)
    }

    /// Runs it and gives the number of rows touched.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn run(self, tx: &mut Tx) -> Result<u64> {
        on_connection!(self, tx, sqlx::query, |statement, connection| {
            Ok(statement.execute(connection).await?.rows_affected())
        })
    }

    /// All rows.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn all<T: Row>(self, tx: &mut Tx) -> Result<Vec<T>> {
        on_connection!(self, tx, sqlx::query, |statement, connection| {
            let rows = statement.fetch_all(connection).await?;
            rows.iter().map(|row| T::from_row(row).map_err(DbError)).collect()
        })
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn optional<T: Row>(self, tx: &mut Tx) -> Result<Option<T>> {
        on_connection!(self, tx, sqlx::query, |statement, connection| {
            let row = statement.fetch_optional(connection).await?;
            row.map(|row| T::from_row(&row).map_err(DbError)).transpose()
        })
    }

    /// The only row.
    ///
    /// # Errors
    /// Whatever the database says; also when there is no row.
    pub async fn one<T: Row>(self, tx: &mut Tx) -> Result<T> {
        self.optional(tx).await?.ok_or(DbError(sqlx::Error::RowNotFound))
    }

    /// SQLite takes a missing value as NULL, so the count is looked at here.
    fn check(&self, text: &str) {
        let highest = text
            .split('$')
            .skip(1)
            .filter_map(|rest| {
                rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok()
            })
            .max()
            .unwrap_or(0);
        assert_eq!(highest, self.values.len(), "binds of: {text}");
    }
}

type SqliteStatement = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;
type PgStatement = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

fn bind_sqlite(mut statement: SqliteStatement, values: Vec<Value>) -> SqliteStatement {
    for value in values {
        statement = match value {
            Value::Int(x) => statement.bind(x),
            Value::Text(x) => statement.bind(x),
            Value::Bytes(x) => statement.bind(x),
        };
    }
    statement
}

fn bind_postgres(mut statement: PgStatement, values: Vec<Value>) -> PgStatement {
    for value in values {
        statement = match value {
            Value::Int(x) => statement.bind(x),
            Value::Text(x) => statement.bind(x),
            Value::Bytes(x) => statement.bind(x),
        };
    }
    statement
}

/// Rows or ids as one value: a JSON text that the statement unfolds, with `json_each` on SQLite and
/// `jsonb_to_recordset` or `jsonb_array_elements_text` on PostgreSQL.
#[must_use]
pub fn rows<T: serde::Serialize>(list: &[T]) -> Value {
    Value::Text(serde_json::to_string(list).ok())
}

/// Bytes as hexadecimal text, for [`rows`].
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
    }
    out
}

impl SqliteDb {
    /// Copies what committed from the WAL into the database file, beside the writer.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn checkpoint_beside(&self) -> Result<()> {
        sqlx::query("pragma wal_checkpoint(passive)").execute(&self.readers).await?;
        Ok(())
    }

    /// Takes the writer's turn and empties the WAL file, unless somebody still reads from it: a
    /// long reader, such as a backup, must not make writers wait.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn truncate_wal(&self) -> Result<()> {
        sqlx::raw_sql(
            "pragma busy_timeout = 20; pragma wal_checkpoint(truncate); pragma busy_timeout = 5000;",
        )
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// SQLite's own checks of the file: what is wrong, empty when nothing is.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn check_file(&self) -> Result<Vec<String>> {
        let lines: Vec<(String,)> = sqlx::query_as("pragma integrity_check").fetch_all(&self.readers).await?;
        let mut wrong: Vec<String> = lines.into_iter().map(|l| l.0).filter(|l| l != "ok").collect();
        let broken = sqlx::query("pragma foreign_key_check").fetch_all(&self.readers).await?;
        if !broken.is_empty() {
            wrong.push(format!("{} rows refer to rows that do not exist", broken.len()));
        }
        Ok(wrong)
    }

    /// The size of the WAL file in bytes.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        let mut name = self.file.clone().into_os_string();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |m| m.len())
    }

    /// A consistent copy of the running database in a new file.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub async fn copy_into(&self, file: &Path) -> Result<()> {
        let mut connection =
            sqlx::SqliteConnection::connect_with(&sqlite_options(&self.file, SqliteSynchronous::Full))
                .await?;
        sqlx::query("vacuum into $1")
            .bind(file.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        Ok(())
    }

    #[must_use]
    pub fn writer_pool(&self) -> &SqlitePool {
        &self.writer
    }
}
