//! Creates the codes of a large order, step by step. They are paid for, so the job is never given up.

use super::Progress;
use crate::app::App;
use crate::ops;

/// The job's kind in the database.
pub const KIND: &str = "order_codes";

/// Creates the next codes of an order. Continues where it stopped, and ends if the rest was cancelled.
pub async fn run(app: &App, id: &str) -> Result<Progress, String> {
    let id = id.parse().map_err(|_| "no such order".to_owned())?;
    match ops::order_codes::run_step(app, id).await {
        Ok(has_more) => Ok(Progress::of(has_more)),
        Err(error) => {
            tracing::error!(order = id, %error, "codes that were paid for could not be made, and will be");
            if let Err(error) = ops::order_codes::note_late(app, id).await {
                tracing::error!(order = id, %error, "nor could that be noted");
            }
            Err(error.to_string())
        }
    }
}
