//! Links that stand in for a password become invalid with their reason, and a change of address can be stopped.

use crate::support::{
    Browser, PASSWORD, Page, Program, TestApp, World, link_in, mail_server, maybe_link_in, next_mail, no_mail, open,
    set_password, set_up, signed_in, who,
};
use futures_util::future::join_all;
use scrip::model::time::Moment;
use scrip::ops;
use scrip::ops::tokens::TokenForm;
use scrip::store::db::sql;
use tokio::sync::mpsc::UnboundedReceiver;

both!(
    a_change_of_address_does_not_outlive_a_reset,
    every_change_to_an_account_ends_its_links,
    the_old_address_can_stop_the_change,
    a_concurrent_stop_and_confirmation_have_one_winner,
    concurrent_stops_count_once,
    nothing_begun_before_a_reset_finishes_after_it,
    administrators_links_for_active_users_last_one_hour,
    a_mailed_link_is_not_shown_on_the_page,
    the_console_mails_links_or_prints_them,
);

const ACME: &str = "acme@test.example";
const NEW: &str = "new@test.example";
const OTHER_PASSWORD: &str = "another horse battery";
const EMAIL: &str = "/account/security/email";

type Mails = UnboundedReceiver<String>;

async fn with_mail(test: TestApp) -> (TestApp, World, Mails) {
    let (given, mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    let world = World::new(&test).await;
    (test, world, mails)
}

/// Requests a change of address; returns the links that confirm and stop it.
async fn ask(test: &TestApp, mails: &mut Mails, browser: &mut Browser, email: &str) -> (String, String) {
    browser.submit(EMAIL, EMAIL, &[("email", email)]).await.is(200);
    let (to_new, to_old) = (next_mail(test, mails).await, next_mail(test, mails).await);
    assert!(to_new.contains(&format!("To: {email}")) && to_old.contains(&format!("To: {ACME}")), "{to_old}");
    (link_in(&to_new), link_in(&to_old))
}

async fn forgotten(test: &TestApp, mails: &mut Mails, email: &str) -> String {
    test.browser().post("/forgotten-password", &[("email", email)]).await.is(200);
    link_in(&next_mail(test, mails).await)
}

async fn change_password(browser: &mut Browser, old: &str, new: &str) -> Page {
    let fields = [("password", old), ("new_password", new), ("new_password_again", new)];
    browser.submit("/account/security", "/account/security/password", &fields).await
}

async fn is_invalid(test: &TestApp, link: &str) {
    open(&mut test.browser(), link).await.is(410);
}

async fn email_of(test: &TestApp, id: i64) -> String {
    let mut tx = test.app.db.read().await.unwrap();
    let (email,): (String,) = sql("select email from person where id = $1").bind(id).one(&mut tx).await.unwrap();
    email
}

async fn a_change_of_address_does_not_outlive_a_reset(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let id = who(&test.app, ACME).await.user_id;
    let mut thief = signed_in(&test, ACME).await;
    let (confirm, _) = ask(&test, &mut mails, &mut thief, "thief@test.example").await;
    let mut late = test.browser();
    open(&mut late, &confirm).await.is(200);
    let reset = forgotten(&test, &mut mails, ACME).await;
    let mut owner = test.browser();
    open(&mut owner, &reset).await.is(200);
    set_password(&mut owner, OTHER_PASSWORD).await.is(303);
    is_invalid(&test, &confirm).await;
    late.post("/link", &[]).await.is(410);
    assert_eq!(email_of(&test, id).await, ACME);
    owner.post("/sign-in", &[("email", ACME), ("password", OTHER_PASSWORD)]).await.is(303);
}

async fn every_change_to_an_account_ends_its_links(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = who(&test.app, ACME).await.user_id;
    // A changed password.
    let mut acme = signed_in(&test, ACME).await;
    let (confirm, stop) = ask(&test, &mut mails, &mut acme, NEW).await;
    let reset = forgotten(&test, &mut mails, ACME).await;
    change_password(&mut acme, PASSWORD, OTHER_PASSWORD).await.is(200);
    for link in [&confirm, &stop, &reset] {
        is_invalid(&test, link).await;
    }
    change_password(&mut acme, OTHER_PASSWORD, PASSWORD).await.is(200);
    // A user who was disabled and enabled again.
    let (confirm, _) = ask(&test, &mut mails, &mut acme, NEW).await;
    for disabled in ["1", "0"] {
        operator.submit("/users", &format!("/users/{id}/disabled"), &[("disabled", disabled)]).await.is(303);
    }
    is_invalid(&test, &confirm).await;
    let mut acme = signed_in(&test, ACME).await;
    let (confirm, _) = ask(&test, &mut mails, &mut acme, NEW).await;
    ops::console::disable_user(&test.app, ACME).await.unwrap();
    is_invalid(&test, &confirm).await;
    // A changed address: a link that was mailed to the old one can no longer set a password.
    operator.submit("/users", &format!("/users/{id}/disabled"), &[("disabled", "0")]).await.is(303);
    let mut acme = signed_in(&test, ACME).await;
    let (confirm, stop) = ask(&test, &mut mails, &mut acme, NEW).await;
    let reset = forgotten(&test, &mut mails, ACME).await;
    let mut owner = test.browser();
    open(&mut owner, &confirm).await.is(200);
    owner.post("/link", &[]).await.is(303);
    for link in [&stop, &reset] {
        is_invalid(&test, link).await;
    }
}

async fn the_old_address_can_stop_the_change(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let mut thief = signed_in(&test, ACME).await;
    thief.submit(EMAIL, EMAIL, &[("email", NEW)]).await.is(200).has("a link that stops the change");
    let confirm = link_in(&next_mail(&test, &mut mails).await);
    let warning = next_mail(&test, &mut mails).await;
    assert!(warning.contains("To: acme@test.example") && warning.contains(NEW), "{warning}");
    let mut owner = test.browser();
    let page = open(&mut owner, &link_in(&warning)).await;
    page.is(200).has("Stop the change").has(ACME).has(NEW);
    // Mail scanners open links, so opening one stops nothing.
    open(&mut test.browser(), &confirm).await.is(200);
    let answer = owner.post("/link", &[]).await;
    assert_eq!(answer.is(303).location(), "/sign-in?notice=stopped");
    owner.get(answer.location()).await.is(200).has("set a new password now");
    is_invalid(&test, &confirm).await;
    is_invalid(&test, &link_in(&warning)).await;
    // The session that requested the change has ended.
    thief.get("/").await.is(303);
    signed_in(&test, ACME).await.get("/history").await.has("E-mail change stopped");
}

async fn a_concurrent_stop_and_confirmation_have_one_winner(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let id = who(&test.app, ACME).await.user_id;
    let mut email = ACME.to_owned();
    for round in 0..6 {
        let mut browser = signed_in(&test, &email).await;
        let wanted = format!("round{round}@test.example");
        browser.submit(EMAIL, EMAIL, &[("email", &wanted)]).await.is(200);
        let links = [link_in(&next_mail(&test, &mut mails).await), link_in(&next_mail(&test, &mut mails).await)];
        let mut openers = Vec::new();
        for link in &links {
            let mut opener = test.browser();
            open(&mut opener, link).await.is(200);
            openers.push(opener);
        }
        let posts = openers.into_iter().map(|mut b| tokio::spawn(async move { b.post("/link", &[]).await }));
        let answers: Vec<Page> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
        let won: Vec<bool> = answers.iter().map(|a| a.status == 303).collect();
        assert!(won == [true, false] || won == [false, true], "{answers:?}");
        assert_eq!(email_of(&test, id).await == wanted, won[0]);
        if won[0] {
            let changed = next_mail(&test, &mut mails).await;
            assert!(changed.contains("was changed to"), "{changed}");
        }
        no_mail(&test, &mut mails).await;
        email = email_of(&test, id).await;
    }
}

async fn concurrent_stops_count_once(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    let mut acme = signed_in(&test, ACME).await;
    let (_, stop) = ask(&test, &mut mails, &mut acme, NEW).await;
    let mut stopper = test.browser();
    open(&mut stopper, &stop).await.is(200);
    let posts = (0..8).map(|_| {
        let mut browser = stopper.clone();
        tokio::spawn(async move { browser.post("/link", &[]).await.status.as_u16() })
    });
    let answers: Vec<u16> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|s| **s == 303).count(), 1, "{answers:?}");
    let mut tx = test.app.db.read().await.unwrap();
    let (recorded,): (i64,) =
        sql("select count(*) from history where verb = 'user.email_stopped'").one(&mut tx).await.unwrap();
    assert_eq!(recorded, 1);
}

async fn nothing_begun_before_a_reset_finishes_after_it(test: TestApp) {
    let (test, _, mut mails) = with_mail(test).await;
    // The thief's request was already authenticated when the owner's reset commits.
    set_up(&test, &mut signed_in(&test, ACME).await, PASSWORD).await;
    let thief = who(&test.app, ACME).await;
    let reset = forgotten(&test, &mut mails, ACME).await;
    let mut owner = test.browser();
    open(&mut owner, &reset).await.is(200);
    set_password(&mut owner, OTHER_PASSWORD).await.is(303);
    let old = ops::passwords::Again { password: OTHER_PASSWORD, device_mark: None };
    let late = [
        ops::addresses::request(&test.app, &thief, NEW).await.is_ok(),
        ops::passwords::change_password(&test.app, &thief, old, PASSWORD, PASSWORD, false).await.is_ok(),
    ];
    assert_eq!(late, [false, false]);
    let (app, form) = (
        &test.app,
        TokenForm { name: "Late", scopes: vec!["credits:read"], last_day: "", has_no_end: true, networks: "" },
    );
    let change = ops::second_factor::Change { operation_id: "late", but: None };
    let late = [
        ops::tokens::create(app, &thief, "token", &form).await.is_ok(),
        ops::second_factor::make_recovery_codes(app, &thief, &change).await.is_ok(),
        ops::second_factor::turn_off(app, &thief, &change, "", "").await.is_ok(),
    ];
    assert_eq!(late, [false, false, false]);
    no_mail(&test, &mut mails).await;
    let answer = owner.post("/sign-in", &[("email", ACME), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(answer.is(303).location(), "/sign-in/code");
}

async fn administrators_links_for_active_users_last_one_hour(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = who(&test.app, ACME).await.user_id;
    let path = format!("/users/{id}/link");
    operator.get(&path).await.is(200).has("within one hour").has("all access tokens are revoked");
    let link = link_in(&operator.submit(&path, &path, &[]).await.is(200).has("for one hour").body);
    test.app.clock.advance_seconds(3_599);
    let mut owner = test.browser();
    open(&mut owner, &link).await.is(200);
    test.app.clock.advance_seconds(1);
    set_password(&mut owner, OTHER_PASSWORD).await.is(410);
    // A user without a password has seven days.
    let company = world.acme.to_string();
    let fields = [("email", NEW), ("company", company.as_str()), ("role", "end_user")];
    operator.submit("/users/new", "/users", &fields).await.is(200).has("for 7 days");
    // A form that is submitted twice makes one link.
    test.app.clock.advance_seconds(-3_600);
    let form = operator.get(&path).await.field("form");
    let links: Vec<String> =
        [operator.post(&path, &[("form", &form)]).await, operator.post(&path, &[("form", &form)]).await]
            .map(|page| link_in(&page.is(200).body))
            .to_vec();
    assert_eq!(links[0], links[1]);
    open(&mut test.browser(), &links[0]).await.is(200);
}

async fn a_mailed_link_is_not_shown_on_the_page(test: TestApp) {
    let (test, world, mut mails) = with_mail(test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let company = world.acme.to_string();
    let fields = [("email", NEW), ("company", company.as_str()), ("role", "end_user")];
    let answer = operator.submit("/users/new", "/users", &fields).await;
    let page = operator.done(answer).await;
    page.is(200).has("A link to set the password was mailed.");
    assert_eq!(maybe_link_in(&page.body), None);
    let invitation = next_mail(&test, &mut mails).await;
    assert!(invitation.contains("To: new@test.example") && invitation.contains("within 7 days"), "{invitation}");
    open(&mut test.browser(), &link_in(&invitation)).await.is(200);
    let path = format!("/users/{}/link", who(&test.app, ACME).await.user_id);
    let answer = operator.submit(&path, &path, &[]).await;
    let page = operator.done(answer).await;
    page.is(200).has("A new link for acme@test.example was mailed.").has("within one hour");
    assert_eq!(maybe_link_in(&page.body), None);
    let mail = next_mail(&test, &mut mails).await;
    assert!(mail.contains("To: acme@test.example") && mail.contains("operator@test.example has made"), "{mail}");
    let program = Program::all(&test, "operator@test.example").await;
    let body = serde_json::json!({"email": "api@test.example", "role": "end_user", "company_id": world.acme});
    let invited = program.post("/api/users/invite", body).await;
    assert_eq!(invited.is(201).data()["link"], serde_json::Value::Null);
}

async fn the_console_mails_links_or_prints_them(test: TestApp) {
    let world = World::new(&test).await;
    let made = ops::console::create_user(&test.app, NEW, world.acme, "admin").await.unwrap();
    assert_eq!(made.lives.words(), "7 days");
    open(&mut test.browser(), &made.link.unwrap()).await.is(200).has(NEW);
    let made = ops::console::new_link(&test.app, ACME).await.unwrap();
    assert_eq!(made.lives.words(), "one hour");
    let mut owner = test.browser();
    open(&mut owner, &made.link.unwrap()).await.is(200).has(ACME);
    set_password(&mut owner, OTHER_PASSWORD).await.is(303);
    assert!(ops::console::new_link(&test.app, "nobody@test.example").await.is_err());
    ops::console::disable_user(&test.app, ACME).await.unwrap();
    assert!(ops::console::new_link(&test.app, ACME).await.is_err());
    let (test, world, mut mails) = with_mail(test).await;
    let made = ops::console::create_user(&test.app, NEW, world.acme, "admin").await.unwrap();
    assert_eq!(made.link, None);
    assert!(next_mail(&test, &mut mails).await.contains("The operator of this portal has invited you to Acme"));
    assert_eq!(ops::console::new_link(&test.app, ACME).await.unwrap().link, None);
    assert!(next_mail(&test, &mut mails).await.contains("Subject: Set a new password"));
}

/// The data of a portal from before the migration.
#[tokio::test]
async fn old_seven_day_links_become_invalid_with_the_upgrade() {
    let text = std::fs::read_to_string("migrations/sqlite/0011_links_and_tokens.sql").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(folder.path().join("old.db")).unwrap();
    for file in ["0001_portal", "0002_second_factor", "0003_tokens"] {
        let text = std::fs::read_to_string(format!("migrations/sqlite/{file}.sql")).unwrap();
        db.execute_batch(&text).unwrap();
    }
    let Moment(now) = crate::support::NOON;
    db.execute_batch(&format!(
        "insert into company (id, name, name_search, path, level, created_at) values (1, 'V', 'v', '1', 0, {now});
         insert into person (id, company_id, email, email_search, role, created_at, password_hash)
             values (1, 1, 'a', 'a', 'admin', {now}, 'hash'), (2, 1, 'b', 'b', 'admin', {now}, null);
         insert into link values (x'01', 'invite', 1, '', {now}, {now}), (x'02', 'invite', 2, '', {now}, {now}),
             (x'03', 'reset', 1, '', {now}, {now})"
    ))
    .unwrap();
    db.execute_batch(&text).unwrap();
    let left: i64 = db.query_row("select count(*) from link where token_hash <> x'01'", [], |r| r.get(0)).unwrap();
    let gone: i64 = db.query_row("select count(*) from link where token_hash = x'01'", [], |r| r.get(0)).unwrap();
    assert_eq!((left, gone), (2, 0));
    assert!(db.execute("update link set purpose = 'nonsense'", []).is_err());
}
