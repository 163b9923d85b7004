//! Devices: which service each runs on, how long that is paid, and its state.
//!
//! | state | when |
//! |---|---|
//! | off | it has no service, or monitoring is off. Paid time runs on; nothing is charged or returned |
//! | active | it runs and is paid |
//! | waiting | it runs and extends itself, but nobody could pay: it is served when units arrive |
//! | expired | it runs, its paid time has passed, and it does not extend itself |
//!
//! A device that runs, extends itself and is not paid takes one unit at once. The period begins where the previous one
//! ended if the renewal comes within [`LATE_SECONDS`] of that, otherwise at the moment of payment. So nobody pays for
//! time in which the portal was down or the device waited.

use super::resources::{ResourceType, Term};
use super::time::Moment;

/// A renewal this late still begins where the previous period ended: only the job is late.
pub const LATE_SECONDS: i64 = 3_600;
pub const SERIAL_LENGTH_MAX: usize = 100;
pub const NAME_LENGTH_MAX: usize = 200;
/// How many devices one request changes.
pub const AT_ONCE_MAX: usize = 1_000;
pub const DESCRIPTION_LENGTH_MAX: usize = 1_000;

/// A real device, identified by its serial number, or an apartment, identified by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceKind {
    #[default]
    Device,
    Apartment,
}

impl DeviceKind {
    pub const ALL: [DeviceKind; 2] = [DeviceKind::Device, DeviceKind::Apartment];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            DeviceKind::Device => "device",
            DeviceKind::Apartment => "apartment",
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            DeviceKind::Device => "Device",
            DeviceKind::Apartment => "Apartment",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<DeviceKind> {
        DeviceKind::ALL.into_iter().find(|k| k.slug() == slug)
    }

    /// Whether this kind of device can run on the service.
    #[must_use]
    pub fn suits(self, service: ResourceType) -> bool {
        (self == DeviceKind::Apartment) == (service == ResourceType::APARTMENT_YEAR)
    }
}

/// See the table at the top of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceState {
    Active,
    Waiting,
    Expired,
    Off,
}

impl DeviceState {
    pub const ALL: [DeviceState; 4] =
        [DeviceState::Active, DeviceState::Waiting, DeviceState::Expired, DeviceState::Off];

    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            DeviceState::Active => "active",
            DeviceState::Waiting => "waiting",
            DeviceState::Expired => "expired",
            DeviceState::Off => "off",
        }
    }

    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            DeviceState::Active => "Active",
            DeviceState::Waiting => "Waiting",
            DeviceState::Expired => "Expired",
            DeviceState::Off => "Off",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<DeviceState> {
        DeviceState::ALL.into_iter().find(|s| s.slug() == slug)
    }
}

/// A device as the ledger sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceFacts {
    pub id: i64,
    pub company_id: i64,
    /// The serial number, or an apartment's name, recorded in its transfers.
    pub label: String,
    pub monitoring: bool,
    pub service: Option<ResourceType>,
    pub auto_extend: bool,
    pub paid_until: Option<Moment>,
    pub state: DeviceState,
    pub waiting_since: Option<Moment>,
    pub removed_at: Option<Moment>,
}

/// A change of a device; `None` fields stay unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceChange {
    pub service: Option<Option<ResourceType>>,
    pub auto_extend: Option<bool>,
    pub monitoring: Option<bool>,
    pub company_id: Option<i64>,
    pub is_removed: bool,
}

impl DeviceFacts {
    /// Applies a change. Call [`DeviceFacts::settle`] next.
    pub fn change(&mut self, change: &DeviceChange, now: Moment) {
        let service = change.service.unwrap_or(self.service);
        if service != self.service {
            // A device that now waits for other units starts waiting from scratch.
            self.waiting_since = None;
        }
        self.service = service;
        self.auto_extend = change.auto_extend.unwrap_or(self.auto_extend);
        self.monitoring = change.monitoring.unwrap_or(self.monitoring);
        self.company_id = change.company_id.unwrap_or(self.company_id);
        self.removed_at = self.removed_at.or(change.is_removed.then_some(now));
    }

    /// Puts the device into its proper state, or returns the units that it must take; then [`DeviceFacts::extend`] or
    /// [`DeviceFacts::wait`] comes next.
    #[must_use]
    pub fn settle(&mut self, now: Moment) -> Option<ResourceType> {
        let service = self.service.filter(|_| self.monitoring && self.removed_at.is_none());
        let is_paid = self.paid_until.is_some_and(|end| end > now);
        if !is_paid && self.auto_extend && service.is_some() {
            return service;
        }
        self.waiting_since = None;
        self.state = match (service, is_paid) {
            (None, _) => DeviceState::Off,
            (Some(_), true) => DeviceState::Active,
            (Some(_), false) => DeviceState::Expired,
        };
        None
    }

    /// Extends the device by one period, for one paid unit.
    pub fn extend(&mut self, service: ResourceType, now: Moment) {
        let is_in_time = |end: &Moment| self.state == DeviceState::Active && now <= end.plus_seconds(LATE_SECONDS);
        let begin = self.paid_until.filter(is_in_time).unwrap_or(now);
        self.paid_until = Some(period_end(service, begin));
        self.state = DeviceState::Active;
        self.waiting_since = None;
    }

    /// Nobody could pay.
    pub fn wait(&mut self, now: Moment) {
        self.state = DeviceState::Waiting;
        self.waiting_since = self.waiting_since.or(Some(now));
    }

    /// The company and type of the units that it waits for.
    #[must_use]
    pub fn waits_for(&self) -> Option<(i64, ResourceType)> {
        let service = self.service.filter(|_| self.state == DeviceState::Waiting)?;
        Some((self.company_id, service))
    }

    /// The company, type and day of its next renewal.
    #[must_use]
    pub fn renewal_day(&self) -> Option<(i64, ResourceType, i64)> {
        let renews = self.state == DeviceState::Active && self.auto_extend && self.removed_at.is_none();
        Some((self.company_id, self.service.filter(|_| renews)?, self.paid_until?.day()))
    }
}

/// The end of a period that begins at `begin`.
#[must_use]
pub fn period_end(service: ResourceType, begin: Moment) -> Moment {
    match service.term() {
        Term::Days(days) => begin.plus_seconds(days * 86_400),
        Term::Months(months) => begin.plus_months(months),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn device() -> DeviceFacts {
        DeviceFacts {
            id: 1,
            company_id: 1,
            label: "SN1".into(),
            monitoring: true,
            service: Some(ResourceType::CREDIT),
            auto_extend: true,
            paid_until: None,
            state: DeviceState::Off,
            waiting_since: None,
            removed_at: None,
        }
    }

    #[test]
    fn a_renewal_in_time_begins_where_the_last_period_ended() {
        let mut device = device();
        assert_eq!(device.settle(Moment(0)), Some(ResourceType::CREDIT));
        device.extend(ResourceType::CREDIT, Moment(0));
        let end = Moment(0).plus_seconds(30 * DAY);
        assert_eq!((device.paid_until, device.settle(Moment(0))), (Some(end), None));
        let late = end.plus_seconds(LATE_SECONDS);
        assert!(device.settle(late).is_some());
        device.extend(ResourceType::CREDIT, late);
        assert_eq!(device.paid_until, Some(end.plus_seconds(30 * DAY)));
    }

    #[test]
    fn time_without_service_is_not_charged() {
        let mut device = device();
        device.extend(ResourceType::CREDIT, Moment(0));
        let much_later = Moment(0).plus_seconds(400 * DAY);
        device.extend(ResourceType::CREDIT, much_later);
        assert_eq!(device.paid_until, Some(much_later.plus_seconds(30 * DAY)));
        device.wait(much_later);
        device.extend(ResourceType::CREDIT, much_later.plus_seconds(31 * DAY));
        assert_eq!(device.paid_until, Some(much_later.plus_seconds(61 * DAY)));
    }

    #[test]
    fn states_follow_from_service_monitoring_and_time() {
        let now = Moment(0);
        let with = |change: DeviceChange| {
            let mut device = device();
            device.extend(ResourceType::CREDIT, now);
            device.change(&change, now);
            assert_eq!(device.settle(now), None, "{change:?}");
            device.state
        };
        assert_eq!(with(DeviceChange::default()), DeviceState::Active);
        assert_eq!(with(DeviceChange { service: Some(None), ..Default::default() }), DeviceState::Off);
        assert_eq!(with(DeviceChange { monitoring: Some(false), ..Default::default() }), DeviceState::Off);
        assert_eq!(with(DeviceChange { is_removed: true, ..Default::default() }), DeviceState::Off);
        let mut unpaid = DeviceFacts { auto_extend: false, ..device() };
        assert_eq!((unpaid.settle(now), unpaid.state), (None, DeviceState::Expired));
    }

    #[test]
    fn apartments_run_only_on_apartment_subscriptions() {
        for service in ResourceType::all() {
            let is_apartments = service.slug() == "apartment_year";
            assert_eq!(DeviceKind::Apartment.suits(service), is_apartments);
            assert_eq!(DeviceKind::Device.suits(service), !is_apartments);
        }
    }
}
