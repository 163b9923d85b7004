//! Codes of a whole tree by any filter, for the API. Their ids come from indexes that cover the whole filter except the
//! state: it changes, so it has indexes of its own.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::escape_like;
use super::company_scope::{CompanyScope, Listed, Order, Part};
use super::db::{Query, Result, Tx, sql};
use super::operations;
use crate::model::company::{Path, searchable};
use crate::model::ledger::CodeStatus;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A code with all that the API shows; the code itself is still sealed.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct ListedCode {
    #[sqlx(flatten)]
    pub row: super::codes::CodeRow,
    pub ended_by: Option<i64>,
    pub ended_company_id: Option<i64>,
}

/// Filters codes.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub status: Option<CodeStatus>,
    /// Used, or any other state.
    pub is_used: Option<bool>,
    pub facts: Facts,
    /// The last id of the previous page.
    pub cursor: Option<i64>,
    pub newest_first: bool,
    pub limit: i64,
    pub offset: i64,
}

/// Filters on what never or rarely changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    pub resource_type: Option<ResourceType>,
    pub created_from: Option<Moment>,
    pub created_to: Option<Moment>,
    /// One code, already looked up by its whole text.
    pub id: Option<i64>,
    /// The codes of one batch: who ordered it, and the prefix of its operations' keys.
    pub batch: Option<(i64, String)>,
    /// The keyed hash of the last four characters.
    pub suffix_tag: Option<i64>,
    pub comment: Option<String>,
}

const CODES: Listed =
    Listed { table: "code", walk: " indexed by code_walk", of_company: " indexed by code_by_company" };
/// For filters that match one code or few.
const FEW_CODES: Listed = Listed { table: "code", walk: "", of_company: "" };
/// These are in the order of ids within each company, but not across companies.
const UNUSED: Listed = Listed { table: "code", walk: " indexed by code_unused", of_company: " indexed by code_unused" };
const ENDED: Listed = Listed { table: "code", walk: " indexed by code_ended", of_company: " indexed by code_ended" };

/// A page of codes.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &ListFilter) -> Result<Vec<ListedCode>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &ListFilter) -> Query {
    let query = sql("select k.id, k.tag, k.company_id, c.name as company_name, k.resource_type, k.amount, k.status,
             k.key_version, k.sealed, k.comment, p.email as created_by, k.created_at, k.expires_at, k.ended_at,
             k.ended_company_name, k.ended_by, k.ended_company_id
         from (");
    let part = Part { order: Order::by_id(filter.newest_first), limit: filter.limit, offset: filter.offset };
    let wanted = |query| after(wanted(query, scope, filter), filter);
    let query = scope.ids(query, filter.listed(), wanted, part);
    query
        .push(
            ") page join code k on k.id = page.id join company c on c.id = k.company_id
         join person p on p.id = k.created_by",
        )
        .push(if filter.newest_first { " order by k.id desc" } else { " order by k.id" })
}

/// Finds a code within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<ListedCode>> {
    let facts = Facts { id: Some(id), ..Facts::default() };
    let filter = ListFilter { facts, limit: 1, newest_first: true, ..ListFilter::default() };
    Ok(list(tx, &CompanyScope::Tree(tree.clone()), &filter).await?.pop())
}

/// Counts codes.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, filter: &ListFilter) -> Result<i64> {
    let (count,): (i64,) = count_query(scope, filter).one(tx).await?;
    Ok(count)
}

/// The query behind [`count`].
#[must_use]
pub fn count_query(scope: &CompanyScope, filter: &ListFilter) -> Query {
    wanted(scope.counted(filter.listed()), scope, filter)
}

impl ListFilter {
    /// Where the ids are found.
    fn listed(&self) -> Listed {
        match (self.facts == Facts::default(), self.status) {
            _ if self.facts.id.is_some() || self.facts.batch.is_some() => FEW_CODES,
            (true, Some(CodeStatus::Unused)) => UNUSED,
            (true, Some(_)) => ENDED,
            (true, None) if self.is_used == Some(true) => ENDED,
            _ => CODES,
        }
    }
}

/// A state as a constant condition, which a partial index needs.
fn is_of(status: CodeStatus) -> &'static str {
    match status {
        CodeStatus::Unused => "k.status = 0",
        CodeStatus::Used => "k.status <> 0 and k.status = 1",
        CodeStatus::Expired => "k.status <> 0 and k.status = 2",
        CodeStatus::Deleted => "k.status <> 0 and k.status = 3",
        CodeStatus::Cancelled => "k.status <> 0 and k.status = 4",
        CodeStatus::Replaced => "k.status <> 0 and k.status = 5",
    }
}

fn wanted(query: Query, scope: &CompanyScope, filter: &ListFilter) -> Query {
    let query = with_facts(query, &filter.facts);
    let is_driven = filter.listed().walk != CODES.walk;
    let states =
        [filter.status.map(|status| (status, true)), filter.is_used.map(|is_used| (CodeStatus::Used, is_used))];
    states.into_iter().flatten().fold(query, |query, (status, is)| match (is, is_driven) {
        (true, true) => query.push(" and ").push(is_of(status)),
        (false, true) => query.push(" and k.status <> 1"),
        (_, false) => in_state(query, scope, status, is),
    })
}

/// Adds that a code is, or is not, in a state. SQLite gathers the ids of the state from its index, because reading each
/// code's row on the way would be slow.
pub(super) fn in_state(query: Query, scope: &CompanyScope, status: CodeStatus, is: bool) -> Query {
    let query = query.push_for(
        match is {
            // Tested for each code on the way: looking up every code of the state would take longer.
            true => " and (k.id + 0) in (select k.id from code k where ",
            false => " and (k.id + 0) not in (select k.id from code k where ",
        },
        if is { " and (" } else { " and not (" },
    );
    let query = query.push(is_of(status));
    match scope {
        CompanyScope::Companies(ids) => query
            // Redundant on PostgreSQL, which must bind the value anyway.
            .push_for(" and k.company_id in ", " and exists ")
            .push_list(ids),
        _ => query,
    }
    .push(")")
}

/// Adds the filters on the code `k` other than its state.
pub(super) fn with_facts(mut query: Query, facts: &Facts) -> Query {
    if let Some(resource_type) = facts.resource_type {
        query = query.push(" and k.resource_type = ").push_value(resource_type);
    }
    if let Some(from) = facts.created_from {
        query = query.push(" and k.created_at >= ").push_value(from);
    }
    if let Some(to) = facts.created_to {
        query = query.push(" and k.created_at < ").push_value(to);
    }
    if let Some(id) = facts.id {
        query = query.push(" and k.id = ").push_value(id);
    }
    if let Some((actor_id, key)) = &facts.batch {
        query = operations::join_transfers(query.push(" and k.id in (select t.code_id from operation o"))
            .push(" where o.actor_id = ")
            .push_value(*actor_id)
            .push(" and o.key >= ")
            .push_value(key)
            .push(" and o.key < ")
            .push_value(format!("{key}~"))
            .push(")");
    }
    match (facts.suffix_tag, &facts.comment) {
        (None, None) => query,
        (Some(tag), None) => ends_with(query.push(" and "), tag),
        (None, Some(text)) => like(query.push(" and "), text),
        // Four letters may also be part of a comment.
        (Some(tag), Some(text)) => like(ends_with(query.push(" and ("), tag).push(" or "), text).push(")"),
    }
}

fn ends_with(query: Query, suffix_tag: i64) -> Query {
    query.push("k.id in (select k.id from code k where k.suffix_tag = ").push_value(suffix_tag).push(")")
}

fn like(query: Query, text: &str) -> Query {
    let pattern = format!("%{}%", escape_like(&searchable(text)));
    query.push("k.comment_search like ").push_value(pattern).push(" escape '\\'")
}

fn after(query: Query, filter: &ListFilter) -> Query {
    match filter.cursor {
        None => query,
        Some(id) => query.push(if filter.newest_first { " and k.id < " } else { " and k.id > " }).push_value(id),
    }
}
