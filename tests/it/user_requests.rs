//! Users and invitations through the API as RMS has them: listed, changed, removed, withdrawn; and removed in the portal.

use crate::support::oauth::secured;
use crate::support::{PASSWORD, Program, TestApp, World, set_password, signed_in, who};
use scrip::store;
use serde_json::{Value, json};

both!(
    users_are_filtered_and_sorted,
    a_role_is_set_by_id_or_name,
    a_removed_user_is_gone_and_the_address_is_free,
    removal_has_its_limits,
    the_last_active_administrator_stays,
    a_repeated_removal_returns_the_first_answer,
    a_removal_and_an_acceptance_at_once_take_turns,
    invitations_are_listed_and_withdrawn,
    users_of_another_tree_look_nonexistent,
    user_endpoints_require_their_scopes,
    a_user_is_removed_in_the_portal,
    the_caller_is_described_in_both_forms,
);

fn emails(list: &Value) -> Vec<&str> {
    let name = |user: &'_ Value| user["email"].as_str().unwrap().split('@').next().unwrap().len();
    let rows = list.as_array().unwrap();
    rows.iter().map(|user| &user["email"].as_str().unwrap()[..name(user)]).collect()
}

async fn id_of(test: &TestApp, email: &str) -> i64 {
    who(&test.app, email).await.user_id
}

/// Invites a person, and returns the id and the link's path.
async fn invite(program: &Program, email: &str, role: Value, company: i64) -> (i64, String) {
    let new = json!({ "email": email, "role": role, "company_id": company });
    let made = program.post("/api/users/invite", new).await;
    let link = made.is(201).data()["link"].as_str().unwrap().to_owned();
    (made.data()["id"].as_i64().unwrap(), link.split("127.0.0.1:8080").nth(1).unwrap().to_owned())
}

async fn users_are_filtered_and_sorted(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let list = async |query: &str| vendor.get(&format!("/api/users?{query}")).await.is(200).data().clone();
    assert_eq!(
        emails(&list("sort=email").await),
        ["acme", "auditor", "customer", "distributor", "north", "operator", "other"]
    );
    assert_eq!(emails(&list("sort=-username&limit=2").await), ["other", "operator"]);
    assert_eq!(emails(&list("sort=-created_at&limit=2").await), ["customer", "other"]);
    assert_eq!(emails(&list("sort=-id&limit=1&page=2").await), ["other"]);
    for role in ["end_user", "2"] {
        assert_eq!(emails(&list(&format!("role={role}")).await), ["north", "customer"]);
    }
    let narrow = format!("role=admin&company_id={}&q=other", world.other);
    assert_eq!(emails(&list(&narrow).await), ["other"]);
    let page = vendor.get("/api/users?sort=-id&cursor=&limit=3").await;
    let next = page.is(200).body["meta"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(emails(&list(&format!("sort=-id&cursor={next}&limit=2")).await), ["acme", "distributor"]);
    let sorted = vendor.get("/api/users?sort=email&limit=2").await;
    assert!(sorted.is(200).body["meta"]["next_cursor"].is_null());
    assert_eq!((&sorted.body["meta"]["total"], &sorted.body["meta"]["_total"]), (&json!(7), &json!(7)));
    vendor.get("/api/users?sort=email&cursor=").await.refuses(422, "sort", "NOT_A_CHOICE");
    vendor.get("/api/users?sort=role").await.refuses(422, "sort", "NOT_A_CHOICE");
    vendor.get("/api/users?role=king").await.refuses(422, "role", "UNKNOWN_ROLE");
    vendor.get("/api/users?status=active").await.refuses(422, "status", "UNKNOWN_PARAMETER");
    let auditor = list("q=auditor").await[0].clone();
    assert_eq!((&auditor["role"], &auditor["role_title"]), (&json!(3), &json!("Read only")));
    assert_eq!((&auditor["username"], &auditor["updated_at"]), (&auditor["email"], &auditor["created_at"]));
}

async fn a_role_is_set_by_id_or_name(test: TestApp) {
    World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let path = format!("/api/users/{}", id_of(&test, "acme@test.example").await);
    test.app.clock.advance_seconds(60);
    for (role, id) in [(json!(3), 3), (json!("end_user"), 2), (json!("1"), 1), (json!("read_only"), 3)] {
        let changed = vendor.put(&path, json!({ "role": role })).await;
        assert_eq!(changed.is(200).data()["role"], id);
        assert_eq!(vendor.get(&path).await.data(), changed.data());
    }
    let row = vendor.get(&path).await.data().clone();
    assert_ne!(row["updated_at"], row["created_at"]);
    for role in [json!(null), json!(4), json!("king"), json!([1]), json!(true)] {
        vendor.put(&path, json!({ "role": role })).await.refuses(422, "role", "UNKNOWN_ROLE");
    }
    let own = format!("/api/users/{}", id_of(&test, "operator@test.example").await);
    vendor.put(&own, json!({ "role": 2 })).await.refuses(422, "role", "OWN_ACCOUNT");
    test.verify().await;
}

async fn a_removed_user_is_gone_and_the_address_is_free(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let acme = Program::all(&test, "acme@test.example").await;
    let mut browser = signed_in(&test, "acme@test.example").await;
    let new = json!({ "serial": "A1", "company_id": world.acme, "credit_enabled": 0 });
    acme.post("/api/tags", json!({ "name": "Roof", "company_id": world.acme })).await.is(201);
    let device = acme.post("/api/devices", new).await.is(201).data()["id"].clone();
    let id = id_of(&test, "acme@test.example").await;
    let path = format!("/api/users/{id}");
    assert_eq!(*vendor.delete(&path).await.is(200).data(), json!({ "id": id }));
    // Nothing of the account works any more, and no list has it.
    acme.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    browser.get("/").await.is(303);
    let fields = [("email", "acme@test.example"), ("password", PASSWORD)];
    test.browser().post("/sign-in", &fields).await.is(422);
    vendor.get(&path).await.refuses(404, "", "NOT_FOUND");
    vendor.put(&path, json!({ "role": 1 })).await.refuses(404, "", "NOT_FOUND");
    vendor.delete(&path).await.refuses(404, "", "NOT_FOUND");
    for query in ["q=acme@", &format!("id={id}"), &format!("company_id={}", world.acme)] {
        let list = vendor.get(&format!("/api/users?{query}")).await;
        assert_eq!((list.is(200).data(), &list.body["meta"]["total"]), (&json!([]), &json!(0)), "{query}");
    }
    assert_eq!(vendor.get(&format!("/api/companies/{}", world.acme)).await.data()["users_count"], 0);
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/users").await.is(200).has_not("acme@test.example");
    for part in ["", "/removal", "/link", "/second-factor"] {
        let address = format!("/users/{id}{part}");
        assert_ne!(operator.get(&address).await.status.as_u16(), 200, "{address}");
    }
    operator.submit("/users", &format!("/users/{id}/disabled"), &[("disabled", "0")]).await.is(404);
    assert!(scrip::ops::console::new_link(&test.app, "acme@test.example").await.is_err());
    // What the person did still names them.
    operator.get("/history").await.is(200).has("acme@test.example").has("User removed");
    operator.get(&format!("/devices/{device}")).await.is(200);
    // The address is free, for another person.
    let (again, link) = invite(&vendor, "Acme@test.example", json!(2), world.other).await;
    assert_ne!(again, id);
    let mut ann = test.browser();
    let page = ann.get(&link).await;
    ann.get(page.location()).await.is(200).has("Set your password");
    vendor.delete(&format!("/api/users/{again}")).await.is(200);
    invite(&vendor, "acme@test.example", json!("admin"), world.acme).await;
    let gone = ann.get(&link).await;
    assert!(!ann.get(gone.location()).await.body.contains("Set your password"));
    test.verify().await;
}

async fn removal_has_its_limits(test: TestApp) {
    World::new(&test).await;
    let path = async |email: &str| format!("/api/users/{}", id_of(&test, email).await);
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.delete(&path("operator@test.example").await).await.refuses(422, "", "OWN_ACCOUNT");
    for email in ["auditor@test.example", "customer@test.example"] {
        let program = Program::all(&test, email).await;
        program.delete(&path("other@test.example").await).await.refuses(403, "", "FORBIDDEN");
        program.put(&path("other@test.example").await, json!({ "role": 1 })).await.refuses(403, "", "FORBIDDEN");
    }
    // A company below the root may be left without an administrator.
    vendor.delete(&path("other@test.example").await).await.is(200);
    // A disabled user can be removed too.
    let north = id_of(&test, "north@test.example").await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit("/users", &format!("/users/{north}/disabled"), &[("disabled", "1")]).await.is(303);
    vendor.delete(&format!("/api/users/{north}")).await.is(200);
}

/// An application acts with its own user, so that it can reach the last person.
async fn the_last_active_administrator_stays(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let mut tx = test.app.db.write().await.unwrap();
    let role = scrip::model::role::ADMIN;
    let service = store::applications::insert_service_user(&mut tx, world.vendor, role, test.app.clock.now()).await;
    tx.commit().await.unwrap();
    // An administrator who was invited and has not come yet does not count.
    let (invited, _) = invite(&vendor, "second@test.example", json!("admin"), world.vendor).await;
    let operator = id_of(&test, "operator@test.example").await;
    let found = store::auth::signed_in(&mut test.app.db.read().await.unwrap(), &[service.unwrap()]).await.unwrap();
    let actor = scrip::ops::actor::Actor::of(found.into_iter().next().unwrap(), "192.0.2.1".into());
    for key in ["one", "two"] {
        let refused = scrip::ops::users::removal::remove(&test.app, &actor, key, operator).await.unwrap_err();
        assert!(format!("{refused:?}").contains("LastAdministrator"), "{refused:?}");
    }
    let refused = scrip::ops::users::set_disabled(&test.app, &actor, "off", operator, true).await.unwrap_err();
    assert!(format!("{refused:?}").contains("LastAdministrator"), "{refused:?}");
    scrip::ops::users::removal::remove(&test.app, &actor, "three", invited).await.unwrap();
    vendor.get("/api/user").await.is(200);
}

async fn a_repeated_removal_returns_the_first_answer(test: TestApp) {
    World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let path = format!("/api/users/{}", id_of(&test, "north@test.example").await);
    let first = vendor.delete_once(&path, "north").await;
    assert_eq!(first.is(200).header("idempotency-replayed"), "");
    let again = vendor.delete_once(&path, "north").await;
    assert_eq!((again.is(200).text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    let other = format!("/api/users/{}", id_of(&test, "customer@test.example").await);
    vendor.delete_once(&other, "north").await.refuses(422, "", "IDEMPOTENCY_KEY_REUSED");
    vendor.put_once(&other, "role", json!({ "role": 3 })).await.is(200);
    vendor.put(&other, json!({ "role": 1 })).await.is(200);
    let again = vendor.put_once(&other, "role", json!({ "role": 3 })).await;
    assert_eq!((&again.is(200).data()["role"], again.header("idempotency-replayed")), (&json!(3), "true"));
}

async fn a_removal_and_an_acceptance_at_once_take_turns(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    for round in 0..5 {
        let email = format!("ann{round}@test.example");
        let (id, link) = invite(&vendor, &email, json!(2), world.other).await;
        let mut ann = test.browser();
        let page = ann.get(&link).await;
        let page = page.location().to_owned();
        ann.get(&page).await.is(200);
        let path = format!("/api/users/invitations/{id}");
        let password = "another blue heron here";
        let (_, withdrawn) = tokio::join!(set_password(&mut ann, password), vendor.delete(&path));
        let listed = vendor.get(&format!("/api/users?id={id}")).await.data().clone();
        match withdrawn.status.as_u16() {
            200 => assert_eq!(listed, json!([])),
            404 => assert_eq!(listed[0]["status"], "active"),
            other => panic!("{other}: {}", withdrawn.text),
        }
    }
}

async fn invitations_are_listed_and_withdrawn(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let (ann, link) = invite(&acme, "ann@test.example", json!(2), world.acme).await;
    let (bob, _) = invite(&acme, "bob@test.example", json!("admin"), world.acme_north).await;
    let list = async |query: &str| acme.get(&format!("/api/users/invitations?{query}")).await.is(200).data().clone();
    let rows = list("").await;
    assert_eq!(emails(&rows), ["ann", "bob"]);
    let mut row = rows[0].clone();
    let created_at = row["created_at"].take();
    assert!(created_at.is_string());
    let expected = json!({
        "id": ann, "email": "ann@test.example", "role_id": 2, "role": "end_user", "role_title": "End user",
        "bounce_status": null, "company_id": world.acme, "company_name": "Acme", "created_at": null,
    });
    assert_eq!(row, expected);
    for (query, found) in [
        ("q=BOB", vec!["bob"]),
        ("role=admin", vec!["bob"]),
        ("role=2", vec!["ann"]),
        ("sort=-email", vec!["bob", "ann"]),
        (&format!("company_id={}", world.acme), vec!["ann"]),
        ("limit=1&page=2", vec!["bob"]),
    ] {
        assert_eq!(emails(&list(query).await), found, "{query}");
    }
    assert_eq!(acme.get("/api/users/invitations?limit=0").await.body["meta"]["total"], 2);
    acme.get("/api/users/invitations?status=x").await.refuses(422, "status", "UNKNOWN_PARAMETER");
    let path = format!("/api/users/invitations/{ann}");
    assert_eq!(*acme.delete(&path).await.is(200).data(), json!({ "id": ann }));
    acme.delete(&path).await.refuses(404, "", "NOT_FOUND");
    assert_eq!(emails(&list("").await), ["bob"]);
    acme.get(&format!("/api/users/{ann}")).await.refuses(404, "", "NOT_FOUND");
    let mut browser = test.browser();
    let page = browser.get(&link).await;
    assert!(!browser.get(page.location()).await.body.contains("Set your password"));
    invite(&acme, "ann@test.example", json!(2), world.acme).await;
    // Whoever has a password, or is disabled, is no invitation.
    let north = id_of(&test, "north@test.example").await;
    acme.delete(&format!("/api/users/invitations/{north}")).await.refuses(404, "", "NOT_FOUND");
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit("/users", &format!("/users/{bob}/disabled"), &[("disabled", "1")]).await.is(303);
    assert_eq!(emails(&list("").await), ["ann"]);
    acme.delete(&format!("/api/users/invitations/{bob}")).await.refuses(404, "", "NOT_FOUND");
    operator.get("/history").await.has("Invitation withdrawn");
}

async fn users_of_another_tree_look_nonexistent(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let other = Program::all(&test, "other@test.example").await;
    let (invited, _) = invite(&other, "eve@test.example", json!(2), world.other).await;
    for id in [invited, id_of(&test, "customer@test.example").await, 999_999] {
        let path = format!("/api/users/{id}");
        acme.get(&path).await.refuses(404, "", "NOT_FOUND");
        acme.put(&path, json!({ "role": 1 })).await.refuses(404, "", "NOT_FOUND");
        acme.delete(&path).await.refuses(404, "", "NOT_FOUND");
        acme.delete(&format!("/api/users/invitations/{id}")).await.refuses(404, "", "NOT_FOUND");
    }
    let list = format!("/api/users/invitations?company_id={}", world.other);
    acme.get(&list).await.refuses(404, "", "NOT_FOUND");
    assert_eq!(acme.get("/api/users/invitations").await.is(200).data(), &json!([]));
}

async fn user_endpoints_require_their_scopes(test: TestApp) {
    World::new(&test).await;
    let none = Program::of(&test, "acme@test.example", "users:read").await;
    none.get("/api/users/invitations").await.is(200);
    none.delete("/api/users/1").await.refuses(403, "", "SCOPE_MISSING");
    none.put("/api/users/1", json!({ "role": 1 })).await.refuses(403, "", "SCOPE_MISSING");
    none.delete("/api/users/invitations/1").await.refuses(403, "", "SCOPE_MISSING");
    let write = Program::of(&test, "acme@test.example", "users:write").await;
    write.get("/api/users/invitations").await.refuses(403, "", "SCOPE_MISSING");
    let customer = Program::all(&test, "customer@test.example").await;
    customer.get("/api/users/invitations").await.refuses(403, "", "FORBIDDEN");
}

async fn a_user_is_removed_in_the_portal(test: TestApp) {
    World::new(&test).await;
    let id = id_of(&test, "north@test.example").await;
    let window = format!("/users/{id}/removal");
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get(&window).await.is(403);
    let mut acme = secured(&test, "acme@test.example").await;
    acme.get(&format!("/users/{id}")).await.is(200).has("Remove user");
    acme.get(&window).await.is(200).has("north@test.example can no longer sign in");
    let done = acme.submit(&window, &window, &[]).await;
    let list = acme.get(done.is(303).location()).await;
    list.is(200).has("Remove operation completed successfully.").has("north@test.example was removed.");
    acme.get(&window).await.is(404);
    let own = format!("/users/{}", id_of(&test, "acme@test.example").await);
    acme.get(&own).await.is(200).has_not("Remove user");
    acme.submit(&own, &format!("{own}/removal"), &[]).await.is(422).has("This is your own account.");
}

async fn the_caller_is_described_in_both_forms(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let user = acme.get("/api/user").await.is(200).body.clone();
    assert_eq!(user["role"], json!({ "id": 1, "name": "admin", "title": "Administrator" }));
    assert_eq!((&user["data"]["role"], &user["data"]["company_id"]), (&json!("admin"), &json!(world.acme)));
    for field in ["id", "username", "email", "company", "scope", "permissions", "token", "mfa_type"] {
        assert_eq!(user[field], user["data"][field], "{field}");
    }
}
