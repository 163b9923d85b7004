//! Statements and their values.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Postgres};

use super::error::{DbError, Result};
use super::faults::Step;
use super::rows::{self, Column, ColumnType};
use super::script::{Outcome, Script};
use super::{Lease, PgConnectionLease, PgTx, SqliteTx, Tx, WriteTx};
use crate::model::company::Path;

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

/// A statement with its values. Its text is assembled when it runs, for the database that runs it.
pub struct Query {
    pieces: Vec<Piece>,
    values: Vec<Value>,
}

/// A piece of a text. Texts are built from constants alone, so that no input is ever in them.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// A constant as each database reads it: SQLite, PostgreSQL.
    Text(&'static str, &'static str),
    Placeholder(usize),
    /// The table of these columns that a placeholder's value unfolds to.
    Rows(&'static [Column], usize),
    /// The list that a placeholder's value unfolds to.
    List(ColumnType, usize),
}

/// A statement with the same text for both databases.
#[must_use]
pub fn sql(text: &'static str) -> Query {
    sql_for(text, text)
}

/// A statement with a text for each database: for lists, locks and little else.
#[must_use]
pub fn sql_for(sqlite: &'static str, postgres: &'static str) -> Query {
    Query { pieces: vec![Piece::Text(sqlite, postgres)], values: Vec::new() }
}

/// A row type that both databases can return.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// The rows that a query found.
pub enum Found {
    Sqlite(Vec<SqliteRow>),
    Postgres(Vec<PgRow>),
}

impl Found {
    /// Decodes the rows.
    ///
    /// # Errors
    /// If a column is missing or has another type.
    pub fn read<T: Row>(&self) -> Result<Vec<T>> {
        match self {
            Found::Sqlite(rows) => rows.iter().map(|row| T::from_row(row).map_err(DbError::from)).collect(),
            Found::Postgres(rows) => rows.iter().map(|row| T::from_row(row).map_err(DbError::from)).collect(),
        }
    }
}

/// Runs several queries in order: on SQLite in one hand-over to its thread. `None` finds nothing.
pub async fn all_of<const N: usize>(tx: &mut Tx, queries: [Option<Query>; N]) -> Result<[Found; N]> {
    match tx.on() {
        On::Sqlite(on) => {
            let has_query = queries.each_ref().map(Option::is_some);
            let outcomes = on.run(|script| queries.into_iter().flatten().for_each(|query| query.join(script))).await?;
            let first = outcomes.len() - has_query.iter().filter(|has| **has).count();
            let mut outcomes = outcomes.into_iter().skip(first);
            Ok(has_query.map(|has_query| {
                Found::Sqlite(if has_query { outcomes.next().unwrap_or_default().rows } else { Vec::new() })
            }))
        }
        On::Postgres(mut on) => {
            let mut found = [const { Found::Postgres(Vec::new()) }; N];
            for (query, found) in queries.into_iter().zip(&mut found) {
                if let Some(query) = query {
                    let statement = query.on_postgres();
                    let rows = on.run(async |connection| statement.fetch_all(connection).await).await?;
                    *found = Found::Postgres(rows);
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

    /// Binds a tree's two ends, for `path >= $n and path < $n+1`.
    #[must_use]
    pub fn bind_tree(self, tree: &Path) -> Query {
        self.bind(tree.as_str()).bind(tree.end())
    }

    /// Appends a constant piece of text: for lists with optional filters.
    #[must_use]
    pub fn push(self, piece: &'static str) -> Query {
        self.push_for(piece, piece)
    }

    /// As [`Query::push`], with a text for each database.
    #[must_use]
    pub fn push_for(mut self, sqlite: &'static str, postgres: &'static str) -> Query {
        self.pieces.push(Piece::Text(sqlite, postgres));
        self
    }

    /// Appends the next placeholder, with its value.
    #[must_use]
    pub fn push_value(mut self, value: impl Into<Value>) -> Query {
        self.pieces.push(Piece::Placeholder(self.next_placeholder()));
        self.bind(value)
    }

    /// Appends the condition that a path is within a tree.
    #[must_use]
    pub fn push_tree(self, path: &'static str, tree: &Path) -> Query {
        self.push(path)
            .push(" >= ")
            .push_value(tree.as_str())
            .push(" and ")
            .push(path)
            .push(" < ")
            .push_value(tree.end())
    }

    /// Locks the rows that a select finds until the transaction ends. SQLite has one writer and needs no lock.
    #[must_use]
    pub fn locked(self) -> Query {
        self.locking(" for update")
    }

    /// As [`Query::locked`], with PostgreSQL's clause.
    #[must_use]
    pub fn locking(self, clause: &'static str) -> Query {
        self.push_for("", clause)
    }

    /// The number of the next placeholder.
    pub(super) fn next_placeholder(&self) -> usize {
        self.values.len() + 1
    }

    /// Replaces each mark in the text by a piece.
    pub(super) fn fill(mut self, mark: &str, filling: Piece) -> Query {
        let mut pieces = Vec::with_capacity(self.pieces.len() + 2);
        for piece in self.pieces {
            let Piece::Text(sqlite, postgres) = piece else {
                pieces.push(piece);
                continue;
            };
            debug_assert_eq!(sqlite.matches(mark).count(), postgres.matches(mark).count(), "{sqlite}");
            let texts = sqlite.split(mark).zip(postgres.split(mark));
            for (number, (sqlite, postgres)) in texts.enumerate() {
                if number > 0 {
                    pieces.push(filling);
                }
                pieces.push(Piece::Text(sqlite, postgres));
            }
        }
        self.pieces = pieces;
        self
    }

    /// Runs it, and returns the number of affected rows.
    pub async fn run(self, tx: &mut WriteTx) -> Result<u64> {
        match tx.on() {
            On::Sqlite(on) => {
                let outcomes = on.run(|script| self.join(script)).await?;
                Ok(outcomes.last().map_or(0, |outcome| outcome.touched))
            }
            On::Postgres(mut on) => {
                let statement = self.on_postgres();
                Ok(on.run(async |connection| statement.execute(connection).await).await?.rows_affected())
            }
        }
    }

    /// Runs it; on SQLite only with the next statement or the commit, where its error then appears.
    pub async fn later(self, tx: &mut WriteTx) -> Result<()> {
        if let Tx::Sqlite(tx) = &mut **tx {
            self.join(tx.waiting());
        } else {
            self.run(tx).await?;
        }
        Ok(())
    }

    /// Runs a statement that writes, and returns its rows.
    pub async fn returning<T: Row>(self, tx: &mut WriteTx) -> Result<Vec<T>> {
        self.all(tx).await
    }

    /// All rows.
    pub async fn all<T: Row>(self, tx: &mut Tx) -> Result<Vec<T>> {
        let [found] = all_of(tx, [Some(self)]).await?;
        found.read()
    }

    /// The first row, if there is one.
    pub async fn optional<T: Row>(self, tx: &mut Tx) -> Result<Option<T>> {
        Ok(self.all(tx).await?.into_iter().next())
    }

    /// The only row.
    ///
    /// # Errors
    /// If there is no row.
    pub async fn one<T: Row>(self, tx: &mut Tx) -> Result<T> {
        self.optional(tx).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }

    /// The database's query plan, one line per step, for `tests/it/explain.rs`.
    pub async fn plan(self, tx: &mut Tx) -> Result<Vec<String>> {
        let mut explained = sql_for("explain query plan ", "explain (costs off) ");
        explained.pieces.extend(self.pieces);
        explained.values = self.values;
        if tx.is_postgres() {
            let lines: Vec<(String,)> = explained.all(tx).await?;
            return Ok(lines.into_iter().map(|line| line.0).collect());
        }
        let lines: Vec<(i64, i64, i64, String)> = explained.all(tx).await?;
        Ok(lines.into_iter().map(|line| line.3).collect())
    }

    fn join(self, script: &mut Script) {
        script.add(&self.pieces, self.values);
    }

    fn on_postgres(self) -> PgStatement {
        let mut statement = match self.pieces[..] {
            [Piece::Text(_, text)] => sqlx::query(text),
            // As safe as a constant text: all its pieces are constants.
            _ => sqlx::query(AssertSqlSafe(rows::postgres_text(&self.pieces))),
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
}

type PgStatement = sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments>;

/// Where a statement runs.
enum On<'a> {
    Sqlite(OnSqlite<'a>),
    Postgres(OnPostgres<'a>),
}

enum OnSqlite<'a> {
    Transaction(&'a mut SqliteTx),
    Read(&'a mut Lease),
}

enum OnPostgres<'a> {
    Transaction(&'a mut PgTx),
    Read(&'a mut PgConnectionLease),
}

impl Tx {
    fn on(&mut self) -> On<'_> {
        match self {
            Tx::Sqlite(tx) => On::Sqlite(OnSqlite::Transaction(tx)),
            Tx::SqliteRead(lease) => On::Sqlite(OnSqlite::Read(lease)),
            Tx::Postgres(tx) => On::Postgres(OnPostgres::Transaction(tx)),
            Tx::PostgresRead(lease) => On::Postgres(OnPostgres::Read(lease)),
        }
    }
}

impl OnSqlite<'_> {
    async fn run(self, add: impl FnOnce(&mut Script)) -> Result<Vec<Outcome>> {
        match self {
            OnSqlite::Transaction(tx) => tx.run(add).await,
            OnSqlite::Read(lease) => {
                let mut script = Script::default();
                add(&mut script);
                lease.run(script).await
            }
        }
    }
}

impl OnPostgres<'_> {
    async fn run<T>(&mut self, run: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>) -> Result<T> {
        match self {
            OnPostgres::Transaction(tx) => tx.run(run).await,
            OnPostgres::Read(lease) => lease.run(Step::Statement, run).await,
        }
    }
}
