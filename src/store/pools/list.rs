//! Lists of pools: each row is a company and a resource type.

use sqlx::FromRow;

use crate::model::company::searchable;
use crate::model::resources::ResourceType;
use crate::store::companies::escape_like;
use crate::store::company_scope::CompanyScope;
use crate::store::db::{Query, Result, Tx, sql};

/// A pool as in lists.
#[derive(Debug, Clone, FromRow)]
pub struct ListedPool {
    pub company_id: i64,
    pub company_name: String,
    pub parent_name: Option<String>,
    pub resource_type: i64,
    pub left: i64,
    pub received_total: i64,
    pub in_codes: i64,
    /// When units last arrived.
    pub received_at: Option<i64>,
}

impl ListedPool {
    #[must_use]
    pub fn id(&self) -> i64 {
        pool_id(self.company_id, self.resource_type)
    }
}

/// A pool's id: the company's id followed by two digits of the type.
#[must_use]
pub fn pool_id(company_id: i64, resource_type: i64) -> i64 {
    company_id * 100 + resource_type
}

/// The company and the type of a pool; `None` if there is no such type.
#[must_use]
pub fn pool_of(id: i64) -> Option<(i64, ResourceType)> {
    Some((id / 100, ResourceType::try_from(id % 100).ok()?))
}

/// Filter and position of a page.
pub struct PoolFilter<'a> {
    /// Part of the company's name.
    pub text: &'a str,
    /// The last pool's id of the previous page.
    pub cursor: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// A page of pools, by company and type.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &PoolFilter<'_>) -> Result<Vec<ListedPool>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &PoolFilter<'_>) -> Query {
    let query = sql("select a.company_id, c.name as company_name, p.name as parent_name, a.resource_type,
             a.balance as left, a.received_total, coalesce(k.balance, 0) as in_codes, a.received_at
         from (select a.company_id, a.resource_type from account a cross join company c
             where c.id = a.company_id and a.kind = 0 and c.removed_at is null");
    let query = match scope {
        CompanyScope::Companies(ids) => query.push(" and a.company_id in ").push_list(ids),
        _ => scope.holds(query, "a.company_id"),
    };
    let last = filter.cursor.unwrap_or(0);
    named(query, filter.text)
        .push(" and (a.company_id, a.resource_type) > (")
        .push_value(last / 100)
        .push(", ")
        .push_value(last % 100)
        .push(") order by a.company_id, a.resource_type limit ")
        .push_value(filter.limit)
        .push(" offset ")
        .push_value(filter.offset)
        .push(
            ") page join account a on a.company_id = page.company_id and a.resource_type = page.resource_type
                 and a.kind = 0
             join company c on c.id = a.company_id left join company p on p.id = c.parent_id
             left join account k on k.company_id = a.company_id and k.resource_type = a.resource_type and k.kind = 1
             order by a.company_id, a.resource_type",
        )
}

/// Counts pools.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, text: &str) -> Result<i64> {
    // Company by company, because the filter is on their names.
    let query = sql("select count(*) from company c cross join account a
         where a.company_id = c.id and a.kind = 0 and c.removed_at is null");
    let query = match scope {
        CompanyScope::Companies(ids) => query.push(" and c.id in ").push_list(ids),
        CompanyScope::Tree(path) => query.push(" and ").push_tree("c.path", path),
        CompanyScope::All => query,
    };
    let (count,): (i64,) = named(query, text).one(tx).await?;
    Ok(count)
}

fn named(query: Query, text: &str) -> Query {
    if text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(text)));
    query.push(" and c.name_search like ").push_value(pattern).push(" escape '\\'")
}
