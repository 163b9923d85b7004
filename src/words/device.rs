//! What is wrong with a device.

use super::{Worded, invalid, missing};
use crate::model::refusal::DeviceReason;

pub(super) const SERIAL_TAKEN: &str = "There is a device with this serial number already.";
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
        DeviceReason::UnknownService => {
            invalid("UNKNOWN_TYPE", "There is no such service. Choose one of the list.")
        }
        DeviceReason::UnsuitableService => invalid("UNSUITABLE_SERVICE", UNSUITABLE_SERVICE),
    }
}
