//! Walks the tables that the ledger keeps beside its rows, comparing slice by slice with what the [`Follower`] knows in
//! the same snapshot.

use sqlx::FromRow;

use super::find;
use super::findings::{self, Findings};
use super::follow::{Follower, Key};
use crate::keys::Keys;
use crate::model::ledger::{CodeFacts, CodeStatus, Kind, Tag};
use crate::model::resources::ResourceType;
use crate::store::db::{Result, Tx, sql};

/// A walk in progress, with its position.
pub enum Walk {
    Accounts(Key),
    /// Accounts that transfers name and the walk has not met.
    Missed,
    Codes(i64),
    /// Companies' counts of codes.
    Months(i64),
    Transfers(i64),
    History(i64),
    /// By key and actor.
    Operations(String, i64),
}

/// The context of a walk.
pub struct Ground<'a, 'b> {
    pub tx: &'a mut Tx,
    pub follower: &'a mut Follower<'b>,
    pub findings: &'a mut Findings,
    pub keys: &'a Keys,
    pub length: usize,
    /// Accounts that disagree with their transfers, to be investigated afterwards.
    pub suspects: &'a mut Vec<find::Suspect>,
    pub unused_codes: &'a mut i64,
    pub codes: &'a mut i64,
}

impl Walk {
    pub fn all() -> [Walk; 7] {
        let first = Key { company_id: i64::MIN, resource_type: 0, kind: 0 };
        [
            Walk::Accounts(first),
            Walk::Missed,
            Walk::Codes(i64::MIN),
            Walk::Months(i64::MIN),
            Walk::Transfers(i64::MIN),
            Walk::History(i64::MIN),
            Walk::Operations(String::new(), i64::MIN),
        ]
    }

    /// Compares the next slice; returns whether it was the last.
    pub async fn slice(&mut self, ground: &mut Ground<'_, '_>) -> Result<bool> {
        match self {
            Walk::Accounts(after) => accounts(after, ground).await,
            Walk::Missed => missed(ground).await,
            Walk::Codes(after) => codes(after, ground).await,
            Walk::Months(after) => months(after, ground).await,
            Walk::Transfers(after) => {
                let next = sql("select id, at from transfer where id > $1 order by id limit $2");
                ids(after, next, ground).await
            }
            Walk::History(after) => {
                let next = sql("select id, at from history where id > $1 order by id limit $2");
                ids(after, next, ground).await
            }
            Walk::Operations(key, actor_id) => operations(key, actor_id, ground).await,
        }
    }
}

#[derive(FromRow)]
struct AccountRow {
    company_id: i64,
    resource_type: i64,
    kind: i64,
    balance: i64,
    received_total: i64,
    level: i64,
}

impl AccountRow {
    fn key(&self) -> Key {
        Key { company_id: self.company_id, resource_type: self.resource_type, kind: self.kind }
    }
}

async fn accounts(after: &mut Key, ground: &mut Ground<'_, '_>) -> Result<bool> {
    let found: Vec<AccountRow> = sql("select a.company_id, a.resource_type, a.kind, a.balance, a.received_total,
             coalesce((select c.level from company c where c.id = a.company_id), 0) as level from account a
         where (a.company_id, a.resource_type, a.kind) > ($1, $2, $3)
         order by a.company_id, a.resource_type, a.kind limit $4")
    .bind(after.company_id)
    .bind(after.resource_type)
    .bind(after.kind)
    .bind(ground.length as i64)
    .all(ground.tx)
    .await?;
    found.iter().for_each(|row| compare(row.key(), Some(row), ground));
    if let Some(last) = found.last() {
        *after = last.key();
    }
    Ok(found.len() < ground.length)
}

/// Accounts that appeared after the walk had passed, or whose rows are gone.
async fn missed(ground: &mut Ground<'_, '_>) -> Result<bool> {
    let missed = ground.follower.accounts.iter().filter(|(_, account)| !account.is_compared);
    let keys: Vec<Key> = missed.map(|(key, _)| *key).take(ground.length).collect();
    if keys.is_empty() {
        return Ok(true);
    }
    let found: Vec<AccountRow> = sql("select a.company_id, a.resource_type, a.kind, a.balance, a.received_total, c.level
         from {rows} r join account a on a.company_id = r.company_id and a.resource_type = r.resource_type and a.kind = r.kind
         join company c on c.id = a.company_id")
    .bind_rows(&keys)
    .all(ground.tx)
    .await?;
    for key in &keys {
        compare(*key, found.iter().find(|row| row.key() == *key), ground);
    }
    Ok(keys.len() < ground.length)
}

fn compare(key: Key, row: Option<&AccountRow>, ground: &mut Ground<'_, '_>) {
    let known = ground.follower.accounts.entry(key).or_default();
    known.is_compared = true;
    let known = *known;
    let (balance, received, level) = row.map_or((0, 0, 0), |row| (row.balance, row.received_total, row.level));
    let named = || find::named(key);
    if balance != known.balance {
        let what = format!("{} is {balance}, its transfers make {}", named(), known.balance);
        ground.suspects.push(find::Suspect { key, rule: findings::BALANCE, what });
    }
    if !ground.follower.follows(&known) {
        ground.suspects.push(find::Suspect { key, rule: findings::STEPS, what: named() });
    }
    if received != known.received {
        ground.findings.note(findings::RECEIVED, None, || {
            format!("{} received {received}, by its transfers {}", named(), known.received)
        });
    }
    let is_issued = key.kind == Kind::Issued as i64;
    if (balance < 0 && !is_issued) || (is_issued && level > 0) {
        ground.findings.note(findings::SIGN, None, named);
    }
}

#[derive(FromRow)]
struct CodeRow {
    id: i64,
    tag: Vec<u8>,
    company_id: i64,
    resource_type: i64,
    amount: i64,
    status: i64,
    suffix_tag: i64,
    key_version: i64,
    sealed: Vec<u8>,
    created_at: i64,
}

async fn codes(after: &mut i64, ground: &mut Ground<'_, '_>) -> Result<bool> {
    let found: Vec<CodeRow> =
        sql("select id, tag, company_id, resource_type, amount, status, suffix_tag, key_version, sealed, created_at
         from code where id > $1 order by id limit $2")
        .bind(*after)
        .bind(ground.length as i64)
        .all(ground.tx)
        .await?;
    for row in &found {
        *ground.codes += 1;
        *ground.unused_codes += i64::from(row.status == 0);
        let follower = &ground.follower;
        if !follower.made.has(row.id) || follower.ended.has(row.id) != (row.status != 0) {
            let what = || format!("code #{}", row.id);
            ground.findings.note(findings::CODES, Some(row.created_at), what);
        }
        if !is_sealed(row, ground.keys) {
            let what = || format!("code #{}", row.id);
            ground.findings.note(findings::SEALED, Some(row.created_at), what);
        }
    }
    if let Some(last) = found.last() {
        *after = last.id;
    }
    Ok(found.len() < ground.length)
}

/// Whether a sealed code opens with its row's facts and hashes to the row's tags.
fn is_sealed(row: &CodeRow, keys: &Keys) -> bool {
    let Ok(tag) = row.tag.clone().try_into().map(Tag) else { return false };
    let Ok(resource_type) = ResourceType::try_from(row.resource_type) else { return false };
    let facts = CodeFacts {
        id: row.id,
        tag,
        company_id: row.company_id,
        resource_type,
        amount: row.amount,
        status: CodeStatus::Unused,
        expires_at: None,
        is_disputed: false,
        order: None,
        used_at: None,
    };
    keys.open_code(row.key_version, &row.sealed, &facts)
        .is_some_and(|code| keys.tag(&code) == facts.tag && keys.suffix_tag(&code.suffix()) == row.suffix_tag)
}

/// The counts of some companies.
async fn months(after: &mut i64, ground: &mut Ground<'_, '_>) -> Result<bool> {
    let (end,): (Option<i64>,) =
        sql("select max(company_id) from (select distinct company_id from code_month where company_id > $1
         order by company_id limit $2) next")
        .bind(*after)
        .bind(ground.length as i64)
        .one(ground.tx)
        .await?;
    let through = end.unwrap_or(i64::MAX);
    let found: Vec<(i64, i64, i64, i64, i64)> =
        sql("select company_id, resource_type, status, cast(sum(codes) as bigint), cast(sum(units) as bigint)
         from code_month where company_id > $1 and company_id <= $2 group by company_id, resource_type, status")
        .bind(*after)
        .bind(through)
        .all(ground.tx)
        .await?;
    let counted = found.into_iter().map(|row| ((row.0, row.1, row.2), (row.3, row.4)));
    let counted: std::collections::BTreeMap<_, _> = counted.filter(|(_, sums)| *sums != (0, 0)).collect();
    let first = (after.saturating_add(1), i64::MIN, i64::MIN);
    let known: std::collections::BTreeMap<_, _> =
        ground.follower.months.range(first..=(through, i64::MAX, i64::MAX)).map(|(k, v)| (*k, *v)).collect();
    for key in counted.keys().chain(known.keys().filter(|key| !counted.contains_key(key))) {
        if counted.get(key) != known.get(key) {
            ground.findings.note(findings::MONTHS, None, || format!("of company #{}", key.0));
        }
    }
    *after = through;
    Ok(end.is_none())
}

/// The first and the last transfer of each operation must be its own. (A rule finds each transfer's operation.)
async fn operations(key: &mut String, actor_id: &mut i64, ground: &mut Ground<'_, '_>) -> Result<bool> {
    let found: Vec<(String, i64, i64, i64)> = sql("select o.key, o.actor_id,
             (select count(*) from transfer t where t.id in (o.first_transfer, o.last_transfer)
                 and t.operation = o.key and t.actor_id = o.actor_id) as found,
             cast(case when o.first_transfer is null then 0 when o.first_transfer = o.last_transfer then 1 else 2 end
                 as bigint) as expected
         from operation o where (o.key, o.actor_id) > ($1, $2) order by o.key, o.actor_id limit $3")
    .bind(&*key)
    .bind(*actor_id)
    .bind(ground.length as i64)
    .all(ground.tx)
    .await?;
    for (key, actor_id, found, expected) in &found {
        if found != expected {
            ground.findings.note(findings::OPERATIONS, None, || format!("\"{key}\" of person #{actor_id}"));
        }
    }
    let is_last = found.len() < ground.length;
    if let Some(last) = found.into_iter().next_back() {
        (*key, *actor_id) = (last.0, last.1);
    }
    Ok(is_last)
}

/// Each row must be in a digest or be older than digests.
async fn ids(after: &mut i64, next: crate::store::db::Query, ground: &mut Ground<'_, '_>) -> Result<bool> {
    let found: Vec<(i64, i64)> = next.bind(*after).bind(ground.length as i64).all(ground.tx).await?;
    for (id, at) in &found {
        if !ground.follower.entries.has(*id) {
            ground.findings.note(findings::COVERED, Some(*at), || format!("#{id} has no digest"));
        }
    }
    if let Some((last, _)) = found.last() {
        *after = *last;
    }
    Ok(found.len() < ground.length)
}
