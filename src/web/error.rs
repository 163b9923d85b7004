//! The page that a browser gets if a request is not done: it says so, and that nothing changed.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::{downloads, underway};
use crate::model::refusal::Reason;
use crate::ops::error::OpError;
use crate::urls;

/// Why a request is not answered with its page.
#[derive(Debug)]
pub enum WebError {
    NotFound,
    Forbidden,
    /// The form belongs to another session, or was altered.
    FormForeign,
    /// Not signed in; holds where to go afterwards.
    SignIn(String),
    /// The password and the second factor must be entered again first; holds where to go afterwards.
    Confirm(String),
    /// The person must turn on two-factor authentication before anything else.
    SetupPending,
    /// A refusal that no form can show.
    Refused(Reason),
    BadRequest,
    Unavailable,
    /// The limit on concurrent files is reached.
    TooManyDownloads,
    /// It may have happened, or may still happen.
    OutcomeUnknown,
    Internal(String),
}

pub type WebResult<T> = Result<T, WebError>;

impl From<OpError> for WebError {
    fn from(error: OpError) -> WebError {
        match error {
            OpError::Refused(_, reason) => WebError::Refused(reason),
            OpError::Invalid(mut problems) => {
                problems.pop().map_or(WebError::BadRequest, |(_, reason)| WebError::Refused(reason))
            }
            OpError::Rows(mut rows) => {
                rows.pop().map_or(WebError::BadRequest, |(_, _, reason)| WebError::Refused(reason))
            }
            OpError::NotFound => WebError::NotFound,
            OpError::Forbidden => WebError::Forbidden,
            OpError::Unavailable | OpError::Collision => WebError::Unavailable,
            OpError::OutcomeUnknown => WebError::OutcomeUnknown,
            OpError::Internal(text) => WebError::Internal(text),
        }
    }
}

impl From<askama::Error> for WebError {
    fn from(error: askama::Error) -> WebError {
        WebError::Internal(error.to_string())
    }
}

impl From<tower_sessions::session::Error> for WebError {
    fn from(error: tower_sessions::session::Error) -> WebError {
        tracing::error!(%error, "a session could not be read or written");
        WebError::Unavailable
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    text: &'a str,
    request_id: String,
    /// Where to go next, and the link's text.
    next: (String, &'a str),
    style: &'a str,
    icon: &'a str,
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let (status, title, text) = match &self {
            WebError::SignIn(next) => {
                return Redirect::to(&urls::with_query(urls::SIGN_IN, &[("next", next)])).into_response();
            }
            WebError::Confirm(next) => {
                return Redirect::to(&urls::with_query(urls::CONFIRM, &[("next", next)])).into_response();
            }
            WebError::SetupPending => return Redirect::to(urls::SECOND_FACTOR).into_response(),
            WebError::NotFound => (
                StatusCode::NOT_FOUND,
                "Page not found",
                "There is nothing at this address, or it belongs to a company that you do not see.".to_owned(),
            ),
            WebError::Forbidden => (
                StatusCode::FORBIDDEN,
                "Not allowed",
                "Your role does not allow this. Nothing was changed. Ask an administrator of your company.".to_owned(),
            ),
            WebError::FormForeign => (
                StatusCode::FORBIDDEN,
                "This form is out of date",
                "It was opened before you signed in or in another session. Nothing was changed. Go back, reload the page and try again.".to_owned(),
            ),
            WebError::Refused(reason) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "Not done", format!("{} Nothing was changed.", crate::words::reason(reason).sentence))
            }
            WebError::BadRequest => (
                StatusCode::BAD_REQUEST,
                "Request not understood",
                "The request is malformed. Nothing was changed.".to_owned(),
            ),
            WebError::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Busy",
                if underway::Underway::present().is_some_and(|u| u.is_read()) {
                    "The portal cannot show this page now. Try again in a moment.".to_owned()
                } else {
                    "The portal cannot do this now. Nothing was changed. Try again in a moment.".to_owned()
                },
            ),
            WebError::TooManyDownloads => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many downloads",
                "As many files are being downloaded as the portal sends at once. Wait for yours to finish, or try again in half a minute.".to_owned(),
            ),
            WebError::OutcomeUnknown => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not known yet",
                "The database did not say whether this was done. It may have happened, or may happen in a moment. Look first, before you do it again.".to_owned(),
            ),
            WebError::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong",
                "It is our fault, not yours, and is in the log. If you were changing something, look whether it has happened before you try again.".to_owned(),
            ),
        };
        let request_id = underway::request_id();
        if let WebError::Internal(error) = &self {
            tracing::error!(error, request_id, "a request failed");
        }
        let shown_id = if status.is_server_error() { request_id } else { String::new() };
        let page = ErrorPage {
            title,
            text: &text,
            request_id: shown_id,
            next: match (&self, underway::operation()) {
                (WebError::OutcomeUnknown, Some(operation)) => {
                    (urls::with_done(&operation.back, &operation.id), "See whether it has happened")
                }
                _ => (urls::OVERVIEW.to_owned(), "To the overview"),
            },
            style: super::assets::address("style.css"),
            icon: super::assets::address("icon.svg"),
        };
        let mut response = (status, Html(page.render().unwrap_or_else(|_| title.to_owned()))).into_response();
        let again_seconds = match self {
            WebError::Unavailable => Some(2),
            WebError::TooManyDownloads => Some(downloads::AGAIN_SECONDS),
            _ => None,
        };
        if let Some(seconds) = again_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
