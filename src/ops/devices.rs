//! Devices: added, described, given a service, removed. An end user sees those of their own company; an
//! auditor those of the tree; an administrator also changes them.
//!
//! Whatever is set goes through the ledger inside the act's own transaction, so that a device that must
//! be paid is paid, or waits, in the same commit. What an act is about (see `work::Outcome`) is the device,
//! or the rows that were refused.

use std::collections::BTreeSet;

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::app::App;
use crate::ledger;
use crate::model::amount::grouped;
use crate::model::device::{DeviceChange, DeviceKind, NAME_LENGTH_MAX, SERIAL_LENGTH_MAX};
use crate::model::ledger::{Cause, Command, Operation, SetDevices};
use crate::model::refusal::{CompanyReason, DeviceReason, FieldReason, Reason};
use crate::model::resources::ResourceType;
use crate::ops::work::{Outcome, Work, about, work_once};
use crate::store;
use crate::store::audit::{HistoryFilter, HistoryRow};
use crate::store::devices::{Device, DeviceFilter, NewDevice};

/// How many devices one act changes.
pub const AT_ONCE_MAX: usize = 1_000;

/// A page of the devices that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] where the filter's company lies outside the tree.
pub async fn list(app: &App, actor: &Actor, filter: &DeviceFilter) -> OpResult<Vec<Device>> {
    let reach = super::companies::reach(app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::devices::list(&mut tx, &reach, filter).await?)
}

/// How many devices [`list`] would give on all its pages.
///
/// # Errors
/// As [`list`].
pub async fn count(app: &App, actor: &Actor, filter: &DeviceFilter) -> OpResult<i64> {
    let reach = super::companies::reach(app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::devices::count(&mut tx, &reach, filter).await?)
}

/// How many devices the actor's company and all its subsidiaries have, or one company alone; and how
/// many of them are monitored. Counters are read, and no devices.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`OpError::Forbidden`] for an end user without a company.
pub async fn owned(app: &App, actor: &Actor, company_id: Option<i64>) -> OpResult<(i64, i64)> {
    if let Some(id) = company_id {
        let company = super::companies::find(app, actor, id).await?;
        return Ok((company.devices, company.monitored));
    }
    actor.require_tree()?;
    let mut tx = app.db.read_list().await?;
    Ok(store::devices::owned(&mut tx, &actor.company_path).await?)
}

/// A device that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] for any other.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Device> {
    find_many(app, actor, &[id]).await?.pop().ok_or(OpError::NotFound)
}

/// Those of the devices that the actor sees, by ascending id.
///
/// # Errors
/// Whatever the database says.
pub async fn find_many(app: &App, actor: &Actor, ids: &[i64]) -> OpResult<Vec<Device>> {
    let mut tx = app.db.read().await?;
    let mut found = store::devices::find_many(&mut tx, &actor.company_path, ids).await?;
    found.retain(|d| actor.sees_tree() || d.company_id == actor.company_id);
    Ok(found)
}

/// The units that a device has used, the latest first. A company above the actor's, which paid for it,
/// is not named.
///
/// # Errors
/// As [`find`].
pub async fn history(app: &App, actor: &Actor, id: i64, filter: &HistoryFilter) -> OpResult<Vec<HistoryRow>> {
    find(app, actor, id).await?;
    let mut tx = app.db.read_list().await?;
    let mut rows = store::audit::of_device(&mut tx, id, &actor.company_path, filter).await?;
    rows.iter_mut().for_each(|row| super::audit::hide_strangers(actor, row));
    Ok(rows)
}

/// What a form or a request says of a device.
#[derive(Debug, Clone, Default)]
pub struct DeviceInput {
    pub kind: DeviceKind,
    /// Of a device; an apartment has none.
    pub serial: String,
    pub name: String,
    pub model: String,
    pub company_id: i64,
    pub service: Option<ResourceType>,
    pub auto_extend: bool,
    pub monitoring: bool,
}

impl DeviceInput {
    /// The device as it is kept.
    ///
    /// # Errors
    /// All that is wrong, each at its field.
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

/// Adds a device. Where it runs and extends itself, its first period is paid at once, or it waits.
/// The outcome is about the [`Device`].
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn create(app: &App, actor: &Actor, key: &str, input: &DeviceInput) -> OpResult<Outcome> {
    actor.require_admin()?;
    let device = input.check()?;
    let request = input.request().to_string();
    work_once!(app, actor, key, "create_device", &request, work => {
        let company = lock_company(work, actor, input.company_id).await?;
        refuse_taken(work, &device, None).await?;
        let id = store::devices::insert(&mut work.tx, std::slice::from_ref(&device), work.now).await?[0];
        let set = settle(app, work, actor, key, vec![(vec![id], input.change())]).await?;
        let label = device.serial.as_deref().unwrap_or(&device.name);
        work.note(actor.note_at(company.id, "device.added", label, &company.name));
        let told = as_it_stands(work, actor, id).await?;
        Ok(format!("Create\n{label} (#{id}) was added to {}.{}\n{told}", company.name, set.sentence()))
    })
}

/// Changes a device, and sets what it runs on and whose it is.
///
/// # Errors
/// A refusal at the field that is wrong; [`OpError::NotFound`] outside the tree.
pub async fn edit(app: &App, actor: &Actor, key: &str, id: i64, input: &DeviceInput) -> OpResult<Outcome> {
    actor.require_admin()?;
    let kind = find(app, actor, id).await?.kind();
    let input = DeviceInput { kind, ..input.clone() };
    let device = input.check()?;
    let request = serde_json::json!([id, input.request()]).to_string();
    work_once!(app, actor, key, "edit_device", &request, work => {
        let before = lock_devices(work, actor, &[id], Some(input.company_id)).await?.pop().ok_or(OpError::NotFound)?;
        refuse_taken(work, &device, Some(&before)).await?;
        store::devices::describe(&mut work.tx, id, &device).await?;
        let change = DeviceChange { company_id: Some(input.company_id), ..input.change() };
        let set = settle(app, work, actor, key, vec![(vec![id], change)]).await?;
        let label = device.serial.as_deref().unwrap_or(&device.name);
        work.note(actor.note_at(input.company_id, "device.changed", label, ""));
        let told = as_it_stands(work, actor, id).await?;
        Ok(format!("Update\n{label} was saved.{}\n{told}", set.sentence()))
    })
}

/// What to change of a device; what is `None` stays.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Description {
    pub serial: Option<String>,
    pub name: Option<String>,
    pub model: Option<String>,
    pub company_id: Option<i64>,
}

/// Changes a device, gives it to another company, and leaves what runs on it.
///
/// # Errors
/// A refusal at the field that is wrong; [`OpError::NotFound`] outside the tree.
pub async fn describe(
    app: &App,
    actor: &Actor,
    key: &str,
    id: i64,
    description: &Description,
) -> OpResult<Outcome> {
    actor.require_admin()?;
    let request = serde_json::json!([id, description]).to_string();
    work_once!(app, actor, key, "describe_device", &request, work => {
        lock_devices(work, actor, &[id], description.company_id).await?;
        // Read again under the lock of its company, which everybody takes who describes it.
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
        let set = settle(app, work, actor, key, vec![(vec![id], change)]).await?;
        let label = device.serial.as_deref().unwrap_or(&device.name);
        work.note(actor.note_at(input.company_id, "device.changed", label, ""));
        let told = as_it_stands(work, actor, id).await?;
        Ok(format!("Update\n{label} was saved.{}\n{told}", set.sentence()))
    })
}

/// Removes devices. What they have paid for is not given back.
///
/// # Errors
/// [`OpError::NotFound`] where one lies outside the tree.
pub async fn remove(app: &App, actor: &Actor, key: &str, ids: &[i64]) -> OpResult<Outcome> {
    actor.require_admin()?;
    let ids = chosen(ids)?;
    let request = serde_json::json!(ids).to_string();
    work_once!(app, actor, key, "remove_devices", &request, work => {
        let found = lock_devices(work, actor, &ids, None).await?;
        if found.len() != ids.len() {
            return Err(OpError::NotFound);
        }
        let change = DeviceChange { is_removed: true, ..DeviceChange::default() };
        settle(app, work, actor, key, vec![(ids.clone(), change)]).await?;
        for device in &found {
            work.note(actor.note_at(device.company_id, "device.removed", device.label(), &device.company_name));
        }
        Ok(format!("Remove\n{} removed.", counted(found.len())))
    })
}

/// What is to be set of one device; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    pub device_id: i64,
    /// The service to run on; `Some(None)` turns it off.
    pub service: Option<Option<ResourceType>>,
    pub auto_extend: Option<bool>,
    pub monitoring: Option<bool>,
}

/// Why a row was refused while others were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowRefusal {
    /// Another row asks for the same device: which of them should hold can't be known.
    RepeatedDevice,
    /// There is no such device in the actor's tree.
    UnknownDevice,
    /// See [`DeviceReason::UnsuitableService`].
    UnsuitableService,
}

/// Sets service, auto extend and monitoring of many devices. Rows that cannot be are left out, and so are all
/// rows of a device that several ask for; what the outcome is about are these, as pairs of the device and a
/// [`RowRefusal`]. Where none can be, the act is refused.
///
/// # Errors
/// [`DeviceReason::NoneChosen`], [`FieldReason::TooMany`]; a refusal at `device` or `service` where no row is left.
pub async fn set_many(app: &App, actor: &Actor, key: &str, rows: &[DeviceRow]) -> OpResult<Outcome> {
    actor.require_admin()?;
    let ids = chosen(&rows.iter().map(|r| r.device_id).collect::<Vec<_>>())?;
    let asked = |r: &DeviceRow| {
        (r.device_id, r.service.map(|s| s.map(ResourceType::id)), r.auto_extend, r.monitoring)
    };
    let request = serde_json::json!(rows.iter().map(asked).collect::<Vec<_>>()).to_string();
    work_once!(app, actor, key, "set_devices", &request, work => {
        // Monitored devices are counted on their companies.
        let found = lock_devices(work, actor, &ids, None).await?;
        let (changes, refused) = sort_rows(rows, &found);
        if let (true, Some((_, why))) = (changes.is_empty(), refused.first()) {
            return match why {
                RowRefusal::RepeatedDevice => refuse("device", DeviceReason::Repeated),
                RowRefusal::UnknownDevice => Err(OpError::NotFound),
                RowRefusal::UnsuitableService => refuse("service", DeviceReason::UnsuitableService),
            };
        }
        for (devices, change) in &changes {
            note_change(work, actor, devices, change, &found);
        }
        let count = changes.iter().map(|(devices, _)| devices.len()).sum();
        let set = settle(app, work, actor, key, changes).await?;
        let left_out = match refused.len() {
            0 => String::new(),
            n => format!(
                " {} left out: the service does not suit, the device is not among yours, or it was named twice.",
                counted(n)
            ),
        };
        let told = about(&refused)?;
        Ok(format!("Update\n{} changed.{}{left_out}\n{told}", counted(count), set.sentence()))
    })
}

/// A device inside its act, for the first answer to be given again.
async fn as_it_stands(work: &mut Work, actor: &Actor, id: i64) -> OpResult<String> {
    let found = store::devices::find_many(&mut work.tx, &actor.company_path, &[id]).await?;
    about(&found.first().ok_or(OpError::NotFound)?)
}

type Changes = Vec<(Vec<i64>, DeviceChange)>;

/// Puts rows that ask for the same together, and those that cannot be aside.
fn sort_rows(rows: &[DeviceRow], found: &[Device]) -> (Changes, Vec<(i64, RowRefusal)>) {
    let (mut changes, mut refused): (Changes, _) = (Vec::new(), Vec::new());
    let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        if !seen.insert(row.device_id) {
            repeated.insert(row.device_id);
        }
    }
    refused.extend(repeated.iter().map(|id| (*id, RowRefusal::RepeatedDevice)));
    for row in rows.iter().filter(|row| !repeated.contains(&row.device_id)) {
        let Some(device) = found.iter().find(|d| d.id == row.device_id) else {
            refused.push((row.device_id, RowRefusal::UnknownDevice));
            continue;
        };
        if row.service.flatten().is_some_and(|service| !device.kind().suits(service)) {
            refused.push((row.device_id, RowRefusal::UnsuitableService));
            continue;
        }
        let DeviceRow { service, auto_extend, monitoring, .. } = row.clone();
        let change = DeviceChange { service, auto_extend, monitoring, ..DeviceChange::default() };
        match changes.iter_mut().find(|(_, c)| *c == change) {
            Some((devices, _)) => devices.push(row.device_id),
            None => changes.push((vec![row.device_id], change)),
        }
    }
    (changes, refused)
}

fn note_change(work: &mut Work, actor: &Actor, ids: &[i64], change: &DeviceChange, found: &[Device]) {
    let service = change.service.map(|s| s.map_or("None", ResourceType::label));
    let extend = change.auto_extend.map(|on| if on { "auto extend on" } else { "auto extend off" });
    let details = [service, extend].into_iter().flatten().collect::<Vec<_>>().join(", ");
    for device in found.iter().filter(|d| ids.contains(&d.id)) {
        if !details.is_empty() {
            work.note(actor.note_at(device.company_id, "device.service_set", device.label(), &details));
        }
        if let Some(on) = change.monitoring {
            let verb = if on { "device.monitoring_on" } else { "device.monitoring_off" };
            work.note(actor.note_at(device.company_id, verb, device.label(), ""));
        }
    }
}

/// What became of devices that were set.
pub(crate) struct Settled {
    pub paid: usize,
    pub waiting: usize,
}

impl Settled {
    fn sentence(&self) -> String {
        let paid = match self.paid {
            0 => String::new(),
            1 => " 1 unit was used.".to_owned(),
            n => format!(" {} units were used.", grouped(n as i64)),
        };
        let waiting = match self.waiting {
            0 => "",
            1 => " It waits for units: there are none left.",
            _ => " Some wait for units: there are not enough left.",
        };
        paid + waiting
    }
}

/// Sets devices by the ledger inside an act, and pays for those that must be paid.
pub(crate) async fn settle(
    app: &App,
    work: &mut Work,
    actor: &Actor,
    key: &str,
    changes: Vec<(Vec<i64>, DeviceChange)>,
) -> OpResult<Settled> {
    let operations: Vec<Operation> = changes
        .into_iter()
        .enumerate()
        .map(|(n, (devices, change))| Operation {
            actor: actor.for_ledger(),
            // The act is kept under its key; what devices take hangs on it. No request's key has a line break.
            key: format!("{key}\n{n}"),
            fingerprint: app.keys.fingerprint(&format!("{devices:?} {change:?}")),
            at: work.now,
            command: Command::SetDevices(SetDevices { devices, change }),
        })
        .collect();
    let run = ledger::run(&mut work.tx, &app.keys, &app.rng, &operations).await?;
    if run.decisions.iter().any(|decision| !matches!(decision, Some(Ok(_)))) {
        // Locked rows are as they were checked; what slipped in between is tried again.
        return Err(OpError::Collision);
    }
    let changes = run.ledger.changes();
    let paid = changes.transfers.iter().filter(|t| t.cause == Cause::Spend).count();
    let waits = |id: &&i64| matches!(run.ledger.device(**id), Ok(Some(device)) if device.waiting_since == Some(work.now));
    Ok(Settled { paid, waiting: changes.devices.keys().filter(waits).count() })
}

async fn lock_company(work: &mut Work, actor: &Actor, id: i64) -> OpResult<store::companies::LockedCompany> {
    let mut found = store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?;
    found.pop().map_or_else(|| refuse("company", CompanyReason::Unknown), Ok)
}

/// Reads devices of the tree whose companies are locked, and the one that they may go to.
async fn lock_devices(work: &mut Work, actor: &Actor, ids: &[i64], to: Option<i64>) -> OpResult<Vec<Device>> {
    let found = store::devices::find_many(&mut work.tx, &actor.company_path, ids).await?;
    let mut companies: Vec<i64> = found.iter().map(|d| d.company_id).chain(to).collect();
    companies.sort_unstable();
    companies.dedup();
    let locked = store::companies::lock(&mut work.tx, &actor.company_path, &companies).await?;
    if to.is_some_and(|to| locked.iter().all(|c| c.id != to)) {
        return refuse("company", CompanyReason::Unknown);
    }
    Ok(found)
}

async fn refuse_taken(work: &mut Work, device: &NewDevice, before: Option<&Device>) -> OpResult<()> {
    let Some(serial) = &device.serial else { return Ok(()) };
    let searchable = crate::model::company::searchable;
    let is_same =
        before.and_then(|b| b.serial.as_deref()).is_some_and(|s| searchable(s) == searchable(serial));
    let taken = store::devices::taken_serials(&mut work.tx, std::slice::from_ref(serial)).await?;
    if taken.is_empty() || is_same { Ok(()) } else { refuse("serial", DeviceReason::SerialTaken) }
}

fn chosen(ids: &[i64]) -> OpResult<Vec<i64>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        0 => refuse("device", DeviceReason::NoneChosen),
        n if n > AT_ONCE_MAX => refuse("device", FieldReason::TooMany { maximum: AT_ONCE_MAX }),
        _ => Ok(ids),
    }
}

fn counted(count: usize) -> String {
    if count == 1 { "1 device".to_owned() } else { format!("{} devices", grouped(count as i64)) }
}
