//! Standing top-ups: when they buy, what they pay with, what they never do twice, and when they stop.

use futures_util::future::join_all;

use crate::support::shop::{BILLING, balance};
use crate::support::stripe::{CardAnswer, Fault};
use crate::support::till::{Till, session};
use crate::support::{Page, TestApp, signed_in, who};
use scrip::model::ledger::Kind;
use scrip::model::order::PoolWish;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::ops::orders::draft::{self, PoolLine};

both!(
    a_saved_card_keeps_the_balance,
    an_invoice_is_open_once,
    a_month_has_its_limit,
    a_card_that_is_declined_twice_stops_it,
    a_bank_that_asks_is_answered_on_the_card_page,
    a_lost_answer_charges_once,
    an_event_may_come_twice_late_or_never,
    checks_at_once_make_one_order,
    a_fault_of_the_provider_is_looked_up,
    a_check_that_was_killed_goes_on_with_its_order,
    without_its_card_it_stops,
    a_cancelled_order_is_not_charged_later,
    changing_the_card_buys_nothing,
    it_stops_with_the_permission_of_whoever_set_it_up,
    wrong_terms_are_explained,
);

const PAGE: &str = "/buy/top-ups";
const CARD: &str = "/buy/top-ups/card";
const YEAR: ResourceType = ResourceType::DEVICE_YEAR;

/// A till whose buyer has billing data, and no units.
async fn open(test: TestApp) -> Till {
    let mut till = Till::open(test).await;
    let order = till.shop.add(&mut till.buyer, None, &[]).await;
    let fields = [&BILLING[..], &[("method", "invoice")]].concat();
    till.buyer.submit(&format!("/orders/{order}"), &format!("/orders/{order}/placement"), &fields).await.is(303);
    till
}

async fn save_card(till: &mut Till, last4: &str) -> Page {
    let page = till.buyer.submit(PAGE, CARD, &[]).await;
    let session = session(page.is(200));
    till.stripe.save_card(&session, last4);
    let back = till.buyer.get(CARD).await;
    assert_eq!(back.is(303).location(), PAGE);
    till.buyer.get(PAGE).await
}

/// Keeps at least 5 device subscriptions, 10 at a time (145.20 EUR), for at most 300 EUR a month.
async fn set(till: &mut Till, changed: &[(&str, &str)]) -> Page {
    let video = till.shop.video.to_string();
    let usual = [
        ("product", video.as_str()),
        ("type", "device_year"),
        ("rule", "units"),
        ("at_least", "5"),
        ("units", "10"),
        ("method", "card"),
        ("monthly_max", "300.00"),
    ];
    let given = |name: &str| changed.iter().any(|field| field.0 == name);
    let fields: Vec<_> = usual.into_iter().filter(|f| !given(f.0)).chain(changed.iter().copied()).collect();
    till.buyer.submit(PAGE, PAGE, &fields).await
}

async fn check(till: &Till) {
    ops::top_ups::run::step(&till.test.app).await.unwrap();
}

/// The next check, ten minutes later.
async fn check_later(till: &mut Till) {
    till.later(601).await;
    check(till).await;
}

async fn units(till: &Till) -> i64 {
    balance(&till.test, till.shop.world.distributor, YEAR, Kind::Available).await
}

async fn give_away(till: &mut Till, amount: &str) {
    let fields = [("type", "device_year"), ("from", "Distributor"), ("to", "Acme"), ("amount", amount)];
    till.buyer.submit("/moves/new", "/moves", &fields).await.is(303);
}

async fn orders(till: &Till, state: &str) -> i64 {
    match state {
        "paid" => till.count("select count(*) from purchase_order where top_up_type = 8 and state = 'paid'").await,
        "cancelled" => {
            till.count("select count(*) from purchase_order where top_up_type = 8 and state = 'cancelled'").await
        }
        _ => {
            till.count("select count(*) from purchase_order where top_up_type = 8 and state = 'awaiting_payment'").await
        }
    }
}

async fn a_saved_card_keeps_the_balance(test: TestApp) {
    let mut till = open(test).await;
    till.buyer.get(PAGE).await.is(200).has("No top-up yet").has("No card is saved");
    save_card(&mut till, "4242").await.has("Visa ending in 4242, until 07/2030");
    let done = set(&mut till, &[]).await;
    till.buyer.done(done).await.has("keeps at least 5 Device subscription from now on").has("300.00");
    check(&till).await;
    assert_eq!((units(&till).await, till.stripe.charges().len()), (10, 1));
    let charge = till.stripe.charges().remove(0);
    assert_eq!((&charge["amount"], &charge["customer"]), (&14_520.into(), &"cus_4242".into()));
    till.buyer.get("/payments").await.is(200).has("145.20");
    till.buyer.get("/history").await.is(200).has("145.20 EUR, by the standing top-up");
    // There are enough now.
    check_later(&mut till).await;
    give_away(&mut till, "5").await;
    check_later(&mut till).await;
    assert_eq!((units(&till).await, till.stripe.charges().len()), (5, 1));
    give_away(&mut till, "1").await;
    check_later(&mut till).await;
    assert_eq!((units(&till).await, till.stripe.charges().len(), orders(&till, "paid").await), (14, 2, 2));
    let done = till.buyer.submit(PAGE, "/buy/top-ups/off", &[("type", "device_year")]).await;
    till.buyer.done(done).await.has("The standing top-up of Device subscription is off");
    give_away(&mut till, "14").await;
    check_later(&mut till).await;
    assert_eq!(units(&till).await, 0);
    till.buyer.get("/history").await.has("Standing top-up set").has("Card saved").has("Standing top-up turned off");
    till.test.verify().await;
}

async fn an_invoice_is_open_once(test: TestApp) {
    let mut till = open(test).await;
    set(&mut till, &[("method", "invoice")]).await.is(303);
    check(&till).await;
    check_later(&mut till).await;
    assert_eq!((orders(&till, "open").await, units(&till).await), (1, 0));
    let order = till.count("select max(id) from purchase_order").await;
    till.shop.mark_paid(&till.test, order, "145.20").await.is(303);
    check_later(&mut till).await;
    assert_eq!((orders(&till, "open").await, orders(&till, "paid").await, units(&till).await), (0, 1, 10));
    till.test.verify().await;
}

async fn a_month_has_its_limit(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    for _ in 0..4 {
        check_later(&mut till).await;
        let left = units(&till).await.to_string();
        if left != "0" {
            give_away(&mut till, &left).await;
        }
    }
    // A third order would make it 435.60 EUR.
    assert_eq!((till.stripe.charges().len(), units(&till).await), (2, 0));
    till.later(31 * 86_400).await;
    check(&till).await;
    assert_eq!((till.stripe.charges().len(), units(&till).await), (3, 10));
}

async fn a_card_that_is_declined_twice_stops_it(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    till.stripe.banks_say(&[CardAnswer::Declines, CardAnswer::Pays, CardAnswer::Declines, CardAnswer::Declines]);
    check(&till).await;
    check_later(&mut till).await;
    // A payment in between starts the count again.
    check_later(&mut till).await;
    assert_eq!((orders(&till, "cancelled").await, orders(&till, "paid").await), (1, 1));
    give_away(&mut till, "10").await;
    for _ in 0..6 {
        check_later(&mut till).await;
    }
    assert_eq!((orders(&till, "cancelled").await, orders(&till, "paid").await, orders(&till, "open").await), (3, 1, 0));
    till.buyer.get(PAGE).await.has("The card was declined twice in a row");
    assert_eq!((till.stripe.charges().len(), units(&till).await), (1, 0));
    till.test.verify().await;
}

async fn a_bank_that_asks_is_answered_on_the_card_page(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    till.stripe.banks_say(&[CardAnswer::AsksTheOwner]);
    check(&till).await;
    for _ in 0..3 {
        check_later(&mut till).await;
    }
    assert_eq!((orders(&till, "open").await, till.stripe.charges().len()), (1, 0));
    let order = till.count("select max(id) from purchase_order").await;
    till.buyer.get(PAGE).await.is(200).has(&format!("Order {order}"));
    let session = session(till.card(order).await.is(200));
    till.pays("evt_paid", &session).await.is(200);
    assert_eq!((orders(&till, "paid").await, units(&till).await), (1, 10));
    check_later(&mut till).await;
    assert_eq!((orders(&till, "open").await, till.stripe.charges().len()), (0, 0));
    till.test.verify().await;
}

async fn a_lost_answer_charges_once(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    till.stripe.fail(&[Fault::Status(500), Fault::Status(500), Fault::Status(500)]);
    check(&till).await;
    assert_eq!((orders(&till, "open").await, units(&till).await, till.stripe.charges().len()), (1, 0, 0));
    till.later(61).await;
    ops::card_payments::ask_due(&till.test.app).await.unwrap();
    check_later(&mut till).await;
    assert_eq!((orders(&till, "paid").await, units(&till).await, till.stripe.charges().len()), (1, 10, 1));
    till.test.verify().await;
}

async fn a_fault_of_the_provider_is_looked_up(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    till.stripe.fail(&[Fault::Final(500)]);
    check(&till).await;
    // Nothing is known, so nothing has failed.
    assert_eq!((orders(&till, "open").await, till.stripe.charges().len()), (1, 0));
    till.later(21 * 3_600).await;
    ops::card_payments::ask_due(&till.test.app).await.unwrap();
    check(&till).await;
    assert_eq!((orders(&till, "cancelled").await, orders(&till, "open").await), (1, 0));
    assert_eq!(till.stripe.charges().len(), 0);
    till.test.verify().await;
}

/// The draft that a check leaves when it is killed is placed by the next one, on its terms; new terms make a new order.
async fn a_check_that_was_killed_goes_on_with_its_order(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    let by = who(&till.test.app, "distributor@test.example").await;
    let wish = PoolWish { resource_type: YEAR, years: 1, subscriptions: 10 };
    let line = PoolLine { product_id: till.shop.video, wish };
    draft::add_to_pool(&till.test.app, &by, "killed", None, &line, true).await.unwrap();
    let begun = till.count("select max(id) from purchase_order").await;
    let at = format!("/orders/{begun}");
    till.buyer.submit(&at, &format!("{at}/lines/1/removal"), &[]).await.is(422);
    check(&till).await;
    assert_eq!((till.state(begun).await.as_str(), units(&till).await), ("paid: paid", 10));
    give_away(&mut till, "10").await;
    draft::add_to_pool(&till.test.app, &by, "killed again", None, &line, true).await.unwrap();
    let begun = till.count("select max(id) from purchase_order").await;
    till.later(60).await;
    set(&mut till, &[("units", "6")]).await.is(303);
    check(&till).await;
    assert_eq!((till.state(begun).await.as_str(), units(&till).await), ("cancelled: ", 6));
    assert_eq!(till.stripe.charges().len(), 2);
    till.test.verify().await;
}

async fn without_its_card_it_stops(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    till.buyer.submit(PAGE, "/buy/top-ups/card/removal", &[]).await.is(303);
    check(&till).await;
    till.buyer.get(PAGE).await.has("An order could not be placed. Check the saved card and the billing data.");
    check_later(&mut till).await;
    assert_eq!((orders(&till, "cancelled").await, orders(&till, "open").await), (1, 0));
    assert_eq!(till.stripe.charges().len(), 0);
    till.test.verify().await;
}

async fn an_event_may_come_twice_late_or_never(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    check(&till).await;
    let now = till.seconds();
    for event in ["evt_1", "evt_1", "evt_2"] {
        let (body, signature) = till.stripe.charge_event(event, 0, now);
        till.send(&body, &signature).await.is(200);
    }
    assert_eq!((units(&till).await, orders(&till, "paid").await), (10, 1));
    // A page's payment has events of its own: that of its charge is passed over.
    let (order, session) = till.opened().await;
    till.stripe.complete(&session, true);
    let (body, _) = till.stripe.event("evt_3", "checkout.session.completed", &session, now);
    let reference = body.split("\"scrip_payment\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (body, _) = till.stripe.charge_event("evt_3", 0, now);
    let charged = body.split("\"scrip_payment\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let body = body.replace(&charged, &reference);
    let signature = scrip::cards::sign(crate::support::stripe::WEBHOOK_SECRET, body.as_bytes(), now);
    till.send(&body, &signature).await.is(200);
    assert_eq!(till.state(order).await, "awaiting_payment: open");
    till.test.verify().await;
}

async fn checks_at_once_make_one_order(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    for answer in join_all((0..20).map(|_| ops::top_ups::run::step(&till.test.app))).await {
        answer.unwrap();
    }
    assert_eq!((orders(&till, "paid").await, units(&till).await, till.stripe.charges().len()), (1, 10, 1));
    till.test.verify().await;
}

async fn a_cancelled_order_is_not_charged_later(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    till.stripe.fail(&[Fault::Status(500), Fault::Status(500), Fault::Status(500)]);
    check(&till).await;
    let order = till.count("select max(id) from purchase_order").await;
    let at = format!("/orders/{order}");
    till.buyer.submit(PAGE, "/buy/top-ups/off", &[("type", "device_year")]).await.is(303);
    till.buyer.submit(&at, &format!("{at}/cancellation"), &[]).await.is(303);
    till.run_jobs().await;
    till.later(61).await;
    ops::card_payments::ask_due(&till.test.app).await.unwrap();
    assert_eq!((till.stripe.charges().len(), units(&till).await), (0, 0));
    assert_eq!(till.state(order).await, "cancelled: failed");
    till.test.verify().await;
}

async fn changing_the_card_buys_nothing(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    check(&till).await;
    save_card(&mut till, "1111").await.has("ending in 1111").has_not("4242");
    assert_eq!(till.stripe.charges().len(), 1);
    give_away(&mut till, "10").await;
    check_later(&mut till).await;
    assert_eq!(till.stripe.charges()[1]["customer"], "cus_1111");
    let done = till.buyer.submit(PAGE, "/buy/top-ups/card/removal", &[]).await;
    till.buyer.done(done).await.has("The card is no longer charged").has("No card is saved");
    // A browser that never came back: the job asks.
    let page = till.buyer.submit(PAGE, CARD, &[]).await;
    till.stripe.save_card(&session(page.is(200)), "2222");
    scrip::jobs::top_ups::run(&till.test.app).await;
    till.buyer.get(PAGE).await.has("ending in 2222");
}

async fn it_stops_with_the_permission_of_whoever_set_it_up(test: TestApp) {
    let mut till = open(test).await;
    save_card(&mut till, "4242").await;
    set(&mut till, &[]).await.is(303);
    let mut operator = signed_in(&till.test, "operator@test.example").await;
    let id = who(&till.test.app, "distributor@test.example").await.user_id;
    let role = format!("/users/{id}/role");
    operator.submit(&format!("/users/{id}"), &role, &[("role", "read_only")]).await.is(303);
    check(&till).await;
    assert_eq!((till.stripe.charges().len(), orders(&till, "open").await), (0, 0));
    till.buyer.get(PAGE).await.is(200).has("The person who set it up may no longer buy for the company.");
    till.buyer.submit("/", PAGE, &[]).await.is(403);
    let mut customer = signed_in(&till.test, "customer@test.example").await;
    customer.get(PAGE).await.is(403);
}

async fn wrong_terms_are_explained(test: TestApp) {
    let mut till = open(test).await;
    for (field, value, said) in [
        ("at_least", "0", "1 to 1,000,000,000"),
        ("units", "x", "whole number"),
        ("units", "1000000", "subscriptions"),
        ("monthly_max", "100.00", "One order comes to 145.20"),
        ("monthly_max", "much", "Enter"),
        ("method", "card", "Save a card first"),
        ("method", "cash", "Give one of: card, invoice"),
        ("rule", "weeks", "Give one of: units, days"),
        ("type", "credit", "not offered"),
    ] {
        let method = if field == "method" { value } else { "invoice" };
        let fields = [("method", method), (field, value)];
        let fields = if field == "method" { &fields[..1] } else { &fields[..] };
        let page = set(&mut till, fields).await;
        assert!(page.is(422).body.contains(said), "{field}={value}: {}", page.body);
    }
    assert_eq!(till.count("select count(*) from top_up").await, 0);
    // Without billing data there is nobody to invoice.
    let mut acme = signed_in(&till.test, "acme@test.example").await;
    let video = till.shop.video.to_string();
    let fields = [
        ("product", video.as_str()),
        ("type", "device_year"),
        ("rule", "days"),
        ("at_least", "30"),
        ("units", "10"),
        ("method", "invoice"),
        ("monthly_max", "300"),
    ];
    acme.submit(PAGE, PAGE, &fields).await.is(422).has("There is no billing data yet");
}
