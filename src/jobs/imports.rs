//! Adds the devices of a file, batch after batch.

use crate::app::App;
use crate::ops;

/// Adds what is left of an import. It goes on where it was, and stops when somebody cancels it.
///
/// # Errors
/// What went wrong; the job is tried again later.
pub async fn run(app: &App, id: &str) -> Result<(), String> {
    let id = id.parse().map_err(|_| "no such import".to_owned())?;
    while ops::imports::run_batch(app, id).await.map_err(|e| e.to_string())? {}
    Ok(())
}
