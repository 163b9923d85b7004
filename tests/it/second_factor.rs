//! Two-factor authentication: set-up, the second step of signing in, recovery, resets, requirements.

use crate::support::{
    Browser, PASSWORD, Page, TestApp, World, codes_on, mail_server, next_mail, no_mail, secret_on, set_up, signed_in,
    who,
};
use futures_util::future::join_all;
use scrip::model::second_factor::{RecoveryCode, TotpSecret};
use scrip::ops;
use scrip::store;
use scrip::store::db::sql;
use tokio::sync::mpsc::UnboundedReceiver;

both!(
    turning_on_an_app_requires_a_valid_code_and_the_password,
    the_set_up_form_works_for_one_user_and_once,
    the_password_alone_grants_nothing,
    both_steps_give_a_new_session_and_redirect_on,
    a_code_works_once_even_after_a_restart,
    a_code_may_be_one_step_off,
    all_sessions_share_the_count_of_wrong_codes,
    concurrent_guesses_are_all_counted,
    a_malformed_code_costs_no_attempt,
    a_sign_in_lapses_after_ten_minutes,
    a_recovery_code_works_once,
    a_recovery_code_used_concurrently_signs_in_once,
    new_recovery_codes_replace_the_old,
    concurrent_changes_leave_one_set_of_codes,
    turning_on_codes_by_mail_requires_a_mailed_code,
    a_mailed_code_works_once_and_for_ten_minutes,
    mailed_codes_are_limited,
    without_mail_only_the_app_is_offered,
    another_method_replaces_the_first,
    the_authentication_type_leads_to_its_steps,
    turning_it_off_deletes_its_data,
    turning_it_off_requires_a_longer_password,
    a_short_password_and_turning_off_never_both_succeed,
    a_password_link_does_not_bypass_it,
    other_sessions_end_only_on_request,
    administrators_reset_it_only_in_their_own_tree,
    the_console_can_reset_it,
    a_company_can_require_it_of_its_users,
    a_requirement_is_inherited_and_lifted_only_from_above,
    a_required_second_factor_cannot_be_turned_off,
    history_records_every_event,
);

const ACME: &str = "acme@test.example";
const SHORT: &str = "vq7 dune";

async fn password(browser: &mut Browser, email: &str, password: &str) -> Page {
    browser.post("/sign-in", &[("email", email), ("password", password)]).await
}

/// A browser that entered the right password and waits for the second step.
async fn waiting(test: &TestApp, email: &str) -> Browser {
    let mut browser = test.browser();
    let answer = password(&mut browser, email, PASSWORD).await;
    assert_eq!(answer.is(303).location(), "/sign-in/code");
    browser
}

async fn second(browser: &mut Browser, code: &str) -> Page {
    browser.post("/sign-in/code", &[("code", code)]).await
}

async fn recover(browser: &mut Browser, code: &str) -> Page {
    browser.post("/sign-in/code", &[("with", "recovery"), ("recovery_code", code)]).await
}

/// The code that the app shows now.
fn now(test: &TestApp, secret: &TotpSecret) -> String {
    secret.code_at(test.app.clock.now())
}

/// A code that the app shows neither now nor in the adjacent steps.
fn wrong(test: &TestApp, secret: &TotpSecret) -> String {
    let near = [-30, 0, 30].map(|off| secret.code_at(test.app.clock.now().plus_seconds(off)));
    (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
}

async fn with_app(test: &TestApp, email: &str) -> (TotpSecret, Vec<String>) {
    set_up(test, &mut signed_in(test, email).await, PASSWORD).await
}

/// The six digits in a mail.
fn code_in(mail: &str) -> String {
    mail.split("your code is ").nth(1).unwrap_or_else(|| panic!("no code in {mail}")).chars().take(6).collect()
}

/// A portal that sends mail, with the small world.
async fn with_mail(test: TestApp) -> (TestApp, World, UnboundedReceiver<String>) {
    let (given, mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    let world = World::new(&test).await;
    (test, world, mails)
}

/// Turns on codes by e-mail; returns the recovery codes.
async fn with_email(test: &TestApp, mails: &mut UnboundedReceiver<String>, email: &str) -> Vec<String> {
    let mut browser = signed_in(test, email).await;
    let page = "/account/second-factor/email";
    let answer = browser.submit(page, "/account/second-factor/email/code", &[]).await;
    browser.done(answer).await.has("Send code operation completed successfully.");
    let code = code_in(&next_mail(test, mails).await);
    let made = browser.submit(page, page, &[("code", &code), ("password", PASSWORD)]).await;
    codes_on(made.is(200))
}

async fn user_id(test: &TestApp, email: &str) -> i64 {
    who(&test.app, email).await.user_id
}

async fn count(test: &TestApp, table: &'static str) -> i64 {
    let mut tx = test.app.db.read().await.unwrap();
    let (count,): (i64,) = sql(table).one(&mut tx).await.unwrap();
    count
}

async fn turning_on_an_app_requires_a_valid_code_and_the_password(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    acme.get("/account/security").await.is(200).has("<option value=\"none\" selected>");
    let page = acme.get("/account/second-factor/app").await;
    page.is(200).has("<svg").has("autocomplete=\"one-time-code\" inputmode=\"numeric\"");
    let (secret, form, sealed) = (secret_on(&page), page.field("form"), page.field("secret"));
    let (right, wrong) = (now(&test, &secret), wrong(&test, &secret));
    for (code, password, field, message) in [
        ("", PASSWORD, "code", "Enter the six digits of the code."),
        (&*wrong, PASSWORD, "code", "This code is wrong"),
        (&*right, "wrong horse battery", "password", "This is not your present password."),
        (&*right, "", "password", "This is not your present password."),
    ] {
        let fields = [("form", &*form), ("secret", &*sealed), ("code", code), ("password", password)];
        let page = acme.post("/account/second-factor/app", &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{}", page.body);
        // The app already has the secret, so the form keeps it; nothing is turned on.
        assert_eq!(page.has(&form).field("secret"), sealed);
        assert!(secret_on(&page).bytes() == secret.bytes());
        assert_eq!(who(&test.app, ACME).await.second_factor, None);
    }
    let fields = [("form", &*form), ("secret", &*sealed), ("code", &*right), ("password", PASSWORD)];
    let page = acme.post("/account/second-factor/app", &fields).await;
    assert_eq!(codes_on(page.is(200)).len(), 10);
    acme.get("/account/security").await.has("Authenticator app").has("<dd>10</dd>");
}

async fn the_set_up_form_works_for_one_user_and_once(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let page = acme.get("/account/second-factor/app").await;
    let (secret, form, sealed) = (secret_on(&page), page.field("form"), page.field("secret"));
    let code = now(&test, &secret);
    let mut other = signed_in(&test, "other@test.example").await;
    let foreign = [("secret", &*sealed), ("code", &*code), ("password", PASSWORD)];
    other.submit("/account/second-factor/app", "/account/second-factor/app", &foreign).await.is(422);
    for altered in ["", "1.", "1.00", "x.00", "9.0011", &format!("{sealed}00")] {
        let fields = [("secret", altered), ("code", &*code), ("password", PASSWORD)];
        acme.submit("/account/second-factor/app", "/account/second-factor/app", &fields).await.is(422);
    }
    let fields = [("form", &*form), ("secret", &*sealed), ("code", &*code), ("password", PASSWORD)];
    let first = acme.post("/account/second-factor/app", &fields).await;
    let second = acme.post("/account/second-factor/app", &fields).await;
    assert_eq!(codes_on(first.is(200)).len(), 10);
    second.is(200).has("were shown when this form was sent first");
    assert!(codes_on(&second).is_empty());
    assert_eq!(count(&test, "select count(*) from recovery_code").await, 10);
    // Turning it on used up the code.
    assert_eq!(status_of_code(&test, &code).await, 422);
}

async fn status_of_code(test: &TestApp, code: &str) -> u16 {
    second(&mut waiting(test, ACME).await, code).await.status.as_u16()
}

async fn the_password_alone_grants_nothing(test: TestApp) {
    let world = World::new(&test).await;
    let (secret, _) = with_app(&test, ACME).await;
    let mut thief = waiting(&test, ACME).await;
    assert_eq!(thief.cookie("known"), None);
    let (acme, users) = (format!("/companies/{}", world.acme), format!("/users/{}", user_id(&test, ACME).await));
    for path in ["/", "/companies", &acme, &users, "/history.csv", "/account/security", "/account/second-factor"] {
        let answer = thief.get(path).await;
        assert!(answer.is(303).location().starts_with("/sign-in?next="), "{path}: {}", answer.location());
    }
    for path in ["/account/second-factor/off", "/account/security/password", "/moves", "/redeem", "/sign-out"] {
        let answer = thief.post(path, &[("password", PASSWORD), ("form", "x.y")]).await;
        assert_eq!(answer.is(303).location(), "/sign-in", "{path}");
    }
    thief.get("/sign-in/code").await.is(200).has(ACME).has("Second step");
    // A sign-in that waits for its second step replaces the session in this browser.
    let mut shared = signed_in(&test, "other@test.example").await;
    password(&mut shared, ACME, PASSWORD).await.is(303);
    shared.get("/").await.is(303);
    second(&mut shared, &now(&test, &secret)).await.is(303);
    shared.get("/").await.is(200).has(ACME);
    // A browser without a pending sign-in is redirected to the start page.
    assert_eq!(test.browser().get("/sign-in/code").await.is(303).location(), "/");
    assert_eq!(second(&mut test.browser(), "123456").await.is(303).location(), "/");
}

async fn both_steps_give_a_new_session_and_redirect_on(test: TestApp) {
    World::new(&test).await;
    let (secret, _) = with_app(&test, ACME).await;
    let mut browser = test.browser();
    let planted = signed_in(&test, "other@test.example").await.cookie("session").unwrap().to_owned();
    browser.set_cookie("session", &planted);
    let fields = [("email", ACME), ("password", PASSWORD), ("next", "/companies?q=north")];
    let answer = browser.post("/sign-in", &fields).await;
    assert_eq!(answer.is(303).location(), "/sign-in/code?next=%2Fcompanies%3Fq%3Dnorth");
    let first = browser.cookie("session").unwrap().to_owned();
    let page = browser.get(answer.location()).await;
    page.is(200).has("href=\"/sign-in/code?with=recovery&#38;next=%2Fcompanies%3Fq%3Dnorth\"");
    let (code, next) = (now(&test, &secret), page.field("next"));
    let answer = browser.post("/sign-in/code", &[("code", &*code), ("next", &*next)]).await;
    assert_eq!(answer.is(303).location(), "/companies?q=north");
    assert!(browser.cookie("known").is_some());
    let last = browser.cookie("session").unwrap().to_owned();
    assert!(planted != first && first != last);
    for dead in [planted, first] {
        let mut old = test.browser();
        old.set_cookie("session", &dead);
        old.get("/").await.is(303);
        old.get("/sign-in/code").await.is(303);
    }
    // Nobody is redirected to another site.
    test.app.clock.advance_seconds(30);
    let (mut again, code) = (waiting(&test, ACME).await, now(&test, &secret));
    let answer = again.post("/sign-in/code", &[("code", &*code), ("next", "//evil.example")]).await;
    assert_eq!(answer.is(303).location(), "/");
}

async fn a_code_works_once_even_after_a_restart(test: TestApp) {
    World::new(&test).await;
    let (secret, _) = with_app(&test, ACME).await;
    let code = now(&test, &secret);
    let mut thief = waiting(&test, ACME).await;
    second(&mut waiting(&test, ACME).await, &code).await.is(303);
    let page = second(&mut thief, &code).await;
    assert!(page.is(422).problem("code").contains("was used before"));
    let mut restarted = test.restarted().await;
    password(&mut restarted, ACME, PASSWORD).await.is(303);
    second(&mut restarted, &code).await.is(422);
    // An earlier code no longer works either.
    let earlier = secret.code_at(test.app.clock.now().plus_seconds(-30));
    second(&mut restarted, &earlier).await.is(422);
    test.app.clock.advance_seconds(30);
    second(&mut restarted, &now(&test, &secret)).await.is(303);
    restarted.get("/").await.is(200);
}

async fn a_code_may_be_one_step_off(test: TestApp) {
    World::new(&test).await;
    let (secret, _) = with_app(&test, ACME).await;
    test.app.clock.advance_seconds(300);
    for (off, status) in [(-60, 422), (60, 422), (-30, 303), (30, 303)] {
        let mut browser = waiting(&test, ACME).await;
        let code = secret.code_at(test.app.clock.now().plus_seconds(off));
        second(&mut browser, &code).await.is(status);
    }
}

async fn all_sessions_share_the_count_of_wrong_codes(test: TestApp) {
    World::new(&test).await;
    let (secret, codes) = with_app(&test, ACME).await;
    let mut guessers = [waiting(&test, ACME).await, waiting(&test, ACME).await];
    guessers[1].address = [192, 0, 2, 7];
    let wrong = wrong(&test, &secret);
    for guess in 0..6 {
        second(&mut guessers[guess % 2], &wrong).await.is(422);
    }
    for guesser in &mut guessers {
        let page = second(guesser, &wrong).await;
        assert_eq!(page.is(429).headers["retry-after"], "15");
    }
    // Neither a new session, nor a recovery code, nor another process resets the count.
    second(&mut waiting(&test, ACME).await, &now(&test, &secret)).await.is(429);
    recover(&mut guessers[0], &codes[0]).await.is(429);
    let mut restarted = test.restarted().await;
    password(&mut restarted, ACME, PASSWORD).await.is(303);
    second(&mut restarted, &now(&test, &secret)).await.is(429);
    // The wait ends by itself, and the next wrong code prolongs it.
    test.app.clock.advance_seconds(15);
    second(&mut guessers[0], &wrong).await.is(422);
    assert_eq!(second(&mut guessers[1], &wrong).await.is(429).headers["retry-after"], "30");
    test.app.clock.advance_seconds(30);
    second(&mut guessers[1], &now(&test, &secret)).await.is(303);
    second(&mut waiting(&test, ACME).await, &wrong).await.is(422);
}

async fn concurrent_guesses_are_all_counted(test: TestApp) {
    World::new(&test).await;
    let (secret, _) = with_app(&test, ACME).await;
    let (guesser, wrong) = (waiting(&test, ACME).await, wrong(&test, &secret));
    let guesses = (0..20).map(|_| {
        let (mut browser, wrong) = (guesser.clone(), wrong.clone());
        tokio::spawn(async move { second(&mut browser, &wrong).await.status.as_u16() })
    });
    let answers: Vec<u16> = join_all(guesses).await.into_iter().map(Result::unwrap).collect();
    let judged = answers.iter().filter(|s| **s == 422).count();
    assert_eq!((judged, answers.iter().filter(|s| **s == 429).count()), (6, 14), "{answers:?}");
}

async fn a_malformed_code_costs_no_attempt(test: TestApp) {
    World::new(&test).await;
    let (secret, codes) = with_app(&test, ACME).await;
    let mut browser = waiting(&test, ACME).await;
    for _ in 0..3 {
        for slip in ["", "12345", "12345a", "1234567"] {
            let page = second(&mut browser, slip).await;
            assert_eq!(page.is(422).problem("code"), "Enter the six digits of the code.");
        }
        let page = recover(&mut browser, &codes[0][..9]).await;
        assert!(page.is(422).problem("recovery_code").starts_with("This is not a recovery code"));
    }
    let code = now(&test, &secret);
    second(&mut browser, &format!(" {} {} ", &code[..3], &code[3..])).await.is(303);
}

async fn a_sign_in_lapses_after_ten_minutes(test: TestApp) {
    World::new(&test).await;
    let (secret, codes) = with_app(&test, ACME).await;
    let (mut slow, mut quick) = (waiting(&test, ACME).await, waiting(&test, ACME).await);
    test.app.clock.advance_seconds(599);
    second(&mut quick, &now(&test, &secret)).await.is(303);
    test.app.clock.advance_seconds(1);
    let answer = recover(&mut slow, &codes[0]).await;
    assert_eq!(answer.is(303).location(), "/sign-in?notice=lapsed");
    slow.get("/sign-in?notice=lapsed").await.has("Too much time has passed");
    slow.get("/").await.is(303);
    // A sign-in also lapses if the password changes meanwhile or the user is disabled.
    let (mut first, mut later) = (waiting(&test, ACME).await, waiting(&test, ACME).await);
    let fields = [
        ("password", PASSWORD),
        ("new_password", "another horse battery"),
        ("new_password_again", "another horse battery"),
    ];
    quick.submit("/account/security", "/account/security/password", &fields).await.is(200);
    test.app.clock.advance_seconds(30);
    let answer = second(&mut first, &now(&test, &secret)).await;
    assert_eq!(answer.is(303).location(), "/sign-in?notice=lapsed");
    let mut tx = test.app.db.write().await.unwrap();
    let id = user_id(&test, ACME).await;
    store::users::set_disabled(&mut tx, id, true, test.app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(second(&mut later, &now(&test, &secret)).await.location(), "/sign-in?notice=lapsed");
}

async fn a_recovery_code_works_once(test: TestApp) {
    World::new(&test).await;
    let (_, codes) = with_app(&test, ACME).await;
    let mut browser = waiting(&test, ACME).await;
    browser.get("/sign-in/code?with=recovery").await.is(200).has("name=\"recovery_code\"");
    let typed = codes[3].to_lowercase().replace('-', " ");
    recover(&mut browser, &typed).await.is(303);
    browser.get("/account/security").await.is(200).has("<dd>9</dd>");
    let mut again = waiting(&test, ACME).await;
    let page = recover(&mut again, &codes[3]).await;
    assert!(page.is(422).problem("recovery_code").contains("Each works once"));
    assert_eq!(page.field("recovery_code"), codes[3]);
    // Another user's code does not work, and the remaining codes still do.
    let (_, foreign) = with_app(&test, "other@test.example").await;
    recover(&mut again, &foreign[0]).await.is(422);
    recover(&mut again, &codes[9]).await.is(303);
}

async fn a_recovery_code_used_concurrently_signs_in_once(test: TestApp) {
    World::new(&test).await;
    let (_, codes) = with_app(&test, ACME).await;
    let mut browsers = Vec::new();
    for _ in 0..8 {
        browsers.push(waiting(&test, ACME).await);
    }
    let tries = browsers.into_iter().map(|mut browser| {
        let code = codes[0].clone();
        tokio::spawn(async move { recover(&mut browser, &code).await.status.as_u16() })
    });
    let answers: Vec<u16> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|s| **s == 303).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|s| [303, 422, 429].contains(s)), "{answers:?}");
    assert_eq!(count(&test, "select count(*) from recovery_code").await, 9);
}

async fn new_recovery_codes_replace_the_old(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    acme.get("/account/second-factor/recovery-codes").await.is(422).has("off already");
    let (_, old) = set_up(&test, &mut acme, PASSWORD).await;
    let page = "/account/second-factor/recovery-codes";
    acme.get(page).await.is(200).has("<strong>10</strong>");
    let made = acme.submit(page, page, &[]).await;
    let new = codes_on(made.is(200));
    assert!(new.len() == 10 && old.iter().all(|code| !new.contains(code)));
    recover(&mut waiting(&test, ACME).await, &old[0]).await.is(422);
    recover(&mut waiting(&test, ACME).await, &new[0]).await.is(303);
    // Each has 80 random bits, so no two are equal, and no page shows them again.
    let all: std::collections::BTreeSet<_> = old.iter().chain(&new).collect();
    assert!(all.len() == 20 && all.iter().all(|code| code.len() == 19));
    for path in [page, "/account/security", "/history"] {
        acme.get(path).await.is(200).has_not(&new[1]);
    }
}

async fn concurrent_changes_leave_one_set_of_codes(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let path = "/account/second-factor/app";
    let (page, mut forms) = (acme.get(path).await, Vec::new());
    let (secret, sealed) = (secret_on(&page), page.field("secret"));
    for _ in 0..6 {
        forms.push(acme.get(path).await.field("form"));
    }
    let tries = forms.into_iter().enumerate().map(|(n, form)| {
        let (mut browser, code, sealed) = (acme.clone(), now(&test, &secret), sealed.clone());
        let path = if n < 3 { path } else { "/account/second-factor/recovery-codes" };
        tokio::spawn(async move {
            let fields = [("form", &*form), ("secret", &*sealed), ("code", &*code), ("password", PASSWORD)];
            codes_on(&browser.post(path, &fields).await)
        })
    });
    let made: Vec<Vec<String>> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert!(made.iter().filter(|codes| codes.len() == 10).count() >= 3);
    assert_eq!(count(&test, "select count(*) from recovery_code").await, 10);
    assert_eq!(count(&test, "select count(*) from totp").await, 1);
    // The ten remaining codes are one complete set that was shown to a browser.
    let mut browser = waiting(&test, ACME).await;
    let mut is_in = 0;
    for codes in made.iter().filter(|codes| !codes.is_empty()) {
        test.app.clock.advance_seconds(60);
        is_in += u16::from(recover(&mut browser, &codes[0]).await.status == 303);
        browser = waiting(&test, ACME).await;
    }
    assert_eq!(is_in, 1);
}

async fn turning_on_codes_by_mail_requires_a_mailed_code(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let mut acme = signed_in(&test, ACME).await;
    let (page, send) = ("/account/second-factor/email", "/account/second-factor/email/code");
    acme.submit(page, page, &[("code", "123456"), ("password", PASSWORD)]).await.is(422);
    acme.submit(page, send, &[]).await.is(303);
    let mail = next_mail(&test, &mut mails).await;
    assert!(mail.contains(&format!("To: {ACME}")), "{mail}");
    let code = code_in(&mail);
    let wrong = acme.submit(page, page, &[("code", &code), ("password", "wrong horse battery")]).await;
    wrong.is(422).has("This is not your present password.");
    assert_eq!(who(&test.app, ACME).await.second_factor, None);
    let made = acme.submit(page, page, &[("code", &code), ("password", PASSWORD)]).await;
    assert_eq!(codes_on(made.is(200)).len(), 10);
    acme.submit(page, page, &[("code", &code), ("password", PASSWORD)]).await.is(422);
    // A code mailed to turn it on cannot be used to sign in, and vice versa.
    acme.submit(page, send, &[]).await.is(303);
    let to_turn_on = code_in(&next_mail(&test, &mut mails).await);
    let mut browser = waiting(&test, ACME).await;
    let to_sign_in = code_in(&next_mail(&test, &mut mails).await);
    if to_turn_on != to_sign_in {
        second(&mut browser, &to_turn_on).await.is(422);
    }
    second(&mut browser, &to_sign_in).await.is(303);
    browser.get("/").await.is(200);
}

async fn a_mailed_code_works_once_and_for_ten_minutes(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    with_email(&test, &mut mails, ACME).await;
    let (mut first, mut other) = (waiting(&test, ACME).await, waiting(&test, ACME).await);
    let (mail, code) = (next_mail(&test, &mut mails).await, code_in(&next_mail(&test, &mut mails).await));
    if code_in(&mail) != code {
        second(&mut first, &code).await.is(422);
    }
    second(&mut first, &code_in(&mail)).await.is(303);
    second(&mut other, &code).await.is(303);
    // A newer code replaces the older one.
    let mut late = waiting(&test, ACME).await;
    let code = code_in(&next_mail(&test, &mut mails).await);
    let mail = next_mail_after(&test, &mut late, &mut mails).await;
    if code != mail {
        second(&mut late, &code).await.is(422);
    }
    test.app.clock.advance_seconds(599);
    second(&mut late, &mail).await.is(303);
    let mut late = waiting(&test, ACME).await;
    let code = code_in(&next_mail(&test, &mut mails).await);
    test.app.clock.advance_seconds(500);
    let mut fresh = waiting(&test, ACME).await;
    let newer = code_in(&next_mail(&test, &mut mails).await);
    test.app.clock.advance_seconds(100);
    assert_eq!(second(&mut late, &code).await.location(), "/sign-in?notice=lapsed");
    test.app.clock.advance_seconds(499);
    second(&mut fresh, &newer).await.is(303);
}

/// Requests another code on the page of the second step.
async fn next_mail_after(test: &TestApp, browser: &mut Browser, mails: &mut UnboundedReceiver<String>) -> String {
    let answer = browser.post("/sign-in/code/mail", &[]).await;
    assert_eq!(answer.is(303).location(), "/sign-in/code?notice=sent");
    browser.get("/sign-in/code?notice=sent").await.is(200).has("Another code is on its way");
    code_in(&next_mail(test, mails).await)
}

async fn mailed_codes_are_limited(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let codes = with_email(&test, &mut mails, ACME).await;
    let mut browser = waiting(&test, ACME).await;
    let mut code = code_in(&next_mail(&test, &mut mails).await);
    for _ in 0..5 {
        code = next_mail_after(&test, &mut browser, &mut mails).await;
    }
    let page = browser.post("/sign-in/code/mail", &[]).await;
    assert_eq!(page.is(429).headers["retry-after"], "60");
    // Starting over does not send more mails either; the last code still works.
    let mut again = waiting(&test, ACME).await;
    no_mail(&test, &mut mails).await;
    again.get("/sign-in/code").await.is(200).has("none was mailed for this sign-in");
    browser.get("/sign-in/code").await.is(200).has_not("none was mailed");
    // A code belongs to the sign-in that requested it.
    second(&mut again, &code).await.is(422);
    second(&mut browser, &code).await.is(303);
    let mut browser = waiting(&test, ACME).await;
    // Recovery codes also work for users with codes by mail.
    recover(&mut browser, &codes[0]).await.is(303);
    // A user without codes by mail cannot request one.
    with_app(&test, "other@test.example").await;
    let mut other = waiting(&test, "other@test.example").await;
    other.post("/sign-in/code/mail", &[]).await.is(404);
}

async fn without_mail_only_the_app_is_offered(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let page = acme.get("/account/second-factor").await;
    page.is(200).has("href=\"/account/second-factor/app\"").has_not("href=\"/account/second-factor/email\"");
    let token = page.field("form");
    acme.get("/account/second-factor/email").await.is(200).has("sends no mail").has_not("Send code");
    acme.post("/account/second-factor/email/code", &[("form", &token)]).await.is(422).has("sends no mail");
    // A user with codes by mail can still sign in after the portal has lost its mail server.
    let id = user_id(&test, ACME).await;
    let mut tx = test.app.db.write().await.unwrap();
    let method = scrip::model::second_factor::SecondFactor::Email;
    store::second_factor::turn_on(&mut tx, id, method).await.unwrap();
    let code = RecoveryCode::from_random([7; 16]);
    let hash = test.app.keys.second_factor_hash(id, "recovery", code.digits());
    store::second_factor::set_recovery_codes(&mut tx, id, &[hash]).await.unwrap();
    tx.commit().await.unwrap();
    acme.get("/confirm").await.is(200).has("sends no mail at present").has_not("Send code");
    let form = acme.get("/confirm").await.field("form");
    acme.post("/confirm/mail", &[("form", &form)]).await.is(422);
    let mut browser = waiting(&test, ACME).await;
    browser.get("/sign-in/code").await.is(200).has("sends no mail at present");
    browser.post("/sign-in/code/mail", &[]).await.is(422);
    recover(&mut browser, &code.reveal()).await.is(303);
}

async fn another_method_replaces_the_first(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let old = with_email(&test, &mut mails, ACME).await;
    let mut acme = waiting(&test, ACME).await;
    second(&mut acme, &code_in(&next_mail(&test, &mut mails).await)).await.is(303);
    let (first, _) = set_up(&test, &mut acme, PASSWORD).await;
    // No more mails are sent, old recovery codes do not work, and after a change of the app the old app does not either.
    let mut browser = waiting(&test, ACME).await;
    no_mail(&test, &mut mails).await;
    recover(&mut browser, &old[0]).await.is(422);
    let (newer, _) = set_up(&test, &mut acme, PASSWORD).await;
    let code = now(&test, &first);
    if newer.step_of(&code, test.app.clock.now()).is_none() {
        second(&mut browser, &code).await.is(422);
    }
    second(&mut browser, &now(&test, &newer)).await.is(303);
    assert_eq!(count(&test, "select count(*) from totp").await, 1);
    assert_eq!(count(&test, "select count(*) from requested_code").await, 0);
}

async fn the_authentication_type_leads_to_its_steps(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let page = acme.get("/account/security").await;
    // This portal sends no mail, so codes cannot come by e-mail.
    page.has("Authentication type").has("<option value=\"none\" selected>").has_not("<option value=\"email\"");
    let (choice, security) = ("/account/second-factor?type=", "/account/security");
    let steps = [("none", security), ("totp", "/account/second-factor/app"), ("email", "/account/second-factor/email")];
    for (chosen, leads_to) in steps {
        assert_eq!(acme.get(&format!("{choice}{chosen}")).await.is(303).location(), leads_to);
    }
    acme.get(&format!("{choice}sms")).await.is(200).has("Set up authenticator app");
    set_up(&test, &mut acme, PASSWORD).await;
    acme.get(security).await.has("<option value=\"totp\" selected>");
    assert_eq!(acme.get(&format!("{choice}none")).await.is(303).location(), "/account/second-factor/off");
}

async fn turning_it_off_deletes_its_data(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let off = "/account/second-factor/off";
    acme.get(off).await.is(422).has("off already");
    let (_, codes) = set_up(&test, &mut acme, PASSWORD).await;
    acme.get(off).await.is(200).has("Your password alone").has_not("new_password");
    let answer = acme.submit(off, off, &[("password", PASSWORD)]).await;
    acme.done(answer).await.has("Two-factor authentication is off.").has("<option value=\"none\" selected>");
    for table in ["select count(*) from totp", "select count(*) from recovery_code"] {
        assert_eq!(count(&test, table).await, 0);
    }
    assert_eq!(password(&mut test.browser(), ACME, PASSWORD).await.is(303).location(), "/");
    // After turning it on again, old recovery codes do not work.
    let (secret, _) = set_up(&test, &mut acme, PASSWORD).await;
    recover(&mut waiting(&test, ACME).await, &codes[0]).await.is(422);
    second(&mut waiting(&test, ACME).await, &now(&test, &secret)).await.is(303);
}

/// Changes the signed-in user's password.
async fn change_password(browser: &mut Browser, old: &str, new: &str) -> Page {
    let fields = [("password", old), ("new_password", new), ("new_password_again", new)];
    browser.submit("/account/security", "/account/security/password", &fields).await
}

async fn turning_it_off_requires_a_longer_password(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let page = change_password(&mut acme, PASSWORD, SHORT).await;
    assert!(page.is(422).problem("new_password").starts_with("Enter a password of 15 characters"));
    set_up(&test, &mut acme, PASSWORD).await;
    acme.get("/account/security").await.has("8 characters or more.");
    let page = change_password(&mut acme, PASSWORD, "vq7dune").await;
    assert!(page.is(422).problem("new_password").starts_with("Enter a password of 8 characters"));
    change_password(&mut acme, PASSWORD, "password").await.is(422);
    change_password(&mut acme, PASSWORD, SHORT).await.is(200);
    let off = "/account/second-factor/off";
    acme.get(off).await.is(200).has("too short to stand alone");
    for (new, again, field, message) in [
        ("", "", "new_password", "Enter a password."),
        ("vq7 dunes longer", "other", "new_password_again", "The two passwords differ."),
        ("fourteen chars", "fourteen chars", "new_password", "Enter a password of 15 characters"),
    ] {
        let fields = [("password", SHORT), ("new_password", new), ("new_password_again", again)];
        let page = acme.submit(off, off, &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{}", page.body);
        assert!(who(&test.app, ACME).await.second_factor.is_some());
    }
    let new = "another horse battery";
    let fields = [("password", SHORT), ("new_password", new), ("new_password_again", new)];
    let answer = acme.submit(off, off, &fields).await;
    acme.done(answer).await.is(200).has("Two-factor authentication is off.");
    assert_eq!(password(&mut test.browser(), ACME, new).await.is(303).location(), "/");
    password(&mut test.browser(), ACME, SHORT).await.is(422);
}

async fn a_short_password_and_turning_off_never_both_succeed(test: TestApp) {
    World::new(&test).await;
    with_app(&test, ACME).await;
    // Both requests saw it on and the password long, so the second one must be refused.
    let actor = who(&test.app, ACME).await;
    let change = ops::second_factor::Change { operation_id: "off", but: None };
    let old = ops::passwords::Again { password: PASSWORD, device_mark: None };
    ops::second_factor::turn_off(&test.app, &actor, &change, "", "").await.unwrap();
    let late = ops::passwords::change_password(&test.app, &actor, old, SHORT, SHORT, false).await;
    assert!(late.is_err());
    let other = "other@test.example";
    with_app(&test, other).await;
    let actor = who(&test.app, other).await;
    ops::passwords::change_password(&test.app, &actor, old, SHORT, SHORT, false).await.unwrap();
    assert!(ops::second_factor::turn_off(&test.app, &actor, &change, "", "").await.is_err());
    assert!(who(&test.app, other).await.second_factor.is_some());
}

async fn a_password_link_does_not_bypass_it(test: TestApp) {
    World::new(&test).await;
    let (secret, _) = with_app(&test, ACME).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = user_id(&test, ACME).await;
    let page = operator.submit("/users", &format!("/users/{id}/link"), &[]).await;
    let link = page.is(200).body.split("127.0.0.1:8080/link/").nth(1).unwrap()[..40].to_owned();
    let mut thief = test.browser();
    thief.get(&format!("/link/{link}")).await.is(303);
    thief.get("/link").await.is(200).has("8 characters or more.");
    let answer = thief.post("/link", &[("new_password", SHORT), ("new_password_again", SHORT)]).await;
    assert_eq!(answer.is(303).location(), "/sign-in?notice=password");
    thief.get("/").await.is(303);
    let answer = password(&mut thief, ACME, SHORT).await;
    assert_eq!(answer.is(303).location(), "/sign-in/code");
    thief.get("/").await.is(303);
    second(&mut thief, &wrong(&test, &secret)).await.is(422);
    second(&mut thief, &now(&test, &secret)).await.is(303);
}

async fn other_sessions_end_only_on_request(test: TestApp) {
    World::new(&test).await;
    let (mut acme, mut other) = (signed_in(&test, ACME).await, signed_in(&test, ACME).await);
    let (secret, _) = set_up(&test, &mut acme, PASSWORD).await;
    // Ending other sessions was not requested.
    other.get("/").await.is(200);
    acme.get("/account/second-factor/app").await.has("name=\"end_others\" value=\"1\" checked");
    for page in ["/account/second-factor/recovery-codes", "/account/second-factor/off"] {
        let mut later = waiting(&test, ACME).await;
        second(&mut later, &now(&test, &secret)).await.is(303);
        test.app.clock.advance_seconds(30);
        let answer = acme.submit(page, page, &[("password", PASSWORD), ("end_others", "1")]).await;
        assert!([200, 303].contains(&answer.status.as_u16()), "{}", answer.body);
        acme.get("/").await.is(200);
        for ended in [&mut other, &mut later] {
            ended.get("/").await.is(303);
        }
    }
}

async fn administrators_reset_it_only_in_their_own_tree(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let mut acme = signed_in(&test, ACME).await;
    set_up(&test, &mut acme, PASSWORD).await;
    change_password(&mut acme, PASSWORD, SHORT).await.is(200);
    let id = user_id(&test, ACME).await;
    let path = format!("/users/{id}/second-factor");
    for (stranger, status) in [("other@test.example", 404), ("auditor@test.example", 403), ("north@test.example", 403)]
    {
        signed_in(&test, stranger).await.submit("/account/profile", &path, &[]).await.is(status);
    }
    with_app(&test, "distributor@test.example").await;
    let above = user_id(&test, "distributor@test.example").await;
    acme.submit("/users", &format!("/users/{above}/second-factor"), &[]).await.is(404);
    acme.submit("/users", &path, &[]).await.is(422).has("This is your own account.");
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get(&format!("/users/{id}")).await.is(200).has("<dd>Authenticator app</dd>");
    let answer = operator.submit("/users", &path, &[]).await;
    operator.done(answer).await.is(200).has("Reset operation completed successfully.").has("<dd>None</dd>");
    assert!(next_mail(&test, &mut mails).await.contains("Subject: Two-factor authentication is off"));
    operator.submit("/users", &path, &[]).await.is(422).has("off already");
    acme.get("/").await.is(303);
    // The short password only allows setting up a second factor or a longer password.
    let mut acme = test.browser();
    assert_eq!(password(&mut acme, ACME, SHORT).await.is(303).location(), "/");
    assert_eq!(acme.get("/companies").await.is(303).location(), "/account/second-factor");
    acme.get("/account/second-factor").await.is(200).has("too short to stand alone");
    change_password(&mut acme, SHORT, "vq7 dunf").await.is(422);
    change_password(&mut acme, SHORT, "another horse battery").await.is(200);
    acme.get("/companies").await.is(200);
}

async fn the_console_can_reset_it(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    set_up(&test, &mut acme, PASSWORD).await;
    let mut waiting = waiting(&test, ACME).await;
    ops::console::reset_second_factor(&test.app, "Acme@test.example").await.unwrap();
    acme.get("/").await.is(303);
    assert_eq!(second(&mut waiting, "123456").await.location(), "/sign-in?notice=lapsed");
    assert_eq!(password(&mut acme, ACME, PASSWORD).await.is(303).location(), "/");
    acme.get("/history").await.has("Two-factor authentication reset");
    assert!(ops::console::reset_second_factor(&test.app, ACME).await.is_err());
    assert!(ops::console::reset_second_factor(&test.app, "nobody@test.example").await.is_err());
}

async fn a_requirement_is_inherited_and_lifted_only_from_above(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    set_up(&test, &mut acme, PASSWORD).await;
    let path = |company: i64| format!("/companies/{company}/second-factor");
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    distributor.submit(&path(world.acme), &path(world.acme), &[("on", "1")]).await.is(303);
    // Users below must set it up too, and see who requires it.
    let mut north = signed_in(&test, "north@test.example").await;
    assert_eq!(north.get("/").await.is(303).location(), "/account/second-factor");
    north.get("/account/second-factor").await.has("Distributor demands");
    signed_in(&test, "other@test.example").await.get("/").await.is(200);
    acme.get(&format!("/companies/{}", world.acme)).await.has("Demanded of its users by Distributor");
    acme.get(&format!("/companies/{}", world.acme_north)).await.has("Demanded of its users by Distributor");
    // The company can neither lift the requirement nor make it its own by requiring it again.
    for on in ["0", "1", "0"] {
        let status = if on == "1" { 303 } else { 422 };
        acme.submit(&path(world.acme), &path(world.acme), &[("on", on)]).await.is(status);
    }
    acme.get("/account/security").await.has("by Distributor").has_not("second-factor/off");
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit(&path(world.acme), &path(world.acme), &[("on", "0")]).await.is(303);
    north.get("/").await.is(200);
    acme.submit(&path(world.acme), &path(world.acme), &[("on", "1")]).await.is(303);
    acme.submit(&path(world.acme), &path(world.acme), &[("on", "0")]).await.is(303);
}

async fn a_company_can_require_it_of_its_users(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let mut north = signed_in(&test, "north@test.example").await;
    let path = |company: i64| format!("/companies/{company}/second-factor");
    for (stranger, status) in [("other@test.example", 404), ("auditor@test.example", 403)] {
        let mut stranger = signed_in(&test, stranger).await;
        stranger.submit("/account/profile", &path(world.acme), &[("on", "1")]).await.is(status);
    }
    acme.submit("/companies", &path(world.distributor), &[("on", "1")]).await.is(404);
    let page = acme.get(&path(world.acme)).await;
    page.is(200).has("users of Acme (1 now").has("and of all companies below it").has("That includes you.");
    acme.submit(&path(world.acme), &path(world.acme), &[("on", "1")]).await.is(303);
    // It applies from their next click, and allows nothing but the set-up and signing out.
    north.get("/").await.is(303);
    signed_in(&test, "distributor@test.example").await.get("/").await.is(200);
    for page in ["/", "/companies", "/account/security", "/account/profile", "/redeem", "/history.csv"] {
        assert_eq!(acme.get(page).await.is(303).location(), "/account/second-factor", "{page}");
    }
    let token = acme.get("/account/second-factor").await.is(200).has("Acme demands").has_not("Companies").field("form");
    for act in ["/companies", "/moves", "/account/security/password", "/account/second-factor/off"] {
        let answer = acme.post(act, &[("form", &token), ("name", "Sneaked in")]).await;
        assert_eq!(answer.is(303).location(), "/account/second-factor", "{act}");
    }
    assert_eq!(count(&test, "select count(*) from company where name = 'Sneaked in'").await, 0);
    let mut elsewhere = signed_in(&test, ACME).await;
    elsewhere.submit("/account/second-factor", "/sign-out", &[]).await.is(303);
    set_up(&test, &mut acme, PASSWORD).await;
    acme.get("/companies").await.is(200);
    acme.get(&format!("/companies/{}", world.acme)).await.has("Demanded of its users");
}

async fn a_required_second_factor_cannot_be_turned_off(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    set_up(&test, &mut acme, PASSWORD).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let path = format!("/companies/{}/second-factor", world.acme);
    let answer = operator.submit(&path, &path, &[("on", "1")]).await;
    operator
        .done(answer)
        .await
        .is(200)
        .has("Users of Acme and of the companies below it must now have two-factor authentication on.");
    acme.get("/account/security").await.is(200).has("by Vendor").has_not("second-factor/off");
    let off = "/account/second-factor/off";
    acme.get(off).await.is(200).has("so it stays on");
    let refused = acme.submit("/account/second-factor/recovery-codes", off, &[("password", PASSWORD)]).await;
    refused.is(422).has("Your company demands two-factor authentication.");
    set_up(&test, &mut acme, PASSWORD).await;
    operator.submit(&path, &path, &[("on", "0")]).await.is(303);
    acme.submit(off, off, &[("password", PASSWORD)]).await.is(303);
}

async fn history_records_every_event(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, ACME).await;
    let (secret, codes) = set_up(&test, &mut acme, PASSWORD).await;
    let mut browser = waiting(&test, ACME).await;
    let before = acme.get("/history?action=user.signed_in").await.body.matches("<td data-label=\"Action\">").count();
    second(&mut browser, &wrong(&test, &secret)).await.is(422);
    recover(&mut browser, &codes[0]).await.is(303);
    let after = acme.get("/history?action=user.signed_in").await.body.matches("<td data-label=\"Action\">").count();
    assert_eq!(after, before + 1, "a sign-in counts only after both steps");
    let off = "/account/second-factor/off";
    acme.submit(off, off, &[("password", PASSWORD)]).await.is(303);
    let path = format!("/companies/{}/second-factor", world.acme_north);
    for on in ["1", "0"] {
        acme.submit(&path, &path, &[("on", on)]).await.is(303);
    }
    let page = acme.get("/history").await;
    for words in [
        "Two-factor authentication on",
        "Two-factor authentication off",
        "Second factor wrong",
        "Recovery codes made",
        "Recovery code used",
        "Two-factor authentication demanded",
        "Two-factor authentication no longer demanded",
    ] {
        page.has(&format!("<td data-label=\"Action\">{words}</td>"));
    }
    page.has("acme@test.example: Authenticator app").has_not(&codes[0]).has_not(&codes[1]);
    test.verify().await;
}

#[tokio::test]
async fn the_database_file_contains_no_secret_and_no_code() {
    let test = TestApp::start(crate::support::Backend::Sqlite).await.unwrap();
    World::new(&test).await;
    let (secret, codes) = with_app(&test, ACME).await;
    let mut read = 0;
    for entry in std::fs::read_dir(test.folder()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        read += bytes.len();
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(!has(secret.bytes()) && !has(secret.text().as_bytes()));
        assert!(codes.iter().all(|code| !has(code.as_bytes()) && !has(code.replace('-', "").as_bytes())));
    }
    assert!(read > 100_000, "the files were read: {read}");
}
