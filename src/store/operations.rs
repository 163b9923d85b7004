//! Writes that are no transfers, kept so that each happens once.

use sqlx::FromRow;

use super::db::{Result, Tx, sql};
use crate::model::ledger::Fingerprint;
use crate::model::time::Moment;

/// What is kept of one.
#[derive(Debug, Clone)]
pub struct Stored {
    pub fingerprint: Fingerprint,
    pub verb: String,
    /// What the first answer is rebuilt from.
    pub result: String,
}

#[derive(FromRow)]
struct OperationRow {
    fingerprint: Vec<u8>,
    verb: String,
    result: String,
}

/// The operation of this actor with this key, if it has happened.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Option<Stored>> {
    let row: Option<OperationRow> =
        sql("select fingerprint, verb, result from operation where actor_id = $1 and key = $2")
            .bind(actor_id)
            .bind(key)
            .optional(tx)
            .await?;
    Ok(row.map(|r| Stored {
        fingerprint: Fingerprint(r.fingerprint.try_into().unwrap_or_default()),
        verb: r.verb,
        result: r.result,
    }))
}

/// Keeps one.
///
/// # Errors
/// A unique violation where it has happened already.
pub async fn add(tx: &mut Tx, actor_id: i64, key: &str, stored: &Stored, now: Moment) -> Result<()> {
    sql("insert into operation (actor_id, key, fingerprint, verb, result, at) values ($1, $2, $3, $4, $5, $6)")
        .bind(actor_id)
        .bind(key)
        .bind(stored.fingerprint.0.as_slice())
        .bind(&stored.verb)
        .bind(&stored.result)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}
