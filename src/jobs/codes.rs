//! Creates the codes of a batch, step by step.

use super::Progress;
use crate::app::App;
use crate::ops;

/// Creates the next codes of a batch. Continues where it stopped, and ends if somebody cancels the batch.
pub async fn run(app: &App, id: &str) -> Result<Progress, String> {
    let id = id.parse().map_err(|_| "no such batch".to_owned())?;
    ops::code_batches::run_step(app, id).await.map(Progress::of).map_err(|e| e.to_string())
}
