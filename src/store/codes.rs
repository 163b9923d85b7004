//! Codes as lists show them. Only `store::ledger` changes their value.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::code_lists::{self, Facts};
use super::company_scope::CompanyScope;
use super::db::{Query, Result, Tx, WriteTx, sql};
use super::ledger::decode;
use crate::model::company::{Path, searchable};
use crate::model::ledger::{CodeFacts, CodeStatus, Tag};
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

impl CodeRow {
    /// The facts that the ledger knows, without its order.
    ///
    /// # Errors
    /// If the database holds a value that Scrip never writes.
    pub fn facts(&self) -> Result<CodeFacts> {
        Ok(CodeFacts {
            id: self.id,
            tag: Tag(self.tag.as_slice().try_into().map_err(decode)?),
            company_id: self.company_id,
            resource_type: ResourceType::try_from(self.resource_type).map_err(decode)?,
            amount: self.amount,
            status: CodeStatus::try_from(self.status).map_err(decode)?,
            expires_at: self.expires_at.map(Moment),
            order: None,
            used_at: self.ended_at.map(Moment),
        })
    }
}

/// Filters one company's codes; newest first.
#[derive(Debug, Clone, Default)]
pub struct CodeFilter {
    pub status: Option<CodeStatus>,
    pub resource_type: Option<ResourceType>,
    pub created_from: Option<Moment>,
    pub created_to: Option<Moment>,
    pub search: CodeSearch,
    /// Only codes older than this id.
    pub before: Option<i64>,
    pub limit: i64,
}

/// What a search of codes looks for.
#[derive(Debug, Clone, Default)]
pub enum CodeSearch {
    #[default]
    Nothing,
    /// One code, already looked up by its whole text.
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

/// A page of a company's codes, newest first: by creation, or by end if the status ends a code. Each of the three
/// orders has its index.
pub async fn list(tx: &mut Tx, company_id: i64, filter: &CodeFilter) -> Result<Vec<CodeRow>> {
    list_query(company_id, filter).all(tx).await
}

/// The query behind [`list`]. With filters besides the state, an index that covers them finds the ids.
#[must_use]
pub fn list_query(company_id: i64, filter: &CodeFilter) -> Query {
    let facts = filter.facts();
    let has_facts = facts != Facts::default();
    let own = CompanyScope::Companies(vec![company_id]);
    let query = sql(codes_sql!("k.id in (select k.id from code k"));
    let query = match (filter.status, has_facts) {
        (None, _) | (Some(CodeStatus::Unused), true) => query.push_for(" indexed by code_by_company", ""),
        (Some(CodeStatus::Unused), false) => query.push_for(" indexed by code_unused", ""),
        (Some(_), _) => query.push_for(" indexed by code_ended", ""),
    };
    let query = query.push(" where k.company_id = ").push_value(company_id);
    let before = filter.before.unwrap_or(i64::MAX);
    let (query, order) = match filter.status {
        None => (code_lists::with_facts(query, &facts).push(" and k.id < ").push_value(before), NEWEST),
        Some(status @ CodeStatus::Unused) => {
            let query = if has_facts {
                code_lists::in_state(code_lists::with_facts(query, &facts), &own, status, true)
            } else {
                query.push(" and k.status = 0")
            };
            (query.push(" and k.id < ").push_value(before), NEWEST)
        }
        Some(status) => {
            let query = query
                .push(" and k.status <> 0 and k.status = ")
                .push_value(status)
                .push(" and (k.ended_at, k.id) < (coalesce((select b.ended_at from code b where b.id = ")
                .push_value(before)
                .push("), 9223372036854775807), ")
                .push_value(before)
                .push(")");
            (if has_facts { among(query, company_id, &facts) } else { query }, LAST_ENDED)
        }
    };
    query.push(order).push(" limit ").push_value(filter.limit).push(")").push(order)
}

const NEWEST: &str = " order by k.id desc";
const LAST_ENDED: &str = " order by k.ended_at desc, k.id desc";

/// Adds that a company's code has these facts. SQLite takes the ids from an index that covers them.
fn among(query: Query, company_id: i64, facts: &Facts) -> Query {
    let query = query
        .push_for(
            " and k.id in (select k.id from code k indexed by code_by_company where k.company_id = ",
            " and (k.company_id = ",
        )
        .push_value(company_id);
    code_lists::with_facts(query, facts).push(")")
}

impl CodeFilter {
    fn facts(&self) -> Facts {
        let facts = Facts {
            resource_type: self.resource_type,
            created_from: self.created_from,
            created_to: self.created_to,
            ..Facts::default()
        };
        match &self.search {
            CodeSearch::Nothing => facts,
            CodeSearch::Id(id) => Facts { id: Some(*id), ..facts },
            // Four letters may also be part of a comment.
            CodeSearch::Suffix(tag, text) => Facts { suffix_tag: Some(*tag), comment: Some(text.clone()), ..facts },
            CodeSearch::Comment(text) => Facts { comment: Some(text.clone()), ..facts },
        }
    }
}

/// Finds a code within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<CodeRow>> {
    sql(codes_sql!("k.id = $1 and c.path >= $2 and c.path < $3")).bind(id).bind_tree(tree).optional(tx).await
}

/// Finds codes within a tree by id.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<CodeRow>> {
    sql(codes_sql!("k.id in {list} and c.path >= $2 and c.path < $3 order by k.id"))
        .bind_list(ids)
        .bind_tree(tree)
        .all(tx)
        .await
}

/// Finds a code by its tag, regardless of its company: only to show what redeeming it would do.
pub async fn by_tag(tx: &mut Tx, tag: Tag) -> Result<Option<CodeRow>> {
    sql(codes_sql!("k.tag = $1")).bind(tag.0.as_slice()).optional(tx).await
}

/// Sets a code's comment.
pub async fn set_comment(tx: &mut WriteTx, id: i64, comment: &str) -> Result<u64> {
    sql("update code set comment = $2, comment_search = $3 where id = $1")
        .bind(id)
        .bind(comment)
        .bind(searchable(comment))
        .run(tx)
        .await
}
