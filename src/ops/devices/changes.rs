//! Adds, describes, transfers and removes devices.

use crate::app::App;
use crate::model::device::{DESCRIPTION_LENGTH_MAX, DeviceChange, DeviceKind, NAME_LENGTH_MAX, SERIAL_LENGTH_MAX};
use crate::model::event::DeviceEvent;
use crate::model::hardware;
use crate::model::permission::Permission;
use crate::model::refusal::{DeviceReason, FieldReason, Reason};
use crate::model::resources::ResourceType;
use crate::model::tag::OF_DEVICE_MAX;
use crate::model::text;
use crate::ops::actor::Actor;
use crate::ops::channels;
use crate::ops::devices::lock::Locked;
use crate::ops::devices::rows::{Many, Refused, RowRefusal};
use crate::ops::devices::settle::{chosen, settle};
use crate::ops::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::devices::{Device, NewDevice};
use crate::store::tags::Tagged;

/// A device as a form or request describes it.
#[derive(Debug, Clone, Default)]
pub struct DeviceInput {
    pub kind: DeviceKind,
    /// Only for a device; an apartment has none.
    pub serial: String,
    pub name: String,
    pub model: String,
    pub company_id: i64,
    pub service: Option<ResourceType>,
    pub auto_extend: bool,
    pub monitoring: bool,
    // Only for a device, and optional: an apartment has no hardware.
    pub mac: String,
    pub imei: String,
    pub series: String,
    pub description: String,
    /// The tags of the actor's tree that it has from now on.
    pub tags: Vec<i64>,
}

impl DeviceInput {
    /// The device as it is stored.
    ///
    /// # Errors
    /// Every problem, each at its field.
    pub fn check(&self) -> OpResult<NewDevice> {
        let mut problems = Problems::default();
        let mut line = |field, text: &str, maximum| problems.take(field, self::line(text, maximum)).unwrap_or_default();
        let serial = line("serial", &self.serial, SERIAL_LENGTH_MAX);
        let name = line("name", &self.name, NAME_LENGTH_MAX);
        let model = line("model", &self.model, NAME_LENGTH_MAX);
        let description = text::lines(&self.description, DESCRIPTION_LENGTH_MAX);
        let description = description.map_err(|error| text_reason(error, FieldReason::Missing));
        let description = problems.take("description", description).unwrap_or_default();
        let is_device = self.kind == DeviceKind::Device;
        // A text that is refused above is not missing.
        if is_device && self.serial.trim().is_empty() {
            problems.add("serial", DeviceReason::MissingSerial);
        } else if !is_device && self.name.trim().is_empty() {
            problems.add("name", DeviceReason::MissingApartment);
        }
        if self.service.is_some_and(|service| !self.kind.suits(service)) {
            problems.add("service", DeviceReason::UnsuitableService);
        }
        if self.tags.len() > OF_DEVICE_MAX {
            problems.add("tags", FieldReason::TooMany { maximum: OF_DEVICE_MAX });
        }
        let mut device = NewDevice {
            company_id: self.company_id,
            kind: self.kind,
            name,
            model,
            description,
            ..NewDevice::default()
        };
        if is_device {
            device.serial = Some(serial);
            device.mac =
                problems.take("mac", optional(&self.mac, is_mac, DeviceReason::MalformedMac)).unwrap_or_default();
            let imei = optional(&self.imei, hardware::is_imei, DeviceReason::MalformedImei);
            device.imei = problems.take("imei", imei).unwrap_or_default();
            let series = optional(&self.series.to_lowercase(), is_series, DeviceReason::UnknownSeries);
            device.series = problems.take("series", series).unwrap_or_default();
        }
        problems.finish()?;
        Ok(device)
    }

    /// What is set besides the description.
    #[must_use]
    pub fn change(&self) -> DeviceChange {
        DeviceChange {
            service: Some(self.service),
            auto_extend: Some(self.auto_extend),
            monitoring: Some(self.monitoring),
            ..DeviceChange::default()
        }
    }

    /// A service uses units, so adding or changing one needs a permission of its own.
    pub(super) fn check_service(&self, actor: &Actor, before: Option<&Device>) -> OpResult<()> {
        let is_same = match before {
            None => self.service.is_none(),
            Some(before) => {
                let now = (self.service, self.auto_extend, self.monitoring);
                now == (before.service(), before.auto_extend == 1, before.monitoring == 1)
            }
        };
        if is_same { Ok(()) } else { actor.require(Permission::SetService) }
    }

    /// What distinguishes a retry from another request. What is empty is left out, so that a request from before an
    /// update of the portal is the same after it.
    pub(super) fn request(&self) -> serde_json::Value {
        let service = self.service.map(ResourceType::id);
        let described = [self.kind.slug(), &self.serial, &self.name, &self.model];
        let mut request = vec![
            serde_json::json!(described),
            self.company_id.into(),
            service.into(),
            self.auto_extend.into(),
            self.monitoring.into(),
        ];
        let more = [&self.mac, &self.imei, &self.series, &self.description];
        if more.iter().any(|text| !text.is_empty()) || !self.tags.is_empty() {
            request.push(serde_json::json!([more, self.tags]));
        }
        request.into()
    }
}

fn line(text: &str, maximum: usize) -> Result<String, Reason> {
    text::line(text, maximum).map_err(|error| text_reason(error, FieldReason::Missing))
}

fn optional(text: &str, is_right: fn(&str) -> bool, wrong: DeviceReason) -> Result<String, DeviceReason> {
    let text = text.trim();
    if text.is_empty() || is_right(text) { Ok(text.to_owned()) } else { Err(wrong) }
}

fn is_mac(text: &str) -> bool {
    hardware::mac_digits(text).is_some()
}

fn is_series(text: &str) -> bool {
    hardware::series(text).is_some()
}

/// Each of these tags on a device.
pub(crate) fn tagged(device_id: i64, tags: &[i64]) -> impl Iterator<Item = Tagged> + '_ {
    tags.iter().map(move |tag_id| Tagged { device_id, tag_id: *tag_id })
}

/// Adds a device. If it has a service and auto extend, its first period is paid at once, or it waits. The outcome
/// refers to the [`Device`].
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(app: &App, actor: &Actor, operation_id: &str, input: &DeviceInput) -> OpResult<Outcome<Device>> {
    actor.require(Permission::EditDevices)?;
    let device = input.check()?;
    let request = input.request().to_string();
    work_once!(app, actor, operation_id, "create_device", &request, work => {
        let locked = Locked::of(work, actor, &[], &[input.company_id], &input.tags).await?;
        let company = locked.require_company(input.company_id)?;
        locked.check_tags(&input.tags, company.id)?;
        input.check_service(actor, None)?;
        refuse_taken(work, &device, None).await?;
        let id = store::devices::insert(&mut work.tx, std::slice::from_ref(&device), work.now).await?[0];
        store::tags::assign(&mut work.tx, &tagged(id, &input.tags).collect::<Vec<_>>()).await?;
        let settled = settle(app, work, actor, operation_id, vec![(vec![id], input.change())]).await?;
        let label = device.label();
        work.note(actor.note_at(company.id, "device.added", label, &company.name));
        let added = DeviceEvent::Added { id, label: label.to_owned(), company: company.name.clone(), settled };
        Ok(Outcome::about(reload(work, actor, id).await?, added))
    })
}

/// Changes a device, and sets its service and its owner.
///
/// # Errors
/// A refusal at the invalid field; [`OpError::NotFound`] outside the tree.
pub async fn edit(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    input: &DeviceInput,
) -> OpResult<Outcome<Device>> {
    actor.require(Permission::EditDevices)?;
    let kind = super::find(app, actor, id).await?.kind();
    let input = DeviceInput { kind, ..input.clone() };
    let device = input.check()?;
    let request = serde_json::json!([id, input.request()]).to_string();
    work_once!(app, actor, operation_id, "edit_device", &request, work => {
        let locked = Locked::of(work, actor, &[id], &[input.company_id], &input.tags).await?;
        let before = locked.device(id).ok_or(OpError::NotFound)?;
        input.check_service(actor, Some(before))?;
        locked.require_company(input.company_id)?;
        locked.check_tags(&input.tags, input.company_id)?;
        refuse_taken(work, &device, Some(before)).await?;
        store::devices::describe(&mut work.tx, &[(id, device.clone())]).await?;
        let change = DeviceChange { company_id: Some(input.company_id), ..input.change() };
        let settled = settle(app, work, actor, operation_id, vec![(vec![id], change)]).await?;
        store::tags::clear(&mut work.tx, &actor.company_path, &[id]).await?;
        store::tags::assign(&mut work.tx, &tagged(id, &input.tags).collect::<Vec<_>>()).await?;
        let label = device.label();
        work.note(actor.note_at(input.company_id, "device.changed", label, ""));
        let saved = DeviceEvent::Saved { label: label.to_owned(), settled };
        Ok(Outcome::about(reload(work, actor, id).await?, saved))
    })
}

/// What to change of a device; `None` leaves it. A field that is left is not part of the request.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Description {
    pub serial: Option<String>,
    pub name: Option<String>,
    pub model: Option<String>,
    pub company_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imei: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The tags of the actor's tree that it has from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<i64>>,
}

impl Description {
    /// Whether the texts are right for any device.
    ///
    /// # Errors
    /// Every problem, each at its field.
    pub fn check(&self) -> OpResult<()> {
        let text = |new: &Option<String>| new.clone().unwrap_or_default();
        let serial = self.serial.clone().unwrap_or_else(|| "any".to_owned());
        let tags = self.tags.clone().unwrap_or_default();
        let (name, model, description) = (text(&self.name), text(&self.model), text(&self.description));
        let (mac, imei, series) = (text(&self.mac), text(&self.imei), text(&self.series));
        let input = DeviceInput { serial, name, model, description, mac, imei, series, tags, ..DeviceInput::default() };
        input.check().map(drop)
    }

    /// The device with these changes.
    pub(super) fn of(&self, before: &Device) -> DeviceInput {
        let wanted = |new: &Option<String>, old: &str| new.clone().unwrap_or_else(|| old.to_owned());
        DeviceInput {
            kind: before.kind(),
            serial: wanted(&self.serial, before.serial.as_deref().unwrap_or_default()),
            name: wanted(&self.name, &before.name),
            model: wanted(&self.model, &before.model),
            company_id: self.company_id.unwrap_or(before.company_id),
            mac: wanted(&self.mac, &before.mac),
            imei: wanted(&self.imei, &before.imei),
            series: wanted(&self.series, &before.series),
            description: wanted(&self.description, &before.description),
            tags: self.tags.clone().unwrap_or_default(),
            ..DeviceInput::default()
        }
    }
}

/// Changes a device's description and owner, and leaves its service.
///
/// # Errors
/// A refusal at the invalid field; [`OpError::NotFound`] outside the tree.
pub async fn describe(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    description: &Description,
) -> OpResult<Outcome<Device>> {
    actor.require(Permission::EditDevices)?;
    let request = serde_json::json!([id, description]).to_string();
    work_once!(app, actor, operation_id, "describe_device", &request, work => {
        let tags = description.tags.as_deref();
        let company: Vec<i64> = description.company_id.into_iter().collect();
        let locked = Locked::of(work, actor, &[id], &company, tags.unwrap_or_default()).await?;
        let before = locked.device(id).ok_or(OpError::NotFound)?;
        let input = description.of(before);
        locked.require_company(input.company_id)?;
        let device = input.check()?;
        locked.check_tags(&input.tags, input.company_id)?;
        refuse_taken(work, &device, Some(before)).await?;
        store::devices::describe(&mut work.tx, &[(id, device.clone())]).await?;
        let change = DeviceChange { company_id: description.company_id, ..DeviceChange::default() };
        let settled = settle(app, work, actor, operation_id, vec![(vec![id], change)]).await?;
        if let Some(tags) = tags {
            store::tags::clear(&mut work.tx, &actor.company_path, &[id]).await?;
            store::tags::assign(&mut work.tx, &tagged(id, tags).collect::<Vec<_>>()).await?;
        }
        let label = device.label();
        work.note(actor.note_at(input.company_id, "device.changed", label, ""));
        let saved = DeviceEvent::Saved { label: label.to_owned(), settled };
        Ok(Outcome::about(reload(work, actor, id).await?, saved))
    })
}

/// Removes devices. The time that they have paid for is not refunded. Those outside the tree are left out.
///
/// # Errors
/// [`OpError::NotFound`] if all are outside the tree.
pub async fn remove(app: &App, actor: &Actor, operation_id: &str, ids: &[i64]) -> OpResult<Outcome<Many>> {
    actor.require(Permission::EditDevices)?;
    let ids = chosen(ids)?;
    let request = serde_json::json!(ids).to_string();
    work_once!(app, actor, operation_id, "remove_devices", &request, work => {
        let found = Locked::of(work, actor, &ids, &[], &[]).await?.devices;
        let (done, refused) = split(&ids, &found)?;
        let change = DeviceChange { is_removed: true, ..DeviceChange::default() };
        settle(app, work, actor, operation_id, vec![(done.clone(), change)]).await?;
        for device in &found {
            work.note(actor.note_at(device.company_id, "device.removed", device.label(), &device.company_name));
        }
        let channel = channels::open(app, work, actor, operation_id).await?;
        let event = DeviceEvent::Removed { count: done.len() };
        Ok(Outcome::about(Many { channel, done, refused }, event))
    })
}

/// The ids of the devices that were found, and of those that were not.
///
/// # Errors
/// [`OpError::NotFound`] if none was found.
pub(super) fn split(ids: &[i64], found: &[Device]) -> OpResult<(Vec<i64>, Refused)> {
    if found.is_empty() {
        return Err(OpError::NotFound);
    }
    let is_found = |id: &i64| found.binary_search_by_key(id, |device| device.id).is_ok();
    let (done, unknown): (Vec<i64>, Vec<i64>) = ids.iter().partition(|id| is_found(id));
    Ok((done, unknown.into_iter().map(|id| (id, RowRefusal::UnknownDevice)).collect()))
}

/// A device as the act leaves it, stored for replays.
async fn reload(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Device> {
    let mut found = store::devices::find_many(&mut work.tx, &actor.company_path, &[id]).await?;
    super::add_tags(&mut work.tx, actor, &mut found).await?;
    found.pop().ok_or(OpError::NotFound)
}

async fn refuse_taken(work: &mut Work, device: &NewDevice, before: Option<&Device>) -> OpResult<()> {
    let Some(serial) = &device.serial else { return Ok(()) };
    let searchable = crate::model::company::searchable;
    let is_same = before.and_then(|b| b.serial.as_deref()).is_some_and(|s| searchable(s) == searchable(serial));
    let taken = store::devices::taken_serials(&mut work.tx, std::slice::from_ref(serial)).await?;
    if taken.is_empty() || is_same { Ok(()) } else { refuse("serial", DeviceReason::SerialTaken) }
}
