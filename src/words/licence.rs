//! Why a licence cannot be ordered or moved, and what was done to it.

use super::{Notice, Worded, invalid};
use crate::model::amount::grouped;
use crate::model::event::LicenceEvent;
use crate::model::licence::{LicenceRefusal, REHOST_REASON_LENGTH, REHOSTS_MAX, SerialError};
use crate::model::order::SERIALS_MAX;

pub(super) fn licence(refusal: &LicenceRefusal) -> Worded {
    invalid("LICENCE", sentence(refusal))
}

fn sentence(refusal: &LicenceRefusal) -> String {
    match refusal {
        LicenceRefusal::Serial(SerialError::Missing) => "Enter a serial number. It is on the device.".into(),
        LicenceRefusal::Serial(SerialError::TooMany) => {
            let most = grouped(SERIALS_MAX as i64);
            format!("An order has at most {most} licences. Enter fewer serial numbers, and begin another order.")
        }
        LicenceRefusal::Serial(SerialError::Malformed(text)) => format!(
            "“{text}” is no serial number: one has letters or digits, no quotation marks, and at most 100 characters."
        ),
        LicenceRefusal::NothingChosen => "Choose at least one licence.".into(),
        LicenceRefusal::NotConfirmed => {
            "Compare the models with your devices, then say here that the licences suit them.".into()
        }
        LicenceRefusal::Unsuitable { model } if model.is_empty() => {
            "A chosen licence is not offered now. Choose again.".into()
        }
        LicenceRefusal::Unsuitable { model } => {
            format!("A chosen licence does not suit the model {model}. Choose again.")
        }
        LicenceRefusal::Twice { serial } => {
            format!("The order has this licence for {serial} already. Choose another one, or go back to the order.")
        }
        LicenceRefusal::HeldForGood => {
            "Each of these devices has this licence already, without an end. Choose another one.".into()
        }
        LicenceRefusal::SameSerial => {
            "The licence is for this device already. Enter the serial number of another one.".into()
        }
        LicenceRefusal::Expired => "This licence has expired, so it does not move any more. Buy a new one.".into(),
        LicenceRefusal::NoMoreRehosts => {
            format!("This licence has moved {REHOSTS_MAX} times, which is the most. Buy a new one.")
        }
        LicenceRefusal::Moved => {
            "This licence has moved since you opened this window. Close it and look at the licence again.".into()
        }
        LicenceRefusal::Reason => format!(
            "Say why in {} to {} characters, such as “Device broken, replaced under warranty”.",
            REHOST_REASON_LENGTH.start(),
            REHOST_REASON_LENGTH.end()
        ),
    }
}

pub(super) fn event(event: &LicenceEvent) -> Notice {
    let LicenceEvent::Rehosted { name, from, to } = event;
    Notice::done("Move", format!("{name} is now for {to}, with a new key. The key for {from} is revoked."))
}
