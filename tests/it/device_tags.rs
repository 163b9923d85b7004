//! Tags: made, put on devices and taken off, through the API and the portal; where they go when devices move.

use crate::support::{Answer, Program, TestApp, World, signed_in, who};
use scrip::jobs;
use scrip::ops;
use serde_json::{Value, json};

both!(
    tags_are_created_listed_changed_and_deleted,
    a_name_is_unique_in_its_company,
    tags_of_another_tree_look_nonexistent,
    tags_are_put_on_and_taken_off,
    impossible_rows_are_left_out,
    a_repeated_request_returns_the_first_answer,
    devices_are_found_by_tag,
    tags_of_companies_above_are_hidden_and_kept,
    a_device_keeps_the_tags_that_are_usable_where_it_goes,
    companies_that_move_keep_usable_tags,
    a_device_moved_and_tagged_at_once_keeps_the_rule,
    tag_endpoints_require_their_scopes,
    tags_are_set_in_the_portal,
    people_see_tags_as_they_may,
    an_import_puts_tags_on,
);

async fn tag(program: &Program, name: &str, company: i64) -> i64 {
    let made = program.post("/api/tags", json!({ "name": name, "company_id": company })).await;
    made.is(201).data()["id"].as_i64().unwrap()
}

async fn device(program: &Program, serial: &str, company: i64, tags: &[i64]) -> i64 {
    let new = json!({ "serial": serial, "company_id": company, "tag_id": tags });
    program.post("/api/devices", new).await.is(201).data()["id"].as_i64().unwrap()
}

/// The names of a device's tags, as this caller sees them.
async fn tags_of(program: &Program, id: i64) -> Vec<String> {
    let device = program.get(&format!("/api/devices/{id}")).await;
    let tags = device.is(200).data()["tags"].as_array().unwrap().clone();
    tags.iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
}

async fn change(program: &Program, verb: &str, device: i64, tags: Value) -> Answer {
    let row = json!({ "device_id": device, "tag_id": tags });
    program.put(&format!("/api/devices/tags/{verb}"), json!({ "data": [row] })).await
}

async fn tags_are_created_listed_changed_and_deleted(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let new = json!({ "name": " Roof ", "company_id": world.acme, "description": "High\nup", "color": "#0A7F3F" });
    let made = acme.post_once("/api/tags", "roof", new.clone()).await;
    let id = made.is(201).data()["id"].as_i64().unwrap();
    assert_eq!((&made.data()["name"], &made.data()["color"]), (&json!("Roof"), &json!("#0a7f3f")));
    assert_eq!(acme.post_once("/api/tags", "roof", new).await.is(201).text, made.text);
    tag(&acme, "Cellar", world.acme).await;
    tag(&acme, "Attic", world.acme_north).await;
    let names = async |query: &str| {
        let list = acme.get(&format!("/api/tags?{query}")).await;
        let rows = list.is(200).data().as_array().unwrap().clone();
        rows.iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Roof", "Cellar", "Attic"]);
    assert_eq!(names("sort=name").await, ["Attic", "Cellar", "Roof"]);
    assert_eq!(names("sort=-name&limit=1&page=2").await, ["Cellar"]);
    assert_eq!(names("q=ELL").await, ["Cellar"]);
    assert_eq!(names(&format!("company_id={}", world.acme_north)).await, ["Attic"]);
    assert_eq!(names(&format!("id={id},999")).await, ["Roof"]);
    let page = acme.get("/api/tags?cursor=&limit=2").await;
    let next = page.is(200).body["meta"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(names(&format!("cursor={next}")).await, ["Attic"]);
    assert_eq!(acme.get("/api/tags?limit=0").await.body["meta"]["total"], 3);
    assert_eq!(*acme.get("/api/tags?fields=name&q=roof").await.is(200).data(), json!([{ "name": "Roof" }]));
    acme.get("/api/tags?color=red").await.refuses(422, "color", "UNKNOWN_PARAMETER");
    acme.get("/api/tags?sort=color").await.refuses(422, "sort", "NOT_A_CHOICE");
    let path = format!("/api/tags/{id}");
    let changed = acme.put(&path, json!({ "name": "Top" })).await;
    assert_eq!((&changed.is(200).data()["name"], &changed.data()["description"]), (&json!("Top"), &json!("High\nup")));
    let tagged = device(&acme, "A1", world.acme, &[id]).await;
    assert_eq!(tags_of(&acme, tagged).await, ["Top"]);
    assert_eq!(*acme.delete(&path).await.is(200).data(), json!({ "id": id }));
    acme.get(&path).await.refuses(404, "", "NOT_FOUND");
    assert_eq!(tags_of(&acme, tagged).await, Vec::<String>::new());
    test.verify().await;
}

async fn a_name_is_unique_in_its_company(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = tag(&acme, "Roof", world.acme).await;
    let other = tag(&acme, "Cellar", world.acme).await;
    tag(&acme, "Roof", world.acme_north).await;
    let post = async |new: Value| acme.post("/api/tags", new).await;
    post(json!({ "name": "ROOF", "company_id": world.acme })).await.refuses(422, "name", "NAME_TAKEN");
    post(json!({ "name": "a,b", "company_id": world.acme })).await.refuses(422, "name", "NAME_HAS_SEPARATOR");
    post(json!({ "company_id": world.acme })).await.refuses(422, "name", "MISSING");
    post(json!({ "name": "x" })).await.refuses(422, "company_id", "MISSING");
    post(json!({ "name": "x\u{7}", "company_id": world.acme })).await.refuses(422, "name", "HIDDEN_CHARACTERS");
    post(json!({ "name": "x".repeat(101), "company_id": world.acme })).await.refuses(422, "name", "TOO_LONG");
    let wrong = json!({ "name": "x", "company_id": world.acme, "color": "url(x)" });
    post(wrong).await.refuses(422, "color", "NOT_A_COLOR");
    acme.put(&format!("/api/tags/{other}"), json!({ "name": "roof" })).await.refuses(422, "name", "NAME_TAKEN");
    assert_eq!(acme.put(&format!("/api/tags/{id}"), json!({ "name": "rOOF" })).await.is(200).data()["name"], "rOOF");
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let acme = acme.clone();
            let new = json!({ "name": "Race", "company_id": world.acme });
            tokio::spawn(async move { acme.post("/api/tags", new).await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422, 422, 422, 422, 422]);
}

async fn tags_of_another_tree_look_nonexistent(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let other = Program::all(&test, "other@test.example").await;
    let (own, strange) = (tag(&acme, "Mine", world.acme).await, tag(&other, "Theirs", world.other).await);
    let id = device(&acme, "A1", world.acme, &[own]).await;
    for tag in [strange, 999_999] {
        let path = format!("/api/tags/{tag}");
        acme.get(&path).await.refuses(404, "", "NOT_FOUND");
        acme.put(&path, json!({ "name": "x" })).await.refuses(404, "", "NOT_FOUND");
        acme.delete(&path).await.refuses(404, "", "NOT_FOUND");
        for verb in ["assign", "unassign", "overwrite"] {
            change(&acme, verb, id, json!([tag])).await.refuses(404, "data.0.tag_id", "UNKNOWN_TAG");
        }
        let new = json!({ "serial": "X", "tag_id": [tag] });
        acme.post("/api/devices", new).await.refuses(404, "tag_id", "UNKNOWN_TAG");
        acme.put(&format!("/api/devices/{id}"), json!({ "tag_id": [tag] })).await.refuses(404, "tag_id", "UNKNOWN_TAG");
        assert_eq!(acme.get(&format!("/api/devices?tag_id={tag}")).await.is(200).data(), &json!([]));
    }
    assert_eq!(acme.get("/api/devices?tags=Theirs").await.is(200).data(), &json!([]));
    acme.post("/api/tags", json!({ "name": "x", "company_id": world.other })).await.refuses(
        404,
        "company_id",
        "UNKNOWN_COMPANY",
    );
    assert_eq!(tags_of(&acme, id).await, ["Mine"]);
}

async fn tags_are_put_on_and_taken_off(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let [a, b, c] =
        [tag(&acme, "A", world.acme).await, tag(&acme, "B", world.acme).await, tag(&acme, "C", world.acme).await];
    let id = device(&acme, "A1", world.acme_north, &[a, a]).await;
    change(&acme, "assign", id, json!([a, b])).await.is(200);
    assert_eq!(tags_of(&acme, id).await, ["A", "B"]);
    change(&acme, "unassign", id, json!([a, c])).await.is(200);
    assert_eq!(tags_of(&acme, id).await, ["B"]);
    change(&acme, "overwrite", id, json!([c, a])).await.is(200);
    assert_eq!(tags_of(&acme, id).await, ["A", "C"]);
    change(&acme, "unassign", id, json!(null)).await.is(200);
    assert_eq!(tags_of(&acme, id).await, Vec::<String>::new());
    change(&acme, "assign", id, json!(null)).await.refuses(422, "data.0.tag_id", "MISSING");
    change(&acme, "assign", id, json!(b)).await.is(200);
    acme.put("/api/devices", json!({ "data": [{ "id": id, "tag_id": [c] }] })).await.is(201);
    assert_eq!(tags_of(&acme, id).await, ["C"]);
    acme.put(&format!("/api/devices/{id}"), json!({ "name": "Gate" })).await.is(200);
    assert_eq!(tags_of(&acme, id).await, ["C"]);
    change(&acme, "overwrite", id, json!([])).await.is(200);
    assert_eq!(tags_of(&acme, id).await, Vec::<String>::new());
    let history = who(&test.app, "acme@test.example").await;
    let recent = scrip::store::history::HistoryFilter { limit: 50, ..Default::default() };
    let rows = ops::history::list(&test.app, &history, None, &recent).await.unwrap();
    assert!(rows.iter().any(|row| row.verb == "device.tags_set" && row.details == "on: A, B"), "{rows:?}");
    test.verify().await;
}

async fn impossible_rows_are_left_out(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let (acmes, norths) = (tag(&acme, "A", world.acme).await, tag(&acme, "N", world.acme_north).await);
    let [one, two] = [device(&acme, "A1", world.acme, &[]).await, device(&acme, "A2", world.acme, &[]).await];
    let vendor = Program::all(&test, "operator@test.example").await;
    let stranger = device(&vendor, "O1", world.other, &[]).await;
    let row = |device: Value, tags: Value| json!({ "device_id": device, "tag_id": tags });
    let rows = json!({ "data": [
        row(json!(one), json!([acmes])),
        row(json!(two), json!([norths])),
        row(json!(stranger), json!([acmes])),
        row(json!("x"), json!([acmes])),
    ] });
    let set = acme.put("/api/devices/tags/assign", rows).await;
    assert_eq!(*set.is(207).data(), json!([{ "id": one }]));
    let mut errors = set.errors();
    errors.sort();
    let wrong = [
        ("data.1.tag_id", "TAG_OUT_OF_REACH"),
        ("data.2.device_id", "UNKNOWN_DEVICE"),
        ("data.3.device_id", "NOT_A_NUMBER"),
    ];
    assert_eq!(errors, wrong.map(|(field, code)| (field.to_owned(), code.to_owned())));
    assert_eq!((tags_of(&acme, one).await, tags_of(&acme, two).await.len()), (vec!["A".to_owned()], 0));
    change(&acme, "assign", stranger, json!([acmes])).await.refuses(404, "", "NOT_FOUND");
    let twice = json!({ "data": [row(json!(two), json!([acmes])), row(json!(two), json!([]))] });
    assert_eq!(acme.put("/api/devices/tags/assign", twice).await.is(422).errors().len(), 2);
    acme.put("/api/devices/tags/assign", json!({ "data": [] })).await.refuses(422, "data", "NOTHING_CHOSEN");
    acme.put("/api/devices/tags/assign", json!({})).await.refuses(422, "data", "MISSING");
    let new = json!({ "serial": "A3", "tag_id": [norths] });
    acme.post("/api/devices", new).await.refuses(422, "tag_id", "TAG_OUT_OF_REACH");
}

async fn a_repeated_request_returns_the_first_answer(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = tag(&acme, "A", world.acme).await;
    let device = device(&acme, "A1", world.acme, &[]).await;
    let body = json!({ "data": [{ "device_id": device, "tag_id": [id] }] }).to_string();
    let put = async || {
        let key = [("idempotency-key", "assign")];
        acme.send(axum::http::Method::PUT, "/api/devices/tags/assign", &key, Some(body.clone())).await
    };
    let first = put().await;
    change(&acme, "unassign", device, json!([id])).await.is(200);
    let again = put().await;
    assert_eq!((&again.is(200).text, again.header("idempotency-replayed")), (&first.text, "true"));
    assert_eq!(tags_of(&acme, device).await, Vec::<String>::new());
    let status = acme.get(&format!("/api/status/channel/{}", first.body["meta"]["channel"].as_str().unwrap())).await;
    assert_eq!(status.is(200).data()[device.to_string()][0]["status"], "completed");
}

async fn devices_are_found_by_tag(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let (roof, cellar) = (tag(&acme, "Roof", world.acme).await, tag(&acme, "Cellar", world.acme).await);
    let norths = tag(&acme, "ROOF", world.acme_north).await;
    device(&acme, "A1", world.acme, &[roof, cellar]).await;
    device(&acme, "A2", world.acme, &[cellar]).await;
    device(&acme, "A3", world.acme_north, &[norths]).await;
    device(&acme, "A4", world.acme, &[]).await;
    let found = async |query: &str| {
        let list = acme.get(&format!("/api/devices?sort=serial&{query}")).await;
        let rows = list.is(200).data().as_array().unwrap().clone();
        assert_eq!(list.body["meta"]["total"], rows.len(), "{query}");
        rows.iter().map(|d| d["serial"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("tags=roof").await, ["A1", "A3"]);
    assert_eq!(found("tags=Roof,Cellar").await, ["A1", "A2", "A3"]);
    assert_eq!(found("tags=nothing").await, Vec::<String>::new());
    assert_eq!(found(&format!("tag_id={roof}")).await, ["A1"]);
    assert_eq!(found(&format!("tag_id={roof},{norths}")).await, ["A1", "A3"]);
    assert_eq!(found(&format!("ne:tag_id={cellar}")).await, ["A3", "A4"]);
    assert_eq!(found("ne:tags=roof").await, ["A2", "A4"]);
    assert_eq!(found("tags=ne:roof").await, ["A2", "A4"]);
    assert_eq!(found(&format!("tags=cellar&tag_id={roof}")).await, ["A1"]);
    assert_eq!(found(&format!("tags=roof&company_id={}", world.acme_north)).await, ["A3"]);
}

async fn tags_of_companies_above_are_hidden_and_kept(test: TestApp) {
    let world = World::new(&test).await;
    let (acme, vendor) =
        (Program::all(&test, "acme@test.example").await, Program::all(&test, "operator@test.example").await);
    let (own, above) = (tag(&acme, "Own", world.acme).await, tag(&vendor, "Late payer", world.vendor).await);
    let id = device(&vendor, "A1", world.acme, &[own, above]).await;
    assert_eq!(tags_of(&vendor, id).await, ["Late payer", "Own"]);
    assert_eq!(tags_of(&acme, id).await, ["Own"]);
    assert_eq!(acme.get("/api/devices?tags=Late%20payer").await.data(), &json!([]));
    change(&acme, "overwrite", id, json!([])).await.is(200);
    change(&acme, "unassign", id, json!([])).await.is(200);
    assert_eq!(tags_of(&vendor, id).await, ["Late payer"]);
    acme.get(&format!("/api/tags/{above}")).await.refuses(404, "", "NOT_FOUND");
}

async fn a_device_keeps_the_tags_that_are_usable_where_it_goes(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let [top, acmes, norths] = [
        tag(&vendor, "Top", world.vendor).await,
        tag(&vendor, "Acme", world.acme).await,
        tag(&vendor, "North", world.acme_north).await,
    ];
    let ids = [
        device(&vendor, "A1", world.acme_north, &[top, acmes, norths]).await,
        device(&vendor, "A2", world.acme_north, &[top, acmes, norths]).await,
    ];
    vendor.put(&format!("/api/devices/{}", ids[0]), json!({ "company_id": world.acme })).await.is(200);
    assert_eq!(tags_of(&vendor, ids[0]).await, ["Acme", "Top"]);
    vendor.post("/api/devices/move", json!({ "device_id": ids, "company_id": world.other })).await.is(200);
    for id in ids {
        assert_eq!(tags_of(&vendor, id).await, ["Top"]);
    }
}

async fn companies_that_move_keep_usable_tags(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let mut tags = Vec::new();
    for (name, company) in [("Top", world.vendor), ("Acme", world.acme), ("North", world.acme_north)] {
        tags.push(tag(&vendor, name, company).await);
    }
    tags.push(tag(&vendor, "Distributor", world.distributor).await);
    let id = device(&vendor, "A1", world.acme_north, &tags).await;
    let bystander = device(&vendor, "D1", world.distributor, &[tags[3]]).await;
    vendor.post("/api/companies/move", json!({ "source": world.acme, "target": world.other })).await.is(200);
    assert_eq!(tags_of(&vendor, id).await, ["Acme", "North", "Top"]);
    assert_eq!(tags_of(&vendor, bystander).await, ["Distributor"]);
    // A company without anything takes its tags along when it is removed.
    let empty = vendor.post("/api/companies", json!({ "name": "Empty", "parent_id": world.other })).await;
    let empty = empty.is(201).data()["id"].as_i64().unwrap();
    let gone = tag(&vendor, "Gone", empty).await;
    vendor.delete(&format!("/api/companies/{empty}")).await.is(200);
    vendor.get(&format!("/api/tags/{gone}")).await.refuses(404, "", "NOT_FOUND");
}

async fn a_device_moved_and_tagged_at_once_keeps_the_rule(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let acmes = tag(&vendor, "Acme", world.acme).await;
    let id = device(&vendor, "A1", world.acme, &[]).await;
    for round in 0..10 {
        let (to, mover) = (if round % 2 == 0 { world.other } else { world.acme }, vendor.clone());
        let moved = tokio::spawn(async move {
            mover.post("/api/devices/move", json!({ "device_id": [id], "company_id": to })).await.is(200);
        });
        let tagger = vendor.clone();
        let tagged = tokio::spawn(async move {
            let answer = change(&tagger, "assign", id, json!([acmes])).await;
            assert!([200, 422].contains(&answer.status.as_u16()), "{}", answer.text);
        });
        moved.await.unwrap();
        tagged.await.unwrap();
        if to == world.other {
            assert_eq!(tags_of(&vendor, id).await, Vec::<String>::new(), "round {round}");
        }
    }
    test.verify().await;
}

async fn tag_endpoints_require_their_scopes(test: TestApp) {
    let world = World::new(&test).await;
    let id = tag(&Program::all(&test, "acme@test.example").await, "A", world.acme).await;
    let path = format!("/api/tags/{id}");
    let reader = Program::of(&test, "acme@test.example", "devices:read").await;
    reader.get("/api/tags").await.is(200);
    reader.get(&path).await.is(200);
    reader.post("/api/tags", json!({})).await.refuses(403, "", "SCOPE_MISSING");
    reader.put(&path, json!({})).await.refuses(403, "", "SCOPE_MISSING");
    reader.delete(&path).await.refuses(403, "", "SCOPE_MISSING");
    for verb in ["assign", "unassign", "overwrite"] {
        reader.put(&format!("/api/devices/tags/{verb}"), json!({})).await.refuses(403, "", "SCOPE_MISSING");
    }
    let writer = Program::of(&test, "acme@test.example", "devices:write").await;
    writer.get("/api/tags").await.refuses(403, "", "SCOPE_MISSING");
    writer.get(&path).await.refuses(403, "", "SCOPE_MISSING");
    for email in ["auditor@test.example", "north@test.example"] {
        let person = Program::all(&test, email).await;
        let new = json!({ "name": "x", "company_id": world.acme_north });
        person.post("/api/tags", new).await.refuses(403, "", "FORBIDDEN");
        person.delete(&path).await.refuses(403, "", "FORBIDDEN");
        change(&person, "assign", 1, json!([id])).await.refuses(403, "", "FORBIDDEN");
        person.get("/api/tags").await.is(200);
    }
}

async fn tags_are_set_in_the_portal(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let company = world.acme.to_string();
    acme.get("/devices/tags").await.is(200).has("No tags yet");
    let new = [("name", "Roof"), ("company", company.as_str()), ("color", "green"), ("description", "High up")];
    let answer = acme.submit("/devices/tags/new", "/devices/tags", &new).await;
    acme.done(answer).await.has("Create operation completed successfully.").has("The tag Roof of Acme").has("High up");
    let refused = acme.submit("/devices/tags/new", "/devices/tags", &new).await;
    assert_eq!(refused.is(422).problem("name"), "The company has a tag with this name already.");
    let program = Program::all(&test, "acme@test.example").await;
    let roof = program.get("/api/tags").await.data()[0]["id"].to_string();
    let fields = [
        ("kind", "device"),
        ("serial", "A1"),
        ("company", company.as_str()),
        ("mac", "00:1E:42:0A:BC:FF"),
        ("imei", "352780098765439"),
        ("series", "rut"),
        ("description", "By the gate"),
        ("tag", roof.as_str()),
    ];
    let answer = acme.submit("/devices/new", "/devices", &fields).await;
    acme.done(answer).await.has("A1").has("Roof");
    let id = program.get("/api/devices").await.data()[0]["id"].to_string();
    let page = acme.get(&format!("/devices/{id}")).await;
    page.is(200).has("00:1E:42:0A:BC:FF").has("352780098765439").has("RUT").has("By the gate").has("Roof");
    let edit = format!("/devices/{id}/facts");
    acme.get(&edit).await.has(&format!("value=\"{roof}\" checked"));
    let wrong = [("serial", "A1"), ("company", company.as_str()), ("mac", "12"), ("imei", "x")];
    let refused = acme.submit(&edit, &edit, &wrong).await;
    assert_eq!(refused.is(422).problem("imei"), "An IMEI has 14 to 16 digits.");
    let answer = acme.submit(&edit, &edit, &[("serial", "A1"), ("company", &company)]).await;
    acme.done(answer).await.has("A1 was saved.").has_not("Roof").has_not("By the gate");
    // Many at once.
    let two = device(&program, "A2", world.acme, &[]).await.to_string();
    let window = format!("/devices/tags/set?device={id}&device={two}");
    acme.get(&window).await.has("2 devices").has("Roof");
    let chosen = [("device", id.as_str()), ("device", two.as_str()), ("change", "assign")];
    let nothing = acme.submit(&window, "/devices/tags/set", &chosen).await;
    nothing.is(422).has("Choose at least one tag.");
    let answer = acme.submit(&window, "/devices/tags/set", &[&chosen[..], &[("tag", roof.as_str())]].concat()).await;
    acme.done(answer).await.has("The tags of 2 devices were set.");
    let list = acme.get(&format!("/devices?tag={roof}")).await;
    list.is(200).has("A1").has("A2").has(&format!("<option value=\"{roof}\" selected>Roof</option>"));
    acme.get("/devices?tag=999").await.has("No device fits these filters");
    // Renamed and deleted.
    let path = format!("/devices/tags/{roof}");
    let answer = acme.submit(&path, &path, &[("name", "Top")]).await;
    acme.done(answer).await.has("The tag Top was saved.");
    acme.get("/devices").await.has("Top").has_not("Roof");
    let path = format!("{path}/deletion");
    let answer = acme.submit(&path, &path, &[]).await;
    acme.done(answer).await.has("The tag Top was deleted").has("No tags yet");
    acme.get("/devices/tags/set").await.is(200).has("Choose devices in the list first.");
    test.verify().await;
}

async fn people_see_tags_as_they_may(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let (roof, top) = (tag(&vendor, "Roof", world.acme_north).await, tag(&vendor, "Secret", world.acme).await);
    let id = device(&vendor, "N1", world.acme_north, &[roof, top]).await;
    for (email, sees_top) in [("auditor@test.example", true), ("north@test.example", false)] {
        let mut person = signed_in(&test, email).await;
        let page = person.get(&format!("/devices/{id}")).await;
        page.is(200).has("Roof").has_not(">Tags</a>");
        assert_eq!(page.body.contains("Secret"), sees_top, "{email}");
        person.get(&format!("/devices?tag={roof}")).await.is(200).has("N1").has_not("data-bulk");
        for path in ["/devices/tags", "/devices/tags/new", "/devices/tags/set", &format!("/devices/tags/{roof}")] {
            person.get(path).await.is(403);
        }
        let token = person.get("/account/profile").await.field("form");
        for path in ["/devices/tags", "/devices/tags/set", &format!("/devices/tags/{roof}/deletion")] {
            person.post(path, &[("form", &token), ("name", "x")]).await.is(403);
        }
    }
    let mut other = signed_in(&test, "other@test.example").await;
    other.get(&format!("/devices/tags/{roof}")).await.is(404);
    other.get(&format!("/devices/tags/{roof}/deletion")).await.is(404);
}

async fn an_import_puts_tags_on(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    tag(&acme, "Roof", world.acme).await;
    tag(&acme, "North", world.acme_north).await;
    let mut browser = signed_in(&test, "acme@test.example").await;
    let token = browser.get("/devices/imports/new").await.is(200).field("form");
    let company = world.acme.to_string();
    let file =
        "serial,company,tags,imei\nA1,,roof,352780098765439\nA2,Acme North,\"North, Roof\",\nA3,,North,\nA4,,,12\n";
    let fields = [("form", token.as_str()), ("company", &company), ("file", file)];
    let answer = browser.upload("/devices/imports", &fields).await;
    let path = answer.is(303).location().split('?').next().unwrap().to_owned();
    let page = browser.done(answer).await;
    page.has("There is no tag “North” for devices of this company.").has("An IMEI has 14 to 16 digits.");
    browser.submit(&path, &format!("{path}/run"), &[]).await.is(303);
    while jobs::run_next(&test.app).await {}
    let found = acme.get("/api/devices?sort=serial").await.data().clone();
    let names = |n: usize| found[n]["tags"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect::<Vec<_>>();
    assert_eq!((names(0), names(1)), (vec![json!("Roof")], vec![json!("North"), json!("Roof")]));
    assert_eq!(found[0]["imei"], "352780098765439");
    test.verify().await;
}
