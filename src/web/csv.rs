//! CSV files.

use axum::response::Response;

use super::downloads::{self, File};
use super::error::WebResult;
use super::state::Portal;
use crate::app::App;
use crate::ops::actor::Actor;
use crate::ops::error::OpResult;

/// A cell that no spreadsheet takes for a formula. Negative numbers stay numbers.
pub fn cell(text: &str) -> String {
    let is_number = text.strip_prefix('-').is_some_and(|rest| {
        let (whole, part) = rest.split_once('.').unwrap_or((rest, "0"));
        [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    });
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number { format!("'{text}") } else { text.to_owned() }
}

/// Rows as CSV text.
pub fn lines(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        // Writing to memory cannot fail.
        let _ = writer.write_record(row.iter().map(|c| cell(c)));
    }
    writer.into_inner().unwrap_or_default()
}

/// A file of all rows of a list. `line` returns a row's place, such as its id, and its cells; `read`, the rows after a
/// place.
pub async fn download<T, C, R>(
    portal: &Portal,
    actor: &Actor,
    (name, head): (String, &[&str]),
    line: impl Fn(&T) -> (C, Vec<String>) + Send + Sync + 'static,
    read: impl Fn(App, Option<C>) -> R + Send + Sync + 'static,
) -> WebResult<Response>
where
    T: Send + Sync + 'static,
    C: Send + Sync + 'static,
    R: Future<Output = OpResult<Vec<T>>> + Send,
{
    let head = lines(&[head.iter().map(|h| (*h).to_owned()).collect()]);
    let file = File { name, media_type: "text/csv; charset=utf-8", head };
    let write = move |rows: &[T]| {
        let (mut places, cells): (Vec<C>, Vec<Vec<String>>) = rows.iter().map(&line).unzip();
        (lines(&cells), places.pop())
    };
    downloads::send(portal, actor, file, write, read).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed() {
        for text in ["=1+1", "+1", "-1+1", "-A1", "-", "-1.", "-.5", "-1.2.3", "@x", "\tx"] {
            assert!(cell(text).starts_with('\''), "{text:?}");
        }
        for text in ["Acme = fine", "-1.50", "-300"] {
            assert_eq!(cell(text), text);
        }
        assert_eq!(lines(&[vec!["a,\"b".into(), "=x".into()]]), b"\"a,\"\"b\",'=x\n");
    }
}
