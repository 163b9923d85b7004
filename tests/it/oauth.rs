//! Applications that act for people (OAuth 2.1): consent, codes, tokens, and what ends them.

use std::sync::{Arc, Mutex};

use crate::support::oauth::{BACK, Client, FLEET, Tokens, VERIFIER, challenge, decide, parameter, secured, works};
use crate::support::{Browser, PASSWORD, Program, TestApp, World, open, set_password, signed_in, who};
use axum::http::{Method, Request, header};
use scrip::ops;
use scrip::store::db::sql;

both!(
    an_application_acts_for_a_person_who_allows_it,
    every_client_must_send_a_challenge,
    a_code_works_once_and_for_a_minute,
    a_code_that_is_used_twice_ends_its_tokens,
    answers_go_only_to_registered_addresses,
    an_application_gets_no_more_scopes_than_its_own,
    only_the_person_who_was_asked_can_allow_it,
    an_application_of_another_tree_must_be_published,
    refresh_tokens_rotate,
    a_refresh_token_works_again_if_its_answer_was_lost,
    a_copied_refresh_token_ends_the_family,
    a_code_sent_eight_times_at_once_is_a_copied_one,
    a_refresh_token_sent_twice_at_once_leaves_one_successor,
    what_ends_sessions_ends_applications,
    a_person_sees_and_ends_what_they_allowed,
    an_application_looks_at_its_tokens_and_ends_them,
    an_application_never_does_more_than_its_person,
    clients_prove_who_they_are,
    wrong_secrets_are_counted,
    tokens_expire,
    no_secret_is_stored_in_the_clear,
);

async fn an_application_acts_for_a_person_who_allows_it(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    // Signed out, the person signs in and comes back with every parameter.
    let asked = fleet.authorize(&[]);
    let mut north = test.browser();
    let to_sign_in = north.get(&asked).await.is(303).location().to_owned();
    let next = north.get(&to_sign_in).await.is(200).field("next");
    let sign_in = [("email", "north@test.example"), ("password", PASSWORD), ("next", &next)];
    assert_eq!(north.post("/sign-in", &sign_in).await.is(303).location(), asked);
    let page = north.get(&asked).await;
    page.is(200).has("Allow Fleet?").has("made by acme@test.example, of Acme").has("Shows balances");
    page.has("See balances, coverage and the history of resources").has("act for north@test.example");
    let answer = decide(&mut north, &asked, "allow").await.is(303).location().to_owned();
    assert!(answer.starts_with("https://fleet.example/back?tenant=7&code=scrip_oac_"), "{answer}");
    assert_eq!(parameter(&answer, "state").unwrap(), "a state&more");
    assert_eq!(parameter(&answer, "iss").unwrap(), "http://127.0.0.1:8080");
    let tokens = fleet.exchange(&parameter(&answer, "code").unwrap()).await.tokens();
    assert_eq!(tokens.scope, "credits:read devices:read");
    let program = Program::with_token(&test, &tokens.access);
    program.get("/api/credits/summary").await.is(200);
    program.get("/api/users").await.refuses(403, "", "SCOPE_MISSING");
    let user = program.get("/api/user").await.is(200).body.clone();
    assert_eq!((&user["email"], &user["token"]["client_id"]), (&"north@test.example".into(), &(*fleet.id).into()));
    assert_eq!(
        (&user["token"]["first_party"], &user["token"]["iss"]),
        (&false.into(), &"http://127.0.0.1:8080".into())
    );
    assert_eq!(user["token"]["exp"].as_i64().unwrap() - user["token"]["iat"].as_i64().unwrap(), 3_600);
    let personal = Program::all(&test, "acme@test.example").await.get("/api/user").await.body["token"].clone();
    assert_eq!((&personal["first_party"], personal["client_id"].is_null()), (&true.into(), true));
    let history = acme.get("/history").await;
    history.has("Application created").has("Application allowed").has("Application connected").has("by token Fleet (#");
}

async fn every_client_must_send_a_challenge(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    for other in [
        vec![("code_challenge", ""), ("code_challenge_method", "")],
        vec![("code_challenge_method", "")],
        vec![("code_challenge_method", "plain")],
        vec![("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        vec![("code_challenge", "short")],
    ] {
        let page = acme.get(&fleet.authorize(&other)).await;
        let address = page.is(303).location();
        assert!(address.starts_with(BACK), "{address}");
        assert_eq!(parameter(address, "error").unwrap(), "invalid_request");
        assert_eq!(parameter(address, "state").unwrap(), "a state&more");
    }
    let code = fleet.code(&mut acme, &[]).await;
    let mut fields = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
    fleet.post("/account/token", &fields).await.refuses(400, "invalid_request");
    let plain = challenge(VERIFIER);
    for wrong in ["another-verifier-that-is-long-enough-to-be-one", plain.as_str(), "short"] {
        fields.push(("code_verifier", wrong));
        fleet.post("/account/token", &fields).await.refuses(400, "invalid_grant");
        fields.pop();
    }
    fleet.exchange(&code).await.tokens();
}

async fn a_code_works_once_and_for_a_minute(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let code = fleet.code(&mut acme, &[]).await;
    test.app.clock.advance_seconds(60);
    fleet.exchange(&code).await.refuses(400, "invalid_grant");
    let code = fleet.code(&mut acme, &[]).await;
    test.app.clock.advance_seconds(59);
    // Neither another application nor another address gets anything for it.
    let other = Client::make(&test, &mut acme, &[&FLEET[1..], &[("name", "Other")]].concat()).await;
    other.exchange(&code).await.refuses(400, "invalid_grant");
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("code", &*code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", "https://fleet.example/back"),
    ];
    fleet.post("/account/token", &elsewhere).await.refuses(400, "invalid_grant");
    for text in ["", "scrip_oac_00", &code.replace("oac", "ort")] {
        let error = if text.is_empty() { "invalid_request" } else { "invalid_grant" };
        fleet.exchange(text).await.refuses(400, error);
    }
    fleet.exchange(&code).await.tokens();
}

async fn a_code_that_is_used_twice_ends_its_tokens(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let others = fleet.connect(&mut acme).await;
    let code = fleet.code(&mut acme, &[]).await;
    let tokens = fleet.exchange(&code).await.tokens();
    let newer = fleet.refresh(&tokens.refresh).await.tokens();
    test.app.clock.advance_seconds(300);
    fleet.exchange(&code).await.refuses(400, "invalid_grant");
    for token in [&tokens.access, &newer.access] {
        assert!(!works(&test, token).await);
    }
    fleet.refresh(&newer.refresh).await.refuses(400, "invalid_grant");
    assert!(works(&test, &others.access).await, "another consent goes on");
    acme.get("/history").await.has("Application ended: a token was used twice");
}

async fn answers_go_only_to_registered_addresses(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    for wrong in [
        "https://fleet.example/back?tenant=7/",
        "https://fleet.example/back",
        "https://fleet.example/back/?tenant=7",
        "http://fleet.example/back?tenant=7",
        "https://evil.example/",
        "//evil.example/",
    ] {
        for signed_in in [true, false] {
            let mut browser = if signed_in { acme.clone() } else { test.browser() };
            let page = browser.get(&fleet.authorize(&[("redirect_uri", wrong)])).await;
            page.is(422).has("address that it has not registered");
        }
        let form = acme.get("/account/profile").await.field("form");
        let asked = [("form", form.as_str()), ("client_id", &fleet.id), ("redirect_uri", wrong), ("decision", "deny")];
        acme.post("/account/authorize", &asked).await.is(422);
    }
    acme.get(&fleet.authorize(&[("client_id", "nobody")])).await.is(422).has("is not registered");
    // The only registered address need not be named.
    let answer = decide(&mut acme, &fleet.authorize(&[("redirect_uri", "")]), "allow").await;
    assert!(answer.is(303).location().starts_with(BACK));
    // A program on the person's own machine takes any port.
    let urls = [&FLEET[..2], &FLEET[3..], &[("redirect_urls", "http://127.0.0.1/done")]].concat();
    let native = Client::make(&test, &mut acme, &urls).await;
    let there = "http://127.0.0.1:54321/done";
    let page = acme.get(&native.authorize(&[("redirect_uri", there)])).await;
    let csp = page.is(200).headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(csp.contains("form-action 'self' http://127.0.0.1:54321;"), "{csp}");
    acme.get(&native.authorize(&[("redirect_uri", "http://localhost:54321/done")])).await.is(422);
    let answer = decide(&mut acme, &native.authorize(&[("redirect_uri", there)]), "deny").await;
    let address = answer.is(303).location();
    assert!(address.starts_with("http://127.0.0.1:54321/done?error=access_denied&"), "{address}");
}

async fn an_application_gets_no_more_scopes_than_its_own(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    for (scope, granted) in [
        ("credits:read", "credits:read"),
        ("devices:read credits:read", "credits:read devices:read"),
        ("credits:read users:write", "credits:read"),
        ("credits:read device_location:read device_actions:write device_remote_access:read", "credits:read"),
    ] {
        let code = fleet.code(&mut acme, &[("scope", scope)]).await;
        assert_eq!(fleet.exchange(&code).await.tokens().scope, granted);
    }
    for scope in ["users:write", "device_configurations:write", "everything", "credits:read everything"] {
        let page = acme.get(&fleet.authorize(&[("scope", scope)])).await;
        assert_eq!(parameter(page.is(303).location(), "error").unwrap(), "invalid_scope", "{scope}");
    }
    let page = acme.get(&fleet.authorize(&[("response_type", "token")])).await;
    assert_eq!(parameter(page.is(303).location(), "error").unwrap(), "unsupported_response_type");
    let twice = format!("{}&scope=credits%3Aread&scope=users%3Aread", fleet.authorize(&[]));
    assert_eq!(parameter(acme.get(&twice).await.is(303).location(), "error").unwrap(), "invalid_request");
    // A refresh may ask for fewer, and not for more.
    let tokens = fleet.connect(&mut acme).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh), ("scope", "users:read")];
    fleet.post("/account/token", &fields).await.refuses(400, "invalid_scope");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh), ("scope", "devices:read")];
    let fewer = fleet.post("/account/token", &fields).await.tokens();
    assert_eq!(fewer.scope, "devices:read");
    let program = Program::with_token(&test, &fewer.access);
    program.get("/api/devices").await.is(200);
    program.get("/api/credits/summary").await.refuses(403, "", "SCOPE_MISSING");
    assert_eq!(fleet.refresh(&fewer.refresh).await.tokens().scope, "credits:read devices:read");
    // What the application loses, its tokens lose.
    let fewer = [&FLEET[..4], &FLEET[5..]].concat();
    let content = format!("{}/content", fleet.page);
    acme.submit(&content, &content, &fewer).await.is(303);
    Program::with_token(&test, &tokens.access).get("/api/credits/summary").await.refuses(403, "", "SCOPE_MISSING");
}

async fn only_the_person_who_was_asked_can_allow_it(test: TestApp) {
    World::new(&test).await;
    let fleet = Client::fleet(&test, &mut secured(&test, "acme@test.example").await).await;
    let mut north = signed_in(&test, "north@test.example").await;
    let page = north.get(&fleet.authorize(&[])).await;
    let policy = page.is(200).headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://fleet.example;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && page.headers["x-frame-options"] == "DENY");
    let form = page.field("form");
    let names = ["response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method"];
    let values = names.map(|name| (name, page.field(name)));
    let mut fields: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.push(("decision", "allow"));
    north.post("/account/authorize", &fields).await.is(403);
    fields.push(("form", &form));
    signed_in(&test, "north@test.example").await.post("/account/authorize", &fields).await.is(403);
    let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://fleet.example")] {
        let request = Request::post("/account/authorize")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(name, value)
            .body(body.clone().into());
        north.send(request.unwrap()).await.is(403);
    }
    let mut tx = test.app.db.read().await.unwrap();
    assert_eq!(sql("select count(*) from oauth_grant").one::<(i64,)>(&mut tx).await.unwrap(), (0,));
    drop(tx);
    // Pressed twice, it leads to the same place.
    let first = north.post("/account/authorize", &fields).await.is(303).location().to_owned();
    assert_eq!(north.post("/account/authorize", &fields).await.is(303).location(), first);
    fleet.exchange(&parameter(&first, "code").unwrap()).await.tokens();
    let denied = decide(&mut north, &fleet.authorize(&[]), "deny").await.is(303).location().to_owned();
    assert_eq!(parameter(&denied, "error").unwrap(), "access_denied");
    assert_eq!(parameter(&denied, "iss").unwrap(), "http://127.0.0.1:8080");
}

async fn an_application_of_another_tree_must_be_published(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    for (email, status) in [("north@test.example", 200), ("distributor@test.example", 403), ("other@test.example", 403)]
    {
        let page = signed_in(&test, email).await.get(&fleet.authorize(&[])).await;
        page.is(status);
        if status == 403 {
            page.has("is not open to you").has("error=access_denied").has_not("name=\"decision\"");
        }
    }
    let mut other = signed_in(&test, "other@test.example").await;
    let form = other.get("/account/profile").await.field("form");
    let challenge = challenge(VERIFIER);
    let fields = [
        ("form", form.as_str()),
        ("response_type", "code"),
        ("client_id", &fleet.id),
        ("redirect_uri", BACK),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("decision", "allow"),
    ];
    other.post("/account/authorize", &fields).await.is(403);
    // Only the operator publishes it, and a change by somebody else ends that.
    let content = format!("{}/content", fleet.page);
    let published = [&FLEET[..], &[("published", "1")]].concat();
    acme.submit(&content, &content, &published).await.is(303);
    other.get(&fleet.authorize(&[])).await.is(403);
    let mut operator = secured(&test, "operator@test.example").await;
    operator.submit(&content, &content, &published).await.is(303);
    other.get(&fleet.authorize(&[])).await.is(200);
    assert!(works(&test, &fleet.connect(&mut other).await.access).await);
    acme.get(&content).await.is(200).has("The operator has published this application");
    acme.submit(&content, &content, &published).await.is(303);
    other.get(&fleet.authorize(&[])).await.is(403);
}

async fn refresh_tokens_rotate(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let other = Client::make(&test, &mut acme, &[&FLEET[1..], &[("name", "Other")]].concat()).await;
    let first = fleet.connect(&mut acme).await;
    test.app.clock.advance_seconds(3_599);
    assert!(works(&test, &first.access).await);
    test.app.clock.advance_seconds(1);
    assert!(!works(&test, &first.access).await);
    // Some programs send their old access token beside it.
    let fields = [("grant_type", "refresh_token"), ("refresh_token", &*first.refresh), ("client_id", &*fleet.id)];
    let fields = [&fields[..], &[("client_secret", fleet.secret.as_deref().unwrap())]].concat();
    let old = format!("Bearer {}", first.access);
    let second = fleet.send("/account/token", &fields, Some(&old)).await.tokens();
    assert!(works(&test, &second.access).await && second.refresh != first.refresh);
    // Another application gets nothing for it, and does no harm.
    other.refresh(&second.refresh).await.refuses(400, "invalid_grant");
    // It lives for 90 days from its last use.
    test.app.clock.advance_seconds(90 * 86_400 - 1);
    let third = fleet.refresh(&second.refresh).await.tokens();
    test.app.clock.advance_seconds(90 * 86_400);
    fleet.refresh(&third.refresh).await.refuses(400, "invalid_grant");
}

async fn a_refresh_token_works_again_if_its_answer_was_lost(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let first = fleet.connect(&mut acme).await;
    let lost = fleet.refresh(&first.refresh).await.tokens();
    test.app.clock.advance_seconds(30);
    let again = fleet.refresh(&first.refresh).await.tokens();
    assert!(works(&test, &again.access).await && !works(&test, &lost.access).await);
    test.app.clock.advance_seconds(29);
    let last = fleet.refresh(&first.refresh).await.tokens();
    let next = fleet.refresh(&last.refresh).await.tokens();
    assert!(works(&test, &next.access).await);
    // If the lost tokens turn up later, they were copied.
    fleet.refresh(&again.refresh).await.refuses(400, "invalid_grant");
    assert!(!works(&test, &next.access).await);
}

async fn a_copied_refresh_token_ends_the_family(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    for (seconds, uses_successor) in [(60, false), (1, true)] {
        let first = fleet.connect(&mut acme).await;
        let mut newest = fleet.refresh(&first.refresh).await.tokens();
        if uses_successor {
            newest = fleet.refresh(&newest.refresh).await.tokens();
        }
        test.app.clock.advance_seconds(seconds);
        assert!(works(&test, &newest.access).await);
        fleet.refresh(&first.refresh).await.refuses(400, "invalid_grant");
        assert!(!works(&test, &newest.access).await && !works(&test, &first.access).await);
        fleet.refresh(&newest.refresh).await.refuses(400, "invalid_grant");
    }
}

/// Sends a request several times at once.
async fn at_once(times: usize, fleet: &Client, fields: &[(&str, &str)]) -> Vec<Option<Tokens>> {
    let fields: Vec<(String, String)> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let tasks: Vec<_> = (0..times)
        .map(|_| {
            let (fleet, fields) = (fleet.clone(), fields.clone());
            tokio::spawn(async move {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let reply = fleet.post("/account/token", &fields).await;
                if reply.status == 200 {
                    return Some(reply.tokens());
                }
                reply.refuses(400, "invalid_grant");
                None
            })
        })
        .collect();
    let mut found = Vec::new();
    for task in tasks {
        found.push(task.await.unwrap());
    }
    found
}

async fn a_code_sent_eight_times_at_once_is_a_copied_one(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let code = fleet.code(&mut acme, &[]).await;
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let given: Vec<Tokens> = at_once(8, &fleet, &fields).await.into_iter().flatten().collect();
    assert_eq!(given.len(), 1);
    assert!(!works(&test, &given[0].access).await);
    fleet.refresh(&given[0].refresh).await.refuses(400, "invalid_grant");
}

async fn a_refresh_token_sent_twice_at_once_leaves_one_successor(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let tokens = fleet.connect(&mut acme).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    let given: Vec<Tokens> = at_once(2, &fleet, &fields).await.into_iter().flatten().collect();
    assert_eq!(given.len(), 2);
    let mut alive = Vec::new();
    for tokens in &given {
        if works(&test, &tokens.access).await {
            alive.push(tokens);
        }
    }
    assert_eq!(alive.len(), 1);
    assert!(works(&test, &fleet.refresh(&alive[0].refresh).await.tokens().access).await);
}

async fn what_ends_sessions_ends_applications(test: TestApp) {
    World::new(&test).await;
    let fleet = Client::fleet(&test, &mut secured(&test, "distributor@test.example").await).await;
    let mut operator = secured(&test, "operator@test.example").await;
    let acme = who(&test.app, "acme@test.example").await.user_id;
    let mut password = PASSWORD.to_owned();
    for way in ["disabled", "password", "reset", "sessions", "all", "factor"] {
        let mut person = test.browser();
        let sign_in = [("email", "acme@test.example"), ("password", &*password)];
        person.post("/sign-in", &sign_in).await.is(303);
        let tokens = fleet.connect(&mut person).await;
        assert!(works(&test, &tokens.access).await);
        let code = fleet.code(&mut person, &[]).await;
        match way {
            "disabled" => {
                for disabled in ["1", "0"] {
                    let path = format!("/users/{acme}/disabled");
                    operator.submit("/users", &path, &[("disabled", disabled)]).await.is(303);
                }
            }
            "password" => {
                let new = "another horse battery";
                let fields = [("password", &*password), ("new_password", new), ("new_password_again", new)];
                person.submit("/account/security", "/account/security/password", &fields).await.is(200);
                password = new.to_owned();
            }
            "reset" => {
                let link = ops::console::new_link(&test.app, "acme@test.example").await.unwrap().link.unwrap();
                let mut owner = test.browser();
                open(&mut owner, &link).await.is(200);
                set_password(&mut owner, PASSWORD).await.is(303);
                password = PASSWORD.to_owned();
            }
            "sessions" => {
                let page = format!("/users/{acme}");
                operator.submit(&page, &format!("{page}/sessions"), &[]).await.is(303);
            }
            "all" => {
                let path = "/account/security/sessions";
                person.submit("/account/security", path, &[("tokens", "1")]).await.is(303);
            }
            _ => {
                crate::support::set_up(&test, &mut person, &password).await;
                let path = format!("/users/{acme}/second-factor");
                operator.submit(&path, &path, &[]).await.is(303);
            }
        }
        assert!(!works(&test, &tokens.access).await, "{way}");
        fleet.refresh(&tokens.refresh).await.refuses(400, "invalid_grant");
        fleet.exchange(&code).await.refuses(400, "invalid_grant");
    }
}

async fn a_person_sees_and_ends_what_they_allowed(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    acme.get("/account/security").await.has("No application may act for you");
    let (first, second) = (fleet.connect(&mut acme).await, fleet.connect(&mut acme).await);
    let mut north = signed_in(&test, "north@test.example").await;
    let others = fleet.connect(&mut north).await;
    test.app.clock.advance_seconds(60);
    assert!(works(&test, &first.access).await && works(&test, &second.access).await);
    let page = acme.get("/account/security").await;
    page.is(200).has("Fleet <small class=\"muted\">of Acme").has("credits:read");
    assert_eq!(page.body.matches("/revocation\"").count(), 1);
    let path = page.body.split("action=\"/account/security/applications/").nth(1).unwrap().split('"').next().unwrap();
    let path = format!("/account/security/applications/{path}");
    let answer = acme.submit("/account/security", &path, &[]).await;
    acme.done(answer).await.has("Revoke operation completed successfully.").has("No application may act for you");
    assert!(!works(&test, &first.access).await && !works(&test, &second.access).await);
    fleet.refresh(&first.refresh).await.refuses(400, "invalid_grant");
    assert!(works(&test, &others.access).await);
    acme.submit("/account/security", &path, &[]).await.is(404);
    acme.get("/history").await.has("Application revoked");
}

async fn an_application_looks_at_its_tokens_and_ends_them(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let public = [&FLEET[..3], &FLEET[4..], &[("kind", "public"), ("service_role", "")]].concat();
    let public = Client::make(&test, &mut acme, &public).await;
    assert!(public.secret.is_none());
    let look = async |client: &Client, token: &str| client.post("/account/introspect", &[("token", token)]).await;
    let tokens = fleet.connect(&mut acme).await;
    let found = look(&fleet, &tokens.access).await;
    assert_eq!(found.status, 200);
    assert_eq!((&found.body["active"], &found.body["scope"]), (&true.into(), &"credits:read devices:read".into()));
    assert_eq!((&found.body["username"], &found.body["client_id"]), (&"acme@test.example".into(), &(*fleet.id).into()));
    assert_eq!(look(&fleet, &tokens.refresh).await.body["active"], true);
    look(&public, &tokens.access).await.refuses(400, "unauthorized_client");
    let other = Client::make(&test, &mut acme, &[&FLEET[1..], &[("name", "Other")]].concat()).await;
    let personal = Program::all(&test, "acme@test.example").await;
    let inactive = serde_json::json!({ "active": false });
    for (client, token) in [(&other, tokens.access.as_str()), (&fleet, "garbage"), (&fleet, personal.token())] {
        assert_eq!(look(client, token).await.body, inactive);
    }
    let end = async |client: &Client, token: &str| client.post("/account/revoke", &[("token", token)]).await.status;
    // Tokens of others and texts that are none are passed over.
    for (client, token) in [(&other, tokens.refresh.as_str()), (&fleet, "garbage"), (&fleet, personal.token())] {
        assert_eq!(end(client, token).await, 200);
    }
    assert!(works(&test, &tokens.access).await && works(&test, personal.token()).await);
    assert_eq!(end(&fleet, &tokens.access).await, 200);
    assert!(!works(&test, &tokens.access).await);
    assert_eq!(look(&fleet, &tokens.access).await.body, inactive);
    let newer = fleet.refresh(&tokens.refresh).await.tokens();
    assert_eq!(end(&fleet, &newer.refresh).await, 200);
    assert!(!works(&test, &newer.access).await);
    assert_eq!(look(&fleet, &newer.refresh).await.body, inactive);
    // A public application does all but introspection.
    let tokens = public.connect(&mut acme).await;
    let newer = public.refresh(&tokens.refresh).await.tokens();
    assert_eq!(end(&public, &newer.refresh).await, 200);
    assert!(!works(&test, &newer.access).await);
    fleet.post("/account/revoke", &[]).await.refuses(400, "invalid_request");
}

async fn an_application_never_does_more_than_its_person(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = secured(&test, "operator@test.example").await;
    let fields = [&FLEET[..4], &[("scope", "companies:write"), ("scope", "users:read")]].concat();
    let mut maker = secured(&test, "acme@test.example").await;
    let admin = Client::make(&test, &mut maker, &fields).await;
    let tokens = admin.connect(&mut maker).await;
    let program = Program::with_token(&test, &tokens.access);
    let new = |name: &str| serde_json::json!({ "name": name, "parent_id": world.acme });
    program.post("/api/companies", new("Acme South")).await.is(201);
    program.post("/api/companies", serde_json::json!({ "name": "X Ltd.", "parent_id": world.vendor })).await.is(404);
    program.get("/api/users").await.is(200);
    let acme = who(&test.app, "acme@test.example").await.user_id;
    operator.submit("/users", &format!("/users/{acme}/role"), &[("role", "end_user")]).await.is(303);
    program.post("/api/companies", new("Acme West")).await.is(403);
    program.get("/api/users").await.is(403);
    // What the person owes first, the application owes.
    let path = format!("/companies/{}/second-factor", world.acme);
    assert!(works(&test, &tokens.access).await);
    ops::console::reset_second_factor(&test.app, "acme@test.example").await.unwrap();
    let tokens = admin.connect(&mut signed_in(&test, "acme@test.example").await).await;
    assert!(works(&test, &tokens.access).await);
    operator.submit(&path, &path, &[("on", "1")]).await.is(303);
    assert!(!works(&test, &tokens.access).await);
}

async fn clients_prove_who_they_are(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let tokens = fleet.connect(&mut acme).await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    let secret = fleet.secret.clone().unwrap();
    let forged = format!("{}{}", &secret[..secret.len() - 1], if secret.ends_with('0') { '1' } else { '0' });
    for (id, secret) in
        [(&*fleet.id, ""), (&*fleet.id, "wrong"), (&*fleet.id, &*forged), ("nobody", &*secret), ("", "")]
    {
        let fields = [&refresh[..], &[("client_id", id), ("client_secret", secret)]].concat();
        let reply = fleet.send("/account/token", &fields, None).await;
        assert!(
            reply.refuses(401, "invalid_client").headers[header::WWW_AUTHENTICATE].to_str().unwrap().contains("Basic")
        );
        fleet.post_basic("/account/token", &refresh, &format!("{id}:{secret}")).await.refuses(401, "invalid_client");
    }
    let right = format!("{}:{}", fleet.id, secret.replace('_', "%5F"));
    let both = [&refresh[..], &[("client_secret", &*secret)]].concat();
    fleet.post_basic("/account/token", &both, &right).await.refuses(400, "invalid_request");
    let other = [&refresh[..], &[("client_id", "another")]].concat();
    fleet.post_basic("/account/token", &other, &right).await.refuses(400, "invalid_request");
    fleet.post_basic("/account/token", &refresh, &right).await.tokens();
    fleet.post("/account/token", &[("grant_type", "password")]).await.refuses(400, "unsupported_grant_type");
    fleet.post("/account/token", &[]).await.refuses(400, "invalid_request");
    let twice = [("grant_type", "refresh_token"), ("grant_type", "refresh_token")];
    fleet.post("/account/token", &twice).await.refuses(400, "invalid_request");
    // A new secret replaces the old one.
    let path = format!("{}/secret", fleet.page);
    let page = acme.submit(&path, &path, &[]).await;
    page.is(200).has("WARNING: this is the only time it is shown");
    let new = page.body.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fleet.post("/account/introspect", &[("token", "x")]).await.refuses(401, "invalid_client");
    acme.get("/history").await.has("secret renewed");
    let renewed = Client { secret: Some(new), ..fleet.clone() };
    assert_eq!(renewed.post("/account/introspect", &[("token", "x")]).await.status, 200);
    let json = Request::post("/account/token").header(header::CONTENT_TYPE, "application/json").body("{}".into());
    assert_eq!(test.browser().send(json.unwrap()).await.is(400).headers[header::CONTENT_TYPE], "application/json");
    let get = Request::builder().method(Method::GET).uri("/account/token").body(Default::default()).unwrap();
    test.browser().send(get).await.is(405);
    let facts = test.browser().get("/.well-known/oauth-authorization-server").await;
    let facts: serde_json::Value = serde_json::from_str(&facts.is(200).body).unwrap();
    assert_eq!(facts["issuer"], "http://127.0.0.1:8080");
    assert_eq!(facts["token_endpoint"], "http://127.0.0.1:8080/account/token");
    assert_eq!(facts["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}

async fn wrong_secrets_are_counted(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let wrong = Client { secret: Some("wrong".into()), ..fleet.clone() };
    let ask = [("grant_type", "client_credentials")];
    for _ in 0..61 {
        wrong.post("/account/token", &ask).await.refuses(401, "invalid_client");
    }
    for client in [&wrong, &fleet] {
        let reply = client.post("/account/token", &ask).await;
        reply.refuses(429, "temporarily_unavailable");
        assert_eq!(reply.headers[header::RETRY_AFTER], "5");
    }
    test.app.clock.advance_seconds(5);
    fleet.post("/account/token", &ask).await.refuses(400, "unauthorized_client");
    acme.get("/history").await.has("Wrong secret of an application");
}

async fn tokens_expire(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let count = async || {
        let mut tx = test.app.db.read().await.unwrap();
        let text = "select (select count(*) from oauth_grant), (select count(*) from oauth_token)";
        sql(text).one::<(i64, i64)>(&mut tx).await.unwrap()
    };
    fleet.code(&mut acme, &[]).await;
    let tokens = fleet.connect(&mut acme).await;
    fleet.refresh(&tokens.refresh).await.tokens();
    assert_eq!(count().await, (2, 2));
    test.app.clock.advance_seconds(2 * 3_600);
    scrip::jobs::cleanup::run(&test.app).await;
    assert_eq!(count().await, (1, 2), "a code that nobody exchanged is gone");
    test.app.clock.advance_seconds(90 * 86_400);
    scrip::jobs::cleanup::run(&test.app).await;
    assert_eq!(count().await, (0, 0));
}

/// All that the database holds, as text.
async fn stored(test: &TestApp) -> String {
    let mut all = String::new();
    let mut tx = test.app.db.read().await.unwrap();
    for text in [
        "select coalesce(name || description || client_id || coalesce(secret_ending, ''), '') from application",
        "select scopes from oauth_grant",
        "select redirect_url || challenge from oauth_code",
        "select scopes from oauth_token",
        "select key || coalesce(verb, '') || coalesce(result, '') from operation",
        "select verb || subject || details || coalesce(token_name, '') from history",
        "select payload from job",
        "select key from throttle",
    ] {
        let rows: Vec<(String,)> = sql(text).all(&mut tx).await.unwrap();
        assert!(!rows.is_empty() || text.contains("job") || text.contains("throttle"), "{text}");
        all.extend(rows.into_iter().map(|row| row.0));
    }
    all
}

/// The middle of each secret, which appears nowhere else.
fn middles(fleet: &Client, code: &str, tokens: &Tokens) -> Vec<String> {
    let secret = fleet.secret.clone().unwrap();
    [secret.as_str(), code, &tokens.access, &tokens.refresh].iter().map(|text| text[10..40].to_owned()).collect()
}

async fn no_secret_is_stored_in_the_clear(test: TestApp) {
    World::new(&test).await;
    let mut acme = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let code = fleet.code(&mut acme, &[]).await;
    let tokens = fleet.exchange(&code).await.tokens();
    let tokens = fleet.refresh(&tokens.refresh).await.tokens();
    let (all, secrets) = (stored(&test).await, middles(&fleet, &code, &tokens));
    assert!(secrets.iter().all(|secret| !all.contains(secret)), "{all}");
    assert!(!all.contains(VERIFIER));
    // Nor in the files of SQLite, whatever the column.
    for name in ["scrip.db", "scrip.db-wal", "sessions.db", "sessions.db-wal"] {
        let bytes = std::fs::read(test.folder().join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{name}");
    }
    for path in ["/account/applications".to_owned(), fleet.page.clone(), "/account/security".into(), "/history".into()]
    {
        let page = acme.get(&path).await;
        assert!(secrets.iter().all(|secret| !page.is(200).body.contains(secret)), "{path}");
    }
}

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// On one thread, so that all of it logs here.
#[tokio::test]
async fn no_secret_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let test = TestApp::start(crate::support::Backend::Sqlite).await.unwrap();
    World::new(&test).await;
    let mut acme: Browser = secured(&test, "acme@test.example").await;
    let fleet = Client::fleet(&test, &mut acme).await;
    let code = fleet.code(&mut acme, &[]).await;
    let tokens = fleet.exchange(&code).await.tokens();
    fleet.exchange(&code).await.refuses(400, "invalid_grant");
    works(&test, &tokens.access).await;
    let secrets = middles(&fleet, &code, &tokens);
    let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(text.contains("/account/token") && text.contains("/account/authorize"), "{text}");
    assert!(secrets.iter().all(|secret| !text.contains(secret)) && !text.contains(VERIFIER));
}
