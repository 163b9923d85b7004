//! The demo's world: a vendor, two distributors, their customers and sites, codes, and 90 days of history, created by
//! the same acts that people use.

pub mod devices;
pub mod licences;
pub mod orders;
pub mod sales;

use crate::app::App;
use crate::model::resources::ResourceType;
use crate::model::role;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult};
use crate::ops::work::work;
use crate::store;

/// How far back the demo's history begins.
pub const HISTORY_SECONDS: i64 = 90 * 86_400;
const PASSWORD: &str = "scrip-demo";

/// Name and parent of each company, the root first; a parent precedes its children.
const COMPANIES: [(&str, &str); 15] = [
    ("Nordlight Devices", ""),
    ("Baltic Distribution", "Nordlight Devices"),
    ("Iberia Distribution", "Nordlight Devices"),
    ("Harbour Café", "Nordlight Devices"),
    ("Acme Logistics", "Baltic Distribution"),
    ("Acme Logistics North", "Acme Logistics"),
    ("Acme Logistics South", "Acme Logistics"),
    ("Acme Depot 7", "Acme Logistics South"),
    ("Vilnius Water", "Baltic Distribution"),
    ("Riga Trams", "Baltic Distribution"),
    ("Riga Trams Line 6", "Riga Trams"),
    ("Casa Sol Apartments", "Iberia Distribution"),
    ("Porto Parking", "Iberia Distribution"),
    ("Porto Parking Ribeira", "Porto Parking"),
    ("Sevilla Solar", "Iberia Distribution"),
];

/// E-mail, company and role of each person.
const PEOPLE: [(&str, &str, i64); 6] = [
    ("operator@scrip.test", "Nordlight Devices", role::ADMIN),
    ("auditor@scrip.test", "Nordlight Devices", role::READ_ONLY),
    ("distributor@scrip.test", "Baltic Distribution", role::ADMIN),
    ("iberia@scrip.test", "Iberia Distribution", role::ADMIN),
    ("admin@scrip.test", "Acme Logistics", role::ADMIN),
    ("customer@scrip.test", "Harbour Café", role::END_USER),
];

/// Days after the beginning, and the amount of Credit moved from one company to another.
const MOVES: [(i64, &str, &str, i64); 12] = [
    (1, "Nordlight Devices", "Baltic Distribution", 4_000),
    (2, "Nordlight Devices", "Iberia Distribution", 2_500),
    (4, "Baltic Distribution", "Acme Logistics", 600),
    (6, "Acme Logistics", "Acme Logistics North", 120),
    (9, "Acme Logistics", "Acme Logistics South", 180),
    (15, "Baltic Distribution", "Riga Trams", 350),
    (22, "Iberia Distribution", "Porto Parking", 400),
    (31, "Porto Parking", "Porto Parking Ribeira", 90),
    (40, "Acme Logistics South", "Acme Depot 7", 40),
    (52, "Nordlight Devices", "Baltic Distribution", 1_500),
    (63, "Baltic Distribution", "Vilnius Water", 220),
    (78, "Baltic Distribution", "Acme Logistics", 300),
];

/// Day, issuing company, type, amount and comment of each code; the last ones stay unused.
const CODES: [(i64, &str, &str, i64, &str); 10] = [
    (20, "Baltic Distribution", "credit", 50, "Trade fair, stand 12"),
    (28, "Iberia Distribution", "credit", 25, "Order 2041"),
    (45, "Baltic Distribution", "management_1y", 10, "Order 2077, Acme"),
    (60, "Acme Logistics", "credit", 5, "For the drivers' tablets"),
    (70, "Iberia Distribution", "credit", 100, "Order 2113"),
    (80, "Baltic Distribution", "credit", 5, "Sample for Harbour Café"),
    (81, "Baltic Distribution", "credit", 20, "Order 2150"),
    (82, "Baltic Distribution", "management_1y", 3, "Order 2151"),
    (84, "Iberia Distribution", "data_150GB_10y", 2, ""),
    (86, "Acme Logistics", "credit", 12, "Winter reserve"),
];

/// Fills an empty database; the application's clock ends at the current time.
pub async fn fill(app: &App) -> OpResult<()> {
    let hash = ops::passwords::hash_password(app, PASSWORD.into()).await?;
    work!(app, work => { ops::set_up::make_root(work, COMPANIES[0].0, PEOPLE[0].0, &hash, "demo").await })?;
    let operator = actor(app, PEOPLE[0].0).await?;
    for (name, parent) in &COMPANIES[1..] {
        let parent_id = company(app, parent).await?;
        ops::companies::changes::create(app, &operator, &format!("demo-company-{name}"), name, parent_id).await?;
    }
    for (email, company_name, role) in &PEOPLE[1..] {
        let company_id = company(app, company_name).await?;
        add_person(app, email, company_id, *role, &hash).await?;
    }
    for child in ["Acme Logistics North", "Acme Depot 7", "Porto Parking Ribeira"] {
        let id = company(app, child).await?;
        let change = ops::companies::changes::Change { use_parent_credits: Some(true), ..Default::default() };
        ops::companies::changes::change(app, &operator, &format!("demo-parent-{child}"), id, change).await?;
    }
    live(app, &operator).await
}

async fn live(app: &App, operator: &Actor) -> OpResult<()> {
    let begin = app.clock.now();
    for (slug, amount) in [
        ("credit", 10_000),
        ("management_1y", 500),
        ("data_150GB_10y", 60),
        ("device_year", 200),
        ("apartment_year", 40),
    ] {
        let resource_type = resource_type(slug);
        ops::resources::issue(app, operator, &format!("demo-issue-{slug}"), resource_type, amount, "First stock")
            .await?;
    }
    let mut day = 0;
    while day <= 90 {
        for (index, (_, from, to, amount)) in MOVES.iter().enumerate().filter(|(_, m)| m.0 == day) {
            let key = format!("demo-move-{index}");
            let (from, to) = (company(app, from).await?, company(app, to).await?);
            ops::resources::move_units(app, operator, &key, ResourceType::CREDIT, from, to, *amount).await?;
        }
        if day == 3 {
            stock_distributors(app, operator).await?;
        }
        for index in (0..CODES.len()).filter(|i| CODES[*i].0 == day) {
            make_code(app, index).await?;
        }
        devices::live_a_day(app, day).await?;
        match day {
            5 => sales::open(app, operator).await?,
            41 => sales::raise_prices(app, operator).await?,
            70 => licences::buy(app, operator).await?,
            _ => {}
        }
        orders::live_a_day(app, operator, day).await?;
        day += 1;
        app.clock.advance_seconds(HISTORY_SECONDS / 91);
    }
    debug_assert!(app.clock.now() > begin);
    Ok(())
}

async fn stock_distributors(app: &App, operator: &Actor) -> OpResult<()> {
    let root = company(app, COMPANIES[0].0).await?;
    for (to, slug, amount) in [
        ("Baltic Distribution", "management_1y", 120),
        ("Iberia Distribution", "data_150GB_10y", 20),
        ("Acme Logistics", "management_1y", 30),
        ("Casa Sol Apartments", "apartment_year", 6),
    ] {
        let target = company(app, to).await?;
        let key = format!("demo-stock-{to}");
        ops::resources::move_units(app, operator, &key, resource_type(slug), root, target, amount).await?;
    }
    Ok(())
}

/// Creates one of [`CODES`]; the first five are redeemed, one is deleted.
async fn make_code(app: &App, index: usize) -> OpResult<()> {
    let (_, issuer, slug, amount, comment) = CODES[index];
    let by = match issuer {
        "Iberia Distribution" => actor(app, "iberia@scrip.test").await?,
        "Acme Logistics" => actor(app, "admin@scrip.test").await?,
        _ => actor(app, "distributor@scrip.test").await?,
    };
    let key = format!("demo-code-{index}");
    let company_id = by.company_id;
    let order =
        ops::codes::changes::CodeOrder { company_id, resource_type: resource_type(slug), amount, comment, count: 1 };
    let made = ops::codes::changes::create(app, &by, &key, &order).await?;
    let Some(code_id) = made.transfers.first().and_then(|t| t.code_id) else { return Ok(()) };
    let redeemer = match index {
        0 | 3 => "customer@scrip.test",
        1 | 2 => "admin@scrip.test",
        4 => {
            return ops::codes::changes::delete(app, &by, &format!("demo-delete-{index}"), code_id).await.map(|_| ());
        }
        _ => return Ok(()),
    };
    let redeemer = actor(app, redeemer).await?;
    let text = ops::codes::find(app, &by, code_id).await?.shown.text;
    app.clock.advance_seconds(3_600);
    ops::codes::changes::redeem(app, &redeemer, &format!("demo-redeem-{index}"), &text).await?;
    Ok(())
}

fn resource_type(slug: &str) -> ResourceType {
    ResourceType::from_slug(slug).unwrap_or(ResourceType::CREDIT)
}

/// The company of this name.
///
/// # Errors
/// [`OpError::NotFound`] if there is none.
pub async fn company(app: &App, name: &str) -> OpResult<i64> {
    let mut tx = app.db.read().await?;
    let (_, root) = store::companies::root(&mut tx).await?.ok_or(OpError::NotFound)?;
    let found = store::companies::named(&mut tx, &root, name, 1).await?;
    found.first().map(|c| c.id).ok_or(OpError::NotFound)
}

async fn add_person(app: &App, email: &str, company_id: i64, role_id: i64, hash: &str) -> OpResult<()> {
    work!(app, work => {
        let id = store::users::insert(&mut work.tx, company_id, email, role_id, work.now).await?.ok_or(OpError::NotFound)?;
        store::users::set_password(&mut work.tx, id, hash).await?;
        Ok(())
    })
}

/// A user as an actor, as in a request.
///
/// # Errors
/// [`OpError::NotFound`] if there is no such account.
pub async fn actor(app: &App, email: &str) -> OpResult<Actor> {
    let mut tx = app.db.read().await?;
    let user = store::users::by_email(&mut tx, email).await?.ok_or(OpError::NotFound)?;
    let found = store::auth::signed_in(&mut tx, &[user.id]).await?.pop().ok_or(OpError::NotFound)?;
    Ok(Actor::of(found, "127.0.0.1".into()))
}
