//! How many requests per minute each token may make. Each process counts in memory by itself; what must hold across
//! restarts (wrong codes) is counted in the database.

use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::clock::Clock;

/// The application's clock in the form that the limiter needs: time since 1970.
#[derive(Clone)]
struct SinceEpoch(Clock);

impl governor::clock::Clock for SinceEpoch {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_micros(self.0.now().0.max(0) as u64)
    }
}

/// The counters of all tokens.
pub struct Rates {
    limiter: RateLimiter<i64, DashMapStateStore<i64>, SinceEpoch, StateInformationMiddleware>,
    clock: SinceEpoch,
    per_minute: NonZeroU32,
}

/// The answer's rate limit.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    limit: u32,
    remaining: u32,
    /// Seconds until the full limit is available again.
    reset_seconds: u32,
    /// The same as seconds since 1970.
    resets_at: u64,
    /// Set if this request exceeds the limit.
    pub wait_seconds: Option<i64>,
}

impl Rates {
    pub fn new(clock: Clock, per_minute: NonZeroU32) -> Rates {
        let clock = SinceEpoch(clock);
        let limiter = RateLimiter::dashmap_with_clock(Quota::per_minute(per_minute), clock.clone())
            .with_middleware::<StateInformationMiddleware>();
        Rates { limiter, clock, per_minute }
    }

    /// Counts a request of a token.
    pub fn count(&self, token_id: i64) -> Rate {
        let limit = self.per_minute.get();
        let (remaining, wait_seconds) = match self.limiter.check_key(&token_id) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                (0, Some(wait.as_secs() as i64 + i64::from(wait.subsec_nanos() > 0)))
            }
        };
        let used = u64::from(limit - remaining);
        let reset_seconds = (used * 60).div_ceil(u64::from(limit)) as u32;
        let resets_at = self.clock.now().as_secs() + u64::from(reset_seconds);
        Rate { limit, remaining, reset_seconds, resets_at, wait_seconds }
    }

    /// Drops tokens without recent requests.
    pub fn forget(&self) {
        self.limiter.retain_recent();
    }
}

impl Rate {
    /// The headers of draft-ietf-httpapi-ratelimit-headers, in the older and more widely understood form; and those of
    /// RMS, whose reset is a moment in seconds since 1970.
    pub fn tell(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", u64::from(self.reset_seconds)),
            ("x-ratelimit-limit", u64::from(self.limit)),
            ("x-ratelimit-remaining", u64::from(self.remaining)),
            ("x-ratelimit-reset", self.resets_at),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}
