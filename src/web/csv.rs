//! CSV files, read in short steps so that a long download holds no transaction open.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::mpsc;

use crate::ops::error::OpResult;

/// A cell that no spreadsheet takes for a formula. A number below zero is a number.
pub fn cell(text: &str) -> String {
    let is_number = text.strip_prefix('-').is_some_and(|rest| {
        let (whole, part) = rest.split_once('.').unwrap_or((rest, "0"));
        [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    });
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
        format!("'{text}")
    } else {
        text.to_owned()
    }
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

/// A file of a few rows.
pub fn file(name: &str, head: &[&str], rows: &[Vec<String>]) -> Response {
    let mut text = lines(&[head.iter().map(|h| (*h).to_owned()).collect()]);
    text.extend(lines(rows));
    (headers(name), text).into_response()
}

fn headers(name: &str) -> [(header::HeaderName, String); 2] {
    [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ]
}

/// How many rows are read at a time.
pub const STEP: i64 = 500;

/// A file of all rows of a list: the first page is there, the others are read while it is sent.
/// `line` gives what tells a row's place, such as its id, and its cells; `read` the page after a place.
pub fn download<T, C, R>(
    name: &str,
    head: &[&str],
    first: Vec<T>,
    line: fn(&T) -> (C, Vec<String>),
    read: impl Fn(C) -> R + Send + 'static,
) -> Response
where
    T: Send + 'static,
    C: Send + 'static,
    R: Future<Output = OpResult<Vec<T>>> + Send,
{
    let (feed, chunks) = mpsc::channel(2);
    let head = lines(&[head.iter().map(|h| (*h).to_owned()).collect()]);
    tokio::spawn(async move {
        let mut page = first;
        let mut sent = feed.send(head).await;
        while sent.is_ok() {
            let (mut places, cells): (Vec<C>, Vec<Vec<String>>) = page.iter().map(line).unzip();
            sent = feed.send(lines(&cells)).await;
            let is_full = places.len() as i64 == STEP;
            let Some(last) = places.pop().filter(|_| is_full) else { return };
            match read(last).await {
                Ok(more) => page = more,
                Err(error) => return tracing::error!(%error, "a CSV file was cut short"),
            }
        }
    });
    let stream = futures_util::stream::unfold(chunks, |mut chunks| async move {
        let chunk = chunks.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), chunks))
    });
    (headers(name), Body::from_stream(stream)).into_response()
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
