//! Devices from a file: checked first, then added exactly once, whatever happens in between.

use crate::support::{Browser, Page, TestApp, World, signed_in, who};
use scrip::jobs;
use scrip::ops;
use scrip::store::devices::DeviceFilter;

both!(
    a_file_is_checked_and_then_added_by_a_job,
    bad_rows_are_named_by_line_and_the_others_are_added,
    an_unreadable_file_is_refused_and_nothing_is_stored,
    rows_that_became_invalid_are_named_and_the_others_are_added,
    an_interrupted_import_resumes_and_adds_nothing_twice,
    a_cancelled_import_keeps_its_devices_and_adds_no_more,
    only_administrators_of_the_tree_can_import,
);

async fn send(browser: &mut Browser, company: i64, text: &str) -> Page {
    let token = browser.get("/devices/imports/new").await.is(200).field("form");
    let company = company.to_string();
    browser.upload("/devices/imports", &[("form", &token), ("company", &company), ("file", text)]).await
}

async fn count(test: &TestApp, company_id: i64) -> i64 {
    let operator = who(&test.app, "operator@test.example").await;
    let filter = DeviceFilter { company_id: Some(company_id), ..DeviceFilter::default() };
    ops::devices::count(&test.app, &operator, &filter).await.unwrap()
}

fn many(count: usize) -> String {
    let rows: String = (0..count).map(|n| format!("SN{n},credit\n")).collect();
    format!("serial,service\n{rows}")
}

/// Uploads a file and starts the import; returns its address.
async fn start(browser: &mut Browser, company: i64, text: &str) -> String {
    let answer = send(browser, company, text).await;
    let path = answer.is(303).location().split('?').next().unwrap().to_owned();
    browser.submit(&path, &format!("{path}/run"), &[]).await.is(303);
    path
}

async fn a_file_is_checked_and_then_added_by_a_job(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let file =
        format!("serial;name;service;company\nA1;Gate;credit;\nA2;;Credit;Acme North\nA3;Lift;;{}\n", world.acme);
    let answer = send(&mut acme, world.acme, &file).await;
    let path = answer.location().split('?').next().unwrap().to_owned();
    let page = acme.done(answer).await;
    page.has("Check operation completed successfully.").has("3 rows can be added, 0 rows cannot.").has("Add 3 devices");
    assert_eq!(count(&test, world.acme).await, 0);
    let answer = acme.submit(&path, &format!("{path}/run"), &[]).await;
    acme.done(answer).await.has("Import operation completed successfully.").has("<progress").has("0 of 3 rows");
    assert!(jobs::run_next(&test.app).await && !jobs::run_next(&test.app).await);
    acme.get(&path).await.has("Done").has("3 of 3 rows dealt with, 3 devices added.");
    acme.get("/devices").await.has("A1").has("Gate").has("A2").has("Active").has("Waiting").has("Off");
    acme.get("/history").await.has("Devices imported").has("3 of 3 rows added");
    acme.get("/devices/imports").await.has("Import #1");
    test.verify().await;
}

async fn bad_rows_are_named_by_line_and_the_others_are_added(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    start(&mut acme, world.acme, "serial\nOLD\n").await;
    jobs::run_next(&test.app).await;
    let file =
        "serial,service,company\nA,credit,\n,credit,\nold,,\na,,\nB,gold,\nC,,Other\n\nD,,\"Acme\nNorth\"\nE,,\n";
    let answer = send(&mut acme, world.acme, file).await;
    let path = answer.location().split('?').next().unwrap().to_owned();
    let page = acme.done(answer).await;
    page.has("Add 2 devices");
    for (line, why) in [
        (3, "The serial number is missing."),
        (4, "There is a device with this serial number already."),
        (5, "Line 2 has the same serial number."),
        (6, "There is no service “gold”."),
        (7, "“Other” is not one company of yours."),
        (9, "is not one company of yours."),
    ] {
        let row = page.body.split(&format!("class=\"number\">{line}</td>")).nth(1);
        assert!(
            row.unwrap_or_else(|| panic!("line {line}")).split("</tr>").next().unwrap().contains(why),
            "line {line}"
        );
    }
    acme.submit(&path, &format!("{path}/run"), &[]).await.is(303);
    jobs::run_next(&test.app).await;
    assert_eq!(count(&test, world.acme).await, 3);
    test.verify().await;
}

async fn an_unreadable_file_is_refused_and_nothing_is_stored(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let mut problem = async |company, text: &str| {
        let page = send(&mut acme, company, text).await;
        page.is(422);
        (page.problem("file") + &page.problem("company"), page.body.contains(text.trim()))
    };
    assert!(problem(world.acme, " ").await.0.contains("Choose a file"));
    let (why, is_kept) = problem(world.acme, "SN1,SN2\n").await;
    assert!(why.contains("“SN1” is none of them") && is_kept, "{why}");
    assert!(problem(world.acme, "model\nx\n").await.0.contains("one of them is serial or name"));
    assert!(problem(world.other, "serial\nx\n").await.0.contains("no such company"));
    assert!(problem(world.acme, &many(20_001)).await.0.contains("more than 20,000 rows"));
    let token = acme.get("/devices/imports/new").await.field("form");
    acme.post("/devices/imports", &[("form", &token)]).await.is(400);
    let huge = "x".repeat(1 << 20);
    acme.upload("/devices/imports", &[("form", &token), ("file", &huge)]).await.is(413);
    acme.get("/devices/imports").await.has("No imports yet");
}

async fn rows_that_became_invalid_are_named_and_the_others_are_added(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let one = start(&mut acme, world.acme, "serial\nA\nB\n").await;
    let two = start(&mut acme, world.acme, "serial\nB\nC\n").await;
    while jobs::run_next(&test.app).await {}
    acme.get(&one).await.has("2 devices added.");
    acme.get(&two).await.has("1 device added.").has("There is a device with this serial number already.");
    assert_eq!(count(&test, world.acme).await, 3);
    test.verify().await;
}

async fn an_interrupted_import_resumes_and_adds_nothing_twice(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 450).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let path = start(&mut acme, world.acme, &many(500)).await;
    // The first process dies after its first batch; two others take over concurrently.
    assert!(ops::imports::run_batch(&test.app, 1).await.unwrap());
    acme.get(&path).await.has("200 of 500 rows");
    let (one, two) = (test.app.clone(), test.app.clone());
    let run = |app| tokio::spawn(async move { jobs::imports::run(&app, "1").await.unwrap() });
    let (one, two) = (run(one), run(two));
    one.await.unwrap();
    two.await.unwrap();
    assert!(jobs::run_next(&test.app).await);
    assert_eq!((count(&test, world.acme).await, world.credit(&test, world.acme).await), (500, 0));
    acme.get(&path).await.has("500 devices added.");
    acme.get("/devices?state=waiting").await.has("Waiting").has("SN499");
    test.verify().await;
}

async fn a_cancelled_import_keeps_its_devices_and_adds_no_more(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let path = start(&mut acme, world.acme, &many(500)).await;
    ops::imports::run_batch(&test.app, 1).await.unwrap();
    let answer = acme.submit(&path, &format!("{path}/cancellation"), &[]).await;
    acme.done(answer).await.has("The import was stopped.").has("Cancelled");
    jobs::run_next(&test.app).await;
    assert_eq!(count(&test, world.acme).await, 200);
    for action in ["run", "cancellation"] {
        acme.submit("/devices/new", &format!("{path}/{action}"), &[]).await.is(404);
    }
    test.verify().await;
}

async fn only_administrators_of_the_tree_can_import(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let path = start(&mut acme, world.acme, "serial\nA\n").await;
    for (email, status) in [
        ("other@test.example", 404),
        ("auditor@test.example", 403),
        ("customer@test.example", 403),
        ("distributor@test.example", 200),
    ] {
        let mut browser = signed_in(&test, email).await;
        browser.get(&path).await.is(status);
        let token = browser.get("/account/profile").await.field("form");
        let expected = if status == 200 { 303 } else { status };
        browser.post(&format!("{path}/cancellation"), &[("form", &token)]).await.is(expected);
    }
    // A job adds nothing for a user who has lost the right to add devices.
    let again = start(&mut acme, world.acme, "serial\nB\n").await;
    let operator = who(&test.app, "operator@test.example").await;
    let user = who(&test.app, "acme@test.example").await.user_id;
    ops::users::set_role(&test.app, &operator, "role", user, "read_only").await.unwrap();
    while jobs::run_next(&test.app).await {}
    assert_eq!(count(&test, world.acme).await, 0);
    signed_in(&test, "distributor@test.example").await.get(&again).await.has("Cancelled");
}
