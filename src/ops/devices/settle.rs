//! The end of every change of devices: lets the ledger set them, and takes off the tags that they cannot keep.

use crate::app::App;
use crate::ledger;
use crate::model::device::{AT_ONCE_MAX, DeviceChange};
use crate::model::event::Settled;
use crate::model::ledger::{Cause, Command, Operation, SetDevices};
use crate::model::refusal::{DeviceReason, FieldReason};
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::work::Work;
use crate::store;
use crate::store::devices::Device;

/// Lets the ledger set devices within an act, and pay for those that must be paid.
pub(crate) async fn settle(
    app: &App,
    work: &mut Work,
    actor: &Actor,
    operation_id: &str,
    changes: Vec<(Vec<i64>, DeviceChange)>,
) -> OpResult<Settled> {
    let ids = |is_wanted: fn(&DeviceChange) -> bool| -> Vec<i64> {
        changes.iter().filter(|(_, change)| is_wanted(change)).flat_map(|(ids, _)| ids).copied().collect()
    };
    let changed = ids(|_| true);
    let moved = ids(|change| change.company_id.is_some());
    let removed = ids(|change| change.is_removed);
    let operations: Vec<Operation> = changes
        .into_iter()
        .enumerate()
        .map(|(n, (devices, change))| Operation {
            actor: actor.for_ledger(),
            // The act is recorded under its own id, and the devices' operations under ids derived from it: no
            // request's id has a line break, so they never clash.
            id: format!("{operation_id}\n{n}"),
            fingerprint: app.keys.fingerprint(&format!("{devices:?} {change:?}")),
            at: work.now,
            command: Command::SetDevices(SetDevices { devices, change }),
        })
        .collect();
    let run = ledger::run(&mut work.tx, &app.keys, &app.rng, &operations).await?;
    if run.decisions.iter().any(|decision| !matches!(decision, Some(Ok(_)))) {
        // Locked rows are as they were checked. If something slipped in all the same, the act is retried.
        return Err(OpError::Collision);
    }
    store::devices::touch(&mut work.tx, &changed, work.now).await?;
    if !moved.is_empty() {
        store::tags::keep_usable(&mut work.tx, &moved).await?;
    }
    if !removed.is_empty() {
        store::tags::clear_removed(&mut work.tx, &removed).await?;
    }
    let changes = run.ledger.changes();
    let paid = changes.transfers.iter().filter(|t| t.cause == Cause::Spend).count();
    let waits =
        |id: &&i64| matches!(run.ledger.device(**id), Ok(Some(device)) if device.waiting_since == Some(work.now));
    Ok(Settled { paid, waiting: changes.devices.keys().filter(waits).count() })
}

/// Groups the devices that get the same change.
pub(crate) fn together(changes: impl Iterator<Item = (i64, DeviceChange)>) -> Vec<(Vec<i64>, DeviceChange)> {
    let mut grouped: Vec<(Vec<i64>, DeviceChange)> = Vec::new();
    for (id, change) in changes {
        match grouped.iter_mut().find(|(_, other)| *other == change) {
            Some((devices, _)) => devices.push(id),
            None => grouped.push((vec![id], change)),
        }
    }
    grouped
}

pub(super) fn note_change(work: &mut Work, actor: &Actor, ids: &[i64], change: &DeviceChange, found: &[Device]) {
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

pub(super) fn chosen(ids: &[i64]) -> OpResult<Vec<i64>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        0 => refuse("device", DeviceReason::NoneChosen),
        n if n > AT_ONCE_MAX => refuse("device", FieldReason::TooMany { maximum: AT_ONCE_MAX }),
        _ => Ok(ids),
    }
}
