//! Time as a parameter: the machine's clock, or one that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use crate::model::time::Moment;

/// Where the present moment comes from.
#[derive(Clone)]
pub enum Clock {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still until it is moved.
    #[must_use]
    pub fn fixed(at: Moment) -> Clock {
        Clock::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// The present moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Moment {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                Moment(since.map_or(0, |d| d.as_micros() as i64))
            }
            Clock::Fixed(at) => Moment(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock forward; the machine's own is left alone.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Clock::Fixed(at) = self {
            at.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
    }
}
