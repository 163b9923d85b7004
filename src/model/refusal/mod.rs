//! Why something is refused, as data, grouped by noun: `words` has the sentence and code of each. To add one, give its
//! noun a variant here and an arm in the noun's file of `words`.

mod company;
mod device;
mod field;
mod order;
mod user;

pub use company::{CompanyReason, Obstacle, ObstacleKind};
pub use device::{DeviceReason, TagReason};
pub use field::{CodeReason, DateReason, FieldReason, FormReason, ResourceReason};
pub use order::{BillingReason, OrderReason, ProductReason};
pub use user::{ApplicationReason, RoleReason, SecondFactorReason, SignInReason, TokenReason, UserReason};

use super::amount::AmountError;
use super::code::CodeError;
use super::company::NameError;
use super::import::FileError;
use super::ledger::Refusal;
use super::licence::LicenceRefusal;
use super::money::MoneyError;
use super::month::PeriodError;
use super::network::NetworkError;
use super::oauth::RedirectError;
use super::order::OrderError;
use super::product::ModelsError;
use super::time::Moment;
use super::user::{EmailError, PasswordError};

/// A reason with its data, by noun.
#[derive(Debug, Clone)]
pub enum Reason {
    Ledger(Refusal),
    Form(FormReason),
    Field(FieldReason),
    Date(DateReason),
    Resource(ResourceReason),
    Code(CodeReason),
    /// The name of a company, a product or anything else.
    Name(NameError),
    Company(CompanyReason),
    User(UserReason),
    SignIn(SignInReason),
    SecondFactor(SecondFactorReason),
    Token(TokenReason),
    Application(ApplicationReason),
    Role(RoleReason),
    Device(DeviceReason),
    Tag(TagReason),
    Import(FileError),
    Money(MoneyError),
    Product(ProductReason),
    Billing(BillingReason),
    Order(OrderReason),
    Licence(LicenceRefusal),
}

impl Reason {
    /// Until when the next attempt must wait, if that is the reason.
    #[must_use]
    pub fn wait_until(&self) -> Option<Moment> {
        match self {
            Reason::SignIn(SignInReason::Wait { until }) | Reason::Ledger(Refusal::TooManyAttempts { until }) => {
                Some(*until)
            }
            _ => None,
        }
    }
}

/// Converts each of these into the reason on its right.
macro_rules! reasons {
    (@ $reason:ident) => { $reason };
    (@ $reason:ident $kind:path) => { $kind($reason) };
    ($($from:ty => $noun:ident $(($kind:path))?;)*) => {
        $(impl From<$from> for Reason {
            fn from(reason: $from) -> Reason {
                Reason::$noun(reasons!(@ reason $($kind)?))
            }
        })*
    };
}

reasons! {
    Refusal => Ledger;
    FormReason => Form;
    FieldReason => Field;
    DateReason => Date;
    PeriodError => Date(DateReason::Period);
    ResourceReason => Resource;
    AmountError => Resource(ResourceReason::Amount);
    CodeReason => Code;
    CodeError => Code(CodeReason::Text);
    NameError => Name;
    CompanyReason => Company;
    UserReason => User;
    EmailError => User(UserReason::Email);
    PasswordError => User(UserReason::Password);
    SignInReason => SignIn;
    SecondFactorReason => SecondFactor;
    TokenReason => Token;
    NetworkError => Token(TokenReason::Networks);
    ApplicationReason => Application;
    RoleReason => Role;
    RedirectError => Application(ApplicationReason::Redirects);
    DeviceReason => Device;
    TagReason => Tag;
    FileError => Import;
    MoneyError => Money;
    ProductReason => Product;
    ModelsError => Product(ProductReason::Models);
    BillingReason => Billing;
    OrderReason => Order;
    OrderError => Order(OrderReason::Error);
    LicenceRefusal => Licence;
}
