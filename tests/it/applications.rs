//! Applications on the account page: who may make, see, change and delete one, and what it does by itself.

use crate::support::oauth::{Client, FLEET, secured, works};
use crate::support::{Browser, Program, TestApp, World, signed_in, who};
use scrip::store::db::sql;

both!(
    an_application_requires_a_second_factor,
    a_secret_is_shown_once,
    a_refused_application_keeps_its_input,
    only_its_maker_and_administrators_above_see_an_application,
    an_application_acts_by_itself_as_a_service_user,
    a_service_user_has_no_more_than_its_maker,
    a_service_user_is_nobody_else_s,
    a_deleted_application_ends_its_tokens,
);

async fn an_application_requires_a_second_factor(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let list = "/account/applications";
    acme.get(list).await.is(200).has("Turn on two-factor authentication").has_not("Add application");
    assert_eq!(acme.get("/account/applications/new").await.is(303).location(), list);
    let refused = acme.submit("/account/profile", list, &FLEET).await;
    refused.is(422).has("Turn on two-factor authentication first");
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    acme.get(list).await.is(200).has("Fleet").has("Confidential");
    // What opens other accounts is confirmed once more.
    test.app.clock.advance_seconds(600);
    for path in
        ["/account/applications/new".to_owned(), format!("{}/content", fleet.page), format!("{}/secret", fleet.page)]
    {
        assert!(acme.get(&path).await.is(303).location().starts_with("/confirm?next="), "{path}");
        let to = if path.ends_with("/new") { list } else { &path };
        assert!(acme.submit("/account/profile", to, &FLEET).await.is(303).location().starts_with("/confirm?next="));
    }
}

async fn a_secret_is_shown_once(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let form = acme.get("/account/applications/new").await.field("form");
    let fields = [&FLEET[..], &[("form", form.as_str())]].concat();
    let made = acme.post("/account/applications", &fields).await;
    made.is(200).has("WARNING: this is the only time it is shown").has("Create operation completed successfully.");
    let fleet = Client::on(&test, &made);
    let secret = fleet.secret.unwrap();
    assert!(secret.starts_with("scrip_ocs_"));
    acme.post("/account/applications", &fields).await.is(200).has("made before").has_not("scrip_ocs_");
    acme.get(&fleet.page).await.is(200).has(&format!("…{}", &secret[secret.len() - 4..])).has_not(&secret);
    assert_eq!(acme.get("/account/applications").await.body.matches("<th scope=\"row\">").count(), 1);
}

async fn a_refused_application_keeps_its_input(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let make = async |acme: &mut Browser, other: &[(&str, &str)]| {
        let kept = FLEET.into_iter().filter(|(name, _)| !other.iter().any(|(n, _)| n == name));
        let fields: Vec<(&str, &str)> = kept.chain(other.iter().copied()).collect();
        acme.submit("/account/applications/new", "/account/applications", &fields).await
    };
    let page = make(&mut acme, &[("redirect_urls", "https://fleet.example/\nhttp://fleet.example/")]).await;
    assert!(page.is(422).problem("redirect_urls").contains("http://fleet.example/"));
    page.has("value=\"Fleet\"").has("value=\"credits:read\" checked").has("value=\"confidential\" checked");
    for (other, problem) in [
        (("name", ""), "Enter a name."),
        (("name", "Win at evil.example/now"), "A name must not look like a link"),
        (("redirect_urls", ""), "Enter at least one redirect URL."),
        (("scope", ""), "There is no scope"),
        (("kind", ""), "Choose a type."),
        (("service_role", "owner"), "Choose a role."),
    ] {
        make(&mut acme, &[other]).await.is(422).has(problem);
    }
    let page = make(&mut acme, &[("kind", "public"), ("service_role", "read_only")]).await;
    page.is(422).has("A public application cannot act by itself");
    acme.get("/account/applications").await.has("No application yet");
}

async fn only_its_maker_and_administrators_above_see_an_application(test: TestApp) {
    World::new(&test).await;
    let mut north = secured(&test, "north@test.example").await;
    let fleet = Client::fleet(&test, &mut north).await;
    let (content, deletion) = (format!("{}/content", fleet.page), format!("{}/deletion", fleet.page));
    for email in ["other@test.example", "auditor@test.example", "customer@test.example"] {
        let mut browser = secured(&test, email).await;
        for path in [&fleet.page, &content, &deletion] {
            browser.get(path).await.is(404);
        }
        browser.submit("/account/profile", &content, &FLEET).await.is(404);
        browser.submit("/account/profile", &deletion, &[]).await.is(404);
        browser.submit("/account/profile", &format!("{}/secret", fleet.page), &[]).await.is(404);
        browser.get("/account/applications").await.is(200).has_not("Fleet");
    }
    for email in ["acme@test.example", "operator@test.example"] {
        let mut browser = secured(&test, email).await;
        browser.get("/account/applications").await.is(200).has("Fleet").has("north@test.example");
        browser.submit(&content, &content, &FLEET).await.is(303);
    }
    let answer = north.submit(&deletion, &deletion, &[]).await;
    north.done(answer).await.has("Delete operation completed successfully.").has("No application yet");
}

/// The fields of an application that acts by itself.
fn acting(role: &str) -> Vec<(&'static str, String)> {
    let mut fields: Vec<_> = FLEET.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    fields.extend([("scope", "companies:write".to_owned()), ("service_role", role.to_owned())]);
    fields
}

async fn make(test: &TestApp, maker: &mut Browser, role: &str) -> Client {
    let fields = acting(role);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Client::make(test, maker, &fields).await
}

async fn an_application_acts_by_itself_as_a_service_user(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = make(&test, &mut acme, "admin").await;
    let ask = [("grant_type", "client_credentials")];
    let reply = fleet.post("/account/token", &ask).await;
    assert!(reply.body["refresh_token"].is_null());
    let tokens = reply.tokens();
    assert_eq!(tokens.scope, "companies:write credits:read devices:read");
    let program = Program::with_token(&test, &tokens.access);
    let user = program.get("/api/user").await.is(200).body.clone();
    assert!(user["username"].as_str().unwrap().starts_with("service-user-"), "{user}");
    assert_eq!((&user["role"]["name"], &user["company"]["id"]), (&"admin".into(), &world.acme.into()));
    let new = |parent: i64| serde_json::json!({ "name": "Made by a program", "parent_id": parent });
    program.post("/api/companies", new(world.acme)).await.is(201);
    program.post("/api/companies", new(world.vendor)).await.is(404);
    acme.get("/history").await.has("by token Fleet (#").has("Made by a program");
    let narrow = fleet.post("/account/token", &[&ask[..], &[("scope", "credits:read")]].concat()).await.tokens();
    Program::with_token(&test, &narrow.access).get("/api/devices").await.refuses(403, "", "SCOPE_MISSING");
    fleet.post("/account/token", &[&ask[..], &[("scope", "users:read")]].concat()).await.refuses(400, "invalid_scope");
    // A public application, and one without a service user, do not act by themselves.
    let other = Client::fleet(&test, &mut acme).await;
    other.post("/account/token", &ask).await.refuses(400, "unauthorized_client");
    // An hour later it asks again.
    test.app.clock.advance_seconds(3_600);
    assert!(!works(&test, &tokens.access).await);
    assert!(works(&test, &fleet.post("/account/token", &ask).await.tokens().access).await);
}

async fn a_service_user_has_no_more_than_its_maker(test: TestApp) {
    let world = World::new(&test).await;
    let mut north = secured(&test, "north@test.example").await;
    north.get("/account/applications/new").await.is(200).has("Yes: End user").has_not("Yes: Administrator");
    let too_much = acting("admin");
    let too_much: Vec<(&str, &str)> = too_much.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = north.submit("/account/applications/new", "/account/applications", &too_much).await;
    page.is(422).has("no more than the giver’s own");
    // Not even an administrator gives it more.
    let fleet = make(&test, &mut north, "end_user").await;
    let mut acme = secured(&test, "acme@test.example").await;
    let content = format!("{}/content", fleet.page);
    acme.submit(&content, &content, &too_much).await.is(422);
    // If its maker loses a role, the application loses it too.
    let fleet = make(&test, &mut acme, "admin").await;
    let ask = [("grant_type", "client_credentials")];
    let program = Program::with_token(&test, &fleet.post("/account/token", &ask).await.tokens().access);
    assert_eq!(program.get("/api/user").await.body["role"]["name"], "admin");
    let id = who(&test.app, "acme@test.example").await.user_id;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit("/users", &format!("/users/{id}/role"), &[("role", "read_only")]).await.is(303);
    assert_eq!(program.get("/api/user").await.body["role"]["name"], "read_only");
    let new = serde_json::json!({ "name": "Made by a program", "parent_id": world.acme });
    program.post("/api/companies", new).await.is(403);
}

async fn a_service_user_is_nobody_else_s(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = make(&test, &mut acme, "admin").await;
    let mut tx = test.app.db.read().await.unwrap();
    let (id, email): (i64, String) =
        sql("select id, email from person where is_service = 1").one(&mut tx).await.unwrap();
    drop(tx);
    // It is in no list, has no page, no link and no sign-in, and does not count.
    let mut operator = secured(&test, "operator@test.example").await;
    operator.get("/users").await.is(200).has("acme@test.example").has_not("service-user");
    for path in [format!("/users/{id}"), format!("/users/{id}/link"), format!("/users/{id}/second-factor")] {
        operator.get(&path).await.is(404);
    }
    operator.submit("/users", &format!("/users/{id}/role"), &[("role", "end_user")]).await.is(404);
    assert!(scrip::ops::console::new_link(&test.app, &email).await.is_err());
    test.browser().post("/sign-in", &[("email", &*email), ("password", "")]).await.is(422);
    test.browser().post("/forgotten-password", &[("email", &*email)]).await.is(422);
    let program = Program::all(&test, "operator@test.example").await;
    let listed = program.get("/api/users?limit=100").await;
    assert!(!listed.is(200).text.contains("service-user"));
    assert_eq!(program.get(&format!("/api/companies/{}", world.acme)).await.data()["users_count"], 1);
    program.get(&format!("/api/users/{id}")).await.is(404);
    // Without a role it ends, and so does what it had.
    let ask = [("grant_type", "client_credentials")];
    let tokens = fleet.post("/account/token", &ask).await.tokens();
    let content = format!("{}/content", fleet.page);
    acme.submit(&content, &content, &FLEET).await.is(303);
    assert!(!works(&test, &tokens.access).await);
    fleet.post("/account/token", &ask).await.refuses(400, "unauthorized_client");
    acme.get("/history").await.has("Application changed");
}

async fn a_deleted_application_ends_its_tokens(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = make(&test, &mut acme, "read_only").await;
    let own = fleet.post("/account/token", &[("grant_type", "client_credentials")]).await.tokens();
    let tokens = fleet.connect(&mut signed_in(&test, "north@test.example").await).await;
    assert!(works(&test, &own.access).await && works(&test, &tokens.access).await);
    let deletion = format!("{}/deletion", fleet.page);
    acme.submit(&deletion, &deletion, &[]).await.is(303);
    assert!(!works(&test, &own.access).await && !works(&test, &tokens.access).await);
    fleet.refresh(&tokens.refresh).await.refuses(401, "invalid_client");
    acme.get(&fleet.authorize(&[])).await.is(422).has("is not registered");
    acme.get(&fleet.page).await.is(404);
    acme.get("/history").await.has("Application deleted");
    test.verify().await;
}
