//! History: every act and every transfer, visible to those whose tree it touches, and append-only.

use crate::support::{Browser, PASSWORD, Page, TestApp, World, sale, signed_in, who};
use scrip::model::company::Path;
use scrip::model::resources::ResourceType;
use scrip::model::second_factor::TotpSecret;
use scrip::ops::history::VERBS;
use scrip::ops::passwords::Again;
use scrip::ops::second_factor::{self, Change};
use scrip::ops::tokens::TokenForm;
use scrip::store;
use scrip::store::history::HistoryFilter;

/// Actions that need a mail, a card provider or three years; other files test them.
const TESTED_ELSEWHERE: [&str; 44] = [
    // In disputes.rs and top_ups.rs.
    "order.dispute_asked",
    "order.disputed",
    "order.dispute_won",
    "order.dispute_lost",
    "top_up.set",
    "top_up.turned_off",
    "top_up.stopped",
    "card.saved",
    "card.forgotten",
    // In company_data.rs.
    "buy_data",
    // In user_requests.rs.
    "user.removed",
    "user.invitation_withdrawn",
    // In applications.rs and oauth.rs.
    "application.created",
    "application.changed",
    "application.secret_made",
    "application.secret_wrong",
    "application.deleted",
    "application.allowed",
    "application.connected",
    "application.revoked",
    "application.copied",
    // In backup.rs.
    "portal.restored",
    // In clock.rs.
    "clock.accepted",
    // In roles.rs.
    "role.created",
    "role.changed",
    "role.deleted",
    // In device_requests.rs and device_tags.rs.
    "device.moved",
    "device.tags_set",
    "tag.created",
    "tag.changed",
    "tag.deleted",
    // In tasks.rs.
    "job.retried",
    "user.email_changed",
    "user.email_stopped",
    "order.refunded",
    "order.other_sum",
    "expire",
    // In watched.rs.
    "code.shown",
    "code.exported",
    "code.printed",
    "code.wrong",
    "request.forbidden",
    "stranger.sign_in_failed",
    "stranger.code_wrong",
];

both!(
    every_kind_of_act_is_listed_with_its_actor,
    a_transfer_lists_actor_action_accounts_and_amount,
    users_see_their_own_tree_and_what_enters_or_leaves_it,
    end_users_see_their_own_company,
    history_can_be_filtered_by_action_and_day,
    pages_of_history_have_no_overlaps_and_no_gaps,
    a_large_tree_gives_the_same_rows,
    the_file_matches_the_page,
    history_contains_no_secrets,
    the_database_itself_refuses_changes,
);

async fn lines(browser: &mut Browser, query: &str) -> Vec<String> {
    let file = browser.get(&format!("/history.csv{query}")).await;
    file.is(200).body.lines().skip(1).map(str::to_owned).collect()
}

fn rows(page: &Page) -> usize {
    page.body.matches("<time datetime=").count()
}

async fn post(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    browser.submit("/redeem", path, fields).await
}

/// The settings that the operator makes before anybody can buy.
async fn selling(operator: &mut Browser, world: &World) {
    let acme = world.acme.to_string();
    let product = vec![
        ("kind", "voucher"),
        ("version", "1"),
        ("name", "Video"),
        ("currency", "EUR"),
        ("device_price", "9"),
        ("vat_class", "1"),
    ];
    let [address, country] = [("address", "Street 1"), ("country", "DE")];
    let seller =
        vec![("name", "Vendor"), address, country, ("email", "a@b.test"), ("bank_account", "DE1"), ("due_days", "9")];
    let billing = vec![
        ("billing_name", "Acme"),
        ("billing_address", "Street 1"),
        ("billing_country", "DE"),
        ("billing_email", "a@b.test"),
    ];
    for (path, fields) in [
        ("/operator/price-list/vat-classes".to_owned(), vec![("name", "Standard"), ("rate", "21")]),
        ("/operator/price-list/vat-classes/1".into(), vec![("name", "Standard"), ("rate", "22")]),
        ("/operator/price-list".into(), product.clone()),
        ("/operator/price-list/1/version".into(), product),
        ("/operator/price-list/1/offer".into(), vec![("on", "0")]),
        ("/operator/price-list/1/offer".into(), vec![("on", "1")]),
        ("/operator/seller".into(), seller),
        ("/operator/distributors".into(), vec![("company", &acme)]),
        (format!("/operator/distributors/{acme}/reverse-charge"), vec![("on", "1")]),
        (format!("/operator/distributors/{acme}/reverse-charge"), vec![("on", "0")]),
        (format!("/companies/{acme}/billing"), billing),
        (format!("/operator/distributors/{acme}/deactivation"), vec![]),
    ] {
        post(operator, &path, &fields).await.is(303);
    }
}

/// One of each act that the portal knows, except [`TESTED_ELSEWHERE`].
async fn everything(test: &TestApp, world: &World) {
    let mut operator = signed_in(test, "operator@test.example").await;
    let (id, code) = world.code(test, "operator@test.example", 5).await;
    let (used, _) = world.code(test, "operator@test.example", 6).await;
    let (acme, north, other) = (world.acme.to_string(), world.acme_north.to_string(), world.other.to_string());
    let north_user = who(&test.app, "north@test.example").await.user_id;
    let company = |part: &str| format!("/companies/{north}/{part}");
    let user = |part: &str| format!("/users/{north_user}/{part}");
    for (path, fields) in [
        (
            "/devices".to_owned(),
            vec![
                ("serial", "SN 1"),
                ("company", "Vendor"),
                ("service", "credit"),
                ("auto_extend", "1"),
                ("monitoring", "1"),
            ],
        ),
        ("/devices/1/facts".into(), vec![("serial", "SN 2"), ("company", "Vendor")]),
        ("/devices/service".into(), vec![("device", "1"), ("service", "none"), ("monitoring", "1")]),
        ("/devices/service".into(), vec![("device", "1"), ("monitoring", "0")]),
        ("/devices/removal".into(), vec![("device", "1")]),
        ("/operator/issues".to_owned(), vec![("type", "credit"), ("amount", "9"), ("memo", "Spring stock")]),
        ("/moves".into(), vec![("type", "credit"), ("from", "Vendor"), ("to", &acme), ("amount", "4")]),
        (format!("/codes/{id}/comment"), vec![("comment", "for Ann")]),
        (format!("/codes/{used}/deletion"), vec![]),
        ("/redeem".into(), vec![("code", &code)]),
        ("/companies".into(), vec![("name", "Bakery"), ("parent", &other)]),
        (company("name"), vec![("name", "Acme South")]),
        (company("parent-credits"), vec![("on", "1")]),
        (company("parent-credits"), vec![("on", "0")]),
        (company("parent"), vec![("parent", &other)]),
        ("/companies/removal".into(), vec![("company", "6")]),
        (user("role"), vec![("role", "read_only")]),
        (user("sessions"), vec![]),
        (user("disabled"), vec![("disabled", "1")]),
        (user("disabled"), vec![("disabled", "0")]),
    ] {
        post(&mut operator, &path, &fields).await.is(303);
    }
    selling(&mut operator, world).await;
    sale::trade(test, world, str::to_owned).await;
    let form = operator.get("/redeem").await.field("form");
    operator
        .upload("/devices/imports", &[("form", &form), ("company", "Vendor"), ("file", "serial\nSN 9\n")])
        .await
        .is(303);
    post(&mut operator, "/devices/imports/1/run", &[]).await.is(303);
    scrip::ops::imports::run_batch(&test.app, 1).await.unwrap();
    let invited = [("email", "new@test.example"), ("company", acme.as_str()), ("role", "admin")];
    post(&mut operator, "/users", &invited).await.is(200);
    let page = post(&mut operator, &user("link"), &[]).await;
    let link = page.body.split("http://127.0.0.1:8080").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let mut north = test.browser();
    north.get(&link).await.is(303);
    north.post("/link", &[("new_password", PASSWORD), ("new_password_again", PASSWORD)]).await.is(303);
    north.post("/sign-in", &[("email", "north@test.example"), ("password", "wrong")]).await.is(422);
    let new = "another horse battery";
    let fields = [("password", PASSWORD), ("new_password", new), ("new_password_again", new)];
    let wrong = [("password", "wrong"), ("new_password", new), ("new_password_again", new)];
    post(&mut operator, "/account/security/password", &wrong).await.is(422);
    post(&mut operator, "/account/security/password", &fields).await.is(200);
    post(&mut operator, "/confirm", &[("password", new)]).await.is(303);
    let actor = who(&test.app, "operator@test.example").await;
    scrip::ops::addresses::request(&test.app, &actor, "moved@test.example").await.unwrap();
    let demand = format!("/companies/{}/second-factor", world.acme);
    for on in ["1", "0"] {
        post(&mut operator, &demand, &[("on", on)]).await.is(303);
    }
    second_factors(test).await;
    let customer = who(&test.app, "customer@test.example").await.user_id;
    post(&mut operator, &format!("/users/{customer}/second-factor"), &[]).await.is(303);
    post(&mut operator, "/sign-out", &[]).await.is(303);
}

/// Two-factor authentication turned on, failed, recovered, turned off, and on again.
async fn second_factors(test: &TestApp) {
    let customer = who(&test.app, "customer@test.example").await;
    let password = Again { password: PASSWORD, device_mark: None };
    let turn_on = async |key| {
        let shown = second_factor::new_app_secret(&test.app, &customer).unwrap();
        let bytes = totp_rs::Secret::try_from_base32(&shown.text).unwrap().as_bytes().to_vec();
        let code = TotpSecret::new(bytes).code_at(test.app.clock.now());
        let change = Change { operation_id: key, but: None };
        second_factor::turn_on_app(&test.app, &customer, &change, password, &shown.sealed, &code).await.unwrap()
    };
    let codes = turn_on("on").await.codes.unwrap();
    let mut browser = test.browser();
    browser.sign_in("customer@test.example").await;
    let wrong = [("with", "recovery"), ("recovery_code", "0000-0000-0000-0000")];
    browser.post("/sign-in/code", &wrong).await.is(422);
    let right = [("with", "recovery"), ("recovery_code", codes[0].as_str())];
    browser.post("/sign-in/code", &right).await.is(303);
    let verified = who(&test.app, "customer@test.example").await;
    let form =
        TokenForm { name: "Nightly", scopes: vec!["credits:read"], last_day: "", has_no_end: false, networks: "" };
    scrip::ops::tokens::create(&test.app, &verified, "token", &form).await.unwrap();
    let id = scrip::ops::tokens::list(&test.app, &verified).await.unwrap()[0].id;
    scrip::ops::tokens::revoke(&test.app, &verified, "revoke", id).await.unwrap();
    let change = Change { operation_id: "off", but: None };
    second_factor::turn_off(&test.app, &customer, &change, "", "").await.unwrap();
    turn_on("on again").await;
}

async fn every_kind_of_act_is_listed_with_its_actor(test: TestApp) {
    let world = World::new(&test).await;
    everything(&test, &world).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let all = lines(&mut auditor, "").await;
    for (verb, label) in VERBS.iter().filter(|(verb, _)| !TESTED_ELSEWHERE.contains(verb)) {
        let found = all.iter().filter(|line| line.contains(&format!(",{label},"))).count();
        let filtered = lines(&mut auditor, &format!("?action={verb}")).await;
        assert!(found > 0 && filtered.len() == found, "{verb}: {found} of {}\n{all:#?}", filtered.len());
        let page = auditor.get(&format!("/history?action={verb}")).await;
        page.has(&format!("selected>{label}</option>"));
        assert_eq!(rows(&page), found, "{verb}");
    }
    for line in &all {
        // A failed sign-in has no user.
        let known = line.contains("@test.example,")
            || line.contains(",Sign-in failed,")
            || line.contains(",Second factor wrong,");
        assert!(line.starts_with("2026-11-21 12:00:00 UTC,") && known, "{line}");
    }
    for line in [
        "operator@test.example,Company renamed,,,,,Acme North: Acme South,127.0.0.1,",
        "operator@test.example,Company put under another,,,,,Acme South: Other,127.0.0.1,",
        "operator@test.example,User role changed,,,,,north@test.example: Read only,127.0.0.1,",
        "operator@test.example,Code comment changed,,,,,Code #1: for Ann,127.0.0.1,",
        "north@test.example,Password set,,,,,north@test.example,127.0.0.1,",
    ] {
        assert!(all.iter().any(|l| l.ends_with(line)), "{line}\n{all:#?}");
    }
}

async fn a_transfer_lists_actor_action_accounts_and_amount(test: TestApp) {
    let world = World::new(&test).await;
    everything(&test, &world).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let all = lines(&mut auditor, "").await;
    for line in [
        "operator@test.example,Resources issued,Vendor,Vendor,9,credit,Spring stock,127.0.0.1",
        "operator@test.example,Resources moved,Vendor,Acme,4,credit,,127.0.0.1",
        "operator@test.example,Code created,Vendor,Vendor,6,credit,Code #2,",
        "operator@test.example,Code deleted,Vendor,Vendor,6,credit,Code #2,127.0.0.1",
        "operator@test.example,Code activated,Vendor,Vendor,5,credit,Code #1,127.0.0.1",
    ] {
        assert_eq!(all.iter().filter(|l| l.contains(line)).count(), 1, "{line}\n{all:#?}");
    }
    let page = auditor.get("/history?action=move").await;
    page.has("Resources moved").has("operator@test.example").has(">Vendor<").has(">Acme<").has("Credit");
    // A refused operation adds no line.
    let before = all.len();
    let mut operator = signed_in(&test, "distributor@test.example").await;
    let fields = [("type", "credit"), ("from", "Distributor"), ("to", "Acme"), ("amount", "4")];
    post(&mut operator, "/moves", &fields).await.is(422);
    assert_eq!(lines(&mut auditor, "").await.len(), before + 1, "signing in alone");
}

async fn users_see_their_own_tree_and_what_enters_or_leaves_it(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.distributor, 50).await;
    world.give(&test, world.other, 60).await;
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let mut other = signed_in(&test, "other@test.example").await;
    let fields = [("type", "credit"), ("from", "Distributor"), ("to", "Acme"), ("amount", "7")];
    post(&mut distributor, "/moves", &fields).await.is(303);
    let (_, code) = world.code(&test, "acme@test.example", 3).await;
    post(&mut other, "/redeem", &[("code", &code)]).await.is(303);
    // A move from parent to child is visible to both, and a code that leaves the tree to both ends.
    for (browser, seen, hidden) in [
        (&mut distributor, vec![",50,", ",7,", ",3,"], vec![",60,", ",1000,", "customer@"]),
        (&mut acme, vec![",7,", ",3,"], vec![",50,", ",60,", ",1000,"]),
        (&mut other, vec![",60,", ",3,"], vec![",50,", ",7,", ",1000,", "acme@"]),
    ] {
        let all = lines(browser, "").await.join("\n");
        assert!(seen.iter().all(|s| all.contains(s)) && !hidden.iter().any(|h| all.contains(h)), "{all}");
    }
    for id in [world.other, world.distributor, world.vendor, 999] {
        acme.get(&format!("/companies/{id}/history")).await.is(404);
        acme.get(&format!("/history.csv?company={id}")).await.is(404);
    }
    let of_north = lines(&mut acme, &format!("?company={}", world.acme_north)).await;
    assert_eq!(of_north.len(), 0);
    assert_eq!(rows(&acme.get(&format!("/companies/{}/history", world.acme)).await), lines(&mut acme, "").await.len());
}

async fn end_users_see_their_own_company(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.other, 6).await;
    let mut other = signed_in(&test, "other@test.example").await;
    post(&mut other, "/companies", &[("name", "Hidden site"), ("parent", "Other")]).await.is(303);
    let fields = [("type", "credit"), ("from", "Other"), ("to", "Hidden site"), ("amount", "2")];
    post(&mut other, "/moves", &fields).await.is(303);
    let mut customer = signed_in(&test, "customer@test.example").await;
    let all = lines(&mut customer, "").await.join("\n");
    // The move leaves the user's company, so it is visible; what happens below is not.
    assert!(all.contains(",6,credit") && all.contains(",2,credit") && !all.contains("Company created"), "{all}");
    customer.get("/history").await.is(200).has_not("Company created</td>");
    customer.get("/history.csv?company=6").await.is(403);
    customer.get("/companies/6/history").await.is(403);
}

async fn history_can_be_filtered_by_action_and_day(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 1).await;
    test.app.clock.advance_seconds(86_400);
    world.give(&test, world.acme, 2).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    for (query, amounts) in [
        ("action=move", vec!["2", "1"]),
        ("action=issue", vec!["1000"]),
        ("action=move&to=2026-11-21", vec!["1"]),
        ("action=move&from=2026-11-22", vec!["2"]),
        ("action=move&from=2026-11-21&to=2026-11-22", vec!["2", "1"]),
        ("action=move&from=2026-11-23", vec![]),
        ("action=nonsense&from=nonsense&to=2026-11-21", vec!["1", "1000"]),
    ] {
        let found = lines(&mut auditor, &format!("?{query}")).await;
        let found: Vec<&str> = found.iter().map(|l| l.split(',').nth(5).unwrap()).collect();
        assert_eq!(found, amounts, "{query}");
        let page = auditor.get(&format!("/history?{query}")).await;
        assert_eq!(rows(&page), amounts.len(), "{query}");
    }
    auditor.get("/history?from=2026-11-23").await.has("Nothing fits these filters");
    // Days are in the reader's time zone: in Auckland it is already tomorrow.
    let fields = [("first_name", ""), ("last_name", ""), ("time_zone", "Pacific/Auckland")];
    auditor.submit("/account/profile", "/account/profile", &fields).await.is(303);
    assert_eq!(lines(&mut auditor, "?action=move&to=2026-11-21").await.len(), 0);
    assert_eq!(lines(&mut auditor, "?action=move&from=2026-11-22&to=2026-11-22").await.len(), 1);
}

async fn pages_of_history_have_no_overlaps_and_no_gaps(test: TestApp) {
    World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    for amount in 1..=120 {
        let key = format!("k{amount}");
        scrip::ops::resources::issue(&test.app, &operator, &key, ResourceType::CREDIT, amount, "").await.unwrap();
    }
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let mut path = "/history?action=issue".to_owned();
    let mut amounts: Vec<i64> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = auditor.get(&path).await;
        let cells = page.body.split("data-label=\"Amount\"").skip(1);
        let found: Vec<i64> = cells
            .map(|rest| {
                let cell = rest.split("</td>").next().unwrap();
                cell.chars().skip_while(|c| *c != '>').filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
            })
            .collect();
        sizes.push(found.len());
        amounts.extend(found);
        let Some(next) = page.body.split("<nav class=\"pager\"").nth(1) else { break };
        path = next.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(sizes, [50, 50, 21]);
    assert_eq!(amounts, (1..=120).rev().chain([1_000]).collect::<Vec<_>>());
}

async fn a_large_tree_gives_the_same_rows(test: TestApp) {
    let world = World::new(&test).await;
    everything(&test, &world).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let merged = lines(&mut auditor, "").await;
    let mut tx = test.app.db.write().await.unwrap();
    let (root, path) = store::companies::root(&mut tx).await.unwrap().unwrap();
    for i in 0..50 {
        store::companies::insert(&mut tx, &format!("Site {i}"), Some((root, &path)), crate::support::NOON)
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(lines(&mut auditor, "").await, merged);
    let mut tx = test.app.db.read().await.unwrap();
    let all = store::companies::ids(&mut tx, &path, 1_000).await.unwrap();
    assert!(all.len() > 50);
    let distributor = Path::of(Some(&path), world.distributor);
    let below = store::companies::ids(&mut tx, &distributor, 1_000).await.unwrap();
    for (path, ids) in [(&path, &all), (&distributor, &below)] {
        for verb in [None, Some("move"), Some("user.signed_in"), Some("redeem")] {
            for (before, limit) in [(None, 500), (None, 3), (Some(9), 500)] {
                let filter = HistoryFilter { verb: verb.map(str::to_owned), before, limit, ..HistoryFilter::default() };
                let one = store::history::of_companies(&mut tx, ids, &filter).await.unwrap();
                let other = store::history::of_tree(&mut tx, path, &filter).await.unwrap();
                assert_eq!(format!("{one:?}"), format!("{other:?}"), "{filter:?}");
            }
        }
    }
}

async fn the_file_matches_the_page(test: TestApp) {
    let world = World::new(&test).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    // More rows than one read step of the file.
    let operator = who(&test.app, "operator@test.example").await;
    for i in 0..520 {
        let name = format!("=Other {i}");
        let change = scrip::ops::companies::changes::Change { name: Some(&name), ..Default::default() };
        let key = format!("k{i}");
        scrip::ops::companies::changes::change(&test.app, &operator, &key, world.other, change).await.unwrap();
    }
    let file = auditor.get("/history.csv?action=company.renamed").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"history.csv\"");
    file.has("at,who,action,from,to,amount,type,what,address,token\n").has(",'=Other 9: =Other 10,");
    let numbers: Vec<usize> = file
        .body
        .lines()
        .skip(1)
        .map(|line| line.rsplit("=Other ").next().unwrap().split(',').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..520).rev().collect::<Vec<_>>());
    let page = auditor.get("/history?action=company.renamed&from=2026-11-21").await;
    page.has("/history.csv?action=company.renamed&#38;from=2026-11-21");
}

async fn history_contains_no_secrets(test: TestApp) {
    let world = World::new(&test).await;
    everything(&test, &world).await;
    let (_, code) = world.code(&test, "operator@test.example", 5).await;
    let mut other = signed_in(&test, "other@test.example").await;
    post(&mut other, "/redeem", &[("code", &code)]).await.is(303);
    other.post("/sign-in", &[("email", "typed-here-by-mistake-1"), ("password", "and here")]).await.is(422);
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    for path in ["/history", "/history.csv", "/"] {
        let page = auditor.get(path).await;
        page.is(200).has_not(&code).has_not(&code[..14]).has_not("/link/").has_not("$argon2");
        // People type passwords into the wrong field, so an unknown address is not recorded.
        page.has_not(PASSWORD).has_not("another horse battery").has_not("typed-here-by-mistake-1");
    }
}

async fn the_database_itself_refuses_changes(test: TestApp) {
    let world = World::new(&test).await;
    everything(&test, &world).await;
    let mut auditor = signed_in(&test, "auditor@test.example").await;
    let before = lines(&mut auditor, "").await;
    let everywhere = [
        "update transfer set amount = amount + 1",
        "update transfer set memo = 'x' where id = (select min(id) from transfer)",
        "delete from transfer",
        "update history set verb = 'x'",
        "delete from history where id = (select max(id) from history)",
    ];
    let of_one: &[&str] = match test.backend {
        crate::support::Backend::Sqlite => &[
            "replace into transfer select * from transfer limit 1",
            "insert or replace into history select * from history limit 1",
            "update or replace history set id = (select max(id) from history)",
        ],
        crate::support::Backend::Postgres => &[
            "truncate transfer",
            "truncate history",
            "truncate company cascade",
            "insert into history select * from history limit 1 on conflict (id) do update set verb = 'x'",
        ],
    };
    for text in everywhere.iter().chain(of_one) {
        let mut tx = test.app.db.write().await.unwrap();
        let error = store::db::sql(text).run(&mut tx).await.expect_err(text);
        assert!(error.to_string().contains("append-only"), "{text}: {error}");
    }
    assert_eq!(lines(&mut auditor, "").await, before);
    test.verify().await;
}
