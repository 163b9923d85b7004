//! What the history records besides acts, and who may read it; and what wrong guesses count towards.

use crate::support::{Backend, Browser, PASSWORD, Page, Program, TestApp, World, signed_in};
use axum::body::Body;
use axum::http::{Request, header};
use scrip::config::Given;
use serde_json::json;

both!(
    each_display_of_whole_codes_is_recorded_once,
    exports_and_sheets_of_codes_are_recorded_with_their_count,
    displays_of_masked_codes_are_not_recorded,
    a_forbidden_request_is_recorded_once_per_user_and_address,
    many_forbidden_addresses_do_not_fill_the_history,
    a_wrong_code_is_recorded_and_a_mistyped_one_is_not,
    only_the_operator_sees_sign_ins_without_an_account,
    the_history_says_which_token_acted,
    end_users_cannot_see_their_colleagues_addresses,
    concurrent_password_guesses_are_counted_before_checking,
    right_passwords_do_not_use_up_an_addresss_limit,
    a_right_password_lowers_its_addresss_count,
    a_narrow_scope_shows_codes_masked,
    the_creator_of_a_code_sees_it_with_any_scope,
    networks_and_several_proxies_can_be_trusted,
    two_hosts_are_refused_and_probes_need_none,
    a_search_for_a_code_finds_it_without_putting_it_in_a_url,
    a_refused_limit_names_the_maximum,
    a_token_in_a_url_is_not_passed_on,
    the_history_is_streamed_in_order_and_resumes_after_a_restart,
);

async fn lines(browser: &mut Browser, action: &str) -> Vec<String> {
    let file = browser.get(&format!("/history.csv?action={action}")).await;
    file.is(200).body.lines().skip(1).map(str::to_owned).collect()
}

async fn attempt(browser: &mut Browser, email: &str, password: &str) -> Page {
    browser.post("/sign-in", &[("email", email), ("password", password)]).await
}

async fn each_display_of_whole_codes_is_recorded_once(test: TestApp) {
    let world = World::new(&test).await;
    world.code(&test, "operator@test.example", 3).await;
    let (id, _) = world.code(&test, "operator@test.example", 4).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    assert_eq!(lines(&mut operator, "code.shown").await, Vec::<String>::new());
    operator.get("/resources/codes").await.is(200);
    operator.get(&format!("/codes/{id}/comment")).await.is(200);
    let program = Program::all(&test, "operator@test.example").await;
    program.get("/api/credits/codes").await.is(200);
    program.get(&format!("/api/credits/codes/{id}")).await.is(200);
    let recorded = lines(&mut operator, "code.shown").await;
    let what: Vec<&str> = recorded.iter().map(|line| line.split(',').nth(7).unwrap()).collect();
    let one = format!("Code #{id}: 1 whole code");
    assert_eq!(what, [&one, "Codes: 2 whole codes", &one, "Codes of Vendor: 2 whole codes"]);
    operator.get("/resources/codes?status=used").await.is(200);
    assert_eq!(lines(&mut operator, "code.shown").await.len(), 4);
}

async fn exports_and_sheets_of_codes_are_recorded_with_their_count(test: TestApp) {
    let world = World::new(&test).await;
    let (one, _) = world.code(&test, "operator@test.example", 3).await;
    let (two, _) = world.code(&test, "operator@test.example", 4).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get(&format!("/companies/{}/codes.csv", world.vendor)).await.is(200);
    operator.get(&format!("/codes/sheet?code={one}&code={two}")).await.is(200);
    assert!(lines(&mut operator, "code.printed").await[0].contains("Sheet of codes of Vendor: 2 whole codes"));
    // The row is written after the file's last byte.
    let mut exported = Vec::new();
    while exported.is_empty() {
        tokio::task::yield_now().await;
        exported = lines(&mut operator, "code.exported").await;
    }
    assert!(exported[0].contains("operator@test.example") && exported.len() == 1, "{exported:?}");
    assert!(exported[0].contains("Codes of Vendor: 2 whole codes"), "{exported:?}");
}

async fn displays_of_masked_codes_are_not_recorded(test: TestApp) {
    let world = World::new(&test).await;
    world.code(&test, "operator@test.example", 3).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get("/resources/codes").await.is(200);
    auditor.get(&format!("/companies/{}/codes.csv", world.vendor)).await.is(200);
    let narrow = Program::of(&test, "operator@test.example", "credit_transfer_codes:list").await;
    narrow.get("/api/credits/codes").await.is(200);
    let mut operator = signed_in(&test, "operator@test.example").await;
    for action in ["code.shown", "code.exported"] {
        assert_eq!(lines(&mut operator, action).await, Vec::<String>::new());
    }
}

async fn a_forbidden_request_is_recorded_once_per_user_and_address(test: TestApp) {
    World::new(&test).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    for _ in 0..5 {
        auditor.get("/operator/seller").await.is(403);
    }
    Program::of(&test, "acme@test.example", "users:read").await.get("/api/devices").await.is(403);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let recorded = lines(&mut operator, "request.forbidden").await;
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert!(recorded[0].contains("GET /api/devices") && recorded[0].contains("a test (#"), "{recorded:?}");
    assert!(
        recorded[1].contains("auditor@test.example") && recorded[1].contains("GET /operator/seller"),
        "{recorded:?}"
    );
    test.app.clock.advance_seconds(3_601);
    auditor.get("/operator/seller").await.is(403);
    assert_eq!(lines(&mut operator, "request.forbidden").await.len(), 3);
}

async fn many_forbidden_addresses_do_not_fill_the_history(test: TestApp) {
    World::new(&test).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    for order in 0..130 {
        auditor.get(&format!("/orders/{order}/paid")).await.is(403);
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    let recorded = lines(&mut operator, "request.forbidden").await.len();
    assert!((100..=101).contains(&recorded), "{recorded}");
}

async fn a_wrong_code_is_recorded_and_a_mistyped_one_is_not(test: TestApp) {
    World::new(&test).await;
    let wrong = scrip::model::code::Code::from_random(test.app.rng.bytes()).reveal();
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.submit("/redeem", "/redeem", &[("code", wrong.as_str())]).await.is(422);
    customer.submit("/redeem", "/redeem", &[("code", wrong.as_str()), ("check", "1")]).await.is(422);
    customer.submit("/redeem", "/redeem", &[("code", &wrong[..wrong.len() - 1])]).await.is(422);
    let recorded = lines(&mut signed_in(&test, "other@test.example").await, "code.wrong").await;
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert!(recorded.iter().all(|l| l.contains("customer@test.example") && !l.contains(&wrong)), "{recorded:?}");
}

async fn only_the_operator_sees_sign_ins_without_an_account(test: TestApp) {
    World::new(&test).await;
    attempt(&mut test.browser(), "nobody@test.example", "whatever it is").await.is(422);
    attempt(&mut test.browser(), "my secret password", "whatever it is").await.is(422);
    attempt(&mut test.browser(), "acme@test.example", "whatever it is").await.is(422);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let recorded = lines(&mut operator, "stranger.sign_in_failed").await;
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert!(recorded[0].contains("no e-mail address") && recorded[1].contains("nobody@test.example"), "{recorded:?}");
    operator.get("/history").await.has("nobody@test.example");
    for email in ["auditor@test.example", "acme@test.example"] {
        let mut other = signed_in(&test, email).await;
        other.get("/history").await.has("Sign-in failed").has_not("nobody@test.example");
        assert_eq!(lines(&mut other, "stranger.sign_in_failed").await, Vec::<String>::new());
    }
}

async fn the_history_says_which_token_acted(test: TestApp) {
    let world = World::new(&test).await;
    let program = Program::all(&test, "operator@test.example").await;
    let body = json!({ "source": world.vendor, "target": world.acme, "amount": 5 });
    program.post("/api/credits/move", body).await.is(200);
    program.post("/api/companies", json!({ "name": "Made by a program", "parent_id": world.acme })).await.is(201);
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/history").await.has("by token a test (#");
    for action in ["move", "company.created"] {
        let line = &lines(&mut operator, action).await[0];
        assert!(line.contains("a test (#"), "{line}");
    }
    operator.submit("/companies/new", "/companies", &[("name", "By hand"), ("parent", "Acme")]).await.is(303);
    let line = &lines(&mut operator, "company.created").await[0];
    assert!(line.contains("By hand") && !line.contains("a test"), "{line}");
}

async fn end_users_cannot_see_their_colleagues_addresses(test: TestApp) {
    World::new(&test).await;
    let mut colleague = test.browser();
    colleague.address = [192, 0, 2, 77];
    colleague.sign_in("other@test.example").await;
    let mut customer = test.browser();
    customer.address = [192, 0, 2, 78];
    customer.sign_in("customer@test.example").await;
    let seen = lines(&mut customer, "user.signed_in").await.join("\n");
    assert!(seen.contains("other@test.example") && seen.contains("192.0.2.78"), "{seen}");
    assert!(!seen.contains("192.0.2.77"), "{seen}");
    let seen = lines(&mut colleague, "user.signed_in").await.join("\n");
    assert!(seen.contains("192.0.2.77") && seen.contains("192.0.2.78"), "{seen}");
}

async fn concurrent_password_guesses_are_counted_before_checking(test: TestApp) {
    World::new(&test).await;
    let guesses = (0..100).map(|i| {
        let mut browser = test.browser();
        tokio::spawn(
            async move { attempt(&mut browser, &format!("guess{i}@test.example"), "one password for all").await },
        )
    });
    let pages = futures_util::future::join_all(guesses.collect::<Vec<_>>()).await;
    let checked = pages.into_iter().filter(|p| p.as_ref().unwrap().body.contains("password is wrong")).count();
    assert!((60..=61).contains(&checked), "{checked} of 100 were checked");
}

async fn right_passwords_do_not_use_up_an_addresss_limit(test: TestApp) {
    World::new(&test).await;
    let sign_ins = (0..80).map(|_| {
        let mut browser = test.browser();
        tokio::spawn(async move { attempt(&mut browser, "acme@test.example", PASSWORD).await.status.as_u16() })
    });
    let answers = futures_util::future::join_all(sign_ins.collect::<Vec<_>>()).await;
    assert!(answers.into_iter().all(|status| status.unwrap() == 303));
}

async fn a_right_password_lowers_its_addresss_count(test: TestApp) {
    World::new(&test).await;
    for i in 0..60 {
        attempt(&mut test.browser(), &format!("guess{i}@test.example"), "wrong").await.is(422).has("password is wrong");
    }
    attempt(&mut test.browser(), "acme@test.example", PASSWORD).await.is(303);
    // The count went down by one: two more attempts are free, but not three.
    for (i, status) in [(61, 422), (62, 422), (63, 429)] {
        attempt(&mut test.browser(), &format!("guess{i}@test.example"), "wrong").await.is(status);
    }
}

async fn a_narrow_scope_shows_codes_masked(test: TestApp) {
    let world = World::new(&test).await;
    let (id, code) = world.code(&test, "operator@test.example", 3).await;
    let narrow = Program::of(&test, "operator@test.example", "credit_transfer_codes:list").await;
    let wide = Program::of(&test, "operator@test.example", "credit_transfer_codes:read").await;
    for path in ["/api/credits/codes".to_owned(), format!("/api/credits/codes/{id}")] {
        assert!(wide.get(&path).await.is(200).text.contains(&code));
        let masked = narrow.get(&path).await;
        assert!(
            !masked.is(200).text.contains(&code) && masked.text.contains(&code[code.len() - 4..]),
            "{}",
            masked.text
        );
    }
    narrow.get(&format!("/api/credits/codes?q={code}")).await.is(200);
    let body = json!({ "amount": 1 });
    narrow.post("/api/credits/codes", body).await.refuses(403, "", "SCOPE_MISSING");
}

async fn the_creator_of_a_code_sees_it_with_any_scope(test: TestApp) {
    World::new(&test).await;
    let scopes = "credit_transfer_codes:write,credit_transfer_codes:list";
    let program = Program::of(&test, "operator@test.example", scopes).await;
    let first = program.post_once("/api/credits/codes", "one", json!({ "amount": 2 })).await;
    let code = first.is(201).body["meta"]["credit_code"].as_str().unwrap().to_owned();
    assert!(scrip::model::code::Code::parse(&code).is_ok(), "{code}");
    let again = program.post_once("/api/credits/codes", "one", json!({ "amount": 2 })).await;
    assert_eq!((again.text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    let id = first.data()["id"].as_i64().unwrap();
    let changed = program.put(&format!("/api/credits/codes/{id}"), json!({ "comment": "sent" })).await;
    assert!(!changed.is(200).text.contains(&code), "{}", changed.text);
}

async fn networks_and_several_proxies_can_be_trusted(test: TestApp) {
    let proxies = vec!["10.0.0.0/8".to_owned(), "2001:db8::1".to_owned(), "192.0.2.1".to_owned()];
    let given = Given { trusted_proxy: Some(proxies), ..Given::default() };
    let behind = TestApp::start_with(test.backend, given).await.unwrap();
    World::new(&behind).await;
    for (peer, forwarded, seen) in [
        ([10, 9, 8, 7], "198.51.100.1", "198.51.100.1"),
        ([192, 0, 2, 1], "203.0.113.9, 198.51.100.2, 10.1.1.1, 2001:db8::1", "198.51.100.2"),
        ([192, 0, 2, 2], "198.51.100.3", "192.0.2.2"),
        ([10, 9, 8, 7], "198.51.100.4:4711, [2001:db8::1]:80", "198.51.100.4"),
        ([10, 9, 8, 7], "nonsense, 10.2.2.2", "10.2.2.2"),
    ] {
        let mut browser = behind.browser();
        browser.address = peer;
        let body = format!("email=acme%40test.example&password={}", PASSWORD.replace(' ', "+"));
        let request = Request::post("/sign-in")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("x-forwarded-for", forwarded);
        browser.send(request.body(Body::from(body)).unwrap()).await.is(303);
        browser.get("/account/security").await.has(&format!("<td data-label=\"Address\">{seen}</td>"));
    }
}

async fn a_search_for_a_code_finds_it_without_putting_it_in_a_url(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    let (id, code) = world.code(&test, "acme@test.example", 3).await;
    let unknown = scrip::model::code::Code::from_random(test.app.rng.bytes()).reveal();
    let mut operator = signed_in(&test, "operator@test.example").await;
    for list in ["/companies", "/users", "/devices", "/operator/distributors"] {
        operator.get(list).await.is(200).has("method=\"post\" action=\"/search\"");
        let found = operator.post("/search", &[("list", list), ("q", &code)]).await;
        assert_eq!(found.is(303).location(), format!("/companies/{}/codes?code={id}", world.acme));
        operator.post("/search", &[("list", list), ("q", &unknown)]).await.is(422).has_not(&unknown);
        let other = operator.post("/search", &[("list", list), ("q", "Acme & Co")]).await;
        assert_eq!(other.is(303).location(), format!("{list}?q=Acme+%26+Co"));
    }
    let away = operator.post("/search", &[("list", "//evil.example"), ("q", "x")]).await;
    assert_eq!(away.is(303).location(), "/?q=x");
    signed_in(&test, "other@test.example").await.post("/search", &[("list", "/companies"), ("q", &code)]).await.is(422);
}

async fn a_refused_limit_names_the_maximum(test: TestApp) {
    World::new(&test).await;
    let program = Program::all(&test, "operator@test.example").await;
    let refused = program.get("/api/companies?limit=5000").await;
    assert!(refused.refuses(422, "limit", "OUT_OF_RANGE").text.contains("1,000"), "{}", refused.text);
    program.get("/api/companies?limit=x").await.refuses(422, "limit", "NOT_A_NUMBER");
    let page = test.browser().get("/api/docs/").await;
    assert_eq!(page.is(200).headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
}

async fn a_token_in_a_url_is_not_passed_on(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 3).await;
    let program = Program::all(&test, "operator@test.example").await;
    let token = program.token().to_owned();
    let path = format!("/companies?Authorization=Bearer+{token}&view=tree&x={token}&q={code}");
    let next = test.browser().get(&path).await.is(303).location().to_owned();
    assert_eq!(next, "/sign-in?next=%2Fcompanies%3Fview%3Dtree");
}

async fn the_history_is_streamed_in_order_and_resumes_after_a_restart(test: TestApp) {
    use scrip::jobs::audit_log::step;
    let world = World::new(&test).await;
    let file = test.folder().join("audit.jsonl");
    let until = async |wanted: &str| {
        let mut seen = scrip::store::digests::Seen::default();
        for _ in 0..100_000 {
            step(&test.app, &file, "one", &mut seen).await.unwrap();
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if text.contains(wanted) {
                return text.lines().map(|l| serde_json::from_str(l).unwrap()).collect::<Vec<serde_json::Value>>();
            }
            tokio::task::yield_now().await;
        }
        panic!("{wanted} never came");
    };
    world.give(&test, world.acme, 7).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let lines = until("user.signed_in").await;
    let moved = lines.iter().find(|l| l["action"] == "move").unwrap();
    assert_eq!(
        (&moved["to"], &moved["amount"], &moved["user"]),
        (&json!("Acme"), &json!(7), &json!("operator@test.example"))
    );
    acme.get("/operator/seller").await.is(403);
    let lines = until("request.forbidden").await;
    let ids: Vec<i64> = lines.iter().map(|l| l["id"].as_i64().unwrap()).collect();
    assert!(ids.windows(2).all(|two| two[0] < two[1]), "{ids:?}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

async fn two_hosts_are_refused_and_probes_need_none(test: TestApp) {
    let ask = |path: &str, hosts: &[&str]| {
        let mut request = Request::get(path);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let router = test.router.clone();
        let request = request.body(Body::empty()).unwrap();
        async move { tower::ServiceExt::oneshot(router, request).await.unwrap().status().as_u16() }
    };
    let ours = "127.0.0.1:8080";
    assert_eq!(ask("/sign-in", &[ours]).await, 200);
    assert_eq!(ask("/sign-in", &[ours, ours]).await, 400);
    assert_eq!(ask("/sign-in", &["evil.example", ours]).await, 400);
    assert_eq!(ask("/sign-in", &[]).await, 421);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(path, &[]).await, 200, "{path}");
        assert_eq!(ask(path, &["another.example"]).await, 200, "{path}");
    }
}

/// Another program that opens the database file is refused by the file's own triggers.
#[tokio::test]
async fn replacing_a_row_of_an_append_only_table_is_refused() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    World::new(&test).await;
    signed_in(&test, "acme@test.example").await;
    let file = rusqlite::Connection::open(test.folder().join("scrip.db")).unwrap();
    let change = |sql: &str| file.execute(sql, []).map_err(|e| e.to_string());
    for (table, columns) in [("transfer", "amount = 7"), ("history", "subject = 'x'")] {
        let copy = format!("create temp table copy_{table} as select * from {table} limit 1");
        change(&copy).unwrap();
        change(&format!("update copy_{table} set {columns}")).unwrap();
        let replaced = change(&format!("insert or replace into {table} select * from copy_{table}"));
        assert!(replaced.as_ref().is_err_and(|e| e.contains("append-only")), "{table}: {replaced:?}");
    }
    test.verify().await;
    // A row with another id but the same operation replaces none, and is found.
    let count = || file.query_row("select count(*) from transfer", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = count();
    change("update copy_transfer set id = 900000").unwrap();
    change("insert or replace into transfer select * from copy_transfer").unwrap();
    assert_eq!(count(), before + 1);
    let broken = test.broken().await;
    for rule in ["each row has one digest", "each operation of a person"] {
        assert!(broken.iter().any(|line| line.contains(rule)), "{broken:#?}");
    }
}
