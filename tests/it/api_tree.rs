//! Companies and users through the REST API.

use crate::support::{Program, TestApp, World};
use serde_json::{Value, json};

both!(
    a_company_is_created_edited_moved_and_removed,
    companies_can_be_listed_sorted_and_filtered,
    a_refused_removal_names_every_obstacle,
    each_wrong_company_field_is_named,
    companies_and_users_outside_the_tree_look_nonexistent,
    a_repeated_write_returns_the_original_answer,
    a_key_stands_for_one_write_of_any_kind,
    of_two_concurrent_writes_with_one_key_only_one_happens,
    a_repeated_invitation_returns_the_same_link,
    users_can_be_listed_and_searched,
    only_administrators_can_write,
    lists_take_pages_and_several_ids,
    no_list_passes_over_an_unknown_parameter,
);

fn names(answer: &crate::support::Answer) -> Vec<&str> {
    answer.is(200).data().as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect()
}

async fn a_company_is_created_edited_moved_and_removed(test: TestApp) {
    let world = World::new(&test).await;
    let distributor = Program::all(&test, "distributor@test.example").await;
    let new = json!({ "company_name": "Acme South", "parent_id": world.acme });
    let made = distributor.post("/api/companies", new).await;
    let id = made.is(201).data()["id"].as_i64().unwrap();
    assert_eq!((&made.data()["parent_name"], &made.data()["level"]), (&json!("Acme"), &json!(3)));
    let path = format!("/api/companies/{id}");
    let change = json!({ "name": "Acme Sur", "can_use_parent_license": 1 });
    let changed = distributor.put(&path, change).await;
    assert_eq!(
        (&changed.is(200).data()["name"], &changed.data()["can_use_parent_license"]),
        (&json!("Acme Sur"), &json!(1))
    );
    let moved = distributor.post("/api/companies/move", json!({ "source": id, "target": world.distributor })).await;
    assert_eq!(moved.is(200).data()["parent_id"], world.distributor);
    assert_eq!(distributor.get(&path).await.is(200).data()["level"], 2);
    assert_eq!(*distributor.delete(&path).await.is(200).data(), json!({ "id": id }));
    distributor.get(&path).await.refuses(404, "", "NOT_FOUND");
}

async fn companies_can_be_listed_sorted_and_filtered(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let all = vendor.get("/api/companies").await;
    assert_eq!(names(&all), ["Vendor", "Distributor", "Acme", "Acme North", "Other"]);
    assert_eq!(all.body["meta"]["total"], 5);
    assert_eq!((&all.data()[0]["users_count"], &all.data()[0]["credits_left"]), (&json!(2), &json!(1_000)));
    assert_eq!(names(&vendor.get("/api/companies?sort=-company_name").await)[0], "Vendor");
    assert_eq!(
        names(&vendor.get("/api/companies?sort=parent_id,-name").await),
        ["Vendor", "Other", "Distributor", "Acme", "Acme North"]
    );
    assert_eq!(names(&vendor.get("/api/companies?q=acm&sort=name&limit=1&offset=1").await), ["Acme North"]);
    assert_eq!(
        names(&vendor.get(&format!("/api/companies?parent_id={}", world.vendor)).await),
        ["Distributor", "Other"]
    );
    assert_eq!(names(&vendor.get(&format!("/api/companies?id={}", world.acme)).await), ["Acme"]);
    let page = vendor.get("/api/companies?limit=2&cursor=").await;
    let next = page.body["meta"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(names(&vendor.get(&format!("/api/companies?limit=2&cursor={next}")).await), ["Acme", "Acme North"]);
    vendor.get("/api/companies?cursor=&sort=name").await.refuses(422, "sort", "NOT_A_CHOICE");
    vendor.get("/api/companies?sort=name,name,name,name,name,name,name").await.is(422);
    let acme = Program::all(&test, "acme@test.example").await;
    assert_eq!(names(&acme.get("/api/companies").await), ["Acme", "Acme North"]);
}

async fn a_refused_removal_names_every_obstacle(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    world.code(&test, "acme@test.example", 5).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let refused = vendor.delete(&format!("/api/companies/{}", world.acme)).await;
    let codes: Vec<String> = refused.is(422).errors().into_iter().map(|(_, code)| code).collect();
    let all = ["COMPANY_HAS_BALANCE", "COMPANY_HAS_UNUSED_CODES", "COMPANY_HAS_SUBSIDIARIES", "COMPANY_HAS_USERS"];
    assert_eq!(codes, all);
    vendor.get(&format!("/api/companies/{}", world.acme)).await.is(200);
}

async fn each_wrong_company_field_is_named(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let post = async |body: Value| vendor.post("/api/companies", body).await;
    let errors = post(json!({})).await.is(422).errors();
    assert_eq!(errors.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["name", "parent_id"]);
    post(json!({ "name": "ab", "parent_id": world.acme })).await.refuses(422, "name", "NAME_LENGTH");
    post(json!({ "name": "x".repeat(201), "parent_id": world.acme })).await.refuses(422, "name", "NAME_LENGTH");
    post(json!({ "name": 5, "parent_id": world.acme })).await.refuses(422, "name", "NOT_A_TEXT");
    post(json!({ "name": "Acme", "parent_id": "x" })).await.refuses(422, "parent_id", "NOT_A_NUMBER");
    let path = format!("/api/companies/{}", world.acme);
    vendor.put(&path, json!({})).await.refuses(422, "", "NOTHING_TO_CHANGE");
    vendor.put(&path, json!({ "can_use_parent_license": 2 })).await.refuses(
        422,
        "can_use_parent_license",
        "NOT_A_CHOICE",
    );
    let under = json!({ "source": world.acme, "target": world.acme_north });
    vendor.post("/api/companies/move", under).await.refuses(422, "target", "UNDER_ITSELF");
    assert_eq!(vendor.get("/api/companies").await.body["meta"]["total"], 5);
}

async fn companies_and_users_outside_the_tree_look_nonexistent(test: TestApp) {
    let world = World::new(&test).await;
    let other = Program::all(&test, "other@test.example").await;
    for id in [world.acme, 999_999] {
        let path = format!("/api/companies/{id}");
        other.get(&path).await.refuses(404, "", "NOT_FOUND");
        other.put(&path, json!({ "name": "Stolen" })).await.refuses(404, "", "NOT_FOUND");
        other.delete(&path).await.refuses(404, "", "NOT_FOUND");
        let new = json!({ "name": "Mine now", "parent_id": id });
        other.post("/api/companies", new).await.refuses(404, "parent_id", "UNKNOWN_COMPANY");
        let put = json!({ "source": id, "target": world.other });
        other.post("/api/companies/move", put).await.refuses(404, "", "NOT_FOUND");
        let put = json!({ "source": world.other, "target": id });
        other.post("/api/companies/move", put).await.refuses(403, "", "FORBIDDEN");
        other.get(&format!("/api/users?company_id={id}")).await.refuses(404, "", "NOT_FOUND");
        let new = json!({ "email": "eve@test.example", "role": "admin", "company_id": id });
        other.post("/api/users/invite", new).await.refuses(404, "company_id", "UNKNOWN_COMPANY");
        assert_eq!(other.get(&format!("/api/companies?id={id}")).await.body["meta"]["total"], 0);
        other.get(&format!("/api/companies?parent_id={id}")).await.is(200);
    }
    for user in [1, 999_999] {
        other.get(&format!("/api/users/{user}")).await.refuses(404, "", "NOT_FOUND");
    }
}

async fn a_repeated_write_returns_the_original_answer(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let new = json!({ "name": "Acme South", "parent_id": world.acme });
    let first = vendor.post_once("/api/companies", "south", new.clone()).await;
    let id = first.is(201).data()["id"].as_i64().unwrap();
    vendor.put(&format!("/api/companies/{id}"), json!({ "name": "Acme Sur" })).await.is(200);
    let again = vendor.post_once("/api/companies", "south", new).await;
    assert_eq!((again.is(201).text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    let other = json!({ "name": "Acme West", "parent_id": world.acme });
    vendor.post_once("/api/companies", "south", other).await.refuses(422, "", "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(vendor.get("/api/companies").await.body["meta"]["total"], 6);
}

async fn a_repeated_invitation_returns_the_same_link(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let new = json!({ "email": "ann@test.example", "role": "end_user", "company_id": world.acme_north });
    let first = acme.post_once("/api/users/invite", "ann", new.clone()).await;
    assert_eq!(
        (&first.is(201).data()["status"], &first.data()["company_name"]),
        (&json!("invited"), &json!("Acme North"))
    );
    let again = acme.post_once("/api/users/invite", "ann", new.clone()).await;
    assert_eq!(again.is(201).text, first.text);
    acme.post("/api/users/invite", new).await.refuses(422, "email", "EMAIL_TAKEN");
    let link = first.data()["link"].as_str().unwrap();
    let mut ann = test.browser();
    let page = ann.get(link.split("127.0.0.1:8080").nth(1).unwrap()).await;
    ann.get(page.location()).await.is(200).has("Set your password");
    let errors = acme.post("/api/users/invite", json!({ "email": "x", "role": "king" })).await.is(422).errors();
    assert_eq!(errors.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["company_id"]);
}

async fn users_can_be_listed_and_searched(test: TestApp) {
    let world = World::new(&test).await;
    let distributor = Program::all(&test, "distributor@test.example").await;
    let users = distributor.get("/api/users").await;
    assert_eq!(users.is(200).body["meta"]["total"], 3);
    let role = (&users.data()[0]["role"], &users.data()[0]["role_title"]);
    assert_eq!(role, (&json!(1), &json!("Administrator")));
    let id = users.data()[1]["id"].as_i64().unwrap();
    assert_eq!(distributor.get(&format!("/api/users/{id}")).await.is(200).data()["email"], "acme@test.example");
    let north = distributor.get(&format!("/api/users?company={}", world.acme_north)).await;
    assert_eq!(north.data()[0]["email"], "north@test.example");
    assert_eq!(distributor.get("/api/users?q=NORTH@").await.body["meta"]["total"], 1);
    let page = distributor.get("/api/users?limit=1&cursor=").await;
    let next = page.body["meta"]["next_cursor"].as_str().unwrap();
    assert_eq!(distributor.get(&format!("/api/users?limit=1&cursor={next}")).await.data()[0]["id"], id);
}

async fn only_administrators_can_write(test: TestApp) {
    let world = World::new(&test).await;
    for email in ["auditor@test.example", "customer@test.example"] {
        let program = Program::all(&test, email).await;
        let path = format!("/api/companies/{}", world.other);
        program.put(&path, json!({ "name": "Mine" })).await.refuses(403, "", "FORBIDDEN");
        program.delete(&path).await.refuses(403, "", "FORBIDDEN");
        let new = json!({ "name": "Mine", "parent_id": world.other });
        program.post("/api/companies", new).await.refuses(403, "", "FORBIDDEN");
        let put = json!({ "source": world.other, "target": world.acme });
        program.post("/api/companies/move", put).await.refuses(403, "", "FORBIDDEN");
        let new = json!({ "email": "eve@test.example", "role": "admin", "company_id": world.other });
        program.post("/api/users/invite", new).await.refuses(403, "", "FORBIDDEN");
        let put = json!({ "source": world.other, "target": world.acme, "amount": 1 });
        program.post("/api/credits/move", put).await.refuses(403, "", "FORBIDDEN");
    }
    let customer = Program::all(&test, "customer@test.example").await;
    customer.get("/api/companies").await.refuses(403, "", "FORBIDDEN");
    customer.get("/api/users").await.refuses(403, "", "FORBIDDEN");
    customer.get(&format!("/api/companies/{}", world.other)).await.is(200);
}

async fn a_key_stands_for_one_write_of_any_kind(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let company = async |key: &str, name: &str| {
        let new = json!({ "company_name": name, "parent_id": world.vendor });
        vendor.post_once("/api/companies", key, new).await
    };
    let units = async |key: &str| {
        let new = json!({ "source": world.vendor, "target": world.acme, "amount": 5 });
        vendor.post_once("/api/credits/move", key, new).await
    };
    let made = company("one", "North").await;
    made.is(201);
    units("one").await.refuses(422, "", "IDEMPOTENCY_KEY_REUSED");
    let moved = units("two").await;
    moved.is(200);
    company("two", "South").await.refuses(422, "", "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(company("one", "North").await.is(201).text, made.text);
    assert_eq!(units("two").await.is(200).text, moved.text);
    assert_eq!(world.credit(&test, world.acme).await, 5);
    assert_eq!(names(&vendor.get("/api/companies?q=North").await), ["Acme North", "North"]);
    assert!(names(&vendor.get("/api/companies?q=South").await).is_empty());
    // The ledger operations inside a write derive their keys from its key, and must not collide with a client's key.
    units("three:0").await.is(200);
    let device = json!({ "serial": "SN 1", "company_id": world.acme });
    let added = vendor.post_once("/api/devices", "three", device.clone()).await;
    assert_eq!(vendor.post_once("/api/devices", "three", device).await.is(201).text, added.is(201).text);
}

async fn of_two_concurrent_writes_with_one_key_only_one_happens(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let (mut moved, mut made) = (0, 0);
    for round in 0..30 {
        let key = format!("round {round}");
        let units = json!({ "source": world.vendor, "target": world.acme, "amount": 1 });
        let company = json!({ "company_name": format!("New {round}"), "parent_id": world.other });
        let (units, company) = tokio::join!(
            vendor.post_once("/api/credits/move", &key, units),
            vendor.post_once("/api/companies", &key, company),
        );
        let statuses = (units.status.as_u16(), company.status.as_u16());
        assert!(matches!(statuses, (200, 422) | (422, 201)), "{statuses:?}");
        moved += i64::from(statuses.0 == 200);
        made += i64::from(statuses.1 == 201);
    }
    assert_eq!(world.credit(&test, world.acme).await, moved);
    assert_eq!(vendor.get("/api/companies?q=New").await.body["meta"]["total"], made);
    test.verify().await;
}

async fn lists_take_pages_and_several_ids(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    assert_eq!(names(&vendor.get("/api/companies?limit=2&page=2").await), ["Acme", "Acme North"]);
    vendor.get("/api/companies?page=0").await.refuses(422, "page", "OUT_OF_RANGE");
    let (acme, other) = (world.acme, world.other);
    assert_eq!(names(&vendor.get(&format!("/api/companies?id={acme},{other},9999")).await), ["Acme", "Other"]);
    vendor.get("/api/companies?id=1,x").await.refuses(422, "id", "NOT_A_NUMBER");
    let many = vec!["1"; 1_001].join(",");
    vendor.get(&format!("/api/companies?id={many}")).await.refuses(422, "id", "TOO_MANY");
    let all = vendor.get("/api/users?limit=2").await;
    assert_eq!(all.is(200).body["meta"]["_total"], all.body["meta"]["total"]);
    let ids: Vec<String> = all.data().as_array().unwrap().iter().map(|u| u["id"].to_string()).collect();
    let found = vendor.get(&format!("/api/users?id={}", ids.join(","))).await;
    assert_eq!((found.data(), &found.body["meta"]["total"]), (all.data(), &json!(2)));
    let outside = Program::all(&test, "acme@test.example").await;
    assert_eq!(outside.get(&format!("/api/users?id={}", ids.join(","))).await.is(200).body["meta"]["total"], 0);
    let mut devices = Vec::new();
    for serial in ["1", "2", "3"] {
        let new = json!({ "company_id": acme, "serial": serial });
        devices.push(vendor.post("/api/devices", new).await.is(201).data()["id"].clone());
    }
    let found = vendor.get(&format!("/api/devices?id={},{}", devices[2], devices[0])).await;
    let found: Vec<&Value> = found.is(200).data().as_array().unwrap().iter().map(|d| &d["id"]).collect();
    assert_eq!(found, [&devices[0], &devices[2]]);
}

async fn no_list_passes_over_an_unknown_parameter(test: TestApp) {
    World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    for list in ["companies", "users", "devices", "credits", "credits/codes", "credits/history", "credits/move/history"]
    {
        let path = format!("/api/{list}?limit=1&_=5&ts=7");
        vendor.get(&path).await.is(200);
        let refused = vendor.get(&format!("{path}&colour=red&limit=x&size=4")).await;
        let named = |name: &str| (name.to_owned(), "UNKNOWN_PARAMETER".to_owned());
        assert_eq!(refused.is(422).errors(), [named("colour"), named("size")], "{list}");
    }
    vendor.get("/api/credits/summary?colour=red").await.refuses(422, "colour", "UNKNOWN_PARAMETER");
}
