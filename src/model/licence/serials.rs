//! Serial numbers as people type, paste or upload them.

use super::SerialError;
use crate::model::company::searchable;
use crate::model::device::SERIAL_LENGTH_MAX;
use crate::model::order::SERIALS_MAX;

/// The names that a column of serial numbers may have.
const HEADS: [&str; 2] = ["serial", "serial_number"];

/// Reads serial numbers separated by line breaks, spaces, commas or semicolons; one in double quotes may contain these.
/// A file whose first line names a column `serial` is read as CSV. Duplicates count once.
pub fn read(text: &str) -> Result<Vec<String>, SerialError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut seen = std::collections::BTreeSet::new();
    let mut serials = Vec::new();
    for found in column(text).unwrap_or_else(|| words(text)) {
        let serial = one(&found)?;
        if seen.insert(searchable(&serial)) {
            serials.push(serial);
        }
        if serials.len() > SERIALS_MAX {
            return Err(SerialError::TooMany);
        }
    }
    if serials.is_empty() { Err(SerialError::Missing) } else { Ok(serials) }
}

/// Reads one serial number.
pub fn one(text: &str) -> Result<String, SerialError> {
    let text = text.trim();
    let is_serial = text.chars().count() <= SERIAL_LENGTH_MAX
        && text.chars().any(char::is_alphanumeric)
        && !text.chars().any(|c| super::super::text::is_hidden(c) || c == '"');
    match text {
        "" => Err(SerialError::Missing),
        _ if is_serial => Ok(text.to_owned()),
        _ => {
            Err(SerialError::Malformed(text.chars().filter(|c| !super::super::text::is_hidden(*c)).take(40).collect()))
        }
    }
}

/// The serial numbers, one per line, in a form that [`read`] accepts.
#[must_use]
pub fn write(serials: &[String]) -> String {
    let line = |s: &String| if s.contains(is_between) { format!("\"{s}\"") } else { s.clone() };
    serials.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';')
}

fn words(text: &str) -> Vec<String> {
    let (mut words, mut is_quoted) = (vec![String::new()], false);
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if is_between(c) && !is_quoted => words.push(String::new()),
            c => words.last_mut().expect("there is one at least").push(c),
        }
    }
    words.retain(|word| !word.trim().is_empty());
    words
}

/// The column of serial numbers, if the first line names one.
fn column(text: &str) -> Option<Vec<String>> {
    let head = text.lines().next()?;
    let delimiter = [';', '\t'].into_iter().find(|d| head.contains(*d)).unwrap_or(',');
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter as u8)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let is_head = |name: &str| HEADS.contains(&name.to_lowercase().replace([' ', '-'], "_").as_str());
    let place = reader.headers().ok()?.iter().position(is_head)?;
    let cells = reader.records().filter_map(Result::ok).map(|r| r.get(place).unwrap_or_default().to_owned());
    Some(cells.filter(|cell| !cell.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(text: &str, wanted: &[&str]) {
        assert_eq!(read(text).unwrap(), wanted, "{text:?}");
    }

    #[test]
    fn serial_numbers_may_be_separated_in_any_usual_way() {
        reads("7-1\r\n7-2, 7-3;7-4 7-5\t7-6,,", &["7-1", "7-2", "7-3", "7-4", "7-5", "7-6"]);
        reads("\u{feff}a B A b", &["a", "B"]);
        reads("\"SN 1\" x", &["SN 1", "x"]);
        reads("Model;Serial number;Name\r\nX;SN 1;Gate\r\nX;;\r\nX;\"SN;2\";\r\n", &["SN 1", "SN;2"]);
        reads("serial\n7-1\n7-2\n", &["7-1", "7-2"]);
    }

    #[test]
    fn parsed_serial_numbers_round_trip() {
        let serials = vec!["SN 1".to_owned(), "a,b".to_owned(), "7-1".to_owned()];
        assert_eq!(read(&write(&serials)), Ok(serials));
    }

    #[test]
    fn invalid_serial_numbers_are_reported() {
        assert_eq!(read(" ,\n"), Err(SerialError::Missing));
        assert_eq!(read("serial\n"), Err(SerialError::Missing));
        assert_eq!(read("7-1 --"), Err(SerialError::Malformed("--".into())));
        assert_eq!(read("\"7-1\n7-2"), Err(SerialError::Malformed("7-17-2".into())));
        assert_eq!(read(&"9".repeat(101)), Err(SerialError::Malformed("9".repeat(40))));
        let many: Vec<String> = (0..=SERIALS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(read(&many.join(" ")), Err(SerialError::TooMany));
    }
}
