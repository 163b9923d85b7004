//! Previewing and activating a code.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Data, Stamp, Written};
use super::body::{Body, Field, Key};
use super::caller::{CodesWrite, May};
use super::credits::{Pool, resource_type};
use super::error::ApiResult;
use super::moves::first;
use crate::model::code::CodeError;
use crate::model::ledger::{Transfer, balance_after};
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::error::Problems;
use crate::store::pools::ListedPool;
use crate::web::state::Portal;

/// The code as typed: case, spaces and dashes do not matter.
#[derive(Deserialize, ToSchema)]
pub struct TypedCode {
    #[serde(default)]
    #[schema(value_type = String, required, example = "7M2K-0QGM-94XV-5E1C-T8W6")]
    code: Field<String>,
}

impl TypedCode {
    fn read(self) -> ApiResult<String> {
        let mut problems = Problems::default();
        let code = problems.take("code", self.code.required(CodeError::Missing, FieldReason::NotAText));
        problems.finish()?;
        Ok(code.unwrap_or_default())
    }
}

/// The preview of an activation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    credits_amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    company_id: i64,
    company_name: String,
    credit_left_before: i64,
    /// How many waiting devices it would extend at once, one unit each.
    devices_served: i64,
    /// The balance after that.
    credit_left_after: i64,
}

/// Preview what a code would do, without activating it
///
/// Rate-limited like activation: after too many wrong codes the sender must wait.
#[utoipa::path(post, path = "/api/credits/codes/preview", tag = "codes",
    request_body = TypedCode, responses((status = 200, body = Data<Preview>)))]
pub async fn preview(
    State(portal): State<Portal>,
    caller: May<CodesWrite>,
    Body(typed): Body<TypedCode>,
) -> ApiResult<Data<Preview>> {
    let found = ops::codes::changes::preview(&portal.app, &caller.actor, &typed.read()?).await?;
    Ok(Data::of(Preview {
        credits_amount: found.amount,
        credit_type: found.resource_type.slug(),
        company_id: caller.actor.company_id,
        company_name: caller.actor.company_name.clone(),
        credit_left_before: found.balance,
        devices_served: found.served.count,
        credit_left_after: found.balance_after(),
    }))
}

/// The pools that grew, with their balances right after.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activated {
    #[schema(example = true)]
    success: bool,
    data: Vec<FilledPool>,
    meta: ActivatedMeta,
}

/// A pool, also in the words that RMS uses for licences.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilledPool {
    #[serde(flatten)]
    pool: Pool,
    licence_count: i64,
    licence_left: i64,
    licence_reserved: i64,
    license_type_id: i64,
    #[schema(example = "credit")]
    licence_type: &'static str,
    /// Always null: a pool is no part of another.
    parent_pool_id: Option<i64>,
    /// When units last arrived, as `assigned_at`.
    buy_date: Option<Stamp>,
}

impl FilledPool {
    fn of(pool: ListedPool) -> ApiResult<FilledPool> {
        let resource_type = resource_type(pool.resource_type)?;
        Ok(FilledPool {
            licence_count: pool.received_total,
            licence_left: pool.left,
            licence_reserved: pool.in_codes,
            license_type_id: resource_type.id(),
            licence_type: resource_type.slug(),
            parent_pool_id: None,
            buy_date: pool.received_at.map(Stamp::of),
            pool: Pool::of(pool)?,
        })
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ActivatedMeta {
    amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
}

/// Activate a code for the caller's own company, no matter who issued it
#[utoipa::path(post, path = "/api/credits/codes/activate", tag = "codes",
    request_body = TypedCode, responses((status = 200, body = Activated)))]
pub async fn activate(
    State(portal): State<Portal>,
    caller: May<CodesWrite>,
    Key(key): Key,
    Body(typed): Body<TypedCode>,
) -> ApiResult<Written<Activated>> {
    let done = ops::codes::changes::redeem(&portal.app, &caller.actor, &key, &typed.read()?).await?;
    let transfer = first(&done)?;
    let body = Activated {
        success: true,
        data: filled(transfer, balance_after(&done.transfers)).map(FilledPool::of).transpose()?.into_iter().collect(),
        meta: ActivatedMeta { amount: transfer.amount, credit_type: transfer.resource_type.slug() },
    };
    Ok(Written { status: StatusCode::OK, replayed: done.replayed, body })
}

/// The pool right after a redemption filled it.
fn filled(t: &Transfer, left: i64) -> Option<ListedPool> {
    let filled = t.filled.clone()?;
    Some(ListedPool {
        company_id: t.to.0,
        company_name: t.to_name.clone(),
        parent_name: filled.parent_name,
        resource_type: t.resource_type.id(),
        left,
        received_total: filled.received_total,
        in_codes: filled.in_codes,
        received_at: Some(t.at.0),
    })
}
