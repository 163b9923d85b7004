//! Subscriptions, licences: the options, and a voucher that is used in steps.

use crate::support::{Browser, Page, TestApp, World, signed_in};

both!(
    a_voucher_is_used_in_three_steps,
    the_code_that_is_confirmed_is_the_one_that_was_shown,
    a_voucher_used_meanwhile_is_refused_at_the_confirmation,
    a_confirmation_that_is_sent_twice_counts_once,
    each_person_sees_their_own_options,
);

const VOUCHER: &str = "/subscriptions/voucher";
const CONFIRMATION: &str = "/subscriptions/voucher/confirmation";

async fn check(browser: &mut Browser, code: &str) -> Page {
    browser.submit(VOUCHER, VOUCHER, &[("code", code)]).await
}

async fn confirm(browser: &mut Browser, shown: &Page) -> Page {
    let (form, voucher) = (shown.field("form"), shown.field("voucher"));
    browser.post(CONFIRMATION, &[("form", &form), ("voucher", &voucher)]).await
}

async fn a_voucher_is_used_in_three_steps(test: TestApp) {
    let world = World::new(&test).await;
    for serial in ["Gate 1", "Gate 2"] {
        crate::devices::add(&test, &crate::devices::input(serial, world.other)).await;
    }
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    customer.get("/subscriptions").await.is(200).has("Do you have a voucher?").has("Use your voucher");
    customer.get(VOUCHER).await.is(200).has("Step 1 of 3");
    let shown = check(&mut customer, &code.to_lowercase()).await;
    shown.is(200).has("Step 2 of 3").has("5 Credit").has("Vendor").has(&code).has("2 waiting");
    shown.has("Gate 1").has("Gate 2").has("<dd>3</dd>");
    assert_eq!(world.credit(&test, world.other).await, 0);
    let answer = confirm(&mut customer, &shown).await;
    let received = customer.get(answer.is(303).location()).await;
    received.is(200).has("You received the credits from the voucher").has("5 Credit").has("Other");
    received.has("<dt>New balance</dt><dd>3</dd>").has("<dt>Devices extended at once</dt><dd>2</dd>");
    assert_eq!(world.credit(&test, world.other).await, 3);
    test.verify().await;
}

async fn the_code_that_is_confirmed_is_the_one_that_was_shown(test: TestApp) {
    let world = World::new(&test).await;
    let (_, small) = world.code(&test, "operator@test.example", 5).await;
    let (_, large) = world.code(&test, "operator@test.example", 500).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let (mine, theirs) = (check(&mut customer, &small).await, check(&mut admin, &large).await);
    let form = mine.field("form");
    let sealed = mine.field("voucher");
    let flipped = format!("{}{}", if sealed.starts_with('0') { '1' } else { '0' }, &sealed[1..]);
    for voucher in ["", &large, &theirs.field("voucher"), &flipped] {
        let refused = customer.post(CONFIRMATION, &[("form", &form), ("voucher", voucher), ("code", &large)]).await;
        refused.is(422).has("Use your voucher");
    }
    assert_eq!(world.credit(&test, world.other).await, 0);
    confirm(&mut customer, &mine).await.is(303);
    assert_eq!(world.credit(&test, world.other).await, 5);
    test.verify().await;
}

async fn a_voucher_used_meanwhile_is_refused_at_the_confirmation(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let shown = check(&mut customer, &code).await;
    admin.submit("/redeem", "/redeem", &[("code", &code)]).await.is(303);
    confirm(&mut customer, &shown).await.is(422).has("already used").has(&code);
    assert_eq!((world.credit(&test, world.other).await, world.credit(&test, world.acme).await), (0, 5));
    check(&mut customer, &code).await.is(422).has("already used");
    test.verify().await;
}

async fn a_confirmation_that_is_sent_twice_counts_once(test: TestApp) {
    let world = World::new(&test).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut customer = signed_in(&test, "customer@test.example").await;
    let shown = check(&mut customer, &code).await;
    let first = confirm(&mut customer, &shown).await.is(303).location().to_owned();
    let second = confirm(&mut customer, &shown).await.is(303).location().to_owned();
    assert_eq!(first, second);
    customer.get(&first).await.is(200).has("<dt>New balance</dt><dd>5</dd>");
    assert_eq!(world.credit(&test, world.other).await, 5);
    customer.get("/subscriptions/voucher/received?done=unknown").await.is(200).has("not seen the confirmation yet");
    assert_eq!(customer.get("/subscriptions/voucher/received").await.is(303).location(), "/subscriptions");
}

async fn each_person_sees_their_own_options(test: TestApp) {
    World::new(&test).await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    admin.get("/subscriptions").await.is(200).has("Who can buy vouchers").has("Buy licences");
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/subscriptions").await.is(200).has("Use your voucher").has_not("Buy licences");
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    for page in ["/subscriptions", VOUCHER, "/subscriptions/voucher/received?done=1"] {
        auditor.get(page).await.is(403);
    }
    let form = auditor.get("/account/profile").await.field("form");
    auditor.post(VOUCHER, &[("form", &form), ("code", "7")]).await.is(403);
}
