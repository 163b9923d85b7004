//! A simulation: several clients and two applications share one database, whose calls fail before, during and
//! after each statement and commit, hang, or run in another order, as chosen by a seed. Each answer is "done",
//! "not done" or "unknown", and must be true; in the end the ledger must be consistent.
//!
//! On SQLite a seed reproduces its run exactly: one database call runs at a time, chosen by the
//! seed, and time passes only when nothing else can happen. On PostgreSQL it reproduces the faults.
//!
//! To run other seeds: `SCRIP_TEST_SEEDS=1000-2000 cargo test --test it simulation::no_answer_is_false_on_sqlite`.

mod clients;
mod judge;
mod turns;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Backend, NOON, TestApp, World};
use scrip::app::App;
use scrip::clock::Clock;
use scrip::config::{Config, Given};
use scrip::rng::Rng;
use scrip::store::db::faults::Faults;

use clients::Stage;
use turns::Turns;

const SEEDS: Range<u64> = 0..200;
const SEEDS_ON_POSTGRES: Range<u64> = 0..12;
const THREADS: u64 = 2;

/// Identifies a run: every call with its fault, and every answer.
type Trace = Vec<String>;

/// The seeds to run.
fn seeds(usual: Range<u64>) -> Range<u64> {
    let Ok(text) = std::env::var("SCRIP_TEST_SEEDS") else { return usual };
    let (first, last) = text.split_once('-').expect("SCRIP_TEST_SEEDS is FIRST-LAST");
    first.parse().unwrap()..last.parse::<u64>().unwrap() + 1
}

/// The initial world, created once and copied for each seed.
async fn prepare(backend: Backend) -> Option<(TestApp, Stage)> {
    let test = TestApp::start(backend).await?;
    let world = World::new(&test).await;
    for company in [world.distributor, world.acme, world.other] {
        world.give(&test, company, 100).await;
    }
    let stage = Stage::of(&test, &world).await;
    Some((test, stage))
}

fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Runs one seed; returns its trace, or what was false.
fn run(seed: u64, data: &Path, database_url: Option<String>, stage: &Stage) -> Result<Trace, String> {
    let is_ordered = database_url.is_none();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(is_ordered).build().unwrap();
    let outcome = runtime.block_on(async {
        let turns = Arc::new(Turns::new(seed, is_ordered));
        let given = Given { data: Some(data.to_owned()), database_url, ..Given::default() };
        let config = Config::load(&given).unwrap();
        let clock = Clock::fixed(NOON);
        let dispatching = tokio::spawn(turns.clone().dispatch());
        let db = App::open(&config).await.unwrap().with_faults(Faults::new(turns.clone()));
        let mut apps = Vec::new();
        for number in 0..2 {
            let rng = Rng::seeded(seed * 2 + number);
            apps.push(App::start_on(db.clone(), config.clone(), clock.clone(), rng).await.unwrap().0);
        }
        turns.begin_faults();
        // A paused clock would run ahead of a real server, so pause it only while faults make calls hang.
        if !is_ordered {
            tokio::time::pause();
        }
        let answers = clients::act(seed, &apps, stage, &turns).await;
        turns.end_faults();
        if !is_ordered {
            tokio::time::resume();
        }
        let verdict = judge::judge(&apps[0], stage, &answers).await;
        dispatching.abort();
        db.close().await;
        let reported = answers.iter().map(|answer| format!("{answer:?}"));
        verdict.map(|()| turns.trace().into_iter().chain(reported).collect())
    });
    runtime.shutdown_background();
    outcome
}

fn run_on_copy(seed: u64, test: &TestApp, stage: &Stage) -> Result<Trace, String> {
    let folder = tempfile::tempdir().unwrap();
    copy(test.folder(), folder.path());
    run(seed, folder.path(), None, stage)
}

#[test]
fn no_answer_is_false_on_sqlite() {
    let (test, stage) = prepared(Backend::Sqlite).unwrap();
    let seeds = seeds(SEEDS);
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    if let Err(wrong) = run_on_copy(seed, &test, &stage) {
                        panic!("seed {seed}: {wrong}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_seed_reproduces_its_run() {
    let (test, stage) = prepared(Backend::Sqlite).unwrap();
    for seed in [3, 7, 11] {
        let [first, second, other] = [seed, seed, seed + 1].map(|seed| run_on_copy(seed, &test, &stage).unwrap());
        let parted = first.iter().zip(&second).position(|(first, second)| first != second);
        if let Some(at) = parted {
            panic!("seed {seed}, line {at}: {} and then {}", first[at], second[at]);
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
        assert_ne!(first, other, "seed {seed}");
    }
}

#[test]
fn no_answer_is_false_on_postgres() {
    for seed in seeds(SEEDS_ON_POSTGRES) {
        let Some((test, stage)) = prepared(Backend::Postgres) else { return };
        if let Err(wrong) = run(seed, test.folder(), test.database_url.clone(), &stage) {
            panic!("seed {seed}: {wrong}");
        }
    }
}

/// Prepares the world in a runtime whose clock is not paused.
fn prepared(backend: Backend) -> Option<(TestApp, Stage)> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let prepared = runtime.block_on(async {
        let (test, stage) = prepare(backend).await?;
        test.app.db.close().await;
        Some((test, stage))
    });
    runtime.shutdown_background();
    prepared
}
