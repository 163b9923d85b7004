//! People: the first start, sign-in and its rate limits, sessions, links, passwords, sign-up.

use crate::support::{
    Browser, PASSWORD, Page, TestApp, World, link_in, mail_server, next_mail, no_mail, open, set_password, signed_in,
    who,
};
use axum::body::Body;
use axum::http::Request;
use scrip::config::Given;
use scrip::model::role;
use scrip::ops;
use scrip::store;

both!(
    the_set_up_link_creates_the_root_company_and_its_administrator,
    a_set_up_link_ends_after_an_hour_or_with_a_newer_one,
    wrong_and_unknown_credentials_get_the_same_answer,
    wrong_passwords_from_anywhere_slow_an_account_down,
    after_a_hundred_wrong_passwords_only_a_reset_helps,
    signing_out_ends_the_session,
    the_session_id_changes_at_sign_in,
    an_idle_session_ends_after_twelve_hours,
    a_session_ends_after_fourteen_days,
    disabling_a_user_signs_them_out_at_once,
    a_new_role_applies_to_the_next_request,
    a_new_password_ends_all_other_sessions,
    changing_the_password_requires_the_current_one,
    an_invited_user_sets_a_password_and_signs_in,
    an_invalid_invitation_is_refused_at_its_field,
    a_newer_link_replaces_the_older_one,
    the_root_company_keeps_an_administrator,
    nobody_can_administer_their_own_account_or_other_trees,
    a_forgotten_password_is_reset_by_mail,
    an_address_changes_when_the_new_one_confirms,
    all_times_use_the_profiles_time_zone,
    passwords_must_only_be_long_and_uncommon,
    the_holder_of_a_code_can_sign_up,
    sign_up_does_not_reveal_who_has_an_account,
    a_code_at_sign_up_is_checked_and_cannot_be_guessed,
    invitations_are_limited,
    names_cannot_contain_links_or_hidden_characters,
    other_sessions_are_listed_and_can_be_ended,
    a_session_shows_the_name_of_its_browser,
);

const WRONG: &str = "wrong horse battery";

async fn attempt(browser: &mut Browser, email: &str, password: &str) -> Page {
    browser.post("/sign-in", &[("email", email), ("password", password)]).await
}

async fn user_id(test: &TestApp, email: &str) -> i64 {
    let mut tx = test.app.db.read().await.unwrap();
    store::users::by_email(&mut tx, email).await.unwrap().unwrap().id
}

/// Presses a button on a user's page.
async fn press(browser: &mut Browser, id: i64, part: &str, field: (&str, &str)) -> Page {
    browser.submit("/users", &format!("/users/{id}/{part}"), &[field]).await
}

async fn the_set_up_link_creates_the_root_company_and_its_administrator(test: TestApp) {
    let link = ops::set_up::setup_link(&test.app).await.unwrap().unwrap();
    let mut browser = test.browser();
    open(&mut browser, &link).await.is(200).has("Set up the portal");
    let fields = |name| {
        [
            ("company", name),
            ("email", "first@test.example"),
            ("new_password", PASSWORD),
            ("new_password_again", PASSWORD),
        ]
    };
    // A refusal does not use up the link.
    let page = browser.post("/link", &fields("ab")).await;
    assert_eq!(page.is(422).problem("company"), "Enter a name of 3 characters or more.");
    assert_eq!(page.field("email"), "first@test.example");
    let answer = browser.post("/link", &fields("Vendor <1>")).await;
    assert_eq!(answer.is(303).location(), "/sign-in?notice=set-up");
    browser.sign_in("first@test.example").await;
    browser.get("/").await.has("Vendor &#60;1&#62;").has("Issue resources");
    let mut second = test.browser();
    open(&mut second, &link).await.is(410).has("This link no longer works");
    second.post("/link", &fields("Another")).await.is(410);
    assert_eq!(ops::set_up::setup_link(&test.app).await.unwrap(), None);
    test.verify().await;
}

async fn a_set_up_link_ends_after_an_hour_or_with_a_newer_one(test: TestApp) {
    let first = ops::set_up::setup_link(&test.app).await.unwrap().unwrap();
    let second = ops::set_up::setup_link(&test.app).await.unwrap().unwrap();
    open(&mut test.browser(), &first).await.is(410);
    test.app.clock.advance_seconds(3_599);
    let mut browser = test.browser();
    open(&mut browser, &second).await.is(200);
    test.app.clock.advance_seconds(1);
    browser.get("/link").await.is(410);
    let fields =
        [("company", "Vendor"), ("email", "a@b.example"), ("new_password", PASSWORD), ("new_password_again", PASSWORD)];
    browser.post("/link", &fields).await.is(410);
    for path in ["/link/short", "/link/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
        test.browser().get(path).await.is(404);
    }
}

async fn wrong_and_unknown_credentials_get_the_same_answer(test: TestApp) {
    World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = user_id(&test, "north@test.example").await;
    press(&mut operator, id, "disabled", ("disabled", "1")).await.is(303);
    let mut bodies = Vec::new();
    for (email, password) in [
        ("acme@test.example", WRONG),
        ("nobody@test.example", PASSWORD),
        ("north@test.example", PASSWORD),
        ("not an address", PASSWORD),
        ("acme@test.example", ""),
    ] {
        let page = attempt(&mut test.browser(), email, password).await;
        assert_eq!(page.is(422).problem("password"), "The e-mail address or the password is wrong.");
        assert_eq!(page.field("email"), email);
        page.has_not(PASSWORD).has_not(WRONG);
        bodies.push(page.body.replace(email, "…"));
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]));
    // Addresses are case-insensitive.
    attempt(&mut test.browser(), "ACME@Test.example", PASSWORD).await.is(303);
}

async fn wrong_passwords_from_anywhere_slow_an_account_down(test: TestApp) {
    World::new(&test).await;
    let owner = signed_in(&test, "acme@test.example").await;
    for i in 0..8 {
        let mut stranger = test.browser();
        stranger.address = [192, 0, 2, i];
        let body = format!("email=acme%40test.example&password=guess{i}");
        let request = Request::post("/sign-in")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-forwarded-for", format!("198.51.100.{i}"))
            .body(Body::from(body))
            .unwrap();
        let page = stranger.send(request).await;
        page.is(if i < 6 { 422 } else { 429 });
        if i >= 6 {
            assert_eq!(page.headers["retry-after"], "5");
        }
    }
    // Now even the right password does not help a stranger; the owner's browser and other accounts are not affected.
    attempt(&mut test.browser(), "acme@test.example", PASSWORD).await.is(429);
    signed_in(&test, "other@test.example").await;
    let mut known = owner.clone();
    known.set_cookie("session", "");
    attempt(&mut known, "acme@test.example", PASSWORD).await.is(303);
    test.app.clock.advance_seconds(5);
    attempt(&mut test.browser(), "acme@test.example", PASSWORD).await.is(303);
    attempt(&mut test.browser(), "acme@test.example", WRONG).await.is(422);
}

async fn after_a_hundred_wrong_passwords_only_a_reset_helps(test: TestApp) {
    World::new(&test).await;
    let mut wrong = 0;
    while wrong < 100 {
        let mut stranger = test.browser();
        stranger.address = [192, 0, 2, wrong];
        let page = attempt(&mut stranger, "acme@test.example", WRONG).await;
        match page.status.as_u16() {
            422 => wrong += 1,
            429 => test.app.clock.advance_seconds(page.headers["retry-after"].to_str().unwrap().parse().unwrap()),
            other => panic!("{other}: {}", page.body),
        }
    }
    test.app.clock.advance_seconds(86_400);
    let page = attempt(&mut test.browser(), "acme@test.example", PASSWORD).await;
    assert!(page.is(422).problem("password").starts_with("Too many wrong passwords in a row."));
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = user_id(&test, "acme@test.example").await;
    let link = link_in(&press(&mut operator, id, "link", ("x", "")).await.is(200).body);
    let mut owner = test.browser();
    open(&mut owner, &link).await.is(200).has("acme@test.example");
    assert_eq!(set_password(&mut owner, "another horse battery").await.is(303).location(), "/sign-in?notice=password");
    attempt(&mut owner, "acme@test.example", "another horse battery").await.is(303);
}

async fn signing_out_ends_the_session(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "acme@test.example").await;
    let mut thief = browser.clone();
    thief.get("/").await.is(200);
    let answer = browser.submit("/", "/sign-out", &[]).await;
    assert_eq!(answer.is(303).location(), "/sign-in?notice=out");
    assert!(answer.headers["clear-site-data"].to_str().unwrap().contains("cache"));
    assert_eq!(browser.cookie("session"), None);
    for browser in [&mut browser, &mut thief] {
        assert_eq!(browser.get("/resources").await.is(303).location(), "/sign-in?next=%2Fresources");
    }
}

async fn the_session_id_changes_at_sign_in(test: TestApp) {
    World::new(&test).await;
    let planted = signed_in(&test, "customer@test.example").await.cookie("session").unwrap().to_owned();
    let mut victim = test.browser();
    victim.set_cookie("session", &planted);
    victim.sign_in("acme@test.example").await;
    let first = victim.cookie("session").unwrap().to_owned();
    assert_ne!(first, planted);
    victim.sign_in("acme@test.example").await;
    assert_ne!(victim.cookie("session").unwrap(), first);
    victim.get("/").await.is(200).has("acme@test.example");
    for dead in [planted, first] {
        let mut browser = test.browser();
        browser.set_cookie("session", &dead);
        browser.get("/").await.is(303);
    }
}

async fn an_idle_session_ends_after_twelve_hours(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "acme@test.example").await;
    for _ in 0..3 {
        test.app.clock.advance_seconds(12 * 3_600 - 1);
        browser.get("/").await.is(200);
    }
    test.app.clock.advance_seconds(12 * 3_600);
    browser.get("/").await.is(303);
    // It stays invalid after the clean-up has deleted it.
    scrip::jobs::cleanup::run(&test.app).await;
    browser.get("/").await.is(303);
}

async fn a_session_ends_after_fourteen_days(test: TestApp) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "acme@test.example").await;
    for _ in 0..14 * 3 {
        browser.get("/").await.is(200);
        test.app.clock.advance_seconds(8 * 3_600);
    }
    browser.get("/").await.is(303);
    browser.sign_in("acme@test.example").await.get("/").await.is(200);
}

async fn disabling_a_user_signs_them_out_at_once(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let token = acme.get("/moves/new").await.is(200).field("form");
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = user_id(&test, "acme@test.example").await;
    let answer = press(&mut operator, id, "disabled", ("disabled", "1")).await;
    operator
        .done(answer)
        .await
        .has("Disable operation completed successfully.")
        .has("can no longer sign in")
        .has("Disabled");
    acme.clone().get("/").await.is(303);
    assert_eq!(acme.post("/moves", &[("form", &token)]).await.is(303).location(), "/sign-in");
    attempt(&mut acme, "acme@test.example", PASSWORD).await.is(422);
    let answer = press(&mut operator, id, "disabled", ("disabled", "0")).await;
    operator.done(answer).await.has("Enable operation completed successfully.");
    acme.get("/").await.is(303);
    attempt(&mut acme, "acme@test.example", PASSWORD).await.is(303);
}

async fn a_new_role_applies_to_the_next_request(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/moves/new").await.is(200);
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    let id = user_id(&test, "acme@test.example").await;
    let answer = press(&mut distributor, id, "role", ("role", "read_only")).await;
    distributor.done(answer).await.has("acme@test.example is now Read only.");
    acme.get("/moves/new").await.is(403);
    acme.get("/companies").await.is(200);
    press(&mut distributor, id, "role", ("role", "end_user")).await.is(303);
    acme.get("/companies").await.is(403);
    press(&mut distributor, id, "role", ("role", "king")).await.is(422).has("Choose a role.");
    press(&mut distributor, id, "role", ("role", "admin")).await.is(303);
    acme.get("/moves/new").await.is(200);
}

async fn a_new_password_ends_all_other_sessions(test: TestApp) {
    World::new(&test).await;
    let mut here = signed_in(&test, "acme@test.example").await;
    let mut elsewhere = signed_in(&test, "acme@test.example").await;
    let mut stolen = here.clone();
    let new = "another horse battery";
    let fields = [("password", PASSWORD), ("new_password", new), ("new_password_again", new)];
    let page = here.submit("/account/security", "/account/security/password", &fields).await;
    page.is(200).has("Change password operation completed successfully.").has_not(new).has_not(PASSWORD);
    here.get("/").await.is(200);
    elsewhere.get("/").await.is(303);
    stolen.get("/").await.is(303);
    attempt(&mut test.browser(), "acme@test.example", PASSWORD).await.is(422);
    attempt(&mut test.browser(), "acme@test.example", new).await.is(303);
}

async fn changing_the_password_requires_the_current_one(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    for (old, new, again, field, message) in [
        (WRONG, "another horse battery", "another horse battery", "password", "This is not your present password."),
        (PASSWORD, "another horse battery", "another horse bakery", "new_password_again", "The two passwords differ."),
        (PASSWORD, "short", "short", "new_password", "Enter a password of 15 characters or more."),
        (PASSWORD, "", "", "new_password", "Enter a password."),
    ] {
        let fields = [("password", old), ("new_password", new), ("new_password_again", again)];
        let page = acme.submit("/account/security", "/account/security/password", &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{}", page.problem(field));
    }
    // Wrong passwords here count like failed sign-ins.
    let fields = [
        ("password", WRONG),
        ("new_password", "another horse battery"),
        ("new_password_again", "another horse battery"),
    ];
    for _ in 0..5 {
        acme.submit("/account/security", "/account/security/password", &fields).await.is(422);
    }
    let page = acme.submit("/account/security", "/account/security/password", &fields).await;
    assert!(page.is(429).body.contains("Too many attempts."));
    acme.get("/").await.is(200);
    attempt(&mut test.browser(), "acme@test.example", PASSWORD).await.is(303);
}

async fn an_invited_user_sets_a_password_and_signs_in(test: TestApp) {
    let world = World::new(&test).await;
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    let company = world.acme_north.to_string();
    let fields = [("email", " New.Person@test.example "), ("company", company.as_str()), ("role", "end_user")];
    let page = distributor.submit("/users/new", "/users", &fields).await;
    page.is(200).has("Invite operation completed successfully.").has("was invited to Acme North as End user.");
    let link = link_in(&page.body);
    distributor.get("/users?q=new.person").await.has("New.Person@test.example").has("Invited");
    attempt(&mut test.browser(), "new.person@test.example", "").await.is(422);
    let mut person = test.browser();
    open(&mut person, &link).await.is(200).has("New.Person@test.example");
    set_password(&mut person, PASSWORD).await.is(303);
    open(&mut test.browser(), &link).await.is(410);
    person.sign_in("new.person@test.example").await;
    person.get("/").await.has("Acme North").has_not("Companies");
    distributor.get("/users?q=new.person").await.has("Active");
    distributor.get("/history").await.has("User invited").has("Password set");
}

async fn an_invalid_invitation_is_refused_at_its_field(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let (own, foreign) = (world.acme.to_string(), world.other.to_string());
    for (email, company, role, field, message) in [
        ("Customer@test.example", &own, "admin", "email", "This address has an account already."),
        ("", &own, "admin", "email", "Enter an e-mail address."),
        ("a@b@c", &own, "admin", "email", "Enter an e-mail address such as"),
        ("new@test.example", &foreign, "admin", "company", "There is no such company among yours."),
    ] {
        let fields = [("email", email), ("company", company.as_str()), ("role", role)];
        let page = acme.submit("/users/new", "/users", &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{}", page.problem(field));
        assert_eq!(page.field("email"), email);
    }
    let fields = [("email", "new@test.example"), ("company", own.as_str()), ("role", "king")];
    acme.submit("/users/new", "/users", &fields).await.is(422).has("Choose a role.");
    acme.get("/users").await.has_not("new@test.example");
    for email in ["auditor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        browser.get("/users/new").await.is(403);
        let token = browser.get("/").await.field("form");
        browser.post("/users", &[("form", &token), ("email", "x@test.example")]).await.is(403);
    }
}

async fn a_newer_link_replaces_the_older_one(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let company = world.acme.to_string();
    let fields = [("email", "new@test.example"), ("company", company.as_str()), ("role", "admin")];
    let first = link_in(&operator.submit("/users/new", "/users", &fields).await.body);
    let id = user_id(&test, "new@test.example").await;
    let second = press(&mut operator, id, "link", ("x", "")).await;
    let second = link_in(&second.is(200).has("earlier ones no longer work").body);
    open(&mut test.browser(), &first).await.is(410);
    test.app.clock.advance_seconds(7 * 86_400 - 1);
    let mut person = test.browser();
    open(&mut person, &second).await.is(200);
    test.app.clock.advance_seconds(1);
    set_password(&mut person, PASSWORD).await.is(410);
    // A disabled user gets no link, and a link that was already sent stops working.
    operator.sign_in("operator@test.example").await;
    let third = link_in(&press(&mut operator, id, "link", ("x", "")).await.body);
    press(&mut operator, id, "disabled", ("disabled", "1")).await.is(303);
    press(&mut operator, id, "link", ("x", "")).await.is(422);
    let mut person = test.browser();
    open(&mut person, &third).await;
    assert_ne!(set_password(&mut person, PASSWORD).await.status.as_u16(), 303);
    attempt(&mut test.browser(), "new@test.example", PASSWORD).await.is(422);
}

async fn the_root_company_keeps_an_administrator(test: TestApp) {
    let world = World::new(&test).await;
    let mut tx = test.app.db.write().await.unwrap();
    let second = store::users::insert(&mut tx, world.vendor, "second@test.example", role::ADMIN, crate::support::NOON)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // Each is about to demote the other, and both were administrators when they started.
    let (one, two) = (who(&test.app, "operator@test.example").await, who(&test.app, "second@test.example").await);
    ops::users::set_role(&test.app, &one, "k1", second.unwrap(), "read_only").await.unwrap();
    let refused = [
        ops::users::set_role(&test.app, &two, "k2", one.user_id, "end_user").await.map(drop),
        ops::users::set_disabled(&test.app, &two, "k3", one.user_id, true).await.map(drop),
    ];
    for outcome in refused {
        let message = format!("{:?}", outcome.unwrap_err());
        assert!(message.contains("LastAdministrator"), "{message}");
    }
    signed_in(&test, "operator@test.example").await.get("/operator/issues/new").await.is(200);
}

async fn nobody_can_administer_their_own_account_or_other_trees(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let own = user_id(&test, "acme@test.example").await;
    acme.get(&format!("/users/{own}")).await.is(200).has_not("/disabled");
    for (part, field) in [("role", ("role", "end_user")), ("disabled", ("disabled", "1"))] {
        press(&mut acme, own, part, field).await.is(422).has("This is your own account.");
    }
    for email in ["operator@test.example", "distributor@test.example", "other@test.example"] {
        let id = user_id(&test, email).await;
        acme.get(&format!("/users/{id}")).await.is(404);
        for (part, field) in [
            ("role", ("role", "end_user")),
            ("disabled", ("disabled", "1")),
            ("link", ("x", "")),
            ("sessions", ("x", "")),
        ] {
            press(&mut acme, id, part, field).await.is(404);
        }
        signed_in(&test, email).await.get("/companies").await.is(200);
    }
    acme.get("/users")
        .await
        .has("north@test.example")
        .has_not("other@test.example")
        .has_not("distributor@test.example");
}

async fn a_forgotten_password_is_reset_by_mail(test: TestApp) {
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    World::new(&test).await;
    let mut session = signed_in(&test, "acme@test.example").await;
    let mut bodies = Vec::new();
    for email in ["acme@test.example", "nobody@test.example"] {
        let page = test.browser().post("/forgotten-password", &[("email", email)]).await;
        bodies.push(page.is(200).has("is on its way").body.replace(email, "…"));
    }
    assert_eq!(bodies[0], bodies[1]);
    let mail = next_mail(&test, &mut mails).await;
    assert!(mail.contains("To: acme@test.example") && mail.contains("From: Scrip <portal@test.example>"), "{mail}");
    no_mail(&test, &mut mails).await;
    let mut owner = test.browser();
    open(&mut owner, &link_in(&mail)).await.is(200).has("acme@test.example");
    set_password(&mut owner, "another horse battery").await.is(303);
    session.get("/").await.is(303);
    attempt(&mut owner, "acme@test.example", PASSWORD).await.is(422);
    attempt(&mut owner, "acme@test.example", "another horse battery").await.is(303);
    open(&mut owner, &link_in(&mail)).await.is(410);
    // Repeated requests do not flood a mailbox.
    let mut last = 200;
    for _ in 0..12 {
        last = owner.post("/forgotten-password", &[("email", "other@test.example")]).await.status.as_u16();
    }
    assert_ne!(last, 200);
}

async fn an_address_changes_when_the_new_one_confirms(test: TestApp) {
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let path = "/account/security/email";
    for email in ["other@test.example", "nonsense"] {
        let page = acme.submit(path, path, &[("email", email)]).await;
        assert_ne!(page.is(422).problem("email"), "");
        assert_eq!(page.field("email"), email);
    }
    let page = acme.submit(path, path, &[("email", "new@test.example")]).await;
    page.is(200).has("Change e-mail operation completed successfully.").has("was sent to new@test.example");
    let mail = next_mail(&test, &mut mails).await;
    assert!(mail.contains("To: new@test.example"), "{mail}");
    let warning = next_mail(&test, &mut mails).await;
    assert!(warning.contains("To: acme@test.example") && warning.contains("about to change"), "{warning}");
    attempt(&mut test.browser(), "new@test.example", PASSWORD).await.is(422);
    let mut owner = test.browser();
    open(&mut owner, &link_in(&mail)).await.is(200).has("Confirm your new e-mail address");
    assert_eq!(owner.post("/link", &[]).await.is(303).location(), "/sign-in?notice=email");
    attempt(&mut owner, "acme@test.example", PASSWORD).await.is(422);
    owner.sign_in("new@test.example").await;
    // The old address is notified.
    let mail = next_mail(&test, &mut mails).await;
    assert!(mail.contains("To: acme@test.example") && mail.contains("new@test.example"), "{mail}");
}

async fn all_times_use_the_profiles_time_zone(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/history").await.has("21 Nov 2026, 12:00");
    let fields = [("first_name", " Ann "), ("last_name", "O'Neil <b>"), ("time_zone", "Asia/Kathmandu")];
    let answer = acme.submit("/account/profile", "/account/profile", &fields).await;
    let page = acme.done(answer).await;
    page.has("Your profile was saved.").has("O&#39;Neil &#60;b&#62;");
    assert_eq!(page.field("first_name"), "Ann");
    for path in ["/history", "/", "/account/security"] {
        acme.get(path).await.has("21 Nov 2026, 17:45").has_not(">21 Nov 2026, 12:00");
    }
    // Files, which machines read, use UTC.
    acme.get("/history.csv").await.has("2026-11-21 12:00:00 UTC");
    let long = "x".repeat(101);
    for (first, zone, message) in
        [(long.as_str(), "UTC", "Enter 100 characters or fewer."), ("Ann", "Mars/Base", "There is no such time zone.")]
    {
        let fields = [("first_name", first), ("last_name", ""), ("time_zone", zone)];
        acme.submit("/account/profile", "/account/profile", &fields).await.is(422).has(message);
    }
}

async fn passwords_must_only_be_long_and_uncommon(test: TestApp) {
    World::new(&test).await;
    let id = user_id(&test, "acme@test.example").await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let link = link_in(&press(&mut operator, id, "link", ("x", "")).await.body);
    let mut owner = test.browser();
    open(&mut owner, &link).await.is(200);
    for (password, message) in [
        ("fourteen chars", "Enter a password of 15 characters or more."),
        ("passwordpassword", "This password is easily guessed."),
        ("123456789012345", "This password is easily guessed."),
        ("qwertyuiopasdfgh", "This password is easily guessed."),
        ("acme@test.example", "This password is easily guessed."),
        (&"ab ".repeat(400), "Enter a password of 1024 characters or fewer."),
    ] {
        let page = set_password(&mut owner, password).await;
        assert!(
            page.is(422).problem("new_password").starts_with(message),
            "{password}: {}",
            page.problem("new_password")
        );
        assert_eq!(page.field("new_password"), "");
    }
    for password in [
        "пароль из слов 🙂",
        " spaces at both its ends ",
        "'; drop table person; --<script>",
        &"long but well remembered, ".repeat(8),
    ] {
        open(&mut owner, &link_in(&press(&mut operator, id, "link", ("x", "")).await.body)).await;
        set_password(&mut owner, password).await.is(303);
        attempt(&mut owner, "acme@test.example", password).await.is(303);
    }
    attempt(&mut test.browser(), "acme@test.example", "spaces at both its ends").await.is(422);
}

async fn the_holder_of_a_code_can_sign_up(test: TestApp) {
    test.browser().get("/sign-up").await.is(404);
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, Given { sign_up: Some(true), ..given }).await.unwrap();
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut person = test.browser();
    person.get("/sign-in").await.has("/sign-up");
    let fields = [("email", "ann@test.example"), ("company", "Ann's <flat>"), ("code", code.as_str())];
    person.post("/sign-up", &fields).await.is(200).has("A mail is on its way to ann@test.example.");
    attempt(&mut test.browser(), "ann@test.example", PASSWORD).await.is(422);
    let mail = next_mail(&test, &mut mails).await;
    open(&mut person, &link_in(&mail)).await.is(200).has("Confirm your account");
    // Opening the link is not enough, because mail scanners open links too.
    signed_in(&test, "operator@test.example").await.get("/companies").await.has_not("flat");
    person.post("/link", &[]).await.is(422).has("Enter a password.");
    let chosen = [("new_password", PASSWORD), ("new_password_again", PASSWORD)];
    assert_eq!(person.post("/link", &chosen).await.is(303).location(), "/redeem");
    let answer = person.submit("/redeem", "/redeem", &[("code", &code)]).await;
    person.done(answer).await.has("5 Credit added to Ann&#39;s &#60;flat&#62;. The balance is now 5.");
    person.get("/users/new").await.is(200);
    signed_in(&test, "operator@test.example").await.get("/companies").await.has("Ann&#39;s &#60;flat&#62;");
    open(&mut test.browser(), &link_in(&mail)).await.is(410);
    test.verify().await;
}

async fn sign_up_does_not_reveal_who_has_an_account(test: TestApp) {
    let (given, mut mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, Given { sign_up: Some(true), ..given }).await.unwrap();
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut bodies = Vec::new();
    for email in ["acme@test.example", "new@test.example"] {
        let fields = [("email", email), ("company", "Acme"), ("code", code.as_str())];
        bodies.push(test.browser().post("/sign-up", &fields).await.is(200).body.replace(email, "…"));
    }
    assert_eq!(bodies[0], bodies[1]);
    let mail = next_mail(&test, &mut mails).await;
    assert!(
        mail.contains("To: acme@test.example") && mail.contains("have an account already") && !mail.contains("/link/"),
        "{mail}"
    );
    // An invitation of the same address in the meantime makes the link useless.
    let mail = next_mail(&test, &mut mails).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let own = who(&test.app, "operator@test.example").await.company_id.to_string();
    let fields = [("email", "new@test.example"), ("company", own.as_str()), ("role", "read_only")];
    operator.submit("/users/new", "/users", &fields).await.is(303);
    let mut person = test.browser();
    open(&mut person, &link_in(&mail)).await.is(200);
    let chosen = [("new_password", PASSWORD), ("new_password_again", PASSWORD)];
    person.post("/link", &chosen).await.is(422).has("This address has an account already.");
    let wrong = [("email", "x"), ("company", "www.evil.example"), ("code", "1234")];
    let page = person.post("/sign-up", &wrong).await;
    for field in ["email", "company", "code"] {
        assert_ne!(page.is(422).problem(field), "", "{field}");
    }
}

async fn a_code_at_sign_up_is_checked_and_cannot_be_guessed(test: TestApp) {
    let (given, _mails) = mail_server().await;
    let test = TestApp::start_with(test.backend, Given { sign_up: Some(true), ..given }).await.unwrap();
    let world = World::new(&test).await;
    let (_, used) = world.code(&test, "operator@test.example", 5).await;
    signed_in(&test, "customer@test.example")
        .await
        .submit("/redeem", "/redeem", &[("code", used.as_str())])
        .await
        .is(303);
    let unknown = scrip::model::code::Code::from_random(test.app.rng.bytes()).reveal();
    let mut messages = Vec::new();
    for code in [&used, &unknown] {
        let fields = [("email", "ann@test.example"), ("company", "Annex"), ("code", code.as_str())];
        messages.push(test.browser().post("/sign-up", &fields).await.is(422).problem("code"));
    }
    assert_eq!(messages[0], messages[1]);
    let fields = [("email", "ann@test.example"), ("company", "Annex"), ("code", unknown.as_str())];
    let mut last = 422;
    for _ in 0..45 {
        last = test.browser().post("/sign-up", &fields).await.status.as_u16();
    }
    assert_eq!(last, 429);
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/history?action=stranger.code_wrong").await.has("ann@test.example").has_not(&unknown);
}

async fn invitations_are_limited(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let company = world.acme.to_string();
    let (free, mut refused) = (scrip::model::throttle::INVITATIONS_OF_COMPANY.free, 0);
    for i in 0..free + 3 {
        let email = format!("guest{i}@test.example");
        let fields = [("email", email.as_str()), ("company", company.as_str()), ("role", "end_user")];
        let page = acme.submit("/users/new", "/users", &fields).await;
        refused += i64::from(page.status.as_u16() == 429);
    }
    assert_eq!(refused, 2);
    let fields = [("email", "guest0@other.example"), ("company", "Other"), ("role", "end_user")];
    signed_in(&test, "other@test.example").await.submit("/users/new", "/users", &fields).await.is(200);
}

async fn names_cannot_contain_links_or_hidden_characters(test: TestApp) {
    World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    for name in [
        "See http://evil.example",
        "www.evil",
        "Win at evil.example/now",
        "Acme\u{202e}oc",
        "Acme\u{2066}x",
        "Ac\u{7}me",
    ] {
        let fields = [("name", name), ("parent", "Acme")];
        let page = operator.submit("/companies/new", "/companies", &fields).await;
        assert_ne!(page.is(422).problem("name"), "", "{name:?}");
    }
    for name in ["Acme A/S", "\u{5d0}\u{200f}\u{5d1}\u{5d2}", "\u{0646}\u{200c}\u{0647}\u{200d}\u{0646}"] {
        let fields = [("name", name), ("parent", "Acme")];
        operator.submit("/companies/new", "/companies", &fields).await.is(303);
        operator.get("/companies").await.has(name);
    }
    for email in ["ann@localhost", "\"ann b\"@test.example", "ann@192.0.2.1"] {
        let fields = [("email", email), ("company", "Acme"), ("role", "end_user")];
        assert_ne!(operator.submit("/users/new", "/users", &fields).await.is(422).problem("email"), "");
    }
}

async fn other_sessions_are_listed_and_can_be_ended(test: TestApp) {
    World::new(&test).await;
    let mut here = signed_in(&test, "acme@test.example").await;
    let mut elsewhere = test.browser();
    elsewhere.address = [203, 0, 113, 9];
    elsewhere.sign_in("acme@test.example").await;
    signed_in(&test, "other@test.example").await;
    let page = here.get("/account/security").await;
    page.has("203.0.113.9").has("127.0.0.1");
    assert_eq!(page.body.matches("data-label=\"Browser\"").count(), 2);
    assert_eq!(page.body.matches("This one").count(), 1);
    here.submit("/account/security", "/account/security/sessions", &[]).await.is(303);
    here.get("/account/security").await.is(200).has_not("203.0.113.9");
    elsewhere.get("/").await.is(303);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = user_id(&test, "acme@test.example").await;
    let answer = press(&mut operator, id, "sessions", ("x", "")).await;
    operator.done(answer).await.has("acme@test.example is signed out everywhere.");
    here.get("/").await.is(303);
}

async fn a_session_shows_the_name_of_its_browser(test: TestApp) {
    World::new(&test).await;
    let mut acme = test.browser();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let sign_in = Request::post("/sign-in")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header("user-agent", agent)
        .body(Body::from(format!("email=acme@test.example&password={PASSWORD}")))
        .unwrap();
    acme.send(sign_in).await.is(303);
    let page = acme.get("/account/security").await;
    page.has(&format!("title=\"{agent}\">Firefox on Linux</span>"));
}
