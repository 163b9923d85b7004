//! Charts: SVG drawn on the server by a pure function of the points.

use askama::Template;
use jiff::tz::TimeZone;

use crate::model::amount::grouped;
use crate::model::time::Moment;

const WIDTH: i64 = 600;
const HEIGHT: i64 = 120;

/// A balance over time, as steps.
#[derive(Template)]
#[template(path = "parts/chart.html")]
pub struct Chart {
    line: String,
    area: String,
    highest: String,
    from: String,
    to: String,
    title: String,
}

impl Chart {
    /// The balance over the last days; `None` where nothing ever changed.
    pub fn of_balance(
        points: &[(i64, i64)],
        now_left: i64,
        now: Moment,
        days: i64,
        zone: &TimeZone,
    ) -> Option<Chart> {
        let start = now.plus_seconds(-days * 86_400);
        if points.is_empty() {
            return None;
        }
        let highest = points.iter().map(|p| p.1).chain([now_left, 1]).max()?;
        let x = |at: i64| {
            ((at - start.0).clamp(0, now.0 - start.0) as i128 * i128::from(WIDTH)
                / i128::from((now.0 - start.0).max(1))) as i64
        };
        let y =
            |balance: i64| HEIGHT - (i128::from(balance) * i128::from(HEIGHT) / i128::from(highest)) as i64;
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
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_is_drawn_as_steps_from_left_to_right() {
        let now = Moment(90 * 86_400_000_000);
        let chart =
            Chart::of_balance(&[(0, 10), (45 * 86_400_000_000, 5)], 5, now, 90, &TimeZone::UTC).unwrap();
        assert_eq!(chart.line, "M0 0H300V60H600");
        assert!(Chart::of_balance(&[], 5, now, 90, &TimeZone::UTC).is_none());
    }
}
