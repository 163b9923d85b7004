//! What is wrong with a device.

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
}
