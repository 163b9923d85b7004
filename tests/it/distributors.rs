//! The operator's page Distributors: who may buy, and whether VAT is added.

use crate::support::{TestApp, World, signed_in, who};
use scrip::store;
use scrip::store::distributors::Distributor;

both!(
    the_operator_can_activate_and_deactivate_a_company,
    a_company_is_found_by_part_of_its_name,
    reverse_charge_is_switched_per_distributor,
    the_list_can_be_searched_and_paged,
    only_the_operator_decides_who_may_buy,
);

const LIST: &str = "/operator/distributors";
const NEW: &str = "/operator/distributors/new";

async fn distributor(test: &TestApp, id: i64) -> Option<Distributor> {
    let mut tx = test.app.db.read().await.unwrap();
    store::distributors::find(&mut tx, id).await.unwrap()
}

async fn the_operator_can_activate_and_deactivate_a_company(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get(LIST).await.has("No distributor yet");
    let vendor = world.vendor.to_string();
    let page = operator.submit(NEW, LIST, &[("company", vendor.as_str())]).await;
    assert!(page.is(422).problem("company").starts_with("The vendor sells"));
    let id = world.distributor.to_string();
    let answer = operator.submit(NEW, LIST, &[("company", id.as_str())]).await;
    operator.done(answer).await.has("Distributor may now buy vouchers and licences.").has("Deactivate");
    assert!(who(&test.app, "distributor@test.example").await.may_buy_vouchers);
    // A second activation changes nothing and adds no history entry.
    operator.submit(NEW, LIST, &[("company", id.as_str())]).await.is(303);
    let page = operator.get("/history").await;
    assert_eq!(page.body.matches("<td data-label=\"Action\">Distributor activated").count(), 1, "{}", page.body);
    let end = format!("{LIST}/{id}/deactivation");
    operator.get(&end).await.has("can then buy nothing more");
    let answer = operator.submit(&end, &end, &[]).await;
    operator.done(answer).await.has("Distributor can no longer buy").has("No distributor yet");
    assert!(!who(&test.app, "distributor@test.example").await.may_buy_vouchers);
    operator.get(&end).await.is(404);
}

async fn a_company_is_found_by_part_of_its_name(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit(NEW, LIST, &[("company", "acme north")]).await.is(303);
    assert!(distributor(&test, world.acme_north).await.is_some());
    for (typed, message) in [
        ("", "Choose a company."),
        ("Nobody", "There is no such company among yours."),
        ("999999", "There is no such company among yours."),
        ("acm", "Several companies fit."),
    ] {
        let page = operator.submit(NEW, LIST, &[("company", typed)]).await;
        assert!(page.is(422).problem("company").starts_with(message), "{typed}: {}", page.problem("company"));
    }
}

async fn reverse_charge_is_switched_per_distributor(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit(NEW, LIST, &[("company", "Distributor")]).await.is(303);
    let switch = |id: i64| format!("{LIST}/{id}/reverse-charge");
    let answer = operator.submit(LIST, &switch(world.distributor), &[("on", "1")]).await;
    operator.done(answer).await.has("No VAT is added to new orders of Distributor.").has("On: no VAT");
    assert!(distributor(&test, world.distributor).await.unwrap().has_reverse_charge());
    operator.submit(LIST, &switch(world.distributor), &[("on", "0")]).await.is(303);
    assert!(!distributor(&test, world.distributor).await.unwrap().has_reverse_charge());
    operator.get("/history").await.has("Reverse charge on").has("Reverse charge off");
    // A company that may not buy has no such setting.
    operator.submit(LIST, &switch(world.acme), &[("on", "1")]).await.is(404);
}

async fn the_list_can_be_searched_and_paged(test: TestApp) {
    let world = World::new(&test).await;
    let mut tx = test.app.db.write().await.unwrap();
    let root = scrip::model::company::Path::of(None, world.vendor);
    for n in 0..52 {
        let name = format!("Buyer {n:02}");
        let parent = Some((world.vendor, &root));
        let id = store::companies::insert(&mut tx, &name, parent, test.app.clock.now()).await.unwrap();
        store::distributors::set_may_buy(&mut tx, id, true).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut operator = signed_in(&test, "operator@test.example").await;
    let first = operator.get(LIST).await;
    first.has("Buyer 00").has("Buyer 49").has_not("Buyer 50");
    let next = first.body.split("href=\"/operator/distributors?").nth(1).unwrap().split('"').next().unwrap();
    operator.get(&format!("{LIST}?{next}")).await.has("Buyer 50").has("Buyer 51").has_not("Buyer 49");
    operator.get(&format!("{LIST}?q=r+07")).await.has("Buyer 07").has_not("Buyer 08");
    operator.get(&format!("{LIST}?q=acme")).await.has("No distributor fits");
    operator.get(&format!("{LIST}?after=x")).await.has("Buyer 00");
}

async fn only_the_operator_decides_who_may_buy(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.submit(NEW, LIST, &[("company", "Distributor")]).await.is(303);
    let end = format!("{LIST}/{}/deactivation", world.distributor);
    let switch = format!("{LIST}/{}/reverse-charge", world.distributor);
    for email in ["auditor@test.example", "distributor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        let token = browser.get("/").await.has_not("Distributors").field("form");
        for page in [LIST, NEW, &end] {
            browser.get(page).await.is(403);
        }
        let own = world.acme.to_string();
        for action in [LIST, &end, &switch] {
            let fields = [("form", token.as_str()), ("company", &own), ("on", "1")];
            browser.post(action, &fields).await.is(403);
        }
    }
    assert!(!distributor(&test, world.distributor).await.unwrap().has_reverse_charge());
    assert!(distributor(&test, world.acme).await.is_none());
}
