//! Step-up: acts as sensitive as the account itself ask for the password and the second factor again, and mails
//! report what happened to the account.

use crate::support::{
    Browser, PASSWORD, Page, Program, TestApp, World, codes_on, link_in, mail_server, next_mail, next_mail_of_all,
    open, secret_on, set_password, set_up, signed_in, who,
};
use futures_util::future::join_all;
use scrip::model::second_factor::TotpSecret;
use scrip::store;
use scrip::store::db::sql;
use tokio::sync::mpsc::UnboundedReceiver;

both!(
    sensitive_acts_ask_again_after_ten_minutes,
    the_password_alone_is_enough_only_without_a_second_factor,
    form_input_survives_the_confirmation,
    no_post_bypasses_the_confirmation,
    wrong_confirmations_count_like_failed_sign_ins,
    concurrent_wrong_confirmations_are_all_counted,
    after_a_hundred_wrong_passwords_only_a_reset_helps,
    a_mailed_code_confirms_only_its_own_session,
    a_recovery_code_confirms_once,
    api_clients_are_not_asked_to_confirm,
    a_confirmation_does_not_outlive_its_session,
    changing_the_method_requires_the_current_second_factor,
    a_sign_in_from_a_new_browser_is_mailed,
    changes_to_an_account_are_mailed,
);

const ACME: &str = "acme@test.example";
const WRONG: &str = "wrong horse battery";

fn now(test: &TestApp, secret: &TotpSecret) -> String {
    secret.code_at(test.app.clock.now())
}

/// A user with an authenticator app whose confirmation has lapsed.
async fn lapsed(test: &TestApp) -> (Browser, TotpSecret, Vec<String>) {
    let mut acme = signed_in(test, ACME).await;
    let (secret, codes) = set_up(test, &mut acme, PASSWORD).await;
    test.app.clock.advance_seconds(600);
    (acme, secret, codes)
}

async fn confirm(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    browser.submit("/confirm", "/confirm", fields).await
}

#[track_caller]
fn asks(page: &Page) -> String {
    let to = page.is(303).location();
    assert!(to.starts_with("/confirm?next="), "{to}");
    to.to_owned()
}

async fn count(test: &TestApp, table: &'static str) -> i64 {
    let mut tx = test.app.db.read().await.unwrap();
    let (count,): (i64,) = sql(table).one(&mut tx).await.unwrap();
    count
}

async fn sensitive_acts_ask_again_after_ten_minutes(test: TestApp) {
    World::new(&test).await;
    let north = who(&test.app, "north@test.example").await.user_id;
    let (link, reset) = (format!("/users/{north}/link"), format!("/users/{north}/second-factor"));
    let mut acme = signed_in(&test, ACME).await;
    let (secret, _) = set_up(&test, &mut acme, PASSWORD).await;
    let sensitive = [
        "/account/second-factor/off",
        "/account/second-factor/recovery-codes",
        "/account/second-factor/app",
        "/account/second-factor/email",
        "/account/security/email",
        "/account/tokens/new",
        "/account/applications/new",
        &link,
        &reset,
    ];
    test.app.clock.advance_seconds(569); // 600, minus 30 for the set-up, minus 1
    for path in sensitive {
        acme.get(path).await.is(200);
    }
    test.app.clock.advance_seconds(1);
    acme.get("/account/security").await.is(200);
    for path in sensitive {
        let to = asks(&acme.get(path).await);
        assert_eq!(to, format!("/confirm?next={}", path.replace('/', "%2F")));
        let page = acme.get(&to).await;
        page.is(200).has("Confirm that it is you").has("name=\"code\"");
        assert_eq!(page.field("next"), path);
    }
    let code = now(&test, &secret);
    let fields = [("password", PASSWORD), ("code", &*code), ("next", sensitive[0])];
    assert_eq!(confirm(&mut acme, &fields).await.is(303).location(), sensitive[0]);
    for path in sensitive {
        acme.get(path).await.is(200);
    }
    // A user who has just confirmed is not asked again, and nobody is redirected to another site.
    assert_eq!(acme.get("/confirm?next=%2Fusers").await.is(303).location(), "/users");
    assert_eq!(acme.get("/confirm?next=%2F%2Fevil.example").await.is(303).location(), "/account/security");
    acme.get("/history").await.has("Identity confirmed");
}

async fn the_password_alone_is_enough_only_without_a_second_factor(test: TestApp) {
    World::new(&test).await;
    let mut other = signed_in(&test, "other@test.example").await;
    test.app.clock.advance_seconds(600);
    let to = asks(&other.get("/account/security/email").await);
    other.get(&to).await.is(200).has_not("name=\"code\"");
    confirm(&mut other, &[("password", PASSWORD)]).await.is(303);
    other.get("/account/security/email").await.is(200);
    let (mut acme, secret, _) = lapsed(&test).await;
    let page = confirm(&mut acme, &[("password", PASSWORD)]).await;
    assert_eq!(page.is(422).problem("code"), "Enter the six digits of the code.");
    let code = now(&test, &secret);
    let page = confirm(&mut acme, &[("password", WRONG), ("code", &code)]).await;
    assert_eq!(page.is(422).problem("password"), "This is not your present password.");
    let page = confirm(&mut acme, &[("password", PASSWORD), ("code", "000000")]).await;
    assert!(page.is(422).problem("code").starts_with("This code is wrong"));
    asks(&acme.get("/account/second-factor/off").await);
    // Changing the password asks for the current one in its form. With a second factor, it needs a confirmation first.
    acme.get("/account/security").await.is(200).has_not("name=\"new_password\"").has("/confirm?next=");
    // A session from before the second factor was turned on has not confirmed it.
    let mut here = signed_in(&test, "other@test.example").await;
    let mut elsewhere = signed_in(&test, "other@test.example").await;
    set_up(&test, &mut here, PASSWORD).await;
    here.get("/account/second-factor/off").await.is(200);
    asks(&elsewhere.get("/account/second-factor/off").await);
}

async fn form_input_survives_the_confirmation(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let (secret, _) = set_up(&test, &mut acme, PASSWORD).await;
    let form = acme.get("/account/tokens/new").await.field("form");
    test.app.clock.advance_seconds(600);
    let fields = [
        ("form", &*form),
        ("name", "Nightly & more"),
        ("scope", "credits:read"),
        ("scope", "users:read"),
        ("last_day", "2027-01-31"),
        ("networks", "192.0.2.0/24"),
    ];
    let to = asks(&acme.post("/account/tokens", &fields).await);
    let next = acme.get(&to).await.field("next");
    let code = now(&test, &secret);
    let answer = confirm(&mut acme, &[("password", PASSWORD), ("code", &code), ("next", &next)]).await;
    let page = acme.get(answer.is(303).location()).await;
    assert_eq!(page.is(200).field("name"), "Nightly & more");
    assert_eq!(page.field("last_day"), "2027-01-31");
    page.has("value=\"credits:read\" checked").has("value=\"users:read\" checked").has(">192.0.2.0/24</textarea>");
    // The confirmation itself did not create the token.
    assert_eq!(count(&test, "select count(*) from access_token").await, 0);
}

async fn no_post_bypasses_the_confirmation(test: TestApp) {
    World::new(&test).await;
    let north = who(&test.app, "north@test.example").await.user_id;
    set_up(&test, &mut signed_in(&test, "north@test.example").await, PASSWORD).await;
    let (mut acme, _, _) = lapsed(&test).await;
    let before = count(&test, "select count(*) from history").await;
    for (path, fields) in [
        ("/account/second-factor/off".to_owned(), vec![("password", PASSWORD)]),
        ("/account/second-factor/recovery-codes".into(), vec![("password", PASSWORD)]),
        ("/account/second-factor/app".into(), vec![("password", PASSWORD), ("code", "123456")]),
        ("/account/second-factor/email".into(), vec![("password", PASSWORD), ("code", "123456")]),
        ("/account/security/email".into(), vec![("email", "new@test.example")]),
        (
            "/account/security/password".into(),
            vec![
                ("password", PASSWORD),
                ("new_password", "another horse battery"),
                ("new_password_again", "another horse battery"),
            ],
        ),
        ("/account/tokens".into(), vec![("name", "Nightly"), ("scope", "credits:read")]),
        (format!("/users/{north}/link"), vec![]),
        (format!("/users/{north}/second-factor"), vec![]),
    ] {
        let form = acme.get("/account/security").await.field("form");
        asks(&acme.post(&path, &[fields, vec![("form", &*form)]].concat()).await);
    }
    assert_eq!(count(&test, "select count(*) from history").await, before);
    assert_eq!(count(&test, "select count(*) from link").await, 0);
    assert_eq!(count(&test, "select count(*) from access_token").await, 0);
    assert_eq!(count(&test, "select count(*) from person where second_factor is not null").await, 2);
    // Confirmation comes before the lookup, so it does not reveal whether a user exists.
    let other = who(&test.app, "other@test.example").await.user_id;
    let form = acme.get("/account/security").await.field("form");
    asks(&acme.post(&format!("/users/{other}/link"), &[("form", &form)]).await);
    asks(&acme.post("/users/9999/link", &[("form", &form)]).await);
}

async fn wrong_confirmations_count_like_failed_sign_ins(test: TestApp) {
    World::new(&test).await;
    let (mut acme, secret, _) = lapsed(&test).await;
    let code = now(&test, &secret);
    for _ in 0..3 {
        confirm(&mut acme, &[("password", WRONG), ("code", &code)]).await.is(422);
    }
    // Failed sign-ins from this browser share the same count.
    let mut same = acme.clone();
    same.set_cookie("session", "");
    for _ in 0..2 {
        same.post("/sign-in", &[("email", ACME), ("password", WRONG)]).await.is(422);
    }
    confirm(&mut acme, &[("password", WRONG), ("code", &code)]).await.is(422);
    let page = confirm(&mut acme, &[("password", PASSWORD), ("code", &code)]).await;
    assert_eq!(page.is(429).headers["retry-after"], "5");
    test.app.clock.advance_seconds(5);
    // So do wrong second factors.
    for _ in 0..6 {
        confirm(&mut acme, &[("password", PASSWORD), ("code", "000000")]).await.is(422);
    }
    same.post("/sign-in", &[("email", ACME), ("password", PASSWORD)]).await.is(303);
    assert_eq!(
        same.post("/sign-in/code", &[("code", &now(&test, &secret))]).await.is(429).headers["retry-after"],
        "15"
    );
    test.app.clock.advance_seconds(15);
    confirm(&mut acme, &[("password", PASSWORD), ("code", &now(&test, &secret))]).await.is(303);
    acme.get("/history").await.has("Confirmation failed").has("Second factor wrong");
    // So do wrong passwords in the form for a new password.
    let new = [
        ("password", WRONG),
        ("new_password", "another horse battery"),
        ("new_password_again", "another horse battery"),
    ];
    let mut other = signed_in(&test, "other@test.example").await;
    test.app.clock.advance_seconds(600);
    for _ in 0..6 {
        other.submit("/account/security", "/account/security/password", &new).await.is(422);
    }
    confirm(&mut other, &[("password", PASSWORD)]).await.is(429);
}

async fn concurrent_wrong_confirmations_are_all_counted(test: TestApp) {
    World::new(&test).await;
    let (mut acme, secret, _) = lapsed(&test).await;
    let (form, code) = (acme.get("/confirm").await.field("form"), now(&test, &secret));
    let guesses = (0..20).map(|_| {
        let (mut browser, form, code) = (acme.clone(), form.clone(), code.clone());
        tokio::spawn(async move {
            let fields = [("form", &*form), ("password", WRONG), ("code", &*code)];
            browser.post("/confirm", &fields).await.status.as_u16()
        })
    });
    let answers: Vec<u16> = join_all(guesses).await.into_iter().map(Result::unwrap).collect();
    let judged = answers.iter().filter(|s| **s == 422).count();
    assert_eq!((judged, answers.iter().filter(|s| **s == 429).count()), (6, 14), "{answers:?}");
    asks(&acme.get("/account/second-factor/off").await);
}

async fn after_a_hundred_wrong_passwords_only_a_reset_helps(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    test.app.clock.advance_seconds(600);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = who(&test.app, ACME).await.user_id;
    let lock = async || {
        let mut tx = test.app.db.write().await.unwrap();
        sql("update throttle set failures = 100 where key like 'password:known:%' and failures > 0")
            .run(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
    };
    for by_link in [true, false] {
        confirm(&mut acme, &[("password", WRONG)]).await.is(422);
        lock().await;
        let page = confirm(&mut acme, &[("password", PASSWORD)]).await;
        let message = page.is(422).problem("password");
        assert!(message.contains("Forgotten password") && message.contains("ask an administrator"), "{message}");
        page.has("href=\"/forgotten-password\"");
        if by_link {
            let path = format!("/users/{id}/link");
            let link = link_in(&operator.submit(&path, &path, &[]).await.is(200).body);
            open(&mut acme, &link).await.is(200);
            set_password(&mut acme, PASSWORD).await.is(303);
        } else {
            force_second_factor(&test, id).await;
            let path = format!("/users/{id}/second-factor");
            operator.submit(&path, &path, &[]).await.is(303);
        }
        acme.sign_in(ACME).await;
        test.app.clock.advance_seconds(600);
        operator.sign_in("operator@test.example").await;
        confirm(&mut acme, &[("password", PASSWORD)]).await.is(303);
        test.app.clock.advance_seconds(600);
        operator.sign_in("operator@test.example").await;
    }
}

/// Turns on a second factor without its set-up.
async fn force_second_factor(test: &TestApp, id: i64) {
    let mut tx = test.app.db.write().await.unwrap();
    let method = scrip::model::second_factor::SecondFactor::Email;
    store::second_factor::turn_on(&mut tx, id, method).await.unwrap();
    tx.commit().await.unwrap();
}

type Mails = UnboundedReceiver<String>;

async fn with_mail(test: TestApp) -> (TestApp, Mails) {
    let (given, mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    World::new(&test).await;
    (test, mails)
}

fn code_in(mail: &str) -> String {
    mail.split("your code is ").nth(1).unwrap_or_else(|| panic!("no code in {mail}")).chars().take(6).collect()
}

async fn a_mailed_code_confirms_only_its_own_session(test: TestApp) {
    let (test, mut mails) = with_mail(test).await;
    force_second_factor(&test, who(&test.app, ACME).await.user_id).await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let mut browser = test.browser();
        browser.post("/sign-in", &[("email", ACME), ("password", PASSWORD)]).await.is(303);
        let code = code_in(&next_mail(&test, &mut mails).await);
        browser.post("/sign-in/code", &[("code", &code)]).await.is(303);
        sessions.push(browser);
    }
    test.app.clock.advance_seconds(600);
    let [mut one, mut other] = <[Browser; 2]>::try_from(sessions).ok().unwrap();
    let to = asks(&one.get("/account/tokens/new").await);
    let page = one.get(&to).await;
    page.is(200).has("Send code");
    let (form, next) = (page.field("form"), page.field("next"));
    let answer = one.post("/confirm/mail", &[("form", &form), ("next", &next)]).await;
    assert_eq!(answer.is(303).location(), "/confirm?notice=sent&next=%2Faccount%2Ftokens%2Fnew");
    one.get(answer.location()).await.is(200).has("A code is on its way");
    let code = code_in(&next_mail(&test, &mut mails).await);
    confirm(&mut other, &[("password", PASSWORD), ("code", &code)]).await.is(422);
    // The code cannot be used to sign in either.
    let mut thief = test.browser();
    thief.post("/sign-in", &[("email", ACME), ("password", PASSWORD)]).await.is(303);
    thief.post("/sign-in/code", &[("code", &code)]).await.is(422);
    confirm(&mut one, &[("password", PASSWORD), ("code", &code)]).await.is(303);
    one.get("/account/tokens/new").await.is(200);
    asks(&other.get("/account/tokens/new").await);
    test.app.clock.advance_seconds(600);
    confirm(&mut one, &[("password", PASSWORD), ("code", &code)]).await.is(422);
}

async fn a_recovery_code_confirms_once(test: TestApp) {
    World::new(&test).await;
    let (mut acme, _, codes) = lapsed(&test).await;
    acme.get("/confirm?with=recovery&next=%2Fusers").await.is(200).has("name=\"recovery_code\"");
    let fields = [("password", PASSWORD), ("with", "recovery"), ("recovery_code", &*codes[0])];
    confirm(&mut acme, &fields).await.is(303);
    test.app.clock.advance_seconds(600);
    let page = confirm(&mut acme, &fields).await;
    assert!(page.is(422).problem("recovery_code").contains("Each works once"));
    acme.get("/history").await.has("Recovery code used");
}

async fn api_clients_are_not_asked_to_confirm(test: TestApp) {
    let world = World::new(&test).await;
    let program = Program::all(&test, ACME).await;
    test.app.clock.advance_seconds(86_400);
    let body = serde_json::json!({"email": "x@test.example", "role": "end_user", "company_id": world.acme});
    program.post("/api/users/invite", body).await.is(201);
}

async fn a_confirmation_does_not_outlive_its_session(test: TestApp) {
    World::new(&test).await;
    set_up(&test, &mut signed_in(&test, "other@test.example").await, PASSWORD).await;
    // A second sign-in in the same browser that waits for its second step inherits nothing from the first.
    let mut shared = signed_in(&test, ACME).await;
    shared.get("/account/security/email").await.is(200);
    shared.post("/sign-in", &[("email", "other@test.example"), ("password", PASSWORD)]).await.is(303);
    assert!(shared.get("/confirm").await.is(303).location().starts_with("/sign-in"));
    shared.get("/account/second-factor/off").await.is(303);
    // Changing the password does not revive a lapsed confirmation.
    let mut acme = signed_in(&test, ACME).await;
    test.app.clock.advance_seconds(600);
    let new = "another horse battery";
    let fields = [("password", PASSWORD), ("new_password", new), ("new_password_again", new)];
    acme.submit("/account/security", "/account/security/password", &fields).await.is(200);
    asks(&acme.get("/account/security/email").await);
}

async fn changing_the_method_requires_the_current_second_factor(test: TestApp) {
    World::new(&test).await;
    let (mut thief, secret, _) = lapsed(&test).await;
    asks(&thief.get("/account/second-factor/app").await);
    let code = now(&test, &secret);
    confirm(&mut thief, &[("password", PASSWORD), ("code", &code)]).await.is(303);
    let page = thief.get("/account/second-factor/app").await;
    assert!(secret_on(page.is(200)).bytes() != secret.bytes());
    // Turning a second factor on needs only the password in the form, however long ago the sign-in was.
    let mut other = signed_in(&test, "other@test.example").await;
    test.app.clock.advance_seconds(3_600);
    set_up(&test, &mut other, PASSWORD).await;
    other.get("/account/tokens/new").await.is(200);
}

async fn a_sign_in_from_a_new_browser_is_mailed(test: TestApp) {
    let (test, mut mails) = with_mail(test).await;
    // The first sign-in ever is expected and sends no mail.
    let mut known = signed_in(&test, ACME).await;
    assert_eq!(next_mail_of_all(&test, &mut mails).await, None);
    known.sign_in(ACME).await;
    assert_eq!(next_mail_of_all(&test, &mut mails).await, None);
    let mut stranger = test.browser();
    stranger.address = [203, 0, 113, 9];
    stranger.sign_in(ACME).await;
    let mail = next_mail_of_all(&test, &mut mails).await.unwrap();
    assert!(mail.contains("To: acme@test.example") && mail.contains("Subject: New sign-in to your account"), "{mail}");
    assert!(mail.contains("203.0.113.9") && mail.contains("2026-11-21 12:00:00 UTC"), "{mail}");
    // With a second factor, the mail is sent after the second step.
    let (secret, _) = set_up(&test, &mut known, PASSWORD).await;
    while next_mail_of_all(&test, &mut mails).await.is_some() {}
    let mut other = test.browser();
    other.post("/sign-in", &[("email", ACME), ("password", PASSWORD)]).await.is(303);
    assert_eq!(next_mail_of_all(&test, &mut mails).await, None);
    other.post("/sign-in/code", &[("code", &now(&test, &secret))]).await.is(303);
    assert!(next_mail_of_all(&test, &mut mails).await.unwrap().contains("New sign-in"));
}

async fn changes_to_an_account_are_mailed(test: TestApp) {
    let (test, mut mails) = with_mail(test).await;
    let mut acme = signed_in(&test, ACME).await;
    let mut subject = async || {
        let mail = next_mail_of_all(&test, &mut mails).await.expect("no mail waits");
        assert!(mail.contains("To: acme@test.example"), "{mail}");
        mail.split("Subject: ").nth(1).unwrap().lines().next().unwrap().to_owned()
    };
    set_up(&test, &mut acme, PASSWORD).await;
    assert_eq!(subject().await, "Two-factor authentication is on");
    let path = "/account/second-factor/recovery-codes";
    assert_eq!(codes_on(&acme.submit(path, path, &[]).await).len(), 10);
    assert_eq!(subject().await, "New recovery codes were made");
    let fields = [("name", "Nightly"), ("scope", "credits:read")];
    acme.submit("/account/tokens/new", "/account/tokens", &fields).await.is(200);
    assert_eq!(subject().await, "A new access token was made");
    Program::of(&test, ACME, "credits:read").await;
    assert_eq!(subject().await, "A new access token was made");
    let new = "another horse battery";
    let fields = [("password", PASSWORD), ("new_password", new), ("new_password_again", new)];
    acme.submit("/account/security", "/account/security/password", &fields).await.is(200);
    assert_eq!(subject().await, "Your password was changed");
    let off = "/account/second-factor/off";
    acme.submit(off, off, &[]).await.is(303);
    assert_eq!(subject().await, "Two-factor authentication is off");
    acme.post("/forgotten-password", &[("email", ACME)]).await.is(200);
    let link = link_in(&next_mail_of_all(&test, &mut mails).await.unwrap());
    open(&mut acme, &link).await.is(200);
    set_password(&mut acme, PASSWORD).await.is(303);
    let mail = next_mail_of_all(&test, &mut mails).await.unwrap();
    assert!(mail.contains("Subject: Your password was changed"), "{mail}");
    assert_eq!(next_mail_of_all(&test, &mut mails).await, None);
}
