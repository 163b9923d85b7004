//! Licences: bought by serial number, issued on payment, moved, revoked.

use crate::support::{Browser, NOON, Page, TestApp, World, signed_in, who};
use axum::http::header;
use jiff::civil::date;
use scrip::model::device::DeviceKind;
use scrip::model::licence::Standing;
use scrip::model::product::ProductKind;
use scrip::model::time::Moment;
use scrip::ops;
use scrip::ops::devices::changes::DeviceInput;
use scrip::ops::licences::Rehost;
use scrip::ops::products::ProductFields;
use scrip::ops::seller::SellerFields;

both!(
    licences_are_bought_by_serial_number_and_their_keys_are_valid,
    the_model_decides_which_licences_suit_a_device,
    serial_numbers_can_come_from_a_file_and_input_is_kept,
    an_invalid_choice_is_refused_at_its_field,
    an_order_has_a_licence_once_per_device,
    a_perpetual_licence_cannot_be_bought_again,
    a_perpetual_licence_in_another_order_cannot_be_bought_again,
    an_order_paid_twice_concurrently_has_each_key_once,
    a_term_licence_expires_its_months_after_payment,
    other_companies_cannot_see_licences,
    only_administrators_see_keys,
    a_device_shows_the_licences_its_distributor_bought,
    moving_a_licence_revokes_its_old_key,
    a_licence_moved_twice_concurrently_moves_once,
    a_refused_move_says_why,
    the_public_key_and_the_revoked_keys_are_public,
    only_activated_companies_can_buy,
    an_order_cannot_mix_currencies,
    too_many_licences_for_one_order_are_refused,
);

const BILLING: [(&str, &str); 6] = [
    ("billing_name", "Distributor Ltd"),
    ("billing_address", "Street 1\nTown"),
    ("billing_country", "LT"),
    ("billing_vat_number", ""),
    ("billing_email", "invoices@test.example"),
    ("method", "invoice"),
];

/// A world with licences for sale: product 1 for the model RUT956, 2 for any model and one year, 3 in dollars.
struct Shop {
    world: World,
    distributor: Browser,
    operator: Browser,
}

impl Shop {
    async fn open(test: &TestApp) -> Shop {
        let world = World::new(test).await;
        let (app, by) = (&test.app, who(&test.app, "operator@test.example").await);
        let seller = SellerFields {
            name: "Vendor Oy",
            address: "Road 2\nCity",
            country: "FI",
            email: "sales@test.example",
            bank_account: "IBAN 1",
            due_days: "14",
            ..SellerFields::default()
        };
        ops::seller::save(app, &by, "seller", &seller).await.unwrap();
        ops::vat_classes::add(app, &by, "vat", "Standard", "21").await.unwrap();
        for (name, licence_price, currency, models, term_months) in [
            ("Video", "95.00", "EUR", "RUT956\nRUTX50", ""),
            ("Lift", "48.00", "EUR", "", "12"),
            ("Gate", "10.00", "USD", "", ""),
        ] {
            let fields = ProductFields {
                name,
                licence_price,
                currency,
                models,
                term_months,
                vat_class: "1",
                ..ProductFields::default()
            };
            ops::products::add(app, &by, name, ProductKind::Licence, &fields).await.unwrap();
        }
        ops::distributors::set_may_buy(app, &by, "activate", world.distributor, true).await.unwrap();
        let distributor = signed_in(test, "distributor@test.example").await;
        let operator = signed_in(test, "operator@test.example").await;
        Shop { world, distributor, operator }
    }

    /// Adds a device to Acme; returns its id.
    async fn device(&self, test: &TestApp, serial: &str, model: &str) -> i64 {
        let by = who(&test.app, "operator@test.example").await;
        let company_id = self.world.acme;
        let (serial, model, kind) = (serial.to_owned(), model.to_owned(), DeviceKind::Device);
        let key = format!("device-{serial}");
        let input = DeviceInput { serial, model, kind, company_id, ..DeviceInput::default() };
        let outcome = ops::devices::changes::create(&test.app, &by, &key, &input).await.unwrap();
        outcome.about.id
    }

    async fn choose(&mut self, fields: &[(&str, &str)]) -> Page {
        let form = self.distributor.get("/buy/licences").await.is(200).field("form");
        self.distributor.upload("/buy/licences/choice", &[fields, &[("form", form.as_str())]].concat()).await
    }

    async fn add(&mut self, serials: &str, fields: &[(&str, &str)]) -> Page {
        let form = self.choose(&[("serials", serials)]).await.is(200).field("form");
        let all = [fields, &[("form", form.as_str()), ("serials", serials)]].concat();
        self.distributor.post("/buy/licences", &all).await
    }

    /// Places a draft to be paid by invoice.
    async fn place(&mut self, order: &str) {
        let answer = self.distributor.submit(order, &format!("{order}/placement"), &BILLING).await;
        answer.is(303);
    }

    async fn pay(&mut self, order: &str) -> Page {
        let total = self.operator.get(&format!("{order}/paid")).await.is(200).field("amount");
        self.operator
            .submit(
                &format!("{order}/paid"),
                &format!("{order}/paid"),
                &[("amount", total.as_str()), ("day", "2026-11-21"), ("reference", "R1")],
            )
            .await
    }

    /// Buys licences and pays; returns the order's address.
    async fn buy(&mut self, serials: &str, products: &[&str]) -> String {
        let mut fields: Vec<(&str, &str)> = products.iter().map(|p| ("product", *p)).collect();
        fields.push(("confirmed", "1"));
        let answer = self.add(serials, &fields).await;
        let order = answer.is(303).location().to_owned();
        self.place(&order).await;
        self.pay(&order).await.is(303);
        order
    }
}

fn facts(test: &TestApp, key: &str) -> scrip::model::licence::LicenceFacts {
    test.app.keys.licence_public_keys().open_licence(key.trim()).unwrap()
}

async fn licence(app: &TestApp, id: i64) -> ops::licences::ShownLicence {
    let by = who(&app.app, "distributor@test.example").await;
    ops::licences::find(&app.app, &by, id).await.unwrap()
}

async fn licences_are_bought_by_serial_number_and_their_keys_are_valid(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.device(&test, "7-1", "RUT956").await;
    let page = shop.choose(&[("serials", "7-1, x-9"), ("file", "")]).await;
    page.is(200).has("RUT956").has("Model not known").has("95.00 EUR").has("Suits RUT956, RUTX50.");
    let order = shop.add("7-1, x-9", &[("product", "1:RUT956"), ("product", "2:")]).await;
    let order = order.is(303).location().to_owned();
    shop.distributor.get(&order).await.has("Check the order").has("7-1").has("x-9").has("143.00 EUR");
    shop.place(&order).await;
    shop.distributor.get(&order).await.has_not("SCRIP1.");
    shop.pay(&order).await.is(303);
    shop.distributor.get(&order).await.has("Licence keys detail").has("Copy key");
    let file = shop.distributor.get("/licences/1/file").await;
    let name = file.is(200).headers[header::CONTENT_DISPOSITION].to_str().unwrap();
    assert_eq!(name, "attachment; filename=\"licence-7-1.txt\"");
    let opened = facts(&test, &file.body);
    assert_eq!((opened.serial.as_str(), opened.product.as_str(), opened.expires_at), ("7-1", "product-1", None));
    assert_eq!((opened.standing(Some("7-1"), None, NOON), opened.issued_at), (Standing::Valid, NOON));
    let csv = shop.distributor.get(&format!("{order}/licences.csv")).await;
    let lines: Vec<&str> = csv.is(200).body.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(facts(&test, lines[2].rsplit(',').next().unwrap()).serial, "x-9");
    let by = who(&test.app, "distributor@test.example").await;
    let invoice = ops::invoices::document(&test.app, &by, 1).await.unwrap();
    assert_eq!(invoice.lines[0].description, "Video: for serial number 7-1");
    shop.distributor.get("/history").await.has("Licence keys made").has("Video for 7-1, Lift for x-9");
    test.verify().await;
}

async fn the_model_decides_which_licences_suit_a_device(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.device(&test, "7-1", "TRB140").await;
    let page = shop.choose(&[("serials", "7-1")]).await;
    page.is(200).has("value=\"2:TRB140\"").has_not("value=\"1:").has_not("name=\"confirmed\"");
    // A device of another tree looks like an unknown one.
    let (by, mut other) = (who(&test.app, "operator@test.example").await, DeviceInput::default());
    (other.serial, other.model, other.company_id) = ("8-1".into(), "TRB140".into(), shop.world.other);
    ops::devices::changes::create(&test.app, &by, "other", &other).await.unwrap();
    let known = shop.choose(&[("serials", "8-1")]).await.body.replace("8-1", "9-9");
    let unknown = shop.choose(&[("serials", "9-9")]).await.body;
    let without_token = |page: &str| page.lines().filter(|l| !l.contains("name=\"form\"")).collect::<String>();
    assert_eq!(without_token(&known), without_token(&unknown));
}

async fn serial_numbers_can_come_from_a_file_and_input_is_kept(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let file = "Model;Serial number\nX;SN 1\nX;7-2\n";
    shop.choose(&[("serials", "ignored"), ("file", file)]).await.is(200).has("&#34;SN 1&#34;").has("7-2");
    let refused = shop.choose(&[("serials", "7-1 --"), ("file", "")]).await;
    assert!(refused.is(422).problem("serials").contains("“--” is no serial number"));
    refused.has(">7-1 --</textarea>");
    let form = shop.choose(&[("serials", "7-1")]).await.field("form");
    let fields = [("form", form.as_str()), ("serials", "7-1"), ("change", "1")];
    shop.distributor.post("/buy/licences", &fields).await.is(200).has(">7-1</textarea>").has("Choose licences");
    shop.distributor.get("/buy/licences/choice").await.is(303);
}

async fn an_invalid_choice_is_refused_at_its_field(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.device(&test, "7-1", "TRB140").await;
    for (serials, fields, place, message) in [
        ("7-1", vec![], "product", "Choose at least one licence"),
        ("7-1", vec![("product", "1:TRB140")], "product", "does not suit the model TRB140"),
        ("7-1", vec![("product", "99:TRB140")], "product", "does not suit the model TRB140"),
        ("7-1", vec![("product", "nonsense")], "product", "Choose at least one licence"),
        ("x-1", vec![("product", "99:")], "product", "is not offered now"),
        ("x-1", vec![("product", "1:")], "confirmed", "Compare the models"),
    ] {
        let page = shop.add(serials, &fields).await;
        assert!(page.is(422).problem(place).contains(message), "{fields:?}: {}", page.problem(place));
        assert_eq!(page.field("serials"), serials);
    }
    shop.distributor.get("/payments").await.has("No orders yet");
    let form = shop.choose(&[("serials", "7-1")]).await.field("form");
    let fields = [("form", form.as_str()), ("serials", "7-1"), ("product", "2:TRB140"), ("order", "77")];
    shop.distributor.post("/buy/licences", &fields).await.is(404);
}

async fn an_order_has_a_licence_once_per_device(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let order = shop.add("a-1 a-2", &[("product", "2:")]).await.is(303).location().to_owned();
    let id = order.rsplit('/').next().unwrap();
    let again = shop.add("A-2", &[("product", "2:"), ("order", id)]).await;
    assert!(again.is(422).problem("product").contains("for A-2 already"));
    shop.add("a-2", &[("product", "1:"), ("confirmed", "1"), ("order", id)]).await.is(303);
    shop.add("a-3", &[("product", "2:"), ("order", id)]).await.is(303);
    shop.distributor.get(&order).await.has("239.00 EUR").has("a-3");
    let twice = shop.add("b-1", &[("product", "2:"), ("product", "2:")]).await;
    assert!(twice.is(422).problem("product").contains("for b-1 already"));
}

async fn a_perpetual_licence_cannot_be_bought_again(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.buy("a-1", &["1:", "2:"]).await;
    let page = shop.choose(&[("serials", "a-1 a-2")]).await;
    page.has("Not bought again for a-1").has("a-1 has it already until");
    let refused = shop.add("a-1", &[("product", "1:"), ("confirmed", "1")]).await;
    assert!(refused.is(422).problem("product").contains("already, without an end"));
    let order = shop.add("a-1 a-2", &[("product", "1:"), ("confirmed", "1")]).await;
    let order = order.is(303).location().to_owned();
    shop.distributor.get(&order).await.has("a-2").has_not("a-1");
}

async fn a_perpetual_licence_in_another_order_cannot_be_bought_again(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let mut drafts = Vec::new();
    for _ in 0..2 {
        let added = shop.add("a-1", &[("product", "1:"), ("confirmed", "1")]).await;
        drafts.push(added.is(303).location().to_owned());
    }
    shop.place(&drafts[0]).await;
    for _ in 0..2 {
        let action = format!("{}/placement", drafts[1]);
        let refused = shop.distributor.submit(&drafts[1], &action, &BILLING).await;
        refused.is(422).has("already, without an end");
        shop.pay(&drafts[0]).await;
    }
    test.verify().await;
}

async fn an_order_paid_twice_concurrently_has_each_key_once(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let order = shop.add("a-1 a-2", &[("product", "2:")]).await.is(303).location().to_owned();
    shop.place(&order).await;
    let by = who(&test.app, "operator@test.example").await;
    let payment = ops::payments::BankPayment { amount: 11_616, on: date(2026, 11, 21), reference: "" };
    let pay = async |key: &str| ops::payments::mark_paid(&test.app, &by, key, 1, &payment).await;
    let (first, second, third) = tokio::join!(pay("k1"), pay("k2"), pay("k1"));
    assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|is_ok| **is_ok).count(), 1);
    assert_eq!(first.is_ok(), third.is_ok());
    let by = who(&test.app, "distributor@test.example").await;
    let made = ops::licences::of_order(&test.app, &by, 1, 0, 10).await.unwrap();
    let serials: Vec<&str> = made.iter().map(|l| l.row.serial.as_str()).collect();
    assert_eq!(serials, ["a-1", "a-2"]);
}

async fn a_term_licence_expires_its_months_after_payment(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let order = shop.add("a-1", &[("product", "2:")]).await.is(303).location().to_owned();
    shop.place(&order).await;
    test.app.clock.advance_seconds(10 * 86_400);
    shop.operator.sign_in("operator@test.example").await;
    shop.pay(&order).await.is(303);
    let (paid, found) = (NOON.plus_seconds(10 * 86_400), licence(&test, 1).await);
    let opened = facts(&test, &found.key.unwrap());
    assert_eq!(opened.expires_at, Some(paid.plus_months(12)));
    assert_eq!(opened.expires_at.map(|m| m.0), found.row.expires_at);
    assert_eq!(opened.standing(None, None, Moment(paid.plus_months(12).0 - 1)), Standing::Valid);
    assert_eq!(opened.standing(None, None, paid.plus_months(12)), Standing::Expired);
    test.app.clock.advance_seconds(366 * 86_400);
    shop.distributor.sign_in("distributor@test.example").await;
    shop.distributor.get("/licences/1").await.has("Expired").has_not("Move to another device");
}

async fn other_companies_cannot_see_licences(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let order = shop.buy("a-1", &["2:"]).await;
    let mut other = signed_in(&test, "other@test.example").await;
    let pages = ["/licences/1", "/licences/1/file", "/licences/1/rehost", &order, &format!("{order}/licences.csv")];
    for page in pages {
        other.get(page).await.is(404);
    }
    let form = other.get("/account/profile").await.field("form");
    let fields = [("form", form.as_str()), ("key", "1"), ("serial", "b-1"), ("reason", "Mine now")];
    other.post("/licences/1/rehost", &fields).await.is(404);
    let mut nobody = test.browser();
    nobody.get("/licences/1/file").await.is(303);
    assert_eq!(licence(&test, 1).await.row.serial, "a-1");
}

async fn only_administrators_see_keys(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let order = shop.buy("a-1", &["2:"]).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get(&order).await.is(200).has("a-1").has("Administrators see the key").has_not("SCRIP1.");
    auditor.get("/licences/1").await.is(200).has_not("SCRIP1.").has_not("Move to another device");
    for page in ["/licences/1/file", "/licences/1/rehost", &format!("{order}/licences.csv")] {
        auditor.get(page).await.is(403);
    }
    let mut customer = signed_in(&test, "north@test.example").await;
    for page in ["/licences/1", "/licences/1/file", "/licences/1/rehost"] {
        customer.get(page).await.is(403);
    }
}

async fn a_device_shows_the_licences_its_distributor_bought(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let device = shop.device(&test, "7-1", "RUT956").await;
    shop.buy("7-1", &["1:RUT956"]).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let page = acme.get(&format!("/devices/{device}")).await;
    page.has("Video").has("data-copy=\"SCRIP1.");
    acme.get("/licences/1/file").await.is(200);
    // The order and the licence belong to the distributor: the customer may use the key, but not move it.
    acme.get("/licences/1").await.is(200).has_not("Order 1").has_not("Bought by").has_not("Move to another");
    acme.get("/licences/1/rehost").await.is(404);
    // A company that registers the same device elsewhere does not see what another tree bought.
    let by = who(&test.app, "operator@test.example").await;
    ops::devices::changes::remove(&test.app, &by, "gone", &[device]).await.unwrap();
    acme.get("/licences/1").await.is(404);
    let (serial, company_id) = ("7-1".to_owned(), shop.world.other);
    let input = DeviceInput { serial, company_id, ..DeviceInput::default() };
    ops::devices::changes::create(&test.app, &by, "elsewhere", &input).await.unwrap();
    let mut other = signed_in(&test, "other@test.example").await;
    other.get("/licences/1").await.is(404);
}

async fn moving_a_licence_revokes_its_old_key(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.buy("a-1", &["1:"]).await;
    let old = licence(&test, 1).await.key.unwrap();
    let fields = [("key", "1"), ("serial", "b-1"), ("reason", "Device broken")];
    let answer = shop.distributor.submit("/licences/1/rehost", "/licences/1/rehost", &fields).await;
    let page = shop.distributor.done(answer).await;
    page.has("Move operation completed successfully").has("Revoked").has("Device broken").has("1 of 3 times");
    let new = facts(&test, &licence(&test, 1).await.key.unwrap());
    assert_eq!((new.serial.as_str(), new.key_id), ("b-1", 2));
    let list = test.browser().get("/licences/revocations").await;
    let list = test.app.keys.licence_public_keys().open_revocations(list.is(200).body.trim()).unwrap();
    assert_eq!(facts(&test, &old).standing(Some("a-1"), Some(&list), NOON), Standing::Revoked);
    assert_eq!(new.standing(Some("b-1"), Some(&list), NOON), Standing::Valid);
    shop.distributor.get("/history").await.has("Licence moved to another device").has("from a-1 to b-1: Device broken");
}

async fn a_licence_moved_twice_concurrently_moves_once(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.buy("a-1", &["1:"]).await;
    let by = who(&test.app, "distributor@test.example").await;
    let wish = |serial| Rehost { licence_id: 1, key_id: 1, serial, reason: "Replaced" };
    let go = async |key: &str, serial: &'static str| ops::licences::rehost(&test.app, &by, key, &wish(serial)).await;
    let (first, again, other) = tokio::join!(go("k1", "b-1"), go("k1", "b-1"), go("k2", "c-1"));
    assert_eq!(first.is_ok(), again.is_ok());
    assert_ne!(first.is_ok(), other.is_ok());
    let found = licence(&test, 1).await;
    assert_eq!(found.row.rehosts, 1);
    assert_eq!(ops::licences::keys(&test.app, &by, 1).await.unwrap().len(), 2);
}

async fn a_refused_move_says_why(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    shop.device(&test, "t-1", "TRB140").await;
    shop.buy("a-1 z-1", &["1:"]).await;
    let long = "x".repeat(501);
    for (serial, reason, place, message) in [
        ("", "Broken", "serial", "Enter a serial number"),
        ("--", "Broken", "serial", "is no serial number"),
        ("A-1", "Broken", "serial", "for this device already"),
        ("t-1", "Broken", "serial", "does not suit the model TRB140"),
        ("z-1", "Broken", "serial", "already, without an end"),
        ("b-1", "  no ", "reason", "in 3 to 500 characters"),
        ("b-1", &long, "reason", "in 3 to 500 characters"),
    ] {
        let fields = [("key", "1"), ("serial", serial), ("reason", reason)];
        let page = shop.distributor.submit("/licences/1/rehost", "/licences/1/rehost", &fields).await;
        assert!(page.is(422).problem(place).contains(message), "{serial}: {}", page.problem(place));
    }
    for (key, serial) in [("1", "b-1"), ("3", "b-2"), ("4", "b-3")] {
        let fields = [("key", key), ("serial", serial), ("reason", "Broken")];
        shop.distributor.submit("/licences/1/rehost", "/licences/1/rehost", &fields).await.is(303);
    }
    for (id, key, message) in [("1", "5", "has moved 3 times"), ("2", "1", "since you opened this window")] {
        let (page, fields) =
            (format!("/licences/{id}/rehost"), [("key", key), ("serial", "c-1"), ("reason", "Broken")]);
        shop.distributor.submit(&page, &page, &fields).await.is(422).has(message);
    }
    shop.distributor.get("/licences/1").await.has("3 of 3 times").has_not("Move to another device");
}

async fn the_public_key_and_the_revoked_keys_are_public(test: TestApp) {
    let mut nobody = test.browser();
    let key = nobody.get("/licences/public-key").await;
    assert_eq!(key.is(200).headers[header::CACHE_CONTROL], "public, max-age=300");
    let public = scrip::keys::licence::PublicKeys::parse(&key.body).unwrap();
    assert_eq!(public, test.app.keys.licence_public_keys());
    let mut shop = Shop::open(&test).await;
    let order = shop.buy("a-1", &["1:", "2:"]).await;
    let by = who(&test.app, "distributor@test.example").await;
    let made = ops::licences::of_order(&test.app, &by, 1, 0, 10).await.unwrap();
    let mut numbers = Vec::new();
    for found in [None, Some(&made[0]), Some(&made[1])] {
        if let Some(l) = found {
            let wish = Rehost { licence_id: l.row.id, key_id: l.row.key_id, serial: "b-1", reason: "Moved house" };
            ops::licences::rehost(&test.app, &by, &format!("{order}{}", l.row.id), &wish).await.unwrap();
        }
        let list = nobody.get("/licences/revocations").await;
        assert_eq!(list.is(200).headers[header::CACHE_CONTROL], "public, max-age=300");
        let list = public.open_revocations(list.body.trim()).unwrap();
        numbers.push((list.list_number, list.key_ids().to_vec()));
    }
    assert_eq!(numbers, [(1, vec![]), (2, vec![1]), (3, vec![1, 2])]);
    // The key of a revoked licence that has also expired leaves the list, and the list's number stays.
    test.app.clock.advance_seconds(400 * 86_400);
    let list = nobody.get("/licences/revocations").await.body;
    let list = public.open_revocations(list.trim()).unwrap();
    assert_eq!((list.list_number, list.key_ids()), (3, &[1][..]));
}

async fn only_activated_companies_can_buy(test: TestApp) {
    let _shop = Shop::open(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let page = acme.get("/buy/licences").await;
    page.is(200).has("Acme is not activated for buying").has_not("<textarea");
    let form = acme.get("/account/profile").await.field("form");
    acme.upload("/buy/licences/choice", &[("form", &form), ("serials", "a-1")]).await.is(403);
    let fields = [("form", form.as_str()), ("serials", "a-1"), ("product", "2:")];
    acme.post("/buy/licences", &fields).await.is(403);
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get("/buy/licences").await.is(403);
}

async fn an_order_cannot_mix_currencies(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let page = shop.add("a-1", &[("product", "2:"), ("product", "3:")]).await;
    assert!(page.is(422).problem("product").contains("in EUR and cannot take something priced in USD"));
    let order = shop.add("a-1", &[("product", "2:")]).await.is(303).location().to_owned();
    let id = order.rsplit('/').next().unwrap();
    let page = shop.add("a-1", &[("product", "3:"), ("order", id)]).await;
    assert!(page.is(422).problem("product").contains("priced in USD"));
}

async fn too_many_licences_for_one_order_are_refused(test: TestApp) {
    let mut shop = Shop::open(&test).await;
    let serials: Vec<String> = (0..600).map(|n| format!("s{n}")).collect();
    let page = shop.add(&serials.join(" "), &[("product", "1:"), ("product", "2:"), ("confirmed", "1")]).await;
    assert!(page.is(422).problem("product").contains("at most 1,000 licences"));
    let order = shop.buy(&serials.join(" "), &["2:"]).await;
    shop.distributor.get(&order).await.has("s0").has("?after=50");
    shop.distributor.get(&format!("{order}?after=550")).await.has("s99").has_not("?after=600");
    let csv = shop.distributor.get(&format!("{order}/licences.csv")).await.body;
    assert_eq!(csv.lines().count(), 601);
}
