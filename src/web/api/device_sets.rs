//! Service, auto extend and monitoring of many devices at once. Each row is independent, and must be the only one for
//! its device.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Written;
use super::body::{self, Body, Field, Key};
use super::caller::{Caller, DeviceCreditsWrite, DevicesWrite, May};
use super::error::{ApiError, ApiResult};
use super::failure::Problem;
use super::rows::ChannelMeta;
use crate::model::refusal::{DeviceReason, FieldReason, Reason, ResourceReason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::devices::rows::RowRefusal;
use crate::ops::devices::set::DeviceRow;
use crate::ops::error::OpError;
use crate::web::state::Portal;

/// Up to 1,000 rows, each for a different device.
#[derive(Deserialize, ToSchema)]
pub struct CreditRows {
    #[serde(default)]
    #[schema(value_type = Vec<CreditRow>, required, min_items = 1, max_items = 1_000)]
    data: Field<Vec<CreditRow>>,
}

#[derive(Deserialize, ToSchema)]
pub struct CreditRow {
    #[serde(default)]
    #[schema(value_type = i64, required)]
    device_id: Field<i64>,
    /// The resource type to run on; by default Credit.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 9)]
    credit_type_id: Field<i64>,
    /// 0 turns the service off.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
    credit_enabled: Field<serde_json::Value>,
    /// 1 to extend automatically.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
    auto_extend_credit: Field<serde_json::Value>,
}

/// Up to 1,000 rows, each for a different device.
#[derive(Deserialize, ToSchema)]
pub struct MonitoringRows {
    #[serde(default)]
    #[schema(value_type = Vec<MonitoringRow>, required, min_items = 1, max_items = 1_000)]
    data: Field<Vec<MonitoringRow>>,
}

#[derive(Deserialize, ToSchema)]
pub struct MonitoringRow {
    #[serde(default)]
    #[schema(value_type = i64, required)]
    device_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = i64, required, minimum = 0, maximum = 1)]
    monitoring_enabled: Field<serde_json::Value>,
}

/// The devices that were set, and why others were not.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevicesSet {
    #[schema(example = true)]
    success: bool,
    data: Vec<DeviceSet>,
    /// One for each refused row; empty if all were set.
    errors: Vec<Problem>,
    meta: ChannelMeta,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceSet {
    device_id: i64,
}

/// Set the service and auto extend of devices
///
/// An unpaid device with a service and auto extend takes a unit at once, or waits for one.
#[utoipa::path(put, path = "/api/devices/credit", tag = "devices", request_body = CreditRows,
    responses((status = 201, body = DevicesSet), (status = 207, body = DevicesSet,
        description = "Some rows were refused: `UNKNOWN_DEVICE`, `UNSUITABLE_SERVICE`, `REPEATED_DEVICE`.")))]
pub async fn set_credit(
    State(portal): State<Portal>,
    caller: May<DeviceCreditsWrite>,
    Key(key): Key,
    Body(rows): Body<CreditRows>,
) -> ApiResult<Written<DevicesSet>> {
    set(&portal, &caller, &key, read(rows.data, credit_row)?, StatusCode::CREATED).await
}

/// Turn the monitoring of devices on or off
#[utoipa::path(put, path = "/api/devices/monitoring", tag = "devices", request_body = MonitoringRows,
    responses((status = 200, body = DevicesSet), (status = 207, body = DevicesSet,
        description = "Some rows were refused: `UNKNOWN_DEVICE`, `REPEATED_DEVICE`.")))]
pub async fn set_monitoring(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(rows): Body<MonitoringRows>,
) -> ApiResult<Written<DevicesSet>> {
    set(&portal, &caller, &key, read(rows.data, monitoring_row)?, StatusCode::OK).await
}

/// An invalid row: its field, and why.
type Wrong = (&'static str, Reason);

fn credit_row(row: CreditRow) -> Result<DeviceRow, Wrong> {
    let at = |field| move |reason| (field, reason);
    let service = row.credit_type_id.optional(ResourceReason::UnknownType).and_then(|id| {
        id.map(|id| ResourceType::try_from(id).map_err(|_| ResourceReason::UnknownType.into())).transpose()
    });
    let service = service.map_err(at("credit_type_id"))?;
    let enabled = body::flag(row.credit_enabled).map_err(at("credit_enabled"))?;
    let auto_extend = body::flag(row.auto_extend_credit).map_err(at("auto_extend_credit"))?;
    let service = match (enabled, service) {
        (Some(false), _) => Some(None),
        (_, Some(service)) => Some(Some(service)),
        (Some(true), None) => Some(Some(ResourceType::CREDIT)),
        (None, None) => None,
    };
    if service.is_none() && auto_extend.is_none() {
        return Err(("device_id", FieldReason::NothingToChange.into()));
    }
    Ok(DeviceRow { device_id: device_id(row.device_id)?, service, auto_extend, monitoring: None })
}

fn monitoring_row(row: MonitoringRow) -> Result<DeviceRow, Wrong> {
    let monitoring = body::flag(row.monitoring_enabled)
        .and_then(|on| on.ok_or(FieldReason::Missing.into()))
        .map_err(|reason| ("monitoring_enabled", reason))?;
    let device_id = device_id(row.device_id)?;
    Ok(DeviceRow { device_id, service: None, auto_extend: None, monitoring: Some(monitoring) })
}

fn device_id(field: Field<i64>) -> Result<i64, Wrong> {
    field.required(FieldReason::Missing, FieldReason::NotANumber).map_err(|reason| ("device_id", reason))
}

fn read<T>(rows: Field<Vec<T>>, row: impl Fn(T) -> Result<DeviceRow, Wrong>) -> ApiResult<Vec<DeviceRow>> {
    let rows = rows
        .required(FieldReason::Missing, FieldReason::NotAList)
        .map_err(|reason| ApiError::from(OpError::Refused("data", reason)))?;
    let (mut good, mut wrong) = (Vec::with_capacity(rows.len()), Vec::new());
    for (n, given) in rows.into_iter().enumerate() {
        match row(given) {
            Ok(row) => good.push(row),
            Err((field, reason)) => wrong.push(Problem::at(&format!("data.{n}.{field}"), reason)),
        }
    }
    if wrong.is_empty() { Ok(good) } else { Err(ApiError::of_problems(wrong)) }
}

async fn set(
    portal: &Portal,
    caller: &Caller,
    operation_id: &str,
    rows: Vec<DeviceRow>,
    all_done: StatusCode,
) -> ApiResult<Written<DevicesSet>> {
    let outcome = ops::devices::set::set_many(&portal.app, &caller.actor, operation_id, &rows)
        .await
        .map_err(|e| refused_all(e, &rows))?;
    let many = outcome.about;
    let (mut data, mut errors) = (Vec::new(), Vec::new());
    for (n, row) in rows.iter().enumerate() {
        match many.refusal(row.device_id) {
            None => data.push(DeviceSet { device_id: row.device_id }),
            Some(RowRefusal::UnsuitableService) => {
                errors.push(Problem::at(&format!("data.{n}.credit_type_id"), DeviceReason::UnsuitableService));
            }
            Some(why) => errors.push(Problem::at(&format!("data.{n}.device_id"), why.reason().1)),
        }
    }
    let status = if errors.is_empty() { all_done } else { StatusCode::MULTI_STATUS };
    let body = DevicesSet { success: true, data, errors, meta: ChannelMeta { channel: many.channel } };
    Ok(Written { status, replayed: outcome.replayed, body })
}

fn repeated(row: usize) -> Problem {
    Problem::at(&format!("data.{row}.device_id"), DeviceReason::Repeated)
}

/// The answer if nothing was set; if each row repeats a device, an error for each.
fn refused_all(error: OpError, rows: &[DeviceRow]) -> ApiError {
    if let OpError::Refused(_, Reason::Device(DeviceReason::Repeated)) = error {
        return ApiError::of_problems((0..rows.len()).map(repeated).collect());
    }
    ApiError::of(error, &[("device", "data"), ("service", "data")])
}
