//! The API's answer to a request that is not done, with its status. Nothing has changed then.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::failure::{Failure, Problem};
use crate::model::refusal::Reason;
use crate::model::time::Moment;
use crate::model::token::Scope;
use crate::ops::error::OpError;
use crate::web::error::WebError;
use crate::web::{downloads, underway};
use crate::words;

#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    problems: Vec<Problem>,
    header: Option<Box<(HeaderName, String)>>,
    /// Until when the next attempt must wait.
    wait_until: Option<Moment>,
    /// For the log only.
    fault: Option<String>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub fn new(status: StatusCode, code: &str, source: Option<&str>, message: impl Into<String>) -> ApiError {
        let problem = Problem {
            code: code.to_owned(),
            source: source.map(str::to_owned),
            message: message.into(),
            operation_id: None,
        };
        ApiError { status, problems: vec![problem], header: None, wait_until: None, fault: None }
    }

    fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> ApiError {
        self.header = Some(Box::new((name, value.into())));
        self
    }

    /// No token, or one that is mistyped, unknown, revoked or expired: one answer for all.
    pub fn unauthorised(is_missing: bool) -> ApiError {
        let (code, message, challenge) = if is_missing {
            ("TOKEN_MISSING", "Send a personal access token: Authorization: Bearer TOKEN.", "Bearer realm=\"Scrip\"")
        } else {
            (
                "TOKEN_INVALID",
                "This access token does not work: it is mistyped, was revoked or has expired.",
                "Bearer realm=\"Scrip\", error=\"invalid_token\"",
            )
        };
        ApiError::new(StatusCode::UNAUTHORIZED, code, None, message).with_header(header::WWW_AUTHENTICATE, challenge)
    }

    pub fn scope_missing(scope: Scope) -> ApiError {
        let slug = scope.slug();
        let message = format!("This access token lacks the scope {slug}.");
        let challenge = format!("Bearer realm=\"Scrip\", error=\"insufficient_scope\", scope=\"{slug}\"");
        ApiError::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", None, message)
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }

    /// The token is valid, but not from the request's address.
    pub fn address_refused() -> ApiError {
        let message = "This access token does not work from this address.";
        ApiError::new(StatusCode::FORBIDDEN, "ADDRESS_NOT_ALLOWED", None, message)
    }

    /// Parameters that the list does not have, one error for each.
    pub fn unknown_parameters(names: &[&str]) -> ApiError {
        let problem = |name: &&str| Problem {
            code: "UNKNOWN_PARAMETER".into(),
            source: Some((*name).to_owned()),
            message: format!("There is no parameter \"{name}\" here."),
            operation_id: None,
        };
        let problems = names.iter().map(problem).collect();
        ApiError { status: StatusCode::UNPROCESSABLE_ENTITY, problems, header: None, wait_until: None, fault: None }
    }

    pub fn too_many(seconds: i64, message: &str) -> ApiError {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None, message)
            .with_header(header::RETRY_AFTER, seconds.max(1).to_string())
    }

    pub fn unavailable() -> ApiError {
        ApiError::of_status(StatusCode::SERVICE_UNAVAILABLE).with_header(header::RETRY_AFTER, "2")
    }

    /// It may have happened, or may still happen. The answer names the operation's id. Only a client that sent the id
    /// itself is asked to wait and send again: without one, that would do it twice.
    pub fn outcome_unknown() -> ApiError {
        let message = "It may have happened. Sending it again with the same Idempotency-Key does it once.";
        let mut error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "OUTCOME_UNKNOWN", None, message);
        let Some(operation) = underway::operation() else { return error };
        error.problems[0].operation_id = Some(operation.id);
        if operation.is_given { error.with_header(header::RETRY_AFTER, "2") } else { error }
    }

    /// A failure after the commit: the request is done, but its answer cannot be given now.
    pub fn after_commit(self) -> ApiError {
        if !self.status.is_server_error() {
            return self;
        }
        tracing::error!(fault = self.fault, "the answer to what was done cannot be given");
        ApiError::outcome_unknown()
    }

    /// The answer for a status with nothing to add.
    pub fn of_status(status: StatusCode) -> ApiError {
        let (code, message) = match status {
            StatusCode::BAD_REQUEST => ("MALFORMED_REQUEST", "The request is malformed."),
            StatusCode::FORBIDDEN => ("FORBIDDEN", "Your role does not allow this."),
            StatusCode::NOT_FOUND => {
                ("NOT_FOUND", "There is no such thing, or it belongs to a company that you do not see.")
            }
            StatusCode::METHOD_NOT_ALLOWED => ("METHOD_NOT_ALLOWED", "This address does not know this method."),
            StatusCode::REQUEST_TIMEOUT => ("TIMEOUT", "The request took too long to arrive."),
            StatusCode::PAYLOAD_TOO_LARGE => ("TOO_LARGE", "The body is larger than 1 MB."),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("UNSUPPORTED_MEDIA_TYPE", "Send the body as JSON, with Content-Type: application/json.")
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                ("UNAVAILABLE", "The portal cannot take this request now. Try again in a moment.")
            }
            s if s.is_server_error() => ("INTERNAL", "Something went wrong; it has been written down."),
            _ => ("REFUSED", "The request was refused."),
        };
        ApiError::new(status, code, None, message)
    }

    /// An act's refusal, with form fields renamed to the API's names.
    pub fn of(error: OpError, fields: &[(&str, &'static str)]) -> ApiError {
        let problems = match error {
            OpError::Refused(field, reason) => vec![(field, reason)],
            OpError::Invalid(problems) => problems,
            OpError::Rows(rows) => return ApiError::of_rows(&rows, fields),
            OpError::NotFound => return ApiError::of_status(StatusCode::NOT_FOUND),
            OpError::Forbidden => return ApiError::of_status(StatusCode::FORBIDDEN),
            OpError::Unavailable | OpError::Collision => return ApiError::unavailable(),
            OpError::OutcomeUnknown => return ApiError::outcome_unknown(),
            OpError::Internal(text) => {
                let error = ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR);
                return ApiError { fault: Some(text), ..error };
            }
        };
        ApiError::of_reasons(&problems, fields)
    }

    /// Several faults in what was sent.
    pub fn of_problems(problems: Vec<Problem>) -> ApiError {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        ApiError { status, problems, header: None, wait_until: None, fault: None }
    }

    /// Why no row of a list was done: one error for each.
    pub fn of_rows(rows: &[(usize, &'static str, Reason)], fields: &[(&str, &'static str)]) -> ApiError {
        let problem = |(n, field, reason): &(usize, &'static str, Reason)| {
            let field = fields.iter().find(|(form, _)| form == field).map_or(*field, |(_, api)| api);
            Problem::of_row(*n, field, reason)
        };
        let mut error = ApiError::of_problems(rows.iter().map(problem).collect());
        let is_missing =
            |(_, _, reason): &(usize, &'static str, Reason)| words::reason(reason).status == words::Status::NotFound;
        if rows.iter().any(is_missing) {
            error.status = StatusCode::NOT_FOUND;
        }
        error
    }

    fn of_reasons(problems: &[(&'static str, Reason)], fields: &[(&str, &'static str)]) -> ApiError {
        let mut error = ApiError::of_problems(Vec::new());
        for (field, reason) in problems {
            let source = fields.iter().find(|(form, _)| form == field).map_or(*field, |(_, api)| api);
            let status = status(words::reason(reason).status);
            // A missing thing outweighs other faults: another tree's company must look as if it did not exist.
            if error.problems.is_empty() || status == StatusCode::NOT_FOUND {
                error.status = status;
            }
            let source = (!source.is_empty()).then_some(source);
            error.problems.extend(words::parts(reason).into_iter().map(|worded| Problem::of(source, worded)));
            error.wait_until = reason.wait_until().or(error.wait_until);
        }
        error
    }
}

fn status(status: words::Status) -> StatusCode {
    match status {
        words::Status::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        words::Status::Forbidden => StatusCode::FORBIDDEN,
        words::Status::NotFound => StatusCode::NOT_FOUND,
        words::Status::Conflict => StatusCode::CONFLICT,
        words::Status::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
    }
}

impl From<WebError> for ApiError {
    fn from(error: WebError) -> ApiError {
        match error {
            WebError::TooManyDownloads => {
                let seconds = downloads::AGAIN_SECONDS.to_string();
                ApiError::of_status(StatusCode::SERVICE_UNAVAILABLE).with_header(header::RETRY_AFTER, seconds)
            }
            WebError::NotFound => ApiError::of_status(StatusCode::NOT_FOUND),
            WebError::Forbidden => ApiError::of_status(StatusCode::FORBIDDEN),
            WebError::Unavailable => ApiError::unavailable(),
            other => ApiError::from(OpError::Internal(format!("{other:?}"))),
        }
    }
}

impl From<OpError> for ApiError {
    fn from(error: OpError) -> ApiError {
        ApiError::of(error, &[])
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(error) = &self.fault {
            let request_id = underway::request_id();
            tracing::error!(error, request_id, "a request failed");
        }
        let message = self.problems.first().map_or(String::new(), |p| p.message.clone());
        let failure = Failure { success: false, message, errors: self.problems };
        let mut response = (self.status, Json(failure)).into_response();
        if let Some(until) = self.wait_until {
            response.extensions_mut().insert(WaitUntil(until));
        }
        if let Some(header) = self.header
            && let Ok(value) = HeaderValue::from_str(&header.1)
        {
            response.headers_mut().insert(header.0, value);
        }
        response
    }
}

/// Passed with an answer to the layer that has the clock and turns it into a Retry-After.
#[derive(Clone, Copy)]
pub struct WaitUntil(pub Moment);

/// Wraps answers that no handler gave (unknown address, wrong method, too large) in the envelope.
pub async fn envelope(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let status = response.status();
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut enveloped = ApiError::of_status(status).into_response();
    if let Some(allow) = allow {
        enveloped.headers_mut().insert(header::ALLOW, allow);
    }
    enveloped
}
