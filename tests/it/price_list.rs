//! The operator's page Price list: versioned products, and VAT classes.

use crate::support::{Browser, TestApp, World, signed_in};
use scrip::model::product::ProductKind;
use scrip::store;
use scrip::store::products::ProductRow;

both!(
    the_operator_can_add_products_of_both_kinds,
    a_change_makes_a_new_version_and_keeps_the_old_ones,
    the_second_of_two_editors_learns_of_the_first,
    one_of_two_concurrent_changes_wins,
    a_form_submitted_twice_makes_one_version,
    invalid_input_is_explained_at_its_field_and_kept,
    a_product_can_be_withdrawn_and_offered_again,
    vat_classes_have_unique_names,
    a_changed_vat_rate_applies_to_its_products,
    only_the_operator_sees_the_price_list,
);

const NEW: &str = "/operator/price-list/new";
const LIST: &str = "/operator/price-list";

/// An operator, and the id of the VAT class "Standard".
async fn operator(test: &TestApp) -> (Browser, String) {
    World::new(test).await;
    let mut operator = signed_in(test, "operator@test.example").await;
    let fields = [("name", "Standard"), ("rate", "21 %")];
    let answer = operator.submit("/operator/price-list/vat-classes/new", "/operator/price-list/vat-classes", &fields);
    let answer = answer.await;
    operator.done(answer).await.has("The VAT class Standard has 21 %.");
    let mut tx = test.app.db.read().await.unwrap();
    let classes = store::vat_classes::all(&mut tx).await.unwrap();
    (operator, classes[0].id.to_string())
}

async fn current(test: &TestApp, id: i64) -> ProductRow {
    let mut tx = test.app.db.read().await.unwrap();
    store::products::current(&mut tx, id).await.unwrap().unwrap()
}

/// Adds the product Mobile video, at 10.00 EUR per device and year; returns its id.
async fn video(test: &TestApp, operator: &mut Browser, class: &str) -> i64 {
    let fields = [
        ("kind", "voucher"),
        ("name", "Mobile video"),
        ("currency", "EUR"),
        ("device_price", "10"),
        ("vat_class", class),
    ];
    let answer = operator.submit(&format!("{NEW}?kind=voucher"), LIST, &fields).await;
    operator.done(answer).await.has("Add operation completed successfully.");
    let mut tx = test.app.db.read().await.unwrap();
    store::products::offered(&mut tx, ProductKind::Voucher).await.unwrap()[0].product_id
}

async fn the_operator_can_add_products_of_both_kinds(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let fields = [
        ("kind", "licence"),
        ("name", "Lift control"),
        ("description", "Calls the lift.\r\nFor one floor."),
        ("currency", "JPY"),
        ("licence_price", "9,500"),
        ("models", "Axis One\r\nVerso"),
        ("term_months", "12"),
        ("vat_class", &class),
    ];
    let answer = operator.submit(&format!("{NEW}?kind=licence"), LIST, &fields).await;
    let page = operator.done(answer).await;
    page.has("9,500 JPY").has("12 months").has("Axis One, Verso").has("10.00 EUR").has("not offered");
    operator.get("/history").await.has("Product added").has("10.00 EUR per device and year");
    let mut tx = test.app.db.read().await.unwrap();
    let licences = store::products::offered(&mut tx, ProductKind::Licence).await.unwrap();
    assert_eq!((licences.len(), licences[0].licence_price), (1, Some(9_500)));
    assert_eq!((licences[0].models.len(), licences[0].term_months), (2, Some(12)));
    assert_eq!(licences[0].description, "Calls the lift.\nFor one floor.");
    let video = current(&test, id).await;
    assert_eq!((video.device_price, video.apartment_price, video.licence_price), (Some(1_000), None, None));
    assert_eq!((video.vat_rate.hundredths(), video.version), (2_100, 1));
}

/// The fields of a change, based on the version that the form was opened with.
fn change<'a>(version: &'a str, price: &'a str, class: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("version", version),
        ("name", "Mobile video"),
        ("currency", "EUR"),
        ("device_price", price),
        ("apartment_price", "18.5"),
        ("vat_class", class),
    ]
}

async fn a_change_makes_a_new_version_and_keeps_the_old_ones(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let at = format!("{LIST}/{id}/version");
    let window = operator.get(&at).await;
    assert_eq!((window.field("device_price"), window.field("version")), ("10.00".into(), "1".into()));
    let answer = operator.submit(&at, &at, &change("1", "12.00", &class)).await;
    let page = operator.done(answer).await;
    page.has("Change operation completed successfully.").has("18.50 EUR per apartment and year");
    page.has("10.00 EUR per device and year").has("12.00 EUR per device and year").has("Current");
    operator.get("/history").await.has("Product changed");
    let now = current(&test, id).await;
    assert_eq!((now.version, now.device_price, now.apartment_price), (2, Some(1_200), Some(1_850)));
    let mut tx = test.app.db.read().await.unwrap();
    let versions = store::products::versions(&mut tx, id, 10).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.device_price).collect::<Vec<_>>(), [Some(1_200), Some(1_000)]);
}

async fn the_second_of_two_editors_learns_of_the_first(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let at = format!("{LIST}/{id}/version");
    operator.submit(&at, &at, &change("1", "12.00", &class)).await.is(303);
    let refused = operator.submit(&at, &at, &change("1", "14.00", &class)).await;
    refused.is(422).has("operator@test.example has changed this product since you opened it");
    refused.has("12.00 EUR per device and year, 18.50 EUR per apartment and year");
    assert_eq!((refused.field("device_price"), refused.field("version")), ("14.00".into(), "2".into()));
    assert_eq!(current(&test, id).await.device_price, Some(1_200));
    let (token, version) = (refused.field("form"), refused.field("version"));
    let again = [&change(&version, "14.00", &class)[..], &[("form", token.as_str())]].concat();
    operator.post(&at, &again).await.is(303);
    assert_eq!(current(&test, id).await.device_price, Some(1_400));
}

async fn one_of_two_concurrent_changes_wins(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let at = format!("{LIST}/{id}/version");
    let mut other = operator.clone();
    let (one, two) = (change("1", "11.00", &class), change("1", "12.00", &class));
    let (a, b) = tokio::join!(operator.submit(&at, &at, &one), other.submit(&at, &at, &two));
    let mut statuses = [a.status.as_u16(), b.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 422]);
    assert_eq!(current(&test, id).await.version, 2);
}

async fn a_form_submitted_twice_makes_one_version(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let at = format!("{LIST}/{id}/version");
    let token = operator.get(&at).await.field("form");
    let fields = [&change("1", "12.00", &class)[..], &[("form", token.as_str())]].concat();
    let first = operator.post(&at, &fields).await;
    let second = operator.post(&at, &fields).await;
    assert_eq!(first.location(), second.location());
    assert_eq!(current(&test, id).await.version, 2);
}

async fn invalid_input_is_explained_at_its_field_and_kept(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let mut right = vec![("kind", "voucher"), ("name", "X"), ("currency", "EUR"), ("device_price", "1")];
    right.push(("vat_class", &class));
    for (field, typed, message) in [
        ("name", " ", "Enter a name."),
        ("currency", "XXX", "Choose a currency."),
        ("device_price", "", "Enter at least one price"),
        ("device_price", "-1", "Enter a price in figures, such as 12.50."),
        ("device_price", "1,5", "Enter a price in figures, such as 12.50."),
        ("device_price", "1.234", "Enter 2 digits after the point or fewer"),
        ("device_price", "99999999999999999999", "Enter a smaller price."),
        ("vat_class", "999", "Choose a VAT class."),
        ("vat_class", "x", "Choose a VAT class."),
    ] {
        let fields: Vec<_> = right.iter().map(|f| if f.0 == field { (field, typed) } else { *f }).collect();
        let page = operator.submit(&format!("{NEW}?kind=voucher"), LIST, &fields).await;
        page.is(422);
        assert!(page.problem(field).starts_with(message), "{typed}: {}", page.problem(field));
    }
    let long = "x".repeat(101);
    for (field, typed, message) in [
        ("licence_price", "", "Enter a price."),
        ("term_months", "0", "Enter a whole number from 1 to 1,200."),
        ("term_months", "1.5", "Enter a whole number from 1 to 1,200."),
        ("models", &long, "Name one model on each line, in 100 characters"),
    ] {
        let fields = [
            ("kind", "licence"),
            ("name", "Y"),
            ("currency", "EUR"),
            ("vat_class", &class),
            ("licence_price", if field == "licence_price" { "" } else { "2" }),
            (field, typed),
        ];
        let page = operator.submit(&format!("{NEW}?kind=licence"), LIST, &fields).await;
        assert!(page.is(422).problem(field).starts_with(message), "{typed}: {}", page.problem(field));
        assert_eq!(page.field("name"), "Y");
    }
    operator.get(LIST).await.has("No voucher product yet").has("No licence product yet");
}

async fn a_product_can_be_withdrawn_and_offered_again(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let offer = format!("{LIST}/{id}/offer");
    let answer = operator.submit(LIST, &offer, &[("on", "0")]).await;
    operator.done(answer).await.has("Mobile video is no longer offered.").has("Offer again");
    let mut tx = test.app.db.read().await.unwrap();
    assert_eq!(store::products::offered(&mut tx, ProductKind::Voucher).await.unwrap(), []);
    drop(tx);
    assert!(!current(&test, id).await.is_offered);
    operator.submit(LIST, &offer, &[("on", "1")]).await.is(303);
    assert!(current(&test, id).await.is_offered);
    operator.get("/history").await.has("Product no longer offered").has("Product offered again");
    operator.submit(LIST, &format!("{LIST}/999/offer"), &[("on", "1")]).await.is(404);
}

async fn vat_classes_have_unique_names(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let (new, add) = (format!("{LIST}/vat-classes/new"), format!("{LIST}/vat-classes"));
    let page = operator.submit(&new, &add, &[("name", " standard "), ("rate", "9")]).await;
    assert_eq!(page.is(422).problem("name"), "Another VAT class has this name.");
    assert_eq!(page.field("rate"), "9");
    for rate in ["", "x", "101", "-1", "5.555"] {
        let page = operator.submit(&new, &add, &[("name", "Low"), ("rate", rate)]).await;
        assert!(page.is(422).problem("rate").starts_with("Enter a rate between 0 and 100 %"), "{rate}");
    }
    operator.submit(&new, &add, &[("name", "Low"), ("rate", "5.5")]).await.is(303);
    let at = format!("{LIST}/vat-classes/{class}");
    let page = operator.submit(&at, &at, &[("name", "Low"), ("rate", "21")]).await;
    assert_eq!(page.is(422).problem("name"), "Another VAT class has this name.");
    // Changing the case of its own name is allowed.
    operator.submit(&at, &at, &[("name", "STANDARD"), ("rate", "21")]).await.is(303);
    operator.get(LIST).await.has("STANDARD").has("5.5 %");
}

async fn a_changed_vat_rate_applies_to_its_products(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    let at = format!("{LIST}/vat-classes/{class}");
    assert_eq!(operator.get(&at).await.field("rate"), "21 %");
    operator.submit(&at, &at, &[("name", "Standard"), ("rate", "22")]).await.is(303);
    assert_eq!(current(&test, id).await.vat_rate.hundredths(), 2_200);
    operator.get("/history").await.has("VAT class changed").has("Standard, 22 %, in place of 21 %");
}

async fn only_the_operator_sees_the_price_list(test: TestApp) {
    let (mut operator, class) = operator(&test).await;
    let id = video(&test, &mut operator, &class).await;
    operator.get("/").await.has("Price list");
    for email in ["auditor@test.example", "distributor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        let token = browser.get("/").await.has_not("Price list").field("form");
        let product = format!("{LIST}/{id}");
        let change = format!("{LIST}/{id}/version");
        let class = format!("{LIST}/vat-classes/{class}");
        for page in [LIST, &format!("{NEW}?kind=voucher"), &product, &change, &class] {
            browser.get(page).await.is(403);
        }
        let offer = format!("{LIST}/{id}/offer");
        let fields = [("form", token.as_str()), ("kind", "voucher"), ("name", "X"), ("rate", "1"), ("on", "0")];
        for action in [LIST, &change, &offer, &format!("{LIST}/vat-classes"), &class] {
            browser.post(action, &fields).await.is(403);
        }
    }
    assert!(current(&test, id).await.is_offered);
}
