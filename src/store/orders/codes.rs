//! The progress of creating an order's codes.

use crate::model::time::Moment;
use crate::store::db::{Result, Tx, WriteTx, sql};

/// Counts codes created for a paid order; `false` if others were created meanwhile, or these are no longer wanted.
pub async fn set_codes_made(tx: &mut WriteTx, id: i64, before: i64, made: i64) -> Result<bool> {
    let changed = sql("update purchase_order set codes_made = $3, codes_late_since = null
         where id = $1 and codes_made = $2 and codes_wanted >= $3 and state = 'paid'")
    .bind(id)
    .bind(before)
    .bind(made)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Stops creating codes for an order that the caller has locked.
pub async fn stop_codes(tx: &mut WriteTx, id: i64) -> Result<()> {
    sql("update purchase_order set codes_wanted = codes_made where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Records that codes of an order cannot be created now.
pub async fn set_codes_late(tx: &mut WriteTx, id: i64, now: Moment) -> Result<()> {
    sql("update purchase_order set codes_late_since = $2
         where id = $1 and codes_made < codes_wanted and codes_late_since is null")
    .bind(id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(())
}

/// Orders whose codes cannot be created now: id, and since when.
pub async fn with_late_codes(tx: &mut Tx, limit: i64) -> Result<Vec<(i64, i64)>> {
    sql("select id, codes_late_since from purchase_order
         where codes_made < codes_wanted and codes_late_since is not null order by company_id, id limit $1")
    .bind(limit)
    .all(tx)
    .await
}

/// Whether codes of an order are still being created.
pub async fn is_being_made(tx: &mut Tx, id: i64) -> Result<bool> {
    let found: Option<(i64,)> =
        sql("select id from purchase_order where id = $1 and codes_made < codes_wanted").bind(id).optional(tx).await?;
    Ok(found.is_some())
}
