//! Reports: what was sold, what is still to be redeemed, and what became of vouchers.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::month::Period;
use crate::store;
use crate::store::reports::{
    CompanySales, MonthSales, MonthUnits, MonthVouchers, Outstanding, SalesCursor, UnusedVouchers,
};

/// What the operator sees of all companies.
#[derive(Debug, Clone)]
pub struct OperatorReport {
    pub sales: Vec<MonthSales>,
    pub outstanding: Vec<Outstanding>,
    pub units: Vec<MonthUnits>,
}

/// Sales, what is outstanding, and what was redeemed or expired.
///
/// # Errors
/// [`OpError::Forbidden`] for whoever is no operator.
pub async fn of_operator(app: &App, actor: &Actor, period: Period) -> OpResult<OperatorReport> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    Ok(OperatorReport {
        sales: store::reports::sales_by_month(&mut tx, period).await?,
        outstanding: store::reports::outstanding(&mut tx).await?,
        units: store::reports::units_by_month(&mut tx, period).await?,
    })
}

/// A page of the sales by company and month, the latest month first.
///
/// # Errors
/// [`OpError::Forbidden`] for whoever is no operator.
pub async fn sales(
    app: &App,
    actor: &Actor,
    period: Period,
    after: Option<&SalesCursor>,
    limit: i64,
) -> OpResult<Vec<CompanySales>> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    Ok(store::reports::sales(&mut tx, period, after, limit).await?)
}

/// What became of the vouchers of the actor's tree.
#[derive(Debug, Clone)]
pub struct VoucherReport {
    pub months: Vec<MonthVouchers>,
    pub unused: Vec<UnusedVouchers>,
}

/// The vouchers of the actor's tree, by month, and those that nobody has used yet.
///
/// # Errors
/// [`OpError::Forbidden`] for end users, and where the company may not buy.
pub async fn of_vouchers(app: &App, actor: &Actor, period: Period) -> OpResult<VoucherReport> {
    if !actor.has_voucher_report() {
        return Err(OpError::Forbidden);
    }
    let mut tx = app.db.read().await?;
    Ok(VoucherReport {
        months: store::reports::vouchers_by_month(&mut tx, &actor.company_path, period).await?,
        unused: store::reports::unused_vouchers(&mut tx, &actor.company_path).await?,
    })
}
