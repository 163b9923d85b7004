//! Redeeming: the units of a code go to the redeemer's company.

use super::command::Rules;
use super::footprint::Footprint;
use super::line::Line;
use super::operation::{ActorFacts, Limit, Operation, Tag, Transfer};
use super::refusal::{Refusal, Stop};
use super::state::{CodeFacts, Ledger};
use super::words::{Cause, CodeStatus, Kind};
use crate::model::time::Moment;

/// Redeems a code for the actor's own company, no matter who issued it.
#[derive(Debug, Clone)]
pub struct Redeem {
    pub tag: Tag,
    /// The keys under which a wrong code is counted.
    pub limits: Vec<Limit>,
}

impl Rules for Redeem {
    fn footprint(&self, actor: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.limits(&self.limits);
        if let Some(code) = touches.code(self.tag) {
            touches.company(code.company_id);
            touches.account(code.company_id, code.resource_type, Kind::InCodes);
            touches.arrival(actor.company_id, code.resource_type);
            // Only read: the answer shows the units in codes beside what arrived.
            touches.account(actor.company_id, code.resource_type, Kind::InCodes);
        }
        touches.new_transfers(1);
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        ledger.check_attempts(&self.limits, operation.at)?;
        let found = ledger.code(self.tag)?.filter(|c| c.status != CodeStatus::Deleted).cloned();
        let Some(code) = found else {
            ledger.count_attempt(&self.limits, operation.at)?;
            return Err(Refusal::UnknownCode.into());
        };
        code.redeemable(operation.at)?;
        let company_id = operation.actor.company_id;
        ledger.company_in_tree(&operation.actor, company_id)?.ok_or(Refusal::UnknownTarget)?;
        let line = Line::out_of(&code, Cause::Redeem, (company_id, Kind::Available));
        ledger.check(&line, 1)?;
        ledger.set_status(operation, &code, CodeStatus::Used, None)?;
        let transfer = ledger.transfer(operation, 0, &line)?;
        Ok(vec![Transfer { filled: Some(ledger.filled(company_id, code.resource_type)?), ..transfer }])
    }
}

impl CodeFacts {
    /// Whether it may be redeemed at a moment, or why not.
    pub fn redeemable(&self, at: Moment) -> Result<(), Refusal> {
        match self.status {
            CodeStatus::Unused if self.expires_at.is_none_or(|end| at < end) => {
                if self.is_disputed {
                    Err(Refusal::CodeDisputed)
                } else {
                    Ok(())
                }
            }
            CodeStatus::Unused | CodeStatus::Expired => Err(Refusal::CodeExpired { at: self.expires_at }),
            CodeStatus::Used => Err(Refusal::CodeUsed { at: self.used_at }),
            CodeStatus::Deleted => Err(Refusal::UnknownCode),
            status => Err(Refusal::CodeNotUnused { status }),
        }
    }
}

impl Ledger {
    fn check_attempts(&self, limits: &[Limit], now: Moment) -> Result<(), Stop> {
        let mut latest = None;
        for limit in limits {
            latest = latest.max(self.attempts(&limit.key)?.blocked_until(limit.policy, now));
        }
        latest.map_or(Ok(()), |until| Err(Refusal::TooManyAttempts { until }.into()))
    }
}
