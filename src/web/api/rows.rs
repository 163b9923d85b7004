//! Requests with many rows under `data`: each is read by itself, and one that is wrong is reported by its number.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Written;
use super::body::Field;
use super::error::{ApiError, ApiResult};
use super::failure::Problem;
use crate::model::refusal::{FieldReason, Reason};
use crate::ops::devices::rows::Many;
use crate::ops::error::{OpError, OpResult};
use crate::ops::work::Outcome;

/// What is wrong with a row: its number, the field, and why.
pub type Wrong = (usize, &'static str, Reason);
/// Fields of forms under the API's names.
pub type Fields<'a> = &'a [(&'a str, &'static str)];

/// Rows as they were read.
pub struct Rows<T> {
    /// Each with its number.
    pub good: Vec<(i64, T)>,
    pub wrong: Vec<Wrong>,
    count: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Rows<T> {
        Rows { good: Vec::new(), wrong: Vec::new(), count: 0 }
    }
}

impl<T> Rows<T> {
    /// Adds the next row, or what is wrong with it.
    ///
    /// # Errors
    /// Whatever is no refusal.
    pub fn push(&mut self, row: OpResult<T>) -> ApiResult<()> {
        let n = self.count;
        self.count += 1;
        match row {
            Ok(row) => self.good.push((n as i64, row)),
            Err(OpError::Refused(field, reason)) => self.wrong.push((n, field, reason)),
            Err(OpError::Invalid(problems)) => {
                self.wrong.extend(problems.into_iter().map(|(field, reason)| (n, field, reason)));
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }
}

/// The rows of a request.
///
/// # Errors
/// If they are missing, or no list of objects.
pub fn read_rows<T>(rows: Field<Vec<T>>) -> ApiResult<Vec<T>> {
    let rows = rows.required(FieldReason::Missing, FieldReason::NotAList);
    rows.map_err(|reason| ApiError::from(OpError::Refused("data", reason)))
}

/// The errors of rows, in the order of the rows.
pub fn problems(mut wrong: Vec<Wrong>, fields: Fields<'_>) -> Vec<Problem> {
    wrong.sort_by_key(|(n, ..)| *n);
    let name = |field: &'static str| fields.iter().find(|(form, _)| *form == field).map_or(field, |(_, api)| *api);
    wrong.iter().map(|(n, field, reason)| Problem::of_row(*n, name(field), reason)).collect()
}

/// The answer if no row is right.
pub fn refused(mut wrong: Vec<Wrong>, fields: Fields<'_>) -> ApiError {
    if wrong.is_empty() {
        return ApiError::from(OpError::refused("data", crate::model::refusal::DeviceReason::NoneChosen));
    }
    wrong.sort_by_key(|(n, ..)| *n);
    ApiError::of_rows(&wrong, fields)
}

/// Where the outcome can be asked for again.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelMeta {
    /// For `GET /api/status/channel/{id}`.
    #[schema(example = "5f0c9d4c1b9d4a5e8f6a7b8c9d0e1f2a")]
    pub channel: Option<String>,
}

/// The devices that were changed, and why others were not.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManyDone {
    #[schema(example = true)]
    success: bool,
    data: Vec<DeviceDone>,
    /// For each row that was refused; empty if all were done.
    errors: Vec<Problem>,
    meta: ChannelMeta,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceDone {
    id: i64,
}

impl ManyDone {
    /// The answer about devices that a request named in this order: `status` if all were done, else 207. `source` is
    /// where the request names them.
    pub fn of(
        outcome: Outcome<Many>,
        named: impl Iterator<Item = i64>,
        status: StatusCode,
        source: impl Fn(usize, &'static str) -> String,
    ) -> Written<ManyDone> {
        let Outcome { about: many, replayed, .. } = outcome;
        let mut errors = Vec::new();
        for (n, id) in named.enumerate() {
            if let Some(why) = many.refusal(id) {
                let (field, reason) = why.reason();
                errors.push(Problem::at(&source(n, field), reason));
            }
        }
        let status = if errors.is_empty() { status } else { StatusCode::MULTI_STATUS };
        let data = many.done.iter().map(|id| DeviceDone { id: *id }).collect();
        let body = ManyDone { success: true, data, errors, meta: ChannelMeta { channel: many.channel } };
        Written { status, replayed, body }
    }
}

impl Written<ManyDone> {
    /// Adds the errors of rows that were not even read.
    #[must_use]
    pub fn with(mut self, errors: Vec<Problem>) -> Written<ManyDone> {
        if !errors.is_empty() {
            self.status = StatusCode::MULTI_STATUS;
            self.body.errors.extend(errors);
        }
        self
    }
}
