//! Pools of a whole tree as rows: a company and a resource type each, as programs ask for them.

use serde::Serialize;
use sqlx::FromRow;

use super::companies::escape_like;
use super::db::{Query, Result, Tx, rows, sql, sql_for};
use super::reach::Reach;
use crate::model::company::searchable;
use crate::model::ledger::Transfer;

/// A pool as lists show it.
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
    /// A number for the pool: the company's with the type's as its last two digits.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.company_id * 100 + self.resource_type
    }
}

/// Which part of the list.
pub struct Page<'a> {
    /// Part of the company's name.
    pub text: &'a str,
    /// The last pool's id of the page before.
    pub cursor: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// A page of pools, by company and type.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, reach: &Reach, page: &Page<'_>) -> Result<Vec<ListedPool>> {
    list_query(reach, page).all(tx).await
}

/// The query of [`list`].
#[must_use]
pub fn list_query(reach: &Reach, page: &Page<'_>) -> Query {
    let query = sql("select a.company_id, c.name as company_name, p.name as parent_name, a.resource_type,
             a.balance as left, a.received_total, coalesce(k.balance, 0) as in_codes,
             a.received_at
         from account a join company c on c.id = a.company_id left join company p on p.id = c.parent_id
         left join account k on k.company_id = a.company_id and k.resource_type = a.resource_type and k.kind = 1
         where a.kind = 0 and c.removed_at is null");
    let mut query = within(query, reach, page.text);
    if let Some(id) = page.cursor {
        query = query
            .push(" and (a.company_id, a.resource_type) > (")
            .push_value(id / 100)
            .push(", ")
            .push_value(id % 100)
            .push(")");
    }
    query
        .push(" order by a.company_id, a.resource_type limit ")
        .push_value(page.limit)
        .push(" offset ")
        .push_value(page.offset)
}

/// A transfer that filled a pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Filled {
    pub id: i64,
    pub company_id: i64,
    pub resource_type: i64,
}

impl Filled {
    #[must_use]
    pub fn by(t: &Transfer) -> Filled {
        Filled { id: t.id, company_id: t.to.0, resource_type: t.resource_type.id() }
    }
}

/// What a pool had received and kept in codes right after a transfer filled it.
#[derive(Debug, Clone, FromRow)]
pub struct PoolAfter {
    pub transfer_id: i64,
    pub parent_name: Option<String>,
    pub received_total: i64,
    pub in_codes: i64,
}

impl PoolAfter {
    /// The whole pool, with what the transfer itself tells.
    #[must_use]
    pub fn pool(self, t: &Transfer) -> ListedPool {
        ListedPool {
            company_id: t.to.0,
            company_name: t.to_name.clone(),
            parent_name: self.parent_name,
            resource_type: t.resource_type.id(),
            left: t.to_balance,
            received_total: self.received_total,
            in_codes: self.in_codes,
            received_at: Some(t.at.0),
        }
    }
}

macro_rules! after_sql {
    ($asked:literal) => {
        concat!(
            "select r.id as transfer_id, p.name as parent_name,
                 a.received_total - cast(coalesce((select sum(t.amount) from transfer t where t.to_company_id = r.company_id
                     and t.id > r.id and t.resource_type = r.resource_type and t.to_kind = 0
                     and t.cause <> 'delete_code'), 0) as bigint) as received_total,
                 coalesce(k.balance, 0)
                     - cast(coalesce((select sum(t.amount) from transfer t where t.to_company_id = r.company_id
                         and t.id > r.id and t.resource_type = r.resource_type and t.to_kind = 1), 0) as bigint)
                     + cast(coalesce((select sum(t.amount) from transfer t where t.from_company_id = r.company_id
                         and t.id > r.id and t.resource_type = r.resource_type and t.from_kind = 1), 0) as bigint)
                     as in_codes
             from ",
            $asked,
            " join account a on a.company_id = r.company_id and a.resource_type = r.resource_type and a.kind = 0
             join company c on c.id = r.company_id left join company p on p.id = c.parent_id
             left join account k on k.company_id = r.company_id and k.resource_type = r.resource_type and k.kind = 1"
        )
    };
}

/// Pools as they stood right after transfers that filled them: what came later is taken off again.
///
/// # Errors
/// Whatever the database says.
pub async fn after(tx: &mut Tx, filled: &[Filled]) -> Result<Vec<PoolAfter>> {
    sql_for(
        after_sql!(
            "(select value->>'id' as id, value->>'company_id' as company_id,
                 value->>'resource_type' as resource_type from json_each($1)) r"
        ),
        after_sql!("jsonb_to_recordset($1::jsonb) as r(id bigint, company_id bigint, resource_type bigint)"),
    )
    .bind(rows(filled))
    .all(tx)
    .await
}

/// How many pools there are.
///
/// # Errors
/// Whatever the database says.
pub async fn count(tx: &mut Tx, reach: &Reach, text: &str) -> Result<i64> {
    let query = sql("select count(*) from account a join company c on c.id = a.company_id
         where a.kind = 0 and c.removed_at is null");
    let (count,): (i64,) = within(query, reach, text).one(tx).await?;
    Ok(count)
}

fn within(query: Query, reach: &Reach, text: &str) -> Query {
    let query = match reach {
        Reach::Companies(ids) => query
            .push_for(
                " and a.company_id in (select value from json_each(",
                " and a.company_id in (select value::bigint from jsonb_array_elements_text(cast(",
            )
            .push_value(rows(ids))
            .push_for("))", " as jsonb)))"),
        // Asked of each pool on the way, so that a page is no more than its rows.
        Reach::Tree(path) => query
            .push(" and exists (select 1 from company t where t.id = a.company_id and t.path >= ")
            .push_value(path.as_str())
            .push(" and t.path < ")
            .push_value(path.end())
            .push(")"),
    };
    if text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(text)));
    query.push(" and c.name_search like ").push_value(pattern).push(" escape '\\'")
}
