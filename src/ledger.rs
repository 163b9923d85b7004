//! Runs ledger operations within a transaction: loads what they may touch, decides them, seals the codes that they
//! created, and saves the changes. Used by the writer for its batches, and by every act that also moves units.

use crate::keys::Keys;
use crate::keys::chain::Covered;
use crate::model::ledger::{Decision, Ledger, Operation, decide};
use crate::rng::Rng;
use crate::store;
use crate::store::db::{DbError, Result, WriteTx};
use crate::store::digests;
use crate::store::ledger::SealedCode;

/// The outcome of a run.
pub struct Run {
    /// One per operation; `None` if it must run again after this transaction: see [`decide`].
    pub decisions: Vec<Option<Decision>>,
    /// Everything that they read and changed.
    pub ledger: Ledger,
}

/// Runs operations within the caller's transaction.
///
/// # Errors
/// [`DbError::met`] if another process changes the same rows right now; or a footprint that is too small, which is a
/// bug. The transaction is then void.
pub async fn run(tx: &mut WriteTx, keys: &Keys, rng: &Rng, operations: &[Operation]) -> Result<Run> {
    let mut ledger = store::ledger::load(tx, operations).await?;
    let decisions = decide(&mut ledger, operations).map_err(DbError::decode)?;
    if tx.is_postgres() {
        let refused = operations.iter().zip(&decisions).filter(|(_, d)| matches!(d, Some(Err(_))));
        let refused: Vec<Operation> = refused.map(|(operation, _)| operation.clone()).collect();
        if !refused.is_empty() && store::ledger::happened_meanwhile(tx, &ledger, &refused).await? {
            return Err(DbError::met());
        }
    }
    let sealed: Vec<SealedCode> = ledger
        .changes()
        .new_codes
        .iter()
        .map(|made| {
            let (key_version, sealed) = keys.seal(&made.new.code, &made.facts, rng);
            SealedCode { key_version, sealed }
        })
        .collect();
    if let Some(saved) = store::ledger::save(tx, &ledger, &sealed).await? {
        let (entries, transfers, history) = (&saved.entries, saved.transfers.as_str(), digests::NO_ROWS);
        digests::add(tx, keys, &Covered { at: saved.at, is_older: false, entries, transfers, history }).await?;
    }
    Ok(Run { decisions, ledger })
}
