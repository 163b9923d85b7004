//! CSV files, read in short steps so that a long download holds no transaction open.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::mpsc;

use crate::ops::error::OpResult;

/// A cell that no spreadsheet takes for a formula.
pub fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
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

/// How many rows are read at a time.
pub const STEP: i64 = 500;

/// A file of all rows of a list: the first page is there, the others are read while it is sent.
/// `line` gives a row's id and its cells, `read` the page after an id.
pub fn download<T, R>(
    name: &str,
    head: &[&str],
    first: Vec<T>,
    line: fn(&T) -> (i64, Vec<String>),
    read: impl Fn(i64) -> R + Send + 'static,
) -> Response
where
    T: Send + 'static,
    R: Future<Output = OpResult<Vec<T>>> + Send,
{
    let (feed, chunks) = mpsc::channel(2);
    let head = lines(&[head.iter().map(|h| (*h).to_owned()).collect()]);
    tokio::spawn(async move {
        let mut page = first;
        let mut sent = feed.send(head).await;
        while sent.is_ok() {
            let rows: Vec<(i64, Vec<String>)> = page.iter().map(line).collect();
            let (ids, cells): (Vec<i64>, Vec<Vec<String>>) = rows.into_iter().unzip();
            sent = feed.send(lines(&cells)).await;
            let last = ids.last().copied().filter(|_| ids.len() as i64 == STEP);
            let Some(last) = last else { return };
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
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::from_stream(stream)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx"] {
            assert!(cell(text).starts_with('\''), "{text:?}");
        }
        assert_eq!(cell("Acme = fine"), "Acme = fine");
        assert_eq!(lines(&[vec!["a,\"b".into(), "=x".into()]]), b"\"a,\"\"b\",'=x\n");
    }
}
