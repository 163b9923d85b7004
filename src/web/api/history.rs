//! Everything that happened to resources, and the filters that it shares with the history of moves.

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
use crate::ops::error::OpError;
use crate::store::pools::pool_of;
use crate::store::transfers::{ListedTransfer, TransferFilter};
use crate::web::state::Portal;

/// One entry of the history.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    id: i64,
    /// `issue`, `move`, `create_code`, `delete_code`, `redeem`, `spend` and values that later versions may add.
    #[schema(example = "redeem")]
    action_type: &'static str,
    /// The number that RMS gives it: 3 is a use by a device.
    #[schema(example = 5)]
    action_id: i64,
    /// Null if the portal itself acted, such as for renewals.
    user_id: Option<i64>,
    user: Option<String>,
    /// The company whose pool it was: the receiver's for a redemption and an issue, else the one that gave.
    company: String,
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
    serial: Option<String>,
    mac: Option<String>,
    comment: String,
    created_at: Stamp,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct EventsQuery {
    /// Only what this device used, no matter who paid for it.
    device_id: Option<i64>,
    /// `issue`, `move`, `create_code`, `delete_code`, `redeem` or `spend`, or the number of one: `action_id` of the rows.
    #[param(pattern = "^(issue|move|create_code|delete_code|redeem|spend|[1-9]|10)?$", example = "redeem")]
    action_type: Option<String>,
    /// Part of the device's serial number, name, model, MAC address or IMEI, or of a company's name.
    q: Option<String>,
}

/// The number of each action. RMS has 3 for what a device used; they never change.
const ACTIONS: [(Cause, i64); 11] = [
    (Cause::Issue, 1),
    (Cause::Move, 2),
    (Cause::Spend, 3),
    (Cause::CreateCode, 4),
    (Cause::Redeem, 5),
    (Cause::DeleteCode, 6),
    (Cause::Fulfil, 7),
    (Cause::Expire, 8),
    (Cause::Cancel, 9),
    (Cause::Replace, 10),
    (Cause::BuyData, 11),
];

pub(super) fn action_id(cause: Cause) -> i64 {
    ACTIONS.iter().find(|(action, _)| *action == cause).map_or(0, |(_, id)| *id)
}

fn action(text: &str) -> Result<Cause, FieldReason> {
    let by_id = ACTIONS.iter().find(|(_, id)| id.to_string() == text).map(|(cause, _)| *cause);
    by_id.map_or_else(|| Cause::try_from(text.to_owned()), Ok).map_err(|_| FieldReason::NotAChoice { choices: CAUSES })
}

/// The history of the resources of the caller's tree
#[utoipa::path(get, path = "/api/credits/history", tag = "credits",
    params(Paging, MovesQuery, EventsQuery), responses((status = 200, body = List<Event>)))]
pub async fn history(
    State(portal): State<Portal>,
    caller: May<CreditsRead>,
    mut query: Query,
) -> ApiResult<List<Event>> {
    let text = query.text(&["q"]).map(str::to_owned);
    let filter = TransferFilter {
        cause: query.read("action_type", action),
        device_id: query.number(&["device_id"]),
        text: text.map(|text| (text, caller.actor.company_path.clone())),
        ..TransferFilter::default()
    };
    let (rows, meta) = transfers(&portal, &caller, query, filter).await?;
    let of = |t: ListedTransfer| {
        Ok(Event {
            id: t.id,
            action_type: t.cause.slug(),
            action_id: action_id(t.cause),
            company: if t.cause.is_receipt() && t.cause != Cause::Move { &t.to_name } else { &t.from_name }.clone(),
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
            serial: t.serial,
            mac: t.mac,
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
    filter: TransferFilter,
) -> ApiResult<(Vec<ListedTransfer>, super::answer::ListMeta)> {
    let company_id = query.number(&["company_id", "company"]);
    let pool_id = query.number(&["pool_id"]);
    let filter = TransferFilter {
        from: query.moment("from", false),
        to: query.moment("to", true),
        newest_first: query.newest_first(),
        ..filter
    };
    let page = query.page()?;
    let (company_id, resource_type) = match pool_id.map(pool_of) {
        None => (company_id, None),
        // A company has no pools of others.
        Some(Some((owner, resource_type))) if company_id.is_none_or(|id| id == owner) => {
            (Some(owner), Some(resource_type))
        }
        Some(_) => return Err(OpError::NotFound.into()),
    };
    let filter = TransferFilter {
        resource_type,
        cursor: page.cursor.flatten(),
        limit: page.rows(),
        offset: page.offset,
        ..filter
    };
    let (mut rows, total) =
        ops::resources::transfers(&portal.app, &caller.actor, company_id, &filter, !page.is_walk()).await?;
    let meta = page.meta(&mut rows, total, |t| t.id);
    Ok((rows, meta))
}
