//! Operations of people, recorded so that each happens once: writes with their outcomes, and transfers. The primary
//! key decides between two that are sent at once, whatever they are.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;

use super::db::{DbError, Query, Result, Tx, WriteTx, all_of, sql};
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

/// Without values for transfers.
#[derive(FromRow)]
struct OperationRow {
    fingerprint: Option<Vec<u8>>,
    verb: Option<String>,
    result: Option<String>,
}

impl OperationRow {
    fn used(self) -> Use {
        let (Some(fingerprint), Some(verb), Some(result)) = (self.fingerprint, self.verb, self.result) else {
            return Use::Transfers;
        };
        let (event, about) = read(result);
        let fingerprint = Fingerprint(fingerprint.try_into().unwrap_or_default());
        Use::Write(Stored { fingerprint, verb, event, about })
    }
}

/// What an operation's key was used for.
pub enum Use {
    Write(Stored),
    Transfers,
}

/// What this actor has used this key for.
pub async fn find(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Option<Use>> {
    Ok(find_query(actor_id, key).optional::<OperationRow>(tx).await?.map(OperationRow::used))
}

/// Like [`find`]; from here on, writes of this actor take turns until the end of the transaction.
pub async fn find_in_turn(tx: &mut WriteTx, actor_id: i64, key: &str) -> Result<Option<Use>> {
    let turn = sql("select id from person where id = $1").locking(" for no key update").bind(actor_id);
    let turn = tx.is_postgres().then_some(turn);
    let [_, found] = all_of(tx, [turn, Some(find_query(actor_id, key))]).await?;
    Ok(found.read::<OperationRow>()?.pop().map(OperationRow::used))
}

fn find_query(actor_id: i64, key: &str) -> Query {
    sql("select fingerprint, verb, result from operation where key = $1 and actor_id = $2").bind(key).bind(actor_id)
}

/// Joins the transfers `t` of operations `o`. Where several processes write, ids of other operations lie between. Both
/// databases would overestimate how many, and read the whole table: they have to begin with the operations.
#[must_use]
pub fn join_transfers(query: Query) -> Query {
    query
        .push_for(
            " cross join transfer t on t.id between o.first_transfer and o.last_transfer",
            " join lateral (select t.* from transfer t
                 where t.id between o.first_transfer and o.last_transfer offset 0) t on true",
        )
        .push(" and t.operation = o.key and t.actor_id = o.actor_id")
}

/// Records a write.
///
/// # Errors
/// A unique violation if it has already happened.
pub async fn add(tx: &mut WriteTx, actor_id: i64, key: &str, stored: &Stored, now: Moment) -> Result<()> {
    let kept = Kept { event: &stored.event, about: stored.about.clone() };
    let result = serde_json::to_string(&kept).map_err(DbError::decode)?;
    sql("insert into operation (key, actor_id, fingerprint, verb, result, at) values ($1, $2, $3, $4, $5, $6)")
        .bind(key)
        .bind(actor_id)
        .bind(stored.fingerprint.0.as_slice())
        .bind(&stored.verb)
        .bind(result)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}
