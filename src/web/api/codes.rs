//! Lists and shows codes.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp};
use super::body::{DayOrMoment, TypeSlug};
use super::caller::{CodesSeen, May};
use super::error::ApiResult;
use super::page::{Paging, Query};
use super::path::Id;
use crate::model::ledger::{CodeStatus, Transfer};
use crate::model::refusal::{FieldReason, ResourceReason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::codes::ListedCode;
use crate::ops::watched::{Way, codes_shown};
use crate::store::codes::{CodeFilter, CodeSort, Facts};
use crate::web::state::Portal;

/// A code and its history.
#[derive(Debug, Serialize, ToSchema)]
pub struct Code {
    id: i64,
    company_id: i64,
    company_name: String,
    /// The e-mail address of the user who created it.
    email: String,
    /// Masked except for the last four characters, for callers who may not redeem it, and for tokens without the scope
    /// `credit_transfer_codes:read`.
    #[schema(example = "7M2K-0QGM-94XV-5E1C-T8W6")]
    pub(super) code: String,
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
    /// Whether the payment of its order is disputed: an unused code cannot be used until that is decided.
    is_disputed: bool,
    comment: String,
    activated_at: Option<Stamp>,
    created_at: Stamp,
    expires_at: Option<Stamp>,
}

impl Code {
    pub(super) fn of(listed: ListedCode) -> Code {
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
            is_disputed: shown.row.is_disputed == 1,
            comment: shown.row.comment,
            activated_at: shown.row.ended_at.filter(|_| is_used).map(Stamp::of),
            created_at: Stamp::of(shown.row.created_at),
            expires_at: shown.row.expires_at.map(Stamp::of),
        }
    }

    /// The code as it was when created: the answer to a retry, whatever has happened since.
    pub(super) fn made(actor: &Actor, text: String, transfer: &Transfer) -> Code {
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
            is_disputed: false,
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
    /// Only codes of this batch.
    batch_id: Option<i64>,
    /// 1 for used codes, 0 for all others.
    #[param(pattern = "^(0|1|true|false)?$", example = "0")]
    is_used: Option<String>,
    /// `unused`, `used`, `expired`, `deleted`, `cancelled` or `replaced`.
    #[param(pattern = "^(unused|used|expired|deleted|cancelled|replaced)?$", example = "unused")]
    status: Option<String>,
    /// The slug of a resource type.
    #[param(value_type = Option<TypeSlug>, inline)]
    credit_type: Option<String>,
    /// Created on or after this day or moment, in UTC.
    #[param(value_type = Option<DayOrMoment>, inline, example = "2026-11-01")]
    from: Option<String>,
    /// Created up to the end of this day, or up to this moment, in UTC.
    #[param(value_type = Option<DayOrMoment>, inline, example = "2026-11-30")]
    to: Option<String>,
    /// `id`, `created_at`, or either with a minus for newest first, the default.
    #[param(pattern = "^(-?(id|created_at))?$", example = "-id")]
    sort: Option<String>,
}

/// Codes of the caller's tree
#[utoipa::path(get, path = "/api/credits/codes", tag = "codes",
    params(Paging, CodesQuery), responses((status = 200, body = List<Code>)))]
pub async fn list(State(portal): State<Portal>, caller: May<CodesSeen>, mut query: Query) -> ApiResult<List<Code>> {
    let company_id = query.number(&["company_id", "company"]);
    let text = query.text(&["q"]).unwrap_or_default().to_owned();
    let filter = CodeFilter {
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
        sort: if query.newest_first() { CodeSort::NewestFirst } else { CodeSort::OldestFirst },
        ..CodeFilter::default()
    };
    let batch_id = query.number(&["batch_id"]);
    let page = query.page()?;
    let batch = match batch_id {
        Some(id) => Some(ops::code_batches::find(&portal.app, &caller.actor, id).await?),
        None => None,
    };
    let facts = Facts { batch: batch.map(|b| (b.actor_id, b.keys())), ..filter.facts };
    let filter = CodeFilter { facts, cursor: page.cursor.flatten(), limit: page.rows(), offset: page.offset, ..filter };
    let (mut found, total) =
        ops::codes::list(&portal.app, &caller.actor, company_id, &text, filter, !page.is_walk()).await?;
    let meta = page.meta(&mut found, total, |c| c.shown.row.id);
    let company = company_id.unwrap_or(caller.actor.company_id);
    let shown = found.iter().map(|c| &c.shown);
    codes_shown(&portal.app, &caller.actor, Way::Shown, company, "Codes", shown).await?;
    Ok(List::of(found.into_iter().map(Code::of).collect(), meta))
}

/// One code
#[utoipa::path(get, path = "/api/credits/codes/{id}", tag = "codes",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Code>)))]
pub async fn show(State(portal): State<Portal>, caller: May<CodesSeen>, Id(id): Id) -> ApiResult<Data<Code>> {
    let found = ops::codes::find(&portal.app, &caller.actor, id).await?;
    record_shown(&portal, &caller.actor, &found).await?;
    Ok(Data::of(Code::of(found)))
}

/// Records that a code was shown.
pub(super) async fn record_shown(portal: &Portal, actor: &Actor, code: &ListedCode) -> ApiResult<()> {
    let (company, what) = (code.shown.row.company_id, format!("Code #{}", code.shown.row.id));
    Ok(codes_shown(&portal.app, actor, Way::Shown, company, &what, [&code.shown]).await?)
}
