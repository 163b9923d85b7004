//! Access tokens on the account page: who may create one, that it is shown once, and what ends it.

use crate::support::{Browser, PASSWORD, Page, Program, TestApp, World, open, set_password, set_up, signed_in};
use scrip::ops;
use scrip::ops::tokens::{ConsoleToken, TOKEN_DAYS};
use scrip::store::db::sql;

both!(
    tokens_require_a_second_factor,
    a_token_is_shown_once_and_works,
    a_form_submitted_twice_makes_one_token,
    a_refused_form_keeps_its_input,
    a_token_expires_after_its_last_day,
    a_revoked_token_is_refused_at_once,
    another_users_token_cannot_be_revoked,
    turning_off_the_second_factor_spares_console_tokens,
    the_last_use_is_shown,
    a_token_is_never_stored_in_the_clear,
    a_token_expires_after_ninety_days_by_default,
    a_token_works_only_from_its_networks,
    a_password_reset_by_link_revokes_all_tokens,
    changing_the_password_offers_to_revoke_tokens,
    administrators_can_see_and_revoke_their_users_tokens,
    disabling_a_user_ends_their_tokens,
);

/// A signed-in user with a second factor.
async fn secured(test: &TestApp, email: &str) -> Browser {
    let mut browser = signed_in(test, email).await;
    set_up(test, &mut browser, PASSWORD).await;
    browser
}

async fn make(browser: &mut Browser, name: &str, scopes: &[&str], last_day: &str) -> Page {
    let mut fields = vec![("name", name), ("last_day", last_day)];
    fields.extend(scopes.iter().map(|s| ("scope", *s)));
    browser.submit("/account/tokens/new", "/account/tokens", &fields).await
}

/// The token that a page shows.
fn shown(page: &Page) -> String {
    page.is(200).has("WARNING: this is the only time it is shown.");
    page.body.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn tokens_require_a_second_factor(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/account/tokens").await.is(200).has("Turn on two-factor authentication").has_not("Add new access token");
    assert_eq!(acme.get("/account/tokens/new").await.is(303).location(), "/account/tokens");
    let fields = [("name", "Nightly"), ("scope", "credits:read"), ("last_day", "")];
    let refused = acme.submit("/account/profile", "/account/tokens", &fields).await;
    refused.is(422).has("Turn on two-factor authentication first");
}

async fn a_token_is_shown_once_and_works(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let made = make(&mut acme, "Nightly", &["credits:read", "credit_transfer_codes:write"], "").await;
    let token = shown(made.has("Create operation completed successfully."));
    assert!(token.starts_with("scrip_pat_"));
    let list = acme.get("/account/tokens").await;
    list.is(200).has("Nightly").has("credits:read").has("credit_transfer_codes:write").has_not(&token);
    let program = Program::with_token(&test, &token);
    let user = program.get("/api/user").await;
    assert_eq!(user.is(200).body["mfa_type"], "totp");
    program.get("/api/credits/summary").await.is(200);
    program.get("/api/companies").await.refuses(403, "", "SCOPE_MISSING");
}

async fn a_form_submitted_twice_makes_one_token(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let form = acme.get("/account/tokens/new").await.field("form");
    let fields = [("form", form.as_str()), ("name", "Nightly"), ("scope", "credits:read"), ("last_day", "")];
    shown(&acme.post("/account/tokens", &fields).await);
    acme.post("/account/tokens", &fields).await.is(200).has("made before").has_not("scrip_pat_");
    assert_eq!(acme.get("/account/tokens").await.body.matches("<th scope=\"row\">").count(), 1);
}

async fn a_refused_form_keeps_its_input(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let page = make(&mut acme, "", &["credits:read"], "").await;
    page.is(422).has("Enter a name.").has("value=\"credits:read\" checked");
    let page = make(&mut acme, "Nightly", &[], "2026-11-20").await;
    page.is(422).has("Choose at least one scope.").has("Enter a day that has not passed.");
    page.has("value=\"Nightly\"").has("value=\"2026-11-20\"");
    make(&mut acme, "Nightly", &["all"], "tomorrow")
        .await
        .is(422)
        .has("There is no scope all.")
        .has("Enter a day such as");
    make(&mut acme, &"x".repeat(101), &["credits:read"], "").await.is(422).has("100 characters or fewer");
    make(&mut acme, "<script>alert(1)</script>", &["credits:read"], "").await.is(200).has_not("<script>alert");
    assert_eq!(acme.get("/account/tokens").await.body.matches("<th scope=\"row\">").count(), 1);
}

async fn a_token_expires_after_its_last_day(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program = Program::with_token(&test, &shown(&make(&mut acme, "Today", &["credits:read"], "2026-11-21").await));
    program.get("/api/user").await.is(200);
    test.app.clock.advance_seconds(12 * 3_600 - 60);
    program.get("/api/user").await.is(200);
    test.app.clock.advance_seconds(60);
    program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
}

async fn a_revoked_token_is_refused_at_once(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program = Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    program.get("/api/user").await.is(200);
    let path = revocation(&acme.get("/account/tokens").await);
    let answer = acme.submit(&path, &path, &[]).await;
    acme.done(answer).await.has("Revoke operation completed successfully.").has("No access token yet");
    program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    acme.get(&path).await.is(404);
}

/// The address that revokes the first token of a list.
fn revocation(list: &Page) -> String {
    let path = list.is(200).body.split("href=\"").find(|p| p.contains("/revocation\"")).unwrap();
    path.split('"').next().unwrap().to_owned()
}

async fn another_users_token_cannot_be_revoked(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program = Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    let path = revocation(&acme.get("/account/tokens").await);
    let mut vendor = signed_in(&test, "operator@test.example").await;
    vendor.get(&path).await.is(404);
    let form = vendor.get("/account/profile").await.field("form");
    vendor.post(&path, &[("form", &form)]).await.is(404);
    program.get("/api/user").await.is(200);
}

async fn turning_off_the_second_factor_spares_console_tokens(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let own = Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    let of_console = Program::all(&test, "acme@test.example").await;
    let page = acme.get("/account/second-factor/off").await;
    page.is(200).has("These access tokens will be revoked").has("Nightly").has_not("a test");
    let form = page.field("form");
    acme.post("/account/second-factor/off", &[("form", &form)]).await.is(303);
    own.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    assert_eq!(of_console.get("/api/user").await.is(200).body["mfa_type"], serde_json::Value::Null);
    acme.get("/account/tokens").await.is(200).has("Made on the console").has("Turn on two-factor authentication");
}

async fn the_last_use_is_shown(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program = Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    acme.get("/account/tokens").await.has("<td data-label=\"Last used\"><span class=\"muted\">never</span>");
    test.app.clock.advance_seconds(3_600);
    program.get("/api/user").await.is(200);
    acme.get("/account/tokens").await.has("2026-11-21 13:00:30 UTC");
    test.app.clock.advance_seconds(30);
    program.get("/api/user").await.is(200);
    acme.get("/account/tokens").await.has("2026-11-21 13:00:30 UTC");
}

async fn a_token_is_never_stored_in_the_clear(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let token = shown(&make(&mut acme, "Nightly", &["credits:read"], "").await);
    let mut tx = test.app.db.read().await.unwrap();
    let kept: Vec<(String, String)> =
        sql("select verb, result from operation where verb is not null").all(&mut tx).await.unwrap();
    assert!(kept.iter().all(|(_, result)| !result.contains(&token[..30])));
    let kept: Vec<(String, String)> = sql("select name, ending from access_token").all(&mut tx).await.unwrap();
    assert_eq!(kept, [("Nightly".to_owned(), token[token.len() - 4..].to_owned())]);
}

async fn a_token_expires_after_ninety_days_by_default(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    assert_eq!(acme.get("/account/tokens/new").await.is(200).field("last_day"), "2027-02-19");
    let usual = Program::with_token(&test, &shown(&make(&mut acme, "Usual", &["credits:read"], "").await));
    let fields = [("name", "Endless"), ("scope", "credits:read"), ("last_day", "2027-02-19"), ("no_end", "1")];
    let endless = acme.submit("/account/tokens/new", "/account/tokens", &fields).await;
    let endless = Program::with_token(&test, &shown(&endless));
    let wanted = ConsoleToken {
        days: Some(TOKEN_DAYS),
        ..ConsoleToken::without_end("acme@test.example", "Console", "credits:read")
    };
    let console = ops::tokens::create_on_console(&test.app, &wanted).await.unwrap();
    let console = Program::with_token(&test, console.reveal());
    test.app.clock.advance_seconds(90 * 86_400 - 60);
    for program in [&usual, &endless, &console] {
        program.get("/api/user").await.is(200);
    }
    // A token from the page works until the end of its last day.
    test.app.clock.advance_seconds(60);
    console.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    usual.get("/api/user").await.is(200);
    test.app.clock.advance_seconds(86_400);
    usual.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    endless.get("/api/user").await.is(200);
}

async fn a_token_works_only_from_its_networks(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let with = async |acme: &mut Browser, networks: &str| {
        let fields = [("name", "Office"), ("scope", "credits:read"), ("networks", networks)];
        acme.submit("/account/tokens/new", "/account/tokens", &fields).await
    };
    for wrong in ["192.0.2.0/33", "office.example", "192.0.2.1-192.0.2.9"] {
        let page = with(&mut acme, wrong).await;
        assert!(page.is(422).problem("networks").contains(wrong), "{}", page.problem("networks"));
        page.has("value=\"Office\"").has(&format!(">{wrong}</textarea>"));
    }
    let made = with(&mut acme, "192.0.2.0/24\n2001:db8::/32, 198.51.100.7").await;
    let program = Program::with_token(&test, &shown(&made));
    acme.get("/account/tokens").await.has("Only from 192.0.2.0/24 2001:db8::/32 198.51.100.7/32");
    program.get("/api/user").await.refuses(403, "", "ADDRESS_NOT_ALLOWED");
    for (address, status) in [([192, 0, 2, 200], 200), ([198, 51, 100, 7], 200), ([198, 51, 100, 8], 403)] {
        program.from(address).get("/api/user").await.is(status);
    }
    // A forwarded address counts only if the proxy is trusted.
    let forged = [("x-forwarded-for", "192.0.2.1")];
    program.send(axum::http::Method::GET, "/api/user", &forged, None).await.is(403);
}

async fn a_password_reset_by_link_revokes_all_tokens(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let own = Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    let of_console = Program::all(&test, "acme@test.example").await;
    let others = Program::all(&test, "other@test.example").await;
    let link = ops::console::new_link(&test.app, "acme@test.example").await.unwrap().link.unwrap();
    let mut owner = test.browser();
    open(&mut owner, &link).await.is(200);
    own.get("/api/user").await.is(200);
    set_password(&mut owner, "another horse battery").await.is(303);
    for program in [&own, &of_console] {
        program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    }
    others.get("/api/user").await.is(200);
    signed_in(&test, "operator@test.example").await.get("/history").await.has("all 2, of acme@test.example");
}

async fn changing_the_password_offers_to_revoke_tokens(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program = Program::all(&test, "acme@test.example").await;
    acme.get("/account/security").await.has("name=\"end_all\" value=\"1\" checked");
    let (one, two) = ("another horse battery", "yet another horse battery");
    for (old, new, end_all, status) in [(PASSWORD, one, "0", 200), (one, two, "1", 401)] {
        let fields = [("password", old), ("new_password", new), ("new_password_again", new), ("end_all", end_all)];
        acme.submit("/account/security", "/account/security/password", &fields).await.is(200);
        program.get("/api/user").await.is(status);
    }
    // A refused form keeps the box as it was.
    let fields = [("password", "wrong"), ("new_password", one), ("new_password_again", one)];
    let page = acme.submit("/account/security", "/account/security/password", &fields).await;
    page.is(422).has_not("name=\"end_all\" value=\"1\" checked");
    // The list of sessions offers to revoke tokens too.
    let program = Program::all(&test, "acme@test.example").await;
    let form = acme.get("/account/security").await.field("form");
    acme.post("/account/security/sessions", &[("form", &form)]).await.is(303);
    program.get("/api/user").await.is(200);
    acme.post("/account/security/sessions", &[("form", &form), ("tokens", "1")]).await.is(303);
    program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
}

async fn administrators_can_see_and_revoke_their_users_tokens(test: TestApp) {
    World::new(&test).await;
    let of_acme = Program::all(&test, "acme@test.example").await;
    let of_other = Program::all(&test, "other@test.example").await;
    let acme = crate::support::who(&test.app, "acme@test.example").await.user_id;
    let other = crate::support::who(&test.app, "other@test.example").await.user_id;
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    let page = distributor.get(&format!("/users/{acme}")).await;
    page.is(200).has("Access tokens").has("a test").has_not(of_acme.token());
    let path = revocation_of(&page);
    let foreign = revocation_of(&signed_in(&test, "operator@test.example").await.get(&format!("/users/{other}")).await);
    // Only administrators above can revoke it, and only tokens in their own tree.
    for (email, status) in [("other@test.example", 404), ("auditor@test.example", 403), ("north@test.example", 403)] {
        let mut browser = signed_in(&test, email).await;
        browser.submit("/account/profile", &path, &[]).await.is(status);
    }
    signed_in(&test, "auditor@test.example").await.get(&format!("/users/{acme}")).await.is(200).has_not("a test");
    let mixed = foreign.replace(&format!("/users/{other}/"), &format!("/users/{acme}/"));
    for path in [&foreign, &mixed] {
        distributor.submit("/users", path, &[]).await.is(404);
    }
    let answer = distributor.submit("/users", &path, &[]).await;
    distributor.done(answer).await.has("Revoke operation completed successfully.").has_not("a test<");
    of_acme.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    of_other.get("/api/user").await.is(200);
    signed_in(&test, "acme@test.example").await.get("/history").await.has("a test, of acme@test.example");
}

/// The address where an administrator revokes a user's first token.
fn revocation_of(page: &Page) -> String {
    let path = page.is(200).body.split("action=\"").find(|p| p.split('"').next().unwrap().ends_with("/revocation"));
    path.unwrap().split('"').next().unwrap().to_owned()
}

async fn disabling_a_user_ends_their_tokens(test: TestApp) {
    World::new(&test).await;
    let id = crate::support::who(&test.app, "acme@test.example").await.user_id;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let program = Program::all(&test, "acme@test.example").await;
    for disabled in ["1", "0"] {
        operator.submit("/users", &format!("/users/{id}/disabled"), &[("disabled", disabled)]).await.is(303);
        program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    }
    let program = Program::all(&test, "acme@test.example").await;
    program.get("/api/user").await.is(200);
    ops::console::disable_user(&test.app, "acme@test.example").await.unwrap();
    program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    let wanted = ConsoleToken::without_end("acme@test.example", "late", "credits:read");
    assert!(ops::tokens::create_on_console(&test.app, &wanted).await.is_err());
}
