//! Rows with only some of their fields: `fields=a,b`, and `fields_only`, which also asks for their names.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;
use utoipa::openapi::{RefOr, Schema};

use super::answer::{List, ListMeta};
use super::page::Query;

/// Which fields a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fields {
    All,
    Only(Vec<String>),
    /// Their names, without rows.
    Names,
}

impl Fields {
    pub fn has(&self, name: &str) -> bool {
        match self {
            Fields::Only(names) => names.iter().any(|n| n == name),
            _ => true,
        }
    }
}

impl Query {
    pub fn fields(&mut self) -> Fields {
        let list = |text: &str| Fields::Only(text.split(',').map(|name| name.trim().to_owned()).collect());
        match self.text(&["fields_only"]) {
            Some("true" | "1") => return Fields::Names,
            None | Some("false" | "0") => {}
            Some(text) => return list(text),
        }
        self.text(&["fields"]).map_or(Fields::All, list)
    }
}

/// A list whose rows may be narrowed.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Listed<T> {
    Whole(List<T>),
    Narrow(NarrowList),
    Names(FieldNames),
}

/// Rows with only the fields that were asked for.
#[derive(Serialize, ToSchema)]
pub struct NarrowList {
    #[schema(example = true)]
    success: bool,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Map<String, Value>>,
    meta: NarrowMeta,
}

/// Paging, and the fields that were asked for.
#[derive(Serialize, ToSchema)]
pub struct NarrowMeta {
    #[serde(flatten)]
    #[schema(inline)]
    list: ListMeta,
    fields: Vec<String>,
}

/// The names of a row's fields.
#[derive(Serialize, ToSchema)]
pub struct FieldNames {
    #[schema(example = true)]
    success: bool,
    #[schema(min_items = 1)]
    data: Vec<String>,
}

impl<T: Serialize + ToSchema> Listed<T> {
    pub fn of(list: List<T>, fields: &Fields) -> Listed<T> {
        let known = names(T::schema());
        match fields {
            Fields::Names => Listed::Names(FieldNames { success: true, data: known }),
            Fields::Only(wanted) if !list.is_empty() && !known.iter().all(|name| wanted.contains(name)) => {
                let (rows, list) = list.parts();
                let data = rows.iter().map(|row| narrow(row, fields)).collect();
                let fields = known.into_iter().filter(|name| wanted.contains(name)).collect();
                Listed::Narrow(NarrowList { success: true, data, meta: NarrowMeta { list, fields } })
            }
            _ => Listed::Whole(list),
        }
    }
}

fn narrow(row: &impl Serialize, fields: &Fields) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(row)) => row.into_iter().filter(|(name, _)| fields.has(name)).collect(),
        _ => Map::new(),
    }
}

/// The names of an object's fields, as documented.
fn names(schema: RefOr<Schema>) -> Vec<String> {
    match schema {
        RefOr::T(Schema::Object(Object { properties, .. })) => properties.into_keys().collect(),
        _ => Vec::new(),
    }
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}
