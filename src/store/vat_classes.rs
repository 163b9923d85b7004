//! Named VAT rates.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use super::ledger::{decode, reserve};
use crate::model::company::searchable;
use crate::model::money::VatRate;
use crate::model::product::VatClass;

#[derive(FromRow)]
struct VatClassRow {
    id: i64,
    name: String,
    rate: i64,
}

/// Reads a stored rate.
pub(super) fn rate(hundredths: i64) -> Result<VatRate> {
    VatRate::new(hundredths).ok_or_else(|| decode(super::products::Unknown("rate", hundredths.to_string())))
}

/// All classes, by name. They are few: `ops` limits them.
pub async fn all(tx: &mut Tx) -> Result<Vec<VatClass>> {
    let found: Vec<VatClassRow> = sql("select id, name, rate from vat_class order by name_search").all(tx).await?;
    found.into_iter().map(|r| Ok(VatClass { id: r.id, name: r.name, rate: rate(r.rate)? })).collect()
}

/// Finds a class; in a write transaction it stays locked until the end.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<VatClass>> {
    let found: Option<VatClassRow> =
        super::db::sql("select id, name, rate from vat_class where id = $1").locked().bind(id).optional(tx).await?;
    found.map(|r| Ok(VatClass { id: r.id, name: r.name, rate: rate(r.rate)? })).transpose()
}

/// Adds a class; `None` if another one has the name.
pub async fn insert(tx: &mut WriteTx, name: &str, rate: VatRate) -> Result<Option<i64>> {
    let id = reserve(tx, "vat_class", 1).await?[0];
    let added = sql("insert into vat_class (id, name, name_search, rate) values ($1, $2, $3, $4)
         on conflict (name_search) do nothing")
    .bind(id)
    .bind(name)
    .bind(searchable(name))
    .bind(rate.hundredths())
    .run(tx)
    .await?;
    Ok((added > 0).then_some(id))
}

/// Changes a class unless another one has the name; returns whether it did. Existing orders keep their rate.
///
/// # Errors
/// A unique violation if another class takes the name at the same moment.
pub async fn update(tx: &mut WriteTx, id: i64, name: &str, rate: VatRate) -> Result<bool> {
    let changed = sql("update vat_class set name = $2, name_search = $3, rate = $4 where id = $1
         and not exists (select 1 from vat_class o where o.name_search = $3 and o.id <> $1)")
    .bind(id)
    .bind(name)
    .bind(searchable(name))
    .bind(rate.hundredths())
    .run(tx)
    .await?;
    Ok(changed > 0)
}
