//! Periodic work: each has its own timer, so that none waits for another.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::queue::panic_text;
use crate::app::App;

/// Longer than any round takes; one that reaches it has met something that never answers.
const ROUND_SECONDS_MAX: u64 = 300;

/// Runs a round, and the next one `seconds` after its end, until stopped. A round that panics or takes too long is
/// logged; the next one gets another chance.
pub async fn every<R>(name: &'static str, seconds: u64, app: App, stop: CancellationToken, round: fn(App) -> R)
where
    R: Future<Output = ()> + Send + 'static,
{
    loop {
        let running = AbortOnDropHandle::new(tokio::spawn(round(app.clone())));
        tokio::select! {
            () = stop.cancelled() => return,
            ended = tokio::time::timeout(Duration::from_secs(ROUND_SECONDS_MAX), running) => match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(name, error = panic_text(error), "a round failed"),
                Err(_) => tracing::error!(name, "a round took too long and was stopped"),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        }
    }
}
