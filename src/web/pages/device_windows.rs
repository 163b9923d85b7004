//! The windows for devices: add, edit, set the service of many, remove.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;

use crate::model::device::DeviceKind;
use crate::model::hardware::SERIES;
use crate::model::permission::Permission;
use crate::model::refusal::DeviceReason;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::companies::Choices;
use crate::ops::devices::changes::DeviceInput;
use crate::ops::devices::set::DeviceRow;
use crate::store::devices::Device;
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::pages::device_tags::{TagChoices, chosen_tags};
use crate::web::paging::PAGE_SIZE;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

type Options = Vec<(String, String)>;

fn options(list: &[(&str, &str)]) -> Options {
    list.iter().map(|(slug, text)| ((*slug).to_owned(), (*text).to_owned())).collect()
}

fn on_or_off() -> Options {
    options(&[("1", "On"), ("0", "Off")])
}

fn series() -> Options {
    let named = SERIES.iter().map(|series| ((*series).to_owned(), series.to_uppercase()));
    std::iter::once((String::new(), "Not known".to_owned())).chain(named).collect()
}

fn services(first: &[(&str, &str)]) -> Options {
    let mut list = options(first);
    list.extend(ResourceType::all().map(|t| (t.slug().to_owned(), t.label().to_owned())));
    list
}

/// The window for a new or an existing device.
#[derive(Template)]
#[template(path = "devices/form.html")]
struct DeviceWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    /// `None` for a new device.
    device: Option<Device>,
    kinds: Options,
    services: Options,
    on_or_off: Options,
    series: Options,
    tags: TagChoices,
    back: &'a str,
}

async fn show_form(portal: &Portal, me: &Me, form: &Form, device: Option<Device>) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let (mut form, choices) = choices(portal, me, form, &["company"]).await?;
    if let Some(device) = &device {
        form.set("kind", device.kind().slug().to_owned());
    }
    let title = if device.is_some() { "Edit device" } else { "Add device" };
    let frame = Frame::of(portal, me, title).await?;
    let kinds = DeviceKind::ALL.map(|k| (k.slug(), k.label()));
    let otherwise = device.as_ref().map_or_else(|| urls::DEVICES.to_owned(), |d| urls::device(d.id));
    let window = DeviceWindow {
        frame,
        form: &form,
        choices,
        device,
        kinds: options(&kinds),
        services: services(&[("", "None")]),
        on_or_off: on_or_off(),
        series: series(),
        tags: TagChoices::of(portal, me, &form).await?,
        back: view::back(&form, &otherwise),
    };
    page_of_form(&portal.app, &window, &form)
}

/// Reads a device's fields; `None` if some are unreadable, and the form says why.
async fn read_input(portal: &Portal, me: &Me, form: &mut Form) -> WebResult<Option<DeviceInput>> {
    let company_id = read_company(portal, me, form, "company").await?;
    let service = form::read(form, "service", read_service);
    let (Some(company_id), Some(service)) = (company_id, service) else { return Ok(None) };
    Ok(Some(DeviceInput {
        kind: DeviceKind::from_slug(form.value("kind")).unwrap_or_default(),
        serial: form.value("serial").to_owned(),
        name: form.value("name").to_owned(),
        model: form.value("model").to_owned(),
        company_id,
        service,
        auto_extend: form.value("auto_extend") == "1",
        monitoring: form.value("monitoring") == "1",
        mac: form.value("mac").to_owned(),
        imei: form.value("imei").to_owned(),
        series: form.value("series").to_owned(),
        description: form.value("description").to_owned(),
        tags: chosen_tags(form),
    }))
}

fn read_service(slug: &str) -> Result<Option<ResourceType>, DeviceReason> {
    match slug {
        "" => Ok(None),
        slug => ResourceType::from_slug(slug).map(Some).ok_or(DeviceReason::UnknownService),
    }
}

pub async fn create_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    let form = form.or("company", own).or("auto_extend", "1").or("monitoring", "1");
    show_form(&portal, &me, &form, None).await
}

pub async fn create(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(input) = read_input(&portal, &me, &mut form).await? else {
        return show_form(&portal, &me, &form, None).await;
    };
    match ops::devices::changes::create(&portal.app, &me.actor, &operation_id, &input).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::DEVICES), &operation_id)),
        Err(error) => show_form(&portal, &me, &form.refused(error)?, None).await,
    }
}

pub async fn edit_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let device = ops::devices::find(&portal.app, &me.actor, id).await?;
    let mut form = form;
    if !form.has("kind") {
        device.tags.iter().for_each(|tag| form.push("tag", &tag.id.to_string()));
    }
    let form = form
        .or("kind", device.kind().slug())
        .or("serial", device.serial.clone().unwrap_or_default())
        .or("name", device.name.clone())
        .or("model", device.model.clone())
        .or("mac", device.mac.clone())
        .or("imei", device.imei.clone())
        .or("series", device.series.clone())
        .or("description", device.description.clone())
        .or("company", device.company_id.to_string())
        .or("service", device.service().map_or("", ResourceType::slug))
        .or("auto_extend", device.auto_extend.to_string())
        .or("monitoring", device.monitoring.to_string());
    show_form(&portal, &me, &form, Some(device)).await
}

pub async fn edit(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let device = ops::devices::find(&portal.app, &me.actor, id).await?;
    let Some(input) = read_input(&portal, &me, &mut form).await? else {
        return show_form(&portal, &me, &form, Some(device)).await;
    };
    match ops::devices::changes::edit(&portal.app, &me.actor, &operation_id, id, &input).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::device(id)), &operation_id)),
        Err(error) => show_form(&portal, &me, &form.refused(error)?, Some(device)).await,
    }
}

/// The selected devices, each once.
pub(super) fn chosen(form: &Form) -> Vec<i64> {
    let ids: BTreeSet<i64> = form.all("device").filter_map(|id| id.parse().ok()).collect();
    ids.into_iter().take(PAGE_SIZE as usize).collect()
}

/// The settings for the selected devices.
#[derive(Template)]
#[template(path = "devices/set.html")]
struct SetWindow<'a> {
    frame: Frame,
    form: &'a Form,
    devices: Vec<Device>,
    services: Options,
    on_or_off: Options,
    back: &'a str,
}

async fn show_set(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::SetService)?;
    let devices = ops::devices::find_many(&portal.app, &me.actor, &chosen(form)).await?;
    let frame = Frame::of(portal, me, "Set service").await?;
    let on_or_off = options(&[("", "Leave as it is"), ("1", "On"), ("0", "Off")]);
    let services = services(&[("", "Leave as it is"), ("none", "None: turn the service off")]);
    let back = view::back(form, urls::DEVICES);
    page_of_form(&portal.app, &SetWindow { frame, form, devices, services, on_or_off, back }, form)
}

pub async fn set_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_set(&portal, &me, &form).await
}

pub async fn set(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::SetService)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let service = form::read(&mut form, "service", |slug| match slug {
        "" => Ok(None),
        "none" => Ok(Some(None)),
        slug => read_service(slug).map(Some),
    });
    let Some(service) = service else { return show_set(&portal, &me, &form).await };
    let switch = |field| Some(form.value(field)).filter(|v| !v.is_empty()).map(|v| v == "1");
    let (auto_extend, monitoring) = (switch("auto_extend"), switch("monitoring"));
    let row = |device_id| DeviceRow { device_id, service, auto_extend, monitoring };
    let rows: Vec<DeviceRow> = chosen(&form).into_iter().map(row).collect();
    match ops::devices::set::set_many(&portal.app, &me.actor, &operation_id, &rows).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::DEVICES), &operation_id)),
        Err(error) => show_set(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "devices/remove.html")]
struct RemoveWindow<'a> {
    frame: Frame,
    form: &'a Form,
    devices: Vec<Device>,
    back: &'a str,
}

async fn show_remove(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let devices = ops::devices::find_many(&portal.app, &me.actor, &chosen(form)).await?;
    let frame = Frame::of(portal, me, "Remove device").await?;
    let back = view::back(form, urls::DEVICES);
    page_of_form(&portal.app, &RemoveWindow { frame, form, devices, back }, form)
}

pub async fn remove_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_remove(&portal, &me, &form).await
}

pub async fn remove(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::devices::changes::remove(&portal.app, &me.actor, &operation_id, &chosen(&form)).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::DEVICES), &operation_id)),
        Err(error) => show_remove(&portal, &me, &form.refused(error)?).await,
    }
}
