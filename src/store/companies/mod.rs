//! Companies: a tree with materialised paths.

mod changes;
mod list;
mod search;
mod sorted;

use super::db::{Result, Tx, sql};
use crate::model::company::Path;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

pub use changes::{
    Holdings, LockedCompany, deepest_level, holdings, insert, lock, lock_tree, put_under, remove, rename,
    second_factor_demand, set_second_factor_demand, set_use_parent_credits,
};
pub use list::{CompanyFilter, Sort, Way, list, list_query, subsidiaries, subsidiaries_query};
pub use search::{escape_like, named, search, search_query};
pub use sorted::{SortKey, SortedFilter, count_sorted, list_sorted, sorted_query};

/// A company as stored.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct Company {
    pub id: i64,
    pub name: String,
    pub parent_id: Option<i64>,
    pub parent_name: Option<String>,
    pub path: String,
    pub level: i64,
    pub use_parent_credits: i64,
    pub may_buy_vouchers: i64,
    /// What it has bought of data, in MiB.
    #[serde(default)]
    pub data_mebibytes: i64,
    /// The operator's word on whether it may buy for its own pool; `None` follows the setting.
    #[serde(default)]
    pub may_buy_for_itself: Option<i64>,
    /// Whether its purchases are without VAT.
    #[serde(default)]
    pub reverse_charge: i64,
    pub demands_second_factor: i64,
    /// The company that demands a second factor of its users: itself or one above it.
    #[serde(default)]
    pub second_factor_demander: Option<String>,
    pub created_at: i64,
    pub users: i64,
    pub devices: i64,
    pub monitored: i64,
    pub credits_left: i64,
    pub subsidiaries: i64,
}

impl Company {
    #[must_use]
    pub fn path(&self) -> Path {
        Path::from_stored(self.path.clone())
    }

    #[must_use]
    pub fn uses_parent_credits(&self) -> bool {
        self.use_parent_credits == 1
    }

    /// Whether its users must have a second factor.
    #[must_use]
    pub fn demands_second_factor(&self) -> bool {
        self.demands_second_factor == 1
    }
}

/// Who demands a second factor of the users of a company `c`: the uppermost company on its path that does. If no
/// company demands one, nothing is walked.
macro_rules! demander_column {
    () => {
        "case when exists (select 1 from company where demands_second_factor = 1) then
             (select d.name from company d where d.id = (with recursive up(id, parent_id, level, demands, by_id) as (
                 select x.id, x.parent_id, x.level, x.demands_second_factor, x.second_factor_demanded_by
                 from company x where x.id = c.id
                 union all select x.id, x.parent_id, x.level, x.demands_second_factor, x.second_factor_demanded_by
                 from up join company x on x.id = up.parent_id)
              select by_id from up where demands = 1 order by level limit 1)) end as second_factor_demander"
    };
}

pub(crate) use demander_column;

/// Facts computed for a company's row, only for rows that are shown.
macro_rules! company_columns {
    () => {
        concat!(
            "select c.id, c.name, c.parent_id, p.name as parent_name, c.path, c.level, c.use_parent_credits,
             c.may_buy_vouchers, c.may_buy_for_itself, c.data_mebibytes, c.reverse_charge, c.demands_second_factor, c.created_at, c.devices, c.monitored,
             ",
            $crate::store::companies::demander_column!(),
            ",
             (select count(*) from person u where u.company_id = c.id and u.disabled_at is null and u.is_service = 0) as users,
             coalesce((select a.balance from account a
                 where a.company_id = c.id and a.resource_type = 1 and a.kind = 0), 0) as credits_left,
             (select count(*) from company s where s.parent_id = c.id and s.removed_at is null) as subsidiaries
         from ("
        )
    };
}

pub(super) use company_columns;

macro_rules! company_facts {
    ($rows:expr, $order:expr) => {
        concat!(company_columns!(), $rows, ") c left join company p on p.id = c.parent_id ", $order)
    };
}
use company_facts;

/// Finds a company in a tree; `None` also if it was removed.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<Company>> {
    sql(company_facts!("select * from company where id = $1 and path >= $2 and path < $3 and removed_at is null", ""))
        .bind(id)
        .bind_tree(tree)
        .optional(tx)
        .await
}

/// Ids of a tree, at most `limit`.
pub async fn ids(tx: &mut Tx, tree: &Path, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql("select id from company where path >= $1 and path < $2 order by path limit $3")
        .bind_tree(tree)
        .bind(limit)
        .all(tx)
        .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// Number of companies in a tree, counted up to `limit`.
pub async fn count_up_to(tx: &mut Tx, tree: &Path, limit: i64) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from (select 1 from company
         where path >= $1 and path < $2 and removed_at is null limit $3) c")
    .bind_tree(tree)
    .bind(limit)
    .one(tx)
    .await?;
    Ok(count)
}

/// The id and path of the root company, once it is set up.
pub async fn root(tx: &mut Tx) -> Result<Option<(i64, Path)>> {
    let row: Option<(i64, String)> = sql("select id, path from company where level = 0").optional(tx).await?;
    Ok(row.map(|(id, path)| (id, Path::from_stored(path))))
}

/// Finds companies in a tree by id, from the top down.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<Company>> {
    sql(company_facts!(
        "select * from company where id in {list} and path >= $2 and path < $3 and removed_at is null",
        "order by c.level, c.id"
    ))
    .bind_list(ids)
    .bind_tree(tree)
    .all(tx)
    .await
}
