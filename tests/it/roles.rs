//! Roles: made through the API and the portal, given to people, and what each permission opens.

use crate::support::{Program, TestApp, World, signed_in, who};
use scrip::model::permission::{Permission, Permissions};
use scrip::model::role;
use scrip::ops;
use scrip::ops::roles::RoleInput;
use scrip::store;
use serde_json::{Value, json};

both!(
    roles_are_created_listed_changed_and_deleted,
    built_in_roles_stay_as_they_are,
    nobody_grants_what_they_lack,
    nobody_changes_who_may_do_more,
    a_change_counts_at_the_next_request,
    a_role_in_use_stays,
    a_role_is_for_its_company_and_those_below,
    roles_of_another_tree_look_nonexistent,
    a_company_does_not_move_away_from_the_roles_of_its_people,
    a_role_deleted_while_it_is_given_has_one_outcome,
    each_permission_opens_its_pages_and_no_others,
    all_permissions_of_the_root_are_not_the_operators,
    without_a_permission_people_see_their_own_company,
    a_service_needs_its_own_permission,
    role_endpoints_require_their_scopes,
    roles_are_made_in_the_portal,
);

async fn role(program: &Program, title: &str, permissions: Value) -> i64 {
    let made = program.post("/api/roles", json!({ "title": title, "permission_id": permissions })).await;
    made.is(201).data()["id"].as_i64().unwrap()
}

/// A person of a company with a new role of the vendor that has exactly these permissions.
async fn person(test: &TestApp, company: i64, name: &str, permissions: Permissions) -> String {
    let operator = who(&test.app, "operator@test.example").await;
    let title = format!("Role of {name}");
    let input = RoleInput {
        title: Some(title),
        description: None,
        permissions: Some(permissions.iter().map(|p| p.slug().to_owned()).collect()),
    };
    let made = ops::roles::create(&test.app, &operator, &format!("role-{name}"), operator.company_id, &input).await;
    let email = format!("{name}@test.example");
    let now = test.app.clock.now();
    let known = store::auth::credentials(&mut test.app.db.read().await.unwrap(), "acme@test.example").await.unwrap();
    let hash = known.unwrap().password_hash.unwrap();
    let mut tx = test.app.db.write().await.unwrap();
    let id = store::users::insert(&mut tx, company, &email, made.unwrap().about.id, now).await.unwrap().unwrap();
    store::users::set_password(&mut tx, id, &hash).await.unwrap();
    tx.commit().await.unwrap();
    email
}

fn of(names: &str) -> Permissions {
    Permissions::from_stored(names).completed()
}

fn names(role: &Value) -> Vec<&str> {
    role["permissions"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect()
}

async fn roles_are_created_listed_changed_and_deleted(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let new = json!({ "title": " Technician ", "description": "On\nsite", "permission_id": ["edit_devices", 11] });
    let made = acme.post_once("/api/roles", "technician", new.clone()).await;
    let id = made.is(201).data()["id"].as_i64().unwrap();
    assert!(id >= role::FIRST_OWN);
    assert_eq!((&made.data()["title"], &made.data()["company_id"]), (&json!("Technician"), &json!(world.acme)));
    // What it needs came along.
    assert_eq!(names(made.data()), ["view_companies", "activate_codes", "view_devices", "edit_devices"]);
    assert_eq!(acme.post_once("/api/roles", "technician", new.clone()).await.is(201).text, made.text);
    acme.post("/api/roles", json!({ "title": "TECHNICIAN" })).await.refuses(422, "title", "TITLE_TAKEN");
    acme.post("/api/roles", json!({ "title": " " })).await.refuses(422, "title", "MISSING");
    let unknown = json!({ "title": "Pilot", "permission_id": ["fly"] });
    acme.post("/api/roles", unknown).await.refuses(422, "permission_id", "UNKNOWN_PERMISSION");
    let listed = async |query: &str| {
        let list = acme.get(&format!("/api/roles?{query}")).await;
        let rows = list.is(200).data().as_array().unwrap().clone();
        rows.iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("").await, ["admin", "end_user", "read_only", "Technician"]);
    assert_eq!(listed("type=custom").await, ["Technician"]);
    assert_eq!(listed(&format!("company_id={}", world.acme)).await, ["Technician"]);
    assert_eq!(listed("q=ADMIN").await, ["admin"]);
    assert_eq!(listed("limit=2&page=2").await, ["read_only", "Technician"]);
    assert_eq!(listed(&format!("id=1,{id}")).await, ["admin", "Technician"]);
    assert_eq!(acme.get("/api/roles?limit=1").await.body["meta"]["total"], 4);
    acme.get("/api/roles?title=x").await.refuses(422, "title", "UNKNOWN_PARAMETER");
    let path = format!("/api/roles/{id}");
    let changed = acme.put(&path, json!({ "permission_id": [] })).await;
    assert_eq!((names(changed.is(200).data()).len(), &changed.data()["description"]), (0, &json!("On\nsite")));
    let both = json!({ "role_id": [id], "permission_id": ["view_users"] });
    let set = acme.put("/api/roles/permissions", both).await;
    assert_eq!(names(&set.is(200).data()[0]), ["view_companies", "view_users"]);
    assert_eq!(acme.get(&format!("{path}/permissions")).await.is(200).data().as_array().unwrap().len(), 2);
    assert_eq!(acme.get("/api/permissions").await.is(200).data().as_array().unwrap().len(), Permission::ALL.len());
    acme.delete(&path).await.is(200);
    acme.get(&path).await.is(404);
    test.verify().await;
}

async fn built_in_roles_stay_as_they_are(test: TestApp) {
    World::new(&test).await;
    let operator = Program::all(&test, "operator@test.example").await;
    for id in [role::ADMIN, role::END_USER, role::READ_ONLY] {
        let path = format!("/api/roles/{id}");
        assert_eq!(operator.get(&path).await.is(200).data()["type"], "default");
        operator.put(&path, json!({ "title": "Mine" })).await.is(403);
        operator.delete(&path).await.is(403);
    }
}

async fn nobody_grants_what_they_lack(test: TestApp) {
    let world = World::new(&test).await;
    let manager = person(&test, world.acme, "manager", of("edit_users edit_roles edit_devices")).await;
    let manager = Program::all(&test, &manager).await;
    let codes = json!({ "title": "Codes", "permission_id": ["edit_codes"] });
    manager.post("/api/roles", codes).await.refuses(403, "permission_id", "FORBIDDEN");
    let devices = role(&manager, "Devices", json!(["edit_devices"])).await;
    manager.put(&format!("/api/roles/{devices}"), json!({ "permission_id": ["edit_codes"] })).await.is(403);
    for given in ["admin", "read_only", "end_user"] {
        let new = json!({ "email": format!("{given}@new.example"), "role": given, "company_id": world.acme });
        manager.post("/api/users/invite", new).await.refuses(403, "role", "FORBIDDEN");
    }
    let new = json!({ "email": "one@new.example", "role": devices, "company_id": world.acme_north });
    let invited = manager.post("/api/users/invite", new).await;
    assert_eq!(invited.is(201).data()["role"], devices);
    // Nor the role they hold.
    let own = who(&test.app, "manager@test.example").await.role_id;
    manager.put(&format!("/api/roles/{own}"), json!({ "title": "Mine" })).await.is(403);
}

async fn nobody_changes_who_may_do_more(test: TestApp) {
    let world = World::new(&test).await;
    let email = person(&test, world.acme, "manager", of("edit_users activate_codes")).await;
    let manager = who(&test.app, &email).await;
    let mut browser = signed_in(&test, &email).await;
    let boss = who(&test.app, "acme@test.example").await.user_id;
    let low = who(&test.app, "north@test.example").await.user_id;
    browser.get(&format!("/users/{boss}")).await.is(200).has_not("Change role").has_not("Disable");
    browser.get(&format!("/users/{low}")).await.is(200).has("Change role");
    let refusals = [
        ops::users::set_role(&test.app, &manager, "k1", boss, "end_user").await.unwrap_err(),
        ops::users::set_disabled(&test.app, &manager, "k2", boss, true).await.unwrap_err(),
        ops::users::end_sessions(&test.app, &manager, "k3", boss).await.unwrap_err(),
        ops::users::new_link(&test.app, &manager, "k4", boss).await.err().unwrap(),
        ops::second_factor::reset(&test.app, &manager, "k5", boss).await.unwrap_err(),
        ops::tokens::revoke_of(&test.app, &manager, "k6", boss, 1).await.unwrap_err(),
    ];
    for refusal in refusals {
        assert!(format!("{refusal:?}").contains("MayMore"), "{refusal:?}");
    }
    ops::users::set_disabled(&test.app, &manager, "k7", low, true).await.unwrap();
}

async fn a_change_counts_at_the_next_request(test: TestApp) {
    let world = World::new(&test).await;
    let email = person(&test, world.acme, "reader", of("view_users")).await;
    let mut browser = signed_in(&test, &email).await;
    let program = Program::all(&test, &email).await;
    browser.get("/users").await.is(200);
    program.get("/api/users").await.is(200);
    let id = who(&test.app, &email).await.role_id;
    let operator = Program::all(&test, "operator@test.example").await;
    operator.put(&format!("/api/roles/{id}"), json!({ "permission_id": ["view_devices"] })).await.is(200);
    browser.get("/users").await.is(403);
    program.get("/api/users").await.is(403);
    browser.get("/companies").await.is(200).has_not(">Users</a>");
}

async fn a_role_in_use_stays(test: TestApp) {
    let world = World::new(&test).await;
    let email = person(&test, world.acme, "reader", of("view_users")).await;
    let reader = who(&test.app, &email).await;
    let operator = Program::all(&test, "operator@test.example").await;
    let path = format!("/api/roles/{}", reader.role_id);
    operator.delete(&path).await.refuses(422, "", "ROLE_IN_USE");
    let boss = who(&test.app, "operator@test.example").await;
    ops::users::set_role(&test.app, &boss, "k", reader.user_id, "end_user").await.unwrap();
    operator.delete(&path).await.is(200);
}

async fn a_role_is_for_its_company_and_those_below(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = role(&acme, "Porter", json!(["activate_codes"])).await;
    let distributor = Program::all(&test, "distributor@test.example").await;
    let invite =
        |company: i64, n: i64| json!({ "email": format!("n{n}@new.example"), "role": id, "company_id": company });
    distributor.post("/api/users/invite", invite(world.acme_north, 1)).await.is(201);
    distributor.post("/api/users/invite", invite(world.distributor, 2)).await.refuses(422, "role", "UNKNOWN_ROLE");
    // Below, it is seen and given, not changed.
    let north = person(&test, world.acme_north, "boss", of("edit_users edit_roles activate_codes")).await;
    let north = Program::all(&test, &north).await;
    north.get(&format!("/api/roles/{id}")).await.is(200);
    north.post("/api/users/invite", invite(world.acme_north, 3)).await.is(201);
    north.put(&format!("/api/roles/{id}"), json!({ "title": "Mine" })).await.is(403);
    north.delete(&format!("/api/roles/{id}")).await.is(403);
}

async fn roles_of_another_tree_look_nonexistent(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let path = format!("/api/roles/{}", role(&acme, "Porter", json!(["activate_codes"])).await);
    let other = Program::all(&test, "other@test.example").await;
    other.get(&path).await.is(404);
    other.get(&format!("{path}/permissions")).await.is(404);
    other.put(&path, json!({ "title": "Mine" })).await.is(404);
    other.delete(&path).await.is(404);
    assert_eq!(other.get("/api/roles").await.is(200).data().as_array().unwrap().len(), 3);
    other.get(&format!("/api/roles?company_id={}", world.acme)).await.is(404);
    let foreign = json!({ "title": "Spy", "company_id": world.acme });
    other.post("/api/roles", foreign).await.refuses(404, "company_id", "UNKNOWN_COMPANY");
}

async fn a_company_does_not_move_away_from_the_roles_of_its_people(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let id = role(&acme, "Porter", json!(["activate_codes"])).await;
    let operator = who(&test.app, "operator@test.example").await;
    let north = who(&test.app, "north@test.example").await.user_id;
    ops::users::set_role(&test.app, &operator, "k1", north, &id.to_string()).await.unwrap();
    let put = async |key: &str, parent: i64| {
        ops::companies::changes::put_under(&test.app, &operator, key, world.acme_north, parent).await
    };
    let refused = put("k2", world.other).await.err().unwrap();
    assert!(format!("{refused:?}").contains("RolesAbove { people: 1 }"), "{refused:?}");
    ops::users::set_role(&test.app, &operator, "k3", north, "end_user").await.unwrap();
    put("k4", world.other).await.unwrap();
}

async fn a_role_deleted_while_it_is_given_has_one_outcome(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let boss = who(&test.app, "acme@test.example").await;
    let north = who(&test.app, "north@test.example").await.user_id;
    for n in 0..10 {
        let id = role(&acme, &format!("Porter {n}"), json!(["activate_codes"])).await;
        let (give, delete) = (format!("give {n}"), format!("delete {n}"));
        let name = id.to_string();
        let given = ops::users::set_role(&test.app, &boss, &give, north, &name);
        let deleted = ops::roles::delete(&test.app, &boss, &delete, id);
        let (given, deleted) = tokio::join!(given, deleted);
        assert_ne!(given.is_ok(), deleted.is_ok(), "{given:?} {deleted:?}");
        ops::users::set_role(&test.app, &boss, &format!("back {n}"), north, "end_user").await.unwrap();
    }
    assert_eq!(world.credit(&test, world.acme).await, 0);
    test.verify().await;
}

/// A page that each permission opens.
const PAGES: &[(Permission, &str)] = &[
    (Permission::ViewCompanies, "/companies"),
    (Permission::EditCompanies, "/companies/new"),
    (Permission::ViewResources, "/companies/{north}/resources"),
    (Permission::ViewHistory, "/companies/{north}/history"),
    (Permission::ViewOrders, "/payments"),
    (Permission::MoveResources, "/moves/new"),
    (Permission::BuyResources, "/buy/vouchers"),
    (Permission::ListCodes, "/companies/{north}/codes"),
    (Permission::EditCodes, "/codes/new"),
    (Permission::ActivateCodes, "/redeem"),
    (Permission::ViewDevices, "/companies/{north}/devices"),
    (Permission::EditDevices, "/devices/new"),
    (Permission::ViewUsers, "/users"),
    (Permission::EditUsers, "/users/new"),
    (Permission::EditRoles, "/users/roles/new"),
];

async fn each_permission_opens_its_pages_and_no_others(test: TestApp) {
    let world = World::new(&test).await;
    for (n, (permission, page)) in PAGES.iter().enumerate() {
        let page = page.replace("{north}", &world.acme_north.to_string());
        let with = [*permission].into_iter().collect::<Permissions>().completed();
        let email = person(&test, world.acme, &format!("with{n}"), with).await;
        let mut browser = signed_in(&test, &email).await;
        browser.get(&page).await.is(200);
        browser.get("/").await.is(200);
        for (other, page) in PAGES.iter().filter(|(other, _)| !with.has(*other)) {
            let page = page.replace("{north}", &world.acme_north.to_string());
            let status = browser.get(&page).await.status.as_u16();
            assert_eq!(status, 403, "{permission:?} opens {page} of {other:?}");
        }
    }
}

async fn all_permissions_of_the_root_are_not_the_operators(test: TestApp) {
    let world = World::new(&test).await;
    let email = person(&test, world.vendor, "deputy", Permissions::all()).await;
    let mut browser = signed_in(&test, &email).await;
    for page in ["/operator/issues/new", "/operator/price-list", "/operator/distributors", "/operator/seller"] {
        browser.get(page).await.is(403);
    }
    // Nor do they make one.
    let deputy = who(&test.app, &email).await;
    let auditor = who(&test.app, "auditor@test.example").await.user_id;
    let refused = ops::users::set_role(&test.app, &deputy, "k", auditor, "admin").await.unwrap_err();
    assert!(format!("{refused:?}").contains("TooHigh"), "{refused:?}");
}

async fn without_a_permission_people_see_their_own_company(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 7).await;
    let email = person(&test, world.acme, "nobody", Permissions::default()).await;
    let mut browser = signed_in(&test, &email).await;
    for page in ["/", "/summary", "/devices", "/history", "/account/profile", "/account/security"] {
        browser.get(page).await.is(200);
    }
    for page in ["/companies", "/resources", "/users", "/payments", "/redeem", "/subscriptions", "/devices/new"] {
        browser.get(page).await.is(403);
    }
    let program = Program::all(&test, &email).await;
    let own = program.get("/api/credits/summary").await;
    assert!(own.is(200).text.contains('7'), "{}", own.text);
    program.get(&format!("/api/credits/summary?company_id={}", world.acme_north)).await.is(403);
}

async fn a_service_needs_its_own_permission(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 7).await;
    let email = person(&test, world.acme, "fitter", of("edit_devices")).await;
    let fitter = Program::all(&test, &email).await;
    let plain = json!({ "serial": "P1", "company_id": world.acme });
    let id = fitter.post("/api/devices", plain).await.is(201).data()["id"].as_i64().unwrap();
    let paid = json!({ "serial": "P2", "company_id": world.acme, "auto_credit_enable": 1 });
    fitter.post("/api/devices", paid.clone()).await.is(403);
    fitter.post("/api/devices", json!({ "data": [paid] })).await.is(403);
    let row = json!({ "device_id": id, "credit_type_id": 1, "credit_enabled": 1, "auto_extend_credit": 1 });
    let set = json!({ "data": [row] });
    fitter.put("/api/devices/credit", set).await.is(403);
    fitter.put(&format!("/api/devices/{id}"), json!({ "name": "Gate" })).await.is(200);
    let mut browser = signed_in(&test, &email).await;
    browser.get(&format!("/devices/{id}/facts")).await.is(200).has_not("Auto extend");
    browser.get(&format!("/devices/service?device={id}")).await.is(403);
    browser.get("/devices/imports/new").await.is(403);
    assert_eq!(world.credit(&test, world.acme).await, 7);
}

async fn role_endpoints_require_their_scopes(test: TestApp) {
    World::new(&test).await;
    let none = Program::of(&test, "acme@test.example", "credits:read").await;
    none.get("/api/roles").await.refuses(403, "", "SCOPE_MISSING");
    none.get("/api/permissions").await.is(200);
    let reader = Program::of(&test, "acme@test.example", "users:read").await;
    reader.get("/api/roles").await.is(200);
    reader.post("/api/roles", json!({ "title": "X" })).await.refuses(403, "", "SCOPE_MISSING");
    reader.put("/api/roles/100", json!({})).await.refuses(403, "", "SCOPE_MISSING");
    reader.put("/api/roles/permissions", json!({})).await.refuses(403, "", "SCOPE_MISSING");
    reader.delete("/api/roles/100").await.refuses(403, "", "SCOPE_MISSING");
}

async fn roles_are_made_in_the_portal(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/users/roles").await.is(200).has("Administrator").has("built in");
    let company = world.acme.to_string();
    let refused = acme
        .submit(
            "/users/roles/new",
            "/users/roles",
            &[("title", " "), ("company", &company), ("permission", "edit_devices")],
        )
        .await;
    refused.is(422).has("Enter a title").has(r#"value="edit_devices" checked"#);
    let new = [("title", "Porter"), ("company", company.as_str()), ("permission", "edit_devices")];
    let made = acme.submit("/users/roles/new", "/users/roles", &new).await;
    acme.done(made).await.has("The role Porter of Acme was created.");
    let program = Program::all(&test, "acme@test.example").await;
    let id = program.get("/api/roles?type=custom").await.data()[0]["id"].as_i64().unwrap();
    let path = format!("/users/roles/{id}");
    acme.get(&path).await.is(200).has("For users of Acme and of the companies below it.");
    let content = format!("{path}/content");
    let saved = acme.submit(&content, &content, &[("title", "Gatekeeper"), ("permission", "activate_codes")]).await;
    acme.done(saved).await.has("The role Gatekeeper was saved.");
    // It is offered and given.
    acme.get("/users/new").await.is(200).has("Gatekeeper");
    let north = who(&test.app, "north@test.example").await.user_id;
    let user = format!("/users/{north}");
    let given = acme.submit(&user, &format!("{user}/role"), &[("role", &id.to_string())]).await;
    acme.done(given).await.has("north@test.example is now Gatekeeper.");
    let deletion = format!("{path}/deletion");
    acme.submit(&deletion, &deletion, &[]).await.is(422).has("People have this role.");
    let given = acme.submit(&user, &format!("{user}/role"), &[("role", "end_user")]).await;
    acme.done(given).await.has("north@test.example is now End user.");
    let deleted = acme.submit(&deletion, &deletion, &[]).await;
    acme.done(deleted).await.has("The role Gatekeeper was deleted.");
    acme.get(&path).await.is(404);
    acme.get("/users/roles/1").await.is(200).has("It cannot be changed.");
}
