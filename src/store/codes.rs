//! Codes as lists show them. Their value changes in `store::ledger` alone.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::escape_like;
use super::db::{Query, Result, Tx, rows, sql, sql_for};
use crate::model::company::{Path, searchable};
use crate::model::ledger::{CodeStatus, Tag};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A code with what a list shows of it; the code itself is still sealed.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct CodeRow {
    pub id: i64,
    pub tag: Vec<u8>,
    pub company_id: i64,
    pub company_name: String,
    pub resource_type: i64,
    pub amount: i64,
    pub status: i64,
    pub key_version: i64,
    pub sealed: Vec<u8>,
    pub comment: String,
    pub created_by: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub ended_company_name: Option<String>,
}

/// Which codes of one company, newest first.
#[derive(Debug, Clone, Default)]
pub struct CodeFilter {
    pub status: Option<CodeStatus>,
    pub resource_type: Option<ResourceType>,
    pub created_from: Option<Moment>,
    pub created_to: Option<Moment>,
    pub search: CodeSearch,
    /// Only codes older than this one.
    pub before: Option<i64>,
    pub limit: i64,
}

/// What a code is searched by.
#[derive(Debug, Clone, Default)]
pub enum CodeSearch {
    #[default]
    Nothing,
    /// One code, found by its whole text before.
    Id(i64),
    Suffix(i64, String),
    Comment(String),
}

macro_rules! codes_sql {
    ($where:expr) => {
        concat!(
            "select k.id, k.tag, k.company_id, c.name as company_name, k.resource_type, k.amount, k.status,
                 k.key_version, k.sealed, k.comment, p.email as created_by, k.created_at, k.expires_at, k.ended_at, k.ended_company_name
             from code k join company c on c.id = k.company_id join person p on p.id = k.created_by
             where ", $where
        )
    };
}

macro_rules! list_sql {
    ($where:expr, $order:expr) => {
        codes_sql!(concat!(
            "k.company_id = $1 and (cast($3 as bigint) is null or k.resource_type = $3)
             and k.created_at >= $4 and k.created_at < $5 and ",
            $where,
            " order by ",
            $order,
            " limit $6"
        ))
    };
}

macro_rules! search_sql {
    ($status:expr, $order:expr) => {
        list_sql!(
            concat!("(k.suffix_tag = $7 or k.comment_search like $8 escape '\\') and ", $status),
            $order
        )
    };
}

/// A page of a company's codes, newest first: those made last, or for a status that ends a code,
/// those ended last. Each of the three orders has its index.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, company_id: i64, filter: &CodeFilter) -> Result<Vec<CodeRow>> {
    list_query(company_id, filter).all(tx).await
}

/// The query of [`list`].
#[must_use]
pub fn list_query(company_id: i64, filter: &CodeFilter) -> Query {
    let ends = filter.status.filter(|status| *status != CodeStatus::Unused);
    let query = match (&filter.search, filter.status) {
        (CodeSearch::Id(_), _) => sql(list_sql!(
            "k.id < $2 and k.id = $7 and (cast($8 as bigint) is null or k.status = $8)",
            "k.id desc"
        )),
        (_, None) => sql(search_sql!("k.id < $2", "k.id desc")),
        (_, Some(CodeStatus::Unused)) => sql(search_sql!("k.id < $2 and k.status = 0", "k.id desc")),
        (_, Some(_)) => sql(search_sql!(
            "k.status = $9 and k.status <> 0 and (k.ended_at, k.id)
                 < (coalesce((select b.ended_at from code b where b.id = $2), 9223372036854775807), $2)",
            "k.ended_at desc, k.id desc"
        )),
    };
    let query = query
        .bind(company_id)
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(filter.resource_type)
        .bind(filter.created_from.map_or(i64::MIN, |m| m.0))
        .bind(filter.created_to.map_or(i64::MAX, |m| m.0))
        .bind(filter.limit);
    let query = match &filter.search {
        CodeSearch::Id(id) => return query.bind(*id).bind(filter.status),
        CodeSearch::Nothing => query.bind(None::<i64>).bind("%"),
        // Four letters may also be part of a comment.
        CodeSearch::Suffix(suffix, text) => query.bind(*suffix).bind(contains(text)),
        CodeSearch::Comment(text) => query.bind(None::<i64>).bind(contains(text)),
    };
    if ends.is_some() { query.bind(ends) } else { query }
}

fn contains(text: &str) -> String {
    format!("%{}%", escape_like(&searchable(text)))
}

/// One code of a tree.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<CodeRow>> {
    sql(codes_sql!("k.id = $1 and c.path >= $2 and c.path < $3"))
        .bind(id)
        .bind(tree.as_str())
        .bind(tree.end())
        .optional(tx)
        .await
}

/// Some codes of a tree, by id.
///
/// # Errors
/// Whatever the database says.
pub async fn some(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<CodeRow>> {
    sql_for(
        codes_sql!(
            "k.id in (select value from jsonb_each($1)) and c.path >= $2 and c.path < $3 order by k.id"
        ),
        codes_sql!(
            "k.id in (select value::bigint from jsonb_array_elements_text($1::jsonb))
             and c.path >= $2 and c.path < $3 order by k.id"
        ),
    )
    .bind(rows(ids))
    .bind(tree.as_str())
    .bind(tree.end())
    .all(tx)
    .await
}

/// A code by its tag, whosever it is: only to tell what redeeming it would do.
///
/// # Errors
/// Whatever the database says.
pub async fn by_tag(tx: &mut Tx, tag: Tag) -> Result<Option<CodeRow>> {
    sql(codes_sql!("k.tag = $1")).bind(tag.0.as_slice()).optional(tx).await
}

/// Sets a code's comment.
///
/// # Errors
/// Whatever the database says.
pub async fn set_comment(tx: &mut Tx, id: i64, comment: &str) -> Result<u64> {
    sql("update code set comment = $2, comment_search = $3 where id = $1")
        .bind(id)
        .bind(comment)
        .bind(searchable(comment))
        .run(tx)
        .await
}
