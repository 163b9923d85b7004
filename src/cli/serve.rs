//! `scrip serve`: the portal and its background jobs, until SIGTERM.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{CliResult, descriptors};
use crate::app::App;
use crate::config::Config;
use crate::jobs;
use crate::ops;
use crate::tasks::{Ended, Tasks};
use crate::telemetry;
use crate::web::router::router;
use crate::web::serve::{self, Limits};

/// How often counters are condensed if nobody reads them.
const METRICS_UPKEEP_SECONDS: u64 = 60;
const METRICS_CONNECTIONS_MAX: usize = 64;
/// After the signal: whatever is unfinished by then is cut off.
const STOP_SECONDS_MAX: u64 = 17;
/// How long closing the databases may take after that.
const CLOSE_SECONDS_MAX: u64 = 1;
/// After the signal: the process ends, whatever hangs.
const HARD_STOP_SECONDS: u64 = 19;

pub async fn run(mut config: Config) -> CliResult {
    if let Some(warning) = config.warning() {
        println!("Warning: {warning}");
        tracing::warn!("{warning}");
    }
    config.connections_max = descriptors::allow(config.connections_max);
    let listener = listen(&config).await?;
    let counters = match config.metrics_listen {
        Some(address) => Some(count(address).await?),
        None => None,
    };
    let (app, writing) = super::start(config).await?;
    if let Some((listener, counters)) = counters {
        let (limits, stop) = (Limits::of(METRICS_CONNECTIONS_MAX), app.tasks.stopping());
        app.tasks.spawn("metrics upkeep", condense(counters.clone(), stop.clone()));
        app.tasks.spawn("metrics", async move {
            serve::serve(listener, metrics_router(counters), limits, stop).await;
        });
    }
    if let Some(link) = ops::set_up::setup_link(&app).await? {
        println!("Set up this portal within one hour, by a link that works once:\n\n    {link}\n");
    }
    println!("Scrip serves {}", app.config.public_url);
    Ok(until_stopped(app, writing, listener, asked_to_stop()?).await.into())
}

/// Starts counting; returns the counters and the listener that serves them, separate from the public one.
async fn count(
    address: SocketAddr,
) -> Result<(TcpListener, PrometheusHandle), Box<dyn std::error::Error + Send + Sync>> {
    let counters = telemetry::count()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("setting metrics-listen: cannot listen on {address}: {e}"))?;
    Ok((listener, counters))
}

/// Keeps the counters small if nobody reads them, until stopped.
async fn condense(counters: PrometheusHandle, stop: CancellationToken) {
    let every = Duration::from_secs(METRICS_UPKEEP_SECONDS);
    while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
        counters.run_upkeep();
    }
}

fn metrics_router(counters: PrometheusHandle) -> Router {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new().route("/metrics", get(async move || (text, counters.render())))
}

/// Binds the port first: if it is taken, nothing else is started.
pub async fn listen(config: &Config) -> Result<TcpListener, String> {
    TcpListener::bind(config.listen).await.map_err(|e| format!("cannot listen on {}: {e}", config.listen))
}

/// Receives each SIGTERM and each Ctrl-C.
pub fn asked_to_stop() -> std::io::Result<UnboundedReceiver<()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, signals) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    Ok(signals)
}

/// How serving ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All accepted work is finished.
    Finished,
    /// Something was cut off: the log says what.
    Cut(Vec<String>),
    /// A task has ended by itself.
    Alone(Ended),
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> ExitCode {
        if ending == Ending::Finished { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Serves until a signal to stop: then it notifies load balancers, and finishes requests and the writer's queue. A
/// second signal ends it at once; so does a task that ends by itself.
pub async fn until_stopped(
    app: App,
    writing: JoinHandle<()>,
    listener: TcpListener,
    mut signals: UnboundedReceiver<()>,
) -> Ending {
    let tasks = app.tasks.clone();
    let stop = Stop { tasks: tasks.clone(), db: app.db.clone(), drain_seconds: app.config.drain_seconds };
    begin(app, writing, listener);
    tokio::select! {
        _ = signals.recv() => {}
        ended = tasks.ended_alone() => {
            tracing::error!(
                task = ended.name,
                has_panicked = ended.has_panicked,
                "a task ended by itself: the process ends with an error, to be started again"
            );
            return Ending::Alone(ended);
        }
    }
    let _watchdog = Watchdog::start(tasks.clone());
    tokio::select! {
        () = stop.run() => {}
        _ = signals.recv() => tasks.note_cut("asked to stop twice: all that was under way"),
    }
    let cut = tasks.cut();
    if cut.is_empty() {
        return Ending::Finished;
    }
    tracing::warn!(?cut, "the end has cut off what took too long");
    Ending::Cut(cut)
}

/// Starts everything that a portal runs. Whatever is not cloned here is dropped with the tasks.
fn begin(app: App, writing: JoinHandle<()>, listener: TcpListener) {
    let tasks = app.tasks.clone();
    tasks.spawn("writer", async move {
        if let Err(error) = writing.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    });
    jobs::start(&app);
    let config = app.config.clone();
    let limits = Limits {
        is_trusted: Arc::new(move |address| config.is_trusted_proxy(address)),
        ..Limits::of(app.config.connections_max)
    };
    let (router, stop) = (router(app), tasks.stopping());
    tasks.clone().spawn("connections", async move {
        let cut = serve::serve(listener, router, limits, stop).await;
        if cut > 0 {
            tasks.note_cut(format!("requests on {cut} connections"));
        }
    });
}

/// What stopping needs.
struct Stop {
    tasks: Tasks,
    db: crate::store::db::Db,
    drain_seconds: u64,
}

impl Stop {
    async fn run(self) {
        let until = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
        tracing::info!("stopping");
        self.tasks.drain();
        tokio::time::sleep(Duration::from_secs(self.drain_seconds)).await;
        self.tasks.stop();
        if tokio::time::timeout_at(until, self.tasks.all_ended()).await.is_err() {
            self.tasks.note_cut(format!("tasks: {}", self.tasks.running().join(", ")));
        }
        let until = Instant::now().max(until) + Duration::from_secs(CLOSE_SECONDS_MAX);
        if tokio::time::timeout_at(until, self.db.close()).await != Ok(true) {
            self.tasks.note_cut("statements of the database");
        }
    }
}

/// Ends the process if nothing else does: all threads hang, or a disk never answers.
struct Watchdog {
    _finished: std::sync::mpsc::Sender<()>,
}

impl Watchdog {
    fn start(tasks: Tasks) -> Watchdog {
        let (finished, waiting) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let ended = waiting.recv_timeout(Duration::from_secs(HARD_STOP_SECONDS));
            if ended == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                tracing::error!(running = ?tasks.running(), cut = ?tasks.cut(), "the end took too long: the process is ended");
                std::process::exit(1);
            }
        });
        Watchdog { _finished: finished }
    }
}
