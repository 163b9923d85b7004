//! The rows of the ledger's tables, and the model's values in them.

use serde::Serialize;
use sqlx::FromRow;

use super::decode;
use crate::model::ledger::{
    Account, Actor, Cause, CodeFacts, CodeStatus, Filled, Fingerprint, Kind, Tag, Transfer,
};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::db::{DbError, Result};

#[derive(FromRow, Serialize)]
pub struct AccountRow {
    pub company_id: i64,
    pub resource_type: i64,
    pub kind: i64,
    pub balance: i64,
    pub received_total: i64,
    pub received_at: Option<i64>,
}

impl AccountRow {
    /// The account as the model has it.
    pub fn account(&self) -> Account {
        Account {
            balance: self.balance,
            received_total: self.received_total,
            received_at: self.received_at.map(Moment),
        }
    }
}

#[derive(FromRow, Serialize)]
pub struct ThrottleRow {
    pub key: String,
    pub failures: i64,
    pub last_at: i64,
}

/// A row of `transfer` as it stands.
#[derive(FromRow)]
pub struct TransferRow {
    id: i64,
    actor_id: Option<i64>,
    actor_company_id: i64,
    address: String,
    operation: String,
    seq: i64,
    fingerprint: Vec<u8>,
    at: i64,
    cause: String,
    resource_type: i64,
    amount: i64,
    from_company_id: i64,
    from_kind: i64,
    to_company_id: i64,
    to_kind: i64,
    from_balance: i64,
    to_balance: i64,
    from_name: String,
    to_name: String,
    code_id: Option<i64>,
    device_id: Option<i64>,
    memo: String,
    pool_received: Option<i64>,
    pool_in_codes: Option<i64>,
    pool_parent: Option<String>,
    token_id: Option<i64>,
}

impl TryFrom<TransferRow> for Transfer {
    type Error = DbError;

    fn try_from(row: TransferRow) -> Result<Transfer> {
        Ok(Transfer {
            id: row.id,
            actor: Actor {
                user_id: row.actor_id.unwrap_or(Actor::PORTAL),
                company_id: row.actor_company_id,
                address: row.address,
                token_id: row.token_id,
            },
            operation: row.operation,
            seq: row.seq,
            fingerprint: Fingerprint(row.fingerprint.try_into().map_err(|_| corrupt("fingerprint"))?),
            at: Moment(row.at),
            cause: Cause::try_from(row.cause).map_err(decode)?,
            resource_type: resource_type(row.resource_type)?,
            amount: row.amount,
            from: (row.from_company_id, kind(row.from_kind)?),
            to: (row.to_company_id, kind(row.to_kind)?),
            from_balance: row.from_balance,
            to_balance: row.to_balance,
            from_name: row.from_name,
            to_name: row.to_name,
            code_id: row.code_id,
            device_id: row.device_id,
            memo: row.memo,
            filled: row.pool_received.zip(row.pool_in_codes).map(|(received_total, in_codes)| Filled {
                received_total,
                in_codes,
                parent_name: row.pool_parent,
            }),
        })
    }
}

/// A row of `code` as far as the ledger looks at it.
#[derive(FromRow)]
pub struct CodeRow {
    id: i64,
    tag: Vec<u8>,
    company_id: i64,
    resource_type: i64,
    amount: i64,
    status: i64,
    expires_at: Option<i64>,
    order_id: Option<i64>,
    order_line: Option<i64>,
    ended_at: Option<i64>,
}

impl CodeRow {
    pub fn facts(self) -> Result<CodeFacts> {
        Ok(CodeFacts {
            id: self.id,
            tag: Tag(self.tag.try_into().map_err(|_| corrupt("tag"))?),
            company_id: self.company_id,
            resource_type: resource_type(self.resource_type)?,
            amount: self.amount,
            status: CodeStatus::try_from(self.status).map_err(decode)?,
            expires_at: self.expires_at.map(Moment),
            order: self.order_id.zip(self.order_line),
            used_at: self.ended_at.map(Moment),
        })
    }
}

pub fn resource_type(id: i64) -> Result<ResourceType> {
    ResourceType::try_from(id).map_err(decode)
}

pub fn kind(number: i64) -> Result<Kind> {
    Kind::try_from(number).map_err(decode)
}

fn corrupt(column: &str) -> DbError {
    DbError(sqlx::Error::Decode(format!("{column} has a wrong length").into()))
}
