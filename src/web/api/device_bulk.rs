//! Many devices changed, moved or removed at once. Each is independent: those that are impossible are left out.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::Written;
use super::body::{self, Body, Field, Key};
use super::caller::{DevicesWrite, May};
use super::error::{ApiError, ApiResult};
use super::rows::{ManyDone, Rows, problems, read_rows, refused};
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::devices::changes::Description;
use crate::ops::error::{OpError, OpResult, Problems};
use crate::web::state::Portal;

/// Up to 1,000 rows, each for a different device.
#[derive(Deserialize, ToSchema)]
pub struct DeviceChanges {
    #[serde(default)]
    #[schema(value_type = Vec<DeviceChangeRow>, required, min_items = 1, max_items = 1_000)]
    data: Field<Vec<DeviceChangeRow>>,
}

/// Omitted fields stay as they are.
#[derive(Deserialize, ToSchema)]
pub struct DeviceChangeRow {
    #[serde(default)]
    #[schema(value_type = i64, required)]
    id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "Gate 4")]
    name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    /// All tags that it has from now on.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, max_items = 100)]
    tag_id: Field<serde_json::Value>,
}

const FIELDS: [(&str, &str); 2] = [("device", "id"), ("tags", "tag_id")];

fn read(row: DeviceChangeRow) -> OpResult<(i64, Description)> {
    let mut problems = Problems::default();
    let mut text = |field, value: Field<String>| {
        let text = problems.take(field, value.optional(FieldReason::NotAText)).flatten();
        text.map(|text| text.replace('\0', ""))
    };
    let (name, description) = (text("name", row.name), text("description", row.description));
    let tags = problems.take("tags", body::ids(row.tag_id)).flatten();
    let id = problems.take("device", row.id.required(FieldReason::Missing, FieldReason::NotANumber));
    let change = Description { name, description, tags, ..Description::default() };
    if change.name.is_none() && change.description.is_none() && change.tags.is_none() {
        problems.add("device", FieldReason::NothingToChange);
    }
    problems.finish()?;
    change.check()?;
    Ok((id.unwrap_or_default(), change))
}

/// Change names, descriptions and tags of devices
#[utoipa::path(put, path = "/api/devices", tag = "devices", request_body = DeviceChanges,
    responses((status = 201, body = ManyDone), (status = 207, body = ManyDone,
        description = "Some rows were refused:")))]
pub async fn update_many(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(changes): Body<DeviceChanges>,
) -> ApiResult<Written<ManyDone>> {
    let mut rows = Rows::default();
    for row in read_rows(changes.data)? {
        rows.push(read(row))?;
    }
    let Rows { good, wrong, .. } = rows;
    if good.is_empty() {
        return Err(refused(wrong, &FIELDS));
    }
    let numbers: Vec<usize> = good.iter().map(|(n, _)| *n as usize).collect();
    let changes: Vec<(i64, Description)> = good.into_iter().map(|(_, row)| row).collect();
    let outcome = ops::devices::many::describe(&portal.app, &caller.actor, &key, &changes).await.map_err(|error| {
        let OpError::Rows(more) = error else { return ApiError::of(error, &FIELDS_OF_ALL) };
        let more = more.into_iter().map(|(n, field, reason)| (numbers[n], field, reason));
        refused(wrong.iter().cloned().chain(more).collect(), &FIELDS)
    })?;
    let source = |n: usize, field: &'static str| {
        let field = FIELDS.iter().find(|(form, _)| *form == field).map_or(field, |(_, api)| api);
        format!("data.{}.{field}", numbers[n])
    };
    let ids = changes.iter().map(|(id, _)| *id);
    Ok(ManyDone::of(outcome, ids, StatusCode::CREATED, source).with(problems(wrong.clone(), &FIELDS)))
}

const FIELDS_OF_ALL: [(&str, &str); 1] = [("device", "data")];

/// Up to 1,000 devices.
#[derive(Deserialize, ToSchema)]
pub struct DeviceIds {
    #[serde(default)]
    #[schema(value_type = Vec<i64>, required, min_items = 1, max_items = 1_000)]
    device_id: Field<serde_json::Value>,
}

/// Up to 1,000 devices, and where they go.
#[derive(Deserialize, ToSchema)]
pub struct DevicesMove {
    #[serde(default)]
    #[schema(value_type = Vec<i64>, required, min_items = 1, max_items = 1_000)]
    device_id: Field<serde_json::Value>,
    #[serde(default)]
    #[schema(value_type = i64, required)]
    company_id: Field<i64>,
}

fn device_ids(field: Field<serde_json::Value>) -> Result<Vec<i64>, crate::model::refusal::Reason> {
    body::ids(field)?.ok_or(FieldReason::Missing.into())
}

/// Remove devices; time that is paid is not refunded
#[utoipa::path(delete, path = "/api/devices", tag = "devices", request_body = DeviceIds,
    responses((status = 200, body = ManyDone), (status = 207, body = ManyDone,
        description = "Some devices were refused: `UNKNOWN_DEVICE`.")))]
pub async fn remove_many(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(body): Body<DeviceIds>,
) -> ApiResult<Written<ManyDone>> {
    let ids = device_ids(body.device_id).map_err(|reason| ApiError::from(OpError::Refused("device_id", reason)))?;
    let outcome = ops::devices::changes::remove(&portal.app, &caller.actor, &key, &ids)
        .await
        .map_err(|e| ApiError::of(e, &[("device", "device_id")]))?;
    Ok(ManyDone::of(outcome, ids.into_iter(), StatusCode::OK, |n, _| format!("device_id.{n}")))
}

/// Move devices to another company, with their services; `/api/devices/move/` does the same
///
/// Paid time and services go along, and so do the tags that are usable there. Balances stay where they are.
#[utoipa::path(post, path = "/api/devices/move", tag = "devices", request_body = DevicesMove,
    responses((status = 200, body = ManyDone), (status = 207, body = ManyDone,
        description = "Some devices were refused: `UNKNOWN_DEVICE`.")))]
pub async fn put_into(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(body): Body<DevicesMove>,
) -> ApiResult<Written<ManyDone>> {
    let mut problems = Problems::default();
    let ids = problems.take("device_id", device_ids(body.device_id)).unwrap_or_default();
    let company_id = problems.take("company_id", body::company(body.company_id)).unwrap_or_default();
    problems.finish()?;
    let outcome = ops::devices::many::put_into(&portal.app, &caller.actor, &key, &ids, company_id)
        .await
        .map_err(|e| ApiError::of(e, &[("device", "device_id"), ("company", "company_id")]))?;
    Ok(ManyDone::of(outcome, ids.into_iter(), StatusCode::OK, |n, _| format!("device_id.{n}")))
}
