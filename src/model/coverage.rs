//! How long a balance lasts, and the chart of how it runs down.

use super::forecast::{Forecast, HORIZON_DAYS};
use super::resources::ResourceType;
use super::time::Moment;

/// Points of the chart of a pool that runs down.
const POINTS: i64 = 120;
/// A pool that lasts longer is drawn this far.
const DRAWN_DAYS_MAX: i64 = 3_652;

/// How long one balance lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub resource_type: ResourceType,
    /// The start, in UTC, of the day of the first renewal that cannot be paid.
    pub until: Moment,
    /// Nothing is left for today's renewals.
    pub is_used_up: bool,
    /// It lasts beyond the horizon, and `until` is the horizon.
    pub is_beyond: bool,
    /// What is left after each day, from today on: start of the day, and units.
    pub points: Vec<(i64, i64)>,
}

impl Coverage {
    /// The coverage of one balance from a day on; `None` if nothing draws on it.
    #[must_use]
    pub fn of(resource_type: ResourceType, forecast: &Forecast, today: i64) -> Option<Coverage> {
        let day = forecast.coverage()?;
        let days = day - today;
        let drawn = if days > DRAWN_DAYS_MAX { DRAWN_DAYS_MAX } else { days + days / 10 + 1 };
        let mut shown: Vec<i64> = (0..=POINTS).map(|n| today + drawn * n / POINTS).chain([day]).collect();
        shown.retain(|d| *d <= today + drawn);
        shown.sort_unstable();
        shown.dedup();
        Some(Coverage {
            resource_type,
            until: Moment::of_day(day),
            is_used_up: days == 0,
            is_beyond: days >= HORIZON_DAYS,
            points: shown.into_iter().map(|d| (Moment::of_day(d).0, forecast.left_after(d))).collect(),
        })
    }
}
