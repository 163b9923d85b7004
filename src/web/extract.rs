//! Extractors: the signed-in person, and posted forms.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use tower_sessions::Session;

use super::browser_name::browser_name;
use super::error::{WebError, WebResult};
use super::form::Form;
use super::state::Portal;
use super::{guard, session};
use crate::ops::actor::Actor;
use crate::ops::passwords::Again;
use crate::ops::sign_in::SignInOrigin;
use crate::urls;

/// The signed-in person of a request, with the session.
pub struct Me {
    pub actor: Actor,
    pub session: Session,
    pub theme: Theme,
    pub path: String,
    /// The page's own address, with its query.
    pub here: String,
    /// The operation whose notice the page shows.
    pub done: Option<String>,
    /// The mark of a browser that an account has signed in from before.
    pub known_device: Option<String>,
}

impl Me {
    /// A password entered again.
    pub fn again<'a>(&'a self, password: &'a str) -> Again<'a> {
        Again { password, device_mark: self.known_device.as_deref() }
    }

    /// Binds mailed codes to this session.
    pub fn session_mark(&self) -> String {
        self.session.id().map(|id| hex::encode(session::hash(id))).unwrap_or_default()
    }
}

/// The colour scheme that a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub fn slug(self) -> &'static str {
        match self {
            Theme::System => "",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    pub fn from_slug(slug: &str) -> Theme {
        match slug {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        }
    }
}

pub fn cookie<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts
        .headers
        .get_all(axum::http::header::COOKIE)
        .iter()
        .filter_map(|h| h.to_str().ok())
        .flat_map(|h| h.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value)
}

/// The sender of a request that needs no sign-in.
pub struct Visitor {
    pub session: Session,
    pub address: String,
    pub user_agent: String,
    pub theme: Theme,
    pub known_device: Option<String>,
    pub link: Option<String>,
}

impl Visitor {
    /// The origin of a sign-in attempt.
    pub fn origin(&self) -> SignInOrigin {
        SignInOrigin {
            address: self.address.clone(),
            browser: browser_name(&self.user_agent),
            device_mark: self.known_device.clone(),
        }
    }
}

impl FromRequestParts<Portal> for Visitor {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> WebResult<Visitor> {
        let session = Session::from_request_parts(parts, portal).await.map_err(|e| WebError::Internal(e.1.into()))?;
        let agent = parts.headers.get(axum::http::header::USER_AGENT).and_then(|h| h.to_str().ok());
        Ok(Visitor {
            session,
            address: guard::client_address(&portal.app, parts),
            user_agent: agent.unwrap_or_default().to_owned(),
            theme: Theme::from_slug(cookie(parts, portal.cookie_names.theme).unwrap_or_default()),
            known_device: cookie(parts, portal.cookie_names.known_device).map(str::to_owned),
            link: cookie(parts, portal.cookie_names.link).map(str::to_owned),
        })
    }
}

impl FromRequestParts<Portal> for Me {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> WebResult<Me> {
        let session = Session::from_request_parts(parts, portal).await.map_err(|e| WebError::Internal(e.1.into()))?;
        let here = urls::without_secrets(parts.uri.path(), parts.uri.query());
        // After signing in, a page is shown, but a form is not sent again.
        let next = if parts.method == axum::http::Method::GET { here.clone() } else { String::new() };
        let Some(who) = session::signed_in_as(&session).await? else { return Err(WebError::SignIn(next)) };
        let found = portal.people.get(who.user_id).await.map_err(|_| WebError::Unavailable)?;
        let Some(found) = found.filter(|p| p.session_epoch == who.session_epoch) else {
            session.flush().await?;
            return Err(WebError::SignIn(next));
        };
        let actor = Actor::of(found, guard::client_address(&portal.app, parts));
        guard::record_who(parts, &actor);
        if actor.pending_setup.is_some_and(|pending| !urls::is_open_during_setup(parts.uri.path(), pending)) {
            return Err(WebError::SetupPending);
        }
        let theme = Theme::from_slug(cookie(parts, portal.cookie_names.theme).unwrap_or_default());
        let query = Form::read(parts.uri.query().unwrap_or_default().as_bytes());
        let done = Some(query.value("done").to_owned()).filter(|k| !k.is_empty() && k.len() <= 255);
        let known_device = cookie(parts, portal.cookie_names.known_device).map(str::to_owned);
        let path = parts.uri.path().to_owned();
        Ok(Me { actor, session, theme, path, here, done, known_device })
    }
}

/// The request of a signed-in person.
pub struct Visit(pub Portal, pub Me);

impl FromRequestParts<Portal> for Visit {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> WebResult<Visit> {
        Ok(Visit(portal.clone(), Me::from_request_parts(parts, portal).await?))
    }
}

/// The id in an address. An id that is not a number is not found.
pub struct Id(pub i64);

impl FromRequestParts<Portal> for Id {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> WebResult<Id> {
        let found = axum::extract::Path::<i64>::from_request_parts(parts, portal).await;
        found.map(|id| Id(id.0)).map_err(|_| WebError::NotFound)
    }
}

/// Two ids in an address, such as an order's and a line's.
pub struct Ids(pub i64, pub i64);

impl FromRequestParts<Portal> for Ids {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> WebResult<Ids> {
        let found = axum::extract::Path::<(i64, i64)>::from_request_parts(parts, portal).await;
        found.map(|ids| Ids(ids.0.0, ids.0.1)).map_err(|_| WebError::NotFound)
    }
}

/// The query of an address, as a form.
pub struct QueryForm(pub Form);

impl<S: Send + Sync> FromRequestParts<S> for QueryForm {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<QueryForm, Self::Rejection> {
        Ok(QueryForm(Form::read(parts.uri.query().unwrap_or_default().as_bytes())))
    }
}

pub struct BodyForm(pub Form);

impl<S: Send + Sync> FromRequest<S> for BodyForm {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<BodyForm, Self::Rejection> {
        use axum::response::IntoResponse as _;
        let kind = request.headers().get(axum::http::header::CONTENT_TYPE).and_then(|h| h.to_str().ok());
        let is_form = kind.is_some_and(|k| k.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(WebError::BadRequest.into_response());
        }
        let body = axum::body::Bytes::from_request(request, state).await.map_err(|e| e.into_response())?;
        Ok(BodyForm(Form::read(&body)))
    }
}

/// A posted form with a file, whose text is the value of its field.
pub struct Uploaded(pub Form);

impl<S: Send + Sync> FromRequest<S> for Uploaded {
    type Rejection = axum::response::Response;

    async fn from_request(request: Request, state: &S) -> Result<Uploaded, Self::Rejection> {
        use axum::response::IntoResponse as _;
        let mut parts = axum::extract::Multipart::from_request(request, state).await.map_err(|e| e.into_response())?;
        let mut form = Form::default();
        while let Some(part) = parts.next_field().await.map_err(|e| e.into_response())? {
            let name = part.name().unwrap_or_default().to_owned();
            let bytes = part.bytes().await.map_err(|e| e.into_response())?;
            // A file in another encoding is decoded as far as possible; its check reports the result.
            form.push(&name, &String::from_utf8_lossy(&bytes));
        }
        Ok(Uploaded(form))
    }
}
