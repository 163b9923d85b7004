//! Moments: microseconds since 1970 in UTC, as stored in the database.

use jiff::{Timestamp, tz::TimeZone};

const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// A moment in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Moment(pub i64);

impl From<i64> for Moment {
    fn from(microseconds: i64) -> Self {
        Moment(microseconds)
    }
}

impl Moment {
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Moment {
        Moment(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whole seconds from `earlier` to this moment, rounded up; 0 if it has passed.
    #[must_use]
    pub fn seconds_since(self, earlier: Moment) -> i64 {
        (self.0 - earlier.0).max(0).div_ceil_micros()
    }

    /// `months` calendar months later, at the same time of day in UTC; a day that the month lacks becomes its last.
    #[must_use]
    pub fn plus_months(self, months: i64) -> Moment {
        let later = self.zoned(&TimeZone::UTC).checked_add(jiff::Span::new().months(months));
        later.map_or(self, |z| Moment(z.timestamp().as_microsecond()))
    }

    /// Days since 1970, in UTC.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_MICROSECONDS)
    }

    /// The first moment of a day since 1970, in UTC.
    #[must_use]
    pub fn of_day(day: i64) -> Moment {
        Moment(day.saturating_mul(DAY_MICROSECONDS))
    }

    /// For people, in a named time zone: "21 Nov 2026, 14:05".
    #[must_use]
    pub fn readable(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%-d %b %Y, %H:%M").to_string()
    }

    /// Only the day, in a named time zone: "21 Nov 2026".
    #[must_use]
    pub fn readable_date(self, zone: &TimeZone) -> String {
        self.zoned(zone).strftime("%-d %b %Y").to_string()
    }

    /// The exact moment in UTC: "2026-11-21 14:05:09 UTC".
    #[must_use]
    pub fn exact(self) -> String {
        self.zoned(&TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    }

    /// RFC 3339 in UTC, for `<time datetime>`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.zoned(&TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    #[must_use]
    pub fn zoned(self, zone: &TimeZone) -> jiff::Zoned {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
    }
}

/// Parses the value of a date field ("2026-11-21") and returns its first moment in the zone.
#[must_use]
pub fn day_start(text: &str, zone: &TimeZone) -> Option<Moment> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    let start = date.to_zoned(zone.clone()).ok()?;
    Some(Moment(start.timestamp().as_microsecond()))
}

/// The last moment of a day in UTC.
#[must_use]
pub fn end_of(day: jiff::civil::Date) -> Moment {
    let next = day.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC));
    next.map_or(Moment(i64::MAX), |next| Moment(next.timestamp().as_microsecond() - 1))
}

/// The first moment after the day that `text` names.
#[must_use]
pub fn day_end(text: &str, zone: &TimeZone) -> Option<Moment> {
    let date: jiff::civil::Date = text.trim().parse().ok()?;
    let end = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
    Some(Moment(end.timestamp().as_microsecond()))
}

trait DivCeilMicros {
    fn div_ceil_micros(self) -> i64;
}

impl DivCeilMicros for i64 {
    fn div_ceil_micros(self) -> i64 {
        self / 1_000_000 + i64::from(self % 1_000_000 > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_its_readers_time_zone() {
        let moment = Moment(1_795_269_909_000_000);
        assert_eq!(moment.exact(), "2026-11-21 14:05:09 UTC");
        let vilnius = TimeZone::get("Europe/Vilnius").unwrap();
        assert_eq!(moment.readable(&vilnius), "21 Nov 2026, 16:05");
        assert_eq!(moment.rfc3339(), "2026-11-21T14:05:09Z");
    }

    #[test]
    fn a_day_that_a_month_lacks_becomes_its_last_day() {
        let end_of_january = day_start("2028-01-31", &TimeZone::UTC).unwrap();
        assert_eq!(end_of_january.plus_months(1).exact(), "2028-02-29 00:00:00 UTC");
        assert_eq!(end_of_january.plus_months(13).exact(), "2029-02-28 00:00:00 UTC");
        assert_eq!(Moment::of_day(end_of_january.day()), end_of_january);
        assert_eq!(Moment(-1).day(), -1);
    }

    #[test]
    fn a_day_begins_and_ends_in_its_zone() {
        let start = day_start("2026-11-21", &TimeZone::UTC).unwrap();
        let end = day_end("2026-11-21", &TimeZone::UTC).unwrap();
        assert_eq!(end.seconds_since(start), 86_400);
        assert!(day_start("2026-02-30", &TimeZone::UTC).is_none());
        assert!(day_end("nonsense", &TimeZone::UTC).is_none());
    }
}
