//! Adds the devices of a file, batch by batch.

use super::Progress;
use crate::app::App;
use crate::ops;

/// Adds the next devices of an import. Continues where it stopped, and ends if somebody cancels the import.
pub async fn run(app: &App, id: &str) -> Result<Progress, String> {
    let id = id.parse().map_err(|_| "no such import".to_owned())?;
    ops::imports::run_batch(app, id).await.map(Progress::of).map_err(|e| e.to_string())
}
