//! Adds the devices of a file, batch after batch.

use super::Progress;
use crate::app::App;
use crate::ops;

/// Adds the next devices of an import. It goes on where it was, and stops when somebody cancels it.
///
/// # Errors
/// What went wrong; the job is tried again later.
pub async fn run(app: &App, id: &str) -> Result<Progress, String> {
    let id = id.parse().map_err(|_| "no such import".to_owned())?;
    ops::imports::run_batch(app, id).await.map(Progress::of).map_err(|e| e.to_string())
}
