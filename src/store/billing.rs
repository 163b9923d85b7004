//! The billing data of companies.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::invoice::Billing;

#[derive(FromRow)]
struct BillingRow {
    name: String,
    address: String,
    country: String,
    vat_number: String,
    email: String,
}

/// A company's billing data, once entered.
pub async fn get(tx: &mut Tx, company_id: i64) -> Result<Option<Billing>> {
    let row: Option<BillingRow> =
        sql("select name, address, country, vat_number, email from billing where company_id = $1")
            .bind(company_id)
            .optional(tx)
            .await?;
    Ok(row.map(|BillingRow { name, address, country, vat_number, email }| Billing {
        name,
        address,
        country,
        vat_number,
        email,
    }))
}

/// Sets a company's billing data. Orders already placed keep theirs.
pub async fn set(tx: &mut WriteTx, company_id: i64, billing: &Billing) -> Result<()> {
    sql("insert into billing (company_id, name, address, country, vat_number, email)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (company_id) do update set name = excluded.name, address = excluded.address,
             country = excluded.country, vat_number = excluded.vat_number, email = excluded.email")
    .bind(company_id)
    .bind(&billing.name)
    .bind(&billing.address)
    .bind(&billing.country)
    .bind(&billing.vat_number)
    .bind(&billing.email)
    .run(tx)
    .await?;
    Ok(())
}
