//! Pools: what a company holds of a resource type.

mod list;

use sqlx::FromRow;

use super::db::{Result, Tx, sql};
use crate::model::company::Path;
use crate::model::ledger::Kind;
use crate::model::resources::ResourceType;

pub use list::{ListedPool, PoolFilter, count, list, list_query, pool_id, pool_of};

/// A company's balances of one resource type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    pub resource_type: ResourceType,
    /// Usable now.
    pub left: i64,
    pub in_codes: i64,
    pub spent: i64,
    /// Everything that the company ever received.
    pub received_total: i64,
}

#[derive(FromRow)]
struct BalanceRow {
    resource_type: i64,
    kind: i64,
    balance: i64,
    received_total: i64,
}

/// The pools that a company has or ever had, in the order of types.
pub async fn of_company(tx: &mut Tx, company_id: i64) -> Result<Vec<Pool>> {
    let found: Vec<BalanceRow> = sql("select resource_type, kind, balance, received_total from account
         where company_id = $1 and kind < 3 order by resource_type, kind")
    .bind(company_id)
    .all(tx)
    .await?;
    to_pools(found)
}

/// The pools of a whole tree together. Moves inside the tree do not count as received: the total is what the tree holds
/// and has used.
pub async fn of_tree(tx: &mut Tx, tree: &Path) -> Result<Vec<Pool>> {
    let found: Vec<BalanceRow> = sql("select a.resource_type, a.kind, cast(sum(a.balance) as bigint) as balance,
             cast(0 as bigint) as received_total
         from company c join account a on a.company_id = c.id
         where c.path >= $1 and c.path < $2 and a.kind < 4 group by a.resource_type, a.kind order by 1, 2")
    .bind_tree(tree)
    .all(tx)
    .await?;
    let totals: Vec<(i64, i64)> = found.iter().map(|r| (r.resource_type, r.balance)).collect();
    let mut pools = to_pools(found)?;
    for pool in &mut pools {
        let of_type = totals.iter().filter(|(t, _)| *t == pool.resource_type.id());
        pool.received_total = of_type.map(|(_, balance)| balance).sum();
    }
    Ok(pools)
}

fn to_pools(rows: Vec<BalanceRow>) -> Result<Vec<Pool>> {
    let mut pools: Vec<Pool> = Vec::new();
    for row in rows {
        let resource_type = ResourceType::try_from(row.resource_type).map_err(super::ledger::decode)?;
        if pools.last().is_none_or(|p| p.resource_type != resource_type) {
            pools.push(Pool { resource_type, left: 0, in_codes: 0, spent: 0, received_total: 0 });
        }
        let Some(pool) = pools.last_mut() else { continue };
        match Kind::try_from(row.kind).map_err(super::ledger::decode)? {
            Kind::Available => (pool.left, pool.received_total) = (row.balance, row.received_total),
            Kind::InCodes => pool.in_codes = row.balance,
            Kind::Spent => pool.spent = row.balance,
            Kind::Expired | Kind::Issued => {}
        }
    }
    // On PostgreSQL an account's row is created before it is used.
    pools.retain(|p| p.received_total + p.left + p.in_codes + p.spent > 0);
    Ok(pools)
}

/// What a company can use now of one type.
pub async fn balance(tx: &mut Tx, company_id: i64, resource_type: ResourceType) -> Result<i64> {
    let row: Option<(i64,)> =
        sql("select balance from account where company_id = $1 and resource_type = $2 and kind = 0")
            .bind(company_id)
            .bind(resource_type)
            .optional(tx)
            .await?;
    Ok(row.map_or(0, |r| r.0))
}

/// Each change of a company's balance since a moment: when, and the balance after it.
pub async fn balance_history(
    tx: &mut Tx,
    company_id: i64,
    resource_type: ResourceType,
    since: crate::model::time::Moment,
) -> Result<Vec<(i64, i64)>> {
    sql("select at, balance from (
             select t.id, t.at, t.from_balance as balance from transfer t where t.from_company_id = $1
                 and t.from_kind = 0 and t.resource_type = $2 and t.at >= $3
             union all
             select t.id, t.at, t.to_balance from transfer t where t.to_company_id = $1
                 and t.to_kind = 0 and t.resource_type = $2 and t.at >= $3
             order by id desc limit 500) recent order by id")
    .bind(company_id)
    .bind(resource_type)
    .bind(since)
    .all(tx)
    .await
}
