//! The rows of the ledger's tables, and the model's values in them.

use sqlx::FromRow;

use super::decode;
use crate::model::ledger::{
    Account, ActorFacts, Cause, CodeFacts, CodeStatus, Filled, Fingerprint, Kind, Tag, Transfer,
};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::db::{DbError, Hex, Result, columns};

columns! {
    #[derive(FromRow)]
    pub struct AccountRow {
        pub company_id: i64,
        pub resource_type: i64,
        pub kind: i64,
        pub balance: i64,
        pub received_total: i64,
        pub received_at: Option<i64>,
    }
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

columns! {
    #[derive(FromRow)]
    pub struct ThrottleRow {
        pub key: String,
        pub failures: i64,
        pub last_at: i64,
    }
}

columns! {
    /// An operation of a person that moved units.
    pub struct OperationRow<'a> {
        pub key: &'a str,
        pub actor_id: i64,
        pub first_transfer: i64,
        pub last_transfer: i64,
    }
}

/// A row of `transfer` as read.
#[derive(FromRow)]
pub struct TransferRow {
    pub id: i64,
    pub actor_id: Option<i64>,
    pub actor_company_id: i64,
    pub address: String,
    pub operation: String,
    pub seq: i64,
    pub fingerprint: Vec<u8>,
    pub at: i64,
    pub cause: String,
    pub resource_type: i64,
    pub amount: i64,
    pub from_company_id: i64,
    pub from_kind: i64,
    pub to_company_id: i64,
    pub to_kind: i64,
    pub from_balance: i64,
    pub to_balance: i64,
    pub from_name: String,
    pub to_name: String,
    pub code_id: Option<i64>,
    pub device_id: Option<i64>,
    pub memo: String,
    pub pool_received: Option<i64>,
    pub pool_in_codes: Option<i64>,
    pub pool_parent: Option<String>,
    pub token_id: Option<i64>,
}

columns! {
    /// A row of `transfer` as written. Digests cover it as JSON, with its columns in this order; a column added later
    /// is omitted if it is null.
    pub struct NewTransferRow<'a> {
        pub id: i64,
        pub actor_id: Option<i64>,
        pub actor_company_id: i64,
        pub address: &'a str,
        pub operation: &'a str,
        pub seq: i64,
        pub fingerprint: Hex,
        pub at: i64,
        pub cause: &'a str,
        pub resource_type: i64,
        pub amount: i64,
        pub from_company_id: i64,
        pub from_kind: i64,
        pub to_company_id: i64,
        pub to_kind: i64,
        pub from_balance: i64,
        pub to_balance: i64,
        pub from_name: &'a str,
        pub to_name: &'a str,
        pub code_id: Option<i64>,
        pub device_id: Option<i64>,
        pub memo: &'a str,
        pub pool_received: Option<i64>,
        pub pool_in_codes: Option<i64>,
        pub pool_parent: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub token_id: Option<i64>,
    }
}

impl<'a> From<&'a Transfer> for NewTransferRow<'a> {
    fn from(t: &'a Transfer) -> NewTransferRow<'a> {
        NewTransferRow {
            id: t.id,
            actor_id: Some(t.actor.user_id).filter(|id| *id != ActorFacts::PORTAL),
            actor_company_id: t.actor.company_id,
            address: &t.actor.address,
            operation: &t.operation_id,
            seq: t.seq,
            fingerprint: Hex::of(&t.fingerprint.0),
            at: t.at.0,
            cause: t.cause.slug(),
            resource_type: t.resource_type.id(),
            amount: t.amount,
            from_company_id: t.from.0,
            from_kind: t.from.1 as i64,
            to_company_id: t.to.0,
            to_kind: t.to.1 as i64,
            from_balance: t.from_balance,
            to_balance: t.to_balance,
            from_name: &t.from_name,
            to_name: &t.to_name,
            code_id: t.code_id,
            device_id: t.device_id,
            memo: &t.memo,
            pool_received: t.filled.as_ref().map(|f| f.received_total),
            pool_in_codes: t.filled.as_ref().map(|f| f.in_codes),
            pool_parent: t.filled.as_ref().and_then(|f| f.parent_name.as_deref()),
            token_id: t.actor.token_id,
        }
    }
}

impl<'a> From<&'a TransferRow> for NewTransferRow<'a> {
    fn from(row: &'a TransferRow) -> NewTransferRow<'a> {
        NewTransferRow {
            id: row.id,
            actor_id: row.actor_id,
            actor_company_id: row.actor_company_id,
            address: &row.address,
            operation: &row.operation,
            seq: row.seq,
            fingerprint: Hex::of(&row.fingerprint),
            at: row.at,
            cause: &row.cause,
            resource_type: row.resource_type,
            amount: row.amount,
            from_company_id: row.from_company_id,
            from_kind: row.from_kind,
            to_company_id: row.to_company_id,
            to_kind: row.to_kind,
            from_balance: row.from_balance,
            to_balance: row.to_balance,
            from_name: &row.from_name,
            to_name: &row.to_name,
            code_id: row.code_id,
            device_id: row.device_id,
            memo: &row.memo,
            pool_received: row.pool_received,
            pool_in_codes: row.pool_in_codes,
            pool_parent: row.pool_parent.as_deref(),
            token_id: row.token_id,
        }
    }
}

impl TryFrom<TransferRow> for Transfer {
    type Error = DbError;

    fn try_from(row: TransferRow) -> Result<Transfer> {
        Ok(Transfer {
            id: row.id,
            actor: ActorFacts {
                user_id: row.actor_id.unwrap_or(ActorFacts::PORTAL),
                company_id: row.actor_company_id,
                address: row.address,
                token_id: row.token_id,
            },
            operation_id: row.operation,
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

/// The columns of `code` that the ledger reads.
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
    is_disputed: i64,
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
            is_disputed: self.is_disputed == 1,
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
    DbError::decode(format!("{column} has a wrong length"))
}
