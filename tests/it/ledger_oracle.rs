//! Runs random operations against the ledger's engine and against an oracle that knows the rules but
//! shares no code with the engine. Operations come in batches. An in-memory database (`support::memory`) supplies only
//! what their footprints name and stores only what `Changes` names, so that anything either forgets fails the test.
//!
//! `SCRIP_TEST_OPERATIONS=5000000 cargo test --release --test it ledger_oracle -- --nocapture` runs more
//! and shows how often each result came up; `SCRIP_TEST_SEED=n` runs only the world that a failure named.
//!
//! To add a command: generate it in `World::command`, and say what it does by the rules in `Oracle::plan`.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use scrip::model::code::Code;
use scrip::model::device::{DeviceChange, DeviceFacts, DeviceState, period_end};
use scrip::model::ledger::{
    Account, AccountKey, ActorFacts, BuyData, CancelCodes, Cause, CodeFacts, CodeStatus, Command, CreateCodes,
    CreatedCode, DeleteCode, Done, ExpireCodes, FillPool, Filled, Fingerprint, Fulfil, Issue, Kind, Ledger, Limit,
    MoveUnits, NewCode, Operation, Redeem, Refusal, ReplaceCode, SetDevices, Tag, TakeBack, Transfer, Voucher, decide,
};
use scrip::model::resources::ResourceType;
use scrip::model::throttle::{Attempts, CODES_OF_ADDRESS, CODES_OF_COMPANY, CODES_OF_USER};
use scrip::model::time::Moment;

use crate::support::memory::Memory;

const FIRST_SEED: u64 = 20_261_121;
const OPERATIONS: usize = 100_000;
/// A world ends before its many codes make it slow; the next one has another tree.
const OPERATIONS_OF_WORLD: usize = 2_000;
const BATCH_LENGTH_MAX: usize = 64;
const ROOT: i64 = 1;
const COMPANIES: i64 = 9;
const NOBODY: i64 = 99;
const OLD_CODES: i64 = 40;
const DEVICES: i64 = 24;
const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000;
/// The results that must come up: each cause, "again", "nothing", "in a later batch", and each refusal. A short run
/// may not reach them all.
const RESULTS: usize = 11 + 1 + 1 + 1 + 17;
const OPERATIONS_TO_MEET_ALL: usize = 100_000;

/// Causes that return units, which do not count as received again.
const GIVES_BACK: [Cause; 3] = [Cause::DeleteCode, Cause::Cancel, Cause::Replace];
const BUYER: i64 = 777;

type Outcome = Result<Done, Refusal>;

#[test]
fn the_engine_agrees_with_the_oracle() {
    let only = setting("SCRIP_TEST_SEED");
    let total = setting("SCRIP_TEST_OPERATIONS").map_or(OPERATIONS, |n| n as usize);
    let mut left = if only.is_some() { OPERATIONS_OF_WORLD } else { total };
    let mut met = BTreeMap::new();
    for seed in only.unwrap_or(FIRST_SEED).. {
        let operations = left.min(OPERATIONS_OF_WORLD);
        World::new(seed).run(operations, &mut met);
        left -= operations;
        if left == 0 {
            break;
        }
    }
    println!("{met:#?}");
    let enough = only.is_none() && total >= OPERATIONS_TO_MEET_ALL;
    let met_all = met.len() == RESULTS && met.values().all(|times| *times > 0);
    assert!(!enough || met_all, "not every result came up: {met:#?}");
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.replace('_', "").parse().expect("a whole number"))
}

/// One tree of companies with its operations, the engine's database and the oracle.
struct World {
    rng: StdRng,
    memory: Memory,
    oracle: Oracle,
    now: Moment,
    /// Numbers keys, requests and codes.
    last_number: u128,
    /// Operations that may be repeated, and the tags of codes that may be redeemed.
    sent: Vec<Operation>,
    tags: Vec<Tag>,
    seed: u64,
    /// How many operations were decided.
    operations: usize,
}

/// Prints the seed when a check fails.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let World { seed, operations, .. } = self;
            eprintln!("this was operation {operations} of the world of SCRIP_TEST_SEED={seed}");
        }
    }
}

/// How a world starts.
impl World {
    fn new(seed: u64) -> World {
        let mut world = World {
            rng: StdRng::seed_from_u64(seed),
            memory: Memory::default(),
            oracle: Oracle::default(),
            now: Moment(1_000_000 * SECOND),
            last_number: 0,
            sent: Vec::new(),
            tags: Vec::new(),
            seed,
            operations: 0,
        };
        for id in ROOT..=COMPANIES {
            world.add_company(id);
        }
        for id in 1..=OLD_CODES {
            world.set_old_code(id);
        }
        world.memory.last_code_id = OLD_CODES;
        for id in 1..=DEVICES {
            world.set_device(id);
        }
        for resource_type in types() {
            world.set_balances(resource_type);
        }
        world.check_books();
        world
    }

    /// A tree of up to four levels, in which the subtrees of 2 and 3 are unrelated.
    fn add_company(&mut self, id: i64) {
        let parent = match id {
            ROOT => None,
            2 | 3 => Some(ROOT),
            _ => Some(self.rng.random_range(ROOT..id)),
        };
        let parent = parent.filter(|p| self.memory.companies[p].path.level() < 3).or(parent.and(Some(ROOT)));
        let uses_parent_credits = self.rng.random_bool(0.5);
        self.oracle.drawing.extend(uses_parent_credits.then_some(id));
        self.memory.add_company(id, &name_of(id), parent).uses_parent_credits = uses_parent_credits;
        self.oracle.parents.insert(id, parent);
    }

    /// A device that is off, or whose paid time ends during this world.
    fn set_device(&mut self, id: i64) {
        let days = self.rng.random_range(-5..20);
        let paid_until = self.rng.random_bool(0.5).then(|| self.now.plus_seconds(days * DAY));
        let device = DeviceFacts {
            id,
            company_id: self.rng.random_range(ROOT..=COMPANIES),
            label: format!("device {id}"),
            monitoring: true,
            service: paid_until.map(|_| self.resource_type()),
            auto_extend: self.rng.random_bool(0.8),
            paid_until,
            state: if paid_until.is_some() { DeviceState::Active } else { DeviceState::Off },
            waiting_since: None,
            removed_at: None,
        };
        self.memory.devices.insert(id, device.clone());
        self.oracle.devices.insert(id, device);
    }

    /// A code that ended before this world started, or that may expire in it; about half are vouchers.
    fn set_old_code(&mut self, id: i64) {
        let status = *CodeStatus::ALL.choose(&mut self.rng).expect("there are some");
        let status = if self.rng.random_bool(0.5) { CodeStatus::Unused } else { status };
        let hours = self.rng.random_range(0..100);
        let (tag, company_id) = (self.new_code().tag, self.rng.random_range(ROOT..=COMPANIES));
        let code = unused(id, tag, company_id, self.resource_type(), self.rng.random_range(1..9));
        let expires_at = self.rng.random_bool(0.5).then_some(self.now.plus_seconds(hours * 3_600));
        let used_at = (status != CodeStatus::Unused).then_some(self.now);
        let order = self.rng.random_bool(0.5).then_some((id, 1));
        let is_disputed = order.is_some() && self.rng.random_bool(0.3);
        let code = CodeFacts { status, expires_at, is_disputed, order, used_at, ..code };
        self.memory.add_code(code.clone());
        self.oracle.codes.insert(code.tag, code);
    }

    /// One company has a balance, in one case of three nearly 2^63, so that an overflow is likely.
    /// The units in old codes were received before these codes were made.
    fn set_balances(&mut self, resource_type: ResourceType) {
        let units_in_codes = self.oracle.units_in_codes();
        let in_codes = |id| {
            let key = AccountKey::new(id, resource_type, Kind::InCodes);
            units_in_codes.get(&key).map_or(0, |units| *units as i64)
        };
        let all_in_codes: i64 = (ROOT..=COMPANIES).map(in_codes).sum();
        let few = self.rng.random_range(3..60);
        let issued = if self.rng.random_ratio(1, 3) { i64::MAX - few } else { all_in_codes + few };
        let owner = if self.rng.random_bool(0.5) { ROOT } else { self.rng.random_range(ROOT..=COMPANIES) };
        for id in ROOT..=COMPANIES {
            let in_codes = in_codes(id);
            let available = if id == owner { issued - all_in_codes } else { 0 };
            let mut set = |kind, balance, received_total| {
                let key = AccountKey::new(id, resource_type, kind);
                self.memory.accounts.insert(key, Account { balance, received_total, received_at: None });
                self.oracle.accounts.insert(key, (balance.into(), received_total.into()));
            };
            set(Kind::Available, available, available + in_codes);
            set(Kind::InCodes, in_codes, in_codes);
            if id == ROOT {
                set(Kind::Issued, -issued, 0);
            }
        }
    }
}

/// What happens in a world.
impl World {
    fn run(&mut self, operations: usize, met: &mut BTreeMap<String, usize>) {
        let accounts_before = self.memory.accounts.clone();
        let mut left = operations;
        while left > 0 {
            self.pass_time();
            let is_alone = self.rng.random_ratio(1, 3);
            let length = if is_alone { 1 } else { self.rng.random_range(1..=BATCH_LENGTH_MAX).min(left) };
            let batch: Vec<Operation> = (0..length).map(|_| self.operation()).collect();
            for (outcome, is_later) in self.run_batch(&batch) {
                *met.entry(name_of_outcome(&outcome)).or_default() += 1;
                *met.entry("in a later batch".to_owned()).or_default() += usize::from(is_later);
            }
            left -= length;
        }
        self.check_that_transfers_explain_balances(accounts_before);
    }

    fn run_batch(&mut self, batch: &[Operation]) -> Vec<(Outcome, bool)> {
        self.oracle.next_id = self.memory.last_transfer_id + 1;
        self.oracle.next_code_id = self.memory.last_code_id + 1;
        let mut ledger = self.memory.load(batch);
        let before = ledger.clone();
        let decisions = decide(&mut ledger, batch).expect("the footprints name all that is touched");
        assert_eq!(decisions.len(), batch.len());
        let (mut outcomes, mut later) = (Vec::new(), Vec::new());
        for (operation, decision) in batch.iter().zip(decisions) {
            let Some(outcome) = decision else {
                later.push(operation.clone());
                continue;
            };
            self.operations += 1;
            assert_eq!(outcome, self.oracle.decide(operation), "engine, then oracle, of {operation:#?}");
            outcomes.push((outcome, false));
        }
        if let ([operation], [(outcome, _)]) = (batch, &outcomes[..]) {
            self.check_no_trace(operation, outcome, &before, &ledger);
        }
        check_changes(&ledger);
        self.memory.save(&ledger);
        self.check_books();
        if !later.is_empty() {
            assert!(!outcomes.is_empty(), "nothing came to its end");
            outcomes.extend(self.run_batch(&later).into_iter().map(|(outcome, _)| (outcome, true)));
        }
        outcomes
    }

    /// Advances the clock, mostly a little, sometimes past every wait. May remove a company or restore one.
    fn pass_time(&mut self) {
        let seconds = match self.rng.random_range(0..50) {
            0 => self.rng.random_range(0..200_000),
            1..10 => self.rng.random_range(0..3_700),
            10 => self.rng.random_range(0..40 * DAY),
            _ => self.rng.random_range(0..30),
        };
        self.now = self.now.plus_seconds(seconds);
        if self.rng.random_ratio(1, 30) {
            let id = self.rng.random_range(ROOT + 1..=COMPANIES);
            let company = self.memory.companies.get_mut(&id).expect("it was founded");
            // Only a few at a time, because a removed company refuses nearly everything.
            company.removed = !company.removed && self.oracle.removed.len() < 2;
            self.oracle.removed.remove(&id);
            self.oracle.removed.extend(company.removed.then_some(id));
        }
    }

    fn operation(&mut self) -> Operation {
        let latest = &self.sent[self.sent.len().saturating_sub(40)..];
        let earlier = latest.choose(&mut self.rng).cloned();
        let mut operation = self.new_operation();
        if let Some(earlier) = earlier {
            match self.rng.random_range(0..100) {
                // A retry, which comes with other random codes.
                0..8 => {
                    let retry = Operation { at: operation.at, ..earlier };
                    operation = Operation { command: self.with_new_codes(retry.command.clone()), ..retry };
                }
                // The same form, corrected, so with a different fingerprint.
                8..12 => operation = Operation { actor: earlier.actor, id: earlier.id, ..operation },
                // Another user's form with the same key.
                12..15 => operation.id = earlier.id,
                // A key that was used for a write that is not a transfer.
                15..17 => self.take_key(&operation),
                _ => {}
            }
        }
        if let Command::Redeem(Redeem { limits, .. }) = &mut operation.command {
            *limits = limits_of(&operation.actor);
        }
        self.sent.push(operation.clone());
        operation
    }

    fn take_key(&mut self, operation: &Operation) {
        let identity = (operation.actor.user_id, operation.id.clone());
        self.oracle.other_writes.insert(identity.clone());
        self.memory.other_writes.insert(identity);
    }

    fn new_operation(&mut self) -> Operation {
        let company_id = match self.rng.random_range(0..100) {
            0..50 => ROOT,
            50 => NOBODY,
            _ => self.rng.random_range(ROOT..=COMPANIES),
        };
        let user_id = company_id * 10 + self.rng.random_range(0..2);
        let address = format!("address {}", self.rng.random_range(0..5));
        // Requests reach the writer slightly out of order, and some just as a code expires.
        let jitter = self.rng.random_range(-SECOND..=SECOND);
        let at = Moment(self.now.0 + if self.rng.random_bool(0.5) { jitter } else { 0 });
        let number = self.next_number();
        Operation {
            actor: ActorFacts { user_id, company_id, address, token_id: None },
            id: format!("key {number}"),
            fingerprint: Fingerprint(number.to_be_bytes()),
            at,
            command: self.command(company_id),
        }
    }

    fn command(&mut self, own: i64) -> Command {
        let resource_type = self.resource_type();
        let amount = self.amount();
        match self.rng.random_range(0..100) {
            0..10 => Command::Issue(Issue { resource_type, amount: amount.saturating_mul(4), memo: "memo".to_owned() }),
            10..35 => {
                Command::MoveUnits(MoveUnits { resource_type, from: self.company(own), to: self.company(own), amount })
            }
            35..50 => {
                let codes = (0..self.rng.random_range(1..5)).map(|_| self.new_code()).collect();
                let comment = "comment".to_owned();
                Command::CreateCodes(CreateCodes {
                    company_id: self.company(own),
                    resource_type,
                    amount,
                    comment,
                    codes,
                })
            }
            50..57 => Command::DeleteCode(DeleteCode { code_id: self.code_id() }),
            57..66 => self.set_devices(own),
            66..72 => Command::Fulfil(self.fulfilment(own)),
            72..74 => self.purchase(own),
            74..79 => Command::ExpireCodes(ExpireCodes { code_ids: self.voucher_ids(own) }),
            79..84 => Command::CancelCodes(CancelCodes { code_ids: self.voucher_ids(own) }),
            84..88 => {
                let code_id = self.voucher_ids(own)[0];
                Command::ReplaceCode(ReplaceCode { code_id, code: self.new_code(), comment: "lost".to_owned() })
            }
            _ => Command::Redeem(Redeem { tag: self.tag(), limits: Vec::new() }),
        }
    }

    /// Data for credits, an order's units for the own pool, or some that are taken back.
    fn purchase(&mut self, own: i64) -> Command {
        let company_id = self.company(own);
        if self.rng.random_bool(0.3) {
            return Command::BuyData(BuyData { company_id, amount: self.amount(), memo: "memo".to_owned() });
        }
        if self.rng.random_bool(0.4) {
            let (resource_type, amount) = (self.resource_type(), self.amount());
            return Command::TakeBack(TakeBack { company_id, resource_type, amount, memo: "memo".to_owned() });
        }
        let line = |_| (self.resource_type(), self.amount(), "memo".to_owned());
        Command::FillPool(FillPool { company_id, lines: (0..2).map(line).collect() })
    }

    /// An order's lines, some of the same type. Its codes expire soon, or in some days.
    fn fulfilment(&mut self, own: i64) -> Fulfil {
        let vouchers = (1..=self.rng.random_range(1..4)).map(|line| self.voucher(line)).collect();
        let seconds = if self.rng.random_bool(0.5) { 60 } else { 20 * DAY };
        let expires_at = self.now.plus_seconds(self.rng.random_range(0..seconds));
        let new = i64::try_from(self.next_number()).expect("few orders");
        // A large order is filled in several operations.
        let unfinished = self.sent.iter().rev().take(40).find_map(|o| match &o.command {
            Command::Fulfil(order) => Some(order.order_id),
            _ => None,
        });
        let order_id = unfinished.filter(|_| self.rng.random_bool(0.3)).unwrap_or(new);
        Fulfil { order_id, company_id: self.company(own), buyer_id: BUYER, expires_at, vouchers }
    }

    fn voucher(&mut self, line: i64) -> Voucher {
        let codes = (0..self.rng.random_range(1..4)).map(|_| self.new_code()).collect();
        let (resource_type, amount) = (self.resource_type(), self.amount());
        Voucher { line, resource_type, amount, name: format!("voucher {line}"), codes }
    }

    /// Unused vouchers, mostly of the actor's tree; sometimes with another code among them, or one repeated.
    fn voucher_ids(&mut self, own: i64) -> Vec<i64> {
        let (oracle, is_odd) = (&self.oracle, self.rng.random_ratio(1, 8));
        let unused = oracle.codes.values().rev().filter(|c| c.status == CodeStatus::Unused);
        let vouchers = unused.filter(|c| c.order.is_some()).take(30);
        let mut ids: Vec<i64> =
            vouchers.filter(|c| is_odd || oracle.may_use(own, c.company_id)).map(|c| c.id).collect();
        ids.retain(|_| self.rng.random_ratio(1, 5));
        if is_odd || ids.is_empty() {
            ids.insert(self.rng.random_range(0..=ids.len()), self.code_id());
        }
        let again = ids.choose(&mut self.rng).copied().filter(|_| is_odd && self.rng.random_bool(0.2));
        ids.extend(again);
        ids
    }

    /// Renewals, and changes to a few devices, sometimes to one that does not exist.
    fn set_devices(&mut self, own: i64) -> Command {
        let mut change = DeviceChange::default();
        if self.rng.random_bool(0.5) {
            let service = self.rng.random_bool(0.8).then(|| self.resource_type());
            change.service = self.rng.random_bool(0.4).then_some(service);
            change.auto_extend = self.rng.random_bool(0.3).then(|| self.rng.random_bool(0.8));
            change.monitoring = self.rng.random_bool(0.3).then(|| self.rng.random_bool(0.8));
            change.company_id = self.rng.random_bool(0.2).then(|| self.company(own));
            change.is_removed = self.rng.random_ratio(1, 200);
        }
        let odd = self.rng.random_range(1..=DEVICES + 2);
        let (oracle, is_odd) = (&self.oracle, self.rng.random_ratio(1, 10));
        let usable = oracle.devices.values().filter(|d| is_odd || oracle.may_use(own, d.company_id));
        let mut devices: Vec<i64> = usable.map(|d| d.id).collect();
        devices.retain(|_| self.rng.random_bool(0.5));
        devices.extend(is_odd.then_some(odd));
        Command::SetDevices(SetDevices { devices, change })
    }

    fn with_new_codes(&mut self, mut command: Command) -> Command {
        match &mut command {
            Command::CreateCodes(CreateCodes { codes, .. }) => codes.fill_with(|| self.new_code()),
            Command::Fulfil(order) => {
                for voucher in &mut order.vouchers {
                    voucher.codes.fill_with(|| self.new_code());
                }
            }
            Command::ReplaceCode(ReplaceCode { code, .. }) => *code = self.new_code(),
            _ => {}
        }
        command
    }

    fn new_code(&mut self) -> NewCode {
        let tag = Tag(self.next_number().to_be_bytes());
        self.tags.push(tag);
        NewCode { code: Code::from_random([0; 19]), tag, suffix_tag: 0 }
    }

    /// An unused code; or one of the latest, which this same batch may or may not make; or any code.
    fn tag(&mut self) -> Tag {
        let latest = &self.tags[self.tags.len().saturating_sub(40)..];
        let any = match self.rng.random_range(0..60) {
            0 => return Tag([255; 16]),
            1..10 => self.tags.choose(&mut self.rng),
            10..35 => latest.choose(&mut self.rng),
            _ => None,
        };
        any.copied().or_else(|| self.unused_code().map(|c| c.tag)).unwrap_or(self.tags[0])
    }

    /// Ids are sequential, so a guess may hit a code that this batch is about to make.
    fn code_id(&mut self) -> i64 {
        let newest = self.memory.last_code_id;
        let guess = self.rng.random_range(newest - 10..newest + 20);
        if self.rng.random_bool(0.2) { guess } else { self.unused_code().map_or(guess, |c| c.id) }
    }

    fn unused_code(&mut self) -> Option<&CodeFacts> {
        let unused = self.oracle.codes.values().rev().filter(|c| c.status == CodeStatus::Unused);
        unused.take(20).collect::<Vec<_>>().choose(&mut self.rng).copied()
    }

    fn amount(&mut self) -> i64 {
        let odd = [0, -1, 1_000_000_000, 1_000_000_001, i64::MAX, i64::MIN];
        let is_odd = self.rng.random_ratio(1, 25);
        if is_odd { odd[self.rng.random_range(0..odd.len())] } else { self.rng.random_range(1..10) }
    }

    /// Mostly a company that the actor may use.
    fn company(&mut self, own: i64) -> i64 {
        let any = self.rng.random_range(ROOT..=COMPANIES);
        let usable: Vec<i64> = (ROOT..=COMPANIES).filter(|id| self.oracle.may_use(own, *id)).collect();
        match self.rng.random_range(0..50) {
            0 => NOBODY,
            1..10 => any,
            _ => usable.choose(&mut self.rng).copied().unwrap_or(any),
        }
    }

    fn resource_type(&mut self) -> ResourceType {
        types().nth(self.rng.random_range(0..3)).expect("there are more")
    }

    fn next_number(&mut self) -> u128 {
        self.last_number += 1;
        self.last_number
    }
}

/// Invariants.
impl World {
    /// A refusal or a repetition changes nothing except the count of wrong codes.
    fn check_no_trace(&self, operation: &Operation, outcome: &Outcome, before: &Ledger, after: &Ledger) {
        if outcome.as_ref().is_ok_and(|done| !done.replayed) {
            return;
        }
        let is_wrong_code = *outcome == Err(Refusal::UnknownCode);
        if !(is_wrong_code && matches!(operation.command, Command::Redeem(_))) {
            assert_eq!(after, before);
            return;
        }
        let mut saved = self.memory.clone();
        saved.save(after);
        assert_ne!(saved.attempts, self.memory.attempts);
        saved.attempts.clone_from(&self.memory.attempts);
        assert_eq!(saved, self.memory);
    }

    /// The database and the oracle agree, and their books obey the rules.
    fn check_books(&self) {
        let Memory { accounts, codes, attempts, .. } = &self.memory;
        let accounts: Accounts =
            accounts.iter().map(|(key, a)| (*key, (a.balance.into(), a.received_total.into()))).collect();
        assert_eq!(accounts, self.oracle.accounts);
        assert_eq!(*codes, self.oracle.codes);
        assert_eq!(self.memory.devices, self.oracle.devices);
        assert_eq!(*attempts, self.oracle.attempts());
        for resource_type in types() {
            let of_type = || accounts.iter().filter(|(key, _)| key.resource_type == resource_type);
            let sum: i128 = of_type().map(|(_, (balance, _))| balance).sum();
            assert_eq!(sum, 0, "the sum of {resource_type:?}");
            for (key, (balance, received)) in of_type() {
                let least = if *key == AccountKey::new(ROOT, resource_type, Kind::Issued) { *balance } else { 0 };
                assert!(*balance >= least && received >= balance, "{key:?} has {balance} of {received}");
            }
        }
        let mut units_in_codes = self.oracle.units_in_codes();
        for (key, (balance, _)) in accounts.iter().filter(|(key, _)| key.kind == Kind::InCodes) {
            let units = units_in_codes.remove(key).unwrap_or(0);
            assert_eq!(*balance, units, "{key:?} against the unused codes");
        }
        assert!(units_in_codes.is_empty(), "codes without their units: {units_in_codes:?}");
    }

    /// As in `scrip verify`: recomputes each balance from the initial one and all transfers.
    fn check_that_transfers_explain_balances(&self, mut accounts: BTreeMap<AccountKey, Account>) {
        let mut transfers: Vec<&Transfer> = self.memory.operations.values().flatten().collect();
        transfers.sort_by_key(|t| t.id);
        assert!(transfers.windows(2).all(|pair| pair[0].id < pair[1].id), "an id was given twice");
        for t in transfers {
            let from = accounts.entry(AccountKey::new(t.from.0, t.resource_type, t.from.1)).or_default();
            from.balance -= t.amount;
            assert_eq!(from.balance, t.from_balance, "{t:?}");
            let to = accounts.entry(AccountKey::new(t.to.0, t.resource_type, t.to.1)).or_default();
            to.balance += t.amount;
            if !GIVES_BACK.contains(&t.cause) {
                to.received_total += t.amount;
                to.received_at = Some(t.at);
            }
            assert_eq!(to.balance, t.to_balance, "{t:?}");
        }
        assert_eq!(accounts, self.memory.accounts);
    }
}

/// The changes to codes agree with the transfers that made or ended them.
fn check_changes(ledger: &Ledger) {
    let changes = ledger.changes();
    for CreatedCode { facts, new, comment, created_by, created_at } in &changes.new_codes {
        let is_begin = |t: &&Transfer| t.code_id == Some(facts.id) && t.to.1 == Kind::InCodes;
        let begin = changes.transfers.iter().find(is_begin).expect("what made a code filled it");
        let maker = if begin.cause == Cause::Fulfil { BUYER } else { begin.actor.user_id };
        assert_eq!((*created_by, *created_at), (maker, begin.at));
        let expected = if begin.cause == Cause::Replace { "lost" } else { &begin.memo };
        assert_eq!((facts.tag, comment.as_str()), (new.tag, expected));
    }
    for (id, change) in &changes.codes {
        let is_end = |t: &&Transfer| t.code_id == Some(*id) && t.from.1 == Kind::InCodes;
        let end = changes.transfers.iter().find(is_end).expect("what ended a code moved its units");
        assert_eq!((change.user_id, change.company_id), (end.actor.user_id, end.actor.company_id));
        assert_eq!((&change.company_name, change.at), (&name_of(change.company_id), end.at));
        let identity = |t: &Transfer| (t.actor.user_id, t.operation_id.clone());
        let is_next = |t: &&Transfer| identity(t) == identity(end) && t.seq == end.seq + 1;
        let next = changes.transfers.iter().filter(|_| end.cause == Cause::Replace).find(is_next);
        assert_eq!(change.replaced_by, next.and_then(|t| t.code_id));
    }
}

/// Balance and total received, in numbers that do not overflow.
type Accounts = BTreeMap<AccountKey, (i128, i128)>;

/// The rules, without regard for speed: it tries each operation on a copy of all balances and checks the
/// result.
#[derive(Default)]
struct Oracle {
    parents: BTreeMap<i64, Option<i64>>,
    /// Companies that use their parent's credits.
    drawing: BTreeSet<i64>,
    devices: BTreeMap<i64, DeviceFacts>,
    removed: BTreeSet<i64>,
    accounts: Accounts,
    codes: BTreeMap<Tag, CodeFacts>,
    done: BTreeMap<(i64, String), Vec<Transfer>>,
    other_writes: BTreeSet<(i64, String)>,
    /// The times of wrong codes since the last long pause.
    wrong: BTreeMap<String, Vec<Moment>>,
    next_id: i64,
    next_code_id: i64,
}

/// One effect of an operation: the units to move, and the code as it will be.
struct Line {
    cause: Cause,
    resource_type: ResourceType,
    amount: i64,
    from: (i64, Kind),
    to: (i64, Kind),
    code: Option<CodeFacts>,
    device: Option<i64>,
}

impl Oracle {
    fn decide(&mut self, operation: &Operation) -> Outcome {
        let identity = (operation.actor.user_id, operation.id.clone());
        if let Some(transfers) = self.done.get(&identity) {
            let is_same = transfers[0].fingerprint == operation.fingerprint;
            let again = Done { transfers: transfers.clone(), replayed: true };
            return if is_same { Ok(again) } else { Err(Refusal::KeyReused) };
        }
        ensure(!self.other_writes.contains(&identity), Refusal::KeyReused)?;
        let mut lines = self.plan(operation)?;
        let arrivals: Vec<_> =
            // Units of a replaced code only pass through the company's balance, so they serve no devices.
            lines
            .iter()
            .filter(|line| line.to.1 == Kind::Available && line.cause != Cause::Replace)
            .map(Line::target)
            .collect();
        let mut devices = self.devices.clone();
        let (mut accounts, _) = self.attempt(&lines)?;
        if let Command::SetDevices(SetDevices { devices: named, change }) = &operation.command {
            self.set_devices(operation, named, change, &mut accounts, &mut devices, &mut lines);
        }
        for arrival in arrivals {
            self.serve(operation, arrival, &mut accounts, &mut devices, &mut lines);
        }
        let (accounts, balances) = self.attempt(&lines)?;
        self.accounts = accounts;
        self.devices = devices;
        let mut transfers = Vec::new();
        for (line, balances) in lines.into_iter().zip(balances) {
            let seq = transfers.len() as i64;
            transfers.push(self.transfer(operation, seq, &line, balances));
            self.codes.extend(line.code.map(|code| (code.tag, code)));
        }
        if !transfers.is_empty() {
            self.done.insert(identity, transfers.clone());
        }
        Ok(Done { transfers, replayed: false })
    }

    /// The effects of an operation, if everything it names exists and is allowed.
    fn plan(&mut self, operation: &Operation) -> Result<Vec<Line>, Refusal> {
        let own = operation.actor.company_id;
        match operation.command.clone() {
            Command::Issue(Issue { resource_type, amount, .. }) => {
                ensure(own == ROOT, Refusal::NotIssuer)?;
                let (from, to) = ((own, Kind::Issued), (own, Kind::Available));
                Ok(vec![Line { cause: Cause::Issue, resource_type, amount, from, to, code: None, device: None }])
            }
            Command::MoveUnits(MoveUnits { resource_type, from, to, amount }) => {
                ensure(self.may_use(own, from), Refusal::UnknownSource)?;
                ensure(self.may_use(own, to), Refusal::UnknownTarget)?;
                ensure(from != to, Refusal::SameCompany)?;
                let (from, to) = ((from, Kind::Available), (to, Kind::Available));
                Ok(vec![Line { cause: Cause::Move, resource_type, amount, from, to, code: None, device: None }])
            }
            Command::CreateCodes(CreateCodes { company_id, resource_type, amount, codes, .. }) => {
                ensure(self.may_use(own, company_id), Refusal::UnknownSource)?;
                let line = |(id, new): (i64, NewCode)| {
                    let code = unused(id, new.tag, company_id, resource_type, amount);
                    line_of(Cause::CreateCode, code, Kind::Available, (company_id, Kind::InCodes))
                };
                Ok((self.next_code_id..).zip(codes).map(line).collect())
            }
            Command::DeleteCode(DeleteCode { code_id }) => {
                let code = self.code(own, code_id)?;
                let status = code.status;
                ensure(status != CodeStatus::Deleted, Refusal::UnknownCode)?;
                ensure(status == CodeStatus::Unused, Refusal::CodeNotUnused { status })?;
                ensure(code.order.is_none(), Refusal::CodeOfOrder)?;
                let to = (code.company_id, Kind::Available);
                let code = ended(code, CodeStatus::Deleted, operation.at);
                Ok(vec![line_of(Cause::DeleteCode, code, Kind::InCodes, to)])
            }
            Command::Fulfil(order) => {
                ensure(own == ROOT, Refusal::NotIssuer)?;
                ensure(self.may_use(own, order.company_id), Refusal::UnknownTarget)?;
                Ok(self.fulfilled(&order))
            }
            Command::FillPool(FillPool { company_id, lines }) => {
                ensure(own == ROOT, Refusal::NotIssuer)?;
                ensure(self.may_use(own, company_id), Refusal::UnknownTarget)?;
                let (from, to) = ((ROOT, Kind::Issued), (company_id, Kind::Available));
                let line = |(resource_type, amount, _)| Line {
                    cause: Cause::Fulfil,
                    resource_type,
                    amount,
                    from,
                    to,
                    code: None,
                    device: None,
                };
                Ok(lines.into_iter().map(line).collect())
            }
            Command::TakeBack(TakeBack { company_id, resource_type, amount, .. }) => {
                ensure(self.may_use(own, company_id), Refusal::UnknownSource)?;
                let (from, to) = ((company_id, Kind::Available), (ROOT, Kind::Issued));
                Ok(vec![Line { cause: Cause::Cancel, resource_type, amount, from, to, code: None, device: None }])
            }
            Command::BuyData(BuyData { company_id, amount, .. }) => {
                ensure(self.may_use(own, company_id), Refusal::UnknownSource)?;
                let (from, to) = ((company_id, Kind::Available), (company_id, Kind::Spent));
                let resource_type = ResourceType::CREDIT;
                Ok(vec![Line { cause: Cause::BuyData, resource_type, amount, from, to, code: None, device: None }])
            }
            Command::ExpireCodes(ExpireCodes { code_ids }) => {
                ensure(own == ROOT, Refusal::NotIssuer)?;
                let is_over = |c: &&CodeFacts| {
                    let is_past = c.expires_at.is_some_and(|end| end <= operation.at);
                    code_ids.contains(&c.id) && c.status == CodeStatus::Unused && is_past
                };
                let expire = |code: &CodeFacts| {
                    let to = (code.company_id, Kind::Expired);
                    let code = ended(code.clone(), CodeStatus::Expired, operation.at);
                    line_of(Cause::Expire, code, Kind::InCodes, to)
                };
                Ok(self.codes.values().filter(is_over).map(expire).collect())
            }
            Command::CancelCodes(CancelCodes { code_ids }) => {
                let is_there = |id: &i64| self.codes.values().any(|c| c.id == *id);
                ensure(code_ids.iter().all(is_there), Refusal::UnknownCode)?;
                let mut lines = Vec::new();
                for id in code_ids.into_iter().collect::<BTreeSet<i64>>() {
                    let code = self.usable_voucher(own, id, operation.at)?;
                    let code = ended(code, CodeStatus::Cancelled, operation.at);
                    lines.push(line_of(Cause::Cancel, code, Kind::InCodes, (ROOT, Kind::Issued)));
                }
                Ok(lines)
            }
            Command::ReplaceCode(ReplaceCode { code_id, code: new, .. }) => {
                let code = self.usable_voucher(own, code_id, operation.at)?;
                let (id, company_id) = (self.next_code_id, code.company_id);
                let new = CodeFacts { id, tag: new.tag, ..code.clone() };
                let code = ended(code, CodeStatus::Replaced, operation.at);
                Ok(vec![
                    line_of(Cause::Replace, code, Kind::InCodes, (company_id, Kind::Available)),
                    line_of(Cause::Replace, new, Kind::Available, (company_id, Kind::InCodes)),
                ])
            }
            Command::Redeem(Redeem { tag, limits }) => {
                let code = self.redeemable(tag, &limits, operation.at)?;
                ensure(self.may_use(own, own), Refusal::UnknownTarget)?;
                let code = ended(code, CodeStatus::Used, operation.at);
                Ok(vec![line_of(Cause::Redeem, code, Kind::InCodes, (own, Kind::Available))])
            }
            Command::SetDevices(SetDevices { devices, change }) => {
                for id in devices {
                    let device = self.devices.get(&id).filter(|d| d.removed_at.is_none());
                    let is_ours = device.is_some_and(|d| self.may_use(own, d.company_id));
                    ensure(is_ours, Refusal::UnknownDevice)?;
                }
                let is_there = change.company_id.is_none_or(|id| self.may_use(own, id));
                ensure(is_there, Refusal::UnknownTarget)?;
                Ok(Vec::new())
            }
        }
    }

    /// One effect per code of each line; the units are newly issued.
    fn fulfilled(&self, order: &Fulfil) -> Vec<Line> {
        let mut lines = Vec::new();
        for voucher in &order.vouchers {
            for new in &voucher.codes {
                let id = self.next_code_id + lines.len() as i64;
                let code = unused(id, new.tag, order.company_id, voucher.resource_type, voucher.amount);
                let (end, order_line) = (Some(order.expires_at), Some((order.order_id, voucher.line)));
                let code = CodeFacts { expires_at: end, order: order_line, ..code };
                let line = line_of(Cause::Fulfil, code, Kind::Issued, (order.company_id, Kind::InCodes));
                lines.push(Line { from: (ROOT, Kind::Issued), ..line });
            }
        }
        lines
    }

    fn code(&self, own: i64, id: i64) -> Result<CodeFacts, Refusal> {
        let code = self.codes.values().rev().find(|c| c.id == id);
        code.filter(|c| self.may_use(own, c.company_id)).cloned().ok_or(Refusal::UnknownCode)
    }

    fn usable_voucher(&self, own: i64, id: i64, now: Moment) -> Result<CodeFacts, Refusal> {
        let code = self.code(own, id)?;
        let (status, end) = (code.status, code.expires_at);
        ensure(code.order.is_some(), Refusal::NotOfOrder)?;
        ensure(status == CodeStatus::Unused, Refusal::CodeNotUnused { status })?;
        ensure(end.is_none_or(|end| now < end), Refusal::CodeExpired { at: end })?;
        ensure(!code.is_disputed, Refusal::CodeDisputed)?;
        Ok(code)
    }

    /// Changes each device, and lets it take a unit, wait, or stay as it is.
    fn set_devices(
        &self,
        o: &Operation,
        named: &[i64],
        change: &DeviceChange,
        accounts: &mut Accounts,
        devices: &mut BTreeMap<i64, DeviceFacts>,
        lines: &mut Vec<Line>,
    ) {
        for id in named {
            let Some(device) = devices.get_mut(id) else { continue };
            if change.service.is_some_and(|service| service != device.service) {
                device.waiting_since = None;
            }
            device.service = change.service.unwrap_or(device.service);
            device.auto_extend = change.auto_extend.unwrap_or(device.auto_extend);
            device.monitoring = change.monitoring.unwrap_or(device.monitoring);
            device.company_id = change.company_id.unwrap_or(device.company_id);
            if change.is_removed {
                device.removed_at = Some(o.at);
            }
            let is_paid = device.paid_until.is_some_and(|end| o.at < end);
            let runs = device.monitoring && device.service.is_some() && device.removed_at.is_none();
            device.state = match (runs, is_paid, device.auto_extend) {
                (false, ..) => DeviceState::Off,
                (true, true, _) => DeviceState::Active,
                (true, false, false) => DeviceState::Expired,
                (true, false, true) if self.take_unit(o, device, accounts, lines) => DeviceState::Active,
                (true, false, true) => DeviceState::Waiting,
            };
            let is_waiting = device.state == DeviceState::Waiting;
            device.waiting_since = is_waiting.then(|| device.waiting_since.unwrap_or(o.at));
        }
    }

    /// Serves the waiting devices that this account pays for, longest waiting first.
    fn serve(
        &self,
        o: &Operation,
        arrival: AccountKey,
        accounts: &mut Accounts,
        devices: &mut BTreeMap<i64, DeviceFacts>,
        lines: &mut Vec<Line>,
    ) {
        let mut waiting: Vec<&mut DeviceFacts> = devices
            .values_mut()
            .filter(|d| d.state == DeviceState::Waiting && d.service == Some(arrival.resource_type))
            .filter(|d| self.payers(d.company_id).contains(&arrival.company_id))
            .collect();
        waiting.sort_by_key(|d| (d.waiting_since, d.id));
        for device in waiting {
            if self.take_unit(o, device, accounts, lines) {
                device.state = DeviceState::Active;
                device.waiting_since = None;
            }
        }
    }

    fn payers(&self, company_id: i64) -> Vec<i64> {
        let mut payers = vec![company_id];
        let mut place = company_id;
        while let Some(parent) = self.parents[&place].filter(|_| self.drawing.contains(&place)) {
            payers.push(parent);
            place = parent;
        }
        payers
    }

    /// Pays for a device's next period from the nearest company that has a unit, if any. Apart from the change, `device` is
    /// as it was before.
    fn take_unit(
        &self,
        o: &Operation,
        device: &mut DeviceFacts,
        accounts: &mut Accounts,
        lines: &mut Vec<Line>,
    ) -> bool {
        let Some(service) = device.service else { return false };
        let key = |id, kind| AccountKey::new(id, service, kind);
        let has = |id: &i64| accounts.get(&key(*id, Kind::Available)).is_some_and(|a| a.0 > 0);
        let Some(payer) = self.payers(device.company_id).into_iter().find(has) else { return false };
        accounts.get_mut(&key(payer, Kind::Available)).expect("it has units").0 -= 1;
        let was_active = self.devices[&device.id].state == DeviceState::Active;
        let is_in_time = |end: &Moment| was_active && o.at <= end.plus_seconds(3_600);
        let begin = device.paid_until.filter(is_in_time).unwrap_or(o.at);
        device.paid_until = Some(period_end(service, begin));
        let (from, to) = ((payer, Kind::Available), (payer, Kind::Spent));
        let (cause, device) = (Cause::Spend, Some(device.id));
        lines.push(Line { cause, resource_type: service, amount: 1, from, to, code: None, device });
        true
    }

    fn redeemable(&mut self, tag: Tag, limits: &[Limit], now: Moment) -> Result<CodeFacts, Refusal> {
        if let Some(until) = limits.iter().filter_map(|limit| self.wait(limit, now)).max() {
            return Err(Refusal::TooManyAttempts { until });
        }
        let Some(code) = self.codes.get(&tag).filter(|c| c.status != CodeStatus::Deleted).cloned() else {
            self.count_wrong(limits, now);
            return Err(Refusal::UnknownCode);
        };
        let is_past = code.expires_at.is_some_and(|end| end <= now);
        match code.status {
            CodeStatus::Unused if !is_past && code.is_disputed => Err(Refusal::CodeDisputed),
            CodeStatus::Unused if !is_past => Ok(code),
            CodeStatus::Unused | CodeStatus::Expired => Err(Refusal::CodeExpired { at: code.expires_at }),
            CodeStatus::Used => Err(Refusal::CodeUsed { at: code.used_at }),
            status => Err(Refusal::CodeNotUnused { status }),
        }
    }

    /// Climbs from the company towards the root until it meets the actor's company.
    fn may_use(&self, own: i64, company_id: i64) -> bool {
        let is_there = |id| self.parents.contains_key(&id) && !self.removed.contains(&id);
        let mut place = Some(company_id).filter(|id| is_there(*id) && is_there(own));
        while place.is_some_and(|id| id != own) {
            place = place.and_then(|id| self.parents[&id]);
        }
        place.is_some()
    }

    /// All resulting balances, and the balances of each line's two accounts after it.
    fn attempt(&self, lines: &[Line]) -> Result<(Accounts, Vec<(i128, i128)>), Refusal> {
        let mut accounts = self.accounts.clone();
        let mut balances = Vec::new();
        for line in lines {
            ensure((1..=1_000_000_000).contains(&line.amount), Refusal::AmountOutOfRange)?;
            let from = accounts.entry(line.source()).or_default();
            from.0 -= i128::from(line.amount);
            let from_balance = from.0;
            let to = accounts.entry(line.target()).or_default();
            to.0 += i128::from(line.amount);
            to.1 += i128::from(line.amount);
            balances.push((from_balance, to.0));
        }
        let is_short = |key: &AccountKey| key.kind != Kind::Issued && accounts[key].0 < 0;
        if let Some(key) = accounts.keys().find(|key| is_short(key)) {
            let has = self.accounts.get(key).map_or(0, |account| account.0 as i64);
            let resource_type = key.resource_type;
            return Err(Refusal::NotEnough { has, resource_type, company: name_of(key.company_id) });
        }
        for line in lines.iter().filter(|line| GIVES_BACK.contains(&line.cause)) {
            accounts.entry(line.target()).or_default().1 -= i128::from(line.amount);
        }
        let fits = |n: i128| i64::try_from(n).is_ok();
        ensure(accounts.values().all(|a| fits(a.0) && fits(a.1)), Refusal::Overflow)?;
        Ok((accounts, balances))
    }

    fn transfer(&mut self, o: &Operation, seq: i64, line: &Line, balances: (i128, i128)) -> Transfer {
        self.next_id += 1;
        self.next_code_id += i64::from(line.to.1 == Kind::InCodes);
        Transfer {
            id: self.next_id - 1,
            actor: o.actor.clone(),
            operation_id: o.id.clone(),
            seq,
            fingerprint: o.fingerprint,
            at: o.at,
            cause: line.cause,
            resource_type: line.resource_type,
            amount: line.amount,
            from: line.from,
            to: line.to,
            from_balance: balances.0 as i64,
            to_balance: balances.1 as i64,
            from_name: name_of(line.from.0),
            to_name: name_of(line.to.0),
            code_id: line.code.as_ref().map(|code| code.id),
            device_id: line.device,
            memo: match (&o.command, line.device) {
                (Command::Issue(Issue { memo, .. }), _) if line.cause == Cause::Issue => memo.clone(),
                (Command::FillPool(_) | Command::TakeBack(_) | Command::BuyData(_), None) => "memo".to_owned(),
                (Command::CreateCodes(CreateCodes { comment, .. }), _) => comment.clone(),
                (Command::ReplaceCode(ReplaceCode { .. }), _) if seq == 0 => {
                    format!("replaced by code #{}", self.next_code_id)
                }
                (Command::ReplaceCode(ReplaceCode { code_id, .. }), _) => {
                    format!("in place of code #{code_id}")
                }
                (Command::Fulfil(_), _) => {
                    let order = line.code.as_ref().and_then(|code| code.order);
                    format!("voucher {}", order.expect("a voucher has one").1)
                }
                (_, Some(id)) => format!("device {id}"),
                _ => String::new(),
            },
            filled: (line.cause == Cause::Redeem).then(|| self.filled(line)),
        }
    }

    /// Only the redemption itself adds to these totals while it runs.
    fn filled(&self, line: &Line) -> Filled {
        let (company_id, resource_type) = (line.to.0, line.resource_type);
        let account = |kind| {
            let key = AccountKey::new(company_id, resource_type, kind);
            self.accounts.get(&key).copied().unwrap_or_default()
        };
        Filled {
            received_total: account(Kind::Available).1 as i64,
            in_codes: account(Kind::InCodes).0 as i64,
            parent_name: self.parents[&company_id].map(name_of),
        }
    }

    /// Each wrong code beyond the free ones doubles the wait after the last one.
    fn wait(&self, limit: &Limit, now: Moment) -> Option<Moment> {
        let wrong = self.wrong.get(&limit.key)?;
        let last = *wrong.last()?;
        let mut seconds = 0;
        for _ in wrong.iter().skip(limit.policy.free as usize) {
            seconds = (seconds * 2).clamp(15, 3_600);
        }
        let until = last.plus_seconds(seconds);
        (until > now && seconds > 0 && now <= last.plus_seconds(86_400)).then_some(until)
    }

    fn count_wrong(&mut self, limits: &[Limit], now: Moment) {
        for limit in limits {
            let wrong = self.wrong.entry(limit.key.clone()).or_default();
            if wrong.last().is_some_and(|last| now > last.plus_seconds(86_400)) {
                wrong.clear();
            }
            wrong.push(now);
        }
    }

    fn attempts(&self) -> BTreeMap<String, Attempts> {
        let count = |w: &Vec<Moment>| Attempts { failures: w.len() as i64, last_at: w[w.len() - 1] };
        self.wrong.iter().map(|(key, wrong)| (key.clone(), count(wrong))).collect()
    }

    /// The balances that the `in_codes` accounts should have.
    fn units_in_codes(&self) -> BTreeMap<AccountKey, i128> {
        let mut units = BTreeMap::new();
        for code in self.codes.values().filter(|c| c.status == CodeStatus::Unused) {
            let key = AccountKey::new(code.company_id, code.resource_type, Kind::InCodes);
            *units.entry(key).or_default() += i128::from(code.amount);
        }
        units
    }
}

impl Line {
    fn source(&self) -> AccountKey {
        AccountKey::new(self.from.0, self.resource_type, self.from.1)
    }

    fn target(&self) -> AccountKey {
        AccountKey::new(self.to.0, self.resource_type, self.to.1)
    }
}

fn line_of(cause: Cause, code: CodeFacts, from: Kind, to: (i64, Kind)) -> Line {
    let (resource_type, amount, from) = (code.resource_type, code.amount, (code.company_id, from));
    Line { cause, resource_type, amount, from, to, code: Some(code), device: None }
}

fn unused(id: i64, tag: Tag, company_id: i64, resource_type: ResourceType, amount: i64) -> CodeFacts {
    let (status, expires_at, order, used_at) = (CodeStatus::Unused, None, None, None);
    let is_disputed = false;
    CodeFacts { id, tag, company_id, resource_type, amount, status, expires_at, is_disputed, order, used_at }
}

fn ended(code: CodeFacts, status: CodeStatus, at: Moment) -> CodeFacts {
    CodeFacts { status, used_at: Some(at), ..code }
}

fn ensure(is_right: bool, refusal: Refusal) -> Result<(), Refusal> {
    if is_right { Ok(()) } else { Err(refusal) }
}

fn types() -> impl Iterator<Item = ResourceType> {
    ResourceType::all().take(3)
}

fn name_of(company_id: i64) -> String {
    format!("Company {company_id}")
}

fn limits_of(actor: &ActorFacts) -> Vec<Limit> {
    vec![
        Limit { key: format!("user {}", actor.user_id), policy: &CODES_OF_USER },
        Limit { key: format!("company {}", actor.company_id), policy: &CODES_OF_COMPANY },
        Limit { key: actor.address.clone(), policy: &CODES_OF_ADDRESS },
    ]
}

/// The cause of an operation's first transfer, "again", "nothing", or the name of the refusal.
fn name_of_outcome(outcome: &Outcome) -> String {
    match outcome {
        Ok(Done { replayed: true, .. }) => "again".to_owned(),
        Ok(Done { transfers, .. }) => transfers.first().map_or("nothing", |t| t.cause.slug()).to_owned(),
        Err(refusal) => format!("{refusal:?}").chars().take_while(|c| c.is_alphanumeric()).collect(),
    }
}
