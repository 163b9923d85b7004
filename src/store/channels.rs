//! Channels: the random ids under which programs ask for the outcome of a write. The outcome itself is the operation's.

use super::db::{Result, Tx, WriteTx, sql};

/// Opens a channel for an actor's operation.
pub async fn open(tx: &mut WriteTx, id: &str, actor_id: i64, operation_id: &str) -> Result<()> {
    sql("insert into channel (id, actor_id, operation) values ($1, $2, $3)")
        .bind(id)
        .bind(actor_id)
        .bind(operation_id)
        .later(tx)
        .await
}

/// The id of the operation behind an actor's channel.
pub async fn operation(tx: &mut Tx, id: &str, actor_id: i64) -> Result<Option<String>> {
    let found: Option<(String,)> = sql("select operation from channel where id = $1 and actor_id = $2")
        .bind(id)
        .bind(actor_id)
        .optional(tx)
        .await?;
    Ok(found.map(|row| row.0))
}
