//! What the ledger's decisions read and write: a handful of statements for a whole batch, however
//! large. Prefetch locks what it reads, in the one order: operations, codes, companies, accounts.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::Serialize;
use sqlx::FromRow;

use super::db::{DbError, Result, Tx, hex, rows, sql_for};
use crate::keys::Keys;
use crate::model::company::Path;
use crate::model::ledger::{
    Account, AccountKey, Act, Actor, Cause, CodeFacts, CodeStatus, CompanyFacts, Fingerprint, Kind, Ledger,
    Operation, Tag, Transfer,
};
use crate::model::resources::ResourceType;
use crate::model::throttle::Attempts;
use crate::model::time::Moment;
use crate::rng::Rng;

/// Reads and locks all that deciding the operations needs.
///
/// # Errors
/// Whatever the database says.
pub async fn prefetch(tx: &mut Tx, operations: &[Operation]) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    read_operations(tx, operations, &mut ledger).await?;
    read_codes(tx, operations, &mut ledger).await?;
    read_companies(tx, operations, &mut ledger).await?;
    read_accounts(tx, operations, &mut ledger).await?;
    read_attempts(tx, operations, &mut ledger).await?;
    reserve_ids(tx, operations, &mut ledger).await?;
    Ok(ledger)
}

/// Writes what deciding changed.
///
/// # Errors
/// Whatever the database says; the caller's transaction is then void.
pub async fn write(tx: &mut Tx, ledger: &Ledger, keys: &Keys, rng: &Rng) -> Result<()> {
    write_new_codes(tx, ledger, keys, rng).await?;
    write_code_changes(tx, ledger).await?;
    write_accounts(tx, ledger).await?;
    write_attempts(tx, ledger).await?;
    write_transfers(tx, ledger).await
}

#[derive(Serialize)]
struct IdentityRow<'a> {
    actor: i64,
    key: &'a str,
}

async fn read_operations(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<()> {
    let identities: Vec<_> =
        operations.iter().map(|o| IdentityRow { actor: o.actor.user_id, key: &o.key }).collect();
    let found: Vec<TransferRow> = sql_for(
        "select t.* from json_each($1) r join transfer t
         on t.actor_id = r.value->>'actor' and t.operation = r.value->>'key' order by t.id",
        r#"select t.* from jsonb_to_recordset($1::jsonb) as r(actor bigint, key text) join transfer t
         on t.actor_id = r.actor and t.operation = r.key collate "C" order by t.id"#,
    )
    .bind(rows(&identities))
    .all(tx)
    .await?;
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

async fn read_codes(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<()> {
    let tags: BTreeSet<String> = operations
        .iter()
        .filter_map(|o| if let Act::Redeem { tag, .. } = &o.act { Some(hex(&tag.0)) } else { None })
        .collect();
    let ids: BTreeSet<i64> = operations
        .iter()
        .filter_map(|o| if let Act::DeleteCode { code_id } = o.act { Some(code_id) } else { None })
        .collect();
    if !tags.is_empty() {
        let found: Vec<CodeRow> = sql_for(
            "select c.* from json_each($1) r join code c on c.tag = unhex(r.value)",
            "select c.* from code c where c.tag in (select decode(value, 'hex') from jsonb_array_elements_text($1::jsonb))
             order by c.id for update",
        )
        .bind(rows(&tags.into_iter().collect::<Vec<_>>()))
        .all(tx)
        .await?;
        keep_codes(found, ledger)?;
    }
    if !ids.is_empty() {
        let found: Vec<CodeRow> = sql_for(
            "select c.* from json_each($1) r join code c on c.id = r.value",
            "select c.* from code c where c.id in (select value::bigint from jsonb_array_elements_text($1::jsonb))
             order by c.id for update",
        )
        .bind(rows(&ids.into_iter().collect::<Vec<_>>()))
        .all(tx)
        .await?;
        keep_codes(found, ledger)?;
    }
    Ok(())
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
    path: String,
    removed_at: Option<i64>,
}

async fn read_companies(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<()> {
    let mut ids: BTreeSet<i64> = ledger.codes.values().map(|c| c.company_id).collect();
    for operation in operations {
        ids.insert(operation.actor.company_id);
        match &operation.act {
            Act::Move { from, to, .. } => ids.extend([*from, *to]),
            Act::CreateCodes { company_id, .. } => ids.extend([*company_id]),
            Act::Issue { .. } | Act::DeleteCode { .. } | Act::Redeem { .. } => {}
        }
    }
    let found: Vec<CompanyRow> = sql_for(
        "select c.id, c.name, c.path, c.removed_at from json_each($1) r join company c on c.id = r.value",
        "select id, name, path, removed_at from company
         where id in (select value::bigint from jsonb_array_elements_text($1::jsonb)) order by id for share",
    )
    .bind(rows(&ids.into_iter().collect::<Vec<_>>()))
    .all(tx)
    .await?;
    for row in found {
        let facts = CompanyFacts {
            name: row.name,
            path: Path::from_stored(row.path),
            removed: row.removed_at.is_some(),
        };
        ledger.companies.insert(row.id, facts);
    }
    Ok(())
}

#[derive(Serialize)]
struct AccountKeyRow {
    company_id: i64,
    resource_type: i64,
    kind: i64,
}

#[derive(FromRow, Serialize)]
struct AccountRow {
    company_id: i64,
    resource_type: i64,
    kind: i64,
    balance: i64,
    received_total: i64,
}

async fn read_accounts(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<()> {
    let keys = accounts_of(operations, ledger);
    let key_rows: Vec<_> = keys
        .iter()
        .map(|k| AccountKeyRow {
            company_id: k.company_id,
            resource_type: k.resource_type.id(),
            kind: k.kind as i64,
        })
        .collect();
    if tx.is_postgres() {
        // Made before they are locked: a row that is not there cannot be.
        sql_for(
            "",
            "insert into account (company_id, resource_type, kind, balance, received_total)
             select company_id, resource_type, kind, 0, 0
             from jsonb_to_recordset($1::jsonb) as r(company_id bigint, resource_type bigint, kind bigint)
             order by 1, 2, 3 on conflict do nothing",
        )
        .bind(rows(&key_rows))
        .run(tx)
        .await?;
    }
    let found: Vec<AccountRow> = sql_for(
        "select a.* from json_each($1) r join account a on a.company_id = r.value->>'company_id'
         and a.resource_type = r.value->>'resource_type' and a.kind = r.value->>'kind'",
        "select a.* from account a where (company_id, resource_type, kind) in
         (select company_id, resource_type, kind
          from jsonb_to_recordset($1::jsonb) as r(company_id bigint, resource_type bigint, kind bigint))
         order by company_id, resource_type, kind for update",
    )
    .bind(rows(&key_rows))
    .all(tx)
    .await?;
    for row in found {
        let key = AccountKey::new(row.company_id, resource_type(row.resource_type)?, kind(row.kind)?);
        ledger.accounts.insert(key, Account { balance: row.balance, received_total: row.received_total });
    }
    Ok(())
}

/// The accounts that the operations may touch, of companies that exist.
fn accounts_of(operations: &[Operation], ledger: &Ledger) -> BTreeSet<AccountKey> {
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
        if ledger.companies.contains_key(&company_id) {
            keys.insert(AccountKey::new(company_id, resource_type, kind));
        }
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
            Act::DeleteCode { code_id } => {
                if let Some(code) = ledger.codes.values().find(|c| c.id == *code_id) {
                    add(code.company_id, code.resource_type, Kind::InCodes);
                    add(code.company_id, code.resource_type, Kind::Available);
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
        }
    }
    keys
}

#[derive(FromRow, Serialize)]
struct ThrottleRow {
    key: String,
    failures: i64,
    last_at: i64,
}

async fn read_attempts(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<()> {
    let keys: BTreeSet<&str> = operations
        .iter()
        .filter_map(|o| if let Act::Redeem { limits, .. } = &o.act { Some(limits) } else { None })
        .flat_map(|limits| limits.iter().map(|l| l.key.as_str()))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let found: Vec<ThrottleRow> = sql_for(
        "select t.* from json_each($1) r join throttle t on t.key = r.value",
        r#"select * from throttle where key in (select value collate "C" from jsonb_array_elements_text($1::jsonb))
         order by key for update"#,
    )
    .bind(rows(&keys.into_iter().collect::<Vec<_>>()))
    .all(tx)
    .await?;
    for row in found {
        ledger.attempts.insert(row.key, Attempts { failures: row.failures, last_at: Moment(row.last_at) });
    }
    Ok(())
}

/// Reserves an id for each transfer and each new code that may come. What is not used is lost.
async fn reserve_ids(tx: &mut Tx, operations: &[Operation], ledger: &mut Ledger) -> Result<()> {
    let codes: i64 = operations
        .iter()
        .map(|o| if let Act::CreateCodes { codes, .. } = &o.act { codes.len() as i64 } else { 0 })
        .sum();
    ledger.code_ids = reserve(tx, "code", codes).await?;
    ledger.ids = reserve(tx, "entry", codes + operations.len() as i64).await?;
    Ok(())
}

/// Takes `count` new ids of a sequence, ascending.
///
/// # Errors
/// Whatever the database says.
pub async fn reserve(tx: &mut Tx, sequence: &'static str, count: i64) -> Result<VecDeque<i64>> {
    if count == 0 {
        return Ok(VecDeque::new());
    }
    let ids: Vec<(i64,)> = if tx.is_postgres() {
        sql_for("", "select nextval($1::text || '_id') from generate_series(1, $2)")
            .bind(sequence)
            .bind(count)
            .all(tx)
            .await?
    } else {
        let (next,): (i64,) =
            sql_for("update counter set next = next + $2 where name = $1 returning next", "")
                .bind(sequence)
                .bind(count)
                .one(tx)
                .await?;
        (next - count..next).map(|id| (id,)).collect()
    };
    Ok(ids.into_iter().map(|r| r.0).collect())
}

#[derive(Serialize)]
struct NewCodeRow<'a> {
    tag: String,
    id: i64,
    company_id: i64,
    resource_type: i64,
    amount: i64,
    suffix_tag: i64,
    key_version: i64,
    sealed: String,
    comment: &'a str,
    comment_search: String,
    created_by: i64,
    created_at: i64,
}

async fn write_new_codes(tx: &mut Tx, ledger: &Ledger, keys: &Keys, rng: &Rng) -> Result<()> {
    let makers: HashMap<i64, &Transfer> = ledger
        .changes
        .transfers
        .iter()
        .filter(|t| t.cause == Cause::CreateCode)
        .filter_map(|t| Some((t.code_id?, t)))
        .collect();
    let new: Vec<NewCodeRow> = ledger
        .changes
        .new_codes
        .iter()
        .filter_map(|(facts, new, comment)| {
            let maker = makers.get(&facts.id)?;
            let (key_version, sealed) = keys.seal(&new.code, facts, rng);
            Some(NewCodeRow {
                tag: hex(&facts.tag.0),
                id: facts.id,
                company_id: facts.company_id,
                resource_type: facts.resource_type.id(),
                amount: facts.amount,
                suffix_tag: new.suffix_tag,
                key_version,
                sealed: hex(&sealed),
                comment,
                comment_search: crate::model::company::searchable(comment),
                created_by: maker.actor.user_id,
                created_at: maker.at.0,
            })
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    sql_for(
        "insert into code (tag, id, company_id, resource_type, amount, status, suffix_tag, key_version, sealed,
             comment, comment_search, created_by, created_at)
         select unhex(value->>'tag'), value->>'id', value->>'company_id', value->>'resource_type',
             value->>'amount', 0, value->>'suffix_tag', value->>'key_version', unhex(value->>'sealed'),
             value->>'comment', value->>'comment_search', value->>'created_by', value->>'created_at'
         from json_each($1)",
        "insert into code (tag, id, company_id, resource_type, amount, status, suffix_tag, key_version, sealed,
             comment, comment_search, created_by, created_at)
         select decode(tag, 'hex'), id, company_id, resource_type, amount, 0, suffix_tag, key_version,
             decode(sealed, 'hex'), comment, comment_search, created_by, created_at
         from jsonb_to_recordset($1::jsonb) as r(tag text, id bigint, company_id bigint, resource_type bigint,
             amount bigint, suffix_tag bigint, key_version bigint, sealed text, comment text,
             comment_search text, created_by bigint, created_at bigint)",
    )
    .bind(rows(&new))
    .run(tx)
    .await?;
    Ok(())
}

#[derive(Serialize)]
struct CodeChangeRow<'a> {
    tag: String,
    status: i64,
    at: i64,
    user_id: i64,
    company_id: i64,
    company_name: &'a str,
}

async fn write_code_changes(tx: &mut Tx, ledger: &Ledger) -> Result<()> {
    let changes: Vec<_> = ledger
        .changes
        .codes
        .values()
        .map(|c| CodeChangeRow {
            tag: hex(&c.tag.0),
            status: c.status as i64,
            at: c.at.0,
            user_id: c.user_id,
            company_id: c.company_id,
            company_name: &c.company_name,
        })
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    sql_for(
        "update code set status = r.value->>'status', ended_at = r.value->>'at', ended_by = r.value->>'user_id',
             ended_company_id = r.value->>'company_id', ended_company_name = r.value->>'company_name'
         from json_each($1) r where code.tag = unhex(r.value->>'tag')",
        "update code set status = r.status, ended_at = r.at, ended_by = r.user_id,
             ended_company_id = r.company_id, ended_company_name = r.company_name
         from jsonb_to_recordset($1::jsonb) as r(tag text, status bigint, at bigint, user_id bigint,
             company_id bigint, company_name text) where code.tag = decode(r.tag, 'hex')",
    )
    .bind(rows(&changes))
    .run(tx)
    .await?;
    Ok(())
}

async fn write_accounts(tx: &mut Tx, ledger: &Ledger) -> Result<()> {
    let mut changed: Vec<_> = ledger.changes.accounts.iter().copied().collect();
    changed.sort_unstable();
    let accounts: Vec<_> = changed
        .into_iter()
        .filter_map(|key| {
            let account = ledger.accounts.get(&key)?;
            Some(AccountRow {
                company_id: key.company_id,
                resource_type: key.resource_type.id(),
                kind: key.kind as i64,
                balance: account.balance,
                received_total: account.received_total,
            })
        })
        .collect();
    if accounts.is_empty() {
        return Ok(());
    }
    sql_for(
        "insert into account (company_id, resource_type, kind, balance, received_total)
         select value->>'company_id', value->>'resource_type', value->>'kind', value->>'balance',
             value->>'received_total' from json_each($1) where true
         on conflict (company_id, resource_type, kind)
         do update set balance = excluded.balance, received_total = excluded.received_total",
        "update account a set balance = r.balance, received_total = r.received_total
         from jsonb_to_recordset($1::jsonb) as r(company_id bigint, resource_type bigint, kind bigint,
             balance bigint, received_total bigint)
         where a.company_id = r.company_id and a.resource_type = r.resource_type and a.kind = r.kind",
    )
    .bind(rows(&accounts))
    .run(tx)
    .await?;
    Ok(())
}

async fn write_attempts(tx: &mut Tx, ledger: &Ledger) -> Result<()> {
    let mut changed: Vec<_> = ledger
        .changes
        .attempts
        .iter()
        .filter_map(|key| {
            let attempts = ledger.attempts.get(key)?;
            Some(ThrottleRow { key: key.clone(), failures: attempts.failures, last_at: attempts.last_at.0 })
        })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    changed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    sql_for(
        "insert into throttle (key, failures, last_at)
         select value->>'key', value->>'failures', value->>'last_at' from json_each($1) where true
         on conflict (key) do update set failures = excluded.failures, last_at = excluded.last_at",
        "insert into throttle (key, failures, last_at)
         select key, failures, last_at from jsonb_to_recordset($1::jsonb) as r(key text, failures bigint, last_at bigint)
         on conflict (key) do update set failures = excluded.failures, last_at = excluded.last_at",
    )
    .bind(rows(&changed))
    .run(tx)
    .await?;
    Ok(())
}

#[derive(Serialize)]
struct NewTransferRow<'a> {
    id: i64,
    actor_id: i64,
    actor_company_id: i64,
    address: &'a str,
    operation: &'a str,
    seq: i64,
    fingerprint: String,
    at: i64,
    cause: &'static str,
    resource_type: i64,
    amount: i64,
    from_company_id: i64,
    from_kind: i64,
    to_company_id: i64,
    to_kind: i64,
    from_balance: i64,
    to_balance: i64,
    from_name: &'a str,
    to_name: &'a str,
    code_id: Option<i64>,
    memo: &'a str,
}

async fn write_transfers(tx: &mut Tx, ledger: &Ledger) -> Result<()> {
    let new: Vec<_> = ledger.changes.transfers.iter().map(NewTransferRow::from).collect();
    if new.is_empty() {
        return Ok(());
    }
    sql_for(
        "insert into transfer (id, actor_id, actor_company_id, address, operation, seq, fingerprint, at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, code_id, memo)
         select value->>'id', value->>'actor_id', value->>'actor_company_id', value->>'address',
             value->>'operation', value->>'seq', unhex(value->>'fingerprint'), value->>'at', value->>'cause',
             value->>'resource_type', value->>'amount', value->>'from_company_id', value->>'from_kind',
             value->>'to_company_id', value->>'to_kind', value->>'from_balance', value->>'to_balance',
             value->>'from_name', value->>'to_name', value->>'code_id', value->>'memo'
         from json_each($1)",
        "insert into transfer (id, actor_id, actor_company_id, address, operation, seq, fingerprint, at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, code_id, memo)
         select id, actor_id, actor_company_id, address, operation, seq, decode(fingerprint, 'hex'), at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, code_id, memo
         from jsonb_to_recordset($1::jsonb) as r(id bigint, actor_id bigint, actor_company_id bigint, address text,
             operation text, seq bigint, fingerprint text, at bigint, cause text, resource_type bigint,
             amount bigint, from_company_id bigint, from_kind bigint, to_company_id bigint, to_kind bigint,
             from_balance bigint, to_balance bigint, from_name text, to_name text, code_id bigint, memo text)",
    )
    .bind(rows(&new))
    .run(tx)
    .await?;
    Ok(())
}

impl<'a> From<&'a Transfer> for NewTransferRow<'a> {
    fn from(t: &'a Transfer) -> NewTransferRow<'a> {
        NewTransferRow {
            id: t.id,
            actor_id: t.actor.user_id,
            actor_company_id: t.actor.company_id,
            address: &t.actor.address,
            operation: &t.operation,
            seq: t.seq,
            fingerprint: hex(&t.fingerprint.0),
            at: t.at.0,
            cause: t.cause.slug(),
            resource_type: t.resource_type.id(),
            amount: t.amount,
            from_company_id: t.from.0,
            from_kind: t.from.1 as i64,
            to_company_id: t.to.0,
            to_kind: t.to.1 as i64,
            from_balance: t.from_balance,
            to_balance: t.to_balance,
            from_name: &t.from_name,
            to_name: &t.to_name,
            code_id: t.code_id,
            memo: &t.memo,
        }
    }
}

/// A row of `transfer` as it stands.
#[derive(FromRow)]
pub struct TransferRow {
    id: i64,
    actor_id: i64,
    actor_company_id: i64,
    address: String,
    operation: String,
    seq: i64,
    fingerprint: Vec<u8>,
    at: i64,
    cause: String,
    resource_type: i64,
    amount: i64,
    from_company_id: i64,
    from_kind: i64,
    to_company_id: i64,
    to_kind: i64,
    from_balance: i64,
    to_balance: i64,
    from_name: String,
    to_name: String,
    code_id: Option<i64>,
    memo: String,
}

impl TryFrom<TransferRow> for Transfer {
    type Error = DbError;

    fn try_from(row: TransferRow) -> Result<Transfer> {
        Ok(Transfer {
            id: row.id,
            actor: Actor { user_id: row.actor_id, company_id: row.actor_company_id, address: row.address },
            operation: row.operation,
            seq: row.seq,
            fingerprint: Fingerprint(row.fingerprint.try_into().map_err(|_| corrupt("fingerprint"))?),
            at: Moment(row.at),
            cause: Cause::try_from(row.cause).map_err(decode)?,
            resource_type: resource_type(row.resource_type)?,
            amount: row.amount,
            from: (row.from_company_id, kind(row.from_kind)?),
            to: (row.to_company_id, kind(row.to_kind)?),
            from_balance: row.from_balance,
            to_balance: row.to_balance,
            from_name: row.from_name,
            to_name: row.to_name,
            code_id: row.code_id,
            memo: row.memo,
        })
    }
}

/// A row of `code` as far as the ledger looks at it.
#[derive(FromRow)]
struct CodeRow {
    id: i64,
    tag: Vec<u8>,
    company_id: i64,
    resource_type: i64,
    amount: i64,
    status: i64,
    expires_at: Option<i64>,
    ended_at: Option<i64>,
}

impl CodeRow {
    fn facts(self) -> Result<CodeFacts> {
        Ok(CodeFacts {
            id: self.id,
            tag: Tag(self.tag.try_into().map_err(|_| corrupt("tag"))?),
            company_id: self.company_id,
            resource_type: resource_type(self.resource_type)?,
            amount: self.amount,
            status: CodeStatus::try_from(self.status).map_err(decode)?,
            expires_at: self.expires_at.map(Moment),
            used_at: self.ended_at.map(Moment),
        })
    }
}

/// The transfers of one operation, in order; none where it has not happened.
///
/// # Errors
/// Whatever the database says.
pub async fn operation(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Vec<Transfer>> {
    let found: Vec<TransferRow> = super::db::sql(
        "select * from transfer where actor_id = $1 and operation = $2 order by seq limit 1000",
    )
    .bind(actor_id)
    .bind(key)
    .all(tx)
    .await?;
    found.into_iter().map(Transfer::try_from).collect()
}

fn resource_type(id: i64) -> Result<ResourceType> {
    ResourceType::try_from(id).map_err(decode)
}

fn kind(number: i64) -> Result<Kind> {
    Kind::try_from(number).map_err(decode)
}

/// A value in the database that no Scrip wrote.
pub fn decode(error: impl std::error::Error + Send + Sync + 'static) -> DbError {
    DbError(sqlx::Error::Decode(Box::new(error)))
}

fn corrupt(column: &str) -> DbError {
    DbError(sqlx::Error::Decode(format!("{column} has a wrong length").into()))
}
