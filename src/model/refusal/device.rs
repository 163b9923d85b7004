//! What is wrong with a device, or with a tag.

use crate::model::tag::NameError;

#[derive(Debug, Clone)]
pub enum DeviceReason {
    Unknown,
    /// Several rows request it.
    Repeated,
    NoneChosen,
    MissingSerial,
    MissingApartment,
    SerialTaken,
    UnknownService,
    /// An apartment needs an apartment subscription, a device any other service.
    UnsuitableService,
    MalformedMac,
    MalformedImei,
    UnknownSeries,
}

#[derive(Debug, Clone)]
pub enum TagReason {
    Unknown,
    Name(NameError),
    /// Another tag of the company has the name.
    NameTaken,
    MalformedColor,
    /// The device does not belong to the tag's company or to one below it.
    OutOfReach,
    NoneChosen,
    /// The company has no room for another tag.
    ListFull,
}
