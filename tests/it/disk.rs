//! A full disk: writes are refused, reads work, a restart succeeds, and writes resume by themselves.
//! These tests fake the free space or limit file sizes; the test that mounts a small disk is in `crash.rs`.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::{Client, Process};
use crate::support::{Backend, Program, TestApp, World, signed_in};
use scrip::config::Given;
use scrip::store::db::disk::Capacity;
use scrip::store::db::{Db, sql};
use scrip::{jobs, ops};
use serde_json::json;

const MEGABYTE: u64 = 1 << 20;
static FREE_MEGABYTES: AtomicU64 = AtomicU64::new(20);

fn small(_: &Path) -> Option<Capacity> {
    let free = FREE_MEGABYTES.load(Ordering::SeqCst) * MEGABYTE;
    Some(Capacity { total: 24 * MEGABYTE, free })
}

/// Runs the checkpoint task once with this much free space.
async fn tend_with(test: &TestApp, free_megabytes: u64) {
    FREE_MEGABYTES.store(free_megabytes, Ordering::SeqCst);
    let Db::Sqlite(sqlite) = &test.app.db else { unreachable!("these tests are of SQLite") };
    sqlite.tend().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_serves_reads_and_only_accepts_writes_that_free_space() {
    let test = TestApp::start_behind(Backend::Sqlite, Given::default(), |_| {}, |db| db.with_disk(small));
    let test = test.await.unwrap();
    ops::set_up::setup_link(&test.app).await.unwrap();
    let world = World::new(&test).await;
    let program = Program::all(&test, "operator@test.example").await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let ballast = test.folder().join("scrip.ballast");
    tend_with(&test, 20).await;
    assert_eq!(std::fs::metadata(&ballast).unwrap().len(), 3 * MEGABYTE);

    tend_with(&test, 1).await;
    assert!(!ballast.exists());
    let body = json!({ "source": world.vendor, "target": world.acme, "amount": 5 });
    let answer = program.post_once("/api/credits/move", "full", body.clone()).await;
    answer.refuses(503, "", "UNAVAILABLE");
    assert_eq!(answer.header("retry-after"), "2");
    let fields = [("email", "acme@test.example"), ("password", crate::support::PASSWORD)];
    test.browser().post("/sign-in", &fields).await.is(503).has("Nothing was changed");
    browser.get("/readyz").await.is(503).has("the disk is full");
    browser.get("/companies").await.is(200).has("The disk of this portal is full.");
    program.get("/api/credits").await.is(200);
    // The set-up link expires after an hour, and cleaning it up frees space.
    test.app.clock.advance_seconds(3_600);
    assert_eq!(links(&test).await, 1);
    jobs::cleanup::run(&test.app).await;
    assert_eq!(links(&test).await, 0);

    // The space that the ballast freed does not count as room for writes.
    tend_with(&test, 4).await;
    program.post_once("/api/credits/move", "full", body.clone()).await.is(503);
    tend_with(&test, 8).await;
    assert!(ballast.exists());
    program.post_once("/api/credits/move", "full", body).await.is(200);
    assert_eq!(world.credit(&test, world.acme).await, 5);
    test.verify().await;
}

static FREE_MEGABYTES_DURING_A_READ: AtomicU64 = AtomicU64::new(20);

fn small_during_a_read(_: &Path) -> Option<Capacity> {
    let free = FREE_MEGABYTES_DURING_A_READ.load(Ordering::SeqCst) * MEGABYTE;
    Some(Capacity { total: 24 * MEGABYTE, free })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_read_that_blocks_the_wal_restart_is_ended() {
    let test = TestApp::start_behind(Backend::Sqlite, Given::default(), |_| {}, |db| db.with_disk(small_during_a_read));
    let test = test.await.unwrap();
    let world = World::new(&test).await;
    let operator = crate::support::who(&test.app, "operator@test.example").await;
    let Db::Sqlite(sqlite) = &test.app.db else { unreachable!("this is SQLite") };
    sqlite.tend().await.unwrap();
    FREE_MEGABYTES_DURING_A_READ.store(2, Ordering::SeqCst);
    let db = test.app.db.clone();
    let read = tokio::spawn(async move {
        let endless = "with recursive n(x) as (select 1 union all select x % 7 + 1 from n)
            select count(*) from n, (select count(*) from company)";
        sql(endless).optional::<(i64,)>(&mut db.read_export().await?).await
    });
    let started = Instant::now();
    let mut moves = 0;
    while !read.is_finished() {
        // Without this, an export may take thirty seconds.
        assert!(started.elapsed() < Duration::from_secs(20), "it is not ended");
        let key = format!("move {moves}");
        let credit = scrip::model::resources::ResourceType::CREDIT;
        ops::resources::move_units(&test.app, &operator, &key, credit, world.vendor, world.acme, 1).await.unwrap();
        moves += 1;
        sqlite.tend().await.unwrap();
    }
    assert!(read.await.unwrap().unwrap_err().is_unavailable());
    assert!(sqlite.wal_bytes() < MEGABYTE);
    assert_eq!(world.credit(&test, world.acme).await, moves);
}

async fn links(test: &TestApp) -> i64 {
    let mut tx = test.app.db.read().await.unwrap();
    let (links,): (i64,) = sql("select count(*) from link").one(&mut tx).await.unwrap();
    links
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_grow_serves_reads_restarts_and_recovers() {
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    let world = World::new(&test).await;
    let reader = ops::tokens::ConsoleToken::without_end("operator@test.example", "reader", "credits:read");
    let token = ops::tokens::create_on_console(&test.app, &reader).await.unwrap();
    test.app.db.close().await;
    // A file size limit works for any user and in any container.
    let length = std::fs::metadata(test.folder().join("scrip.db")).unwrap().len();
    let limit = Some(length + (16 << 10));
    let mut process = Process::start_limited(test.folder(), None, Vec::new(), limit);
    let key_file = test.folder().join("scrip.key");
    let mut client = Client::sign_in(process.address, &key_file, "operator@test.example").await.unwrap();
    let fields = format!("type=credit&from={}&to={}&amount=1", world.vendor, world.other);
    let (mut moved, mut sent) = (0, Vec::new());
    for is_restarted in [false, true] {
        if is_restarted {
            tokio::task::block_in_place(|| process.kill_and_restart());
            client.connect_again(process.address).await;
        }
        // A start may find room that the process before it had set aside.
        let refused = loop {
            assert!(moved < 900, "the files never became too long");
            match client.post(&test.app, "/moves", &fields).await {
                (_, Some(303)) => moved += 1,
                refused => break refused,
            }
        };
        assert!(moved > 0);
        let again = client.post(&test.app, "/moves", &fields).await;
        for (operation, status) in [refused, again] {
            assert_eq!(status, Some(503));
            sent.push(operation);
        }
        assert_eq!(client.get("/companies").await, Some(200));
        assert_eq!(client.get_as(token.reveal(), "/api/credits").await, Some(200));
    }
    process.lift_file_limit();
    let lifted = Instant::now();
    // Each refused or unknown operation happens exactly once when it is repeated.
    for operation in sent {
        while client.post_as(&operation, "/moves", &fields).await != Some(303) {
            assert!(lifted.elapsed() < Duration::from_secs(5), "writing does not come back");
        }
        moved += 1;
    }
    assert_eq!(tokio::task::block_in_place(|| process.stop()), Some(0));
    let db = Db::open_sqlite(test.folder()).await.unwrap();
    let credit = scrip::model::resources::ResourceType::CREDIT;
    let mut tx = db.read().await.unwrap();
    let balance = scrip::store::pools::balance(&mut tx, world.other, credit).await.unwrap();
    assert_eq!(balance, moved);
    assert!(process.command(&["verify"]));
}

#[tokio::test]
async fn a_page_that_cannot_be_read_makes_its_requests_unavailable_until_it_can() {
    use std::os::unix::fs::FileExt as _;
    let test = TestApp::start(Backend::Sqlite).await.unwrap();
    let world = World::new(&test).await;
    let program = Program::all(&test, "operator@test.example").await;
    let mut browser = signed_in(&test, "operator@test.example").await;
    let Db::Sqlite(sqlite) = &test.app.db else { unreachable!("this test is of SQLite") };
    let device = |serial: &str| json!({ "company_id": world.acme, "name": "Router", "serial": serial });
    program.post_once("/api/devices", "0", device("0")).await.is(201);
    let mut writer = sqlite.writer_connection().await.unwrap();
    sqlx::query("pragma wal_checkpoint(truncate)").execute(writer.connection()).await.unwrap();
    writer.is_clean();
    drop(writer);
    let ((page,), (size,)): ((i64,), (i64,)) = {
        let mut tx = test.app.db.read().await.unwrap();
        let page = sql("select rootpage from sqlite_master where name = 'device'").one(&mut tx).await.unwrap();
        (page, sql("select page_size from pragma_page_size()").one(&mut tx).await.unwrap())
    };
    let file = std::fs::File::options().read(true).write(true).open(test.folder().join("scrip.db")).unwrap();
    let (mut whole, at) = (vec![0; size as usize], ((page - 1) * size) as u64);
    file.read_exact_at(&mut whole, at).unwrap();
    file.write_all_at(&vec![0xff; size as usize], at).unwrap();
    // A write, so that every connection reads its pages from the disk.
    program
        .post_once("/api/credits/move", "1", json!({ "source": world.vendor, "target": world.acme, "amount": 5 }))
        .await
        .is(200);

    browser.get("/devices").await.is(503);
    program.get("/api/devices").await.refuses(503, "", "UNAVAILABLE");
    browser.get("/companies").await.is(200);

    file.write_all_at(&whole, at).unwrap();
    program.post_once("/api/devices", "2", device("2")).await.is(201);
    browser.get("/devices").await.is(200).has("Router");
    test.verify().await;
}
