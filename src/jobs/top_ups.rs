//! Standing top-ups: checks those that are due, and asks about the pages on which cards are saved.

use crate::app::App;
use crate::ops;
use crate::ops::error::OpError;

/// Checks all that are due.
pub async fn run(app: &App) {
    if let Err(error) = ops::top_ups::cards::ask(app, None).await {
        tracing::warn!(%error, "pages for saving cards were not asked about");
    }
    loop {
        match ops::top_ups::run::step(app).await {
            Ok(true) => {}
            Ok(false) | Err(OpError::Unavailable | OpError::Collision) => return,
            Err(error) => {
                tracing::error!(%error, "top-ups could not be checked, and will be");
                return;
            }
        }
    }
}
