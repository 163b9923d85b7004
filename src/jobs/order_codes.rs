//! Makes the codes of a big order, step after step. What was paid for is owed: it is never given up.

use super::Progress;
use crate::app::App;
use crate::ops;

/// The word of the database.
pub const KIND: &str = "order_codes";

/// Makes the next codes of an order. It goes on where it was, and stops where the rest was cancelled.
///
/// # Errors
/// What went wrong; the job is tried again later.
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
