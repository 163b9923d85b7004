//! Adds, describes, transfers and removes devices.

use crate::app::App;
use crate::model::device::{DeviceChange, DeviceKind, NAME_LENGTH_MAX, SERIAL_LENGTH_MAX};
use crate::model::event::DeviceEvent;
use crate::model::refusal::{DeviceReason, FieldReason, Reason};
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::devices::settle::{chosen, lock_company, lock_devices, settle};
use crate::ops::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::devices::{Device, NewDevice};

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
}

impl DeviceInput {
    /// The device as it is stored.
    ///
    /// # Errors
    /// Every problem, each at its field.
    pub fn check(&self) -> OpResult<NewDevice> {
        let mut problems = Problems::default();
        let serial = problems.take("serial", text(&self.serial, SERIAL_LENGTH_MAX));
        let name = problems.take("name", text(&self.name, NAME_LENGTH_MAX));
        let model = problems.take("model", text(&self.model, NAME_LENGTH_MAX)).unwrap_or_default();
        let is_device = self.kind == DeviceKind::Device;
        if is_device && serial.as_deref() == Some("") {
            problems.add("serial", DeviceReason::MissingSerial);
        } else if !is_device && name.as_deref() == Some("") {
            problems.add("name", DeviceReason::MissingApartment);
        }
        if self.service.is_some_and(|service| !self.kind.suits(service)) {
            problems.add("service", DeviceReason::UnsuitableService);
        }
        problems.finish()?;
        let serial = serial.filter(|_| is_device);
        let name = name.unwrap_or_default();
        Ok(NewDevice { company_id: self.company_id, kind: self.kind, serial, name, model })
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

    fn request(&self) -> serde_json::Value {
        let service = self.service.map(ResourceType::id);
        let described = [self.kind.slug(), &self.serial, &self.name, &self.model];
        serde_json::json!([described, self.company_id, service, self.auto_extend, self.monitoring])
    }
}

fn text(text: &str, maximum: usize) -> Result<String, Reason> {
    crate::model::text::line(text, maximum).map_err(|error| text_reason(error, FieldReason::Missing))
}

/// Adds a device. If it has a service and auto extend, its first period is paid at once, or it waits. The outcome
/// refers to the [`Device`].
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(app: &App, actor: &Actor, operation_id: &str, input: &DeviceInput) -> OpResult<Outcome<Device>> {
    actor.require_admin()?;
    let device = input.check()?;
    let request = input.request().to_string();
    work_once!(app, actor, operation_id, "create_device", &request, work => {
        let company = lock_company(work, actor, input.company_id).await?;
        refuse_taken(work, &device, None).await?;
        let id = store::devices::insert(&mut work.tx, std::slice::from_ref(&device), work.now).await?[0];
        let settled = settle(app, work, actor, operation_id, vec![(vec![id], input.change())]).await?;
        let label = device.serial.as_deref().unwrap_or(&device.name);
        work.note(actor.note_at(company.id, "device.added", label, &company.name));
        let added = DeviceEvent::Added { id, label: label.to_owned(), company: company.name, settled };
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
    actor.require_admin()?;
    let kind = super::find(app, actor, id).await?.kind();
    let input = DeviceInput { kind, ..input.clone() };
    let device = input.check()?;
    let request = serde_json::json!([id, input.request()]).to_string();
    work_once!(app, actor, operation_id, "edit_device", &request, work => {
        let before = lock_devices(work, actor, &[id], Some(input.company_id)).await?.pop().ok_or(OpError::NotFound)?;
        refuse_taken(work, &device, Some(&before)).await?;
        store::devices::describe(&mut work.tx, id, &device).await?;
        let change = DeviceChange { company_id: Some(input.company_id), ..input.change() };
        let settled = settle(app, work, actor, operation_id, vec![(vec![id], change)]).await?;
        let label = device.serial.as_deref().unwrap_or(&device.name);
        work.note(actor.note_at(input.company_id, "device.changed", label, ""));
        let saved = DeviceEvent::Saved { label: label.to_owned(), settled };
        Ok(Outcome::about(reload(work, actor, id).await?, saved))
    })
}

/// What to change of a device; `None` leaves it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Description {
    pub serial: Option<String>,
    pub name: Option<String>,
    pub model: Option<String>,
    pub company_id: Option<i64>,
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
    actor.require_admin()?;
    let request = serde_json::json!([id, description]).to_string();
    work_once!(app, actor, operation_id, "describe_device", &request, work => {
        lock_devices(work, actor, &[id], description.company_id).await?;
        // Read again under the lock of its company, which every change of a description takes.
        let found = store::devices::find_many(&mut work.tx, &actor.company_path, &[id]).await?.pop();
        let before = found.ok_or(OpError::NotFound)?;
        let wanted = |new: &Option<String>, old: &str| new.clone().unwrap_or_else(|| old.to_owned());
        let input = DeviceInput {
            kind: before.kind(),
            serial: wanted(&description.serial, before.serial.as_deref().unwrap_or_default()),
            name: wanted(&description.name, &before.name),
            model: wanted(&description.model, &before.model),
            company_id: description.company_id.unwrap_or(before.company_id),
            ..DeviceInput::default()
        };
        let device = input.check()?;
        refuse_taken(work, &device, Some(&before)).await?;
        store::devices::describe(&mut work.tx, id, &device).await?;
        let change = DeviceChange { company_id: description.company_id, ..DeviceChange::default() };
        let settled = settle(app, work, actor, operation_id, vec![(vec![id], change)]).await?;
        let label = device.serial.as_deref().unwrap_or(&device.name);
        work.note(actor.note_at(input.company_id, "device.changed", label, ""));
        let saved = DeviceEvent::Saved { label: label.to_owned(), settled };
        Ok(Outcome::about(reload(work, actor, id).await?, saved))
    })
}

/// Removes devices. The time that they have paid for is not refunded.
///
/// # Errors
/// [`OpError::NotFound`] if one is outside the tree.
pub async fn remove(app: &App, actor: &Actor, operation_id: &str, ids: &[i64]) -> OpResult<Outcome> {
    actor.require_admin()?;
    let ids = chosen(ids)?;
    let request = serde_json::json!(ids).to_string();
    work_once!(app, actor, operation_id, "remove_devices", &request, work => {
        let found = lock_devices(work, actor, &ids, None).await?;
        if found.len() != ids.len() {
            return Err(OpError::NotFound);
        }
        let change = DeviceChange { is_removed: true, ..DeviceChange::default() };
        settle(app, work, actor, operation_id, vec![(ids.clone(), change)]).await?;
        for device in &found {
            work.note(actor.note_at(device.company_id, "device.removed", device.label(), &device.company_name));
        }
        Ok(Outcome::of(DeviceEvent::Removed { count: found.len() }))
    })
}

/// A device as the act leaves it, stored for replays.
async fn reload(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Device> {
    let mut found = store::devices::find_many(&mut work.tx, &actor.company_path, &[id]).await?;
    found.pop().ok_or(OpError::NotFound)
}

async fn refuse_taken(work: &mut Work, device: &NewDevice, before: Option<&Device>) -> OpResult<()> {
    let Some(serial) = &device.serial else { return Ok(()) };
    let searchable = crate::model::company::searchable;
    let is_same = before.and_then(|b| b.serial.as_deref()).is_some_and(|s| searchable(s) == searchable(serial));
    let taken = store::devices::taken_serials(&mut work.tx, std::slice::from_ref(serial)).await?;
    if taken.is_empty() || is_same { Ok(()) } else { refuse("serial", DeviceReason::SerialTaken) }
}
