//! Every page is rendered for every kind of user, in an empty portal and in one full of hostile input, and every
//! template is rendered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::markup::{Markup, text};
use crate::support::oauth::{BACK, Client};
use crate::support::walker::{Visit, type_into, walk};
use crate::support::{
    Browser, NOON, PASSWORD, TestApp, World, link_in, mail_server, next_mail_of_all, open, sale, secret_on, set_up,
    signed_in, who,
};
use scraper::{ElementRef, Selector};
use scrip::config::Given;
use scrip::jobs;
use scrip::model::device::DeviceKind;
use scrip::model::ledger::CodeStatus;
use scrip::model::resources::ResourceType;
use scrip::model::second_factor::SecondFactor;
use scrip::ops;
use scrip::ops::actor::Actor;
use scrip::ops::codes::changes::CodeOrder;
use scrip::ops::devices::changes::DeviceInput;
use scrip::ops::roles::RoleInput;
use scrip::ops::tags::TagInput;
use scrip::store;
use scrip::store::vouchers::VoucherFilter;
use tokio::sync::mpsc::UnboundedReceiver;

once!(
    an_empty_portal_has_valid_pages_for_everybody,
    hostile_input_is_escaped_on_all_pages_and_every_template_is_rendered,
);

/// An element, an attribute after each kind of quote, an entity, direction marks, and a word that is wider than a
/// phone.
const HOSTILE: &str = "<hostile>' hostile=1 \" hostile=2>&lt;\u{200f}\u{200e}Donaudampfschifffahrten";

/// The fields with names or texts from users; each gets its own sample.
const KINDS: [&str; 13] = [
    "company",
    "first",
    "last",
    "memo",
    "comment",
    "serial",
    "device",
    "model",
    "batch",
    "token",
    "application",
    "purpose",
    "reason",
];

fn hostile(kind: &str) -> String {
    format!("{kind} {HOSTILE}")
}

/// More companies than a form lists.
const COMPANIES: usize = 60;
const CREDIT: ResourceType = ResourceType::CREDIT;

async fn an_empty_portal_has_valid_pages_for_everybody(test: TestApp) {
    World::new(&test).await;
    for person in ["operator", "auditor", "other", "customer"] {
        let mut browser = signed_in(&test, &format!("{person}@test.example")).await;
        let visits = walk(&mut browser, "/").await;
        visits.iter().for_each(leads_somewhere);
        visits.iter().for_each(is_valid);
    }
}

async fn hostile_input_is_escaped_on_all_pages_and_every_template_is_rendered(test: TestApp) {
    let (mail, mut mails) = mail_server().await;
    let given = Given { sign_up: Some(true), ..mail };
    let Some(test) = TestApp::start_changed(test.backend, given, |config| config.demo = true).await else {
        return;
    };
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut visits = second_factor(&test, &mut operator).await;
    visits.extend(confirmed_again(&test, &mut operator, &mut mails).await);
    fill(&test, &world).await;
    visits.extend(made_once(&test, &world, &mut operator).await);
    visits.extend(bought(&test).await);
    visits.extend(without_cards_and_mail(&test).await);
    visits.extend(everything(&mut operator, "/").await);
    for person in ["auditor", "distributor", "acme", "north"] {
        let mut browser = signed_in(&test, &format!("{person}@test.example")).await;
        visits.extend(everything(&mut browser, "/").await);
    }
    visits.extend(everything(&mut test.browser(), "/sign-in").await);
    visits.iter().for_each(leads_somewhere);
    visits.push(Visit::new("/nowhere", operator.get("/nowhere").await));
    visits.iter().for_each(is_valid);
    every_sample_is_shown_as_text(&visits);
    visits.iter().for_each(names_are_isolated);
    every_template_is_rendered(&visits);
}

/// All pages that a user can reach, and the answers to the hostile text in their forms.
async fn everything(browser: &mut Browser, start: &str) -> Vec<Visit> {
    let mut visits = walk(browser, start).await;
    let mut typed = Vec::new();
    let mut known = BTreeSet::new();
    for visit in &visits {
        if known.insert(visit.path.split('?').next().unwrap()) {
            typed.extend(type_into(browser, visit, HOSTILE).await);
        }
    }
    visits.extend(typed);
    visits
}

fn leads_somewhere(Visit { path, page, .. }: &Visit) {
    assert!([200, 303, 422, 429].contains(&page.status.as_u16()), "{path}: {}\n{}", page.status, page.body);
}

/// Asserts that a page has no faults and that no input became markup.
fn is_valid(Visit { path, page, markup }: &Visit) {
    if let Some(markup) = markup {
        let raw = markup.all("hostile, [hostile]").len();
        assert_eq!((markup.faults(), raw), (Vec::new(), 0), "{path}\n{}", page.body);
    }
}

/// Asserts that names from users are isolated from the text direction around them, wherever markup allows it.
fn names_are_isolated(Visit { path, markup, .. }: &Visit) {
    const APART: &str = "bdi, title, option, textarea, .visually-hidden, .notice, .error, .error-summary";
    let apart = Selector::parse(APART).unwrap();
    let Some(markup) = markup else { return };
    for element in markup.root().descendants().filter_map(ElementRef::wrap) {
        let own: String = element.children().filter_map(|c| c.value().as_text()).map(|text| &**text).collect();
        let is_apart = |e: &ElementRef<'_>| apart.matches(e);
        let mut line = std::iter::once(element).chain(element.ancestors().filter_map(ElementRef::wrap));
        assert!(!own.contains("<hostile>") || line.any(|e| is_apart(&e)), "{path}: {}", element.html());
    }
}

fn every_sample_is_shown_as_text(visits: &[Visit]) {
    let mut left: BTreeSet<String> = KINDS.into_iter().chain(sale::KINDS).map(hostile).collect();
    for markup in visits.iter().filter_map(|v| v.markup.as_ref()) {
        let text = text(markup.root());
        left.retain(|sample| !text.contains(sample));
    }
    assert!(left.is_empty(), "not shown as text: {left:#?}");
}

/// Asserts that at least a third of the text unique to each template was on a page: several say one thing or another.
/// (A template without unique text only combines others.)
fn every_template_is_rendered(visits: &[Visit]) {
    let templates = templates(Path::new("templates"));
    assert!(templates.len() > 60);
    let is_drawn = |name: &&String| {
        let is_own = |words: &&str| templates.iter().all(|(n, s)| n == *name || !s.contains(*words));
        let own: Vec<&str> = literals(&templates[*name]).into_iter().filter(is_own).collect();
        let drawn = own.iter().filter(|words| visits.iter().any(|v| v.page.body.contains(**words))).count();
        drawn * 3 >= own.len()
    };
    let left: Vec<&String> = templates.keys().filter(|name| !is_drawn(name)).collect();
    assert!(left.is_empty(), "not drawn: {left:#?}");
}

fn templates(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(templates(&path));
        } else if path.extension().is_some_and(|e| e == "html") {
            found.insert(path.display().to_string(), fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The literal text of a template, between its tags.
fn literals(source: &str) -> Vec<&str> {
    const LENGTH_MIN: usize = 8;
    let parts = source.split("{{").flat_map(|part| part.split("{%"));
    let literals = parts.map(|part| part.split_once("%}").or(part.split_once("}}")).map_or(part, |p| p.1).trim());
    literals.filter(|literal| literal.len() >= LENGTH_MIN).collect()
}

/// Sets up a second factor and signs in with it: pages that no link leads to.
async fn second_factor(test: &TestApp, operator: &mut Browser) -> Vec<Visit> {
    let page = operator.get("/account/second-factor/app").await;
    let secret = secret_on(&page);
    let code = secret.code_at(test.app.clock.now());
    let fields = ["form", "secret"].map(|name| (name, page.field(name)));
    let fields = [(fields[0].0, &*fields[0].1), (fields[1].0, &*fields[1].1), ("code", &*code), ("password", PASSWORD)];
    let path = "/account/second-factor/app";
    let mut steps = vec![Visit::new(path, page), Visit::new(path, operator.post(path, &fields).await)];
    // The Security page leads to these by a choice, not by links.
    for path in ["/account/second-factor", "/account/second-factor/email", "/account/second-factor/off"] {
        let visit = Visit::new(path, operator.get(path).await);
        steps.extend(type_into(operator, &visit, HOSTILE).await);
        steps.push(visit);
    }
    let mut browser = signed_in(test, "operator@test.example").await;
    let mut visits = walk(&mut browser, "/sign-in/code").await;
    visits.extend(steps);
    visits
}

/// Pages that are shown only once after creating something, and previews.
async fn made_once(test: &TestApp, world: &World, operator: &mut Browser) -> Vec<Visit> {
    let token = hostile("token");
    let mut visits = Vec::new();
    let fields = [("name", &*token), ("scope", "credits:read"), ("last_day", "")];
    let page = operator.submit("/account/tokens/new", "/account/tokens", &fields).await;
    visits.push(Visit::new("/account/tokens", page));
    visits.extend(applications(test, operator).await);
    let (_, code) = world.code(test, "operator@test.example", 5).await;
    for path in [
        format!("/redeem?code={code}"),
        format!("/moves/preview?type=credit&from={}&to={}&amount=9000", world.vendor, world.acme),
        "/codes/batches/1".into(),
        "/codes/batches/2".into(),
        "/codes/batches/3".into(),
        "/companies/options".into(),
    ] {
        let page = operator.get(&path).await;
        visits.push(Visit::new(path, page));
    }
    visits
}

/// An application that is made, and allowed by its maker.
async fn applications(test: &TestApp, operator: &mut Browser) -> Vec<Visit> {
    let (name, description) = (hostile("application"), hostile("purpose"));
    let fields = [("name", &*name), ("description", &*description), ("redirect_urls", BACK)];
    let choices = [("kind", "confidential"), ("scope", "credits:read"), ("service_role", "read_only")];
    let fields = [&fields[..], &choices].concat();
    let made = operator.submit("/account/applications/new", "/account/applications", &fields).await;
    let client = Client::on(test, &made);
    let mut visits = vec![Visit::new("/account/applications", made)];
    let asked = client.authorize(&[]);
    visits.push(Visit::new(&asked, operator.get(&asked).await));
    let path = format!("{}/secret", client.page);
    visits.push(Visit::new(&path, operator.submit(&path, &path, &[]).await));
    client.code(operator, &[]).await;
    visits
}

/// A portal that is not a demo has to set up card payments, shows links when it has no mail, and here has a clock that
/// has leapt ahead.
async fn without_cards_and_mail(test: &TestApp) -> Vec<Visit> {
    let other = TestApp::start(test.backend).await.unwrap();
    let company = World::new(&other).await.acme.to_string();
    let mut operator = signed_in(&other, "operator@test.example").await;
    let mut visits = vec![Visit::new("/operator/seller", operator.get("/operator/seller").await)];
    let guest = [("email", "o'neill&co@test.example"), ("role", "read_only"), ("company", &*company)];
    let invitation = operator.submit("/users/new", "/users", &guest).await;
    let mut guest = other.browser();
    open(&mut guest, &link_in(&invitation.body)).await;
    visits.push(Visit::new("/link", guest.get("/link").await));
    visits.push(Visit::new("/users", invitation));
    other.app.clock.leap_seconds(2 * 3_600);
    ops::clock::keep_up(&other.app).await.unwrap();
    for path in ["/operator/clock", "/users"] {
        visits.push(Visit::new(path, operator.get(path).await));
    }
    visits
}

/// The confirmation some time after the sign-in, and the page that stops a change of address.
async fn confirmed_again(test: &TestApp, operator: &mut Browser, mails: &mut UnboundedReceiver<String>) -> Vec<Visit> {
    let mut other = signed_in(test, "other@test.example").await;
    let path = "/account/security/email";
    other.submit(path, path, &[("email", "new@test.example")]).await.is(200);
    let mut stop = None;
    while let Some(mail) = next_mail_of_all(test, mails).await {
        stop = stop.or(mail.contains("about to change").then(|| link_in(&mail)));
    }
    let mut owner = test.browser();
    let mut visits = vec![Visit::new("/link", open(&mut owner, &stop.unwrap()).await)];
    set_up(test, &mut other, PASSWORD).await;
    let reset = format!("/users/{}/second-factor", who(&test.app, "other@test.example").await.user_id);
    visits.push(Visit::new(&reset, operator.get(&reset).await));
    let removal = reset.replace("second-factor", "removal");
    visits.push(Visit::new(&removal, operator.get(&removal).await));
    let customer = who(&test.app, "customer@test.example").await.user_id;
    let mut tx = test.app.db.write().await.unwrap();
    store::second_factor::turn_on(&mut tx, customer, SecondFactor::Email).await.unwrap();
    tx.commit().await.unwrap();
    let mut waiting = signed_in(test, "customer@test.example").await;
    visits.push(Visit::new("/sign-in/code", waiting.get("/sign-in/code").await));
    test.app.clock.advance_seconds(600);
    for path in ["/confirm", "/confirm?with=recovery"] {
        let visit = Visit::new(path, other.get(path).await);
        visits.extend(type_into(&mut other, &visit, HOSTILE).await);
        visits.push(visit);
    }
    test.app.clock.advance_seconds(-630);
    visits
}

const UNUSED: VoucherFilter = VoucherFilter { status: Some(CodeStatus::Unused), cursor: None, limit: 1 };

/// Pages that a buyer reaches only by buttons.
async fn bought(test: &TestApp) -> Vec<Visit> {
    let mut buyer = signed_in(test, "distributor@test.example").await;
    let payments = buyer.get("/payments?state=awaiting_payment").await;
    let by_card = payments.body.split("href=\"/orders/").nth(1).unwrap().split('"').next().unwrap();
    let at = format!("/orders/{by_card}");
    let form = buyer.get("/buy/licences").await.field("form");
    // A device that has the licence, an unknown one, and one with a model.
    let device = format!("{}0", hostile("serial")).replace('"', "\"\"");
    let (serial, product) = (format!("SN-B\nSN-X\n\"{device}\""), hostile("none"));
    let mut visits = Vec::new();
    let fields = [("form", form.as_str()), ("serials", serial.as_str()), ("product", product.as_str())];
    visits.push(Visit::new("/buy/licences/choice", buyer.upload("/buy/licences/choice", &fields).await));
    visits.push(Visit::new("/buy/licences", buyer.post("/buy/licences", &fields).await));
    let actor = who(&test.app, "distributor@test.example").await;
    let unused = ops::vouchers::list(&test.app, &actor, &UNUSED).await.unwrap().remove(0);
    let path = format!("/orders/{}/vouchers/cancellation?code={}", unused.order_id, unused.shown.row.id);
    visits.push(Visit::new("/cancellation", buyer.get(&path).await));
    let fields = [("code", unused.shown.text.as_str()), ("check", "1")];
    visits.push(Visit::new("/redeem", buyer.submit("/redeem", "/redeem", &fields).await));
    let operator = who(&test.app, "operator@test.example").await;
    let (company_id, comment) = (operator.company_id, "");
    let spare = CodeOrder { company_id, resource_type: CREDIT, amount: 1, comment, count: 1 };
    let spare = ops::codes::changes::create(&test.app, &operator, "spare", &spare).await.unwrap();
    let spare = ops::codes::find(&test.app, &operator, spare.transfers[0].code_id.unwrap()).await.unwrap();
    let fields = [("code", spare.shown.text.as_str())];
    let shown = buyer.submit("/subscriptions/voucher", "/subscriptions/voucher", &fields).await;
    let (form, voucher) = (shown.field("form"), shown.field("voucher"));
    visits.push(Visit::new("/subscriptions/voucher", shown));
    let fields = [("form", form.as_str()), ("voucher", voucher.as_str())];
    let received = buyer.post("/subscriptions/voucher/confirmation", &fields).await.location().to_owned();
    visits.push(Visit::new("/subscriptions/voucher/received", buyer.get(&received).await));
    let card = buyer.submit(&at, &format!("{at}/card"), &[]).await;
    let page = card.body.split("href=\"/demo/card/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    visits.push(Visit::new(format!("{at}/card"), card));
    visits
        .push(Visit::new("/buy/top-ups/card".to_owned(), buyer.submit("/buy/top-ups", "/buy/top-ups/card", &[]).await));
    for path in [format!("/demo/card/{page}"), format!("{at}/return")] {
        let page = buyer.get(&path).await;
        visits.push(Visit::new(path, page));
    }
    visits
}

/// Creates some of everything, with the hostile text wherever text is allowed.
async fn fill(test: &TestApp, world: &World) {
    let app = &test.app;
    let operator = who(app, "operator@test.example").await;
    let name = hostile("company");
    for id in [world.vendor, world.distributor, world.acme, world.acme_north] {
        let change = ops::companies::changes::Change { name: Some(&name), ..Default::default() };
        ops::companies::changes::change(app, &operator, &format!("name-{id}"), id, change).await.unwrap();
    }
    let mut tx = app.db.write().await.unwrap();
    let root = store::companies::root(&mut tx).await.unwrap().unwrap().1;
    for _ in 0..COMPANIES {
        store::companies::insert(&mut tx, &name, Some((world.vendor, &root)), NOON).await.unwrap();
    }
    tx.commit().await.unwrap();
    for person in [&operator, &who(app, "acme@test.example").await] {
        let (first, last) = (hostile("first"), hostile("last"));
        ops::users::save_profile(app, person, "profile", &first, &last, "UTC").await.unwrap();
    }
    ops::resources::issue(app, &operator, "stock", CREDIT, 5_000, &hostile("memo")).await.unwrap();
    world.give(test, world.acme, 1).await;
    codes(test, world, &operator).await;
    devices(test, world, &operator).await;
    imports(test, world, &operator).await;
    sale::trade(test, world, hostile).await;
    fail_jobs(test).await;
}

/// Makes all waiting jobs fail for good.
async fn fail_jobs(test: &TestApp) {
    let mut tx = test.app.db.write().await.unwrap();
    store::db::sql("update job set given_up_at = $1, attempts = 12, reason = $2")
        .bind(NOON)
        .bind(hostile("reason"))
        .run(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Creates an unused, a used and a deleted code, and batches that are done, cancelled and running.
async fn codes(test: &TestApp, world: &World, operator: &Actor) {
    let app = &test.app;
    let mut made = Vec::new();
    let order =
        |comment, count| CodeOrder { company_id: world.vendor, resource_type: CREDIT, amount: 1, comment, count };
    let comment = hostile("batch");
    for (id, key) in [(1, "done"), (2, "cancelled"), (3, "running")] {
        ops::code_batches::create(app, operator, key, &order(&comment, 1_000)).await.unwrap();
        match key {
            "done" => while jobs::run_next(app).await {},
            "cancelled" => drop(ops::code_batches::cancel(app, operator, "cancel", id).await.unwrap()),
            _ => {}
        }
    }
    let comment = hostile("comment");
    for key in ["unused", "used", "deleted"] {
        let done = ops::codes::changes::create(app, operator, key, &order(&comment, 1)).await.unwrap();
        made.push(done.transfers[0].code_id.unwrap());
    }
    let text = ops::codes::find(app, operator, made[1]).await.unwrap().shown.text;
    ops::codes::changes::redeem(app, &who(app, "acme@test.example").await, "redeem", &text).await.unwrap();
    ops::codes::changes::delete(app, operator, "delete", made[2]).await.unwrap();
}

/// Adds devices that run, wait and are off, and an apartment.
async fn devices(test: &TestApp, world: &World, operator: &Actor) {
    let text = |kind: &str| Some(hostile(kind).replace(';', ""));
    let permissions = Some(vec!["edit_devices".into()]);
    let role = RoleInput { title: text("role"), description: text("allowing"), permissions };
    ops::roles::create(&test.app, operator, "role", world.acme, &role).await.unwrap();
    let tag = TagInput { name: text("tag"), description: text("tagged"), color: Some("#0a7f3f".into()) };
    let tag = ops::tags::create(&test.app, operator, "tag", world.acme, &tag).await.unwrap().about.id;
    for (n, service) in [Some(CREDIT), Some(CREDIT), None, Some(ResourceType::APARTMENT_YEAR)].into_iter().enumerate() {
        let input = DeviceInput {
            kind: if n == 3 { DeviceKind::Apartment } else { DeviceKind::Device },
            serial: format!("{}{n}", hostile("serial")),
            name: hostile("device"),
            model: hostile("model"),
            company_id: world.acme,
            service,
            auto_extend: true,
            monitoring: true,
            mac: "00:1E:42:0A:BC:FF".into(),
            imei: "352780098765439".into(),
            series: "rut".into(),
            description: hostile("description"),
            tags: vec![tag],
        };
        ops::devices::changes::create(&test.app, operator, &format!("device-{n}"), &input).await.unwrap();
    }
}

/// Makes imports that are running, cancelled and only checked, each with rows that cannot be added.
async fn imports(test: &TestApp, world: &World, operator: &Actor) {
    for (id, key) in [(1, "running"), (2, "cancelled"), (3, "checked")] {
        let rows = format!("serial,service\n{key},credit\n,credit\nbad,\"{}\"\n", HOSTILE.replace('"', "\"\""));
        ops::imports::check(&test.app, operator, &format!("import-{key}"), world.acme, &rows).await.unwrap();
        match key {
            "running" => drop(ops::imports::start(&test.app, operator, "start", id).await.unwrap()),
            "cancelled" => drop(ops::imports::cancel(&test.app, operator, "cancel-import", id).await.unwrap()),
            _ => {}
        }
    }
}

#[test]
fn the_page_checks_find_faults() {
    let sound =
        "<!doctype html><html lang=en><head><title>A</title></head><body><main><h1>A</h1>{}</main></body></html>";
    let faults = |inside: &str| Markup::of(&sound.replace("{}", inside)).faults().len();
    assert_eq!(faults("<label for=\"a\">A</label><input id=\"a\">"), 0);
    for bad in [
        "<p id=\"a\"></p><p id=\"a\"></p>",
        "<input name=\"a\">",
        "<p aria-describedby=\"nothing\"></p>",
        "<h1>B</h1>",
        "<p style=\"color: red\"></p>",
        "<p onclick=\"x()\"></p>",
        "<script>x()</script>",
        "<a href=\" JavaScript:x()\">A</a>",
        "<button></button>",
        "<p><b></p>",
        "<p a=\"1\" a=\"2\"></p>",
    ] {
        assert!(faults(bad) > 0, "{bad}");
    }
}
