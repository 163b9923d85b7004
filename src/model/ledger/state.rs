//! What a batch reads and changes, held in memory.

mod changes;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

pub use changes::{Changes, CodeChange, CreatedCode};

use super::footprint::Wanted;
use super::operation::{ActorFacts, Done, Filled, Operation, Tag, Transfer};
use super::refusal::{Refusal, Stop, Unloaded};
use super::words::{CodeStatus, Kind};
use crate::model::company::Path;
use crate::model::device::DeviceFacts;
use crate::model::resources::ResourceType;
use crate::model::throttle::Attempts;
use crate::model::time::Moment;

/// Identifies an account.
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

/// What an account holds, and everything that it ever received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub balance: i64,
    pub received_total: i64,
    /// When units last arrived.
    pub received_at: Option<Moment>,
}

/// What is known of a company while operations are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyFacts {
    pub name: String,
    pub parent_name: Option<String>,
    pub path: Path,
    pub removed: bool,
    pub uses_parent_credits: bool,
    /// Whether devices wait for one of its balances.
    pub is_waited_for: bool,
}

/// A code as the ledger sees it: its worth, and whether it is still valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    pub id: i64,
    pub tag: Tag,
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub status: CodeStatus,
    pub expires_at: Option<Moment>,
    /// Whether the payment of its order is disputed.
    pub is_disputed: bool,
    /// For a voucher, its order and line.
    pub order: Option<(i64, i64)>,
    pub used_at: Option<Moment>,
}

/// Identifies an operation: its actor and key.
pub type Identity = (i64, String);

/// Everything that a batch reads and changes. What was looked up but does not exist is recorded as missing; touching
/// what was never looked up is an error, not a zero.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Ledger {
    accounts: HashMap<AccountKey, Account>,
    companies: HashMap<i64, Option<CompanyFacts>>,
    codes: HashMap<Tag, Option<CodeFacts>>,
    tags: HashMap<i64, Option<Tag>>,
    devices: BTreeMap<i64, Option<DeviceFacts>>,
    arrivals: HashSet<(i64, ResourceType)>,
    attempts: HashMap<String, Attempts>,
    operations: HashMap<Identity, Vec<Transfer>>,
    /// Operations other than transfers: their keys are taken.
    other_writes: HashSet<Identity>,
    transfer_ids: VecDeque<i64>,
    code_ids: VecDeque<i64>,
    changes: Changes,
}

/// What was found of what a batch wants. Anything else does not exist.
#[derive(Debug, Default)]
pub struct Found {
    pub codes: Vec<CodeFacts>,
    pub companies: Vec<(i64, CompanyFacts)>,
    pub devices: Vec<DeviceFacts>,
    pub accounts: Vec<(AccountKey, Account)>,
    pub attempts: Vec<(String, Attempts)>,
    /// Those of the batch's operations that have already happened.
    pub operations: HashMap<Identity, Vec<Transfer>>,
    pub other_writes: HashSet<Identity>,
    pub transfer_ids: VecDeque<i64>,
    pub code_ids: VecDeque<i64>,
}

/// Loading and look-ups.
impl Ledger {
    /// Takes in what was found of what was wanted, replacing earlier entries.
    pub fn supply(&mut self, wanted: &Wanted, found: Found) {
        self.codes.extend(wanted.tags.iter().map(|tag| (*tag, None)));
        self.tags.extend(wanted.code_ids.iter().map(|id| (*id, None)));
        for code in found.codes {
            self.hold_code(code);
        }
        self.companies.extend(wanted.companies.iter().map(|id| (*id, None)));
        self.companies.extend(found.companies.into_iter().map(|(id, facts)| (id, Some(facts))));
        self.devices.extend(wanted.devices.iter().map(|id| (*id, None)));
        self.devices.extend(found.devices.into_iter().map(|device| (device.id, Some(device))));
        self.arrivals.extend(&wanted.arrivals);
        self.accounts.extend(wanted.accounts.iter().map(|key| (*key, Account::default())));
        self.accounts.extend(found.accounts);
        self.attempts.extend(wanted.attempts.iter().map(|key| (key.clone(), Attempts::NONE)));
        self.attempts.extend(found.attempts);
        self.operations.extend(found.operations);
        self.other_writes.extend(found.other_writes);
        self.transfer_ids.extend(found.transfer_ids);
        self.code_ids.extend(found.code_ids);
    }

    fn hold_code(&mut self, code: CodeFacts) {
        self.tags.insert(code.id, Some(code.tag));
        self.codes.insert(code.tag, Some(code));
    }

    /// The codes, companies and devices that exist, to be locked and read again.
    #[must_use]
    pub fn held(&self) -> Wanted {
        Wanted {
            code_ids: self.codes.values().flatten().map(|c| c.id).collect(),
            companies: self.companies.keys().copied().collect(),
            devices: self.devices.keys().copied().collect(),
            ..Wanted::default()
        }
    }

    /// What was changed.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Whether an operation had happened before the batch.
    #[must_use]
    pub fn has_happened(&self, identity: &Identity) -> bool {
        self.operations.contains_key(identity) || self.other_writes.contains(identity)
    }

    /// The account, empty if it does not exist yet.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn account(&self, key: AccountKey) -> Result<Account, Unloaded> {
        self.accounts.get(&key).copied().ok_or(Unloaded::Account(key))
    }

    /// The company, or `None` if it does not exist.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn company(&self, id: i64) -> Result<Option<&CompanyFacts>, Unloaded> {
        self.companies.get(&id).map(Option::as_ref).ok_or(Unloaded::Company(id))
    }

    /// The code with this keyed hash, or `None` if there is none.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn code(&self, tag: Tag) -> Result<Option<&CodeFacts>, Unloaded> {
        self.codes.get(&tag).map(Option::as_ref).ok_or(Unloaded::Tag(tag))
    }

    /// The code with this id, or `None` if there is none.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn code_by_id(&self, id: i64) -> Result<Option<&CodeFacts>, Unloaded> {
        match self.tags.get(&id).ok_or(Unloaded::Code(id))? {
            Some(tag) => self.code(*tag),
            None => Ok(None),
        }
    }

    /// The device, or `None` if it does not exist.
    ///
    /// # Errors
    /// If it is not loaded.
    pub fn device(&self, id: i64) -> Result<Option<&DeviceFacts>, Unloaded> {
        self.devices.get(&id).map(Option::as_ref).ok_or(Unloaded::Device(id))
    }

    pub(super) fn devices_held(&self) -> impl Iterator<Item = &DeviceFacts> {
        self.devices.values().flatten()
    }

    /// Whether the devices that wait for these arrivals are loaded.
    pub(super) fn holds_arrivals(&self, company_id: i64, resource_type: ResourceType) -> bool {
        self.arrivals.contains(&(company_id, resource_type))
    }

    /// The wrong codes counted under a key.
    ///
    /// # Errors
    /// If they are not loaded.
    pub fn attempts(&self, key: &str) -> Result<Attempts, Unloaded> {
        self.attempts.get(key).copied().ok_or_else(|| Unloaded::Attempts(key.to_owned()))
    }

    pub(super) fn transfer_ids_held(&self) -> usize {
        self.transfer_ids.len()
    }

    pub(super) fn code_ids_held(&self) -> usize {
        self.code_ids.len()
    }

    pub(super) fn name(&self, company_id: i64) -> Result<String, Unloaded> {
        Ok(self.company(company_id)?.map_or(String::new(), |c| c.name.clone()))
    }

    /// The company, if it is in the actor's tree and has not been removed.
    pub(super) fn company_in_tree(
        &self,
        actor: &ActorFacts,
        company_id: i64,
    ) -> Result<Option<&CompanyFacts>, Unloaded> {
        let own = self.company(actor.company_id)?.filter(|c| !c.removed);
        let company = self.company(company_id)?.filter(|c| !c.removed);
        Ok(company.filter(|company| own.is_some_and(|own| own.path.contains(&company.path))))
    }

    /// The root company, if the actor belongs to it: only it issues units.
    pub(super) fn issuer(&self, actor: &ActorFacts) -> Result<i64, Stop> {
        let is_root = self.company(actor.company_id)?.is_some_and(|c| c.path.level() == 0);
        if is_root { Ok(actor.company_id) } else { Err(Refusal::NotIssuer.into()) }
    }

    /// A pool right after a redemption filled it.
    pub(super) fn filled(&self, company_id: i64, resource_type: ResourceType) -> Result<Filled, Unloaded> {
        let account = |kind| self.account(AccountKey::new(company_id, resource_type, kind));
        Ok(Filled {
            received_total: account(Kind::Available)?.received_total,
            in_codes: account(Kind::InCodes)?.balance,
            parent_name: self.company(company_id)?.and_then(|c| c.parent_name.clone()),
        })
    }

    /// What an operation did when it was first sent, if it was.
    pub(super) fn replay(&self, operation: &Operation) -> Option<Result<Done, Refusal>> {
        let identity = (operation.actor.user_id, operation.id.clone());
        if let Some(transfers) = self.operations.get(&identity) {
            let is_same = transfers.iter().all(|t| t.fingerprint == operation.fingerprint);
            let transfers = transfers.clone();
            return Some(if is_same { Ok(Done { transfers, replayed: true }) } else { Err(Refusal::KeyReused) });
        }
        self.other_writes.contains(&identity).then_some(Err(Refusal::KeyReused))
    }
}
