//! Events sent by other servers: `/webhooks/stripe`. Nobody is signed in there, and no part of a body is logged: it is
//! not even parsed without a valid signature.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use super::state::Portal;
use crate::ops;
use crate::ops::error::OpError;

/// Events are a few kilobytes long.
pub const BODY_BYTES_MAX: usize = 256 << 10;

/// Takes an event from Stripe. 200 tells Stripe not to send it again, even if it concerns nobody here.
pub async fn stripe(State(portal): State<Portal>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let app = &portal.app;
    let Some(stripe) = app.cards.stripe() else { return (StatusCode::NOT_FOUND, "not set up\n") };
    let signature = headers.get("stripe-signature").and_then(|h| h.to_str().ok()).unwrap_or_default();
    let event = match stripe.verify(&body, signature, app.clock.now()) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "an event of the card provider was refused");
            return (StatusCode::BAD_REQUEST, "refused\n");
        }
    };
    match ops::card_payments::take(app, "stripe", &event).await {
        Ok(()) => (StatusCode::OK, "taken\n"),
        Err(OpError::Unavailable | OpError::Collision) => (StatusCode::SERVICE_UNAVAILABLE, "try again\n"),
        Err(error) => {
            tracing::error!(%error, event = event.id, "an event of the card provider was not taken");
            (StatusCode::INTERNAL_SERVER_ERROR, "try again\n")
        }
    }
}
