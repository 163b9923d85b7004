//! Reports: sales by distributor and month, units in unused codes, what became of codes, and who sees them.

use crate::support::shop::Shop;
use crate::support::{Backend, Browser, NOON, TestApp, World, signed_in, who};
use scrip::jobs::expiry;
use scrip::model::month::{Month, Period};
use scrip::ops;
use scrip::store::db::{Tx, sql};
use scrip::store::reports::{CompanySales, codes_by_month, sales};

both!(
    sales_are_counted_by_distributor_month_and_currency,
    the_liability_is_the_units_in_unused_codes,
    each_change_of_a_code_counts_in_its_month,
    distributors_see_their_own_tree,
    other_users_have_no_reports,
    invalid_months_are_explained_and_kept_in_the_form,
    pages_of_sales_link_to_the_next,
    an_upgrade_counts_existing_rows,
    verify_finds_wrong_counts,
);

const DAY: i64 = 86_400;
const SALES_HEAD: &str = "month,company_id,company,currency,net,vat,total\n";
const CODES_HEAD: &str = "month,type,codes_made,codes_used,codes_expired,codes_cancelled_or_deleted,\
                          units_made,units_used,units_expired,units_cancelled_or_deleted\n";

async fn operator(test: &TestApp) -> Browser {
    signed_in(test, "operator@test.example").await
}

async fn sales_are_counted_by_distributor_month_and_currency(test: TestApp) {
    let shop = Shop::open(&test).await;
    let id = shop.world.distributor;
    operator(&test).await.get("/reports").await.has("Nothing was sold in these months");
    let order = shop.paid(&test, "10").await;
    // An unpaid invoice counts, a draft does not.
    let (mut buyer, czk) = (shop.buyer(&test).await, shop.video_czk.to_string());
    let waiting = shop.add(&mut buyer, None, &[("product", &czk)]).await;
    shop.add(&mut buyer, None, &[]).await;
    shop.place(&mut buyer, waiting, "invoice").await.is(303);
    test.app.clock.advance_seconds(20 * DAY);
    let code = shop.codes(&test, order, 1).await[0].0;
    let buyer = who(&test.app, "distributor@test.example").await;
    ops::vouchers::cancel(&test.app, &buyer, "one of ten", order, &[code]).await.unwrap();
    let mut operator = operator(&test).await;
    let november = format!(
        "2026-11,{id},Distributor,EUR,120.00,25.20,145.20\n2026-11,{id},Distributor,CZK,3000.00,630.00,3630.00\n"
    );
    let file = format!("{SALES_HEAD}2026-12,{id},Distributor,EUR,-12.00,-2.52,-14.52\n{november}");
    assert_eq!(operator.get("/reports/sales.csv").await.body, file);
    let page = operator.get("/reports").await;
    page.has("Sales in EUR").has("Net, Nov 2026: 120.00").has("Net, Dec 2026: -12.00").has("130.68");
    page.has("Sales in CZK").has("3,630.00").has(&format!("<a href=\"/companies/{id}\">Distributor</a>"));
    let page = operator.get("/reports?from=2026-12&to=2027-01").await;
    page.has("-14.52").has("Dec 2026 to Jan 2027").has_not("145.20").has_not("CZK");
    let file = operator.get("/reports/sales.csv?from=2026-11&to=2026-11").await;
    assert_eq!(file.body, format!("{SALES_HEAD}{november}"));
    test.verify().await;
}

async fn the_liability_is_the_units_in_unused_codes(test: TestApp) {
    let shop = Shop::open(&test).await;
    let (id, acme) = (shop.world.distributor, shop.world.acme);
    operator(&test).await.get("/reports").await.has("No unused codes");
    shop.world.give(&test, acme, 9).await;
    let kept = shop.world.code(&test, "acme@test.example", 7).await.0;
    let order = shop.paid(&test, "10").await;
    let codes = shop.codes(&test, order, 1).await;
    let (app, buyer) = (&test.app, who(&test.app, "distributor@test.example").await);
    let owed = async |units: i64, credit: i64| {
        let page = operator(&test).await.get("/reports/unused-codes.csv").await;
        let lines = [(id, "Distributor,device_year", units), (acme, "Acme,credit", credit)];
        let lines = lines.iter().filter(|l| l.2 > 0).map(|(id, name, n)| format!("{id},{name},{n}\n"));
        assert_eq!(page.body, format!("company_id,company,type,units\n{}", lines.collect::<String>()));
    };
    owed(10, 7).await;
    operator(&test).await.get("/reports").await.has("<dd>10 <small>units").has("<dd>7 <small>units");
    let customer = who(app, "customer@test.example").await;
    ops::codes::changes::redeem(app, &customer, "used", &codes[0].1).await.unwrap();
    owed(9, 7).await;
    ops::vouchers::cancel(app, &buyer, "back", order, &[codes[1].0]).await.unwrap();
    owed(8, 7).await;
    ops::vouchers::replace(app, &buyer, "lost", codes[2].0).await.unwrap();
    owed(8, 7).await;
    ops::codes::changes::delete(app, &who(app, "acme@test.example").await, "delete", kept).await.unwrap();
    owed(8, 0).await;
    app.clock.advance_seconds(1_097 * DAY);
    expiry::run(app).await;
    owed(0, 0).await;
    test.verify().await;
}

async fn each_change_of_a_code_counts_in_its_month(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "10").await;
    let codes = shop.codes(&test, order, 1).await;
    let (app, buyer) = (&test.app, who(&test.app, "distributor@test.example").await);
    let customer = who(app, "customer@test.example").await;
    ops::codes::changes::redeem(app, &customer, "used", &codes[0].1).await.unwrap();
    app.clock.advance_seconds(20 * DAY);
    // A repeated request and a refused one do not count.
    for text in [&codes[1].1, &codes[1].1] {
        ops::codes::changes::redeem(app, &customer, "used later", text).await.unwrap();
    }
    ops::codes::changes::redeem(app, &customer, "used up", &codes[1].1).await.unwrap_err();
    ops::vouchers::cancel(app, &buyer, "back", order, &[codes[2].0, codes[3].0]).await.unwrap();
    ops::vouchers::replace(app, &buyer, "lost", codes[4].0).await.unwrap();
    app.clock.advance_seconds(40 * DAY);
    ops::vouchers::replace(app, &buyer, "lost too", codes[5].0).await.unwrap();
    app.clock.advance_seconds(1_040 * DAY);
    expiry::run(app).await;
    expiry::run(app).await;
    let mut browser = shop.buyer(&test).await;
    let at = "from=2026-11&to=2026-12";
    let lines = "2026-11,device_year,10,1,0,0,10,1,0,0\n2026-12,device_year,0,1,0,2,0,1,0,2\n".to_owned();
    assert_eq!(browser.get(&format!("/reports/codes.csv?{at}")).await.body, format!("{CODES_HEAD}{lines}"));
    let expired = "2029-11,device_year,0,0,6,0,0,0,6,0\n";
    assert_eq!(browser.get("/reports/codes.csv").await.body, format!("{CODES_HEAD}{expired}"));
    let page = browser.get(&format!("/reports?{at}")).await;
    page.has("Number of codes").has("Units of Device subscription").has("Made, Nov 2026: 10");
    page.has("Used, Dec 2026: 1")
        .has("Cancelled or deleted, Dec 2026: 2")
        .has("<td data-label=\"Used\" class=\"number\">2</td>");
    browser.get("/reports?from=2027-01&to=2027-02").await.has("Nothing happened in these months");
    test.verify().await;
}

async fn distributors_see_their_own_tree(test: TestApp) {
    let shop = Shop::open(&test).await;
    let world = &shop.world;
    let operator = who(&test.app, "operator@test.example").await;
    ops::distributors::set_may_buy(&test.app, &operator, "activate", world.other, true).await.unwrap();
    world.give(&test, world.acme, 9).await;
    world.code(&test, "acme@test.example", 4).await;
    world.give(&test, world.other, 90).await;
    world.code(&test, "other@test.example", 50).await;
    shop.paid(&test, "1").await;
    let mut buyer = shop.buyer(&test).await;
    let page = buyer.get("/").await;
    page.has("href=\"/reports\"");
    let page = buyer.get("/reports").await;
    page.has("Distributor and its subsidiaries").has("<dd>4 <small>").has("<dd>10 <small>");
    page.has("Units of Credit").has("Made, Nov 2026: 4").has_not("<dd>50").has_not("Sales").has_not("you still owe");
    let mut other = signed_in(&test, "other@test.example").await;
    other.get("/reports").await.has("<dd>50 <small>").has_not("Device subscription").has_not("Sales");
    let file = other.get("/reports/codes.csv").await;
    assert_eq!(file.body, format!("{CODES_HEAD}2026-11,credit,1,0,0,0,50,0,0,0\n"));
    for browser in [&mut buyer, &mut other] {
        for file in ["/reports/sales.csv", "/reports/unused-codes.csv"] {
            browser.get(file).await.is(404);
        }
    }
}

async fn other_users_have_no_reports(test: TestApp) {
    World::new(&test).await;
    for person in ["auditor", "distributor", "acme", "north", "other", "customer"] {
        let mut browser = signed_in(&test, &format!("{person}@test.example")).await;
        browser.get("/").await.has_not("/reports");
        for file in ["", "?from=x", "/sales.csv", "/unused-codes.csv", "/codes.csv"] {
            browser.get(&format!("/reports{file}")).await.is(404);
        }
    }
    test.browser().get("/reports").await.is(303);
}

async fn invalid_months_are_explained_and_kept_in_the_form(test: TestApp) {
    let shop = Shop::open(&test).await;
    let mut browser = shop.buyer(&test).await;
    let page = browser.get("/reports").await;
    assert_eq!((page.field("from"), page.field("to")), ("2025-12".into(), "2026-11".into()));
    for (query, field, typed, message) in [
        ("from=soon", "from", "soon", "Enter a month such as 2026-11."),
        ("from=2026-13&to=2026-11", "from", "2026-13", "Enter a month such as 2026-11."),
        ("to=2026-11-21", "to", "2026-11-21", "Enter a month such as 2026-11."),
        ("to=0000-01", "to", "0000-01", "Enter a month such as 2026-11."),
        ("from=2026-11&to=2026-10", "to", "2026-10", "Choose the first month or a later one."),
        ("from=2000-01&to=2026-11", "from", "2000-01", "Choose 36 months or fewer"),
        ("from=%27%3Cb%3E%00&to=", "from", "'<b>", "Enter a month"),
    ] {
        let page = browser.get(&format!("/reports?{query}")).await;
        assert!(page.is(422).problem(field).starts_with(message), "{query}: {}", page.problem(field));
        assert_eq!(page.field(field), typed);
        let answer = browser.get(&format!("/reports/codes.csv?{query}")).await;
        let page = browser.get(answer.is(303).location()).await;
        assert!(page.is(422).problem(field).starts_with(message), "{query}");
    }
    for ends in ["from=0001-01&to=0001-12", "from=9999-01&to=9999-12"] {
        browser.get(&format!("/reports?{ends}")).await.is(200).has("Nothing happened in these months");
    }
    let mut operator = operator(&test).await;
    for after in ["x", "1.2", "1.2.EURO", "-9.9999999999999999999.EUR", "24322.1.EUR"] {
        operator.get(&format!("/reports?after={after}")).await.is(200);
    }
}

async fn pages_of_sales_link_to_the_next(test: TestApp) {
    let world = World::new(&test).await;
    let mut tx = test.app.db.write().await.unwrap();
    let now = Month::of(NOON);
    for (n, month) in Period::year_to(now).months().enumerate() {
        for company in [world.vendor, world.distributor, world.acme, world.acme_north, world.other] {
            sql("insert into sales_month (month, company_id, currency, net, vat, total) values ($1, $2, 'EUR', $3, 0, $3)")
                .bind(month.0)
                .bind(company)
                .bind(100_000 + n as i64 * 10 + company)
                .run(&mut tx)
                .await
                .unwrap();
        }
    }
    tx.commit().await.unwrap();
    let mut operator = operator(&test).await;
    let first = operator.get("/reports").await;
    let next = first.body.split("Next page").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&");
    let second = operator.get(next.split('#').next().unwrap()).await;
    second.has("First page").has_not("Next page");
    let rows = |body: &str| body.matches("<td data-label=\"Currency\">EUR</td>").count();
    assert_eq!((rows(&first.body), rows(&second.body)), (50, 10));
    first.has("<th scope=\"row\">Dec 2025</th>").has_not("<td data-label=\"Month\">Dec 2025</td>");
    second.has("<td data-label=\"Month\">Dec 2025</td>").has_not("<td data-label=\"Month\">Nov 2026</td>");
    assert_eq!(operator.get("/reports/sales.csv").await.body.lines().count(), 61);
}

/// All counts of codes and sales.
async fn counts(tx: &mut Tx, world: &World) -> (Vec<String>, Vec<String>) {
    let period = Period { from: Month(0), to: Month(40_000) };
    let tree = scrip::model::company::Path::of(None, world.vendor);
    let codes = codes_by_month(tx, &tree, period).await.unwrap();
    let sold: Vec<CompanySales> = sales(tx, period, None, 100).await.unwrap();
    (codes.iter().map(|c| format!("{c:?}")).collect(), sold.iter().map(|s| format!("{s:?}")).collect())
}

async fn an_upgrade_counts_existing_rows(test: TestApp) {
    let shop = Shop::open(&test).await;
    let order = shop.paid(&test, "10").await;
    let buyer = who(&test.app, "distributor@test.example").await;
    // The last second of a month, and the first second of the next.
    test.app.clock.advance_seconds(9 * DAY + DAY / 2 - 1);
    let codes = shop.codes(&test, order, 1).await;
    ops::vouchers::cancel(&test.app, &buyer, "late", order, &[codes[0].0]).await.unwrap();
    test.app.clock.advance_seconds(1);
    ops::vouchers::cancel(&test.app, &buyer, "early", order, &[codes[1].0, codes[2].0]).await.unwrap();
    let mut tx = test.app.db.write().await.unwrap();
    let before = counts(&mut tx, &shop.world).await;
    assert_eq!((before.0.len(), before.1.len()), (3, 2));
    let migration = match test.backend {
        Backend::Sqlite => include_str!("../../migrations/sqlite/0008_reports.sql"),
        Backend::Postgres => include_str!("../../migrations/postgres/0008_reports.sql"),
    };
    for table in ["delete from sales_month", "delete from code_month"] {
        sql(table).run(&mut tx).await.unwrap();
    }
    for part in migration.split("insert into ").skip(1) {
        let statement = format!("insert into {}", part.split(';').next().unwrap());
        sql("").push(statement.leak()).run(&mut tx).await.unwrap();
    }
    assert_eq!(counts(&mut tx, &shop.world).await, before);
}

async fn verify_finds_wrong_counts(test: TestApp) {
    let shop = Shop::open(&test).await;
    shop.paid(&test, "2").await;
    test.verify().await;
    for (wrong, undone) in [
        ("update code_month set codes = codes + 1", "update code_month set codes = codes - 1"),
        ("update code_month set units = units - 1", "update code_month set units = units + 1"),
        ("update sales_month set vat = vat + 1", "update sales_month set vat = vat - 1"),
        ("delete from code_month", "select 1"),
    ] {
        change(&test, wrong).await;
        assert_eq!(test.broken().await.len(), 1, "{wrong}");
        change(&test, undone).await;
    }
    change(&test, "delete from sales_month").await;
    assert_eq!(test.broken().await.len(), 2);
}

async fn change(test: &TestApp, text: &'static str) {
    let mut tx = test.app.db.write().await.unwrap();
    sql(text).run(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}
