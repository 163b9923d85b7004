//! Card payments that nothing was heard of: the provider is asked how they stand, so that an event that
//! never comes loses nothing. Which are due is taken in one statement, so two processes ask about different
//! ones; and an answer counts once, however often it is given.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::ops;
use crate::ops::error::OpError;

const LOOK_EVERY_SECONDS: u64 = 15;

/// Asks until told to stop.
pub async fn run(app: App, stop: CancellationToken) {
    if !app.cards.are_taken() {
        return;
    }
    loop {
        // A provider that does not answer must not keep the program from ending.
        tokio::select! {
            () = stop.cancelled() => return,
            () = ask(&app) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(LOOK_EVERY_SECONDS)) => {}
        }
    }
}

async fn ask(app: &App) {
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
