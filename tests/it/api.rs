//! The REST API as programs use it: the guide's example, the envelope, scopes, lists, retries.

use crate::support::{Program, TestApp, World};
use scrip::model::token::{Token, TokenKind};
use serde_json::json;

both!(
    the_example_from_the_guide_works,
    a_token_in_the_query_works_for_the_api_only,
    a_missing_or_invalid_token_is_refused,
    each_endpoint_requires_its_scope,
    a_repeated_key_returns_the_first_answer,
    forty_concurrent_requests_with_one_key_move_units_once,
    keys_of_different_users_do_not_collide,
    a_repeated_activation_returns_the_original_answer,
    a_move_accepts_both_spellings_of_its_fields,
    each_wrong_field_is_named,
    bodies_that_are_not_json_are_refused,
    companies_outside_the_tree_look_nonexistent,
    lists_page_by_offset_and_by_cursor,
    codes_can_be_filtered_and_searched,
    a_batch_of_codes_is_created_in_full_or_not_at_all,
    a_code_can_be_commented_and_deleted,
    readers_see_codes_masked,
    wrong_codes_are_rate_limited,
    a_token_over_its_request_limit_waits,
    unrouted_requests_are_answered_in_the_envelope,
    the_summary_sums_the_whole_tree,
    history_names_every_event,
    disabling_a_user_disables_their_tokens,
);

const GUIDE_SCOPES: &str = "credits:read,credit_transfer_codes:read,credit_transfer_codes:write";

async fn the_example_from_the_guide_works(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let acme = Program::of(&test, "acme@test.example", GUIDE_SCOPES).await;
    let summary = acme.get("/api/credits/summary").await;
    assert_eq!(summary.is(200).data()["credits"]["left"][0]["credits_left"], 50);
    let address = format!("/api/credits/summary?company={}", world.acme);
    assert_eq!(acme.get(&address).await.is(200).data()["credits"]["left"][0]["credit_type"], "credit");
    assert_eq!(acme.get("/api/credits/codes").await.is(200).body["meta"]["total"], 0);
    let body = json!({ "amount": 4, "comment": "Some example comment", "company_id": world.acme });
    let made = acme.post("/api/credits/codes", body).await;
    let code = made.is(201).data()["code"].as_str().unwrap().to_owned();
    assert_eq!(made.body["meta"]["credit_code"], code.as_str());
    assert_eq!(made.data()["comment"], "Some example comment");
    let other = Program::of(&test, "customer@test.example", "credit_transfer_codes:write").await;
    let used = other.post("/api/credits/codes/activate", json!({ "code": code })).await;
    assert_eq!(used.is(200).body["meta"], json!({ "amount": 4, "credit_type": "credit" }));
    assert_eq!(used.data()[0]["credit_left"], 4);
    let listed = acme.get("/api/credits/codes").await;
    assert_eq!(listed.data()[0]["used_by_company_name"], "Other");
    assert_eq!(listed.data()[0]["is_used"], true);
    assert_eq!(world.credit(&test, world.acme).await, 46);
    test.verify().await;
}

async fn a_token_in_the_query_works_for_the_api_only(test: TestApp) {
    let world = World::new(&test).await;
    let acme = Program::of(&test, "acme@test.example", GUIDE_SCOPES).await;
    let anybody = Program::with_token(&test, "");
    let address = format!("/api/credits/summary?Authorization=Bearer%20{}&company={}", acme.token(), world.acme);
    anybody.get(&address).await.is(200);
    anybody.get(&address.replace("Bearer%20", "Bearer+")).await.is(200);
    anybody.get(&address.replace("Bearer%20", "")).await.refuses(401, "", "TOKEN_MISSING");
    let page = test.browser().get(&format!("/companies?Authorization=Bearer%20{}", acme.token())).await;
    assert!(page.location().starts_with("/sign-in"));
}

async fn a_missing_or_invalid_token_is_refused(test: TestApp) {
    let world = World::new(&test).await;
    let good = Program::of(&test, "acme@test.example", "credits:read").await;
    let mistyped = good.token().replace("scrip_pat_", "scrip_pat_f");
    let unknown = Token::from_random(TokenKind::Personal, [9; 20]);
    for token in ["garbage", mistyped.as_str(), unknown.reveal()] {
        for path in ["/api/user".to_owned(), format!("/api/credits/codes/{}", world.acme)] {
            let answer = Program::with_token(&test, token).get(&path).await;
            answer.refuses(401, "", "TOKEN_INVALID");
            assert!(answer.header("www-authenticate").contains("invalid_token"));
        }
    }
    let answer = Program::with_token(&test, "").get("/api/user").await;
    answer.refuses(401, "", "TOKEN_MISSING");
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"Scrip\"");
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn each_endpoint_requires_its_scope(test: TestApp) {
    World::new(&test).await;
    let none = Program::of(&test, "acme@test.example", "device_credits:write").await;
    let user = none.get("/api/user").await;
    assert_eq!(user.is(200).body["email"], "acme@test.example");
    assert_eq!(user.body["data"]["scope"], json!(["device_credits:write"]));
    for path in ["/api/credits", "/api/credits/summary", "/api/credits/history", "/api/credits/move/history"] {
        needs(&none.get(path).await, "credits:read");
    }
    needs(&none.post("/api/credits/move", json!({})).await, "credits:write");
    needs(&none.get("/api/credits/codes").await, "credit_transfer_codes:read");
    needs(&none.get("/api/credits/codes/1").await, "credit_transfer_codes:read");
    for path in ["/api/credits/codes", "/api/credits/codes/activate", "/api/credits/codes/preview"] {
        needs(&none.post(path, json!({})).await, "credit_transfer_codes:write");
    }
    needs(&none.put("/api/credits/codes/1", json!({})).await, "credit_transfer_codes:write");
    needs(&none.delete("/api/credits/codes/1").await, "credit_transfer_codes:write");
}

#[track_caller]
fn needs(answer: &crate::support::Answer, scope: &str) {
    answer.refuses(403, "", "SCOPE_MISSING");
    assert!(answer.body["message"].as_str().unwrap().contains(scope), "{}", answer.text);
}

async fn a_repeated_key_returns_the_first_answer(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let body = |amount: i64| json!({ "source": world.vendor, "target": world.acme, "amount": amount });
    let first = vendor.post_once("/api/credits/move", "order-17", body(5)).await;
    assert_eq!(first.is(200).header("idempotency-replayed"), "");
    vendor.post("/api/credits/move", body(7)).await.is(200);
    let again = vendor.post_once("/api/credits/move", "order-17", body(5)).await;
    assert_eq!((again.is(200).text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    let other = vendor.post_once("/api/credits/move", "order-17", body(6)).await;
    other.refuses(422, "", "IDEMPOTENCY_KEY_REUSED");
    let new = json!({ "amount": 5, "company_id": world.vendor, "comment": "as it was" });
    let made = vendor.post_once("/api/credits/codes", "code-1", new.clone()).await;
    let id = made.is(201).data()["id"].as_i64().unwrap();
    vendor.put(&format!("/api/credits/codes/{id}"), json!({ "comment": "changed" })).await.is(200);
    let code = json!({ "code": made.data()["code"] });
    vendor.post("/api/credits/codes/activate", code).await.is(200);
    assert_eq!(vendor.post_once("/api/credits/codes", "code-1", new).await.is(201).text, made.text);
    for key in ["", &"x".repeat(256)] {
        let answer = vendor.post_once("/api/credits/move", key, body(1)).await;
        answer.refuses(400, "Idempotency-Key", "IDEMPOTENCY_KEY_MALFORMED");
    }
    assert_eq!(world.credit(&test, world.acme).await, 12);
    test.verify().await;
}

async fn forty_concurrent_requests_with_one_key_move_units_once(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let body = json!({ "source": world.vendor, "target": world.acme, "amount": 5 });
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let (vendor, body) = (vendor.clone(), body.clone());
            tokio::spawn(async move { vendor.post_once("/api/credits/move", "once", body).await })
        })
        .collect();
    let mut texts = std::collections::BTreeSet::new();
    for task in tasks {
        let answer = task.await.unwrap();
        assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.text);
        if answer.status == 200 {
            texts.insert(answer.text);
        }
    }
    assert_eq!(texts.len(), 1);
    assert_eq!(world.credit(&test, world.acme).await, 5);
}

async fn keys_of_different_users_do_not_collide(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.distributor, 50).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let distributor = Program::all(&test, "distributor@test.example").await;
    let body = json!({ "source": world.distributor, "target": world.acme, "amount": 5 });
    vendor.post_once("/api/credits/move", "same", body.clone()).await.is(200);
    let answer = distributor.post_once("/api/credits/move", "same", body).await;
    assert_eq!(answer.is(200).header("idempotency-replayed"), "");
    assert_eq!(world.credit(&test, world.acme).await, 10);
}

async fn a_repeated_activation_returns_the_original_answer(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (_, code) = world.code(&test, "acme@test.example", 5).await;
    let (_, second) = world.code(&test, "acme@test.example", 7).await;
    let other = Program::all(&test, "other@test.example").await;
    let activate = async |key: &str, code: &str| {
        other.post_once("/api/credits/codes/activate", key, json!({ "code": code })).await
    };
    let first = activate("a", &code).await;
    assert_eq!(first.is(200).data()[0]["credit_count"], 5);
    assert_eq!(activate("b", &second).await.is(200).data()[0]["credit_left"], 12);
    other.post("/api/credits/codes", json!({ "amount": 3 })).await.is(201);
    let vendor = Program::all(&test, "operator@test.example").await;
    let name = json!({ "name": "Vendor, renamed" });
    vendor.put(&format!("/api/companies/{}", world.vendor), name).await.is(200);
    let again = activate("a", &code).await;
    assert_eq!((again.is(200).text.as_str(), again.header("idempotency-replayed")), (first.text.as_str(), "true"));
    assert_eq!(first.data()[0]["parent_company_name"], "Vendor");
    let (_, third) = world.code(&test, "acme@test.example", 1).await;
    let pool = activate("d", &third).await.is(200).data()[0].clone();
    assert_eq!(
        (&pool["credit_count"], &pool["credit_left"], &pool["credit_reserved"]),
        (&json!(13), &json!(10), &json!(3))
    );
    activate("c", &code).await.refuses(409, "code", "CODE_USED");
    let pools = other.get("/api/credits").await;
    assert_eq!(pools.is(200).data()[0]["credit_left"], 10);
    assert_eq!((&pools.data()[0]["credit_count"], &pools.data()[0]["credit_reserved"]), (&json!(13), &json!(3)));
    assert_eq!(pools.data()[0]["assigned_at"], "2026-11-21 12:00:00");
}

async fn a_move_accepts_both_spellings_of_its_fields(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let body = json!({ "from_company_id": world.vendor, "to_company_id": world.acme, "amount": 5, "credit_type_name": "credit" });
    let done = vendor.post("/api/credits/move", body).await;
    assert_eq!(done.is(200).data()["to_balance"], 5);
    assert_eq!(done.data()["from_company"], "Vendor");
    let moves = vendor.get(&format!("/api/credits/move/history?company_id={}", world.acme)).await;
    assert_eq!(moves.is(200).data()[0]["user"], "operator@test.example");
    assert_eq!(moves.data()[0]["count"], 5);
    assert_eq!(moves.body["meta"]["total"], 1);
}

async fn each_wrong_field_is_named(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let empty = vendor.post("/api/credits/move", json!({})).await;
    let missing = |source: &str| (source.to_owned(), "MISSING".to_owned());
    assert_eq!(empty.is(422).errors(), [missing("source"), missing("target"), missing("amount")]);
    let huge = json!(10_000_000_000_000_000_000_u64);
    for (amount, code) in [
        (json!(0), "OUT_OF_RANGE"),
        (json!(-1), "OUT_OF_RANGE"),
        (json!(1.5), "NOT_WHOLE"),
        (json!(1e3), "NOT_WHOLE"),
        (json!("5"), "NOT_WHOLE"),
        (json!(true), "NOT_WHOLE"),
        (json!([1]), "NOT_WHOLE"),
        (huge, "NOT_WHOLE"),
        (json!(9_007_199_254_740_993_i64), "OUT_OF_RANGE"),
        (json!(1_001), "NOT_ENOUGH"),
        (json!(null), "MISSING"),
    ] {
        let body = json!({ "source": world.vendor, "target": world.acme, "amount": amount });
        vendor.post("/api/credits/move", body).await.refuses(422, "amount", code);
    }
    let body = json!({ "source": world.vendor, "target": world.vendor, "amount": 1 });
    vendor.post("/api/credits/move", body).await.refuses(422, "target", "SAME_COMPANY");
    let body = json!({ "source": world.vendor, "target": world.acme, "amount": 1, "credit_type_name": "gold" });
    vendor.post("/api/credits/move", body).await.refuses(422, "credit_type_name", "UNKNOWN_TYPE");
    for query in [
        "limit=-1",
        "limit=1001",
        "limit=x",
        "limit=",
        "offset=-1",
        "offset=&offset=1",
        "cursor=x",
        "company_id=x",
        "sort=amount",
        "from=x",
    ] {
        let source = query.split('=').next().unwrap();
        let answer = vendor.get(&format!("/api/credits/history?{query}")).await;
        assert_eq!(answer.is(422).errors()[0].0, source, "{query}");
    }
    assert_eq!(world.credit(&test, world.vendor).await, 1_000);
}

async fn bodies_that_are_not_json_are_refused(test: TestApp) {
    World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let send = async |kind: &str, body: String| {
        vendor.send(axum::http::Method::POST, "/api/credits/move", &[("content-type", kind)], Some(body)).await
    };
    send("application/json", "{".into()).await.refuses(400, "", "MALFORMED_JSON");
    send("application/json", "[]".into()).await.refuses(400, "", "MALFORMED_JSON");
    send("application/json", String::new()).await.refuses(400, "", "MALFORMED_JSON");
    send("text/plain", "{}".into()).await.refuses(415, "", "UNSUPPORTED_MEDIA_TYPE");
    send("application/x-www-form-urlencoded", "amount=1".into()).await.refuses(415, "", "UNSUPPORTED_MEDIA_TYPE");
    send("application/json", format!("\"{}\"", "x".repeat(1 << 20))).await.refuses(413, "", "TOO_LARGE");
}

async fn companies_outside_the_tree_look_nonexistent(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (id, _) = world.code(&test, "acme@test.example", 5).await;
    let other = Program::all(&test, "other@test.example").await;
    for company in [world.acme, 999_999] {
        for path in ["/api/credits", "/api/credits/summary", "/api/credits/history", "/api/credits/codes"] {
            other.get(&format!("{path}?company_id={company}")).await.refuses(404, "", "NOT_FOUND");
        }
        let body = json!({ "amount": 1, "company_id": company });
        other.post("/api/credits/codes", body).await.refuses(404, "company_id", "UNKNOWN_COMPANY");
        let body = json!({ "source": company, "target": world.other, "amount": 1 });
        other.post("/api/credits/move", body).await.refuses(404, "source", "UNKNOWN_COMPANY");
        let body = json!({ "source": world.other, "target": company, "amount": 1 });
        other.post("/api/credits/move", body).await.refuses(404, "target", "UNKNOWN_COMPANY");
    }
    for code in [id, 999_999] {
        let path = format!("/api/credits/codes/{code}");
        other.get(&path).await.refuses(404, "", "NOT_FOUND");
        other.put(&path, json!({ "comment": "x" })).await.refuses(404, "", "NOT_FOUND");
        other.delete(&path).await.is(404);
    }
    assert_eq!(world.credit(&test, world.acme).await, 45);
}

async fn lists_page_by_offset_and_by_cursor(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    for _ in 0..12 {
        vendor.post("/api/credits/codes", json!({ "amount": 1 })).await.is(201);
    }
    world.give(&test, world.acme, 5).await;
    world.code(&test, "acme@test.example", 5).await;
    let first = vendor.get("/api/credits/codes").await;
    assert_eq!((first.data().as_array().unwrap().len(), &first.body["meta"]["total"]), (10, &json!(13)));
    let rest = vendor.get("/api/credits/codes?offset=10&limit=1000").await;
    assert_eq!((rest.data().as_array().unwrap().len(), &rest.body["meta"]["next_cursor"]), (3, &json!(null)));
    let all = vendor.get("/api/credits/codes?limit=1000&sort=id").await;
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = vendor.get(&format!("/api/credits/codes?limit=5&sort=id&cursor={cursor}")).await;
        assert!(page.is(200).body["meta"].get("total").is_none());
        ids.extend(page.data().as_array().unwrap().iter().map(|c| c["id"].clone()));
        let Some(next) = page.body["meta"]["next_cursor"].as_str() else { break };
        cursor = next.to_owned();
    }
    assert_eq!(ids, all.data().as_array().unwrap().iter().map(|c| c["id"].clone()).collect::<Vec<_>>());
    assert_eq!(vendor.get("/api/credits/codes?limit=0").await.body["meta"]["total"], 13);
    let pools = vendor.get("/api/credits?limit=1&cursor=").await;
    assert_eq!(pools.is(200).data()[0]["company_name"], "Vendor");
    let next = pools.body["meta"]["next_cursor"].as_str().unwrap();
    let pools = vendor.get(&format!("/api/credits?limit=1&cursor={next}")).await;
    assert_eq!(pools.data()[0]["company_name"], "Acme");
    assert_eq!(vendor.get("/api/credits?q=acm").await.body["meta"]["total"], 1);
    let events = vendor.get("/api/credits/history?limit=3&offset=13").await;
    assert_eq!((events.data().as_array().unwrap().len(), &events.body["meta"]["total"]), (2, &json!(15)));
}

async fn codes_can_be_filtered_and_searched(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (id, code) = world.code(&test, "acme@test.example", 5).await;
    world.code(&test, "acme@test.example", 6).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    vendor.post("/api/credits/codes/activate", json!({ "code": code })).await.is(200);
    vendor.post("/api/credits/codes", json!({ "amount": 1, "comment": "For Ann & Bob" })).await.is(201);
    let total = async |query: &str| {
        vendor.get(&format!("/api/credits/codes?{query}")).await.is(200).body["meta"]["total"].clone()
    };
    assert_eq!(total("is_used=1").await, 1);
    assert_eq!(total("is_used=0").await, 2);
    assert_eq!(total("status=unused").await, 2);
    assert_eq!(total("status=used&credit_type=credit").await, 1);
    assert_eq!(total("credit_type=device_year").await, 0);
    assert_eq!(total("q=ann+%26").await, 1);
    assert_eq!(total(&format!("q={code}")).await, 1);
    assert_eq!(total(&format!("q={}", &code[code.len() - 4..])).await, 1);
    assert_eq!(total("from=2026-11-21&to=2026-11-21").await, 3);
    assert_eq!(total("from=2026-11-21+12:00:01").await, 0);
    assert_eq!(total(&format!("company={}", world.acme)).await, 2);
    assert_eq!(vendor.get(&format!("/api/credits/codes/{id}")).await.data()["status"], "used");
    vendor.get("/api/credits/codes?status=lost").await.refuses(422, "status", "NOT_A_CHOICE");
}

async fn a_batch_of_codes_is_created_in_full_or_not_at_all(test: TestApp) {
    let world = World::new(&test).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let body = json!({ "amount": 2, "count": 40 });
    let made = vendor.post_once("/api/credits/codes", "forty", body.clone()).await;
    assert_eq!((made.is(201).data().as_array().unwrap().len(), &made.body["meta"]["total"]), (40, &json!(40)));
    assert_eq!(vendor.post_once("/api/credits/codes", "forty", body).await.text, made.text);
    assert_eq!(world.credit(&test, world.vendor).await, 920);
    let body = json!({ "amount": 2, "count": 461 });
    vendor.post("/api/credits/codes", body).await.refuses(422, "amount", "NOT_ENOUGH");
    for count in [json!(0), json!(-1), json!(100_001)] {
        vendor.post("/api/credits/codes", json!({ "amount": 1, "count": count })).await.refuses(
            422,
            "count",
            "OUT_OF_RANGE",
        );
    }
    assert_eq!(world.credit(&test, world.vendor).await, 920);
    test.verify().await;
}

async fn a_code_can_be_commented_and_deleted(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (id, code) = world.code(&test, "acme@test.example", 5).await;
    let acme = Program::all(&test, "acme@test.example").await;
    let path = format!("/api/credits/codes/{id}");
    let put = [("idempotency-key", "comment")];
    let body = Some(json!({ "comment": "Sent to Ann" }).to_string());
    let first = acme.send(axum::http::Method::PUT, &path, &put, body.clone()).await;
    assert_eq!(first.is(200).data()["comment"], "Sent to Ann");
    acme.put(&path, json!({})).await.refuses(422, "comment", "MISSING");
    acme.put(&path, json!({ "comment": "x".repeat(1_001) })).await.refuses(422, "comment", "TOO_LONG");
    let gone = acme.delete(&path).await;
    assert_eq!(gone.is(200).data()["credit_left"], 50);
    assert_eq!(acme.send(axum::http::Method::PUT, &path, &put, body).await.is(200).text, first.text);
    acme.delete(&path).await.refuses(404, "code", "UNKNOWN_CODE");
    acme.post("/api/credits/codes/preview", json!({ "code": code })).await.refuses(404, "code", "UNKNOWN_CODE");
    let (_, code) = world.code(&test, "acme@test.example", 6).await;
    let preview =
        acme.post("/api/credits/codes/preview", json!({ "code": code.to_lowercase().replace('-', " ") })).await;
    assert_eq!(preview.is(200).data()["credit_left_after"], 50);
    assert_eq!(world.credit(&test, world.acme).await, 44);
}

async fn readers_see_codes_masked(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (id, code) = world.code(&test, "acme@test.example", 5).await;
    let auditor = Program::all(&test, "auditor@test.example").await;
    for answer in [auditor.get("/api/credits/codes").await, auditor.get(&format!("/api/credits/codes/{id}")).await] {
        answer.is(200);
        assert!(!answer.text.contains(&code) && answer.text.contains(&code[code.len() - 4..]), "{}", answer.text);
    }
    auditor.post("/api/credits/codes", json!({ "amount": 1 })).await.refuses(403, "", "FORBIDDEN");
    auditor.post("/api/credits/codes/activate", json!({ "code": code })).await.refuses(403, "", "FORBIDDEN");
    let customer = Program::all(&test, "customer@test.example").await;
    customer.get("/api/credits/codes").await.refuses(403, "", "FORBIDDEN");
    customer.get("/api/credits/summary").await.is(200);
}

async fn wrong_codes_are_rate_limited(test: TestApp) {
    World::new(&test).await;
    let other = Program::all(&test, "other@test.example").await;
    let mut waits = 0;
    for seed in 0..60_u8 {
        let code = scrip::model::code::Code::from_random([seed; 19]).reveal();
        let path = if seed % 2 == 0 { "/api/credits/codes/activate" } else { "/api/credits/codes/preview" };
        let answer = other.post(path, json!({ "code": code })).await;
        if answer.status == 429 {
            waits += 1;
            assert!(answer.header("retry-after").parse::<i64>().unwrap() > 0);
        } else {
            answer.refuses(404, "code", "UNKNOWN_CODE");
        }
    }
    assert!(waits > 20, "only {waits} of 60 had to wait");
    let mistyped = "7N2K-0QGM-94XV-5E1C-T8WE";
    other.post("/api/credits/codes/activate", json!({ "code": mistyped })).await.refuses(422, "code", "CODE_MISTYPED");
    other.post("/api/credits/codes/activate", json!({ "code": "x" })).await.refuses(422, "code", "NOT_A_CODE");
}

async fn a_token_over_its_request_limit_waits(test: TestApp) {
    let given = scrip::config::Given { api_requests_per_minute: Some(6), ..Default::default() };
    let Some(test) = TestApp::start_with(test.backend, given).await else { return };
    World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    for remaining in ["5", "4", "3", "2", "1", "0"] {
        let answer = acme.get("/api/user").await;
        assert_eq!(answer.is(200).header("ratelimit-remaining"), remaining);
        assert_eq!(answer.header("ratelimit-limit"), "6");
        assert_eq!(answer.header("x-ratelimit-remaining"), remaining);
        let resets_at: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        let seconds: i64 = answer.header("ratelimit-reset").parse().unwrap();
        assert_eq!(resets_at, test.app.clock.now().0 / 1_000_000 + seconds);
    }
    let refused = acme.get("/api/user").await;
    refused.refuses(429, "", "TOO_MANY_REQUESTS");
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-reset")), ("10", "60"));
    Program::all(&test, "acme@test.example").await.get("/api/user").await.is(200);
    test.app.clock.advance_seconds(10);
    acme.get("/api/user").await.is(200);
}

async fn unrouted_requests_are_answered_in_the_envelope(test: TestApp) {
    World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    acme.get("/api/nothing").await.refuses(404, "", "NOT_FOUND");
    acme.get("/api").await.refuses(404, "", "NOT_FOUND");
    acme.get("/api/credits/codes/x").await.refuses(404, "", "NOT_FOUND");
    let answer = acme.delete("/api/credits").await;
    answer.refuses(405, "", "METHOD_NOT_ALLOWED");
    assert!(answer.header("allow").contains("GET"), "{:?}", answer.headers);
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
}

async fn the_summary_sums_the_whole_tree(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    world.code(&test, "acme@test.example", 5).await;
    let vendor = Program::all(&test, "operator@test.example").await;
    let credits = vendor.get("/api/credits/summary").await.data()["credits"].clone();
    assert_eq!(
        (&credits["left"][0]["credits_left"], &credits["total"][0]["credits_count"]),
        (&json!(995), &json!(1_000))
    );
    let own = vendor.get(&format!("/api/credits/summary?company_id={}", world.acme)).await.data()["credits"].clone();
    assert_eq!((&own["left"][0]["credits_left"], &own["total"][0]["credits_count"]), (&json!(45), &json!(50)));
    let none = vendor.get(&format!("/api/credits/summary?company_id={}", world.other)).await;
    assert_eq!(none.is(200).data()["credits"]["left"], json!([]));
}

async fn history_names_every_event(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let (id, _) = world.code(&test, "acme@test.example", 5).await;
    let (_, code) = world.code(&test, "acme@test.example", 6).await;
    let acme = Program::all(&test, "acme@test.example").await;
    acme.delete(&format!("/api/credits/codes/{id}")).await.is(200);
    let customer = Program::all(&test, "customer@test.example").await;
    customer.post("/api/credits/codes/activate", json!({ "code": code })).await.is(200);
    let events = acme.get("/api/credits/history").await;
    let kinds: Vec<_> =
        events.is(200).data().as_array().unwrap().iter().map(|e| e["action_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["redeem", "delete_code", "create_code", "create_code", "move"]);
    assert_eq!(events.data()[0]["user"], "Other");
    let vendor = Program::all(&test, "operator@test.example").await;
    assert_eq!(vendor.get("/api/credits/history?action_type=issue").await.body["meta"]["total"], 1);
    assert_eq!(vendor.get("/api/credits/history?action_type=redeem").await.data()[0]["user"], "customer@test.example");
    vendor.get("/api/credits/history?action_type=steal").await.refuses(422, "action_type", "NOT_A_CHOICE");
}

async fn disabling_a_user_disables_their_tokens(test: TestApp) {
    World::new(&test).await;
    let acme = Program::all(&test, "acme@test.example").await;
    acme.get("/api/user").await.is(200);
    scrip::ops::console::disable_user(&test.app, "acme@test.example").await.unwrap();
    acme.get("/api/user").await.refuses(401, "", "TOKEN_INVALID");
}
