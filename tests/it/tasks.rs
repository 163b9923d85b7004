//! Background tasks: jobs that fail, panic and hang, jobs that are given up, and how the process ends.

use std::time::{Duration, Instant};

use crate::support::{NOON, TestApp, World, mail_server, signed_in, who};
use scrip::app::App;
use scrip::cli::serve::{Ending, until_stopped};
use scrip::clock::Clock;
use scrip::config::Given;
use scrip::jobs::queue::run_next_by;
use scrip::jobs::{self, Progress};
use scrip::mail;
use scrip::model::job::Lane;
use scrip::model::resources::ResourceType;
use scrip::ops::codes::changes::CodeOrder;
use scrip::rng::Rng;
use scrip::store::db::sql;
use scrip::{ops, store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

both!(
    a_panic_counts_as_an_attempt_and_the_next_job_runs,
    a_job_that_keeps_killing_the_process_is_given_up,
    a_given_up_job_is_listed_and_retried_once,
    given_up_jobs_are_deleted_after_ninety_days,
    batches_take_turns_step_by_step,
    a_silent_mail_server_blocks_neither_codes_nor_shutdown,
    a_dead_writer_ends_the_process,
    readiness_announces_the_shutdown,
);

async fn add_mail(app: &App, to: &str) {
    let mail = mail::Mail { to: to.into(), subject: "Hello".into(), text: "You".into() };
    let mut tx = app.db.write().await.unwrap();
    store::jobs::add(&mut tx, &mail::job(&mail, &app.keys, &app.rng), app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.jobs.notify_waiters();
}

/// The attempts and the reason of each job, by id.
async fn all(app: &App) -> Vec<(i64, String)> {
    let mut tx = app.db.read().await.unwrap();
    sql("select attempts, reason from job order by id").all(&mut tx).await.unwrap()
}

async fn a_panic_counts_as_an_attempt_and_the_next_job_runs(test: TestApp) {
    for to in ["one@test.example", "two@test.example"] {
        add_mail(&test.app, to).await;
    }
    let stop = CancellationToken::new();
    let panics = |_, _| async { if true { panic!("on purpose") } else { Ok(Progress::Done) } };
    assert!(run_next_by(&test.app, Lane::Mail, &stop, panics).await);
    let left = all(&test.app).await;
    assert_eq!(left[0].0, 1);
    assert!(left[0].1.contains("on purpose"), "{left:?}");
    // The failed job waits, and the other one is due.
    assert!(jobs::run_next(&test.app).await && !jobs::run_next(&test.app).await);
    assert_eq!(all(&test.app).await, left[..1]);
    test.app.clock.advance_seconds(60);
    assert!(jobs::run_next(&test.app).await);
    assert_eq!(all(&test.app).await, []);
}

async fn a_job_that_keeps_killing_the_process_is_given_up(test: TestApp) {
    add_mail(&test.app, "poison@test.example").await;
    for attempt in 1..=12 {
        // A process takes the job and dies before it reports an outcome.
        let mut tx = test.app.db.write().await.unwrap();
        let job = store::jobs::take(&mut tx, Lane::Mail, test.app.clock.now()).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        assert_eq!(job.attempts, attempt);
        test.app.clock.advance_seconds(store::jobs::LEASE_SECONDS + 1);
    }
    assert!(jobs::run_next(&test.app).await && !jobs::run_next(&test.app).await);
    let mut tx = test.app.db.read().await.unwrap();
    let given_up = store::jobs::given_up(&mut tx, None, 10).await.unwrap();
    assert_eq!(given_up.len(), 1);
    assert!(given_up[0].reason.contains("ended"), "{}", given_up[0].reason);
}

async fn a_given_up_job_is_listed_and_retried_once(test: TestApp) {
    // Nothing listens at this address.
    let (given, mut mails) = mail_server().await;
    let nowhere = Given { smtp_server: Some("127.0.0.1:1".into()), ..given.clone() };
    let test = TestApp::start_with(test.backend, nowhere).await.unwrap();
    World::new(&test).await;
    add_mail(&test.app, "somebody@test.example").await;
    for _ in 0..12 {
        assert!(jobs::run_next(&test.app).await);
        test.app.clock.advance_seconds(4 * 3_600);
    }
    assert!(!jobs::run_next(&test.app).await);
    signed_in(&test, "other@test.example").await.get("/operator/failed-jobs").await.is(403);
    let mut operator = signed_in(&test, "operator@test.example").await;
    let page = operator.get("/operator/failed-jobs").await;
    page.is(200).has("1 job").has("Hello").has("somebody@test.example").has("onnection");
    let form = page.field("form");
    for _ in 0..2 {
        let answer = operator.post("/operator/failed-jobs/1/retry", &[("form", &form)]).await;
        operator.done(answer).await.has("Try again operation completed successfully.").has("No failed jobs");
    }
    operator.get("/history").await.has("Failed job tried again");
    let again = operator.get("/operator/failed-jobs").await.field("form");
    operator.post("/operator/failed-jobs/1/retry", &[("form", &again)]).await.is(404);
    let config = scrip::config::Config { mail: mail_config(&given), ..(*test.app.config).clone() };
    let (app, _) = App::start(config, test.app.clock.clone(), Rng::System).await.unwrap();
    assert!(jobs::run_next(&app).await && !jobs::run_next(&app).await);
    assert!(mails.try_recv().unwrap().contains("somebody@test.example"));
    let answer = operator.post("/operator/failed-jobs/retry", &[("form", &again)]).await;
    operator.done(answer).await.has("No job was left to try again.");
}

fn mail_config(given: &Given) -> Option<scrip::config::MailConfig> {
    scrip::config::Config::load(given).unwrap().mail
}

async fn given_up_jobs_are_deleted_after_ninety_days(test: TestApp) {
    add_mail(&test.app, "somebody@test.example").await;
    let mut tx = test.app.db.write().await.unwrap();
    let job = store::jobs::take(&mut tx, Lane::Mail, NOON).await.unwrap().unwrap();
    store::jobs::give_up(&mut tx, &job, "why", NOON).await.unwrap();
    tx.commit().await.unwrap();
    for (days, left) in [(89, 1), (2, 0)] {
        test.app.clock.advance_seconds(days * 86_400);
        jobs::cleanup::run(&test.app).await;
        assert_eq!(all(&test.app).await.len(), left);
    }
}

async fn order_codes(test: &TestApp, world: &World, key: &str, count: i64) {
    let operator = who(&test.app, "operator@test.example").await;
    ops::resources::issue(&test.app, &operator, &format!("for {key}"), ResourceType::CREDIT, count, "").await.unwrap();
    let order =
        CodeOrder { company_id: world.vendor, resource_type: ResourceType::CREDIT, amount: 1, comment: "", count };
    ops::code_batches::create(&test.app, &operator, key, &order).await.unwrap();
}

async fn made(test: &TestApp) -> Vec<i64> {
    let mut tx = test.app.db.read().await.unwrap();
    let rows: Vec<(i64,)> = sql("select made from code_batch order by id").all(&mut tx).await.unwrap();
    rows.into_iter().map(|row| row.0).collect()
}

async fn batches_take_turns_step_by_step(test: TestApp) {
    let world = World::new(&test).await;
    order_codes(&test, &world, "long", 2_000).await;
    test.app.clock.advance_seconds(1);
    order_codes(&test, &world, "short", 1_000).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        test.app.clock.advance_seconds(1);
        assert!(jobs::run_next(&test.app).await);
        seen.push(made(&test).await);
    }
    assert_eq!(seen, [[500, 0], [500, 500], [1_000, 500], [1_000, 1_000]]);
    while jobs::run_next(&test.app).await {}
    assert_eq!(made(&test).await, [2_000, 1_000]);
    test.verify().await;
}

async fn a_silent_mail_server_blocks_neither_codes_nor_shutdown(test: TestApp) {
    let hole = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (given, _) = mail_server().await;
    let given = Given { smtp_server: Some(hole.local_addr().unwrap().to_string()), ..given };
    let test = TestApp::start_with(test.backend, given).await.unwrap();
    let world = World::new(&test).await;
    add_mail(&test.app, "somebody@test.example").await;
    jobs::start(&test.app);
    let (_silent, _) = hole.accept().await.unwrap();
    order_codes(&test, &world, "codes", 1_500).await;
    while made(&test).await != [1_500] {
        tokio::task::yield_now().await;
    }
    // Dropping the router ends its look-up tasks.
    drop(test.router);
    let started = Instant::now();
    test.app.tasks.stop();
    test.app.tasks.all_ended().await;
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    // A job that the shutdown interrupted has used no attempt and is due at the next start.
    let mut tx = test.app.db.read().await.unwrap();
    let left: Vec<(i64, i64)> =
        sql("select attempts, leased_until from job where kind = 'mail'").all(&mut tx).await.unwrap();
    assert_eq!(left, [(0, 0)]);
}

/// A listener and the configuration for a portal.
async fn served(test: &TestApp, drain_seconds: u64) -> (TcpListener, scrip::config::Config) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener, scrip::config::Config { drain_seconds, ..(*test.app.config).clone() })
}

struct Running {
    address: std::net::SocketAddr,
    ask: UnboundedSender<()>,
    writer: tokio::task::AbortHandle,
    ending: JoinHandle<Ending>,
}

async fn start(test: &TestApp, drain_seconds: u64) -> Running {
    let (listener, config) = served(test, drain_seconds).await;
    let address = listener.local_addr().unwrap();
    let (app, writing) = App::start(config, Clock::fixed(NOON), Rng::System).await.unwrap();
    let writer = writing.abort_handle();
    let (ask, asked) = unbounded_channel();
    let ending = tokio::spawn(until_stopped(app, writing, listener, asked));
    Running { address, ask, writer, ending }
}

impl Running {
    async fn status(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer.get(9..12)?.to_owned())
    }
}

async fn a_dead_writer_ends_the_process(test: TestApp) {
    let running = start(&test, 0).await;
    assert_eq!(running.status("/readyz").await.as_deref(), Some("200"));
    let died = Instant::now();
    running.writer.abort();
    let ending = running.ending.await.unwrap();
    assert!(matches!(&ending, Ending::Alone(ended) if ended.name == "writer"), "{ending:?}");
    assert_eq!(std::process::ExitCode::from(ending), std::process::ExitCode::FAILURE);
    assert!(died.elapsed() < Duration::from_secs(1));
}

async fn readiness_announces_the_shutdown(test: TestApp) {
    let running = start(&test, 1).await;
    assert_eq!(running.status("/readyz").await.as_deref(), Some("200"));
    running.ask.send(()).unwrap();
    while running.status("/readyz").await.as_deref() != Some("503") {}
    // Load balancers may still send requests for a while.
    assert_eq!(running.status("/sign-in").await.as_deref(), Some("200"));
    assert_eq!(running.ending.await.unwrap(), Ending::Finished);
    // A second request to stop ends it at once.
    let running = start(&test, 5).await;
    let started = Instant::now();
    running.ask.send(()).unwrap();
    running.ask.send(()).unwrap();
    assert!(matches!(running.ending.await.unwrap(), Ending::Cut(_)));
    assert!(started.elapsed() < Duration::from_secs(2));
}
