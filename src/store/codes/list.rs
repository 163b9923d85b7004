//! Lists of codes. Their ids come from indexes that cover the whole filter except the state: it changes, so it has
//! indexes of its own.

use super::{ListedCode, codes_columns, codes_joined};
use crate::model::company::searchable;
use crate::model::ledger::CodeStatus;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::companies::escape_like;
use crate::store::company_scope::{CompanyScope, Listed, Order, Part};
use crate::store::db::{Query, Result, Tx, sql};
use crate::store::operations;

/// Filters codes.
#[derive(Debug, Clone, Default)]
pub struct CodeFilter {
    pub status: Option<CodeStatus>,
    /// Used, or any other state.
    pub is_used: Option<bool>,
    pub facts: Facts,
    /// The last id of the previous page.
    pub cursor: Option<i64>,
    pub sort: CodeSort,
    pub limit: i64,
    pub offset: i64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CodeSort {
    #[default]
    OldestFirst,
    NewestFirst,
    /// Only with a status that ends a code.
    LastEndedFirst,
}

impl CodeSort {
    fn of_ids(self) -> Order {
        match self {
            CodeSort::OldestFirst => Order::OLDEST,
            CodeSort::NewestFirst => Order::NEWEST,
            CodeSort::LastEndedFirst => {
                Order { of_k: " order by k.ended_at desc, k.id desc", of_x: " order by x.ended_at desc, x.id desc" }
            }
        }
    }
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
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &CodeFilter) -> Result<Vec<ListedCode>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &CodeFilter) -> Query {
    let order = filter.sort.of_ids();
    let part = Part { order, limit: filter.limit, offset: filter.offset };
    let wanted = |query| after(wanted(query, scope, filter), filter);
    let query = scope.ids(sql(codes_columns!()).push("("), filter.listed(), wanted, part);
    query.push(concat!(") page join code k on k.id = page.id", codes_joined!())).push(order.of_k)
}

/// Counts codes.
pub async fn count(tx: &mut Tx, scope: &CompanyScope, filter: &CodeFilter) -> Result<i64> {
    let (count,): (i64,) = count_query(scope, filter).one(tx).await?;
    Ok(count)
}

/// The query behind [`count`].
#[must_use]
pub fn count_query(scope: &CompanyScope, filter: &CodeFilter) -> Query {
    wanted(scope.counted(filter.listed()), scope, filter)
}

impl CodeFilter {
    /// Where the ids are found.
    fn listed(&self) -> Listed {
        match (self.facts == Facts::default(), self.status) {
            _ if self.sort == CodeSort::LastEndedFirst => ENDED,
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

fn wanted(query: Query, scope: &CompanyScope, filter: &CodeFilter) -> Query {
    if let (CodeSort::LastEndedFirst, Some(status)) = (filter.sort, filter.status) {
        return among(query.push(" and ").push(is_of(status)), scope, &filter.facts);
    }
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
fn in_state(query: Query, scope: &CompanyScope, status: CodeStatus, is: bool) -> Query {
    let query = query.push_for(
        match is {
            // Tested for each code on the way: looking up every code of the state would take longer.
            true => " and (k.id + 0) in (select k.id from code k where ",
            false => " and (k.id + 0) not in (select k.id from code k where ",
        },
        if is { " and (" } else { " and not (" },
    );
    near(query.push(is_of(status)), scope).push(")")
}

/// Adds that a code has these facts. SQLite takes the ids from an index that covers them.
fn among(query: Query, scope: &CompanyScope, facts: &Facts) -> Query {
    if *facts == Facts::default() {
        return query;
    }
    let from = " and k.id in (select k.id from code k indexed by code_by_company where true";
    with_facts(near(query.push_for(from, " and (true"), scope), facts).push(")")
}

/// Repeats the few companies of a scope in a subquery. Redundant on PostgreSQL, which must bind the value anyway.
fn near(query: Query, scope: &CompanyScope) -> Query {
    match scope {
        CompanyScope::Companies(ids) => query.push_for(" and k.company_id in ", " and exists ").push_list(ids),
        _ => query,
    }
}

/// Adds the filters on the code `k` other than its state.
fn with_facts(mut query: Query, facts: &Facts) -> Query {
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

fn after(query: Query, filter: &CodeFilter) -> Query {
    let Some(id) = filter.cursor else { return query };
    match filter.sort {
        CodeSort::OldestFirst => query.push(" and k.id > ").push_value(id),
        CodeSort::NewestFirst => query.push(" and k.id < ").push_value(id),
        CodeSort::LastEndedFirst => query
            .push(" and (k.ended_at, k.id) < (coalesce((select b.ended_at from code b where b.id = ")
            .push_value(id)
            .push("), 9223372036854775807), ")
            .push_value(id)
            .push(")"),
    }
}
