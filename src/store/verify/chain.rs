//! Recomputes the chain, link by link.

use super::findings::{self, Findings};
use crate::keys::Keys;
use crate::model::digest::Head;
use crate::store::chain::{self, LINK_LENGTH_MAX, LinkRow};
use crate::store::db::{Db, Result, Tx};
use crate::store::digests;

const LINKS_A_READ: usize = 100;
const DIGESTS_A_STEP: usize = 20_000;

/// The state of the chain.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    pub last: Option<LinkRow>,
    /// Digests that no link holds yet, and when the first of them was written.
    pub unlinked: i64,
    pub unlinked_since: Option<i64>,
}

/// Checks each link, and that the chain passes through a head that was kept.
pub async fn check(db: &Db, keys: &Keys, kept: Option<Head>, findings: &mut Findings) -> Result<Chain> {
    let mut before: Option<LinkRow> = None;
    let mut goes_through_kept = None;
    loop {
        let mut tx = db.snapshot().await?;
        let links = chain::after(&mut tx, before.as_ref().map_or(0, |link| link.number), LINKS_A_READ).await?;
        let is_end = links.is_empty();
        let mut read = 0;
        for link in links {
            read += check_link(&mut tx, keys, before.as_ref(), &link, findings).await?;
            if kept.is_some_and(|kept| kept.number == link.number) {
                goes_through_kept = Some((kept == Some(link.head()), link.at));
            }
            before = Some(link);
            if read > DIGESTS_A_STEP {
                break;
            }
        }
        if !is_end {
            tx.end().await;
            continue;
        }
        let (unlinked, unlinked_since) =
            digests::unlinked(&mut tx, before.as_ref().map_or(0, |link| link.through)).await?;
        tx.end().await;
        note_kept_head(kept, goes_through_kept, findings);
        return Ok(Chain { last: before, unlinked, unlinked_since });
    }
}

fn note_kept_head(kept: Option<Head>, goes_through: Option<(bool, i64)>, findings: &mut Findings) {
    match (kept, goes_through) {
        (Some(kept), None) => findings.note(findings::HEAD, None, || format!("the chain has no link {}", kept.number)),
        (Some(kept), Some((false, at))) => {
            findings.note(findings::HEAD, Some(at), || format!("link {} has another hash", kept.number))
        }
        _ => {}
    }
}

/// Checks one link; returns its number of digests.
async fn check_link(
    tx: &mut Tx,
    keys: &Keys,
    before: Option<&LinkRow>,
    link: &LinkRow,
    findings: &mut Findings,
) -> Result<usize> {
    let (head, from) = before.map_or((Head::NONE, 0), |before| (before.head(), before.through));
    let hashes = digests::hashes(tx, from, link.through, LINK_LENGTH_MAX + 1).await?;
    let wrong = if link.number != head.number + 1 {
        Some("follows none")
    } else if hashes.len() as i64 != link.digests || link.through <= from {
        Some("holds more or fewer digests than it had")
    } else if head.next(link.at.into(), link.through, &hashes) != link.head() {
        Some("does not have the hash of its digests")
    } else if !keys.head_is_signed(link.key_version, &link.head(), &link.signature) {
        Some("is not signed by this portal's key")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        findings.note(findings::CHAIN, Some(link.at), || format!("link {} {wrong}", link.number));
    }
    Ok(hashes.len())
}
