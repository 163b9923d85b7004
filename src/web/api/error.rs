//! What a program gets when a request is not done: the RMS envelope with a stable code for each
//! reason. Nothing has changed then.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::model::amount::AmountError;
use crate::model::code::CodeError;
use crate::model::company::NameError;
use crate::model::ledger::Refusal;
use crate::model::money::MoneyError;
use crate::model::refusal::{ObstacleKind, Reason};
use crate::model::time::Moment;
use crate::model::token::Scope;
use crate::ops::error::OpError;
use crate::web::underway;
use crate::words;

/// Why a request was not done. Nothing has changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    #[schema(example = false)]
    success: bool,
    /// The first error, for people.
    message: String,
    errors: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Stable, for programs.
    #[schema(example = "NOT_ENOUGH", pattern = "^[A-Z][A-Z_]*$")]
    code: String,
    /// The field that it belongs to.
    source: Option<String>,
    /// For people.
    message: String,
    /// Of an outcome that is not known: send it as `Idempotency-Key`, and the request happens once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    operation_id: Option<String>,
}

impl Problem {
    /// A reason at a field.
    pub fn of(source: String, reason: &Reason) -> Problem {
        Problem {
            code: told(reason).1.to_owned(),
            source: Some(source),
            message: words::reason(reason),
            operation_id: None,
        }
    }
}

/// An answer that refuses.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    problems: Vec<Problem>,
    header: Option<Box<(HeaderName, String)>>,
    /// Until when the next attempt must wait.
    wait_until: Option<Moment>,
    /// What to write into the log, and nowhere else.
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
            (
                "TOKEN_MISSING",
                "Send a personal access token: Authorization: Bearer TOKEN.",
                "Bearer realm=\"Scrip\"",
            )
        } else {
            (
                "TOKEN_INVALID",
                "This access token does not work: it is mistyped, was revoked or has expired.",
                "Bearer realm=\"Scrip\", error=\"invalid_token\"",
            )
        };
        ApiError::new(StatusCode::UNAUTHORIZED, code, None, message)
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }

    pub fn scope_missing(scope: Scope) -> ApiError {
        let slug = scope.slug();
        let message = format!("This access token lacks the scope {slug}.");
        let challenge = format!("Bearer realm=\"Scrip\", error=\"insufficient_scope\", scope=\"{slug}\"");
        ApiError::new(StatusCode::FORBIDDEN, "SCOPE_MISSING", None, message)
            .with_header(header::WWW_AUTHENTICATE, challenge)
    }

    /// The token is good, but not from where the request comes.
    pub fn address_refused() -> ApiError {
        let message = "This access token does not work from this address.";
        ApiError::new(StatusCode::FORBIDDEN, "ADDRESS_NOT_ALLOWED", None, message)
    }

    pub fn too_many(seconds: i64, message: &str) -> ApiError {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", None, message)
            .with_header(header::RETRY_AFTER, seconds.max(1).to_string())
    }

    pub fn unavailable() -> ApiError {
        ApiError::of_status(StatusCode::SERVICE_UNAVAILABLE).with_header(header::RETRY_AFTER, "2")
    }

    /// It may have happened, or may happen still. Its sender learns the operation's id; it is asked to wait and send
    /// again only where it sent the id itself, since without one that would do it twice.
    pub fn outcome_unknown() -> ApiError {
        let message = "It may have happened. Sending it again with the same Idempotency-Key does it once.";
        let mut error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "OUTCOME_UNKNOWN", None, message);
        let Some(operation) = underway::operation() else { return error };
        error.problems[0].operation_id = Some(operation.id);
        if operation.is_given { error.with_header(header::RETRY_AFTER, "2") } else { error }
    }

    /// What failed after the commit: it has happened, and its answer cannot be given now.
    pub fn after_commit(self) -> ApiError {
        if !self.status.is_server_error() {
            return self;
        }
        tracing::error!(fault = self.fault, "the answer to what was done cannot be given");
        ApiError::outcome_unknown()
    }

    /// What a status says where there is nothing more to say.
    pub fn of_status(status: StatusCode) -> ApiError {
        let (code, message) = match status {
            StatusCode::BAD_REQUEST => ("MALFORMED_REQUEST", "The request is malformed."),
            StatusCode::FORBIDDEN => ("FORBIDDEN", "Your role does not allow this."),
            StatusCode::NOT_FOUND => {
                ("NOT_FOUND", "There is no such thing, or it belongs to a company that you do not see.")
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                ("METHOD_NOT_ALLOWED", "This address does not know this method.")
            }
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

    /// A refusal of an act, with the names that the API has for the fields of forms.
    pub fn of(error: OpError, fields: &[(&str, &'static str)]) -> ApiError {
        let problems = match error {
            OpError::Refused(field, reason) => vec![(field, reason)],
            OpError::Invalid(problems) => problems,
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

    /// Several things that are wrong with what was sent.
    pub fn of_problems(problems: Vec<Problem>) -> ApiError {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        ApiError { status, problems, header: None, wait_until: None, fault: None }
    }

    fn of_reasons(problems: &[(&'static str, Reason)], fields: &[(&str, &'static str)]) -> ApiError {
        let mut error = ApiError::of_problems(Vec::new());
        for (field, reason) in problems {
            let source = fields.iter().find(|(form, _)| form == field).map_or(*field, |(_, api)| api);
            let (status, code) = told(reason);
            // What is not there outweighs what is wrong: a stranger's company must look like none.
            if error.problems.is_empty() || status == StatusCode::NOT_FOUND {
                error.status = status;
            }
            error.problems.extend(messages(reason).into_iter().map(|(code_of_one, message)| Problem {
                code: code_of_one.unwrap_or(code).to_owned(),
                source: (!source.is_empty()).then(|| source.to_owned()),
                message,
                operation_id: None,
            }));
            if let Reason::Wait { until } | Reason::Ledger(Refusal::TooManyAttempts { until }) = reason {
                error.wait_until = Some(*until);
            }
        }
        error
    }
}

/// The status and the code of a reason.
fn told(reason: &Reason) -> (StatusCode, &'static str) {
    let code = match reason {
        Reason::Ledger(refusal) => return told_by_ledger(refusal),
        Reason::Wait { .. } => return (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_ATTEMPTS"),
        Reason::UnknownCompany => return (StatusCode::NOT_FOUND, "UNKNOWN_COMPANY"),
        Reason::KeyReused => "IDEMPOTENCY_KEY_REUSED",
        Reason::Amount(AmountError::Missing)
        | Reason::Code(CodeError::Missing)
        | Reason::Name(NameError::Missing)
        | Reason::Email(crate::model::user::EmailError::Missing)
        | Reason::MissingType
        | Reason::MissingCompany => "MISSING",
        Reason::Amount(AmountError::NotWhole) => "NOT_WHOLE",
        Reason::Amount(AmountError::OutOfRange) => "OUT_OF_RANGE",
        Reason::Code(CodeError::Malformed) => "NOT_A_CODE",
        Reason::Code(CodeError::Mistyped) => "CODE_MISTYPED",
        Reason::Name(NameError::TooShort | NameError::TooLong) => "NAME_LENGTH",
        Reason::Name(NameError::Hidden) | Reason::HiddenCharacters => "HIDDEN_CHARACTERS",
        Reason::Name(NameError::Link) => "NAME_IS_LINK",
        Reason::UnusableCode | Reason::SearchedCode => "UNKNOWN_CODE",
        Reason::ClockMoved => "CLOCK",
        Reason::Withdrawn { .. } | Reason::VatChanged => "ORDER",
        Reason::DemandedAbove { .. } => "SECOND_FACTOR",
        Reason::Email(_) => "NOT_AN_ADDRESS",
        Reason::Password(_) | Reason::PasswordsDiffer | Reason::WrongPassword => "PASSWORD",
        Reason::UnknownType => "UNKNOWN_TYPE",
        Reason::AmbiguousCompany(_) => "AMBIGUOUS_COMPANY",
        Reason::UnderItself => "UNDER_ITSELF",
        Reason::TooDeep => "TOO_DEEP",
        Reason::NameTaken => "NAME_TAKEN",
        Reason::EmailTaken => "EMAIL_TAKEN",
        Reason::UnknownRole => "UNKNOWN_ROLE",
        Reason::UnknownTimeZone => "UNKNOWN_TIME_ZONE",
        Reason::TooLong { .. } => "TOO_LONG",
        Reason::LastAdministrator => "LAST_ADMINISTRATOR",
        Reason::OwnAccount => "OWN_ACCOUNT",
        Reason::LinkDead => "LINK_DEAD",
        Reason::FormForeign => "FORM_FOREIGN",
        Reason::SignInFailed | Reason::ResetNeeded => "SIGN_IN_FAILED",
        Reason::MalformedSecondFactor
        | Reason::WrongSecondFactor
        | Reason::MalformedRecoveryCode
        | Reason::WrongRecoveryCode
        | Reason::SignInLapsed
        | Reason::SecondFactorOff
        | Reason::SecondFactorDemanded
        | Reason::NoMail => "SECOND_FACTOR",
        Reason::NoDeviceChosen => "NOTHING_CHOSEN",
        Reason::File(_) => "FILE",
        Reason::Order(_) => "ORDER",
        Reason::Licence(_) => "LICENCE",
        Reason::MissingSerial | Reason::MissingApartment => "MISSING",
        Reason::SerialTaken => "SERIAL_TAKEN",
        Reason::UnknownService => "UNKNOWN_TYPE",
        Reason::UnsuitableService => "UNSUITABLE_SERVICE",
        Reason::TooMany { .. } => "TOO_MANY",
        Reason::NothingChosen => "NOTHING_CHOSEN",
        Reason::SecondFactorNeeded => "SECOND_FACTOR_NEEDED",
        Reason::TooManyTokens { .. } => "TOO_MANY_TOKENS",
        Reason::UnknownScope(_) | Reason::NoScope => "SCOPE",
        Reason::Networks(_) => "NOT_A_NETWORK",
        Reason::UnknownDay => "NOT_A_DATE",
        Reason::PastDay => "PAST",
        Reason::NotANumber => "NOT_A_NUMBER",
        Reason::NotAChoice { .. } => "NOT_A_CHOICE",
        Reason::NotAText => "NOT_A_TEXT",
        Reason::NotAList => "NOT_A_LIST",
        Reason::UnknownDevice => "UNKNOWN_DEVICE",
        Reason::RepeatedDevice => "REPEATED_DEVICE",
        Reason::NothingToChange => "NOTHING_TO_CHANGE",
        Reason::NotBetween { .. } => "OUT_OF_RANGE",
        Reason::Missing => "MISSING",
        Reason::Period(_) => "NOT_A_PERIOD",
        Reason::Obstacles(_) => "OBSTACLE",
        Reason::Money(MoneyError::Missing)
        | Reason::NoPrice
        | Reason::MissingAddress
        | Reason::MissingBankAccount => "MISSING",
        Reason::Money(_) | Reason::MalformedRate => "NOT_A_PRICE",
        Reason::UnknownCurrency | Reason::UnknownCountry | Reason::UnknownVatClass => "NOT_A_CHOICE",
        Reason::VatClassTaken => "NAME_TAKEN",
        Reason::Models(_) => "TOO_LONG",
        Reason::ProductChanged { .. } => "CHANGED_MEANWHILE",
        Reason::ListFull { .. } => "TOO_MANY",
    };
    (StatusCode::UNPROCESSABLE_ENTITY, code)
}

fn told_by_ledger(refusal: &Refusal) -> (StatusCode, &'static str) {
    match refusal {
        Refusal::UnknownSource | Refusal::UnknownTarget => (StatusCode::NOT_FOUND, "UNKNOWN_COMPANY"),
        Refusal::UnknownCode => (StatusCode::NOT_FOUND, "UNKNOWN_CODE"),
        Refusal::CodeUsed { .. } => (StatusCode::CONFLICT, "CODE_USED"),
        Refusal::CodeNotUnused { .. } => (StatusCode::CONFLICT, "CODE_NOT_UNUSED"),
        Refusal::CodeOfOrder => (StatusCode::CONFLICT, "CODE_OF_ORDER"),
        Refusal::NotOfOrder => (StatusCode::CONFLICT, "CODE_NOT_OF_ORDER"),
        Refusal::CodeExpired { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "CODE_EXPIRED"),
        Refusal::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_ATTEMPTS"),
        Refusal::NotEnough { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_ENOUGH"),
        Refusal::SameCompany => (StatusCode::UNPROCESSABLE_ENTITY, "SAME_COMPANY"),
        Refusal::AmountOutOfRange => (StatusCode::UNPROCESSABLE_ENTITY, "OUT_OF_RANGE"),
        Refusal::Overflow => (StatusCode::UNPROCESSABLE_ENTITY, "OVERFLOW"),
        Refusal::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
        Refusal::UnknownDevice => (StatusCode::NOT_FOUND, "UNKNOWN_DEVICE"),
        Refusal::NotIssuer => (StatusCode::FORBIDDEN, "FORBIDDEN"),
    }
}

/// A reason's sentences: one, but for the obstacles of a company.
fn messages(reason: &Reason) -> Vec<(Option<&'static str>, String)> {
    match reason {
        Reason::KeyReused | Reason::Ledger(Refusal::KeyReused) => {
            vec![(None, "This Idempotency-Key was used before for another request.".into())]
        }
        Reason::Obstacles(obstacles) => {
            obstacles.iter().map(|o| (Some(code_of(o.what)), words::obstacle(o))).collect()
        }
        reason => vec![(None, words::reason(reason))],
    }
}

fn code_of(obstacle: ObstacleKind) -> &'static str {
    match obstacle {
        ObstacleKind::Root => "COMPANY_IS_ROOT",
        ObstacleKind::OwnCompany => "COMPANY_IS_OWN",
        ObstacleKind::Balance => "COMPANY_HAS_BALANCE",
        ObstacleKind::UnusedCodes(_) => "COMPANY_HAS_UNUSED_CODES",
        ObstacleKind::Subsidiaries(_) => "COMPANY_HAS_SUBSIDIARIES",
        ObstacleKind::Users(_) => "COMPANY_HAS_USERS",
        ObstacleKind::Devices(_) => "COMPANY_HAS_DEVICES",
        ObstacleKind::OpenOrders(_) => "COMPANY_HAS_OPEN_ORDERS",
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

/// Rides on an answer to the layer that has the clock and makes it a Retry-After.
#[derive(Clone, Copy)]
pub struct WaitUntil(pub Moment);

/// Turns what no handler answered (no such address, wrong method, too large) into the envelope.
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
