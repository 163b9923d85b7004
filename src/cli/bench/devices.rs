//! `scrip bench renewals` and `scrip bench coverage`: measurements with a fleet of devices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Figures, make_people, measure, operation, peak_memory_megabytes};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::jobs;
use crate::model::amount::{AMOUNT_MAX, grouped};
use crate::model::device::{DeviceChange, DeviceKind};
use crate::model::ledger::{self, Command, Issue, SetDevices};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::ops;
use crate::rng::Rng;
use crate::store;
use crate::store::devices::NewDevice;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const DEVICES_A_BATCH: i64 = 5_000;
const DAY_SECONDS: i64 = 86_400;
const REQUESTS: usize = 200;
/// Concurrent redemptions: connections, and redemptions per round.
const BESIDE: (usize, usize) = (16, 2_000);

/// A portal with one company's fleet, whose periods begin over `days`, as in reality.
async fn start(config: Config, devices: i64, days: i64) -> Outcome<(App, CancellationToken)> {
    let (app, _) = App::start(config, Clock::fixed(Moment(Clock::System.now().0)), Rng::System).await?;
    let stop = CancellationToken::new();
    tokio::spawn(jobs::checkpoint::run(app.db.clone(), stop.clone()));
    make_people(&app).await?;
    let mut tx = app.db.read().await?;
    let (root, _) = store::companies::root(&mut tx).await?.ok_or("no root company")?;
    let issuer = store::users::by_email(&mut tx, "issuer@bench.test").await?.ok_or("no issuer")?;
    drop(tx);
    let by = ledger::ActorFacts { user_id: issuer.id, company_id: root, address: "bench".into(), token_id: None };
    let issue = Command::Issue(Issue { resource_type: ResourceType::CREDIT, amount: AMOUNT_MAX, memo: String::new() });
    app.writer.submit(operation(&app, &by, issue)).await?;
    let started = Instant::now();
    for first in (0..devices).step_by(DEVICES_A_BATCH as usize) {
        let count = DEVICES_A_BATCH.min(devices - first);
        add(&app, &by, first, count, first * days / devices.max(1)).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{:>12} devices added, each with its first unit, in {seconds:.1} s", grouped(devices));
    Ok((app, stop))
}

async fn add(app: &App, by: &ledger::ActorFacts, first: i64, count: i64, days_ago: i64) -> Outcome {
    let new: Vec<NewDevice> = (first..first + count)
        .map(|n| NewDevice {
            company_id: by.company_id,
            kind: DeviceKind::Device,
            serial: Some(format!("SN{n:09}")),
            model: "Bench".into(),
            ..NewDevice::default()
        })
        .collect();
    let mut tx = app.db.write().await?;
    let devices = store::devices::insert(&mut tx, &new, app.clock.now()).await?;
    tx.commit().await?;
    let change = DeviceChange {
        service: Some(Some(ResourceType::CREDIT)),
        auto_extend: Some(true),
        monitoring: Some(true),
        ..DeviceChange::default()
    };
    let mut set = operation(app, by, Command::SetDevices(SetDevices { devices, change }));
    set.at = app.clock.now().plus_seconds(-days_ago * DAY_SECONDS);
    app.writer.submit(set).await?;
    Ok(())
}

/// Makes the whole fleet due twice: first while the portal is idle, then while people redeem.
pub async fn renewals(config: Config, devices: i64) -> Outcome {
    let (app, stop) = start(config, devices, 1).await?;
    app.clock.advance_seconds(31 * DAY_SECONDS);
    report("alone", devices, renew_all(&app).await?);
    app.clock.advance_seconds(31 * DAY_SECONDS);
    let people = super::access_tokens(&app).await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let redeeming = {
        let (app, is_over) = (app.clone(), is_over.clone());
        tokio::spawn(async move {
            let mut milliseconds = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                milliseconds.extend(measure(&app, &people, BESIDE.0, BESIDE.1).await?.milliseconds);
            }
            Outcome::Ok(milliseconds)
        })
    };
    let seconds = renew_all(&app).await?;
    is_over.store(true, Ordering::SeqCst);
    report("beside redemptions", devices, seconds);
    let mut milliseconds = redeeming.await??;
    milliseconds.sort_by(f64::total_cmp);
    println!("{:>12} {:>12} {:>10} {:>10} {:>10}", "meanwhile", "redeemed/s", "p50 ms", "p99 ms", "max ms");
    Figures { per_second: milliseconds.len() as f64 / seconds, milliseconds }.print("16 people");
    println!("Peak memory of the whole process: {} MB", peak_memory_megabytes());
    stop.cancel();
    Ok(())
}

async fn renew_all(app: &App) -> Outcome<f64> {
    let started = Instant::now();
    let holder = jobs::renewals::new_holder(app);
    while jobs::renewals::run_batch(app, &holder).await? {}
    Ok(started.elapsed().as_secs_f64())
}

fn report(how: &str, devices: i64, seconds: f64) {
    let per_second = grouped((devices as f64 / seconds) as i64);
    println!("{:>12} renewals {how} in {seconds:.1} s: {per_second}/s", grouped(devices));
}

/// Requests the coverage of the fleet's company, as each page that shows it does.
pub async fn coverage(config: Config, devices: i64) -> Outcome {
    let (app, stop) = start(config, devices, 29).await?;
    let actor = crate::demo::actor(&app, "issuer@bench.test").await?;
    let mut milliseconds = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let started = Instant::now();
        let found = ops::coverage::of_company(&app, &actor, actor.company_id).await?;
        milliseconds.push(started.elapsed().as_secs_f64() * 1_000.0);
        assert_eq!(found.len(), 1, "the fleet draws on one balance");
    }
    milliseconds.sort_by(f64::total_cmp);
    println!("{:>12} {:>12} {:>10} {:>10} {:>10}", "coverage", "asked/s", "p50 ms", "p99 ms", "max ms");
    let per_second = 1_000.0 * REQUESTS as f64 / milliseconds.iter().sum::<f64>();
    Figures { per_second, milliseconds }.print("of the fleet");
    stop.cancel();
    Ok(())
}
