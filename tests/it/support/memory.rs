//! The ledger's tables in memory. Like `store::ledger::load` they supply only what operations ask for, and like
//! `save` they store only what `Changes` names. So anything that a footprint or `Changes` forgets is missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use scrip::model::company::Path;
use scrip::model::device::{DeviceFacts, DeviceState};
use scrip::model::ledger::{
    Account, AccountKey, CodeFacts, CompanyFacts, Found, Identity, Ledger, Operation, SERVED_MAX, Tag, Transfer, Wanted,
};
use scrip::model::resources::ResourceType;
use scrip::model::throttle::Attempts;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    pub accounts: BTreeMap<AccountKey, Account>,
    pub companies: BTreeMap<i64, CompanyFacts>,
    pub codes: BTreeMap<Tag, CodeFacts>,
    pub devices: BTreeMap<i64, DeviceFacts>,
    pub attempts: BTreeMap<String, Attempts>,
    pub operations: BTreeMap<Identity, Vec<Transfer>>,
    /// Keys of writes that were not transfers.
    pub other_writes: BTreeSet<Identity>,
    pub last_transfer_id: i64,
    pub last_code_id: i64,
    tags: BTreeMap<i64, Tag>,
}

impl Memory {
    /// Loads everything that the operations may touch.
    pub fn load(&mut self, batch: &[Operation]) -> Ledger {
        let mut ledger = Ledger::default();
        let happened = self.happened(batch);
        ledger.supply(&Wanted::default(), happened);
        loop {
            let wanted = ledger.wanted(batch);
            if wanted.is_empty() {
                return ledger;
            }
            let found = self.find(&wanted);
            ledger.supply(&wanted, found);
        }
    }

    fn happened(&self, batch: &[Operation]) -> Found {
        let mut found = Found::default();
        for identity in batch.iter().map(|o| (o.actor.user_id, o.id.clone())) {
            found.other_writes.extend(self.other_writes.get(&identity).cloned());
            let transfers = self.operations.get(&identity).cloned();
            found.operations.extend(transfers.map(|transfers| (identity, transfers)));
        }
        found
    }

    fn find(&mut self, wanted: &Wanted) -> Found {
        let by_id = wanted.code_ids.iter().filter_map(|id| self.tags.get(id));
        let company = |id: &i64| Some((*id, self.company(*id)?));
        let waiting = wanted.arrivals.iter().flat_map(|pool| self.waiting(*pool));
        let named = wanted.devices.iter().filter_map(|id| self.devices.get(id));
        let account = |key: &AccountKey| Some((*key, *self.accounts.get(key)?));
        let attempts = |key: &String| Some((key.clone(), *self.attempts.get(key)?));
        Found {
            codes: wanted.tags.iter().chain(by_id).filter_map(|tag| self.codes.get(tag)).cloned().collect(),
            companies: wanted.companies.iter().filter_map(company).collect(),
            devices: named.chain(waiting).cloned().collect(),
            accounts: wanted.accounts.iter().filter_map(account).collect(),
            attempts: wanted.attempts.iter().filter_map(attempts).collect(),
            transfer_ids: next_ids(&mut self.last_transfer_id, wanted.new_transfers),
            code_ids: next_ids(&mut self.last_code_id, wanted.new_codes),
            ..Found::default()
        }
    }

    fn company(&self, id: i64) -> Option<CompanyFacts> {
        let company = self.companies.get(&id)?.clone();
        let mut waiting = self.devices.values().filter(|d| d.state == DeviceState::Waiting);
        let is_waited_for = waiting.any(|d| self.payers(d.company_id).contains(&id));
        Some(CompanyFacts { is_waited_for, ..company })
    }

    /// The devices that wait for units arriving in this pool, longest waiting first.
    fn waiting(&self, (company_id, resource_type): (i64, ResourceType)) -> Vec<&DeviceFacts> {
        let of_type = self.devices.values().filter(|d| d.waits_for().is_some_and(|w| w.1 == resource_type));
        let mut found: Vec<_> = of_type.filter(|d| self.payers(d.company_id).contains(&company_id)).collect();
        found.sort_by_key(|d| (d.waiting_since, d.id));
        found.truncate(SERVED_MAX);
        found
    }

    fn payers(&self, company_id: i64) -> Vec<i64> {
        let mut above = self.companies.get(&company_id).map_or_else(Vec::new, |c| c.path.ids());
        let mut payers: Vec<i64> = above.pop().into_iter().collect();
        while payers.last().is_some_and(|id| self.companies[id].uses_parent_credits) {
            let Some(parent) = above.pop() else { break };
            payers.push(parent);
        }
        payers
    }

    pub fn add_company(&mut self, id: i64, name: &str, parent: Option<i64>) -> &mut CompanyFacts {
        let above = parent.and_then(|id| self.companies.get(&id));
        let facts = CompanyFacts {
            name: name.to_owned(),
            parent_name: above.map(|c| c.name.clone()),
            path: Path::of(above.map(|c| &c.path), id),
            removed: false,
            uses_parent_credits: false,
            is_waited_for: false,
        };
        self.companies.entry(id).or_insert(facts)
    }

    pub fn add_code(&mut self, code: CodeFacts) {
        assert!(self.tags.insert(code.id, code.tag).is_none(), "a code id was given twice");
        assert!(self.codes.insert(code.tag, code).is_none(), "a code was made twice");
    }

    /// Stores what was changed.
    pub fn save(&mut self, ledger: &Ledger) {
        let changes = ledger.changes();
        for made in &changes.new_codes {
            self.add_code(made.facts.clone());
        }
        for (id, change) in &changes.codes {
            let code = self.codes.get_mut(&change.tag).expect("only what exists is changed");
            assert_eq!(code.id, *id);
            code.status = change.status;
            code.used_at = Some(change.at);
        }
        let held = |key: &AccountKey| (*key, ledger.account(*key).expect("it was changed"));
        self.accounts.extend(changes.accounts.iter().map(held));
        let held = |key: &String| (key.clone(), ledger.attempts(key).expect("it was changed"));
        self.attempts.extend(changes.attempts.iter().map(held));
        for (id, before) in &changes.devices {
            let now = ledger.device(*id).expect("it was changed").expect("it is there").clone();
            assert_eq!(self.devices.insert(*id, now).as_ref(), Some(before));
        }
        for t in &changes.transfers {
            let identity = (t.actor.user_id, t.operation_id.clone());
            self.operations.entry(identity).or_default().push(t.clone());
        }
    }
}

fn next_ids(last: &mut i64, count: usize) -> VecDeque<i64> {
    let first = *last + 1;
    *last += count as i64;
    (first..=*last).collect()
}
