//! Rows and lists as one bound value: JSON, which the statement unfolds. Each database has its own functions for that,
//! so a statement says `{rows}` or `{list}`, and the columns of a row are declared once, where its type is.

use serde::Serialize;

use super::query::Query;

/// What a column, or each value of a list, is to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    Integer,
    Text,
    /// Hexadecimal text in the JSON: see [`Hex`].
    Bytes,
}

/// A type of values that go into rows or lists.
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

/// A row that is bound; [`columns!`] makes it of a struct.
pub trait Columns: Serialize {
    const COLUMNS: &'static [(&'static str, ColumnType)];
}

/// Declares a struct whose values are bound as rows; its fields are their columns.
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
            const COLUMNS: &'static [(&'static str, $crate::store::db::ColumnType)] =
                &[$((stringify!($field), <$type as $crate::store::db::Typed>::TYPE),)*];
        }
    };
}
pub(crate) use columns;

impl Query {
    /// Binds rows, which stand where the text says `{rows}`: a table with the columns of `T`.
    #[must_use]
    pub fn bind_rows<T: Columns>(self, rows: &[T]) -> Query {
        self.bind_rows_as_json::<T>(serde_json::to_string(rows).unwrap_or_default())
    }

    /// As [`Query::bind_rows`], with rows that are JSON already.
    #[must_use]
    pub fn bind_rows_as_json<T: Columns>(self, rows: String) -> Query {
        let (sqlite, postgres) = tables(T::COLUMNS, self.next_placeholder());
        self.fill("{rows}", &sqlite, &postgres).bind(rows)
    }

    /// Binds a list, which stands where the text says `{list}`: after `in`, or a table with the
    /// column `value`.
    #[must_use]
    pub fn bind_list<'a, T: Typed + 'a>(self, list: impl IntoIterator<Item = &'a T>) -> Query {
        let list: Vec<&T> = list.into_iter().collect();
        let n = self.next_placeholder();
        let (sqlite, postgres) = match T::TYPE {
            ColumnType::Integer => ("value", "value::bigint"),
            ColumnType::Text => ("value", r#"value collate "C""#),
            ColumnType::Bytes => ("unhex(value)", "decode(value, 'hex')"),
        };
        let sqlite = format!("(select {sqlite} from jsonb_each(${n}))");
        let postgres = format!("(select {postgres} from jsonb_array_elements_text(${n}::jsonb))");
        self.fill("{list}", &sqlite, &postgres).bind(serde_json::to_string(&list).unwrap_or_default())
    }

    /// Adds a list, with its value: for lists whose filters come and go.
    #[must_use]
    pub fn push_list<'a, T: Typed + 'a>(self, list: impl IntoIterator<Item = &'a T>) -> Query {
        self.push("{list}").bind_list(list)
    }
}

/// The table that each database unfolds the value of a placeholder to.
fn tables(columns: &[(&str, ColumnType)], n: usize) -> (String, String) {
    let (mut sqlite, mut postgres, mut declared) = (String::new(), String::new(), String::new());
    for (number, (name, of)) in columns.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let (here, there, declaration) = match of {
            ColumnType::Integer => (format!("value->>'{name}'"), (*name).to_owned(), "bigint"),
            // The order of bytes, as in every column: two orders do not compare.
            ColumnType::Text => (format!("value->>'{name}'"), format!(r#"{name} collate "C""#), "text"),
            ColumnType::Bytes => {
                (format!("unhex(value->>'{name}')"), format!("decode({name}, 'hex')"), "text")
            }
        };
        sqlite += &format!("{comma}{here} as {name}");
        postgres += &format!("{comma}{there} as {name}");
        declared += &format!("{comma}{name} {declaration}");
    }
    let sqlite = format!("(select {sqlite} from jsonb_each(${n}))");
    let postgres = format!("(select {postgres} from jsonb_to_recordset(${n}::jsonb) as j({declared}))");
    (sqlite, postgres)
}
