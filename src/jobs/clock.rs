//! Lets the accepted time follow the machine's clock while that is trusted.

use crate::app::App;
use crate::ops::{self, error::OpError};

pub async fn run(app: &App) {
    match ops::clock::keep_up(app).await {
        Ok(()) | Err(OpError::Unavailable | OpError::Collision) => {}
        Err(error) => tracing::error!(%error, "the clock could not be looked at, and will be"),
    }
}
