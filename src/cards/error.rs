//! Why a card payment could not be begun. Nothing here holds a secret, so all of it may be logged.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::model::money::Money;

/// What went wrong between us and who takes the cards.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("card payments are not set up")]
    NotSetUp,
    /// Nothing or less; or thousandths that cards cannot be charged.
    #[error("{0} cannot be charged to a card")]
    NotPayable(Money),
    #[error("no client for card payments can be made: {0}")]
    Client(String),
    /// Nobody knows whether it was done: the same request may be sent again.
    #[error("the card payment service cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("the card payment service refused: {0}")]
    Refused(Refusal),
    #[error("the card payment service's answer cannot be understood: {0}")]
    Answer(&'static str),
}

/// What the service says of a request that it did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The service's own word for it, such as `amount_too_small`.
    pub code: String,
    /// The field that it is about.
    pub param: String,
    /// What the service's support asks for.
    pub request_id: String,
    /// Whether the same request may be done later.
    pub is_passing: bool,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)?;
        for (name, value) in [("field", &self.param), ("request", &self.request_id)] {
            if !value.is_empty() {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

impl ProviderError {
    /// Whether it is worth trying again, with the same key.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            ProviderError::Unreachable(_) => true,
            ProviderError::Refused(refusal) => refusal.is_passing,
            _ => false,
        }
    }

    /// Whether the same request under the same key may still be done one day. The service keeps what it once
    /// answered to a key, its own faults too: then only another key helps.
    #[must_use]
    pub fn may_be_sent_again(&self) -> bool {
        match self {
            ProviderError::Unreachable(_) => true,
            ProviderError::Refused(refusal) => matches!(refusal.status, 409 | 429),
            _ => false,
        }
    }

    /// Whether the service knows nothing of what it was asked about.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, ProviderError::Refused(refusal) if refusal.status == 404)
    }
}

/// Cards take whole minor units above zero; of currencies with thousandths, whole hundredths.
pub(super) fn payable(amount: Money) -> Result<(), ProviderError> {
    let step = if amount.currency.digits() == 3 { 10 } else { 1 };
    if amount.minor > 0 && amount.minor % step == 0 { Ok(()) } else { Err(ProviderError::NotPayable(amount)) }
}

/// What a refusal may tell. Stripe's sentence is left out: it can repeat what we sent.
pub(super) fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let header = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let error = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let word = |text: Option<&str>| -> String {
        let is_word = |c: &char| c.is_ascii_alphanumeric() || "_[]-".contains(*c);
        text.unwrap_or_default().chars().filter(is_word).take(80).collect()
    };
    let named = |field: &str| error["error"][field].as_str().filter(|text| !text.is_empty());
    let code = named("code").or_else(|| named("type"));
    let is_passing = match header("stripe-should-retry") {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(status, 409 | 429 | 500..),
    };
    Refusal {
        status,
        code: word(code),
        param: word(named("param")),
        request_id: word(header("request-id")),
        is_passing,
    }
}
