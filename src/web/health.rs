//! For load balancers: alive, and able to read and write.

use axum::extract::State;
use axum::http::StatusCode;

use super::router::Portal;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The writer has written, within a second or just now.
pub async fn readyz(State(portal): State<Portal>) -> (StatusCode, &'static str) {
    if portal.app.tasks.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match portal.app.writer.is_ready().await {
        true => (StatusCode::OK, "ready\n"),
        false if portal.app.db.is_disk_full() => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the disk is full: nothing is written until there is room; reading goes on\n",
        ),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the database cannot take a write now\n"),
    }
}
