//! Coverage: until when each balance of a company lasts for the devices that draw on it.

use super::actor::Actor;
use super::error::OpResult;
use crate::app::App;
use crate::model::forecast::{Forecast, HORIZON_DAYS};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store;

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

/// The coverage of each balance of a company of the tree on which something draws.
///
/// # Errors
/// [`super::error::OpError::NotFound`] outside the tree.
pub async fn of_company(app: &App, actor: &Actor, company_id: i64) -> OpResult<Vec<Coverage>> {
    super::companies::find(app, actor, company_id).await?;
    let today = app.clock.now().day();
    let mut tx = app.db.read().await?;
    let pools = store::coverage::pools(&mut tx, company_id, today).await?;
    drop(tx);
    Ok(pools
        .into_iter()
        .filter_map(|(t, pools)| coverage(t, &Forecast::new(t, today, pools), today))
        .collect())
}

/// The coverage of one balance of a company. None where nothing draws on it.
///
/// # Errors
/// As [`of_company`].
pub async fn of_pool(
    app: &App,
    actor: &Actor,
    company_id: i64,
    of: ResourceType,
) -> OpResult<Option<Coverage>> {
    let all = of_company(app, actor, company_id).await?;
    Ok(all.into_iter().find(|c| c.resource_type == of))
}

fn coverage(resource_type: ResourceType, forecast: &Forecast, today: i64) -> Option<Coverage> {
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
