//! What operations may touch. A command's rules name it ([`super::command::Rules::footprint`]); the ledger's owner
//! supplies what is not loaded, until nothing is missing. The database does so, and so do the tests.

use std::collections::BTreeSet;

use super::operation::{Limit, Operation, Tag};
use super::state::{AccountKey, CodeFacts, CompanyFacts, Ledger};
use super::words::Kind;
use crate::model::device::DeviceFacts;
use crate::model::resources::ResourceType;

/// What operations may touch and the ledger has not loaded yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub tags: BTreeSet<Tag>,
    pub code_ids: BTreeSet<i64>,
    pub companies: BTreeSet<i64>,
    pub devices: BTreeSet<i64>,
    /// Companies and types: the devices that wait for what arrives there, the longest-waiting first.
    pub arrivals: BTreeSet<(i64, ResourceType)>,
    pub accounts: BTreeSet<AccountKey>,
    /// Keys under which wrong codes are counted.
    pub attempts: BTreeSet<String>,
    /// Ids that new transfers and new codes take.
    pub new_transfers: usize,
    pub new_codes: usize,
}

impl Wanted {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Wanted::default()
    }
}

/// Gathers what is wanted. Each method names one thing and returns what is known about it.
pub(super) struct Footprint<'a> {
    ledger: &'a Ledger,
    wanted: Wanted,
    arrivals: BTreeSet<(i64, ResourceType)>,
    new_transfers: usize,
    new_codes: usize,
}

impl<'a> Footprint<'a> {
    fn of(ledger: &'a Ledger) -> Footprint<'a> {
        let (wanted, arrivals) = (Wanted::default(), BTreeSet::new());
        Footprint { ledger, wanted, arrivals, new_transfers: 0, new_codes: 0 }
    }

    pub(super) fn code(&mut self, tag: Tag) -> Option<&'a CodeFacts> {
        let code = self.ledger.code(tag);
        code.unwrap_or_else(|_| {
            self.wanted.tags.insert(tag);
            None
        })
    }

    pub(super) fn code_by_id(&mut self, id: i64) -> Option<&'a CodeFacts> {
        let code = self.ledger.code_by_id(id);
        code.unwrap_or_else(|_| {
            self.wanted.code_ids.insert(id);
            None
        })
    }

    pub(super) fn company(&mut self, id: i64) -> Option<&'a CompanyFacts> {
        let company = self.ledger.company(id);
        company.unwrap_or_else(|_| {
            self.wanted.companies.insert(id);
            None
        })
    }

    pub(super) fn device(&mut self, id: i64) -> Option<&'a DeviceFacts> {
        let device = self.ledger.device(id);
        device.unwrap_or_else(|_| {
            self.wanted.devices.insert(id);
            None
        })
    }

    pub(super) fn account(&mut self, company_id: i64, resource_type: ResourceType, kind: Kind) {
        let key = AccountKey::new(company_id, resource_type, kind);
        if self.ledger.account(key).is_err() {
            self.wanted.accounts.insert(key);
        }
    }

    /// The company that issued the units of a code of this company.
    pub(super) fn root_of(&mut self, company_id: i64) -> Option<i64> {
        let root = self.company(company_id)?.path.root()?;
        self.company(root).map(|_| root)
    }

    /// Units that may arrive in a balance, and the devices that wait for them.
    pub(super) fn arrival(&mut self, company_id: i64, resource_type: ResourceType) {
        self.account(company_id, resource_type, Kind::Available);
        if self.company(company_id).is_some_and(|c| c.is_waited_for) {
            self.arrivals.insert((company_id, resource_type));
            if !self.ledger.holds_arrivals(company_id, resource_type) {
                self.wanted.arrivals.insert((company_id, resource_type));
            }
        }
    }

    /// The balances that may pay for a company's device.
    pub(super) fn payers(&mut self, company_id: i64, resource_type: ResourceType) {
        for id in self.company(company_id).map_or_else(Vec::new, |c| c.path.ids()) {
            self.company(id);
        }
        for payer in self.ledger.payers(company_id).unwrap_or_default() {
            self.account(payer, resource_type, Kind::Available);
            self.account(payer, resource_type, Kind::Spent);
        }
    }

    pub(super) fn limits(&mut self, limits: &[Limit]) {
        for Limit { key, .. } in limits {
            if self.ledger.attempts(key).is_err() {
                self.wanted.attempts.insert(key.clone());
            }
        }
    }

    /// The largest possible number of transfers, without those of waiting devices.
    pub(super) fn new_transfers(&mut self, count: usize) {
        self.new_transfers += count;
    }

    pub(super) fn new_codes(&mut self, count: usize) {
        self.new_codes += count;
        self.new_transfers += count;
    }

    /// Adds the payers of the devices that wait for arrivals, and a transfer per device.
    fn expand_arrivals(&mut self) {
        let types: BTreeSet<ResourceType> = self.arrivals.iter().map(|(_, t)| *t).collect();
        let waiting = self.ledger.devices_held().filter_map(DeviceFacts::waits_for);
        let mut pools = BTreeSet::new();
        for pool in waiting.filter(|(_, service)| types.contains(service)) {
            self.new_transfers += 1;
            pools.insert(pool);
        }
        for (company_id, service) in pools {
            self.payers(company_id, service);
        }
    }
}

impl Ledger {
    /// What the operations may touch and is not loaded: to be supplied before they are decided.
    #[must_use]
    pub fn wanted(&self, operations: &[Operation]) -> Wanted {
        let mut footprint = Footprint::of(self);
        for operation in operations {
            operation.command.rules().footprint(&operation.actor, &mut footprint);
            footprint.company(operation.actor.company_id);
        }
        footprint.expand_arrivals();
        let Footprint { mut wanted, new_transfers, new_codes, .. } = footprint;
        wanted.new_transfers = new_transfers.saturating_sub(self.transfer_ids_held());
        wanted.new_codes = new_codes.saturating_sub(self.code_ids_held());
        wanted
    }

    /// Whether everything that one operation may touch is loaded, in the current state. It is not if this one names
    /// what an earlier operation of the batch created.
    pub(super) fn covers(&self, operation: &Operation) -> bool {
        let mut footprint = Footprint::of(self);
        operation.command.rules().footprint(&operation.actor, &mut footprint);
        footprint.wanted.is_empty()
    }
}
