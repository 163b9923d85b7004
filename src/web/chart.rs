//! Line charts: SVG drawn on the server by a pure function of the points.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::tz::TimeZone;

use crate::model::amount::grouped;
use crate::model::coverage::Coverage;
use crate::model::time::Moment;

const WIDTH: i64 = 600;
const HEIGHT: i64 = 120;

/// A balance over time, as steps: past or forecast.
#[derive(Template)]
#[template(path = "parts/chart.html")]
pub struct Chart {
    line: String,
    area: String,
    highest: String,
    from: String,
    to: String,
    title: String,
    /// Where the balance is used up, and the day.
    mark: Option<(i64, String)>,
}

impl HtmlSafe for Chart {}

impl Chart {
    /// The balance over the last days; `None` if it never changed.
    pub fn of_balance(points: &[(i64, i64)], now_left: i64, now: Moment, days: i64, zone: &TimeZone) -> Option<Chart> {
        let start = now.plus_seconds(-days * 86_400);
        if points.is_empty() {
            return None;
        }
        let highest = points.iter().map(|p| p.1).chain([now_left, 1]).max()?;
        let x = |at: i64| {
            ((at - start.0).clamp(0, now.0 - start.0) as i128 * i128::from(WIDTH)
                / i128::from((now.0 - start.0).max(1))) as i64
        };
        let y = |balance: i64| HEIGHT - (i128::from(balance) * i128::from(HEIGHT) / i128::from(highest)) as i64;
        let (first_at, first) = points[0];
        let mut line = format!("M{} {}", x(first_at), y(first));
        for (at, balance) in &points[1..] {
            line.push_str(&format!("H{}V{}", x(*at), y(*balance)));
        }
        line.push_str(&format!("H{WIDTH}"));
        Some(Chart {
            area: format!("{line}V{HEIGHT}H{}Z", x(first_at)),
            line,
            highest: grouped(highest),
            from: start.readable_date(zone),
            to: now.readable_date(zone),
            title: format!("Balance over the last {days} days, now {}", grouped(now_left)),
            mark: None,
        })
    }

    /// The pool running down from today on, and the day on which it is used up. `None` if nothing draws on it, or
    /// nothing is left.
    pub fn of_coverage(coverage: &Coverage) -> Option<Chart> {
        let ((start, highest), (end, _)) = (*coverage.points.first()?, *coverage.points.last()?);
        let highest = highest.max(1);
        let x = |at: i64| (i128::from(at - start) * i128::from(WIDTH) / i128::from((end - start).max(1))) as i64;
        let y = |left: i64| HEIGHT - (i128::from(left) * i128::from(HEIGHT) / i128::from(highest)) as i64;
        let mut line = format!("M0 {}", y(coverage.points[0].1));
        for (at, left) in &coverage.points[1..] {
            line.push_str(&format!("H{}V{}", x(*at), y(*left)));
        }
        let until = coverage.until.readable_date(&TimeZone::UTC);
        Some(Chart {
            area: format!("{line}V{HEIGHT}H0Z"),
            line,
            highest: grouped(highest),
            from: Moment(start).readable_date(&TimeZone::UTC),
            to: Moment(end).readable_date(&TimeZone::UTC),
            title: format!("{} running down, lasts until {until}", coverage.resource_type.label()),
            mark: Some(coverage.until.0)
                .filter(|at| !coverage.is_used_up && *at <= end)
                .map(|at| (x(at), format!("Used up on {until}"))),
        })
        .filter(|_| !coverage.is_used_up)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_drawn_down_to_the_day_it_runs_out() {
        let day = |n: i64| Moment::of_day(20_000 + n);
        let mut coverage = Coverage {
            resource_type: crate::model::resources::ResourceType::CREDIT,
            until: day(30),
            is_used_up: false,
            is_beyond: false,
            points: vec![(day(0).0, 10), (day(15).0, 5), (day(30).0, 0), (day(60).0, 0)],
        };
        let chart = Chart::of_coverage(&coverage).unwrap();
        assert_eq!(chart.line, "M0 0H150V60H300V120H600V120");
        assert_eq!(chart.mark, Some((300, "Used up on 3 Nov 2024".into())));
        coverage.is_used_up = true;
        assert!(Chart::of_coverage(&coverage).is_none());
    }

    #[test]
    fn a_balance_is_drawn_as_steps_from_left_to_right() {
        let now = Moment(90 * 86_400_000_000);
        let chart = Chart::of_balance(&[(0, 10), (45 * 86_400_000_000, 5)], 5, now, 90, &TimeZone::UTC).unwrap();
        assert_eq!(chart.line, "M0 0H300V60H600");
        assert!(Chart::of_balance(&[], 5, now, 90, &TimeZone::UTC).is_none());
    }
}
