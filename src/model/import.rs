//! A device file: CSV whose first line names the columns. Each row is read by itself, so that all faults are reported
//! at once, with their lines.

use serde::{Deserialize, Serialize};

use super::device::{DESCRIPTION_LENGTH_MAX, DeviceKind, NAME_LENGTH_MAX, SERIAL_LENGTH_MAX};
use super::hardware;
use super::resources::ResourceType;
use super::tag;

pub const ROWS_MAX: usize = 20_000;
/// The columns, in any order; all but the serial number or the name are optional.
pub const COLUMNS: [&str; 13] = [
    "serial",
    "name",
    "model",
    "kind",
    "company",
    "service",
    "auto_extend",
    "monitoring",
    "mac",
    "imei",
    "series",
    "description",
    "tags",
];
/// Files for RMS name columns like these, and hold passwords, which are not read.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("serial_number", "serial"),
    ("mac_address", "mac"),
    ("device_series", "series"),
    ("tag", "tags"),
    ("password", PASSED_OVER),
    ("password_confirmation", PASSED_OVER),
];
const PASSED_OVER: &str = "";

/// Why a file cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    Empty,
    /// The first line names neither a serial number nor a name, or it names an unknown column.
    Columns(String),
    TooManyRows,
}

/// Why a row cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowError {
    Unreadable,
    MissingSerial,
    MissingName,
    TooLong(String),
    /// Invisible characters, in this column.
    Hidden(String),
    UnknownKind(String),
    UnknownService(String),
    UnsuitableService,
    NotYesOrNo(String),
    UnknownCompany(String),
    /// An earlier line has the same serial number.
    SerialTwice(i64),
    SerialTaken,
    MalformedMac,
    MalformedImei,
    UnknownSeries(String),
    UnknownTag(String),
    TooManyTags,
}

/// A well-formed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub kind: DeviceKind,
    pub serial: String,
    pub name: String,
    pub model: String,
    /// A company's name or number; empty for the company that the import is for.
    pub company: String,
    pub service: Option<ResourceType>,
    pub auto_extend: bool,
    pub monitoring: bool,
    pub mac: String,
    pub imei: String,
    pub series: String,
    pub description: String,
    /// Names, with commas or semicolons between in the file.
    pub tags: Vec<String>,
}

/// A row with its line number, or what is wrong there.
pub type Line = (i64, Result<Row, RowError>);

/// Reads a file: each row with its line number.
pub fn read(text: &str) -> Result<Vec<Line>, FileError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(FileError::Empty);
    }
    let head = text.lines().next().unwrap_or_default();
    let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = columns(reader.headers().map_err(|_| FileError::Columns(head.to_owned()))?)?;
    let (mut rows, mut lines) = (Vec::new(), Lines { text, byte: 0, line: 1 });
    for record in reader.records() {
        if rows.len() == ROWS_MAX {
            return Err(FileError::TooManyRows);
        }
        rows.push(match record {
            Ok(record) => (lines.at(record.position()), row(&columns, &record)),
            Err(error) => (lines.at(error.position()), Err(RowError::Unreadable)),
        });
    }
    if rows.is_empty() { Err(FileError::Empty) } else { Ok(rows) }
}

/// Counts lines as an editor shows them: the reader's own count stops before empty lines.
struct Lines<'a> {
    text: &'a str,
    byte: usize,
    line: i64,
}

impl Lines<'_> {
    fn at(&mut self, position: Option<&csv::Position>) -> i64 {
        let bytes = self.text.as_bytes();
        let begin = position.map_or(self.byte, |p| p.byte() as usize).clamp(self.byte, bytes.len());
        let empty = bytes[begin..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        self.line += bytes[self.byte..begin + empty].iter().filter(|b| **b == b'\n').count() as i64;
        self.byte = begin + empty;
        self.line
    }
}

fn columns(head: &csv::StringRecord) -> Result<Vec<&'static str>, FileError> {
    let mut columns = Vec::new();
    for name in head {
        let wanted = name.to_lowercase().replace([' ', '-'], "_");
        let other = OTHER_NAMES.iter().find(|(other, _)| *other == wanted);
        if other.is_some_and(|(_, column)| *column == PASSED_OVER) {
            columns.push(PASSED_OVER);
            continue;
        }
        let wanted = other.map_or(wanted, |(_, column)| (*column).to_owned());
        let known = COLUMNS.into_iter().find(|c| *c == wanted && !columns.contains(c));
        columns.push(known.ok_or_else(|| FileError::Columns(name.to_owned()))?);
    }
    let has_label = columns.contains(&"serial") || columns.contains(&"name");
    if has_label { Ok(columns) } else { Err(FileError::Columns(String::new())) }
}

fn row(columns: &[&str], record: &csv::StringRecord) -> Result<Row, RowError> {
    if record.len() > columns.len() {
        return Err(RowError::Unreadable);
    }
    let value = |column: &str| {
        let place = columns.iter().position(|c| *c == column);
        place.and_then(|p| record.get(p)).unwrap_or_default()
    };
    let short = |column: &str, maximum: usize| {
        let text = value(column).to_owned();
        if text.chars().any(super::text::is_hidden) {
            return Err(RowError::Hidden(column.to_owned()));
        }
        if text.chars().count() > maximum { Err(RowError::TooLong(column.to_owned())) } else { Ok(text) }
    };
    let switch = |column: &str| match value(column).to_lowercase().as_str() {
        "" | "yes" | "on" | "1" | "true" => Ok(true),
        "no" | "off" | "0" | "false" => Ok(false),
        _ => Err(RowError::NotYesOrNo(column.to_owned())),
    };
    let kind = match value("kind").to_lowercase().as_str() {
        "" => DeviceKind::Device,
        text => DeviceKind::from_slug(text).ok_or_else(|| RowError::UnknownKind(text.to_owned()))?,
    };
    let row = Row {
        kind,
        serial: short("serial", SERIAL_LENGTH_MAX)?,
        name: short("name", NAME_LENGTH_MAX)?,
        model: short("model", NAME_LENGTH_MAX)?,
        company: value("company").to_owned(),
        service: service(value("service"))?,
        auto_extend: switch("auto_extend")?,
        monitoring: switch("monitoring")?,
        mac: short("mac", NAME_LENGTH_MAX)?,
        imei: short("imei", NAME_LENGTH_MAX)?,
        series: value("series").to_lowercase(),
        description: short("description", DESCRIPTION_LENGTH_MAX)?,
        tags: tag::names(value("tags")).into_iter().map(str::to_owned).collect(),
    };
    check_more(&row)?;
    match (kind, row.serial.is_empty(), row.name.is_empty()) {
        (DeviceKind::Device, true, _) => Err(RowError::MissingSerial),
        (DeviceKind::Apartment, _, true) => Err(RowError::MissingName),
        _ if row.service.is_some_and(|s| !kind.suits(s)) => Err(RowError::UnsuitableService),
        _ => Ok(row),
    }
}

fn check_more(row: &Row) -> Result<(), RowError> {
    if !row.mac.is_empty() && hardware::mac_digits(&row.mac).is_none() {
        return Err(RowError::MalformedMac);
    }
    if !row.imei.is_empty() && !hardware::is_imei(&row.imei) {
        return Err(RowError::MalformedImei);
    }
    if !row.series.is_empty() && hardware::series(&row.series).is_none() {
        return Err(RowError::UnknownSeries(row.series.clone()));
    }
    if row.tags.len() > tag::OF_DEVICE_MAX { Err(RowError::TooManyTags) } else { Ok(()) }
}

/// By slug or by label, ignoring case.
fn service(text: &str) -> Result<Option<ResourceType>, RowError> {
    let wanted = text.to_lowercase();
    if matches!(wanted.as_str(), "" | "none") {
        return Ok(None);
    }
    let is_it = |t: &ResourceType| t.slug().to_lowercase() == wanted || t.label().to_lowercase() == wanted;
    ResourceType::all().find(is_it).map(Some).ok_or_else(|| RowError::UnknownService(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_column_name() {
        let file = "\u{feff}Serial number;Service;Auto extend;Company\r\n SN 1 ;credit;no;Acme\r\n\"SN;2\";Device subscription;;\r\n";
        let rows = read(file).unwrap();
        let row = rows[0].1.clone().unwrap();
        assert_eq!((rows[0].0, row.serial.as_str(), row.company.as_str()), (2, "SN 1", "Acme"));
        assert_eq!((row.service, row.auto_extend, row.monitoring), (Some(ResourceType::CREDIT), false, true));
        let row = rows[1].1.clone().unwrap();
        assert_eq!((rows[1].0, row.serial.as_str(), row.service.unwrap().slug()), (3, "SN;2", "device_year"));
    }

    #[test]
    fn each_bad_row_is_reported_with_its_line() {
        let rows = read("serial,name,kind,service,monitoring\n,x\n,,apartment\nA,,boat\nB,,,gold\nC,,,apartment_year\nD,,,,maybe\n\nE,1,device,credit,yes,6\n").unwrap();
        let wrong: Vec<_> = rows.into_iter().map(|(line, row)| (line, row.unwrap_err())).collect();
        let text = |t: &str| t.to_owned();
        let expected = [
            (2, RowError::MissingSerial),
            (3, RowError::MissingName),
            (4, RowError::UnknownKind(text("boat"))),
            (5, RowError::UnknownService(text("gold"))),
            (6, RowError::UnsuitableService),
            (7, RowError::NotYesOrNo(text("monitoring"))),
            (9, RowError::Unreadable),
        ];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn a_file_without_the_required_columns_is_refused() {
        assert_eq!(read(" \n"), Err(FileError::Empty));
        assert_eq!(read("serial\n"), Err(FileError::Empty));
        assert_eq!(read("SN1,SN2\n"), Err(FileError::Columns("SN1".into())));
        assert_eq!(read("model\nX\n"), Err(FileError::Columns(String::new())));
        assert_eq!(read(&format!("serial\n{}", "a\n".repeat(ROWS_MAX + 1))), Err(FileError::TooManyRows));
    }
}
