//! Overview, and the summary of resources.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::model::resources::ResourceType;
use crate::ops;
use crate::store::audit::{HistoryFilter, HistoryRow};
use crate::web::chart::Chart;
use crate::web::error::WebResult;
use crate::web::extract::Me;
use crate::web::router::Portal;
use crate::web::view::{Frame, page};

const CHART_DAYS: i64 = 90;
const RECENT: i64 = 8;

#[derive(Template)]
#[template(path = "pages/overview.html")]
struct OverviewPage {
    frame: Frame,
    recent: Vec<HistoryRow>,
    chart: Option<Chart>,
}

pub async fn show(State(portal): State<Portal>, me: Me) -> WebResult<Response> {
    let filter = HistoryFilter { limit: RECENT, ..HistoryFilter::default() };
    let recent = ops::audit::list(&portal.app, &me.actor, None, &filter).await?;
    let frame = Frame::of(&portal, &me, "Overview").await?;
    let chart = credit_chart(&portal, &me, &frame).await?;
    page(&OverviewPage { frame, recent, chart })
}

#[derive(Template)]
#[template(path = "pages/summary.html")]
struct SummaryPage {
    frame: Frame,
    charts: Vec<(ResourceType, Chart)>,
}

pub async fn summary(State(portal): State<Portal>, me: Me) -> WebResult<Response> {
    let frame = Frame::of(&portal, &me, "Resource summary").await?;
    let mut charts = Vec::new();
    for pool in &frame.pools {
        if let Some(chart) = chart(&portal, &me, pool.resource_type, pool.left).await? {
            charts.push((pool.resource_type, chart));
        }
    }
    page(&SummaryPage { frame, charts })
}

async fn credit_chart(portal: &Portal, me: &Me, frame: &Frame) -> WebResult<Option<Chart>> {
    match frame.pools.iter().find(|p| p.resource_type == ResourceType::CREDIT) {
        Some(pool) => chart(portal, me, pool.resource_type, pool.left).await,
        None => Ok(None),
    }
}

async fn chart(portal: &Portal, me: &Me, resource_type: ResourceType, left: i64) -> WebResult<Option<Chart>> {
    let company = me.actor.company_id;
    let points =
        ops::resources::balance_history(&portal.app, &me.actor, company, resource_type, CHART_DAYS).await?;
    Ok(Chart::of_balance(&points, left, portal.app.clock.now(), CHART_DAYS, &me.actor.time_zone))
}
