//! The history: transfers and all other events as one list, numbered by one sequence.

mod list;

use super::db::{Result, WriteTx, columns, sql};
use super::digests;
use super::ledger::{decode, reserve};
use crate::keys::Keys;
use crate::keys::chain::Covered;
use crate::model::digest::Entries;
use crate::model::time::Moment;
use crate::model::token::TokenName;
use sqlx::FromRow;

pub use list::{HistoryFilter, HistoryRow, of_companies, of_companies_query, of_device, of_tree, of_tree_query};

/// An event other than a transfer.
#[derive(Debug, Clone)]
pub struct NewHistory {
    pub actor_id: Option<i64>,
    pub company_id: Option<i64>,
    pub address: String,
    /// Such as `company.created`; the history page words each.
    pub verb: &'static str,
    /// The name of the affected object at the time.
    pub subject: String,
    pub details: String,
    /// The access token that acted, if a program did.
    pub token: Option<TokenName>,
}

columns! {
    /// A row of `history` to be written. Digests cover its JSON with the columns in this order; a column added later is
    /// left out if it is null.
    pub struct NewHistoryRow<'a> {
        id: i64,
        at: i64,
        actor_id: Option<i64>,
        company_id: Option<i64>,
        address: &'a str,
        verb: &'a str,
        subject: &'a str,
        details: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_id: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_name: Option<&'a str>,
    }
}

/// A row of `history` as stored.
#[derive(FromRow)]
pub struct StoredHistoryRow {
    pub id: i64,
    pub at: i64,
    pub actor_id: Option<i64>,
    pub company_id: Option<i64>,
    pub address: String,
    pub verb: String,
    pub subject: String,
    pub details: String,
    pub token_id: Option<i64>,
    pub token_name: Option<String>,
}

impl<'a> From<&'a StoredHistoryRow> for NewHistoryRow<'a> {
    fn from(row: &'a StoredHistoryRow) -> NewHistoryRow<'a> {
        NewHistoryRow {
            id: row.id,
            at: row.at,
            actor_id: row.actor_id,
            company_id: row.company_id,
            address: &row.address,
            verb: &row.verb,
            subject: &row.subject,
            details: &row.details,
            token_id: row.token_id,
            token_name: row.token_name.as_deref(),
        }
    }
}

/// Writes history rows and their digest.
pub async fn add(tx: &mut WriteTx, keys: &Keys, entries: &[NewHistory], now: Moment) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let ids = reserve(tx, "entry", entries.len() as i64).await?;
    let new: Vec<_> = ids
        .into_iter()
        .zip(entries)
        .map(|(id, e)| NewHistoryRow {
            id,
            at: now.0,
            actor_id: e.actor_id,
            company_id: e.company_id,
            address: &e.address,
            verb: e.verb,
            subject: &e.subject,
            details: &e.details,
            token_id: e.token.as_ref().map(|t| t.id),
            token_name: e.token.as_ref().map(|t| t.name.as_str()),
        })
        .collect();
    let text = serde_json::to_string(&new).map_err(decode)?;
    let covered = Entries::of(new.iter().map(|row| row.id));
    sql("insert into history (id, at, actor_id, company_id, address, verb, subject, details, token_id, token_name)
         select id, at, actor_id, company_id, address, verb, subject, details, token_id, token_name from {rows} r")
    .bind_rows_as_json::<NewHistoryRow>(text.clone())
    .later(tx)
    .await?;
    let covered = Covered { at: now, is_older: false, entries: &covered, transfers: digests::NO_ROWS, history: &text };
    digests::add(tx, keys, &covered).await
}
