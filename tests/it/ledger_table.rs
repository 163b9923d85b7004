//! Runs `ledger_table.txt`, whose header explains its language. A line is read word by word; an operation's
//! result is formatted as text and compared with the line.
//!
//! To add an act or a refusal, add its words to `Table::command`, `cause_of` or `refused`, and its lines.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::iter::Peekable;
use std::str::SplitWhitespace;

use scrip::model::code::Code;
use scrip::model::device::{DeviceChange, DeviceFacts, DeviceState};
use scrip::model::ledger::{
    Account, AccountKey, ActorFacts, BuyData, CancelCodes, Cause, Changes, CodeFacts, CodeStatus, Command, CreateCodes,
    DeleteCode, Done, ExpireCodes, FillPool, Fingerprint, Fulfil, Issue, Kind, Limit, MoveUnits, NewCode, Operation,
    Redeem, Refusal, ReplaceCode, SetDevices, Tag, TakeBack, Transfer, Voucher, decide,
};
use scrip::model::resources::ResourceType;
use scrip::model::throttle::{CODES_OF_ADDRESS, CODES_OF_COMPANY, CODES_OF_USER};
use scrip::model::time::Moment;

use crate::support::memory::Memory;

const TABLE: &str = include_str!("ledger_table.txt");
const NOBODY: i64 = 999;
const NO_CODE: i64 = 999_999;
const MEMO: &str = "order 7";
/// The number of variants of `Refusal`: the table must show each of them.
const REFUSALS: usize = 17;
/// The order and the line of all vouchers.
const ORDER: (i64, i64) = (7, 1);

/// A value read from a line, or what is wrong with the line.
type Read<T = ()> = Result<T, String>;

#[test]
fn every_line_of_the_table_holds() {
    let mut table = Table::default();
    let mut failures = String::new();
    for (number, line) in (1..).zip(TABLE.lines()) {
        if let Err(why) = table.line(line) {
            failures += &format!("\ntests/it/ledger_table.txt:{number}: {why}\n    {line}");
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!(table.refusals_seen.len(), REFUSALS, "only {:?}", table.refusals_seen);
    assert_eq!(table.causes_seen.len(), Cause::ALL.len(), "only {:?}", table.causes_seen);
}

#[test]
fn a_senseless_line_is_reported() {
    for (line, why) in [
        ("compny Root", "\"compny\" starts no line"),
        ("company North in Root", "there is no company \"Root\""),
        ("company Root closed", "\"closed\" is too much"),
        ("balance Nobody.left 1 credit", "there is no kind \"left\""),
        ("Root issue 1 credit -> Root.issued=-1", "there is no company \"Root\""),
        ("Nobody issue one credit -> refused: not the issuer", "\"one\" is no amount"),
        ("Nobody issue 1 -> refused: not the issuer", "a type is missing"),
        ("Nobody give 1 credit -> refused: not the issuer", "there is no act \"give\""),
        ("Nobody delete nope now -> refused: unknown code", "\"now\" is too much"),
        ("Nobody delete nope -> refused: code is used", "it gave: refused: unknown code"),
        ("expect code a used", "it is missing"),
        ("expect Nobody.spent 1 credit", "it is 0 received 0"),
    ] {
        assert_eq!(Table::default().line(line), Err(why.to_owned()), "{line}");
    }
}

/// The state after the lines so far.
#[derive(Default)]
struct Table {
    memory: Memory,
    companies: HashMap<String, i64>,
    devices: HashMap<String, i64>,
    now_seconds: i64,
    /// Numbers the rows, the codes, and the keys that lines do not name.
    last_id: i64,
    refusals_seen: BTreeSet<String>,
    causes_seen: BTreeSet<&'static str>,
}

/// Lines that set or check state.
impl Table {
    fn line(&mut self, line: &str) -> Read {
        let line = line.split('#').next().unwrap_or_default();
        if let Some((operation, result)) = line.split_once("->") {
            return self.operation(operation, result);
        }
        let mut words = Words::of(line);
        match words.0.next() {
            None => {}
            Some("section") => {
                self.start_section();
                return Ok(());
            }
            Some("company") => self.company(&mut words)?,
            Some("balance") => self.balance(&mut words)?,
            Some("code") => self.code(&mut words)?,
            Some("device") => self.device(&mut words)?,
            Some("taken") => self.taken(&mut words)?,
            Some("time") => self.now_seconds = words.number("second")?,
            Some("expect") if words.skip("code") => self.expect_code(&mut words)?,
            Some("expect") if words.skip("device") => self.expect_device(&mut words)?,
            Some("expect") => self.expect_balance(&mut words)?,
            Some(other) => return Err(format!("{other:?} starts no line")),
        }
        words.end()
    }

    fn start_section(&mut self) {
        let refusals_seen = std::mem::take(&mut self.refusals_seen);
        let causes_seen = std::mem::take(&mut self.causes_seen);
        *self = Table { refusals_seen, causes_seen, ..Table::default() };
    }

    fn company(&mut self, words: &mut Words) -> Read {
        let name = words.word("name")?.to_owned();
        let id = self.companies.len() as i64 + 1;
        let parent = if words.skip("in") { Some(self.company_id(words)?) } else { None };
        let (removed, uses_parent_credits) = (words.skip("removed"), words.skip("drawing"));
        let facts = self.memory.add_company(id, &name, parent);
        (facts.removed, facts.uses_parent_credits) = (removed, uses_parent_credits);
        self.companies.insert(name, id);
        Ok(())
    }

    fn taken(&mut self, words: &mut Words) -> Read {
        let actor = self.actor(words.word("actor")?)?;
        self.memory.other_writes.insert((actor.user_id, words.word("key")?.to_owned()));
        Ok(())
    }

    fn balance(&mut self, words: &mut Words) -> Read {
        let (key, balance, received) = self.account(words)?;
        let received_total = received.unwrap_or(balance.max(0));
        self.memory.accounts.insert(key, Account { balance, received_total, received_at: None });
        Ok(())
    }

    fn expect_balance(&mut self, words: &mut Words) -> Read {
        let (key, balance, received) = self.account(words)?;
        let is = self.memory.accounts.get(&key).copied().unwrap_or_default();
        let right = is.balance == balance && received.is_none_or(|r| r == is.received_total);
        ensure(right, || format!("it is {} received {}", is.balance, is.received_total))
    }

    /// `COMPANY.KIND AMOUNT TYPE [received TOTAL]`
    fn account(&self, words: &mut Words) -> Read<(AccountKey, i64, Option<i64>)> {
        let place = words.word("account")?;
        let (company, kind) = place.split_once('.').ok_or(format!("{place:?} is no COMPANY.KIND"))?;
        let company_id = self.company_named(company)?;
        let kind = KINDS.into_iter().find(|k| k.1 == kind).ok_or(format!("there is no kind {kind:?}"))?.0;
        let balance = words.number("amount")?;
        let key = AccountKey::new(company_id, words.resource_type()?, kind);
        Ok((key, balance, words.number_after("received")?))
    }

    /// `LABEL AMOUNT TYPE of COMPANY STATUS [bought] [disputed] [expires SECOND] [ended SECOND]`
    fn code(&mut self, words: &mut Words) -> Read {
        let tag = tag(words.word("label")?);
        let amount = words.number("amount")?;
        let resource_type = words.resource_type()?;
        ensure(words.skip("of"), || "an \"of\" is missing".to_owned())?;
        let company_id = self.company_id(words)?;
        let status = words.word("status")?;
        let status = CodeStatus::from_slug(status).ok_or(format!("there is no status {status:?}"))?;
        let order = words.skip("bought").then_some(ORDER);
        let is_disputed = words.skip("disputed");
        let expires_at = words.number_after("expires")?.map(moment);
        let used_at = words.number_after("ended")?.map(moment);
        if status == CodeStatus::Unused {
            let in_codes = AccountKey::new(company_id, resource_type, Kind::InCodes);
            let account = self.memory.accounts.entry(in_codes).or_default();
            account.balance += amount;
            account.received_total += amount;
        }
        self.memory.last_code_id += 1;
        let id = self.memory.last_code_id;
        let facts =
            CodeFacts { id, tag, company_id, resource_type, amount, status, expires_at, is_disputed, order, used_at };
        self.memory.add_code(facts);
        Ok(())
    }

    fn expect_code(&mut self, words: &mut Words) -> Read {
        let found = self.memory.codes.get(&tag(words.word("label")?));
        let is = found.map_or("missing", |code| code.status.slug());
        ensure(words.word("status")? == is, || format!("it is {is}"))
    }

    /// `LABEL of COMPANY TYPE [manual] [paid SECOND] [waiting SECOND]`
    fn device(&mut self, words: &mut Words) -> Read {
        let label = words.word("label")?.to_owned();
        ensure(words.skip("of"), || "an \"of\" is missing".to_owned())?;
        let (company_id, service) = (self.company_id(words)?, words.resource_type()?);
        let auto_extend = !words.skip("manual");
        let paid_until = words.number_after("paid")?.map(moment);
        let waiting_since = words.number_after("waiting")?.map(moment);
        let state = match (waiting_since, paid_until) {
            (Some(_), _) => DeviceState::Waiting,
            (None, Some(_)) => DeviceState::Active,
            (None, None) => DeviceState::Off,
        };
        let id = self.next_id();
        let facts = DeviceFacts {
            id,
            company_id,
            label: label.clone(),
            monitoring: true,
            service: Some(service),
            auto_extend,
            paid_until,
            state,
            waiting_since,
            removed_at: None,
        };
        self.memory.devices.insert(id, facts);
        self.devices.insert(label, id);
        Ok(())
    }

    fn expect_device(&mut self, words: &mut Words) -> Read {
        let label = words.word("label")?;
        let device = self.devices.get(label).and_then(|id| self.memory.devices.get(id));
        let device = device.ok_or(format!("there is no device {label:?}"))?;
        let state = words.word("state")?;
        let until = words.number_after("until")?;
        let is_until = device.paid_until.map(seconds);
        let right = device.state.slug() == state && until.is_none_or(|u| Some(u) == is_until);
        ensure(right, || format!("it is {} until {is_until:?}", device.state.slug()))
    }

    fn company_id(&self, words: &mut Words) -> Read<i64> {
        self.company_named(words.word("company")?)
    }

    fn company_named(&self, name: &str) -> Read<i64> {
        let nobody = (name == "Nobody").then_some(NOBODY);
        let found = self.companies.get(name).copied().or(nobody);
        found.ok_or(format!("there is no company {name:?}"))
    }

    fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }
}

/// Lines with operations.
impl Table {
    /// `[10x] ACTOR [key KEY] ACT -> RESULT`
    fn operation(&mut self, line: &str, want: &str) -> Read {
        let mut words = Words::of(line);
        let times = words.times();
        let actor = self.actor(words.word("actor")?)?;
        let key = if words.skip("key") { Some(words.word("key")?) } else { None };
        let fingerprint = fingerprint(words.0.clone());
        let command = self.command(&mut words, &actor)?;
        words.end()?;
        for _ in 0..times {
            let id = key.map_or_else(|| format!("line {}", self.next_id()), str::to_owned);
            let at = moment(self.now_seconds);
            let operation = Operation { actor: actor.clone(), id, fingerprint, at, command: command.clone() };
            let is = self.run(&operation)?;
            ensure(is == want.trim(), || format!("it gave: {is}"))?;
        }
        Ok(())
    }

    /// `COMPANY[/USER][@ADDRESS]`
    fn actor(&self, text: &str) -> Read<ActorFacts> {
        let (who, address) = text.split_once('@').unwrap_or((text, text));
        let (company, user) = who.split_once('/').unwrap_or((who, "1"));
        let company_id = self.company_named(company)?;
        let user: i64 = user.parse().map_err(|_| format!("{user:?} is no user"))?;
        Ok(ActorFacts { user_id: company_id * 100 + user, company_id, address: address.to_owned(), token_id: None })
    }

    fn command(&self, words: &mut Words, actor: &ActorFacts) -> Read<Command> {
        let verb = words.word("act")?;
        if let "redeem" | "delete" = verb {
            let tag = tag(words.word("label")?);
            let code_id = self.memory.codes.get(&tag).map_or(NO_CODE, |code| code.id);
            let redeem = Command::Redeem(Redeem { tag, limits: limits(actor) });
            return Ok(if verb == "redeem" { redeem } else { Command::DeleteCode(DeleteCode { code_id }) });
        }
        let code_id = |label| self.memory.codes.get(&tag(label)).map_or(NO_CODE, |code| code.id);
        match verb {
            "expire" => {
                return Ok(Command::ExpireCodes(ExpireCodes { code_ids: words.0.by_ref().map(code_id).collect() }));
            }
            "cancel" => {
                return Ok(Command::CancelCodes(CancelCodes { code_ids: words.0.by_ref().map(code_id).collect() }));
            }
            "replace" => {
                let code_id = code_id(words.word("label")?);
                let code = new_code(words.word("label")?);
                return Ok(Command::ReplaceCode(ReplaceCode { code_id, code, comment: String::new() }));
            }
            "fulfil" => return self.fulfil(words),
            "fill" => return self.fill(words),
            "return" => {
                let (amount, resource_type) = (words.number("amount")?, words.resource_type()?);
                let company_id = self.company_id(words)?;
                return Ok(Command::TakeBack(TakeBack { company_id, resource_type, amount, memo: MEMO.to_owned() }));
            }
            "data" => {
                let (amount, company_id) = (words.number("amount")?, self.company_id(words)?);
                return Ok(Command::BuyData(BuyData { company_id, amount, memo: MEMO.to_owned() }));
            }
            _ => {}
        }
        if verb == "renew" {
            let device = |label| self.devices.get(label).copied().unwrap_or(NO_CODE);
            let devices = words.0.by_ref().map(device).collect();
            return Ok(Command::SetDevices(SetDevices { devices, change: DeviceChange::default() }));
        }
        if verb == "set" {
            return self.set(words);
        }
        ensure(matches!(verb, "issue" | "move" | "create"), || format!("there is no act {verb:?}"))?;
        let amount = words.number("amount")?;
        let resource_type = words.resource_type()?;
        if verb == "issue" {
            return Ok(Command::Issue(Issue { resource_type, amount, memo: MEMO.to_owned() }));
        }
        let company_id = self.company_id(words)?;
        if verb == "move" {
            return Ok(Command::MoveUnits(MoveUnits {
                resource_type,
                from: company_id,
                to: self.company_id(words)?,
                amount,
            }));
        }
        let codes = words.0.by_ref().map(new_code).collect();
        Ok(Command::CreateCodes(CreateCodes { company_id, resource_type, amount, comment: String::new(), codes }))
    }

    /// `fulfil COMPANY expires SECOND AMOUNT TYPE LABEL... [and AMOUNT TYPE LABEL...]`
    fn fulfil(&self, words: &mut Words) -> Read<Command> {
        let company_id = self.company_id(words)?;
        let expires_at = moment(words.number_after("expires")?.ok_or("an end is missing")?);
        let mut vouchers = Vec::new();
        loop {
            let (amount, resource_type) = (words.number("amount")?, words.resource_type()?);
            let labels = std::iter::from_fn(|| words.0.next_if(|word| *word != "and"));
            let codes = labels.map(new_code).collect();
            vouchers.push(Voucher { line: ORDER.1, resource_type, amount, name: String::new(), codes });
            if !words.skip("and") {
                let order_id = ORDER.0;
                return Ok(Command::Fulfil(Fulfil { order_id, company_id, buyer_id: 1, expires_at, vouchers }));
            }
        }
    }

    /// `fill COMPANY AMOUNT TYPE [and AMOUNT TYPE]`
    fn fill(&self, words: &mut Words) -> Read<Command> {
        let company_id = self.company_id(words)?;
        let mut lines = Vec::new();
        loop {
            let (amount, resource_type) = (words.number("amount")?, words.resource_type()?);
            lines.push((resource_type, amount, MEMO.to_owned()));
            if !words.skip("and") {
                return Ok(Command::FillPool(FillPool { company_id, lines }));
            }
        }
    }

    /// `set LABEL... [service TYPE|none] [auto on|off] [monitoring on|off] [company NAME] [removed]`
    fn set(&self, words: &mut Words) -> Read<Command> {
        let device = self.devices.get(words.word("label")?).copied().unwrap_or(NO_CODE);
        let mut change = DeviceChange::default();
        if words.skip("service") {
            let none = words.skip("none");
            change.service = Some(if none { None } else { Some(words.resource_type()?) });
        }
        if words.skip("auto") {
            change.auto_extend = Some(words.word("on or off")? == "on");
        }
        if words.skip("monitoring") {
            change.monitoring = Some(words.word("on or off")? == "on");
        }
        if words.skip("company") {
            change.company_id = Some(self.company_id(words)?);
        }
        change.is_removed = words.skip("removed");
        Ok(Command::SetDevices(SetDevices { devices: vec![device], change }))
    }

    /// Decides one operation, checks the invariants, and formats the result.
    fn run(&mut self, operation: &Operation) -> Read<String> {
        let mut ledger = self.memory.load(std::slice::from_ref(operation));
        let before = self.memory.clone();
        let decided = decide(&mut ledger, std::slice::from_ref(operation));
        let decision = decided.map_err(|fault| fault.to_string())?.remove(0);
        let outcome = decision.ok_or("it was put off")?;
        self.memory.save(&ledger);
        ensure(sums(&before) == sums(&self.memory), || "the sum of all accounts has changed".to_owned())?;
        match outcome {
            Ok(Done { transfers, replayed: true }) => {
                self.must_equal(&before, ledger.changes(), false)?;
                Ok(format!("again: {}", self.balances(&transfers)))
            }
            Ok(Done { transfers, replayed: false }) => {
                self.causes_seen.extend(transfers.iter().map(|t| t.cause.slug()));
                let written = &ledger.changes().transfers;
                ensure(*written == transfers, || format!("it would write {written:?}"))?;
                self.check_transfers(operation, &transfers)?;
                Ok(self.balances(&transfers))
            }
            Err(refusal) => {
                let is_wrong_code = refusal == Refusal::UnknownCode;
                let counts = is_wrong_code && matches!(operation.command, Command::Redeem(_));
                self.must_equal(&before, ledger.changes(), counts)?;
                self.refusals_seen.insert(variant(&refusal));
                Ok(format!("refused: {}", refused(&refusal)))
            }
        }
    }

    /// A refusal or a repetition changes nothing, except that a wrong code is counted.
    fn must_equal(&self, before: &Memory, changes: &Changes, is_counted: bool) -> Read {
        let mut after = self.memory.clone();
        after.attempts.clone_from(&before.attempts);
        let is_same =
            after == *before && *changes == Changes { attempts: changes.attempts.clone(), ..Changes::default() };
        let is_right = is_same && (self.memory.attempts != before.attempts) == is_counted;
        ensure(is_right, || "it was refused or repeated, and yet it changed something".to_owned())
    }

    /// Each transfer records who, when, why and which code.
    fn check_transfers(&self, operation: &Operation, transfers: &[Transfer]) -> Read {
        for (seq, is) in (0..).zip(transfers) {
            let want = Transfer {
                actor: operation.actor.clone(),
                operation_id: operation.id.clone(),
                seq,
                fingerprint: operation.fingerprint,
                at: operation.at,
                cause: if is.device_id.is_some() { Cause::Spend } else { cause_of(&operation.command) },
                from_name: self.name(is.from.0),
                to_name: self.name(is.to.0),
                memo: match (is.cause, is.device_id) {
                    (Cause::Issue | Cause::BuyData, _) => MEMO.to_owned(),
                    (Cause::Fulfil | Cause::Cancel, None) if is.code_id.is_none() => MEMO.to_owned(),
                    (Cause::Replace, _) => {
                        let [old, new] = [0, 1].map(|n| transfers[n].code_id.unwrap_or_default());
                        [format!("replaced by code #{new}"), format!("in place of code #{old}")][seq as usize].clone()
                    }
                    (_, Some(id)) => self.memory.devices[&id].label.clone(),
                    _ => String::new(),
                },
                ..is.clone()
            };
            ensure(*is == want, || format!("the row is {is:?}"))?;
            let is_about_code = [is.from.1, is.to.1].contains(&Kind::InCodes);
            ensure(is.code_id.is_some() == is_about_code, || format!("code_id is {:?}", is.code_id))?;
        }
        Ok(())
    }

    fn balances(&self, transfers: &[Transfer]) -> String {
        let account = |(company_id, kind): (i64, Kind), balance| {
            let kind = KINDS.into_iter().find(|k| k.0 == kind).map_or("?", |k| k.1);
            format!("{}.{kind}={balance}", self.name(company_id))
        };
        let pair = |t: &Transfer| format!("{} {}", account(t.from, t.from_balance), account(t.to, t.to_balance));
        transfers.iter().map(pair).collect::<Vec<_>>().join("; ")
    }

    fn name(&self, company_id: i64) -> String {
        self.memory.companies.get(&company_id).map_or(String::new(), |c| c.name.clone())
    }
}

fn sums(memory: &Memory) -> BTreeMap<ResourceType, i128> {
    let mut sums: BTreeMap<_, _> = ResourceType::all().map(|t| (t, 0)).collect();
    for (key, account) in &memory.accounts {
        *sums.entry(key.resource_type).or_default() += i128::from(account.balance);
    }
    sums
}

/// The words of a line, taken one by one.
struct Words<'a>(Peekable<SplitWhitespace<'a>>);

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Words<'a> {
        Words(line.split_whitespace().peekable())
    }

    fn word(&mut self, what: &str) -> Read<&'a str> {
        let article = if what.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        self.0.next().ok_or(format!("{article} {what} is missing"))
    }

    fn number(&mut self, what: &str) -> Read<i64> {
        let word = self.word(what)?;
        word.parse().map_err(|_| format!("{word:?} is no {what}"))
    }

    fn number_after(&mut self, mark: &str) -> Read<Option<i64>> {
        if self.skip(mark) { self.number("number").map(Some) } else { Ok(None) }
    }

    fn resource_type(&mut self) -> Read<ResourceType> {
        let slug = self.word("type")?;
        ResourceType::from_slug(slug).ok_or(format!("there is no type {slug:?}"))
    }

    /// Consumes the word if it comes next.
    fn skip(&mut self, word: &str) -> bool {
        self.0.next_if_eq(&word).is_some()
    }

    /// Consumes `10x`, if present; the default is once.
    fn times(&mut self) -> usize {
        let times = self.0.peek().and_then(|word| word.strip_suffix('x')?.parse().ok());
        if times.is_some() {
            self.0.next();
        }
        times.unwrap_or(1)
    }

    fn end(&mut self) -> Read {
        self.0.next().map_or(Ok(()), |word| Err(format!("{word:?} is too much")))
    }
}

fn ensure(is_right: bool, why: impl FnOnce() -> String) -> Read {
    if is_right { Ok(()) } else { Err(why()) }
}

const KINDS: [(Kind, &str); 5] = [
    (Kind::Available, "available"),
    (Kind::InCodes, "in_codes"),
    (Kind::Spent, "spent"),
    (Kind::Expired, "expired"),
    (Kind::Issued, "issued"),
];

fn cause_of(command: &Command) -> Cause {
    match command {
        Command::Issue(_) => Cause::Issue,
        Command::MoveUnits(_) => Cause::Move,
        Command::CreateCodes(_) => Cause::CreateCode,
        Command::DeleteCode(_) => Cause::DeleteCode,
        Command::Redeem(_) => Cause::Redeem,
        Command::SetDevices(_) => Cause::Spend,
        Command::Fulfil(_) | Command::FillPool(_) => Cause::Fulfil,
        Command::ExpireCodes(_) => Cause::Expire,
        Command::CancelCodes(_) | Command::TakeBack(_) => Cause::Cancel,
        Command::ReplaceCode(_) => Cause::Replace,
        Command::BuyData(_) => Cause::BuyData,
    }
}

fn refused(refusal: &Refusal) -> String {
    let at = |at: &Option<Moment>| at.map_or("?".to_owned(), |at| seconds(at).to_string());
    match refusal {
        Refusal::NotEnough { has, resource_type, company } => {
            format!("not enough: {company} has {has} {}", resource_type.slug())
        }
        Refusal::SameCompany => "same company".to_owned(),
        Refusal::UnknownSource => "unknown source".to_owned(),
        Refusal::UnknownTarget => "unknown target".to_owned(),
        Refusal::AmountOutOfRange => "amount out of range".to_owned(),
        Refusal::Overflow => "overflow".to_owned(),
        Refusal::UnknownCode => "unknown code".to_owned(),
        Refusal::CodeUsed { at: used } => format!("code used at {}", at(used)),
        Refusal::CodeExpired { at: expired } => format!("code expired at {}", at(expired)),
        Refusal::CodeNotUnused { status } => format!("code is {}", status.slug()),
        Refusal::TooManyAttempts { until } => format!("wait until {}", seconds(*until)),
        Refusal::KeyReused => "key reused".to_owned(),
        Refusal::NotIssuer => "not the issuer".to_owned(),
        Refusal::UnknownDevice => "unknown device".to_owned(),
        Refusal::CodeOfOrder => "bought".to_owned(),
        Refusal::CodeDisputed => "disputed".to_owned(),
        Refusal::NotOfOrder => "not bought".to_owned(),
    }
}

fn variant(refusal: &Refusal) -> String {
    format!("{refusal:?}").chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The same limits as the portal's entry points set.
fn limits(actor: &ActorFacts) -> Vec<Limit> {
    vec![
        Limit { key: format!("user:{}", actor.user_id), policy: &CODES_OF_USER },
        Limit { key: format!("company:{}", actor.company_id), policy: &CODES_OF_COMPANY },
        Limit { key: format!("address:{}", actor.address), policy: &CODES_OF_ADDRESS },
    ]
}

/// A hash of the act's words, without the labels of new codes, because a retry comes with other random codes.
fn fingerprint<'a>(words: impl Iterator<Item = &'a str>) -> Fingerprint {
    let mut words: Vec<&str> = words.collect();
    if words.first() == Some(&"create") {
        words.truncate(4);
    }
    let mut hasher = DefaultHasher::new();
    words.hash(&mut hasher);
    Fingerprint(u128::from(hasher.finish()).to_be_bytes())
}

fn new_code(label: &str) -> NewCode {
    NewCode { code: Code::from_random([0; 19]), tag: tag(label), suffix_tag: 0 }
}

fn tag(label: &str) -> Tag {
    let mut bytes = [0; 16];
    for (byte, letter) in bytes.iter_mut().zip(label.bytes()) {
        *byte = letter;
    }
    Tag(bytes)
}

fn moment(second: i64) -> Moment {
    Moment(0).plus_seconds(second)
}

fn seconds(moment: Moment) -> i64 {
    moment.0 / 1_000_000
}
