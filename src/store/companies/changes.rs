//! Changes to companies and their tree, and what prevents them.

use crate::model::company::{Path, searchable};
use crate::model::time::Moment;
use crate::store::db::{Result, Tx, WriteTx, sql};
use sqlx::FromRow;

/// A company that is being changed, locked until the end of the transaction.
#[derive(FromRow)]
pub struct LockedCompany {
    pub id: i64,
    pub name: String,
    pub path: String,
    pub level: i64,
}

/// Locks companies of a tree by ascending id.
pub async fn lock(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<LockedCompany>> {
    sql("select id, name, path, level from company
         where id in {list} and removed_at is null and path >= $2 and path < $3 order by id")
    .locked()
    .bind_list(ids)
    .bind_tree(tree)
    .all(tx)
    .await
}

/// Adds a company below another one, or the root.
pub async fn insert(tx: &mut WriteTx, name: &str, parent: Option<(i64, &Path)>, now: Moment) -> Result<i64> {
    let id = crate::store::ledger::reserve(tx, "company", 1).await?[0];
    let path = Path::of(parent.map(|p| p.1), id);
    sql("insert into company (id, name, name_search, parent_id, path, level, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)")
    .bind(id)
    .bind(name)
    .bind(searchable(name))
    .bind(parent.map(|p| p.0))
    .bind(path.as_str())
    .bind(path.level() as i64)
    .bind(now)
    .run(tx)
    .await?;
    Ok(id)
}

/// Renames a company.
pub async fn rename(tx: &mut WriteTx, id: i64, name: &str) -> Result<()> {
    sql("update company set name = $2, name_search = $3 where id = $1")
        .bind(id)
        .bind(name)
        .bind(searchable(name))
        .run(tx)
        .await?;
    Ok(())
}

/// Sets whether a company uses its parent's credits.
pub async fn set_use_parent_credits(tx: &mut WriteTx, id: i64, on: bool) -> Result<()> {
    sql("update company set use_parent_credits = $2 where id = $1").bind(id).bind(on).run(tx).await?;
    Ok(())
}

/// Sets whether users of a company and of those below it must have a second factor, and which company demands it.
pub async fn set_second_factor_demand(tx: &mut WriteTx, id: i64, demanded_by: Option<i64>) -> Result<()> {
    sql("update company set demands_second_factor = $2, second_factor_demanded_by = $3 where id = $1")
        .bind(id)
        .bind(demanded_by.is_some())
        .bind(demanded_by)
        .run(tx)
        .await?;
    Ok(())
}

/// Path and name of the company whose administrator demands a second factor of a company's users.
pub async fn second_factor_demand(tx: &mut Tx, id: i64) -> Result<Option<(Path, String)>> {
    let found: Option<(String, String)> = sql("select d.path, d.name from company c
         join company d on d.id = c.second_factor_demanded_by where c.id = $1 and c.demands_second_factor = 1")
    .bind(id)
    .optional(tx)
    .await?;
    Ok(found.map(|(path, name)| (Path::from_stored(path), name)))
}

/// Takes the lock on the tree's shape: the root's row.
pub async fn lock_tree(tx: &mut Tx) -> Result<()> {
    let _: Option<(i64,)> =
        sql("select id from company where level = 0").locking(" for no key update").optional(tx).await?;
    Ok(())
}

/// Moves a company and everything below it to another parent. Rows change in the order of ids.
pub async fn put_under(tx: &mut WriteTx, id: i64, old: &Path, parent_id: i64, parent: &Path) -> Result<()> {
    let new = Path::of(Some(parent), id);
    if tx.is_postgres() {
        let _: Vec<(i64,)> = sql("select id from company where path >= $1 and path < $2 order by id")
            .locked()
            .bind_tree(old)
            .all(tx)
            .await?;
    }
    sql("update company set parent_id = $2 where id = $1").bind(id).bind(parent_id).run(tx).await?;
    sql("update company set path = $1 || substr(path, cast($2 as integer)), level = level + $3
         where path >= $4 and path < $5")
    .bind(new.as_str())
    .bind(old.as_str().len() as i64 + 1)
    .bind(new.level() as i64 - old.level() as i64)
    .bind_tree(old)
    .run(tx)
    .await?;
    Ok(())
}

/// The deepest level in a tree.
pub async fn deepest_level(tx: &mut Tx, tree: &Path) -> Result<i64> {
    let (level,): (i64,) =
        sql("select cast(coalesce(max(level), 0) as bigint) from company where path >= $1 and path < $2")
            .bind_tree(tree)
            .one(tx)
            .await?;
    Ok(level)
}

/// What prevents the removal of companies.
#[derive(FromRow)]
pub struct Holdings {
    pub id: i64,
    pub balances: i64,
    pub unused_codes: i64,
    pub subsidiaries: i64,
    pub users: i64,
    pub open_orders: i64,
    pub devices: i64,
}

/// Counts the holdings of locked companies, by ascending id.
pub async fn holdings(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Holdings>> {
    sql("select cast(c.value as bigint) as id,
             (select count(*) from account a where a.company_id = c.value and a.kind = 0 and a.balance > 0) as balances,
             (select count(*) from code k where k.company_id = c.value and k.status = 0) as unused_codes,
             (select count(*) from company s where s.parent_id = c.value and s.removed_at is null) as subsidiaries,
             (select count(*) from person u
                 where u.company_id = c.value and u.disabled_at is null and u.is_service = 0) as users,
             (select count(*) from purchase_order b where b.company_id = c.value
                 and (b.state = 'awaiting_payment' or b.codes_made < b.codes_wanted)) as open_orders,
             (select o.devices from company o where o.id = c.value) as devices
         from {list} c order by 1")
    .bind_list(ids)
    .all(tx)
    .await
}

/// Marks companies as removed; their rows stay.
pub async fn remove(tx: &mut WriteTx, ids: &[i64], now: Moment) -> Result<()> {
    sql("update company set removed_at = $2 where id in {list}").bind_list(ids).bind(now).run(tx).await?;
    Ok(())
}
