//! The report on a company's resources, as JSON and as PDF.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, Stamp};
use super::body::DayOrMoment;
use super::caller::{CreditsRead, May};
use super::error::{ApiError, ApiResult};
use super::history::action_id;
use super::page::Query;
use super::path::Id;
use crate::model::credit_report::CreditReport;
use crate::model::data::MEBIBYTE;
use crate::model::ledger::Cause;
use crate::model::month::PeriodError;
use crate::model::refusal::{CompanyReason, DateReason, FieldReason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::credit_report::{Read, Span};
use crate::ops::error::OpError;
use crate::store::pools::pool_of;
use crate::web::downloads::Whole;
use crate::web::state::Portal;

/// Each of a report's lists has at most so many rows.
const ROWS_MAX: usize = 10_000;
/// The same on paper.
const PDF_ROWS_MAX: usize = 2_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct ReportQuery {
    /// The company; `company` does the same.
    #[param(required = true, example = 1)]
    company_id: Option<i64>,
    company: Option<i64>,
    /// The first day or moment, in UTC.
    #[param(value_type = DayOrMoment, inline, example = "2026-11-01")]
    start_date: String,
    /// The last day, or the moment after the last, in UTC.
    #[param(value_type = DayOrMoment, inline, example = "2026-11-30")]
    end_date: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct PoolReportQuery {
    /// The pool's company, which the pool's id names as well; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// The first day or moment, in UTC.
    #[param(value_type = DayOrMoment, inline, example = "2026-11-01")]
    start_date: String,
    /// The last day, or the moment after the last, in UTC.
    #[param(value_type = DayOrMoment, inline, example = "2026-11-30")]
    end_date: String,
}

/// What a company did with its resources.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    totals: ReportTotals,
    child_pools: Vec<ChildPool>,
    pool_logs: Vec<PoolLog>,
    transfer_codes: Vec<TransferCode>,
    data_purchase: Vec<DataPurchased>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReportTotals {
    /// The number of rows in `child_pools`.
    child_pools: i64,
    /// The units in them.
    child_company_credits: i64,
    /// The number of rows in `pool_logs`.
    pool_logs: i64,
    /// The units in them.
    credits_for_devices: i64,
    /// The units in `transfer_codes`.
    transfer_codes_credits: i64,
    /// The credits in `data_purchase`.
    data_purchase: i64,
}

/// What a company below received of one type.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChildPool {
    count: i64,
    to_company_id: i64,
    company_name: String,
    #[schema(example = "credit")]
    credit_type: &'static str,
}

/// A use by a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolLog {
    device_mac: Option<String>,
    device_serial: Option<String>,
    pool_id: i64,
    #[schema(example = "spend")]
    action: &'static str,
    #[schema(example = 3)]
    action_id: i64,
    count: i64,
    created_at: Stamp,
    /// Null if the portal itself extended the device.
    username: Option<String>,
}

/// A code that the company made.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransferCode {
    amount: i64,
    /// The units that it took from the pool: the same.
    pool_amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    /// Only its last four characters.
    #[schema(example = "••••-••••-••••-••••-T8W6")]
    code: String,
    is_used: bool,
    used_by_company_id: Option<i64>,
    created_at: Stamp,
}

/// A purchase of data.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataPurchased {
    credits: i64,
    /// In bytes.
    data: i64,
    created_at: Stamp,
    username: Option<String>,
}

impl From<CreditReport> for Report {
    fn from(report: CreditReport) -> Report {
        let totals = report.totals();
        let totals = ReportTotals {
            child_pools: totals.child_pools,
            child_company_credits: totals.child_company_credits,
            pool_logs: totals.pool_logs,
            credits_for_devices: totals.credits_for_devices,
            transfer_codes_credits: totals.transfer_codes_credits,
            data_purchase: totals.data_purchase,
        };
        let child_pools = report.child_pools.into_iter().map(|pool| ChildPool {
            count: pool.count,
            to_company_id: pool.company_id,
            company_name: pool.company,
            credit_type: pool.resource_type.slug(),
        });
        let pool_logs = report.uses.into_iter().map(|used| PoolLog {
            device_mac: used.mac,
            device_serial: used.serial,
            pool_id: used.pool_id,
            action: Cause::Spend.slug(),
            action_id: action_id(Cause::Spend),
            count: used.amount,
            created_at: Stamp::of(used.at),
            username: used.username,
        });
        let transfer_codes = report.codes.into_iter().map(|code| TransferCode {
            amount: code.amount,
            pool_amount: code.amount,
            credit_type: code.resource_type.slug(),
            code: code.code,
            is_used: code.is_used,
            used_by_company_id: code.used_by_company_id,
            created_at: Stamp::of(code.created_at),
        });
        let data = report.data.into_iter().map(|bought| DataPurchased {
            credits: bought.credits,
            data: bought.mebibytes * MEBIBYTE,
            created_at: Stamp::of(bought.at),
            username: bought.username,
        });
        Report {
            totals,
            child_pools: child_pools.collect(),
            pool_logs: pool_logs.collect(),
            transfer_codes: transfer_codes.collect(),
            data_purchase: data.collect(),
        }
    }
}

/// What a company did with its resources in a period
///
/// What it gave to companies below, what devices used of it, the codes that it made and the data that it bought, each list oldest first and of
/// at most 10,000 rows. The totals are over all resource types; for one pool alone there is a PDF.
#[utoipa::path(get, path = "/api/credits/report/json", tag = "credits",
    params(ReportQuery), responses((status = 200, body = Data<Report>)))]
pub async fn report_json(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    query: Query,
) -> ApiResult<Data<Report>> {
    let span = read_span(query, None)?;
    let (_place, report) = gather(&portal, &caller, span, ROWS_MAX).await?;
    Ok(Data::of(report.into()))
}

/// The same report as a PDF, with at most 2,000 rows in each list
#[utoipa::path(get, path = "/api/credits/report", tag = "credits",
    params(ReportQuery), responses((status = 200, body = String, content_type = "application/pdf")))]
pub async fn report_pdf(State(portal): State<Portal>, caller: May<CreditsRead>, query: Query) -> ApiResult<Response> {
    pdf(&portal, &caller, read_span(query, None)?).await
}

/// The report on one pool as a PDF, with at most 2,000 rows in each list
#[utoipa::path(get, path = "/api/credits/{id}/report", tag = "credits", params(("id" = i64, Path), PoolReportQuery),
    responses((status = 200, body = String, content_type = "application/pdf")))]
pub async fn report_pool(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    Id(id): Id,
    query: Query,
) -> ApiResult<Response> {
    pdf(&portal, &caller, read_span(query, Some(id))?).await
}

/// The period, and the company or the pool.
fn read_span(mut query: Query, pool_id: Option<i64>) -> ApiResult<Span> {
    let given = query.number(&["company_id", "company"]);
    if given.is_none() && pool_id.is_none() && !query.has("company_id") && !query.has("company") {
        query.problems.add("company_id", CompanyReason::Missing);
    }
    let mut moment = |name: &'static str, is_end: bool| {
        if query.text(&[name]).is_none() {
            query.problems.add(name, FieldReason::Missing);
            return None;
        }
        query.moment(name, is_end)
    };
    let (from, to) = (moment("start_date", false), moment("end_date", true));
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        query.problems.add("end_date", DateReason::Period(PeriodError::Backwards));
    }
    query.finish()?;
    let (Some(from), Some(to)) = (from, to) else { return Err(OpError::NotFound.into()) };
    let (company_id, resource_type): (i64, Option<ResourceType>) = match pool_id.map(pool_of) {
        None => (given.ok_or(OpError::NotFound)?, None),
        Some(Some((company_id, resource_type))) if given.is_none_or(|id| id == company_id) => {
            (company_id, Some(resource_type))
        }
        Some(_) => return Err(OpError::NotFound.into()),
    };
    Ok(Span { company_id, resource_type, from, to })
}

/// Reads a report in the places and steps of files. It keeps its place until it has been sent.
async fn gather(
    portal: &Portal,
    caller: &May<CreditsRead>,
    span: Span,
    rows_max: usize,
) -> ApiResult<(Whole, CreditReport)> {
    let place = Whole::begin(portal, &caller.actor)?;
    let mut reading = ops::credit_report::begin(place.app(), &caller.actor, span).await?;
    loop {
        let step = ops::credit_report::step(place.app(), &caller.actor, reading, rows_max);
        reading = match place.step(step).await? {
            Read::Part(reading) => reading,
            Read::Whole(report) => return Ok((place, report)),
            Read::TooLong => {
                let reason = DateReason::TooManyRows { maximum: rows_max };
                return Err(OpError::refused("end_date", reason).into());
            }
        };
    }
}

async fn pdf(portal: &Portal, caller: &May<CreditsRead>, span: Span) -> ApiResult<Response> {
    let (_place, report) = gather(portal, caller, span, PDF_ROWS_MAX).await?;
    let name = format!("credit-report-{}-{}-{}", span.company_id, report.first_day, report.last_day);
    // Laying out pages keeps a core busy for a moment.
    let bytes = tokio::task::spawn_blocking(move || crate::pdf::credit_report(&report)).await;
    let bytes = bytes.map_err(|e| OpError::Internal(e.to_string()))?;
    let bytes = bytes.map_err(|e| ApiError::from(OpError::Internal(e.to_string())))?;
    let disposition = format!("attachment; filename=\"{name}.pdf\"");
    let headers = [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, bytes).into_response())
}
