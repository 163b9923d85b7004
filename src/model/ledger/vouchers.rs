//! What becomes of the codes of an order: they come into being when it is paid, expire, are cancelled,
//! or replaced. Redeeming one is like redeeming any code.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::Line;
use super::operation::{Fulfilment, NewCode, Operation, Refusal, Transfer, Voucher};
use super::state::{CodeFacts, Ledger};
use super::words::{Cause, CodeStatus, Kind};
use crate::model::resources::ResourceType;

/// Brings an order's units into being, in its vouchers.
pub(super) fn fulfil(
    ledger: &mut Ledger,
    operation: &Operation,
    order: &Fulfilment,
) -> Result<Vec<Transfer>, Refusal> {
    let root = ledger.issuer(&operation.actor)?;
    ledger.company_in_tree(&operation.actor, order.company_id).ok_or(Refusal::UnknownTarget)?;
    let line = |voucher: &Voucher, code_id| Line {
        cause: Cause::Fulfil,
        resource_type: voucher.resource_type,
        amount: voucher.amount,
        from: (root, Kind::Issued),
        to: (order.company_id, Kind::InCodes),
        code_id,
        device_id: None,
        memo: "",
    };
    for voucher in &order.vouchers {
        ledger.check_amount(&line(voucher, None))?;
    }
    // Lines of one type share both accounts: what they come to together is checked.
    let mut sums: BTreeMap<ResourceType, i64> = BTreeMap::new();
    for voucher in &order.vouchers {
        let sum = sums.entry(voucher.resource_type).or_default();
        let units = voucher.amount.checked_mul(voucher.codes.len() as i64);
        *sum = units.and_then(|units| sum.checked_add(units)).ok_or(Refusal::Overflow)?;
        ledger.check_sum(&line(voucher, None), *sum)?;
    }
    let mut transfers = Vec::new();
    for voucher in &order.vouchers {
        for new in &voucher.codes {
            let facts = CodeFacts {
                id: ledger.next_code_id(),
                tag: new.tag,
                company_id: order.company_id,
                resource_type: voucher.resource_type,
                amount: voucher.amount,
                status: CodeStatus::Unused,
                expires_at: Some(order.expires_at),
                order: Some((order.order_id, voucher.line)),
                used_at: None,
            };
            let line = Line { memo: &voucher.name, ..line(voucher, Some(facts.id)) };
            transfers.push(ledger.transfer(operation, transfers.len() as i64, &line));
            ledger.add_code(operation, facts, new, &voucher.name, order.buyer_id);
        }
    }
    Ok(transfers)
}

/// Ends the vouchers whose time is over; one that was redeemed in time stays what it is. By the portal.
pub(super) fn expire(
    ledger: &mut Ledger,
    operation: &Operation,
    code_ids: &[i64],
) -> Result<Vec<Transfer>, Refusal> {
    ledger.issuer(&operation.actor)?;
    let over = |code: &CodeFacts| {
        code.status == CodeStatus::Unused && code.expires_at.is_some_and(|end| end <= operation.at)
    };
    let codes: Vec<CodeFacts> = ledger.named(code_ids).filter(|code| over(code)).cloned().collect();
    let mut transfers = Vec::with_capacity(codes.len());
    for code in codes {
        let line = code_line(&code, Cause::Expire, (code.company_id, Kind::Expired));
        // Nothing changes before all of them are known to fit: one operation is all or nothing.
        ledger.check(&line, 1)?;
        transfers.push((code, line));
    }
    Ok(ledger.end_all(operation, transfers, CodeStatus::Expired))
}

/// Takes unused vouchers back: their units are no longer issued.
pub(super) fn cancel(
    ledger: &mut Ledger,
    operation: &Operation,
    code_ids: &[i64],
) -> Result<Vec<Transfer>, Refusal> {
    let codes: Vec<CodeFacts> = ledger.named(code_ids).cloned().collect();
    if codes.is_empty() || code_ids.iter().any(|id| codes.iter().all(|c| c.id != *id)) {
        return Err(Refusal::UnknownCode);
    }
    let mut lines = Vec::with_capacity(codes.len());
    for code in codes {
        let root = ledger.voucher_root(operation, &code)?;
        let line = code_line(&code, Cause::Cancel, (root, Kind::Issued));
        ledger.check(&line, 1)?;
        lines.push((code, line));
    }
    Ok(ledger.end_all(operation, lines, CodeStatus::Cancelled))
}

/// Gives a lost voucher a new code, by way of the balance: each transfer has two accounts.
pub(super) fn replace(
    ledger: &mut Ledger,
    operation: &Operation,
    code_id: i64,
    new: &NewCode,
    comment: &str,
) -> Result<Vec<Transfer>, Refusal> {
    let code = ledger.named(&[code_id]).next().cloned().ok_or(Refusal::UnknownCode)?;
    ledger.voucher_root(operation, &code)?;
    let out = code_line(&code, Cause::Replace, (code.company_id, Kind::Available));
    ledger.check(&out, 1)?;
    let facts = CodeFacts { id: ledger.next_code_id(), tag: new.tag, ..code.clone() };
    let (gone, came) = (format!("replaced by code #{}", facts.id), format!("in place of code #{code_id}"));
    let back = Line { from: out.to, to: out.from, code_id: Some(facts.id), memo: &came, ..out };
    let out = Line { memo: &gone, ..out };
    ledger.set_status(operation, &code, CodeStatus::Replaced, Some(facts.id));
    let transfers = vec![ledger.transfer(operation, 0, &out), ledger.transfer(operation, 1, &back)];
    ledger.add_code(operation, facts, new, comment, operation.actor.user_id);
    Ok(transfers)
}

/// The units of a code leave it.
fn code_line(code: &CodeFacts, cause: Cause, to: (i64, Kind)) -> Line<'static> {
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

impl Ledger {
    /// The codes of these ids that there are, by id.
    fn named(&self, code_ids: &[i64]) -> impl Iterator<Item = &CodeFacts> {
        let wanted: BTreeSet<i64> = code_ids.iter().copied().collect();
        let found: BTreeMap<i64, &CodeFacts> =
            self.codes.values().filter(|c| wanted.contains(&c.id)).map(|c| (c.id, c)).collect();
        found.into_values()
    }

    /// The company that issued an unused voucher of the actor's tree.
    fn voucher_root(&self, operation: &Operation, code: &CodeFacts) -> Result<i64, Refusal> {
        let owner = self.company_in_tree(&operation.actor, code.company_id).ok_or(Refusal::UnknownCode)?;
        if code.order.is_none() {
            return Err(Refusal::NotOfOrder);
        }
        match code.status {
            CodeStatus::Unused if code.expires_at.is_none_or(|end| operation.at < end) => {}
            CodeStatus::Unused => return Err(Refusal::CodeExpired { at: code.expires_at }),
            status => return Err(Refusal::CodeNotUnused { status }),
        }
        owner.path.ids().first().copied().ok_or(Refusal::UnknownCode)
    }

    fn end_all(
        &mut self,
        operation: &Operation,
        lines: Vec<(CodeFacts, Line<'static>)>,
        status: CodeStatus,
    ) -> Vec<Transfer> {
        let mut transfers = Vec::with_capacity(lines.len());
        for (code, line) in lines {
            self.set_status(operation, &code, status, None);
            transfers.push(self.transfer(operation, transfers.len() as i64, &line));
        }
        transfers
    }
}
