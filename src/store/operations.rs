//! Writes other than transfers, recorded so that each happens once.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;

use super::db::{DbError, Query, Result, Tx, WriteTx, all_of, columns, sql};
use crate::model::event::Event;
use crate::model::ledger::Fingerprint;
use crate::model::time::Moment;

/// What is kept of an operation.
#[derive(Debug, Clone)]
pub struct Stored {
    pub fingerprint: Fingerprint,
    pub verb: String,
    pub event: Event,
    /// Other data that the first answer is rebuilt from; null for none.
    pub about: Value,
}

/// What the column `result` holds, as JSON.
#[derive(Serialize, Deserialize)]
struct Kept<E> {
    event: E,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    about: Value,
}

/// Reads the column `result`. Rows of older versions hold a text, which stays as it is; those of newer ones may hold an
/// event that this version does not know.
fn read(result: String) -> (Event, Value) {
    match serde_json::from_str::<Kept<Value>>(&result) {
        Ok(Kept { event, about }) => (serde_json::from_value(event).unwrap_or(Event::Unknown), about),
        Err(_) => {
            let about = result.splitn(3, '\n').nth(2).and_then(|json| serde_json::from_str(json).ok());
            (Event::Stored(result), about.unwrap_or_default())
        }
    }
}

#[derive(FromRow)]
struct OperationRow {
    fingerprint: Vec<u8>,
    verb: String,
    result: String,
}

impl OperationRow {
    fn stored(self) -> Stored {
        let (event, about) = read(self.result);
        let fingerprint = Fingerprint(self.fingerprint.try_into().unwrap_or_default());
        Stored { fingerprint, verb: self.verb, event, about }
    }
}

/// What an operation's key was used for.
pub enum Use {
    Write(Stored),
    /// A change of balances, which the ledger records.
    Transfer,
}

/// What this actor has used this key for, read so that nobody can use it meanwhile. On PostgreSQL the ledger waits for
/// the holder of the actor's lock, and vice versa, because neither side's unique index sees what the other writes.
pub async fn used(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Option<Use>> {
    let transfer = sql("select id from transfer where operation = $1 and actor_id = $2 limit 1");
    let [_, write, transfer] = all_of(
        tx,
        [
            tx.is_postgres().then(|| sql("select id from person where id = $1").locked().bind(actor_id)),
            Some(stored_query(actor_id, key)),
            Some(transfer.bind(key).bind(actor_id)),
        ],
    )
    .await?;
    if let Some(row) = write.read::<OperationRow>()?.pop() {
        return Ok(Some(Use::Write(row.stored())));
    }
    Ok(transfer.read::<(i64,)>()?.pop().map(|_| Use::Transfer))
}

/// Which of the identities already belong to a write recorded here.
#[must_use]
pub fn taken_query(identities: &[IdentityRow]) -> Query {
    sql("select o.actor_id, o.key from {rows} r join operation o on o.actor_id = r.actor and o.key = r.key")
        .bind_rows(identities)
}

columns! {
    /// Identifies an operation.
    pub struct IdentityRow<'a> {
        pub actor: i64,
        pub key: &'a str,
    }
}

/// The operation of this actor with this key, if it has happened.
pub async fn find(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Option<Stored>> {
    Ok(stored_query(actor_id, key).optional(tx).await?.map(OperationRow::stored))
}

fn stored_query(actor_id: i64, key: &str) -> Query {
    sql("select fingerprint, verb, result from operation where actor_id = $1 and key = $2")
        .bind(actor_id)
        .bind(key)
}

/// Records an operation.
///
/// # Errors
/// A unique violation if it has already happened.
pub async fn add(tx: &mut WriteTx, actor_id: i64, key: &str, stored: &Stored, now: Moment) -> Result<()> {
    let kept = Kept { event: &stored.event, about: stored.about.clone() };
    let result = serde_json::to_string(&kept).map_err(DbError::decode)?;
    sql("insert into operation (actor_id, key, fingerprint, verb, result, at) values ($1, $2, $3, $4, $5, $6)")
        .bind(actor_id)
        .bind(key)
        .bind(stored.fingerprint.0.as_slice())
        .bind(&stored.verb)
        .bind(result)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}
