//! What the ledger's decisions read and write: a handful of statements for a whole batch, however
//! large. [`prefetch`] locks what it reads, in the one order: operations, codes, companies, accounts,
//! devices.

mod devices;
mod prefetch;
mod rows;
mod write;

use std::collections::VecDeque;

use super::db::{DbError, Result, Tx, sql, sql_for};
use crate::model::ledger::Transfer;

pub use prefetch::prefetch;
pub use rows::TransferRow;
pub use write::write;

/// Takes `count` new ids of a sequence, ascending.
///
/// # Errors
/// Whatever the database says.
pub async fn reserve(tx: &mut Tx, sequence: &'static str, count: i64) -> Result<VecDeque<i64>> {
    if count == 0 {
        return Ok(VecDeque::new());
    }
    let ids: Vec<(i64,)> = if tx.is_postgres() {
        sql_for("", "select nextval($1::text || '_id') from generate_series(1, $2)")
            .bind(sequence)
            .bind(count)
            .all(tx)
            .await?
    } else {
        let (next,): (i64,) =
            sql_for("update counter set next = next + $2 where name = $1 returning next", "")
                .bind(sequence)
                .bind(count)
                .one(tx)
                .await?;
        (next - count..next).map(|id| (id,)).collect()
    };
    Ok(ids.into_iter().map(|r| r.0).collect())
}

/// The transfers of one operation, in order; none where it has not happened.
///
/// # Errors
/// Whatever the database says.
pub async fn operation(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Vec<Transfer>> {
    let found: Vec<TransferRow> =
        sql("select * from transfer where actor_id = $1 and operation = $2 order by seq limit 1001")
            .bind(actor_id)
            .bind(key)
            .all(tx)
            .await?;
    found.into_iter().map(Transfer::try_from).collect()
}

/// A value in the database that no Scrip wrote.
pub fn decode(error: impl std::error::Error + Send + Sync + 'static) -> DbError {
    DbError(sqlx::Error::Decode(Box::new(error)))
}
