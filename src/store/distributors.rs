//! Companies that may buy, and their terms.

use sqlx::FromRow;

use super::companies::escape_like;
use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::company::searchable;

/// A company that may buy, as in the operator's list.
#[derive(Debug, Clone, FromRow)]
pub struct Distributor {
    pub id: i64,
    pub name: String,
    pub parent_name: Option<String>,
    pub reverse_charge: i64,
    /// Its billing name and country, once entered.
    pub billing_name: Option<String>,
    pub billing_country: Option<String>,
}

impl Distributor {
    /// Whether its invoices add no VAT because it accounts for the VAT itself.
    #[must_use]
    pub fn has_reverse_charge(&self) -> bool {
        self.reverse_charge == 1
    }
}

/// Filter and start of a list of distributors.
#[derive(Debug, Clone, Default)]
pub struct DistributorFilter {
    /// Part of the name, or an id.
    pub text: String,
    /// The name as sorted, and the id, of the last row of the previous page.
    pub after: Option<(String, i64)>,
    pub limit: i64,
}

/// A page of distributors, by name.
pub async fn list(tx: &mut Tx, filter: &DistributorFilter) -> Result<Vec<Distributor>> {
    list_query(filter).all(tx).await
}

/// The query behind [`list`]. The operator's tree is every company, so it tests no path.
#[must_use]
pub fn list_query(filter: &DistributorFilter) -> Query {
    let wanted = searchable(&filter.text);
    let (name, id) = filter.after.clone().unwrap_or_default();
    sql("select c.id, c.name, p.name as parent_name, c.reverse_charge,
             b.name as billing_name, b.country as billing_country
         from company c left join company p on p.id = c.parent_id left join billing b on b.company_id = c.id
         where c.may_buy_vouchers = 1 and c.removed_at is null
         and ($1 = '' or c.name_search like $2 escape '\\' or cast(c.id as text) = $1)
         and (c.name_search, c.id) > ($3, $4) order by c.name_search, c.id limit $5")
    .bind(&wanted)
    .bind(format!("%{}%", escape_like(&wanted)))
    .bind(name)
    .bind(id)
    .bind(filter.limit)
}

/// Finds a distributor; `None` for a company that may not buy.
pub async fn find(tx: &mut Tx, id: i64) -> Result<Option<Distributor>> {
    sql("select c.id, c.name, p.name as parent_name, c.reverse_charge,
             b.name as billing_name, b.country as billing_country
         from company c left join company p on p.id = c.parent_id left join billing b on b.company_id = c.id
         where c.id = $1 and c.may_buy_vouchers = 1 and c.removed_at is null")
    .bind(id)
    .optional(tx)
    .await
}

/// Sets whether a company may buy; returns whether that changed.
pub async fn set_may_buy(tx: &mut WriteTx, id: i64, on: bool) -> Result<bool> {
    let changed = sql("update company set may_buy_vouchers = $2 where id = $1 and may_buy_vouchers <> $2")
        .bind(id)
        .bind(on)
        .run(tx)
        .await?;
    Ok(changed > 0)
}

/// What the operator says of a company's buying for itself; `None` follows the setting, and for an unknown company.
pub async fn may_buy_for_itself(tx: &mut Tx, id: i64) -> Result<Option<bool>> {
    let found: Option<(Option<i64>,)> =
        sql("select may_buy_for_itself from company where id = $1").bind(id).optional(tx).await?;
    Ok(found.and_then(|row| row.0).map(|may| may == 1))
}

/// Sets what the operator says of a company's buying for itself; returns whether that changed.
pub async fn set_may_buy_for_itself(tx: &mut WriteTx, id: i64, may: Option<bool>) -> Result<bool> {
    let changed = sql("update company set may_buy_for_itself = $2
         where id = $1 and coalesce(may_buy_for_itself, -1) <> coalesce($2, -1)")
    .bind(id)
    .bind(may.map(i64::from))
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Sets whether a company's purchases are without VAT; returns whether that changed.
pub async fn set_reverse_charge(tx: &mut WriteTx, id: i64, on: bool) -> Result<bool> {
    let changed = sql("update company set reverse_charge = $2 where id = $1 and reverse_charge <> $2")
        .bind(id)
        .bind(on)
        .run(tx)
        .await?;
    Ok(changed > 0)
}
