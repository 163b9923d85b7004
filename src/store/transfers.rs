//! Transfers of a whole tree by any filter, for the API.

use sqlx::FromRow;

use super::companies::escape_like;
use super::company_scope::{CompanyScope, MERGED_ROWS_MAX};
use super::db::{Query, Result, Tx, sql};
use super::pools::pool_id;
use crate::model::company::{Path, searchable};
use crate::model::ledger::Cause;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A transfer as in lists.
#[derive(Debug, Clone, FromRow)]
pub struct ListedTransfer {
    pub id: i64,
    pub at: i64,
    /// `None` if the portal itself acted.
    pub actor_id: Option<i64>,
    pub actor_email: Option<String>,
    /// The actor's company: path and name.
    pub actor_path: Option<String>,
    pub actor_company: Option<String>,
    #[sqlx(try_from = "String")]
    pub cause: Cause,
    pub resource_type: i64,
    pub amount: i64,
    pub from_company_id: i64,
    pub from_name: String,
    pub from_balance: i64,
    pub to_company_id: i64,
    pub to_name: String,
    pub to_balance: i64,
    pub code_id: Option<i64>,
    pub device_id: Option<i64>,
    pub memo: String,
    /// The device's serial number and MAC address.
    pub serial: Option<String>,
    pub mac: Option<String>,
    /// The paths of the companies that the units come from and go to.
    pub from_path: String,
    pub to_path: String,
}

impl ListedTransfer {
    /// The pool that the units come from.
    #[must_use]
    pub fn pool_id(&self) -> i64 {
        pool_id(self.from_company_id, self.resource_type)
    }
}

/// Filters transfers.
#[derive(Debug, Clone, Default)]
pub struct TransferFilter {
    pub cause: Option<Cause>,
    /// Those of one device, no matter who paid.
    pub device_id: Option<i64>,
    pub resource_type: Option<ResourceType>,
    /// Part of what is known of the device, or of the name of a company of this tree.
    pub text: Option<(String, Path)>,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
    /// The last id of the previous page.
    pub cursor: Option<i64>,
    pub newest_first: bool,
    pub limit: i64,
    pub offset: i64,
}

/// A page of transfers that leave or enter a company in scope.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &TransferFilter) -> Result<Vec<ListedTransfer>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &TransferFilter) -> Query {
    let query =
        sql("select t.id, t.at, t.actor_id, p.email as actor_email, w.path as actor_path, w.name as actor_company,
             t.cause, t.resource_type, t.amount, t.from_company_id, t.from_name, t.from_balance, t.to_company_id,
             t.to_name, t.to_balance, t.code_id, t.device_id, t.memo, d.serial, nullif(d.mac, '') as mac,
             f.path as from_path, e.path as to_path
         from (");
    page_ids(query, scope, filter)
        .push(
            ") page join transfer t on t.id = page.id join company f on f.id = t.from_company_id
         join company e on e.id = t.to_company_id left join device d on d.id = t.device_id
         left join person p on p.id = t.actor_id left join company w on w.id = p.company_id",
        )
        .push(if filter.newest_first { " order by t.id desc" } else { " order by t.id" })
}

/// The ids of a page.
fn page_ids(query: Query, scope: &CompanyScope, filter: &TransferFilter) -> Query {
    let order = if filter.newest_first { " order by t.id desc limit " } else { " order by t.id limit " };
    let last = filter.limit.saturating_add(filter.offset);
    let query = match scope {
        _ if filter.device_id.is_some() => of_device(query.push("select t.id from transfer t where "), filter),
        CompanyScope::Companies(companies) if last <= MERGED_ROWS_MAX => {
            let query = query.push("select t.id from (");
            let query = of_side(query, "from_company_id", companies, filter, order, last).push(" union ");
            let query = of_side(query, "to_company_id", companies, filter, order, last).push(") t").push(order);
            return query.push_value(filter.limit).push(" offset ").push_value(filter.offset);
        }
        _ => of_sides(query.push("select t.id from transfer t where true"), scope),
    };
    let query = after(wanted(query, filter), filter).push(order).push_value(filter.limit);
    query.push(" offset ").push_value(filter.offset)
}

/// Counts transfers.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, filter: &TransferFilter) -> Result<i64> {
    let query = match scope {
        _ if filter.device_id.is_some() => {
            wanted(of_device(sql("select count(*) from transfer t where "), filter), filter)
        }
        CompanyScope::Companies(ids) => {
            let query = sql("select (select count(*) from transfer t where t.from_company_id in ");
            let query = wanted(query.push_list(ids), filter);
            // Transfers with both sides in scope are already counted.
            let query = query.push(") + (select count(*) from transfer t where t.to_company_id in ");
            let query = query.push_list(ids).push(" and (t.from_company_id + 0) not in ").push_list(ids);
            wanted(query, filter).push(")")
        }
        _ => wanted(of_sides(sql("select count(*) from transfer t where true"), scope), filter),
    };
    let (count,): (i64,) = query.one(tx).await?;
    Ok(count)
}

/// The ids on one side of the companies' transfers, by each company's own index.
fn of_side(
    query: Query,
    side: &'static str,
    companies: &[i64],
    filter: &TransferFilter,
    order: &'static str,
    last: i64,
) -> Query {
    let query = query
        .push("select x.id from ")
        .push_list(companies)
        .push_for(
            " r join transfer x on x.id in (select t.id from transfer t where t.",
            " r cross join lateral (select t.id from transfer t where t.",
        )
        .push(side)
        .push(" = r.value");
    after(wanted(query, filter), filter).push(order).push_value(last).push_for(")", ") x")
}

/// Adds that either side is in scope.
fn of_sides(query: Query, scope: &CompanyScope) -> Query {
    if let CompanyScope::All = scope {
        return query;
    }
    let query = scope.test(query.push(" and ("), "t.from_company_id").push(" or ");
    scope.test(query, "t.to_company_id").push(")")
}

fn of_device(query: Query, filter: &TransferFilter) -> Query {
    query.push("t.device_id = ").push_value(filter.device_id)
}

fn wanted(mut query: Query, filter: &TransferFilter) -> Query {
    if let Some(cause) = filter.cause {
        query = query.push(" and t.cause = ").push_value(cause.slug());
    }
    if let Some(resource_type) = filter.resource_type {
        query = query.push(" and t.resource_type = ").push_value(resource_type);
    }
    if let Some((text, tree)) = &filter.text {
        let pattern = format!("%{}%", escape_like(&searchable(text)));
        query = query
            .push(" and (exists (select 1 from device d where d.id = t.device_id and d.search like ")
            .push_value(&pattern)
            .push(" escape '\\') or exists (select 1 from company n where n.id in (t.from_company_id, t.to_company_id)")
            .push(" and n.name_search like ")
            .push_value(&pattern)
            .push(" escape '\\' and ")
            .push_tree("n.path", tree)
            .push("))");
    }
    if let Some(from) = filter.from {
        query = query.push(" and t.at >= ").push_value(from);
    }
    if let Some(to) = filter.to {
        query = query.push(" and t.at < ").push_value(to);
    }
    query
}

fn after(query: Query, filter: &TransferFilter) -> Query {
    match filter.cursor {
        None => query.push(" and t.id > 0"),
        Some(id) => query.push(if filter.newest_first { " and t.id < " } else { " and t.id > " }).push_value(id),
    }
}
