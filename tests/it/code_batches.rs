//! Large batches of codes: from the form, through the API, and despite kills and shortages.

use crate::support::{Program, TestApp, World, signed_in, who};
use serde_json::json;

both!(
    the_form_creates_a_few_codes_at_once,
    a_job_makes_thousands_of_codes_for_download,
    the_api_orders_thousands_of_codes,
    a_repeated_order_makes_one_batch,
    a_repeated_step_makes_its_codes_once,
    a_batch_stops_when_units_run_out,
    a_cancelled_batch_keeps_the_codes_already_made,
    wrong_counts_are_refused,
    batches_outside_the_tree_look_nonexistent,
);

async fn run_jobs(test: &TestApp) {
    while scrip::jobs::run_next(&test.app).await {}
}

async fn the_form_creates_a_few_codes_at_once(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = world.vendor.to_string();
    let fields = [("company", id.as_str()), ("type", "credit"), ("amount", "5"), ("count", "40")];
    let answer = operator.submit("/codes/new", "/codes", &fields).await;
    operator.done(answer).await.has("40 codes of 5 Credit each were created for Vendor. 800 left.");
    assert_eq!(world.credit(&test, world.vendor).await, 800);
    test.verify().await;
}

async fn a_job_makes_thousands_of_codes_for_download(test: TestApp) {
    let world = World::new(&test).await;
    issue(&test, 5_000).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = world.vendor.to_string();
    let fields =
        [("company", id.as_str()), ("type", "credit"), ("amount", "2"), ("count", "1,200"), ("comment", "Fair")];
    let answer = operator.submit("/codes/new", "/codes", &fields).await;
    let page = operator.done(answer).await;
    page.has("1,200 codes are being made for Vendor.").has("0 of 1,200 codes made").has("Running");
    run_jobs(&test).await;
    operator.get("/codes/batches/1").await.is(200).has("Done").has("1,200 of 1,200 codes made");
    let file = operator.get("/codes/batches/1/codes.csv").await;
    let mut codes: Vec<&str> = file.is(200).body.lines().skip(1).map(|l| l.split(',').next().unwrap()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), 1_200);
    assert_eq!(world.credit(&test, world.vendor).await, 6_000 - 2_400);
    test.verify().await;
}

async fn issue(test: &TestApp, amount: i64) {
    let operator = who(&test.app, "operator@test.example").await;
    let credit = scrip::model::resources::ResourceType::CREDIT;
    scrip::ops::resources::issue(&test.app, &operator, "more", credit, amount, "").await.unwrap();
}

async fn the_api_orders_thousands_of_codes(test: TestApp) {
    World::new(&test).await;
    issue(&test, 5_000).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.post("/api/credits/codes", json!({ "amount": 1 })).await.is(201);
    let ordered = vendor.post("/api/credits/codes", json!({ "amount": 1, "count": 1_001 })).await;
    let id = ordered.is(202).data()["id"].as_i64().unwrap();
    let path = format!("/api/credits/codes/batches/{id}");
    assert_eq!(vendor.get(&path).await.is(200).data()["status"], "running");
    run_jobs(&test).await;
    let done = vendor.get(&path).await;
    assert_eq!((&done.is(200).data()["status"], &done.data()["made"]), (&json!("done"), &json!(1_001)));
    let list = vendor.get(&format!("/api/credits/codes?batch_id={id}&limit=2")).await;
    assert_eq!((&list.is(200).body["meta"]["total"], list.data().as_array().unwrap().len()), (&json!(1_001), 2));
    vendor.get("/api/credits/codes?batch_id=77").await.refuses(404, "", "NOT_FOUND");
}

async fn a_repeated_order_makes_one_batch(test: TestApp) {
    let world = World::new(&test).await;
    issue(&test, 5_000).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let body = json!({ "amount": 1, "count": 1_500 });
    let first = vendor.post_once("/api/credits/codes", "fair", body.clone()).await;
    run_jobs(&test).await;
    let again = vendor.post_once("/api/credits/codes", "fair", body).await;
    assert_eq!((again.is(202).text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    run_jobs(&test).await;
    assert_eq!(world.credit(&test, world.vendor).await, 4_500);
}

async fn a_repeated_step_makes_its_codes_once(test: TestApp) {
    let world = World::new(&test).await;
    issue(&test, 5_000).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.post("/api/credits/codes", json!({ "amount": 1, "count": 1_500 })).await.is(202);
    // Several processes run the step concurrently, and one is killed before it recorded the step.
    let steps = (0..6).map(|_| scrip::ops::code_batches::run_step(&test.app, 1));
    futures_util::future::join_all(steps).await;
    let mut tx = test.app.db.write().await.unwrap();
    let back = "update code_batch set made = 0, state = 'running', ended_at = null where id = 1";
    scrip::store::db::sql(back).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    run_jobs(&test).await;
    assert_eq!(world.credit(&test, world.vendor).await, 4_500);
    assert_eq!(vendor.get("/api/credits/codes?limit=0").await.body["meta"]["total"], 1_500);
    test.verify().await;
}

async fn a_batch_stops_when_units_run_out(test: TestApp) {
    let world = World::new(&test).await;
    issue(&test, 1_000).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.post("/api/credits/codes", json!({ "amount": 1, "count": 2_000 })).await.is(202);
    let body = json!({ "source": world.vendor, "target": world.acme, "amount": 800 });
    vendor.post("/api/credits/move", body).await.is(200);
    run_jobs(&test).await;
    let batch = vendor.get("/api/credits/codes/batches/1").await;
    assert_eq!((&batch.data()["status"], &batch.data()["made"]), (&json!("stopped"), &json!(1_000)));
    assert_eq!(world.credit(&test, world.vendor).await, 200);
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/codes/batches/1").await.is(200).has("too few units left");
    test.verify().await;
}

async fn a_cancelled_batch_keeps_the_codes_already_made(test: TestApp) {
    let world = World::new(&test).await;
    issue(&test, 5_000).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.post("/api/credits/codes", json!({ "amount": 1, "count": 2_000 })).await.is(202);
    assert!(scrip::ops::code_batches::run_step(&test.app, 1).await.unwrap());
    let mut operator = signed_in(&test, "operator@test.example").await;
    let answer = operator.submit("/codes/batches/1", "/codes/batches/1/cancellation", &[]).await;
    operator.done(answer).await.has("Cancel operation completed successfully.").has("500 of 2,000 codes made");
    run_jobs(&test).await;
    assert_eq!(world.credit(&test, world.vendor).await, 5_500);
}

async fn wrong_counts_are_refused(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let order = async |count: i64| vendor.post("/api/credits/codes", json!({ "amount": 1, "count": count })).await;
    order(100_001).await.refuses(422, "count", "OUT_OF_RANGE");
    order(0).await.refuses(422, "count", "OUT_OF_RANGE");
    order(1_001).await.refuses(422, "amount", "NOT_ENOUGH");
    let mut operator = signed_in(&test, "operator@test.example").await;
    for count in ["0", "-1", "x", "1.5", "100001"] {
        let fields = [("type", "credit"), ("amount", "5"), ("count", count), ("company", "1")];
        let page = operator.submit("/codes/new", "/codes", &fields).await;
        page.is(422).has("Enter a whole number from 1 to 100,000.");
        assert_eq!(page.field("count"), count);
    }
    assert_eq!(world.credit(&test, world.vendor).await, 1_000);
}

async fn batches_outside_the_tree_look_nonexistent(test: TestApp) {
    World::new(&test).await;
    issue(&test, 5_000).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.post("/api/credits/codes", json!({ "amount": 1, "count": 2_000 })).await.is(202);
    let other = Program::all(&test, "other@test.example").await;
    other.get("/api/credits/codes/batches/1").await.refuses(404, "", "NOT_FOUND");
    other.get("/api/credits/codes?batch_id=1").await.refuses(404, "", "NOT_FOUND");
    let mut other = signed_in(&test, "other@test.example").await;
    for path in ["/codes/batches/1", "/codes/batches/1/codes.csv"] {
        other.get(path).await.is(404);
    }
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get("/codes/batches/1/codes.csv").await.is(403);
}
