//! Counts of devices for charts.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::Data;
use super::caller::{DevicesRead, May};
use super::error::ApiResult;
use super::page::Query;
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::web::state::Portal;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct StatisticsQuery {
    /// Which charts, separated by commas; by default `status` and `model`. Charts of what RMS knows from the devices
    /// themselves, such as `signal` or `firmware`, are empty.
    #[param(pattern = "^([a-z0-9_]{1,50}(,[a-z0-9_]{1,50}){0,29})?$", example = "status,model,signal")]
    charts: Option<String>,
    /// One company, without its subsidiaries; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
}

const CHARTS_MAX: usize = 30;
const CHART_LENGTH_MAX: usize = 50;

/// For each chart, how many devices have which value.
type Charts = BTreeMap<String, BTreeMap<String, i64>>;

/// How many devices there are by status and by model
#[utoipa::path(get, path = "/api/devices/statistics", tag = "devices", params(StatisticsQuery),
    responses((status = 200, body = Data<BTreeMap<String, BTreeMap<String, i64>>>)))]
pub async fn statistics(
    State(portal): State<Portal>,
    caller: May<DevicesRead>,
    mut query: Query,
) -> ApiResult<Data<Charts>> {
    let charts = query.read("charts", read).unwrap_or_else(|| vec!["status".to_owned(), "model".to_owned()]);
    let company_id = query.number(&["company_id", "company"]);
    query.finish()?;
    let found = ops::devices::statistics(&portal.app, &caller.actor, company_id).await?;
    let status = [("online", 0), ("offline", found.total - found.never_paid), ("not_activated", found.never_paid)];
    let of_chart = |chart: &str| match chart {
        "status" => status.map(|(name, count)| (name.to_owned(), count)).into(),
        "model" => found.models.clone(),
        _ => BTreeMap::new(),
    };
    Ok(Data::of(charts.into_iter().map(|chart| (chart.clone(), of_chart(&chart))).collect()))
}

fn read(text: &str) -> Result<Vec<String>, FieldReason> {
    let charts: Vec<String> = text.split(',').map(|chart| chart.trim().to_owned()).collect();
    let is_chart = |chart: &String| {
        let is_word = chart.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        (1..=CHART_LENGTH_MAX).contains(&chart.len()) && is_word
    };
    if charts.len() > CHARTS_MAX {
        return Err(FieldReason::TooMany { maximum: CHARTS_MAX });
    }
    match charts.iter().all(is_chart) {
        true => Ok(charts),
        false => Err(FieldReason::NotAChoice { choices: "status, model, or a chart of RMS" }),
    }
}
