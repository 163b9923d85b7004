//! Puts tags on devices and takes them off, for many devices at once.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer::Written;
use super::body::{self, Body, Field, Key};
use super::caller::{Caller, DevicesWrite, May};
use super::error::{ApiError, ApiResult};
use super::rows::{ManyDone, Rows, problems, read_rows, refused};
use crate::model::refusal::FieldReason;
use crate::model::tag::OF_DEVICE_MAX;
use crate::ops;
use crate::ops::devices::tags::{TagChange, TagRow};
use crate::ops::error::{OpError, OpResult, Problems};
use crate::web::state::Portal;

/// Up to 1,000 rows, each for a different device.
#[derive(Deserialize, ToSchema)]
pub struct TagRows {
    #[serde(default)]
    #[schema(value_type = Vec<DeviceTags>, required, min_items = 1, max_items = 1_000)]
    data: Field<Vec<DeviceTags>>,
}

#[derive(Deserialize, ToSchema)]
pub struct DeviceTags {
    #[serde(default)]
    #[schema(value_type = i64, required)]
    device_id: Field<i64>,
    /// Tags of the device's company or of one above it. Without any, `unassign` takes all off.
    #[serde(default)]
    #[schema(value_type = Vec<i64>, max_items = 100)]
    tag_id: Field<serde_json::Value>,
}

const FIELDS: [(&str, &str); 2] = [("device", "device_id"), ("tags", "tag_id")];

fn read(row: DeviceTags, change: TagChange) -> OpResult<TagRow> {
    let mut problems = Problems::default();
    let device_id = problems.take("device", row.device_id.required(FieldReason::Missing, FieldReason::NotANumber));
    let tags = problems.take("tags", body::ids(row.tag_id)).flatten();
    match (&tags, change) {
        (Some(tags), _) if tags.len() > OF_DEVICE_MAX => {
            problems.add("tags", FieldReason::TooMany { maximum: OF_DEVICE_MAX });
        }
        (None, TagChange::Assign | TagChange::Overwrite) => problems.add("tags", FieldReason::Missing),
        _ => {}
    }
    problems.finish()?;
    Ok(TagRow { device_id: device_id.unwrap_or_default(), tags: tags.unwrap_or_default() })
}

async fn set(
    portal: &Portal,
    caller: &Caller,
    operation_id: &str,
    change: TagChange,
    rows: TagRows,
) -> ApiResult<Written<ManyDone>> {
    let mut read_so_far = Rows::default();
    for row in read_rows(rows.data)? {
        read_so_far.push(read(row, change))?;
    }
    let Rows { good, wrong, .. } = read_so_far;
    if good.is_empty() {
        return Err(refused(wrong, &FIELDS));
    }
    let numbers: Vec<usize> = good.iter().map(|(n, _)| *n as usize).collect();
    let rows: Vec<TagRow> = good.into_iter().map(|(_, row)| row).collect();
    let outcome = ops::devices::tags::set_tags(&portal.app, &caller.actor, operation_id, change, &rows).await;
    let outcome = outcome.map_err(|error| {
        let OpError::Rows(more) = error else { return ApiError::of(error, &[("device", "data")]) };
        let more = more.into_iter().map(|(n, field, reason)| (numbers[n], field, reason));
        refused(wrong.iter().cloned().chain(more).collect(), &FIELDS)
    })?;
    let source = |n: usize, field: &'static str| {
        let field = FIELDS.iter().find(|(form, _)| *form == field).map_or(field, |(_, api)| api);
        format!("data.{}.{field}", numbers[n])
    };
    let ids = rows.iter().map(|row| row.device_id);
    Ok(ManyDone::of(outcome, ids, StatusCode::OK, source).with(problems(wrong, &FIELDS)))
}

/// Put tags on devices, besides those that they have
#[utoipa::path(put, path = "/api/devices/tags/assign", tag = "tags", request_body = TagRows,
    responses((status = 200, body = ManyDone), (status = 207, body = ManyDone,
        description = "Some rows were refused:")))]
pub async fn assign(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(rows): Body<TagRows>,
) -> ApiResult<Written<ManyDone>> {
    set(&portal, &caller, &key, TagChange::Assign, rows).await
}

/// Take tags off devices
#[utoipa::path(put, path = "/api/devices/tags/unassign", tag = "tags", request_body = TagRows,
    responses((status = 200, body = ManyDone), (status = 207, body = ManyDone,
        description = "Some rows were refused:")))]
pub async fn unassign(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(rows): Body<TagRows>,
) -> ApiResult<Written<ManyDone>> {
    set(&portal, &caller, &key, TagChange::Unassign, rows).await
}

/// Give devices these tags in place of those that they have
#[utoipa::path(put, path = "/api/devices/tags/overwrite", tag = "tags", request_body = TagRows,
    responses((status = 200, body = ManyDone), (status = 207, body = ManyDone,
        description = "Some rows were refused:")))]
pub async fn overwrite(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(rows): Body<TagRows>,
) -> ApiResult<Written<ManyDone>> {
    set(&portal, &caller, &key, TagChange::Overwrite, rows).await
}
