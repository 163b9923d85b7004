//! Statements that SQLite's thread runs in sequence, in one hand-over: a hand-over costs more than most statements.

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteRow;
use sqlx::{Either, Executor as _, SqliteConnection};

use super::faults::Step;
use super::query::{Piece, Value};
use super::rows;

/// The statements, with their values. The first error ends the run.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    values: Vec<Value>,
    has_commit: bool,
}

/// What one statement returned.
#[derive(Default)]
pub(super) struct Outcome {
    pub rows: Vec<SqliteRow>,
    pub touched: u64,
}

impl Script {
    /// Appends a statement. All values are in one row, so its `$1` becomes a later number.
    pub fn add(&mut self, pieces: &[Piece], values: Vec<Value>) {
        let highest = rows::push_sqlite(&mut self.text, pieces, self.values.len());
        self.text.push_str(";\n");
        self.values.extend(values);
        // SQLite would take a missing value as NULL.
        assert_eq!(highest, self.values.len(), "binds of: {}", self.text);
    }

    /// Appends a statement without values.
    pub fn add_text(&mut self, statement: &'static str) {
        self.add(&[Piece::Text(statement, "")], Vec::new());
    }

    pub fn add_commit(&mut self) {
        self.add_text("commit");
        self.has_commit = true;
    }

    pub fn step(&self) -> Step {
        if self.has_commit { Step::Commit } else { Step::Statement }
    }

    /// Runs them, and returns the outcome of each.
    pub async fn run(self, connection: &mut SqliteConnection) -> sqlx::Result<Vec<Outcome>> {
        // Built from constant texts alone: all input is bound.
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
