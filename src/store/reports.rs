//! What reports read: counts, kept by whatever changes what they count (`store::ledger::counts`, and
//! [`add_sale`] with each invoice).

use sqlx::FromRow;

use super::db::{Query, Result, Tx, sql};
use crate::model::company::Path;
use crate::model::invoice::Totals;
use crate::model::month::{Month, Period};

/// Adds an invoice or a credit note to what its order's company was sold in a month.
///
/// # Errors
/// Whatever the database says.
pub async fn add_sale(tx: &mut Tx, month: Month, order_id: i64, totals: &Totals) -> Result<()> {
    sql("insert into sales_month (month, company_id, currency, net, vat, total)
         select $1, o.company_id, $2, $3, $4, $5 from purchase_order o where o.id = $6
         on conflict (month, company_id, currency) do update set net = sales_month.net + excluded.net,
             vat = sales_month.vat + excluded.vat, total = sales_month.total + excluded.total")
    .bind(month.0)
    .bind(totals.net.currency.code())
    .bind(totals.net.minor)
    .bind(totals.vat.minor)
    .bind(totals.gross().minor)
    .bind(order_id)
    .run(tx)
    .await?;
    Ok(())
}

/// What was sold in a month, in one currency; minor units.
#[derive(Debug, Clone, FromRow)]
pub struct MonthSales {
    pub month: i64,
    pub currency: String,
    pub net: i64,
    pub vat: i64,
    pub total: i64,
}

/// What was sold, by currency and month.
///
/// # Errors
/// Whatever the database says.
pub async fn sales_by_month(tx: &mut Tx, period: Period) -> Result<Vec<MonthSales>> {
    sales_by_month_query(period).all(tx).await
}

/// The query of [`sales_by_month`].
#[must_use]
pub fn sales_by_month_query(period: Period) -> Query {
    sql("select month, currency, cast(sum(net) as bigint) as net, cast(sum(vat) as bigint) as vat,
             cast(sum(total) as bigint) as total
         from sales_month where month >= $1 and month <= $2 group by month, currency order by month, currency")
    .bind(period.from.0)
    .bind(period.to.0)
}

/// What a company was sold in a month, in one currency; minor units.
#[derive(Debug, Clone, FromRow)]
pub struct CompanySales {
    pub month: i64,
    pub company_id: i64,
    pub company_name: String,
    pub currency: String,
    pub net: i64,
    pub vat: i64,
    pub total: i64,
}

/// The last row of the page before: month, company, currency.
pub type SalesCursor = (i64, i64, String);

/// A page of what was sold, by company and month, the latest month first.
///
/// # Errors
/// Whatever the database says.
pub async fn sales(
    tx: &mut Tx,
    period: Period,
    after: Option<&SalesCursor>,
    limit: i64,
) -> Result<Vec<CompanySales>> {
    sales_query(period, after, limit).all(tx).await
}

/// The query of [`sales`].
#[must_use]
pub fn sales_query(period: Period, after: Option<&SalesCursor>, limit: i64) -> Query {
    let query = sql("select s.month, s.company_id, c.name as company_name, s.currency, s.net, s.vat, s.total
         from sales_month s join company c on c.id = s.company_id where s.month >= ")
    .push_value(period.from.0)
    .push(" and s.month <= ")
    .push_value(period.to.0);
    let query = match after {
        Some((month, company_id, currency)) => query
            .push(" and (s.month, s.company_id, s.currency) < (")
            .push_value(*month)
            .push(", ")
            .push_value(*company_id)
            .push(", ")
            .push_value(currency.as_str())
            .push(")"),
        None => query,
    };
    query.push(" order by s.month desc, s.company_id desc, s.currency desc limit ").push_value(limit)
}

/// Unused codes of a type that expire in one year; 0 for those without an end.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct Outstanding {
    pub resource_type: i64,
    pub is_voucher: i64,
    pub expires_year: i64,
    pub codes: i64,
    pub units: i64,
}

/// Unused codes of all companies. It reads the whole table: a row for each company, type and year.
///
/// # Errors
/// Whatever the database says.
pub async fn outstanding(tx: &mut Tx) -> Result<Vec<Outstanding>> {
    sql("select resource_type, is_voucher, expires_year, cast(sum(codes) as bigint) as codes,
             cast(sum(units) as bigint) as units
         from outstanding where codes <> 0 group by resource_type, is_voucher, expires_year
         order by resource_type, is_voucher desc, expires_year")
    .all(tx)
    .await
}

/// Units of a type that were redeemed, and that expired, in a month.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct MonthUnits {
    pub month: i64,
    pub resource_type: i64,
    pub redeemed: i64,
    pub expired: i64,
}

/// What became of the units in codes of all companies, by type and month.
///
/// # Errors
/// Whatever the database says.
pub async fn units_by_month(tx: &mut Tx, period: Period) -> Result<Vec<MonthUnits>> {
    units_by_month_query(period).all(tx).await
}

/// The query of [`units_by_month`].
#[must_use]
pub fn units_by_month_query(period: Period) -> Query {
    sql("select month, resource_type, cast(sum(case status when 1 then units else 0 end) as bigint) as redeemed,
             cast(sum(case status when 2 then units else 0 end) as bigint) as expired
         from code_month where month >= $1 and month <= $2 and status in (1, 2)
         group by month, resource_type order by month, resource_type")
    .bind(period.from.0)
    .bind(period.to.0)
}

/// Vouchers' codes that were made, used, and so on in a month. One that replaces a lost code is not counted
/// as made: it is the same voucher.
#[derive(Debug, Clone, Copy, Default, FromRow)]
pub struct MonthVouchers {
    pub month: i64,
    pub made: i64,
    pub used: i64,
    pub expired: i64,
    pub cancelled: i64,
}

/// What became of a tree's vouchers, by month.
///
/// # Errors
/// Whatever the database says.
pub async fn vouchers_by_month(tx: &mut Tx, tree: &Path, period: Period) -> Result<Vec<MonthVouchers>> {
    vouchers_by_month_query(tree, period).all(tx).await
}

/// The query of [`vouchers_by_month`].
#[must_use]
pub fn vouchers_by_month_query(tree: &Path, period: Period) -> Query {
    sql("select m.month, cast(sum(case m.status when 0 then m.codes when 5 then -m.codes else 0 end) as bigint) as made,
             cast(sum(case m.status when 1 then m.codes else 0 end) as bigint) as used,
             cast(sum(case m.status when 2 then m.codes else 0 end) as bigint) as expired,
             cast(sum(case m.status when 4 then m.codes else 0 end) as bigint) as cancelled
         from company c join code_month m on m.company_id = c.id
         where c.path >= $1 and c.path < $2 and m.month >= $3 and m.month <= $4 and m.is_voucher = 1
         group by m.month order by m.month")
    .bind(tree.as_str())
    .bind(tree.end())
    .bind(period.from.0)
    .bind(period.to.0)
}

/// Unused vouchers of a type.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct UnusedVouchers {
    pub resource_type: i64,
    pub codes: i64,
    pub units: i64,
}

/// How many of a tree's vouchers are unused now, by type.
///
/// # Errors
/// Whatever the database says.
pub async fn unused_vouchers(tx: &mut Tx, tree: &Path) -> Result<Vec<UnusedVouchers>> {
    unused_vouchers_query(tree).all(tx).await
}

/// The query of [`unused_vouchers`].
#[must_use]
pub fn unused_vouchers_query(tree: &Path) -> Query {
    sql("select u.resource_type, cast(sum(u.codes) as bigint) as codes, cast(sum(u.units) as bigint) as units
         from company c join outstanding u on u.company_id = c.id
         where c.path >= $1 and c.path < $2 and u.is_voucher = 1
         group by u.resource_type having sum(u.codes) <> 0 order by u.resource_type")
    .bind(tree.as_str())
    .bind(tree.end())
}
