//! A clock that leaps ahead spends nothing until a person confirms it; a clock that is set back locks nobody out.

use crate::support::shop::{Shop, balance};
use crate::support::{Backend, Browser, NOON, PASSWORD, TestApp, World, set_up, signed_in, who};
use scrip::app::App;
use scrip::clock::Clock;
use scrip::config::Given;
use scrip::jobs::{cleanup, expiry, renewals};
use scrip::mail;
use scrip::model::clock::Verdict;
use scrip::model::job::Lane;
use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use scrip::model::time::Moment;
use scrip::ops;
use scrip::ops::devices::changes::DeviceInput;
use scrip::rng::Rng;
use scrip::store;

both!(
    a_clock_leap_spends_nothing_until_the_operator_accepts_it,
    a_corrected_clock_needs_no_acceptance,
    passing_time_is_no_leap_even_if_nothing_recorded_it,
    a_starting_portal_may_have_been_off_for_32_days,
    only_the_operator_accepts_the_time_and_only_as_displayed,
    accepting_on_the_console_resumes_a_running_portal,
    authenticator_codes_work_after_the_clock_is_set_back,
    setting_the_clock_back_delays_no_sign_in_and_no_mail,
);

const DAY: i64 = 86_400;
const YEARS: i64 = 3 * 366 * DAY;
const YEAR: ResourceType = ResourceType::DEVICE_YEAR;

/// A device whose renewal is due in a month, and an order of two vouchers that expire in three years.
async fn shop_with_timed_spending(test: &TestApp) -> Shop {
    let shop = Shop::open(test).await;
    shop.paid(test, "2").await;
    let operator = who(&test.app, "operator@test.example").await;
    let key = scrip::web::form::new_nonce(&test.app);
    let device = DeviceInput {
        serial: "A".into(),
        company_id: shop.world.vendor,
        service: Some(ResourceType::CREDIT),
        auto_extend: true,
        monitoring: true,
        ..DeviceInput::default()
    };
    ops::devices::changes::create(&test.app, &operator, &key, &device).await.unwrap();
    shop
}

/// Runs the timed jobs; returns the units spent on devices and the units of expired vouchers.
async fn spent(test: &TestApp, shop: &Shop) -> (i64, i64) {
    renewals::run_batch(&test.app, "job").await.unwrap();
    expiry::run(&test.app).await;
    (
        balance(test, shop.world.vendor, ResourceType::CREDIT, Kind::Spent).await,
        balance(test, shop.world.distributor, YEAR, Kind::Expired).await,
    )
}

async fn ready(app: &App) -> String {
    Browser::new(scrip::web::router::router(app.clone())).get("/readyz").await.is(200).body.clone()
}

async fn a_clock_leap_spends_nothing_until_the_operator_accepts_it(test: TestApp) {
    let shop = shop_with_timed_spending(&test).await;
    assert_eq!(spent(&test, &shop).await, (1, 0));
    test.app.clock.leap_seconds(YEARS);
    assert_eq!(spent(&test, &shop).await, (1, 0));
    // Writes in the meantime do not make the new time trusted.
    let mut operator = signed_in(&test, "operator@test.example").await;
    ops::clock::keep_up(&test.app).await.unwrap();
    assert_eq!(spent(&test, &shop).await, (1, 0));
    assert!(ready(&test.app).await.contains("3 years ahead of the time this portal last accepted. Renewals"));
    operator.get("/").await.has("Renewals and expiry wait.").has("/operator/clock");
    signed_in(&test, "acme@test.example").await.get("/").await.has_not("The clock is");
    let page = operator.get("/operator/clock").await;
    let (form, seen) = (page.field("form"), page.field("seen"));
    let answer = operator.post("/operator/clock", &[("form", &form), ("seen", &seen)]).await;
    operator.done(answer).await.has("The time was accepted.").has_not("The clock is 3 years");
    assert_eq!(spent(&test, &shop).await, (2, 10));
    operator.get("/history").await.has("Clock accepted");
    assert_eq!(ready(&test.app).await, "ready\n");
    test.verify().await;
}

async fn a_corrected_clock_needs_no_acceptance(test: TestApp) {
    let shop = shop_with_timed_spending(&test).await;
    test.app.clock.leap_seconds(YEARS);
    assert_eq!(spent(&test, &shop).await, (1, 0));
    // A restart does not accept the new time.
    let restarted = test.another().await;
    assert!(restarted.clock_watch.verdict().waits());
    test.app.clock.leap_seconds(-YEARS);
    test.app.clock.advance_seconds(31 * DAY);
    assert_eq!(spent(&test, &shop).await, (2, 0));
    ops::clock::keep_up(&test.app).await.unwrap();
    ops::clock::keep_up(&restarted).await.unwrap();
    assert_eq!(restarted.clock_watch.verdict(), Verdict::Trusted);
}

async fn passing_time_is_no_leap_even_if_nothing_recorded_it(test: TestApp) {
    let shop = shop_with_timed_spending(&test).await;
    // As if the database had been unreachable for years, or the machine asleep.
    test.app.clock.advance_seconds(YEARS);
    assert_eq!(spent(&test, &shop).await, (2, 10));
    assert_eq!(ready(&test.app).await, "ready\n");
    // A botched switch to summer time puts a clock an hour ahead: that needs no confirmation.
    test.app.clock.leap_seconds(3_600);
    assert!(ops::clock::trusted_now(&test.app).await.unwrap().is_some());
    test.app.clock.leap_seconds(3_601);
    assert_eq!(ops::clock::trusted_now(&test.app).await.unwrap(), None);
}

async fn accept(test: &TestApp, at: Moment) {
    let mut tx = test.app.db.write().await.unwrap();
    store::settings::accept_time(&mut tx, at).await.unwrap();
    tx.commit().await.unwrap();
}

/// Whether a process that starts at this time trusts its clock.
async fn trusts(test: &TestApp, at: Moment) -> bool {
    let config = (*test.app.config).clone();
    let app = App::start(config, Clock::fixed(at), Rng::System).await.unwrap().0;
    ops::clock::trusted_now(&app).await.unwrap().is_some()
}

async fn a_starting_portal_may_have_been_off_for_32_days(test: TestApp) {
    // The database server's real clock is later than all these times.
    let last = NOON.plus_seconds(-YEARS);
    accept(&test, last).await;
    assert!(trusts(&test, last.plus_seconds(32 * DAY)).await);
    assert!(!trusts(&test, last.plus_seconds(32 * DAY + 1)).await);
    assert!(trusts(&test, last.plus_seconds(-YEARS)).await);
    if test.backend == Backend::Postgres {
        let mut tx = test.app.db.read().await.unwrap();
        let now = store::settings::database_time(&mut tx).await.unwrap().unwrap();
        drop(tx);
        accept(&test, now.plus_seconds(-DAY)).await;
        assert!(trusts(&test, now.plus_seconds(60)).await);
        assert!(!trusts(&test, now.plus_seconds(2 * 3_600)).await, "the database's clock does not agree");
    }
    let given = Given { clock_off_days: Some(100), ..Given::default() };
    let patient = TestApp::start_with(test.backend, given).await.unwrap();
    accept(&patient, last).await;
    assert!(trusts(&patient, last.plus_seconds(99 * DAY)).await);
}

async fn only_the_operator_accepts_the_time_and_only_as_displayed(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/operator/clock").await.is(403);
    let token = acme.get("/account/profile").await.field("form");
    acme.post("/operator/clock", &[("form", &token), ("seen", "0")]).await.is(403);
    test.app.clock.leap_seconds(DAY);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let page = operator.get("/operator/clock").await;
    let (form, seen) = (page.field("form"), page.field("seen"));
    // The clock leaps again before the button is pressed.
    test.app.clock.leap_seconds(DAY);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let form_now = operator.get("/operator/clock").await.field("form");
    let refused = operator.post("/operator/clock", &[("form", &form_now), ("seen", &seen)]).await;
    refused.is(422).has("The clock has moved on");
    operator.post("/operator/clock", &[("form", &form_now), ("seen", "soon")]).await.is(422);
    assert!(ops::clock::trusted_now(&test.app).await.unwrap().is_none());
    // Accepting a time is a guarded act: later it asks for the password again.
    test.app.clock.advance_seconds(600);
    let late = operator.post("/operator/clock", &[("form", &form), ("seen", &seen)]).await;
    assert!(late.is(303).location().starts_with("/confirm"));
}

async fn accepting_on_the_console_resumes_a_running_portal(test: TestApp) {
    let shop = shop_with_timed_spending(&test).await;
    test.app.clock.leap_seconds(31 * DAY);
    assert_eq!(spent(&test, &shop).await, (1, 0));
    ops::clock::accept_on_console(&test.another().await).await.unwrap();
    assert_eq!(spent(&test, &shop).await, (2, 0));
    // A time that was accepted by mistake is corrected the same way.
    test.app.clock.leap_seconds(-31 * DAY);
    ops::clock::keep_up(&test.app).await.unwrap();
    assert!(ready(&test.app).await.contains("31 days behind"));
    ops::clock::accept_on_console(&test.app).await.unwrap();
    assert_eq!(ready(&test.app).await, "ready\n");
}

async fn authenticator_codes_work_after_the_clock_is_set_back(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let (secret, _) = set_up(&test, &mut acme, PASSWORD).await;
    let sign_in = async |seconds| {
        test.app.clock.leap_seconds(seconds);
        let mut browser = test.browser();
        browser.post("/sign-in", &[("email", "acme@test.example"), ("password", PASSWORD)]).await.is(303);
        let code = secret.code_at(test.app.clock.now());
        browser.post("/sign-in/code", &[("code", &*code)]).await.status
    };
    assert_eq!(sign_in(YEARS).await, 303);
    assert_eq!(sign_in(-YEARS).await, 303);
    // The same code a moment later is refused: a code works once, whatever the clock does.
    assert_eq!(sign_in(-30).await, 422);
}

async fn setting_the_clock_back_delays_no_sign_in_and_no_mail(test: TestApp) {
    World::new(&test).await;
    test.app.clock.leap_seconds(YEARS);
    for _ in 0..8 {
        test.browser().post("/sign-in", &[("email", "acme@test.example"), ("password", "wrong")]).await;
    }
    let mut tx = test.app.db.write().await.unwrap();
    let letter = mail::Mail { to: "a@test.example".into(), subject: "S".into(), text: "T".into() };
    store::jobs::add(&mut tx, &mail::job(&letter, &test.app.keys, &test.app.rng), test.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    test.app.clock.leap_seconds(-YEARS);
    signed_in(&test, "acme@test.example").await.get("/").await.is(200);
    cleanup::run(&test.app).await;
    let mut tx = test.app.db.write().await.unwrap();
    let job = store::jobs::take(&mut tx, Lane::Mail, test.app.clock.now()).await.unwrap();
    assert!(job.is_some(), "the mail is due by the clock that was set back");
}
