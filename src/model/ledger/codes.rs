//! Codes that a company creates from its balance, and deletes.

use super::command::Rules;
use super::footprint::Footprint;
use super::line::Line;
use super::operation::{ActorFacts, NewCode, Operation, Transfer};
use super::refusal::{Refusal, Stop};
use super::state::{CodeFacts, Ledger};
use super::words::{Cause, CodeStatus, Kind};
use crate::model::resources::ResourceType;

/// Locks units of a company's balance in new codes of the same amount.
#[derive(Debug, Clone)]
pub struct CreateCodes {
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub comment: String,
    /// At least one: an operation without transfers would leave nothing to be replayed from.
    pub codes: Vec<NewCode>,
}

impl Rules for CreateCodes {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.company(self.company_id);
        touches.account(self.company_id, self.resource_type, Kind::Available);
        touches.account(self.company_id, self.resource_type, Kind::InCodes);
        touches.new_codes(self.codes.len());
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        ledger.company_in_tree(&operation.actor, self.company_id)?.ok_or(Refusal::UnknownSource)?;
        let line = |code_id| Line {
            cause: Cause::CreateCode,
            resource_type: self.resource_type,
            amount: self.amount,
            from: (self.company_id, Kind::Available),
            to: (self.company_id, Kind::InCodes),
            code_id,
            device_id: None,
            memo: &self.comment,
        };
        ledger.check(&line(None), self.codes.len() as i64)?;
        let mut transfers = Vec::with_capacity(self.codes.len());
        for (seq, new) in (0..).zip(&self.codes) {
            let facts = CodeFacts {
                id: ledger.next_code_id()?,
                tag: new.tag,
                company_id: self.company_id,
                resource_type: self.resource_type,
                amount: self.amount,
                status: CodeStatus::Unused,
                expires_at: None,
                is_disputed: false,
                order: None,
                used_at: None,
            };
            transfers.push(ledger.transfer(operation, seq, &line(Some(facts.id)))?);
            ledger.add_code(operation, facts, new, &self.comment, operation.actor.user_id);
        }
        Ok(transfers)
    }
}

/// Deletes an unused code; its units return to the company that owns it.
#[derive(Debug, Clone)]
pub struct DeleteCode {
    pub code_id: i64,
}

impl Rules for DeleteCode {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        if let Some(code) = touches.code_by_id(self.code_id) {
            touches.account(code.company_id, code.resource_type, Kind::InCodes);
            touches.arrival(code.company_id, code.resource_type);
        }
        touches.new_transfers(1);
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let code = ledger.code_by_id(self.code_id)?.cloned().ok_or(Refusal::UnknownCode)?;
        ledger.company_in_tree(&operation.actor, code.company_id)?.ok_or(Refusal::UnknownCode)?;
        match code.status {
            CodeStatus::Unused => {}
            CodeStatus::Deleted => return Err(Refusal::UnknownCode.into()),
            status => return Err(Refusal::CodeNotUnused { status }.into()),
        }
        if code.order.is_some() {
            return Err(Refusal::CodeOfOrder.into());
        }
        let line = Line::out_of(&code, Cause::DeleteCode, (code.company_id, Kind::Available));
        ledger.check(&line, 1)?;
        ledger.set_status(operation, &code, CodeStatus::Deleted, None)?;
        Ok(vec![ledger.transfer(operation, 0, &line)?])
    }
}
