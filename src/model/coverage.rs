//! Until when a balance lasts, and the picture of how it runs down.

use super::forecast::{Forecast, HORIZON_DAYS};
use super::resources::ResourceType;
use super::time::Moment;

/// Points of the picture of a pool that runs down.
const POINTS: i64 = 120;
/// What lasts longer is drawn this far.
const DRAWN_DAYS_MAX: i64 = 3_652;

/// Until when one balance lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    pub resource_type: ResourceType,
    /// The first moment of the day of the first renewal that cannot be paid, in UTC.
    pub until: Moment,
    /// Nothing is left for today's renewals.
    pub is_used_up: bool,
    /// It lasts longer than is looked ahead: `until` is as far as that.
    pub is_beyond: bool,
    /// What is left after a day, from today on: the first moment of the day, and units.
    pub points: Vec<(i64, i64)>,
}

impl Coverage {
    /// The coverage of one balance from a day on; `None` where nothing draws on it.
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
