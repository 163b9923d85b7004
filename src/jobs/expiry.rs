//! Expired vouchers: their units go to `expired`. Their buyers are warned before.

use crate::app::App;
use crate::ops::{self, error::OpError};

/// Expires vouchers and sends warnings. Running it twice does it once.
pub async fn run(app: &App) {
    loop {
        match ops::vouchers::expire_due(app).await {
            Ok(true) => {}
            Ok(false) => break,
            Err(OpError::Unavailable) => return,
            Err(error) => {
                tracing::error!(%error, "vouchers could not be expired, and will be");
                return;
            }
        }
    }
    if let Err(error) = ops::vouchers::warn(app).await {
        tracing::error!(%error, "buyers could not be told of vouchers that expire, and will be");
    }
}
