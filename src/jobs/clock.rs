//! The accepted time follows the machine's clock, as long as that is believed.

use crate::app::App;
use crate::ops::{self, error::OpError};

/// Looks at the clock once.
pub async fn run(app: &App) {
    match ops::clock::keep_up(app).await {
        // A full disk was told of already.
        Ok(()) | Err(OpError::Unavailable) => {}
        Err(error) => tracing::warn!(%error, "the clock could not be looked at, and will be"),
    }
}
