//! The chain: each link holds the digests after those of the link before it, and is signed. A lease lets one process
//! link at a time; if two do anyway, the unique number lets only one succeed.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use super::digests;
use super::leases;
use crate::keys::Keys;
use crate::model::digest::{Hash, Head};
use crate::model::time::Moment;

/// Most digests in one link.
pub const LINK_LENGTH_MAX: usize = 5_000;
const LEASE: &str = "chain";
/// Each link renews it; a holder silent for this long is considered dead.
const LEASE_SECONDS: i64 = 5;

/// A link as stored.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct LinkRow {
    pub number: i64,
    /// Its last digest.
    pub through: i64,
    pub digests: i64,
    pub at: i64,
    pub hash: Vec<u8>,
    pub key_version: i64,
    pub signature: Vec<u8>,
}

impl LinkRow {
    /// Its number and hash. A forged hash of another length becomes one that no link has.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { number: self.number, hash: Hash::try_from(self.hash.as_slice()).unwrap_or_default() }
    }
}

/// The last link, if any.
pub async fn last(tx: &mut Tx) -> Result<Option<LinkRow>> {
    sql("select number, through, digests, at, hash, key_version, signature from chain order by number desc limit 1")
        .optional(tx)
        .await
}

/// The links after `number`, in order.
pub async fn after(tx: &mut Tx, number: i64, limit: usize) -> Result<Vec<LinkRow>> {
    sql("select number, through, digests, at, hash, key_version, signature from chain
         where number > $1 order by number limit $2")
    .bind(number)
    .bind(limit as i64)
    .all(tx)
    .await
}

/// Takes or renews the linker's lease; returns whether the holder has it now.
pub async fn take_lease(tx: &mut WriteTx, holder: &str, now: Moment) -> Result<bool> {
    leases::take(tx, LEASE, holder, now, LEASE_SECONDS).await
}

/// Releases the lease.
pub async fn give_back(tx: &mut WriteTx, holder: &str) -> Result<()> {
    leases::give_back(tx, LEASE, holder).await
}

/// Links the digests up to `through`, below which no more can appear, and returns the link; `None` if there are none.
///
/// # Errors
/// A unique violation if another process has linked meanwhile.
pub async fn link(tx: &mut WriteTx, keys: &Keys, through: i64, now: Moment) -> Result<Option<LinkRow>> {
    let before = last(tx).await?;
    let (head, from) = before.map_or((Head::NONE, 0), |link| (link.head(), link.through));
    let hashes = digests::hashes(tx, from, through, LINK_LENGTH_MAX).await?;
    let Some(&(through, _)) = hashes.last() else { return Ok(None) };
    let head = head.next(now, through, &hashes);
    let (key_version, signature) = keys.sign_head(&head);
    let link = LinkRow {
        number: head.number,
        through,
        digests: hashes.len() as i64,
        at: now.0,
        hash: head.hash.to_vec(),
        key_version,
        signature: signature.to_vec(),
    };
    sql("insert into chain (number, through, digests, at, hash, key_version, signature)
         values ($1, $2, $3, $4, $5, $6, $7)")
    .bind(link.number)
    .bind(link.through)
    .bind(link.digests)
    .bind(link.at)
    .bind(link.hash.clone())
    .bind(link.key_version)
    .bind(link.signature.clone())
    .run(tx)
    .await?;
    Ok(Some(link))
}
