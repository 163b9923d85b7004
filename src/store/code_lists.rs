//! Codes of a whole tree, by any filter, as programs ask for them.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::escape_like;
use super::db::{Query, Result, Tx, rows, sql};
use super::reach::Reach;
use crate::model::company::{Path, searchable};
use crate::model::ledger::CodeStatus;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A code with all that the API tells of it; the code itself is still sealed.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct ListedCode {
    #[sqlx(flatten)]
    pub row: super::codes::CodeRow,
    pub ended_by: Option<i64>,
    pub ended_company_id: Option<i64>,
}

/// Which codes.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    pub status: Option<CodeStatus>,
    /// Used, or anything but used.
    pub is_used: Option<bool>,
    pub resource_type: Option<ResourceType>,
    pub created_from: Option<Moment>,
    pub created_to: Option<Moment>,
    /// One code, found by its whole text before.
    pub id: Option<i64>,
    /// Those of one batch: who ordered it, and what its operations' keys begin with.
    pub batch: Option<(i64, String)>,
    /// The keyed hash of the last four characters.
    pub suffix_tag: Option<i64>,
    pub comment: Option<String>,
    /// The last id of the page before.
    pub cursor: Option<i64>,
    pub newest_first: bool,
    pub limit: i64,
    pub offset: i64,
}

/// A page of codes.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, reach: &Reach, filter: &ListFilter) -> Result<Vec<ListedCode>> {
    list_query(reach, filter).all(tx).await
}

/// The query of [`list`].
#[must_use]
pub fn list_query(reach: &Reach, filter: &ListFilter) -> Query {
    let order = if filter.newest_first { " order by k.id desc limit " } else { " order by k.id limit " };
    let query = sql("select k.id, k.tag, k.company_id, c.name as company_name, k.resource_type, k.amount, k.status,
             k.key_version, k.sealed, k.comment, p.email as created_by, k.created_at, k.expires_at, k.ended_at,
             k.ended_company_name, k.ended_by, k.ended_company_id
         from (");
    let last = filter.limit.saturating_add(filter.offset);
    let query = reach.ids(query, "code", |query| after(wanted(query, filter), filter), order, last);
    let query = query.push(
        ") page join code k on k.id = page.id join company c on c.id = k.company_id
         join person p on p.id = k.created_by",
    );
    query.push(order).push_value(filter.limit).push(" offset ").push_value(filter.offset)
}

/// One code of a tree.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<ListedCode>> {
    let filter = ListFilter { id: Some(id), limit: 1, newest_first: true, ..ListFilter::default() };
    Ok(list(tx, &Reach::Tree(tree.clone()), &filter).await?.pop())
}

/// How many codes there are.
///
/// # Errors
/// Whatever the database says.
pub async fn count(tx: &mut Tx, reach: &Reach, filter: &ListFilter) -> Result<i64> {
    let query = match reach {
        Reach::Companies(ids) => sql("select count(*) from code k where k.company_id in (")
            .push_for(
                "select value from json_each(",
                "select value::bigint from jsonb_array_elements_text(cast(",
            )
            .push_value(rows(ids))
            .push_for("))", " as jsonb)))"),
        Reach::Tree(path) => {
            sql("select count(*) from code k join company c on c.id = k.company_id where c.path >= ")
                .push_value(path.as_str())
                .push(" and c.path < ")
                .push_value(path.end())
        }
    };
    let (count,): (i64,) = wanted(query, filter).one(tx).await?;
    Ok(count)
}

fn wanted(mut query: Query, filter: &ListFilter) -> Query {
    if let Some(status) = filter.status {
        // As a constant, so that the index of unused codes serves.
        query = query.push(match status {
            CodeStatus::Unused => " and k.status = 0",
            CodeStatus::Used => " and k.status = 1",
            CodeStatus::Expired => " and k.status = 2",
            CodeStatus::Deleted => " and k.status = 3",
            CodeStatus::Cancelled => " and k.status = 4",
            CodeStatus::Replaced => " and k.status = 5",
        });
    }
    if let Some(is_used) = filter.is_used {
        query = query
            .push(if is_used { " and k.status = " } else { " and k.status <> " })
            .push_value(CodeStatus::Used);
    }
    if let Some(resource_type) = filter.resource_type {
        query = query.push(" and k.resource_type = ").push_value(resource_type);
    }
    if let Some(from) = filter.created_from {
        query = query.push(" and k.created_at >= ").push_value(from);
    }
    if let Some(to) = filter.created_to {
        query = query.push(" and k.created_at < ").push_value(to);
    }
    if let Some(id) = filter.id {
        query = query.push(" and k.id = ").push_value(id);
    }
    if let Some((actor_id, key)) = &filter.batch {
        query = query
            .push(" and k.id in (select t.code_id from transfer t where t.actor_id = ")
            .push_value(*actor_id)
            .push(" and t.operation >= ")
            .push_value(key)
            .push(" and t.operation < ")
            .push_value(format!("{key}~"))
            .push(")");
    }
    match (filter.suffix_tag, &filter.comment) {
        (None, None) => query,
        (Some(tag), None) => query.push(" and k.suffix_tag = ").push_value(tag),
        (None, Some(text)) => like(query.push(" and "), text),
        // Four letters may also be part of a comment.
        (Some(tag), Some(text)) => {
            like(query.push(" and (k.suffix_tag = ").push_value(tag).push(" or "), text).push(")")
        }
    }
}

fn like(query: Query, text: &str) -> Query {
    let pattern = format!("%{}%", escape_like(&searchable(text)));
    query.push("k.comment_search like ").push_value(pattern).push(" escape '\\'")
}

fn after(query: Query, filter: &ListFilter) -> Query {
    match filter.cursor {
        None => query,
        Some(id) => {
            query.push(if filter.newest_first { " and k.id < " } else { " and k.id > " }).push_value(id)
        }
    }
}
