//! Devices, visible by tree. Changes are in `changes` and `set`; each change ends in `settle`.

pub mod changes;
pub mod set;
pub mod settle;

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::store;
use crate::store::devices::{Device, DeviceFilter};
use crate::store::history::{HistoryFilter, HistoryRow};

/// A page of the devices that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] if the filter's company is outside the tree.
pub async fn list(app: &App, actor: &Actor, filter: &DeviceFilter) -> OpResult<Vec<Device>> {
    let scope = super::companies::scope(app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::devices::list(&mut tx, &scope, filter).await?)
}

/// How many devices [`list`] returns on all its pages.
pub async fn count(app: &App, actor: &Actor, filter: &DeviceFilter) -> OpResult<i64> {
    let scope = super::companies::scope(app, actor, filter.company_id).await?;
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

/// Those of the devices that the actor sees, in ascending order of id.
pub async fn find_many(app: &App, actor: &Actor, ids: &[i64]) -> OpResult<Vec<Device>> {
    let mut tx = app.db.read().await?;
    let mut found = store::devices::find_many(&mut tx, &actor.company_path, ids).await?;
    found.retain(|d| actor.sees_tree() || d.company_id == actor.company_id);
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
