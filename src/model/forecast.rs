//! Coverage: how long a pool lasts. All renewals of the devices that draw on it are played forward, those of
//! subsidiaries once their own balance is used up; the first that cannot be paid marks the day.
//!
//! The days are not simulated one by one. The units demanded of a balance up to a day are a sum over counts of
//! renewals; whatever a subsidiary cannot pay itself is demanded of the balance above it. That number only grows with
//! time, so a binary search finds the day. The work depends on the counts, not on the number of devices or on how long
//! the pool lasts.

use std::collections::BTreeMap;

use super::device::period_end;
use super::resources::{ResourceType, Term};
use super::time::Moment;

/// How far to look ahead; a pool that lasts longer is reported as this.
pub const HORIZON_DAYS: i64 = 36_525;

/// A balance, and the devices that draw on it first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// The index of the balance that pays when this one is empty, earlier in the list. The first pool has none: it is
    /// the one being forecast.
    pub parent: Option<usize>,
    pub balance: i64,
    /// How many devices renew next on which day, in days since 1970.
    pub renewals: Vec<(i64, i64)>,
}

/// Pools of one resource type, as of a day.
#[derive(Debug)]
pub struct Forecast {
    pools: Vec<Pool>,
    today: i64,
    /// For each day with a next renewal: that day and those of the following renewals, up to the horizon. A pool's
    /// renewals hold the index here.
    series: Vec<Vec<i64>>,
}

impl Forecast {
    /// Forecasts the first pool; the others draw on it, and each follows its parent.
    #[must_use]
    pub fn new(resource_type: ResourceType, today: i64, mut pools: Vec<Pool>) -> Forecast {
        let (mut series, mut places) = (Vec::new(), BTreeMap::new());
        for (day, _) in pools.iter_mut().flat_map(|pool| &mut pool.renewals) {
            // What is already due is renewed today.
            let first = (*day).max(today);
            *day = *places.entry(first).or_insert_with(|| {
                series.push(days_of(resource_type, first, today + HORIZON_DAYS));
                series.len() as i64 - 1
            });
        }
        Forecast { pools, today, series }
    }

    /// The day of the first renewal that cannot be paid, at most [`HORIZON_DAYS`] from today. `None` if nothing draws
    /// on the pool.
    #[must_use]
    pub fn coverage(&self) -> Option<i64> {
        self.series.first()?;
        let balance = self.pools.first()?.balance;
        let (mut paid, mut unpaid) = (self.today - 1, self.today + HORIZON_DAYS);
        while unpaid - paid > 1 {
            let middle = paid + (unpaid - paid) / 2;
            if self.demanded_until(middle) > balance { unpaid = middle } else { paid = middle }
        }
        Some(unpaid)
    }

    /// What is left of the pool after a day.
    #[must_use]
    pub fn left_after(&self, day: i64) -> i64 {
        self.pools.first().map_or(0, |pool| pool.balance.saturating_sub(self.demanded_until(day)).max(0))
    }

    /// How many units are demanded of the first pool up to and including a day.
    fn demanded_until(&self, day: i64) -> i64 {
        let times: Vec<i64> = self.series.iter().map(|days| days.partition_point(|d| *d <= day) as i64).collect();
        let mut demanded = vec![0_i64; self.pools.len()];
        for (place, pool) in self.pools.iter().enumerate().rev() {
            for (series, devices) in &pool.renewals {
                demanded[place] = demanded[place].saturating_add(devices.saturating_mul(times[*series as usize]));
            }
            if let Some(parent) = pool.parent {
                demanded[parent] = demanded[parent].saturating_add((demanded[place] - pool.balance).max(0));
            }
        }
        demanded.first().copied().unwrap_or(0)
    }
}

fn days_of(resource_type: ResourceType, first: i64, end: i64) -> Vec<i64> {
    if let Term::Days(days) = resource_type.term() {
        return (first..=end).step_by(days as usize).collect();
    }
    let next = |day: &i64| Some(period_end(resource_type, Moment::of_day(*day)).day());
    std::iter::successors(Some(first), next).take_while(|day| *day <= end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TODAY: i64 = 20_778;

    /// Simulates each device by itself, day by day.
    fn simulated(resource_type: ResourceType, pools: &[Pool], days: i64) -> (Option<i64>, Vec<i64>) {
        let mut balances: Vec<i64> = pools.iter().map(|p| p.balance).collect();
        let mut devices: Vec<(usize, i64)> = Vec::new();
        for (place, pool) in pools.iter().enumerate() {
            for (day, count) in &pool.renewals {
                devices.extend((0..*count).map(|_| (place, *day)));
            }
        }
        let mut left = Vec::new();
        for day in TODAY..TODAY + days {
            for (place, due) in devices.iter_mut().filter(|(_, due)| *due <= day) {
                let mut payer = Some(*place);
                while payer.is_some_and(|p| balances[p] == 0) {
                    payer = payer.and_then(|p| pools[p].parent);
                }
                let Some(payer) = payer else { return (Some(day), left) };
                balances[payer] -= 1;
                *due = period_end(resource_type, Moment::of_day(day)).day();
            }
            left.push(balances[0]);
        }
        (None, left)
    }

    fn pools() -> impl Strategy<Value = Vec<Pool>> {
        let renewals = prop::collection::vec((TODAY - 3..TODAY + 400, 1_i64..4), 0..4);
        let pool = (any::<prop::sample::Index>(), 0_i64..60, renewals);
        prop::collection::vec(pool, 1..6).prop_map(|list| {
            let mut pools = Vec::new();
            for (place, (parent, balance, renewals)) in list.into_iter().enumerate() {
                let parent = (place > 0).then(|| parent.index(place));
                pools.push(Pool { parent, balance, renewals });
            }
            pools
        })
    }

    proptest! {
        #[test]
        fn the_formula_agrees_with_a_simulation(pools in pools(), id in 1_i64..=9) {
            let resource_type = ResourceType::try_from(id).unwrap();
            let days = 1_500;
            let (day, left) = simulated(resource_type, &pools, days);
            let has_devices = pools.iter().any(|p| !p.renewals.is_empty());
            let forecast = Forecast::new(resource_type, TODAY, pools);
            let coverage = forecast.coverage();
            prop_assert_eq!(coverage.is_some(), has_devices);
            prop_assert_eq!(coverage.filter(|d| *d < TODAY + days), day);
            for (n, left) in (0..).zip(left) {
                prop_assert_eq!(forecast.left_after(TODAY + n), left);
            }
        }
    }

    #[test]
    fn coverage_is_capped_at_the_horizon() {
        let pool = Pool { parent: None, balance: i64::MAX, renewals: vec![(TODAY, 1_000_000)] };
        let forecast = Forecast::new(ResourceType::CREDIT, TODAY, vec![pool]);
        assert_eq!(forecast.coverage(), Some(TODAY + HORIZON_DAYS));
        assert_eq!(Forecast::new(ResourceType::CREDIT, TODAY, Vec::new()).coverage(), None);
    }
}
