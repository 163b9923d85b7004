//! Devices: the list, of the tree or of one company, and a device with the units that it has used.

use askama::Template;
use axum::response::Response;

use super::company::Head;
use crate::model::device::DeviceState;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::licences::ShownLicence;
use crate::store::devices::{Device, DeviceFilter, Fact};
use crate::store::history::{HistoryFilter, HistoryRow};
use crate::store::tags::Tag;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{Frame, page};

/// The list, on any page.
pub struct DevicesSection {
    pub devices: Vec<Device>,
    pub states: [DeviceState; 4],
    pub services: Vec<ResourceType>,
    pub tags: Vec<Tag>,
    pub next: Option<String>,
    /// This list with its filters, for actions to return to.
    pub here: String,
    pub is_filtered: bool,
    /// Only one company's devices.
    pub company_id: Option<i64>,
}

impl DevicesSection {
    async fn of(portal: &Portal, me: &Me, form: &Form, company_id: Option<i64>) -> WebResult<DevicesSection> {
        let filter = read_filter(form, company_id);
        let mut devices = ops::devices::list(&portal.app, &me.actor, &filter).await?;
        let path = company_id.map_or_else(|| urls::DEVICES.to_owned(), |id| urls::company_part(id, "devices"));
        let parameters: Vec<(&str, &str)> = ["q", "state", "service", "tag"].map(|f| (f, form.value(f))).to_vec();
        let next = next_page(&mut devices)
            .map(|after| urls::with_query(&path, &[parameters.as_slice(), &[("after", &after)]].concat()));
        Ok(DevicesSection {
            devices,
            states: DeviceState::ALL,
            services: ResourceType::all().collect(),
            tags: ops::tags::choices(&portal.app, &me.actor).await?,
            next,
            here: urls::with_query(&path, &parameters),
            is_filtered: parameters.iter().any(|(_, value)| !value.is_empty()) || form.has("after"),
            company_id,
        })
    }

    /// Whether devices can be chosen, to do something to all of them.
    fn has_choice(&self, frame: &Frame) -> bool {
        frame.actor.may.edit_devices() || frame.actor.may.set_service()
    }

    /// Whether the list is filtered by this tag.
    fn is_tag(&self, tag: &Tag) -> bool {
        self.here.split(['?', '&']).any(|part| part.strip_prefix("tag=").is_some_and(|id| id == tag.id.to_string()))
    }

    /// The list's address, escaped for a query.
    fn back(&self) -> String {
        urls::escape(&self.here)
    }
}

/// Reads filters from a query. Unreadable ones are ignored.
fn read_filter(form: &Form, company_id: Option<i64>) -> DeviceFilter {
    let after = form.value("after").split_once('.');
    let tag = form.value("tag").parse().ok();
    let tagged = tag.map(|tag| Fact::Tagged { tags: vec![tag], are_rare: false }.into());
    DeviceFilter {
        company_id,
        tests: tagged.into_iter().collect(),
        state: DeviceState::from_slug(form.value("state")),
        service: ResourceType::from_slug(form.value("service")),
        text: form.value("q").chars().take(200).collect(),
        after: after.and_then(|(id, label)| Some((label.to_owned(), id.parse().ok()?))),
        limit: PAGE_SIZE + 1,
        ..DeviceFilter::default()
    }
}

/// The start of the next page: the id and the label of this page's last row.
fn next_page(devices: &mut Vec<Device>) -> Option<String> {
    cut(devices).map(|last| format!("{}.{}", last.id, crate::model::company::searchable(last.label())))
}

#[derive(Template)]
#[template(path = "devices/list.html")]
struct ListPage<'a> {
    frame: Frame,
    form: &'a Form,
    section: DevicesSection,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let section = DevicesSection::of(&portal, &me, &form, None).await?;
    let frame = Frame::of(&portal, &me, "Devices").await?;
    page(&ListPage { frame, form: &form, section })
}

#[derive(Template)]
#[template(path = "companies/devices.html")]
struct DevicesTab<'a> {
    frame: Frame,
    head: Head,
    form: &'a Form,
    section: DevicesSection,
}

pub async fn of_company(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "devices").await?;
    let section = DevicesSection::of(&portal, &me, &form, Some(id)).await?;
    let frame = Frame::of(&portal, &me, format!("{}: devices", head.company.name)).await?;
    page(&DevicesTab { frame, head, form: &form, section })
}

#[derive(Template)]
#[template(path = "devices/show.html")]
struct DevicePage {
    frame: Frame,
    device: Device,
    licences: Vec<ShownLicence>,
    used: Vec<HistoryRow>,
    next: Option<String>,
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let device = ops::devices::find(&portal.app, &me.actor, id).await?;
    let before = form.value("before").parse().ok();
    let filter = HistoryFilter { before, limit: PAGE_SIZE + 1, ..HistoryFilter::default() };
    let mut used = ops::devices::history(&portal.app, &me.actor, id, &filter).await?;
    let last = cut(&mut used).map(|row| row.id.to_string());
    let next = last.map(|last| urls::with_query(&urls::device(id), &[("before", &last)]));
    let licences = ops::licences::of_device(&portal.app, &me.actor, &device).await?;
    let frame = Frame::of(&portal, &me, device.label().to_owned()).await?;
    page(&DevicePage { frame, device, licences, used, next })
}

/// The colour of a device's state.
impl Device {
    pub fn badge(&self) -> &'static str {
        match self.state() {
            DeviceState::Active => "ok",
            DeviceState::Waiting => "warn",
            DeviceState::Expired => "bad",
            DeviceState::Off => "off",
        }
    }

    pub fn service_label(&self) -> &'static str {
        self.service().map_or("None", ResourceType::label)
    }
}
