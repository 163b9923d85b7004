//! Decides operations one by one.

use super::devices;
use super::operation::{Done, Operation};
use super::refusal::{Refusal, Stop, Unloaded};
use super::state::Ledger;

/// The outcome of an operation.
pub type Decision = Result<Done, Refusal>;

/// Decides the operations in order; each sees what those before it did. `None` if an earlier one's effect leads an
/// operation to something that is not loaded: it must be decided in a later batch.
///
/// # Errors
/// A footprint that is too small, which is a bug. Memory is then inconsistent and must not be saved.
pub fn decide(ledger: &mut Ledger, operations: &[Operation]) -> Result<Vec<Option<Decision>>, Unloaded> {
    operations.iter().map(|operation| decide_one(ledger, operation)).collect()
}

fn decide_one(ledger: &mut Ledger, operation: &Operation) -> Result<Option<Decision>, Unloaded> {
    if let Some(decision) = ledger.replay(operation) {
        return Ok(Some(decision));
    }
    if !ledger.covers(operation) {
        return Ok(None);
    }
    let mut transfers = match operation.command.rules().decide(ledger, operation) {
        Ok(transfers) => transfers,
        Err(Stop::Refused(refusal)) => return Ok(Some(Err(refusal))),
        Err(Stop::Unloaded(what)) => return Err(what),
    };
    devices::serve_waiting(ledger, operation, &mut transfers)?;
    ledger.note_transfers(operation, &transfers);
    Ok(Some(Ok(Done { transfers, replayed: false })))
}
