//! Reads and locks what a batch needs, a statement each, step by step: what the operations name, the
//! companies of that, then all that those lead to.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use sqlx::FromRow;

use super::devices::{self, Peeked};
use super::rows::{AccountRow, CodeRow, ThrottleRow, TransferRow, kind, resource_type};
use super::{reservation, reserved};
use crate::model::company::Path;
use crate::model::ledger::{
    AccountKey, Act, CodeFacts, CompanyFacts, Kind, Ledger, Operation, Tag, Transfer,
};
use crate::model::resources::ResourceType;
use crate::model::throttle::Attempts;
use crate::model::time::Moment;
use crate::store::db::{Query, Result, Tx, Value, all_of, rows, sql_for};
use crate::store::operations;

/// Reads and locks all that deciding the operations needs.
///
/// # Errors
/// Whatever the database says.
pub async fn prefetch(tx: &mut Tx, operations: &[Operation]) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    // An id for each transfer and each new code that may come. What is not used is lost.
    let new_codes = operations.iter().map(|o| o.act.new_codes() as i64).sum();
    let new_entries = operations.iter().map(|o| o.act.transfers_max() as i64).sum();
    let identities = identities(operations);
    let [_, done, other_writes, by_tag, by_id, code_ids, ids] = all_of(
        tx,
        [
            tx.is_postgres().then(|| actors_query(operations)),
            Some(operations_query(identities.clone())),
            Some(operations::taken_query(identities)),
            codes_by_tag(operations),
            codes_by_id(operations),
            reservation("code", new_codes),
            reservation("entry", new_entries),
        ],
    )
    .await?;
    keep_operations(done.read()?, &mut ledger)?;
    ledger.other_writes = other_writes.read()?.into_iter().collect();
    keep_codes(by_tag.read()?, &mut ledger)?;
    keep_codes(by_id.read()?, &mut ledger)?;
    ledger.code_ids = reserved(&code_ids, new_codes)?;
    ledger.ids = reserved(&ids, new_entries)?;
    let peeked = read_companies(tx, operations, &mut ledger).await?;
    let mut keys = accounts_of(operations, &ledger);
    keys.extend(peeked.accounts(&ledger)?.into_iter().map(AccountKeyRow::from));
    let changed = rows(&keys);
    keys.extend(looked_at(operations, &keys));
    // A device takes one unit at most: whoever took one is paid.
    let paid = peeked.count() as i64;
    let [_, accounts, devices, attempts, ids] = all_of(
        tx,
        [
            tx.is_postgres().then(|| new_accounts_query(changed)),
            Some(accounts_query(rows(&keys))),
            devices::locked_query(&peeked),
            attempts_query(operations),
            reservation("entry", paid),
        ],
    )
    .await?;
    keep_accounts(accounts.read()?, &mut ledger)?;
    devices::keep(devices.read()?, &peeked, &mut ledger)?;
    keep_attempts(attempts.read()?, &mut ledger);
    ledger.ids.extend(reserved(&ids, paid)?);
    Ok(ledger)
}

/// Whether operations that were not known when the batch was read have happened since: another process had them
/// as well, and what this batch then waited for was theirs.
///
/// # Errors
/// Whatever the database says.
pub async fn happened_meanwhile(tx: &mut Tx, ledger: &Ledger, refused: &[Operation]) -> Result<bool> {
    let mut now = Ledger::default();
    keep_operations(operations_query(identities(refused)).all(tx).await?, &mut now)?;
    Ok(now.operations.keys().any(|identity| !ledger.operations.contains_key(identity)))
}

#[derive(Serialize)]
struct IdentityRow<'a> {
    actor: i64,
    key: &'a str,
}

fn identities(operations: &[Operation]) -> Value {
    let identities: Vec<_> =
        operations.iter().map(|o| IdentityRow { actor: o.actor.user_id, key: &o.key }).collect();
    rows(&identities)
}

/// PostgreSQL alone: whoever acts besides, under the lock of [`operations::used`], is waited for. The rows of transfers
/// take the same lock, as they refer to these people; only too late to read what was done meanwhile.
fn actors_query(operations: &[Operation]) -> Query {
    let actors: BTreeSet<i64> = operations.iter().map(|o| o.actor.user_id).collect();
    sql_for(
        "",
        "select id from person where id in (select value::bigint from jsonb_array_elements_text($1::jsonb))
         order by id for key share",
    )
    .bind(rows(&actors))
}

fn operations_query(identities: Value) -> Query {
    sql_for(
        "select t.* from jsonb_each($1) r join transfer t
         on t.actor_id = r.value->>'actor' and t.operation = r.value->>'key' order by t.id",
        r#"select t.* from jsonb_to_recordset($1::jsonb) as r(actor bigint, key text) join transfer t
         on t.actor_id = r.actor and t.operation = r.key collate "C" order by t.id"#,
    )
    .bind(identities)
}

fn keep_operations(found: Vec<TransferRow>, ledger: &mut Ledger) -> Result<()> {
    for row in found {
        let transfer = Transfer::try_from(row)?;
        let identity = (transfer.actor.user_id, transfer.operation.clone());
        let transfers = ledger.operations.entry(identity).or_default();
        // The same key twice in one batch finds the same rows twice.
        if transfers.last().is_none_or(|last| last.id < transfer.id) {
            transfers.push(transfer);
        }
    }
    Ok(())
}

fn codes_by_tag(operations: &[Operation]) -> Option<Query> {
    let tags: BTreeSet<String> = operations
        .iter()
        .filter_map(|o| if let Act::Redeem { tag, .. } = &o.act { Some(hex::encode(tag.0)) } else { None })
        .collect();
    let query = sql_for(
        "select c.id, c.tag, c.company_id, c.resource_type, c.amount, c.status, c.expires_at, c.order_id, c.order_line, c.ended_at from jsonb_each($1) r join code c on c.tag = unhex(r.value)",
        "select c.id, c.tag, c.company_id, c.resource_type, c.amount, c.status, c.expires_at, c.order_id, c.order_line, c.ended_at from code c where c.tag in (select decode(value, 'hex') from jsonb_array_elements_text($1::jsonb))
         order by c.id for update",
    );
    (!tags.is_empty()).then(|| query.bind(rows(&tags)))
}

fn codes_by_id(operations: &[Operation]) -> Option<Query> {
    let ids: BTreeSet<i64> = operations.iter().flat_map(|o| o.act.code_ids()).copied().collect();
    let query = sql_for(
        "select c.id, c.tag, c.company_id, c.resource_type, c.amount, c.status, c.expires_at, c.order_id, c.order_line, c.ended_at from jsonb_each($1) r join code c on c.id = r.value",
        "select c.id, c.tag, c.company_id, c.resource_type, c.amount, c.status, c.expires_at, c.order_id, c.order_line, c.ended_at from code c where c.id in (select value::bigint from jsonb_array_elements_text($1::jsonb))
         order by c.id for update",
    );
    (!ids.is_empty()).then(|| query.bind(rows(&ids)))
}

fn keep_codes(found: Vec<CodeRow>, ledger: &mut Ledger) -> Result<()> {
    for row in found {
        let facts = row.facts()?;
        ledger.codes.insert(facts.tag, facts);
    }
    Ok(())
}

#[derive(FromRow)]
struct CompanyRow {
    id: i64,
    name: String,
    parent_name: Option<String>,
    path: String,
    removed_at: Option<i64>,
    use_parent_credits: i64,
    /// How many of its balances devices wait for.
    waited_for: i64,
}

/// The companies that the operations name, and those that pay for their devices. A batch that names
/// no device, and brings nothing that one waits for, takes one statement.
async fn read_companies(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<Peeked> {
    let mut peeked = Peeked::default();
    devices::peek_named(tx, operations, &mut peeked).await?;
    let mut ids: BTreeSet<i64> = ledger.codes.values().map(|c| c.company_id).collect();
    for operation in operations {
        ids.insert(operation.actor.company_id);
        match &operation.act {
            Act::Move { from, to, .. } => ids.extend([*from, *to]),
            Act::CreateCodes { company_id, .. } => ids.extend([*company_id]),
            Act::Fulfil(order) => ids.extend([order.company_id]),
            Act::Issue { .. }
            | Act::DeleteCode { .. }
            | Act::Redeem { .. }
            | Act::SetDevices { .. }
            | Act::ExpireCodes { .. }
            | Act::CancelCodes { .. }
            | Act::ReplaceCode { .. } => {}
        }
    }
    ids.extend(&peeked.companies);
    let waited_for = read_companies_of(tx, &ids, ledger).await?;
    let arrivals = devices::arrivals(operations, ledger, &waited_for);
    devices::peek_waiting(tx, &arrivals, &mut peeked).await?;
    let more: BTreeSet<i64> = peeked.companies.difference(&ids).copied().collect();
    read_companies_of(tx, &more, ledger).await?;
    Ok(peeked)
}

/// Gives those of the companies that somebody waits for.
async fn read_companies_of(tx: &mut Tx, ids: &BTreeSet<i64>, ledger: &mut Ledger) -> Result<BTreeSet<i64>> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let found: Vec<CompanyRow> = sql_for(
        "select c.id, c.name, p.name as parent_name, c.path, c.removed_at, c.use_parent_credits,
             (select count(*) from account a where a.company_id = c.id and a.waiting > 0) as waited_for
         from jsonb_each($1) r join company c on c.id = r.value left join company p on p.id = c.parent_id",
        "select c.id, c.name, p.name as parent_name, c.path, c.removed_at, c.use_parent_credits,
             (select count(*) from account a where a.company_id = c.id and a.waiting > 0) as waited_for
         from company c left join company p on p.id = c.parent_id
         where c.id in (select value::bigint from jsonb_array_elements_text($1::jsonb)) order by c.id for share of c",
    )
    .bind(rows(ids))
    .all(tx)
    .await?;
    let mut waited_for = BTreeSet::new();
    for row in found {
        if row.waited_for > 0 {
            waited_for.insert(row.id);
        }
        let facts = CompanyFacts {
            name: row.name,
            parent_name: row.parent_name,
            path: Path::from_stored(row.path),
            removed: row.removed_at.is_some(),
            uses_parent_credits: row.use_parent_credits == 1,
        };
        ledger.companies.insert(row.id, facts);
    }
    Ok(waited_for)
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AccountKeyRow {
    company_id: i64,
    resource_type: i64,
    kind: i64,
}

impl From<AccountKey> for AccountKeyRow {
    fn from(key: AccountKey) -> AccountKeyRow {
        let (company_id, resource_type) = (key.company_id, key.resource_type.id());
        AccountKeyRow { company_id, resource_type, kind: key.kind as i64 }
    }
}

/// What is in codes stands beside what a redemption brings, in its answer.
fn looked_at(operations: &[Operation], keys: &BTreeSet<AccountKeyRow>) -> Vec<AccountKeyRow> {
    let redeemers = operations.iter().filter(|o| matches!(o.act, Act::Redeem { .. }));
    let redeemers: BTreeSet<i64> = redeemers.map(|o| o.actor.company_id).collect();
    keys.iter()
        .filter(|key| key.kind == Kind::Available as i64 && redeemers.contains(&key.company_id))
        .map(|key| AccountKeyRow { kind: Kind::InCodes as i64, ..*key })
        .collect()
}

/// PostgreSQL alone: made before they are locked, because a row that is not there cannot be.
fn new_accounts_query(accounts: Value) -> Query {
    sql_for(
        "",
        "insert into account (company_id, resource_type, kind, balance, received_total)
         select r.company_id, r.resource_type, r.kind, 0, 0
         from jsonb_to_recordset($1::jsonb) as r(company_id bigint, resource_type bigint, kind bigint)
         join company c on c.id = r.company_id order by 1, 2, 3 on conflict do nothing",
    )
    .bind(accounts)
}

fn accounts_query(accounts: Value) -> Query {
    sql_for(
        "select a.company_id, a.resource_type, a.kind, a.balance, a.received_total, a.received_at from jsonb_each($1) r join account a on a.company_id = r.value->>'company_id'
         and a.resource_type = r.value->>'resource_type' and a.kind = r.value->>'kind'",
        "select a.company_id, a.resource_type, a.kind, a.balance, a.received_total, a.received_at from account a where (company_id, resource_type, kind) in
         (select company_id, resource_type, kind
          from jsonb_to_recordset($1::jsonb) as r(company_id bigint, resource_type bigint, kind bigint))
         order by company_id, resource_type, kind for update",
    )
    .bind(accounts)
}

fn keep_accounts(found: Vec<AccountRow>, ledger: &mut Ledger) -> Result<()> {
    for row in found {
        let key = AccountKey::new(row.company_id, resource_type(row.resource_type)?, kind(row.kind)?);
        ledger.accounts.insert(key, row.account());
    }
    Ok(())
}

/// The accounts that the operations may touch.
fn accounts_of(operations: &[Operation], ledger: &Ledger) -> BTreeSet<AccountKeyRow> {
    let mut keys = BTreeSet::new();
    // A code that the same batch makes may be redeemed in it too.
    let made: HashMap<Tag, ResourceType> = operations
        .iter()
        .filter_map(|o| match &o.act {
            Act::CreateCodes { resource_type, codes, .. } => Some((*resource_type, codes)),
            _ => None,
        })
        .flat_map(|(resource_type, codes)| codes.iter().map(move |c| (c.tag, resource_type)))
        .collect();
    let mut add = |company_id: i64, resource_type: ResourceType, kind: Kind| {
        keys.insert(AccountKeyRow { company_id, resource_type: resource_type.id(), kind: kind as i64 });
    };
    for operation in operations {
        let own = operation.actor.company_id;
        match &operation.act {
            Act::Issue { resource_type, .. } => {
                add(own, *resource_type, Kind::Issued);
                add(own, *resource_type, Kind::Available);
            }
            Act::Move { resource_type, from, to, .. } => {
                add(*from, *resource_type, Kind::Available);
                add(*to, *resource_type, Kind::Available);
            }
            Act::CreateCodes { company_id, resource_type, .. } => {
                add(*company_id, *resource_type, Kind::Available);
                add(*company_id, *resource_type, Kind::InCodes);
            }
            Act::Fulfil(order) => {
                for voucher in &order.vouchers {
                    add(own, voucher.resource_type, Kind::Issued);
                    add(order.company_id, voucher.resource_type, Kind::InCodes);
                    // Whoever guesses the new code's id may replace it in this very batch.
                    add(order.company_id, voucher.resource_type, Kind::Available);
                }
            }
            Act::DeleteCode { .. } | Act::ReplaceCode { .. } => {
                for code in named_codes(&operation.act, ledger) {
                    add(code.company_id, code.resource_type, Kind::InCodes);
                    add(code.company_id, code.resource_type, Kind::Available);
                    // Or cancel the one that takes its place.
                    if let Some(root) = root_of(code, ledger).filter(|_| code.order.is_some()) {
                        add(root, code.resource_type, Kind::Issued);
                    }
                }
            }
            Act::ExpireCodes { .. } => {
                for code in named_codes(&operation.act, ledger) {
                    add(code.company_id, code.resource_type, Kind::InCodes);
                    add(code.company_id, code.resource_type, Kind::Expired);
                }
            }
            Act::CancelCodes { .. } => {
                for code in named_codes(&operation.act, ledger) {
                    add(code.company_id, code.resource_type, Kind::InCodes);
                    if let Some(root) = root_of(code, ledger) {
                        add(root, code.resource_type, Kind::Issued);
                    }
                }
            }
            Act::Redeem { tag, .. } => {
                if let Some(code) = ledger.codes.get(tag) {
                    add(code.company_id, code.resource_type, Kind::InCodes);
                    add(own, code.resource_type, Kind::Available);
                } else if let Some(resource_type) = made.get(tag) {
                    add(own, *resource_type, Kind::Available);
                }
            }
            Act::SetDevices { .. } => {}
        }
    }
    keys
}

/// The codes that an act names by their ids, as far as they are there.
fn named_codes<'a>(act: &Act, ledger: &'a Ledger) -> impl Iterator<Item = &'a CodeFacts> {
    let wanted: BTreeSet<i64> = act.code_ids().iter().copied().collect();
    ledger.codes.values().filter(move |c| wanted.contains(&c.id))
}

/// The company that issued the units of a code.
fn root_of(code: &CodeFacts, ledger: &Ledger) -> Option<i64> {
    ledger.companies.get(&code.company_id)?.path.ids().first().copied()
}

fn attempts_query(operations: &[Operation]) -> Option<Query> {
    let keys: BTreeSet<&str> = operations
        .iter()
        .filter_map(|o| if let Act::Redeem { limits, .. } = &o.act { Some(limits) } else { None })
        .flat_map(|limits| limits.iter().map(|l| l.key.as_str()))
        .collect();
    let query = sql_for(
        "select t.* from jsonb_each($1) r join throttle t on t.key = r.value",
        r#"select * from throttle where key in (select value collate "C" from jsonb_array_elements_text($1::jsonb))
         order by key for update"#,
    );
    (!keys.is_empty()).then(|| query.bind(rows(&keys)))
}

fn keep_attempts(found: Vec<ThrottleRow>, ledger: &mut Ledger) {
    for row in found {
        ledger.attempts.insert(row.key, Attempts { failures: row.failures, last_at: Moment(row.last_at) });
    }
}
