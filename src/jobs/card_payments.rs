//! Card payments without news: the provider is asked for their state, so that an event which never arrives loses
//! nothing. One statement takes those that are due, so two processes ask about different ones; and an answer counts
//! once, however often it is given.

use crate::app::App;
use crate::ops;
use crate::ops::error::OpError;

/// The pause between two rounds.
pub const ASK_EVERY_SECONDS: u64 = 15;

/// Asks about all payments that are due.
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
