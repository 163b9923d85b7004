//! Saves what a batch changed, in one statement per table. Knows no command by name, and no key.

use super::decode;
use super::rows::{AccountRow, NewTransferRow, OperationRow, ThrottleRow};
use crate::model::company::searchable;
use crate::model::digest::Entries;
use crate::model::ledger::{ActorFacts, CreatedCode, Ledger};
use crate::model::time::Moment;
use crate::store::db::{Hex, Result, WriteTx, columns, sql, sql_for};

/// A code's text as stored: sealed with the key of a version.
pub struct SealedCode {
    pub key_version: i64,
    pub sealed: Vec<u8>,
}

/// The transfers that were saved, as their digest covers them.
pub struct Saved {
    pub at: Moment,
    pub entries: Entries,
    /// Their rows, as JSON.
    pub transfers: String,
}

/// Saves the decisions' changes, with the new codes' sealed texts in order; on SQLite together with the commit.
/// Returns what the digest must cover, if there are transfers.
///
/// # Errors
/// The database's; the caller's transaction is then void.
pub async fn save(tx: &mut WriteTx, ledger: &Ledger, sealed: &[SealedCode]) -> Result<Option<Saved>> {
    write_new_codes(tx, ledger, sealed).await?;
    write_code_changes(tx, ledger).await?;
    super::counts::save(tx, ledger).await?;
    write_accounts(tx, ledger).await?;
    write_attempts(tx, ledger).await?;
    super::devices::save(tx, ledger).await?;
    write_operations(tx, ledger).await?;
    write_transfers(tx, ledger).await
}

columns! {
    struct NewCodeRow<'a> {
        tag: Hex,
        id: i64,
        company_id: i64,
        resource_type: i64,
        amount: i64,
        suffix_tag: i64,
        key_version: i64,
        sealed: Hex,
        comment: &'a str,
        comment_search: String,
        created_by: i64,
        created_at: i64,
        expires_at: Option<i64>,
        order_id: Option<i64>,
        order_line: Option<i64>,
    }
}

async fn write_new_codes(tx: &mut WriteTx, ledger: &Ledger, sealed: &[SealedCode]) -> Result<()> {
    let new: Vec<NewCodeRow> = ledger
        .changes()
        .new_codes
        .iter()
        .zip(sealed)
        .map(|(CreatedCode { facts, new, comment, created_by, created_at }, sealed)| NewCodeRow {
            tag: Hex::of(&facts.tag.0),
            id: facts.id,
            company_id: facts.company_id,
            resource_type: facts.resource_type.id(),
            amount: facts.amount,
            suffix_tag: new.suffix_tag,
            key_version: sealed.key_version,
            sealed: Hex::of(&sealed.sealed),
            comment,
            comment_search: searchable(comment),
            created_by: *created_by,
            created_at: created_at.0,
            expires_at: facts.expires_at.map(|at| at.0),
            order_id: facts.order.map(|o| o.0),
            order_line: facts.order.map(|o| o.1),
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    sql("insert into code (tag, id, company_id, resource_type, amount, status, suffix_tag, key_version, sealed,
             comment, comment_search, created_by, created_at, expires_at, order_id, order_line)
         select tag, id, company_id, resource_type, amount, 0, suffix_tag, key_version, sealed, comment,
             comment_search, created_by, created_at, expires_at, order_id, order_line from {rows} r")
    .bind_rows(&new)
    .later(tx)
    .await
}

columns! {
    struct CodeChangeRow<'a> {
        tag: Hex,
        status: i64,
        at: i64,
        user_id: Option<i64>,
        company_id: i64,
        company_name: &'a str,
        replaced_by: Option<i64>,
    }
}

async fn write_code_changes(tx: &mut WriteTx, ledger: &Ledger) -> Result<()> {
    let changes: Vec<_> = ledger
        .changes()
        .codes
        .values()
        .map(|c| CodeChangeRow {
            tag: Hex::of(&c.tag.0),
            status: c.status as i64,
            at: c.at.0,
            user_id: Some(c.user_id).filter(|id| *id != ActorFacts::PORTAL),
            company_id: c.company_id,
            company_name: &c.company_name,
            replaced_by: c.replaced_by,
        })
        .collect();
    if changes.is_empty() {
        return Ok(());
    }
    sql("update code set status = r.status, ended_at = r.at, ended_by = r.user_id, ended_company_id = r.company_id,
             ended_company_name = r.company_name, replaced_by = r.replaced_by
         from {rows} r where code.tag = r.tag")
    .bind_rows(&changes)
    .later(tx)
    .await
}

async fn write_accounts(tx: &mut WriteTx, ledger: &Ledger) -> Result<()> {
    let mut changed: Vec<_> = ledger.changes().accounts.iter().copied().collect();
    changed.sort_unstable();
    let accounts: Vec<_> = changed
        .into_iter()
        .map(|key| {
            let account = ledger.account(key).map_err(decode)?;
            Ok(AccountRow {
                company_id: key.company_id,
                resource_type: key.resource_type.id(),
                kind: key.kind as i64,
                balance: account.balance,
                received_total: account.received_total,
                received_at: account.received_at.map(|at| at.0),
            })
        })
        .collect::<Result<_>>()?;
    if accounts.is_empty() {
        return Ok(());
    }
    // PostgreSQL has created them before locking them.
    sql_for(
        "insert into account (company_id, resource_type, kind, balance, received_total, received_at)
         select company_id, resource_type, kind, balance, received_total, received_at from {rows} r where true
         on conflict (company_id, resource_type, kind) do update set balance = excluded.balance,
             received_total = excluded.received_total, received_at = excluded.received_at",
        "update account a set balance = r.balance, received_total = r.received_total, received_at = r.received_at
         from {rows} r where a.company_id = r.company_id and a.resource_type = r.resource_type and a.kind = r.kind",
    )
    .bind_rows(&accounts)
    .later(tx)
    .await
}

async fn write_attempts(tx: &mut WriteTx, ledger: &Ledger) -> Result<()> {
    let mut changed: Vec<_> = ledger
        .changes()
        .attempts
        .iter()
        .map(|key| {
            let attempts = ledger.attempts(key).map_err(decode)?;
            Ok(ThrottleRow { key: key.clone(), failures: attempts.failures, last_at: attempts.last_at.0 })
        })
        .collect::<Result<_>>()?;
    if changed.is_empty() {
        return Ok(());
    }
    changed.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    sql("insert into throttle (key, failures, last_at) select key, failures, last_at from {rows} r where true
         on conflict (key) do update set failures = excluded.failures, last_at = excluded.last_at")
    .bind_rows(&changed)
    .later(tx)
    .await
}

/// What the portal does by itself is no operation of a person: its own state says whether it has happened.
async fn write_operations(tx: &mut WriteTx, ledger: &Ledger) -> Result<()> {
    let mut new: Vec<OperationRow> = Vec::new();
    for transfer in ledger.changes().transfers.iter().filter(|t| t.actor.user_id != ActorFacts::PORTAL) {
        let (key, actor_id) = (&*transfer.operation_id, transfer.actor.user_id);
        match new.last_mut() {
            Some(last) if last.key == key && last.actor_id == actor_id => last.last_transfer = transfer.id,
            _ => new.push(OperationRow { key, actor_id, first_transfer: transfer.id, last_transfer: transfer.id }),
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    // In one order, so that two processes with the same operations wait for each other instead of ending in a deadlock.
    new.sort_unstable_by_key(|row| (row.key, row.actor_id));
    sql("insert into operation (key, actor_id, first_transfer, last_transfer)
         select key, actor_id, first_transfer, last_transfer from {rows} r")
    .bind_rows(&new)
    .later(tx)
    .await
}

async fn write_transfers(tx: &mut WriteTx, ledger: &Ledger) -> Result<Option<Saved>> {
    let mut new: Vec<_> = ledger.changes().transfers.iter().map(NewTransferRow::from).collect();
    let Some(at) = ledger.changes().transfers.iter().map(|t| t.at).max() else { return Ok(None) };
    new.sort_unstable_by_key(|row| row.id);
    let text = serde_json::to_string(&new).map_err(decode)?;
    let entries = Entries::of(new.iter().map(|row| row.id));
    sql("insert into transfer (id, actor_id, actor_company_id, address, operation, seq, fingerprint, at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, code_id, device_id, memo, pool_received, pool_in_codes, pool_parent, token_id)
         select id, actor_id, actor_company_id, address, operation, seq, fingerprint, at, cause,
             resource_type, amount, from_company_id, from_kind, to_company_id, to_kind, from_balance, to_balance,
             from_name, to_name, code_id, device_id, memo, pool_received, pool_in_codes, pool_parent, token_id
         from {rows} r")
    .bind_rows_as_json::<NewTransferRow>(text.clone())
    .later(tx)
    .await?;
    Ok(Some(Saved { at, entries, transfers: text }))
}
