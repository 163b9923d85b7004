//! What devices take: by themselves when their time is over, and at once when units arrive.

use super::decide::Line;
use super::operation::{Operation, Refusal, Transfer};
use super::state::{AccountKey, Ledger};
use super::words::{Cause, Kind};
use crate::model::device::{DeviceChange, DeviceState};
use crate::model::resources::ResourceType;

/// How many waiting devices one operation serves with what it brings; the renewal job serves the rest.
pub const SERVED_MAX: usize = 1_000;

/// Changes devices, and settles each: it is paid, waits, or needs nothing.
pub(super) fn set_devices(
    ledger: &mut Ledger,
    operation: &Operation,
    devices: &[i64],
    change: &DeviceChange,
) -> Result<Vec<Transfer>, Refusal> {
    for id in devices {
        let device =
            ledger.devices.get(id).filter(|d| d.removed_at.is_none()).ok_or(Refusal::UnknownDevice)?;
        ledger.company_in_tree(&operation.actor, device.company_id).ok_or(Refusal::UnknownDevice)?;
    }
    if let Some(company_id) = change.company_id {
        ledger.company_in_tree(&operation.actor, company_id).ok_or(Refusal::UnknownTarget)?;
    }
    let mut transfers = Vec::new();
    for id in devices {
        let Some(before) = ledger.devices.get(id).cloned() else { continue };
        let mut device = before.clone();
        device.change(change, operation.at);
        if let Some(service) = device.settle(operation.at) {
            match ledger.pay(operation, transfers.len(), *id, &device.label, (device.company_id, service)) {
                Some(transfer) => {
                    device.extend(service, operation.at);
                    transfers.push(transfer);
                }
                None => device.wait(operation.at),
            }
        }
        if device != before {
            ledger.devices.insert(*id, device);
            ledger.changes.devices.entry(*id).or_insert(before);
        }
    }
    Ok(transfers)
}

/// Extends the devices that wait for what the transfers bring, the longest waiting first.
pub(super) fn serve_waiting(ledger: &mut Ledger, operation: &Operation, transfers: &mut Vec<Transfer>) {
    let arrivals: Vec<(i64, ResourceType)> = transfers
        .iter()
        // What passes through the balance on its way into another code serves nobody.
        .filter(|t| t.to.1 == Kind::Available && t.cause != Cause::Replace)
        .map(|t| (t.to.0, t.resource_type))
        .collect();
    for (company_id, resource_type) in arrivals {
        for id in ledger.waiting_for(company_id, resource_type) {
            let Some(before) = ledger.devices.get(&id).cloned() else { continue };
            let pool = (before.company_id, resource_type);
            let Some(transfer) = ledger.pay(operation, transfers.len(), id, &before.label, pool) else {
                continue;
            };
            let mut device = before.clone();
            device.extend(resource_type, operation.at);
            transfers.push(transfer);
            ledger.devices.insert(id, device);
            ledger.changes.devices.entry(id).or_insert(before);
        }
    }
}

impl Ledger {
    /// The waiting devices that this balance would pay for, in the order in which they are served.
    fn waiting_for(&self, company_id: i64, resource_type: ResourceType) -> Vec<i64> {
        let mut waiting: Vec<_> = self
            .devices
            .values()
            .filter(|d| d.state == DeviceState::Waiting && d.service == Some(resource_type))
            .filter(|d| self.payers(d.company_id).any(|id| id == company_id))
            .map(|d| (d.waiting_since, d.id))
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().take(SERVED_MAX).map(|(_, id)| id).collect()
    }

    /// The company, and those above it as long as each uses its parent's credits: who pays, in order.
    pub fn payers(&self, company_id: i64) -> impl Iterator<Item = i64> {
        let mut path = self.companies.get(&company_id).map_or_else(Vec::new, |c| c.path.ids());
        let mut goes_on = true;
        std::iter::from_fn(move || {
            let id = path.pop().filter(|_| goes_on)?;
            goes_on = self.companies.get(&id).is_some_and(|c| c.uses_parent_credits);
            Some(id)
        })
    }

    /// Takes one unit for a device from the nearest company that has one.
    fn pay(
        &mut self,
        operation: &Operation,
        seq: usize,
        device_id: i64,
        label: &str,
        (company_id, resource_type): (i64, ResourceType),
    ) -> Option<Transfer> {
        let has_units = |id: &i64| {
            let key = AccountKey::new(*id, resource_type, Kind::Available);
            self.accounts.get(&key).is_some_and(|a| a.balance > 0)
        };
        let payer = self.payers(company_id).find(has_units)?;
        let line = Line {
            cause: Cause::Spend,
            resource_type,
            amount: 1,
            from: (payer, Kind::Available),
            to: (payer, Kind::Spent),
            code_id: None,
            device_id: Some(device_id),
            memo: label,
        };
        self.check(&line, 1).ok()?;
        Some(self.transfer(operation, seq as i64, &line))
    }
}
