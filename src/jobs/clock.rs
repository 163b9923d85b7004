//! The accepted time follows the machine's clock, as long as that is believed.

use crate::app::App;
use crate::ops;

/// Looks at the clock once.
pub async fn run(app: &App) {
    if let Err(error) = ops::clock::keep_up(app).await {
        tracing::warn!(%error, "the clock could not be looked at, and will be");
    }
}
