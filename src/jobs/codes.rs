//! Makes the codes of a batch, step after step.

use super::Progress;
use crate::app::App;
use crate::ops;

/// Makes the next codes of a batch. It goes on where it was, and stops when somebody cancels it.
///
/// # Errors
/// What went wrong; the job is tried again later.
pub async fn run(app: &App, id: &str) -> Result<Progress, String> {
    let id = id.parse().map_err(|_| "no such batch".to_owned())?;
    ops::code_batches::run_step(app, id).await.map(Progress::of).map_err(|e| e.to_string())
}
