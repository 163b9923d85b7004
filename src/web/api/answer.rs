//! The envelope of a successful answer: `success`, `data`, and `meta` for lists.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::time::Moment;

/// A moment in UTC.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(
    value_type = String,
    pattern = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$",
    example = "2026-11-21 14:05:09"
)]
pub struct Stamp(String);

impl Stamp {
    pub fn of(microseconds: i64) -> Stamp {
        Stamp(Moment(microseconds).exact().trim_end_matches(" UTC").to_owned())
    }
}

/// One thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Data<T> {
    #[schema(example = true)]
    success: bool,
    data: T,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    #[schema(example = true)]
    success: bool,
    data: Vec<T>,
    meta: ListMeta,
}

/// Paging.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListMeta {
    /// The total number. Not counted with `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<i64>,
    /// The total again, under the key that RMS uses for users.
    #[serde(rename = "_total", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rms_total: Option<i64>,
    /// Send it as `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Data<T> {
    pub fn of(data: T) -> Data<T> {
        Data { success: true, data }
    }
}

impl<T> List<T> {
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The rows, and what is said of them.
    pub fn parts(self) -> (Vec<T>, ListMeta) {
        (self.data, self.meta)
    }

    pub fn of(data: Vec<T>, meta: ListMeta) -> List<T> {
        List { success: true, data, meta }
    }
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl<T: Serialize> IntoResponse for List<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// The answer to a write: its status, and whether it repeats the first answer.
pub struct Written<T> {
    pub status: StatusCode,
    pub replayed: bool,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.replayed {
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}
