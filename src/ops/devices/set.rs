//! Sets service, auto extend and monitoring of many devices at once.

use std::collections::BTreeSet;

use crate::app::App;
use crate::model::device::DeviceChange;
use crate::model::event::DeviceEvent;
use crate::model::refusal::DeviceReason;
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::devices::settle::{chosen, lock_devices, note_change, settle};
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::work::{Outcome, work_once};
use crate::store::devices::Device;

/// What to set of one device; `None` leaves it.
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
    /// Another row names the same device, and nothing says which of them should win.
    RepeatedDevice,
    /// There is no such device in the actor's tree.
    UnknownDevice,
    /// See [`DeviceReason::UnsuitableService`].
    UnsuitableService,
}

/// Sets service, auto extend and monitoring of many devices. Leaves out rows that are impossible, and all rows of a
/// device that several name; the outcome refers to these. If no row is left, the act is refused.
///
/// # Errors
/// [`DeviceReason::NoneChosen`], too many at once; a refusal at `device` or `service` if no row is left.
pub async fn set_many(app: &App, actor: &Actor, operation_id: &str, rows: &[DeviceRow]) -> OpResult<Outcome<Refused>> {
    actor.require_admin()?;
    let ids = chosen(&rows.iter().map(|r| r.device_id).collect::<Vec<_>>())?;
    let canonical =
        |r: &DeviceRow| (r.device_id, r.service.map(|s| s.map(ResourceType::id)), r.auto_extend, r.monitoring);
    let request = serde_json::json!(rows.iter().map(canonical).collect::<Vec<_>>()).to_string();
    work_once!(app, actor, operation_id, "set_devices", &request, work => {
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
        let settled = settle(app, work, actor, operation_id, changes).await?;
        let left_out = refused.len();
        Ok(Outcome::about(refused, DeviceEvent::Set { count, left_out, settled }))
    })
}

type Changes = Vec<(Vec<i64>, DeviceChange)>;
/// Rows that were left out: the device of each, and why.
pub type Refused = Vec<(i64, RowRefusal)>;

/// Groups the rows that set the same, and separates those that are impossible.
fn sort_rows(rows: &[DeviceRow], found: &[Device]) -> (Changes, Refused) {
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
