//! The reports as files.

use axum::response::{IntoResponse as _, Response};

use super::reports::file_period;
use crate::app::App;
use crate::model::money::{Currency, Money};
use crate::model::month::Month;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::reports::MonthCodes;
use crate::store::reports::{CompanySales, Outstanding, OutstandingCursor, SalesCursor};
use crate::web::csv;
use crate::web::downloads::STEP;
use crate::web::error::WebResult;
use crate::web::extract::{QueryForm, Visit};

/// Sales by distributor and month, latest month first.
pub async fn sales(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let period = match file_period(&portal, &form) {
        Ok(period) => period,
        Err(page) => return Ok(page.into_response()),
    };
    let actor = me.actor.clone();
    let read = move |app: App, after: Option<SalesCursor>| {
        let actor = actor.clone();
        async move { ops::reports::sales(&app, &actor, period, after.as_ref(), STEP).await }
    };
    let head = ["month", "company_id", "company", "currency", "net", "vat", "total"];
    csv::download(&portal, &me.actor, ("sales.csv".to_owned(), &head), sales_line, read).await
}

fn sales_line(row: &CompanySales) -> (SalesCursor, Vec<String>) {
    // A currency that Scrip never writes is shown in minor units rather than left out.
    let plain =
        |minor: i64| Currency::from_code(&row.currency).map_or(minor.to_string(), |c| Money::new(minor, c).plain());
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
pub async fn unused_codes(Visit(portal, me): Visit) -> WebResult<Response> {
    let actor = me.actor.clone();
    let read = move |app: App, after: Option<OutstandingCursor>| {
        let actor = actor.clone();
        async move { ops::reports::outstanding(&app, &actor, after.unwrap_or((0, 0)), STEP).await }
    };
    let head = ["company_id", "company", "type", "units"];
    csv::download(&portal, &me.actor, ("unused-codes.csv".to_owned(), &head), outstanding_line, read).await
}

fn outstanding_line(row: &Outstanding) -> (OutstandingCursor, Vec<String>) {
    let id = row.resource_type;
    let slug = ResourceType::try_from(id).map_or(id.to_string(), |t| t.slug().to_owned());
    let cells = vec![row.company_id.to_string(), row.company_name.clone(), slug, row.units.to_string()];
    ((row.company_id, id), cells)
}

/// State changes of codes, by month and type.
pub async fn codes(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let period = match file_period(&portal, &form) {
        Ok(period) => period,
        Err(page) => return Ok(page.into_response()),
    };
    let actor = me.actor.clone();
    let read = move |app: App, after: Option<()>| {
        let actor = actor.clone();
        async move {
            match after {
                None => Ok(ops::reports::codes(&app, &actor, period).await?.months),
                // The first step returned everything.
                Some(()) => Ok(Vec::new()),
            }
        }
    };
    csv::download(&portal, &me.actor, ("codes-by-month.csv".to_owned(), &CODES_HEAD), codes_line, read).await
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

fn codes_line(m: &MonthCodes) -> ((), Vec<String>) {
    let names = [Month(m.month).slug(), m.resource_type.slug().to_owned()];
    ((), names.into_iter().chain(m.codes.iter().chain(&m.units).map(i64::to_string)).collect())
}
