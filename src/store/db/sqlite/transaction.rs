//! A transaction on SQLite.

use std::sync::Arc;

use super::connections::Lease;
use crate::store::db::disk::Disk;
use crate::store::db::error::{DbError, Result};
use crate::store::db::script::{Outcome, Script};

/// A transaction on SQLite. On a full disk SQLite ends a transaction by itself, so a transaction that was not ended
/// here closes its connection: the next one begins in a known state.
pub struct SqliteTx {
    lease: Lease,
    /// Statements without a result, such as `begin`, wait for the next one that has one.
    waiting: Script,
    disk: Arc<Disk>,
    has_begun: bool,
    has_ended: bool,
}

impl SqliteTx {
    pub(super) fn begin(lease: Lease, disk: Arc<Disk>, statement: &'static str) -> SqliteTx {
        let mut waiting = Script::default();
        waiting.add_text(statement);
        SqliteTx { lease, waiting, disk, has_begun: false, has_ended: false }
    }

    /// Runs the waiting statements, and this.
    pub(in crate::store::db) async fn run(&mut self, add: impl FnOnce(&mut Script)) -> Result<Vec<Outcome>> {
        self.has_begun = true;
        let mut script = std::mem::take(&mut self.waiting);
        add(&mut script);
        let outcome = self.lease.run(script).await;
        if outcome.as_ref().is_err_and(DbError::is_write_refused) {
            self.disk.note_refusal();
        }
        outcome
    }

    /// The statements that wait for the next one.
    pub(in crate::store::db) fn waiting(&mut self) -> &mut Script {
        &mut self.waiting
    }

    pub(in crate::store::db) async fn commit(mut self) -> Result<()> {
        self.run(Script::add_commit).await?;
        self.has_ended = true;
        Ok(())
    }

    pub(in crate::store::db) async fn rollback(mut self) {
        let rolled_back = !self.has_begun || self.run(|script| script.add_text("rollback")).await.is_ok();
        self.has_ended = rolled_back;
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        self.lease.is_busy |= self.has_begun && !self.has_ended;
    }
}
