//! `scrip verify`: recomputes everything kept beside the ledger's rows from those rows, the rows from their digests,
//! and the digests from the signed chain.
//!
//! A portal may be running and writing: everything is read in short transactions, so that SQLite's WAL stays small, and
//! is still right. A [`Follower`] reads the rows digest by digest; once it has read everything in a snapshot, a slice
//! of another table is compared in that same snapshot. The next slice takes another snapshot, in which the follower
//! first reads what was written since. A statement that checks a rule by itself sees one moment anyway.
//!
//! Memory is bounded by the accounts, not by the transfers: see `follow`.

mod bits;
mod chain;
pub mod counters;
mod find;
mod findings;
mod follow;
mod rules;
mod shape;
mod triggers;
mod walks;

use std::time::Duration;

use tokio::time::Instant;

pub use chain::Chain;
pub use findings::{Finding, First};

use findings::Findings;
use follow::Follower;
use walks::{Ground, Walk};

use super::db::{Db, Result, sql};
use crate::keys::Keys;
use crate::model::digest::Head;

/// How to check.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Approximate rows per transaction.
    pub rows_a_step: usize,
    /// A head that was kept: nothing before it may have been rewritten.
    pub since: Option<Head>,
}

impl Default for Options {
    fn default() -> Options {
        Options { rows_a_step: 5_000, since: None }
    }
}

/// What was counted on the way.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub companies: i64,
    pub accounts: i64,
    pub transfers: i64,
    pub history: i64,
    pub codes: i64,
    pub unused_codes: i64,
    pub devices: i64,
    pub digests: i64,
    /// Rows older than digests that have none yet.
    pub undigested: i64,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub figures: Figures,
    pub findings: Vec<Finding>,
    pub chain: Chain,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.broken == 0)
    }
}

/// The progress of a check.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// Digests read, and their total.
    Rows(i64, i64),
    Tables,
    Rules,
    Chain,
}

/// Checks everything.
pub async fn check(db: &Db, keys: &Keys, options: Options, tell: &mut (dyn FnMut(Progress) + Send)) -> Result<Report> {
    let mut findings = expected(options.since.is_some());
    let mut tx = db.snapshot().await?;
    let mut follower = Follower::begin(&mut tx, keys).await?;
    triggers::check(&mut tx, &mut findings).await?;
    counters::check(&mut tx, &mut findings).await?;
    let (digests,): (i64,) = sql("select coalesce(max(id), 0) from digest").one(&mut tx).await?;
    tx.end().await;
    let mut pace = Pace::of(db, options.rows_a_step);
    loop {
        let step = pace.begin();
        follower.rows_a_step = pace.length();
        let mut tx = db.snapshot().await?;
        let has_all = follower.step(&mut tx, &mut findings).await?;
        tx.end().await;
        pace.end(step);
        tell(Progress::Rows(follower.progress(), digests.max(follower.progress())));
        if has_all {
            break;
        }
    }
    tell(Progress::Tables);
    let mut pace = Pace::of(db, options.rows_a_step);
    let mut figures = walk(db, keys, &mut pace, &mut follower, &mut findings).await?;
    tell(Progress::Rules);
    rules::check(db, &mut pace, &mut findings).await?;
    tell(Progress::Chain);
    let chain = chain::check(db, keys, options.since, &mut findings).await?;
    let mut tx = db.read_export().await?;
    (figures.companies, figures.devices) =
        sql("select (select count(*) from company where removed_at is null), (select count(*) from device where removed_at is null)")
            .one(&mut tx)
            .await?;
    Ok(Report { figures, findings: findings.into_list(), chain })
}

/// All rules, in the order of the report.
fn expected(has_head: bool) -> Findings {
    let mut expected = Findings::default();
    expected.expect([findings::DIGESTS, findings::COVERED, findings::CHAIN]);
    expected.expect(has_head.then_some(findings::HEAD));
    expected.expect([
        findings::SHAPE,
        findings::BALANCE,
        findings::STEPS,
        findings::RECEIVED,
        findings::SIGN,
        findings::CODES,
        findings::SEALED,
        findings::MONTHS,
    ]);
    expected.expect(rules::names());
    expected.expect([findings::COUNTERS, findings::TRIGGERS]);
    expected
}

/// Compares the other tables with the rows, slice by slice.
async fn walk(
    db: &Db,
    keys: &Keys,
    pace: &mut Pace,
    follower: &mut Follower<'_>,
    findings: &mut Findings,
) -> Result<Figures> {
    let (mut suspects, mut unused_codes, mut codes) = (Vec::new(), 0, 0);
    for mut walk in Walk::all() {
        loop {
            let step = pace.begin();
            follower.rows_a_step = pace.length();
            let mut tx = db.snapshot().await?;
            let mut is_last = false;
            if follower.step(&mut tx, findings).await? {
                let mut ground = Ground {
                    tx: &mut tx,
                    follower,
                    findings,
                    keys,
                    length: pace.length(),
                    suspects: &mut suspects,
                    unused_codes: &mut unused_codes,
                    codes: &mut codes,
                };
                is_last = walk.slice(&mut ground).await?;
            }
            tx.end().await;
            pace.end(step);
            if is_last {
                break;
            }
        }
    }
    find::look_into(db, suspects, findings).await?;
    Ok(Figures {
        accounts: follower.accounts.len() as i64,
        transfers: follower.transfers,
        history: follower.history,
        codes,
        unused_codes,
        digests: follower.digests,
        undigested: follower.undigested,
        ..Figures::default()
    })
}

/// How much a step reads: less if steps take long, more if they are short. SQLite's writer waits some 20 ms for readers
/// when it restarts the WAL.
pub struct Pace {
    length: usize,
    length_max: usize,
    long: Duration,
}

impl Pace {
    const LONG_ON_SQLITE: Duration = Duration::from_millis(12);
    const LONG_ON_POSTGRES: Duration = Duration::from_millis(200);
    /// Less than this would take forever on a busy machine.
    const LENGTH_MIN: usize = 50;

    fn of(db: &Db, length_max: usize) -> Pace {
        let long = if matches!(db, Db::Sqlite(_)) { Pace::LONG_ON_SQLITE } else { Pace::LONG_ON_POSTGRES };
        Pace { length: length_max.clamp(1, 500), length_max: length_max.max(1), long }
    }

    fn length(&self) -> usize {
        self.length
    }

    fn begin(&self) -> Instant {
        Instant::now()
    }

    fn end(&mut self, started: Instant) {
        let took = started.elapsed();
        if took > self.long {
            self.length = (self.length / 2).max(Pace::LENGTH_MIN.min(self.length_max));
        } else if took < self.long / 3 {
            self.length = (self.length * 2).min(self.length_max);
        }
    }
}
