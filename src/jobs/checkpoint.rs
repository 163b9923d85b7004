//! Copies the WAL into the database file beside the writer, so that commits never stop for it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::db::Db;

const EVERY_MILLISECONDS: u64 = 50;
/// Below this a checkpoint is not worth its flush.
const WAL_BYTES_MIN: u64 = 4 << 20;

/// Runs until told to stop. Does nothing on PostgreSQL.
pub async fn run(db: Db, stop: CancellationToken) {
    let Db::Sqlite(sqlite) = db else { return };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(EVERY_MILLISECONDS)) => {}
        }
        if sqlite.wal_bytes() > WAL_BYTES_MIN
            && let Err(error) = sqlite.checkpoint_beside().await
        {
            tracing::warn!(%error, "a checkpoint failed");
        }
    }
}
