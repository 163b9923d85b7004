//! Lists of people.

use super::{User, users_sql};
use crate::model::company::{Path, searchable};
use crate::store::companies::{Way, escape_like};
use crate::store::db::{Query, Result, Tx, sql};

/// Sort keys of a list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserSort {
    #[default]
    Id,
    Email,
}

/// Filters users.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserFilter<'a> {
    pub company_id: Option<i64>,
    /// Only these; empty for all.
    pub ids: &'a [i64],
    /// Part of the e-mail address or of the company's name.
    pub text: &'a str,
    pub role_id: Option<i64>,
    /// Only those who were invited and have never set a password.
    pub is_invited: bool,
    pub sort: UserSort,
    pub descending: bool,
    /// The last id of the previous page, in the order of ids.
    pub after: Option<i64>,
    pub limit: i64,
    pub offset: i64,
}

/// A page of a tree's users, or of one company's.
pub async fn list(tx: &mut Tx, tree: &Path, filter: &UserFilter<'_>) -> Result<Vec<User>> {
    let way = Way::through(tx, tree).await?;
    list_query(tree, filter, way).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(tree: &Path, filter: &UserFilter<'_>, way: Way) -> Query {
    // An expression keeps a planner from the other way's index.
    let is_sorted = way == Way::Gathered && filter.company_id.is_none();
    let (key, shown) = match (filter.sort, is_sorted) {
        (UserSort::Id, true) => ("(u.id + 0)", "u.id"),
        (UserSort::Id, false) => ("u.id", "u.id"),
        (UserSort::Email, true) => ("(u.email_search || '')", "u.email_search"),
        (UserSort::Email, false) => ("u.email_search", "u.email_search"),
    };
    let (direction, beyond) = if filter.descending { (" desc", " < ") } else { ("", " > ") };
    // The ids first, so that only the rows shown are read.
    let query = sql(users_sql!("u.id in (select u.id from person u")).push(match way {
        Way::Gathered => ", company c",
        Way::Walked => " cross join company c",
    });
    let query = query.push(" where c.id = u.company_id").push(LISTED);
    let query = wanted(query, tree, filter, way);
    let query = match filter.after {
        Some(after) => query.push(" and ").push(key).push(beyond).push_value(after),
        None => query,
    };
    let query = query.push(" order by ").push(key).push(direction).push(" limit ").push_value(filter.limit);
    query.push(" offset ").push_value(filter.offset).push(") order by ").push(shown).push(direction)
}

/// What lists leave out: who is gone, and what applications act as.
const LISTED: &str = " and c.removed_at is null and u.removed_at is null and u.is_service = 0";

/// Counts users.
pub async fn count(tx: &mut Tx, tree: &Path, filter: &UserFilter<'_>) -> Result<i64> {
    let query = sql("select count(*) from company c cross join person u where u.company_id = c.id").push(LISTED);
    let (count,): (i64,) = wanted(query, tree, filter, Way::Gathered).one(tx).await?;
    Ok(count)
}

fn wanted(query: Query, tree: &Path, filter: &UserFilter<'_>, way: Way) -> Query {
    let query = match filter.company_id {
        // The caller has checked that the company is in the tree.
        Some(id) => query.push(" and u.company_id = ").push_value(id).push(" and c.id = ").push_value(id),
        None => way.within(query, tree),
    };
    let query = if filter.ids.is_empty() { query } else { query.push(" and u.id in ").push_list(filter.ids) };
    let query = match filter.role_id {
        Some(id) => query.push(" and u.role_id = ").push_value(id),
        None => query,
    };
    let query = match filter.is_invited {
        true => query.push(" and u.password_hash is null and u.disabled_at is null"),
        false => query,
    };
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(filter.text)));
    let query = query.push(" and (u.email_search like ").push_value(&pattern).push(" escape '\\'");
    query.push(" or c.name_search like ").push_value(&pattern).push(" escape '\\')")
}
