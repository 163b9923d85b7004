//! Many devices in one request, as programs written for RMS send them; the list's filters, the file, the charts.

use crate::support::{Program, TestApp, World, who};
use axum::http::Method;
use scrip::jobs;
use scrip::store::db::sql;
use serde_json::{Value, json};

both!(
    a_list_adds_devices_and_reports_wrong_rows,
    a_list_with_no_right_row_is_refused_as_a_whole,
    credit_is_taken_with_the_devices_or_they_wait,
    the_same_list_sent_at_once_adds_its_devices_once,
    passwords_are_thrown_away,
    names_and_descriptions_of_many_are_changed,
    many_are_removed_at_once,
    many_are_moved_with_their_service,
    rows_have_the_fields_of_rms,
    devices_are_found_by_each_filter,
    telemetry_is_unknown_of_all_devices,
    fields_narrow_the_rows,
    charts_count_by_status_and_model,
    the_list_is_exported_as_csv,
    a_file_is_imported_and_its_channel_tells_how_far,
    a_channel_is_for_its_caller_and_survives_a_restart,
);

/// Adds devices of Acme with these serial numbers; returns their ids.
async fn add(program: &Program, serials: &[&str], company: i64) -> Vec<i64> {
    let rows: Vec<Value> = serials.iter().map(|s| json!({ "serial": s, "company_id": company })).collect();
    let made = program.post("/api/devices", json!({ "data": rows })).await;
    made.is(201).data().as_array().unwrap().iter().map(|d| d["id"].as_i64().unwrap()).collect()
}

async fn serials(program: &Program, query: &str) -> Vec<String> {
    let list = program.get(&format!("/api/devices?{query}")).await;
    let rows = list.is(200).data().as_array().unwrap().clone();
    assert!(list.body["meta"]["total"].is_null() || list.body["meta"]["total"] == rows.len(), "{query}: {}", list.text);
    rows.iter().map(|d| d["serial"].as_str().unwrap().to_owned()).collect()
}

async fn put_once(program: &Program, path: &str, key: &str, body: Value) -> crate::support::Answer {
    program.send(Method::PUT, path, &[("idempotency-key", key)], Some(body.to_string())).await
}

async fn a_list_adds_devices_and_reports_wrong_rows(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    add(&acme, &["TAKEN"], world.acme).await;
    let row = |serial: &str| json!({ "serial": serial, "company_id": world.acme, "device_series": "rut" });
    let with = |serial: &str, field: &str, value: Value| {
        let mut row = row(serial);
        row[field] = value;
        row
    };
    let rows = json!({ "data": [
        with("A1", "mac", json!("00:1e:42:0a:bc:ff")),
        with("A2", "mac", json!("00:1e")),
        with("A3", "imei", json!("12")),
        with("A4", "device_series", json!("xyz")),
        row("taken"),
        row("a1"),
        with("A5", "company_id", json!(world.other)),
        with("A6", "company_id", json!(null)),
        row(""),
        with("A7", "tag_id", json!([999])),
        with("A8", "imei", json!("352780098765439")),
    ] });
    let made = acme.post_once("/api/devices", "list", rows.clone()).await;
    let added: Vec<_> = made.is(207).data().as_array().unwrap().iter().map(|d| d["serial"].clone()).collect();
    assert_eq!(added, ["A1", "A8"]);
    let wrong = [
        ("data.1.mac", "NOT_A_MAC"),
        ("data.2.imei", "NOT_AN_IMEI"),
        ("data.3.device_series", "UNKNOWN_SERIES"),
        ("data.4.serial", "SERIAL_TAKEN"),
        ("data.5.serial", "SERIAL_TAKEN"),
        ("data.6.company_id", "UNKNOWN_COMPANY"),
        ("data.7.company_id", "MISSING"),
        ("data.8.serial", "MISSING"),
        ("data.9.tag_id", "UNKNOWN_TAG"),
    ];
    assert_eq!(made.errors(), wrong.map(|(field, code)| (field.to_owned(), code.to_owned())));
    let again = acme.post_once("/api/devices", "list", rows).await;
    assert_eq!((&again.is(207).text, again.header("idempotency-replayed")), (&made.text, "true"));
    acme.post_once("/api/devices", "list", json!({ "data": [row("B")] })).await.refuses(
        422,
        "",
        "IDEMPOTENCY_KEY_REUSED",
    );
    let id = made.data()[0]["id"].as_i64().unwrap();
    let device = acme.get(&format!("/api/devices/{id}")).await;
    let shown = [&device.is(200).data()["mac"], &device.data()["device_series"], &device.data()["state"]];
    assert_eq!(shown, ["00:1e:42:0a:bc:ff", "rut", "off"]);
    let company = acme.get(&format!("/api/companies/{}", world.acme)).await;
    assert_eq!(company.data()["devices_count"], 3);
    test.verify().await;
}

async fn a_list_with_no_right_row_is_refused_as_a_whole(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let post = async |data: Value| acme.post("/api/devices", json!({ "data": data })).await;
    post(json!([])).await.refuses(422, "data", "NOTHING_CHOSEN");
    post(json!(5)).await.refuses(422, "data", "NOT_A_LIST");
    post(json!([5])).await.refuses(422, "data", "NOT_A_LIST");
    post(json!([{ "serial": 5, "company_id": world.acme }])).await.refuses(422, "data.0.serial", "NOT_A_TEXT");
    for company in [world.other, 999_999] {
        let refused = post(json!([{ "serial": "X", "company_id": company }])).await;
        refused.refuses(404, "data.0.company_id", "UNKNOWN_COMPANY");
    }
    let rows: Vec<Value> = (0..1_001).map(|n| json!({ "serial": format!("S{n}"), "company_id": world.acme })).collect();
    post(json!(rows)).await.refuses(422, "data", "TOO_MANY");
    assert_eq!(serials(&acme, "").await, Vec::<String>::new());
    // All of a full list.
    let made = post(json!(rows[..1_000])).await;
    assert_eq!(made.is(201).data().as_array().unwrap().len(), 1_000);
    let auditor = Program::all(&test, "auditor@test.example").await;
    auditor.post("/api/devices", json!({ "data": [rows[1_000]] })).await.refuses(403, "", "FORBIDDEN");
    test.verify().await;
}

async fn credit_is_taken_with_the_devices_or_they_wait(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let row = |serial: &str, on: i64| json!({ "serial": serial, "company_id": world.acme, "auto_credit_enable": on });
    let list = json!({ "data": [row("A1", 1), row("A2", 1), row("A3", 0)] });
    acme.post("/api/devices", list).await.is(201);
    let mut states: Vec<String> = Vec::new();
    for device in acme.get("/api/devices?sort=serial").await.data().as_array().unwrap() {
        let extends = if device["serial"] == "A3" { 0 } else { 1 };
        assert_eq!((&device["auto_extend_credit"], &device["credit_enabled"]), (&json!(extends), &json!(extends)));
        states.push(device["state"].as_str().unwrap().to_owned());
    }
    states[..2].sort();
    assert_eq!(states, ["active", "waiting", "off"]);
    assert_eq!(world.credit(&test, world.acme).await, 0);
    let flat = json!({ "serial": "A4", "auto_credit_enable": true });
    assert_eq!(acme.post("/api/devices", flat).await.is(201).data()["state"], "waiting");
    let apartment = json!({ "kind": "apartment", "name": "Flat", "auto_credit_enable": 1 });
    acme.post("/api/devices", apartment).await.refuses(422, "auto_credit_enable", "UNSUITABLE_SERVICE");
    test.verify().await;
}

async fn the_same_list_sent_at_once_adds_its_devices_once(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 100).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let row = |n: i64| json!({ "serial": format!("S{n}"), "company_id": world.acme, "auto_credit_enable": 1 });
    let body = json!({ "data": (0..20).map(row).collect::<Vec<_>>() });
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (acme, body) = (acme.clone(), body.clone());
            tokio::spawn(async move { acme.post_once("/api/devices", "at once", body).await })
        })
        .collect();
    let mut texts = std::collections::BTreeSet::new();
    for task in tasks {
        let answer = task.await.unwrap();
        assert!([201, 409].contains(&answer.status.as_u16()), "{}", answer.text);
        if answer.status == 201 {
            texts.insert(answer.text);
        }
    }
    assert_eq!(texts.len(), 1);
    assert_eq!(acme.get("/api/devices?limit=0").await.body["meta"]["total"], 20);
    assert_eq!(world.credit(&test, world.acme).await, 80);
    test.verify().await;
}

async fn passwords_are_thrown_away(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let secret = "hunter2-of-the-router";
    let new = |serial| json!({ "serial": serial, "company_id": world.acme, "password_confirmation": secret });
    acme.post("/api/devices", json!({ "data": [new("A1")] })).await.is(201);
    acme.post("/api/devices", new("A2")).await.is(201);
    acme.post("/api/devices", json!({ "serial": "A3", "password_confirmation": 7 })).await.is(201);
    let mut tx = test.app.db.read().await.unwrap();
    for text in [
        "select coalesce(result, '') from operation",
        "select search || description || coalesce(serial, '') from device",
        "select subject || details from history",
    ] {
        let found: Vec<(String,)> = sql(text).all(&mut tx).await.unwrap();
        assert!(found.iter().all(|row| !row.0.contains("hunter2")), "{text}");
    }
}

async fn names_and_descriptions_of_many_are_changed(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let ids = add(&acme, &["A1", "A2", "A3"], world.acme).await;
    let flat = acme.post("/api/devices", json!({ "kind": "apartment", "name": "Flat" })).await.data()["id"].clone();
    let vendor = Program::all(&test, "operator@test.example").await;
    let stranger = add(&vendor, &["O1"], world.other).await[0];
    let rows = json!({ "data": [
        { "id": ids[0], "name": "Gate", "description": "By the\nriver" },
        { "id": ids[1], "name": "x".repeat(201) },
        { "id": ids[2] },
        { "id": stranger, "name": "Mine" },
        { "id": flat, "name": "" },
        { "id": "x", "name": "y" },
    ] });
    let set = put_once(&acme, "/api/devices", "set", rows.clone()).await;
    assert_eq!(*set.is(207).data(), json!([{ "id": ids[0] }]));
    let mut errors = set.errors();
    errors.sort();
    let wrong = [
        ("data.1.name", "TOO_LONG"),
        ("data.2.id", "NOTHING_TO_CHANGE"),
        ("data.3.id", "UNKNOWN_DEVICE"),
        ("data.4.name", "MISSING"),
        ("data.5.id", "NOT_A_NUMBER"),
    ];
    assert_eq!(errors, wrong.map(|(field, code)| (field.to_owned(), code.to_owned())));
    assert_eq!(put_once(&acme, "/api/devices", "set", rows).await.text, set.text);
    let device = acme.get(&format!("/api/devices/{}", ids[0])).await;
    assert_eq!((&device.data()["name"], &device.data()["description"]), (&json!("Gate"), &json!("By the\nriver")));
    assert_eq!(serials(&acme, "q=gate").await, ["A1"]);
    let all = json!({ "data": [{ "id": ids[0], "name": "N" }, { "id": ids[1], "description": "" }] });
    assert_eq!(acme.put("/api/devices", all).await.is(201).body["errors"], json!([]));
    let twice = json!({ "data": [{ "id": ids[0], "name": "N" }, { "id": ids[0], "name": "M" }] });
    let repeated = acme.put("/api/devices", twice).await;
    assert_eq!(repeated.is(422).errors().iter().map(|e| e.1.as_str()).collect::<Vec<_>>(), ["REPEATED_DEVICE"; 2]);
    let other = json!({ "data": [{ "id": stranger, "name": "Mine" }] });
    acme.put("/api/devices", other).await.refuses(404, "", "NOT_FOUND");
    assert_eq!(vendor.get(&format!("/api/devices/{stranger}")).await.data()["name"], "");
}

async fn many_are_removed_at_once(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let ids = add(&acme, &["A1", "A2", "A3"], world.acme).await;
    let stranger = add(&Program::all(&test, "operator@test.example").await, &["O1"], world.other).await[0];
    let delete = async |ids: Value| {
        acme.send(Method::DELETE, "/api/devices", &[], Some(json!({ "device_id": ids }).to_string())).await
    };
    let some = delete(json!([ids[0], stranger])).await;
    assert_eq!(*some.is(207).data(), json!([{ "id": ids[0] }]));
    assert_eq!(some.errors(), [("device_id.1".to_owned(), "UNKNOWN_DEVICE".to_owned())]);
    delete(json!([stranger])).await.refuses(404, "", "NOT_FOUND");
    delete(json!([])).await.refuses(422, "device_id", "NOTHING_CHOSEN");
    delete(json!("x")).await.refuses(422, "device_id", "NOT_A_NUMBER");
    assert_eq!(delete(json!(ids[1..])).await.is(200).data().as_array().unwrap().len(), 2);
    assert_eq!(acme.get("/api/devices?limit=0").await.body["meta"]["total"], 0);
    test.verify().await;
}

async fn many_are_moved_with_their_service(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 3).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let row = |serial: &str| json!({ "serial": serial, "company_id": world.acme, "auto_credit_enable": 1 });
    let made = acme.post("/api/devices", json!({ "data": [row("A1"), row("A2")] })).await;
    let ids: Vec<_> = made.data().as_array().unwrap().iter().map(|d| d["id"].clone()).collect();
    let vendor = Program::all(&test, "operator@test.example").await;
    let stranger = add(&vendor, &["O1"], world.other).await[0];
    let to = |ids: Value, company: i64| json!({ "device_id": ids, "company_id": company });
    // With a slash at the end, as RMS writes it.
    let moved = acme.post_once("/api/devices/move/", "move", to(json!(ids), world.acme_north)).await;
    let channel = moved.is(200).body["meta"]["channel"].as_str().unwrap().to_owned();
    assert_eq!(acme.post_once("/api/devices/move", "move", to(json!(ids), world.acme_north)).await.text, moved.text);
    let device = acme.get(&format!("/api/devices/{}", ids[0])).await;
    let shown = [&device.data()["company_id"], &device.data()["state"], &device.data()["auto_extend_credit"]];
    assert_eq!(shown, [&json!(world.acme_north), &json!("active"), &json!(1)]);
    assert_eq!((world.credit(&test, world.acme).await, world.credit(&test, world.acme_north).await), (1, 0));
    let status = acme.get(&format!("/api/status/channel/{channel}")).await;
    assert_eq!(status.is(200).data()[ids[1].to_string()][0]["status"], "completed");
    let some = acme.post("/api/devices/move", to(json!([ids[0], stranger]), world.acme)).await;
    assert_eq!(some.is(207).errors(), [("device_id.1".to_owned(), "UNKNOWN_DEVICE".to_owned())]);
    let channel = some.body["meta"]["channel"].as_str().unwrap();
    let status = acme.get(&format!("/api/status/channel/{channel}")).await;
    assert_eq!(status.is(200).data()[stranger.to_string()][0]["errorCode"], "UNKNOWN_DEVICE");
    for company in [world.other, 999_999] {
        let away = acme.post("/api/devices/move", to(json!(ids), company)).await;
        away.refuses(404, "company_id", "UNKNOWN_COMPANY");
    }
    acme.post("/api/devices/move", to(json!([stranger]), world.acme)).await.refuses(404, "", "NOT_FOUND");
    acme.post("/api/devices/move", json!({ "device_id": ids })).await.refuses(422, "company_id", "MISSING");
    let history = who(&test.app, "acme@test.example").await;
    let recent = scrip::store::history::HistoryFilter { limit: 50, ..Default::default() };
    let rows = scrip::ops::history::list(&test.app, &history, None, &recent).await.unwrap();
    assert!(rows.iter().any(|row| row.verb == "device.moved"), "{rows:?}");
    test.verify().await;
}

async fn rows_have_the_fields_of_rms(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let new = json!({ "serial": "A1", "imei": "352780098765439", "description": "D", "auto_credit_enable": 1 });
    acme.post("/api/devices", new).await.is(201);
    add(&acme, &["A2"], world.acme).await;
    test.app.clock.advance_seconds(60);
    let id = acme.get("/api/devices").await.data()[1]["id"].clone();
    acme.put(&format!("/api/devices/{id}"), json!({ "mac": "001E420ABCFF", "device_series": "TRB" })).await.is(200);
    let rows = acme.get("/api/devices").await.data().clone();
    for (name, paid, unpaid) in [
        ("status", json!(0), json!(0)),
        ("activation_status", json!("activated"), json!("not_activated")),
        ("credit_enabled", json!(1), json!(0)),
        ("credit_activated", json!(1), json!(0)),
        ("credit_expire_date", json!("2026-12-21 12:00:00"), json!(null)),
        ("auto_extend_credit", json!(1), json!(0)),
        ("monitoring_enabled", json!(1), json!(1)),
        ("management_credit_type", json!("credit"), json!(null)),
        ("management_credit_type_id", json!(1), json!(null)),
        ("management_credit_type_name", json!("Credit"), json!(null)),
        ("data_credit_type", json!(null), json!(null)),
        ("data_credit_type_id", json!(null), json!(null)),
        ("company_name", json!("Acme"), json!("Acme")),
        ("tags", json!([]), json!([])),
        ("last_connection_at", json!(null), json!(null)),
        ("imei", json!("352780098765439"), json!("")),
        ("mac", json!(""), json!("001E420ABCFF")),
        ("device_series", json!(""), json!("trb")),
        ("description", json!("D"), json!("")),
        ("created_at", json!("2026-11-21 12:00:00"), json!("2026-11-21 12:00:00")),
        ("updated_at", json!("2026-11-21 12:00:00"), json!("2026-11-21 12:01:00")),
    ] {
        assert_eq!((&rows[0][name], &rows[1][name]), (&paid, &unpaid), "{name}");
    }
}

async fn devices_are_found_by_each_filter(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 2).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let data = json!({ "data": [
        { "serial": "A1", "company_id": world.acme, "mac": "00:1E:42:00:00:01", "auto_credit_enable": 1 },
        { "serial": "A2", "company_id": world.acme, "imei": "352780098765439", "model": "RUT955" },
        { "serial": "A3", "company_id": world.acme_north, "model": "TRB140" },
    ] });
    let made = acme.post("/api/devices", data).await;
    let third = made.is(201).data()[2]["id"].clone();
    acme.put("/api/devices/monitoring", json!({ "data": [{ "device_id": third, "monitoring_enabled": 0 }] }))
        .await
        .is(200);
    let off = json!({ "data": [{ "device_id": third, "credit_type_id": 7, "credit_enabled": 1 }] });
    acme.put("/api/devices/credit", off).await.is(201);
    for (query, found) in [
        ("serial=a1", vec!["A1"]),
        ("ne:serial=a1", vec!["A2", "A3"]),
        ("mac=001e42000001", vec!["A1"]),
        ("mac=x", vec![]),
        ("ne:mac=00-1E-42-00-00-01", vec!["A2", "A3"]),
        ("imei=352780098765439", vec!["A2"]),
        ("model=RUT955", vec!["A2"]),
        ("ne:model=RUT955", vec!["A1", "A3"]),
        ("model=ne:RUT955", vec!["A1", "A3"]),
        ("status=online", vec![]),
        ("ne:status=online", vec!["A1", "A2", "A3"]),
        ("status=offline", vec!["A1"]),
        ("status=not_activated", vec!["A2", "A3"]),
        ("status=not_activated&sort=-serial", vec!["A3", "A2"]),
        ("ne:status=not_activated", vec!["A1"]),
        ("status=active", vec!["A1"]),
        ("ne:status=active", vec!["A2", "A3"]),
        ("status=off&model=RUT955", vec!["A2"]),
        ("monitoring_status=monitored", vec!["A1", "A2"]),
        ("monitoring_status=not_monitored", vec!["A3"]),
        ("management_credit_type=credit", vec!["A1"]),
        ("management_credit_type_id=1", vec!["A1"]),
        ("management_credit_type=data_150GB_10y", vec![]),
        ("ne:management_credit_type=credit", vec!["A2", "A3"]),
        ("data_credit_type=data_150GB_10y", vec!["A3"]),
        ("data_credit_type_id=7", vec!["A3"]),
        ("q=352780", vec!["A2"]),
        ("serial=A1&model=RUT955", vec![]),
        ("model=RUT955&cursor=", vec!["A2"]),
    ] {
        assert_eq!(serials(&acme, query).await, found, "{query}");
    }
    let one = format!("status=not_activated&company_id={}", world.acme);
    assert_eq!(serials(&acme, &one).await, ["A2"]);
    for (query, field, code) in [
        ("status=dead", "status", "NOT_A_CHOICE"),
        ("monitoring_status=2", "monitoring_status", "NOT_A_CHOICE"),
        ("data_credit_type=gold", "data_credit_type", "UNKNOWN_TYPE"),
        ("tag_id=x", "tag_id", "NOT_A_NUMBER"),
        ("colour=red", "colour", "UNKNOWN_PARAMETER"),
        ("ne:colour=red", "ne:colour", "UNKNOWN_PARAMETER"),
    ] {
        acme.get(&format!("/api/devices?{query}")).await.refuses(422, field, code);
    }
}

async fn telemetry_is_unknown_of_all_devices(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    add(&acme, &["A1"], world.acme).await;
    for name in [
        "firmware",
        "signal",
        "network_state",
        "connection_type",
        "operator",
        "modem_model",
        "modem_manufacturer",
        "modem_firmware",
        "wan_state",
        "task",
        "information_updated",
    ] {
        for value in ["unknown", "no_signal", "never_been_updated", "no_pending_task"] {
            assert_eq!(serials(&acme, &format!("{name}={value}")).await, ["A1"], "{name} {value}");
        }
        assert_eq!(serials(&acme, &format!("{name}=something")).await.len(), 0, "{name}");
        assert_eq!(serials(&acme, &format!("{name}_2=unknown")).await, ["A1"], "{name}");
        assert_eq!(serials(&acme, &format!("ne:{name}=unknown")).await.len(), 0, "{name}");
        assert_eq!(serials(&acme, &format!("ne:{name}_2=something")).await, ["A1"], "{name}");
    }
    assert_eq!(serials(&acme, "ne_modem_manufacturer=Quectel").await, ["A1"]);
    assert_eq!(serials(&acme, "firmware=unknown&signal=low").await.len(), 0);
    assert_eq!(serials(&acme, "firmware=unknown&_=7&timestamp=1").await, ["A1"]);
}

async fn fields_narrow_the_rows(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = add(&acme, &["A1"], world.acme).await[0];
    let narrow = acme.get("/api/devices?fields=id,serial,firmware").await;
    assert_eq!(*narrow.is(200).data(), json!([{ "id": id, "serial": "A1" }]));
    assert_eq!(narrow.body["meta"]["total"], 1);
    let narrow = acme.get("/api/devices?fields_only=serial").await;
    assert_eq!(*narrow.is(200).data(), json!([{ "serial": "A1" }]));
    let names = acme.get("/api/devices?fields_only=true").await;
    assert!(names.is(200).data().as_array().unwrap().contains(&json!("management_credit_type")));
    acme.get("/api/devices?fields_only=false").await.is(200);
    assert_eq!(*acme.get("/api/devices?fields=id&status=online").await.is(200).data(), json!([]));
    acme.get("/api/devices?status=online").await.is(200);
}

async fn charts_count_by_status_and_model(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let row = |serial: &str, model: &str, on: i64, company: i64| json!({ "serial": serial, "model": model, "company_id": company, "auto_credit_enable": on });
    let rows = [
        row("A1", "RUT955", 1, world.acme),
        row("A2", "RUT955", 0, world.acme),
        row("A3", "TRB140", 0, world.acme_north),
    ];
    acme.post("/api/devices", json!({ "data": rows })).await.is(201);
    let charts = acme.get("/api/devices/statistics?charts=status,model,signal").await;
    let wanted = json!({
        "status": { "online": 0, "offline": 1, "not_activated": 2 },
        "model": { "RUT955": 2, "TRB140": 1 },
        "signal": {},
    });
    assert_eq!(*charts.is(200).data(), wanted);
    let of_one = acme.get(&format!("/api/devices/statistics?charts=model&company_id={}", world.acme_north)).await;
    assert_eq!(*of_one.is(200).data(), json!({ "model": { "TRB140": 1 } }));
    let vendor = Program::all(&test, "operator@test.example").await;
    assert_eq!(vendor.get("/api/devices/statistics").await.is(200).data()["status"]["not_activated"], 2);
    acme.get(&format!("/api/devices/statistics?company_id={}", world.other)).await.refuses(404, "", "NOT_FOUND");
    acme.get("/api/devices/statistics?charts=A%20B").await.refuses(422, "charts", "NOT_A_CHOICE");
    acme.get("/api/devices/statistics?graphs=status").await.refuses(422, "graphs", "UNKNOWN_PARAMETER");
}

async fn the_list_is_exported_as_csv(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let serials: Vec<String> = (0..620).map(|n| format!("S{n:03}")).collect();
    add(&acme, &serials.iter().map(String::as_str).collect::<Vec<_>>(), world.acme).await;
    acme.post("/api/devices", json!({ "serial": "X1", "name": "=1+1", "model": "RUT955" })).await.is(201);
    let file = acme.page("/api/devices/export/csv").await;
    assert!(file.is(200).headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(file.body.starts_with("id,serial,mac,imei,name,model,") && file.body.contains("'=1+1"), "{}", file.body);
    assert_eq!(file.body.lines().count(), 622);
    let part = acme.page("/api/devices/export/csv?limit=2&offset=1&fields=serial").await;
    assert_eq!(part.is(200).body, "serial\nS001\nS002\n");
    let part = acme.page("/api/devices/export/csv?model=RUT955&fields=serial,model").await;
    assert_eq!(part.is(200).body, "serial,model\nX1,RUT955\n");
    acme.get("/api/devices/export/csv?colour=red").await.refuses(422, "colour", "UNKNOWN_PARAMETER");
    let writer = Program::of(&test, "acme@test.example", "devices:write").await;
    writer.get("/api/devices/export/csv").await.refuses(403, "", "SCOPE_MISSING");
}

async fn a_file_is_imported_and_its_channel_tells_how_far(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let company = world.acme.to_string();
    let file = "Serial number,MAC address,Device series,Password,Description\nA1,001E42000001,RUT,secret,By the gate\n,,,,\nA2,x,,,\n";
    let fields = [("type", "csv"), ("company_id", company.as_str()), ("auto_credit_enable", "1"), ("file", file)];
    let begun = acme.upload("/api/devices/import", "file", &fields).await;
    let channel = begun.is(201).body["meta"]["channel"].as_str().unwrap().to_owned();
    assert_eq!(acme.upload("/api/devices/import", "file", &fields).await.is(201).text, begun.text);
    let import = format!("import.{}", begun.data()["id"]);
    let status = async || acme.get(&format!("/api/status/channel/{channel}")).await;
    assert_eq!(status().await.is(200).data()[&import][0]["status"], "processing");
    assert!(jobs::run_next(&test.app).await && !jobs::run_next(&test.app).await);
    let done = status().await;
    assert_eq!(done.data()[&import][0]["status"], "completed");
    assert_eq!((&done.data()["line.3"][0]["status"], done.data()["line.4"].is_array()), (&json!("error"), true));
    let device = acme.get("/api/devices?serial=A1").await.data()[0].clone();
    let shown = [&device["mac"], &device["device_series"], &device["description"], &device["state"]];
    assert_eq!(shown, ["001E42000001", "rut", "By the gate", "active"]);
    let other = Program::all(&test, "other@test.example").await;
    other.get(&format!("/api/status/channel/{channel}")).await.refuses(404, "", "NOT_FOUND");
    let strange = [("company_id", company.as_str()), ("file", file)];
    other.upload("/api/devices/import", "k", &strange).await.refuses(404, "company_id", "UNKNOWN_COMPANY");
    acme.upload("/api/devices/import", "k1", &[("company_id", "x"), ("file", file)]).await.refuses(
        422,
        "company_id",
        "NOT_A_NUMBER",
    );
    acme.upload("/api/devices/import", "k2", &[("company_id", &company), ("file", "a,b\n1,2\n")])
        .await
        .refuses(422, "file", "FILE");
    let xls = [("type", "xls"), ("company_id", company.as_str()), ("file", file)];
    acme.upload("/api/devices/import", "k3", &xls).await.refuses(422, "type", "NOT_A_CHOICE");
    test.verify().await;
}

async fn a_channel_is_for_its_caller_and_survives_a_restart(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let rows =
        json!({ "data": [{ "serial": "A1", "company_id": world.acme }, { "serial": "a1", "company_id": world.acme }] });
    let made = acme.post("/api/devices", rows).await;
    let path = format!("/api/status/channel/{}", made.is(207).body["meta"]["channel"].as_str().unwrap());
    let id = made.data()[0]["id"].to_string();
    let status = acme.get(&path).await;
    assert_eq!(status.is(200).data()[&id][0]["status"], "completed");
    assert_eq!(status.data()["data.1"][0]["errorCode"], "SERIAL_TAKEN");
    let again = acme.on(scrip::web::router::router(test.another().await));
    assert_eq!(again.get(&path).await.is(200).text, status.text);
    for stranger in ["operator@test.example", "other@test.example"] {
        Program::all(&test, stranger).await.get(&path).await.refuses(404, "", "NOT_FOUND");
    }
    acme.get("/api/status/channel/nothing").await.refuses(404, "", "NOT_FOUND");
    let writer = Program::of(&test, "acme@test.example", "devices:write").await;
    writer.get(&path).await.refuses(403, "", "SCOPE_MISSING");
    // Each write has its own channel; people in the portal need none.
    let on = json!({ "data": [{ "device_id": made.data()[0]["id"], "monitoring_enabled": 1 }] });
    let monitored = acme.put("/api/devices/monitoring", on).await;
    assert_ne!(monitored.is(200).body["meta"]["channel"], made.body["meta"]["channel"]);
}
