//! The ledger's tables: [`load`] reads and locks what a batch may touch, [`save`] writes what it changed, in a handful
//! of statements for a whole batch, however large. On SQLite a batch is a few hand-overs to its thread: what the
//! operations name, what that leads to, and all writes together with the commit.

mod counts;
mod devices;
mod load;
mod rows;
mod save;

use std::collections::VecDeque;

use super::db::{DbError, Found, Query, Result, Tx, WriteTx, all_of, sql, sql_for};
use crate::model::device::DeviceFacts;
use crate::model::ledger::Transfer;
use crate::model::resources::ResourceType;

pub use load::{happened_meanwhile, load};
pub use rows::{NewTransferRow, TransferRow};
pub use save::{Saved, SealedCode, save};

/// Takes `count` new ids of a sequence, ascending.
pub async fn reserve(tx: &mut WriteTx, sequence: &'static str, count: i64) -> Result<VecDeque<i64>> {
    let [found] = all_of(tx, [reservation(sequence, count)]).await?;
    reserved(&found, count)
}

/// The query that [`reserved`] reads; `None` if no ids are wanted.
fn reservation(sequence: &'static str, count: i64) -> Option<Query> {
    let query = sql_for(
        "update counter set next = next + $2 where name = $1 returning next",
        "select nextval($1::text || '_id') from generate_series(1, $2)",
    );
    (count > 0).then(|| query.bind(sequence).bind(count))
}

/// The ids of a [`reservation`]. SQLite returns the one after the last, PostgreSQL each.
fn reserved(found: &Found, count: i64) -> Result<VecDeque<i64>> {
    let ids: VecDeque<i64> = found.read::<(i64,)>()?.into_iter().map(|row| row.0).collect();
    match (found, ids.front()) {
        (Found::Sqlite(_), Some(next)) => Ok((next - count..*next).collect()),
        _ => Ok(ids),
    }
}

/// The transfers of one operation, in order; empty if it has not happened.
pub async fn operation(tx: &mut Tx, actor_id: i64, key: &str) -> Result<Vec<Transfer>> {
    let query = super::operations::join_transfers(sql("select t.* from operation o"))
        .push(" where o.key = $1 and o.actor_id = $2 order by t.id limit 1001");
    let found: Vec<TransferRow> = query.bind(key).bind(actor_id).all(tx).await?;
    found.into_iter().map(Transfer::try_from).collect()
}

/// The devices that units arriving in a balance would extend first, in the order of service, if they are so many.
pub async fn first_served(
    tx: &mut Tx,
    company_id: i64,
    resource_type: ResourceType,
    count: i64,
) -> Result<Vec<DeviceFacts>> {
    let Some(query) = devices::waiting(&[(company_id, resource_type)].into()) else { return Ok(Vec::new()) };
    let found: Vec<devices::DeviceRow> = query.all(tx).await?;
    found.into_iter().take(count as usize).map(devices::DeviceRow::facts).collect()
}

/// For a value in the database that Scrip never wrote.
pub fn decode(error: impl std::error::Error + Send + Sync + 'static) -> DbError {
    DbError::decode(error)
}
