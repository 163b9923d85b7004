//! Batches of codes: ordered, and watched while a job creates them.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Data, Stamp};
use super::caller::{CodesSeen, May};
use super::credits::resource_type;
use super::error::ApiResult;
use super::path::Id;
use crate::ops;
use crate::store;
use crate::web::state::Portal;

/// Codes that a job creates. `GET /api/credits/codes?batch_id=…` lists those created so far.
#[derive(Debug, Serialize, ToSchema)]
pub struct Batch {
    id: i64,
    company_id: i64,
    credits_amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    comment: String,
    /// `running`, `done`, `cancelled`, or `stopped` if the units ran out.
    #[schema(example = "running")]
    status: String,
    /// How many codes were requested.
    count: i64,
    /// How many have been created.
    made: i64,
    created_at: Stamp,
    ended_at: Option<Stamp>,
}

impl Batch {
    pub fn of(batch: store::code_batches::Batch) -> ApiResult<Batch> {
        Ok(Batch {
            id: batch.id,
            company_id: batch.company_id,
            credits_amount: batch.amount,
            credit_type: resource_type(batch.resource_type)?.slug(),
            comment: batch.comment,
            status: batch.state,
            count: batch.wanted,
            made: batch.made,
            created_at: Stamp::of(batch.created_at),
            ended_at: batch.ended_at.map(Stamp::of),
        })
    }
}

/// The progress of a batch of codes
#[utoipa::path(get, path = "/api/credits/codes/batches/{id}", tag = "codes", operation_id = "batch",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Batch>)))]
pub async fn show(State(portal): State<Portal>, caller: May<CodesSeen>, Id(id): Id) -> ApiResult<Data<Batch>> {
    Ok(Data::of(Batch::of(ops::code_batches::find(&portal.app, &caller.actor, id).await?)?))
}
