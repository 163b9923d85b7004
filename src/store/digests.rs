//! Digests: each transaction that writes transfers or history leaves one of its rows. It costs one insert and no lock
//! that others wait for: a job links them afterwards (`store::chain`).
//!
//! On PostgreSQL a digest with a lower id may become visible after one with a higher id. All ids drawn before some
//! moment are visible once every transaction running at that moment has ended; [`Seen`] tracks this.

use sqlx::FromRow;

use super::db::{Query, Result, Tx, WriteTx, sql, sql_for};
use super::history::{NewHistoryRow, StoredHistoryRow};
use super::ledger::{NewTransferRow, TransferRow, decode};
use super::settings;
use crate::keys::Keys;
use crate::keys::chain::Covered;
use crate::model::digest::{Entries, Hash};
use crate::model::time::Moment;

/// The JSON of no rows.
pub const NO_ROWS: &str = "[]";

/// The last id older than digests, set by the migration that introduced them, and how far the job has come.
const OLDER_THROUGH: &str = "digests_older_through";
const OLDER_DONE: &str = "digests_older_done";

/// Writes the digest of rows; on SQLite it travels with the next statement or the commit.
pub async fn add(tx: &mut WriteTx, keys: &Keys, covered: &Covered<'_>) -> Result<()> {
    sql("insert into digest (at, is_older, entries, hash) values ($1, $2, $3, $4)")
        .bind(covered.at)
        .bind(covered.is_older)
        .bind(covered.entries.to_string())
        .bind(keys.digest(covered).as_slice())
        .later(tx)
        .await
}

/// A digest as stored.
#[derive(Debug, Clone, FromRow)]
pub struct DigestRow {
    pub id: i64,
    pub at: i64,
    pub is_older: i64,
    pub entries: String,
    pub hash: Vec<u8>,
}

/// Digests after one and up to another, in order.
pub async fn between(tx: &mut Tx, after: i64, through: i64, limit: usize) -> Result<Vec<DigestRow>> {
    sql("select id, at, is_older, entries, hash from digest where id > $1 and id <= $2 order by id limit $3")
        .bind(after)
        .bind(through)
        .bind(limit as i64)
        .all(tx)
        .await
}

/// Like [`between`], ids and hashes only: what a link is made of.
pub async fn hashes(tx: &mut Tx, after: i64, through: i64, limit: usize) -> Result<Vec<(i64, Hash)>> {
    let found: Vec<(i64, Vec<u8>)> = sql("select id, hash from digest where id > $1 and id <= $2 order by id limit $3")
        .bind(after)
        .bind(through)
        .bind(limit as i64)
        .all(tx)
        .await?;
    // A forged hash of another length becomes one that no digest has.
    Ok(found.into_iter().map(|(id, hash)| (id, hash.try_into().unwrap_or_default())).collect())
}

/// When the first digest after `after` was written, if any.
pub async fn unlinked_since(tx: &mut Tx, after: i64) -> Result<Option<i64>> {
    let first: Option<(i64,)> =
        sql("select at from digest where id > $1 order by id limit 1").bind(after).optional(tx).await?;
    Ok(first.map(|row| row.0))
}

/// The number of digests after `after`, and when the first of them was written.
pub async fn unlinked(tx: &mut Tx, after: i64) -> Result<(i64, Option<i64>)> {
    sql("select count(*), min(at) from digest where id > $1").bind(after).one(tx).await
}

/// The last digest that a snapshot shows, and the transactions running in it.
#[derive(Debug, Clone, Copy, FromRow)]
struct Horizon {
    through: i64,
    /// All transactions before it have ended.
    oldest: i64,
    /// No transaction has this number or a higher one yet.
    next: i64,
}

/// Tracks the digest below which no more can appear.
#[derive(Debug, Default)]
pub struct Seen {
    through: i64,
    waits: Option<Horizon>,
}

impl Seen {
    /// Looks again; returns the digest up to which all are visible, including to this transaction.
    pub async fn look(&mut self, tx: &mut Tx) -> Result<i64> {
        let now: Horizon = sql_for(
            "select coalesce(max(id), 0) as through, 0 as oldest, 0 as next from digest",
            "select coalesce(max(id), 0) as through, pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest,
                 pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next from digest",
        )
        .one(tx)
        .await?;
        if let Some(before) = self.waits.filter(|before| before.next <= now.oldest) {
            self.through = self.through.max(before.through);
            self.waits = None;
        }
        if now.next <= now.oldest {
            self.through = self.through.max(now.through);
        } else if self.waits.is_none() {
            self.waits = Some(now);
        }
        Ok(self.through)
    }

    /// Trusts what is linked: nothing is linked before it is certain.
    pub fn is_linked(&mut self, through: i64) {
        self.through = self.through.max(through);
    }
}

/// Rows with their ids, in order, and what a digest covers of them.
#[derive(Default)]
pub struct Rows {
    pub transfers: Vec<TransferRow>,
    pub history: Vec<StoredHistoryRow>,
}

impl Rows {
    /// Reads the rows with these ids; missing ones are left out.
    pub async fn read(tx: &mut Tx, ids: &[i64]) -> Result<Rows> {
        let transfers = sql("select * from transfer where id in {list} order by id").bind_list(ids);
        let history = sql("select * from history where id in {list} order by id").bind_list(ids);
        Ok(Rows { transfers: transfers.all(tx).await?, history: history.all(tx).await? })
    }

    /// The first rows after an id, up to another, and the id up to which they are complete.
    pub async fn after(tx: &mut Tx, after: i64, through: i64, limit: usize) -> Result<(Rows, i64)> {
        let of = |query: Query| query.bind(after).bind(through).bind(limit as i64);
        let transfers = sql("select * from transfer where id > $1 and id <= $2 order by id limit $3");
        let history = sql("select * from history where id > $1 and id <= $2 order by id limit $3");
        let mut rows = Rows { transfers: of(transfers).all(tx).await?, history: of(history).all(tx).await? };
        let ends = [rows.transfers.get(limit - 1).map(|row| row.id), rows.history.get(limit - 1).map(|row| row.id)];
        let through = ends.into_iter().flatten().min().unwrap_or(through);
        rows.transfers.retain(|row| row.id <= through);
        rows.history.retain(|row| row.id <= through);
        Ok((rows, through))
    }

    pub fn ids(&self) -> impl Iterator<Item = i64> {
        self.transfers.iter().map(|row| row.id).chain(self.history.iter().map(|row| row.id))
    }

    /// The rows among these that a digest covers.
    pub fn of(&self, entries: &Entries) -> (Vec<&TransferRow>, Vec<&StoredHistoryRow>) {
        let (mut transfers, mut history) = (Vec::new(), Vec::new());
        for range in entries.ranges() {
            let first = self.transfers.partition_point(|row| row.id < *range.start());
            transfers.extend(self.transfers[first..].iter().take_while(|row| range.contains(&row.id)));
            let first = self.history.partition_point(|row| row.id < *range.start());
            history.extend(self.history[first..].iter().take_while(|row| range.contains(&row.id)));
        }
        (transfers, history)
    }
}

/// Hashes rows.
///
/// # Errors
/// Never for values read from the database.
pub fn hash(
    keys: &Keys,
    (at, is_older): (Moment, bool),
    entries: &Entries,
    (transfers, history): (&[&TransferRow], &[&StoredHistoryRow]),
) -> Result<Hash> {
    let transfers: Vec<_> = transfers.iter().map(|row| NewTransferRow::from(*row)).collect();
    let history: Vec<_> = history.iter().map(|row| NewHistoryRow::from(*row)).collect();
    let transfers = serde_json::to_string(&transfers).map_err(decode)?;
    let history = serde_json::to_string(&history).map_err(decode)?;
    Ok(keys.digest(&Covered { at, is_older, entries, transfers: &transfers, history: &history }))
}

/// How far the digests of rows older than digests have come, and how far they must go.
pub async fn older(tx: &mut Tx) -> Result<(i64, i64)> {
    let mut number = async |name| {
        let text = settings::get(tx, name).await?.unwrap_or_default();
        Result::Ok(text.parse::<i64>().unwrap_or(0))
    };
    Ok((number(OLDER_DONE).await?, number(OLDER_THROUGH).await?))
}

/// Writes one digest of rows older than digests, and the progress; `false` if none remain.
pub async fn add_older(tx: &mut WriteTx, keys: &Keys, now: Moment, limit: usize) -> Result<bool> {
    let (done, through) = older(tx).await?;
    if done >= through {
        return Ok(false);
    }
    let (rows, done) = Rows::after(tx, done, through, limit).await?;
    let entries = Entries::of(rows.ids());
    if entries.count() > 0 {
        let transfers: Vec<_> = rows.transfers.iter().map(NewTransferRow::from).collect();
        let history: Vec<_> = rows.history.iter().map(NewHistoryRow::from).collect();
        let transfers = serde_json::to_string(&transfers).map_err(decode)?;
        let history = serde_json::to_string(&history).map_err(decode)?;
        let covered = Covered { at: now, is_older: true, entries: &entries, transfers: &transfers, history: &history };
        add(tx, keys, &covered).await?;
    }
    settings::set(tx, OLDER_DONE, &done.to_string()).await?;
    Ok(true)
}
