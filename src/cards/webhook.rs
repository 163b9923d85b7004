//! The events that Stripe sends. An event counts only with a recent signature over its exact bytes, made with the
//! shared secret. Events come in any order and more than once: the receiver stores their ids, and relies on the
//! payment's state, not on the order.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;

use super::answer::{Charge, Checkout, Dispute, Intent};
use crate::model::money::Money;
use crate::model::order::DisputeState;
use crate::model::time::Moment;

/// How far a signature's time may be from ours, in seconds.
const TOLERANCE_SECONDS: i64 = 300;
const HEADER_LENGTH_MAX: usize = 2_048;

/// The event types that matter here, by their names in Stripe's dashboard.
pub const EVENT_KINDS: [&str; 9] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "payment_intent.succeeded",
];

/// Why an event is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("the Stripe-Signature header is missing or cannot be read")]
    Header,
    #[error("the signature is not of the webhook's secret")]
    Signature,
    #[error("the signature is too old, or of a time to come: check this machine's clock")]
    Time,
    #[error("the event cannot be understood: {0}")]
    Body(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The payer is done. Without `is_paid` the money is still on its way.
    SessionCompleted { is_paid: bool },
    /// The money that was on its way has arrived.
    AsyncSucceeded,
    /// The money that was on its way will not arrive.
    AsyncFailed,
    /// Nobody paid in time.
    SessionExpired,
    /// Money was refunded: the total of this payment so far.
    Refunded { total: Money },
    /// A saved card was charged.
    Charged,
    /// The payer disputes the payment at their bank.
    Disputed(DisputeState),
    /// Nothing that concerns us.
    Other,
}

/// A dispute, as the provider names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeFacts {
    pub id: String,
    /// The provider's word, such as `fraudulent`.
    pub reason: String,
    pub opened_at: Moment,
}

/// An event. [`EventKind::Other`] has only `id`, `kind` and `created`; a refund and a dispute have no session, and a
/// dispute no reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub id: String,
    pub kind: EventKind,
    pub created: Moment,
    pub session_id: Option<String>,
    /// The payment's reference, as sent with the request.
    pub reference: Option<String>,
    pub payment_intent: Option<String>,
    /// The amount due, or disputed.
    pub amount_total: Option<Money>,
    pub dispute: Option<DisputeFacts>,
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Value,
}

/// The `Stripe-Signature` that Stripe would send for a body; for testing without Stripe.
#[must_use]
pub fn sign(secret: &str, payload: &[u8], seconds: i64) -> String {
    let mac = mac(secret, &seconds.to_string(), payload).finalize().into_bytes();
    format!("t={seconds},v1={}", hex::encode(mac))
}

/// Parses a body with a valid signature.
pub(super) fn verify(secret: &str, payload: &[u8], header: &str, now: Moment) -> Result<Event, WebhookError> {
    let (time, signatures) = parts(header).ok_or(WebhookError::Header)?;
    // While the secret is being rotated, Stripe signs with both the old and the new one.
    let is_signed = signatures.iter().any(|given| mac(secret, time, payload).verify_slice(given).is_ok());
    if !is_signed {
        return Err(WebhookError::Signature);
    }
    let seconds: i64 = time.parse().map_err(|_| WebhookError::Header)?;
    if seconds.abs_diff(now.0.div_euclid(1_000_000)) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(WebhookError::Time);
    }
    read(payload).map_err(WebhookError::Body)
}

/// The time and the `v1` signatures; other schemes are ignored.
fn parts(header: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    if header.len() > HEADER_LENGTH_MAX {
        return None;
    }
    let (mut time, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", value) if time.is_none() && !value.is_empty() => time = Some(value),
            ("t", _) => return None,
            ("v1", value) => signatures.extend(hex::decode(value).ok()),
            _ => {}
        }
    }
    time.filter(|t| t.bytes().all(|b| b.is_ascii_digit())).map(|t| (t, signatures))
}

fn mac(secret: &str, time: &str, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length of key will do");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(payload);
    mac
}

fn read(payload: &[u8]) -> Result<Event, &'static str> {
    let envelope: Envelope = serde_json::from_slice(payload).map_err(|_| "it is no event")?;
    let event = Event {
        kind: EventKind::Other,
        created: Moment(envelope.created.saturating_mul(1_000_000)),
        id: envelope.id,
        session_id: None,
        reference: None,
        payment_intent: None,
        amount_total: None,
        dispute: None,
    };
    let object = envelope.data.object;
    match envelope.kind.as_str() {
        "charge.refunded" => refunded(event, object),
        "payment_intent.succeeded" => charged(event, object),
        "charge.dispute.created" | "charge.dispute.updated" | "charge.dispute.closed" => disputed(event, object),
        "checkout.session.completed" => {
            session(event, object, |c| EventKind::SessionCompleted { is_paid: c.is_paid() })
        }
        "checkout.session.async_payment_succeeded" => session(event, object, |_| EventKind::AsyncSucceeded),
        "checkout.session.async_payment_failed" => session(event, object, |_| EventKind::AsyncFailed),
        "checkout.session.expired" => session(event, object, |_| EventKind::SessionExpired),
        _ => Ok(event),
    }
}

fn session(event: Event, object: Value, kind: fn(&Checkout) -> EventKind) -> Result<Event, &'static str> {
    let checkout: Checkout = serde_json::from_value(object).map_err(|_| "a field of the session is missing")?;
    let Some(reference) = checkout.reference()?.map(str::to_owned) else { return Ok(event) };
    Ok(Event {
        kind: kind(&checkout),
        amount_total: Some(checkout.amount_total()?),
        reference: Some(reference),
        session_id: Some(checkout.id),
        payment_intent: checkout.payment_intent,
        ..event
    })
}

fn refunded(event: Event, object: Value) -> Result<Event, &'static str> {
    let charge: Charge = serde_json::from_value(object).map_err(|_| "a field of the charge is missing")?;
    let Some(reference) = charge.reference().map(str::to_owned) else { return Ok(event) };
    Ok(Event {
        kind: EventKind::Refunded { total: charge.refunded()? },
        amount_total: Some(charge.amount()?),
        reference: Some(reference),
        payment_intent: charge.payment_intent,
        ..event
    })
}

fn charged(event: Event, object: Value) -> Result<Event, &'static str> {
    let intent: Intent = serde_json::from_value(object).map_err(|_| "a field of the payment is missing")?;
    let Some(reference) = intent.reference().map(str::to_owned) else { return Ok(event) };
    Ok(Event {
        kind: EventKind::Charged,
        amount_total: Some(intent.received()?),
        reference: Some(reference),
        payment_intent: Some(intent.id),
        ..event
    })
}

fn disputed(event: Event, object: Value) -> Result<Event, &'static str> {
    let dispute: Dispute = serde_json::from_value(object).map_err(|_| "a field of the dispute is missing")?;
    let state = match dispute.status.as_str() {
        "won" | "warning_closed" | "prevented" => DisputeState::Won,
        "lost" => DisputeState::Lost,
        "warning_needs_response" | "warning_under_review" => DisputeState::Inquiry,
        _ => DisputeState::Open,
    };
    Ok(Event {
        kind: EventKind::Disputed(state),
        // Another program's payment may be in a currency that we do not know.
        amount_total: dispute.amount().ok(),
        payment_intent: dispute.payment_intent,
        dispute: Some(DisputeFacts {
            id: dispute.id,
            reason: dispute.reason,
            opened_at: Moment(dispute.created.saturating_mul(1_000_000)),
        }),
        ..event
    })
}

#[cfg(test)]
mod tests;
