//! What acts have done, as data, grouped by noun: `words` says each in a sentence. An operation keeps its event as
//! JSON for good. So variants and fields keep their names, and a field that is added later has `#[serde(default)]`.
//! To add an event, give its noun a variant here and an arm in the noun's file of `words`.

mod company;
mod device;
mod order;
mod product;
mod user;

pub use company::{BillingEvent, CompanyEvent};
pub use device::{DeviceEvent, ImportEvent, Settled};
pub use order::{CodeEvent, LicenceEvent, OrderEvent, Placed};
pub use product::ProductEvent;
pub use user::{SecondFactorEvent, TokenEvent, UserEvent};

use serde::{Deserialize, Serialize};

/// An event with its data, by the noun that it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Company(CompanyEvent),
    Billing(BillingEvent),
    User(UserEvent),
    SecondFactor(SecondFactorEvent),
    Token(TokenEvent),
    Device(DeviceEvent),
    Import(ImportEvent),
    Code(CodeEvent),
    Product(ProductEvent),
    Order(OrderEvent),
    Licence(LicenceEvent),
    Job(JobEvent),
    /// The operator said that the machine's clock is right.
    ClockAccepted,
    /// The text of an operation that an older version kept: verb and sentence, apart by a line break, and what the
    /// answer was made from on a third line.
    #[serde(skip)]
    Stored(String),
    /// An event that a newer version kept.
    #[serde(skip)]
    Unknown,
}

/// Jobs that were given up and are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEvent {
    Retried,
    AllRetried { count: u64 },
}

/// Each of these is an event.
macro_rules! events {
    ($($event:ident => $noun:ident;)*) => {
        $(impl From<$event> for Event {
            fn from(event: $event) -> Event {
                Event::$noun(event)
            }
        })*
    };
}

events! {
    CompanyEvent => Company;
    BillingEvent => Billing;
    UserEvent => User;
    SecondFactorEvent => SecondFactor;
    TokenEvent => Token;
    DeviceEvent => Device;
    ImportEvent => Import;
    CodeEvent => Code;
    ProductEvent => Product;
    OrderEvent => Order;
    LicenceEvent => Licence;
    JobEvent => Job;
}
