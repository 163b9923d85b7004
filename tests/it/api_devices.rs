//! Devices through the REST API.

use crate::support::{Program, TestApp, World};
use axum::http::Method;
use serde_json::json;

both!(
    a_device_is_added_edited_and_removed,
    devices_can_be_listed_and_filtered,
    a_service_is_paid_at_once_and_recorded_in_history,
    activating_serves_waiting_devices_and_the_preview_says_so,
    invalid_rows_are_reported_and_the_others_applied,
    rows_that_repeat_a_device_are_all_refused,
    malformed_rows_are_refused_before_anything_is_set,
    the_summary_counts_devices_and_shows_coverage,
    devices_outside_the_tree_look_nonexistent,
    device_endpoints_require_their_scopes,
    a_repeated_change_returns_the_first_answer,
);

async fn add(program: &Program, serial: &str, company: i64) -> i64 {
    let made = program.post("/api/devices", json!({ "serial": serial, "name": "Gate", "company_id": company })).await;
    made.is(201).data()["id"].as_i64().unwrap()
}

async fn a_device_is_added_edited_and_removed(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let new = json!({ "serial": "1121040394", "name": "Gate 4", "model": "RUT955" });
    let made = acme.post_once("/api/devices", "gate", new.clone()).await;
    let id = made.is(201).data()["id"].as_i64().unwrap();
    assert_eq!((&made.data()["state"], &made.data()["company_id"]), (&json!("off"), &json!(world.acme)));
    let path = format!("/api/devices/{id}");
    let changed = acme.put(&path, json!({ "name": "Gate 5", "company_id": world.acme_north })).await;
    assert_eq!((&changed.is(200).data()["name"], &changed.data()["model"]), (&json!("Gate 5"), &json!("RUT955")));
    assert_eq!(acme.get(&path).await.is(200).data()["company_name"], "Acme North");
    assert_eq!(acme.post_once("/api/devices", "gate", new.clone()).await.is(201).text, made.text);
    acme.post("/api/devices", new).await.refuses(422, "serial", "SERIAL_TAKEN");
    acme.post("/api/devices", json!({})).await.refuses(422, "serial", "MISSING");
    acme.post("/api/devices", json!({ "kind": "apartment" })).await.refuses(422, "name", "MISSING");
    acme.post("/api/devices", json!({ "serial": 5 })).await.refuses(422, "serial", "NOT_A_TEXT");
    let company = acme.get(&format!("/api/companies/{}", world.acme_north)).await;
    assert_eq!(company.is(200).data()["devices_count"], 1);
    assert_eq!(*acme.delete(&path).await.is(200).data(), json!({ "id": id }));
    acme.get(&path).await.refuses(404, "", "NOT_FOUND");
}

async fn devices_can_be_listed_and_filtered(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    for (serial, company) in [("C3", world.vendor), ("A1", world.acme), ("B2", world.acme_north)] {
        add(&vendor, serial, company).await;
    }
    let serials = async |query: &str| {
        let list = vendor.get(&format!("/api/devices?{query}")).await;
        list.is(200)
            .data()
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["serial"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(serials("").await, ["C3", "A1", "B2"]);
    assert_eq!(serials("sort=serial&limit=2").await, ["A1", "B2"]);
    assert_eq!(serials("sort=-id&offset=1").await, ["A1", "C3"]);
    assert_eq!(serials(&format!("company_id={}", world.acme)).await, ["A1"]);
    assert_eq!(serials("status=off&q=b2").await, ["B2"]);
    assert_eq!(serials("status=active").await, Vec::<String>::new());
    let page = vendor.get("/api/devices?limit=2&cursor=").await;
    let next = page.is(200).body["meta"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(serials(&format!("limit=2&cursor={next}")).await, ["B2"]);
    assert_eq!(vendor.get("/api/devices?limit=0").await.body["meta"]["total"], 3);
    vendor.get("/api/devices?cursor=&sort=serial").await.refuses(422, "sort", "NOT_A_CHOICE");
    let acme = Program::all(&test, "acme@test.example").await;
    assert_eq!(acme.get("/api/devices").await.body["meta"]["total"], 2);
}

async fn a_service_is_paid_at_once_and_recorded_in_history(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let (one, two) = (add(&acme, "A1", world.acme).await, add(&acme, "A2", world.acme).await);
    let row = |id| json!({ "device_id": id, "credit_type_id": 1, "credit_enabled": 1, "auto_extend_credit": 1 });
    let set = acme.put("/api/devices/credit", json!({ "data": [row(one), row(two)] })).await;
    assert_eq!(set.is(201).body["errors"], json!([]));
    let status = async |id: i64| acme.get(&format!("/api/devices/{id}")).await.data()["state"].clone();
    let both = [status(one).await, status(two).await];
    assert!(both.contains(&json!("active")) && both.contains(&json!("waiting")), "{both:?}");
    let paid = if both[0] == "active" { one } else { two };
    let until = acme.get(&format!("/api/devices/{paid}")).await.data()["credit_expire_date"].clone();
    assert_eq!(until, "2026-12-21 12:00:00");
    let events = acme.get(&format!("/api/credits/history?device_id={paid}")).await;
    assert_eq!((&events.is(200).data()[0]["action_type"], &events.body["meta"]["total"]), (&json!("spend"), &json!(1)));
    assert_eq!(acme.get("/api/credits/history?action_type=spend").await.data()[0]["device_id"], paid);
    world.give(&test, world.acme, 2).await;
    assert_eq!([status(one).await, status(two).await], ["active", "active"]);
    test.verify().await;
}

async fn activating_serves_waiting_devices_and_the_preview_says_so(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.other, 5).await;
    let (_, code) = world.code(&test, "other@test.example", 5).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = add(&acme, "A1", world.acme).await;
    let row = json!({ "device_id": id, "credit_enabled": 1, "auto_extend_credit": 1 });
    acme.put("/api/devices/credit", json!({ "data": [row] })).await.is(201);
    let preview = acme.post("/api/credits/codes/preview", json!({ "code": code })).await;
    assert_eq!(
        (&preview.is(200).data()["devices_served"], &preview.data()["credit_left_after"]),
        (&json!(1), &json!(4))
    );
    let activate = async || acme.post_once("/api/credits/codes/activate", "a", json!({ "code": code })).await;
    let first = activate().await;
    assert_eq!(first.is(200).data()[0]["credit_left"], 4);
    assert_eq!(first.body["meta"]["amount"], 5);
    assert_eq!(activate().await.is(200).text, first.text);
    assert_eq!(acme.get(&format!("/api/devices/{id}")).await.data()["state"], "active");
    test.verify().await;
}

async fn invalid_rows_are_reported_and_the_others_applied(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let stranger = add(&vendor, "O1", world.other).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let own = add(&acme, "A1", world.acme).await;
    let rows = json!({ "data": [{ "device_id": stranger, "monitoring_enabled": 0 }, { "device_id": own, "monitoring_enabled": 0 }] });
    let set = acme.put("/api/devices/monitoring", rows).await;
    assert_eq!(set.is(207).body["data"], json!([{ "device_id": own }]));
    assert_eq!(set.errors(), [("data.0.device_id".to_owned(), "UNKNOWN_DEVICE".to_owned())]);
    let rows = json!({ "data": [{ "device_id": own, "credit_type_id": 9 }] });
    acme.put("/api/devices/credit", rows).await.refuses(422, "data", "UNSUITABLE_SERVICE");
    let rows = json!({ "data": [{ "device_id": stranger, "monitoring_enabled": 0 }] });
    acme.put("/api/devices/monitoring", rows).await.refuses(404, "", "NOT_FOUND");
    assert_eq!(vendor.get(&format!("/api/devices/{stranger}")).await.data()["monitoring_enabled"], 1);
}

async fn rows_that_repeat_a_device_are_all_refused(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 5).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let (twice, once) = (add(&acme, "A1", world.acme).await, add(&acme, "A2", world.acme).await);
    let row = |id, service| json!({ "device_id": id, "credit_type_id": service, "auto_extend_credit": 1 });
    // The first of the two rows would be valid alone, but both must be refused: otherwise one device would be reported as
    // both changed and refused.
    let rows = json!({ "data": [row(twice, 1), row(once, 1), row(twice, 9)] });
    let put = async || {
        let headers = [("idempotency-key", "rows")];
        acme.send(Method::PUT, "/api/devices/credit", &headers, Some(rows.to_string())).await
    };
    let set = put().await;
    assert_eq!(set.is(207).body["data"], json!([{ "device_id": once }]));
    let refused = |n| (format!("data.{n}.device_id"), "REPEATED_DEVICE".to_owned());
    assert_eq!(set.errors(), [refused(0), refused(2)]);
    assert_eq!(put().await.text, set.text);
    let status = async |id| acme.get(&format!("/api/devices/{id}")).await.data()["state"].clone();
    assert_eq!((status(twice).await, status(once).await), (json!("off"), json!("active")));
    assert_eq!(world.credit(&test, world.acme).await, 4);
    // On, off, on: none of the rows is applied.
    let switch = |on| json!({ "device_id": twice, "monitoring_enabled": on });
    let rows = json!({ "data": [switch(0), switch(1), switch(0)] });
    let set = acme.put("/api/devices/monitoring", rows).await;
    assert_eq!(set.is(422).errors(), [refused(0), refused(1), refused(2)]);
    assert_eq!(acme.get(&format!("/api/devices/{twice}")).await.data()["monitoring_enabled"], 1);
    test.verify().await;
}

async fn malformed_rows_are_refused_before_anything_is_set(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let own = add(&acme, "A1", world.acme).await;
    let rows = json!({ "data": [{ "device_id": own, "monitoring_enabled": 0 }, { "device_id": "x", "monitoring_enabled": 2 }, {}] });
    let codes: Vec<String> =
        acme.put("/api/devices/monitoring", rows).await.is(422).errors().into_iter().map(|e| e.0).collect();
    assert_eq!(codes, ["data.1.monitoring_enabled", "data.2.monitoring_enabled"]);
    acme.put("/api/devices/monitoring", json!({})).await.refuses(422, "data", "MISSING");
    acme.put("/api/devices/monitoring", json!({ "data": 5 })).await.refuses(422, "data", "NOT_A_LIST");
    acme.put("/api/devices/monitoring", json!({ "data": [] })).await.refuses(422, "data", "NOTHING_CHOSEN");
    let rows = json!({ "data": [{ "device_id": own, "credit_type_id": 77 }] });
    acme.put("/api/devices/credit", rows).await.refuses(422, "data.0.credit_type_id", "UNKNOWN_TYPE");
    let rows = json!({ "data": [{ "device_id": own }] });
    acme.put("/api/devices/credit", rows).await.refuses(422, "data.0.device_id", "NOTHING_TO_CHANGE");
    assert_eq!(acme.get(&format!("/api/devices/{own}")).await.data()["monitoring_enabled"], 1);
}

async fn the_summary_counts_devices_and_shows_coverage(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 3).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = add(&acme, "A1", world.acme).await;
    let north = add(&acme, "A2", world.acme_north).await;
    let before = acme.get("/api/credits/summary").await;
    assert_eq!(before.is(200).data()["credit_coverage"], json!(null));
    assert_eq!(before.data()["monitored_device"], json!({ "monitored": 2, "total": 2 }));
    let off = json!({ "data": [{ "device_id": north, "monitoring_enabled": 0 }] });
    acme.put("/api/devices/monitoring", off).await.is(200);
    let row = json!({ "device_id": id, "credit_enabled": 1, "auto_extend_credit": 1 });
    acme.put("/api/devices/credit", json!({ "data": [row] })).await.is(201);
    let after = acme.get("/api/credits/summary").await;
    assert_eq!(after.data()["monitored_device"], json!({ "monitored": 1, "total": 2 }));
    // Paid today, with two units left: the third renewal from now cannot be paid.
    assert_eq!(after.data()["credit_coverage"], "2027-02-19 00:00:00");
    let customer = Program::all(&test, "north@test.example").await;
    assert_eq!(customer.get("/api/credits/summary").await.is(200).data()["monitored_device"]["total"], 1);
}

async fn devices_outside_the_tree_look_nonexistent(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = add(&acme, "A1", world.acme).await;
    let other = Program::all(&test, "other@test.example").await;
    for device in [id, 999_999] {
        let path = format!("/api/devices/{device}");
        other.get(&path).await.refuses(404, "", "NOT_FOUND");
        other.put(&path, json!({ "name": "Mine" })).await.refuses(404, "", "NOT_FOUND");
        other.delete(&path).await.refuses(404, "", "NOT_FOUND");
        other.get(&format!("/api/credits/history?device_id={device}")).await.refuses(404, "", "NOT_FOUND");
    }
    for company in [world.acme, 999_999] {
        other.get(&format!("/api/devices?company_id={company}")).await.refuses(404, "", "NOT_FOUND");
        let new = json!({ "serial": "X", "company_id": company });
        other.post("/api/devices", new).await.refuses(404, "company_id", "UNKNOWN_COMPANY");
    }
    let own = add(&other, "O1", world.other).await;
    let gift = json!({ "company_id": world.acme });
    other.put(&format!("/api/devices/{own}"), gift).await.refuses(404, "company_id", "UNKNOWN_COMPANY");
}

async fn device_endpoints_require_their_scopes(test: TestApp) {
    let world = World::new(&test).await;
    let id = add(&Program::all(&test, "acme@test.example").await, "A1", world.acme).await;
    let reader = Program::of(&test, "acme@test.example", "devices:read").await;
    reader.get("/api/devices").await.is(200);
    reader.post("/api/devices", json!({})).await.refuses(403, "", "SCOPE_MISSING");
    reader.put(&format!("/api/devices/{id}"), json!({})).await.refuses(403, "", "SCOPE_MISSING");
    reader.delete(&format!("/api/devices/{id}")).await.refuses(403, "", "SCOPE_MISSING");
    reader.put("/api/devices/monitoring", json!({})).await.refuses(403, "", "SCOPE_MISSING");
    let writer = Program::of(&test, "acme@test.example", "devices:write").await;
    writer.put("/api/devices/credit", json!({})).await.refuses(403, "", "SCOPE_MISSING");
    writer.get("/api/devices").await.refuses(403, "", "SCOPE_MISSING");
    let auditor = Program::all(&test, "auditor@test.example").await;
    auditor.put(&format!("/api/devices/{id}"), json!({ "name": "x" })).await.refuses(403, "", "FORBIDDEN");
    let rows = json!({ "data": [{ "device_id": id, "monitoring_enabled": 1 }] });
    auditor.put("/api/devices/monitoring", rows).await.refuses(403, "", "FORBIDDEN");
}

async fn a_repeated_change_returns_the_first_answer(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 5).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = add(&acme, "A1", world.acme).await;
    let rows = json!({ "data": [{ "device_id": id, "credit_enabled": 1, "auto_extend_credit": 1 }] }).to_string();
    let key = [("idempotency-key", "set")];
    let put = async || acme.send(axum::http::Method::PUT, "/api/devices/credit", &key, Some(rows.clone())).await;
    let first = put().await;
    first.is(201);
    acme.put("/api/devices/credit", json!({ "data": [{ "device_id": id, "credit_enabled": 0 }] })).await.is(201);
    let again = put().await;
    assert_eq!((again.is(201).text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    assert_eq!(acme.get(&format!("/api/devices/{id}")).await.data()["state"], "off");
    assert_eq!(world.credit(&test, world.acme).await, 4);
}
