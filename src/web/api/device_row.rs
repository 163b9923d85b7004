//! A device as lists and single answers show it.

use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Stamp;
use crate::model::device::DeviceState;
use crate::model::resources::{Family, ResourceType};
use crate::store;

/// A device, or an apartment.
#[derive(Debug, Serialize, ToSchema)]
pub struct Device {
    id: i64,
    /// `device`, known by its serial number, or `apartment`, known by its name.
    #[schema(example = "device")]
    kind: &'static str,
    serial: Option<String>,
    mac: String,
    imei: String,
    name: String,
    model: String,
    /// `rut`, `trb`, `tcr`, `tap`, `otd`, `swm`, or empty.
    device_series: String,
    description: String,
    company_id: i64,
    company_name: String,
    /// 1 if it is online. Scrip does not talk to devices, so none is known to be.
    #[schema(example = 0)]
    status: i64,
    /// `activated` once a first unit has been paid for it, otherwise `not_activated`.
    #[schema(example = "activated")]
    activation_status: &'static str,
    /// Scrip's own state: `active`, `waiting`, `expired` or `off`.
    #[schema(example = "active")]
    state: &'static str,
    /// 1 if it is monitored.
    monitoring_enabled: i64,
    /// 1 if it has a service.
    credit_enabled: i64,
    /// 1 if its service is paid now.
    credit_activated: i64,
    /// The resource type that it runs on.
    credit_type_id: Option<i64>,
    #[schema(example = "credit")]
    credit_type_name: Option<&'static str>,
    /// The resource type that it runs on, unless that is a data pack.
    #[schema(example = "credit")]
    management_credit_type: Option<&'static str>,
    management_credit_type_id: Option<i64>,
    #[schema(example = "Credit")]
    management_credit_type_name: Option<&'static str>,
    /// The data pack that it runs on.
    data_credit_type: Option<&'static str>,
    data_credit_type_id: Option<i64>,
    /// 1 if it extends automatically.
    auto_extend_credit: i64,
    /// Paid until.
    credit_expire_date: Option<Stamp>,
    waiting_since: Option<Stamp>,
    /// Those of the caller's tree, by name.
    tags: Vec<DeviceTag>,
    /// Always null: Scrip does not talk to devices.
    last_connection_at: Option<Stamp>,
    created_at: Stamp,
    /// When a person last changed it.
    updated_at: Stamp,
}

/// A tag on a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceTag {
    id: i64,
    #[schema(example = "Roof")]
    name: String,
    #[schema(example = "#0a7f3f")]
    color: String,
}

impl From<store::devices::Device> for Device {
    fn from(d: store::devices::Device) -> Device {
        let service = d.service();
        let (data, management): (Vec<_>, Vec<_>) =
            service.into_iter().partition(|service| service.family() == Family::ConnectDataPack);
        let (data, management) = (data.first().copied(), management.first().copied());
        let tag = |tag: store::tags::DeviceTag| DeviceTag { id: tag.id, name: tag.name, color: tag.color };
        Device {
            id: d.id,
            kind: d.kind().slug(),
            status: 0,
            activation_status: if d.paid_until.is_some() { "activated" } else { "not_activated" },
            state: d.state().slug(),
            monitoring_enabled: d.monitoring,
            credit_enabled: i64::from(service.is_some()),
            credit_activated: i64::from(d.state() == DeviceState::Active),
            credit_type_id: service.map(ResourceType::id),
            credit_type_name: service.map(ResourceType::slug),
            management_credit_type: management.map(ResourceType::slug),
            management_credit_type_id: management.map(ResourceType::id),
            management_credit_type_name: management.map(ResourceType::label),
            data_credit_type: data.map(ResourceType::slug),
            data_credit_type_id: data.map(ResourceType::id),
            auto_extend_credit: d.auto_extend,
            credit_expire_date: d.paid_until.map(Stamp::of),
            waiting_since: d.waiting_since.map(Stamp::of),
            tags: d.tags.into_iter().map(tag).collect(),
            last_connection_at: None,
            created_at: Stamp::of(d.created_at),
            updated_at: Stamp::of(d.updated_at.unwrap_or(d.created_at)),
            serial: d.serial,
            mac: d.mac,
            imei: d.imei,
            name: d.name,
            model: d.model,
            device_series: d.series,
            description: d.description,
            company_id: d.company_id,
            company_name: d.company_name,
        }
    }
}
