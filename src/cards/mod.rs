//! Card payments: the provider, and our interface to it. Knows no tables. To add a provider: a file here and a variant
//! of [`Cards`].

mod answer;
mod client;
mod error;
mod off_session;
mod stripe;
mod webhook;

pub use answer::{Refund, Session, SessionState};
pub use error::{ProviderError, Refusal};
pub use off_session::{CardFacts, Charge, ChargeRequest, SetupRequest, SetupState};
pub use stripe::{Patience, Stripe};
pub use webhook::{DisputeFacts, EVENT_KINDS, Event, EventKind, WebhookError, sign};

use crate::config::Config;
use crate::model::money::Money;
use crate::model::time::Moment;
use crate::urls;

/// The shortest lifetime of a session.
pub const SESSION_SECONDS_MIN: i64 = 1_800;
/// The longest lifetime of a session.
pub const SESSION_SECONDS_MAX: i64 = 86_400;

/// The contents of the payment page. Repeating a payment's request gives the same session, even a day later; a
/// different request for it is refused. So all of it, including the expiry, is stored with the payment.
#[derive(Debug, Clone)]
pub struct SessionRequest<'a> {
    /// Our name for the payment, unique among all installations on one account.
    pub reference: &'a str,
    pub amount: Money,
    /// The one line that the payer reads.
    pub description: &'a str,
    pub customer_email: &'a str,
    /// Where the browser is sent afterwards. Its arrival proves nothing.
    pub success_url: &'a str,
    pub cancel_url: &'a str,
    pub expires_at: Moment,
}

/// Whether a sum can be charged to a card at all.
#[must_use]
pub fn is_payable(amount: Money) -> bool {
    error::payable(amount).is_ok()
}

/// The card provider.
#[derive(Debug, Clone)]
pub enum Cards {
    /// None: invoices only.
    None,
    Stripe(Stripe),
    /// The demo's own page, on which no money moves.
    Demo,
}

impl Cards {
    /// The provider in the settings. The demo never charges anybody, whatever they say.
    ///
    /// # Errors
    /// If no connection could ever be made.
    pub fn new(config: &Config) -> Result<Cards, ProviderError> {
        match &config.stripe {
            _ if config.demo => Ok(Cards::Demo),
            Some(settings) => Stripe::new(settings, Patience::default()).map(Cards::Stripe),
            None => Ok(Cards::None),
        }
    }

    /// The provider's name in the database; `None` if no cards are accepted.
    #[must_use]
    pub fn provider(&self) -> Option<&'static str> {
        match self {
            Cards::None => None,
            Cards::Stripe(_) => Some("stripe"),
            Cards::Demo => Some("demo"),
        }
    }

    /// Whether card payment can be offered.
    #[must_use]
    pub fn are_taken(&self) -> bool {
        !matches!(self, Cards::None)
    }

    /// The Stripe client, if Stripe is the provider.
    #[must_use]
    pub fn stripe(&self) -> Option<&Stripe> {
        match self {
            Cards::Stripe(stripe) => Some(stripe),
            Cards::None | Cards::Demo => None,
        }
    }

    /// Whether the demo's own page is used.
    #[must_use]
    pub fn are_demo(&self) -> bool {
        matches!(self, Cards::Demo)
    }

    /// Creates the page for a payment.
    pub async fn create_session(&self, request: &SessionRequest<'_>) -> Result<Session, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.create_session(request).await,
            Cards::Demo => {
                error::payable(request.amount)?;
                let id = format!("demo_{}", request.reference);
                Ok(Session { url: urls::demo_card(&id), id })
            }
        }
    }

    /// The state of a session; `None` in the demo, whose sessions only the portal knows.
    pub async fn session(&self, id: &str) -> Result<Option<SessionState>, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.session(id).await.map(Some),
            Cards::Demo => Ok(None),
        }
    }

    /// Expires an open session, so that it can no longer be paid. One that is paid or over is refused.
    pub async fn expire_session(&self, id: &str) -> Result<(), ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.expire_session(id).await.map(|_| ()),
            Cards::Demo => Ok(()),
        }
    }

    /// Creates the page on which a card is saved.
    pub async fn create_setup(&self, request: &SetupRequest<'_>) -> Result<Session, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.create_setup(request).await,
            // The demo has no such page: the card is there as soon as the browser is back.
            Cards::Demo => {
                Ok(Session { id: format!("demo_{}", request.reference), url: request.success_url.to_owned() })
            }
        }
    }

    /// The state of a page on which a card is saved.
    pub async fn setup(&self, id: &str) -> Result<SetupState, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.setup(id).await,
            Cards::Demo => Ok(SetupState::Saved(CardFacts {
                customer: "demo_customer".into(),
                method: "demo_method".into(),
                label: "Test card ending in 4242, until 12/2040".into(),
            })),
        }
    }

    /// Charges a saved card. Repeating it with the same reference charges once.
    pub async fn charge(&self, request: &ChargeRequest<'_>) -> Result<Charge, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.charge(request).await,
            Cards::Demo => {
                error::payable(request.amount)?;
                Ok(Charge::Paid { intent: format!("demo_intent_{}", request.reference), amount: request.amount })
            }
        }
    }

    /// Looks for a charge among a customer's since a moment; `None` if there is none.
    pub async fn find_charge(
        &self,
        customer: &str,
        reference: &str,
        since: Moment,
    ) -> Result<Option<Charge>, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.find_charge(customer, reference, since).await,
            Cards::Demo => Ok(None),
        }
    }

    /// Refunds money. Repeating it with the same key refunds only once.
    pub async fn refund(&self, payment_intent: &str, amount: Money, key: &str) -> Result<Refund, ProviderError> {
        match self {
            Cards::None => Err(ProviderError::NotSetUp),
            Cards::Stripe(stripe) => stripe.refund(payment_intent, amount, key).await,
            Cards::Demo => {
                error::payable(amount)?;
                Ok(Refund { id: format!("demo_refund_{key}"), status: "succeeded".into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Currency;

    fn request(minor: i64) -> SessionRequest<'static> {
        SessionRequest {
            reference: "5",
            amount: Money::new(minor, Currency::from_code("EUR").unwrap()),
            description: "Order 7",
            customer_email: "buyer@acme.test",
            success_url: "http://127.0.0.1/done",
            cancel_url: "http://127.0.0.1/back",
            expires_at: Moment(1_795_262_400_000_000),
        }
    }

    #[tokio::test]
    async fn the_demo_makes_the_same_session_for_the_same_payment() {
        let session = Cards::Demo.create_session(&request(100)).await.unwrap();
        assert_eq!((session.id.as_str(), session.url.as_str()), ("demo_5", "/demo/card/demo_5"));
        assert_eq!(Cards::Demo.create_session(&request(100)).await.unwrap(), session);
        assert!(matches!(Cards::Demo.create_session(&request(0)).await, Err(ProviderError::NotPayable(_))));
    }

    #[tokio::test]
    async fn without_settings_no_cards_are_taken() {
        assert!(!Cards::None.are_taken());
        assert!(matches!(Cards::None.create_session(&request(100)).await, Err(ProviderError::NotSetUp)));
    }
}
