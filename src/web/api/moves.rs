//! Resources are moved, and moves are listed.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, DayOrMoment, Field, Key, TypeSlug};
use super::caller::{CreditsRead, CreditsWrite, May};
use super::credits::resource_type;
use super::error::{ApiError, ApiResult};
use super::history::transfers;
use super::page::{Paging, Query};
use crate::model::ledger::{Cause, Done, Transfer, balance_after};
use crate::ops;
use crate::ops::error::Problems;
use crate::store::transfers::{ListedTransfer, TransferFilter};
use crate::web::state::Portal;

/// A move of resources.
#[derive(Deserialize, ToSchema)]
pub struct NewMove {
    /// The company to take the resources from; `from_company_id` does the same.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    source: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    from_company_id: Field<i64>,
    /// The company to give them to; `to_company_id` does the same.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    target: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    to_company_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = i64, required, minimum = 1, maximum = 1_000_000_000)]
    amount: Field<i64>,
    /// The slug of the resource type; by default Credit.
    #[serde(default)]
    #[schema(value_type = Option<TypeSlug>, inline)]
    credit_type_name: Field<String>,
}

/// A completed move.
#[derive(Debug, Serialize, ToSchema)]
pub struct MoveDone {
    id: i64,
    from_company_id: i64,
    from_company: String,
    to_company_id: i64,
    to_company: String,
    credit_type: &'static str,
    count: i64,
    /// The balances right after the move.
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

/// A field that has two names.
pub fn either<T>(one: Field<T>, other: Field<T>) -> Field<T> {
    if matches!(one, Field::Missing) { other } else { one }
}

/// An operation's first transfer; there always is one.
pub fn first(done: &Done) -> ApiResult<&Transfer> {
    done.transfers.first().ok_or_else(|| ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR))
}

/// A move, as the history has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Move {
    id: i64,
    user_id: Option<i64>,
    /// The e-mail address of the user who moved.
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
    /// What left or entered this pool.
    #[param(example = 101)]
    pool_id: Option<i64>,
    /// On or after this day or moment, in UTC.
    #[param(value_type = Option<DayOrMoment>, inline, example = "2026-11-01")]
    from: Option<String>,
    /// Up to the end of this day, or to this moment, in UTC.
    #[param(value_type = Option<DayOrMoment>, inline, example = "2026-11-30 12:00:00")]
    to: Option<String>,
    /// `id`, `created_at`, or either with a minus for newest first, the default.
    #[param(pattern = "^(-?(id|created_at))?$", example = "-id")]
    sort: Option<String>,
}

/// The history of moves
#[utoipa::path(get, path = "/api/credits/move/history", tag = "credits",
    params(Paging, MovesQuery), responses((status = 200, body = List<Move>)))]
pub async fn moves(State(portal): State<Portal>, caller: May<CreditsRead>, query: Query) -> ApiResult<List<Move>> {
    let filter = TransferFilter { cause: Some(Cause::Move), ..TransferFilter::default() };
    let (rows, meta) = transfers(&portal, &caller, query, filter).await?;
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
