//! Lists of devices: the filters that RMS has, those that Scrip adds, and the list as a CSV file.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::answer::List;
use super::body::TypeSlug;
use super::caller::{DevicesRead, May};
use super::device_row::Device;
use super::error::ApiResult;
use super::fields::Listed;
use super::page::{Paging, Query};
use crate::app::App;
use crate::model::device::DeviceState;
use crate::model::refusal::{FieldReason, ResourceReason};
use crate::model::resources::{Family, ResourceType};
use crate::model::tag;
use crate::ops;
use crate::ops::actor::Actor;
use crate::store::devices::{DeviceFilter, DeviceSort, Fact, Test};
use crate::web::csv;
use crate::web::downloads::STEP;
use crate::web::state::Portal;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct DevicesQuery {
    /// Part of the serial number, name, model, MAC address or IMEI.
    q: Option<String>,
    /// One company, without its subsidiaries; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// One id, or several separated by commas; `device_id` does the same.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    device_id: Option<String>,
    /// `online` (none is known to be), `not_activated` (never paid for), `offline` (the others); or a state of Scrip:
    /// `active`, `waiting`, `expired`, `off`. This filter and those below have a negative form, with `ne:` before the
    /// name or before the value.
    #[param(pattern = "^(online|offline|not_activated|active|waiting|expired|off)?$", example = "waiting")]
    status: Option<String>,
    /// Ids of tags, separated by commas: devices that have one of them.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    tag_id: Option<String>,
    /// Names of tags, separated by commas.
    #[param(example = "Roof,North")]
    tags: Option<String>,
    serial: Option<String>,
    mac: Option<String>,
    imei: Option<String>,
    model: Option<String>,
    #[param(pattern = "^(monitored|not_monitored|1|0)?$", example = "monitored")]
    monitoring_status: Option<String>,
    /// The slug of the resource type that it runs on.
    #[param(value_type = Option<TypeSlug>, inline)]
    credit_type: Option<String>,
    /// The same, but for data packs; the slug or the id.
    #[param(example = "management_1y")]
    management_credit_type: Option<String>,
    #[param(example = "1")]
    management_credit_type_id: Option<String>,
    /// The data pack that it runs on; the slug or the id.
    #[param(example = "data_150GB_10y")]
    data_credit_type: Option<String>,
    #[param(example = "7")]
    data_credit_type_id: Option<String>,
    /// What RMS knows from the devices themselves, and Scrip does not. `unknown`, `no_signal`, `never_been_updated` and
    /// `no_pending_task` match all devices, other values none. So do `signal`, `network_state`, `connection_type`,
    /// `operator`, `modem_model`, `modem_manufacturer`, `modem_firmware`, `wan_state`, `task` and
    /// `information_updated`, each also with `_2`.
    #[param(example = "unknown")]
    firmware: Option<String>,
    /// Only these fields of each row, separated by commas.
    #[param(example = "id,serial,name")]
    fields: Option<String>,
    /// `true` returns the names of the fields; a list of names does the same as `fields`.
    #[param(example = "false")]
    fields_only: Option<String>,
    /// `id` (the default), or `serial`, which for an apartment is its name; with a minus for descending order.
    /// With `cursor` the order is by id.
    #[param(pattern = "^(-?(id|serial))?$", example = "serial")]
    sort: Option<String>,
}

/// Devices of the caller's tree
#[utoipa::path(get, path = "/api/devices", tag = "devices",
    params(Paging, DevicesQuery), responses((status = 200, body = Listed<Device>)))]
pub async fn list(
    State(portal): State<Portal>,
    caller: May<DevicesRead>,
    mut query: Query,
) -> ApiResult<Listed<Device>> {
    let filter = read_filter(&portal, &caller.actor, &mut query).await?;
    let fields = query.fields();
    if query.has("cursor") && filter.sort != DeviceSort::Id {
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
    meta.next_cursor = meta.next_cursor.filter(|_| filter.sort == DeviceSort::Id);
    Ok(Listed::of(List::of(found.into_iter().map(Device::from).collect(), meta), &fields))
}

/// The columns of the file.
const EXPORTED: [&str; 22] = [
    "id",
    "serial",
    "mac",
    "imei",
    "name",
    "model",
    "device_series",
    "description",
    "kind",
    "company_id",
    "company_name",
    "status",
    "activation_status",
    "state",
    "monitoring_enabled",
    "credit_enabled",
    "credit_type_name",
    "auto_extend_credit",
    "credit_expire_date",
    "tags",
    "created_at",
    "updated_at",
];

/// The same list as a CSV file: all of it, or `limit` rows from `offset` on
#[utoipa::path(get, path = "/api/devices/export/csv", tag = "devices", params(Paging, DevicesQuery),
    responses((status = 200, body = String, content_type = "text/csv")))]
pub async fn export(State(portal): State<Portal>, caller: May<DevicesRead>, mut query: Query) -> ApiResult<Response> {
    let filter = read_filter(&portal, &caller.actor, &mut query).await?;
    let fields = query.fields();
    let is_part = query.has("limit") || query.has("page") || query.has("offset");
    let page = query.page()?;
    let filter = DeviceFilter { sort: DeviceSort::Id, limit: if is_part { page.limit } else { STEP }, ..filter };
    let (actor, offset) = (caller.actor.clone(), page.offset);
    let read = move |app: App, after: Option<i64>| {
        let offset = if after.is_some() { 0 } else { offset };
        // A part is read in one step.
        let limit = if is_part && after.is_some() { 0 } else { filter.limit };
        let after = after.map(|id| (id.to_string(), id));
        let (actor, filter) = (actor.clone(), DeviceFilter { after, offset, limit, ..filter.clone() });
        async move { ops::devices::list(&app, &actor, &filter).await }
    };
    let columns: Vec<&'static str> = EXPORTED.into_iter().filter(|column| fields.has(column)).collect();
    let head = columns.clone();
    let line = move |device: &crate::store::devices::Device| {
        let row = serde_json::to_value(Device::from(device.clone())).unwrap_or_default();
        (device.id, columns.iter().map(|column| cell(&row[*column])).collect())
    };
    Ok(csv::download(&portal, &caller.actor, ("devices.csv".to_owned(), &head), line, read).await?)
}

/// A value as a cell; tags by name.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(tags) => tags.iter().map(|tag| cell(&tag["name"])).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}

/// All filters but the page.
async fn read_filter(portal: &Portal, actor: &Actor, query: &mut Query) -> ApiResult<DeviceFilter> {
    let (sort, descending) = query.read("sort", order).unwrap_or((DeviceSort::Id, false));
    let mut filter = DeviceFilter {
        company_id: query.number(&["company_id", "company"]),
        ids: query.ids(&["id", "device_id"]),
        service: query.read("credit_type", |slug| ResourceType::from_slug(slug).ok_or(ResourceReason::UnknownType)),
        text: query.text(&["q"]).unwrap_or_default().to_owned(),
        sort,
        descending,
        ..DeviceFilter::default()
    };
    let mut tests = Vec::new();
    for (text, is_not) in query.either("status", "ne:status") {
        match read_status(&text) {
            // The lists of one state have indexes of their own.
            Some(Fact::State(state)) if !is_not && filter.state.is_none() => filter.state = Some(state),
            Some(Fact::Always(fact)) => tests.push(Test { fact: Fact::Always(fact != is_not), is_not: false }),
            Some(fact) => tests.push(Test { fact, is_not }),
            None => query.problems.add("status", FieldReason::NotAChoice { choices: STATUSES }),
        }
    }
    for (text, is_not) in query.either("monitoring_status", "ne:monitoring_status") {
        match text.as_str() {
            "monitored" | "1" | "true" => tests.push(Test { fact: Fact::Monitored, is_not }),
            "not_monitored" | "0" | "false" => tests.push(Test { fact: Fact::Monitored, is_not: !is_not }),
            _ => {
                query.problems.add("monitoring_status", FieldReason::NotAChoice { choices: "monitored, not_monitored" })
            }
        }
    }
    let mut text = |name, negated, fact: fn(String) -> Fact| {
        let values = query.either(name, negated);
        tests.extend(values.into_iter().map(|(text, is_not)| Test { fact: fact(text), is_not }));
    };
    text("serial", "ne:serial", Fact::Serial);
    text("mac", "ne:mac", Fact::Mac);
    text("imei", "ne:imei", Fact::Imei);
    text("model", "ne:model", Fact::Model);
    read_services(query, &mut tests);
    let mut named = Vec::new();
    for (text, is_not) in query.either("tags", "ne:tags") {
        named.push((tag::names(&text).into_iter().map(str::to_owned).collect::<Vec<_>>(), is_not));
    }
    for (text, is_not) in query.either("tag_id", "ne:tag_id") {
        let tags = query.id_list("tag_id", &text);
        tests.push(Test { fact: Fact::Tagged { tags, are_rare: false }, is_not });
    }
    for (names, is_not) in named {
        let tags = ops::tags::named(&portal.app, actor, &names).await?;
        tests.push(Test { fact: Fact::Tagged { tags, are_rare: false }, is_not });
    }
    tests.extend(query.telemetry().map(|fits| Test::from(Fact::Always(fits))));
    Ok(DeviceFilter { tests, ..filter })
}

const STATUSES: &str = "online, offline, not_activated, active, waiting, expired, off";

fn read_status(text: &str) -> Option<Fact> {
    match text {
        "online" => Some(Fact::Always(false)),
        "not_activated" => Some(Fact::NeverPaid),
        "offline" => Some(Fact::EverPaid),
        slug => DeviceState::from_slug(slug).map(Fact::State),
    }
}

/// The resource type, under RMS's names: what manages a device, and what brings it data.
fn read_services(query: &mut Query, tests: &mut Vec<Test>) {
    let names = [
        ("management_credit_type", "ne:management_credit_type", false),
        ("management_credit_type_id", "ne:management_credit_type_id", false),
        ("data_credit_type", "ne:data_credit_type", true),
        ("data_credit_type_id", "ne:data_credit_type_id", true),
    ];
    for (name, ne_name, is_data) in names {
        for (text, is_not) in query.either(name, ne_name) {
            let by_id = text.parse().ok().and_then(|id: i64| ResourceType::try_from(id).ok());
            let Some(service) = by_id.or_else(|| ResourceType::from_slug(&text)) else {
                query.problems.add(name, ResourceReason::UnknownType);
                continue;
            };
            let fits = (service.family() == Family::ConnectDataPack) == is_data;
            let services = if fits { vec![service] } else { Vec::new() };
            tests.push(Test { fact: Fact::Service(services), is_not });
        }
    }
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
