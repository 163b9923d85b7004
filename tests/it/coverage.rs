//! Coverage: the day on which a pool runs out, and that the forecast comes true.

use crate::support::{TestApp, World, signed_in, who};
use scrip::jobs::renewals;
use scrip::model::device::DeviceState;
use scrip::model::resources::ResourceType;
use scrip::model::time::Moment;
use scrip::ops;
use scrip::ops::devices::changes::DeviceInput;
use scrip::ops::devices::set::DeviceRow;
use scrip::store::devices::DeviceFilter;

both!(
    a_device_starts_waiting_on_the_forecast_day,
    the_day_is_shown_beside_balances,
    an_unused_pool_has_no_day,
    only_auto_renewing_devices_count,
    a_pool_with_waiting_devices_is_used_up,
    coverage_is_hidden_from_other_trees,
);

const CREDIT: ResourceType = ResourceType::CREDIT;
const DAY: i64 = 86_400;

async fn add(test: &TestApp, serial: &str, company_id: i64) -> i64 {
    let operator = who(&test.app, "operator@test.example").await;
    let input = DeviceInput {
        serial: serial.into(),
        company_id,
        service: Some(CREDIT),
        auto_extend: true,
        monitoring: true,
        ..DeviceInput::default()
    };
    let answer = ops::devices::changes::create(&test.app, &operator, &format!("add {serial}"), &input).await.unwrap();
    answer.about.id
}

async fn until(test: &TestApp, company_id: i64) -> Option<Moment> {
    let operator = who(&test.app, "operator@test.example").await;
    ops::coverage::of_pool(&test.app, &operator, company_id, CREDIT).await.unwrap().map(|c| c.until)
}

async fn waiting(test: &TestApp) -> usize {
    let operator = who(&test.app, "operator@test.example").await;
    let filter = DeviceFilter { state: Some(DeviceState::Waiting), limit: 99, ..DeviceFilter::default() };
    ops::devices::list(&test.app, &operator, &filter).await.unwrap().len()
}

async fn a_device_starts_waiting_on_the_forecast_day(test: TestApp) {
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    for id in [world.acme, world.acme_north] {
        let change = ops::companies::changes::Change { use_parent_credits: Some(true), ..Default::default() };
        ops::companies::changes::change(&test.app, &operator, &format!("switch {id}"), id, change).await.unwrap();
    }
    for (company, amount) in [(world.distributor, 17), (world.acme, 5), (world.acme_north, 3)] {
        world.give(&test, company, amount).await;
    }
    for (n, company) in [world.distributor, world.acme, world.acme_north, world.acme_north].into_iter().enumerate() {
        add(&test, &format!("SN{n}"), company).await;
        test.app.clock.advance_seconds(3 * DAY);
    }
    let forecast = until(&test, world.distributor).await.unwrap();
    assert!(forecast > test.app.clock.now().plus_seconds(100 * DAY));
    while waiting(&test).await == 0 {
        assert_eq!(until(&test, world.distributor).await, Some(forecast), "as time goes by, the day stays");
        test.app.clock.advance_seconds(DAY);
        while renewals::run_batch(&test.app, "test").await.unwrap() {}
        test.verify().await;
    }
    assert_eq!(test.app.clock.now().day(), forecast.day());
    assert_eq!(until(&test, world.distributor).await, Some(forecast), "it is used up today");
}

async fn the_day_is_shown_beside_balances(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 5).await;
    add(&test, "A", world.acme).await;
    // Paid until 21 December, then four more periods of 30 days.
    let day = "until 20 Apr 2027";
    let mut acme = signed_in(&test, "acme@test.example").await;
    let company = format!("/companies/{}", world.acme);
    for page in ["/", "/summary", "/resources", &company, &format!("{company}/resources")] {
        acme.get(page).await.is(200).has(day);
    }
    for page in ["/", "/summary", &company] {
        acme.get(page).await.has("Credit running down").has("Credit running down, lasts until 20 Apr 2027");
    }
    let mut north = signed_in(&test, "north@test.example").await;
    north.get("/").await.is(200).has_not("running down");
    assert_eq!(until(&test, world.acme).await.unwrap().exact(), "2027-04-20 00:00:00 UTC");
}

async fn an_unused_pool_has_no_day(test: TestApp) {
    let world = World::new(&test).await;
    assert_eq!(until(&test, world.vendor).await, None);
    // A subsidiary that does not use its parent's credits does not count for the parent.
    add(&test, "A", world.other).await;
    assert_eq!(until(&test, world.vendor).await, None);
    signed_in(&test, "operator@test.example").await.get("/resources").await.has("no devices");
}

async fn only_auto_renewing_devices_count(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&test, "A", world.vendor).await;
    let operator = who(&test.app, "operator@test.example").await;
    assert!(until(&test, world.vendor).await.is_some());
    for (n, row) in [
        DeviceRow { device_id: id, service: None, auto_extend: Some(false), monitoring: None },
        DeviceRow { device_id: id, service: None, auto_extend: Some(true), monitoring: Some(false) },
        DeviceRow { device_id: id, service: Some(None), auto_extend: None, monitoring: Some(true) },
    ]
    .into_iter()
    .enumerate()
    {
        ops::devices::set::set_many(&test.app, &operator, &format!("set {n}"), &[row]).await.unwrap();
        assert_eq!(until(&test, world.vendor).await, None, "change {n}");
    }
    test.verify().await;
}

async fn a_pool_with_waiting_devices_is_used_up(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    add(&test, "A", world.acme).await;
    let forecast = until(&test, world.acme).await.unwrap();
    assert_eq!(forecast.exact(), "2026-12-21 00:00:00 UTC");
    add(&test, "B", world.acme).await;
    assert_eq!(until(&test, world.acme).await.unwrap().exact(), "2026-11-21 00:00:00 UTC");
    signed_in(&test, "acme@test.example")
        .await
        .get("/")
        .await
        .has("0 <small>left</small> <span class=\"note\">used up</span>");
}

async fn coverage_is_hidden_from_other_trees(test: TestApp) {
    let world = World::new(&test).await;
    let other = who(&test.app, "other@test.example").await;
    assert!(ops::coverage::of_company(&test.app, &other, world.acme).await.is_err());
}
