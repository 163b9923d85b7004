//! Follows the ledger digest by digest, and derives from the rows alone what each account and each code must be.
//!
//! [`Follower::step`] reads on, in whatever snapshot it is given, and reports when it has read everything in this
//! snapshot. Then, in this snapshot, what it has derived must equal the other tables, however much the portal writes
//! meanwhile; the walks compare a slice of a table after each step. All of this takes short transactions.
//!
//! Memory holds some hundred bytes for each account and for each type and state of a company's codes, and three bits
//! for each transfer and each code. The order of transfers does not matter here: the balances before and after them are
//! compared as sets, since each "after" but the last must be the "before" of another one. (On PostgreSQL the order of
//! ids is not the order in which an account changed.)

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use super::bits::Bits;
use super::findings::{self, Findings};
use super::shape::{CodeRow, Codes, is_shaped, status_after};
use crate::keys::Keys;
use crate::model::digest::Entries;
use crate::model::ledger::{Cause, CodeStatus, Kind};
use crate::model::time::Moment;
use crate::store::db::{Result, Tx, columns};
use crate::store::digests::{self, DigestRow, Rows, Seen};
use crate::store::ledger::TransferRow;

const DIGESTS_A_READ: usize = 1_000;

columns! {
    /// An account, in the database's numbers.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Key {
        pub company_id: i64,
        pub resource_type: i64,
        pub kind: i64,
    }
}

/// What an account must be after all transfers so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account {
    pub balance: i64,
    pub received: i64,
    /// The hashes of all balances after its transfers, minus those of all balances before.
    pub steps: u64,
    pub is_compared: bool,
}

pub struct Follower<'a> {
    keys: &'a Keys,
    /// Approximate rows per step.
    pub rows_a_step: usize,
    /// All digests up to here are read.
    floor: i64,
    /// Digests beyond it that are read too.
    ahead: BTreeSet<i64>,
    seen: Seen,
    hashing: RandomState,
    /// Rows older than digests: those up to the first had a digest when this began, those up to the second did not.
    older_done: i64,
    older_through: i64,
    older_read: i64,
    /// The highest id in a digest of older rows.
    older_digested: i64,
    pub accounts: HashMap<Key, Account>,
    /// Codes and their units, by company, type and state; "unused" counts all that were created.
    pub months: BTreeMap<(i64, i64, i64), (i64, i64)>,
    pub entries: Bits,
    pub made: Bits,
    pub ended: Bits,
    pub transfers: i64,
    pub history: i64,
    pub digests: i64,
    /// Rows older than digests that have none yet.
    pub undigested: i64,
    /// The last digest read.
    progress: i64,
}

impl<'a> Follower<'a> {
    /// Starts before the first row.
    pub async fn begin(tx: &mut Tx, keys: &'a Keys) -> Result<Follower<'a>> {
        let (older_done, older_through) = digests::older(tx).await?;
        let mut seen = Seen::default();
        if let Some(link) = crate::store::chain::last(tx).await? {
            seen.is_linked(link.through);
        }
        Ok(Follower {
            keys,
            rows_a_step: 1,
            floor: 0,
            ahead: BTreeSet::new(),
            seen,
            hashing: RandomState::new(),
            older_done,
            older_through,
            older_read: older_done,
            older_digested: 0,
            accounts: HashMap::new(),
            months: BTreeMap::new(),
            entries: Bits::default(),
            made: Bits::default(),
            ended: Bits::default(),
            transfers: 0,
            history: 0,
            digests: 0,
            undigested: 0,
            progress: 0,
        })
    }

    /// Reads on; returns whether everything that the transaction shows is read.
    pub async fn step(&mut self, tx: &mut Tx, findings: &mut Findings) -> Result<bool> {
        let mut left = self.rows_a_step as i64;
        while self.older_read < self.older_through {
            left -= self.read_older(tx, findings).await?;
            if left <= 0 {
                return Ok(false);
            }
        }
        let sure = self.seen.look(tx).await?;
        while self.floor < sure {
            // Each has at least one row.
            let limit = self.rows_a_step.clamp(1, DIGESTS_A_READ);
            let found = digests::between(tx, self.floor, sure, limit).await?;
            let mut floor = if found.len() < limit { sure } else { self.floor };
            let mut taken = Vec::new();
            for digest in found {
                if left <= 0 && !taken.is_empty() {
                    floor = self.floor;
                    break;
                }
                left -= rows_of(&digest);
                self.floor = digest.id;
                floor = floor.max(digest.id);
                taken.push(digest);
            }
            self.take(tx, taken, findings).await?;
            self.floor = floor;
            self.ahead = self.ahead.split_off(&(self.floor + 1));
            if left <= 0 && self.floor < sure {
                return Ok(false);
            }
        }
        self.read_ahead(tx, findings).await?;
        Ok(true)
    }

    /// Reads the digests before which others may still appear.
    async fn read_ahead(&mut self, tx: &mut Tx, findings: &mut Findings) -> Result<()> {
        let mut after = self.floor;
        loop {
            let found = digests::between(tx, after, i64::MAX, DIGESTS_A_READ).await?;
            let Some(last) = found.last().map(|digest| digest.id) else { return Ok(()) };
            let is_all = found.len() < DIGESTS_A_READ;
            self.take(tx, found.clone(), findings).await?;
            self.ahead.extend(found.into_iter().map(|digest| digest.id));
            if is_all {
                return Ok(());
            }
            after = last;
        }
    }

    /// Reads rows that are older than digests and had none when this began. Returns how many.
    async fn read_older(&mut self, tx: &mut Tx, findings: &mut Findings) -> Result<i64> {
        let (rows, through) = Rows::after(tx, self.older_read, self.older_through, self.rows_a_step).await?;
        self.older_read = through;
        let count = rows.ids().count() as i64;
        self.undigested += count;
        rows.ids().for_each(|id| {
            self.entries.set(id);
        });
        self.count(&rows, &rows.transfers.iter().collect::<Vec<_>>(), findings, tx).await?;
        self.history += rows.history.len() as i64;
        Ok(count)
    }

    async fn take(&mut self, tx: &mut Tx, digests: Vec<DigestRow>, findings: &mut Findings) -> Result<()> {
        let mut wanted = Vec::new();
        for digest in digests {
            self.progress = self.progress.max(digest.id);
            if self.ahead.contains(&digest.id) {
                continue;
            }
            self.digests += 1;
            match Entries::parse(&digest.entries) {
                Some(entries) => wanted.push((digest, entries)),
                None => {
                    findings.note(findings::DIGESTS, Some(digest.at), || format!("digest {} names no rows", digest.id))
                }
            }
        }
        let ids: Vec<i64> = wanted.iter().flat_map(|(_, entries)| entries.ids()).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let found = Rows::read(tx, &ids).await?;
        let mut transfers = Vec::with_capacity(found.transfers.len());
        for (digest, entries) in &wanted {
            let (its_transfers, its_history) = found.of(entries);
            let facts = (Moment(digest.at), digest.is_older == 1);
            let hash = digests::hash(self.keys, facts, entries, (&its_transfers, &its_history))?;
            if hash.as_slice() != digest.hash {
                findings.note(findings::DIGESTS, Some(digest.at), || {
                    describe_wrong(digest, entries, its_transfers.len() + its_history.len())
                });
            }
            if !self.cover(digest, entries, findings) {
                continue;
            }
            self.history += its_history.len() as i64;
            transfers.extend(its_transfers);
        }
        self.count(&found, &transfers, findings, tx).await
    }

    /// Records that a digest covers rows; returns whether they are still to be counted.
    fn cover(&mut self, digest: &DigestRow, entries: &Entries, findings: &mut Findings) -> bool {
        if digest.is_older == 1 {
            if entries.first() <= self.older_digested || entries.last() > self.older_through {
                findings.note(findings::COVERED, Some(digest.at), || {
                    format!("digest {} was made as one of older rows, but is not", digest.id)
                });
            }
            self.older_digested = self.older_digested.max(entries.last());
            // Already read: the job has made this digest since.
            if entries.first() > self.older_done {
                return false;
            }
        }
        let twice = entries.ids().filter(|id| self.entries.set(*id)).collect::<Vec<_>>();
        if let Some(id) = twice.first() {
            findings.note(findings::COVERED, Some(digest.at), || format!("#{id} is in digest {} too", digest.id));
        }
        twice.is_empty()
    }

    /// Counts transfers, each once.
    async fn count(
        &mut self,
        found: &Rows,
        transfers: &[&TransferRow],
        findings: &mut Findings,
        tx: &mut Tx,
    ) -> Result<()> {
        let codes = Codes::read(tx, found).await?;
        for transfer in transfers {
            self.transfers += 1;
            let cause = Cause::try_from(transfer.cause.clone()).ok();
            let is_sound = cause.is_some_and(|cause| is_shaped(transfer, cause))
                && transfer.device_id.is_none_or(|id| codes.devices.contains(&id));
            if !is_sound {
                findings.note(findings::SHAPE, Some(transfer.at), || named(transfer.id));
            }
            self.move_units(transfer, cause);
            if let (Some(cause), Some(id)) = (cause, transfer.code_id) {
                self.code(transfer, cause, codes.by_id.get(&id), findings);
            }
        }
        Ok(())
    }

    fn move_units(&mut self, t: &TransferRow, cause: Option<Cause>) {
        let key = |company_id, kind| Key { company_id, resource_type: t.resource_type, kind };
        let (source, target) = (key(t.from_company_id, t.from_kind), key(t.to_company_id, t.to_kind));
        let received = if cause.is_some_and(Cause::is_receipt) { t.amount } else { 0 };
        let mut change = |key, amount: i64, after: i64, received: i64| {
            let step = self.hashing.hash_one(after).wrapping_sub(self.hashing.hash_one(after.wrapping_sub(amount)));
            let account = self.accounts.entry(key).or_default();
            account.balance = account.balance.wrapping_add(amount);
            account.received = account.received.wrapping_add(received);
            account.steps = account.steps.wrapping_add(step);
        };
        change(source, t.amount.wrapping_neg(), t.from_balance, 0);
        change(target, t.amount, t.to_balance, received);
    }

    /// Whether each "after" of an account but the last, which is its balance, is the "before" of another one.
    #[must_use]
    pub fn follows(&self, account: &Account) -> bool {
        let whole = self.hashing.hash_one(account.balance).wrapping_sub(self.hashing.hash_one(0_i64));
        account.steps == whole
    }

    fn code(&mut self, t: &TransferRow, cause: Cause, code: Option<&CodeRow>, findings: &mut Findings) {
        let Some(code) = code else {
            findings.note(findings::CODES, Some(t.at), || format!("{}: there is no code", named(t.id)));
            return;
        };
        let owner = (code.company_id, Kind::InCodes as i64);
        let makes = (t.to_company_id, t.to_kind) == owner;
        let ends = (t.from_company_id, t.from_kind) == owner;
        let mut agrees = makes != ends
            && (code.resource_type, code.amount) == (t.resource_type, t.amount)
            // Created twice, or ended twice.
            && !if makes { self.made.set(code.id) } else { self.ended.set(code.id) };
        if makes {
            agrees &= code.created_at == t.at && (cause == Cause::Fulfil || Some(code.created_by) == t.actor_id);
        } else {
            agrees &= status_after(cause).is_some_and(|status| status as i64 == code.status)
                && (code.ended_at, code.ended_by) == (Some(t.at), t.actor_id)
                && code.ended_company_id == Some(t.actor_company_id);
        }
        if !agrees {
            findings.note(findings::CODES, Some(t.at), || format!("code #{} by {}", code.id, named(t.id)));
        }
        let status = if makes { CodeStatus::Unused } else { status_after(cause).unwrap_or(CodeStatus::Unused) };
        let counted = self.months.entry((code.company_id, code.resource_type, status as i64)).or_default();
        *counted = (counted.0 + 1, counted.1.wrapping_add(t.amount));
    }

    /// The progress, as the last digest read.
    #[must_use]
    pub fn progress(&self) -> i64 {
        self.progress
    }
}

/// How a transfer is named.
pub fn named(id: i64) -> String {
    format!("transfer #{id}")
}

fn rows_of(digest: &DigestRow) -> i64 {
    Entries::parse(&digest.entries).map_or(1, |entries| entries.count() as i64)
}

fn describe_wrong(digest: &DigestRow, entries: &Entries, found: usize) -> String {
    let missing = entries.count() - found.min(entries.count());
    let missing = if missing == 0 { String::new() } else { format!(", {missing} of them missing") };
    format!("one of the rows #{entries} of digest {}{missing}", digest.id)
}
