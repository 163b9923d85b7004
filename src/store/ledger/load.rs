//! Loads what a batch may touch, in rounds: what the operations name, then what that leads to, until their footprint
//! adds nothing. Knows no command by name.
//!
//! SQLite has one writer: what a round reads cannot change, and a round is one hand-over to its thread. On PostgreSQL
//! the rounds take no lock. Then everything is locked in a fixed order (codes, companies, accounts, devices, attempts) and read again. If something has moved so that the footprint asks for more, the batch is retried.

use std::collections::{BTreeSet, HashMap};

use sqlx::FromRow;

use super::devices::{self, DeviceRow};
use super::rows::{AccountRow, CodeRow, OperationRow, ThrottleRow, TransferRow, kind, resource_type};
use super::{reservation, reserved};
use crate::model::company::Path;
use crate::model::ledger::{Account, AccountKey, CompanyFacts, Found, Identity, Ledger, Operation, Transfer, Wanted};
use crate::model::throttle::Attempts;
use crate::model::time::Moment;
use crate::store::db::{DbError, Hex, Query, Result, Tx, WriteTx, all_of, columns, sql};
use crate::store::operations;

/// Loads, and on PostgreSQL locks, everything that deciding the operations needs.
///
/// # Errors
/// [`DbError::met`] if something moved between reading and locking.
pub async fn load(tx: &mut WriteTx, operations: &[Operation]) -> Result<Ledger> {
    let mut ledger = Ledger::default();
    if !tx.is_postgres() {
        let mut batch = Some(operations);
        loop {
            let wanted = ledger.wanted(operations);
            if wanted.is_empty() && batch.is_none() {
                return Ok(ledger);
            }
            read(tx, &mut ledger, wanted, batch.take(), Locks::None).await?;
        }
    }
    loop {
        let wanted = leads(ledger.wanted(operations));
        if wanted.is_empty() {
            break;
        }
        read(tx, &mut ledger, wanted, None, Locks::None).await?;
    }
    let wanted = ledger.wanted(operations);
    let all = Wanted { accounts: wanted.accounts, attempts: wanted.attempts, ..ledger.held() };
    let all = Wanted { new_transfers: wanted.new_transfers, new_codes: wanted.new_codes, ..all };
    read(tx, &mut ledger, all, Some(operations), Locks::Taken).await?;
    if ledger.wanted(operations).is_empty() { Ok(ledger) } else { Err(DbError::met()) }
}

/// The part that may lead to more. Accounts and wrong codes lead nowhere: they are read once, when they are locked.
fn leads(wanted: Wanted) -> Wanted {
    let Wanted { tags, code_ids, companies, devices, arrivals, .. } = wanted;
    Wanted { tags, code_ids, companies, devices, arrivals, ..Wanted::default() }
}

/// Whether rows are locked until the transaction ends; SQLite needs no locks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locks {
    None,
    Taken,
}

impl Locks {
    fn of(self, query: Query, suffix: &'static str) -> Query {
        match self {
            Locks::None => query,
            Locks::Taken => query.push_for("", suffix),
        }
    }
}

/// Reads what is wanted, and which operations of the batch have happened.
async fn read(
    tx: &mut WriteTx,
    ledger: &mut Ledger,
    wanted: Wanted,
    batch: Option<&[Operation]>,
    locks: Locks,
) -> Result<()> {
    let (new_codes, new_transfers) = (wanted.new_codes as i64, wanted.new_transfers as i64);
    let identities = batch.map(identities);
    let accounts: Vec<_> = wanted.accounts.iter().map(|key| AccountKeyRow::from(*key)).collect();
    let accounts = (!accounts.is_empty()).then_some(accounts.as_slice());
    let tags: Vec<Hex> = wanted.tags.iter().map(|tag| Hex::of(&tag.0)).collect();
    let is_locked = locks == Locks::Taken;
    let [happened, by_tag, by_id, companies, _, accounts, devices, arriving, attempts, codes, ids] = all_of(
        tx,
        [
            identities.as_deref().map(happened_query),
            Some(tags.as_slice()).filter(|tags| !tags.is_empty()).map(codes_by_tag),
            some(&wanted.code_ids).map(codes_by_id).map(|query| locks.of(query, " order by c.id for update")),
            some(&wanted.companies).map(companies_query).map(|query| locks.of(query, " order by c.id for share of c")),
            accounts.filter(|_| is_locked).map(new_accounts_query),
            accounts.map(accounts_query).map(|query| locks.of(query, ACCOUNTS_LOCKED)),
            some(&wanted.devices).map(devices::by_id).map(|query| locks.of(query, " order by d.id for update")),
            devices::waiting(&wanted.arrivals),
            some(&wanted.attempts).map(attempts_query).map(|query| locks.of(query, " order by t.key for update")),
            reservation("code", new_codes),
            reservation("entry", new_transfers),
        ],
    )
    .await?;
    let happened: Vec<HappenedRow> = happened.read()?;
    let operations = transfers_of(tx, &happened).await?;
    let codes_found = [by_tag.read::<CodeRow>()?, by_id.read::<CodeRow>()?].into_iter().flatten();
    let devices_found = [devices.read::<DeviceRow>()?, arriving.read::<DeviceRow>()?].into_iter().flatten();
    let found = Found {
        codes: codes_found.map(CodeRow::facts).collect::<Result<_>>()?,
        companies: companies.read::<CompanyRow>()?.into_iter().map(CompanyRow::facts).collect(),
        devices: devices_found.map(DeviceRow::facts).collect::<Result<_>>()?,
        accounts: accounts.read::<AccountRow>()?.iter().map(account).collect::<Result<_>>()?,
        attempts: attempts.read::<ThrottleRow>()?.into_iter().map(attempts_of).collect(),
        other_writes: happened.iter().filter(|o| !o.is_transfers()).map(HappenedRow::identity).collect(),
        operations,
        transfer_ids: reserved(&ids, new_transfers)?,
        code_ids: reserved(&codes, new_codes)?,
    };
    ledger.supply(&wanted, found);
    Ok(())
}

/// A list, unless it is empty.
fn some<T>(list: &BTreeSet<T>) -> Option<&BTreeSet<T>> {
    Some(list).filter(|list| !list.is_empty())
}

/// Whether operations that were unknown when the batch was loaded have happened since: another process ran them as
/// well, and that is what this batch then waited for.
pub async fn happened_meanwhile(tx: &mut Tx, ledger: &Ledger, refused: &[Operation]) -> Result<bool> {
    let found: Vec<HappenedRow> = happened_query(&identities(refused)).all(tx).await?;
    Ok(found.iter().any(|operation| !ledger.has_happened(&operation.identity())))
}

fn identities(operations: &[Operation]) -> Vec<IdentityRow<'_>> {
    operations.iter().map(|o| IdentityRow { key: &o.id, actor_id: o.actor.user_id }).collect()
}

columns! {
    struct IdentityRow<'a> {
        key: &'a str,
        actor_id: i64,
    }
}

/// An operation that has happened; without transfers if it was another write.
#[derive(FromRow)]
struct HappenedRow {
    key: String,
    actor_id: i64,
    first_transfer: Option<i64>,
    last_transfer: Option<i64>,
}

impl HappenedRow {
    fn identity(&self) -> Identity {
        (self.actor_id, self.key.clone())
    }

    fn is_transfers(&self) -> bool {
        self.first_transfer.is_some()
    }
}

fn happened_query(identities: &[IdentityRow]) -> Query {
    sql("select o.key, o.actor_id, o.first_transfer, o.last_transfer
         from {rows} r join operation o on o.key = r.key and o.actor_id = r.actor_id")
    .bind_rows(identities)
}

/// The transfers of operations that have happened.
async fn transfers_of(tx: &mut WriteTx, happened: &[HappenedRow]) -> Result<HashMap<Identity, Vec<Transfer>>> {
    let rows: Vec<OperationRow> = happened
        .iter()
        .filter_map(|o| {
            let (first_transfer, last_transfer) = (o.first_transfer?, o.last_transfer?);
            Some(OperationRow { key: &o.key, actor_id: o.actor_id, first_transfer, last_transfer })
        })
        .collect();
    let mut operations: HashMap<Identity, Vec<Transfer>> = HashMap::new();
    if rows.is_empty() {
        return Ok(operations);
    }
    let query = operations::join_transfers(sql("select t.* from {rows} o")).push(" order by t.id");
    let found: Vec<TransferRow> = query.bind_rows(&rows).all(tx).await?;
    for row in found {
        let transfer = Transfer::try_from(row)?;
        let identity = (transfer.actor.user_id, transfer.operation_id.clone());
        let transfers = operations.entry(identity).or_default();
        // The same id twice in one batch finds the same rows twice.
        if transfers.last().is_none_or(|last| last.id < transfer.id) {
            transfers.push(transfer);
        }
    }
    Ok(operations)
}

macro_rules! codes_sql {
    ($which:literal) => {
        concat!(
            "select c.id, c.tag, c.company_id, c.resource_type, c.amount, c.status, c.expires_at, c.order_id,
                 c.order_line, c.ended_at, ",
            $crate::store::orders::is_disputed!("c"),
            " from code c where ",
            $which
        )
    };
}

fn codes_by_tag(tags: &[Hex]) -> Query {
    sql(codes_sql!("c.tag in {list}")).bind_list(tags)
}

fn codes_by_id(ids: &BTreeSet<i64>) -> Query {
    sql(codes_sql!("c.id in {list}")).bind_list(ids)
}

#[derive(FromRow)]
struct CompanyRow {
    id: i64,
    name: String,
    parent_name: Option<String>,
    path: String,
    removed_at: Option<i64>,
    use_parent_credits: i64,
    /// How many of its balances have waiting devices.
    waited_for: i64,
}

impl CompanyRow {
    fn facts(self) -> (i64, CompanyFacts) {
        let facts = CompanyFacts {
            name: self.name,
            parent_name: self.parent_name,
            path: Path::from_stored(self.path),
            removed: self.removed_at.is_some(),
            uses_parent_credits: self.use_parent_credits == 1,
            is_waited_for: self.waited_for > 0,
        };
        (self.id, facts)
    }
}

fn companies_query(ids: &BTreeSet<i64>) -> Query {
    sql("select c.id, c.name, p.name as parent_name, c.path, c.removed_at, c.use_parent_credits,
             (select count(*) from account a where a.company_id = c.id and a.waiting > 0) as waited_for
         from company c left join company p on p.id = c.parent_id where c.id in {list}")
    .bind_list(ids)
}

columns! {
    struct AccountKeyRow {
        company_id: i64,
        resource_type: i64,
        kind: i64,
    }
}

impl From<AccountKey> for AccountKeyRow {
    fn from(key: AccountKey) -> AccountKeyRow {
        let (company_id, resource_type) = (key.company_id, key.resource_type.id());
        AccountKeyRow { company_id, resource_type, kind: key.kind as i64 }
    }
}

/// PostgreSQL only: creates accounts before they are locked, because a missing row cannot be locked.
fn new_accounts_query(accounts: &[AccountKeyRow]) -> Query {
    sql("insert into account (company_id, resource_type, kind, balance, received_total)
         select r.company_id, r.resource_type, r.kind, 0, 0 from {rows} r
         join company c on c.id = r.company_id where true order by 1, 2, 3 on conflict do nothing")
    .bind_rows(accounts)
}

const ACCOUNTS_LOCKED: &str = " order by a.company_id, a.resource_type, a.kind for update of a";

fn accounts_query(accounts: &[AccountKeyRow]) -> Query {
    sql("select a.company_id, a.resource_type, a.kind, a.balance, a.received_total, a.received_at
         from {rows} r join account a
         on a.company_id = r.company_id and a.resource_type = r.resource_type and a.kind = r.kind")
    .bind_rows(accounts)
}

fn account(row: &AccountRow) -> Result<(AccountKey, Account)> {
    let key = AccountKey::new(row.company_id, resource_type(row.resource_type)?, kind(row.kind)?);
    Ok((key, row.account()))
}

fn attempts_query(keys: &BTreeSet<String>) -> Query {
    sql("select t.key, t.failures, t.last_at from throttle t where t.key in {list}").bind_list(keys)
}

fn attempts_of(row: ThrottleRow) -> (String, Attempts) {
    (row.key, Attempts { failures: row.failures, last_at: Moment(row.last_at) })
}
