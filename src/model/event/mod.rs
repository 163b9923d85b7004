//! What acts have done, as data, grouped by noun; `words` puts each into a sentence. An operation stores its event as
//! JSON forever, so variants and fields keep their names, and a field added later has `#[serde(default)]`.
//! To add an event, give its noun a variant here and an arm in the noun's file in `words`.

mod company;
mod device;
mod order;
mod product;
mod user;

pub use company::{BillingEvent, CompanyEvent};
pub use device::{DeviceEvent, ImportEvent, Settled, TagEvent};
pub use order::{CodeEvent, LicenceEvent, OrderEvent, Placed, TopUpEvent};
pub use product::ProductEvent;
pub use user::{ApplicationEvent, RoleEvent, SecondFactorEvent, TokenEvent, UserEvent};

use serde::{Deserialize, Serialize};

/// An event with its data, grouped by its noun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Company(CompanyEvent),
    Billing(BillingEvent),
    User(UserEvent),
    SecondFactor(SecondFactorEvent),
    Token(TokenEvent),
    Application(ApplicationEvent),
    Role(RoleEvent),
    Device(DeviceEvent),
    Import(ImportEvent),
    Tag(TagEvent),
    Code(CodeEvent),
    Product(ProductEvent),
    Order(OrderEvent),
    TopUp(TopUpEvent),
    Licence(LicenceEvent),
    Job(JobEvent),
    /// The operator confirmed the machine's clock.
    ClockAccepted,
    /// The text that an older version stored: verb and sentence on a line each, and on a third line what the answer was
    /// made from.
    #[serde(skip)]
    Stored(String),
    /// An event that a newer version stored.
    #[serde(skip)]
    Unknown,
}

/// Jobs that were given up and are retried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobEvent {
    Retried,
    AllRetried { count: u64 },
}

/// Makes each of these convert into an event.
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
    ApplicationEvent => Application;
    RoleEvent => Role;
    DeviceEvent => Device;
    ImportEvent => Import;
    TagEvent => Tag;
    CodeEvent => Code;
    ProductEvent => Product;
    OrderEvent => Order;
    TopUpEvent => TopUp;
    LicenceEvent => Licence;
    JobEvent => Job;
}
