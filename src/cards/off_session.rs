//! Cards that are saved on Stripe's page, and charged later without anybody present.

use reqwest::Method;
use serde::Deserialize;

use super::answer::{Intent, Session};
use super::error::{ProviderError, payable};
use super::stripe::{Stripe, plain};
use crate::model::money::Money;
use crate::model::time::Moment;

/// How many pages of a customer's charges are read, of a hundred each.
const PAGES_MAX: usize = 10;
/// How far the provider's clock may be from ours.
const CLOCKS_DIFFER_SECONDS_MAX: i64 = 3_600;

/// What a page for saving a card is opened with.
#[derive(Debug, Clone, Copy)]
pub struct SetupRequest<'a> {
    /// Names the page: the same reference gets the same page.
    pub reference: &'a str,
    pub customer_email: &'a str,
    pub success_url: &'a str,
    pub cancel_url: &'a str,
}

/// A card as the provider names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardFacts {
    pub customer: String,
    pub method: String,
    /// "Visa ending in 4242, until 12/2028".
    pub label: String,
}

/// The state of a page for saving a card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupState {
    Open,
    Saved(CardFacts),
    Expired,
}

/// A sum to charge to a saved card.
#[derive(Debug, Clone, Copy)]
pub struct ChargeRequest<'a> {
    /// The payment's, and the key under which the provider charges once.
    pub reference: &'a str,
    pub amount: Money,
    pub customer: &'a str,
    pub method: &'a str,
    pub description: &'a str,
}

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    Paid {
        intent: String,
        amount: Money,
    },
    /// The money is on its way.
    UnderWay {
        intent: String,
    },
    /// The bank wants to hear from the card's owner.
    NeedsPayer,
    Declined,
}

#[derive(Deserialize)]
struct SetupPage {
    id: String,
    url: Option<String>,
    status: Option<String>,
    client_reference_id: Option<String>,
    customer: Option<String>,
    setup_intent: Option<SetupIntent>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SetupIntent {
    Whole {
        payment_method: Option<PaymentMethod>,
    },
    #[allow(dead_code, reason = "an id where the whole object is not asked for")]
    Id(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PaymentMethod {
    Whole {
        id: String,
        card: Option<Card>,
    },
    #[allow(dead_code, reason = "an id where the whole object is not asked for")]
    Id(String),
}

#[derive(Deserialize)]
struct Card {
    brand: String,
    last4: String,
    exp_month: i64,
    exp_year: i64,
}

#[derive(Deserialize)]
struct Intents {
    data: Vec<Intent>,
    has_more: bool,
}

impl Stripe {
    /// Creates the page on which a card is saved.
    pub(super) async fn create_setup(&self, request: &SetupRequest<'_>) -> Result<Session, ProviderError> {
        let fields = [
            ("mode", "setup"),
            ("payment_method_types[0]", "card"),
            ("customer_creation", "always"),
            ("client_reference_id", request.reference),
            ("customer_email", request.customer_email),
            ("success_url", request.success_url),
            ("cancel_url", request.cancel_url),
        ];
        let key = format!("scrip-card-{}", request.reference);
        let page: SetupPage = self.post("/v1/checkout/sessions", &fields, &key).await?;
        if page.client_reference_id.as_deref() != Some(request.reference) {
            return Err(ProviderError::Answer("the session is not for this card"));
        }
        let url = page.url.ok_or(ProviderError::Answer("the session has no address"))?;
        Ok(Session { id: page.id, url: self.checked_url(url)? })
    }

    /// The state of a page on which a card is saved.
    pub(super) async fn setup(&self, id: &str) -> Result<SetupState, ProviderError> {
        let path = format!("/v1/checkout/sessions/{}?expand[]=setup_intent.payment_method", plain(id)?);
        let page: SetupPage = self.send(Method::GET, &path, None).await?;
        match page.status.as_deref() {
            Some("complete") => {
                let method = match page.setup_intent {
                    Some(SetupIntent::Whole { payment_method: Some(PaymentMethod::Whole { id, card }) }) => {
                        card.map(|card| (id, card))
                    }
                    _ => None,
                };
                let (method, card) = method.ok_or(ProviderError::Answer("the session has no card"))?;
                let customer = page.customer.ok_or(ProviderError::Answer("the session has no customer"))?;
                let label = format!(
                    "{} ending in {}, until {:02}/{}",
                    brand(&card.brand),
                    card.last4,
                    card.exp_month,
                    card.exp_year
                );
                Ok(SetupState::Saved(CardFacts { customer, method, label }))
            }
            Some("expired") => Ok(SetupState::Expired),
            _ => Ok(SetupState::Open),
        }
    }

    /// Charges a saved card. Repeating it with the same reference charges once.
    ///
    /// # Errors
    /// If it is not known, or certain, that nothing was charged: [`ProviderError::is_passing`] tells which.
    pub(super) async fn charge(&self, request: &ChargeRequest<'_>) -> Result<Charge, ProviderError> {
        payable(request.amount)?;
        let (amount, currency) = (request.amount.minor.to_string(), request.amount.currency.code().to_lowercase());
        let fields = [
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("customer", request.customer),
            ("payment_method", request.method),
            ("payment_method_types[0]", "card"),
            ("off_session", "true"),
            ("confirm", "true"),
            ("description", request.description),
            ("metadata[scrip_payment]", request.reference),
        ];
        let key = format!("scrip-payment-{}", request.reference);
        match self.post::<Intent>("/v1/payment_intents", &fields, &key).await {
            Ok(intent) => intent.state(),
            // A card that is refused answers like a wrong request.
            Err(ProviderError::Refused(refusal)) if refusal.status == 402 => {
                Ok(if refusal.code == "authentication_required" { Charge::NeedsPayer } else { Charge::Declined })
            }
            Err(error) => Err(error),
        }
    }

    /// Looks for a charge among a customer's since a moment; `None` if there is none.
    pub(super) async fn find_charge(
        &self,
        customer: &str,
        reference: &str,
        since: Moment,
    ) -> Result<Option<Charge>, ProviderError> {
        let since = since.0.div_euclid(1_000_000) - CLOCKS_DIFFER_SECONDS_MAX;
        let first = format!("/v1/payment_intents?customer={}&created[gte]={since}&limit=100", plain(customer)?);
        let mut path = first.clone();
        for _ in 0..PAGES_MAX {
            let page: Intents = self.send(Method::GET, &path, None).await?;
            if let Some(intent) = page.data.iter().find(|intent| intent.reference() == Some(reference)) {
                return intent.state().map(Some);
            }
            let Some(last) = page.data.last().filter(|_| page.has_more) else { return Ok(None) };
            path = format!("{first}&starting_after={}", plain(&last.id)?);
        }
        Err(ProviderError::Answer("the customer has too many charges"))
    }
}

impl Intent {
    fn state(&self) -> Result<Charge, ProviderError> {
        Ok(match self.status.as_str() {
            "succeeded" => {
                let amount = self.received().map_err(ProviderError::Answer)?;
                Charge::Paid { intent: self.id.clone(), amount }
            }
            "processing" | "requires_capture" => Charge::UnderWay { intent: self.id.clone() },
            "requires_action" | "requires_confirmation" => Charge::NeedsPayer,
            _ => Charge::Declined,
        })
    }
}

fn brand(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
