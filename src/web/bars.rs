//! Bar charts by month, in groups: SVG drawn on the server by a pure function of the numbers.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::model::month::Month;

const WIDTH: i64 = 600;
const HEIGHT: i64 = 120;

/// One kind of bar, with a number for each month. Its position among the series gives its colour.
pub struct Series {
    pub label: &'static str,
    pub values: Vec<i64>,
}

struct Bar {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
    /// Number of the series, from 1.
    series: usize,
    words: String,
}

/// Numbers by month, side by side.
#[derive(Template)]
#[template(path = "parts/bars.html")]
pub struct Bars {
    title: String,
    bars: Vec<Bar>,
    /// Height of zero.
    zero: i64,
    highest: String,
    /// The lowest number, if negative.
    lowest: Option<String>,
    from: String,
    to: String,
    legend: Vec<(usize, &'static str)>,
}

impl HtmlSafe for Bars {}

impl Bars {
    /// Draws the chart; `None` if every number is 0. `words` formats a number.
    pub fn of(title: String, months: &[Month], series: &[Series], words: impl Fn(i64) -> String) -> Option<Bars> {
        let (first, last) = (months.first()?, months.last()?);
        let all = || series.iter().flat_map(|s| s.values.iter().copied());
        if all().all(|value| value == 0) {
            return None;
        }
        let (highest, lowest) = (all().max()?.max(0), all().min()?.min(0));
        let range = i128::from(highest) - i128::from(lowest);
        let y = |value: i64| ((i128::from(highest) - i128::from(value)) * i128::from(HEIGHT) / range) as i64;
        let zero = y(0);
        let slot = WIDTH / months.len() as i64;
        let width = (slot * 4 / 5 / series.len() as i64).max(1);
        let mut bars = Vec::new();
        for (at, month) in (0..).zip(months) {
            for (index, s) in series.iter().enumerate() {
                let value = s.values.get(at as usize).copied().unwrap_or(0);
                if value == 0 {
                    continue;
                }
                let x = at * slot + slot / 10 + index as i64 * width;
                // A non-zero number is always visible.
                let height = (y(value) - zero).abs().max(1);
                let top = if value > 0 { zero - height } else { zero };
                let words = format!("{}, {}: {}", s.label, month.label(), words(value));
                bars.push(Bar { x, y: top, width, height, series: index + 1, words });
            }
        }
        let legend = if series.len() > 1 { (1..).zip(series.iter().map(|s| s.label)).collect() } else { vec![] };
        Some(Bars {
            title: format!("{title}, {} to {}", first.label(), last.label()),
            bars,
            zero,
            highest: words(highest),
            lowest: (lowest < 0).then(|| words(lowest)),
            from: first.label(),
            to: last.label(),
            legend,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[i64]) -> Option<Bars> {
        let months: Vec<Month> = (0..values.len() as i64).map(|n| Month(24_312 + n)).collect();
        let series = [Series { label: "Net", values: values.to_vec() }];
        Bars::of("Sales".into(), &months, &series, |n| n.to_string())
    }

    #[test]
    fn a_months_bar_is_as_high_as_its_number() {
        let bars = drawn(&[50, 0, 100]).unwrap();
        let shape = |b: &Bar| (b.x, b.y, b.width, b.height);
        assert_eq!(bars.bars.iter().map(shape).collect::<Vec<_>>(), [(20, 60, 160, 60), (420, 0, 160, 120)]);
        assert_eq!(bars.bars[0].words, "Net, Jan 2026: 50");
        assert_eq!((bars.zero, bars.title.as_str()), (120, "Sales, Jan 2026 to Mar 2026"));
        assert!(drawn(&[0, 0]).is_none() && drawn(&[]).is_none());
    }

    #[test]
    fn negative_numbers_hang_below_the_line() {
        let bars = drawn(&[100, -50, i64::MAX]).unwrap();
        assert!(bars.bars.iter().all(|b| b.height >= 1));
        let bars = drawn(&[100, -100]).unwrap();
        assert_eq!((bars.zero, bars.bars[1].y, bars.bars[1].height), (60, 60, 60));
        assert_eq!(bars.lowest.as_deref(), Some("-100"));
    }
}
