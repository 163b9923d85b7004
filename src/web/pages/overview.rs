//! Overview, and the summary of resources.

use askama::Template;
use axum::response::Response;

use crate::model::coverage::Coverage;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::store::history::{HistoryFilter, HistoryRow};
use crate::web::chart::Chart;
use crate::web::error::WebResult;
use crate::web::extract::{Me, Visit};
use crate::web::state::Portal;
use crate::web::view::{Frame, page};
use crate::words;

const CHART_DAYS: i64 = 90;
const RECENT: i64 = 8;

#[derive(Template)]
#[template(path = "overview/show.html")]
struct OverviewPage {
    frame: Frame,
    recent: Vec<HistoryRow>,
    chart: Option<Chart>,
    coverage: Coverages,
    /// Orders whose codes cannot be created now, and since when: for the operator.
    late: Vec<(i64, i64)>,
}

pub async fn show(Visit(portal, me): Visit) -> WebResult<Response> {
    let filter = HistoryFilter { limit: RECENT, ..HistoryFilter::default() };
    let recent = ops::history::list(&portal.app, &me.actor, None, &filter).await?;
    let frame = Frame::of(&portal, &me, "Overview").await?;
    let chart = credit_chart(&portal, &me, &frame).await?;
    let coverage = Coverages::of(&portal, &me, me.actor.company_id).await?;
    let late = ops::order_codes::late(&portal.app, &me.actor).await?;
    page(&OverviewPage { frame, recent, chart, coverage, late })
}

#[derive(Template)]
#[template(path = "overview/summary.html")]
struct SummaryPage {
    frame: Frame,
    charts: Vec<(ResourceType, Chart)>,
    coverage: Coverages,
}

/// How long a company's balances last, in words and as charts.
#[derive(Default)]
pub struct Coverages(Vec<Coverage>);

impl Coverages {
    pub async fn of(portal: &Portal, me: &Me, company_id: i64) -> WebResult<Coverages> {
        Ok(Coverages(ops::coverage::of_company(&portal.app, &me.actor, company_id).await?))
    }

    /// How long a balance lasts; `None` if nothing draws on it.
    pub fn text(&self, resource_type: &ResourceType) -> Option<String> {
        self.0.iter().find(|c| c.resource_type == *resource_type).map(words::coverage)
    }

    /// The charts of the balances that run down.
    pub fn charts(&self) -> Vec<(&'static str, Chart)> {
        self.0.iter().filter_map(|c| Some((c.resource_type.label(), Chart::of_coverage(c)?))).collect()
    }
}

pub async fn summary(Visit(portal, me): Visit) -> WebResult<Response> {
    let frame = Frame::of(&portal, &me, "Resource summary").await?;
    let mut charts = Vec::new();
    for pool in &frame.pools {
        if let Some(chart) = chart(&portal, &me, pool.resource_type, pool.left).await? {
            charts.push((pool.resource_type, chart));
        }
    }
    let coverage = Coverages::of(&portal, &me, me.actor.company_id).await?;
    page(&SummaryPage { frame, charts, coverage })
}

async fn credit_chart(portal: &Portal, me: &Me, frame: &Frame) -> WebResult<Option<Chart>> {
    match frame.pools.iter().find(|p| p.resource_type == ResourceType::CREDIT) {
        Some(pool) => chart(portal, me, pool.resource_type, pool.left).await,
        None => Ok(None),
    }
}

async fn chart(portal: &Portal, me: &Me, resource_type: ResourceType, left: i64) -> WebResult<Option<Chart>> {
    let company = me.actor.company_id;
    let points = ops::resources::balance_history(&portal.app, &me.actor, company, resource_type, CHART_DAYS).await?;
    Ok(Chart::of_balance(&points, left, portal.app.clock.now(), CHART_DAYS, &me.actor.time_zone))
}
