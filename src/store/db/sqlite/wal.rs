//! Keeps SQLite's WAL small, beside the writer as far as possible.

use std::sync::atomic::Ordering;

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::SqliteDb;
use super::connections::milliseconds;
use crate::store::db::deadline;
use crate::store::db::disk::WAL_BYTES_MAX;
use crate::store::db::error::{DbError, Result};

/// A page of 4 KB and its header.
const WAL_PAGE_BYTES: u64 = 4_096 + 24;
/// A checkpoint of less is not worth its flush.
const CHECKPOINT_BYTES_MIN: u64 = 4 << 20;

/// How long writers wait for readers of the WAL before it is restarted; and, once it is 1.5 times its limit, before
/// those readers are ended. After a wait in vain, the next attempt comes ten times that long after.
const RESTART_MILLISECONDS: u64 = 20;
const RESTART_MILLISECONDS_LONG: u64 = 500;

/// Whether a lock was in the way, pages in the WAL, pages copied.
type CheckpointRow = (i64, i64, i64);

impl SqliteDb {
    /// Keeps the WAL small, and judges the disk.
    pub async fn tend(&self) -> Result<()> {
        let (wal, space) = (self.wal_bytes(), self.disk.space());
        let limit = space.wal_limit(wal);
        metrics::gauge!("scrip_wal_bytes").set(wal as f64);
        let has_refused = self.disk.take_refusal();
        let is_restart_due = wal > limit && milliseconds() >= self.restart_from.load(Ordering::Relaxed);
        let tended = if is_restart_due || has_refused {
            self.restart_wal(limit, has_refused).await
        } else if wal > CHECKPOINT_BYTES_MIN.min(limit / 2) {
            self.checkpoint_beside().await
        } else {
            Ok(())
        };
        let has_room = !tended.as_ref().is_err_and(DbError::is_write_refused);
        let disk = self.disk.clone();
        let _ = tokio::task::spawn_blocking(move || disk.judge(!has_room)).await;
        // `judge` logs a full disk itself, once.
        if has_room { tended } else { Ok(()) }
    }

    /// Copies committed pages from the WAL into the database file, beside the writer.
    async fn checkpoint_beside(&self) -> Result<()> {
        let mut lease = self.upkeep.lease(deadline::after_seconds(deadline::READ_SECONDS)).await?;
        sqlx::query("pragma wal_checkpoint(passive)").execute(lease.connection()).await?;
        lease.is_clean();
        Ok(())
    }

    /// Takes the writer's turn and restarts the WAL if more of it is in use than `limit`, unless a read still uses it:
    /// a long read, such as a backup, must not keep writers waiting. The file keeps its length and later commits
    /// overwrite it, which is cheaper than growing it again. It is truncated only when space is scarce.
    async fn restart_wal(&self, limit: u64, is_scarce: bool) -> Result<()> {
        let mut writer = self.writer.lease(deadline::after_milliseconds(deadline::TRY_MILLISECONDS)).await?;
        let connection = writer.connection();
        let is_cut = is_scarce || limit < WAL_BYTES_MAX;
        let (_, pages, _): CheckpointRow =
            sqlx::query_as("pragma wal_checkpoint(noop)").fetch_one(&mut *connection).await?;
        let used = pages.cast_unsigned() * WAL_PAGE_BYTES;
        if is_cut || used > limit {
            let mut waited = RESTART_MILLISECONDS;
            let mut is_busy = !try_restart(connection, is_cut, waited).await?;
            if is_busy && used > limit + limit / 2 {
                let begun = milliseconds();
                waited = RESTART_MILLISECONDS_LONG;
                is_busy = !try_restart(connection, is_cut, waited).await?;
                if is_busy {
                    // A reader that began before this wait blocks all writers.
                    self.ended_before.store(begun, Ordering::Relaxed);
                    is_busy = !try_restart(connection, is_cut, waited).await?;
                }
            }
            let pause = if is_busy { 10 * waited } else { 0 };
            self.restart_from.store(milliseconds() + pause, Ordering::Relaxed);
        }
        writer.is_clean();
        Ok(())
    }

    /// The size of the WAL file in bytes.
    #[must_use]
    pub fn wal_bytes(&self) -> u64 {
        let mut name = self.file.as_os_str().to_owned();
        name.push("-wal");
        std::fs::metadata(name).map_or(0, |m| m.len())
    }
}

/// Restarts the WAL after waiting this long for its readers; returns whether it could.
async fn try_restart(connection: &mut SqliteConnection, is_cut: bool, milliseconds: u64) -> Result<bool> {
    let wait = format!("pragma busy_timeout = {milliseconds}");
    sqlx::query(AssertSqlSafe(wait)).execute(&mut *connection).await?;
    let restart = if is_cut { "pragma wal_checkpoint(truncate)" } else { "pragma wal_checkpoint(restart)" };
    let (is_busy, ..): CheckpointRow = sqlx::query_as(restart).fetch_one(&mut *connection).await?;
    let wait = format!("pragma busy_timeout = {}", deadline::LOCK_SECONDS * 1_000);
    sqlx::query(AssertSqlSafe(wait)).execute(connection).await?;
    Ok(is_busy == 0)
}
