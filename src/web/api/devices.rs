//! Devices and their services.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, Key, TypeSlug};
use super::caller::{DevicesRead, DevicesWrite, May};
use super::error::{ApiError, ApiResult};
use super::page::{Paging, Query};
use super::path::Id;
use crate::model::device::{DeviceKind, DeviceState};
use crate::model::refusal::{FieldReason, Reason, ResourceReason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::devices::changes::{Description, DeviceInput};
use crate::ops::error::Problems;
use crate::ops::work::Outcome;
use crate::store;
use crate::store::devices::{DeviceFilter, DeviceSort};
use crate::web::state::Portal;

/// A device, or an apartment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Device {
    id: i64,
    /// `device`, known by its serial number, or `apartment`, known by its name.
    #[schema(example = "device")]
    kind: &'static str,
    serial: Option<String>,
    name: String,
    model: String,
    company_id: i64,
    company_name: String,
    /// 1 if it is monitored.
    monitoring_enabled: i64,
    /// 1 if it has a service.
    credit_enabled: i64,
    /// The resource type that it runs on.
    credit_type_id: Option<i64>,
    #[schema(example = "credit")]
    credit_type_name: Option<&'static str>,
    /// 1 if it extends automatically.
    auto_extend_credit: i64,
    /// Paid until.
    credit_expire_date: Option<Stamp>,
    /// `active`, `waiting`, `expired` or `off`.
    #[schema(example = "active")]
    status: &'static str,
    waiting_since: Option<Stamp>,
    created_at: Stamp,
}

impl From<store::devices::Device> for Device {
    fn from(d: store::devices::Device) -> Device {
        let service = d.service();
        Device {
            id: d.id,
            kind: d.kind().slug(),
            status: d.state().slug(),
            monitoring_enabled: d.monitoring,
            credit_enabled: i64::from(service.is_some()),
            credit_type_id: service.map(ResourceType::id),
            credit_type_name: service.map(ResourceType::slug),
            auto_extend_credit: d.auto_extend,
            credit_expire_date: d.paid_until.map(Stamp::of),
            waiting_since: d.waiting_since.map(Stamp::of),
            created_at: Stamp::of(d.created_at),
            serial: d.serial,
            name: d.name,
            model: d.model,
            company_id: d.company_id,
            company_name: d.company_name,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct DevicesQuery {
    /// Part of the serial number, name or model.
    q: Option<String>,
    /// One company, without its subsidiaries; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// One id, or several separated by commas; `device_id` does the same.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    device_id: Option<String>,
    #[param(pattern = "^(active|waiting|expired|off)?$", example = "waiting")]
    status: Option<String>,
    /// The slug of the resource type that it runs on.
    #[param(value_type = Option<TypeSlug>, inline)]
    credit_type: Option<String>,
    /// `id` (the default), or `serial`, which for an apartment is its name; with a minus for descending order.
    /// With `cursor` the order is by id.
    #[param(pattern = "^(-?(id|serial))?$", example = "serial")]
    sort: Option<String>,
}

/// Devices of the caller's tree
#[utoipa::path(get, path = "/api/devices", tag = "devices",
    params(Paging, DevicesQuery), responses((status = 200, body = List<Device>)))]
pub async fn list(State(portal): State<Portal>, caller: May<DevicesRead>, mut query: Query) -> ApiResult<List<Device>> {
    let state = |slug: &str| {
        DeviceState::from_slug(slug).ok_or(FieldReason::NotAChoice { choices: "active, waiting, expired, off" })
    };
    let (sort, descending) = query.read("sort", order).unwrap_or((DeviceSort::Id, false));
    let filter = DeviceFilter {
        company_id: query.number(&["company_id", "company"]),
        ids: query.ids(&["id", "device_id"]),
        state: query.read("status", state),
        service: query.read("credit_type", |slug| ResourceType::from_slug(slug).ok_or(ResourceReason::UnknownType)),
        text: query.text(&["q"]).unwrap_or_default().to_owned(),
        sort,
        descending,
        ..DeviceFilter::default()
    };
    if query.has("cursor") && sort != DeviceSort::Id {
        query.problems.add("sort", FieldReason::NotAChoice { choices: "id, -id, with a cursor" });
    }
    let page = query.page()?;
    let after = page.cursor.flatten().map(|id| (id.to_string(), id));
    let filter = DeviceFilter { after, limit: page.rows(), offset: page.offset, ..filter };
    let mut found = ops::devices::list(&portal.app, &caller.actor, &filter).await?;
    let total = match page.is_walk() {
        true => None,
        false => Some(ops::devices::count(&portal.app, &caller.actor, &filter).await?),
    };
    let mut meta = page.meta(&mut found, total, |d| d.id);
    meta.next_cursor = meta.next_cursor.filter(|_| sort == DeviceSort::Id);
    Ok(List::of(found.into_iter().map(Device::from).collect(), meta))
}

fn order(text: &str) -> Result<(DeviceSort, bool), FieldReason> {
    match text {
        "id" => Ok((DeviceSort::Id, false)),
        "-id" => Ok((DeviceSort::Id, true)),
        "serial" => Ok((DeviceSort::Label, false)),
        "-serial" => Ok((DeviceSort::Label, true)),
        _ => Err(FieldReason::NotAChoice { choices: "id, -id, serial, -serial" }),
    }
}

/// One device
#[utoipa::path(get, path = "/api/devices/{id}", tag = "devices",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Device>)))]
pub async fn show(State(portal): State<Portal>, caller: May<DevicesRead>, Id(id): Id) -> ApiResult<Data<Device>> {
    Ok(Data::of(ops::devices::find(&portal.app, &caller.actor, id).await?.into()))
}

/// A device to add. It is monitored, and has no service until one is set.
#[derive(Deserialize, ToSchema)]
pub struct NewDevice {
    /// Unique over all companies; required but for an apartment, which has none. Here and in `name` and `model`,
    /// control characters and those that change the direction of text (U+202A to U+202E, U+2066 to U+2069) are
    /// refused.
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
    /// By default, the caller's own company.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    company_id: Field<i64>,
    /// By default `device`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(device|apartment)$", example = "device")]
    kind: Field<String>,
}

/// Add a device
#[utoipa::path(post, path = "/api/devices", tag = "devices",
    request_body = NewDevice, responses((status = 201, body = Data<Device>)))]
pub async fn create(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(new): Body<NewDevice>,
) -> ApiResult<Written<Data<Device>>> {
    let mut problems = Problems::default();
    let kind = problems.take("kind", kind(new.kind)).unwrap_or_default();
    let [serial, name, model] = [("serial", new.serial), ("name", new.name), ("model", new.model)]
        .map(|(field, value)| problems.take(field, body::text(value)).unwrap_or_default());
    let company_id = problems.take("company_id", new.company_id.optional(FieldReason::NotANumber)).flatten();
    problems.finish()?;
    let company_id = company_id.unwrap_or(caller.actor.company_id);
    let input = DeviceInput { kind, serial, name, model, company_id, monitoring: true, ..DeviceInput::default() };
    let outcome = ops::devices::changes::create(&portal.app, &caller.actor, &key, &input)
        .await
        .map_err(|e| ApiError::of(e, &[("company", "company_id")]))?;
    Ok(written(StatusCode::CREATED, outcome))
}

fn kind(field: Field<String>) -> Result<DeviceKind, Reason> {
    let wrong = FieldReason::NotAChoice { choices: "device, apartment" };
    match field.optional(wrong.clone())? {
        None => Ok(DeviceKind::Device),
        Some(slug) => DeviceKind::from_slug(&slug).ok_or(wrong.into()),
    }
}

fn written(status: StatusCode, outcome: Outcome<store::devices::Device>) -> Written<Data<Device>> {
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
    /// The company to move it to.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    company_id: Field<i64>,
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
    let mut text = |field, value: Field<String>| problems.take(field, value.optional(FieldReason::NotAText)).flatten();
    let description = Description {
        serial: text("serial", change.serial).map(|t| t.replace('\0', "")),
        name: text("name", change.name).map(|t| t.replace('\0', "")),
        model: text("model", change.model).map(|t| t.replace('\0', "")),
        company_id: problems.take("company_id", change.company_id.optional(FieldReason::NotANumber)).flatten(),
    };
    problems.finish()?;
    let outcome = ops::devices::changes::describe(&portal.app, &caller.actor, &key, id, &description)
        .await
        .map_err(|e| ApiError::of(e, &[("company", "company_id")]))?;
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
