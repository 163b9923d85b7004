//! Streams the history as JSON lines (`--audit-log FILE`), appended after the commit in the order of the digests: what
//! a digest covers is complete, on both databases. The position in the history is stored in the database once the lines
//! are on disk: after a crash the last ones are repeated, and none is lost. One process at a time writes. The file is
//! reopened for each step, so that it can be moved away.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::model::digest::Entries;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::ops::error::{OpError, OpResult};
use crate::private;
use crate::store;
use crate::store::digests::{self, Rows, Seen};
use crate::store::history::StoredHistoryRow;
use crate::store::ledger::TransferRow;

const LOOK_EVERY_SECONDS: u64 = 1;
const LEASE: &str = "audit_log";
const LEASE_SECONDS: i64 = 10;
const POSITION: &str = "audit_log_through";
const DIGESTS_AT_ONCE: usize = 64;

/// Writes until stopped, if the setting names a file.
pub async fn run(app: App, stop: CancellationToken) {
    let Some(file) = app.config.audit_log.clone() else { return stop.cancelled().await };
    let holder = super::renewals::new_holder(&app);
    let mut seen = Seen::default();
    while !stop.is_cancelled() {
        match step(&app, &file, &holder, &mut seen).await {
            Ok(true) => continue,
            Ok(false) | Err(OpError::Unavailable | OpError::Collision) => {}
            Err(error) => tracing::error!(%error, "the audit log is not written, and will be tried again"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(LOOK_EVERY_SECONDS)) => {}
        }
    }
}

/// Writes the lines of a few digests; returns whether there may be more.
///
/// # Errors
/// If the database or the file fails. The lines are then written again later.
pub async fn step(app: &App, file: &Path, holder: &str, seen: &mut Seen) -> OpResult<bool> {
    let mut tx = app.db.read().await?;
    let through = seen.look(&mut tx).await?;
    let is_new = position(&mut tx).await? < through;
    drop(tx);
    if !is_new || !take_lease(app, holder).await? {
        return Ok(false);
    }
    let mut tx = app.db.read().await?;
    let done = position(&mut tx).await?;
    let found = digests::between(&mut tx, done, through, DIGESTS_AT_ONCE).await?;
    let Some(last) = found.last().map(|digest| digest.id) else { return Ok(false) };
    let is_full = found.len() == DIGESTS_AT_ONCE;
    let mut lines = String::new();
    for digest in found {
        let entries = Entries::parse(&digest.entries).ok_or_else(|| unreadable(digest.id))?;
        let ids: Vec<i64> = entries.ids().collect();
        let rows = Rows::read(&mut tx, &ids).await?;
        lines += &text(&mut tx, &rows).await?;
    }
    drop(tx);
    append(file.to_owned(), lines).await?;
    let mut tx = app.db.write().await?;
    store::settings::set(&mut tx, POSITION, &last.to_string()).await?;
    tx.commit().await?;
    Ok(is_full)
}

fn unreadable(digest: i64) -> OpError {
    OpError::Internal(format!("digest {digest} covers no ranges of ids"))
}

async fn position(tx: &mut store::db::Tx) -> OpResult<i64> {
    let kept = store::settings::get(tx, POSITION).await?;
    Ok(kept.and_then(|text| text.parse().ok()).unwrap_or(0))
}

async fn take_lease(app: &App, holder: &str) -> OpResult<bool> {
    let mut tx = app.db.write().await?;
    let is_ours = store::leases::take(&mut tx, LEASE, holder, app.clock.now(), LEASE_SECONDS).await?;
    tx.commit().await?;
    Ok(is_ours)
}

/// Appends lines to the file, and waits until they are on disk.
async fn append(file: PathBuf, lines: String) -> OpResult<()> {
    let written = tokio::task::spawn_blocking(move || {
        let mut file = private::append(&file)?;
        file.write_all(lines.as_bytes())?;
        file.sync_data()
    });
    let written = written.await.map_err(|e| OpError::Internal(e.to_string()))?;
    written.map_err(|e| OpError::Internal(format!("the audit log's file: {e}")))
}

async fn text(tx: &mut store::db::Tx, rows: &Rows) -> OpResult<String> {
    let actors = rows.transfers.iter().map(|t| t.actor_id).chain(rows.history.iter().map(|h| h.actor_id));
    let mut actors: Vec<i64> = actors.flatten().collect();
    actors.sort_unstable();
    actors.dedup();
    let emails: BTreeMap<i64, String> = store::users::emails(tx, &actors).await?.into_iter().collect();
    let mut lines: Vec<(i64, Value)> = rows.transfers.iter().map(|t| (t.id, transfer(t))).collect();
    lines.extend(rows.history.iter().map(|h| (h.id, happening(h))));
    lines.sort_by_key(|line| line.0);
    let mut text = String::new();
    for (_, mut line) in lines {
        let email = line["user_id"].as_i64().and_then(|id| emails.get(&id));
        line["user"] = json!(email);
        text += &line.to_string();
        text.push('\n');
    }
    Ok(text)
}

fn transfer(t: &TransferRow) -> Value {
    let resource_type = ResourceType::try_from(t.resource_type).map_or("", ResourceType::slug);
    json!({
        "id": t.id, "at": Moment(t.at).rfc3339(), "action": t.cause, "user_id": t.actor_id, "address": t.address,
        "token_id": t.token_id, "resource_type": resource_type, "amount": t.amount,
        "from_company_id": t.from_company_id, "from": t.from_name, "to_company_id": t.to_company_id, "to": t.to_name,
        "code_id": t.code_id, "device_id": t.device_id, "details": t.memo,
    })
}

fn happening(h: &StoredHistoryRow) -> Value {
    json!({
        "id": h.id, "at": Moment(h.at).rfc3339(), "action": h.verb, "user_id": h.actor_id, "address": h.address,
        "token_id": h.token_id, "token": h.token_name, "company_id": h.company_id, "subject": h.subject,
        "details": h.details,
    })
}
