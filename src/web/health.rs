//! For load balancers: alive, and able to read and write.

use axum::extract::State;
use axum::http::StatusCode;

use super::state::Portal;

pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the writer can write, now or within the last second. An untrusted clock does not make the portal unready.
pub async fn readyz(State(portal): State<Portal>) -> (StatusCode, String) {
    if portal.app.tasks.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    if portal.app.db.is_disk_full() {
        let message = "the disk is full: nothing is written until there is room; reading goes on\n";
        return (StatusCode::SERVICE_UNAVAILABLE, message.to_owned());
    }
    if !portal.app.writer.is_ready().await {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database cannot take a write now\n".to_owned());
    }
    let clock = portal.app.clock_watch.verdict();
    let waits = if clock.waits() { " Renewals and expiry wait." } else { "" };
    let clock = clock.sentence().map(|sentence| format!("{sentence}{waits}\n")).unwrap_or_default();
    (StatusCode::OK, format!("ready\n{clock}"))
}
