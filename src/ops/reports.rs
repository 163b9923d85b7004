//! Reports: sales, and what became of codes.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::ledger::CodeStatus;
use crate::model::month::Period;
use crate::model::resources::ResourceType;
use crate::store;
use crate::store::ledger::decode;
use crate::store::reports::{CodeCount, CompanySales, MonthSales, Outstanding, OutstandingCursor, SalesCursor};

/// Sales to all companies, by currency and month.
///
/// # Errors
/// [`OpError::NotFound`] unless the actor is the operator.
pub async fn sales_by_month(app: &App, actor: &Actor, period: Period) -> OpResult<Vec<MonthSales>> {
    operator(actor)?;
    let mut tx = app.db.read_list().await?;
    Ok(store::reports::sales_by_month(&mut tx, period).await?)
}

/// A page of the sales by company and month, latest month first.
///
/// # Errors
/// [`OpError::NotFound`] unless the actor is the operator.
pub async fn sales(
    app: &App,
    actor: &Actor,
    period: Period,
    after: Option<&SalesCursor>,
    limit: i64,
) -> OpResult<Vec<CompanySales>> {
    operator(actor)?;
    let mut tx = app.db.read_list().await?;
    Ok(store::reports::sales(&mut tx, period, after, limit).await?)
}

/// A page of the units in unused codes, by company and type.
///
/// # Errors
/// [`OpError::NotFound`] unless the actor is the operator.
pub async fn outstanding(app: &App, actor: &Actor, after: OutstandingCursor, limit: i64) -> OpResult<Vec<Outstanding>> {
    operator(actor)?;
    let mut tx = app.db.read_list().await?;
    Ok(store::reports::outstanding(&mut tx, after, limit).await?)
}

/// For others, the report does not exist.
fn operator(actor: &Actor) -> OpResult<()> {
    if actor.is_operator() { Ok(()) } else { Err(OpError::NotFound) }
}

/// How many codes were made, used, expired and cancelled in a month.
pub type Fates = [i64; 4];

/// What became of the codes of one type in a month.
#[derive(Debug, Clone, Copy)]
pub struct MonthCodes {
    pub month: i64,
    pub resource_type: ResourceType,
    pub codes: Fates,
    pub units: Fates,
}

impl MonthCodes {
    /// Counts a state. A code that replaces a lost one does not count as made: it is the same code again.
    fn add(&mut self, status: CodeStatus, count: &CodeCount) {
        let (fate, sign) = match status {
            CodeStatus::Unused => (0, 1),
            CodeStatus::Replaced => (0, -1),
            CodeStatus::Used => (1, 1),
            CodeStatus::Expired => (2, 1),
            CodeStatus::Deleted | CodeStatus::Cancelled => (3, 1),
        };
        self.codes[fate] += sign * count.codes;
        self.units[fate] += sign * count.units;
    }
}

/// The codes of a tree.
#[derive(Debug, Clone)]
pub struct CodeReport {
    /// The units that are in unused codes now, by type.
    pub unused: Vec<(ResourceType, i64)>,
    /// By month, then by type.
    pub months: Vec<MonthCodes>,
}

/// The report on the codes of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] for users without reports.
pub async fn codes(app: &App, actor: &Actor, period: Period) -> OpResult<CodeReport> {
    if !actor.has_reports() {
        return Err(OpError::NotFound);
    }
    let mut tx = app.db.read_list().await?;
    let pools = store::pools::of_tree(&mut tx, &actor.company_path).await?;
    let counts = store::reports::codes_by_month(&mut tx, &actor.company_path, period).await?;
    let mut months: Vec<MonthCodes> = Vec::new();
    for count in counts {
        let resource_type = ResourceType::try_from(count.resource_type).map_err(decode)?;
        let status = CodeStatus::try_from(count.status).map_err(decode)?;
        let is_same = |m: &MonthCodes| m.month == count.month && m.resource_type == resource_type;
        if !months.last().is_some_and(is_same) {
            months.push(MonthCodes { month: count.month, resource_type, codes: [0; 4], units: [0; 4] });
        }
        if let Some(month) = months.last_mut() {
            month.add(status, &count);
        }
    }
    // A month in which codes were only replaced sums up to zero.
    months.retain(|m| m.codes != [0; 4]);
    let unused = pools.iter().filter(|p| p.in_codes > 0).map(|p| (p.resource_type, p.in_codes)).collect();
    Ok(CodeReport { unused, months })
}
