//! Calendar months in UTC, used by reports.

use jiff::tz::TimeZone;

use super::time::Moment;

/// Most months that one report covers.
pub const PERIOD_MONTHS_MAX: i64 = 36;

/// A month as stored: twelve times the year, plus the months of the year before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(pub i64);

impl Month {
    /// The month of a moment.
    #[must_use]
    pub fn of(at: Moment) -> Month {
        let date = at.zoned(&TimeZone::UTC).date();
        Month(i64::from(date.year()) * 12 + i64::from(date.month()) - 1)
    }

    /// Parses the value of a month field: "2026-11".
    #[must_use]
    pub fn parse(text: &str) -> Option<Month> {
        let (year, month) = text.trim().split_once('-')?;
        let digits = |s: &str, count| s.len() == count && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return None;
        }
        let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
        ((1..=12).contains(&month) && year > 0).then_some(Month(year * 12 + month - 1))
    }

    #[must_use]
    pub fn plus(self, months: i64) -> Month {
        Month(self.0 + months)
    }

    /// For fields and files: "2026-11".
    #[must_use]
    pub fn slug(self) -> String {
        format!("{:04}-{:02}", self.0.div_euclid(12), self.0.rem_euclid(12) + 1)
    }

    /// For people: "Nov 2026".
    #[must_use]
    pub fn label(self) -> String {
        const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        format!("{} {}", NAMES[self.0.rem_euclid(12) as usize], self.0.div_euclid(12))
    }
}

/// Consecutive months, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: Month,
    pub to: Month,
}

/// Why the two fields are not a period, with the field at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodError {
    /// Not a month.
    Unreadable,
    /// It ends before it begins.
    Backwards,
    TooLong,
}

impl Period {
    /// The twelve months that end with this one.
    #[must_use]
    pub fn year_to(to: Month) -> Period {
        Period { from: to.plus(-11), to }
    }

    /// Reads the two fields; a missing one makes it a year, ending now if both are missing.
    ///
    /// # Errors
    /// The field, `from` or `to`, with what is wrong there.
    pub fn read(from: &str, to: &str, now: Moment) -> Result<Period, (&'static str, PeriodError)> {
        let read = |text: &str, field| match text.trim() {
            "" => Ok(None),
            text => Month::parse(text).map(Some).ok_or((field, PeriodError::Unreadable)),
        };
        let (from, to) = (read(from, "from")?, read(to, "to")?);
        let to = to.unwrap_or_else(|| Month::of(now));
        let period = Period { from: from.unwrap_or(to.plus(-11)), to };
        match period.to.0 - period.from.0 {
            ..0 => Err(("to", PeriodError::Backwards)),
            0..PERIOD_MONTHS_MAX => Ok(period),
            _ => Err(("from", PeriodError::TooLong)),
        }
    }

    /// Its months, first to last.
    pub fn months(self) -> impl DoubleEndedIterator<Item = Month> {
        (self.from.0..=self.to.0).map(Month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Moment = Moment(1_795_262_400_000_000);

    #[test]
    fn a_month_is_read_and_shown() {
        let november = Month::of(NOON);
        assert_eq!((november.slug(), november.label()), ("2026-11".into(), "Nov 2026".into()));
        assert_eq!(Month::parse("2026-11"), Some(november));
        assert_eq!(november.plus(2).slug(), "2027-01");
        for text in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "+026-11", "2026-11-21", "é026-11"] {
            assert_eq!(Month::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_period_defaults_to_a_year() {
        let read = |from, to| Period::read(from, to, NOON);
        assert_eq!(read("", "").unwrap().from.slug(), "2025-12");
        assert_eq!(read("", "2025-03").unwrap().months().count(), 12);
        assert_eq!(read("2023-12", "").unwrap().months().count(), 36);
        assert_eq!(read("2023-11", ""), Err(("from", PeriodError::TooLong)));
        assert_eq!(read("2026-12", ""), Err(("to", PeriodError::Backwards)));
        assert_eq!(read("x", "y"), Err(("from", PeriodError::Unreadable)));
        assert_eq!(read("", "y"), Err(("to", PeriodError::Unreadable)));
    }
}
