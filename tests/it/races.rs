//! Operations that must happen once, sent concurrently as whole requests.

use crate::support::{Backend, Browser, TestApp, World, signed_in, who};
use scrip::ops;

both!(
    one_of_forty_concurrent_redemptions_wins,
    concurrent_redeem_and_delete_pay_out_once,
    one_of_many_concurrent_moves_of_the_whole_balance_wins,
    opposite_moves_do_not_deadlock,
    one_form_submitted_forty_times_moves_once,
    concurrent_guesses_are_all_counted,
    one_request_to_two_processes_has_one_answer,
);

/// A request to send: browser, path, fields.
type Request = (Browser, String, Vec<(String, String)>);

/// Sends requests concurrently; returns their statuses.
async fn send_concurrently(requests: Vec<Request>) -> Vec<u16> {
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|(mut browser, path, fields)| {
            tokio::spawn(async move {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                browser.post(&path, &fields).await.status.as_u16()
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

fn count(statuses: &[u16], wanted: u16) -> usize {
    statuses.iter().filter(|s| **s == wanted).count()
}

async fn request(browser: &mut Browser, page: &str, path: &str, fields: &[(&str, &str)]) -> Request {
    let token = browser.get(page).await.field("form");
    let mut all: Vec<(String, String)> = fields.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    all.push(("form".into(), token));
    (browser.clone(), path.into(), all)
}

async fn one_of_forty_concurrent_redemptions_wins(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut requests = Vec::new();
    for email in ["other@test.example", "acme@test.example", "distributor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        for _ in 0..10 {
            requests.push(request(&mut browser, "/redeem", "/redeem", &[("code", &code)]).await);
        }
    }
    let statuses = send_concurrently(requests).await;
    assert_eq!((count(&statuses, 303), count(&statuses, 422)), (1, 39), "{statuses:?}");
    let mut sum = 0;
    for company in [world.other, world.acme, world.distributor] {
        sum += world.credit(&test, company).await;
    }
    assert_eq!(sum, 5);
    test.verify().await;
}

async fn concurrent_redeem_and_delete_pay_out_once(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut other = signed_in(&test, "other@test.example").await;
    for _ in 0..10 {
        let (id, code) = world.code(&test, "operator@test.example", 3).await;
        let before = world.credit(&test, world.vendor).await + world.credit(&test, world.other).await;
        let path = format!("/codes/{id}/deletion");
        let delete = request(&mut operator, &path, &path, &[]).await;
        let redeem = request(&mut other, "/redeem", "/redeem", &[("code", &code)]).await;
        let statuses = send_concurrently(vec![delete, redeem]).await;
        assert_eq!(count(&statuses, 303), 1, "{statuses:?}");
        let after = world.credit(&test, world.vendor).await + world.credit(&test, world.other).await;
        assert_eq!(after, before + 3);
    }
    test.verify().await;
}

async fn one_of_many_concurrent_moves_of_the_whole_balance_wins(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let (from, to) = (world.vendor.to_string(), world.other.to_string());
    let mut requests = Vec::new();
    for _ in 0..20 {
        let fields = [("type", "credit"), ("from", from.as_str()), ("to", &to), ("amount", "1000")];
        requests.push(request(&mut operator, "/moves/new", "/moves", &fields).await);
    }
    let statuses = send_concurrently(requests).await;
    assert_eq!((count(&statuses, 303), count(&statuses, 422)), (1, 19), "{statuses:?}");
    assert_eq!(world.credit(&test, world.vendor).await, 0);
    assert_eq!(world.credit(&test, world.other).await, 1_000);
    test.verify().await;
}

async fn opposite_moves_do_not_deadlock(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 100).await;
    world.give(&test, world.other, 100).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let ids = [world.acme.to_string(), world.other.to_string()];
    let mut requests = Vec::new();
    for i in 0..40 {
        let fields = [("type", "credit"), ("from", ids[i % 2].as_str()), ("to", &ids[1 - i % 2]), ("amount", "2")];
        requests.push(request(&mut operator, "/moves/new", "/moves", &fields).await);
    }
    let statuses = send_concurrently(requests).await;
    assert_eq!(count(&statuses, 303), 40, "{statuses:?}");
    assert_eq!(world.credit(&test, world.acme).await, 100);
    test.verify().await;
}

async fn one_form_submitted_forty_times_moves_once(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let (from, to) = (world.vendor.to_string(), world.other.to_string());
    let fields = [("type", "credit"), ("from", from.as_str()), ("to", &to), ("amount", "10")];
    let one = request(&mut operator, "/moves/new", "/moves", &fields).await;
    let statuses = send_concurrently(vec![one; 40]).await;
    assert_eq!(count(&statuses, 303), 40, "{statuses:?}");
    assert_eq!(world.credit(&test, world.other).await, 10);
    test.verify().await;
}

async fn concurrent_guesses_are_all_counted(test: TestApp) {
    let world = World::new(&test).await;
    let (_, good) = world.code(&test, "operator@test.example", 5).await;
    let mut other = signed_in(&test, "other@test.example").await;
    let mut requests = Vec::new();
    for i in 0..40u8 {
        let mut bytes = [i; 19];
        bytes[0] = 31;
        let guess = scrip::model::code::Code::from_random(bytes).reveal();
        requests.push(request(&mut other, "/redeem", "/redeem", &[("code", &guess)]).await);
    }
    let statuses = send_concurrently(requests).await;
    assert_eq!(count(&statuses, 422), 11, "{statuses:?}");
    assert_eq!(count(&statuses, 429), 29, "{statuses:?}");
    // The right code has to wait too, otherwise guessing could go on.
    other.submit("/redeem", "/redeem", &[("code", &good)]).await.is(429);
    test.app.clock.advance_seconds(3_600);
    other.submit("/redeem", "/redeem", &[("code", &good)]).await.is(303);
    test.verify().await;
}

async fn one_request_to_two_processes_has_one_answer(test: TestApp) {
    // SQLite allows only one process.
    if test.backend == Backend::Sqlite {
        return;
    }
    let world = World::new(&test).await;
    let other = test.another().await;
    let actor = who(&test.app, "other@test.example").await;
    for round in 0..20 {
        let (_, code) = world.code(&test, "operator@test.example", 1).await;
        let key = format!("round-{round}");
        let (one, two) = tokio::join!(
            ops::codes::changes::redeem(&test.app, &actor, &key, &code),
            ops::codes::changes::redeem(&other, &actor, &key, &code),
        );
        assert_eq!(one.unwrap().transfers, two.unwrap().transfers);
    }
    assert_eq!(world.credit(&test, world.other).await, 20);
    test.verify().await;
}
