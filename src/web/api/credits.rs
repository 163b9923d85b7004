//! Resources: pools, their summary, moves, and the ledger's events.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, Key, TypeSlug};
use super::caller::{CreditsRead, CreditsWrite, May};
use super::error::{ApiError, ApiResult};
use super::page::{Paging, Query};
use crate::model::ledger::{Cause, Done, Transfer, balance_after};
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::error::Problems;
use crate::store::pools::ListedPool;
use crate::store::transfers::{ListedTransfer, TransferFilter};
use crate::web::state::Portal;

/// What one company has of one resource type.
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
    /// All that the company ever received.
    credit_count: i64,
    /// What it can use now.
    credit_left: i64,
    /// Locked in its unused codes.
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

/// A number of the database as the type that it stands for.
pub fn resource_type(id: i64) -> ApiResult<ResourceType> {
    ResourceType::try_from(id).map_err(|e| ops::error::OpError::Internal(e.to_string()).into())
}

/// Pools
///
/// What each company of the caller's tree has of each resource type.
#[utoipa::path(get, path = "/api/credits", tag = "credits",
    params(Paging, PoolQuery), responses((status = 200, body = List<Pool>)))]
pub async fn list(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    mut query: Query,
) -> ApiResult<List<Pool>> {
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
    let (mut found, total) =
        ops::resources::list_pools(&portal.app, &caller.actor, &filter, !page.is_walk()).await?;
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

/// What there is, and how long it lasts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    credits: SummaryCredits,
    monitored_device: Monitored,
    /// Until when the pool lasts for the present devices; null where nothing draws on it.
    credit_coverage: Option<Stamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SummaryCredits {
    left: Vec<Left>,
    total: Vec<Total>,
}

/// What can be used now of one type.
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

/// All that there was of one type.
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
    /// One company; without it the caller's own and all its subsidiaries together.
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
    query.page()?;
    let (app, actor) = (&portal.app, &caller.actor);
    let pools = ops::resources::summary(app, actor, company_id).await?;
    let own = company_id.unwrap_or(actor.company_id);
    let counted = if actor.sees_tree() { company_id } else { Some(own) };
    let (total_devices, monitored) = ops::devices::owned(app, actor, counted).await?;
    let coverage = ops::coverage::of_pool(app, actor, own, ResourceType::CREDIT).await?.map(|c| c.until);
    let left = |p: &crate::store::resources::Pool| Left {
        credit_type_id: p.resource_type.id(),
        credit_type: p.resource_type.slug(),
        credits_left: p.left,
        credit_type_name: p.resource_type.label(),
        payment_type: "paid",
    };
    let total = |p: &crate::store::resources::Pool| Total {
        credit_type: p.resource_type.slug(),
        credits_count: p.received_total,
    };
    Ok(Data::of(Summary {
        credits: SummaryCredits {
            left: pools.iter().map(left).collect(),
            total: pools.iter().map(total).collect(),
        },
        monitored_device: Monitored { monitored, total: total_devices },
        credit_coverage: coverage.map(|at| Stamp::of(at.0)),
    }))
}

/// What to move.
#[derive(Deserialize, ToSchema)]
pub struct NewMove {
    /// The company that the resources come from; `from_company_id` does the same.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    source: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    from_company_id: Field<i64>,
    /// The company that they go to; `to_company_id` does the same.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    target: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    to_company_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = i64, required, minimum = 1, maximum = 1_000_000_000)]
    amount: Field<i64>,
    /// The slug of the resource type; Credit where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<TypeSlug>, inline)]
    credit_type_name: Field<String>,
}

/// A move that has happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct MoveDone {
    id: i64,
    from_company_id: i64,
    from_company: String,
    to_company_id: i64,
    to_company: String,
    credit_type: &'static str,
    count: i64,
    /// The balances right after it.
    from_balance: i64,
    to_balance: i64,
    created_at: Stamp,
}

impl MoveDone {
    fn of(t: &Transfer, to_balance: i64) -> MoveDone {
        MoveDone {
            id: t.id,
            from_company_id: t.from.0,
            from_company: t.from_name.clone(),
            to_company_id: t.to.0,
            to_company: t.to_name.clone(),
            credit_type: t.resource_type.slug(),
            count: t.amount,
            from_balance: t.from_balance,
            to_balance,
            created_at: Stamp::of(t.at.0),
        }
    }
}

/// Move resources between two companies of the caller's tree
#[utoipa::path(post, path = "/api/credits/move", tag = "credits",
    request_body = NewMove, responses((status = 200, body = Data<MoveDone>)))]
pub async fn move_units(
    State(portal): State<Portal>,
    caller: May<CreditsWrite>,
    Key(key): Key,
    Body(new): Body<NewMove>,
) -> ApiResult<Written<Data<MoveDone>>> {
    let mut problems = Problems::default();
    let from = problems.take("source", body::company(either(new.source, new.from_company_id)));
    let to = problems.take("target", body::company(either(new.target, new.to_company_id)));
    let amount = problems.take("amount", body::amount(new.amount));
    let resource_type = problems.take("credit_type_name", body::resource_type(new.credit_type_name));
    problems.finish()?;
    let (Some(from), Some(to), Some(amount), Some(resource_type)) = (from, to, amount, resource_type) else {
        return Err(ApiError::of_status(StatusCode::UNPROCESSABLE_ENTITY));
    };
    let done = ops::resources::move_units(&portal.app, &caller.actor, &key, resource_type, from, to, amount)
        .await
        .map_err(|e| ApiError::of(e, &[("from", "source"), ("to", "target")]))?;
    let transfer = first(&done)?;
    Ok(Written {
        status: StatusCode::OK,
        replayed: done.replayed,
        body: Data::of(MoveDone::of(transfer, balance_after(&done.transfers))),
    })
}

/// The field under either of its names.
pub fn either<T>(one: Field<T>, other: Field<T>) -> Field<T> {
    if matches!(one, Field::Missing) { other } else { one }
}

/// The first transfer of what was done; there always is one.
pub fn first(done: &Done) -> ApiResult<&Transfer> {
    done.transfers.first().ok_or_else(|| ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// A move, as the history has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Move {
    id: i64,
    user_id: Option<i64>,
    /// The e-mail address of the person who moved.
    user: Option<String>,
    from_company: String,
    from_company_id: i64,
    to_company: String,
    to_company_id: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    count: i64,
    created_at: Stamp,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct MovesQuery {
    /// One company; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// From this day or moment on, in UTC.
    #[param(
        pattern = r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])( ([01]\d|2[0-3]):[0-5]\d:[0-5]\d)?)?$",
        example = "2026-11-01"
    )]
    from: Option<String>,
    /// Up to the end of this day, or to this moment, in UTC.
    #[param(
        pattern = r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])( ([01]\d|2[0-3]):[0-5]\d:[0-5]\d)?)?$",
        example = "2026-11-30 12:00:00"
    )]
    to: Option<String>,
    /// `id`, `created_at`, or either with a minus: the newest first, which is the default.
    #[param(pattern = "^(-?(id|created_at))?$", example = "-id")]
    sort: Option<String>,
}

/// Moves that have happened
#[utoipa::path(get, path = "/api/credits/move/history", tag = "credits",
    params(Paging, MovesQuery), responses((status = 200, body = List<Move>)))]
pub async fn moves(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    query: Query,
) -> ApiResult<List<Move>> {
    let (rows, meta) = transfers(&portal, &caller, query, Some(Cause::Move), None).await?;
    let of = |t: ListedTransfer| {
        Ok(Move {
            id: t.id,
            user_id: t.actor_id,
            user: t.actor_email,
            from_company: t.from_name,
            from_company_id: t.from_company_id,
            to_company: t.to_name,
            to_company_id: t.to_company_id,
            credit_type: resource_type(t.resource_type)?.slug(),
            count: t.amount,
            created_at: Stamp::of(t.at),
        })
    };
    Ok(List::of(rows.into_iter().map(of).collect::<ApiResult<_>>()?, meta))
}

/// Anything that happened to resources.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    id: i64,
    /// `issue`, `move`, `create_code`, `delete_code`, `redeem`, `spend` and others that may come.
    #[schema(example = "redeem")]
    action_type: &'static str,
    /// Null where the portal itself acted: it renews devices.
    user_id: Option<i64>,
    user: Option<String>,
    from_company_id: i64,
    from_company: String,
    to_company_id: i64,
    to_company: String,
    #[schema(example = "credit")]
    credit_type: &'static str,
    count: i64,
    code_id: Option<i64>,
    /// The device that used it.
    device_id: Option<i64>,
    comment: String,
    created_at: Stamp,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct EventsQuery {
    /// Used by one device, no matter who paid for it.
    device_id: Option<i64>,
    /// `issue`, `move`, `create_code`, `delete_code`, `redeem` or `spend`.
    #[param(pattern = "^(issue|move|create_code|delete_code|redeem|spend)?$", example = "redeem")]
    action_type: Option<String>,
}

/// All that happened to the resources of the caller's tree
#[utoipa::path(get, path = "/api/credits/history", tag = "credits",
    params(Paging, MovesQuery, EventsQuery), responses((status = 200, body = List<Event>)))]
pub async fn history(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    mut query: Query,
) -> ApiResult<List<Event>> {
    let cause = query.read("action_type", |slug| {
        Cause::try_from(slug.to_owned()).map_err(|_| FieldReason::NotAChoice { choices: CAUSES })
    });
    let device_id = query.number(&["device_id"]);
    let (rows, meta) = transfers(&portal, &caller, query, cause, device_id).await?;
    let of = |t: ListedTransfer| {
        Ok(Event {
            id: t.id,
            action_type: t.cause.slug(),
            user_id: t.actor_id,
            user: t.actor_email,
            from_company_id: t.from_company_id,
            from_company: t.from_name,
            to_company_id: t.to_company_id,
            to_company: t.to_name,
            credit_type: resource_type(t.resource_type)?.slug(),
            count: t.amount,
            code_id: t.code_id,
            device_id: t.device_id,
            comment: t.memo,
            created_at: Stamp::of(t.at),
        })
    };
    Ok(List::of(rows.into_iter().map(of).collect::<ApiResult<_>>()?, meta))
}

const CAUSES: &str = "issue, move, create_code, delete_code, redeem, spend";

async fn transfers(
    portal: &Portal,
    caller: &May<CreditsRead>,
    mut query: Query,
    cause: Option<Cause>,
    device_id: Option<i64>,
) -> ApiResult<(Vec<ListedTransfer>, super::answer::ListMeta)> {
    let company_id = query.number(&["company_id", "company"]);
    let filter = TransferFilter {
        cause,
        device_id,
        from: query.moment("from", false),
        to: query.moment("to", true),
        newest_first: query.newest_first(),
        ..TransferFilter::default()
    };
    let page = query.page()?;
    let filter =
        TransferFilter { cursor: page.cursor.flatten(), limit: page.rows(), offset: page.offset, ..filter };
    let (mut rows, total) =
        ops::resources::transfers(&portal.app, &caller.actor, company_id, &filter, !page.is_walk()).await?;
    let meta = page.meta(&mut rows, total, |t| t.id);
    Ok((rows, meta))
}
