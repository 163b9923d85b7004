//! What devices consume: when their paid time ends, and at once when units arrive.

use super::command::Rules;
use super::footprint::Footprint;
use super::line::Line;
use super::operation::{ActorFacts, Operation, Transfer};
use super::refusal::{Refusal, Stop, Unloaded};
use super::state::{AccountKey, Ledger};
use super::words::{Cause, Kind};
use crate::model::device::{DeviceChange, DeviceState};
use crate::model::resources::ResourceType;

/// How many waiting devices one operation serves with what it brings; the renewal job serves the rest.
pub const SERVED_MAX: usize = 1_000;

/// Changes devices, and pays for those that run, extend themselves and are not paid. Without a change it is a renewal.
#[derive(Debug, Clone)]
pub struct SetDevices {
    pub devices: Vec<i64>,
    pub change: DeviceChange,
}

impl Rules for SetDevices {
    fn footprint(&self, _: &ActorFacts, touches: &mut Footprint<'_>) {
        if let Some(company_id) = self.change.company_id {
            touches.company(company_id);
        }
        for id in &self.devices {
            let Some(device) = touches.device(*id) else { continue };
            touches.lineage(device.company_id);
            if let Some(service) = self.change.service.unwrap_or(device.service) {
                touches.payers(self.change.company_id.unwrap_or(device.company_id), service);
            }
        }
        touches.new_transfers(self.devices.len());
    }

    fn decide(&self, ledger: &mut Ledger, operation: &Operation) -> Result<Vec<Transfer>, Stop> {
        for id in &self.devices {
            let device = ledger.device(*id)?.filter(|d| d.removed_at.is_none());
            let company_id = device.ok_or(Refusal::UnknownDevice)?.company_id;
            ledger.company_in_tree(&operation.actor, company_id)?.ok_or(Refusal::UnknownDevice)?;
        }
        if let Some(company_id) = self.change.company_id {
            ledger.company_in_tree(&operation.actor, company_id)?.ok_or(Refusal::UnknownTarget)?;
        }
        let mut transfers = Vec::new();
        for id in &self.devices {
            let Some(before) = ledger.device(*id)?.cloned() else { continue };
            let mut device = before.clone();
            device.change(&self.change, operation.at);
            if let Some(service) = device.settle(operation.at) {
                let pool = (device.company_id, service);
                match ledger.pay(operation, transfers.len(), *id, &device.label, pool)? {
                    Some(transfer) => {
                        device.extend(service, operation.at);
                        transfers.push(transfer);
                    }
                    None => device.wait(operation.at),
                }
            }
            ledger.set_device(before, device);
        }
        Ok(transfers)
    }
}

/// Extends the devices that wait for what the transfers bring, the longest-waiting first.
pub(super) fn serve_waiting(
    ledger: &mut Ledger,
    operation: &Operation,
    transfers: &mut Vec<Transfer>,
) -> Result<(), Unloaded> {
    let arrivals: Vec<(i64, ResourceType)> = transfers
        .iter()
        // Units that only pass through the balance on their way into another code serve nobody.
        .filter(|t| t.to.1 == Kind::Available && t.cause != Cause::Replace)
        .map(|t| (t.to.0, t.resource_type))
        .collect();
    for (company_id, resource_type) in arrivals {
        for id in ledger.waiting_for(company_id, resource_type)? {
            let Some(before) = ledger.device(id)?.cloned() else { continue };
            let pool = (before.company_id, resource_type);
            let Some(transfer) = ledger.pay(operation, transfers.len(), id, &before.label, pool)? else {
                continue;
            };
            let mut device = before.clone();
            device.extend(resource_type, operation.at);
            transfers.push(transfer);
            ledger.set_device(before, device);
        }
    }
    Ok(())
}

impl Footprint<'_> {
    /// A company and all companies above it.
    fn lineage(&mut self, company_id: i64) {
        for id in self.company(company_id).map_or_else(Vec::new, |c| c.path.ids()) {
            self.company(id);
        }
    }
}

impl Ledger {
    /// The waiting devices that this balance would pay for, in the order of service.
    fn waiting_for(&self, company_id: i64, resource_type: ResourceType) -> Result<Vec<i64>, Unloaded> {
        let is_waited_for = self.company(company_id)?.is_some_and(|c| c.is_waited_for);
        if is_waited_for && !self.holds_arrivals(company_id, resource_type) {
            return Err(Unloaded::Arrivals(company_id, resource_type));
        }
        let mut waiting = Vec::new();
        for device in self.devices_held() {
            let waits = device.state == DeviceState::Waiting && device.service == Some(resource_type);
            if waits && self.payers(device.company_id)?.contains(&company_id) {
                waiting.push((device.waiting_since, device.id));
            }
        }
        waiting.sort_unstable();
        Ok(waiting.into_iter().take(SERVED_MAX).map(|(_, id)| id).collect())
    }

    /// The companies that pay, in order: this one, and those above it as long as each uses its parent's credits.
    ///
    /// # Errors
    /// If one of them is not loaded.
    pub fn payers(&self, company_id: i64) -> Result<Vec<i64>, Unloaded> {
        let mut payers = Vec::new();
        let mut above = self.company(company_id)?.map_or_else(Vec::new, |c| c.path.ids());
        while let Some(id) = above.pop() {
            payers.push(id);
            if !self.company(id)?.is_some_and(|c| c.uses_parent_credits) {
                break;
            }
        }
        Ok(payers)
    }

    /// Takes one unit for a device from the nearest company that has one.
    fn pay(
        &mut self,
        operation: &Operation,
        seq: usize,
        device_id: i64,
        label: &str,
        (company_id, resource_type): (i64, ResourceType),
    ) -> Result<Option<Transfer>, Unloaded> {
        let mut payer = None;
        for id in self.payers(company_id)? {
            if self.account(AccountKey::new(id, resource_type, Kind::Available))?.balance > 0 {
                payer = Some(id);
                break;
            }
        }
        let Some(payer) = payer else { return Ok(None) };
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
        match self.check(&line, 1) {
            Ok(()) => self.transfer(operation, seq as i64, &line).map(Some),
            Err(Stop::Refused(_)) => Ok(None),
            Err(Stop::Unloaded(what)) => Err(what),
        }
    }
}
