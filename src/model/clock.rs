//! Whether the clock is trusted. Renewals and expiry spend units by time alone, so a clock that leaps ahead must not
//! drive them until a person has confirmed it.

use super::time::Moment;

/// How far ahead the clock may be before it must be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Leaps {
    /// While the portal runs, and at a start without anything that vouches for the clock.
    pub running_seconds: i64,
    /// At a start with something that vouches for it: the portal may have been off this long.
    pub stopped_seconds: i64,
}

/// A verdict on the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verdict {
    #[default]
    Trusted,
    /// It is further ahead than possible: anything driven by time alone waits.
    Ahead { seconds: i64 },
    /// It was set back, or had been ahead: nothing is due that was not before.
    Behind { seconds: i64 },
}

impl Verdict {
    /// Judges a clock that says `now` when the highest accepted time is `accepted`. `expected` is what it should say,
    /// known once it was trusted in this run; `is_vouched_for` says whether something keeps it right.
    #[must_use]
    pub fn of(now: Moment, accepted: Moment, expected: Option<Moment>, is_vouched_for: bool, leaps: Leaps) -> Verdict {
        let latest = accepted.max(expected.unwrap_or(accepted));
        let leap = match expected.is_none() && is_vouched_for {
            true => leaps.stopped_seconds,
            false => leaps.running_seconds,
        };
        if now > latest.plus_seconds(leap) {
            Verdict::Ahead { seconds: now.seconds_since(latest) }
        } else if now < accepted.plus_seconds(-leaps.running_seconds) {
            Verdict::Behind { seconds: accepted.seconds_since(now) }
        } else {
            Verdict::Trusted
        }
    }

    /// Whether anything driven by time alone waits.
    #[must_use]
    pub fn waits(self) -> bool {
        matches!(self, Verdict::Ahead { .. })
    }

    /// What is wrong, as a sentence; `None` if the clock is trusted.
    #[must_use]
    pub fn sentence(self) -> Option<String> {
        Some(match self {
            Verdict::Trusted => return None,
            Verdict::Ahead { seconds } => {
                format!("The clock is {} ahead of the time this portal last accepted.", span(seconds))
            }
            Verdict::Behind { seconds } => {
                format!("The clock is {} behind the time this portal last accepted.", span(seconds))
            }
        })
    }
}

/// A duration in everyday words: the largest unit of which there are two.
fn span(seconds: i64) -> String {
    let units = [(365 * 86_400, "years"), (86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let (length, name) = units.into_iter().find(|(length, _)| seconds >= 2 * length).unwrap_or((1, "seconds"));
    format!("{} {name}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 86_400;
    const LEAPS: Leaps = Leaps { running_seconds: HOUR, stopped_seconds: 32 * DAY };

    #[test]
    fn a_leap_is_judged_by_the_time_known_to_have_passed() {
        let accepted = Moment(1_000_000_000_000_000);
        let later = |seconds| accepted.plus_seconds(seconds);
        let ahead = |seconds| Verdict::Ahead { seconds };
        for (now, expected, is_vouched_for, verdict) in [
            // At a start: the portal may have been off this long.
            (32 * DAY, None, true, Verdict::Trusted),
            (32 * DAY + 1, None, true, ahead(32 * DAY + 1)),
            (HOUR, None, false, Verdict::Trusted),
            (HOUR + 1, None, false, ahead(HOUR + 1)),
            // While it runs: even a vouched-for clock may not move further than the time that has passed.
            (HOUR, Some(0), true, Verdict::Trusted),
            (HOUR + 1, Some(0), true, ahead(HOUR + 1)),
            // The database was unreachable for a day, or the machine slept.
            (DAY, Some(DAY), true, Verdict::Trusted),
            (DAY + 2 * HOUR, Some(DAY), true, ahead(2 * HOUR)),
            // Another process has accepted what this one did not expect.
            (0, Some(-DAY), true, Verdict::Trusted),
            (-HOUR, Some(0), true, Verdict::Trusted),
            (-HOUR - 1, None, true, Verdict::Behind { seconds: HOUR + 1 }),
        ] {
            let judged = Verdict::of(later(now), accepted, expected.map(later), is_vouched_for, LEAPS);
            assert_eq!(judged, verdict, "{now} {expected:?} {is_vouched_for}");
        }
    }

    #[test]
    fn a_duration_is_worded_in_its_largest_unit() {
        let cases =
            [(3 * 365 * DAY, "3 years"), (32 * DAY, "32 days"), (2 * DAY - 1, "47 hours"), (61 * 60, "61 minutes")];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }
}
