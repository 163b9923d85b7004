//! An acknowledged operation survives: kill -9 under load, a full disk, SIGTERM.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::disk::{SmallDisk, fill};
use crate::support::process::{self, Client, Process};
use crate::support::till::Till;
use crate::support::{TestApp, World, stripe, who};
use scrip::{ops, store};

both!(
    twenty_kills_lose_and_double_no_acknowledged_operation,
    sigterm_finishes_accepted_requests,
    sigterm_ends_in_time_even_if_something_hangs,
    killed_renewals_pay_for_each_device_once,
    a_payment_event_interrupted_by_a_kill_counts_once,
);

const CLIENTS: usize = 6;

fn move_fields(world: &World) -> String {
    format!("type=credit&from={}&to={}&amount=1", world.vendor, world.other)
}

/// What a client knows: the acknowledged operations, and the last one, which got no answer.
#[derive(Default)]
struct Outcome {
    acknowledged: Vec<String>,
    unanswered: Option<String>,
}

/// Moves one unit at a time until the program is gone.
async fn move_until_gone(test: Arc<TestApp>, process: std::net::SocketAddr, fields: String) -> Outcome {
    let mut outcome = Outcome::default();
    let key_file = test.folder().join("scrip.key");
    let Some(mut client) = Client::sign_in(process, &key_file, "operator@test.example").await else {
        return outcome;
    };
    loop {
        match client.post(&test.app, "/moves", &fields).await {
            (operation, Some(303)) => outcome.acknowledged.push(operation),
            (operation, None) => {
                outcome.unanswered = Some(operation);
                return outcome;
            }
            (_, Some(status)) => panic!("a move was answered with {status}"),
        }
    }
}

async fn twenty_kills_lose_and_double_no_acknowledged_operation(test: TestApp) {
    let test = Arc::new(test);
    let world = World::new(&test).await;
    let operator = who(&test.app, "operator@test.example").await;
    let credit = scrip::model::resources::ResourceType::CREDIT;
    scrip::ops::resources::issue(&test.app, &operator, "more", credit, 1_000_000, "").await.unwrap();
    let fields = move_fields(&world);
    let mut process = Process::start(test.folder(), test.database_url.clone());
    let mut moved = 0;
    for round in 0..20 {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(move_until_gone(test.clone(), process.address, fields.clone())))
            .collect();
        // Vary the moment of the kill, so that it hits every phase of a commit.
        tokio::time::sleep(Duration::from_millis(120 + round * 13)).await;
        tokio::task::block_in_place(|| process.kill_and_restart());
        for client in clients {
            moved += settle(&test, &process, client.await.unwrap(), &fields).await;
        }
        assert_eq!(world.credit(&test, world.other).await, moved, "round {round}");
    }
    assert!(moved > 20, "only {moved} moves got through");
    test.verify().await;
    assert!(process.command(&["verify"]));
}

/// Checks the acknowledged operations and repeats the unanswered one. Returns the units moved.
async fn settle(test: &TestApp, process: &Process, outcome: Outcome, fields: &str) -> i64 {
    let operator = who(&test.app, "operator@test.example").await;
    let mut tx = test.app.db.read().await.unwrap();
    for operation in &outcome.acknowledged {
        let transfers = store::ledger::operation(&mut tx, operator.user_id, operation).await.unwrap();
        assert_eq!(transfers.len(), 1, "acknowledged operation {operation}");
    }
    drop(tx);
    let Some(operation) = outcome.unanswered else { return outcome.acknowledged.len() as i64 };
    let key_file = test.folder().join("scrip.key");
    let mut client = Client::sign_in(process.address, &key_file, "operator@test.example").await.unwrap();
    assert_eq!(client.post_as(&operation, "/moves", fields).await, Some(303));
    outcome.acknowledged.len() as i64 + 1
}

async fn sigterm_finishes_accepted_requests(test: TestApp) {
    let test = Arc::new(test);
    let world = World::new(&test).await;
    let mut process = Process::start(test.folder(), test.database_url.clone());
    let key_file = test.folder().join("scrip.key");
    let done = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client::sign_in(process.address, &key_file, "operator@test.example").await.unwrap();
        let (test, done, fields) = (test.clone(), done.clone(), move_fields(&world));
        clients.push(tokio::spawn(async move {
            let mut acknowledged = 0;
            while !done.load(Ordering::SeqCst) {
                match client.post(&test.app, "/moves", &fields).await.1 {
                    Some(303) => acknowledged += 1,
                    _ => break,
                }
            }
            acknowledged
        }));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let code = tokio::task::block_in_place(|| process.stop());
    done.store(true, Ordering::SeqCst);
    assert_eq!(code, Some(0));
    let mut acknowledged = 0;
    for client in clients {
        acknowledged += client.await.unwrap();
    }
    // One extra move per client may have been written without its answer getting through.
    let moved = world.credit(&test, world.other).await;
    assert!((acknowledged..=acknowledged + 4).contains(&moved), "{acknowledged} acknowledged, {moved} moved");
    test.verify().await;
}

/// Adds devices of Vendor whose first period has ended.
async fn add_due_devices(test: &TestApp, world: &World, count: i64) {
    use scrip::model::device::{DeviceChange, DeviceKind};
    use scrip::model::ledger::{Command, Operation, SetDevices};
    let operator = who(&test.app, "operator@test.example").await;
    let credit = scrip::model::resources::ResourceType::CREDIT;
    scrip::ops::resources::issue(&test.app, &operator, "for all", credit, 3 * count, "").await.unwrap();
    let now = scrip::clock::Clock::System.now();
    let new = |n| store::devices::NewDevice {
        company_id: world.vendor,
        kind: DeviceKind::Device,
        serial: Some(format!("SN {n}")),
        ..store::devices::NewDevice::default()
    };
    let new: Vec<_> = (0..count).map(new).collect();
    let mut devices = Vec::new();
    // Each chunk fits within the write deadline.
    for new in new.chunks(2_000) {
        let mut tx = test.app.db.write().await.unwrap();
        devices.extend(store::devices::insert(&mut tx, new, now).await.unwrap());
        // The processes started below use the machine's real clock.
        store::settings::accept_time(&mut tx, now).await.unwrap();
        tx.commit().await.unwrap();
    }
    let change = DeviceChange {
        service: Some(Some(credit)),
        auto_extend: Some(true),
        monitoring: Some(true),
        ..DeviceChange::default()
    };
    // As many at a time as the job renews.
    for (number, devices) in devices.chunks(500).enumerate() {
        let operation = Operation {
            actor: operator.for_ledger(),
            id: format!("first period {number}"),
            fingerprint: test.app.keys.fingerprint(""),
            at: now.plus_seconds(-31 * 86_400),
            command: Command::SetDevices(SetDevices { devices: devices.to_vec(), change: change.clone() }),
        };
        test.app.writer.submit(operation).await.unwrap();
    }
}

async fn due(test: &TestApp) -> i64 {
    let mut tx = test.app.db.read().await.unwrap();
    let now = scrip::clock::Clock::System.now();
    store::devices::due(&mut tx, now, 1_000_000).await.unwrap().len() as i64
}

async fn killed_renewals_pay_for_each_device_once(test: TestApp) {
    const DEVICES: i64 = 12_000;
    let world = World::new(&test).await;
    add_due_devices(&test, &world, DEVICES).await;
    assert_eq!(due(&test).await, DEVICES);
    let mut process = Process::start(test.folder(), test.database_url.clone());
    let mut left = vec![DEVICES];
    while *left.last().unwrap() > 0 {
        // Vary the moment of the kill, as above.
        tokio::time::sleep(Duration::from_millis(100 + left.len() as u64 * 17)).await;
        tokio::task::block_in_place(|| process.kill_and_restart());
        // Expire the dead holder's lease at once, so that the test does not wait for it.
        let mut tx = test.app.db.write().await.unwrap();
        store::db::sql("update lease set held_until = 0").run(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        left.push(due(&test).await);
        assert!(left.len() < 200, "it does not go on: {left:?}");
    }
    assert!(left.len() > 2, "it was over before it was killed: {left:?}");
    assert_eq!(world.credit(&test, world.vendor).await, 1_000 + DEVICES);
    let operator = who(&test.app, "operator@test.example").await;
    for id in [1, DEVICES / 2, DEVICES] {
        let filter = store::history::HistoryFilter { limit: 10, ..Default::default() };
        let used = scrip::ops::devices::history(&test.app, &operator, id, &filter).await.unwrap();
        assert_eq!(used.len(), 2, "device {id}");
    }
    test.verify().await;
    assert!(process.command(&["verify"]));
}

/// The flags that point to the fake Stripe.
fn stripe_flags(till: &Till) -> Vec<String> {
    let given = till.stripe.given();
    let flags = [
        ("--stripe-secret-key", stripe::SECRET_KEY),
        ("--stripe-webhook-secret", stripe::WEBHOOK_SECRET),
        ("--stripe-api-base", given.stripe_api_base.as_deref().unwrap()),
    ];
    flags.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

async fn a_payment_event_interrupted_by_a_kill_counts_once(test: TestApp) {
    let mut till = Till::open(test).await;
    // The program uses the machine's clock to judge whether an event is fresh.
    let ahead = (scrip::clock::Clock::System.now().0 - crate::support::NOON.0) / 1_000_000;
    till.later(ahead).await;
    let (folder, url) = (till.test.folder().to_owned(), till.test.database_url.clone());
    let mut process = Process::start_with(&folder, url, stripe_flags(&till));
    let mut unanswered = 0;
    for round in 0..10 {
        let (order, session) = till.opened().await;
        till.stripe.complete(&session, true);
        let event = || {
            let seconds = scrip::clock::Clock::System.now().0 / 1_000_000;
            till.stripe.event(&format!("evt_{round}"), "checkout.session.completed", &session, seconds)
        };
        let (body, signature) = event();
        let address = process.address;
        let sent = tokio::spawn(async move { process::post(address, "/webhooks/stripe", &signature, body).await });
        // Vary the moment of the kill, as above.
        tokio::time::sleep(Duration::from_millis(round * 2)).await;
        tokio::task::block_in_place(|| process.kill_and_restart());
        unanswered += i64::from(sent.await.unwrap().is_none());
        for _ in 0..2 {
            let (body, signature) = event();
            let answer = process::post(address, "/webhooks/stripe", &signature, body).await;
            assert_eq!(answer, Some(200), "round {round}");
        }
        assert_eq!(till.state(order).await, "paid: paid", "round {round}");
        assert_eq!(till.units().await, 10 * (round as i64 + 1), "round {round}");
    }
    assert!(unanswered > 0, "each event was answered before the kill");
    assert_eq!(till.count("select count(*) from invoice").await, 10);
    assert_eq!(till.count("select count(*) from code where order_id is not null").await, 10);
    assert_eq!(till.count("select count(*) from payment_event").await, 10);
    till.test.verify().await;
    assert!(process.command(&["verify"]));
}

async fn holder(test: &TestApp) -> Option<String> {
    let mut tx = test.app.db.read().await.unwrap();
    let row: Option<(String,)> = store::db::sql("select holder from lease").optional(&mut tx).await.unwrap();
    row.map(|r| r.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_takes_over_renewals_when_the_first_dies() {
    const DEVICES: i64 = 20_000;
    let Some(test) = TestApp::start(crate::support::Backend::Postgres).await else { return };
    let world = World::new(&test).await;
    add_due_devices(&test, &world, DEVICES).await;
    let first = Process::start(test.folder(), test.database_url.clone());
    while holder(&test).await.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let dead = holder(&test).await;
    let second = tokio::task::block_in_place(|| Process::start(test.folder(), test.database_url.clone()));
    drop(first);
    let left = due(&test).await;
    assert!(left > 0, "the first was done before it was killed");
    let started = std::time::Instant::now();
    while due(&test).await > 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "nobody takes over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_ne!(holder(&test).await, dead);
    assert_eq!(world.credit(&test, world.vendor).await, 1_000 + DEVICES);
    test.verify().await;
    assert!(second.command(&["verify"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_allows_a_restart_and_recovers() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let test = TestApp::start(crate::support::Backend::Sqlite).await.unwrap();
    let world = World::new(&test).await;
    let mut tokens = Vec::new();
    for _ in 0..30 {
        let owner = "operator@test.example";
        tokens.push(
            ops::tokens::create_on_console(
                &test.app,
                &ops::tokens::ConsoleToken::without_end(owner, "reader", "credits:read"),
            )
            .await
            .unwrap(),
        );
    }
    test.app.db.close().await;
    for file in ["scrip.db", "sessions.db", "scrip.key"] {
        std::fs::copy(test.folder().join(file), disk.0.join(file)).unwrap();
    }
    let mut process = Process::start(&disk.0, None);
    let mut client =
        Client::sign_in(process.address, &disk.0.join("scrip.key"), "operator@test.example").await.unwrap();
    let filler = disk.0.join("filler");
    fill(&filler);
    let fields = move_fields(&world);
    let mut moved = 0;
    let refused = loop {
        match client.post(&test.app, "/moves", &fields).await.1 {
            Some(303) => moved += 1,
            other => break other,
        }
        assert!(moved < 900, "the disk never became full");
    };
    assert_eq!(refused, Some(503));
    // The API still serves reads, although it cannot record the last use of every token.
    for token in &tokens {
        assert_eq!(client.get_as(token.reveal(), "/api/credits").await, Some(200));
    }
    // The space freed by the ballast is needed for the restart.
    while disk.0.join("scrip.ballast").exists() {
        tokio::task::yield_now().await;
    }
    tokio::task::block_in_place(|| process.kill_and_restart());
    client.connect_again(process.address).await;
    assert_eq!(client.get("/companies").await, Some(200));
    assert_eq!(client.post(&test.app, "/moves", &fields).await.1, Some(503));
    std::fs::remove_file(&filler).unwrap();
    let freed = std::time::Instant::now();
    while client.post(&test.app, "/moves", &fields).await.1 != Some(303) {
        assert!(freed.elapsed() < Duration::from_secs(5), "writing does not come back");
    }
    moved += 1;
    for _ in 0..20 {
        assert_eq!(client.post(&test.app, "/moves", &fields).await.1, Some(303));
        moved += 1;
    }
    assert!(disk.0.join("scrip.ballast").exists());
    drop(client);
    assert!(process.command(&["verify"]));
    let db = store::db::Db::open_sqlite(&disk.0).await.unwrap();
    let mut tx = db.read().await.unwrap();
    let credit = scrip::model::resources::ResourceType::CREDIT;
    assert_eq!(store::pools::balance(&mut tx, world.other, credit).await.unwrap(), moved);
    let (unrecorded,): (i64,) =
        store::db::sql("select count(*) from access_token where last_used_at is null").one(&mut tx).await.unwrap();
    assert!(unrecorded > 0, "there was room for each token's last use");
}

async fn sigterm_ends_in_time_even_if_something_hangs(test: TestApp) {
    World::new(&test).await;
    // A silent mail server, and silent connections.
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mail = scrip::mail::reset("somebody@test.example", "link");
    let mut tx = test.app.db.write().await.unwrap();
    let job = scrip::mail::job(&mail, &test.app.keys, &test.app.rng);
    store::jobs::add(&mut tx, &job, scrip::clock::Clock::System.now()).await.unwrap();
    tx.commit().await.unwrap();
    let server = hole.local_addr().unwrap().to_string();
    let flags = ["--smtp-server", &server, "--smtp-security", "none", "--mail-from", "a@test.example"];
    let flags = flags.map(str::to_owned).to_vec();
    let mut process = Process::start_with(test.folder(), test.database_url.clone(), flags);
    let sent: [&[u8]; 3] = [b"", b"GET / HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
    let silent = sent.map(|sent| {
        let mut stream = std::net::TcpStream::connect(process.address).unwrap();
        std::io::Write::write_all(&mut stream, sent).unwrap();
        stream
    });
    let (_mail, _) = tokio::task::block_in_place(|| hole.accept()).unwrap();
    let started = std::time::Instant::now();
    assert_eq!(tokio::task::block_in_place(|| process.stop()), Some(0));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    drop(silent);
    // The mail is due again after the next start.
    let mut tx = test.app.db.read().await.unwrap();
    let left: Vec<(i64, i64)> = store::db::sql("select attempts, leased_until from job").all(&mut tx).await.unwrap();
    assert_eq!(left, [(0, 0)]);
}
