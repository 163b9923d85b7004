//! Companies buy data for credits: through the API and in the portal.

use futures_util::future::join_all;

use crate::support::{Program, TestApp, World, signed_in};
use scrip::store::db::sql;
use serde_json::json;

both!(
    data_is_bought_for_credits,
    a_purchase_happens_once,
    purchases_at_once_use_each_credit_once,
    refused_purchases_change_nothing,
    data_is_bought_in_the_portal,
    forged_data_is_found,
);

const CREDIT_BUYS: i64 = 2_048 << 20;
const BUY: &str = "/api/companies/data";

async fn data_of(program: &Program, company: i64) -> (i64, i64) {
    let company = program.get(&format!("/api/companies/{company}")).await.is(200).data().clone();
    (company["credits_left"].as_i64().unwrap(), company["remaining_data"].as_i64().unwrap())
}

async fn data_is_bought_for_credits(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme_north, 10).await;
    let acme = Program::all(&test, "acme@test.example").await;
    assert_eq!(data_of(&acme, world.acme_north).await, (10, 0));
    let bought = acme.post(BUY, json!({ "company_id": world.acme_north, "credits": 3 })).await;
    let mut data = bought.is(201).data().clone();
    let id = data["id"].take();
    let expected = json!({
        "id": null, "company_id": world.acme_north, "company_name": "Acme North", "credits": 3, "credits_left": 7,
        "data": 3 * CREDIT_BUYS, "remaining_data": 3 * CREDIT_BUYS,
    });
    assert_eq!(data, expected);
    acme.post(BUY, json!({ "company_id": world.acme_north, "credits": 1 })).await.is(201);
    assert_eq!(data_of(&acme, world.acme_north).await, (6, 4 * CREDIT_BUYS));
    // The list of companies says the same.
    let list = acme.get(&format!("/api/companies?id={}", world.acme_north)).await;
    assert_eq!(list.is(200).data()[0]["remaining_data"], 4 * CREDIT_BUYS);
    let history = acme.get("/api/companies/data/history?sort=created_at").await;
    let rows = history.is(200).data().as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["id"]), (2, &id));
    let facts = |row: &serde_json::Value| (row["credits"].clone(), row["data"].clone(), row["user"].clone());
    assert_eq!(facts(&rows[0]), (json!(3), json!(3 * CREDIT_BUYS), json!("acme@test.example")));
    let of_acme = acme.get(&format!("/api/companies/data/history?company_id={}", world.acme)).await;
    assert_eq!((of_acme.is(200).data(), &of_acme.body["meta"]["total"]), (&json!([]), &json!(0)));
    // Other people's histories know it as a use without a device.
    let all = acme.get("/api/credits/history?action_type=11").await.is(200).data().clone();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["action_type"]), (2, &json!("buy_data")));
    assert_eq!(all[1]["comment"], "6 GiB of data");
    let report =
        format!("/api/credits/report/json?company_id={}&start_date=2026-11-21&end_date=2026-11-21", world.acme_north);
    let report = acme.get(&report).await.is(200).data().clone();
    assert_eq!((&report["totals"]["data_purchase"], &report["totals"]["pool_logs"]), (&json!(4), &json!(0)));
    assert_eq!(report["data_purchase"][0]["data"], 3 * CREDIT_BUYS);
    test.verify().await;
}

async fn a_purchase_happens_once(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let body = json!({ "company_id": world.acme, "credits": 2 });
    let first = acme.post_once(BUY, "data", body.clone()).await;
    let again = acme.post_once(BUY, "data", body.clone()).await;
    assert_eq!(
        (again.is(201).text.as_str(), again.header("idempotency-replayed")),
        (first.is(201).text.as_str(), "true")
    );
    let other = json!({ "company_id": world.acme, "credits": 3 });
    acme.post_once(BUY, "data", other).await.refuses(422, "", "IDEMPOTENCY_KEY_REUSED");
    let body = |_| acme.post_once(BUY, "at once", body.clone());
    for answer in join_all((0..20).map(body)).await {
        answer.is(201);
    }
    assert_eq!(data_of(&acme, world.acme).await, (6, 4 * CREDIT_BUYS));
    test.verify().await;
}

async fn purchases_at_once_use_each_credit_once(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let buy = |_| acme.post(BUY, json!({ "company_id": world.acme, "credits": 1 }));
    let answers = join_all((0..20).map(buy)).await;
    let bought = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    answers.iter().filter(|answer| answer.status.as_u16() != 201).for_each(|answer| {
        answer.refuses(422, "credits", "NOT_ENOUGH");
    });
    assert_eq!((bought, data_of(&acme, world.acme).await), (10, (0, 10 * CREDIT_BUYS)));
    test.verify().await;
}

async fn refused_purchases_change_nothing(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    let acme = Program::all(&test, "acme@test.example").await;
    for (company, credits, field, code) in [
        (json!(world.acme), json!(11), "credits", "NOT_ENOUGH"),
        (json!(world.acme), json!(0), "credits", "OUT_OF_RANGE"),
        (json!(world.acme), json!(-1), "credits", "OUT_OF_RANGE"),
        (json!(world.acme), json!(1.5), "credits", "NOT_WHOLE"),
        (json!(world.acme), json!(null), "credits", "MISSING"),
        (json!("Acme"), json!(1), "company_id", "NOT_A_NUMBER"),
        (json!(null), json!(1), "company_id", "MISSING"),
        (json!(world.other), json!(1), "company_id", "UNKNOWN_COMPANY"),
        (json!(999_999), json!(1), "company_id", "UNKNOWN_COMPANY"),
    ] {
        let answer = acme.post(BUY, json!({ "company_id": company, "credits": credits })).await;
        let status = answer.status.as_u16();
        assert!(status == 404 || status == 422, "{}", answer.text);
        answer.refuses(status, field, code);
    }
    let reader = Program::of(&test, "acme@test.example", "credits:read").await;
    let body = json!({ "company_id": world.acme, "credits": 1 });
    reader.post(BUY, body.clone()).await.refuses(403, "", "SCOPE_MISSING");
    let auditor = Program::all(&test, "auditor@test.example").await;
    auditor.post(BUY, body).await.refuses(403, "", "FORBIDDEN");
    assert_eq!(data_of(&acme, world.acme).await, (10, 0));
    test.verify().await;
}

async fn data_is_bought_in_the_portal(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let company = format!("/companies/{}", world.acme);
    let window = format!("{company}/data");
    acme.get(&company).await.is(200).has("Buy data").has_not("Data bought");
    acme.get(&window).await.is(200).has("1 Credit buys 2 GiB of data").has("10 Credit left");
    acme.submit(&window, &window, &[("amount", "many")]).await.is(422).has("value=\"many\"");
    acme.submit(&window, &window, &[("amount", "11")]).await.is(422).has("Acme has 10 Credit");
    let done = acme.submit(&window, &window, &[("amount", "2")]).await;
    acme.done(done).await.has("2 Credit of Acme became 4 GiB of data.").has("Data bought");
    acme.get("/history").await.is(200).has("Data bought").has("4 GiB of data");
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.get(&window).await.is(403);
    let mut other = signed_in(&test, "other@test.example").await;
    other.get(&window).await.is(404);
    test.verify().await;
}

async fn forged_data_is_found(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    let acme = Program::all(&test, "acme@test.example").await;
    acme.post(BUY, json!({ "company_id": world.acme, "credits": 2 })).await.is(201);
    for (forgery, undone) in [
        (
            "update company set data_mebibytes = data_mebibytes + 1",
            "update company set data_mebibytes = data_mebibytes - 1",
        ),
        ("update data_purchase set mebibytes = mebibytes + 1", "update data_purchase set mebibytes = mebibytes - 1"),
        ("update data_purchase set company_id = 1", &format!("update data_purchase set company_id = {}", world.acme)),
    ] {
        for (statement, is_found) in [(forgery, true), (undone, false)] {
            let mut tx = test.app.db.write().await.unwrap();
            sql(statement.to_owned().leak()).run(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(test.broken().await.is_empty(), !is_found, "{statement}");
        }
    }
}
