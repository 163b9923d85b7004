//! Issuing and moving resources: requests from a browser, their responses, and what the ledger says afterwards.

use crate::support::{TestApp, World, signed_in};

both!(
    the_operator_issues_resources,
    administrators_can_move_resources_in_any_direction,
    a_form_submitted_twice_moves_once,
    invalid_amounts_change_nothing_and_stay_in_the_form,
    other_trees_are_out_of_reach,
    only_administrators_can_move_resources,
    the_dialog_shows_both_balances,
);

async fn the_operator_issues_resources(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let fields = [("type", "management_1y"), ("amount", "1,500"), ("memo", "Spring")];
    let answer = operator.submit("/operator/issues/new", "/operator/issues", &fields).await;
    let page = operator.done(answer).await;
    page.has("Issue operation completed successfully.").has("1,500 Management pack 1 year issued to Vendor");
    operator.get("/history").await.has("Spring").has("Resources issued");
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/operator/issues/new").await.is(403);
    assert_eq!(world.credit(&test, world.vendor).await, 1_000);
    test.verify().await;
}

async fn administrators_can_move_resources_in_any_direction(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.distributor, 100).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let ids = [world.distributor, world.acme_north, world.acme].map(|id| id.to_string());
    for (from, to, amount) in [(0, 1, "30"), (1, 2, "20"), (2, 0, "5")] {
        let fields = [("type", "credit"), ("from", ids[from].as_str()), ("to", &ids[to]), ("amount", amount)];
        let answer = admin.submit("/moves/new", "/moves", &fields).await;
        admin
            .done(answer)
            .await
            .has("Move operation completed successfully.")
            .has(&format!("{amount} Credit moved from"));
    }
    assert_eq!(world.credit(&test, world.distributor).await, 75);
    assert_eq!(world.credit(&test, world.acme).await, 15);
    assert_eq!(world.credit(&test, world.acme_north).await, 10);
    test.verify().await;
}

async fn a_form_submitted_twice_moves_once(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let token = operator.get("/moves/new").await.field("form");
    let (from, to) = (world.vendor.to_string(), world.acme.to_string());
    let fields = [("form", token.as_str()), ("type", "credit"), ("from", &from), ("to", &to), ("amount", "7")];
    let first = operator.post("/moves", &fields).await;
    let second = operator.post("/moves", &fields).await;
    assert_eq!(first.location(), second.location());
    operator.done(second).await.has("7 Credit moved from Vendor to Acme.");
    let altered = [("form", token.as_str()), ("type", "credit"), ("from", &from), ("to", &to), ("amount", "8")];
    operator.post("/moves", &altered).await.is(422).has("This form was sent before with other values.");
    assert_eq!(world.credit(&test, world.acme).await, 7);
}

async fn invalid_amounts_change_nothing_and_stay_in_the_form(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let (from, to) = (world.vendor.to_string(), world.acme.to_string());
    for (amount, message) in [
        ("", "Enter an amount."),
        ("0", "Enter a whole number from 1 to 1,000,000,000."),
        ("-1", "Enter a whole number, such as 5."),
        ("1.5", "Enter a whole number, such as 5."),
        ("1e3", "Enter a whole number, such as 5."),
        ("1000000000000000000", "Enter a whole number from 1 to 1,000,000,000."),
        ("99999999999999999999", "Enter a whole number from 1 to 1,000,000,000."),
        ("ten", "Enter a whole number, such as 5."),
        ("<b>", "Enter a whole number, such as 5."),
        ("1001", "Vendor has 1,000 Credit."),
    ] {
        let fields = [("type", "credit"), ("from", from.as_str()), ("to", &to), ("amount", amount)];
        let page = operator.submit("/moves/new", "/moves", &fields).await;
        page.is(422);
        assert!(page.problem("amount").starts_with(message), "{amount}: {}", page.problem("amount"));
        assert_eq!(page.field("amount"), amount);
    }
    assert_eq!(world.credit(&test, world.vendor).await, 1_000);
    test.verify().await;
}

async fn other_trees_are_out_of_reach(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    world.give(&test, world.other, 10).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let own = world.acme.to_string();
    let foreign = [world.other, world.distributor, world.vendor, 999_999].map(|id| id.to_string());
    for id in &foreign {
        let inward = [("type", "credit"), ("from", id.as_str()), ("to", &own), ("amount", "1")];
        let page = acme.submit("/moves/new", "/moves", &inward).await;
        assert!(page.problem("from").starts_with("There is no such company among yours."));
        let outward = [("type", "credit"), ("from", own.as_str()), ("to", id), ("amount", "1")];
        let page = acme.submit("/moves/new", "/moves", &outward).await;
        assert!(page.problem("to").starts_with("There is no such company among yours."));
        for part in ["", "/resources", "/codes", "/users", "/subsidiaries", "/history", "/name", "/codes.csv"] {
            acme.get(&format!("/companies/{id}{part}")).await.is(404);
        }
    }
    assert_eq!(world.credit(&test, world.other).await, 10);
}

async fn only_administrators_can_move_resources(test: TestApp) {
    let world = World::new(&test).await;
    let (from, to) = (world.vendor.to_string(), world.acme.to_string());
    for email in ["auditor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        browser.get("/moves/new").await.is(403);
        let token = browser.get("/").await.field("form");
        let fields = [("form", token.as_str()), ("type", "credit"), ("from", &from), ("to", &to), ("amount", "1")];
        browser.post("/moves", &fields).await.is(403);
    }
    assert_eq!(world.credit(&test, world.acme).await, 0);
}

async fn the_dialog_shows_both_balances(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 20).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let query = format!("type=credit&from={}&to={}&amount=5", world.vendor, world.acme);
    let fragment = operator.get(&format!("/moves/preview?{query}")).await;
    fragment.has("980 Credit").has("975").has("20 Credit").has("25").has("data-max=\"980\"");
    let fields = [
        ("type", "credit"),
        ("from", &world.vendor.to_string()),
        ("to", "Acme"),
        ("amount", "5"),
        ("show-balances", "1"),
    ];
    operator.submit("/moves/new", "/moves", &fields).await.is(200).has("975").has("25");
    assert_eq!(world.credit(&test, world.acme).await, 20);
}
