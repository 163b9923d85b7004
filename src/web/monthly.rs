//! Numbers by month: a chart, and the same as a table for people and screen readers.

use askama::Template;
use askama::filters::HtmlSafe;

use super::bars::{Bars, Series};
use crate::model::month::{Month, Period};

/// Several numbers for each month of a period.
#[derive(Template)]
#[template(path = "parts/monthly.html")]
pub struct Monthly {
    pub title: String,
    pub columns: &'static [&'static str],
    /// `None` if every number is 0.
    chart: Option<Bars>,
    /// Latest month first. Months without events are left out; the chart has them.
    rows: Vec<(String, Vec<String>)>,
    sum: Vec<String>,
}

impl HtmlSafe for Monthly {}

impl Monthly {
    /// `found` has the months with events; `words` formats a number. The chart shows the first `drawn` columns.
    pub fn of<const N: usize>(
        title: String,
        (columns, drawn): (&'static [&'static str; N], usize),
        period: Period,
        found: impl IntoIterator<Item = (Month, [i64; N])>,
        words: impl Fn(i64) -> String,
    ) -> Monthly {
        let mut months: Vec<(Month, [i64; N])> = period.months().map(|month| (month, [0; N])).collect();
        for (month, numbers) in found {
            if let Some((_, sum)) = months.iter_mut().find(|(m, _)| *m == month) {
                *sum = add(*sum, numbers);
            }
        }
        let sum = months.iter().fold([0; N], |sum, (_, numbers)| add(sum, *numbers));
        let values = |column: usize| months.iter().map(|(_, numbers)| numbers[column]).collect();
        let series: Vec<Series> =
            (0..drawn).map(|column| Series { label: columns[column], values: values(column) }).collect();
        let names: Vec<Month> = months.iter().map(|(month, _)| *month).collect();
        let shown = |numbers: [i64; N]| numbers.into_iter().map(&words).collect();
        let active = months.iter().rev().filter(|(_, numbers)| *numbers != [0; N]);
        Monthly {
            chart: Bars::of(format!("{title} by month"), &names, &series, &words),
            rows: active.map(|(month, numbers)| (month.label(), shown(*numbers))).collect(),
            sum: shown(sum),
            title,
            columns,
        }
    }
}

fn add<const N: usize>(a: [i64; N], b: [i64; N]) -> [i64; N] {
    std::array::from_fn(|i| a[i] + b[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_with_activity_has_a_row() {
        let period = Period { from: Month(24_312), to: Month(24_314) };
        let found = [(Month(24_312), [1, 2]), (Month(24_314), [10, 0]), (Month(24_314), [5, 1])];
        let monthly = Monthly::of("Codes".into(), (&["Made", "Used"], 2), period, found, |n| n.to_string());
        let row = |month: &str, numbers: [&str; 2]| (month.to_owned(), numbers.map(String::from).to_vec());
        assert_eq!(monthly.rows, [row("Mar 2026", ["15", "1"]), row("Jan 2026", ["1", "2"])]);
        assert_eq!(monthly.sum, ["16", "3"]);
        let page = monthly.render().unwrap();
        assert!(page.contains("Codes by month, Jan 2026 to Mar 2026") && page.contains("Used, Mar 2026: 1"));
    }
}
