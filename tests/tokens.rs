//! Access tokens on the account page: who may make one, that it is shown once, and what ends it.

mod support;

use scrip::store::db::sql;
use support::{Browser, PASSWORD, Page, Program, TestApp, World, set_up, signed_in};

both!(
    without_a_second_factor_there_are_no_tokens,
    a_token_is_shown_once_and_works,
    a_form_sent_twice_makes_one_token,
    wrong_fields_keep_what_was_typed,
    a_token_ends_with_its_last_day,
    a_revoked_token_is_refused_at_once,
    another_persons_token_cannot_be_revoked,
    turning_the_second_factor_off_revokes_but_the_consoles,
    the_last_use_is_shown,
    a_token_is_nowhere_in_the_database,
);

/// Somebody with a second factor.
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
    page.is(200).has("This is the only time");
    page.body.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

async fn without_a_second_factor_there_are_no_tokens(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/account/tokens")
        .await
        .is(200)
        .has("Turn on two-factor authentication")
        .has_not("Add new access token");
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

async fn a_form_sent_twice_makes_one_token(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let form = acme.get("/account/tokens/new").await.field("form");
    let fields = [("form", form.as_str()), ("name", "Nightly"), ("scope", "credits:read"), ("last_day", "")];
    shown(&acme.post("/account/tokens", &fields).await);
    acme.post("/account/tokens", &fields).await.is(200).has("made before").has_not("scrip_pat_");
    assert_eq!(acme.get("/account/tokens").await.body.matches("<th scope=\"row\">").count(), 1);
}

async fn wrong_fields_keep_what_was_typed(test: TestApp) {
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
    make(&mut acme, "<script>alert(1)</script>", &["credits:read"], "")
        .await
        .is(200)
        .has_not("<script>alert");
    assert_eq!(acme.get("/account/tokens").await.body.matches("<th scope=\"row\">").count(), 1);
}

async fn a_token_ends_with_its_last_day(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program =
        Program::with_token(&test, &shown(&make(&mut acme, "Today", &["credits:read"], "2026-11-21").await));
    program.get("/api/user").await.is(200);
    test.app.clock.advance_seconds(12 * 3_600 - 60);
    program.get("/api/user").await.is(200);
    test.app.clock.advance_seconds(60);
    program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
}

async fn a_revoked_token_is_refused_at_once(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program =
        Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    program.get("/api/user").await.is(200);
    let path = revocation(&acme.get("/account/tokens").await);
    let answer = acme.submit(&path, &path, &[]).await;
    acme.done(answer).await.has("Revoke operation completed successfully.").has("No access token yet");
    program.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    acme.get(&path).await.is(404);
}

/// Where the first token of a list is revoked.
fn revocation(list: &Page) -> String {
    let path = list.is(200).body.split("href=\"").find(|p| p.contains("/revocation\"")).unwrap();
    path.split('"').next().unwrap().to_owned()
}

async fn another_persons_token_cannot_be_revoked(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program =
        Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    let path = revocation(&acme.get("/account/tokens").await);
    let mut vendor = signed_in(&test, "operator@test.example").await;
    vendor.get(&path).await.is(404);
    let form = vendor.get("/account/profile").await.field("form");
    vendor.post(&path, &[("form", &form)]).await.is(404);
    program.get("/api/user").await.is(200);
}

async fn turning_the_second_factor_off_revokes_but_the_consoles(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let own = Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    let of_console = Program::all(&test, "acme@test.example").await;
    let page = acme.get("/account/second-factor/off").await;
    page.is(200).has("These access tokens will be revoked").has("Nightly").has_not("a test");
    let form = page.field("form");
    acme.post("/account/second-factor/off", &[("form", &form), ("password", PASSWORD)]).await.is(303);
    own.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
    assert_eq!(of_console.get("/api/user").await.is(200).body["mfa_type"], serde_json::Value::Null);
    acme.get("/account/tokens")
        .await
        .is(200)
        .has("Made on the console")
        .has("Turn on two-factor authentication");
}

async fn the_last_use_is_shown(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let program =
        Program::with_token(&test, &shown(&make(&mut acme, "Nightly", &["credits:read"], "").await));
    acme.get("/account/tokens").await.has("<td data-label=\"Last used\"><span class=\"muted\">never</span>");
    test.app.clock.advance_seconds(3_600);
    program.get("/api/user").await.is(200);
    acme.get("/account/tokens").await.has("2026-11-21 13:00:30 UTC");
    test.app.clock.advance_seconds(30);
    program.get("/api/user").await.is(200);
    acme.get("/account/tokens").await.has("2026-11-21 13:00:30 UTC");
}

async fn a_token_is_nowhere_in_the_database(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let token = shown(&make(&mut acme, "Nightly", &["credits:read"], "").await);
    let mut tx = test.app.db.read().await.unwrap();
    let kept: Vec<(String, String)> = sql("select verb, result from operation").all(&mut tx).await.unwrap();
    assert!(kept.iter().all(|(_, result)| !result.contains(&token[..30])));
    let kept: Vec<(String, String)> =
        sql("select name, ending from access_token").all(&mut tx).await.unwrap();
    assert_eq!(kept, [("Nightly".to_owned(), token[token.len() - 4..].to_owned())]);
}
