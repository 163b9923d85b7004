//! Everything that happened to resources.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{List, Stamp};
use super::caller::{CreditsRead, May};
use super::credits::resource_type;
use super::error::ApiResult;
use super::moves::MovesQuery;
use super::page::{Paging, Query};
use crate::model::ledger::Cause;
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::store::transfers::{ListedTransfer, TransferFilter};
use crate::web::state::Portal;

/// One entry of the history.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    id: i64,
    /// `issue`, `move`, `create_code`, `delete_code`, `redeem`, `spend` and values that later versions may add.
    #[schema(example = "redeem")]
    action_type: &'static str,
    /// Null if the portal itself acted, such as for renewals.
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
    /// Only what this device used, no matter who paid for it.
    device_id: Option<i64>,
    /// `issue`, `move`, `create_code`, `delete_code`, `redeem` or `spend`.
    #[param(pattern = "^(issue|move|create_code|delete_code|redeem|spend)?$", example = "redeem")]
    action_type: Option<String>,
}

/// The history of the resources of the caller's tree
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

pub(super) async fn transfers(
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
    let filter = TransferFilter { cursor: page.cursor.flatten(), limit: page.rows(), offset: page.offset, ..filter };
    let (mut rows, total) =
        ops::resources::transfers(&portal.app, &caller.actor, company_id, &filter, !page.is_walk()).await?;
    let meta = page.meta(&mut rows, total, |t| t.id);
    Ok((rows, meta))
}
