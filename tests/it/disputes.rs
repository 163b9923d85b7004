//! Payers dispute card payments: what Stripe reports, what the vouchers still do, and who is told.

use crate::support::shop::balance;
use crate::support::till::Till;
use crate::support::{Browser, Page, Program, TestApp, mail_server, signed_in};
use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use serde_json::json;

both!(
    a_disputed_order_has_no_usable_codes_until_the_dispute_is_won,
    reports_come_in_any_order_and_more_than_once,
    an_inquiry_stops_nothing,
    a_lost_dispute_stays,
    disputes_of_others_change_nothing,
    nothing_is_paid_back_while_a_dispute_is_open,
    units_in_an_own_pool_are_not_frozen,
    redemptions_and_a_dispute_at_once_take_turns,
);

/// An order paid by card, and its session at Stripe.
async fn paid(test: TestApp) -> (Till, i64, String) {
    let mut till = Till::open(test).await;
    let (order, session) = till.opened().await;
    till.pays("evt_paid", &session).await.is(200);
    assert_eq!(till.state(order).await, "paid: paid");
    (till, order, session)
}

async fn report(till: &Till, event: &str, session: &str, status: &str, seconds: i64) {
    let (body, signature) = till.stripe.dispute_event(event, session, status, seconds);
    till.send(&body, &signature).await.is(200);
}

async fn codes(till: &mut Till, order: i64) -> Vec<String> {
    let page = till.buyer.get(&format!("/orders/{order}/vouchers/1")).await;
    let parts = page.is(200).body.split("data-copy=\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
}

async fn redeem(test: &TestApp, code: &str) -> (u16, String) {
    let customer = Program::all(test, "other@test.example").await;
    let answer = customer.post("/api/credits/codes/activate", json!({ "code": code })).await;
    (answer.status.as_u16(), answer.body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

fn is_flagged(page: &Page) -> bool {
    page.body.contains(">Disputed</span>")
}

async fn a_disputed_order_has_no_usable_codes_until_the_dispute_is_won(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let at = format!("/orders/{order}");
    let code = codes(&mut till, order).await.remove(0);
    let now = till.seconds();
    report(&till, "evt_1", &session, "needs_response", now).await;
    let page = till.buyer.get(&at).await;
    assert!(is_flagged(page.is(200)));
    page.has("The payment is disputed by the payer").has("145.20").has("fraudulent");
    assert!(is_flagged(&till.buyer.get(&format!("{at}/vouchers/1")).await));
    assert_eq!(redeem(&till.test, &code).await, (409, "CODE_DISPUTED".into()));
    let mut other = signed_in(&till.test, "other@test.example").await;
    other.submit("/redeem", "/redeem", &[("code", &code)]).await.is(422).has("The payment of this voucher is disputed");
    other
        .submit("/subscriptions/voucher", "/subscriptions/voucher", &[("code", &code)])
        .await
        .is(422)
        .has("The payment of this voucher is disputed");
    let buyer = Program::all(&till.test, "distributor@test.example").await;
    let listed = buyer.get("/api/credits/codes").await.is(200).data()[0].clone();
    assert_eq!((&listed["status"], &listed["is_disputed"]), (&json!("unused"), &json!(true)));
    till.test.verify().await;
    report(&till, "evt_2", &session, "won", now + 60).await;
    assert!(!is_flagged(till.buyer.get(&at).await.has("the dispute was won or withdrawn")));
    assert_eq!(redeem(&till.test, &code).await.0, 200);
    let mut operator = signed_in(&till.test, "operator@test.example").await;
    operator.get("/history").await.has("Payment disputed").has("Dispute won").has("145.20");
    till.test.verify().await;
}

async fn reports_come_in_any_order_and_more_than_once(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let at = format!("/orders/{order}");
    let now = till.seconds();
    // The decision first, then what led to it, in the same second and before.
    report(&till, "evt_won", &session, "won", now).await;
    report(&till, "evt_late", &session, "under_review", now).await;
    report(&till, "evt_later", &session, "needs_response", now - 60).await;
    report(&till, "evt_won", &session, "won", now).await;
    assert!(!is_flagged(&till.buyer.get(&at).await));
    assert_eq!(till.count("select count(*) from dispute").await, 1);
    let notes = "select count(*) from history where verb in ('order.disputed', 'order.dispute_won')";
    assert_eq!(till.count(notes).await, 1);
}

async fn an_inquiry_stops_nothing(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let code = codes(&mut till, order).await.remove(0);
    let now = till.seconds();
    report(&till, "evt_1", &session, "warning_needs_response", now).await;
    let page = till.buyer.get(&format!("/orders/{order}")).await;
    assert!(!is_flagged(page.has("No money is withheld")));
    assert_eq!(redeem(&till.test, &code).await.0, 200);
    report(&till, "evt_2", &session, "warning_closed", now + 1).await;
    assert!(!is_flagged(&till.buyer.get(&format!("/orders/{order}")).await));
}

async fn a_lost_dispute_stays(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let code = codes(&mut till, order).await.remove(0);
    let now = till.seconds();
    report(&till, "evt_1", &session, "lost", now).await;
    report(&till, "evt_2", &session, "under_review", now + 60).await;
    assert!(is_flagged(till.buyer.get(&format!("/orders/{order}")).await.has("the dispute was lost")));
    assert_eq!(redeem(&till.test, &code).await, (409, "CODE_DISPUTED".into()));
    till.test.verify().await;
}

async fn disputes_of_others_change_nothing(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let now = till.seconds();
    let (body, _) = till.stripe.dispute_event("evt_1", &session, "needs_response", now);
    // Of another program on the same account, in a currency that this portal does not know.
    for (from, to) in [("pi_", "pi_other_"), ("eur", "xxx")] {
        let other = body.replace("pi_", "pi_other_").replace(from, to);
        let signature = scrip::cards::sign(crate::support::stripe::WEBHOOK_SECRET, other.as_bytes(), now);
        till.send(&other, &signature).await.is(200);
    }
    // Signed by somebody else.
    let signature = scrip::cards::sign("whsec_wrong", body.as_bytes(), now);
    till.send(&body, &signature).await.is(400);
    assert!(!is_flagged(&till.buyer.get(&format!("/orders/{order}")).await));
    assert_eq!(till.count("select count(*) from dispute").await, 0);
}

async fn nothing_is_paid_back_while_a_dispute_is_open(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let at = format!("/orders/{order}");
    let now = till.seconds();
    report(&till, "evt_1", &session, "needs_response", now).await;
    let (id,): (i64,) = {
        let mut tx = till.test.app.db.read().await.unwrap();
        scrip::store::db::sql("select min(id) from code where order_id is not null").one(&mut tx).await.unwrap()
    };
    let id = id.to_string();
    let mut operator = signed_in(&till.test, "operator@test.example").await;
    let cancel = format!("{at}/vouchers/cancellation");
    let refused = async |operator: &mut Browser, path: &str, fields: &[(&str, &str)]| {
        operator.submit(&at, path, fields).await.is(422).has("The payment of this order is disputed");
    };
    refused(&mut operator, &cancel, &[("code", &id), ("confirmed", "1")]).await;
    refused(&mut till.buyer, &format!("/vouchers/{id}/replacement"), &[]).await;
    assert_eq!(till.count("select count(*) from invoice where kind = 'credit_note'").await, 0);
    assert_eq!(till.units().await, 10);
    till.test.verify().await;
}

async fn units_in_an_own_pool_are_not_frozen(test: TestApp) {
    let mut till = Till::open(test).await;
    let fields = [("product", till.shop.video.to_string())];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .chain([("years", "1"), ("subscriptions", "10"), ("type", "device_year")])
        .collect();
    let answer = till.buyer.submit("/buy/own-pool", "/buy/own-pool", &fields).await;
    let order: i64 = answer.is(303).location().rsplit('/').next().unwrap().parse().unwrap();
    till.shop.place(&mut till.buyer, order, "card").await.is(303);
    let session = crate::support::till::session(till.card(order).await.is(200));
    till.pays("evt_paid", &session).await.is(200);
    let now = till.seconds();
    report(&till, "evt_1", &session, "needs_response", now).await;
    let (year, distributor) = (ResourceType::DEVICE_YEAR, till.shop.world.distributor);
    assert_eq!(balance(&till.test, distributor, year, Kind::Available).await, 10);
    let acme = till.shop.world.acme.to_string();
    let fields = [("type", "device_year"), ("from", "Distributor"), ("to", acme.as_str()), ("amount", "4")];
    till.buyer.submit("/moves/new", "/moves", &fields).await.is(303);
    // But they are not taken back for money.
    let back = format!("/orders/{order}/lines/1/return");
    let mut operator = signed_in(&till.test, "operator@test.example").await;
    operator.submit(&back, &back, &[]).await.is(422).has("The payment of this order is disputed");
    till.test.verify().await;
}

async fn redemptions_and_a_dispute_at_once_take_turns(test: TestApp) {
    let (mut till, order, session) = paid(test).await;
    let code = codes(&mut till, order).await.remove(0);
    let now = till.seconds();
    let (redeemed, ()) =
        tokio::join!(redeem(&till.test, &code), report(&till, "evt_1", &session, "needs_response", now));
    let again = redeem(&till.test, &code).await;
    match redeemed.0 {
        200 => assert_eq!(again.1, "CODE_USED"),
        409 => assert_eq!((redeemed.1.as_str(), again.1.as_str()), ("CODE_DISPUTED", "CODE_DISPUTED")),
        other => panic!("{other}"),
    }
    till.test.verify().await;
}

#[tokio::test]
async fn the_seller_is_told() {
    let (settings, mut mails) = mail_server().await;
    let stripe = crate::support::stripe::FakeStripe::start().await;
    let mut given = stripe.given();
    given.smtp_server = settings.smtp_server.clone();
    given.smtp_security = settings.smtp_security.clone();
    given.mail_from = settings.mail_from.clone();
    let test = TestApp::start_with(crate::support::Backend::Sqlite, given).await.unwrap();
    let shop = crate::support::shop::Shop::open(&test).await;
    let buyer = shop.buyer(&test).await;
    let mut till = Till { test, stripe, shop, buyer };
    let (order, session) = till.opened().await;
    till.pays("evt_paid", &session).await.is(200);
    let now = till.seconds();
    report(&till, "evt_1", &session, "needs_response", now).await;
    till.run_jobs().await;
    let texts: Vec<String> = std::iter::from_fn(|| mails.try_recv().ok()).collect();
    let told = texts.iter().find(|mail| mail.contains("is disputed by the payer")).expect("a mail");
    assert!(told.contains(&format!("/orders/{order}")) && told.contains("145.20"), "{told}");
}
