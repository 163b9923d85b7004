//! What a transfer's cause says about its accounts, and about the code and the device that it names.

use std::collections::{BTreeSet, HashMap};

use sqlx::FromRow;

use crate::model::ledger::{Cause, CodeStatus, Kind};
use crate::store::db::{Result, Tx, sql};
use crate::store::digests::Rows;
use crate::store::ledger::TransferRow;

/// A code, as far as transfers determine it.
#[derive(FromRow)]
pub struct CodeRow {
    pub id: i64,
    pub company_id: i64,
    pub resource_type: i64,
    pub amount: i64,
    pub status: i64,
    pub created_at: i64,
    pub created_by: i64,
    pub ended_at: Option<i64>,
    pub ended_by: Option<i64>,
    pub ended_company_id: Option<i64>,
}

/// What transfers refer to.
pub struct Codes {
    pub by_id: HashMap<i64, CodeRow>,
    pub devices: BTreeSet<i64>,
}

impl Codes {
    pub async fn read(tx: &mut Tx, found: &Rows) -> Result<Codes> {
        let ids: BTreeSet<i64> = found.transfers.iter().filter_map(|t| t.code_id).collect();
        let codes: Vec<CodeRow> = if ids.is_empty() {
            Vec::new()
        } else {
            sql("select id, company_id, resource_type, amount, status, created_at, created_by, ended_at, ended_by,
                     ended_company_id from code where id in {list}")
            .bind_list(&ids)
            .all(tx)
            .await?
        };
        let ids: BTreeSet<i64> = found.transfers.iter().filter_map(|t| t.device_id).collect();
        let devices: Vec<(i64,)> = if ids.is_empty() {
            Vec::new()
        } else {
            sql("select id from device where id in {list}").bind_list(&ids).all(tx).await?
        };
        let by_id = codes.into_iter().map(|code| (code.id, code)).collect();
        Ok(Codes { by_id, devices: devices.into_iter().map(|row| row.0).collect() })
    }
}

/// Whether a transfer's accounts fit its cause.
pub fn is_shaped(t: &TransferRow, cause: Cause) -> bool {
    let is_own = t.from_company_id == t.to_company_id;
    let (Ok(from), Ok(to)) = (Kind::try_from(t.from_kind), Kind::try_from(t.to_kind)) else { return false };
    let is_allowed = match (cause, from, to) {
        (Cause::Issue, Kind::Issued, Kind::Available)
        | (Cause::CreateCode, Kind::Available, Kind::InCodes)
        | (Cause::DeleteCode, Kind::InCodes, Kind::Available)
        | (Cause::Spend | Cause::BuyData, Kind::Available, Kind::Spent)
        | (Cause::Expire, Kind::InCodes, Kind::Expired)
        | (Cause::Replace, Kind::InCodes, Kind::Available)
        | (Cause::Replace, Kind::Available, Kind::InCodes) => is_own,
        (Cause::Move, Kind::Available, Kind::Available) => !is_own,
        (Cause::Redeem, Kind::InCodes, Kind::Available)
        | (Cause::Fulfil, Kind::Issued, Kind::InCodes | Kind::Available)
        | (Cause::Cancel, Kind::InCodes | Kind::Available, Kind::Issued) => true,
        _ => false,
    };
    let has_code = from == Kind::InCodes || to == Kind::InCodes;
    let is_spend = cause == Cause::Spend;
    let is_positive = |kind, balance| balance >= 0 || kind == Kind::Issued;
    is_allowed
        && t.amount > 0
        && t.code_id.is_some() == has_code
        && t.device_id.is_some() == is_spend
        && (!is_spend || t.amount == 1)
        && is_positive(from, t.from_balance)
        && is_positive(to, t.to_balance)
}

/// The state that a cause leaves a code in.
pub fn status_after(cause: Cause) -> Option<CodeStatus> {
    match cause {
        Cause::Redeem => Some(CodeStatus::Used),
        Cause::Expire => Some(CodeStatus::Expired),
        Cause::DeleteCode => Some(CodeStatus::Deleted),
        Cause::Cancel => Some(CodeStatus::Cancelled),
        Cause::Replace => Some(CodeStatus::Replaced),
        Cause::Issue | Cause::Move | Cause::CreateCode | Cause::Spend | Cause::Fulfil | Cause::BuyData => None,
    }
}
