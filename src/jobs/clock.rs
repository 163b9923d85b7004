//! The accepted time follows the machine's clock, as long as that is trusted.

use crate::app::App;
use crate::ops::{self, error::OpError};

/// Looks at the clock once.
pub async fn run(app: &App) {
    match ops::clock::keep_up(app).await {
        Ok(()) | Err(OpError::Unavailable | OpError::Collision) => {}
        Err(error) => tracing::error!(%error, "the clock could not be looked at, and will be"),
    }
}
