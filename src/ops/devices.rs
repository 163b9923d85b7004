//! Devices, visible by tree. Changes are in `changes` and `set`; each change ends in `settle`.

pub mod changes;
pub(crate) mod lock;
pub mod many;
pub mod rows;
pub mod set;
pub mod settle;
pub mod tags;

use std::collections::{BTreeMap, HashMap};

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::permission::Permission;
use crate::store;
use crate::store::db::Tx;
use crate::store::devices::{Device, DeviceFilter, Fact};
use crate::store::history::{HistoryFilter, HistoryRow};
use crate::store::tags::DeviceTag;

/// A page of the devices that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] if the filter's company is outside the tree.
pub async fn list(app: &App, actor: &Actor, filter: &DeviceFilter) -> OpResult<Vec<Device>> {
    let scope = super::companies::scope(Permission::ViewDevices, app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    let filter = planned(&mut tx, filter).await?;
    let mut found = store::devices::list(&mut tx, &scope, &filter).await?;
    add_tags(&mut tx, actor, &mut found).await?;
    Ok(found)
}

/// The filter, knowing which of its tags are rare.
async fn planned(tx: &mut Tx, filter: &DeviceFilter) -> OpResult<DeviceFilter> {
    let mut filter = filter.clone();
    for test in &mut filter.tests {
        if let Fact::Tagged { tags, are_rare } = &mut test.fact {
            *are_rare = store::tags::are_rare(tx, tags).await?;
        }
    }
    Ok(filter)
}

/// Adds to each device those of its tags that the actor sees.
pub(crate) async fn add_tags(tx: &mut Tx, actor: &Actor, devices: &mut [Device]) -> OpResult<()> {
    let ids: Vec<i64> = devices.iter().map(|device| device.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut of_device: HashMap<i64, Vec<DeviceTag>> = HashMap::new();
    for (id, tag) in store::tags::of_devices(tx, &actor.company_path, &ids).await? {
        of_device.entry(id).or_default().push(tag);
    }
    for device in devices {
        device.tags = of_device.remove(&device.id).unwrap_or_default();
    }
    Ok(())
}

/// How many devices [`list`] returns on all its pages.
pub async fn count(app: &App, actor: &Actor, filter: &DeviceFilter) -> OpResult<i64> {
    let scope = super::companies::scope(Permission::ViewDevices, app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::devices::count(&mut tx, &scope, filter).await?)
}

/// How many devices the actor's company and all its subsidiaries have, or one company alone; and how many of them are
/// monitored. Reads counters, not devices.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`OpError::Forbidden`] for an end user without a company.
pub async fn owned(app: &App, actor: &Actor, company_id: Option<i64>) -> OpResult<(i64, i64)> {
    if let Some(id) = company_id {
        let company = super::companies::find_to(Permission::ViewDevices, app, actor, id).await?;
        return Ok((company.devices, company.monitored));
    }
    actor.require(Permission::ViewDevices)?;
    let mut tx = app.db.read_list().await?;
    Ok(store::devices::owned(&mut tx, &actor.company_path).await?)
}

/// Counts for charts: how many devices are in which state of RMS, and of which model.
#[derive(Debug)]
pub struct Statistics {
    pub total: i64,
    pub never_paid: i64,
    pub models: BTreeMap<String, i64>,
}

/// The statistics of the devices that the actor sees, or of one company's alone.
///
/// # Errors
/// As [`list`].
pub async fn statistics(app: &App, actor: &Actor, company_id: Option<i64>) -> OpResult<Statistics> {
    let scope = super::companies::scope(Permission::ViewDevices, app, actor, company_id).await?;
    let mut tx = app.db.read_list().await?;
    let models: BTreeMap<String, i64> = store::devices::by_model(&mut tx, &scope).await?.into_iter().collect();
    let never_paid = store::devices::never_paid(&mut tx, &scope).await?;
    drop(tx);
    // Of companies, devices are counted already.
    let company_id = company_id.or((!actor.may.view_devices()).then_some(actor.company_id));
    let (total, _) = owned(app, actor, company_id).await?;
    Ok(Statistics { total, never_paid, models })
}

/// A device that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] for any other.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Device> {
    find_many(app, actor, &[id]).await?.pop().ok_or(OpError::NotFound)
}

/// Those of the devices that the actor sees, in ascending order of id.
pub async fn find_many(app: &App, actor: &Actor, ids: &[i64]) -> OpResult<Vec<Device>> {
    let mut tx = app.db.read().await?;
    let mut found = store::devices::find_many(&mut tx, &actor.company_path, ids).await?;
    found.retain(|d| actor.may.view_devices() || d.company_id == actor.company_id);
    add_tags(&mut tx, actor, &mut found).await?;
    Ok(found)
}

/// The units that a device has used, latest first. If a company above the actor's paid, it is not named.
///
/// # Errors
/// As [`find`].
pub async fn history(app: &App, actor: &Actor, id: i64, filter: &HistoryFilter) -> OpResult<Vec<HistoryRow>> {
    find(app, actor, id).await?;
    let mut tx = app.db.read_list().await?;
    let mut rows = store::history::of_device(&mut tx, id, &actor.company_path, filter).await?;
    rows.iter_mut().for_each(|row| super::history::hide_strangers(actor, row));
    Ok(rows)
}
