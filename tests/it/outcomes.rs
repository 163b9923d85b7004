//! Answers when the database fails before, during and after a commit: done, not done, or unknown, and each of them
//! only when it is true.

use crate::support::faults::Plan;
use crate::support::{Program, TestApp, World, signed_in};
use serde_json::json;

use scrip::store::db::faults::{Fault, Step};

both_planned!(
    a_commit_with_a_lost_answer_is_found_by_its_id,
    a_commit_that_never_arrived_is_retried,
    an_outcome_that_stays_unknown_is_reported_as_unknown,
    an_operation_that_was_not_sent_is_reported_as_not_done,
    an_interrupted_statement_is_retried,
    the_page_links_to_the_outcome,
    the_page_says_if_an_operation_was_not_seen_yet,
    new_codes_are_returned_even_if_reads_fail_afterwards,
    an_act_without_an_id_is_not_retried,
    readiness_requires_a_successful_write,
    a_repeated_end_of_sessions_spares_newer_ones,
    a_failed_clean_up_after_a_commit_is_not_reported,
);

const MOVE: &str = "/api/credits/move";

async fn operator(test: &TestApp) -> Program {
    let program = Program::all(test, "operator@test.example").await;
    // Records the token's use, so that later requests do not write it.
    program.get("/api/user").await.is(200);
    program
}

fn five_to(company: i64, world: &World) -> serde_json::Value {
    json!({ "source": world.vendor, "target": company, "amount": 5 })
}

async fn a_commit_with_a_lost_answer_is_found_by_its_id(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let program = operator(&test).await;
    plan.next(Step::Commit, Fault::After);
    program.post(MOVE, five_to(world.acme, &world)).await.is(200);
    assert!(plan.is_over());
    assert_eq!(world.credit(&test, world.acme).await, 5);
    test.verify().await;
}

async fn a_commit_that_never_arrived_is_retried(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let program = operator(&test).await;
    plan.next(Step::Commit, Fault::Before);
    program.post(MOVE, five_to(world.acme, &world)).await.is(200);
    assert_eq!(world.credit(&test, world.acme).await, 5);
    test.verify().await;
}

async fn an_outcome_that_stays_unknown_is_reported_as_unknown(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let program = operator(&test).await;
    plan.always(Step::Commit, Fault::After);
    let answer = program.post(MOVE, five_to(world.acme, &world)).await;
    answer.refuses(503, "", "OUTCOME_UNKNOWN");
    // Without a key, a retry would move twice, so the answer does not suggest one.
    assert_eq!(answer.header("retry-after"), "");
    let with_key = program.post_once(MOVE, "mine", five_to(world.other, &world)).await;
    with_key.refuses(503, "", "OUTCOME_UNKNOWN");
    assert_eq!(with_key.header("retry-after"), "2");
    plan.mend();
    let id = answer.body["errors"][0]["operation_id"].as_str().unwrap();
    let again = program.post_once(MOVE, id, five_to(world.acme, &world)).await;
    assert_eq!(again.is(200).header("idempotency-replayed"), "true");
    program.post_once(MOVE, "mine", five_to(world.other, &world)).await.is(200);
    assert_eq!(world.credit(&test, world.acme).await, 5);
    assert_eq!(world.credit(&test, world.other).await, 5);
    test.verify().await;
}

async fn an_operation_that_was_not_sent_is_reported_as_not_done(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let form = browser.get("/moves/new").await.field("form");
    let program = operator(&test).await;
    plan.always(Step::Statement, Fault::Before);
    // The sender cannot be looked up either.
    let answer = program.post(MOVE, five_to(world.acme, &world)).await;
    answer.refuses(503, "", "UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "2");
    let company = world.acme.to_string();
    let fields = [("form", form.as_str()), ("from", "1"), ("to", &company), ("type", "credit"), ("amount", "5")];
    browser.post("/moves", &fields).await.is(503);
    plan.mend();
    assert_eq!(world.credit(&test, world.acme).await, 0);
}

async fn an_interrupted_statement_is_retried(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let user = crate::support::who(&test.app, "operator@test.example").await;
    plan.next(Step::Statement, Fault::After);
    let credit = scrip::model::resources::ResourceType::CREDIT;
    let (from, to) = (world.vendor, world.acme);
    scrip::ops::resources::move_units(&test.app, &user, "one", credit, from, to, 5).await.unwrap();
    plan.next(Step::Connect, Fault::Before);
    scrip::ops::companies::changes::create(&test.app, &user, "two", "Two", world.vendor).await.unwrap();
    plan.next(Step::Commit, Fault::After);
    scrip::ops::companies::changes::create(&test.app, &user, "three", "Three", world.vendor).await.unwrap();
    assert!(plan.is_over());
    assert_eq!(world.credit(&test, world.acme).await, 5);
}

async fn the_page_links_to_the_outcome(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let form = browser.get("/moves/new").await.field("form");
    let (from, to) = (world.vendor.to_string(), world.acme.to_string());
    let fields = [
        ("form", form.as_str()),
        ("back", "/companies"),
        ("from", &from),
        ("to", &to),
        ("type", "credit"),
        ("amount", "5"),
    ];
    plan.always(Step::Commit, Fault::After);
    let page = browser.post("/moves", &fields).await;
    page.is(503).has("Not known yet").has_not("Nothing was changed");
    assert!(!page.headers.contains_key("retry-after"));
    plan.mend();
    let id = form.split('.').next().unwrap();
    page.has(&format!("/companies?done={id}"));
    browser.get(&format!("/companies?done={id}")).await.is(200).has("Move operation completed successfully.");
    assert_eq!(world.credit(&test, world.acme).await, 5);
}

async fn the_page_says_if_an_operation_was_not_seen_yet(test: TestApp, _: &Plan) {
    World::new(&test).await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let page = browser.get("/companies?done=01JDZZZZZZZZZZZZZZZZZZZZZZ").await;
    page.is(200).has("Not seen yet.").has("This may still happen.").has_not("not done");
}

async fn new_codes_are_returned_even_if_reads_fail_afterwards(test: TestApp, plan: &Plan) {
    let world = World::new(&test).await;
    let program = operator(&test).await;
    plan.break_reads_after_commit();
    let answer = program.post("/api/credits/codes", json!({ "amount": 2, "count": 3 })).await;
    answer.is(201);
    plan.mend();
    let codes = answer.data().as_array().unwrap();
    assert_eq!(codes.len(), 3);
    let customer = Program::all(&test, "other@test.example").await;
    for code in codes {
        customer.post("/api/credits/codes/activate", json!({ "code": code["code"] })).await.is(200);
    }
    assert_eq!(world.credit(&test, world.other).await, 6);
}

async fn an_act_without_an_id_is_not_retried(test: TestApp, plan: &Plan) {
    World::new(&test).await;
    let mut browser = test.browser();
    plan.next(Step::Commit, Fault::After);
    // A sign-in writes a history line, which may have been committed, so the page must not deny it.
    let fields = [("email", "operator@test.example"), ("password", crate::support::PASSWORD)];
    let page = browser.post("/sign-in", &fields).await;
    page.is(503).has_not("Nothing was changed");
}

async fn readiness_requires_a_successful_write(test: TestApp, plan: &Plan) {
    plan.always(Step::Commit, Fault::Before);
    test.browser().get("/readyz").await.is(503);
    plan.mend();
    // The readiness of a working writer is checked only once a second.
    let mut restarted = test.restarted().await;
    restarted.get("/readyz").await.is(200).has("ready");
}

async fn a_repeated_end_of_sessions_spares_newer_ones(test: TestApp, _: &Plan) {
    World::new(&test).await;
    let operator = crate::support::who(&test.app, "operator@test.example").await;
    let person = crate::support::who(&test.app, "acme@test.example").await;
    let end = async || {
        let ended = scrip::ops::users::end_sessions(&test.app, &operator, "once", person.user_id).await;
        ended.unwrap().replayed
    };
    assert!(!end().await);
    let mut since = signed_in(&test, "acme@test.example").await;
    assert!(end().await);
    since.get("/companies").await.is(200);
}

async fn a_failed_clean_up_after_a_commit_is_not_reported(test: TestApp, plan: &Plan) {
    World::new(&test).await;
    let operator = crate::support::who(&test.app, "operator@test.example").await;
    let person = crate::support::who(&test.app, "acme@test.example").await;
    let mut before = signed_in(&test, "acme@test.example").await;
    plan.break_reads_after_commit();
    scrip::ops::users::end_sessions(&test.app, &operator, "once", person.user_id).await.unwrap();
    plan.mend();
    before.get("/companies").await.is(303);
}
