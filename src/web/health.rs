//! For load balancers: alive, and able to read and write.

use axum::extract::State;
use axum::http::StatusCode;

use super::router::Portal;
use crate::store;

/// The process answers.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers too.
pub async fn readyz(State(portal): State<Portal>) -> (StatusCode, &'static str) {
    if portal.app.tasks.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    let read = async {
        let mut tx = portal.app.db.read().await?;
        store::settings::get(&mut tx, "key_check").await
    };
    match read.await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
