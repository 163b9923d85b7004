//! Moving units between the balances of two companies.

use super::command::Rules;
use super::footprint::Footprint;
use super::line::Line;
use super::operation::{ActorFacts, Operation, Transfer};
use super::refusal::{Refusal, Stop};
use super::state::Ledger;
use super::words::{Cause, Kind};
use crate::model::resources::ResourceType;

/// Moves units between two companies of the actor's tree.
#[derive(Debug, Clone)]
pub struct MoveUnits {
    pub resource_type: ResourceType,
    pub from: i64,
    pub to: i64,
    pub amount: i64,
}

impl Rules for MoveUnits {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.company(self.from);
        touches.account(self.from, self.resource_type, Kind::Available);
        touches.arrival(self.to, self.resource_type);
        touches.new_transfers(1);
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        ledger.company_in_tree(&operation.actor, self.from)?.ok_or(Refusal::UnknownSource)?;
        ledger.company_in_tree(&operation.actor, self.to)?.ok_or(Refusal::UnknownTarget)?;
        if self.from == self.to {
            return Err(Refusal::SameCompany.into());
        }
        let line = Line {
            cause: Cause::Move,
            resource_type: self.resource_type,
            amount: self.amount,
            from: (self.from, Kind::Available),
            to: (self.to, Kind::Available),
            code_id: None,
            device_id: None,
            memo: "",
        };
        ledger.check(&line, 1)?;
        Ok(vec![ledger.transfer(operation, 0, &line)?])
    }
}
