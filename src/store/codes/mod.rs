//! Codes as lists show them. Only `store::ledger` changes their value.

mod list;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use super::ledger::decode;
use crate::model::company::{Path, searchable};
use crate::model::ledger::{CodeFacts, CodeStatus, Tag};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

pub use list::{CodeFilter, CodeSort, Facts, count, count_query, list, list_query};

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
    /// 1 if the payment of its order is disputed.
    #[serde(default)]
    pub is_disputed: i64,
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
            is_disputed: self.is_disputed == 1,
            order: None,
            used_at: self.ended_at.map(Moment),
        })
    }
}

/// A code with who ended it. Outcomes of operations are kept in this form.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct ListedCode {
    #[sqlx(flatten)]
    pub row: CodeRow,
    pub ended_by: Option<i64>,
    pub ended_company_id: Option<i64>,
}

/// Up to the source of the codes `k`.
macro_rules! codes_columns {
    () => {
        concat!(
            "select k.id, k.tag, k.company_id, c.name as company_name, k.resource_type, k.amount, k.status,
             k.key_version, k.sealed, k.comment, p.email as created_by, k.created_at, k.expires_at, k.ended_at,
             k.ended_company_name, k.ended_by, k.ended_company_id, ",
            $crate::store::orders::is_disputed!("k"),
            " from "
        )
    };
}

/// After the source of the codes `k`.
macro_rules! codes_joined {
    () => {
        " join company c on c.id = k.company_id join person p on p.id = k.created_by "
    };
}
use {codes_columns, codes_joined};

macro_rules! codes_sql {
    ($where:expr) => {
        concat!(codes_columns!(), "code k", codes_joined!(), "where ", $where)
    };
}

/// Finds a code within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<ListedCode>> {
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
