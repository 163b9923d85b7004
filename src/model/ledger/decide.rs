//! Deciding, one operation after the other.

use super::devices;
use super::operation::{Act, Actor, Done, Filled, Limit, NewCode, Operation, Refusal, Tag, Transfer};
use super::state::{AccountKey, CodeChange, CodeFacts, CompanyFacts, CreatedCode, Ledger};
use super::vouchers;
use super::words::{Cause, CodeStatus, Kind};
use crate::model::amount::AMOUNT_MAX;
use crate::model::resources::ResourceType;
use crate::model::throttle::Attempts;
use crate::model::time::Moment;

/// Decides the operations in order; each sees what those before it did.
pub fn decide(ledger: &mut Ledger, operations: &[Operation]) -> Vec<Result<Done, Refusal>> {
    operations.iter().map(|operation| decide_one(ledger, operation)).collect()
}

fn decide_one(ledger: &mut Ledger, operation: &Operation) -> Result<Done, Refusal> {
    let identity = (operation.actor.user_id, operation.key.clone());
    if let Some(transfers) = ledger.operations.get(&identity) {
        let same = transfers.iter().all(|t| t.fingerprint == operation.fingerprint);
        let transfers = transfers.clone();
        return if same { Ok(Done { transfers, replayed: true }) } else { Err(Refusal::KeyReused) };
    }
    if ledger.other_writes.contains(&identity) {
        return Err(Refusal::KeyReused);
    }
    let mut transfers = match &operation.act {
        Act::Issue { resource_type, amount, memo } => issue(ledger, operation, *resource_type, *amount, memo),
        Act::Move { resource_type, from, to, amount } => {
            move_units(ledger, operation, *resource_type, *from, *to, *amount)
        }
        Act::CreateCodes { company_id, resource_type, amount, comment, codes } => {
            create_codes(ledger, operation, *company_id, *resource_type, *amount, comment, codes)
        }
        Act::DeleteCode { code_id } => delete_code(ledger, operation, *code_id),
        Act::Redeem { tag, limits } => redeem(ledger, operation, *tag, limits),
        Act::SetDevices { devices, change } => devices::set_devices(ledger, operation, devices, change),
        Act::Fulfil(order) => vouchers::fulfil(ledger, operation, order),
        Act::ExpireCodes { code_ids } => vouchers::expire(ledger, operation, code_ids),
        Act::CancelCodes { code_ids } => vouchers::cancel(ledger, operation, code_ids),
        Act::ReplaceCode { code_id, code, comment } => {
            vouchers::replace(ledger, operation, *code_id, code, comment)
        }
    }?;
    devices::serve_waiting(ledger, operation, &mut transfers);
    ledger.changes.transfers.extend(transfers.iter().cloned());
    if !transfers.is_empty() {
        ledger.operations.insert(identity, transfers.clone());
    }
    Ok(Done { transfers, replayed: false })
}

fn issue(
    ledger: &mut Ledger,
    operation: &Operation,
    resource_type: ResourceType,
    amount: i64,
    memo: &str,
) -> Result<Vec<Transfer>, Refusal> {
    let root = ledger.issuer(&operation.actor)?;
    let line = Line {
        cause: Cause::Issue,
        resource_type,
        amount,
        from: (root, Kind::Issued),
        to: (root, Kind::Available),
        code_id: None,
        device_id: None,
        memo,
    };
    ledger.check(&line, 1)?;
    Ok(vec![ledger.transfer(operation, 0, &line)])
}

fn move_units(
    ledger: &mut Ledger,
    operation: &Operation,
    resource_type: ResourceType,
    from: i64,
    to: i64,
    amount: i64,
) -> Result<Vec<Transfer>, Refusal> {
    ledger.company_in_tree(&operation.actor, from).ok_or(Refusal::UnknownSource)?;
    ledger.company_in_tree(&operation.actor, to).ok_or(Refusal::UnknownTarget)?;
    if from == to {
        return Err(Refusal::SameCompany);
    }
    let line = Line {
        cause: Cause::Move,
        resource_type,
        amount,
        from: (from, Kind::Available),
        to: (to, Kind::Available),
        code_id: None,
        device_id: None,
        memo: "",
    };
    ledger.check(&line, 1)?;
    Ok(vec![ledger.transfer(operation, 0, &line)])
}

fn create_codes(
    ledger: &mut Ledger,
    operation: &Operation,
    company_id: i64,
    resource_type: ResourceType,
    amount: i64,
    comment: &str,
    codes: &[NewCode],
) -> Result<Vec<Transfer>, Refusal> {
    ledger.company_in_tree(&operation.actor, company_id).ok_or(Refusal::UnknownSource)?;
    assert!(!codes.is_empty(), "an operation without transfers would leave no trace to be replayed from");
    let line = |code_id| Line {
        cause: Cause::CreateCode,
        resource_type,
        amount,
        from: (company_id, Kind::Available),
        to: (company_id, Kind::InCodes),
        code_id,
        device_id: None,
        memo: comment,
    };
    ledger.check(&line(None), codes.len() as i64)?;
    let mut transfers = Vec::with_capacity(codes.len());
    for (seq, new) in (0..).zip(codes) {
        let facts = CodeFacts {
            id: ledger.next_code_id(),
            tag: new.tag,
            company_id,
            resource_type,
            amount,
            status: CodeStatus::Unused,
            expires_at: None,
            order: None,
            used_at: None,
        };
        transfers.push(ledger.transfer(operation, seq, &line(Some(facts.id))));
        ledger.add_code(operation, facts, new, comment, operation.actor.user_id);
    }
    Ok(transfers)
}

fn delete_code(ledger: &mut Ledger, operation: &Operation, code_id: i64) -> Result<Vec<Transfer>, Refusal> {
    let code = ledger.codes.values().find(|c| c.id == code_id).cloned().ok_or(Refusal::UnknownCode)?;
    ledger.company_in_tree(&operation.actor, code.company_id).ok_or(Refusal::UnknownCode)?;
    match code.status {
        CodeStatus::Unused => {}
        CodeStatus::Deleted => return Err(Refusal::UnknownCode),
        status => return Err(Refusal::CodeNotUnused { status }),
    }
    if code.order.is_some() {
        return Err(Refusal::CodeOfOrder);
    }
    let line = Line {
        cause: Cause::DeleteCode,
        resource_type: code.resource_type,
        amount: code.amount,
        from: (code.company_id, Kind::InCodes),
        to: (code.company_id, Kind::Available),
        code_id: Some(code.id),
        device_id: None,
        memo: "",
    };
    ledger.check(&line, 1)?;
    ledger.set_status(operation, &code, CodeStatus::Deleted, None);
    Ok(vec![ledger.transfer(operation, 0, &line)])
}

fn redeem(
    ledger: &mut Ledger,
    operation: &Operation,
    tag: Tag,
    limits: &[Limit],
) -> Result<Vec<Transfer>, Refusal> {
    ledger.check_attempts(limits, operation.at)?;
    let found = ledger.codes.get(&tag).filter(|c| c.status != CodeStatus::Deleted).cloned();
    let Some(code) = found else {
        ledger.count_attempt(limits, operation.at);
        return Err(Refusal::UnknownCode);
    };
    match code.status {
        CodeStatus::Unused if code.expires_at.is_none_or(|end| operation.at < end) => {}
        CodeStatus::Unused | CodeStatus::Expired => return Err(Refusal::CodeExpired { at: code.expires_at }),
        CodeStatus::Used => return Err(Refusal::CodeUsed { at: code.used_at }),
        status => return Err(Refusal::CodeNotUnused { status }),
    }
    let company_id = operation.actor.company_id;
    ledger.company_in_tree(&operation.actor, company_id).ok_or(Refusal::UnknownTarget)?;
    let line = Line {
        cause: Cause::Redeem,
        resource_type: code.resource_type,
        amount: code.amount,
        from: (code.company_id, Kind::InCodes),
        to: (company_id, Kind::Available),
        code_id: Some(code.id),
        device_id: None,
        memo: "",
    };
    ledger.check(&line, 1)?;
    ledger.set_status(operation, &code, CodeStatus::Used, None);
    let transfer = ledger.transfer(operation, 0, &line);
    Ok(vec![Transfer { filled: Some(ledger.filled(company_id, code.resource_type)), ..transfer }])
}

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
    fn source(&self) -> AccountKey {
        AccountKey::new(self.from.0, self.resource_type, self.from.1)
    }

    fn target(&self) -> AccountKey {
        AccountKey::new(self.to.0, self.resource_type, self.to.1)
    }
}

impl Ledger {
    /// The company, where it lies in the actor's tree and has not been removed.
    pub(super) fn company_in_tree(&self, actor: &Actor, company_id: i64) -> Option<&CompanyFacts> {
        let own = self.companies.get(&actor.company_id).filter(|c| !c.removed)?;
        self.companies.get(&company_id).filter(|c| !c.removed && own.path.contains(&c.path))
    }

    /// The root company, where the actor belongs to it: it alone brings units into being.
    pub(super) fn issuer(&self, actor: &Actor) -> Result<i64, Refusal> {
        let is_root = self.companies.get(&actor.company_id).is_some_and(|c| c.path.level() == 0);
        if is_root { Ok(actor.company_id) } else { Err(Refusal::NotIssuer) }
    }

    pub(super) fn next_code_id(&mut self) -> i64 {
        self.code_ids.pop_front().expect("prefetch reserves an id for each new code")
    }

    pub(super) fn add_code(
        &mut self,
        operation: &Operation,
        facts: CodeFacts,
        new: &NewCode,
        comment: &str,
        created_by: i64,
    ) {
        self.codes.insert(facts.tag, facts.clone());
        let (new, comment, created_at) = (new.clone(), comment.to_owned(), operation.at);
        self.changes.new_codes.push(CreatedCode { facts, new, comment, created_by, created_at });
    }

    /// Whether the line can be carried out `times` times over.
    pub(super) fn check(&self, line: &Line, times: i64) -> Result<(), Refusal> {
        if !(1..=AMOUNT_MAX).contains(&line.amount) {
            return Err(Refusal::AmountOutOfRange);
        }
        let sum = line.amount.checked_mul(times).ok_or(Refusal::Overflow)?;
        let source = self.accounts.get(&line.source()).copied().unwrap_or_default();
        let left = source.balance.checked_sub(sum).ok_or(Refusal::Overflow)?;
        if left < 0 && line.from.1 != Kind::Issued {
            let company = self.name(line.from.0);
            return Err(Refusal::NotEnough {
                has: source.balance,
                resource_type: line.resource_type,
                company,
            });
        }
        self.check_room(line, sum)
    }

    /// Whether the line's target can take so many units.
    pub(super) fn check_room(&self, line: &Line, sum: i64) -> Result<(), Refusal> {
        let target = self.accounts.get(&line.target()).copied().unwrap_or_default();
        target.balance.checked_add(sum).ok_or(Refusal::Overflow)?;
        if line.cause.is_receipt() {
            target.received_total.checked_add(sum).ok_or(Refusal::Overflow)?;
        }
        Ok(())
    }

    fn name(&self, company_id: i64) -> String {
        self.companies.get(&company_id).map_or(String::new(), |c| c.name.clone())
    }

    /// Carries a checked line out.
    pub(super) fn transfer(&mut self, operation: &Operation, seq: i64, line: &Line) -> Transfer {
        let from_balance = {
            let source = self.accounts.entry(line.source()).or_default();
            source.balance -= line.amount;
            source.balance
        };
        let to_balance = {
            let target = self.accounts.entry(line.target()).or_default();
            target.balance += line.amount;
            if line.cause.is_receipt() {
                target.received_total += line.amount;
                target.received_at = Some(operation.at);
            }
            target.balance
        };
        self.changes.accounts.extend([line.source(), line.target()]);
        let id = self.ids.pop_front().expect("prefetch reserves an id for each transfer");
        Transfer {
            id,
            actor: operation.actor.clone(),
            operation: operation.key.clone(),
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
            from_name: self.name(line.from.0),
            to_name: self.name(line.to.0),
            code_id: line.code_id,
            device_id: line.device_id,
            memo: line.memo.to_owned(),
            filled: None,
        }
    }

    fn filled(&self, company_id: i64, resource_type: ResourceType) -> Filled {
        let account = |kind| {
            let key = AccountKey::new(company_id, resource_type, kind);
            self.accounts.get(&key).copied().unwrap_or_default()
        };
        Filled {
            received_total: account(Kind::Available).received_total,
            in_codes: account(Kind::InCodes).balance,
            parent_name: self.companies.get(&company_id).and_then(|c| c.parent_name.clone()),
        }
    }

    pub(super) fn set_status(
        &mut self,
        operation: &Operation,
        code: &CodeFacts,
        status: CodeStatus,
        replaced_by: Option<i64>,
    ) {
        let company_id = operation.actor.company_id;
        let change = CodeChange {
            tag: code.tag,
            status,
            company_id,
            company_name: self.name(company_id),
            user_id: operation.actor.user_id,
            at: operation.at,
            replaced_by,
        };
        if let Some(facts) = self.codes.get_mut(&code.tag) {
            facts.status = status;
            facts.used_at = Some(operation.at);
        }
        self.changes.codes.insert(code.id, change);
    }

    fn check_attempts(&self, limits: &[Limit], now: Moment) -> Result<(), Refusal> {
        let blocked = limits.iter().filter_map(|limit| {
            let attempts = self.attempts.get(&limit.key)?;
            attempts.blocked_until(limit.policy, now)
        });
        blocked.max().map_or(Ok(()), |until| Err(Refusal::TooManyAttempts { until }))
    }

    fn count_attempt(&mut self, limits: &[Limit], now: Moment) {
        for limit in limits {
            let attempts = self.attempts.entry(limit.key.clone()).or_insert(Attempts::NONE);
            *attempts = attempts.failed(limit.policy, now);
            self.changes.attempts.insert(limit.key.clone());
        }
    }
}
