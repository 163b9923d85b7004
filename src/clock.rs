//! Time as a parameter: the machine's clock, or one set by tests. Also what a process knows of its clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustix::time::{ClockId, clock_gettime};

use crate::model::clock::Verdict;
use crate::model::time::Moment;

/// Where the current time comes from.
#[derive(Clone)]
pub enum Clock {
    System,
    Fixed(Arc<Fixed>),
}

/// A clock that stands still until it is moved.
pub struct Fixed {
    now: AtomicI64,
    uptime: AtomicI64,
}

impl Clock {
    /// A clock that stands still until it is moved.
    #[must_use]
    pub fn fixed(at: Moment) -> Clock {
        Clock::Fixed(Arc::new(Fixed { now: AtomicI64::new(at.0), uptime: AtomicI64::new(0) }))
    }

    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Moment {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                Moment(since.map_or(0, |d| d.as_micros() as i64))
            }
            Clock::Fixed(fixed) => Moment(fixed.now.load(Ordering::SeqCst)),
        }
    }

    /// How long the machine has been on, asleep or not, in microseconds: setting the clock does not change it.
    #[must_use]
    pub fn uptime(&self) -> i64 {
        match self {
            Clock::System => {
                let since = clock_gettime(ClockId::Boottime);
                since.tv_sec * 1_000_000 + since.tv_nsec / 1_000
            }
            Clock::Fixed(fixed) => fixed.uptime.load(Ordering::SeqCst),
        }
    }

    /// Whether the kernel says that something, such as NTP, keeps the clock right.
    #[must_use]
    pub fn is_synchronised(&self) -> bool {
        match self {
            Clock::System => kernel_is_synchronised(),
            Clock::Fixed(_) => true,
        }
    }

    /// Lets time pass on a fixed clock; does nothing to the machine's own.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Clock::Fixed(fixed) = self {
            fixed.uptime.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
        self.leap_seconds(seconds);
    }

    /// Sets a fixed clock ahead or back without any time passing.
    pub fn leap_seconds(&self, seconds: i64) {
        if let Clock::Fixed(fixed) = self {
            fixed.now.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
    }
}

/// The kernel's answer, as `timedatectl` shows it: `adjtimex(2)` with nothing to adjust.
#[expect(unsafe_code, reason = "no well-kept crate asks the kernel this")]
fn kernel_is_synchronised() -> bool {
    // SAFETY: `timex` is plain integers, for which zeros are a valid value, and `modes` of zero changes nothing.
    let state = unsafe {
        let mut question: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut question)
    };
    state != libc::TIME_ERROR && state >= 0
}

/// What a process knows of its clock: when it was last accepted, and the last verdict.
#[derive(Default)]
pub struct ClockWatch(Mutex<Known>);

#[derive(Default, Clone, Copy)]
struct Known {
    /// The accepted moment, and the uptime then.
    accepted: Option<(Moment, i64)>,
    verdict: Verdict,
}

impl ClockWatch {
    /// What the clock should say now, if it has been accepted since the start of this process.
    #[must_use]
    pub fn expected(&self, clock: &Clock) -> Option<Moment> {
        let (moment, uptime) = self.known().accepted?;
        Some(Moment(moment.0 + clock.uptime() - uptime))
    }

    /// The last verdict on the clock.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.known().verdict
    }

    /// Stores a new verdict; returns the previous one.
    pub fn keep(&self, verdict: Verdict, now: Moment, clock: &Clock) -> Verdict {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !verdict.waits() {
            known.accepted = Some((now, clock.uptime()));
        }
        std::mem::replace(&mut known.verdict, verdict)
    }

    fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
