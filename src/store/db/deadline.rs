//! How long anything may wait for the database. Each limit is shorter than the one around it, so that the innermost
//! fires first, with the clearest reason.

use std::time::Duration;

use tokio::time::Instant;

/// PostgreSQL ends a transaction that stays idle this long: a paused process holds no locks.
pub const IDLE_IN_TRANSACTION_SECONDS: u64 = 2;
/// Waiting for a lock.
pub const LOCK_SECONDS: u64 = 3;
/// A statement that writes.
pub const STATEMENT_SECONDS: u64 = 4;
/// One attempt at a write, from requesting a connection to the answer to its commit.
pub const TRY_MILLISECONDS: u64 = 4_500;
/// All attempts at a write, and the time in the queue before them.
pub const WRITE_SECONDS: u64 = 9;
/// A page's facts, or a list, with all its statements.
pub const READ_SECONDS: u64 = 5;
/// A step of an export or of a check.
pub const EXPORT_SECONDS: u64 = 30;
/// Closing all connections at shutdown.
pub const CLOSE_SECONDS: u64 = 3;

#[must_use]
pub fn after_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[must_use]
pub fn after_milliseconds(milliseconds: u64) -> Instant {
    Instant::now() + Duration::from_millis(milliseconds)
}
