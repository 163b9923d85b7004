//! The operator's page Seller and invoices.

use crate::support::{TestApp, World, signed_in};
use scrip::ops;

both!(
    the_operator_can_set_the_seller,
    invalid_seller_data_is_explained_and_kept_in_the_form,
    only_the_operator_can_set_the_seller,
);

const PAGE: &str = "/operator/seller";
const RIGHT: [(&str, &str); 9] = [
    ("name", " Scrip Demo Vendor "),
    ("address", "Harbour Street 5\r\n10115 Berlin\r\n"),
    ("country", "DE"),
    ("vat_number", "DE123456789"),
    ("registration", "Berlin HRB 12345"),
    ("email", "sales@vendor.example"),
    ("bank_account", "DE02 1001 0010 0006 8201 01\r\nExample Bank"),
    ("footer", ""),
    ("due_days", "30"),
];

async fn the_operator_can_set_the_seller(test: TestApp) {
    World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let page = operator.get(PAGE).await;
    assert_eq!(page.has("Nobody can buy before this is filled in").field("due_days"), "14");
    assert_eq!(ops::seller::get(&test.app).await.unwrap(), None);
    let answer = operator.submit(PAGE, PAGE, &[&RIGHT[..], &[("may_cancel", "1")]].concat()).await;
    let page = operator.done(answer).await;
    page.has("New invoices come from Scrip Demo Vendor.").has_not("Nobody can buy before this");
    assert_eq!(page.field("registration"), "Berlin HRB 12345");
    let settings = ops::seller::get(&test.app).await.unwrap().unwrap();
    assert_eq!((settings.due_days, settings.may_cancel), (30, true));
    assert_eq!(settings.seller.name, "Scrip Demo Vendor");
    assert_eq!(settings.seller.address, "Harbour Street 5\n10115 Berlin");
    // Browsers do not send an unchecked box.
    operator.submit(PAGE, PAGE, &RIGHT).await.is(303);
    assert!(!ops::seller::get(&test.app).await.unwrap().unwrap().may_cancel);
    operator.get("/history").await.has("Seller and invoices changed").has("30 days to pay");
}

async fn invalid_seller_data_is_explained_and_kept_in_the_form(test: TestApp) {
    World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let long = "x".repeat(1_001);
    for (field, typed, message) in [
        ("name", "", "Enter a name."),
        ("name", &long[..201], "Enter 200 characters or fewer."),
        ("address", "\r\n", "Enter an address"),
        ("country", "", "Choose a country."),
        ("country", "XX", "Choose a country."),
        ("vat_number", &long[..33], "Enter 32 characters or fewer."),
        ("email", "nobody", "Enter an e-mail address such as"),
        ("bank_account", "", "Enter where buyers pay to"),
        ("footer", &long, "Enter 1,000 characters or fewer."),
        ("due_days", "121", "Enter a whole number from 0 to 120."),
        ("due_days", "-1", "Enter a whole number from 0 to 120."),
        ("due_days", "", "Enter a whole number from 0 to 120."),
    ] {
        let fields: Vec<_> = RIGHT.iter().map(|f| if f.0 == field { (field, typed) } else { *f }).collect();
        let page = operator.submit(PAGE, PAGE, &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{field}: {}", page.problem(field));
        assert_eq!(page.field("registration"), "Berlin HRB 12345");
    }
    assert_eq!(ops::seller::get(&test.app).await.unwrap(), None);
}

async fn only_the_operator_can_set_the_seller(test: TestApp) {
    World::new(&test).await;
    for email in ["auditor@test.example", "distributor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        let token = browser.get("/").await.has_not("Seller and invoices").field("form");
        browser.get(PAGE).await.is(403);
        browser.post(PAGE, &[&RIGHT[..], &[("form", token.as_str())]].concat()).await.is(403);
    }
    assert_eq!(ops::seller::get(&test.app).await.unwrap(), None);
}
