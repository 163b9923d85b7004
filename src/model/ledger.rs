//! The ledger's decisions: a pure, deterministic function over accounts, codes and operations
//! held in memory. No I/O and no clock, so that property tests and the text table run against
//! it by the million. [`decide`] takes the operations in order and gives, for each, its transfers
//! or a typed refusal; what changed stands in the [`Ledger`] afterwards.
//!
//! To add an operation: a variant of [`Act`], what it reads in `store::ledger::prefetch`, its
//! function here, and its lines in `tests/ledger_table.txt`.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::amount::AMOUNT_MAX;
use super::code::Code;
use super::company::Path;
use super::resources::ResourceType;
use super::throttle::{Attempts, Policy};
use super::time::Moment;

/// What an account holds units for. The numbers are the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The balance: what the company can use now.
    Available = 0,
    /// Locked in the company's unused codes.
    InCodes = 1,
    /// Used by its devices.
    Spent = 2,
    /// In vouchers that nobody redeemed in time.
    Expired = 3,
    /// What the operator brought into being. Only the root company has it, and it runs negative.
    Issued = 4,
}

impl TryFrom<i64> for Kind {
    type Error = UnknownKind;

    fn try_from(number: i64) -> Result<Self, UnknownKind> {
        [Kind::Available, Kind::InCodes, Kind::Spent, Kind::Expired, Kind::Issued]
            .into_iter()
            .find(|k| *k as i64 == number)
            .ok_or(UnknownKind(number))
    }
}

/// A number that no kind of account has.
#[derive(Debug, thiserror::Error)]
#[error("there is no kind of account {0}")]
pub struct UnknownKind(i64);

/// Which account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub kind: Kind,
}

impl AccountKey {
    #[must_use]
    pub fn new(company_id: i64, resource_type: ResourceType, kind: Kind) -> AccountKey {
        AccountKey { company_id, resource_type, kind }
    }
}

/// What an account holds, and all that it ever received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub balance: i64,
    pub received_total: i64,
}

/// What is known of a company while operations are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyFacts {
    pub name: String,
    pub path: Path,
    pub removed: bool,
}

/// The states of a code. The numbers are the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeStatus {
    Unused = 0,
    Used = 1,
    Expired = 2,
    Deleted = 3,
    Cancelled = 4,
    Replaced = 5,
}

impl CodeStatus {
    pub const ALL: [CodeStatus; 6] = [
        CodeStatus::Unused,
        CodeStatus::Used,
        CodeStatus::Expired,
        CodeStatus::Deleted,
        CodeStatus::Cancelled,
        CodeStatus::Replaced,
    ];

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            CodeStatus::Unused => "Unused",
            CodeStatus::Used => "Used",
            CodeStatus::Expired => "Expired",
            CodeStatus::Deleted => "Deleted",
            CodeStatus::Cancelled => "Cancelled",
            CodeStatus::Replaced => "Replaced",
        }
    }

    /// The word in an address or in the API.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            CodeStatus::Unused => "unused",
            CodeStatus::Used => "used",
            CodeStatus::Expired => "expired",
            CodeStatus::Deleted => "deleted",
            CodeStatus::Cancelled => "cancelled",
            CodeStatus::Replaced => "replaced",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<CodeStatus> {
        CodeStatus::ALL.into_iter().find(|s| s.slug() == slug)
    }
}

impl TryFrom<i64> for CodeStatus {
    type Error = UnknownKind;

    fn try_from(number: i64) -> Result<Self, UnknownKind> {
        CodeStatus::ALL.into_iter().find(|s| *s as i64 == number).ok_or(UnknownKind(number))
    }
}

/// A code as the ledger sees it: what it is worth and whether it still is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    pub id: i64,
    pub tag: Tag,
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub status: CodeStatus,
    pub expires_at: Option<Moment>,
    pub used_at: Option<Moment>,
}

/// A code's keyed hash: how it is found without being readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub [u8; 16]);

/// Who acts: the user, the company that the user belongs to, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub user_id: i64,
    pub company_id: i64,
    pub address: String,
}

/// A keyed hash of a request's canonical form: tells a retry from another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 16]);

/// One change of balances, asked for once. (actor, key) is its identity.
#[derive(Debug, Clone)]
pub struct Operation {
    pub actor: Actor,
    pub key: String,
    pub fingerprint: Fingerprint,
    pub at: Moment,
    pub act: Act,
}

/// What an operation does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Brings units into being at the root company.
    Issue {
        resource_type: ResourceType,
        amount: i64,
        memo: String,
    },
    Move {
        resource_type: ResourceType,
        from: i64,
        to: i64,
        amount: i64,
    },
    CreateCodes {
        company_id: i64,
        resource_type: ResourceType,
        amount: i64,
        comment: String,
        codes: Vec<NewCode>,
    },
    DeleteCode {
        code_id: i64,
    },
    Redeem {
        tag: Tag,
        limits: Vec<Limit>,
    },
}

/// A code that does not exist yet, with its keyed hashes.
#[derive(Debug, Clone)]
pub struct NewCode {
    pub code: Code,
    pub tag: Tag,
    pub suffix_tag: i64,
}

/// One key under which wrong codes are counted.
#[derive(Debug, Clone)]
pub struct Limit {
    pub key: String,
    pub policy: &'static Policy,
}

/// What made a transfer. The words are the database's and the history's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    Issue,
    Move,
    CreateCode,
    DeleteCode,
    Redeem,
}

impl Cause {
    pub const ALL: [Cause; 5] =
        [Cause::Issue, Cause::Move, Cause::CreateCode, Cause::DeleteCode, Cause::Redeem];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Cause::Issue => "issue",
            Cause::Move => "move",
            Cause::CreateCode => "create_code",
            Cause::DeleteCode => "delete_code",
            Cause::Redeem => "redeem",
        }
    }

    /// Whether the target receives units. Those that come back from a deleted code were received
    /// before.
    fn is_receipt(self) -> bool {
        self != Cause::DeleteCode
    }

    /// The verb of the notice: "VERB operation completed successfully."
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Cause::Issue => "Issue",
            Cause::Move => "Move",
            Cause::CreateCode => "Create",
            Cause::DeleteCode => "Delete",
            Cause::Redeem => "Activate",
        }
    }
}

impl TryFrom<String> for Cause {
    type Error = UnknownCause;

    fn try_from(slug: String) -> Result<Self, UnknownCause> {
        Cause::ALL.into_iter().find(|c| c.slug() == slug).ok_or(UnknownCause(slug))
    }
}

/// A cause that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("there is no cause {0:?}")]
pub struct UnknownCause(String);

/// One row of the ledger: units leave one account and enter another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    pub id: i64,
    pub actor: Actor,
    pub operation: String,
    pub seq: i64,
    pub fingerprint: Fingerprint,
    pub at: Moment,
    pub cause: Cause,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub from: (i64, Kind),
    pub to: (i64, Kind),
    pub from_balance: i64,
    pub to_balance: i64,
    pub from_name: String,
    pub to_name: String,
    pub code_id: Option<i64>,
    pub memo: String,
}

/// Why an operation was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The source has fewer units than asked for.
    NotEnough {
        has: i64,
        resource_type: ResourceType,
        company: String,
    },
    SameCompany,
    /// No such company in the actor's tree.
    UnknownSource,
    UnknownTarget,
    AmountOutOfRange,
    /// A balance would pass 2^63.
    Overflow,
    UnknownCode,
    CodeUsed {
        at: Option<Moment>,
    },
    CodeExpired {
        at: Option<Moment>,
    },
    /// Deleting what is no longer unused.
    CodeNotUnused {
        status: CodeStatus,
    },
    TooManyAttempts {
        until: Moment,
    },
    /// The operation's key was used for another request.
    KeyReused,
    /// Only the root company issues.
    NotIssuer,
}

/// What an operation did, or had done when it was first sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub transfers: Vec<Transfer>,
    pub replayed: bool,
}

/// All that a batch of operations reads and changes.
#[derive(Debug, Default)]
pub struct Ledger {
    pub accounts: HashMap<AccountKey, Account>,
    pub companies: HashMap<i64, CompanyFacts>,
    pub codes: HashMap<Tag, CodeFacts>,
    pub operations: HashMap<(i64, String), Vec<Transfer>>,
    pub attempts: HashMap<String, Attempts>,
    /// The ids that the new rows take, reserved before.
    pub ids: VecDeque<i64>,
    pub code_ids: VecDeque<i64>,
    pub changes: Changes,
}

/// What [`decide`] changed: what `store::ledger::write` writes.
#[derive(Debug, Default)]
pub struct Changes {
    pub transfers: Vec<Transfer>,
    pub accounts: HashSet<AccountKey>,
    pub new_codes: Vec<(CodeFacts, NewCode, String)>,
    pub codes: BTreeMap<i64, CodeChange>,
    pub attempts: HashSet<String>,
}

/// A code's new state, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChange {
    pub tag: Tag,
    pub status: CodeStatus,
    pub company_id: i64,
    pub company_name: String,
    pub user_id: i64,
    pub at: Moment,
}

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
    let transfers = match &operation.act {
        Act::Issue { resource_type, amount, memo } => issue(ledger, operation, *resource_type, *amount, memo),
        Act::Move { resource_type, from, to, amount } => {
            move_units(ledger, operation, *resource_type, *from, *to, *amount)
        }
        Act::CreateCodes { company_id, resource_type, amount, comment, codes } => {
            create_codes(ledger, operation, *company_id, *resource_type, *amount, comment, codes)
        }
        Act::DeleteCode { code_id } => delete_code(ledger, operation, *code_id),
        Act::Redeem { tag, limits } => redeem(ledger, operation, *tag, limits),
    }?;
    ledger.changes.transfers.extend(transfers.iter().cloned());
    ledger.operations.insert(identity, transfers.clone());
    Ok(Done { transfers, replayed: false })
}

fn issue(
    ledger: &mut Ledger,
    operation: &Operation,
    resource_type: ResourceType,
    amount: i64,
    memo: &str,
) -> Result<Vec<Transfer>, Refusal> {
    let root = operation.actor.company_id;
    let is_root = ledger.companies.get(&root).is_some_and(|c| c.path.level() == 0);
    if !is_root {
        return Err(Refusal::NotIssuer);
    }
    let line = Line {
        cause: Cause::Issue,
        resource_type,
        amount,
        from: (root, Kind::Issued),
        to: (root, Kind::Available),
        code_id: None,
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
        memo: "",
    };
    ledger.check(&line(None), codes.len() as i64)?;
    let mut transfers = Vec::with_capacity(codes.len());
    for (seq, new) in (0..).zip(codes) {
        let id = ledger.code_ids.pop_front().expect("prefetch reserves an id for each new code");
        transfers.push(ledger.transfer(operation, seq, &line(Some(id))));
        let facts = CodeFacts {
            id,
            tag: new.tag,
            company_id,
            resource_type,
            amount,
            status: CodeStatus::Unused,
            expires_at: None,
            used_at: None,
        };
        ledger.codes.insert(new.tag, facts.clone());
        ledger.changes.new_codes.push((facts, new.clone(), comment.to_owned()));
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
    let line = Line {
        cause: Cause::DeleteCode,
        resource_type: code.resource_type,
        amount: code.amount,
        from: (code.company_id, Kind::InCodes),
        to: (code.company_id, Kind::Available),
        code_id: Some(code.id),
        memo: "",
    };
    ledger.check(&line, 1)?;
    ledger.set_status(operation, &code, CodeStatus::Deleted);
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
        memo: "",
    };
    ledger.check(&line, 1)?;
    ledger.set_status(operation, &code, CodeStatus::Used);
    Ok(vec![ledger.transfer(operation, 0, &line)])
}

/// A transfer before it has an id and balances.
struct Line<'a> {
    cause: Cause,
    resource_type: ResourceType,
    amount: i64,
    from: (i64, Kind),
    to: (i64, Kind),
    code_id: Option<i64>,
    memo: &'a str,
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
    fn company_in_tree(&self, actor: &Actor, company_id: i64) -> Option<&CompanyFacts> {
        let own = self.companies.get(&actor.company_id).filter(|c| !c.removed)?;
        self.companies.get(&company_id).filter(|c| !c.removed && own.path.contains(&c.path))
    }

    /// Whether the line can be carried out `times` times over.
    fn check(&self, line: &Line, times: i64) -> Result<(), Refusal> {
        if !(1..=AMOUNT_MAX).contains(&line.amount) {
            return Err(Refusal::AmountOutOfRange);
        }
        let sum = line.amount.checked_mul(times).ok_or(Refusal::Overflow)?;
        let source = self.accounts.get(&line.source()).copied().unwrap_or_default();
        let target = self.accounts.get(&line.target()).copied().unwrap_or_default();
        let left = source.balance.checked_sub(sum).ok_or(Refusal::Overflow)?;
        if left < 0 && line.from.1 != Kind::Issued {
            let company = self.name(line.from.0);
            return Err(Refusal::NotEnough {
                has: source.balance,
                resource_type: line.resource_type,
                company,
            });
        }
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
    fn transfer(&mut self, operation: &Operation, seq: i64, line: &Line) -> Transfer {
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
            memo: line.memo.to_owned(),
        }
    }

    fn set_status(&mut self, operation: &Operation, code: &CodeFacts, status: CodeStatus) {
        let company_id = operation.actor.company_id;
        let change = CodeChange {
            tag: code.tag,
            status,
            company_id,
            company_name: self.name(company_id),
            user_id: operation.actor.user_id,
            at: operation.at,
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
