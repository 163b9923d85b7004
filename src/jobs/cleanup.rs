//! Deletes what has expired: sessions, links, mailed codes, tokens of applications, old failures, order drafts, jobs given up long ago. Also
//! counts the remaining jobs.

use crate::app::App;
use crate::model::order::DRAFT_DAYS;
use crate::ops;
use crate::ops::error::OpResult;
use crate::store;

const THROTTLE_SECONDS_MAX: i64 = 31 * 86_400;

pub async fn run(app: &App) {
    if let Err(error) = try_run(app).await {
        tracing::warn!(%error, "the clean-up failed");
    }
}

async fn try_run(app: &App) -> OpResult<()> {
    let Some(now) = ops::clock::trusted_now(app).await? else { return Ok(()) };
    let mut tx = app.db.sessions().await?;
    store::sessions::forget(&mut tx, now).await?;
    drop(tx);
    let mut tx = app.db.write_to_make_room().await?;
    store::users::forget_links(&mut tx, now).await?;
    store::second_factor::forget_mailed_codes(&mut tx, now).await?;
    store::oauth::forget(&mut tx, now).await?;
    store::throttle::forget_before(&mut tx, now.plus_seconds(-THROTTLE_SECONDS_MAX)).await?;
    store::orders::forget_drafts(&mut tx, now.plus_seconds(-DRAFT_DAYS * 86_400)).await?;
    store::jobs::bring_near(&mut tx, now).await?;
    store::jobs::forget_given_up(&mut tx, now.plus_seconds(-store::jobs::KEPT_DAYS * 86_400)).await?;
    Ok(tx.commit().await?)
}

/// Reports to the metrics how many jobs wait and how many were given up.
pub async fn count_jobs(app: &App) {
    let counted = async {
        let mut tx = app.db.read().await?;
        store::jobs::counts(&mut tx).await
    };
    match counted.await {
        Ok(counts) => {
            metrics::gauge!("scrip_jobs_waiting").set(counts.waiting as f64);
            metrics::gauge!("scrip_jobs_failed").set(counts.given_up as f64);
        }
        Err(error) => tracing::warn!(%error, "jobs could not be counted"),
    }
}
