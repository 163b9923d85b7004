//! Resources: pools, and their summary.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp};
use super::caller::{CreditsRead, May};
use super::error::ApiResult;
use super::page::{Paging, Query};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::store::pools::ListedPool;
use crate::web::state::Portal;

/// What a company holds of a resource type.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pool {
    id: i64,
    company_id: i64,
    #[schema(example = "paid")]
    credit_type: &'static str,
    credit_type_id: i64,
    /// The slug of the resource type.
    #[schema(example = "credit")]
    credit_type_name: &'static str,
    /// Always null: prices belong to orders.
    credit_price: Option<i64>,
    /// The sum of everything the company ever received.
    credit_count: i64,
    /// The usable balance.
    credit_left: i64,
    /// The units in its unused codes.
    credit_reserved: i64,
    /// Always null: what a company holds does not expire.
    expire_at: Option<Stamp>,
    assigned_at: Option<Stamp>,
    company_name: String,
    parent_company_name: Option<String>,
    deleted_at: Option<Stamp>,
}

impl Pool {
    pub fn of(pool: ListedPool) -> ApiResult<Pool> {
        let resource_type = resource_type(pool.resource_type)?;
        Ok(Pool {
            id: pool.id(),
            company_id: pool.company_id,
            credit_type: "paid",
            credit_type_id: resource_type.id(),
            credit_type_name: resource_type.slug(),
            credit_price: None,
            credit_count: pool.received_total,
            credit_left: pool.left,
            credit_reserved: pool.in_codes,
            expire_at: None,
            assigned_at: pool.received_at.map(Stamp::of),
            company_name: pool.company_name,
            parent_company_name: pool.parent_name,
            deleted_at: None,
        })
    }
}

/// Converts a number from the database.
pub fn resource_type(id: i64) -> ApiResult<ResourceType> {
    ResourceType::try_from(id).map_err(|e| ops::error::OpError::Internal(e.to_string()).into())
}

/// Pools
///
/// What each company of the caller's tree holds of each resource type.
#[utoipa::path(get, path = "/api/credits", tag = "credits",
    params(Paging, PoolQuery), responses((status = 200, body = List<Pool>)))]
pub async fn list(State(portal): State<Portal>, caller: May<CreditsRead>, mut query: Query) -> ApiResult<List<Pool>> {
    let company_id = query.number(&["company_id", "company"]);
    let text = query.text(&["q"]).unwrap_or_default().to_owned();
    let page = query.page()?;
    let filter = ops::resources::PoolFilter {
        company_id,
        text: &text,
        cursor: page.cursor.flatten(),
        limit: page.rows(),
        offset: page.offset,
    };
    let (mut found, total) = ops::resources::list_pools(&portal.app, &caller.actor, &filter, !page.is_walk()).await?;
    let meta = page.meta(&mut found, total, ListedPool::id);
    Ok(List::of(found.into_iter().map(Pool::of).collect::<ApiResult<_>>()?, meta))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct PoolQuery {
    /// One company; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// Part of the company's name.
    q: Option<String>,
}

/// The balance, and how long it lasts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    credits: SummaryCredits,
    monitored_device: Monitored,
    /// When the pool runs out with the present devices; null if nothing draws on it.
    credit_coverage: Option<Stamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryCredits {
    left: Vec<Left>,
    total: Vec<Total>,
}

/// The usable balance of one type.
#[derive(Debug, Serialize, ToSchema)]
pub struct Left {
    credit_type_id: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    credits_left: i64,
    #[schema(example = "Credit")]
    credit_type_name: &'static str,
    #[schema(example = "paid")]
    payment_type: &'static str,
}

/// Everything ever received of one type.
#[derive(Debug, Serialize, ToSchema)]
pub struct Total {
    #[schema(example = "credit")]
    credit_type: &'static str,
    credits_count: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Monitored {
    /// Devices with monitoring on.
    monitored: i64,
    total: i64,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct CompanyQuery {
    /// One company. By default, the caller's own and all its subsidiaries together.
    company_id: Option<i64>,
    /// The same as `company_id`.
    company: Option<i64>,
}

/// Balance, devices and coverage
#[utoipa::path(get, path = "/api/credits/summary", tag = "credits",
    params(CompanyQuery), responses((status = 200, body = Data<Summary>)))]
pub async fn summary(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    mut query: Query,
) -> ApiResult<Data<Summary>> {
    let company_id = query.number(&["company_id", "company"]);
    query.finish()?;
    let (app, actor) = (&portal.app, &caller.actor);
    let pools = ops::resources::summary(app, actor, company_id).await?;
    let own = company_id.unwrap_or(actor.company_id);
    let counted = if actor.may.view_resources() { company_id } else { Some(own) };
    let (total_devices, monitored) = ops::devices::owned(app, actor, counted).await?;
    let coverage = ops::coverage::of_pool(app, actor, own, ResourceType::CREDIT).await?.map(|c| c.until);
    let left = |p: &crate::store::pools::Pool| Left {
        credit_type_id: p.resource_type.id(),
        credit_type: p.resource_type.slug(),
        credits_left: p.left,
        credit_type_name: p.resource_type.label(),
        payment_type: "paid",
    };
    let total =
        |p: &crate::store::pools::Pool| Total { credit_type: p.resource_type.slug(), credits_count: p.received_total };
    Ok(Data::of(Summary {
        credits: SummaryCredits { left: pools.iter().map(left).collect(), total: pools.iter().map(total).collect() },
        monitored_device: Monitored { monitored, total: total_devices },
        credit_coverage: coverage.map(|at| Stamp::of(at.0)),
    }))
}
