//! The client for card payments, against a fake Stripe on loopback.

use std::time::Duration;

use crate::support::NOON;
use crate::support::stripe::{FakeStripe, Fault, SECRET_KEY, WEBHOOK_SECRET};
use scrip::cards::{EventKind, Patience, ProviderError, SessionRequest, Stripe};
use scrip::config::StripeConfig;
use scrip::model::money::{Currency, Money};

const PATIENCE: Patience = Patience { timeout: Duration::from_millis(400), pause: Duration::ZERO };

fn money(minor: i64, currency: &str) -> Money {
    Money::new(minor, Currency::from_code(currency).unwrap())
}

fn request(reference: &str, amount: Money) -> SessionRequest<'_> {
    SessionRequest {
        reference,
        amount,
        description: "Order 7: 10 & more [Device]",
        customer_email: "buyer+1@acme.test",
        success_url: "https://portal.test/orders/7?paid={CHECKOUT_SESSION_ID}",
        cancel_url: "https://portal.test/orders/7",
        expires_at: NOON.plus_seconds(3_600),
    }
}

async fn start() -> (FakeStripe, Stripe) {
    let fake = FakeStripe::start().await;
    let stripe = Stripe::new(&fake.config(), PATIENCE).unwrap();
    (fake, stripe)
}

#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, ProviderError>) -> (u16, String) {
    match outcome.unwrap_err() {
        ProviderError::Refused(refusal) => (refusal.status, refusal.code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_is_requested_as_in_stripes_reference() {
    let (fake, stripe) = start().await;
    let session = stripe.create_session(&request("5", money(1_250, "EUR"))).await.unwrap();
    assert_eq!(session.id, "cs_test_1");
    assert_eq!(session.url, "https://checkout.stripe.com/c/pay/cs_test_1");
    let seen = &fake.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/checkout/sessions"));
    assert_eq!(seen.headers["idempotency-key"], "scrip-payment-5");
    assert_eq!(seen.headers["stripe-version"], "2025-09-30.clover");
    let field = |name: &str| seen.fields[name].as_str();
    assert_eq!(field("line_items[0][price_data][unit_amount]"), "1250");
    assert_eq!(field("line_items[0][price_data][currency]"), "eur");
    assert_eq!(field("line_items[0][price_data][product_data][name]"), "Order 7: 10 & more [Device]");
    assert_eq!(field("customer_email"), "buyer+1@acme.test");
    assert_eq!(field("success_url"), "https://portal.test/orders/7?paid={CHECKOUT_SESSION_ID}");
    assert_eq!(field("payment_intent_data[metadata][scrip_payment]"), "5");
    assert_eq!(field("expires_at"), (NOON.0 / 1_000_000 + 3_600).to_string());
}

#[tokio::test]
async fn amounts_are_sent_in_the_currencys_minor_units() {
    let (fake, stripe) = start().await;
    stripe.create_session(&request("1", money(1_500, "JPY"))).await.unwrap();
    stripe.create_session(&request("2", money(5_120, "KWD"))).await.unwrap();
    let sent =
        fake.seen().iter().map(|s| s.fields["line_items[0][price_data][unit_amount]"].clone()).collect::<Vec<_>>();
    assert_eq!(sent, ["1500", "5120"]);
    for amount in [money(5_124, "KWD"), money(0, "EUR"), money(-1, "EUR")] {
        let outcome = stripe.create_session(&request("3", amount)).await;
        assert!(matches!(outcome, Err(ProviderError::NotPayable(a)) if a == amount), "{outcome:?}");
    }
    assert_eq!(fake.seen().len(), 2);
    let outcome = stripe.create_session(&request("4", money(100_000_000, "EUR"))).await;
    assert_eq!(code(outcome), (400, "amount_too_large".into()));
}

#[tokio::test]
async fn a_request_with_a_lost_answer_is_done_once() {
    let (fake, stripe) = start().await;
    for fault in [Fault::Lost, Fault::Status(409), Fault::Status(429), Fault::Status(500), Fault::Status(503)] {
        let before = fake.session_ids().len();
        fake.fail(&[fault, fault]);
        let id = (before + 1).to_string();
        let session = stripe.create_session(&request(&id, money(100, "EUR"))).await.unwrap();
        assert_eq!(fake.session_ids().len(), before + 1, "{fault:?}");
        let again = stripe.create_session(&request(&id, money(100, "EUR"))).await.unwrap();
        assert_eq!(again, session);
    }
    let keys: Vec<_> = fake.seen()[..3].iter().map(|s| s.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys, ["scrip-payment-1"; 3]);
}

#[tokio::test]
async fn the_client_gives_up_after_three_attempts() {
    let (fake, stripe) = start().await;
    fake.fail(&[Fault::Status(500), Fault::Status(502), Fault::Status(503)]);
    let error = stripe.create_session(&request("1", money(100, "EUR"))).await.unwrap_err();
    assert!(error.is_passing());
    assert_eq!(code::<()>(Err(error)), (503, "api_error".into()));
    fake.fail(&[Fault::Lost; 3]);
    let error = stripe.create_session(&request("2", money(100, "EUR"))).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Unreachable(e) if e.is_timeout()) && error.is_passing());
    assert_eq!(fake.seen().len(), 6);
}

#[tokio::test]
async fn permanent_failures_are_not_retried() {
    let (fake, stripe) = start().await;
    for (count, fault) in [(1, Fault::Status(402)), (2, Fault::Final(500))] {
        fake.fail(&[fault]);
        let error = stripe.create_session(&request("1", money(100, "EUR"))).await.unwrap_err();
        assert!(!error.is_passing() && matches!(error, ProviderError::Refused(_)));
        assert_eq!(fake.seen().len(), count);
    }
    fake.fail(&[Fault::Garbage]);
    let outcome = stripe.create_session(&request("1", money(100, "EUR"))).await;
    assert!(matches!(outcome, Err(ProviderError::Answer(_))));
    fake.fail(&[Fault::Redirect]);
    assert_eq!(code(stripe.create_session(&request("1", money(100, "EUR"))).await).0, 302);
    assert!(fake.seen().iter().all(|s| s.path == "/v1/checkout/sessions"));
}

#[tokio::test]
async fn a_different_request_for_the_same_payment_is_refused() {
    let (fake, stripe) = start().await;
    stripe.create_session(&request("1", money(100, "EUR"))).await.unwrap();
    let outcome = stripe.create_session(&request("1", money(200, "EUR"))).await;
    assert_eq!(code(outcome), (400, "idempotency_error".into()));
    assert_eq!(fake.session_ids().len(), 1);
}

#[tokio::test]
async fn a_session_can_be_read_and_expired() {
    let (fake, stripe) = start().await;
    let id = stripe.create_session(&request("1", money(100, "EUR"))).await.unwrap().id;
    let open = stripe.session(&id).await.unwrap();
    assert!(!open.is_paid && !open.is_complete && !open.is_expired);
    assert_eq!((open.reference.as_deref(), open.amount_total), (Some("1"), money(100, "EUR")));
    assert!(stripe.expire_session(&id).await.unwrap().is_expired);
    let other = stripe.create_session(&request("2", money(100, "EUR"))).await.unwrap().id;
    fake.complete(&other, true);
    assert_eq!(code(stripe.expire_session(&other).await).0, 400);
    let paid = stripe.session(&other).await.unwrap();
    assert!(paid.is_paid && paid.is_complete && paid.payment_intent.is_some());
    assert_eq!(code(stripe.session("cs_test_99").await).0, 404);
    let count = fake.seen().len();
    for id in ["", "../refunds", "cs?x", "cs/1"] {
        assert!(matches!(stripe.session(id).await, Err(ProviderError::Answer(_))), "{id}");
    }
    assert_eq!(fake.seen().len(), count);
}

#[tokio::test]
async fn a_refund_happens_once_per_key() {
    let (fake, stripe) = start().await;
    fake.fail(&[Fault::Lost]);
    let first = stripe.refund("pi_1", money(250, "EUR"), "scrip-refund-1").await.unwrap();
    assert_eq!(stripe.refund("pi_1", money(250, "EUR"), "scrip-refund-1").await.unwrap(), first);
    assert_eq!((first.id.as_str(), first.status.as_str()), ("re_1", "succeeded"));
    assert_eq!(fake.refunds().len(), 1);
    assert_eq!(fake.refunds()[0]["amount"], "250");
}

#[tokio::test]
async fn errors_and_debug_output_contain_no_secret() {
    let (fake, stripe) = start().await;
    fake.fail(&[Fault::Status(401)]);
    let refused = stripe.create_session(&request("1", money(100, "EUR"))).await.unwrap_err();
    let gone = StripeConfig { api_base: "http://127.0.0.1:1".into(), ..fake.config() };
    let unreachable = Stripe::new(&gone, PATIENCE).unwrap().session("cs_1").await.unwrap_err();
    assert!(unreachable.is_passing());
    let wrong = StripeConfig { secret_key: "sk_wrong".into(), ..fake.config() };
    let denied = Stripe::new(&wrong, PATIENCE).unwrap().session("cs_1").await.unwrap_err();
    assert_eq!(denied.to_string(), "the card payment service refused: 401 invalid_request_error, request req_1");
    for text in [format!("{refused} {refused:?}"), format!("{unreachable:?} {denied:?}"), format!("{stripe:?}")] {
        assert!(!text.contains(SECRET_KEY) && !text.contains("sk_") && !text.contains(WEBHOOK_SECRET), "{text}");
    }
}

#[tokio::test]
async fn the_client_needs_no_system_certificates() {
    let (fake, _) = start().await;
    let real = StripeConfig { api_base: "https://api.stripe.com".into(), ..fake.config() };
    assert!(Stripe::new(&real, Patience::default()).is_ok());
    // A TLS handshake starts, and fails because the server does not speak TLS.
    let api_base = fake.api_base.replace("http://", "https://");
    let own = StripeConfig { api_base, ..fake.config() };
    let outcome = Stripe::new(&own, PATIENCE).unwrap().session("cs_1").await;
    assert!(matches!(outcome, Err(ProviderError::Unreachable(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_event_with_a_valid_signature_is_accepted() {
    let (fake, stripe) = start().await;
    let id = stripe.create_session(&request("9", money(100, "EUR"))).await.unwrap().id;
    fake.complete(&id, true);
    let (body, header) = fake.event("evt_1", "checkout.session.completed", &id, NOON.0 / 1_000_000);
    let event = stripe.verify(body.as_bytes(), &header, NOON).unwrap();
    assert_eq!((event.kind, event.reference.as_deref()), (EventKind::SessionCompleted { is_paid: true }, Some("9")));
    assert_eq!(event.session_id, Some(id));
}
