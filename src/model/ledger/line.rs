//! One movement of units, checked and carried out.

use super::operation::{Operation, Transfer};
use super::refusal::{Refusal, Stop, Unloaded};
use super::state::{AccountKey, CodeFacts, Ledger};
use super::words::{Cause, Kind};
use crate::model::amount::AMOUNT_MAX;
use crate::model::resources::ResourceType;

/// A transfer before it has an id and balances.
pub(super) struct Line<'a> {
    pub cause: Cause,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub from: (i64, Kind),
    pub to: (i64, Kind),
    pub code_id: Option<i64>,
    pub device_id: Option<i64>,
    pub memo: &'a str,
}

impl Line<'_> {
    /// Moves a code's units out of it.
    pub(super) fn out_of(code: &CodeFacts, cause: Cause, to: (i64, Kind)) -> Line<'static> {
        Line {
            cause,
            resource_type: code.resource_type,
            amount: code.amount,
            from: (code.company_id, Kind::InCodes),
            to,
            code_id: Some(code.id),
            device_id: None,
            memo: "",
        }
    }

    fn source(&self) -> AccountKey {
        AccountKey::new(self.from.0, self.resource_type, self.from.1)
    }

    fn target(&self) -> AccountKey {
        AccountKey::new(self.to.0, self.resource_type, self.to.1)
    }
}

impl Ledger {
    /// Whether the line can be carried out `times` times.
    pub(super) fn check(&self, line: &Line, times: i64) -> Result<(), Stop> {
        check_amount(line)?;
        self.check_sum(line, line.amount.checked_mul(times).ok_or(Refusal::Overflow)?)
    }

    /// Whether the line's source has this many units and its target can take them.
    pub(super) fn check_sum(&self, line: &Line, sum: i64) -> Result<(), Stop> {
        let source = self.account(line.source())?;
        let left = source.balance.checked_sub(sum).ok_or(Refusal::Overflow)?;
        if left < 0 && line.from.1 != Kind::Issued {
            let company = self.name(line.from.0)?;
            let (has, resource_type) = (source.balance, line.resource_type);
            return Err(Refusal::NotEnough { has, resource_type, company }.into());
        }
        let target = self.account(line.target())?;
        target.balance.checked_add(sum).ok_or(Refusal::Overflow)?;
        if line.cause.is_receipt() {
            target.received_total.checked_add(sum).ok_or(Refusal::Overflow)?;
        }
        Ok(())
    }

    /// Carries out a checked line.
    pub(super) fn transfer(&mut self, operation: &Operation, seq: i64, line: &Line) -> Result<Transfer, Unloaded> {
        let id = self.next_transfer_id()?;
        let source = self.account_mut(line.source())?;
        source.balance -= line.amount;
        let from_balance = source.balance;
        let target = self.account_mut(line.target())?;
        target.balance += line.amount;
        if line.cause.is_receipt() {
            target.received_total += line.amount;
            target.received_at = Some(operation.at);
        }
        let to_balance = target.balance;
        Ok(Transfer {
            id,
            actor: operation.actor.clone(),
            operation_id: operation.id.clone(),
            seq,
            fingerprint: operation.fingerprint,
            at: operation.at,
            cause: line.cause,
            resource_type: line.resource_type,
            amount: line.amount,
            from: line.from,
            to: line.to,
            from_balance,
            to_balance,
            from_name: self.name(line.from.0)?,
            to_name: self.name(line.to.0)?,
            code_id: line.code_id,
            device_id: line.device_id,
            memo: line.memo.to_owned(),
            filled: None,
        })
    }
}

/// Whether one transfer may be that large.
pub(super) fn check_amount(line: &Line) -> Result<(), Refusal> {
    if (1..=AMOUNT_MAX).contains(&line.amount) { Ok(()) } else { Err(Refusal::AmountOutOfRange) }
}
