//! Companies buy for their own pools: who may, what they pay, and what the ledger says however often a payment is
//! reported; and how units are taken back.

use crate::support::shop::{BILLING, Shop, balance};
use crate::support::till::{Till, session};
use crate::support::{Browser, Page, TestApp, signed_in, who};
use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::ops::devices::changes::DeviceInput;
use scrip::ops::products::ProductFields;

both!(
    a_company_buys_by_invoice_and_its_waiting_devices_are_served,
    a_card_payment_fills_the_pool_once_however_often_it_is_reported,
    forty_concurrent_marks_fill_the_pool_once,
    the_operator_decides_who_buys_for_itself,
    whoever_may_not_buy_reads_whom_to_ask,
    units_are_taken_back_while_they_are_there,
    units_that_were_used_are_not_taken_back,
    an_order_has_vouchers_and_units_for_the_own_pool,
    credits_are_sold_for_vouchers_and_pools,
    invalid_wishes_are_explained_and_kept_in_the_form,
    other_trees_cannot_take_back_or_pay,
    vouchers_of_one_order_have_one_validity,
    terms_are_set_by_the_operator_alone,
);

const YEAR: ResourceType = ResourceType::DEVICE_YEAR;
const CREDIT: ResourceType = ResourceType::CREDIT;
const PAGE: &str = "/buy/own-pool";

/// Adds units to a draft for the own pool, or begins one.
async fn try_add(buyer: &mut Browser, shop: &Shop, fields: &[(&str, &str)]) -> Page {
    let video = shop.video.to_string();
    let usual = [("product", video.as_str()), ("years", "1"), ("subscriptions", "10"), ("type", "device_year")];
    let given = |name: &str| fields.iter().any(|f| f.0 == name);
    let all: Vec<_> = usual.into_iter().filter(|f| !given(f.0)).chain(fields.iter().copied()).collect();
    buyer.submit(PAGE, PAGE, &all).await
}

async fn add(buyer: &mut Browser, shop: &Shop, fields: &[(&str, &str)]) -> i64 {
    let answer = try_add(buyer, shop, fields).await;
    answer.is(303).location().rsplit('/').next().unwrap().parse().unwrap()
}

async fn place(buyer: &mut Browser, order: i64, method: &str) -> Page {
    let fields = [&BILLING[..], &[("method", method)]].concat();
    buyer.submit(&format!("/orders/{order}"), &format!("/orders/{order}/placement"), &fields).await
}

/// Acme, a company that the operator has not activated, buys 10 device subscriptions for a year.
async fn acme_paid(test: &TestApp, shop: &Shop) -> (Browser, i64) {
    let mut acme = signed_in(test, "acme@test.example").await;
    let order = add(&mut acme, shop, &[]).await;
    place(&mut acme, order, "invoice").await.is(303);
    shop.mark_paid(test, order, "145.20").await.is(303);
    (acme, order)
}

async fn wait_for_units(test: &TestApp, company_id: i64, serials: &[&str]) {
    let operator = who(&test.app, "operator@test.example").await;
    for serial in serials {
        let device = DeviceInput {
            serial: (*serial).into(),
            company_id,
            service: Some(YEAR),
            auto_extend: true,
            monitoring: true,
            ..DeviceInput::default()
        };
        ops::devices::changes::create(&test.app, &operator, serial, &device).await.unwrap();
    }
}

async fn a_company_buys_by_invoice_and_its_waiting_devices_are_served(test: TestApp) {
    let shop = Shop::open(&test).await;
    let acme_id = shop.world.acme;
    wait_for_units(&test, acme_id, &["W-1", "W-2", "W-3"]).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/subscriptions").await.has("Buy for your own pool");
    acme.get(PAGE).await.has("Number of subscriptions").has("145.20 EUR");
    let order = add(&mut acme, &shop, &[("years", "3")]).await;
    acme.get(&format!("/orders/{order}")).await.has("Device subscription: 10 for 3 years, for the own pool");
    place(&mut acme, order, "invoice").await.is(303);
    assert_eq!(balance(&test, acme_id, YEAR, Kind::Available).await, 0);
    shop.mark_paid(&test, order, "435.60").await.is(303);
    // 30 units came, and three devices took one each.
    assert_eq!(balance(&test, acme_id, YEAR, Kind::Available).await, 27);
    assert_eq!(balance(&test, acme_id, YEAR, Kind::Spent).await, 3);
    assert_eq!(balance(&test, shop.world.vendor, YEAR, Kind::Issued).await, -30);
    shop.mark_paid(&test, order, "435.60").await.is(422).has("not waiting for a payment");
    assert_eq!(balance(&test, acme_id, YEAR, Kind::Available).await, 27);
    let page = acme.get(&format!("/orders/{order}")).await;
    page.has("In the own pool").has("30 Device subscription").has_not("Prepared vouchers");
    acme.get(&format!("/companies/{acme_id}/payments")).await.has(&format!("Order {order}")).has("435.60 EUR");
    acme.get("/history").await.has("Purchased units issued").has("Order paid");
    test.verify().await;
}

async fn a_card_payment_fills_the_pool_once_however_often_it_is_reported(test: TestApp) {
    let till = Till::open(test).await;
    let acme_id = till.shop.world.acme;
    let mut acme = signed_in(&till.test, "acme@test.example").await;
    let order = add(&mut acme, &till.shop, &[]).await;
    place(&mut acme, order, "card").await.is(303);
    let at = format!("/orders/{order}");
    let session = session(acme.submit(&at, &format!("{at}/card"), &[]).await.is(200));
    till.pays("evt_1", &session).await.is(200);
    till.pays("evt_1", &session).await.is(200);
    till.deliver("evt_2", "checkout.session.async_payment_succeeded", &session).await.is(200);
    assert_eq!(till.state(order).await, "paid: paid");
    assert_eq!(balance(&till.test, acme_id, YEAR, Kind::Available).await, 10);
    let operator = who(&till.test.app, "operator@test.example").await;
    ops::own_pool::take_back(&till.test.app, &operator, "back", order, 1).await.unwrap();
    till.run_jobs().await;
    assert_eq!(till.stripe.refunds().len(), 1);
    till.test.verify().await;
}

async fn forty_concurrent_marks_fill_the_pool_once(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let order = add(&mut acme, &shop, &[]).await;
    place(&mut acme, order, "invoice").await.is(303);
    let operator = who(&test.app, "operator@test.example").await;
    let marks = (0..40).map(|n| {
        let (app, operator) = (test.app.clone(), operator.clone());
        tokio::spawn(async move {
            let on = jiff::civil::date(2026, 11, 20);
            let payment = ops::payments::BankPayment { amount: 14_520, on, reference: "" };
            // Half of them repeat one operation.
            let key = format!("mark {}", n / 2 * (n % 2));
            ops::payments::mark_paid(&app, &operator, &key, order, &payment).await.is_ok()
        })
    });
    for mark in marks.collect::<Vec<_>>() {
        mark.await.unwrap();
    }
    assert_eq!(balance(&test, shop.world.acme, YEAR, Kind::Available).await, 10);
    test.verify().await;
}

async fn the_operator_decides_who_buys_for_itself(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let order = add(&mut acme, &shop, &[]).await;
    let at = format!("/companies/{}/buying", shop.world.acme);
    let answer = operator.submit(&at, &at, &[("own_pool", "may-not")]).await;
    operator.done(answer).await.has("Acme may not buy for its own pool.").has("<dd>May not</dd>");
    try_add(&mut acme, &shop, &[]).await.is(403);
    place(&mut acme, order, "invoice").await.is(403);
    acme.get("/buy/own-pool/total?product=1&years=1&subscriptions=1&type=device_year").await.is(403);
    operator.submit(&at, &at, &[("own_pool", "setting")]).await.is(303);
    place(&mut acme, order, "invoice").await.is(303);
    // The setting is for all; a company's own word goes before it.
    let form = operator.get("/operator/seller").await;
    let fields = ["name", "vat_number", "email", "due_days"].map(|name| (name, form.field(name)));
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let texts =
        [("address", "Road 2"), ("country", "LT"), ("bank_account", "LT12"), ("vouchers_section", "Video vouchers")];
    operator.submit("/operator/seller", "/operator/seller", &[&fields[..], &texts].concat()).await.is(303);
    acme.get("/subscriptions").await.has("Video vouchers").has("does not buy here for itself");
    try_add(&mut acme, &shop, &[]).await.is(403);
    operator.submit(&at, &at, &[("own_pool", "may"), ("reverse_charge", "1")]).await.is(303);
    let order = add(&mut acme, &shop, &[]).await;
    acme.get(&format!("/orders/{order}")).await.has("120.00 EUR").has("Reverse charge: no VAT is added.");
    operator.get("/history").await.has("Buying for the own pool set");
}

async fn whoever_may_not_buy_reads_whom_to_ask(test: TestApp) {
    let shop = Shop::open(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let terms = ops::buying::Terms { for_own_pool: Some(false), reverse_charge: false };
    ops::buying::set_terms(&test.app, &operator, "terms", shop.world.acme, terms).await.unwrap();
    let mut acme = signed_in(&test, "acme@test.example").await;
    for page in [PAGE, "/buy/vouchers", "/buy/licences", "/subscriptions"] {
        acme.get(page).await.is(200).has("Vendor Ltd").has("mailto:sales@vendor.example").has_not("Check the order");
    }
    for email in ["auditor@test.example", "customer@test.example"] {
        signed_in(&test, email).await.get(PAGE).await.is(403);
    }
    // The vendor sells, and does not buy from itself.
    let mut vendor = signed_in(&test, "operator@test.example").await;
    vendor.get(PAGE).await.is(200).has_not("Check the order");
    try_add(&mut vendor, &shop, &[]).await.is(403);
}

async fn units_are_taken_back_while_they_are_there(test: TestApp) {
    let shop = Shop::open(&test).await;
    let (mut acme, order) = acme_paid(&test, &shop).await;
    let at = format!("/orders/{order}/lines/1/return");
    acme.get(&at).await.has("10 Device subscription of order").has("145.20 EUR");
    let answer = acme.submit(&at, &at, &[]).await;
    let page = acme.done(answer).await;
    page.has("10 Device subscription of order").has("Credit note CN-2026-000001").has("went back to the vendor");
    assert_eq!(balance(&test, shop.world.acme, YEAR, Kind::Available).await, 0);
    assert_eq!(balance(&test, shop.world.vendor, YEAR, Kind::Issued).await, 0);
    acme.submit(&at, &at, &[]).await.is(422).has("taken back already");
    acme.get("/history").await.has("Units of an order taken back").has("Purchased units taken back");
    test.verify().await;
}

async fn units_that_were_used_are_not_taken_back(test: TestApp) {
    let shop = Shop::open(&test).await;
    let (mut acme, order) = acme_paid(&test, &shop).await;
    wait_for_units(&test, shop.world.acme, &["W-1"]).await;
    assert_eq!(balance(&test, shop.world.acme, YEAR, Kind::Available).await, 9);
    let at = format!("/orders/{order}/lines/1/return");
    let page = acme.submit(&at, &at, &[]).await;
    page.is(422).has("The order brought 10 Device subscription, and the pool has 9 left.");
    assert_eq!(balance(&test, shop.world.acme, YEAR, Kind::Available).await, 9);
    acme.get(&format!("/orders/{order}")).await.has_not("CN-2026").has("Take back");
    test.verify().await;
}

async fn an_order_has_vouchers_and_units_for_the_own_pool(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[("codes", "2")]).await;
    let same = order.to_string();
    assert_eq!(add(&mut buyer, &shop, &[("order", &same), ("subscriptions", "5")]).await, order);
    buyer.get(&format!("/orders/{order}")).await.has("Add another voucher").has("Add for your own pool");
    shop.place(&mut buyer, order, "invoice").await.is(303);
    shop.mark_paid(&test, order, "217.80").await.is(303);
    let id = shop.world.distributor;
    assert_eq!(balance(&test, id, YEAR, Kind::InCodes).await, 10);
    assert_eq!(balance(&test, id, YEAR, Kind::Available).await, 5);
    buyer.get(&format!("/orders/{order}")).await.has("Prepared vouchers").has("2 unused").has("In the own pool");
    // The credit notes of both kinds of lines fit the invoice.
    let codes = shop.codes(&test, order, 1).await;
    let distributor = who(&test.app, "distributor@test.example").await;
    let ids: Vec<i64> = codes.iter().map(|code| code.0).collect();
    ops::vouchers::cancel(&test.app, &distributor, "codes back", order, &ids).await.unwrap();
    ops::own_pool::take_back(&test.app, &distributor, "units back", order, 2).await.unwrap();
    let invoices = ops::orders::find(&test.app, &distributor, order).await.unwrap().invoices;
    assert_eq!(invoices.iter().map(|i| i.total).collect::<Vec<_>>(), [21_780, -14_520, -7_260]);
    test.verify().await;
}

async fn credits_are_sold_for_vouchers_and_pools(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let at = format!("/operator/price-list/{}/version", shop.video);
    let changed = [
        ("version", "1"),
        ("name", "Mobile video"),
        ("currency", "EUR"),
        ("device_price", "12.00"),
        ("credit_price", "0.50"),
        ("valid_months", "12"),
        ("vat_class", "1"),
    ];
    let answer = operator.submit(&at, &at, &changed).await;
    operator.done(answer).await.has("0.50 EUR per Credit").has("vouchers valid for 12 months").has("1 year");
    assert_eq!(operator.get(&at).await.field("credit_price"), "0.50");
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[("type", "credit"), ("subscriptions", "100"), ("codes", "4")]).await;
    let same = order.to_string();
    let pool = [("order", same.as_str()), ("type", "credit"), ("subscriptions", "200")];
    assert_eq!(add(&mut buyer, &shop, &pool).await, order);
    let page = buyer.get(&format!("/orders/{order}")).await;
    page.has("Credit: 100, in 4 codes").has("Credit: 200, for the own pool").has("181.50 EUR");
    shop.place(&mut buyer, order, "invoice").await.is(303);
    shop.mark_paid(&test, order, "181.50").await.is(303);
    assert_eq!(balance(&test, shop.world.distributor, CREDIT, Kind::InCodes).await, 100);
    assert_eq!(balance(&test, shop.world.distributor, CREDIT, Kind::Available).await, 200);
    buyer.get(&format!("/orders/{order}")).await.has("1 year from payment");
    buyer.get(&format!("/orders/{order}/vouchers/1")).await.has("Each code holds").has("21 Nov 2027");
    test.verify().await;
}

async fn invalid_wishes_are_explained_and_kept_in_the_form(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    for (field, typed, message) in [
        ("years", "", "Enter an amount."),
        ("years", "11", "Enter a whole number of years from 1 to 10."),
        ("subscriptions", "0", "Enter a whole number"),
        ("subscriptions", "100001", "Enter a whole number from 1 to 100,000."),
        ("type", "credit", "This is not offered now."),
        ("type", "", "Choose a type."),
        ("product", "999", "This is not offered now."),
    ] {
        let page = try_add(&mut acme, &shop, &[(field, typed)]).await;
        assert!(page.is(422).problem(field).starts_with(message), "{field} {typed}: {}", page.problem(field));
    }
    let page = try_add(&mut acme, &shop, &[("show-total", "1"), ("years", "4")]).await;
    page.is(200).has("580.80 EUR");
    acme.get("/payments").await.has("No orders yet");
}

async fn other_trees_cannot_take_back_or_pay(test: TestApp) {
    let shop = Shop::open(&test).await;
    let (_, order) = acme_paid(&test, &shop).await;
    let mut other = signed_in(&test, "other@test.example").await;
    let token = other.get("/").await.field("form");
    let at = format!("/orders/{order}/lines/1/return");
    other.get(&at).await.is(404);
    other.post(&at, &[("form", token.as_str())]).await.is(404);
    other.get(&format!("/companies/{}/payments", shop.world.acme)).await.is(404);
    // A line of vouchers is not for the pool.
    let mut buyer = shop.buyer(&test).await;
    let vouchers = shop.paid(&test, "1").await;
    buyer.get(&format!("/orders/{vouchers}/lines/1/return")).await.is(404);
    assert_eq!(balance(&test, shop.world.acme, YEAR, Kind::Available).await, 10);
}

async fn vouchers_of_one_order_have_one_validity(test: TestApp) {
    let shop = Shop::open(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let short = ProductFields {
        name: "Fair",
        currency: "EUR",
        device_price: "5",
        valid_months: "6",
        vat_class: "1",
        ..Default::default()
    };
    let kind = scrip::model::product::ProductKind::Voucher;
    ops::products::add(&test.app, &operator, "short", kind, &short).await.unwrap();
    let offered = ops::products::offered(&test.app, kind).await.unwrap();
    let id = offered.iter().find(|p| p.name == "Fair").unwrap().product_id.to_string();
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    let page = shop.try_add(&mut buyer, Some(order), &[("product", &id)]).await;
    assert!(page.is(422).problem("product").starts_with("The vouchers of this order are valid for 3 years"));
    // Units for the own pool do not expire.
    let same = order.to_string();
    assert_eq!(add(&mut buyer, &shop, &[("order", &same), ("product", &id)]).await, order);
}

async fn terms_are_set_by_the_operator_alone(test: TestApp) {
    let shop = Shop::open(&test).await;
    let at = format!("/companies/{}/buying", shop.world.acme_north);
    for email in ["distributor@test.example", "acme@test.example", "auditor@test.example"] {
        let mut browser = signed_in(&test, email).await;
        let token = browser.get("/").await.field("form");
        browser.get(&at).await.is(403);
        browser.post(&at, &[("form", token.as_str()), ("own_pool", "may")]).await.is(403);
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    let page = operator.submit(&at, &at, &[("own_pool", "perhaps")]).await;
    page.is(422);
    let root = format!("/companies/{}/buying", shop.world.vendor);
    operator.submit(&root, &root, &[("own_pool", "may")]).await.is(422).has("does not buy from itself");
}
