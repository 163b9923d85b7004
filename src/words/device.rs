//! Problems with a device, and what was done to devices.

use super::{Notice, Worded, invalid, missing};
use crate::model::amount::grouped;
use crate::model::event::{DeviceEvent, Settled};
use crate::model::hardware::SERIES;
use crate::model::refusal::DeviceReason;

pub(super) const SERIAL_TAKEN: &str = "There is a device with this serial number already.";
pub(super) const MALFORMED_MAC: &str = "A MAC address has twelve digits from 0 to F, such as 00:1E:42:0A:BC:FF.";
pub(super) const MALFORMED_IMEI: &str = "An IMEI has 14 to 16 digits.";
pub(super) const UNSUITABLE_SERVICE: &str =
    "An apartment runs on apartment subscriptions, and a device on any other service.";

pub(super) fn device(reason: &DeviceReason) -> Worded {
    match reason {
        DeviceReason::Unknown => invalid("UNKNOWN_DEVICE", "There is no such device among yours."),
        DeviceReason::Repeated => {
            invalid("REPEATED_DEVICE", "Another row names the same device. Send one row for each device.")
        }
        DeviceReason::NoneChosen => invalid("NOTHING_CHOSEN", "Choose at least one device."),
        DeviceReason::MissingSerial => missing("Enter the serial number. It is on the device."),
        DeviceReason::MissingApartment => {
            missing("Enter a name for the apartment, such as “Harbour Street 5, flat 12”.")
        }
        DeviceReason::SerialTaken => invalid("SERIAL_TAKEN", SERIAL_TAKEN),
        DeviceReason::UnknownService => invalid("UNKNOWN_TYPE", "There is no such service. Choose one of the list."),
        DeviceReason::UnsuitableService => invalid("UNSUITABLE_SERVICE", UNSUITABLE_SERVICE),
        DeviceReason::MalformedMac => invalid("NOT_A_MAC", MALFORMED_MAC),
        DeviceReason::MalformedImei => invalid("NOT_AN_IMEI", MALFORMED_IMEI),
        DeviceReason::UnknownSeries => {
            invalid("UNKNOWN_SERIES", format!("There is no such series. Choose one of: {}.", SERIES.join(", ")))
        }
    }
}

pub(super) fn event(event: &DeviceEvent) -> Notice {
    match event {
        DeviceEvent::Added { id, label, company, settled } => {
            let settled = self::settled(*settled);
            Notice::done("Create", format!("{label} (#{id}) was added to {company}.{settled}"))
        }
        DeviceEvent::Saved { label, settled } => {
            Notice::done("Update", format!("{label} was saved.{}", self::settled(*settled)))
        }
        DeviceEvent::Set { count, left_out, settled } => {
            let left_out = match left_out {
                0 => String::new(),
                n => format!(
                    " {} left out: the service does not suit, the device is not among yours, or it was named twice.",
                    counted(*n)
                ),
            };
            let settled = self::settled(*settled);
            Notice::done("Update", format!("{} changed.{settled}{left_out}", counted(*count)))
        }
        DeviceEvent::Removed { count } => Notice::done("Remove", format!("{} removed.", counted(*count))),
        DeviceEvent::ManyAdded { count, left_out, settled } => {
            let settled = self::settled(*settled);
            Notice::done("Create", format!("{} added.{settled}{}", counted(*count), self::left_out(*left_out)))
        }
        DeviceEvent::ManySaved { count, left_out } => {
            Notice::done("Update", format!("{} saved.{}", counted(*count), self::left_out(*left_out)))
        }
        DeviceEvent::Moved { count, left_out, company, settled } => {
            let (settled, left_out) = (self::settled(*settled), self::left_out(*left_out));
            Notice::done("Move", format!("{} moved to {company}.{settled}{left_out}", counted(*count)))
        }
        DeviceEvent::Tagged { count, left_out } => {
            let left_out = self::left_out(*left_out);
            Notice::done("Update", format!("The tags of {} were set.{left_out}", counted(*count)))
        }
    }
}

fn left_out(rows: usize) -> String {
    if rows == 0 { String::new() } else { format!(" {} left out.", counted(rows)) }
}

fn settled(settled: Settled) -> String {
    let paid = match settled.paid {
        0 => String::new(),
        1 => " 1 unit was used.".to_owned(),
        n => format!(" {} units were used.", grouped(n as i64)),
    };
    let waiting = match settled.waiting {
        0 => "",
        1 => " It waits for units: there are none left.",
        _ => " Some wait for units: there are not enough left.",
    };
    paid + waiting
}

fn counted(devices: usize) -> String {
    if devices == 1 { "1 device".to_owned() } else { format!("{} devices", grouped(devices as i64)) }
}
