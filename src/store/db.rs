//! The only file that knows that there are two databases. A statement stands once, with `$1`
//! placeholders; where the databases truly differ, [`sql_for`] takes both texts.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{
    AssertSqlSafe, Connection, Either, Executor as _, FromRow, PgConnection, Postgres, Sqlite,
    SqliteConnection, Transaction,
};

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
    pub file: Arc<Path>,
}

const READERS: u32 = 4;
/// A page of 4 KB and its head.
const WAL_PAGE_BYTES: u64 = 4_096 + 24;
const PG_CONNECTIONS: u32 = 16;
const ACQUIRE_TIMEOUT_SECONDS: u64 = 10;

impl Db {
    /// Opens the SQLite files in a folder, making them where they are missing.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is no database.
    pub async fn open_sqlite(folder: &Path) -> Result<Db> {
        let file: Arc<Path> = folder.join("scrip.db").into();
        let main = sqlite_options(&file, SqliteSynchronous::Full);
        let sessions = sqlite_options(&folder.join("sessions.db"), SqliteSynchronous::Full);
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
            // For a disk without heads. The planner takes each list of ids for a hundred, and would
            // rather read a table of thousands than look them up.
            ("random_page_cost", "1.1"),
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
        // What a statement that may fail half-way keeps of each page, a file of its own otherwise.
        .pragma("temp_store", "memory")
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
            Tx::Sqlite(tx) => tx.commit().await?,
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
            Tx::Sqlite(tx) => tx.rollback().await?,
            Tx::Postgres(tx) => tx.rollback().await?,
            Tx::SqliteRead(_) | Tx::PostgresRead(_) => {}
        }
        Ok(())
    }

    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self, Tx::Postgres(_) | Tx::PostgresRead(_))
    }

    fn connection(&mut self) -> On<'_> {
        match self {
            Tx::Sqlite(tx) => {
                tx.has_begun = true;
                On::Sqlite(&mut tx.connection, std::mem::take(&mut tx.waiting))
            }
            Tx::SqliteRead(connection) => On::Sqlite(connection, Script::default()),
            Tx::Postgres(tx) => On::Postgres(tx),
            Tx::PostgresRead(connection) => On::Postgres(connection),
        }
    }
}

/// Where a statement runs; on SQLite, after what waits for it.
enum On<'a> {
    Sqlite(&'a mut SqliteConnection, Script),
    Postgres(&'a mut PgConnection),
}

/// A transaction on SQLite. On a full disk SQLite ends a transaction by itself, so what was not
/// ended here takes its connection with it: the pool opens a new one, in a known state.
pub struct SqliteTx {
    connection: PoolConnection<Sqlite>,
    /// What gives nothing, such as `begin`, waits for the next statement that does.
    waiting: Script,
    has_begun: bool,
    has_ended: bool,
}

impl SqliteTx {
    async fn begin(pool: &SqlitePool, statement: &'static str) -> Result<SqliteTx> {
        let mut waiting = Script::default();
        waiting.add(statement, Vec::new());
        Ok(SqliteTx { connection: pool.acquire().await?, waiting, has_begun: false, has_ended: false })
    }

    async fn commit(mut self) -> Result<()> {
        self.waiting.add("commit", Vec::new());
        self.has_begun = true;
        std::mem::take(&mut self.waiting).run(&mut self.connection).await?;
        self.has_ended = true;
        Ok(())
    }

    async fn rollback(mut self) -> Result<()> {
        if self.has_begun {
            sqlx::query("rollback").execute(&mut *self.connection).await?;
        }
        self.has_ended = true;
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if self.has_begun && !self.has_ended {
            self.connection.close_on_drop();
        }
    }
}

/// Statements that SQLite's thread runs one after the other, at one hand-over: each hand-over costs
/// more than most statements do. The first error ends it.
#[derive(Default)]
struct Script {
    text: String,
    values: Vec<Value>,
}

/// What one statement gave.
#[derive(Default)]
struct Outcome {
    rows: Vec<SqliteRow>,
    touched: u64,
}

impl Script {
    /// Appends a statement. The values of all stand in one row, so its `$1` becomes a later number.
    fn add(&mut self, statement: &str, values: Vec<Value>) {
        let mut parts = statement.split('$');
        self.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let number = part[..digits].parse::<usize>().unwrap_or(0) + self.values.len();
            self.text.push('$');
            self.text.push_str(&number.to_string());
            self.text.push_str(&part[digits..]);
        }
        self.text.push_str(";\n");
        self.values.extend(values);
    }

    /// Runs them and gives what each gave.
    async fn run(self, connection: &mut SqliteConnection) -> Result<Vec<Outcome>> {
        // Made of constant texts alone: all that anybody typed is bound.
        let mut query = sqlx::query(sqlx::AssertSqlSafe(self.text));
        for value in self.values {
            query = match value {
                Value::Int(x) => query.bind(x),
                Value::Text(x) => query.bind(x),
                Value::Bytes(x) => query.bind(x),
            };
        }
        let mut outcomes = Vec::new();
        let mut current = Outcome::default();
        let mut given = connection.fetch_many(query);
        while let Some(next) = given.try_next().await? {
            match next {
                Either::Right(row) => current.rows.push(row),
                Either::Left(done) => {
                    current.touched = done.rows_affected();
                    outcomes.push(std::mem::take(&mut current));
                }
            }
        }
        Ok(outcomes)
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

/// The rows that a query found.
pub enum Found {
    Sqlite(Vec<SqliteRow>),
    Postgres(Vec<PgRow>),
}

impl Found {
    /// Reads them.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn read<T: Row>(&self) -> Result<Vec<T>> {
        match self {
            Found::Sqlite(rows) => rows.iter().map(|row| T::from_row(row).map_err(DbError)).collect(),
            Found::Postgres(rows) => rows.iter().map(|row| T::from_row(row).map_err(DbError)).collect(),
        }
    }
}

/// Runs several queries in order: on SQLite at one hand-over to its thread. `None` finds nothing.
///
/// # Errors
/// Whatever the database says.
pub async fn all_of<const N: usize>(tx: &mut Tx, queries: [Option<Query>; N]) -> Result<[Found; N]> {
    match tx.connection() {
        On::Sqlite(connection, mut script) => {
            let asked = queries.each_ref().map(Option::is_some);
            queries.into_iter().flatten().for_each(|query| query.join(&mut script));
            let outcomes = script.run(connection).await?;
            let first = outcomes.len() - asked.iter().filter(|a| **a).count();
            let mut outcomes = outcomes.into_iter().skip(first);
            Ok(asked.map(|asked| {
                Found::Sqlite(if asked { outcomes.next().unwrap_or_default().rows } else { Vec::new() })
            }))
        }
        On::Postgres(connection) => {
            let mut found = [const { Found::Postgres(Vec::new()) }; N];
            for (query, found) in queries.into_iter().zip(&mut found) {
                if let Some(query) = query {
                    *found = Found::Postgres(query.on_postgres().fetch_all(&mut *connection).await?);
                }
            }
            Ok(found)
        }
    }
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
        match tx.connection() {
            On::Sqlite(connection, mut script) => {
                self.join(&mut script);
                Ok(script.run(connection).await?.last().map_or(0, |outcome| outcome.touched))
            }
            On::Postgres(connection) => Ok(self.on_postgres().execute(connection).await?.rows_affected()),
        }
    }

    /// Runs it, on SQLite together with the next statement or the commit: its error comes then.
    ///
    /// # Errors
    /// Whatever the database says, at once or later.
    pub async fn later(self, tx: &mut Tx) -> Result<()> {
        if let Tx::Sqlite(tx) = tx {
            self.join(&mut tx.waiting);
        } else {
            self.run(tx).await?;
        }
        Ok(())
    }

    /// All rows.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn all<T: Row>(self, tx: &mut Tx) -> Result<Vec<T>> {
        let [found] = all_of(tx, [Some(self)]).await?;
        found.read()
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn optional<T: Row>(self, tx: &mut Tx) -> Result<Option<T>> {
        Ok(self.all(tx).await?.into_iter().next())
    }

    /// The only row.
    ///
    /// # Errors
    /// Whatever the database says; also when there is no row.
    pub async fn one<T: Row>(self, tx: &mut Tx) -> Result<T> {
        self.optional(tx).await?.ok_or(DbError(sqlx::Error::RowNotFound))
    }

    /// How the database would run it, a line a step: what `tests/explain.rs` looks at.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn plan(self, tx: &mut Tx) -> Result<Vec<String>> {
        if tx.is_postgres() {
            let text = format!("explain (costs off) {}", self.postgres).into();
            let lines: Vec<(String,)> = Query { postgres: text, ..self }.all(tx).await?;
            return Ok(lines.into_iter().map(|line| line.0).collect());
        }
        let text = format!("explain query plan {}", self.sqlite).into();
        let lines: Vec<(i64, i64, i64, String)> = Query { sqlite: text, ..self }.all(tx).await?;
        Ok(lines.into_iter().map(|line| line.3).collect())
    }

    fn join(self, script: &mut Script) {
        self.check(&self.sqlite);
        script.add(&self.sqlite, self.values);
    }

    fn on_postgres(self) -> PgStatement {
        self.check(&self.postgres);
        // A text that was put together is safe as a constant one is: all its pieces are constants.
        let mut statement = match self.postgres {
            Cow::Borrowed(text) => sqlx::query(text),
            Cow::Owned(text) => sqlx::query(AssertSqlSafe(text)),
        };
        for value in self.values {
            statement = match value {
                Value::Int(x) => statement.bind(x),
                Value::Text(x) => statement.bind(x),
                Value::Bytes(x) => statement.bind(x),
            };
        }
        statement
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

type PgStatement = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

/// Rows or ids as one value: a JSON text that the statement unfolds, with `jsonb_each` on SQLite and
/// `jsonb_to_recordset` or `jsonb_array_elements_text` on PostgreSQL.
#[must_use]
pub fn rows(list: &(impl serde::Serialize + ?Sized)) -> Value {
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

    /// Takes the writer's turn and begins the WAL anew where more of it than this is in use, unless
    /// somebody still reads from it: a long reader, such as a backup, must not make writers wait.
    ///
    /// # Errors
    /// Whatever the database says.
    pub async fn restart_wal_past(&self, bytes: u64) -> Result<()> {
        let mut writer = self.writer.acquire().await?;
        let (_, pages, _): (i64, i64, i64) =
            sqlx::query_as("pragma wal_checkpoint(noop)").fetch_one(&mut *writer).await?;
        if pages.cast_unsigned() * WAL_PAGE_BYTES > bytes {
            let restart =
                "pragma busy_timeout = 20; pragma wal_checkpoint(restart); pragma busy_timeout = 5000;";
            sqlx::raw_sql(restart).execute(&mut *writer).await?;
        }
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
        let mut name = self.file.as_os_str().to_owned();
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
