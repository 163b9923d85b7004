//! Issuing: units enter the root company from its account of issued units.

use super::command::Rules;
use super::footprint::Footprint;
use super::line::Line;
use super::operation::{ActorFacts, Operation, Transfer};
use super::refusal::Stop;
use super::state::Ledger;
use super::words::{Cause, Kind};
use crate::model::resources::ResourceType;

/// Brings units into the root company. Only its own people may.
#[derive(Debug, Clone)]
pub struct Issue {
    pub resource_type: ResourceType,
    pub amount: i64,
    pub memo: String,
}

impl Rules for Issue {
    fn footprint(&self, actor: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.account(actor.company_id, self.resource_type, Kind::Issued);
        touches.arrival(actor.company_id, self.resource_type);
        touches.new_transfers(1);
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let root = ledger.issuer(&operation.actor)?;
        let line = Line {
            cause: Cause::Issue,
            resource_type: self.resource_type,
            amount: self.amount,
            from: (root, Kind::Issued),
            to: (root, Kind::Available),
            code_id: None,
            device_id: None,
            memo: &self.memo,
        };
        ledger.check(&line, 1)?;
        Ok(vec![ledger.transfer(operation, 0, &line)?])
    }
}
