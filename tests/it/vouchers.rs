//! The vouchers of paid orders: redeemed, cancelled, replaced and expired, on paper and in files.

use crate::support::shop::{Shop, balance};
use crate::support::{TestApp, mail_server, next_mail, qr, signed_in, who};
use scrip::jobs::expiry;
use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::store::db::sql;

both!(
    a_cancelled_voucher_returns_its_units_and_is_credited,
    cancelling_in_parts_credits_the_whole_amount,
    only_permitted_users_can_cancel,
    a_lost_code_can_be_replaced,
    a_vouchers_codes_are_in_tabs,
    all_codes_of_a_voucher_can_be_copied_and_printed,
    a_long_voucher_is_printed_in_parts,
    a_bought_voucher_cannot_be_deleted,
    expired_vouchers_are_refused,
    concurrent_cancelling_and_redeeming_have_one_winner,
    the_codes_of_a_voucher_can_be_downloaded,
    the_sheet_shows_a_bought_code,
    a_large_order_is_filled_in_steps_and_shows_its_progress,
    concurrent_and_repeated_steps_make_each_code_once,
    verify_compares_an_orders_count_with_its_codes,
    codes_cancelled_before_they_are_made_are_credited_and_never_made,
    codes_that_cannot_be_made_are_retried_and_shown_to_the_operator,
);

const YEAR: ResourceType = ResourceType::DEVICE_YEAR;
const DAY: i64 = 86_400;

async fn a_cancelled_voucher_returns_its_units_and_is_credited(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "10").await;
    let codes = shop.codes(&test, order, 1).await;
    let mut buyer = shop.buyer(&test).await;
    let (first, second) = (codes[0].0.to_string(), codes[1].0.to_string());
    let window = format!("/orders/{order}/vouchers/cancellation?code={first}&code={second}");
    buyer.get(&window).await.has("2 codes go back to the vendor").has(&codes[0].1);
    let action = format!("/orders/{order}/vouchers/cancellation");
    buyer.submit(&window, &action, &[]).await.is(422).has("Choose unused codes in the list first.");
    let answer = buyer.submit(&window, &action, &[("code", &first), ("code", &second)]).await;
    let page = buyer.done(answer).await;
    page.has("2 codes of order").has("CN-2026-000001").has("-29.04 EUR").has("To be paid back");
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 8);
    assert_eq!(balance(&test, shop.world.vendor, YEAR, Kind::Issued).await, -8);
    let mut customer = signed_in(&test, "customer@test.example").await;
    let page = customer.submit("/redeem", "/redeem", &[("code", codes[0].1.as_str())]).await;
    page.is(422).has("its status is cancelled");
    buyer.get("/payments/vouchers?state=cancelled").await.has(&codes[0].1).has_not(&codes[2].1);
    let again = buyer.submit(&window, &action, &[("code", &first)]).await;
    again.is(422).has("no longer unused");
    // The operator marks the refund as sent.
    let mut operator = signed_in(&test, "operator@test.example").await;
    let credit = scrip::store::invoices::of_order(&mut test.app.db.read().await.unwrap(), order).await.unwrap();
    let settle = format!("/invoices/{}/settlement", credit[1].id);
    let page = format!("/orders/{order}");
    buyer.submit(&page, &settle, &[]).await.is(403);
    let answer = operator.submit(&page, &settle, &[]).await;
    operator.done(answer).await.has("CN-2026-000001 is settled.").has_not("To be paid back");
    test.verify().await;
}

async fn cancelling_in_parts_credits_the_whole_amount(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "10").await;
    let buyer = who(&test.app, "distributor@test.example").await;
    let codes = shop.codes(&test, order, 1).await;
    for (n, part) in [&codes[..1], &codes[1..4], &codes[4..]].into_iter().enumerate() {
        let ids: Vec<i64> = part.iter().map(|c| c.0).collect();
        ops::vouchers::cancel(&test.app, &buyer, &format!("part-{n}"), order, &ids).await.unwrap();
    }
    let documents = scrip::store::invoices::of_order(&mut test.app.db.read().await.unwrap(), order).await.unwrap();
    assert_eq!(documents.len(), 4);
    assert_eq!(documents.iter().map(|d| d.total).sum::<i64>(), 0);
    assert_eq!(balance(&test, shop.world.vendor, YEAR, Kind::Issued).await, 0);
    test.verify().await;
}

async fn only_permitted_users_can_cancel(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "1").await;
    let code = shop.codes(&test, order, 1).await[0].0.to_string();
    let action = format!("/orders/{order}/vouchers/cancellation");
    for (email, status) in [("auditor@test.example", 403), ("other@test.example", 404), ("acme@test.example", 404)] {
        let mut browser = signed_in(&test, email).await;
        browser.submit("/payments", &action, &[("code", &code)]).await.is(status);
    }
    let mut buyer = shop.buyer(&test).await;
    buyer.submit("/payments", &action, &[]).await.is(422);
    buyer.submit("/payments", &action, &[("code", "999999")]).await.is(404);
    // The operator turns cancelling off.
    let operator = who(&test.app, "operator@test.example").await;
    let kept = ops::seller::get(&test.app).await.unwrap().unwrap().seller;
    let fields = ops::seller::SellerFields {
        name: &kept.name,
        address: &kept.address,
        country: &kept.country,
        email: &kept.email,
        bank_account: &kept.bank_account,
        due_days: "14",
        may_cancel: false,
        ..Default::default()
    };
    ops::seller::save(&test.app, &operator, "no more", &fields).await.unwrap();
    buyer.get(&format!("/orders/{order}/vouchers/1")).await.has_not("Cancel chosen");
    buyer.submit("/payments", &action, &[("code", &code)]).await.is(403);
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit("/payments", &action, &[("code", &code)]).await.is(303);
}

async fn a_vouchers_codes_are_in_tabs(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "5").await;
    let mut buyer = shop.buyer(&test).await;
    let codes = shop.codes(&test, order, 1).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.submit("/redeem", "/redeem", &[("code", codes[0].1.as_str())]).await.is(303);
    let distributor = who(&test.app, "distributor@test.example").await;
    ops::vouchers::cancel(&test.app, &distributor, "back", order, &[codes[1].0]).await.unwrap();
    let at = format!("/orders/{order}/vouchers/1");
    for (tab, shown) in [("", 2..5), ("used", 0..1), ("cancelled", 1..2), ("expired", 0..0), ("all", 0..5)] {
        let page = buyer.get(&format!("{at}?state={tab}")).await;
        for (n, (_, code)) in codes.iter().enumerate() {
            assert_eq!(page.body.contains(code), shown.contains(&n), "{tab}: {code}");
        }
    }
    buyer.get(&format!("{at}?state=expired")).await.has("No code of this voucher is in this state.");
    test.app.clock.advance_seconds(1_097 * DAY);
    expiry::run(&test.app).await;
    let mut buyer = shop.buyer(&test).await;
    buyer.get(&format!("{at}?state=expired")).await.has(&codes[4].1).has_not(&codes[0].1);
}

async fn all_codes_of_a_voucher_can_be_copied_and_printed(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "5").await;
    let mut buyer = shop.buyer(&test).await;
    let mut codes: Vec<_> = shop.codes(&test, order, 1).await.into_iter().map(|c| c.1).collect();
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.submit("/redeem", "/redeem", &[("code", &codes.remove(0))]).await.is(303);
    let at = format!("/orders/{order}/vouchers/1");
    let page = buyer.get(&at).await;
    page.has("Copy all codes").has("Print all codes").has(&format!("data-copy-from=\"{at}/codes.txt\""));
    let text = buyer.get(&format!("{at}/codes.txt")).await;
    assert_eq!(text.is(200).body.lines().collect::<Vec<_>>(), codes);
    let sheet = buyer.get(&format!("{at}/sheet")).await;
    sheet.has("2 Device subscription").has("Video for Acme, from Distributor").has("Valid until 21 Nov 2029");
    let links: Vec<_> = codes.iter().map(|code| format!("http://127.0.0.1:8080/redeem#{code}")).collect();
    assert_eq!(qr::read(&sheet.body), links);
    for (email, status) in [("auditor@test.example", 403), ("other@test.example", 404)] {
        let mut other = signed_in(&test, email).await;
        for part in ["codes.txt", "sheet"] {
            other.get(&format!("{at}/{part}")).await.is(status);
        }
    }
}

async fn a_long_voucher_is_printed_in_parts(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut buyer = shop.buyer(&test).await;
    let order = shop.add(&mut buyer, None, &[("subscriptions", "501"), ("codes", "501")]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    shop.mark_paid(&test, order, "7274.52").await.is(303);
    let at = format!("/orders/{order}/vouchers/1/sheet");
    let first = buyer.get(&at).await;
    let next = first.body.split(&format!("href=\"{at}")).nth(1).unwrap().split('"').next().unwrap();
    let second = buyer.get(&format!("{at}{next}")).await;
    second.has_not("Next sheets");
    assert_eq!((first.body.matches("<svg").count(), second.body.matches("<svg").count()), (500, 1));
}

async fn a_lost_code_can_be_replaced(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "1").await;
    let (lost, text) = shop.codes(&test, order, 1).await.remove(0);
    let mut buyer = shop.buyer(&test).await;
    let at = format!("/vouchers/{lost}/replacement");
    buyer.get(&at).await.has(&text).has("stops working at once");
    let answer = buyer.submit(&at, &at, &[]).await;
    let page = buyer.done(answer).await;
    page.has("Replace operation completed successfully.").has(&format!("in place of code #{lost}"));
    let codes = shop.codes(&test, order, 1).await;
    assert_eq!(codes.len(), 2);
    page.has(&format!("replaced by code #{}", codes[1].0)).has(&codes[1].1);
    let mut customer = signed_in(&test, "customer@test.example").await;
    let refused = customer.submit("/redeem", "/redeem", &[("code", text.as_str())]).await;
    refused.is(422).has("its status is replaced");
    let answer = customer.submit("/redeem", "/redeem", &[("code", codes[1].1.as_str())]).await;
    customer.done(answer).await.has("10 Device subscription added to Other");
    buyer.submit(&at, &at, &[]).await.is(422);
    for email in ["other@test.example", "acme@test.example"] {
        signed_in(&test, email).await.submit("/payments", &at, &[]).await.is(404);
    }
    let (old, new) = (lost, codes[1].0);
    let history = buyer.get("/history?action=replace").await;
    history.has(&format!("Code #{old}: replaced by code #{new}")).has(&format!("Code #{new}: in place of code #{old}"));
    test.verify().await;
}

async fn a_bought_voucher_cannot_be_deleted(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "1").await;
    let (code, _) = shop.codes(&test, order, 1).await.remove(0);
    let mut buyer = shop.buyer(&test).await;
    let at = format!("/codes/{code}/deletion");
    buyer.submit("/payments", &at, &[]).await.is(422).has("This voucher was bought, so it is not deleted.");
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 10);
}

async fn expired_vouchers_are_refused(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "2").await;
    let codes = shop.codes(&test, order, 1).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    // The last second of the last day: the three calendar years have 1,096 days.
    test.app.clock.advance_seconds(1_096 * DAY - 1);
    expiry::run(&test.app).await;
    let mut customer_later = signed_in(&test, "customer@test.example").await;
    let answer = customer_later.submit("/redeem", "/redeem", &[("code", codes[0].1.as_str())]).await;
    customer_later.done(answer).await.has("5 Device subscription added");
    test.app.clock.advance_seconds(DAY);
    let mut customer_late = signed_in(&test, "customer@test.example").await;
    let page = customer_late.submit("/redeem", "/redeem", &[("code", codes[1].1.as_str())]).await;
    page.is(422).has("This code expired on");
    expiry::run(&test.app).await;
    expiry::run(&test.app).await;
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::Expired).await, 5);
    assert_eq!(balance(&test, shop.world.distributor, YEAR, Kind::InCodes).await, 0);
    let mut buyer = shop.buyer(&test).await;
    buyer.get("/payments/vouchers?state=expired").await.has(&codes[1].1);
    buyer.get("/history").await.has("Voucher expired");
    // The session from three years ago has ended.
    customer.get("/redeem").await.is(303);
    test.verify().await;
}

async fn concurrent_cancelling_and_redeeming_have_one_winner(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "10").await;
    let buyer = who(&test.app, "distributor@test.example").await;
    let customer = who(&test.app, "customer@test.example").await;
    for (n, (id, text)) in shop.codes(&test, order, 1).await.into_iter().enumerate() {
        let (app, buyer, customer) = (&test.app, &buyer, &customer);
        let (cancel, redeem) = (format!("cancel-{n}"), format!("redeem-{n}"));
        let ids = [id];
        let (cancelled, redeemed) = tokio::join!(
            ops::vouchers::cancel(app, buyer, &cancel, order, &ids),
            ops::codes::changes::redeem(app, customer, &redeem, &text)
        );
        assert!(cancelled.is_ok() != redeemed.is_ok(), "one of them, and one alone");
    }
    test.verify().await;
}

async fn the_codes_of_a_voucher_can_be_downloaded(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "2").await;
    let codes = shop.codes(&test, order, 1).await;
    let mut buyer = shop.buyer(&test).await;
    let file = buyer.get(&format!("/orders/{order}/vouchers/1/codes.csv")).await;
    file.has("code,voucher,type,amount,status").has(&format!("{},Video for Acme,device_year,5,unused", codes[0].1));
    buyer.get("/payments/vouchers.csv?state=all").await.has(&codes[1].1);
    // Read-only users see only the last four characters.
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let masked = auditor.get("/payments/vouchers.csv?state=all").await;
    masked.has_not(&codes[0].1).has(&codes[0].1[20..]);
}

async fn the_sheet_shows_a_bought_code(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "1").await;
    let (id, text) = shop.codes(&test, order, 1).await.remove(0);
    let mut buyer = shop.buyer(&test).await;
    let sheet = buyer.get(&format!("/codes/sheet?code={id}")).await;
    sheet.has(&text).has("10 Device subscription").has("<svg");
}

/// A paid order of 2,000 codes in one line and 700 in another.
async fn large_order(test: &TestApp, shop: &Shop) -> i64 {
    let mut buyer = shop.buyer(test).await;
    let order = shop.add(&mut buyer, None, &[("subscriptions", "2,000"), ("codes", "2000")]).await;
    shop.add(&mut buyer, Some(order), &[("subscriptions", "1,400"), ("codes", "700")]).await;
    shop.place(&mut buyer, order, "invoice").await.is(303);
    shop.mark_paid(test, order, "49,368.00").await.is(303);
    order
}

async fn in_codes(test: &TestApp, shop: &Shop) -> i64 {
    balance(test, shop.world.distributor, YEAR, Kind::InCodes).await
}

async fn a_large_order_is_filled_in_steps_and_shows_its_progress(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = large_order(&test, &shop).await;
    assert_eq!(in_codes(&test, &shop).await, 1_000);
    let mut buyer = shop.buyer(&test).await;
    let at = format!("/orders/{order}");
    buyer.get(&at).await.has("1,000 of 2,700 codes are ready.").has("Cancel the rest");
    buyer.get(&format!("{at}/vouchers/2")).await.has("They are being made.");
    let lines = buyer.get(&format!("{at}/vouchers/1/codes.csv")).await.body.lines().count();
    assert_eq!(lines, 1_001);
    test.verify().await;
    for made in [1_500, 2_000] {
        assert!(ops::order_codes::run_step(&test.app, order).await.unwrap());
        assert_eq!(in_codes(&test, &shop).await, made);
        test.verify().await;
    }
    test.app.clock.advance_seconds(3_600);
    while scrip::jobs::run_next(&test.app).await {}
    assert_eq!(in_codes(&test, &shop).await, 3_400);
    let page = buyer.get(&at).await;
    page.has("2,000 unused").has("700 unused").has_not("codes are ready").has("Valid until");
    let buyer = who(&test.app, "distributor@test.example").await;
    let [first, last] = [1, 2].map(|line| ops::vouchers::of_line(&test.app, &buyer, (order, line), None, 0, 1));
    let ends =
        async |codes: ops::error::OpResult<Vec<ops::vouchers::ShownVoucher>>| codes.unwrap()[0].shown.row.expires_at;
    assert_eq!(ends(first.await).await, ends(last.await).await, "the day of expiry is that of the payment's");
    assert!(!ops::order_codes::run_step(&test.app, order).await.unwrap(), "nothing is left");
    test.verify().await;
}

async fn concurrent_and_repeated_steps_make_each_code_once(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = large_order(&test, &shop).await;
    // Two workers: one has taken over the job while the other is still running.
    let step = || ops::order_codes::run_step(&test.app, order);
    for _ in 0..4 {
        let (one, other) = tokio::join!(step(), step());
        one.unwrap();
        other.unwrap();
        test.verify().await;
    }
    assert_eq!(in_codes(&test, &shop).await, 3_400);
}

async fn verify_compares_an_orders_count_with_its_codes(test: TestApp) {
    let shop = Shop::open(&test).await;
    large_order(&test, &shop).await;
    for (change, undo, rule) in [
        ("codes_made = codes_made - 1", "codes_made = codes_made + 1", "has the codes that were counted"),
        ("codes_made = codes_made + 1", "codes_made = codes_made - 1", "has the codes that were counted"),
        ("codes_wanted = codes_wanted + 1", "codes_wanted = codes_wanted - 1", "are all there, are being made"),
    ] {
        for (set, is_wrong) in [(change, true), (undo, false)] {
            let mut tx = test.app.db.write().await.unwrap();
            sql(format!("update purchase_order set {set}").leak()).run(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            let broken = test.broken().await;
            assert_eq!(broken.iter().any(|line| line.contains(rule)), is_wrong, "{set}: {broken:?}");
        }
    }
    let mut tx = test.app.db.write().await.unwrap();
    sql("delete from job where kind = 'order_codes'").run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let broken = test.broken().await;
    assert!(broken.iter().any(|line| line.contains("are all there, are being made")), "{broken:?}");
}

async fn codes_cancelled_before_they_are_made_are_credited_and_never_made(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = large_order(&test, &shop).await;
    let codes = shop.codes(&test, order, 1).await;
    let buyer = who(&test.app, "distributor@test.example").await;
    // Single codes are cancelled and replaced in the meantime, and the rest are still made.
    ops::vouchers::cancel(&test.app, &buyer, "one", order, &[codes[0].0]).await.unwrap();
    ops::vouchers::replace(&test.app, &buyer, "lost", codes[1].0).await.unwrap();
    assert!(ops::order_codes::run_step(&test.app, order).await.unwrap());
    test.verify().await;
    let mut browser = shop.buyer(&test).await;
    let window = format!("/orders/{order}/cancellation");
    browser.get(&window).await.has("1,500 of 2,700 codes are ready and stay");
    let answer = browser.submit(&window, &window, &[]).await;
    let page = browser.done(answer).await;
    // 500 codes of the first line, and 700 codes of two subscriptions each of the second.
    page.has("1,200 codes before they were made")
        .has("-27,588.00 EUR")
        .has("1,500 codes were made; 1,200 were cancelled");
    while scrip::jobs::run_next(&test.app).await {}
    assert_eq!(in_codes(&test, &shop).await, 1_499);
    browser.submit(&window, &window, &[]).await.is(422);
    test.verify().await;
    // Cancelling the rest in parts credits the whole amount.
    let left = ops::vouchers::of_line(&test.app, &buyer, (order, 1), None, 0, 2_000).await.unwrap();
    let unused = left.iter().filter(|v| v.shown.status == scrip::model::ledger::CodeStatus::Unused);
    let ids: Vec<i64> = unused.map(|v| v.shown.row.id).collect();
    for (n, part) in ids.chunks(1_000).enumerate() {
        ops::vouchers::cancel(&test.app, &buyer, &format!("part-{n}"), order, part).await.unwrap();
    }
    let documents = scrip::store::invoices::of_order(&mut test.app.db.read().await.unwrap(), order).await.unwrap();
    assert_eq!(documents.iter().map(|d| d.total).sum::<i64>(), 0);
    test.verify().await;
}

async fn codes_that_cannot_be_made_are_retried_and_shown_to_the_operator(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = large_order(&test, &shop).await;
    let mut tx = test.app.db.write().await.unwrap();
    sql("update company set removed_at = 1 where id = $1").bind(shop.world.distributor).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    for _ in 0..30 {
        test.app.clock.advance_seconds(DAY);
        while scrip::jobs::run_next(&test.app).await {}
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/").await.has("can't be made now").has(&format!("/orders/{order}"));
    operator.get(&format!("/orders/{order}")).await.has("1,000 of 2,700 codes are ready.").has("can't be made now");
    let mut tx = test.app.db.write().await.unwrap();
    sql("update company set removed_at = null where id = $1").bind(shop.world.distributor).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    test.app.clock.advance_seconds(DAY);
    while scrip::jobs::run_next(&test.app).await {}
    assert_eq!(in_codes(&test, &shop).await, 3_400);
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/").await.has_not("can't be made now");
    test.verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_buyer_gets_a_mail_when_a_large_order_is_ready() {
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(crate::support::Backend::Sqlite, given).await.unwrap();
    let shop = Shop::open(&test).await;
    large_order(&test, &shop).await;
    next_mail(&test, &mut mails).await;
    let paid = next_mail(&test, &mut mails).await;
    assert!(paid.contains("is paid"), "{paid}");
    let ready = loop {
        assert!(scrip::jobs::run_next(&test.app).await, "the codes are made, and then the mail is sent");
        if let Ok(mail) = mails.try_recv() {
            break mail;
        }
    };
    assert!(ready.contains("Your codes are ready") && ready.contains("all 2,700 codes of order"), "{ready}");
    assert!(!scrip::jobs::run_next(&test.app).await, "only one mail is sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buyers_get_mails_before_their_vouchers_expire() {
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(crate::support::Backend::Sqlite, given).await.unwrap();
    let shop = Shop::open(&test).await;
    shop.paid(&test, "2").await;
    for _ in ["invoice", "paid"] {
        next_mail(&test, &mut mails).await;
    }
    for days in [1_096 - 60, 53] {
        expiry::run(&test.app).await;
        assert!(!scrip::jobs::run_next(&test.app).await, "not yet");
        test.app.clock.advance_seconds(days * DAY);
        expiry::run(&test.app).await;
        expiry::run(&test.app).await;
        let mail = next_mail(&test, &mut mails).await;
        assert!(mail.contains("2 unused voucher codes") && mail.contains("invoices@distributor.example"), "{mail}");
    }
    test.app.clock.advance_seconds(8 * DAY);
    expiry::run(&test.app).await;
    assert!(!scrip::jobs::run_next(&test.app).await, "nothing is left to be warned of");
}
