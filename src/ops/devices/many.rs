//! Adds, describes and moves many devices at once. Each row is independent: those that are impossible are left out. A
//! request happens as a whole and once, whatever number of devices it names: a handful of statements in one
//! transaction.

use std::collections::BTreeSet;

use crate::app::App;
use crate::model::company::searchable;
use crate::model::device::{AT_ONCE_MAX, DeviceChange};
use crate::model::event::DeviceEvent;
use crate::model::permission::Permission;
use crate::model::refusal::{DeviceReason, FieldReason};
use crate::ops::actor::Actor;
use crate::ops::channels;
use crate::ops::devices::changes::{Description, DeviceInput, split, tagged};
use crate::ops::devices::lock::Locked;
use crate::ops::devices::rows::{Many, RowRefusal, refuse_all, repeated};
use crate::ops::devices::settle::{chosen, settle, together};
use crate::ops::error::{OpResult, refuse};
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::devices::NewDevice;
use crate::store::tags::Tagged;

/// Adds devices, each with its number in the request. Those with a service and auto extend take their first unit at
/// once, or wait for one.
///
/// # Errors
/// [`OpError::Rows`](crate::ops::error::OpError::Rows) if no row can be done.
pub async fn add(app: &App, actor: &Actor, operation_id: &str, rows: &[(i64, DeviceInput)]) -> OpResult<Outcome<Many>> {
    actor.require(Permission::EditDevices)?;
    check_count(rows.len())?;
    for (_, input) in rows {
        input.check_service(actor, None)?;
    }
    let new: Vec<NewDevice> = rows.iter().map(|(_, input)| input.check()).collect::<OpResult<_>>()?;
    let canonical: Vec<_> = rows.iter().map(|(n, input)| (n, input.request())).collect();
    let request = serde_json::json!(canonical).to_string();
    work_once!(app, actor, operation_id, "create_devices", &request, work => {
        let companies: Vec<i64> = rows.iter().map(|(_, input)| input.company_id).collect();
        let tags: Vec<i64> = rows.iter().flat_map(|(_, input)| &input.tags).copied().collect();
        let locked = Locked::of(work, actor, &[], &companies, &tags).await?;
        let serials: Vec<String> = new.iter().filter_map(|device| device.serial.clone()).collect();
        let taken = store::devices::taken_serials(&mut work.tx, &serials).await?;
        let mut taken: BTreeSet<String> = taken.into_iter().collect();
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        for ((n, input), device) in rows.iter().zip(&new) {
            match admit(&locked, input, device, &mut taken) {
                Ok(()) => good.push((input, device)),
                Err(why) => refused.push((*n, why)),
            }
        }
        if good.is_empty() {
            return Err(refuse_all(rows.iter().map(|(n, _)| *n), &refused));
        }
        let devices: Vec<NewDevice> = good.iter().map(|(_, device)| (*device).clone()).collect();
        let ids = store::devices::insert(&mut work.tx, &devices, work.now).await?;
        let added = || ids.iter().zip(&good);
        let with_tags: Vec<Tagged> = added().flat_map(|(id, (input, _))| tagged(*id, &input.tags)).collect();
        store::tags::assign(&mut work.tx, &with_tags).await?;
        let changes = together(added().map(|(id, (input, _))| (*id, input.change())));
        let settled = settle(app, work, actor, operation_id, changes).await?;
        for (_, device) in &good {
            let company = locked.require_company(device.company_id)?;
            work.note(actor.note_at(company.id, "device.added", device.label(), &company.name));
        }
        let channel = channels::open(app, work, actor, operation_id).await?;
        let event = DeviceEvent::ManyAdded { count: ids.len(), left_out: refused.len(), settled };
        Ok(Outcome::about(Many { channel, done: ids, refused }, event))
    })
}

fn check_count(rows: usize) -> OpResult<()> {
    match rows {
        0 => refuse("device", DeviceReason::NoneChosen),
        n if n > AT_ONCE_MAX => refuse("device", FieldReason::TooMany { maximum: AT_ONCE_MAX }),
        _ => Ok(()),
    }
}

/// Whether a device can be added; if so, its serial number is taken.
fn admit(
    locked: &Locked,
    input: &DeviceInput,
    device: &NewDevice,
    taken: &mut BTreeSet<String>,
) -> Result<(), RowRefusal> {
    locked.check_tags(&input.tags, input.company_id)?;
    let is_free = device.serial.as_deref().is_none_or(|serial| taken.insert(searchable(serial)));
    if is_free { Ok(()) } else { Err(RowRefusal::SerialTaken) }
}

/// Changes names, descriptions and tags of devices.
///
/// # Errors
/// [`OpError::Rows`](crate::ops::error::OpError::Rows) if no row can be done.
pub async fn describe(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    rows: &[(i64, Description)],
) -> OpResult<Outcome<Many>> {
    actor.require(Permission::EditDevices)?;
    check_count(rows.len())?;
    let request = serde_json::json!(rows).to_string();
    work_once!(app, actor, operation_id, "describe_devices", &request, work => {
        let ids = || rows.iter().map(|(id, _)| *id);
        let tags: Vec<i64> = rows.iter().flat_map(|(_, new)| new.tags.iter().flatten()).copied().collect();
        let locked = Locked::of(work, actor, &ids().collect::<Vec<_>>(), &[], &tags).await?;
        let repeated = repeated(ids());
        let mut refused: Vec<_> = repeated.iter().map(|id| (*id, RowRefusal::RepeatedDevice)).collect();
        let mut good = Vec::new();
        for (id, description) in rows.iter().filter(|(id, _)| !repeated.contains(id)) {
            match described(&locked, *id, description) {
                Ok(device) => good.push((*id, device)),
                Err(why) => refused.push((*id, why)),
            }
        }
        if good.is_empty() {
            return Err(refuse_all(ids(), &refused));
        }
        store::devices::describe(&mut work.tx, &good).await?;
        let done: Vec<i64> = good.iter().map(|(id, _)| *id).collect();
        let retagged = || rows.iter().filter(|(id, new)| new.tags.is_some() && done.contains(id));
        let cleared: Vec<i64> = retagged().map(|(id, _)| *id).collect();
        let with_tags: Vec<Tagged> =
            retagged().flat_map(|(id, new)| tagged(*id, new.tags.as_deref().unwrap_or_default())).collect();
        store::tags::clear(&mut work.tx, &actor.company_path, &cleared).await?;
        store::tags::assign(&mut work.tx, &with_tags).await?;
        store::devices::touch(&mut work.tx, &done, work.now).await?;
        for (_, device) in &good {
            work.note(actor.note_at(device.company_id, "device.changed", device.label(), ""));
        }
        let channel = channels::open(app, work, actor, operation_id).await?;
        let event = DeviceEvent::ManySaved { count: done.len(), left_out: refused.len() };
        Ok(Outcome::about(Many { channel, done, refused }, event))
    })
}

fn described(locked: &Locked, id: i64, description: &Description) -> Result<NewDevice, RowRefusal> {
    let before = locked.device(id).ok_or(RowRefusal::UnknownDevice)?;
    let input = description.of(before);
    locked.check_tags(&input.tags, before.company_id)?;
    // The texts themselves were checked by `Description::check`.
    input.check().map_err(|_| RowRefusal::MissingName)
}

/// Moves devices to another company. Their services and paid time go along, and so do the tags that are usable there;
/// balances stay. Devices outside the tree are left out.
///
/// # Errors
/// [`OpError::NotFound`](crate::ops::error::OpError::NotFound) if all are outside the tree; a refusal at `company`.
pub async fn put_into(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    ids: &[i64],
    company_id: i64,
) -> OpResult<Outcome<Many>> {
    actor.require(Permission::EditDevices)?;
    let ids = chosen(ids)?;
    let request = serde_json::json!([ids, company_id]).to_string();
    work_once!(app, actor, operation_id, "move_devices", &request, work => {
        let locked = Locked::of(work, actor, &ids, &[company_id], &[]).await?;
        let company = locked.require_company(company_id)?;
        let (done, refused) = split(&ids, &locked.devices)?;
        let change = DeviceChange { company_id: Some(company_id), ..DeviceChange::default() };
        let settled = settle(app, work, actor, operation_id, vec![(done.clone(), change)]).await?;
        for device in locked.devices.iter().filter(|device| device.company_id != company_id) {
            work.note(actor.note_at(device.company_id, "device.moved", device.label(), ""));
            work.note(actor.note_at(company_id, "device.moved", device.label(), &company.name));
        }
        let channel = channels::open(app, work, actor, operation_id).await?;
        let (count, left_out, company) = (done.len(), refused.len(), company.name.clone());
        let event = DeviceEvent::Moved { count, left_out, company, settled };
        Ok(Outcome::about(Many { channel, done, refused }, event))
    })
}
