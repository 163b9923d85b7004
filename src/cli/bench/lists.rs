//! `scrip bench lists`: the worst requests that a program or a person can make to each list, over millions of rows. The
//! API's lists go through the router; the portal's own, through their acts.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::jobs;
use crate::model::amount::grouped;
use crate::model::code::Code;
use crate::model::ledger::{CodeFacts, CodeStatus};
use crate::model::month::Period;
use crate::model::resources::ResourceType;
use crate::model::role;
use crate::model::token::{Scope, Token};
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::tokens::{self, ConsoleToken};
use crate::rng::Rng;
use crate::store;
use crate::store::bench::{FIRST_COMPANY, NewCode, STEP, Sizes};
use crate::store::codes::{CodeFilter, CodeSort};
use crate::store::companies::{CompanyFilter, Sort};
use crate::store::db::Hex;
use crate::store::devices::{DeviceFilter, DeviceSort};
use crate::store::history::HistoryFilter;
use crate::store::orders::OrderFilter;
use crate::store::users::UserFilter;
use crate::store::vouchers::VoucherFilter;
use crate::web::router;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The operator, and a user of a distributor with a twentieth of all companies and half of everything else.
const PEOPLE: [&str; 2] = ["operator@bench.test", "distributor@bench.test"];
/// One in this many codes belongs to an order.
const VOUCHERS: i64 = 4;
const PAGE: i64 = 51;

/// Fills a database with `rows` each of codes, transfers and history lines, and measures.
pub async fn lists(config: Config, rows: i64) -> Outcome {
    let (app, _) = App::start(config, Clock::System, Rng::System).await?;
    let stop = CancellationToken::new();
    tokio::spawn(jobs::checkpoint::run(app.db.clone(), stop.clone()));
    let started = Instant::now();
    fill(&app, rows).await?;
    println!(
        "Filled in {:.0} s: {} codes, transfers and lines of history each",
        started.elapsed().as_secs_f64(),
        grouped(rows)
    );
    println!("{:>10}  request", "ms");
    let mut worst = (0.0, String::new());
    for email in PEOPLE {
        let asking = Asking::of(&app, email, rows).await?;
        println!("{email}");
        asking.api(&mut worst).await?;
        asking.portal(&mut worst).await?;
    }
    println!("The worst: {:.0} ms, {}", worst.0, worst.1);
    stop.cancel();
    Ok(())
}

async fn fill(app: &App, rows: i64) -> Outcome {
    let mut tx = app.db.write().await?;
    let now = app.clock.now();
    let root = store::companies::insert(&mut tx, "Bench", None, now).await?;
    store::users::insert(&mut tx, root, PEOPLE[0], role::ADMIN, now).await?;
    tx.commit().await?;
    let sizes = Sizes {
        companies: rows / 10,
        devices: rows / 4,
        codes: rows,
        transfers: rows,
        history: rows,
        orders: rows / 20,
    };
    store::bench::fill_all(&app.db, sizes).await?;
    for first in (1..=rows).step_by(STEP as usize) {
        let last = (first + STEP - 1).min(rows);
        let codes: Vec<NewCode> = (first..=last).map(|id| code(app, id, sizes)).collect();
        let mut tx = app.db.write().await?;
        store::bench::add_codes(&mut tx, &codes).await?;
        tx.commit().await?;
    }
    let mut tx = app.db.write().await?;
    store::users::insert(&mut tx, FIRST_COMPANY, PEOPLE[1], role::ADMIN, now).await?;
    tx.commit().await?;
    Ok(store::bench::settle(&app.db).await?)
}

fn code(app: &App, id: i64, sizes: Sizes) -> NewCode {
    let code = Code::from_random(app.rng.bytes());
    let tag = app.keys.tag(&code);
    let company_id = if id % 2 == 0 { FIRST_COMPANY } else { FIRST_COMPANY + id / 2 % sizes.companies };
    let facts = CodeFacts {
        id,
        tag,
        company_id,
        resource_type: ResourceType::CREDIT,
        amount: 1,
        status: CodeStatus::Unused,
        expires_at: None,
        is_disputed: false,
        order: None,
        used_at: None,
    };
    NewCode {
        id,
        tag: Hex::of(&tag.0),
        company_id,
        status: [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][(id % 10) as usize],
        suffix_tag: app.keys.suffix_tag(&code.suffix()),
        sealed: Hex::of(&app.keys.seal(&code, &facts, &app.rng).1),
        comment: if id % 3 == 0 { String::new() } else { format!("Fair {}", id % 1_000) },
        order_id: (id % VOUCHERS == 0).then_some(1 + id % sizes.orders),
    }
}

/// A user who makes requests.
struct Asking {
    app: App,
    router: Router,
    actor: Actor,
    token: Token,
    rows: i64,
}

impl Asking {
    async fn of(app: &App, email: &str, rows: i64) -> Outcome<Asking> {
        let scopes: Vec<_> = Scope::ALL.iter().map(|s| s.slug()).collect();
        let scopes = scopes.join(",");
        let token = tokens::create_on_console(app, &ConsoleToken::without_end(email, "bench", &scopes)).await?;
        let actor = crate::demo::actor(app, email).await?;
        Ok(Asking { app: app.clone(), router: router::router(app.clone()), actor, token, rows })
    }

    async fn api(&self, worst: &mut (f64, String)) -> Outcome {
        let deep = self.rows * 95 / 100;
        let mut paths = Vec::new();
        for of in ["", "company_id=1001&", "company_id=1500&"] {
            let deep = if of.is_empty() { deep } else { deep / 2 };
            for filter in [
                "",
                "sort=id&",
                "status=unused&",
                "status=deleted&",
                "is_used=1&",
                "is_used=0&",
                "credit_type=credit&from=1970-01-02&",
                "q=nothing+at+all&",
                "q=Fair&",
                "q=7777&",
                "q=nothing+at+all&status=used&",
                "q=fair+7&is_used=0&from=1970-01-02&",
            ] {
                for offset in [format!("offset={deep}"), "cursor=".into()] {
                    paths.push(format!("/api/credits/codes?{of}{filter}limit=50&{offset}"));
                }
            }
            for list in ["/api/credits/history", "/api/credits/move/history"] {
                for filter in ["", "sort=id&", "from=1970-01-02&to=1970-01-10&", "to=1970-01-01&"] {
                    for offset in [format!("offset={}", deep / 4), format!("offset={deep}"), "cursor=".into()] {
                        paths.push(format!("{list}?{of}{filter}limit=50&{offset}"));
                    }
                }
            }
            for filter in ["action_type=issue&", "action_type=redeem&", "device_id=8&"] {
                for offset in [format!("offset={}", deep / 4), "cursor=".into()] {
                    paths.push(format!("/api/credits/history?{of}{filter}limit=50&{offset}"));
                }
            }
            for filter in ["", "status=waiting&", "status=active&credit_type=management_1y&", "q=nothing&", "q=rut955&"]
            {
                for sort in ["id", "-id", "serial", "-serial"] {
                    paths.push(format!("/api/devices?{of}{filter}sort={sort}&limit=50&offset={}", deep / 4));
                }
                paths.push(format!("/api/devices?{of}{filter}limit=50&cursor="));
            }
            for filter in ["", "q=nothing&", "q=bench&", "q=company+77&"] {
                paths.push(format!("/api/users?{of}{filter}limit=50&offset={}", deep / 10));
                paths.push(format!("/api/credits?{of}{filter}limit=50&offset={}", deep * 9 / 10));
                paths.push(format!("/api/credits?{of}{filter}limit=50&cursor="));
            }
            paths.push(format!("/api/credits/summary?{of}"));
        }
        for sort in
            ["", "id", "-id", "name", "-name", "parent_id,-name", "-created_at", "device_count,-name,created_at"]
        {
            for filter in ["", "q=nothing&", "q=company&", "parent_id=1001&"] {
                let sort = if sort.is_empty() { String::new() } else { format!("sort={sort}&") };
                paths.push(format!("/api/companies?{sort}{filter}limit=50&offset={}", deep / 10));
            }
        }
        for path in paths {
            let started = Instant::now();
            self.get(&path).await?;
            note(started, format!("GET {path}"), worst);
        }
        Ok(())
    }

    async fn get(&self, path: &str) -> Outcome {
        let peer: SocketAddr = ([127, 0, 0, 1], 1).into();
        let request = Request::get(path)
            .header(header::HOST, "127.0.0.1:8080")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.reveal()))
            .extension(ConnectInfo(peer))
            .body(Body::empty())?;
        let response = self.router.clone().oneshot(request).await?;
        let status = response.status();
        axum::body::to_bytes(Body::new(response.into_body()), 1 << 24).await?;
        if status.is_success() { Ok(()) } else { Err(format!("GET {path}: {status}").into()) }
    }

    async fn portal(&self, worst: &mut (f64, String)) -> Outcome {
        let (app, actor) = (&self.app, &self.actor);
        for text in ["", "nothing at all", "fair"] {
            for status in [None, Some(CodeStatus::Unused), Some(CodeStatus::Used), Some(CodeStatus::Deleted)] {
                let has_ended = status.is_some_and(|status| status != CodeStatus::Unused);
                let sort = if has_ended { CodeSort::LastEndedFirst } else { CodeSort::NewestFirst };
                let filter = CodeFilter { status, sort, limit: PAGE, ..CodeFilter::default() };
                let started = Instant::now();
                ops::codes::list(app, actor, Some(FIRST_COMPANY), text, filter, false).await?;
                note(started, format!("codes of a company, {text:?}, {status:?}"), worst);
            }
        }
        for text in ["", "nothing", "company", "77777"] {
            for sort in [Sort::Name, Sort::Level, Sort::Created, Sort::Credits] {
                let filter = CompanyFilter { text: text.into(), sort, descending: true, limit: PAGE, after: None };
                let started = Instant::now();
                ops::companies::list(app, actor, &filter).await?;
                note(started, format!("companies, {text:?} by {sort:?}"), worst);
            }
            let started = Instant::now();
            ops::companies::choices(app, actor, text).await?;
            note(started, format!("a choice of companies, {text:?}"), worst);
            let filter = UserFilter { text, limit: PAGE, ..UserFilter::default() };
            let started = Instant::now();
            ops::users::list(app, actor, &filter, false).await?;
            note(started, format!("users, {text:?}"), worst);
            let filter =
                DeviceFilter { text: text.into(), sort: DeviceSort::Label, limit: PAGE, ..DeviceFilter::default() };
            let started = Instant::now();
            ops::devices::list(app, actor, &filter).await?;
            note(started, format!("devices, {text:?}"), worst);
        }
        for verb in [None, Some("signed_in"), Some("nothing"), Some("redeem"), Some("cancel")] {
            for company in [None, Some(FIRST_COMPANY)] {
                let filter = HistoryFilter { verb: verb.map(str::to_owned), limit: PAGE, ..HistoryFilter::default() };
                let started = Instant::now();
                ops::history::list(app, actor, company, &filter).await?;
                note(started, format!("history, {verb:?} of {company:?}"), worst);
            }
        }
        self.orders_and_reports(worst).await
    }

    async fn orders_and_reports(&self, worst: &mut (f64, String)) -> Outcome {
        use crate::model::order::OrderState;
        let (app, actor) = (&self.app, &self.actor);
        for state in [None, Some(OrderState::Paid), Some(OrderState::Cancelled)] {
            let filter = OrderFilter { state, cursor: None, limit: PAGE };
            let started = Instant::now();
            ops::orders::list(app, actor, None, &filter).await?;
            note(started, format!("orders, {state:?}"), worst);
        }
        for status in [None, Some(CodeStatus::Used), Some(CodeStatus::Cancelled)] {
            let filter = VoucherFilter { status, cursor: None, limit: PAGE };
            let started = Instant::now();
            ops::vouchers::list(app, actor, &filter).await?;
            note(started, format!("vouchers, {status:?}"), worst);
        }
        let period = Period { from: crate::model::month::Month(24_300), to: crate::model::month::Month(24_320) };
        let mut tx = app.db.read().await?;
        let started = Instant::now();
        store::reports::codes_by_month(&mut tx, &actor.company_path, period).await?;
        note(started, "report of codes".into(), worst);
        let started = Instant::now();
        store::reports::sales_by_month(&mut tx, period).await?;
        note(started, "report of sales".into(), worst);
        let started = Instant::now();
        store::reports::sales(&mut tx, period, Some(&(24_301, 5_000, "EUR".into())), PAGE).await?;
        note(started, "sales, a later page".into(), worst);
        let started = Instant::now();
        store::reports::outstanding(&mut tx, (100_000, 1), PAGE).await?;
        note(started, "unused codes by company".into(), worst);
        Ok(())
    }
}

fn note(started: Instant, label: String, worst: &mut (f64, String)) {
    let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    println!("{milliseconds:>10.1}  {label}");
    if milliseconds > worst.0 {
        *worst = (milliseconds, label);
    }
}
