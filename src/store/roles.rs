//! Roles as rows: the built-in ones, and those that companies have made.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::escape_like;
use super::company_scope::{CompanyScope, Listed, Order, Part};
use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::company::{Path, searchable};
use crate::model::permission::Permissions;
use crate::model::role::{self, Standing};
use crate::model::time::Moment;

/// A role as stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow, Serialize, Deserialize)]
pub struct Role {
    pub id: i64,
    /// `None` for a built-in one, as are the next two.
    pub company_id: Option<i64>,
    pub company_name: Option<String>,
    pub company_path: Option<String>,
    pub title: String,
    pub description: String,
    permissions: String,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Role {
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of(self.id, Some(&self.permissions))
    }

    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.standing().permissions
    }

    #[must_use]
    pub fn is_built_in(&self) -> bool {
        role::is_built_in(self.id)
    }

    /// What forms and programs call it: its name if it is built in, else its number.
    #[must_use]
    pub fn key(&self) -> String {
        role::key(self.id)
    }

    /// Whether people of the company with this path may have it.
    #[must_use]
    pub fn reaches(&self, path: &Path) -> bool {
        self.company_path.as_ref().is_none_or(|own| Path::from_stored(own.clone()).contains(path))
    }
}

macro_rules! role_columns {
    () => {
        "select k.id, k.company_id, o.name as company_name, o.path as company_path, k.title, k.description,
             k.permissions, k.created_at, k.updated_at "
    };
}

/// A list of roles, by id.
#[derive(Debug, Clone, Default)]
pub struct RoleFilter {
    /// Only these; empty for all.
    pub ids: Vec<i64>,
    /// Only built-in ones, or only those that companies have made.
    pub is_built_in: Option<bool>,
    /// Part of the title.
    pub text: String,
    /// The id of the last row of the previous page.
    pub after: i64,
    pub offset: i64,
    pub limit: i64,
}

const LISTED: Listed = Listed { table: "role", walk: " not indexed", of_company: " indexed by role_by_company" };

/// A page of the roles of the companies in scope, of those above (`above`), and of the built-in ones.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, above: &[i64], filter: &RoleFilter) -> Result<Vec<Role>> {
    list_query(scope, above, filter).all(tx).await
}

/// The query behind [`list`]: a page of each of the three, then the page of all.
#[must_use]
pub fn list_query(scope: &CompanyScope, above: &[i64], filter: &RoleFilter) -> Query {
    let last = filter.limit.saturating_add(filter.offset);
    let query = sql(role_columns!()).push("from (select x.id from (select b.id from (");
    let query = wanted(query.push("select k.id from role k where k.id < 100"), filter);
    let query = query.push(" order by k.id) b union all select a.id from (");
    let query = wanted(above_in(query.push("select k.id"), above), filter);
    let query = query.push(" order by k.id limit ").push_value(last).push(") a union all select t.id from (");
    let part = Part { order: Order::OLDEST, limit: last, offset: 0 };
    let query = scope.ids(query, LISTED, |query| wanted(query.push(" and k.id >= 100"), filter), part);
    query
        .push(") t) x order by x.id limit ")
        .push_value(filter.limit)
        .push(" offset ")
        .push_value(filter.offset)
        .push(") page join role k on k.id = page.id left join company o on o.id = k.company_id order by k.id")
}

fn above_in(query: Query, above: &[i64]) -> Query {
    query.push(" from role k where k.company_id in ").push_list(above)
}

/// Counts the roles that match a filter, across all pages.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, above: &[i64], filter: &RoleFilter) -> Result<i64> {
    let all = RoleFilter { after: 0, ..filter.clone() };
    let queries = [
        wanted(sql("select count(*) from role k where k.id < 100"), &all),
        wanted(above_in(sql("select count(*)"), above), &all),
        wanted(scope.counted(LISTED).push(" and k.id >= 100"), &all),
    ];
    let mut total = 0;
    for query in queries {
        let (count,): (i64,) = query.one(tx).await?;
        total += count;
    }
    Ok(total)
}

fn wanted(query: Query, filter: &RoleFilter) -> Query {
    let mut query = query.push(" and k.id > ").push_value(filter.after);
    if !filter.ids.is_empty() {
        query = query.push(" and k.id in ").push_list(&filter.ids);
    }
    query = match filter.is_built_in {
        Some(true) => query.push(" and k.id < 100"),
        Some(false) => query.push(" and k.id >= 100"),
        None => query,
    };
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(&filter.text)));
    query.push(" and k.title_search like ").push_value(pattern).push(" escape '\\'")
}

/// Finds a role, without regard to who may see it.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<Role>> {
    sql(concat!(role_columns!(), "from role k left join company o on o.id = k.company_id where k.id = $1"))
        .bind(id)
        .optional(tx)
        .await
}

/// Finds and locks a role. Giving it to people takes the same lock.
pub async fn lock(tx: &mut WriteTx, id: i64) -> Result<Option<Role>> {
    let found: Option<(i64,)> = sql("select id from role where id = $1").locked().bind(id).optional(tx).await?;
    match found {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// A role as a person describes it.
#[derive(Debug, Clone)]
pub struct NewRole {
    pub title: String,
    pub description: String,
    pub permissions: Permissions,
}

/// How many roles a company has made.
pub async fn of_company(tx: &mut Tx, company_id: i64) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from role where company_id = $1").bind(company_id).one(tx).await?;
    Ok(count)
}

/// Adds a role; `None` if another one of the company has the title.
pub async fn insert(tx: &mut WriteTx, company_id: i64, role: &NewRole, now: Moment) -> Result<Option<i64>> {
    let id = super::ledger::reserve(tx, "role", 1).await?[0];
    let added = sql("insert into role (id, company_id, title, title_search, description, permissions, created_at,
             updated_at) values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (title_search, company_id) do nothing")
    .bind(id)
    .bind(company_id)
    .bind(&role.title)
    .bind(searchable(&role.title))
    .bind(&role.description)
    .bind(role.permissions.stored())
    .bind(now)
    .run(tx)
    .await?;
    Ok((added > 0).then_some(id))
}

/// Changes a role unless another one of its company has the title; returns whether it did.
pub async fn update(tx: &mut WriteTx, id: i64, role: &NewRole, now: Moment) -> Result<bool> {
    let changed = sql("update role set title = $2, title_search = $3, description = $4, permissions = $5,
             updated_at = $6
         where id = $1 and not exists (select 1 from role o
             where o.title_search = $3 and o.company_id = role.company_id and o.id <> $1)")
    .bind(id)
    .bind(&role.title)
    .bind(searchable(&role.title))
    .bind(&role.description)
    .bind(role.permissions.stored())
    .bind(now)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Deletes a role unless somebody has it; returns whether it did. Who was removed, and what a deleted application
/// acted as, has it no longer.
pub async fn delete(tx: &mut WriteTx, id: i64) -> Result<bool> {
    sql("update person set role_id = 2
         where role_id = $1 and (removed_at is not null or (is_service = 1 and disabled_at is not null))")
    .bind(id)
    .run(tx)
    .await?;
    let deleted = sql("delete from role where id = $1 and not exists (select 1 from person p where p.role_id = $1)")
        .bind(id)
        .run(tx)
        .await?;
    Ok(deleted > 0)
}

/// Deletes the roles of companies that nobody has.
pub async fn delete_of_companies(tx: &mut WriteTx, company_ids: &[i64]) -> Result<()> {
    sql("delete from role where company_id in {list}
         and not exists (select 1 from person p where p.role_id = role.id)")
    .bind_list(company_ids)
    .run(tx)
    .await?;
    Ok(())
}

/// How many people of a tree have a role of one of these companies.
pub async fn used_in(tx: &mut Tx, tree: &Path, company_ids: &[i64]) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from role r join person p on p.role_id = r.id
         join company c on c.id = p.company_id
         where r.company_id in {list} and c.path >= $2 and c.path < $3 and p.removed_at is null")
    .bind_list(company_ids)
    .bind_tree(tree)
    .one(tx)
    .await?;
    Ok(count)
}
