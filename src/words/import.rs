//! Why a file of devices cannot be read or one of its rows not added, and what was done with it.

use super::device::{MALFORMED_IMEI, MALFORMED_MAC, SERIAL_TAKEN, UNSUITABLE_SERVICE};
use super::{Notice, Worded, invalid};
use crate::model::amount::grouped;
use crate::model::event::ImportEvent;
use crate::model::hardware::SERIES;
use crate::model::import::{COLUMNS, FileError, ROWS_MAX, RowError};
use crate::model::tag::OF_DEVICE_MAX;

pub(super) fn file(error: &FileError) -> Worded {
    invalid("FILE", file_sentence(error))
}

fn file_sentence(error: &FileError) -> String {
    match error {
        FileError::Empty => "Choose a file, or paste its text: a line with the names of the columns, then a line for \
                             each device."
            .into(),
        FileError::TooManyRows => {
            format!("The file has more than {} rows. Send it in parts.", grouped(ROWS_MAX as i64))
        }
        FileError::Columns(name) if name.is_empty() => {
            "The first line must name the columns, and one of them is serial or name.".into()
        }
        FileError::Columns(name) => format!(
            "The first line must name the columns, each once, of these: {}. “{name}” is none of them.",
            COLUMNS.join(", ")
        ),
    }
}

/// Why a row of a file cannot be added.
#[must_use]
pub fn row_error(error: &RowError) -> String {
    match error {
        RowError::Unreadable => "The row has more columns than the first line names, or is no text.".into(),
        RowError::MissingSerial => "The serial number is missing.".into(),
        RowError::MissingName => "The apartment has no name.".into(),
        RowError::Hidden(column) => format!("The text under {column} holds characters that cannot be seen."),
        RowError::TooLong(column) => format!("The text under {column} is too long."),
        RowError::UnknownKind(text) => format!("“{text}” is no kind: write device or apartment."),
        RowError::UnknownService(text) => format!("There is no service “{text}”."),
        RowError::UnsuitableService => UNSUITABLE_SERVICE.into(),
        RowError::NotYesOrNo(column) => format!("Write yes or no under {column}."),
        RowError::UnknownCompany(text) => format!("“{text}” is not one company of yours. Write its number."),
        RowError::SerialTwice(line) => format!("Line {line} has the same serial number."),
        RowError::SerialTaken => SERIAL_TAKEN.into(),
        RowError::MalformedMac => MALFORMED_MAC.into(),
        RowError::MalformedImei => MALFORMED_IMEI.into(),
        RowError::UnknownSeries(text) => format!("“{text}” is no series: write one of {}.", SERIES.join(", ")),
        RowError::UnknownTag(name) => {
            format!("There is no tag “{name}” for devices of this company. Create it first, or leave it out.")
        }
        RowError::TooManyTags => format!("A row names up to {OF_DEVICE_MAX} tags."),
    }
}

pub(super) fn event(event: &ImportEvent) -> Notice {
    match event {
        ImportEvent::Checked { good, bad } => {
            let (can, cannot) = (counted(*good), counted(*bad));
            let text = format!("{can} can be added, {cannot} cannot. Nothing has been added yet.");
            Notice::done("Check", text)
        }
        ImportEvent::Started => Notice::done("Import", "The devices are being added. You may leave this page."),
        ImportEvent::Cancelled => Notice::done("Cancel", "The import was stopped. Devices that were added stay."),
    }
}

fn counted(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(rows as i64)) }
}
