//! Orders paid by card: through a fake Stripe, with events in any order and number, and in the demo.

use crate::support::shop::Shop;
use crate::support::stripe::Fault;
use crate::support::till::{Till, session};
use crate::support::{TestApp, signed_in, who};
use axum::body::Body;
use axum::http::Request;
use scrip::ops;
use scrip::ops::card_payments::ReturnUrls;
use serde_json::json;

both!(
    an_order_is_paid_only_when_the_provider_says_so,
    a_repeated_event_counts_once,
    events_may_arrive_in_any_order,
    only_a_fresh_valid_signature_is_accepted,
    without_stripe_there_is_no_webhook,
    unrelated_events_are_accepted_and_change_nothing,
    an_event_may_arrive_before_the_page_is_stored,
    a_payment_of_the_wrong_amount_pays_nothing,
    a_payment_for_a_cancelled_order_is_refunded,
    a_card_payment_after_a_bank_payment_is_refunded,
    a_concurrent_cancellation_and_payment_have_one_winner,
    refunds_made_at_the_provider_are_recorded,
    cancelled_vouchers_are_refunded_to_the_card_once,
    an_event_that_cannot_be_stored_is_answered_with_503,
    a_repeated_page_request_is_sent_unchanged,
    an_expired_payment_page_is_replaced,
    an_order_can_still_be_paid_after_the_provider_fails,
    lost_events_are_polled_for,
    a_slow_payment_is_waited_for,
    other_companies_cannot_reach_the_payment,
    the_operator_sees_whether_cards_are_accepted,
    the_demo_has_its_own_payment_page,
    only_the_buyer_sees_the_demos_payment_page,
);

const PAID: &str = "paid: paid";
const OPEN: &str = "awaiting_payment: open";

async fn an_order_is_paid_only_when_the_provider_says_so(test: TestApp) {
    let mut till = Till::open(test).await;
    let order = till.order().await;
    let shown = till.buyer.get(&format!("/orders/{order}")).await;
    shown.has("Pay 145.20 EUR by card").has("not ready yet");
    let page = till.card(order).await;
    page.is(200).has("145.20 EUR are to be paid on the card provider’s page").has_not("<script>");
    let csp = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(csp.contains("form-action 'self'") && !csp.contains("stripe"), "{csp}");
    let session = session(&page);
    let fields = till.stripe.seen()[0].fields.clone();
    assert_eq!(fields["customer_email"], "invoices@distributor.example");
    assert_eq!(fields["success_url"], format!("http://127.0.0.1:8080/orders/{order}/return"));
    assert_eq!(fields["cancel_url"], format!("http://127.0.0.1:8080/orders/{order}"));
    // The browser's return proves nothing: the order is paid only when the provider says so.
    let back = format!("/orders/{order}/return");
    till.buyer.get(&format!("{back}?paid=1&session_id={session}")).await.has("has not told us of your payment");
    till.stripe.complete(&session, true);
    till.buyer.get(&back).await.is(200).has("has not told us of your payment");
    assert_eq!((till.state(order).await.as_str(), till.units().await), (OPEN, 0));
    till.deliver("evt_1", "checkout.session.completed", &session).await.is(200);
    assert_eq!(till.buyer.get(&back).await.is(303).location(), format!("/orders/{order}"));
    let shown = till.buyer.get(&format!("/orders/{order}")).await;
    shown.has("Prepared vouchers").has("1 unused").has("INV-2026-000001").has_not("by card</button>");
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
    till.buyer.get("/history").await.has("Order paid").has("145.20 EUR by card");
    till.test.verify().await;
}

async fn a_repeated_event_counts_once(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.pays("evt_1", &session).await.is(200);
    till.pays("evt_1", &session).await.is(200);
    till.deliver("evt_2", "checkout.session.async_payment_succeeded", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
    // Forty concurrent deliveries: half repeat one event, half are events of their own.
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, true);
    let sent = (0..40).map(|n| {
        let id = format!("evt_3_{}", n / 2 * (n % 2));
        till.stripe.event(&id, "checkout.session.completed", &session, till.seconds())
    });
    let answers = sent.map(|(body, signature)| {
        let (mut browser, request) = (till.test.browser(), Request::post("/webhooks/stripe"));
        let request = request.header("stripe-signature", signature).body(Body::from(body)).unwrap();
        tokio::spawn(async move { browser.send(request).await.status })
    });
    for answer in answers.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 20));
    assert_eq!(till.count("select count(*) from invoice").await, 2);
    assert_eq!(till.count("select count(*) from job where kind = 'refund'").await, 0);
    till.test.verify().await;
}

async fn events_may_arrive_in_any_order(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.deliver("evt_1", "checkout.session.expired", &session).await.is(200);
    assert_eq!(till.state(order).await, "awaiting_payment: expired");
    till.pays("evt_2", &session).await.is(200);
    till.deliver("evt_3", "checkout.session.expired", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
    // A slow payment method: the payer is done, the money arrives later.
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, false);
    till.deliver("evt_4", "checkout.session.completed", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (OPEN, 10));
    till.card(order).await.is(422).has("under way");
    till.stripe.complete(&session, true);
    till.deliver("evt_5", "checkout.session.async_payment_succeeded", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 20));
    // A payment fails, another one is made, and then the failed one succeeds after all.
    let (order, first) = till.opened().await;
    till.deliver("evt_6", "checkout.session.async_payment_failed", &first).await.is(200);
    let second = crate::support::till::session(till.card(order).await.is(200));
    assert_ne!(first, second);
    till.pays("evt_7", &second).await.is(200);
    till.pays("evt_8", &first).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("paid: refund_due, paid", 30));
    till.run_jobs().await;
    assert_eq!(till.state(order).await, "paid: refunded, paid");
    assert_eq!(till.stripe.refunds()[0]["payment_intent"], format!("pi_{first}"));
    till.test.verify().await;
}

async fn only_a_fresh_valid_signature_is_accepted(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, true);
    let kind = "checkout.session.completed";
    let (body, good) = till.stripe.event("evt_1", kind, &session, till.seconds());
    let foreign = scrip::cards::sign("whsec_other", body.as_bytes(), till.seconds());
    let (old_body, old) = till.stripe.event("evt_1", kind, &session, till.seconds() - 301);
    for (body, signature) in
        [(&body, &foreign), (&old_body, &old), (&body, &old), (&body, &String::new()), (&"{}".into(), &good)]
    {
        till.send(body, signature).await.is(400);
    }
    till.send(&"x".repeat(300_000), &good).await.is(413);
    till.buyer.get("/webhooks/stripe").await.is(405);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (OPEN, 0));
    assert_eq!(till.count("select count(*) from payment_event").await, 0);
    till.send(&body, &good).await.is(200);
    assert_eq!(till.state(order).await, PAID);
}

async fn without_stripe_there_is_no_webhook(test: TestApp) {
    let request = Request::post("/webhooks/stripe").body(Body::from("{}")).unwrap();
    test.browser().send(request).await.is(404);
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    buyer.get(&format!("/orders/{order}")).await.has("Card payment is not set up here.");
    shop.place(&mut buyer, order, "card").await.is(422).has("Card payments are not set up here.");
}

async fn unrelated_events_are_accepted_and_change_nothing(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    let (_, other) = till.opened().await;
    // Another installation on the same Stripe account has a payment of the same amount.
    let foreign = json!({"scrip_payment": "scrip-0123456789abcdef01234567"});
    till.stripe.change(&other, "client_reference_id", foreign["scrip_payment"].clone());
    till.stripe.change(&other, "metadata", foreign);
    till.pays("evt_1", &other).await.is(200);
    till.stripe.complete(&session, true);
    till.deliver("evt_2", "invoice.paid", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (OPEN, 0));
    assert_eq!(till.count("select count(*) from payment_event").await, 0);
}

async fn an_event_may_arrive_before_the_page_is_stored(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    // As if the program had been killed between Stripe's response and the commit.
    till.execute("update payment set session_id = null, session_url = null").await;
    till.stripe.complete(&session, false);
    till.deliver("evt_1", "checkout.session.completed", &session).await.is(200);
    till.stripe.complete(&session, true);
    till.buyer.submit(&format!("/orders/{order}/return"), &format!("/orders/{order}/look"), &[]).await.is(303);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
    till.pays("evt_2", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
}

async fn a_payment_of_the_wrong_amount_pays_nothing(test: TestApp) {
    let mut till = Till::open(test).await;
    for (field, value, message) in [
        ("amount_total", json!(14_519), "145.19 EUR instead of 145.20 EUR"),
        ("amount_total", json!(14_521), "145.21 EUR instead of 145.20 EUR"),
        ("currency", json!("czk"), "145.20 CZK instead of 145.20 EUR"),
    ] {
        let (order, session) = till.opened().await;
        till.stripe.change(&session, field, value);
        till.pays(&format!("evt_{order}"), &session).await.is(200);
        assert_eq!((till.state(order).await.as_str(), till.units().await), ("awaiting_payment: failed", 0));
        signed_in(&till.test, "operator@test.example").await.get("/history").await.has(message);
    }
    assert_eq!(till.count("select count(*) from invoice").await, 0);
    assert_eq!(till.stripe.refunds().len(), 0);
}

async fn a_payment_for_a_cancelled_order_is_refunded(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    let at = format!("/orders/{order}/cancellation");
    till.buyer.submit(&at, &at, &[]).await.is(303);
    // The buyer pays before the provider's page is closed.
    till.pays("evt_1", &session).await.is(200);
    till.pays("evt_2", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("cancelled: refund_due", 0));
    till.buyer.get(&format!("/orders/{order}")).await.has("To be paid back");
    till.run_jobs().await;
    ops::card_payments::refund(&till.test.app, "1").await.unwrap();
    till.pays("evt_3", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("cancelled: refunded", 0));
    assert_eq!(till.stripe.refunds().len(), 1);
    assert_eq!(till.stripe.refunds()[0]["amount"], "14520");
    till.card(order).await.is(422).has("not waiting for a payment");
    till.buyer.get("/history").await.has("Card payment given back");
    // If nobody pays, the page is closed, even if the provider fails at first.
    let (order, session) = till.opened().await;
    let at = format!("/orders/{order}/cancellation");
    till.buyer.submit(&at, &at, &[]).await.is(303);
    till.stripe.fail(&[Fault::Status(503); 3]);
    till.run_jobs().await;
    assert_eq!(till.stripe.status(&session), "open");
    till.test.app.clock.advance_seconds(20);
    till.run_jobs().await;
    assert_eq!(till.stripe.status(&session), "expired");
    assert_eq!(till.state(order).await, "cancelled: expired");
    till.test.verify().await;
}

async fn a_card_payment_after_a_bank_payment_is_refunded(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, true);
    till.shop.mark_paid(&till.test, order, "145.20").await.is(303);
    // The job cannot close the paid page, and so learns of the payment.
    till.run_jobs().await;
    till.deliver("evt_1", "checkout.session.completed", &session).await.is(200);
    till.run_jobs().await;
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("paid: refunded, paid", 10));
    assert_eq!(till.stripe.refunds().len(), 1);
    assert_eq!(till.count("select count(*) from invoice").await, 1);
    till.test.verify().await;
}

async fn a_concurrent_cancellation_and_payment_have_one_winner(test: TestApp) {
    let mut till = Till::open(test).await;
    let mut paid = 0;
    for round in 0..8 {
        let (order, session) = till.opened().await;
        till.stripe.complete(&session, true);
        let (app, buyer) = (till.test.app.clone(), who(&till.test.app, "distributor@test.example").await);
        let key = format!("cancel-{round}");
        let cancel = tokio::spawn(async move { ops::orders::cancel(&app, &buyer, &key, order).await.is_ok() });
        till.deliver(&format!("evt_{round}"), "checkout.session.completed", &session).await.is(200);
        let is_cancelled = cancel.await.unwrap();
        till.run_jobs().await;
        paid += i64::from(!is_cancelled);
        let wanted = if is_cancelled { "cancelled: refunded" } else { PAID };
        assert_eq!((till.state(order).await.as_str(), till.units().await), (wanted, 10 * paid));
    }
    assert_eq!(till.stripe.refunds().len() as i64, 8 - paid);
    till.test.verify().await;
}

async fn refunds_made_at_the_provider_are_recorded(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.pays("evt_1", &session).await.is(200);
    for (event, refunded, state) in [("evt_2", 5_000, PAID), ("evt_3", 14_520, "paid: refunded")] {
        let (body, signature) = till.stripe.refund_event(event, &session, refunded, till.seconds());
        till.send(&body, &signature).await.is(200);
        assert_eq!(till.state(order).await, state);
    }
    // If the refund event arrives before the payment event, the order is not paid.
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, true);
    let (body, signature) = till.stripe.refund_event("evt_4", &session, 14_520, till.seconds());
    till.send(&body, &signature).await.is(200);
    till.deliver("evt_5", "checkout.session.completed", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("awaiting_payment: refunded", 10));
}

async fn cancelled_vouchers_are_refunded_to_the_card_once(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, late) = till.opened().await;
    till.deliver("evt_1", "checkout.session.async_payment_failed", &late).await.is(200);
    let session = session(till.card(order).await.is(200));
    till.pays("evt_2", &session).await.is(200);
    till.pays("evt_3", &late).await.is(200);
    till.run_jobs().await;
    let buyer = who(&till.test.app, "distributor@test.example").await;
    let codes: Vec<_> = till.shop.codes(&till.test, order, 1).await.into_iter().map(|c| c.0).collect();
    ops::vouchers::cancel(&till.test.app, &buyer, "cancel", order, &codes).await.unwrap();
    // As if the program had been killed between Stripe's response and the commit: the event arrives first.
    let (body, signature) = till.stripe.refund_event("evt_4", &session, 14_520, till.seconds());
    till.send(&body, &signature).await.is(200);
    till.run_jobs().await;
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("paid: refunded, refunded", 0));
    let intents: Vec<_> = till.stripe.refunds().iter().map(|r| r["payment_intent"].clone()).collect();
    assert_eq!(intents, [format!("pi_{late}"), format!("pi_{session}")]);
    till.buyer.get(&format!("/orders/{order}")).await.has("CN-2026-000001").has("Settled");
    till.test.verify().await;
}

async fn an_event_that_cannot_be_stored_is_answered_with_503(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, true);
    let (body, signature) = till.stripe.event("evt_1", "checkout.session.completed", &session, till.seconds());
    till.test.app.db.close().await;
    till.send(&body, &signature).await.is(503);
    let mut browser = till.test.restarted().await;
    let request = Request::post("/webhooks/stripe").header("stripe-signature", signature);
    browser.send(request.body(Body::from(body)).unwrap()).await.is(200);
    browser.sign_in("distributor@test.example").await;
    browser.get(&format!("/orders/{order}")).await.has("Prepared vouchers");
}

async fn a_repeated_page_request_is_sent_unchanged(test: TestApp) {
    let mut till = Till::open(test).await;
    let order = till.order().await;
    let buyer = who(&till.test.app, "distributor@test.example").await;
    let requests = (0..8).map(|_| {
        let (app, buyer) = (till.test.app.clone(), buyer.clone());
        tokio::spawn(async move {
            let return_urls = ReturnUrls { back: "http://127.0.0.1:8080/a", cancelled: "http://127.0.0.1:8080/b" };
            ops::card_payments::page(&app, &buyer, order, &return_urls).await.unwrap()
        })
    });
    let mut pages = Vec::new();
    for page in requests.collect::<Vec<_>>() {
        pages.push(page.await.unwrap());
    }
    pages.dedup();
    assert_eq!((pages.len(), till.stripe.session_ids().len()), (1, 1));
    // If a page was not stored, the request is repeated unchanged, because Stripe refuses another request with the same
    // key: even a day later, and even when the buyer's address has changed.
    let (order, session) = till.opened().await;
    till.execute("update payment set session_id = null, session_url = null").await;
    let renamed = "update person set email = 'new@test.example', email_search = 'new@test.example'
         where email = 'distributor@test.example'";
    till.execute(renamed).await;
    till.execute("update billing set email = 'new@distributor.example'").await;
    till.test.app.clock.advance_seconds(22 * 3_600);
    till.buyer = signed_in(&till.test, "new@test.example").await;
    assert_eq!(crate::support::till::session(till.card(order).await.is(200)), session);
    assert_eq!(till.state(order).await, OPEN);
}

async fn an_expired_payment_page_is_replaced(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, first) = till.opened().await;
    till.later(23 * 3_600 - 61).await;
    assert_eq!(session(till.card(order).await.is(200)), first);
    till.later(2).await;
    let second = session(till.card(order).await.is(200));
    assert_ne!(first, second);
    let ends = till.stripe.seen().last().unwrap().fields["expires_at"].parse::<i64>().unwrap();
    assert_eq!(ends, till.seconds() + 23 * 3_600);
    till.stripe.expire(&first);
    ops::card_payments::ask_due(&till.test.app).await.unwrap();
    assert_eq!(till.state(order).await, "awaiting_payment: expired, open");
    till.pays("evt_1", &second).await.is(200);
    // A payment that never got a page expires by itself, and shortly before that it no longer gets one.
    let order = till.order().await;
    till.later(23 * 3_600 - 1_800).await;
    till.card(order).await.is(200);
    till.later(1_800).await;
    ops::card_payments::ask_due(&till.test.app).await.unwrap();
    assert_eq!(till.state(order).await, "awaiting_payment: expired, open");
    till.test.verify().await;
}

async fn an_order_can_still_be_paid_after_the_provider_fails(test: TestApp) {
    let mut till = Till::open(test).await;
    let order = till.order().await;
    till.stripe.fail(&[Fault::Status(429); 3]);
    till.card(order).await.is(422).has("The card payment page cannot be opened now, and nothing was paid.");
    assert_eq!(till.state(order).await, OPEN);
    // Stripe remembers its answer for a key, even its own faults, so the next attempt is a new payment.
    till.stripe.fail(&[Fault::Status(500); 3]);
    till.card(order).await.is(422);
    assert_eq!(till.state(order).await, "awaiting_payment: failed");
    let session = session(till.card(order).await.is(200));
    till.pays("evt_1", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), ("paid: failed, paid", 10));
}

async fn lost_events_are_polled_for(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    let lookups_after = async |till: &Till, seconds| {
        till.test.app.clock.advance_seconds(seconds);
        ops::card_payments::ask_due(&till.test.app).await.unwrap();
        till.stripe.questions()
    };
    assert_eq!(lookups_after(&till, 59).await, 0);
    assert_eq!(lookups_after(&till, 1).await, 1);
    assert_eq!(lookups_after(&till, 59).await, 1);
    assert_eq!(lookups_after(&till, 3_600).await, 2);
    assert_eq!(lookups_after(&till, 899).await, 2);
    assert_eq!(till.state(order).await, OPEN);
    till.stripe.complete(&session, true);
    till.stripe.fail(&[Fault::Status(404)]);
    assert_eq!(lookups_after(&till, 1).await, 3);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (OPEN, 0));
    assert_eq!(lookups_after(&till, 900).await, 4);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
    assert_eq!(lookups_after(&till, 900).await, 4);
    till.deliver("evt_1", "checkout.session.completed", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
    let (order, session) = till.opened().await;
    till.stripe.expire(&session);
    assert_eq!(lookups_after(&till, 60).await, 5);
    assert_eq!(till.state(order).await, "awaiting_payment: expired");
    till.test.verify().await;
}

async fn a_slow_payment_is_waited_for(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, false);
    for days in [1, 28] {
        till.later(days * 86_400).await;
        ops::card_payments::ask_due(&till.test.app).await.unwrap();
        assert_eq!(till.state(order).await, OPEN);
        till.card(order).await.is(422).has("under way");
    }
    till.test.app.clock.advance_seconds(86_401);
    ops::card_payments::ask_due(&till.test.app).await.unwrap();
    assert_eq!(till.state(order).await, "awaiting_payment: failed");
    till.pays("evt_1", &session).await.is(200);
    assert_eq!((till.state(order).await.as_str(), till.units().await), (PAID, 10));
}

async fn other_companies_cannot_reach_the_payment(test: TestApp) {
    let mut till = Till::open(test).await;
    let (order, _) = till.opened().await;
    let mut other = signed_in(&till.test, "other@test.example").await;
    for part in ["card", "look"] {
        let action = format!("/orders/{order}/{part}");
        let status = other.submit("/account/profile", &action, &[]).await.status;
        assert!(status == 404 || status == 403, "{part}: {status}");
    }
    other.get(&format!("/orders/{order}/return")).await.is(404);
    let mut operator = signed_in(&till.test, "operator@test.example").await;
    let action = format!("/orders/{order}/card");
    operator.submit("/account/profile", &action, &[]).await.is(403);
    till.buyer.post(&action, &[("form", "x")]).await.is(403);
    assert_eq!(till.stripe.seen().len(), 1);
}

async fn the_operator_sees_whether_cards_are_accepted(test: TestApp) {
    crate::support::World::new(&test).await;
    let page = signed_in(&test, "operator@test.example").await.get("/operator/seller").await;
    page.has("Not set up").has("--stripe-secret-key").has("http://127.0.0.1:8080/webhooks/stripe");
    let till = Till::open(test).await;
    let page = signed_in(&till.test, "operator@test.example").await.get("/operator/seller").await;
    page.has("Buyers can pay by card on Stripe’s page.").has("<code>charge.refunded</code>");
    page.has_not("sk_test").has_not("whsec_");
    let demo = TestApp::start_demo(till.test.backend).await.unwrap();
    crate::support::World::new(&demo).await;
    let page = signed_in(&demo, "operator@test.example").await.get("/operator/seller").await;
    page.has("a test card page, on which no money moves").has_not("webhooks/stripe");
}

async fn the_demo_has_its_own_payment_page(test: TestApp) {
    let test = TestApp::start_demo(test.backend).await.unwrap();
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "card").await.is(303);
    let (at, card) = (format!("/orders/{order}"), format!("/orders/{order}/card"));
    let mut pages = Vec::new();
    for (answer, next) in [("decline", at.clone()), ("pay", format!("{at}/return"))] {
        let page = buyer.submit(&at, &card, &[]).await;
        let link = page.is(200).body.split("href=\"/demo/card/").nth(1).unwrap().split('"').next().unwrap();
        let link = format!("/demo/card/{link}");
        let page = buyer.get(&link).await;
        page.is(200)
            .has("Test card — no money moves")
            .has("Pay 145.20 EUR")
            .has("Decline")
            .has(&format!("href=\"{at}\""));
        let fields = [("form", page.field("form")), ("answer", answer.to_owned())];
        let fields: Vec<_> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        for _ in 0..2 {
            assert_eq!(buyer.post(&link, &fields).await.is(303).location(), next);
        }
        buyer.get(&link).await.has("is over");
        // A stale tab changes nothing.
        buyer.submit(&at, &link, &[("answer", "decline")]).await.is(303);
        pages.push(link);
    }
    assert_ne!(pages[0], pages[1]);
    buyer.get(&at).await.has("Prepared vouchers").has("Failed").has("Test card");
    let found = ops::orders::find(&test.app, &who(&test.app, "distributor@test.example").await, order).await;
    let states: Vec<_> = found.unwrap().payments.into_iter().map(|p| p.state).collect();
    assert_eq!(states, ["failed", "paid"]);
    assert_eq!(shop.codes(&test, order, 1).await.len(), 1);
    test.verify().await;
}

async fn only_the_buyer_sees_the_demos_payment_page(test: TestApp) {
    let demo = TestApp::start_demo(test.backend).await.unwrap();
    let shop = Shop::open(&demo).await;
    let mut buyer = shop.buyer(&demo).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "card").await.is(303);
    let at = format!("/orders/{order}");
    let page = buyer.submit(&at, &format!("{at}/card"), &[]).await;
    let link = page.body.split("href=\"/demo/card/").nth(1).unwrap().split('"').next().unwrap();
    let link = format!("/demo/card/{link}");
    demo.browser().get(&link).await.is(303);
    signed_in(&demo, "acme@test.example").await.get(&link).await.is(404);
    let operator = who(&demo.app, "operator@test.example").await;
    let other = shop.world.other;
    ops::distributors::set_may_buy(&demo.app, &operator, "other", other, true).await.unwrap();
    let mut other = signed_in(&demo, "other@test.example").await;
    other.get(&link).await.is(404);
    other.submit("/account/profile", &link, &[("answer", "pay")]).await.is(404);
    buyer.post(&link, &[("form", "x"), ("answer", "pay")]).await.is(403);
    buyer.submit(&link, &link, &[("answer", "gold")]).await.is(400);
    buyer.get("/demo/card/demo_%00").await.is(404);
    buyer.get(&at).await.has("not ready yet");
    let mut till = Till::open(test).await;
    till.buyer.get("/demo/card/cs_test_1").await.is(404);
}
