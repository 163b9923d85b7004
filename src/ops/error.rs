//! The errors of acts and reads.

use crate::model::ledger::Refusal;
use crate::model::refusal::{FieldReason, Reason};
use crate::model::text::TextError;
use crate::store::db::DbError;
use crate::writer::WriteError;

/// Why it was not done. Except for [`OpError::OutcomeUnknown`], nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// A reason, and the field that it belongs to.
    #[error("refused: {1:?} at {0}")]
    Refused(&'static str, Reason),
    /// Several fields are invalid at once.
    #[error("refused: {0:?}")]
    Invalid(Vec<(&'static str, Reason)>),
    /// None of many rows can be done: the number of each, and why.
    #[error("refused: {0:?}")]
    Rows(Vec<(usize, &'static str, Reason)>),
    /// No such thing exists in the actor's tree.
    #[error("not found")]
    NotFound,
    /// The actor's role does not allow it.
    #[error("forbidden")]
    Forbidden,
    #[error("the database cannot take a write now")]
    Unavailable,
    /// The database did not report whether it happened: it may have, or may happen still.
    #[error("the database did not say whether it happened")]
    OutcomeUnknown,
    /// Two processes collided, or the connection was lost; the whole act may be retried. Two requests with one
    /// operation id collide as well: the second then finds what the first has stored.
    #[error("two writes met")]
    Collision,
    #[error("internal: {0}")]
    Internal(String),
}

pub type OpResult<T> = Result<T, OpError>;

impl OpError {
    pub fn refused(field: &'static str, reason: impl Into<Reason>) -> OpError {
        OpError::Refused(field, reason.into())
    }
}

impl From<DbError> for OpError {
    fn from(error: DbError) -> OpError {
        if error.is_outcome_unknown() {
            tracing::error!(%error, "the outcome of a write is unknown");
            OpError::OutcomeUnknown
        } else if error.is_retryable() || error.is_unique_violation() {
            tracing::debug!(%error, "a write may be tried again");
            OpError::Collision
        } else if error.is_disk_full() {
            OpError::Unavailable
        } else if error.is_unavailable() {
            tracing::error!(%error, "the database is unavailable");
            OpError::Unavailable
        } else {
            OpError::Internal(error.to_string())
        }
    }
}

impl From<WriteError> for OpError {
    fn from(error: WriteError) -> OpError {
        match error {
            WriteError::Refused(refusal) => OpError::refused(field_of(&refusal), refusal),
            WriteError::Unavailable => OpError::Unavailable,
            WriteError::OutcomeUnknown => OpError::OutcomeUnknown,
            WriteError::Failed(error) => OpError::Internal(error.to_string()),
        }
    }
}

/// The reason to refuse a text; `missing` if it is empty.
pub(super) fn text_reason(error: TextError, missing: impl Into<Reason>) -> Reason {
    match error {
        TextError::Missing => missing.into(),
        TextError::TooLong { maximum } => FieldReason::TooLong { maximum }.into(),
        TextError::Hidden => FieldReason::HiddenCharacters.into(),
    }
}

/// Refuses for one reason.
pub fn refuse<T>(field: &'static str, reason: impl Into<Reason>) -> OpResult<T> {
    Err(OpError::refused(field, reason))
}

/// Turns a field's reason into a refusal, for `map_err`.
pub(super) fn at<R: Into<Reason>>(field: &'static str) -> impl FnOnce(R) -> OpError {
    move |reason| OpError::refused(field, reason)
}

/// The form field that a ledger refusal belongs to.
fn field_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotEnough { .. } | Refusal::AmountOutOfRange | Refusal::Overflow => "amount",
        Refusal::UnknownSource => "from",
        Refusal::SameCompany | Refusal::UnknownTarget => "to",
        Refusal::UnknownCode
        | Refusal::CodeUsed { .. }
        | Refusal::CodeExpired { .. }
        | Refusal::CodeNotUnused { .. }
        | Refusal::CodeDisputed
        | Refusal::CodeOfOrder
        | Refusal::NotOfOrder
        | Refusal::TooManyAttempts { .. } => "code",
        Refusal::UnknownDevice => "device",
        Refusal::KeyReused | Refusal::NotIssuer => "",
    }
}

/// Collects what is wrong with each field, so that a form reports everything at once.
#[derive(Default)]
pub struct Problems(Vec<(&'static str, Reason)>);

impl Problems {
    /// Unwraps a value, or records why the field has none.
    pub fn take<T>(&mut self, field: &'static str, value: Result<T, impl Into<Reason>>) -> Option<T> {
        value.map_err(|reason| self.add(field, reason)).ok()
    }

    pub fn add(&mut self, field: &'static str, reason: impl Into<Reason>) {
        self.0.push((field, reason.into()));
    }

    /// Succeeds if nothing was recorded.
    ///
    /// # Errors
    /// Everything that was recorded.
    pub fn finish(self) -> OpResult<()> {
        if self.0.is_empty() { Ok(()) } else { Err(OpError::Invalid(self.0)) }
    }
}
