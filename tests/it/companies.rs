//! Companies: the tree, changes to it, and how forms choose a company.

use crate::support::{Browser, Page, TestApp, World, signed_in};
use scrip::store;

both!(
    an_administrator_creates_companies_below_their_own,
    names_must_have_3_to_200_characters,
    companies_cannot_be_created_outside_the_tree,
    a_company_can_be_renamed,
    right_to_left_names_are_isolated,
    only_the_parent_switches_the_use_of_its_credits,
    moving_a_company_moves_its_whole_subtree,
    a_company_cannot_be_moved_under_itself_or_out_of_the_tree,
    several_companies_can_be_removed_at_once,
    a_refused_removal_names_each_obstacle,
    a_removed_company_disappears_everywhere,
    nothing_is_added_to_a_company_while_it_is_being_removed,
    concurrent_moves_never_form_a_cycle,
    companies_can_be_searched_by_name_and_id,
    every_sort_order_pages_without_gaps,
    the_tree_shows_one_level_at_a_time,
    a_company_field_accepts_a_name_an_id_or_both,
    an_ambiguous_name_offers_the_matches,
    many_companies_are_searched_instead_of_listed,
    options_come_from_the_users_own_tree,
    end_users_see_no_lists,
    only_administrators_can_change_the_tree,
);

/// Submits a form that posts to its own page.
async fn send(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Page {
    browser.submit(path, path, fields).await
}

async fn create(browser: &mut Browser, name: &str, parent: i64) -> Page {
    let parent = parent.to_string();
    browser.submit("/companies/new", "/companies", &[("name", name), ("parent", &parent)]).await
}

async fn remove(browser: &mut Browser, companies: &[i64]) -> Page {
    let ids: Vec<String> = companies.iter().map(i64::to_string).collect();
    let fields: Vec<(&str, &str)> = ids.iter().map(|id| ("company", id.as_str())).collect();
    browser.submit("/companies/removal", "/companies/removal", &fields).await
}

/// Creates many companies below one, each a second younger than the last.
async fn many(test: &TestApp, parent: i64, count: i64) -> Vec<i64> {
    let mut tx = test.app.db.write().await.unwrap();
    let root = store::companies::root(&mut tx).await.unwrap().unwrap().1;
    let path = store::companies::find(&mut tx, &root, parent).await.unwrap().unwrap().path();
    let mut ids = Vec::new();
    for i in 0..count {
        // Unsorted names, some equal.
        let name = format!("{} {}", ["site", "Çité", "SITE", "Łódź"][(i % 4) as usize], i * 7 % 50);
        let at = crate::support::NOON.plus_seconds(i);
        ids.push(store::companies::insert(&mut tx, &name, Some((parent, &path)), at).await.unwrap());
    }
    tx.commit().await.unwrap();
    ids
}

/// The cells of one column of the list.
fn cells<'a>(page: &'a Page, label: &str) -> Vec<&'a str> {
    let needle = format!("<td data-label=\"{label}\"");
    page.body.split(needle.as_str()).skip(1).map(|rest| rest.split("</td>").next().unwrap()).collect()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split(before).nth(1).unwrap().split(after).next().unwrap()
}

fn name(before: &str) -> &str {
    before.trim_end_matches("</bdi>").rsplit('>').next().unwrap()
}

/// The rows of the list: id and name.
fn listed(page: &Page) -> Vec<(i64, &str)> {
    let parts: Vec<&str> = page.body.split("</a> <span class=\"muted\">#").collect();
    let pairs = parts.windows(2).map(|two| (two[1].split('<').next().unwrap(), name(two[0])));
    pairs.map(|(id, name)| (id.parse().unwrap(), name)).collect()
}

fn names(page: &Page) -> Vec<&str> {
    listed(page).into_iter().map(|(_, name)| name).collect()
}

fn next_page(page: &Page) -> Option<String> {
    let link = page.body.split("\">Next page</a>").next().filter(|before| before.len() < page.body.len())?;
    Some(link.rsplit("href=\"").next().unwrap().replace("&#38;", "&"))
}

async fn an_administrator_creates_companies_below_their_own(test: TestApp) {
    let world = World::new(&test).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    admin.get("/companies/new").await.has("selected>Distributor");
    for (name, parent, above) in
        [("Bakery", world.distributor, "Distributor"), ("Bakery", world.acme_north, "Acme North")]
    {
        let answer = create(&mut admin, name, parent).await;
        let page = admin.done(answer).await;
        page.has("Create operation completed successfully.").has(&format!("was created under {above}."));
    }
    let list = admin.get("/companies").await;
    assert_eq!(names(&list), ["Acme", "Acme North", "Bakery", "Bakery", "Distributor"]);
    admin.get(&format!("/companies/{}/subsidiaries", world.acme_north)).await.has("Bakery");
    admin.get("/history").await.has("Company created").has("Bakery: Acme North");
    signed_in(&test, "other@test.example").await.get("/companies").await.has_not("Bakery");
}

async fn names_must_have_3_to_200_characters(test: TestApp) {
    let world = World::new(&test).await;
    let mut admin = signed_in(&test, "acme@test.example").await;
    let (long, longer) = ("ü".repeat(200), "ü".repeat(201));
    for (name, message) in [
        ("", "Enter a name."),
        ("   ", "Enter a name."),
        ("ab", "Enter a name of 3 characters or more."),
        (" ab ", "Enter a name of 3 characters or more."),
        (&longer, "Enter a name of 200 characters or fewer."),
    ] {
        let page = create(&mut admin, name, world.acme).await;
        assert_eq!(page.is(422).problem("name"), message);
        assert_eq!(page.field("name"), name);
        let page = send(&mut admin, &format!("/companies/{}/name", world.acme), &[("name", name)]).await;
        assert_eq!(page.is(422).problem("name"), message);
    }
    for name in ["abc", "  padded  ", &long, "日本語"] {
        create(&mut admin, name, world.acme).await.is(303);
    }
    let list = admin.get("/companies").await;
    list.has(">padded</a>").has(&long).has("日本語");
    assert_eq!(names(&list).len(), 6);
}

async fn companies_cannot_be_created_outside_the_tree(test: TestApp) {
    let world = World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    for parent in [world.other, world.distributor, world.vendor, 999_999] {
        let page = create(&mut acme, "Foothold", parent).await;
        assert!(page.is(422).problem("parent").starts_with("There is no such company among yours."));
        assert_eq!(page.field("name"), "Foothold");
        acme.get(&format!("/companies?view=tree&of={parent}")).await.is(404);
    }
    let page = acme.submit("/companies/new", "/companies", &[("name", "Foothold"), ("parent", "")]).await;
    assert_eq!(page.is(422).problem("parent"), "Choose a company.");
    signed_in(&test, "operator@test.example").await.get("/companies").await.has_not("Foothold");
}

async fn a_company_can_be_renamed(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 5).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let path = format!("/companies/{}/name", world.acme);
    assert_eq!(admin.get(&path).await.field("name"), "Acme");
    let answer = send(&mut admin, &path, &[("name", " Apex ")]).await;
    let page = admin.done(answer).await;
    page.has("Rename operation completed successfully.").has("Acme is now called Apex.").has("<h1>Apex</h1>");
    assert_eq!(names(&admin.get("/companies?q=apex").await), ["Apex"]);
    // History keeps the name from that time.
    let history = admin.get(&format!("/companies/{}/history", world.acme)).await;
    history.has("Acme: Apex").has("Resources moved").has(">Acme<");
    for id in [world.other, world.vendor] {
        admin.submit("/companies/new", &format!("/companies/{id}/name"), &[("name", "Mine")]).await.is(404);
    }
}

async fn right_to_left_names_are_isolated(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let path = format!("/companies/{}", world.distributor);
    send(&mut operator, &format!("{path}/name"), &[("name", "شركة 24 (Acme)")]).await.is(303);
    world.give(&test, world.distributor, 5).await;
    let apart = "<bdi>شركة 24 (Acme)</bdi>";
    for page in ["/companies", "/companies?view=tree", "/users", "/history", path.as_str()] {
        let page = operator.get(page).await;
        assert!(page.is(200).body.contains(apart), "{}", page.body);
    }
}

async fn only_the_parent_switches_the_use_of_its_credits(test: TestApp) {
    let world = World::new(&test).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let path = format!("/companies/{}", world.acme);
    for (on, phrase, shown) in [("1", "Acme now uses its parent", "On"), ("0", "Acme no longer uses its parent", "Off")]
    {
        let answer = admin.submit(&path, &format!("{path}/parent-credits"), &[("on", on)]).await;
        admin.done(answer).await.has("Update operation completed successfully.").has(phrase);
        let list = admin.get("/companies?q=acme").await;
        assert!(cells(&list, "Use parent credits")[0].contains(&format!(">{shown}")));
    }
    // Only the parent may allow the use of its credits.
    let mut acme = signed_in(&test, "acme@test.example").await;
    acme.submit(&path, &format!("{path}/parent-credits"), &[("on", "1")]).await.is(403);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let root = format!("/companies/{}/parent-credits", world.vendor);
    operator.submit("/companies/new", &root, &[("on", "1")]).await.is(403);
}

async fn moving_a_company_moves_its_whole_subtree(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 7).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let mut distributor = signed_in(&test, "distributor@test.example").await;
    let mut other = signed_in(&test, "other@test.example").await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    distributor.get(&format!("/companies/{}", world.acme_north)).await.is(200);
    let path = format!("/companies/{}/parent", world.acme);
    let answer = send(&mut operator, &path, &[("parent", "Other")]).await;
    operator.done(answer).await.has("Move operation completed successfully.").has("Acme is now under Other.");
    for id in [world.acme, world.acme_north] {
        for part in ["", "/codes", "/history", "/users"] {
            distributor.get(&format!("/companies/{id}{part}")).await.is(404);
            other.get(&format!("/companies/{id}{part}")).await.is(200);
        }
    }
    assert_eq!(names(&distributor.get("/companies").await), ["Distributor"]);
    let list = other.get("/companies?sort=level").await;
    assert_eq!(names(&list), ["Other", "Acme", "Acme North"]);
    assert_eq!(cells(&list, "Level"), [" class=\"number\">1", " class=\"number\">2", " class=\"number\">3"]);
    // The company's own users keep working, with their balance.
    acme.get("/").await.is(200);
    acme.get(&format!("/companies/{}", world.acme_north)).await.is(200);
    other.get(&format!("/companies/{}/history", world.acme)).await.has("Company put under another");
    assert_eq!(world.credit(&test, world.acme).await, 7);
    test.verify().await;
}

async fn a_company_cannot_be_moved_under_itself_or_out_of_the_tree(test: TestApp) {
    let world = World::new(&test).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let path = format!("/companies/{}/parent", world.acme);
    for (parent, message) in [
        (world.acme, "A company cannot be put under itself"),
        (world.acme_north, "A company cannot be put under itself"),
        (world.vendor, "There is no such company among yours."),
        (world.other, "There is no such company among yours."),
    ] {
        let page = send(&mut admin, &path, &[("parent", &parent.to_string())]).await;
        assert!(page.is(422).problem("parent").starts_with(message), "{}", page.problem("parent"));
    }
    // Nobody can move their own company, or take one from another tree.
    let own = world.distributor.to_string();
    let token = admin.get("/companies/new").await.field("form");
    let fields = [("form", token.as_str()), ("parent", own.as_str())];
    admin.post(&format!("/companies/{}/parent", world.distributor), &fields).await.is(403);
    admin.post(&format!("/companies/{}/parent", world.other), &fields).await.is(404);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let list = operator.get("/companies?sort=level").await;
    assert_eq!(names(&list), ["Vendor", "Distributor", "Other", "Acme", "Acme North"]);
}

async fn several_companies_can_be_removed_at_once(test: TestApp) {
    let world = World::new(&test).await;
    let ids = many(&test, world.distributor, 3).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    create(&mut admin, "Below the first", ids[0]).await.is(303);
    let window = admin.get(&format!("/companies/removal?company={}&company={}", ids[0], ids[1])).await;
    window.has("site 0").has("Çité 7").has_not("SITE 14");
    // A subsidiary is an obstacle only if it is not removed at the same time.
    remove(&mut admin, &ids).await.is(422).has("site 0 has 1 subsidiary: remove it first.");
    let last = listed(&admin.get("/companies?q=below").await)[0].0;
    let answer = remove(&mut admin, &[ids[0], ids[1], ids[2], last]).await;
    let page = admin.done(answer).await;
    page.has("Remove operation completed successfully.").has("Removed: site 0, Çité 7, SITE 14, Below the first.");
    assert_eq!(names(&page), ["Acme", "Acme North", "Distributor"]);
    remove(&mut admin, &[]).await.is(422).has("Choose at least one company.");
    remove(&mut admin, &[world.other]).await.is(404);
    test.verify().await;
}

async fn a_refused_removal_names_each_obstacle(test: TestApp) {
    let world = World::new(&test).await;
    world.give(&test, world.acme, 10).await;
    world.code(&test, "acme@test.example", 3).await;
    world.code(&test, "acme@test.example", 3).await;
    let mut admin = signed_in(&test, "distributor@test.example").await;
    let page = remove(&mut admin, &[world.acme, world.distributor]).await;
    page.is(422);
    for message in [
        "Acme has a balance: move it first.",
        "Acme has 2 unused codes: delete them first.",
        "Acme has 1 subsidiary: remove it first.",
        "Acme has 1 user: disable that user first.",
        "Distributor is your own company.",
    ] {
        page.has(message);
    }
    let mut operator = signed_in(&test, "operator@test.example").await;
    remove(&mut operator, &[world.vendor]).await.is(422).has("Vendor is the root company and stays.");
    // All or nothing: a removable company stays if another one cannot be removed.
    let ids = many(&test, world.vendor, 1).await;
    remove(&mut operator, &[ids[0], world.acme]).await.is(422);
    operator.get(&format!("/companies/{}", ids[0])).await.is(200);
}

async fn a_removed_company_disappears_everywhere(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let found = operator.get("/users?q=north").await;
    let page = format!("/users/{}", between(&found.body, "<a href=\"/users/", "\""));
    operator.submit(&page, &format!("{page}/disabled"), &[("disabled", "1")]).await.is(303);
    remove(&mut operator, &[world.acme_north]).await.is(303);
    let id = world.acme_north.to_string();
    for path in
        ["/companies", "/companies?view=tree", "/companies/options", "/moves/new", "/users", "/companies?q=north"]
    {
        operator.get(path).await.is(200).has_not("Acme North");
    }
    for part in ["", "/codes", "/history", "/name", "/parent", "/users"] {
        operator.get(&format!("/companies/{id}{part}")).await.is(404);
    }
    let own = world.vendor.to_string();
    let fields = [("type", "credit"), ("from", own.as_str()), ("to", &id), ("amount", "1")];
    assert_ne!(operator.submit("/moves/new", "/moves", &fields).await.is(422).problem("to"), "");
    create(&mut operator, "Below it", world.acme_north).await.is(422);
    // Its users cannot be enabled again, and its history remains.
    operator.get(&page).await.is(404);
    operator.submit("/users", &format!("{page}/disabled"), &[("disabled", "0")]).await.is(404);
    operator.get("/history").await.has("Company removed").has("Acme North");
    test.verify().await;
}

async fn companies_can_be_searched_by_name_and_id(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    create(&mut operator, "100%_Çà & <b>", world.acme).await.is(303);
    let number = world.acme_north.to_string();
    for (q, found) in [
        ("acme", vec!["Acme", "Acme North"]),
        ("NORTH", vec!["Acme North"]),
        (number.as_str(), vec!["Acme North"]),
        ("0%_ç", vec!["100%_Çà &#38; &#60;b&#62;"]),
        ("%", vec!["100%_Çà &#38; &#60;b&#62;"]),
        ("e_n", vec![]),
        ("\\", vec![]),
        ("' or 1=1 --", vec![]),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
        let page = operator.get(&format!("/companies?q={query}")).await;
        assert_eq!(names(page.is(200)), found, "{q}");
        assert_eq!(page.field("q"), q);
    }
    signed_in(&test, "other@test.example").await.get("/companies?q=acme").await.has("No company fits");
}

async fn every_sort_order_pages_without_gaps(test: TestApp) {
    let world = World::new(&test).await;
    let ids = many(&test, world.distributor, 120).await;
    for (i, id) in ids.iter().enumerate().take(30) {
        world.give(&test, *id, 1 + i as i64 % 3).await;
    }
    let mut admin = signed_in(&test, "distributor@test.example").await;
    for sort in ["name", "level", "created", "credits"] {
        let mut keys: Vec<(String, i64)> = Vec::new();
        let mut orders = Vec::new();
        for order in ["", "&order=desc"] {
            keys.clear();
            let mut path = Some(format!("/companies?sort={sort}{order}"));
            let mut sizes = Vec::new();
            while let Some(at) = path {
                let page = admin.get(&at).await;
                sizes.push(names(&page).len());
                keys.extend(keys_of(&page, sort));
                path = next_page(&page);
            }
            assert_eq!(sizes, [50, 50, 23], "{sort} {order}");
            orders.push(keys.clone());
        }
        let mut sorted = orders[0].clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 123);
        assert_eq!(orders[0], sorted, "{sort}");
        orders[1].reverse();
        assert_eq!(orders[1], sorted, "{sort}, turned round");
    }
}

/// The sort key of each row of a page, and its id.
fn keys_of(page: &Page, sort: &str) -> Vec<(String, i64)> {
    let ids = listed(page).into_iter().map(|(id, _)| id);
    let values: Vec<String> = match sort {
        "name" => names(page).into_iter().map(str::to_lowercase).collect(),
        "level" => cells(page, "Level").into_iter().map(|c| format!("{:0>9}", between(c, ">", "<"))).collect(),
        "created" => cells(page, "Created").into_iter().map(|c| between(c, "datetime=\"", "\"").to_owned()).collect(),
        _ => cells(page, "Credits left").into_iter().map(|c| format!("{:0>9}", between(c, ">", "<"))).collect(),
    };
    values.into_iter().zip(ids).collect()
}

async fn the_tree_shows_one_level_at_a_time(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    operator.get("/companies?view=tree").await.has("Distributor").has("Other").has_not("Acme");
    let page = operator.get(&format!("/companies?view=tree&of={}", world.distributor)).await;
    page.has("Vendor").has("Acme").has_not("Acme North").has_not(">Other<");
    many(&test, world.acme_north, 60).await;
    let first = operator.get(&format!("/companies?view=tree&of={}", world.acme_north)).await;
    let second = operator.get(&next_page(&first).unwrap()).await;
    assert_eq!(next_page(&second), None);
    // All sixty companies, and on each page the four above them.
    assert_eq!([&first, &second].map(|page| page.body.matches("class=\"tree-row\"").count()), [54, 14]);
    let admin = signed_in(&test, "acme@test.example").await.get("/companies?view=tree").await;
    admin.has("Acme North").has_not("Distributor");
}

async fn a_company_field_accepts_a_name_an_id_or_both(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    let id = world.acme_north;
    for to in
        [format!("{id}"), format!("#{id}"), format!("Acme North (#{id})"), "acme north".into(), "  Acme North ".into()]
    {
        let fields = [("type", "credit"), ("from", "Vendor"), ("to", to.as_str()), ("amount", "2")];
        let answer = operator.submit("/moves/new", "/moves", &fields).await;
        operator.done(answer).await.has("2 Credit moved from Vendor to Acme North.");
    }
    for (to, message) in [
        ("", "Choose the company that the resources go to."),
        ("Nowhere", "There is no such company among yours."),
        ("Acme North (#999)", "There is no such company among yours."),
        ("acme nor", "Did you mean this one?"),
    ] {
        let fields = [("type", "credit"), ("from", "Vendor"), ("to", to), ("amount", "2")];
        let page = operator.submit("/moves/new", "/moves", &fields).await;
        assert!(page.is(422).problem("to").starts_with(message), "{}", page.problem("to"));
    }
    assert_eq!(world.credit(&test, id).await, 10);
}

async fn an_ambiguous_name_offers_the_matches(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    create(&mut operator, "Twin", world.acme).await.is(303);
    create(&mut operator, "Twin", world.other).await.is(303);
    let fields = [("type", "credit"), ("from", "Vendor"), ("to", "twin"), ("amount", "2")];
    let page = operator.submit("/moves/new", "/moves", &fields).await;
    assert_eq!(page.is(422).problem("to"), "Several companies fit. Choose one of these.");
    let select = between(&page.body, "<select id=\"to\"", "</select>");
    let choices: Vec<&str> = select.split("<option value=\"").skip(2).map(|o| o.split('"').next().unwrap()).collect();
    assert_eq!(choices.len(), 2, "{select}");
    assert!(select.contains(&format!(">Twin (#{})</option>", choices[0])), "{select}");
    let fields = [("type", "credit"), ("from", "Vendor"), ("to", choices[1]), ("amount", "2")];
    let answer = operator.submit("/moves/new", "/moves", &fields).await;
    operator.done(answer).await.has("2 Credit moved from Vendor to Twin.");
    // A company of the same name outside the user's tree causes no ambiguity.
    let mut acme = signed_in(&test, "acme@test.example").await;
    world.give(&test, world.acme, 5).await;
    let fields = [("type", "credit"), ("from", "Acme"), ("to", "twin"), ("amount", "2")];
    acme.submit("/moves/new", "/moves", &fields).await.is(303);
}

async fn many_companies_are_searched_instead_of_listed(test: TestApp) {
    let world = World::new(&test).await;
    let mut operator = signed_in(&test, "operator@test.example").await;
    many(&test, world.other, 45).await;
    operator.get("/moves/new").await.has("<select id=\"to\"").has_not("<datalist");
    many(&test, world.other, 1).await;
    for (path, field) in [("/moves/new", "to"), ("/companies/new", "parent"), ("/users/new", "company")] {
        let page = operator.get(path).await;
        page.has(&format!("<datalist id=\"{field}-options\">")).has("data-options=\"/companies/options\"");
        page.has_not(&format!("<select id=\"{field}\""));
    }
    // An administrator of a small subtree still gets a list.
    signed_in(&test, "acme@test.example").await.get("/moves/new").await.has("<select id=\"to\"");
    let fields = [("type", "credit"), ("from", "Vendor"), ("to", "Acme"), ("amount", "2")];
    operator.submit("/moves/new", "/moves", &fields).await.is(303);
}

async fn options_come_from_the_users_own_tree(test: TestApp) {
    World::new(&test).await;
    let mut acme = signed_in(&test, "acme@test.example").await;
    let page = acme.get("/companies/options?q=").await;
    assert_eq!(page.is(200).body.matches("<option").count(), 2);
    page.has("Acme (#").has("Acme North (#");
    acme.get("/companies/options?q=other").await.has_not("<option");
    acme.get("/companies/options?q=nor").await.has("Acme North (#").has_not("Acme (#");
    test.browser().get("/companies/options?q=").await.is(303);
}

async fn end_users_see_no_lists(test: TestApp) {
    let world = World::new(&test).await;
    let mut other = signed_in(&test, "other@test.example").await;
    create(&mut other, "Hidden site", world.other).await.is(303);
    let mut customer = signed_in(&test, "customer@test.example").await;
    let own = world.other;
    for path in [
        "/companies".to_owned(),
        "/companies?view=tree".into(),
        "/companies/options".into(),
        "/companies/new".into(),
        "/companies/removal".into(),
        format!("/companies/{own}"),
        format!("/companies/{own}/resources"),
        format!("/companies/{own}/subsidiaries"),
        format!("/companies/{own}/users"),
        format!("/companies/{own}/name"),
        "/resources/codes".into(),
        "/users".into(),
        "/moves/new".into(),
        "/moves/preview".into(),
    ] {
        customer.get(&path).await.is(403).has_not("Hidden site");
    }
    for path in ["/", "/summary", "/history", "/redeem", "/account/profile"] {
        customer.get(path).await.is(200).has_not("Hidden site");
    }
}

async fn only_administrators_can_change_the_tree(test: TestApp) {
    let world = World::new(&test).await;
    for email in ["auditor@test.example", "customer@test.example"] {
        let mut browser = signed_in(&test, email).await;
        let token = browser.get("/account/profile").await.field("form");
        let id = if email.starts_with("auditor") { world.acme } else { world.other };
        let own = id.to_string();
        let fields = [("form", token.as_str()), ("name", "Changed"), ("parent", &own), ("company", &own), ("on", "1")];
        for path in [
            "/companies".into(),
            "/companies/removal".into(),
            format!("/companies/{id}/name"),
            format!("/companies/{id}/parent"),
            format!("/companies/{id}/parent-credits"),
        ] {
            browser.post(&path, &fields).await.is(403);
        }
    }
    let list = signed_in(&test, "operator@test.example").await.get("/companies").await;
    assert_eq!(names(&list), ["Acme", "Acme North", "Distributor", "Other", "Vendor"]);
    assert!(cells(&list, "Use parent credits").iter().all(|c| c.contains(">Off")));
}

/// A form to submit: browser, path, fields.
type Sent = (Browser, String, Vec<(&'static str, String)>);

/// Sends requests concurrently; returns their statuses.
async fn send_concurrently(requests: Vec<Sent>) -> Vec<u16> {
    let tasks: Vec<_> = requests
        .into_iter()
        .map(|(mut browser, path, fields)| {
            tokio::spawn(async move {
                let token = browser.get("/redeem").await.field("form");
                let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
                browser.post(&path, &[fields.as_slice(), &[("form", &token)]].concat()).await.status.as_u16()
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    statuses
}

async fn nothing_is_added_to_a_company_while_it_is_being_removed(test: TestApp) {
    let world = World::new(&test).await;
    let operator = signed_in(&test, "operator@test.example").await;
    for (i, id) in many(&test, world.vendor, 12).await.into_iter().enumerate() {
        let to = id.to_string();
        let statuses = send_concurrently(vec![
            (operator.clone(), "/companies/removal".into(), vec![("company", to.clone())]),
            match i % 3 {
                0 => {
                    let fields =
                        vec![("type", "credit".into()), ("from", "Vendor".into()), ("to", to), ("amount", "1".into())];
                    (operator.clone(), "/moves".into(), fields)
                }
                1 => (operator.clone(), "/companies".into(), vec![("name", "Below it".into()), ("parent", to)]),
                _ => {
                    let fields =
                        vec![("email", format!("u{i}@test.example")), ("company", to), ("role", "admin".into())];
                    (operator.clone(), "/users".into(), fields)
                }
            },
        ])
        .await;
        // Exactly one of the two succeeds.
        let done = statuses.iter().filter(|s| **s < 400).count();
        assert!(done == 1 && statuses.iter().all(|s| *s < 500), "{statuses:?}");
    }
    test.verify().await;
}

async fn concurrent_moves_never_form_a_cycle(test: TestApp) {
    let world = World::new(&test).await;
    let operator = signed_in(&test, "operator@test.example").await;
    for two in many(&test, world.vendor, 12).await.chunks(2) {
        let put = |one: i64, under: i64| {
            (operator.clone(), format!("/companies/{one}/parent"), vec![("parent", under.to_string())])
        };
        let mut statuses = send_concurrently(vec![put(two[0], two[1]), put(two[1], two[0])]).await;
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 422]);
    }
    test.verify().await;
}
