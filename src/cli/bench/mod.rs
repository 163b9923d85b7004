//! `scrip bench`: measures this machine and this build through HTTP, on a throw-away database: in its own folder, or in
//! its own schema of the given PostgreSQL server.

mod devices;
mod lists;

use std::process::ExitCode;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use clap::{Args, ValueEnum};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::CliResult;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::jobs;
use crate::model::amount::grouped;
use crate::model::code::Code;
use crate::model::company::Path;
use crate::model::ledger::{self, Command, CreateCodes, Issue, NewCode, Operation};
use crate::model::resources::ResourceType;
use crate::model::role;
use crate::model::token::{Scope, Token};
use crate::ops::tokens::{self, ConsoleToken};
use crate::rng::Rng;
use crate::store;
use crate::store::scratch::Scratch;
use crate::web::serve::Limits;
use crate::web::{form, router, serve};
use crate::writer::Writer;

#[derive(Args)]
pub struct Bench {
    what: What,
    /// Measures only this number of connections.
    #[arg(long)]
    connections: Option<usize>,
    /// How many redemptions to measure, with --connections.
    #[arg(long, default_value_t = 80_000)]
    redemptions: usize,
    /// The size of the fleet, for `renewals` and `coverage`.
    #[arg(long, default_value_t = 1_000_000)]
    devices: i64,
    /// How many codes, transfers and history lines to create, for `lists`; of everything else there is less.
    #[arg(long, default_value_t = 2_000_000)]
    rows: i64,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Durable redemptions per second through the API, with 1, 16, 64 and 256 connections.
    Redeem,
    /// Renewing a whole fleet that is due at once, alone and beside redemptions.
    Renewals,
    /// Computing how long the balance of a company with a fleet lasts.
    Coverage,
    /// The most expensive request of each list, over millions of rows.
    Lists,
}

/// Numbers of connections, and of redemptions measured with them.
const LEVELS: [(usize, usize); 4] = [(1, 4_000), (16, 40_000), (64, 80_000), (256, 80_000)];
/// All connections come from one address, which gets a quarter of the places.
const CONNECTIONS_MAX: usize = 16_384;
const ONE_BY_ONE: (usize, usize) = (64, 15_000);
/// Redeemers, each with their own company.
const PEOPLE: usize = 64;
const CODES_A_BATCH: usize = 5_000;

pub async fn run(mut config: Config, bench: Bench) -> CliResult {
    let folder = tempfile::Builder::new().prefix("scrip-bench-").tempdir_in(".")?;
    config.data = folder.path().to_owned();
    config.key_file = folder.path().join("scrip.key");
    config.api_requests_per_minute = std::num::NonZeroU32::MAX;
    let Database::Postgres(server) = &config.database else {
        measure_all(config, &bench).await?;
        return Ok(ExitCode::SUCCESS);
    };
    let scratch = Scratch::make(server).await?;
    config.database = Database::Postgres(scratch.url()?);
    let outcome = measure_all(config, &bench).await;
    scratch.drop().await?;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn measure_all(config: Config, bench: &Bench) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match bench.what {
        What::Redeem => redeem(config, bench).await,
        What::Renewals => devices::renewals(config, bench.devices).await,
        What::Coverage => devices::coverage(config, bench.devices).await,
        What::Lists => lists::lists(config, bench.rows).await,
    }
}

async fn redeem(config: Config, bench: &Bench) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (app, _) = App::start(config, Clock::System, Rng::System).await?;
    let stop = CancellationToken::new();
    tokio::spawn(jobs::checkpoint::run(app.db.clone(), stop.clone()));
    tokio::spawn(jobs::chain::run(app.clone(), stop.clone()));
    let people = make_people(&app).await?;
    println!("Durable redemptions through the API, every commit flushed");
    println!("{:>12} {:>12} {:>10} {:>10} {:>10}", "connections", "redeemed/s", "p50 ms", "p99 ms", "max ms");
    if let Some(connections) = bench.connections {
        measure(&app, &people, connections, bench.redemptions).await?.print(&connections.to_string());
        stop.cancel();
        return Ok(());
    }
    let mut at_64 = 0.0;
    for (connections, count) in LEVELS {
        let figures = measure(&app, &people, connections, count).await?;
        figures.print(&connections.to_string());
        if connections == ONE_BY_ONE.0 {
            at_64 = figures.per_second;
        }
    }
    let (writer, _) =
        Writer::start_with_batches_of(1, app.db.clone(), app.keys.clone(), app.rng.clone(), app.clock.clone());
    let single = App { writer, ..app.clone() };
    let figures = measure(&single, &people, ONE_BY_ONE.0, ONE_BY_ONE.1).await?;
    figures.print("64, one tx");
    println!("Batches against one transaction a redemption, 64 connections: {:.1} x", at_64 / figures.per_second);
    println!("Peak memory of the whole process, load generator and all: {} MB", peak_memory_megabytes());
    stop.cancel();
    Ok(())
}

/// A redeemer's API client, with an access token.
#[derive(Clone)]
pub struct Person {
    token: Token,
}

pub struct Figures {
    pub per_second: f64,
    pub milliseconds: Vec<f64>,
}

impl Figures {
    pub fn print(&self, label: &str) {
        let at = |share: f64| self.milliseconds[((self.milliseconds.len() - 1) as f64 * share) as usize];
        println!(
            "{label:>12} {:>12} {:>10.2} {:>10.2} {:>10.2}",
            grouped(self.per_second as i64),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

pub async fn make_people(app: &App) -> Result<Vec<Person>, Box<dyn std::error::Error + Send + Sync>> {
    let mut tx = app.db.write().await?;
    let now = app.clock.now();
    let root = store::companies::insert(&mut tx, "Bench", None, now).await?;
    let path = Path::of(None, root);
    let issuer = store::users::insert(&mut tx, root, "issuer@bench.test", role::ADMIN, now).await?;
    for i in 0..PEOPLE {
        let company = store::companies::insert(&mut tx, &format!("Bench {i}"), Some((root, &path)), now).await?;
        store::users::insert(&mut tx, company, &format!("{i}@bench.test"), role::END_USER, now).await?;
    }
    tx.commit().await?;
    let by =
        ledger::ActorFacts { user_id: issuer.unwrap_or(1), company_id: root, address: "bench".into(), token_id: None };
    let issue =
        Command::Issue(Issue { resource_type: ResourceType::CREDIT, amount: 1_000_000_000, memo: String::new() });
    app.writer.submit(operation(app, &by, issue)).await?;
    access_tokens(app).await
}

/// An access token for each redeemer.
pub async fn access_tokens(app: &App) -> Result<Vec<Person>, Box<dyn std::error::Error + Send + Sync>> {
    let mut people = Vec::new();
    for i in 0..PEOPLE {
        let email = format!("{i}@bench.test");
        let token =
            tokens::create_on_console(app, &ConsoleToken::without_end(&email, "bench", Scope::CodesWrite.slug()))
                .await?;
        people.push(Person { token });
    }
    Ok(people)
}

pub fn operation(app: &App, by: &ledger::ActorFacts, command: Command) -> Operation {
    let id = form::new_nonce(app);
    let fingerprint = app.keys.fingerprint(&id);
    Operation { actor: by.clone(), id, fingerprint, at: app.clock.now(), command }
}

/// Creates unused codes of one unit each.
async fn make_codes(app: &App, count: usize) -> Result<Vec<Code>, Box<dyn std::error::Error + Send + Sync>> {
    let mut made = Vec::with_capacity(count);
    let mut tx = app.db.read().await?;
    let (root, _) = store::companies::root(&mut tx).await?.ok_or("no root company")?;
    let issuer = store::users::by_email(&mut tx, "issuer@bench.test").await?.ok_or("no issuer")?;
    drop(tx);
    let by = ledger::ActorFacts { user_id: issuer.id, company_id: root, address: "bench".into(), token_id: None };
    while made.len() < count {
        let codes: Vec<NewCode> = (0..CODES_A_BATCH.min(count - made.len()))
            .map(|_| {
                let code = Code::from_random(app.rng.bytes());
                NewCode { tag: app.keys.tag(&code), suffix_tag: app.keys.suffix_tag(&code.suffix()), code }
            })
            .collect();
        made.extend(codes.iter().map(|c| c.code.clone()));
        let create = Command::CreateCodes(CreateCodes {
            company_id: root,
            resource_type: ResourceType::CREDIT,
            amount: 1,
            comment: String::new(),
            codes,
        });
        app.writer.submit(operation(app, &by, create)).await?;
    }
    Ok(made)
}

pub async fn measure(
    app: &App,
    people: &[Person],
    connections: usize,
    count: usize,
) -> Result<Figures, Box<dyn std::error::Error + Send + Sync>> {
    let codes = make_codes(app, count).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let serving =
        tokio::spawn(serve::serve(listener, router::router(app.clone()), Limits::of(CONNECTIONS_MAX), stop.clone()));
    let share = count / connections;
    let started = Instant::now();
    let mut tasks = Vec::new();
    for (i, codes) in codes.chunks(share).enumerate() {
        let person = people[i % people.len()].clone();
        let app = app.clone();
        let codes = codes.to_vec();
        tasks.push(tokio::spawn(async move { redeem_all(&app, address, &person, &codes).await }));
    }
    let mut milliseconds = Vec::with_capacity(count);
    for task in tasks {
        milliseconds.extend(task.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    stop.cancel();
    let _ = serving.await;
    milliseconds.sort_by(f64::total_cmp);
    Ok(Figures { per_second: milliseconds.len() as f64 / seconds, milliseconds })
}

async fn redeem_all(
    app: &App,
    address: std::net::SocketAddr,
    person: &Person,
    codes: &[Code],
) -> Result<Vec<f64>, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut milliseconds = Vec::with_capacity(codes.len());
    for code in codes {
        let key = form::new_nonce(app);
        let started = Instant::now();
        let status = send(&mut sender, person, &key, code).await?;
        milliseconds.push(started.elapsed().as_secs_f64() * 1_000.0);
        if status != StatusCode::OK {
            return Err(format!("a redemption was answered with {status}").into());
        }
    }
    Ok(milliseconds)
}

async fn send(
    sender: &mut SendRequest<Body>,
    person: &Person,
    operation_id: &str,
    code: &Code,
) -> Result<StatusCode, hyper::Error> {
    let request = Request::post("/api/credits/codes/activate")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::AUTHORIZATION, format!("Bearer {}", person.token.reveal()))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", operation_id)
        .body(Body::from(format!("{{\"code\":\"{}\"}}", code.reveal())))
        .expect("a request of constant parts");
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let _ = axum::body::to_bytes(Body::new(response.into_body()), 1 << 20).await;
    Ok(status)
}

/// As reported by Linux; 0 elsewhere.
pub fn peak_memory_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
