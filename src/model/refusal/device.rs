//! What is wrong with a device.

#[derive(Debug, Clone)]
pub enum DeviceReason {
    Unknown,
    /// Several rows ask for it.
    Repeated,
    NoneChosen,
    MissingSerial,
    MissingApartment,
    SerialTaken,
    UnknownService,
    /// An apartment runs on apartment subscriptions, a device on all else.
    UnsuitableService,
}
