//! Makes, comments and deletes codes.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Data, List, ListMeta, Written};
use super::body::{self, Body, Field, Key, TypeSlug};
use super::caller::{CodesWrite, May};
use super::code_batches::Batch;
use super::codes::{Code, record_shown};
use super::error::{ApiError, ApiResult};
use super::moves::first;
use super::path::Id;
use crate::model::ledger::balance_after;
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::codes::ListedCode;
use crate::ops::codes::changes::{CODES_AT_ONCE_MAX, CodeOrder};
use crate::ops::error::Problems;
use crate::web::state::Portal;

/// A code to create.
#[derive(Deserialize, ToSchema)]
pub struct NewCode {
    /// How many units it holds. The company must own them.
    #[serde(default)]
    #[schema(value_type = i64, required, minimum = 1, maximum = 1_000_000_000, example = 4)]
    amount: Field<i64>,
    /// The company that the units come from and that the code belongs to; the caller's own where it is
    /// left out.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    company_id: Field<i64>,
    /// The slug of the resource type; by default Credit.
    #[serde(default)]
    #[schema(value_type = Option<TypeSlug>, inline)]
    credit_type_name: Field<String>,
    /// Up to 1,000 characters, for its owners. Lines may break; other control characters, and those that change the
    /// direction of text (U+202A to U+202E, U+2066 to U+2069), are refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000, example = "Some example comment")]
    comment: Field<String>,
    /// How many such codes to create. More than 1,000 are created by a job: the answer is then 202.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 100_000)]
    count: Field<i64>,
}

/// The created code; a list if several were requested; a batch if many were.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Made {
    One(MadeOne),
    Many(List<Code>),
    Ordered(Data<Batch>),
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MadeOne {
    #[schema(example = true)]
    success: bool,
    data: Code,
    meta: MadeMeta,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MadeMeta {
    /// The code again, under the key that RMS uses.
    credit_code: String,
}

/// Create a code, or up to 100,000 identical ones
#[utoipa::path(post, path = "/api/credits/codes", tag = "codes", request_body = NewCode,
    responses((status = 201, body = Made), (status = 202, description = "A job makes them.", body = Data<Batch>)))]
pub async fn create(
    State(portal): State<Portal>,
    caller: May<CodesWrite>,
    Key(key): Key,
    Body(new): Body<NewCode>,
) -> ApiResult<Written<Made>> {
    let mut problems = Problems::default();
    let amount = problems.take("amount", body::amount(new.amount));
    let company_id = problems.take("company_id", new.company_id.optional(FieldReason::NotANumber));
    let resource_type = problems.take("credit_type_name", body::resource_type(new.credit_type_name));
    let comment = problems.take("comment", body::text(new.comment));
    let count = problems.take("count", new.count.optional(FieldReason::NotANumber));
    problems.finish()?;
    let order = CodeOrder {
        company_id: company_id.flatten().unwrap_or(caller.actor.company_id),
        resource_type: resource_type.unwrap_or(ResourceType::CREDIT),
        amount: amount.unwrap_or_default(),
        comment: comment.as_deref().unwrap_or_default(),
        count: count.flatten().unwrap_or(1),
    };
    let fields = [("from", "company_id")];
    if order.count > CODES_AT_ONCE_MAX {
        let ordered = ops::code_batches::create(&portal.app, &caller.actor, &key, &order).await;
        let outcome = ordered.map_err(|e| ApiError::of(e, &fields))?;
        let body = Made::Ordered(Data::of(Batch::of(outcome.about)?));
        return Ok(Written { status: StatusCode::ACCEPTED, replayed: outcome.replayed, body });
    }
    let done = ops::codes::changes::create(&portal.app, &caller.actor, &key, &order)
        .await
        .map_err(|e| ApiError::of(e, &fields))?;
    let replayed = done.replayed;
    let body = made(&portal, &caller.actor, done).await.map_err(ApiError::after_commit)?;
    Ok(Written { status: StatusCode::CREATED, replayed, body })
}

async fn made(portal: &Portal, actor: &Actor, made: ops::codes::changes::Made) -> ApiResult<Made> {
    let ops::codes::changes::Made { done, texts } = made;
    let texts = match texts {
        Some(texts) => texts,
        None => {
            let ids: Vec<i64> = done.transfers.iter().filter_map(|t| t.code_id).collect();
            // The maker of a code sees it, whatever else the token shows.
            let maker = Actor { is_shown_masked_codes: false, ..actor.clone() };
            let shown = ops::codes::find_many(&portal.app, &maker, &ids).await?;
            shown.into_iter().map(|code| code.text).collect()
        }
    };
    let mut codes: Vec<Code> =
        texts.into_iter().zip(&done.transfers).map(|(text, t)| Code::made(actor, text, t)).collect();
    if codes.len() == 1 {
        let data = codes.remove(0);
        return Ok(Made::One(MadeOne { success: true, meta: MadeMeta { credit_code: data.code.clone() }, data }));
    }
    let total = Some(codes.len() as i64);
    Ok(Made::Many(List::of(codes, ListMeta { total, rms_total: None, next_cursor: None })))
}

/// Changes to a code.
#[derive(Deserialize, ToSchema)]
pub struct CodeChange {
    /// Up to 1,000 characters. Lines may break; other control characters, and those that change the direction of
    /// text (U+202A to U+202E, U+2066 to U+2069), are refused.
    #[serde(default)]
    #[schema(value_type = String, required, max_length = 1_000, example = "Sent to Ann")]
    comment: Field<String>,
}

/// Change a code's comment
#[utoipa::path(put, path = "/api/credits/codes/{id}", tag = "codes",
    params(("id" = i64, Path)), request_body = CodeChange, responses((status = 200, body = Data<Code>)))]
pub async fn update(
    State(portal): State<Portal>,
    caller: May<CodesWrite>,
    Id(id): Id,
    Key(key): Key,
    Body(change): Body<CodeChange>,
) -> ApiResult<Written<Data<Code>>> {
    let mut problems = Problems::default();
    let comment = problems.take("comment", change.comment.required(FieldReason::Missing, FieldReason::NotAText));
    problems.finish()?;
    let comment = comment.unwrap_or_default().replace('\0', "");
    let outcome = ops::codes::changes::set_comment(&portal.app, &caller.actor, &key, id, &comment).await?;
    let listed = ListedCode::of(&portal.app, &caller.actor, outcome.about)?;
    record_shown(&portal, &caller.actor, &listed).await.map_err(ApiError::after_commit)?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(Code::of(listed)) })
}

/// A code that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deleted {
    id: i64,
    company_id: i64,
    credits_amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    /// The company's usable balance, with the returned units.
    credit_left: i64,
}

/// Delete an unused code; its units return to the company that owns it
#[utoipa::path(delete, path = "/api/credits/codes/{id}", tag = "codes",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Deleted>)))]
pub async fn delete(
    State(portal): State<Portal>,
    caller: May<CodesWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<Deleted>>> {
    let done = ops::codes::changes::delete(&portal.app, &caller.actor, &key, id).await?;
    let transfer = first(&done)?;
    let deleted = Deleted {
        id,
        company_id: transfer.to.0,
        credits_amount: transfer.amount,
        credit_type: transfer.resource_type.slug(),
        credit_left: balance_after(&done.transfers),
    };
    Ok(Written { status: StatusCode::OK, replayed: done.replayed, body: Data::of(deleted) })
}
