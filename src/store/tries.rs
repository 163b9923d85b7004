//! The attempts of one write: all share one deadline, with randomised waits between them.

use std::time::Duration;

use tokio::time::Instant;

use super::db::deadline;
use crate::rng::Rng;

/// How often a write is tried, unless its deadline comes first.
const TRIES_MAX: u32 = 8;
/// The wait before the second attempt. It doubles for each later one, and chance lengthens each up to twofold.
const FIRST_WAIT_MILLISECONDS: u64 = 5;

/// The attempts so far.
pub struct Tries {
    until: Instant,
    count: u32,
    is_outcome_unknown: bool,
}

impl Tries {
    /// Begins the first, with the time that a write has.
    #[must_use]
    pub fn begin() -> Tries {
        Tries::until(deadline::after_seconds(deadline::WRITE_SECONDS))
    }

    /// Begins the first, with the caller's deadline.
    #[must_use]
    pub fn until(until: Instant) -> Tries {
        Tries { until, count: 1, is_outcome_unknown: false }
    }

    /// When the last attempt must have ended.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.until
    }

    /// Records that a commit was sent but not answered.
    pub fn note_outcome_unknown(&mut self) {
        self.is_outcome_unknown = true;
    }

    /// Whether an earlier attempt may have happened: that is settled before the next one begins.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.is_outcome_unknown
    }

    /// Waits before the next attempt; returns whether there is time for one.
    pub async fn wait(&mut self, rng: &Rng) -> bool {
        let [chance] = rng.bytes::<1>();
        let least = FIRST_WAIT_MILLISECONDS << (self.count - 1);
        let wait = Duration::from_millis(least + least * u64::from(chance) / 256);
        self.count += 1;
        if self.count > TRIES_MAX || Instant::now() + wait >= self.until {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }
}
