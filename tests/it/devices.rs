//! Devices: added, changed, removed, renewed, waiting, and what each person may see of them.

use std::collections::BTreeMap;

use crate::support::{NOON, TestApp, World, signed_in, who};
use scrip::app::App;
use scrip::jobs::renewals;
use scrip::model::device::DeviceState;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::ops::devices::changes::DeviceInput;
use scrip::ops::devices::set::DeviceRow;
use scrip::store::devices::{Device, DeviceFilter};

both!(
    a_device_added_with_a_service_uses_its_first_unit_at_once,
    a_device_needs_a_unique_serial_number_and_an_apartment_a_name,
    a_refused_device_keeps_the_form,
    a_service_is_set_for_many_devices_and_skips_unsuitable_ones,
    a_form_submitted_twice_adds_one_device_and_uses_one_unit,
    turning_off_refunds_nothing_and_turning_on_is_free_while_paid,
    a_removed_device_frees_its_serial_number_and_keeps_its_history,
    users_see_the_devices_of_their_own_tree,
    only_administrators_can_change_devices,
    a_company_with_devices_cannot_be_removed,
    the_list_can_be_filtered_sorted_and_paged,
    a_large_tree_gives_the_same_pages,
    renewals_use_one_unit_per_period,
    after_a_40_day_gap_each_device_is_paid_for_once,
    after_a_13_month_gap_unserved_time_is_not_charged,
    the_longest_waiting_device_is_served_first,
    redeeming_a_code_serves_waiting_devices,
    a_move_reports_how_many_waiting_devices_it_serves,
    the_nearest_company_above_pays_for_a_drawing_subsidiary,
    changes_in_the_tree_serve_waiting_devices,
    the_job_serves_devices_beyond_one_transactions_limit,
    concurrent_jobs_and_moves_pay_for_each_device_once,
    a_dead_holders_lease_is_taken_over,
    devices_and_monitored_devices_are_counted,
    a_subsidiary_does_not_see_which_person_or_company_above_paid,
);

const CREDIT: ResourceType = ResourceType::CREDIT;
const DAY: i64 = 86_400;

pub fn input(serial: &str, company_id: i64) -> DeviceInput {
    let service = Some(CREDIT);
    DeviceInput {
        serial: serial.into(),
        company_id,
        service,
        auto_extend: true,
        monitoring: true,
        ..DeviceInput::default()
    }
}

fn use_parent_credits(on: bool) -> ops::companies::changes::Change<'static> {
    ops::companies::changes::Change { use_parent_credits: Some(on), ..Default::default() }
}

fn key(test: &TestApp) -> String {
    scrip::web::form::new_nonce(&test.app)
}

/// Adds a device as the operator; returns its id.
pub async fn add(test: &TestApp, input: &DeviceInput) -> i64 {
    let operator = who(&test.app, "operator@test.example").await;
    let answer = ops::devices::changes::create(&test.app, &operator, &key(test), input).await.unwrap();
    answer.about.id
}

async fn device(test: &TestApp, id: i64) -> Device {
    let operator = who(&test.app, "operator@test.example").await;
    ops::devices::find(&test.app, &operator, id).await.unwrap()
}

async fn state(test: &TestApp, id: i64) -> DeviceState {
    device(test, id).await.state()
}

/// For how many days from the start of the test a device is paid.
async fn paid_days(test: &TestApp, id: i64) -> i64 {
    (device(test, id).await.paid_until.unwrap() - NOON.0) / (DAY * 1_000_000)
}

async fn renew_all(app: &App) {
    while renewals::run_batch(app, "test").await.unwrap() {}
}

async fn a_device_added_with_a_service_uses_its_first_unit_at_once(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let fields = [
        ("kind", "device"),
        ("serial", "SN 1"),
        ("name", "Gate"),
        ("service", "credit"),
        ("auto_extend", "1"),
        ("monitoring", "1"),
        ("company", &world.acme.to_string()),
    ];
    let answer = admin.submit("/devices/new", "/devices", &fields).await;
    admin
        .done(answer)
        .await
        .is(200)
        .has("Create operation completed successfully.")
        .has("1 unit was used.")
        .has("SN 1")
        .has("Gate")
        .has("Active")
        .has("21 Dec 2026, 12:00");
    assert_eq!(world.credit(&test, world.acme).await, 0);
    let fields = [fields.as_slice(), &[("serial", "SN 2")]].concat();
    let fields: Vec<_> = fields.into_iter().filter(|f| *f != ("serial", "SN 1")).collect();
    let answer = admin.submit("/devices/new", "/devices", &fields).await;
    admin.done(answer).await.has("It waits for units").has("Waiting").has("never paid");
    admin.get("/history").await.has("Used by a device").has("SN 1").has("Device added");
    test.verify().await;
}

async fn a_device_needs_a_unique_serial_number_and_an_apartment_a_name(test: TestApp) {
    let world = World::new(&test).await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let company = world.acme.to_string();
    let mut send = async |fields: &[(&str, &str)]| {
        let fields = [fields, &[("company", company.as_str())]].concat();
        admin.submit("/devices/new", "/devices", &fields).await
    };
    assert!(send(&[("serial", " ")]).await.is(422).problem("serial").contains("Enter the serial number"));
    send(&[("serial", "abc-1")]).await.is(303);
    assert!(send(&[("serial", " ABC-1 ")]).await.is(422).problem("serial").contains("already"));
    assert!(send(&[("kind", "apartment")]).await.is(422).problem("name").contains("Enter a name"));
    let flat = [("kind", "apartment"), ("name", "Flat 12")];
    send(&flat).await.is(303);
    send(&flat).await.is(303);
    let wrong = [("kind", "apartment"), ("name", "Flat 13"), ("service", "credit")];
    assert!(send(&wrong).await.is(422).problem("service").contains("apartment subscriptions"));
    assert!(send(&[("serial", "n"), ("service", "gold")]).await.is(422).problem("service").contains("no such service"));
    assert!(send(&[("serial", &"x".repeat(101))]).await.is(422).problem("serial").contains("100 characters"));
    test.verify().await;
}

async fn a_refused_device_keeps_the_form(test: TestApp) {
    let world = World::new(&test).await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let fields = [("name", "Gate 3"), ("model", "R1"), ("company", &world.other.to_string()), ("auto_extend", "0")];
    let page = admin.submit("/devices/new", "/devices", &fields).await;
    page.is(422).has("Nothing was changed").has("Gate 3").has("R1");
    assert!(page.problem("company").contains("no such company"));
    page.has("<option value=\"0\" selected>Off</option>");
}

async fn a_service_is_set_for_many_devices_and_skips_unsuitable_ones(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 5).await;
    let plain = |serial| DeviceInput { service: None, ..input(serial, world.acme) };
    let (one, two) = (add(&test, &plain("A")).await, add(&test, &plain("B")).await);
    let kind = scrip::model::device::DeviceKind::Apartment;
    let flat = add(&test, &DeviceInput { kind, name: "Flat".into(), service: None, ..input("", world.acme) }).await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let ids = [one.to_string(), two.to_string(), flat.to_string()];
    let page = format!("/devices/service?device={}&device={}&device={}", ids[0], ids[1], ids[2]);
    let fields = [("device", ids[0].as_str()), ("device", &ids[1]), ("device", &ids[2]), ("service", "credit")];
    let answer = admin.submit(&page, "/devices/service", &fields).await;
    admin.done(answer).await.has("2 devices changed. 2 units were used. 1 device left out");
    assert_eq!((state(&test, one).await, state(&test, flat).await), (DeviceState::Active, DeviceState::Off));
    let foreign = [("device", ids[0].as_str()), ("monitoring", "0")];
    let mut other = signed_in(&test, "other@test.example").await;
    let token = other.get("/devices/new").await.field("form");
    other.post("/devices/service", &[foreign.as_slice(), &[("form", &token)]].concat()).await.is(404);
    assert_eq!(state(&test, one).await, DeviceState::Active);
    admin.submit("/devices/new", "/devices/service", &[]).await.is(422).has("Choose at least one device.");
    test.verify().await;
}

async fn a_form_submitted_twice_adds_one_device_and_uses_one_unit(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let key = key(&test);
    let first = ops::devices::changes::create(&test.app, &operator, &key, &input("A", world.vendor)).await.unwrap();
    let again = ops::devices::changes::create(&test.app, &operator, &key, &input("A", world.vendor)).await.unwrap();
    assert_eq!((&first.event, again.replayed), (&again.event, true));
    assert_eq!(world.credit(&test, world.vendor).await, 999);
    assert!(ops::devices::changes::create(&test.app, &operator, &key, &input("B", world.vendor)).await.is_err());
    test.verify().await;
}

async fn turning_off_refunds_nothing_and_turning_on_is_free_while_paid(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&test, &input("A", world.vendor)).await;
    let operator = who(&test.app, "operator@test.example").await;
    let set = async |service, monitoring| {
        let rows = [DeviceRow { device_id: id, service, auto_extend: None, monitoring }];
        ops::devices::set::set_many(&test.app, &operator, &key(&test), &rows).await.unwrap();
        (state(&test, id).await, world.credit(&test, world.vendor).await)
    };
    assert_eq!(set(Some(None), None).await, (DeviceState::Off, 999));
    assert_eq!(set(Some(Some(CREDIT)), Some(false)).await, (DeviceState::Off, 999));
    test.app.clock.advance_seconds(29 * DAY);
    assert_eq!(set(None, Some(true)).await, (DeviceState::Active, 999));
    assert_eq!(set(None, Some(false)).await, (DeviceState::Off, 999));
    test.app.clock.advance_seconds(2 * DAY);
    renew_all(&test.app).await;
    assert_eq!(set(None, Some(true)).await, (DeviceState::Active, 998));
    assert_eq!(paid_days(&test, id).await, 61);
    test.verify().await;
}

async fn a_removed_device_frees_its_serial_number_and_keeps_its_history(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&test, &input("A", world.acme)).await;
    let kept = add(&test, &input("B", world.vendor)).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let page = format!("/devices/removal?device={id}&device={kept}");
    let (one, two) = (id.to_string(), kept.to_string());
    let answer = operator.submit(&page, "/devices/removal", &[("device", &one), ("device", &two)]).await;
    operator.done(answer).await.has("2 devices removed.").has("No devices yet");
    operator.get(&format!("/devices/{id}")).await.is(404);
    add(&test, &input("a", world.acme)).await;
    operator.get("/history").await.has("Device removed").has("Used by a device");
    test.app.clock.advance_seconds(40 * DAY);
    renew_all(&test.app).await;
    assert_eq!(world.credit(&test, world.vendor).await, 999);
    test.verify().await;
}

async fn users_see_the_devices_of_their_own_tree(test: TestApp) {
    let world = World::new(&test).await;
    let north = add(&test, &input("NORTH-1", world.acme_north)).await;
    let other = add(&test, &input("OTHER-1", world.other)).await;
    for (email, sees_north, sees_other) in [
        ("operator@test.example", true, true),
        ("auditor@test.example", true, true),
        ("distributor@test.example", true, false),
        ("north@test.example", true, false),
        ("customer@test.example", false, true),
    ] {
        let mut browser = signed_in(&test, email).await;
        let list = browser.get("/devices").await;
        assert_eq!(list.is(200).body.contains("NORTH-1"), sees_north, "{email}");
        assert_eq!(list.body.contains("OTHER-1"), sees_other, "{email}");
        for (id, sees) in [(north, sees_north), (other, sees_other)] {
            let status = if sees { 200 } else { 404 };
            browser.get(&format!("/devices/{id}")).await.is(status);
        }
    }
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get(&format!("/companies/{}/devices", world.acme_north)).await.is(200).has("NORTH-1");
    acme.get(&format!("/companies/{}/devices", world.other)).await.is(404);
}

async fn only_administrators_can_change_devices(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&test, &input("A", world.other)).await;
    for email in ["auditor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        browser.get("/devices").await.has_not("Add device").has_not("Set service");
        browser.get(&format!("/devices/{id}")).await.has_not("Edit");
        for page in ["/devices/new", "/devices/service", "/devices/removal", &format!("/devices/{id}/facts")] {
            browser.get(page).await.is(403);
        }
        let token = browser.get("/account/profile").await.field("form");
        let (form, one) = (("form", token.as_str()), id.to_string());
        for (path, field) in [
            ("/devices", ("serial", "X")),
            ("/devices/service", ("device", one.as_str())),
            ("/devices/removal", ("device", &one)),
            (&format!("/devices/{id}/facts"), ("serial", "X")),
        ] {
            browser.post(path, &[form, field]).await.is(403);
        }
    }
    assert_eq!(device(&test, id).await.label(), "A");
}

async fn a_company_with_devices_cannot_be_removed(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let company = "Empty";
    ops::companies::changes::create(&test.app, &operator, &key(&test), company, world.vendor).await.unwrap();
    let mut tx = test.app.db.read().await.unwrap();
    let id = scrip::store::companies::named(&mut tx, &operator.company_path, company, 1).await.unwrap()[0].id;
    drop(tx);
    let plain = DeviceInput { service: None, ..input("A", id) };
    let device_id = add(&test, &plain).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let text = id.to_string();
    let page = format!("/companies/removal?company={id}");
    browser.submit(&page, "/companies/removal", &[("company", &text)]).await.is(422).has("Empty has 1 device");
    browser.get(&format!("/devices/{device_id}")).await.is(200);
    let edited = [("serial", "A2"), ("company", &*world.vendor.to_string())];
    let path = format!("/devices/{device_id}/facts");
    let answer = browser.submit(&path, &path, &edited).await;
    browser.done(answer).await.has("A2 was saved.").has("Vendor");
    browser.submit(&page, "/companies/removal", &[("company", &text)]).await.is(303);
    test.verify().await;
}

async fn add_many(test: &TestApp, company: i64, count: usize) {
    for n in 0..count {
        let service = (n % 3 == 0).then_some(CREDIT);
        add(
            test,
            &DeviceInput {
                service,
                name: format!("Name {n:03}"),
                ..input(&format!("SN{:03}", 997 * n % 1000), company)
            },
        )
        .await;
    }
}

async fn pages(test: &TestApp, email: &str, filter: DeviceFilter) -> Vec<String> {
    let actor = who(&test.app, email).await;
    let (mut labels, mut filter) = (Vec::new(), filter);
    loop {
        let page = ops::devices::list(&test.app, &actor, &filter).await.unwrap();
        labels.extend(page.iter().map(|d| d.label().to_owned()));
        if page.len() < filter.limit as usize {
            return labels;
        }
        let last = page.last().unwrap();
        let key = match filter.sort {
            scrip::store::devices::DeviceSort::Label => last.label().to_lowercase(),
            scrip::store::devices::DeviceSort::Id => last.id.to_string(),
        };
        filter.after = Some((key, last.id));
    }
}

async fn check_pages(test: &TestApp, email: &str) {
    use scrip::store::devices::DeviceSort;
    let actor = who(&test.app, email).await;
    for (sort, descending) in
        [(DeviceSort::Label, false), (DeviceSort::Label, true), (DeviceSort::Id, false), (DeviceSort::Id, true)]
    {
        let filter = DeviceFilter { sort, descending, limit: 7, ..DeviceFilter::default() };
        let labels = pages(test, email, filter.clone()).await;
        assert_eq!(labels.len(), 24, "{sort:?} {descending}");
        let mut sorted = labels.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 24);
        if sort == DeviceSort::Label {
            if descending {
                sorted.reverse()
            }
            assert_eq!(labels, sorted);
        }
        let offset = DeviceFilter { offset: 10, ..filter };
        let page = ops::devices::list(&test.app, &actor, &offset).await.unwrap();
        assert_eq!(page.iter().map(|d| d.label()).collect::<Vec<_>>(), labels[10..17]);
    }
    let active = DeviceFilter { state: Some(DeviceState::Active), limit: 5, ..DeviceFilter::default() };
    assert_eq!(pages(test, email, active.clone()).await.len(), 8);
    assert_eq!(ops::devices::count(&test.app, &actor, &active).await.unwrap(), 8);
    let named = DeviceFilter { text: "NAME 00".into(), service: Some(CREDIT), limit: 50, ..DeviceFilter::default() };
    assert_eq!(pages(test, email, named.clone()).await.len(), 4);
    assert_eq!(ops::devices::count(&test.app, &actor, &named).await.unwrap(), 4);
}

async fn the_list_can_be_filtered_sorted_and_paged(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    add_many(&test, world.acme, 24).await;
    add(&test, &input("FOREIGN", world.other)).await;
    check_pages(&test, "acme@test.example").await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/devices?state=active&service=credit&q=name").await.has("SN000").has_not("SN997");
    acme.get("/devices?q=%25").await.has("No device fits these filters");
    acme.get("/devices?after=x.y&state=nonsense").await.is(200).has("SN997");
}

async fn a_large_tree_gives_the_same_pages(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    add_many(&test, world.acme, 24).await;
    add(&test, &input("FOREIGN", world.other)).await;
    let acme = who(&test.app, "acme@test.example").await;
    for n in 0..51 {
        ops::companies::changes::create(&test.app, &acme, &key(&test), &format!("Sub {n}"), world.acme).await.unwrap();
    }
    check_pages(&test, "acme@test.example").await;
}

async fn renewals_use_one_unit_per_period(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&test, &input("A", world.vendor)).await;
    let manual = add(&test, &DeviceInput { auto_extend: false, ..input("B", world.vendor) }).await;
    assert_eq!(state(&test, manual).await, DeviceState::Expired);
    renew_all(&test.app).await;
    assert_eq!(world.credit(&test, world.vendor).await, 999);
    for month in 2..=5 {
        // Periods stay aligned even though the job runs a little late.
        test.app.clock.advance_seconds(30 * DAY + if month == 2 { 100 } else { 0 });
        renew_all(&test.app).await;
        assert_eq!(paid_days(&test, id).await, 30 * month);
        assert_eq!(world.credit(&test, world.vendor).await, 1_000 - month);
    }
    test.verify().await;
}

async fn after_a_40_day_gap_each_device_is_paid_for_once(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 3).await;
    let ids = [add(&test, &input("A", world.acme)).await, add(&test, &input("B", world.acme)).await];
    test.app.clock.advance_seconds(40 * DAY);
    renew_all(&test.app).await;
    assert_eq!((paid_days(&test, ids[0]).await, state(&test, ids[1]).await), (70, DeviceState::Waiting));
    assert_eq!(world.credit(&test, world.acme).await, 0);
    world.give(&test, world.acme, 2).await;
    assert_eq!(paid_days(&test, ids[1]).await, 70);
    assert_eq!(world.credit(&test, world.acme).await, 1);
    test.verify().await;
}

async fn after_a_13_month_gap_unserved_time_is_not_charged(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&test, &input("A", world.vendor)).await;
    test.app.clock.advance_seconds(396 * DAY);
    renew_all(&test.app).await;
    assert_eq!(world.credit(&test, world.vendor).await, 998);
    assert_eq!(paid_days(&test, id).await, 426);
    // Set the clock back: paid time stays paid, and the lease does not block the job.
    test.app.clock.advance_seconds(-396 * DAY);
    renew_all(&test.app).await;
    add(&test, &input("B", world.vendor)).await;
    test.app.clock.advance_seconds(31 * DAY);
    assert!(renewals::run_batch(&test.app, "another").await.unwrap());
    assert_eq!(world.credit(&test, world.vendor).await, 996);
    test.verify().await;
}

async fn the_longest_waiting_device_is_served_first(test: TestApp) {
    let world = World::new(&test).await;
    let mut ids = Vec::new();
    for serial in ["C", "B", "A"] {
        ids.push(add(&test, &input(serial, world.acme)).await);
        test.app.clock.advance_seconds(60);
    }
    world.give(&test, world.acme, 1).await;
    let states = [state(&test, ids[0]).await, state(&test, ids[1]).await, state(&test, ids[2]).await];
    assert_eq!(states, [DeviceState::Active, DeviceState::Waiting, DeviceState::Waiting]);
    world.give(&test, world.acme, 7).await;
    assert_eq!(world.credit(&test, world.acme).await, 5);
    assert_eq!(state(&test, ids[2]).await, DeviceState::Active);
    test.verify().await;
}

async fn redeeming_a_code_serves_waiting_devices(test: TestApp) {
    let world = World::new(&test).await;
    for serial in ["A", "B"] {
        add(&test, &input(serial, world.other)).await;
    }
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer
        .submit("/redeem", "/redeem", &[("code", &code), ("check", "1")])
        .await
        .has("2 waiting devices will be extended at once, which leaves 3.");
    let answer = customer.submit("/redeem", "/redeem", &[("code", &code)]).await;
    let location = answer.location().to_owned();
    customer
        .done(answer)
        .await
        .has("5 Credit added to Other. The balance is now 3. 2 waiting devices were extended at once.");
    customer.get(&location).await.has("The balance is now 3.");
    assert_eq!(world.credit(&test, world.other).await, 3);
    test.verify().await;
}

async fn a_move_reports_how_many_waiting_devices_it_serves(test: TestApp) {
    let world = World::new(&test).await;
    for serial in ["A", "B", "C"] {
        add(&test, &input(serial, world.other)).await;
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    let (from, to) = (world.vendor.to_string(), world.other.to_string());
    let preview = |amount| format!("/moves/preview?type=credit&from={from}&to={to}&amount={amount}");
    operator.get(&preview(2)).await.has("2 waiting devices will be extended at once.");
    operator.get(&preview(9)).await.has("3 waiting devices will be extended at once.");
    let fields = [("type", "credit"), ("from", from.as_str()), ("to", &to), ("amount", "2")];
    let answer = operator.submit("/moves/new", "/moves", &fields).await;
    operator.done(answer).await.has("2 Credit moved from Vendor to Other. 2 waiting devices were extended at once.");
    operator.get(&preview(9)).await.has("1 waiting device will be extended at once.");
    test.verify().await;
}

async fn the_nearest_company_above_pays_for_a_drawing_subsidiary(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    for id in [world.acme_north, world.acme] {
        ops::companies::changes::change(&test.app, &operator, &key(&test), id, use_parent_credits(true)).await.unwrap();
    }
    let first = add(&test, &input("A", world.acme_north)).await;
    assert_eq!(state(&test, first).await, DeviceState::Waiting);
    // Vendor has plenty of units, but Distributor does not use its parent's credits.
    world.give(&test, world.distributor, 2).await;
    assert_eq!(state(&test, first).await, DeviceState::Active);
    world.give(&test, world.acme, 1).await;
    add(&test, &input("B", world.acme_north)).await;
    add(&test, &input("C", world.acme_north)).await;
    assert_eq!((world.credit(&test, world.acme).await, world.credit(&test, world.distributor).await), (0, 0));
    test.verify().await;
}

async fn changes_in_the_tree_serve_waiting_devices(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let one = add(&test, &input("A", world.acme)).await;
    let two = add(&test, &input("B", world.acme_north)).await;
    world.give(&test, world.distributor, 1).await;
    let switch = async |id, on| {
        ops::companies::changes::change(&test.app, &operator, &key(&test), id, use_parent_credits(on)).await.unwrap();
        test.verify().await;
        renew_all(&test.app).await;
        test.verify().await;
    };
    switch(world.acme_north, true).await;
    assert_eq!(state(&test, one).await, DeviceState::Waiting);
    switch(world.acme, true).await;
    assert_eq!((state(&test, one).await, state(&test, two).await), (DeviceState::Active, DeviceState::Waiting));
    switch(world.acme, false).await;
    switch(world.acme, true).await;
    ops::companies::changes::put_under(&test.app, &operator, &key(&test), world.acme, world.vendor).await.unwrap();
    test.verify().await;
    renew_all(&test.app).await;
    assert_eq!(state(&test, two).await, DeviceState::Active);
    assert_eq!(world.credit(&test, world.vendor).await, 998);
    test.verify().await;
}

async fn concurrent_jobs_and_moves_pay_for_each_device_once(test: TestApp) {
    let world = World::new(&test).await;
    let mut ids = Vec::new();
    for n in 0..30 {
        ids.push(add(&test, &input(&format!("W{n}"), world.acme)).await);
        ids.push(add(&test, &input(&format!("D{n}"), world.vendor)).await);
    }
    test.app.clock.advance_seconds(31 * DAY);
    let mut tasks = Vec::new();
    for n in 0..4 {
        let app = test.app.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let _ = renewals::run_batch(&app, &format!("holder {}", n % 2)).await;
            }
        }));
    }
    let operator = who(&test.app, "operator@test.example").await;
    for n in 0..10 {
        let (app, operator, key) = (test.app.clone(), operator.clone(), format!("many {n}"));
        let (from, to) = (world.vendor, world.acme);
        tasks.push(tokio::spawn(async move {
            ops::resources::move_units(&app, &operator, &key, CREDIT, from, to, 3).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    test.app.clock.advance_seconds(renewals::LEASE_SECONDS);
    renew_all(&test.app).await;
    assert_eq!(world.credit(&test, world.acme).await, 0);
    assert_eq!(world.credit(&test, world.vendor).await, 1_000 - 30 - 30 - 30);
    let mut uses = BTreeMap::new();
    let filter = scrip::store::history::HistoryFilter { limit: 10, ..Default::default() };
    for id in ids {
        let used = ops::devices::history(&test.app, &operator, id, &filter).await.unwrap().len();
        *uses.entry((device(&test, id).await.company_id, used)).or_insert(0) += 1;
    }
    assert_eq!(uses, BTreeMap::from([((world.acme, 1), 30), ((world.vendor, 2), 30)]));
    test.verify().await;
}

async fn a_dead_holders_lease_is_taken_over(test: TestApp) {
    let world = World::new(&test).await;
    let take = async |holder: &str| {
        let mut tx = test.app.db.write().await.unwrap();
        let now = test.app.clock.now();
        let taken =
            scrip::store::leases::take(&mut tx, "renewals", holder, now, renewals::LEASE_SECONDS).await.unwrap();
        tx.commit().await.unwrap();
        taken
    };
    add(&test, &input("A", world.vendor)).await;
    test.app.clock.advance_seconds(31 * DAY);
    assert!(take("one").await && take("one").await && !take("two").await);
    assert!(!renewals::run_batch(&test.app, "two").await.unwrap());
    assert_eq!(world.credit(&test, world.vendor).await, 999);
    test.app.clock.advance_seconds(renewals::LEASE_SECONDS);
    assert!(renewals::run_batch(&test.app, "two").await.unwrap());
    assert_eq!(world.credit(&test, world.vendor).await, 998);
    assert!(!take("one").await);
    test.app.clock.advance_seconds(-DAY);
    assert!(take("one").await, "a clock set back does not keep the lease for ever");
}

async fn a_subsidiary_does_not_see_which_person_or_company_above_paid(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    ops::companies::changes::change(&test.app, &operator, &key(&test), world.other, use_parent_credits(true))
        .await
        .unwrap();
    let id = add(&test, &input("A", world.other)).await;
    let path = format!("/devices/{id}");
    signed_in(&test, "customer@test.example")
        .await
        .get(&path)
        .await
        .has("Parent company")
        .has_not("operator@test.example");
    signed_in(&test, "operator@test.example").await.get(&path).await.has("<td data-label=\"Paid by\">Vendor</td>");
}

async fn devices_and_monitored_devices_are_counted(test: TestApp) {
    let world = World::new(&test).await;
    let ids = [add(&test, &input("A", world.acme)).await, add(&test, &input("B", world.acme_north)).await];
    add(&test, &input("C", world.other)).await;
    let acme = who(&test.app, "acme@test.example").await;
    assert_eq!(ops::devices::owned(&test.app, &acme, None).await.unwrap(), (2, 2));
    let off = |device_id| DeviceRow { device_id, service: None, auto_extend: None, monitoring: Some(false) };
    let rows = [off(ids[0]), off(ids[1])];
    ops::devices::set::set_many(&test.app, &acme, &key(&test), &rows).await.unwrap();
    assert_eq!(ops::devices::owned(&test.app, &acme, None).await.unwrap(), (2, 0));
    ops::devices::changes::remove(&test.app, &acme, &key(&test), &ids[..1]).await.unwrap();
    assert_eq!(ops::devices::owned(&test.app, &acme, Some(world.acme)).await.unwrap(), (0, 0));
    assert!(ops::devices::owned(&test.app, &acme, Some(world.other)).await.is_err());
    test.verify().await;
}

async fn the_job_serves_devices_beyond_one_transactions_limit(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let rows: String = (0..1_100).map(|n| format!("SN{n},credit\n")).collect();
    let form = acme.get("/devices/imports/new").await.field("form");
    let fields = [("form", form.as_str()), ("company", "Acme"), ("file", &format!("serial,service\n{rows}"))];
    acme.upload("/devices/imports", &fields).await.is(303);
    acme.submit("/devices/imports/1", "/devices/imports/1/run", &[]).await.is(303);
    while scrip::jobs::run_next(&test.app).await {}
    let operator = who(&test.app, "operator@test.example").await;
    ops::resources::issue(&test.app, &operator, "more", CREDIT, 1_000, "").await.unwrap();
    world.give(&test, world.acme, 1_090).await;
    assert_eq!(world.credit(&test, world.acme).await, 90);
    let waiting = DeviceFilter { state: Some(DeviceState::Waiting), ..DeviceFilter::default() };
    assert_eq!(ops::devices::count(&test.app, &operator, &waiting).await.unwrap(), 100);
    test.verify().await;
    renew_all(&test.app).await;
    assert_eq!(world.credit(&test, world.acme).await, 0);
    assert_eq!(ops::devices::count(&test.app, &operator, &waiting).await.unwrap(), 10);
    test.verify().await;
}
