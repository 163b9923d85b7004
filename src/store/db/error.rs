//! What goes wrong in a database, and what that means for the work: not done, or not known.

use std::borrow::Cow;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::faults::Step;

/// What goes wrong in a database. The door shows none of it.
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

/// An earlier error has ended the transaction, so that its commit would undo it and still succeed.
#[derive(Debug, thiserror::Error)]
#[error("the transaction had failed before its commit")]
struct HadFailed;

/// There is no room: nothing is begun.
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
        DbError {
            source: sqlx::Error::Io(std::io::Error::other(Late)),
            is_outcome_unknown: step == Step::Commit,
        }
    }

    pub(super) fn had_failed() -> DbError {
        sqlx::Error::Protocol(HadFailed.to_string()).into()
    }

    /// Two transactions met, and went on meeting.
    pub fn met() -> DbError {
        DbError::no_connection()
    }

    /// What an earlier try may have done is unknown, whatever this one says.
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

    /// It was not begun, because SQLite's disk is full. The log has said so once.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        matches!(&self.source, sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::StorageFull)
    }

    /// SQLite could not write: its disk is full, or a quota or a limit is reached.
    pub(super) fn is_write_refused(&self) -> bool {
        matches!(code(&self.source).as_deref(), Some("13" | "778"))
    }

    /// A value in the database that no Scrip wrote.
    pub fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DbError {
        sqlx::Error::Decode(error.into()).into()
    }

    /// The commit was sent and no certain answer came: it may have happened, or happen still. All other
    /// errors mean that nothing has happened.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// The database itself gave this answer, so that the connection is ready for the next statement.
    pub(super) fn is_from_database(&self) -> bool {
        self.source.as_database_error().is_some()
    }

    /// A row with this key exists already.
    #[must_use]
    pub fn is_unique_violation(&self) -> bool {
        self.source.as_database_error().is_some_and(DatabaseError::is_unique_violation)
    }

    /// Nothing has happened, and the whole transaction may succeed when it is tried again: two transactions
    /// met, or the connection was lost.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        if self.is_outcome_unknown {
            return false;
        }
        match code(&self.source).as_deref() {
            Some(code) => match sqlite_primary(code) {
                // Busy.
                Some(primary) => primary == 5,
                // Serialization failure, deadlock, lock timeout; a server that ends or has become a standby.
                None => {
                    matches!(
                        code,
                        "40001"
                            | "40P01"
                            | "55P03"
                            | "57P01"
                            | "57P02"
                            | "57P03"
                            | "57P05"
                            | "25006"
                            | "25P03"
                    ) || code.starts_with("08")
                }
            },
            None => is_connection_lost(&self.source) && !self.is_disk_full(),
        }
    }

    /// The database cannot do it now; nothing has happened. Full disk, no connection, a lock or a statement
    /// that took too long; a file that cannot be read as it was written.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        if self.is_outcome_unknown {
            return false;
        }
        let by_code = code(&self.source).is_some_and(|code| match sqlite_primary(&code) {
            // Busy, locked, no memory, interrupted, I/O error, full, cannot open. Where a disk fails now and then,
            // SQLite also calls what it read malformed, or no database.
            Some(primary) => matches!(primary, 5 | 6 | 7 | 9 | 10 | 11 | 13 | 14 | 26),
            None => matches!(&*code, "57014" | "58030") || code.starts_with("53"),
        });
        by_code || self.is_retryable() || is_connection_lost(&self.source)
    }
}

/// The database's own code: five characters of PostgreSQL's, or a number of SQLite's.
fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// SQLite's primary result code, which its extended codes have in their low byte. PostgreSQL's codes are as
/// long, but have five characters always.
fn sqlite_primary(code: &str) -> Option<i64> {
    (code.len() < 5).then(|| code.parse::<i64>().ok())?.map(|code| code & 0xff)
}

/// No code came from the database: the way to it broke, or its deadline passed. What sqlx calls a breach of the
/// protocol is a handshake that was cut off.
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

/// Whether a commit that gave this error may have happened. PostgreSQL's answer ERROR says that it has not;
/// FATAL, a lost connection, 08007 and 40003 say nothing. SQLite's I/O errors, and what a failing disk or
/// a lack of memory leads to, may come after the last frame was written.
fn may_have_committed(error: &sqlx::Error) -> bool {
    let Some(database) = error.as_database_error() else {
        return !matches!(error, sqlx::Error::PoolTimedOut);
    };
    if let Some(error) = database.try_downcast_ref::<PgDatabaseError>() {
        let is_certain =
            matches!(error.severity(), PgSeverity::Error) && !matches!(error.code(), "08007" | "40003");
        return !is_certain;
    }
    code_of(database).is_some_and(|primary| matches!(primary, 7 | 10 | 11))
}

fn code_of(error: &dyn DatabaseError) -> Option<i64> {
    sqlite_primary(&error.code()?)
}
