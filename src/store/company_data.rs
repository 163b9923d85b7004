//! Data that companies have bought.

use std::collections::HashMap;

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::data::MEBIBYTES_MAX;

/// Gives a company the data that a transfer has paid for. Returns what it has now, or `None` if that would be too much.
pub async fn add(tx: &mut WriteTx, transfer_id: i64, company_id: i64, mebibytes: i64) -> Result<Option<i64>> {
    let has: Option<(i64,)> = sql("update company set data_mebibytes = data_mebibytes + $2
         where id = $1 and data_mebibytes <= $3 - $2 returning data_mebibytes")
    .bind(company_id)
    .bind(mebibytes)
    .bind(MEBIBYTES_MAX)
    .optional(tx)
    .await?;
    let Some((has,)) = has else { return Ok(None) };
    sql("insert into data_purchase (transfer_id, company_id, mebibytes) values ($1, $2, $3)")
        .bind(transfer_id)
        .bind(company_id)
        .bind(mebibytes)
        .run(tx)
        .await?;
    Ok(Some(has))
}

/// What these transfers have bought, in MiB.
pub async fn of_transfers(tx: &mut Tx, transfer_ids: &[i64]) -> Result<HashMap<i64, i64>> {
    if transfer_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<(i64, i64)> = sql("select transfer_id, mebibytes from data_purchase where transfer_id in {list}")
        .bind_list(transfer_ids)
        .all(tx)
        .await?;
    Ok(found.into_iter().collect())
}
