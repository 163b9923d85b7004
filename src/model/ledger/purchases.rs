//! Units that a company buys for its own pool: they are issued into its balance when the order is paid, where they serve
//! waiting devices at once, and can be taken back as long as they are there.

use std::collections::BTreeMap;

use super::command::Rules;
use super::footprint::Footprint;
use super::line::{Line, check_amount};
use super::operation::{ActorFacts, Operation, Transfer};
use super::refusal::{Refusal, Stop};
use super::state::Ledger;
use super::words::{Cause, Kind};
use crate::model::resources::ResourceType;

/// A paid order's units for the buyer's own pool. By the portal or the vendor.
#[derive(Debug, Clone)]
pub struct FillPool {
    pub company_id: i64,
    /// The order's lines: type, units, and what the history calls them.
    pub lines: Vec<(ResourceType, i64, String)>,
}

impl Rules for FillPool {
    fn footprint(&self, actor: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.company(self.company_id);
        for (resource_type, ..) in &self.lines {
            touches.account(actor.company_id, *resource_type, Kind::Issued);
            touches.arrival(self.company_id, *resource_type);
        }
        touches.new_transfers(self.lines.len());
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let root = ledger.issuer(&operation.actor)?;
        ledger.company_in_tree(&operation.actor, self.company_id)?.ok_or(Refusal::UnknownTarget)?;
        let lines = self.lines.iter().map(|(resource_type, amount, memo)| Line {
            cause: Cause::Fulfil,
            resource_type: *resource_type,
            amount: *amount,
            from: (root, Kind::Issued),
            to: (self.company_id, Kind::Available),
            code_id: None,
            device_id: None,
            memo,
        });
        let lines: Vec<Line<'_>> = lines.collect();
        for line in &lines {
            check_amount(line)?;
        }
        // Lines of one type share both accounts, so their sum is checked.
        let mut sums: BTreeMap<ResourceType, i64> = BTreeMap::new();
        for line in &lines {
            let sum = sums.entry(line.resource_type).or_default();
            *sum = sum.checked_add(line.amount).ok_or(Refusal::Overflow)?;
            ledger.check_sum(line, *sum)?;
        }
        let mut transfers = Vec::with_capacity(lines.len());
        for line in &lines {
            transfers.push(ledger.transfer(operation, transfers.len() as i64, line)?);
        }
        Ok(transfers)
    }
}

/// Takes back what a company of the actor's tree bought for its own pool; the units are then no longer issued. All of
/// them, or none.
#[derive(Debug, Clone)]
pub struct TakeBack {
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub memo: String,
}

impl Rules for TakeBack {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.account(self.company_id, self.resource_type, Kind::Available);
        if let Some(root) = touches.root_of(self.company_id) {
            touches.account(root, self.resource_type, Kind::Issued);
        }
        touches.new_transfers(1);
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let company = ledger.company_in_tree(&operation.actor, self.company_id)?.ok_or(Refusal::UnknownSource)?;
        let root = company.path.root().ok_or(Refusal::UnknownSource)?;
        let line = Line {
            cause: Cause::Cancel,
            resource_type: self.resource_type,
            amount: self.amount,
            from: (self.company_id, Kind::Available),
            to: (root, Kind::Issued),
            code_id: None,
            device_id: None,
            memo: &self.memo,
        };
        ledger.check(&line, 1)?;
        Ok(vec![ledger.transfer(operation, 0, &line)?])
    }
}
