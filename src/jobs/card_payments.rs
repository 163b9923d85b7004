//! Card payments that nothing was heard of: the provider is asked how they stand, so that an event that
//! never comes loses nothing. Which are due is taken in one statement, so two processes ask about different
//! ones; and an answer counts once, however often it is given.

use crate::app::App;
use crate::ops;
use crate::ops::error::OpError;

/// How long after one round the next one begins.
pub const ASK_EVERY_SECONDS: u64 = 15;

/// Asks about all that are due.
pub async fn ask(app: &App) {
    loop {
        match ops::card_payments::ask_due(app).await {
            Ok(true) => {}
            Ok(false) | Err(OpError::Unavailable | OpError::Collision) => return,
            Err(error) => {
                tracing::error!(%error, "card payments could not be asked about, and will be");
                return;
            }
        }
    }
}
