//! Codes: created, listed, searched, redeemed, deleted and printed, and who may see how much of one.

use crate::support::{Backend, Browser, Page, TestApp, World, signed_in};
use scrip::model::code::Code;

both!(
    a_code_created_on_a_companys_page_belongs_to_that_company,
    a_code_created_under_resources_belongs_to_the_users_company,
    a_refused_code_changes_nothing_and_keeps_the_form,
    an_unrelated_company_can_redeem_a_code,
    read_only_users_cannot_redeem,
    a_used_code_is_reported_as_used_and_a_deleted_one_as_unknown,
    deleting_returns_the_units,
    a_used_code_cannot_be_deleted,
    other_trees_cannot_see_or_delete_a_code,
    check_first_changes_nothing,
    mistyped_codes_are_detected_and_cost_no_attempt,
    wrong_codes_make_the_user_wait,
    wrong_codes_are_also_counted_per_company_and_address,
    a_form_submitted_twice_redeems_once_and_shows_the_first_result,
    readers_see_codes_masked,
    codes_can_be_searched_by_code_ending_and_comment,
    codes_can_be_filtered_by_status_type_and_day,
    the_csv_file_lists_codes_and_disarms_formulas,
    pages_of_codes_have_no_overlaps_and_no_gaps,
    a_sheet_shows_only_unused_codes_of_the_users_tree,
    a_code_is_never_stored_or_put_in_a_url_in_the_clear,
    a_comment_can_be_edited_and_is_escaped,
    a_long_comment_is_refused_and_kept_in_the_form,
);

/// Creates a code through the dialog; returns the list that it leads to.
async fn create(browser: &mut Browser, company: i64, kind: &str, amount: &str, comment: &str) -> Page {
    let id = company.to_string();
    let list = format!("/companies/{id}/codes");
    let window = format!("/codes/new?company={id}&back={list}");
    let fields = [("company", id.as_str()), ("type", kind), ("amount", amount), ("comment", comment), ("back", &list)];
    let answer = browser.submit(&window, "/codes", &fields).await;
    browser.done(answer).await
}

async fn redeem(browser: &mut Browser, code: &str) -> Page {
    browser.submit("/redeem", "/redeem", &[("code", code)]).await
}

async fn check_first(browser: &mut Browser, code: &str) -> Page {
    browser.submit("/redeem", "/redeem", &[("code", code), ("check", "1")]).await
}

async fn delete(browser: &mut Browser, id: i64) -> Page {
    let path = format!("/codes/{id}/deletion");
    browser.submit(&path, &path, &[]).await
}

/// A well-formed code that does not exist.
fn unknown(seed: u8) -> String {
    let mut bytes = [seed; 19];
    bytes[0] = 31;
    Code::from_random(bytes).reveal()
}

/// A code with one wrong character.
fn mistyped(code: &str) -> String {
    let wrong = if code.starts_with('7') { "8" } else { "7" };
    format!("{wrong}{}", &code[1..])
}

fn position(page: &Page, text: &str) -> usize {
    page.body.find(text).unwrap_or_else(|| panic!("{text:?} is not in\n{}", page.body))
}

async fn a_code_created_on_a_companys_page_belongs_to_that_company(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    create(&mut admin, world.acme, "credit", "5", "the older one").await;
    let list = create(&mut admin, world.acme, "credit", "20", "the newer one").await;
    list.has("Create operation completed successfully.").has("A code of 20 Credit was created for Acme. 25 left.");
    assert!(position(&list, "the newer one") < position(&list, "the older one"));
    assert_eq!(world.credit(&test, world.acme).await, 25);
    assert_eq!(world.credit(&test, world.distributor).await, 0);
    let resources = admin.get(&format!("/companies/{}/resources", world.acme)).await;
    resources.has("<td data-label=\"In codes\" class=\"number\">25</td>").has("<strong>25</strong>");
    test.verify().await;
}

async fn a_code_created_under_resources_belongs_to_the_users_company(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 50).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let window = acme.get("/codes/new?back=/resources/codes").await;
    assert_eq!(window.field("company"), world.acme.to_string());
    let (token, company) = (window.field("form"), window.field("company"));
    let fields = [
        ("form", token.as_str()),
        ("company", &company),
        ("type", "credit"),
        ("amount", "50"),
        ("back", "/resources/codes"),
    ];
    let answer = acme.post("/codes", &fields).await;
    assert!(answer.location().starts_with("/resources/codes?done="));
    acme.done(answer).await.has("A code of 50 Credit was created for Acme. 0 left.").has("Unused");
    assert_eq!(world.credit(&test, world.acme).await, 0);
}

async fn a_refused_code_changes_nothing_and_keeps_the_form(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 5).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let own = world.acme.to_string();
    for (amount, message) in
        [("6", "Acme has 5 Credit."), ("0", "Enter a whole number from 1"), ("x", "Enter a whole number")]
    {
        let fields = [("company", own.as_str()), ("type", "credit"), ("amount", amount), ("comment", "for Ann")];
        let page = acme.submit("/codes/new", "/codes", &fields).await;
        page.is(422).has("for Ann");
        assert!(page.problem("amount").starts_with(message), "{}", page.problem("amount"));
        assert_eq!(page.field("amount"), amount);
    }
    // A company outside the tree looks nonexistent.
    let foreign = world.other.to_string();
    acme.submit("/codes/new", "/codes", &[("company", &foreign), ("type", "credit"), ("amount", "1")]).await.is(404);
    acme.get(&format!("/codes/new?company={foreign}")).await.is(404);
    acme.get("/resources/codes").await.has("No codes yet");
    assert_eq!(world.credit(&test, world.acme).await, 5);
    test.verify().await;
}

async fn an_unrelated_company_can_redeem_a_code(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 30).await;
    for (email, balance) in [("other@test.example", "12"), ("customer@test.example", "24")] {
        let (_, code) = world.code(&test, "acme@test.example", 12).await;
        let mut browser = signed_in(&test, email).await;
        // Case, spaces and dashes are ignored.
        let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
        let answer = redeem(&mut browser, &typed).await;
        let page = browser.done(answer).await;
        page.has("Activate operation completed successfully.");
        page.has(&format!("12 Credit added to Other. The balance is now {balance}."));
    }
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/resources/codes").await.has("Used").has("<td data-label=\"Used\" class=\"when\">Other");
    assert_eq!(world.credit(&test, world.acme).await, 6);
    test.verify().await;
}

async fn read_only_users_cannot_redeem(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    auditor.get("/redeem").await.is(403);
    let token = auditor.get("/account/profile").await.has_not("/redeem").field("form");
    for extra in [("check", "1"), ("x", "1")] {
        auditor.post("/redeem", &[("form", token.as_str()), ("code", &code), extra]).await.is(403);
    }
    let id = world.vendor.to_string();
    let fields = [("form", token.as_str()), ("company", &id), ("type", "credit"), ("amount", "1")];
    auditor.post("/codes", &fields).await.is(403);
    auditor.get("/codes/new").await.is(403);
    assert_eq!(world.credit(&test, world.vendor).await, 995);
}

async fn a_used_code_is_reported_as_used_and_a_deleted_one_as_unknown(test: TestApp) {
    let world = World::new(&test).await;
    let (_, used) = world.code(&test, "operator@test.example", 5).await;
    let (id, deleted) = world.code(&test, "operator@test.example", 5).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut other = signed_in(&test, "other@test.example").await;
    redeem(&mut other, &used).await.is(303);
    delete(&mut operator, id).await.is(303);
    for mut browser in [other, operator] {
        let page = redeem(&mut browser, &used).await;
        assert_eq!(page.is(422).problem("code"), "This code was already used on 2026-11-21 12:00:00 UTC.");
        assert_eq!(page.field("code"), used);
        let page = redeem(&mut browser, &deleted).await;
        let unknown = redeem(&mut browser, &unknown(3)).await.problem("code");
        assert_eq!(page.is(422).problem("code"), unknown);
        assert_eq!(check_first(&mut browser, &deleted).await.is(422).problem("code"), unknown);
        assert!(check_first(&mut browser, &used).await.is(422).problem("code").contains("already used"));
    }
    assert_eq!(world.credit(&test, world.other).await, 5);
    test.verify().await;
}

async fn deleting_returns_the_units(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 9).await;
    let (id, _) = world.code(&test, "acme@test.example", 9).await;
    assert_eq!(world.credit(&test, world.acme).await, 0);
    // An administrator above may delete it; the units return to the company that owns the code.
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    distributor.get(&format!("/codes/{id}/deletion")).await.has("9 Credit will return to Acme.");
    let answer = delete(&mut distributor, id).await;
    let page = distributor.done(answer).await;
    page.has("Delete operation completed successfully.").has("9 Credit returned to Acme. The balance is now 9.");
    assert_eq!(world.credit(&test, world.acme).await, 9);
    distributor.get(&format!("/companies/{}/codes", world.acme)).await.has("Deleted");
    let again = delete(&mut distributor, id).await;
    again.is(422).has("There is no such code.");
    assert_eq!(world.credit(&test, world.acme).await, 9);
    test.verify().await;
}

async fn a_used_code_cannot_be_deleted(test: TestApp) {
    let world = World::new(&test).await;
    let (id, code) = world.code(&test, "operator@test.example", 4).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut other = signed_in(&test, "other@test.example").await;
    redeem(&mut other, &code).await.is(303);
    let page = delete(&mut operator, id).await;
    page.is(422).has("This code is no longer unused: its status is used.");
    assert_eq!(world.credit(&test, world.vendor).await, 996);
    assert_eq!(world.credit(&test, world.other).await, 4);
    test.verify().await;
}

async fn other_trees_cannot_see_or_delete_a_code(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 9).await;
    let (id, _) = world.code(&test, "acme@test.example", 9).await;
    for email in ["other@test.example", "customer@test.example"] {
        let mut stranger = signed_in(&test, email).await;
        let token = stranger.get("/redeem").await.field("form");
        for (id, part) in [(id, "deletion"), (id, "comment"), (999, "deletion"), (999, "comment")] {
            let path = format!("/codes/{id}/{part}");
            let seen = stranger.get(&path).await.status.as_u16();
            let sent = stranger.post(&path, &[("form", &token), ("comment", "mine")]).await.status.as_u16();
            // The answers do not reveal whether a code exists.
            let wanted = if email.starts_with("other") { [404, 404] } else { [403, 403] };
            assert_eq!([seen, sent], wanted, "{email} {path}");
        }
    }
    assert_eq!(world.credit(&test, world.acme).await, 0);
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.get("/resources/codes").await.has("Unused").has_not("mine");
}

async fn check_first_changes_nothing(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.other, 3).await;
    let (_, code) = world.code(&test, "operator@test.example", 40).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    let page = check_first(&mut customer, &code).await;
    page.is(200).has("This code holds <strong>40 Credit</strong>").has("grows from 3 to 43");
    assert_eq!(page.field("code"), code);
    assert_eq!(world.credit(&test, world.other).await, 3);
    // The second step checks again, because somebody else may have redeemed the code meanwhile.
    let (_, second) = world.code(&test, "operator@test.example", 1).await;
    let slow = check_first(&mut customer, &second).await;
    redeem(&mut signed_in(&test, "acme@test.example").await, &second).await.is(303);
    let late = customer.post("/redeem", &[("form", &slow.field("form")), ("code", &slow.field("code"))]).await;
    late.is(422).has("already used");
    let answer = customer.post("/redeem", &[("form", &page.field("form")), ("code", &code)]).await;
    customer.done(answer).await.has("40 Credit added to Other. The balance is now 43.");
    test.verify().await;
}

async fn mistyped_codes_are_detected_and_cost_no_attempt(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut other = signed_in(&test, "other@test.example").await;
    let wrong = mistyped(&code);
    for i in 0..30 {
        let page = if i % 2 == 0 { redeem(&mut other, &wrong).await } else { check_first(&mut other, &wrong).await };
        assert!(page.is(422).problem("code").starts_with("A character of the code is mistyped."));
        assert_eq!(page.field("code"), wrong);
    }
    for (typed, message) in
        [("", "Enter the code."), ("ABC", "This is not a code"), ("UUUU-UUUU-UUUU-UUUU-UUUU", "This is not a code")]
    {
        assert!(redeem(&mut other, typed).await.is(422).problem("code").starts_with(message));
    }
    redeem(&mut other, &code).await.is(303);
    assert_eq!(world.credit(&test, world.other).await, 5);
}

async fn wrong_codes_make_the_user_wait(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut other = signed_in(&test, "other@test.example").await;
    for seed in 0..11 {
        // A check counts as a guess too.
        let page = if seed % 2 == 0 {
            redeem(&mut other, &unknown(seed)).await
        } else {
            check_first(&mut other, &unknown(seed)).await
        };
        assert!(page.is(422).problem("code").starts_with("There is no such code."));
        assert_eq!(page.field("code"), unknown(seed));
    }
    for page in
        [redeem(&mut other, &unknown(12)).await, redeem(&mut other, &code).await, check_first(&mut other, &code).await]
    {
        page.is(429).has("Too many wrong codes.");
        assert_eq!(page.headers["retry-after"], "15");
    }
    // A colleague does not have to wait, and the wait ends by itself.
    redeem(&mut signed_in(&test, "customer@test.example").await, &unknown(13)).await.is(422);
    test.app.clock.advance_seconds(14);
    redeem(&mut other, &code).await.is(429);
    test.app.clock.advance_seconds(1);
    redeem(&mut other, &code).await.is(303);
    assert_eq!(world.credit(&test, world.other).await, 5);
}

async fn wrong_codes_are_also_counted_per_company_and_address(test: TestApp) {
    let world = World::new(&test).await;
    let mut tx = test.app.db.write().await.unwrap();
    let hash = scrip::store::auth::credentials(&mut tx, "other@test.example").await.unwrap().unwrap().password_hash;
    for email in ["second@test.example", "third@test.example"] {
        let role = scrip::model::role::END_USER;
        let id = scrip::store::users::insert(&mut tx, world.other, email, role, crate::support::NOON)
            .await
            .unwrap()
            .unwrap();
        scrip::store::users::set_password(&mut tx, id, hash.as_deref().unwrap()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut guess = 0;
    let mut seen = Vec::new();
    // Four people of one company at one address: 31 wrong codes are allowed in total, though nobody entered more than 11.
    for email in ["customer@test.example", "second@test.example", "third@test.example", "other@test.example"] {
        let mut browser = signed_in(&test, email).await;
        browser.address = [192, 0, 2, 1];
        for _ in 0..11 {
            guess += 1;
            seen.push(redeem(&mut browser, &unknown(guess)).await.status.as_u16());
        }
    }
    assert_eq!(seen.iter().position(|s| *s == 429), Some(31), "{seen:?}");
    assert!(seen[31..].iter().all(|s| *s == 429));
    // Another company at the same address has ten attempts left; from another address it is not limited.
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.address = [192, 0, 2, 1];
    for i in 0..10 {
        redeem(&mut acme, &unknown(100 + i)).await.is(422);
    }
    redeem(&mut acme, &unknown(120)).await.is(429);
    acme.address = [192, 0, 2, 2];
    redeem(&mut acme, &unknown(121)).await.is(422);
}

async fn a_form_submitted_twice_redeems_once_and_shows_the_first_result(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut other = signed_in(&test, "other@test.example").await;
    let token = other.get("/redeem").await.field("form");
    let fields = [("form", token.as_str()), ("code", &code)];
    let first = other.post("/redeem", &fields).await;
    world.give(&test, world.other, 100).await;
    let second = other.post("/redeem", &fields).await;
    assert_eq!(first.is(303).location(), second.is(303).location());
    other.done(second).await.has("5 Credit added to Other. The balance is now 5.");
    // Only the person who redeemed the code sees the notice.
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.get(first.location()).await.is(200).has_not("operation completed successfully");
    assert_eq!(world.credit(&test, world.other).await, 105);
    test.verify().await;
}

async fn readers_see_codes_masked(test: TestApp) {
    let world = World::new(&test).await;
    let (id, code) = world.code(&test, "operator@test.example", 5).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let masked = format!("••••-••••-••••-••••-{}", &code[20..]);
    for page in [
        "/resources/codes".to_owned(),
        format!("/companies/{}/codes", world.vendor),
        format!("/companies/{}/codes.csv", world.vendor),
    ] {
        let page = auditor.get(&page).await;
        page.is(200).has(&masked).has_not(&code).has_not(&code[..4]).has_not("data-copy").has_not("/deletion");
    }
    for path in [format!("/codes/{id}/comment"), format!("/codes/{id}/deletion"), format!("/codes/sheet?code={id}")] {
        auditor.get(&path).await.is(403).has_not(&code);
    }
    let mut customer = signed_in(&test, "customer@test.example").await;
    for path in ["/resources/codes".to_owned(), format!("/companies/{}/codes.csv", world.other)] {
        customer.get(&path).await.is(403);
    }
    signed_in(&test, "operator@test.example").await.get("/resources/codes").await.has(&code);
}

async fn codes_can_be_searched_by_code_ending_and_comment(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    for i in 0..3 {
        create(&mut operator, world.vendor, "credit", "1", &format!("Order {i}: 100% & more_")).await;
    }
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let found = async |browser: &mut Browser, q: &str| {
        let fields = [("q", q), ("back", "/resources/codes")];
        let answer = browser.post(&format!("/companies/{}/codes/search", world.vendor), &fields).await;
        assert!(!answer.location().contains(&code[..4]), "a whole code stands in {}", answer.location());
        let page = browser.get(answer.location()).await;
        page.is(200).body.matches("<span class=\"code\">").count()
    };
    for q in [code.clone(), code.to_lowercase().replace('-', ""), code[20..].to_owned(), code[20..].to_lowercase()] {
        assert_eq!(found(&mut operator, &q).await, 1, "{q}");
    }
    for (q, count) in [
        ("order 1", 1),
        ("ORDER", 3),
        ("100%", 3),
        ("1%0", 0),
        ("more_", 3),
        ("moreX", 0),
        (unknown(9).as_str(), 0),
        ("  ", 4),
    ] {
        assert_eq!(found(&mut operator, q).await, count, "{q}");
    }
    operator.get("/resources/codes?q=nothing+like+it").await.has("No code fits these filters");
}

async fn codes_can_be_filtered_by_status_type_and_day(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let fields = [("type", "device_year"), ("amount", "10")];
    operator.submit("/operator/issues/new", "/operator/issues", &fields).await.is(303);
    let (_, used) = world.code(&test, "operator@test.example", 1).await;
    let (id, _) = world.code(&test, "operator@test.example", 2).await;
    redeem(&mut operator, &used).await.is(303);
    delete(&mut operator, id).await.is(303);
    create(&mut operator, world.vendor, "credit", "3", "").await;
    // Moves to the next day without ending the 12-hour session.
    for _ in 0..2 {
        test.app.clock.advance_seconds(6 * 3_600 + 60);
        operator.get("/").await;
    }
    create(&mut operator, world.vendor, "device_year", "4", "").await;
    for (query, amounts) in [
        ("", vec!["4", "3", "2", "1"]),
        ("status=used", vec!["1"]),
        ("status=deleted", vec!["2"]),
        ("status=unused", vec!["4", "3"]),
        ("status=expired", vec![]),
        ("type=device_year", vec!["4"]),
        ("type=credit&status=unused", vec!["3"]),
        ("from=2026-11-22", vec!["4"]),
        ("to=2026-11-21", vec!["3", "2", "1"]),
        ("from=2026-11-21&to=2026-11-22&status=unused&type=credit", vec!["3"]),
        ("from=nonsense&status=nonsense&type=nonsense", vec!["4", "3", "2", "1"]),
    ] {
        let page = operator.get(&format!("/resources/codes?{query}")).await;
        let cells = page.is(200).body.split("data-label=\"Amount\" class=\"number\">").skip(1);
        let shown: Vec<&str> = cells.map(|rest| rest.split('<').next().unwrap()).collect();
        assert_eq!(shown, amounts, "{query}");
    }
}

async fn the_csv_file_lists_codes_and_disarms_formulas(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    for comment in ["=HYPERLINK(\"x\")", "+1", "-1+1", "@x", "plain, \"quoted\"", "two\r\nlines"] {
        create(&mut operator, world.vendor, "credit", "7", comment).await;
    }
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    redeem(&mut signed_in(&test, "other@test.example").await, &code).await;
    let file = operator.get(&format!("/companies/{}/codes.csv", world.vendor)).await;
    file.is(200).has("code,type,amount,status,comment,created_by,created_at,used_by_company,ended_at\n");
    assert_eq!(file.headers["content-type"], "text/csv; charset=utf-8");
    let name = format!("attachment; filename=\"codes-{}.csv\"", world.vendor);
    assert_eq!(file.headers["content-disposition"], name.as_str());
    file.has(&format!(
        "{code},credit,5,Used,,operator@test.example,2026-11-21 12:00:00 UTC,Other,2026-11-21 12:00:00 UTC\n"
    ));
    for cell in
        [",\"'=HYPERLINK(\"\"x\"\")\",", ",'+1,", ",'-1+1,", ",'@x,", ",\"plain, \"\"quoted\"\"\",", ",\"two\nlines\","]
    {
        file.has(cell);
    }
    let filtered = operator.get(&format!("/companies/{}/codes.csv?status=used", world.vendor)).await;
    assert_eq!(filtered.body.lines().count(), 2);
}

async fn pages_of_codes_have_no_overlaps_and_no_gaps(test: TestApp) {
    let world = World::new(&test).await;
    for _ in 0..102 {
        world.code(&test, "operator@test.example", 1).await;
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut path = "/resources/codes?status=unused".to_owned();
    let mut sizes = Vec::new();
    let mut ids = Vec::new();
    loop {
        let page = operator.get(&path).await;
        let found: Vec<String> = page
            .body
            .split("<input type=\"checkbox\" name=\"code\" value=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        sizes.push(found.len());
        ids.extend(found);
        let Some(next) = page.body.split("<nav class=\"pager\"").nth(1) else { break };
        path = next.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
        assert!(path.contains("status=unused"));
    }
    assert_eq!(sizes, [50, 50, 2]);
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let file = operator.get(&format!("/companies/{}/codes.csv", world.vendor)).await;
    assert_eq!(file.body.lines().count(), 103);
}

async fn a_sheet_shows_only_unused_codes_of_the_users_tree(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 9).await;
    let (own, own_code) = world.code(&test, "acme@test.example", 2).await;
    let (used, used_code) = world.code(&test, "acme@test.example", 3).await;
    let (foreign, foreign_code) = world.code(&test, "operator@test.example", 4).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    redeem(&mut acme, &used_code).await.is(303);
    let page = acme.get(&format!("/codes/sheet?code={own}&code={used}&code={foreign}&code=x")).await;
    page.is(200).has(&own_code).has("2 Credit").has("From Acme").has("<svg").has_not("<?xml");
    page.has_not(&used_code).has_not(&foreign_code);
    assert_eq!(page.body.matches("<svg").count(), 1);
    acme.get("/codes/sheet").await.is(200).has("Choose unused codes in the list first.");
}

async fn a_code_is_never_stored_or_put_in_a_url_in_the_clear(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let (_, second) = world.code(&test, "operator@test.example", 6).await;
    let mut other = signed_in(&test, "other@test.example").await;
    check_first(&mut other, &code).await.is(200);
    for typed in [&mistyped(&code), &code, &code] {
        let answer = redeem(&mut other, typed).await;
        assert!(!answer.location().contains(&code[..4]), "{}", answer.location());
    }
    // A code in the query would appear in logs, so the page ignores it there.
    other.get(&format!("/redeem?code={second}")).await.is(200).has_not(&second);
    let stored = everything_stored(&test).await;
    for code in [code, second] {
        let plain = code.replace('-', "");
        let digits = Code::parse(&code).unwrap().digits().to_vec();
        let hex = hex::encode(&digits).into_bytes();
        for wanted in
            [code.to_lowercase(), plain.to_lowercase()].map(String::into_bytes).into_iter().chain([digits, hex])
        {
            assert!(!stored.windows(wanted.len()).any(|w| w == wanted), "the code is readable");
        }
    }
    let company = b"acme north";
    assert!(stored.windows(company.len()).any(|w| w == company), "the search is blind");
}

/// All bytes of the database, in lower case.
async fn everything_stored(test: &TestApp) -> Vec<u8> {
    let mut bytes = Vec::new();
    match &test.app.db {
        scrip::store::db::Db::Sqlite(_) => {
            for name in ["scrip.db", "scrip.db-wal", "sessions.db", "sessions.db-wal"] {
                bytes.extend(std::fs::read(test.folder().join(name)).unwrap());
            }
        }
        scrip::store::db::Db::Postgres(db) => {
            let pool = db.pool();
            assert_eq!(test.backend, Backend::Postgres);
            let tables = "select tablename::text from pg_tables where schemaname = current_schema()";
            for table in sqlx::query_scalar::<_, String>(tables).fetch_all(pool).await.unwrap() {
                let rows = sqlx::AssertSqlSafe(format!("select t::text from {table} t"));
                for row in sqlx::query_scalar::<_, String>(rows).fetch_all(pool).await.unwrap() {
                    bytes.extend(row.into_bytes());
                }
            }
        }
    }
    bytes.to_ascii_lowercase()
}

async fn a_comment_can_be_edited_and_is_escaped(test: TestApp) {
    let world = World::new(&test).await;
    let (id, _) = world.code(&test, "operator@test.example", 5).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let path = format!("/codes/{id}/comment");
    let comment = "</textarea><script>alert(1)</script> \"Ann's\" \u{200f}order";
    let answer = operator.submit(&path, &path, &[("comment", comment), ("back", "/resources/codes")]).await;
    let list = operator.done(answer).await;
    list.has("Update operation completed successfully.").has("The comment was saved.");
    for page in [list, operator.get(&path).await, operator.get("/history").await] {
        page.has("&#60;script&#62;alert(1)&#60;/script&#62;").has_not("<script>alert");
    }
    operator.get("/resources/codes?q=ann%27s").await.has("&#60;script&#62;");
    operator.submit(&path, &path, &[("comment", "")]).await.is(303);
    operator.get("/resources/codes").await.has_not("alert(1)");
}

async fn a_long_comment_is_refused_and_kept_in_the_form(test: TestApp) {
    let world = World::new(&test).await;
    let (id, _) = world.code(&test, "operator@test.example", 5).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let path = format!("/codes/{id}/comment");
    let own = world.vendor.to_string();
    let long = "é".repeat(1_001);
    let edited = operator.submit(&path, &path, &[("comment", &long)]).await;
    let fields = [("company", own.as_str()), ("type", "credit"), ("amount", "1"), ("comment", &long)];
    let created = operator.submit("/codes/new", "/codes", &fields).await;
    for page in [edited, created] {
        page.is(422).has(&long);
        assert_eq!(page.problem("comment"), "Enter 1,000 characters or fewer.");
    }
    operator.submit(&path, &path, &[("comment", &"é".repeat(1_000))]).await.is(303);
    assert_eq!(world.credit(&test, world.vendor).await, 995);
}
