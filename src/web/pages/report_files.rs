//! The reports as files.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use super::reports::file_period;
use crate::model::money::{Currency, Money};
use crate::model::month::Month;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::reports::MonthCodes;
use crate::store::reports::{CompanySales, Outstanding, OutstandingCursor, SalesCursor};
use crate::web::csv;
use crate::web::error::WebResult;
use crate::web::extract::{Asked, Me};
use crate::web::router::Portal;

/// What was sold, by distributor and month, the latest month first.
pub async fn sales(State(portal): State<Portal>, me: Me, Asked(form): Asked) -> WebResult<Response> {
    let period = match file_period(&portal, &form) {
        Ok(period) => period,
        Err(page) => return Ok(page.into_response()),
    };
    let first = ops::reports::sales(&portal.app, &me.actor, period, None, csv::STEP).await?;
    let read = move |after: SalesCursor| {
        let (app, actor) = (portal.app.clone(), me.actor.clone());
        async move { ops::reports::sales(&app, &actor, period, Some(&after), csv::STEP).await }
    };
    let head = ["month", "company_id", "company", "currency", "net", "vat", "total"];
    Ok(csv::download("sales.csv", &head, first, sales_line, read))
}

fn sales_line(row: &CompanySales) -> (SalesCursor, Vec<String>) {
    // A currency that no Scrip wrote is shown in minor units rather than left out.
    let plain = |minor: i64| {
        Currency::from_code(&row.currency).map_or(minor.to_string(), |c| Money::new(minor, c).plain())
    };
    let cells = vec![
        Month(row.month).slug(),
        row.company_id.to_string(),
        row.company_name.clone(),
        row.currency.clone(),
        plain(row.net),
        plain(row.vat),
        plain(row.total),
    ];
    ((row.month, row.company_id, row.currency.clone()), cells)
}

/// The units in unused codes now, by company and type.
pub async fn unused_codes(State(portal): State<Portal>, me: Me) -> WebResult<Response> {
    let first = ops::reports::outstanding(&portal.app, &me.actor, (0, 0), csv::STEP).await?;
    let read = move |after: OutstandingCursor| {
        let (app, actor) = (portal.app.clone(), me.actor.clone());
        async move { ops::reports::outstanding(&app, &actor, after, csv::STEP).await }
    };
    let head = ["company_id", "company", "type", "units"];
    Ok(csv::download("unused-codes.csv", &head, first, outstanding_line, read))
}

fn outstanding_line(row: &Outstanding) -> (OutstandingCursor, Vec<String>) {
    let id = row.resource_type;
    let slug = ResourceType::try_from(id).map_or(id.to_string(), |t| t.slug().to_owned());
    let cells = vec![row.company_id.to_string(), row.company_name.clone(), slug, row.units.to_string()];
    ((row.company_id, id), cells)
}

/// What became of codes, by month and type.
pub async fn codes(State(portal): State<Portal>, me: Me, Asked(form): Asked) -> WebResult<Response> {
    let period = match file_period(&portal, &form) {
        Ok(period) => period,
        Err(page) => return Ok(page.into_response()),
    };
    let report = ops::reports::codes(&portal.app, &me.actor, period).await?;
    let lines: Vec<Vec<String>> = report.months.iter().map(codes_line).collect();
    Ok(csv::file("codes-by-month.csv", &CODES_HEAD, &lines))
}

/// The columns of [`codes_line`].
const CODES_HEAD: [&str; 10] = [
    "month",
    "type",
    "codes_made",
    "codes_used",
    "codes_expired",
    "codes_cancelled_or_deleted",
    "units_made",
    "units_used",
    "units_expired",
    "units_cancelled_or_deleted",
];

fn codes_line(m: &MonthCodes) -> Vec<String> {
    let names = [Month(m.month).slug(), m.resource_type.slug().to_owned()];
    names.into_iter().chain(m.codes.iter().chain(&m.units).map(i64::to_string)).collect()
}
