//! Billing data: who a company's invoices are made out to.

use crate::support::{TestApp, World, signed_in};
use scrip::model::invoice::Billing;
use scrip::store;

both!(
    an_administrator_enters_and_edits_billing_data,
    invalid_billing_data_is_explained_and_kept_in_the_form,
    only_companies_that_may_buy_have_billing_data,
    other_people_cannot_see_or_change_billing_data,
);

const RIGHT: [(&str, &str); 5] = [
    ("billing_name", "Distributor Ltd"),
    ("billing_address", "Main Street 1\r\nVilnius"),
    ("billing_country", "LT"),
    ("billing_vat_number", ""),
    ("billing_email", "invoices@distributor.example"),
];

async fn billing(test: &TestApp, company: i64) -> Option<Billing> {
    let mut tx = test.app.db.read().await.unwrap();
    store::billing::get(&mut tx, company).await.unwrap()
}

/// A world in which Distributor may buy, and the address of its billing data.
async fn world(test: &TestApp) -> (World, String) {
    let world = World::new(test).await;
    let mut tx = test.app.db.write().await.unwrap();
    store::distributors::set_may_buy(&mut tx, world.distributor, true).await.unwrap();
    tx.commit().await.unwrap();
    let at = format!("/companies/{}/billing", world.distributor);
    (world, at)
}

async fn an_administrator_enters_and_edits_billing_data(test: TestApp) {
    let (world, at) = world(&test).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let overview = format!("/companies/{}", world.distributor);
    admin.get(&overview).await.has("Not entered yet.").has("Enter billing data");
    let answer = admin.submit(&at, &at, &RIGHT).await;
    let page = admin.done(answer).await;
    page.has("New invoices of Distributor are made out to Distributor Ltd.").has("Lithuania");
    page.has("Main Street 1<br>Vilnius<br>").has("Edit billing data");
    assert_eq!(admin.get(&at).await.field("billing_name"), "Distributor Ltd");
    let changed = [&RIGHT[..3], &[("billing_vat_number", "LT1"), RIGHT[4]]].concat();
    admin.submit(&at, &at, &changed).await.is(303);
    assert_eq!(billing(&test, world.distributor).await.unwrap().vat_number, "LT1");
    admin.get("/history").await.has("Billing data changed").has("Main Street 1, Vilnius; Lithuania; LT1");
}

async fn invalid_billing_data_is_explained_and_kept_in_the_form(test: TestApp) {
    let (world, at) = world(&test).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let long = "x".repeat(501);
    for (field, typed, message) in [
        ("billing_name", " ", "Enter a name."),
        ("billing_name", &long[..201], "Enter 200 characters or fewer."),
        ("billing_address", "", "Enter an address"),
        ("billing_address", &long, "Enter 500 characters or fewer."),
        ("billing_country", "ZZ", "Choose a country."),
        ("billing_vat_number", &long[..33], "Enter 32 characters or fewer."),
        ("billing_email", "", "Enter an e-mail address."),
        ("billing_email", "a@", "Enter an e-mail address such as"),
    ] {
        let fields: Vec<_> = RIGHT.iter().map(|f| if f.0 == field { (field, typed) } else { *f }).collect();
        let page = admin.submit(&at, &at, &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{field}: {}", page.problem(field));
        page.has(if field == "billing_address" { "Distributor Ltd" } else { "Main Street 1\r\nVilnius" });
    }
    assert_eq!(billing(&test, world.distributor).await, None);
}

async fn only_companies_that_may_buy_have_billing_data(test: TestApp) {
    let (world, _) = world(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let at = format!("/companies/{}/billing", world.acme);
    operator.get(&format!("/companies/{}", world.acme)).await.has_not("Billing data");
    operator.get(&at).await.is(404);
    operator.submit("/companies/new", &at, &RIGHT).await.is(404);
    assert_eq!(billing(&test, world.acme).await, None);
}

async fn other_people_cannot_see_or_change_billing_data(test: TestApp) {
    let (world, at) = world(&test).await;
    for (email, status) in [
        ("auditor@test.example", 403),
        ("customer@test.example", 403),
        ("acme@test.example", 404),
        ("other@test.example", 404),
    ] {
        let mut browser = signed_in(&test, email).await;
        let token = browser.get("/").await.field("form");
        browser.get(&at).await.is(status);
        browser.post(&at, &[&RIGHT[..], &[("form", token.as_str())]].concat()).await.is(status);
    }
    assert_eq!(billing(&test, world.distributor).await, None);
}
