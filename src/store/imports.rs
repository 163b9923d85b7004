//! Imports of device files.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::company::Path;
use crate::model::time::Moment;

/// An import as stored.
#[derive(Debug, Clone, FromRow)]
pub struct Import {
    pub id: i64,
    pub company_id: i64,
    pub actor_id: i64,
    pub state: String,
    /// The rows that can be added, as JSON.
    pub content: String,
    /// The rows that cannot, as JSON.
    pub problems: String,
    pub row_count: i64,
    /// How many rows are processed.
    pub position: i64,
    pub added: i64,
    pub created_at: i64,
    pub ended_at: Option<i64>,
}

/// Stores a checked file.
pub async fn insert(
    tx: &mut WriteTx,
    (company_id, actor_id): (i64, i64),
    content: &str,
    row_count: i64,
    problems: &str,
    now: Moment,
) -> Result<i64> {
    let id = super::ledger::reserve(tx, "import", 1).await?[0];
    sql("insert into device_import (id, company_id, actor_id, state, content, problems, row_count, created_at)
         values ($1, $2, $3, 'checked', $4, $5, $6, $7)")
    .bind(id)
    .bind(company_id)
    .bind(actor_id)
    .bind(content)
    .bind(problems)
    .bind(row_count)
    .bind(now)
    .run(tx)
    .await?;
    Ok(id)
}

/// Finds an import within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<Import>> {
    sql("select i.* from device_import i join company c on c.id = i.company_id
         where i.id = $1 and c.path >= $2 and c.path < $3")
    .bind(id)
    .bind_tree(tree)
    .optional(tx)
    .await
}

/// The latest imports of a tree.
pub async fn latest(tx: &mut Tx, tree: &Path, limit: i64) -> Result<Vec<Import>> {
    sql("select i.* from device_import i join company c on c.id = i.company_id
         where c.path >= $1 and c.path < $2 order by i.id desc limit $3")
    .bind_tree(tree)
    .bind(limit)
    .all(tx)
    .await
}

/// Locks a running import, so that one worker at a time adds rows.
pub async fn lock_running(tx: &mut Tx, id: i64) -> Result<Option<Import>> {
    sql("select * from device_import where id = $1 and state = 'running'").locked().bind(id).optional(tx).await
}

/// Moves an import from one state to another; returns whether it was in the first.
pub async fn go(tx: &mut WriteTx, id: i64, from: &str, to: &str, now: Moment) -> Result<bool> {
    // A finished import need not keep its rows.
    let moved = sql("update device_import set state = $3,
             content = case when $3 in ('done', 'cancelled') then '[]' else content end,
             ended_at = case when $3 in ('done', 'cancelled') then cast($4 as bigint) end
         where id = $1 and state = $2")
    .bind(id)
    .bind(from)
    .bind(to)
    .bind(now)
    .run(tx)
    .await?;
    Ok(moved == 1)
}

/// Records the progress of a locked import.
pub async fn advance(tx: &mut WriteTx, import: &Import) -> Result<()> {
    sql("update device_import set position = $2, added = $3, problems = $4 where id = $1")
        .bind(import.id)
        .bind(import.position)
        .bind(import.added)
        .bind(&import.problems)
        .run(tx)
        .await?;
    Ok(())
}
