//! The report on what a company did with its resources in a period: what it gave to companies below, what its devices
//! used, the codes it made, the data it bought. Read in steps, each a page of a list that has its own index.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::code::Code;
use crate::model::company::Path;
use crate::model::credit_report::{ChildPool, CreditReport, ReportedCode, ReportedData, Use};
use crate::model::ledger::{Cause, CodeStatus};
use crate::model::permission::Permission;
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::codes::{CodeFilter, Facts};
use crate::store::ledger::decode;
use crate::store::transfers::{ListedTransfer, TransferFilter};

/// What a report is about.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub company_id: i64,
    /// One type, or all.
    pub resource_type: Option<ResourceType>,
    pub from: Moment,
    /// The moment after its end.
    pub to: Moment,
}

/// The rows of a step.
const STEP: i64 = 500;

/// A report that is being read.
#[derive(Debug, Clone)]
pub struct Reading {
    span: Span,
    path: Path,
    report: CreditReport,
    list: List,
    after: Option<i64>,
    /// Of the list that is being read.
    rows: usize,
}

/// The list that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Moves,
    Uses,
    Codes,
    Data,
}

/// What a step has led to.
pub enum Read {
    Part(Reading),
    Whole(CreditReport),
    /// One of its lists is longer than wanted.
    TooLong,
}

/// Begins a report.
///
/// # Errors
/// [`OpError::Forbidden`] without the permissions for what it lists, [`OpError::NotFound`] for a company outside the tree.
pub async fn begin(app: &App, actor: &Actor, span: Span) -> OpResult<Reading> {
    for permission in [Permission::ViewResources, Permission::ViewHistory, Permission::ListCodes] {
        actor.require(permission)?;
    }
    let company = super::companies::find(app, actor, span.company_id).await?;
    let day = |moment: Moment| moment.zoned(&jiff::tz::TimeZone::UTC).date();
    let report = CreditReport {
        company: company.name,
        resource_type: span.resource_type,
        first_day: day(span.from),
        last_day: day(Moment(span.to.0 - 1)),
        child_pools: Vec::new(),
        uses: Vec::new(),
        codes: Vec::new(),
        data: Vec::new(),
    };
    let path = Path::from_stored(company.path);
    Ok(Reading { span, path, report, list: List::Moves, after: None, rows: 0 })
}

/// Reads the next step of a report, none of whose lists may have more than `rows_max` rows.
///
/// # Errors
/// If the database holds a value that Scrip never writes.
pub async fn step(app: &App, actor: &Actor, mut reading: Reading, rows_max: usize) -> OpResult<Read> {
    let (found, last) = match reading.list {
        List::Moves => reading.moves(app, actor).await?,
        List::Uses => reading.uses(app, actor).await?,
        List::Codes => reading.codes(app, actor).await?,
        List::Data => reading.data(app, actor).await?,
    };
    reading.rows += found;
    reading.after = last;
    if reading.rows > rows_max {
        return Ok(Read::TooLong);
    }
    if found as i64 == STEP {
        return Ok(Read::Part(reading));
    }
    (reading.after, reading.rows) = (None, 0);
    reading.list = match reading.list {
        List::Moves => List::Uses,
        List::Uses => List::Codes,
        List::Codes => List::Data,
        List::Data => return Ok(Read::Whole(reading.report)),
    };
    Ok(Read::Part(reading))
}

impl Reading {
    async fn transfers(&self, app: &App, actor: &Actor, cause: Cause) -> OpResult<Vec<ListedTransfer>> {
        let filter = TransferFilter {
            cause: Some(cause),
            resource_type: self.span.resource_type,
            from: Some(self.span.from),
            to: Some(self.span.to),
            cursor: self.after,
            limit: STEP,
            ..TransferFilter::default()
        };
        let (found, _) = super::resources::transfers(app, actor, Some(self.span.company_id), &filter, false).await?;
        Ok(found)
    }

    async fn moves(&mut self, app: &App, actor: &Actor) -> OpResult<(usize, Option<i64>)> {
        let found = self.transfers(app, actor, Cause::Move).await?;
        let read = (found.len(), found.last().map(|t| t.id));
        for moved in found {
            let is_below = moved.to_company_id != self.span.company_id
                && self.path.contains(&Path::from_stored(moved.to_path.clone()));
            if moved.from_company_id != self.span.company_id || !is_below {
                continue;
            }
            let resource_type = resource_type(&moved)?;
            let pools = &mut self.report.child_pools;
            let is_it = |p: &&mut ChildPool| p.company_id == moved.to_company_id && p.resource_type == resource_type;
            match pools.iter_mut().find(is_it) {
                Some(pool) => pool.count += moved.amount,
                None => pools.push(ChildPool {
                    company_id: moved.to_company_id,
                    company: moved.to_name,
                    resource_type,
                    count: moved.amount,
                }),
            }
        }
        Ok(read)
    }

    async fn uses(&mut self, app: &App, actor: &Actor) -> OpResult<(usize, Option<i64>)> {
        let found = self.transfers(app, actor, Cause::Spend).await?;
        let read = (found.len(), found.last().map(|t| t.id));
        self.report.uses.extend(found.into_iter().map(|used| Use {
            pool_id: used.pool_id(),
            serial: used.serial,
            mac: used.mac,
            amount: used.amount,
            at: used.at,
            username: used.actor_email,
        }));
        Ok(read)
    }

    async fn data(&mut self, app: &App, actor: &Actor) -> OpResult<(usize, Option<i64>)> {
        let found = self.transfers(app, actor, Cause::BuyData).await?;
        let read = (found.len(), found.last().map(|t| t.id));
        let found = super::company_data::with_data(app, found).await?;
        self.report.data.extend(found.into_iter().map(|(paid, mebibytes)| ReportedData {
            credits: paid.amount,
            mebibytes,
            at: paid.at,
            username: paid.actor_email,
        }));
        Ok(read)
    }

    async fn codes(&mut self, app: &App, actor: &Actor) -> OpResult<(usize, Option<i64>)> {
        let facts = Facts {
            resource_type: self.span.resource_type,
            created_from: Some(self.span.from),
            created_to: Some(self.span.to),
            ..Facts::default()
        };
        let filter = CodeFilter { facts, cursor: self.after, limit: STEP, ..CodeFilter::default() };
        let (found, _) = super::codes::list(app, actor, Some(self.span.company_id), "", filter, false).await?;
        let read = (found.len(), found.last().map(|code| code.shown.row.id));
        self.report.codes.extend(found.into_iter().map(|code| {
            let is_used = code.shown.status == CodeStatus::Used;
            ReportedCode {
                code: masked(&code.shown.text),
                resource_type: code.shown.resource_type,
                amount: code.shown.row.amount,
                is_used,
                used_by_company_id: code.ended_company_id.filter(|_| is_used),
                created_at: code.shown.row.created_at,
            }
        }));
        Ok(read)
    }
}

/// Reports get passed around, so their codes are masked for every reader.
fn masked(text: &str) -> String {
    Code::parse(text).map_or_else(|_| text.to_owned(), |code| code.masked())
}

fn resource_type(transfer: &ListedTransfer) -> OpResult<ResourceType> {
    ResourceType::try_from(transfer.resource_type).map_err(|error| OpError::from(decode(error)))
}
