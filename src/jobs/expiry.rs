//! Vouchers whose time is over: their units go to `expired`. Before that their buyers are told.

use crate::app::App;
use crate::ops::{self, error::OpError};

/// Ends what is over and warns of what will be. Running it twice does it once.
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
