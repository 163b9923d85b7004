//! Codes: made, listed, looked into, activated, deleted.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, ListMeta, Stamp, Written};
use super::body::{self, Body, Field, Key, TypeSlug};
use super::caller::{CodesSeen, CodesWrite, May};
use super::code_batches::Batch;
use super::credits::{Pool, first};
use super::error::{ApiError, ApiResult};
use super::page::{Paging, Query};
use super::path::Id;
use crate::model::code::CodeError;
use crate::model::ledger::{CodeStatus, Transfer, balance_after};
use crate::model::refusal::{FieldReason, ResourceReason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::codes::{CODES_AT_ONCE_MAX, CodeOrder, ListedCode};
use crate::ops::error::Problems;
use crate::ops::watched::{Way, codes_shown};
use crate::store::code_lists::{Facts, ListFilter};
use crate::store::pools::ListedPool;
use crate::web::state::Portal;

/// A code with all that happened to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Code {
    id: i64,
    company_id: i64,
    company_name: String,
    /// The e-mail address of the person who made it.
    email: String,
    /// Masked but for the last four characters for callers who may not redeem it, and for tokens without the scope
    /// `credit_transfer_codes:read`.
    #[schema(example = "7M2K-0QGM-94XV-5E1C-T8W6")]
    code: String,
    credits_amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    is_used: bool,
    /// `unused`, `used`, `expired`, `deleted`, `cancelled` or `replaced`.
    #[schema(example = "unused")]
    status: &'static str,
    used_by_company_id: Option<i64>,
    used_by_company_name: Option<String>,
    used_by_user_id: Option<i64>,
    comment: String,
    activated_at: Option<Stamp>,
    created_at: Stamp,
    expires_at: Option<Stamp>,
}

impl Code {
    fn of(listed: ListedCode) -> Code {
        let ListedCode { shown, ended_by, ended_company_id } = listed;
        let is_used = shown.status == CodeStatus::Used;
        Code {
            id: shown.row.id,
            company_id: shown.row.company_id,
            company_name: shown.row.company_name,
            email: shown.row.created_by,
            code: shown.text,
            credits_amount: shown.row.amount,
            credit_type: shown.resource_type.slug(),
            is_used,
            status: shown.status.slug(),
            used_by_company_id: ended_company_id.filter(|_| is_used),
            used_by_company_name: shown.row.ended_company_name.filter(|_| is_used),
            used_by_user_id: ended_by.filter(|_| is_used),
            comment: shown.row.comment,
            activated_at: shown.row.ended_at.filter(|_| is_used).map(Stamp::of),
            created_at: Stamp::of(shown.row.created_at),
            expires_at: shown.row.expires_at.map(Stamp::of),
        }
    }

    /// As it was when it was made: the answer to a repeated request, whatever has happened since.
    fn made(actor: &Actor, text: String, transfer: &Transfer) -> Code {
        Code {
            id: transfer.code_id.unwrap_or_default(),
            company_id: transfer.from.0,
            company_name: transfer.from_name.clone(),
            email: actor.email.clone(),
            code: text,
            credits_amount: transfer.amount,
            credit_type: transfer.resource_type.slug(),
            is_used: false,
            status: CodeStatus::Unused.slug(),
            used_by_company_id: None,
            used_by_company_name: None,
            used_by_user_id: None,
            comment: transfer.memo.clone(),
            activated_at: None,
            created_at: Stamp::of(transfer.at.0),
            expires_at: None,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct CodesQuery {
    /// A whole code, its last four characters, or part of the comment.
    q: Option<String>,
    /// One company; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// Those of one batch.
    batch_id: Option<i64>,
    /// 1 for used ones, 0 for all others.
    #[param(pattern = "^(0|1|true|false)?$", example = "0")]
    is_used: Option<String>,
    /// `unused`, `used`, `expired`, `deleted`, `cancelled` or `replaced`.
    #[param(pattern = "^(unused|used|expired|deleted|cancelled|replaced)?$", example = "unused")]
    status: Option<String>,
    /// The slug of a resource type.
    #[param(value_type = Option<TypeSlug>, inline)]
    credit_type: Option<String>,
    /// Made from this day or moment on, in UTC.
    #[param(
        pattern = r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])( ([01]\d|2[0-3]):[0-5]\d:[0-5]\d)?)?$",
        example = "2026-11-01"
    )]
    from: Option<String>,
    /// Made up to the end of this day, or to this moment, in UTC.
    #[param(
        pattern = r"^(\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])( ([01]\d|2[0-3]):[0-5]\d:[0-5]\d)?)?$",
        example = "2026-11-30"
    )]
    to: Option<String>,
    /// `id`, `created_at`, or either with a minus: the newest first, which is the default.
    #[param(pattern = "^(-?(id|created_at))?$", example = "-id")]
    sort: Option<String>,
}

/// Codes of the caller's tree
#[utoipa::path(get, path = "/api/credits/codes", tag = "codes",
    params(Paging, CodesQuery), responses((status = 200, body = List<Code>)))]
pub async fn list(
    State(portal): State<Portal>,
    caller: May<CodesSeen>,
    mut query: Query,
) -> ApiResult<List<Code>> {
    let company_id = query.number(&["company_id", "company"]);
    let text = query.text(&["q"]).unwrap_or_default().to_owned();
    let filter = ListFilter {
        status: query.read("status", |slug| {
            let choices = "unused, used, expired, deleted, cancelled, replaced";
            CodeStatus::from_slug(slug).ok_or(FieldReason::NotAChoice { choices })
        }),
        is_used: query.flag("is_used"),
        facts: Facts {
            resource_type: query
                .read("credit_type", |slug| ResourceType::from_slug(slug).ok_or(ResourceReason::UnknownType)),
            created_from: query.moment("from", false),
            created_to: query.moment("to", true),
            ..Facts::default()
        },
        newest_first: query.newest_first(),
        ..ListFilter::default()
    };
    let batch_id = query.number(&["batch_id"]);
    let page = query.page()?;
    let batch = match batch_id {
        Some(id) => Some(ops::code_batches::find(&portal.app, &caller.actor, id).await?),
        None => None,
    };
    let facts = Facts { batch: batch.map(|b| (b.actor_id, b.keys())), ..filter.facts };
    let filter = ListFilter {
        facts,
        cursor: page.cursor.flatten(),
        limit: page.rows(),
        offset: page.offset,
        ..filter
    };
    let (mut found, total) =
        ops::codes::list_all(&portal.app, &caller.actor, company_id, &text, filter, !page.is_walk()).await?;
    let meta = page.meta(&mut found, total, |c| c.shown.row.id);
    let company = company_id.unwrap_or(caller.actor.company_id);
    let shown = found.iter().map(|c| &c.shown);
    codes_shown(&portal.app, &caller.actor, Way::Shown, company, "Codes", shown).await?;
    Ok(List::of(found.into_iter().map(Code::of).collect(), meta))
}

/// A code to be made.
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
    /// The slug of the resource type; Credit where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<TypeSlug>, inline)]
    credit_type_name: Field<String>,
    /// Up to 1,000 characters, for its owners. Lines may break; other control characters, and those that change the
    /// direction of text (U+202A to U+202E, U+2066 to U+2069), are refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000, example = "Some example comment")]
    comment: Field<String>,
    /// How many such codes to make. More than 1,000 are made by a job: the answer is then 202.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 100_000)]
    count: Field<i64>,
}

/// The code that was made; the list of codes where several were asked for; the batch where many were.
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
    /// The code once more, where RMS has it.
    credit_code: String,
}

/// Make a code, or up to 100,000 alike
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
        let body = Made::Ordered(Data::of(Batch::of(outcome.about()?)?));
        return Ok(Written { status: StatusCode::ACCEPTED, replayed: outcome.replayed, body });
    }
    let done = ops::codes::create(&portal.app, &caller.actor, &key, &order)
        .await
        .map_err(|e| ApiError::of(e, &fields))?;
    let replayed = done.replayed;
    let body = made(&portal, &caller.actor, done).await.map_err(ApiError::after_commit)?;
    Ok(Written { status: StatusCode::CREATED, replayed, body })
}

async fn made(portal: &Portal, actor: &Actor, made: ops::codes::Made) -> ApiResult<Made> {
    let ops::codes::Made { done, texts } = made;
    let texts = match texts {
        Some(texts) => texts,
        None => {
            let ids: Vec<i64> = done.transfers.iter().filter_map(|t| t.code_id).collect();
            // The caller who makes a code sees it, whatever else the token shows.
            let maker = Actor { is_shown_masked_codes: false, ..actor.clone() };
            let shown = ops::codes::find_many(&portal.app, &maker, &ids).await?;
            shown.into_iter().map(|code| code.text).collect()
        }
    };
    let mut codes: Vec<Code> =
        texts.into_iter().zip(&done.transfers).map(|(text, t)| Code::made(actor, text, t)).collect();
    if codes.len() == 1 {
        let data = codes.remove(0);
        return Ok(Made::One(MadeOne {
            success: true,
            meta: MadeMeta { credit_code: data.code.clone() },
            data,
        }));
    }
    let total = Some(codes.len() as i64);
    Ok(Made::Many(List::of(codes, ListMeta { total, next_cursor: None })))
}

/// One code
#[utoipa::path(get, path = "/api/credits/codes/{id}", tag = "codes",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Code>)))]
pub async fn show(State(portal): State<Portal>, caller: May<CodesSeen>, Id(id): Id) -> ApiResult<Data<Code>> {
    let found = ops::codes::find_listed(&portal.app, &caller.actor, id).await?;
    told(&portal, &caller.actor, &found).await?;
    Ok(Data::of(Code::of(found)))
}

/// Notes that a code is shown.
async fn told(portal: &Portal, actor: &Actor, code: &ListedCode) -> ApiResult<()> {
    let (company, what) = (code.shown.row.company_id, format!("Code #{}", code.shown.row.id));
    Ok(codes_shown(&portal.app, actor, Way::Shown, company, &what, [&code.shown]).await?)
}

/// What may be changed of a code.
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
    let comment =
        problems.take("comment", change.comment.required(FieldReason::Missing, FieldReason::NotAText));
    problems.finish()?;
    let comment = comment.unwrap_or_default().replace('\0', "");
    let outcome = ops::codes::set_comment(&portal.app, &caller.actor, &key, id, &comment).await?;
    let listed = ListedCode::of(&portal.app, &caller.actor, outcome.about()?)?;
    told(&portal, &caller.actor, &listed).await.map_err(ApiError::after_commit)?;
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
    /// What the company can use now that its units are back.
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
    let done = ops::codes::delete(&portal.app, &caller.actor, &key, id).await?;
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

/// A code as it is typed: case, spaces and dashes do not matter.
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

/// What activating a code would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    credits_amount: i64,
    #[schema(example = "credit")]
    credit_type: &'static str,
    company_id: i64,
    company_name: String,
    credit_left_before: i64,
    /// How many waiting devices it would extend at once, a unit each.
    devices_served: i64,
    /// What would be left after that.
    credit_left_after: i64,
}

/// What a code holds and would do, without activating it
///
/// Limited like activating: too many wrong codes make their sender wait.
#[utoipa::path(post, path = "/api/credits/codes/preview", tag = "codes",
    request_body = TypedCode, responses((status = 200, body = Data<Preview>)))]
pub async fn preview(
    State(portal): State<Portal>,
    caller: May<CodesWrite>,
    Body(typed): Body<TypedCode>,
) -> ApiResult<Data<Preview>> {
    let found = ops::codes::preview(&portal.app, &caller.actor, &typed.read()?).await?;
    Ok(Data::of(Preview {
        credits_amount: found.amount,
        credit_type: found.resource_type.slug(),
        company_id: caller.actor.company_id,
        company_name: caller.actor.company_name.clone(),
        credit_left_before: found.balance,
        devices_served: found.served,
        credit_left_after: found.balance.saturating_add(found.amount) - found.served,
    }))
}

/// The pools that grew, as they stood right after.
#[derive(Debug, Serialize, ToSchema)]
pub struct Activated {
    #[schema(example = true)]
    success: bool,
    data: Vec<Pool>,
    meta: ActivatedMeta,
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
    let done = ops::codes::redeem(&portal.app, &caller.actor, &key, &typed.read()?).await?;
    let transfer = first(&done)?;
    let body = Activated {
        success: true,
        data: filled(transfer, balance_after(&done.transfers))
            .map(Pool::of)
            .transpose()?
            .into_iter()
            .collect(),
        meta: ActivatedMeta { amount: transfer.amount, credit_type: transfer.resource_type.slug() },
    };
    Ok(Written { status: StatusCode::OK, replayed: done.replayed, body })
}

/// The pool that a redemption filled, as it stood then.
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
