//! Batches that create codes by the thousand in the background.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::company::Path;
use crate::model::time::Moment;

/// A batch of codes as stored.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct Batch {
    pub id: i64,
    pub actor_id: i64,
    pub actor_company_id: i64,
    pub address: String,
    pub company_id: i64,
    pub resource_type: i64,
    pub amount: i64,
    pub comment: String,
    pub state: String,
    pub wanted: i64,
    pub made: i64,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

impl Batch {
    /// The common prefix of its steps' keys. No request's key has a line break.
    #[must_use]
    pub fn keys(&self) -> String {
        format!("batch\n{}\n", self.id)
    }

    /// The key of the step that begins after `made` codes: a repeated step creates nothing twice.
    #[must_use]
    pub fn key(&self, made: i64) -> String {
        format!("{}{made}", self.keys())
    }
}

/// Stores a new batch; returns its id.
pub async fn insert(tx: &mut WriteTx, batch: &Batch) -> Result<i64> {
    let id = super::ledger::reserve(tx, "batch", 1).await?[0];
    sql("insert into code_batch (id, actor_id, actor_company_id, address, company_id, resource_type, amount, comment,
             state, wanted, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9, $10)")
    .bind(id)
    .bind(batch.actor_id)
    .bind(batch.actor_company_id)
    .bind(&batch.address)
    .bind(batch.company_id)
    .bind(batch.resource_type)
    .bind(batch.amount)
    .bind(&batch.comment)
    .bind(batch.wanted)
    .bind(batch.created_at)
    .run(tx)
    .await?;
    Ok(id)
}

/// Finds a batch within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<Batch>> {
    sql("select b.* from code_batch b join company c on c.id = b.company_id
         where b.id = $1 and c.path >= $2 and c.path < $3")
    .bind(id)
    .bind_tree(tree)
    .optional(tx)
    .await
}

/// Finds a batch that is still running.
pub async fn running(tx: &mut Tx, id: i64) -> Result<Option<Batch>> {
    sql("select * from code_batch where id = $1 and state = 'running'").bind(id).optional(tx).await
}

/// Records a finished step, unless another worker already has.
pub async fn advance(tx: &mut WriteTx, batch: &Batch, made: i64, now: Moment) -> Result<()> {
    sql("update code_batch set made = $3, state = case when $3 = wanted and state = 'running' then 'done' else state end,
             ended_at = case when $3 = wanted and state = 'running' then cast($4 as bigint) else ended_at end
         where id = $1 and made = $2")
    .bind(batch.id)
    .bind(batch.made)
    .bind(made)
    .bind(now)
    .run(tx)
    .await?;
    Ok(())
}

/// Ends a running batch; returns whether it was running.
pub async fn end(tx: &mut WriteTx, id: i64, state: &'static str, now: Moment) -> Result<bool> {
    let ended = sql("update code_batch set state = $2, ended_at = $3 where id = $1 and state = 'running'")
        .bind(id)
        .bind(state)
        .bind(now)
        .run(tx)
        .await?;
    Ok(ended == 1)
}
