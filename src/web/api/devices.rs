//! Devices: shown, added one by one or many at once, changed, removed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{Data, Written};
use super::body::{self, Body, Field, Key};
use super::caller::{Caller, DevicesRead, DevicesWrite, May};
use super::device_row::Device;
use super::error::{ApiError, ApiResult};
use super::failure::Problem;
use super::path::Id;
use super::rows::{ChannelMeta, Rows, problems, read_rows, refused};
use crate::model::device::DeviceKind;
use crate::model::refusal::{CompanyReason, FieldReason, Reason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::devices::changes::{Description, DeviceInput};
use crate::ops::error::{OpError, OpResult, Problems};
use crate::ops::work::Outcome;
use crate::store;
use crate::web::state::Portal;

/// One device
#[utoipa::path(get, path = "/api/devices/{id}", tag = "devices",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Device>)))]
pub async fn show(State(portal): State<Portal>, caller: May<DevicesRead>, Id(id): Id) -> ApiResult<Data<Device>> {
    Ok(Data::of(ops::devices::find(&portal.app, &caller.actor, id).await?.into()))
}

/// A device to add. It is monitored, and has no service unless `auto_credit_enable` is 1.
#[derive(Deserialize, ToSchema)]
pub struct NewDevice {
    /// Unique over all companies; required but for an apartment, which has none. In all texts, control characters and
    /// those that change the direction of text (U+202A to U+202E, U+2066 to U+2069) are refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100, example = "1121040394")]
    serial: Field<String>,
    /// Required for an apartment.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "Gate 4")]
    name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "RUT955")]
    model: Field<String>,
    /// By default, the caller's own company; required in a row of `data`.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    company_id: Field<i64>,
    /// By default `device`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(device|apartment)$", example = "device")]
    kind: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(rut|trb|tcr|tap|otd|swm)?$", example = "rut")]
    device_series: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "00:1E:42:0A:BC:FF")]
    mac: Field<String>,
    /// 14 to 16 digits.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "352780098765439")]
    imei: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    /// Tags of the device's company or of one above it.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, max_items = 100)]
    tag_id: Field<serde_json::Value>,
    /// 1 puts it on Credit with auto extend: it takes one at once, or waits for one.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
    auto_credit_enable: Field<serde_json::Value>,
    /// Taken and thrown away: Scrip does not sign in to devices.
    #[serde(default, rename = "password_confirmation")]
    #[schema(value_type = Option<String>, write_only)]
    _password_confirmation: Field<serde::de::IgnoredAny>,
}

impl NewDevice {
    /// The device, in the caller's own company unless it names one.
    ///
    /// # Errors
    /// Every problem, each at its field.
    fn read(self, own_company_id: Option<i64>) -> OpResult<DeviceInput> {
        let mut problems = Problems::default();
        let kind = problems.take("kind", kind(self.kind)).unwrap_or_default();
        let mut text = |field, value| problems.take(field, body::text(value)).unwrap_or_default();
        let (serial, name, model) = (text("serial", self.serial), text("name", self.name), text("model", self.model));
        let (mac, imei, series) = (text("mac", self.mac), text("imei", self.imei), text("series", self.device_series));
        let description = text("description", self.description);
        let company = self
            .company_id
            .optional(FieldReason::NotANumber)
            .and_then(|id| id.or(own_company_id).ok_or(CompanyReason::Missing.into()));
        let company_id = problems.take("company", company).unwrap_or_default();
        let tags = problems.take("tags", body::ids(self.tag_id)).flatten().unwrap_or_default();
        let takes_credit = problems.take("service", body::flag(self.auto_credit_enable)).flatten() == Some(true);
        problems.finish()?;
        let service = takes_credit.then_some(ResourceType::CREDIT);
        let input = DeviceInput {
            kind,
            serial,
            name,
            model,
            company_id,
            mac,
            imei,
            series,
            description,
            tags,
            service,
            auto_extend: takes_credit,
            monitoring: true,
        };
        input.check()?;
        Ok(input)
    }
}

fn kind(field: Field<String>) -> Result<DeviceKind, Reason> {
    let wrong = FieldReason::NotAChoice { choices: "device, apartment" };
    match field.optional(wrong.clone())? {
        None => Ok(DeviceKind::Device),
        Some(slug) => DeviceKind::from_slug(&slug).ok_or(wrong.into()),
    }
}

/// Up to 1,000 devices. Rows that are wrong are left out.
#[derive(Deserialize, ToSchema)]
pub struct NewDevices {
    #[serde(default)]
    #[schema(value_type = Vec<NewDevice>, required, min_items = 1, max_items = 1_000)]
    data: Field<Vec<NewDevice>>,
}

/// One device, or several under `data`.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes the body")]
pub enum DevicesToAdd {
    One(Box<NewDevice>),
    Many(NewDevices),
}

/// The fields of a device under the API's names.
pub(super) const FIELDS: [(&str, &str); 5] = [
    ("company", "company_id"),
    ("tags", "tag_id"),
    ("series", "device_series"),
    ("service", "auto_credit_enable"),
    ("device", "data"),
];

/// Add a device, or several at once
///
/// Several are added in one transaction; rows that are wrong are left out and reported.
#[utoipa::path(post, path = "/api/devices", tag = "devices", request_body = DevicesToAdd,
    responses((status = 201, body = DevicesAdded), (status = 207, body = ManyAdded,
        description = "Some rows were refused:")))]
pub async fn create(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(body): Body<serde_json::Value>,
) -> ApiResult<Response> {
    if body.get("data").is_some() {
        let new = serde_json::from_value(body).unwrap_or(NewDevices { data: Field::Wrong });
        return Ok(create_many(&portal, &caller, &key, new).await?.into_response());
    }
    let malformed = |_| ApiError::of_status(StatusCode::BAD_REQUEST);
    let new: NewDevice = serde_json::from_value(body).map_err(malformed)?;
    let input = new.read(Some(caller.actor.company_id)).map_err(|e| ApiError::of(e, &FIELDS))?;
    let outcome = ops::devices::changes::create(&portal.app, &caller.actor, &key, &input)
        .await
        .map_err(|e| ApiError::of(e, &FIELDS))?;
    Ok(written(StatusCode::CREATED, outcome).into_response())
}

/// The answer: the device, or what was done with each of several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it describes the answer")]
pub enum DevicesAdded {
    One(Box<Data<Device>>),
    Many(ManyAdded),
}

/// The devices that were added, and why others were not.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManyAdded {
    #[schema(example = true)]
    success: bool,
    data: Vec<DeviceAdded>,
    /// For each row that was refused; empty if all were added.
    errors: Vec<Problem>,
    meta: ChannelMeta,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceAdded {
    id: i64,
    serial: String,
    mac: String,
    imei: String,
    name: String,
    company_id: i64,
}

async fn create_many(
    portal: &Portal,
    caller: &Caller,
    operation_id: &str,
    new: NewDevices,
) -> ApiResult<Written<ManyAdded>> {
    let mut rows = Rows::default();
    for new in read_rows(new.data)? {
        rows.push(new.read(None))?;
    }
    let Rows { good, mut wrong, .. } = rows;
    if good.is_empty() {
        return Err(refused(wrong, &FIELDS));
    }
    let outcome = match ops::devices::many::add(&portal.app, &caller.actor, operation_id, &good).await {
        Ok(outcome) => outcome,
        Err(OpError::Rows(more)) => {
            let number = |n: usize| good.get(n).map_or(n, |(row, _)| *row as usize);
            wrong.extend(more.into_iter().map(|(n, field, reason)| (number(n), field, reason)));
            return Err(refused(wrong, &FIELDS));
        }
        Err(error) => return Err(ApiError::of(error, &FIELDS)),
    };
    let many = outcome.about;
    let added = good.into_iter().filter(|(n, _)| many.refusal(*n).is_none());
    let data = added.zip(&many.done).map(|((_, input), id)| DeviceAdded {
        id: *id,
        serial: input.serial,
        mac: input.mac,
        imei: input.imei,
        name: input.name,
        company_id: input.company_id,
    });
    let data = data.collect();
    wrong.extend(many.refused.iter().map(|(n, why)| {
        let (field, reason) = why.reason();
        (*n as usize, field, reason)
    }));
    let errors = problems(wrong, &FIELDS);
    let status = if errors.is_empty() { StatusCode::CREATED } else { StatusCode::MULTI_STATUS };
    let body = ManyAdded { success: true, data, errors, meta: ChannelMeta { channel: many.channel } };
    Ok(Written { status, replayed: outcome.replayed, body })
}

pub(super) fn written(status: StatusCode, outcome: Outcome<store::devices::Device>) -> Written<Data<Device>> {
    Written { status, replayed: outcome.replayed, body: Data::of(outcome.about.into()) }
}

/// Changes to a device; omitted fields stay as they are. The rules for texts are those of a new device.
#[derive(Deserialize, ToSchema)]
pub struct DeviceChange {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100, example = "1121040394")]
    serial: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "Gate 4")]
    name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200, example = "RUT955")]
    model: Field<String>,
    /// The company to move it to. Tags that are not usable there are taken off.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    company_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(rut|trb|tcr|tap|otd|swm)?$", example = "rut")]
    device_series: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "00:1E:42:0A:BC:FF")]
    mac: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "352780098765439")]
    imei: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    /// All tags that it has from now on.
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, max_items = 100)]
    tag_id: Field<serde_json::Value>,
}

/// Change a device, or move it to another company
#[utoipa::path(put, path = "/api/devices/{id}", tag = "devices",
    params(("id" = i64, Path)), request_body = DeviceChange, responses((status = 200, body = Data<Device>)))]
pub async fn update(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Id(id): Id,
    Key(key): Key,
    Body(change): Body<DeviceChange>,
) -> ApiResult<Written<Data<Device>>> {
    let mut problems = Problems::default();
    let mut text = |field, value: Field<String>| {
        let text = problems.take(field, value.optional(FieldReason::NotAText)).flatten();
        text.map(|text| text.replace('\0', ""))
    };
    let description = Description {
        serial: text("serial", change.serial),
        name: text("name", change.name),
        model: text("model", change.model),
        mac: text("mac", change.mac),
        imei: text("imei", change.imei),
        series: text("series", change.device_series),
        description: text("description", change.description),
        company_id: problems.take("company_id", change.company_id.optional(FieldReason::NotANumber)).flatten(),
        tags: problems.take("tags", body::ids(change.tag_id)).flatten(),
    };
    let fields = [FIELDS[0], FIELDS[1], FIELDS[2]];
    problems.finish().map_err(|e| ApiError::of(e, &fields))?;
    let outcome = ops::devices::changes::describe(&portal.app, &caller.actor, &key, id, &description)
        .await
        .map_err(|e| ApiError::of(e, &fields))?;
    Ok(written(StatusCode::OK, outcome))
}

/// A device that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceRemoved {
    id: i64,
}

/// Remove a device; time that is paid is not refunded
#[utoipa::path(delete, path = "/api/devices/{id}", tag = "devices",
    params(("id" = i64, Path)), responses((status = 200, body = Data<DeviceRemoved>)))]
pub async fn remove(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<DeviceRemoved>>> {
    let outcome = ops::devices::changes::remove(&portal.app, &caller.actor, &key, &[id]).await?;
    let body = Data::of(DeviceRemoved { id });
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body })
}
