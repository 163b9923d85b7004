//! The seller: one setting of the database.

use super::db::{Result, Tx, WriteTx};
use super::ledger::decode;
use super::settings;
use crate::model::seller::SellerSettings;

const NAME: &str = "seller";

/// The seller, once the operator has entered it.
pub async fn get(tx: &mut Tx) -> Result<Option<SellerSettings>> {
    let kept = settings::get(tx, NAME).await?;
    kept.map(|text| serde_json::from_str(&text).map_err(decode)).transpose()
}

/// Sets the seller.
pub async fn set(tx: &mut WriteTx, seller: &SellerSettings) -> Result<()> {
    let text = serde_json::to_string(seller).map_err(decode)?;
    settings::set(tx, NAME, &text).await
}
