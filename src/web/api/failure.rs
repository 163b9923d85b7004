//! The RMS envelope of a refusal: what is wrong, with a stable code for each reason.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::refusal::Reason;
use crate::words::{self, Worded};

/// Why a request was refused. Nothing has changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    #[schema(example = false)]
    pub(super) success: bool,
    /// The first error, for people.
    pub(super) message: String,
    pub(super) errors: Vec<Problem>,
}

/// One problem.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Stable, for programs.
    #[schema(example = "NOT_ENOUGH", pattern = "^[A-Z][A-Z_]*$")]
    pub(super) code: String,
    /// The field with the problem.
    pub(super) source: Option<String>,
    /// For people.
    pub(super) message: String,
    /// If the outcome is unknown: send it as `Idempotency-Key`, and the request happens once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) operation_id: Option<String>,
}

impl Problem {
    pub(super) fn of(source: Option<&str>, worded: Worded) -> Problem {
        // A person resends a form; a program resends under a key.
        let message = match worded.code {
            "IDEMPOTENCY_KEY_REUSED" => "This Idempotency-Key was used before for another request.".to_owned(),
            _ => worded.sentence.into_owned(),
        };
        Problem { code: worded.code.to_owned(), source: source.map(str::to_owned), message, operation_id: None }
    }

    /// A reason at a field of a row of `data`.
    pub fn of_row(row: usize, field: &str, reason: &Reason) -> Problem {
        let source = if field.is_empty() { format!("data.{row}") } else { format!("data.{row}.{field}") };
        Problem::of(Some(&source), words::reason(reason))
    }

    /// A reason at a field.
    pub fn at(source: &str, reason: impl Into<Reason>) -> Problem {
        Problem::of(Some(source), words::reason(&reason.into()))
    }
}
