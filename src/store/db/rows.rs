//! Rows and lists as one bound value: JSON, which the statement unfolds. Each database has its own functions for that,
//! so a statement says `{rows}` or `{list}`, and a row's columns are declared once, with its type.

use std::fmt::Write as _;

use serde::Serialize;

use super::query::{Piece, Query};

/// The database type of a column, or of a list's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Integer,
    Text,
    /// Hexadecimal text in the JSON: see [`Hex`].
    Bytes,
}

/// A type of values in rows or lists.
pub trait Typed: Serialize {
    const TYPE: ColumnType;
}

impl Typed for i64 {
    const TYPE: ColumnType = ColumnType::Integer;
}

impl Typed for &str {
    const TYPE: ColumnType = ColumnType::Text;
}

impl Typed for String {
    const TYPE: ColumnType = ColumnType::Text;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: ColumnType = T::TYPE;
}

/// Bytes, as JSON carries them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Hex(String);

impl Hex {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Hex {
        Hex(hex::encode(bytes))
    }
}

impl Typed for Hex {
    const TYPE: ColumnType = ColumnType::Bytes;
}

/// A column of bound rows: its name and its type.
pub type Column = (&'static str, ColumnType);

/// A row to bind; [`columns!`] implements it for a struct.
pub trait Columns: Serialize {
    const COLUMNS: &'static [Column];
}

/// Declares a struct whose values are bound as rows; its fields are the columns.
macro_rules! columns {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident $(<$lifetime:lifetime>)? {
        $($(#[$of_field:meta])* $of:vis $field:ident: $type:ty,)*
    }) => {
        $(#[$attribute])*
        #[derive(serde::Serialize)]
        $visibility struct $name $(<$lifetime>)? {
            $($(#[$of_field])* $of $field: $type,)*
        }

        impl $(<$lifetime>)? $crate::store::db::Columns for $name $(<$lifetime>)? {
            const COLUMNS: &'static [$crate::store::db::Column] =
                &[$((stringify!($field), <$type as $crate::store::db::Typed>::TYPE),)*];
        }
    };
}
pub(crate) use columns;

impl Query {
    /// Binds rows to the mark `{rows}` in the text: a table with the columns of `T`.
    #[must_use]
    pub fn bind_rows<T: Columns>(self, rows: &[T]) -> Query {
        self.bind_rows_as_json::<T>(serde_json::to_string(rows).unwrap_or_default())
    }

    /// As [`Query::bind_rows`], with rows that are already JSON.
    #[must_use]
    pub fn bind_rows_as_json<T: Columns>(self, rows: String) -> Query {
        let table = Piece::Rows(T::COLUMNS, self.next_placeholder());
        self.fill("{rows}", table).bind(rows)
    }

    /// Binds a list to the mark `{list}` in the text: after `in`, or a table with the column `value`.
    #[must_use]
    pub fn bind_list<'a, T: Typed + 'a>(self, list: impl IntoIterator<Item = &'a T>) -> Query {
        let list: Vec<&T> = list.into_iter().collect();
        let values = Piece::List(T::TYPE, self.next_placeholder());
        self.fill("{list}", values).bind(serde_json::to_string(&list).unwrap_or_default())
    }

    /// Appends a list, with its value: for lists with optional filters.
    #[must_use]
    pub fn push_list<'a, T: Typed + 'a>(self, list: impl IntoIterator<Item = &'a T>) -> Query {
        self.push("{list}").bind_list(list)
    }
}

/// Appends a text for SQLite, its placeholders numbered after `before` others; returns the highest number.
pub(super) fn push_sqlite(text: &mut String, pieces: &[Piece], before: usize) -> usize {
    let mut highest = before;
    let mut push_placeholder = |text: &mut String, n: usize| {
        highest = highest.max(before + n);
        let _ = write!(text, "${}", before + n);
    };
    for piece in pieces {
        match *piece {
            Piece::Text(piece, _) => {
                let mut parts = piece.split('$');
                text.push_str(parts.next().unwrap_or_default());
                for part in parts {
                    let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
                    let n = part[..part.len() - rest.len()].parse().unwrap_or(0);
                    push_placeholder(text, n);
                    text.push_str(rest);
                }
            }
            Piece::Placeholder(n) => push_placeholder(text, n),
            Piece::Rows(columns, n) => {
                let mut comma = "(select ";
                for (name, of) in columns {
                    let _ = match of {
                        ColumnType::Bytes => write!(text, "{comma}unhex(value->>'{name}') as {name}"),
                        _ => write!(text, "{comma}value->>'{name}' as {name}"),
                    };
                    comma = ", ";
                }
                text.push_str(" from jsonb_each(");
                push_placeholder(text, n);
                text.push_str("))");
            }
            Piece::List(of, n) => {
                let value = if of == ColumnType::Bytes { "unhex(value)" } else { "value" };
                let _ = write!(text, "(select {value} from jsonb_each(");
                push_placeholder(text, n);
                text.push_str("))");
            }
        }
    }
    highest
}

/// The text for PostgreSQL.
pub(super) fn postgres_text(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        let _ = match *piece {
            Piece::Text(_, piece) => text.write_str(piece),
            Piece::Placeholder(n) => write!(text, "${n}"),
            Piece::Rows(columns, n) => push_postgres_rows(&mut text, columns, n),
            Piece::List(of, n) => {
                let value = match of {
                    ColumnType::Integer => "value::bigint",
                    ColumnType::Text => r#"value collate "C""#,
                    ColumnType::Bytes => "decode(value, 'hex')",
                };
                write!(text, "(select {value} from jsonb_array_elements_text(${n}::jsonb))")
            }
        };
    }
    text
}

fn push_postgres_rows(text: &mut String, columns: &[Column], n: usize) -> std::fmt::Result {
    let mut comma = "(select ";
    for (name, of) in columns {
        match of {
            ColumnType::Integer => write!(text, "{comma}{name}")?,
            // Byte order, as in every column: different collations do not compare.
            ColumnType::Text => write!(text, r#"{comma}{name} collate "C" as {name}"#)?,
            ColumnType::Bytes => write!(text, "{comma}decode({name}, 'hex') as {name}")?,
        }
        comma = ", ";
    }
    write!(text, " from jsonb_to_recordset(${n}::jsonb) as j")?;
    let mut comma = "(";
    for (name, of) in columns {
        let of = if *of == ColumnType::Integer { "bigint" } else { "text" };
        write!(text, "{comma}{name} {of}")?;
        comma = ", ";
    }
    text.write_str("))")
}
