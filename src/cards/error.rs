//! Why a card payment could not be started. Nothing here holds a secret, so all of it may be logged.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::model::money::Money;

/// What went wrong between us and the card provider.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("card payments are not set up")]
    NotSetUp,
    /// Zero or less; or thousandths that cannot be charged to a card.
    #[error("{0} cannot be charged to a card")]
    NotPayable(Money),
    #[error("no client for card payments can be made: {0}")]
    Client(String),
    /// It is unknown whether it was done: the same request may be sent again.
    #[error("the card payment service cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("the card payment service refused: {0}")]
    Refused(Refusal),
    #[error("the card payment service's answer cannot be understood: {0}")]
    Answer(&'static str),
}

/// The service's reason for refusing a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The service's own code for it, such as `amount_too_small`.
    pub code: String,
    /// The field at fault.
    pub param: String,
    /// The request's id, for the service's support.
    pub request_id: String,
    /// Whether the same request may succeed later.
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
    /// Whether to try again, with the same key.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            ProviderError::Unreachable(_) => true,
            ProviderError::Refused(refusal) => refusal.is_passing,
            _ => false,
        }
    }

    /// Whether the same request under the same key may ever succeed. The service keeps its first answer to a key, even
    /// its own faults: then only another key helps.
    #[must_use]
    pub fn may_be_sent_again(&self) -> bool {
        match self {
            ProviderError::Unreachable(_) => true,
            ProviderError::Refused(refusal) => matches!(refusal.status, 409 | 429),
            _ => false,
        }
    }

    /// Whether the service failed and keeps that as its answer: the request may have been done all the same.
    #[must_use]
    pub fn is_providers_fault(&self) -> bool {
        matches!(self, ProviderError::Refused(refusal) if refusal.status >= 500 && !refusal.is_passing)
    }

    /// Whether a request under a key was certainly never done: what the service does under it, it answers again.
    #[must_use]
    pub fn is_never_done(&self) -> bool {
        match self {
            ProviderError::NotPayable(_) => true,
            ProviderError::Refused(refusal) => matches!(refusal.status, 400 | 404),
            _ => false,
        }
    }

    /// Whether the service does not know the object that it was asked about.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, ProviderError::Refused(refusal) if refusal.status == 404)
    }
}

/// Cards take whole minor units above zero; for currencies with thousandths, whole hundredths.
pub(super) fn payable(amount: Money) -> Result<(), ProviderError> {
    let step = if amount.currency.digits() == 3 { 10 } else { 1 };
    if amount.minor > 0 && amount.minor % step == 0 { Ok(()) } else { Err(ProviderError::NotPayable(amount)) }
}

/// The parts of a refusal that may be logged. Stripe's message is left out: it can repeat what we sent.
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
