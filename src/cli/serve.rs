//! `scrip serve`: the portal and its background jobs, until SIGTERM.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::CliResult;
use crate::app::App;
use crate::config::Config;
use crate::jobs;
use crate::ops;
use crate::telemetry;
use crate::web::router::router;
use crate::web::serve;

/// How often counters are condensed where nobody reads them.
const METRICS_UPKEEP: Duration = Duration::from_secs(60);

pub async fn run(config: Config) -> CliResult {
    if let Some(warning) = config.warning() {
        println!("Warning: {warning}");
        tracing::warn!("{warning}");
    }
    let listener = listen(&config).await?;
    if let Some(address) = config.metrics_listen {
        serve_metrics(address).await?;
    }
    let (app, writing) = super::start(config).await?;
    if let Some(link) = ops::auth::setup_link(&app).await? {
        println!("Set up this portal within one hour, by a link that works once:\n\n    {link}\n");
    }
    println!("Scrip serves {}", app.config.public_url);
    until_stopped(app, writing, listener).await?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the counters on a listener of their own, which the public one does not lead to.
async fn serve_metrics(address: SocketAddr) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let counters = telemetry::count()?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("setting metrics-listen: cannot listen on {address}: {e}"))?;
    let kept = counters.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(METRICS_UPKEEP).await;
            kept.run_upkeep();
        }
    });
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let router = Router::new().route("/metrics", get(async move || (text, counters.render())));
    tokio::spawn(serve::serve(listener, router, CancellationToken::new()));
    Ok(())
}

/// Takes the port first: where it is taken, nothing else is begun.
pub async fn listen(config: &Config) -> Result<TcpListener, String> {
    TcpListener::bind(config.listen).await.map_err(|e| format!("cannot listen on {}: {e}", config.listen))
}

/// Serves until SIGTERM or Ctrl-C, then finishes what was begun: requests, then the writer's queue.
pub async fn until_stopped(app: App, writing: JoinHandle<()>, listener: TcpListener) -> std::io::Result<()> {
    let stop = CancellationToken::new();
    let working = tokio::spawn(jobs::run(app.clone(), stop.clone()));
    let renewing = tokio::spawn(jobs::renewals::run(app.clone(), stop.clone()));
    let asking = tokio::spawn(jobs::card_payments::run(app.clone(), stop.clone()));
    let linking = tokio::spawn(jobs::chain::run(app.clone(), stop.clone()));
    let auditing = tokio::spawn(jobs::audit_log::run(app.clone(), stop.clone()));
    let checkpointing = tokio::spawn(jobs::checkpoint::run(app.db.clone(), stop.clone()));
    let db = app.db.clone();
    let serving = tokio::spawn(serve::serve(listener, router(app), stop.clone()));
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
    for task in [serving, working, renewing, asking, linking, auditing, checkpointing] {
        let _ = task.await;
    }
    // Connections that were cut may still hold the writer's door.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(5), writing).await;
    db.close().await;
    Ok(())
}
