//! The data of reports: counts, maintained by whatever changes what they count (`store::ledger::counts`, and
//! [`add_sale`] for each invoice), and the balances in codes.

use sqlx::FromRow;

use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::company::Path;
use crate::model::invoice::Totals;
use crate::model::month::{Month, Period};

/// Adds an invoice or a credit note to its company's sales of a month.
pub async fn add_sale(tx: &mut WriteTx, month: Month, order_id: i64, totals: &Totals) -> Result<()> {
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

/// The sales of a month in one currency; minor units.
#[derive(Debug, Clone, FromRow)]
pub struct MonthSales {
    pub month: i64,
    pub currency: String,
    pub net: i64,
    pub vat: i64,
    pub total: i64,
}

/// Sales to all companies, by currency and month.
pub async fn sales_by_month(tx: &mut Tx, period: Period) -> Result<Vec<MonthSales>> {
    sales_by_month_query(period).all(tx).await
}

/// The query behind [`sales_by_month`].
#[must_use]
pub fn sales_by_month_query(period: Period) -> Query {
    sql("select month, currency, cast(sum(net) as bigint) as net, cast(sum(vat) as bigint) as vat,
             cast(sum(total) as bigint) as total
         from sales_month where month >= $1 and month <= $2 group by month, currency order by currency, month")
    .bind(period.from.0)
    .bind(period.to.0)
}

/// The sales to a company in a month, in one currency; minor units.
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

/// The last row of the previous page: month, company, currency.
pub type SalesCursor = (i64, i64, String);

/// A page of sales by company and month, latest month first.
pub async fn sales(tx: &mut Tx, period: Period, after: Option<&SalesCursor>, limit: i64) -> Result<Vec<CompanySales>> {
    sales_query(period, after, limit).all(tx).await
}

/// The query behind [`sales`].
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

/// How many codes of a type entered a state in a month, and their units.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct CodeCount {
    pub month: i64,
    pub resource_type: i64,
    pub status: i64,
    pub codes: i64,
    pub units: i64,
}

/// State changes of a tree's codes, by month, type and state.
pub async fn codes_by_month(tx: &mut Tx, tree: &Path, period: Period) -> Result<Vec<CodeCount>> {
    codes_by_month_query(tree, period).all(tx).await
}

/// The query behind [`codes_by_month`].
#[must_use]
pub fn codes_by_month_query(tree: &Path, period: Period) -> Query {
    sql("select m.month, m.resource_type, m.status, cast(sum(m.codes) as bigint) as codes,
             cast(sum(m.units) as bigint) as units
         from company c join code_month m on m.company_id = c.id
         where c.path >= $1 and c.path < $2 and m.month >= $3 and m.month <= $4
         group by m.month, m.resource_type, m.status order by m.month, m.resource_type, m.status")
    .bind_tree(tree)
    .bind(period.from.0)
    .bind(period.to.0)
}

/// The units of a type in a company's unused codes.
#[derive(Debug, Clone, FromRow)]
pub struct Outstanding {
    pub company_id: i64,
    pub company_name: String,
    pub resource_type: i64,
    pub units: i64,
}

/// The last row of the previous page: company, resource type.
pub type OutstandingCursor = (i64, i64);

/// A page of the units in unused codes, by company and type.
pub async fn outstanding(tx: &mut Tx, after: OutstandingCursor, limit: i64) -> Result<Vec<Outstanding>> {
    outstanding_query(after, limit).all(tx).await
}

/// The query behind [`outstanding`].
#[must_use]
pub fn outstanding_query(after: OutstandingCursor, limit: i64) -> Query {
    sql("select a.company_id, c.name as company_name, a.resource_type, a.balance as units
         from account a join company c on c.id = a.company_id
         where a.kind = 1 and a.balance > 0 and (a.company_id, a.resource_type) > ($1, $2)
         order by a.company_id, a.resource_type limit $3")
    .bind(after.0)
    .bind(after.1)
    .bind(limit)
}
