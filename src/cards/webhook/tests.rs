use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::money::Currency;

const SECRET: &str = "whsec_test";
const NOON_SECONDS: i64 = 1_795_262_400;
const NOON: Moment = Moment(NOON_SECONDS * 1_000_000);

fn euro(minor: i64) -> Money {
    Money::new(minor, Currency::from_code("EUR").unwrap())
}

/// A session as Stripe sends it, with many fields that we do not use.
fn session_object() -> Value {
    json!({
        "id": "cs_test_a1", "object": "checkout.session", "amount_subtotal": 1250, "amount_total": 1250,
        "automatic_tax": {"enabled": false}, "client_reference_id": "42", "currency": "eur", "livemode": false,
        "metadata": {"scrip_payment": "42"}, "mode": "payment", "payment_intent": "pi_1",
        "payment_status": "paid", "status": "complete", "url": null
    })
}

fn body(kind: &str, object: &Value) -> Vec<u8> {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2025-09-30.clover", "type": kind,
        "created": NOON_SECONDS, "data": {"object": object}, "pending_webhooks": 1
    })
    .to_string()
    .into_bytes()
}

fn taken(kind: &str, object: &Value) -> Result<Event, WebhookError> {
    let body = body(kind, object);
    verify(SECRET, &body, &sign(SECRET, &body, NOON_SECONDS), NOON)
}

#[test]
fn the_signature_matches_stripes() {
    let payload = br#"{"id":"evt_1","type":"invoice.paid","created":1795262400,"data":{"object":{}}}"#;
    // Made independently of this code, following Stripe's page on signatures.
    let header = "t=1795262400,v1=e7a7997ed7822d7672ee69bb6b3c0f5a5e6cea10d82cdb7f15f14a63a218f991,v0=00";
    let event = verify(SECRET, payload, header, NOON).unwrap();
    assert_eq!((event.id.as_str(), event.kind, event.created), ("evt_1", EventKind::Other, NOON));
}

#[test]
fn each_event_is_recognised_by_its_type() {
    let mut unpaid = session_object();
    unpaid["payment_status"] = "unpaid".into();
    for (kind, object, expected) in [
        ("checkout.session.completed", session_object(), EventKind::SessionCompleted { is_paid: true }),
        ("checkout.session.completed", unpaid, EventKind::SessionCompleted { is_paid: false }),
        ("checkout.session.async_payment_succeeded", session_object(), EventKind::AsyncSucceeded),
        ("checkout.session.async_payment_failed", session_object(), EventKind::AsyncFailed),
        ("checkout.session.expired", session_object(), EventKind::SessionExpired),
    ] {
        let event = taken(kind, &object).unwrap();
        assert_eq!((event.kind, event.reference.as_deref()), (expected, Some("42")), "{kind}");
        assert_eq!(event.session_id.as_deref(), Some("cs_test_a1"));
        assert_eq!(event.payment_intent.as_deref(), Some("pi_1"));
        assert_eq!(event.amount_total, Some(euro(1250)));
    }
    let charge = json!({"id": "ch_1", "amount": 1250, "amount_refunded": 250, "currency": "eur",
        "metadata": {"scrip_payment": "42"}, "payment_intent": "pi_1", "refunded": false});
    let event = taken("charge.refunded", &charge).unwrap();
    assert_eq!(event.kind, EventKind::Refunded { total: euro(250) });
    assert_eq!((event.payment_intent.as_deref(), event.amount_total), (Some("pi_1"), Some(euro(1250))));
}

#[test]
fn events_of_another_program_on_the_same_account_are_ignored() {
    let mut object = session_object();
    object["metadata"] = json!({});
    object["client_reference_id"] = "cart-9".into();
    let event = taken("checkout.session.completed", &object).unwrap();
    assert_eq!((event.kind, event.reference, event.session_id), (EventKind::Other, None, None));
}

#[test]
fn missing_or_contradictory_data_is_refused() {
    for field in ["id", "payment_status", "amount_total", "currency", "client_reference_id"] {
        let mut object = session_object();
        object.as_object_mut().unwrap().remove(field);
        let outcome = taken("checkout.session.completed", &object);
        assert!(matches!(outcome, Err(WebhookError::Body(_))), "{field}: {outcome:?}");
    }
    for (field, value) in [("client_reference_id", "43"), ("currency", "xxx"), ("amount_total", "1250")] {
        let mut object = session_object();
        object[field] = value.into();
        let outcome = taken("checkout.session.completed", &object);
        assert!(matches!(outcome, Err(WebhookError::Body(_))), "{field}: {outcome:?}");
    }
    assert_eq!(taken("charge.refunded", &json!([])), Err(WebhookError::Body("a field of the charge is missing")));
}

#[test]
fn only_a_recent_signature_over_the_exact_bytes_counts() {
    let body = body("checkout.session.completed", &session_object());
    let good = sign(SECRET, &body, NOON_SECONDS);
    let other = sign("whsec_other", &body, NOON_SECONDS);
    let v1 = |header: &str| header.split_once(',').unwrap().1.to_owned();
    let at = |seconds: i64| sign(SECRET, &body, NOON_SECONDS + seconds);
    for (header, outcome) in [
        (good.clone(), None),
        (format!("{other},{}", v1(&good)), None),
        (format!("{good}, {}", v1(&other)), None),
        (at(300), None),
        (at(-300), None),
        (at(301), Some(WebhookError::Time)),
        (at(-301), Some(WebhookError::Time)),
        (other.clone(), Some(WebhookError::Signature)),
        (good.replace("t=1795262400", "t=1795262401"), Some(WebhookError::Signature)),
        (good.replace("v1=", "v0="), Some(WebhookError::Signature)),
        (good[..good.len() - 2].to_owned(), Some(WebhookError::Signature)),
        (format!("t={NOON_SECONDS},v1="), Some(WebhookError::Signature)),
        (format!("t={NOON_SECONDS}"), Some(WebhookError::Signature)),
        (v1(&good), Some(WebhookError::Header)),
        (format!("{good},t={NOON_SECONDS}"), Some(WebhookError::Header)),
        (good.replace("t=", "t=+"), Some(WebhookError::Header)),
        (String::new(), Some(WebhookError::Header)),
        (format!("{good},{}", "v1=00,".repeat(1_000)), Some(WebhookError::Header)),
    ] {
        assert_eq!(verify(SECRET, &body, &header, NOON).err(), outcome, "{header}");
    }
    let mut longer = body.clone();
    longer.push(b' ');
    assert_eq!(verify(SECRET, &longer, &good, NOON), Err(WebhookError::Signature));
}

proptest! {
    #[test]
    fn garbage_is_refused_and_never_panics(
        header in "\\PC{0,100}", near in "(t=[0-9]{0,25}|v1=[0-9a-fA-Fg]{0,70}|,|=){0,6}", payload: Vec<u8>,
        object in "\\{(\"(id|currency|metadata|amount|amount_total)\":(null|1|\"x\"|\\{\\}),?){0,4}\\}"
    ) {
        prop_assert!(verify(SECRET, &payload, &header, NOON).is_err());
        prop_assert!(verify(SECRET, &payload, &near, NOON).is_err());
        let payload = format!(
            r#"{{"id":"e","type":"checkout.session.completed","created":{},"data":{{"object":{object}}}}}"#,
            i64::MAX
        );
        let _ = verify(SECRET, payload.as_bytes(), &sign(SECRET, payload.as_bytes(), NOON_SECONDS), NOON);
        let huge = sign(SECRET, payload.as_bytes(), i64::MAX);
        prop_assert_eq!(verify(SECRET, payload.as_bytes(), &huge, NOON), Err(WebhookError::Time));
    }
}
