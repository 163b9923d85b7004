//! Stripe Checkout through its public API: form fields in, JSON out. A request that may have been done is sent again a
//! few times with the same idempotency key; Stripe then does it once.

use std::time::Duration;

use reqwest::Method;
use serde::de::DeserializeOwned;

use super::answer::{Checkout, Refund, Session, SessionState};
use super::error::{ProviderError, payable, refusal};
use super::webhook::{self, Event, WebhookError};
use super::{SessionRequest, client};
use crate::config::{Secret, StripeConfig};
use crate::model::money::Money;
use crate::model::time::Moment;

/// The API version of the answers.
const API_VERSION: &str = "2025-09-30.clover";
const ATTEMPTS_MAX: u32 = 3;
const DESCRIPTION_LENGTH_MAX: usize = 250;
const ID_LENGTH_MAX: usize = 255;

pub(super) type Fields<'a> = [(&'a str, &'a str)];

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one answer.
    pub timeout: Duration,
    /// Before the second attempt; twice as long before the third.
    pub pause: Duration,
}

impl Default for Patience {
    /// Together below the time that the portal gives one request.
    fn default() -> Patience {
        Patience { timeout: Duration::from_secs(12), pause: Duration::from_millis(500) }
    }
}

/// The client of one Stripe account.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: reqwest::Client,
    api_base: String,
    secret_key: Secret,
    webhook_secret: Secret,
    pause: Duration,
}

impl Stripe {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`ProviderError::Client`].
    pub fn new(settings: &StripeConfig, patience: Patience) -> Result<Stripe, ProviderError> {
        // The settings allow http:// only on loopback.
        let is_loopback = settings.api_base.starts_with("http://");
        Ok(Stripe {
            http: client::new(patience.timeout, is_loopback)?,
            api_base: settings.api_base.clone(),
            secret_key: settings.secret_key.clone(),
            webhook_secret: settings.webhook_secret.clone(),
            pause: patience.pause,
        })
    }

    /// Creates the page for a payment.
    pub async fn create_session(&self, request: &SessionRequest<'_>) -> Result<Session, ProviderError> {
        payable(request.amount)?;
        let currency = request.amount.currency.code().to_lowercase();
        let amount = request.amount.minor.to_string();
        let description: String = request.description.chars().take(DESCRIPTION_LENGTH_MAX).collect();
        let expires_at = request.expires_at.0.div_euclid(1_000_000).to_string();
        let fields = [
            ("mode", "payment"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &amount),
            ("line_items[0][price_data][product_data][name]", &description),
            ("client_reference_id", request.reference),
            ("metadata[scrip_payment]", request.reference),
            ("payment_intent_data[metadata][scrip_payment]", request.reference),
            ("customer_email", request.customer_email),
            ("success_url", request.success_url),
            ("cancel_url", request.cancel_url),
            ("expires_at", &expires_at),
        ];
        let key = format!("scrip-payment-{}", request.reference);
        let checkout: Checkout = self.post("/v1/checkout/sessions", &fields, &key).await?;
        if checkout.reference().map_err(ProviderError::Answer)? != Some(request.reference)
            || checkout.amount_total().map_err(ProviderError::Answer)? != request.amount
        {
            return Err(ProviderError::Answer("the session is not for this payment"));
        }
        let url = checkout.url.ok_or(ProviderError::Answer("the session has no address"))?;
        Ok(Session { id: checkout.id, url: self.checked_url(url)? })
    }

    /// The address of a page, which must be https unless the service is on loopback.
    pub(super) fn checked_url(&self, url: String) -> Result<String, ProviderError> {
        if url.starts_with("https://") || self.api_base.starts_with("http://") {
            Ok(url)
        } else {
            Err(ProviderError::Answer("the session's address is not https"))
        }
    }

    /// The state of a session.
    pub async fn session(&self, id: &str) -> Result<SessionState, ProviderError> {
        let path = format!("/v1/checkout/sessions/{}", plain(id)?);
        let checkout: Checkout = self.send(Method::GET, &path, None).await?;
        checkout.state().map_err(ProviderError::Answer)
    }

    /// Expires an open session, so that it can no longer be paid.
    ///
    /// # Errors
    /// A session that is not open is [`ProviderError::Refused`].
    pub async fn expire_session(&self, id: &str) -> Result<SessionState, ProviderError> {
        let path = format!("/v1/checkout/sessions/{}/expire", plain(id)?);
        let checkout: Checkout = self.post(&path, &[], &format!("scrip-expire-{id}")).await?;
        checkout.state().map_err(ProviderError::Answer)
    }

    /// Refunds money. Repeating it with the same key refunds only once.
    pub async fn refund(&self, payment_intent: &str, amount: Money, key: &str) -> Result<Refund, ProviderError> {
        payable(amount)?;
        let amount = amount.minor.to_string();
        let fields = [("payment_intent", payment_intent), ("amount", amount.as_str())];
        self.post("/v1/refunds", &fields, key).await
    }

    /// Parses a webhook's body if its `Stripe-Signature` is valid and recent.
    pub fn verify(&self, payload: &[u8], header: &str, now: Moment) -> Result<Event, WebhookError> {
        webhook::verify(self.webhook_secret.reveal(), payload, header, now)
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        fields: &Fields<'_>,
        key: &str,
    ) -> Result<T, ProviderError> {
        self.send(Method::POST, path, Some((fields, key))).await
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        form: Option<(&Fields<'_>, &str)>,
    ) -> Result<T, ProviderError> {
        let mut attempt = 1;
        let body = loop {
            match self.once(method.clone(), path, form).await {
                Err(error) if error.is_passing() && attempt < ATTEMPTS_MAX => {
                    tracing::warn!(%error, attempt, "card payments: trying again");
                    tokio::time::sleep(self.pause * attempt).await;
                    attempt += 1;
                }
                outcome => break outcome?,
            }
        };
        serde_json::from_slice(&body).map_err(|_| ProviderError::Answer("a field is missing"))
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        form: Option<(&Fields<'_>, &str)>,
    ) -> Result<Vec<u8>, ProviderError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.api_base))
            .bearer_auth(self.secret_key.reveal())
            .header("Stripe-Version", API_VERSION);
        if let Some((fields, key)) = form {
            request = request.header("Idempotency-Key", key).form(fields);
        }
        let response = request.send().await.map_err(client::unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = client::body(response).await;
        if status.is_success() {
            body
        } else {
            Err(ProviderError::Refused(refusal(status.as_u16(), &headers, &body.unwrap_or_default())))
        }
    }
}

/// An id in Stripe's format, which cannot lead to another path.
pub(super) fn plain(id: &str) -> Result<&str, ProviderError> {
    let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_plain && (1..=ID_LENGTH_MAX).contains(&id.len()) {
        Ok(id)
    } else {
        Err(ProviderError::Answer("this is no id of a session"))
    }
}
