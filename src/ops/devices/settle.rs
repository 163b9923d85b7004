//! The end of every change of devices: locks their companies, lets the ledger set them, and records it in the history.

use crate::app::App;
use crate::ledger;
use crate::model::device::DeviceChange;
use crate::model::event::Settled;
use crate::model::ledger::{Cause, Command, Operation, SetDevices};
use crate::model::refusal::{CompanyReason, DeviceReason, FieldReason};
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::work::Work;
use crate::store;
use crate::store::devices::Device;

/// How many devices one act changes.
pub const AT_ONCE_MAX: usize = 1_000;

/// Lets the ledger set devices within an act, and pay for those that must be paid.
pub(crate) async fn settle(
    app: &App,
    work: &mut Work,
    actor: &Actor,
    operation_id: &str,
    changes: Vec<(Vec<i64>, DeviceChange)>,
) -> OpResult<Settled> {
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
    let changes = run.ledger.changes();
    let paid = changes.transfers.iter().filter(|t| t.cause == Cause::Spend).count();
    let waits =
        |id: &&i64| matches!(run.ledger.device(**id), Ok(Some(device)) if device.waiting_since == Some(work.now));
    Ok(Settled { paid, waiting: changes.devices.keys().filter(waits).count() })
}

pub(super) async fn lock_company(work: &mut Work, actor: &Actor, id: i64) -> OpResult<store::companies::LockedCompany> {
    let mut found = store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?;
    found.pop().map_or_else(|| refuse("company", CompanyReason::Unknown), Ok)
}

/// Reads devices of the tree whose companies are locked, and the company that they may move to.
pub(super) async fn lock_devices(
    work: &mut Work,
    actor: &Actor,
    ids: &[i64],
    to: Option<i64>,
) -> OpResult<Vec<Device>> {
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
