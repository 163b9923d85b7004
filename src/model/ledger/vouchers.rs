//! The life of an order's codes: they are created when it is paid, then expire, are cancelled, or are replaced. They
//! are redeemed like any other code.

use std::collections::{BTreeMap, BTreeSet};

use super::command::Rules;
use super::footprint::Footprint;
use super::line::{Line, check_amount};
use super::operation::{ActorFacts, NewCode, Operation, Transfer, Voucher};
use super::refusal::{Refusal, Stop};
use super::state::{CodeFacts, Ledger};
use super::words::{Cause, CodeStatus, Kind};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A paid order: its units are issued into its vouchers. By the portal or the vendor.
#[derive(Debug, Clone)]
pub struct Fulfil {
    pub order_id: i64,
    pub company_id: i64,
    /// The buyer, recorded as the vouchers' creator.
    pub buyer_id: i64,
    pub expires_at: Moment,
    pub vouchers: Vec<Voucher>,
}

impl Rules for Fulfil {
    fn footprint(&self, actor: &ActorFacts, touches: &mut Footprint<'_>) {
        touches.company(self.company_id);
        for voucher in &self.vouchers {
            touches.account(actor.company_id, voucher.resource_type, Kind::Issued);
            touches.account(self.company_id, voucher.resource_type, Kind::InCodes);
            touches.new_codes(voucher.codes.len());
        }
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let root = ledger.issuer(&operation.actor)?;
        ledger.company_in_tree(&operation.actor, self.company_id)?.ok_or(Refusal::UnknownTarget)?;
        let line = |voucher: &Voucher, code_id| Line {
            cause: Cause::Fulfil,
            resource_type: voucher.resource_type,
            amount: voucher.amount,
            from: (root, Kind::Issued),
            to: (self.company_id, Kind::InCodes),
            code_id,
            device_id: None,
            memo: "",
        };
        for voucher in &self.vouchers {
            check_amount(&line(voucher, None))?;
        }
        // Lines of one type share both accounts, so their sum is checked.
        let mut sums: BTreeMap<ResourceType, i64> = BTreeMap::new();
        for voucher in &self.vouchers {
            let sum = sums.entry(voucher.resource_type).or_default();
            let units = voucher.amount.checked_mul(voucher.codes.len() as i64);
            *sum = units.and_then(|units| sum.checked_add(units)).ok_or(Refusal::Overflow)?;
            ledger.check_sum(&line(voucher, None), *sum)?;
        }
        let mut transfers = Vec::new();
        for voucher in &self.vouchers {
            for new in &voucher.codes {
                let facts = CodeFacts {
                    id: ledger.next_code_id()?,
                    tag: new.tag,
                    company_id: self.company_id,
                    resource_type: voucher.resource_type,
                    amount: voucher.amount,
                    status: CodeStatus::Unused,
                    expires_at: Some(self.expires_at),
                    is_disputed: false,
                    order: Some((self.order_id, voucher.line)),
                    used_at: None,
                };
                let line = Line { memo: &voucher.name, ..line(voucher, Some(facts.id)) };
                transfers.push(ledger.transfer(operation, transfers.len() as i64, &line)?);
                ledger.add_code(operation, facts, new, &voucher.name, self.buyer_id);
            }
        }
        Ok(transfers)
    }
}

/// Ends those of the vouchers that have expired; one redeemed in time stays redeemed. By the portal.
#[derive(Debug, Clone)]
pub struct ExpireCodes {
    pub code_ids: Vec<i64>,
}

impl Rules for ExpireCodes {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        for id in &self.code_ids {
            if let Some(code) = touches.code_by_id(*id) {
                touches.company(code.company_id);
                touches.account(code.company_id, code.resource_type, Kind::InCodes);
                touches.account(code.company_id, code.resource_type, Kind::Expired);
            }
        }
        touches.new_transfers(self.code_ids.len());
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        ledger.issuer(&operation.actor)?;
        let is_over = |code: &CodeFacts| {
            code.status == CodeStatus::Unused && code.expires_at.is_some_and(|end| end <= operation.at)
        };
        let mut lines = Vec::with_capacity(self.code_ids.len());
        for id in self.code_ids.iter().copied().collect::<BTreeSet<i64>>() {
            let Some(code) = ledger.code_by_id(id)?.filter(|code| is_over(code)).cloned() else { continue };
            let line = Line::out_of(&code, Cause::Expire, (code.company_id, Kind::Expired));
            // Checks all of them before changing anything: an operation is all or nothing.
            ledger.check(&line, 1)?;
            lines.push((code, line));
        }
        ledger.end_all(operation, lines, CodeStatus::Expired)
    }
}

/// Takes back unused vouchers, whose units are then no longer issued. All of them, or none.
#[derive(Debug, Clone)]
pub struct CancelCodes {
    pub code_ids: Vec<i64>,
}

impl Rules for CancelCodes {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        for id in &self.code_ids {
            if let Some(code) = touches.code_by_id(*id) {
                touches.account(code.company_id, code.resource_type, Kind::InCodes);
                if let Some(root) = touches.root_of(code.company_id) {
                    touches.account(root, code.resource_type, Kind::Issued);
                }
            }
        }
        touches.new_transfers(self.code_ids.len());
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let mut lines = Vec::with_capacity(self.code_ids.len());
        let ids: BTreeSet<i64> = self.code_ids.iter().copied().collect();
        let mut codes = Vec::with_capacity(ids.len());
        for id in ids {
            codes.push(ledger.code_by_id(id)?.cloned().ok_or(Refusal::UnknownCode)?);
        }
        for code in codes {
            let root = ledger.voucher_root(operation, &code)?;
            let line = Line::out_of(&code, Cause::Cancel, (root, Kind::Issued));
            ledger.check(&line, 1)?;
            lines.push((code, line));
        }
        if lines.is_empty() {
            return Err(Refusal::UnknownCode.into());
        }
        ledger.end_all(operation, lines, CodeStatus::Cancelled)
    }
}

/// Gives a lost voucher a new code; the old one becomes invalid.
#[derive(Debug, Clone)]
pub struct ReplaceCode {
    pub code_id: i64,
    pub code: NewCode,
    pub comment: String,
}

impl Rules for ReplaceCode {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        if let Some(code) = touches.code_by_id(self.code_id) {
            touches.root_of(code.company_id);
            touches.account(code.company_id, code.resource_type, Kind::InCodes);
            touches.account(code.company_id, code.resource_type, Kind::Available);
        }
        touches.new_codes(1);
        touches.new_transfers(1);
    }

    /// Goes through the balance, because each transfer has two accounts.
    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        let code = ledger.code_by_id(self.code_id)?.cloned().ok_or(Refusal::UnknownCode)?;
        ledger.voucher_root(operation, &code)?;
        let out = Line::out_of(&code, Cause::Replace, (code.company_id, Kind::Available));
        ledger.check(&out, 1)?;
        let facts = CodeFacts { id: ledger.next_code_id()?, tag: self.code.tag, ..code.clone() };
        let memo_out = format!("replaced by code #{}", facts.id);
        let memo_in = format!("in place of code #{}", self.code_id);
        let back = Line { from: out.to, to: out.from, code_id: Some(facts.id), memo: &memo_in, ..out };
        let out = Line { memo: &memo_out, ..out };
        ledger.set_status(operation, &code, CodeStatus::Replaced, Some(facts.id))?;
        let transfers = vec![ledger.transfer(operation, 0, &out)?, ledger.transfer(operation, 1, &back)?];
        ledger.add_code(operation, facts, &self.code, &self.comment, operation.actor.user_id);
        Ok(transfers)
    }
}

impl Ledger {
    /// The company that issued an unused voucher of the actor's tree.
    fn voucher_root(&self, operation: &Operation, code: &CodeFacts) -> Result<i64, Stop> {
        let owner = self.company_in_tree(&operation.actor, code.company_id)?.ok_or(Refusal::UnknownCode)?;
        if code.order.is_none() {
            return Err(Refusal::NotOfOrder.into());
        }
        match code.status {
            CodeStatus::Unused => code.redeemable(operation.at)?,
            status => return Err(Refusal::CodeNotUnused { status }.into()),
        }
        Ok(owner.path.root().ok_or(Refusal::UnknownCode)?)
    }

    fn end_all(
        &mut self,
        operation: &Operation,
        lines: Vec<(CodeFacts, Line<'static>)>,
        status: CodeStatus,
    ) -> Result<Vec<Transfer>, Stop> {
        let mut transfers = Vec::with_capacity(lines.len());
        for (code, line) in lines {
            self.set_status(operation, &code, status, None)?;
            transfers.push(self.transfer(operation, transfers.len() as i64, &line)?);
        }
        Ok(transfers)
    }
}
