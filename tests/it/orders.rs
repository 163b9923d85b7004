//! Buying by invoice: orders are drafted, checked, placed, paid and cancelled, and what the ledger says afterwards.

use crate::support::shop::{BILLING, Shop, balance};
use crate::support::{Page, TestApp, mail_server, next_mail, signed_in, who};
use jiff::civil::date;
use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::ops::devices::changes::DeviceInput;
use scrip::store::db::sql;

both!(
    a_distributor_buys_by_invoice_and_a_customer_redeems_a_code,
    the_total_is_shown_before_ordering,
    invalid_orders_are_explained_and_kept_in_the_form,
    an_order_has_one_currency,
    lines_can_be_added_and_removed,
    only_activated_companies_can_buy,
    an_order_keeps_its_prices,
    a_draft_is_placed_with_current_vat_after_showing_it,
    withdrawn_products_cannot_be_ordered,
    an_order_is_placed_and_paid_only_once,
    a_wrong_amount_or_a_future_day_pays_nothing,
    an_unpaid_order_is_cancelled_with_a_credit_note,
    invoice_numbers_have_no_gaps,
    reverse_charge_adds_no_vat,
    a_payments_date_is_that_of_the_bank_statement,
    an_invoice_is_overdue_after_its_due_day,
    incomplete_requests_change_nothing,
    other_trees_cannot_see_orders,
    a_free_order_is_ready_at_once,
    forty_concurrent_payments_pay_once,
    a_draft_is_kept_for_a_week,
    a_company_with_an_unpaid_order_cannot_be_removed,
    redeeming_a_voucher_says_how_long_the_balance_lasts,
);

const YEAR: ResourceType = ResourceType::DEVICE_YEAR;

async fn a_distributor_buys_by_invoice_and_a_customer_redeems_a_code(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[("years", "3"), ("codes", "2")]).await;
    let page = buyer.get(&format!("/orders/{order}")).await;
    page.has("Check the order").has("Device subscription: 10 for 3 years, in 2 codes").has("435.60 EUR");
    let answer = shop.place(&mut buyer, order, "invoice").await;
    let page = buyer.done(answer).await;
    page.has("Order operation completed successfully.").has("INV-2026-000001").has("not ready yet");
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 0);
    shop.mark_paid(&test, order, "435.60").await.is(303);
    let page = buyer.get(&format!("/orders/{order}")).await;
    page.has("Paid").has("Prepared vouchers").has("2 unused");
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 30);
    assert_eq!(balance(&test, shop.world.vendor, YEAR, Kind::Issued).await, -30);
    let voucher = buyer.get(&format!("/orders/{order}/vouchers/1")).await;
    let codes = shop.codes(&test, order, 1).await;
    voucher.has(&codes[0].1).has(&codes[1].1).has("Copy all codes").has("Each code holds 15");
    let mut customer = signed_in(&test, "customer@test.example").await;
    let answer = customer.submit("/redeem", "/redeem", &[("code", codes[0].1.as_str())]).await;
    customer.done(answer).await.has("15 Device subscription added to Other");
    buyer.get("/payments/vouchers?state=used").await.has(&codes[0].1).has("Other").has_not(&codes[1].1);
    buyer.get("/payments/vouchers").await.has(&codes[1].1).has_not(&codes[0].1);
    buyer.get("/payments").await.has("435.60 EUR").has("INV-2026-000001");
    test.verify().await;
}

async fn the_total_is_shown_before_ordering(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    buyer.get("/buy/vouchers").await.has("Voucher name").has("145.20 EUR");
    let video = shop.video;
    let ask = |rest: &str| format!("/buy/vouchers/total?product={video}&{rest}");
    buyer
        .get(&ask("years=2&subscriptions=5&type=apartment_year"))
        .await
        .has("180.00 EUR")
        .has("VAT 21 %")
        .has("217.80 EUR");
    buyer.get(&ask("years=x&subscriptions=5&type=apartment_year")).await.has("The total appears here");
    buyer.get(&ask("years=11&subscriptions=5&type=device_year")).await.has("from 1 to 10");
    let page = shop.try_add(&mut buyer, None, &[("name", ""), ("show-total", "1"), ("years", "4")]).await;
    page.is(200).has("580.80 EUR");
    buyer.get("/payments").await.has("No orders yet");
}

async fn invalid_orders_are_explained_and_kept_in_the_form(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let long = "x".repeat(101);
    for (field, typed, message) in [
        ("name", " ", "This is missing."),
        ("name", long.as_str(), "Enter 100 characters or fewer."),
        ("years", "", "Enter an amount."),
        ("years", "0", "Enter a whole number"),
        ("years", "11", "Enter a whole number of years from 1 to 10."),
        ("years", "1.5", "Enter a whole number"),
        ("subscriptions", "-1", "Enter a whole number"),
        ("subscriptions", "1e3", "Enter a whole number"),
        ("subscriptions", "100001", "Enter a whole number from 1 to 100,000."),
        ("subscriptions", "1000000000000000000", "Enter a whole number"),
        ("codes", "3", "Every code must hold the same number"),
        ("codes", "11", "Enter a whole number of codes"),
        ("codes", "ten", "Enter a whole number"),
        ("type", "credit", "This is not offered now."),
        ("type", "", "Choose a type."),
        ("product", "999", "This is not offered now."),
    ] {
        let page = shop.try_add(&mut buyer, None, &[(field, typed)]).await;
        assert!(page.is(422).problem(field).starts_with(message), "{field} {typed}: {}", page.problem(field));
        page.has(if field == "name" { typed } else { "Video for Acme" });
    }
    // This product has no price for apartments.
    let czk = shop.video_czk.to_string();
    let page = shop.try_add(&mut buyer, None, &[("product", &czk), ("type", "apartment_year")]).await;
    assert!(page.is(422).problem("type").starts_with("This is not offered now."));
    buyer.get("/payments").await.has("No orders yet");
}

async fn an_order_has_one_currency(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.add(&mut buyer, Some(order), &[("name", "Second")]).await;
    let czk = shop.video_czk.to_string();
    let page = shop.try_add(&mut buyer, Some(order), &[("product", &czk)]).await;
    assert!(
        page.is(422).problem("product").starts_with("This order is in EUR and cannot take something priced in CZK.")
    );
    buyer.get(&format!("/orders/{order}")).await.has("290.40 EUR").has_not("CZK");
}

async fn lines_can_be_added_and_removed(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    assert_eq!(shop.add(&mut buyer, Some(order), &[("name", "Second"), ("subscriptions", "1")]).await, order);
    let page = format!("/orders/{order}");
    buyer.get(&page).await.has("159.72 EUR");
    let answer = buyer.submit(&page, &format!("/orders/{order}/lines/1/removal"), &[]).await;
    buyer.done(answer).await.has("Remove operation completed successfully.").has("14.52 EUR");
    buyer.submit(&page, &format!("/orders/{order}/lines/1/removal"), &[]).await.is(404);
    buyer.submit(&page, &format!("/orders/{order}/lines/2/removal"), &[]).await.is(303);
    buyer.get(&page).await.has("The order has no lines");
    let answer = buyer.submit(&page, &format!("/orders/{order}/cancellation"), &[]).await;
    buyer.done(answer).await.has("Cancelled");
    let page = shop.try_add(&mut buyer, Some(order), &[]).await;
    page.is(422).has("placed already");
    // An order holds at most twenty lines.
    let order = shop.add(&mut buyer, None, &[]).await;
    for _ in 1..20 {
        shop.add(&mut buyer, Some(order), &[("subscriptions", "1")]).await;
    }
    shop.try_add(&mut buyer, Some(order), &[]).await.is(422).has("An order has at most 20 lines.");
}

async fn only_activated_companies_can_buy(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/buy/vouchers").await.is(200).has("Acme is not activated for buying").has_not("Voucher name");
    shop.try_add(&mut acme, None, &[]).await.is(403);
    acme.get("/buy/vouchers/total?product=1").await.is(403);
    for email in ["auditor@test.example", "customer@test.example"] {
        signed_in(&test, email).await.get("/buy/vouchers").await.is(403);
    }
}

async fn a_draft_is_placed_with_current_vat_after_showing_it(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let at = "/operator/price-list/vat-classes/1";
    operator.submit(at, at, &[("name", "Standard"), ("rate", "25")]).await.is(303);
    buyer.get(&format!("/orders/{order}")).await.has("145.20 EUR");
    let refused = shop.place(&mut buyer, order, "invoice").await;
    refused.is(422).has("The VAT has changed").has("Place the order for 150.00 EUR");
    shop.place(&mut buyer, order, "invoice").await.is(303);
    buyer.get(&format!("/orders/{order}")).await.has("150.00 EUR");
    // The same when the company is switched to reverse charge.
    let order = shop.add(&mut buyer, None, &[]).await;
    let at = format!("/operator/distributors/{}/reverse-charge", shop.world.distributor);
    operator.submit("/operator/distributors", &at, &[("on", "1")]).await.is(303);
    shop.place(&mut buyer, order, "invoice").await.is(422).has("Place the order for 120.00 EUR");
    shop.place(&mut buyer, order, "invoice").await.is(303);
}

async fn withdrawn_products_cannot_be_ordered(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    let operator = who(&test.app, "operator@test.example").await;
    ops::products::set_offered(&test.app, &operator, "withdraw", shop.video, false).await.unwrap();
    shop.place(&mut buyer, order, "invoice").await.is(422).has("is no longer offered");
    ops::products::set_offered(&test.app, &operator, "offer", shop.video, true).await.unwrap();
    ops::distributors::set_may_buy(&test.app, &operator, "deactivate", shop.world.distributor, false).await.unwrap();
    shop.place(&mut buyer, order, "invoice").await.is(403);
}

async fn an_order_keeps_its_prices(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let at = format!("/operator/price-list/{}/version", shop.video);
    let window = operator.get(&at).await;
    let (version, class) = (window.field("version"), "1");
    let dearer = [
        ("version", version.as_str()),
        ("name", "Mobile video"),
        ("currency", "EUR"),
        ("device_price", "99.00"),
        ("vat_class", class),
    ];
    operator.submit(&at, &at, &dearer).await.is(303);
    buyer.get(&format!("/orders/{order}")).await.has("145.20 EUR");
    shop.place(&mut buyer, order, "invoice").await.is(303);
    shop.mark_paid(&test, order, "145.20").await.is(303);
    let new = shop.add(&mut buyer, None, &[]).await;
    buyer.get(&format!("/orders/{new}")).await.has("1,197.90 EUR");
}

async fn an_order_is_placed_and_paid_only_once(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    let token = buyer.get(&format!("/orders/{order}")).await.field("form");
    let fields = [&crate::support::shop::BILLING[..], &[("method", "invoice"), ("form", token.as_str())]].concat();
    let action = format!("/orders/{order}/placement");
    let first = buyer.post(&action, &fields).await;
    let second = buyer.post(&action, &fields).await;
    assert_eq!(first.is(303).location(), second.is(303).location());
    // A new form is refused, because the order is no longer a draft.
    let page = shop.place(&mut buyer, order, "invoice").await;
    page.is(422).has("placed already");
    shop.mark_paid(&test, order, "145.20").await.is(303);
    shop.mark_paid(&test, order, "145.20").await.is(422).has("not waiting for a payment");
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 10);
    assert_eq!(shop.codes(&test, order, 1).await.len(), 1);
    test.verify().await;
}

async fn a_wrong_amount_or_a_future_day_pays_nothing(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    for (amount, message) in [
        ("145.19", "The order comes to 145.20 EUR."),
        ("", "Enter a price."),
        ("145.205", "Enter 2 digits after the point or fewer"),
        ("-145.20", "Enter a price in figures"),
    ] {
        let page = shop.mark_paid(&test, order, amount).await;
        assert!(page.is(422).problem("amount").contains(message), "{amount}: {}", page.problem("amount"));
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    let at = format!("/orders/{order}/paid");
    for (day, message) in [("2026-11-22", "Choose today or an earlier day."), ("soon", "")] {
        let page = operator.submit(&at, &at, &[("amount", "145.20"), ("day", day)]).await;
        assert!(page.is(422).problem("day").starts_with(message), "{}", page.problem("day"));
    }
    // Only the operator can mark an order as paid.
    buyer.get(&at).await.is(403);
    buyer.submit("/payments", &at, &[("amount", "145.20"), ("day", "2026-11-20")]).await.is(403);
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 0);
}

async fn an_unpaid_order_is_cancelled_with_a_credit_note(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    let page = format!("/orders/{order}");
    let answer = buyer.submit(&page, &format!("/orders/{order}/cancellation"), &[]).await;
    let shown = buyer.done(answer).await;
    shown.has("Credit note CN-2026-000001 was made.").has("-145.20 EUR").has("Settled");
    shop.mark_paid(&test, order, "145.20").await.is(422).has("not waiting for a payment");
    buyer.submit(&page, &format!("/orders/{order}/cancellation"), &[]).await.is(422);
    assert_eq!(balance(&test, shop.world.vendor, YEAR, Kind::Issued).await, 0);
}

async fn invoice_numbers_have_no_gaps(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    for n in 1..=3 {
        let order = shop.add(&mut buyer, None, &[]).await;
        // A refused placement takes no number.
        buyer.submit(&format!("/orders/{order}"), &format!("/orders/{order}/placement"), &[]).await.is(422);
        shop.place(&mut buyer, order, "invoice").await.is(303);
        buyer.get(&format!("/orders/{order}")).await.has(&format!("INV-2026-{n:06}"));
    }
    test.app.clock.advance_seconds(60 * 86_400);
    let order = shop.add(&mut shop.buyer(&test).await, None, &[]).await;
    let mut buyer = shop.buyer(&test).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    buyer.get(&format!("/orders/{order}")).await.has("INV-2027-000001");
}

async fn reverse_charge_adds_no_vat(test: TestApp) {
    let shop = Shop::open(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    scrip::ops::distributors::set_reverse_charge(&test.app, &operator, "rc", shop.world.distributor, true)
        .await
        .unwrap();
    let mut buyer = shop.buyer(&test).await;
    buyer.get("/buy/vouchers").await.has("120.00 EUR").has("VAT 0 %");
    let order = shop.add(&mut buyer, None, &[]).await;
    buyer.get(&format!("/orders/{order}")).await.has("Reverse charge");
    let without = BILLING.map(|(name, value)| (name, if name == "billing_vat_number" { "" } else { value }));
    let fields = [&without[..], &[("method", "invoice")]].concat();
    let at = format!("/orders/{order}");
    let page = buyer.submit(&at, &format!("{at}/placement"), &fields).await;
    assert_eq!(page.is(422).problem("billing_vat_number"), "This is missing.");
    shop.place(&mut buyer, order, "invoice").await.is(303);
    buyer.get("/history?action=company.billing_changed").await.has("LT123456789");
    shop.mark_paid(&test, order, "120.00").await.is(303);
}

async fn a_payments_date_is_that_of_the_bank_statement(test: TestApp) {
    let test = TestApp::start_demo(test.backend).await.unwrap();
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "card").await.is(303);
    let operator = who(&test.app, "operator@test.example").await;
    ops::users::save_profile(&test.app, &operator, "zone", "", "", "Pacific/Auckland").await.unwrap();
    let mut browser = signed_in(&test, "operator@test.example").await;
    let at = format!("/orders/{order}/paid");
    // In Auckland it is already the 22nd.
    for (day, message) in [
        ("2026-11-23", "Choose today or an earlier day."),
        ("0001-01-01", "Choose a day of the last year."),
        ("2026-02-30", "Enter a day such as 2026-11-21."),
    ] {
        let page = browser.submit(&at, &at, &[("amount", "145.20"), ("day", day)]).await;
        assert_eq!(page.is(422).problem("day"), message);
    }
    browser.submit(&at, &at, &[("amount", "145.20"), ("day", "2026-11-22")]).await.is(303);
    let invoice = ops::orders::find(&test.app, &operator, order).await.unwrap().invoices[0].id;
    let document = ops::invoices::document(&test.app, &operator, invoice).await.unwrap();
    assert_eq!(document.paid.unwrap().on, date(2026, 11, 22));
}

async fn an_invoice_is_overdue_after_its_due_day(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    // The test starts at noon; the last day ends fourteen days later.
    for (hours, is_overdue) in [(14 * 24 + 11, false), (2, true)] {
        test.app.clock.advance_seconds(hours * 3_600);
        let page = shop.buyer(&test).await.get(&format!("/orders/{order}")).await;
        assert_eq!(page.body.contains("Overdue"), is_overdue);
    }
}

async fn incomplete_requests_change_nothing(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "1").await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let distributor = shop.world.distributor;
    for path in [
        format!("/operator/price-list/{}/offer", shop.video),
        format!("/operator/distributors/{distributor}/reverse-charge"),
        format!("/companies/{distributor}/parent-credits"),
    ] {
        operator.submit("/payments", &path, &[]).await.is(400);
    }
    auditor.submit("/history", &format!("/orders/{order}/look"), &[]).await.is(403);
    let mut buyer = shop.buyer(&test).await;
    for draft in ["text", "1000000000000000000000000000000", "999"] {
        shop.try_add(&mut buyer, None, &[("order", draft)]).await.is(404);
    }
    buyer.get("/orders/999999/vouchers/cancellation").await.is(404);
}

async fn other_trees_cannot_see_orders(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "1").await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let invoice = pdf_of(&mut operator, order).await;
    operator.get(&invoice).await.is(200);
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get(&format!("/orders/{order}/vouchers/1")).await.is(200).has_not(&shop.codes(&test, order, 1).await[0].1);
    for email in ["other@test.example", "acme@test.example"] {
        let mut browser = signed_in(&test, email).await;
        for id in [order, 999_999] {
            for path in ["", "/vouchers/1", "/vouchers/1/codes.csv", "/return", "/cancellation"] {
                browser.get(&format!("/orders/{id}{path}")).await.is(404);
            }
            browser.submit("/payments", &format!("/orders/{id}/cancellation"), &[]).await.is(404);
        }
        browser.get(&invoice).await.is(404);
        browser.get("/payments").await.has("No orders yet");
        browser.get("/payments/vouchers?state=all").await.has("No voucher here");
    }
    signed_in(&test, "customer@test.example").await.get("/payments").await.is(403);
}

async fn pdf_of(browser: &mut crate::support::Browser, order: i64) -> String {
    let page: Page = browser.get(&format!("/orders/{order}")).await;
    let at = page.body.find("/invoices/").unwrap();
    page.body[at..].split('"').next().unwrap().to_owned()
}

async fn a_free_order_is_ready_at_once(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut tx = test.app.db.write().await.unwrap();
    sql("insert into product_version (product_id, version, name, description, currency, device_price, apartment_price,
             licence_price, models, term_months, vat_class_id, created_at, created_by)
         select product_id, 2, name, description, currency, 0, 0, licence_price, models,
             term_months, vat_class_id, created_at, created_by from product_version where product_id = $1")
    .bind(shop.video)
    .run(&mut tx)
    .await
    .unwrap();
    sql("update product set version = 2 where id = $1").bind(shop.video).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    let answer = shop.place(&mut buyer, order, "invoice").await;
    buyer.done(answer).await.has("It costs nothing and is ready.").has("Prepared vouchers");
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 10);
    let code = shop.codes(&test, order, 1).await[0].0.to_string();
    let cancel = format!("/orders/{order}/vouchers/cancellation");
    buyer.submit("/payments", &cancel, &[("code", code.as_str())]).await.is(303);
    buyer.get(&format!("/orders/{order}")).await.has("CN-2026-000001").has("Settled").has_not("To be paid back");
    test.verify().await;
}

async fn forty_concurrent_payments_pay_once(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[("codes", "10")]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    let operator = who(&test.app, "operator@test.example").await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let (app, operator) = (test.app.clone(), operator.clone());
            tokio::spawn(async move {
                let on = date(2026, 11, 21);
                let payment = scrip::ops::payments::BankPayment { amount: 14_520, on, reference: "" };
                scrip::ops::payments::mark_paid(&app, &operator, &format!("pay-{n}"), order, &payment).await
            })
        })
        .collect();
    let mut paid = 0;
    for task in tasks {
        paid += i64::from(task.await.unwrap().is_ok());
    }
    assert_eq!(paid, 1);
    assert_eq!(shop.codes(&test, order, 1).await.len(), 10);
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 10);
    test.verify().await;
}

mod mails {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_buyer_gets_the_invoice_a_reminder_and_a_payment_notice() {
        let (given, mut mails) = mail_server().await;
        let test = TestApp::start_with(crate::support::Backend::Sqlite, given).await.unwrap();
        let shop = Shop::open(&test).await;
        let mut buyer = shop.buyer(&test).await;
        let order = shop.add(&mut buyer, None, &[]).await;
        shop.place(&mut buyer, order, "invoice").await.is(303);
        let mail = next_mail(&test, &mut mails).await;
        assert!(mail.contains("INV-2026-000001") && mail.contains("application/pdf"), "{mail}");
        assert!(mail.contains("invoices@distributor.example"));
        test.app.clock.advance_seconds(16 * 86_400);
        scrip::jobs::invoices::remind(&test.app).await;
        scrip::jobs::invoices::remind(&test.app).await;
        let mail = next_mail(&test, &mut mails).await;
        assert!(mail.contains("overdue"), "{mail}");
        assert!(!scrip::jobs::run_next(&test.app).await, "one reminder a week");
        shop.mark_paid(&test, order, "145.20").await.is(303);
        let mail = next_mail(&test, &mut mails).await;
        assert!(mail.contains("paid"), "{mail}");
    }
}

async fn a_draft_is_kept_for_a_week(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let draft = shop.add(&mut buyer, None, &[]).await;
    shop.add(&mut buyer, Some(draft), &[]).await;
    let placed = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, placed, "invoice").await.is(303);
    for (days, status) in [(6, 200), (2, 404)] {
        test.app.clock.advance_seconds(days * 86_400);
        scrip::jobs::cleanup::run(&test.app).await;
        let mut buyer = shop.buyer(&test).await;
        buyer.get(&format!("/orders/{draft}")).await.is(status);
        buyer.get(&format!("/orders/{placed}")).await.is(200);
    }
    test.verify().await;
}

async fn a_company_with_an_unpaid_order_cannot_be_removed(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = shop.world.distributor.to_string();
    let page = operator.submit("/companies", "/companies/removal", &[("company", &id)]).await;
    page.is(422).has("Distributor has 1 order that is not paid or not ready: cancel it first.");
    operator.submit("/payments", &format!("/orders/{order}/cancellation"), &[]).await.is(303);
    let page = operator.submit("/companies", "/companies/removal", &[("company", &id)]).await;
    page.is(422).has_not("not paid");
}

async fn redeeming_a_voucher_says_how_long_the_balance_lasts(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "5").await;
    let operator = who(&test.app, "operator@test.example").await;
    for serial in ["W-1", "W-2", "W-3"] {
        let device = DeviceInput {
            serial: serial.into(),
            company_id: shop.world.other,
            service: Some(YEAR),
            auto_extend: true,
            monitoring: true,
            ..DeviceInput::default()
        };
        ops::devices::changes::create(&test.app, &operator, serial, &device).await.unwrap();
    }
    let codes = shop.codes(&test, order, 1).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    let check = [("code", codes[0].1.as_str()), ("check", "1")];
    let page = customer.submit("/redeem", "/redeem", &check).await;
    page.has("2 Device subscription will be added to Other: the balance grows from 0 to 2.");
    page.has("2 waiting devices will be extended at once, which leaves 0.");
    for (code, message) in [
        (&codes[0], "The balance is now 0. 2 waiting devices were extended at once."),
        (&codes[1], "The balance is now 1. 1 waiting device was extended at once. It lasts until 21 Nov 2027."),
    ] {
        let answer = customer.submit("/redeem", "/redeem", &[("code", &code.1)]).await;
        customer.done(answer).await.has(message);
    }
}
