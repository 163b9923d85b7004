//! Database errors, and what they mean for the work: not done, or unknown.

use std::borrow::Cow;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::faults::Step;

/// A database error. Responses show none of it.
#[derive(Debug, thiserror::Error)]
#[error("{source}{}", if self.is_outcome_unknown { " (after the commit was sent)" } else { "" })]
pub struct DbError {
    source: sqlx::Error,
    is_outcome_unknown: bool,
}

pub type Result<T> = std::result::Result<T, DbError>;

/// The deadline passed.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer in time")]
struct Late;

/// An earlier error has ended the transaction: a commit would roll it back and still succeed.
#[derive(Debug, thiserror::Error)]
#[error("the transaction had failed before its commit")]
struct HadFailed;

/// The disk is full: nothing is begun.
#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
struct DiskFull;

impl From<sqlx::Error> for DbError {
    fn from(source: sqlx::Error) -> DbError {
        DbError { source, is_outcome_unknown: false }
    }
}

impl DbError {
    /// What this error means at this step of a transaction.
    pub(super) fn of(source: sqlx::Error, step: Step) -> DbError {
        let is_outcome_unknown = step == Step::Commit && may_have_committed(&source);
        DbError { source, is_outcome_unknown }
    }

    pub(super) fn late(step: Step) -> DbError {
        DbError { source: sqlx::Error::Io(std::io::Error::other(Late)), is_outcome_unknown: step == Step::Commit }
    }

    pub(super) fn had_failed() -> DbError {
        sqlx::Error::Protocol(HadFailed.to_string()).into()
    }

    /// Two transactions collided, and kept colliding.
    pub fn met() -> DbError {
        DbError::no_connection()
    }

    /// The same error, but an earlier attempt may have succeeded.
    #[must_use]
    pub fn with_unknown_outcome(self) -> DbError {
        DbError { is_outcome_unknown: true, ..self }
    }

    pub(super) fn no_connection() -> DbError {
        sqlx::Error::PoolTimedOut.into()
    }

    pub(super) fn disk_full() -> DbError {
        sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::StorageFull, DiskFull)).into()
    }

    /// Whether the work was not begun because SQLite's disk is full. The log has said so once.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(&self.source, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull)
    }

    /// Whether SQLite could not write: its disk is full, or a quota or limit is reached.
    pub(super) fn is_write_refused(&self) -> bool {
        matches!(code(&self.source).as_deref(), Some("13" | "778"))
    }

    /// For a value in the database that Scrip never wrote.
    pub fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbError {
        sqlx::Error::Decode(error.into()).into()
    }

    /// Whether the commit was sent and no certain answer came: it may have happened, or happen still. All other errors
    /// mean that nothing has happened.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// Whether the database itself answered, so that the connection is ready for the next statement.
    pub(super) fn is_from_database(&self) -> bool {
        self.source.as_database_error().is_some()
    }

    /// Whether a row with this key exists already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        self.source.as_database_error().is_some_and(DatabaseError::is_unique_violation)
    }

    /// Whether nothing has happened and a retry of the whole transaction may succeed: two transactions collided, or the
    /// connection was lost.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        if self.is_outcome_unknown {
            return false;
        }
        match code(&self.source).as_deref() {
            Some(code) => match sqlite_primary(code) {
                // Busy.
                Some(primary) => primary == 5,
                // Serialization failure, deadlock, lock timeout; a server that shuts down or has become a standby.
                None => {
                    matches!(
                        code,
                        "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "25P03"
                    ) || code.starts_with("08")
                }
            },
            None => is_connection_lost(&self.source) && !self.is_disk_full(),
        }
    }

    /// Whether the database cannot do it now and nothing has happened: a full disk, no connection, a lock or a
    /// statement that took too long, or a file that cannot be read as it was written.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        if self.is_outcome_unknown {
            return false;
        }
        let by_code = code(&self.source).is_some_and(|code| match sqlite_primary(&code) {
            // Busy, locked, no memory, interrupted, I/O error, full, cannot open. If a disk fails now and then, SQLite
            // also reports what it read as malformed, or as no database.
            Some(primary) => matches!(primary, 5 | 6 | 7 | 9 | 10 | 11 | 13 | 14 | 26),
            None => matches!(&*code, "57014" | "58030") || code.starts_with("53"),
        });
        by_code || self.is_retryable() || is_connection_lost(&self.source)
    }
}

/// The database's own code: five characters from PostgreSQL, or a number from SQLite.
fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// SQLite's primary result code: the low byte of its extended codes. Those have up to four digits; PostgreSQL's codes
/// always have five characters.
fn sqlite_primary(code: &str) -> Option<i64> {
    (code.len() < 5).then(|| code.parse::<i64>().ok())?.map(|code| code & 0xff)
}

/// Whether no code came from the database: the connection broke, or its deadline passed. sqlx reports a handshake that
/// was cut off as a protocol error.
fn is_connection_lost(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed
    )
}

/// Whether a commit that gave this error may have happened. PostgreSQL's ERROR says that it has not; FATAL, a lost
/// connection, 08007 and 40003 say nothing. SQLite's I/O errors, and what a failing disk or a lack of memory leads to,
/// may come after the last frame was written.
fn may_have_committed(error: &sqlx::Error) -> bool {
    let Some(database) = error.as_database_error() else {
        return !matches!(error, sqlx::Error::PoolTimedOut);
    };
    if let Some(error) = database.try_downcast_ref::<PgDatabaseError>() {
        let is_certain = matches!(error.severity(), PgSeverity::Error) && !matches!(error.code(), "08007" | "40003");
        return !is_certain;
    }
    code_of(database).is_some_and(|primary| matches!(primary, 7 | 10 | 11))
}

fn code_of(error: &dyn DatabaseError) -> Option<i64> {
    sqlite_primary(&error.code()?)
}
