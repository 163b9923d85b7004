//! Copies the WAL into the database file beside the writer, so that commits never stop for it; and watches the disk's
//! free space, which the WAL must not use up.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::db::Db;

const EVERY_MILLISECONDS: u64 = 50;
/// While the disk stays full, each round tries to make room.
const EVERY_MILLISECONDS_FULL: u64 = 1_000;

/// Runs until stopped. Does nothing on PostgreSQL.
pub async fn run(db: Db, stop: CancellationToken) {
    let Db::Sqlite(sqlite) = &db else { return };
    loop {
        let was_full = db.is_disk_full();
        if let Err(error) = sqlite.tend().await {
            tracing::warn!(%error, "a checkpoint failed");
        }
        let every = if was_full && db.is_disk_full() { EVERY_MILLISECONDS_FULL } else { EVERY_MILLISECONDS };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(every)) => {}
        }
    }
}
