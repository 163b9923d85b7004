//! Sets service, auto extend and monitoring of many devices at once.

use crate::app::App;
use crate::model::device::DeviceChange;
use crate::model::event::DeviceEvent;
use crate::model::permission::Permission;
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::channels;
use crate::ops::devices::lock::Locked;
use crate::ops::devices::rows::{Many, RowRefusal, repeated};
use crate::ops::devices::settle::{chosen, note_change, settle, together};
use crate::ops::error::{OpError, OpResult};
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

/// Sets service, auto extend and monitoring of many devices. Leaves out rows that are impossible, and all rows of a
/// device that several name; the outcome refers to these. If no row is left, the act is refused.
///
/// # Errors
/// [`DeviceReason::NoneChosen`], too many at once; a refusal at `device` or `service` if no row is left.
pub async fn set_many(app: &App, actor: &Actor, operation_id: &str, rows: &[DeviceRow]) -> OpResult<Outcome<Many>> {
    actor.require(Permission::SetService)?;
    let ids = chosen(&rows.iter().map(|r| r.device_id).collect::<Vec<_>>())?;
    let canonical =
        |r: &DeviceRow| (r.device_id, r.service.map(|s| s.map(ResourceType::id)), r.auto_extend, r.monitoring);
    let request = serde_json::json!(rows.iter().map(canonical).collect::<Vec<_>>()).to_string();
    work_once!(app, actor, operation_id, "set_devices", &request, work => {
        // Monitored devices are counted on their companies.
        let found = Locked::of(work, actor, &ids, &[], &[]).await?.devices;
        let (changes, refused) = sort_rows(rows, &found);
        if let (true, Some((_, why))) = (changes.is_empty(), refused.first()) {
            return match why {
                RowRefusal::UnknownDevice => Err(OpError::NotFound),
                why => Err((*why).into()),
            };
        }
        for (devices, change) in &changes {
            note_change(work, actor, devices, change, &found);
        }
        let done: Vec<i64> = changes.iter().flat_map(|(devices, _)| devices).copied().collect();
        let settled = settle(app, work, actor, operation_id, changes).await?;
        let channel = channels::open(app, work, actor, operation_id).await?;
        let event = DeviceEvent::Set { count: done.len(), left_out: refused.len(), settled };
        Ok(Outcome::about(Many { channel, done, refused }, event))
    })
}

type Changes = Vec<(Vec<i64>, DeviceChange)>;

/// Groups the rows that set the same, and separates those that are impossible.
fn sort_rows(rows: &[DeviceRow], found: &[Device]) -> (Changes, Vec<(i64, RowRefusal)>) {
    let repeated = repeated(rows.iter().map(|row| row.device_id));
    let mut refused: Vec<_> = repeated.iter().map(|id| (*id, RowRefusal::RepeatedDevice)).collect();
    let mut changes = Vec::new();
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
        changes.push((row.device_id, DeviceChange { service, auto_extend, monitoring, ..DeviceChange::default() }));
    }
    (together(changes.into_iter()), refused)
}
