//! Data for credits: a company uses credits that no device gets.

use super::command::Rules;
use super::footprint::Footprint;
use super::line::Line;
use super::operation::{ActorFacts, Operation, Transfer};
use super::refusal::{Refusal, Stop};
use super::state::Ledger;
use super::words::{Cause, Kind};
use crate::model::resources::ResourceType;

/// Uses credits of a company of the actor's tree for data.
#[derive(Debug, Clone)]
pub struct BuyData {
    pub company_id: i64,
    /// In credits.
    pub amount: i64,
    /// How much data that is, for the history.
    pub memo: String,
}

impl Rules for BuyData {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.company(self.company_id);
        touches.account(self.company_id, ResourceType::CREDIT, Kind::Available);
        touches.account(self.company_id, ResourceType::CREDIT, Kind::Spent);
        touches.new_transfers(1);
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        ledger.company_in_tree(&operation.actor, self.company_id)?.ok_or(Refusal::UnknownSource)?;
        let line = Line {
            cause: Cause::BuyData,
            resource_type: ResourceType::CREDIT,
            amount: self.amount,
            from: (self.company_id, Kind::Available),
            to: (self.company_id, Kind::Spent),
            code_id: None,
            device_id: None,
            memo: &self.memo,
        };
        ledger.check(&line, 1)?;
        Ok(vec![ledger.transfer(operation, 0, &line)?])
    }
}
