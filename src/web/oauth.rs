//! What applications themselves ask (OAuth 2.1): tokens, their end, facts about them. Programs send these forms, so
//! there is no session, no cookie and no form's token; each application proves itself by its secret, or has none.
//! Errors are those of RFC 6749.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::form::Form;
use super::guard;
use super::state::Portal;
use super::underway::request_id;
use crate::app::App;
use crate::model::oauth::{ACCESS_SECONDS, ErrorCode};
use crate::model::token::{Scope, TokenKind};
use crate::ops;
use crate::ops::error::OpError;
use crate::ops::oauth::tokens::{Asker, Given};
use crate::ops::oauth::{Client, Failure, Refusal};
use crate::store::applications::Application;
use crate::urls;

/// These forms are a few hundred bytes long.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Parameters that may come once.
const ONCE: [&str; 9] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "token",
];

/// A refusal as an answer.
pub struct Refused {
    failure: Failure,
    /// Seconds to wait.
    wait: Option<i64>,
}

impl<T: Into<Failure>> From<T> for Refused {
    fn from(failure: T) -> Refused {
        Refused { failure: failure.into(), wait: None }
    }
}

fn invalid(description: &'static str) -> Refused {
    Refusal::new(ErrorCode::InvalidRequest, description).into()
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error, description) = match &self.failure {
            Failure::Refused(refusal) => {
                let is_client = refusal.code == ErrorCode::InvalidClient;
                let status = if is_client { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
                (status, refusal.code.slug(), refusal.description)
            }
            Failure::Wait { .. } => {
                (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", "Too many requests. Wait, then try again.")
            }
            Failure::Failed(OpError::Unavailable | OpError::Collision | OpError::OutcomeUnknown) => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "The portal cannot do this now.")
            }
            Failure::Failed(error) => {
                tracing::error!(%error, request_id = request_id(), "a request of an application failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Something went wrong; it has been written down.")
            }
        };
        let body = Json(json!({ "error": error, "error_description": description }));
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Scrip\""));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(RETRY_AFTER, HeaderValue::from(self.wait.unwrap_or(2).max(1)));
            }
            _ => {}
        }
        response
    }
}

/// A program's form, and who it says it is.
pub struct Posted {
    form: Form,
    client_id: String,
    client_secret: Option<String>,
    address: String,
}

impl FromRequest<Portal> for Posted {
    type Rejection = Refused;

    async fn from_request(request: Request, portal: &Portal) -> Result<Posted, Refused> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(invalid("Send a form: application/x-www-form-urlencoded."));
        }
        let address = guard::client_address(&portal.app, &parts);
        let basic = basic(&parts.headers)?;
        let body = Bytes::from_request(Request::from_parts(parts, body), portal).await;
        let form = Form::read(&body.map_err(|_| invalid("The form is too large, or did not arrive."))?);
        if form.has_repeats(&ONCE) {
            return Err(invalid("A parameter was sent twice."));
        }
        let [id, secret] = ["client_id", "client_secret"].map(|name| form.value(name).to_owned());
        let secret = Some(secret).filter(|secret| !secret.is_empty());
        let (client_id, client_secret) = match basic {
            None => (id, secret),
            Some((_, _)) if secret.is_some() => {
                return Err(invalid("Send the secret once: in a header or in the form."));
            }
            Some((other, _)) if !id.is_empty() && id != other => return Err(invalid("Two clients are named.")),
            Some((id, secret)) => (id, Some(secret)),
        };
        Ok(Posted { form, client_id, client_secret, address })
    }
}

/// The client's id and secret in the header. Another scheme than Basic is passed over: some programs send their old
/// access token.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Refused> {
    let text = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok()).unwrap_or_default();
    let Some((scheme, given)) = text.trim().split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(given.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair =
        decoded.as_deref().and_then(|text| text.split_once(':')).map(|(id, secret)| (decode(id), decode(secret)));
    pair.map(Some).ok_or(Refusal::new(ErrorCode::InvalidClient, "The Authorization header is malformed.").into())
}

/// RFC 6749 has both halves encoded like a form's values.
fn decode(text: &str) -> String {
    Form::read(format!("half={text}").as_bytes()).value("half").to_owned()
}

impl Posted {
    async fn application(&self, portal: &Portal) -> Result<Application, Refused> {
        let client = Client { id: &self.client_id, secret: self.client_secret.as_deref(), address: &self.address };
        let application = match ops::oauth::authenticate(&portal.app, &client).await {
            Ok(application) => application,
            Err(failure) => return Err(later(&portal.app, failure)),
        };
        // Counted beside those of its tokens, whose numbers are positive.
        match portal.rates.count(-application.id).wait_seconds {
            None => Ok(application),
            Some(seconds) => {
                Err(Refused { failure: Failure::Wait { until: portal.app.clock.now() }, wait: Some(seconds) })
            }
        }
    }

    /// A parameter that must be there.
    fn required(&self, name: &str) -> Result<&str, Refused> {
        match self.form.value(name) {
            "" => Err(invalid("A required parameter is missing.")),
            value => Ok(value),
        }
    }
}

fn later(app: &App, failure: Failure) -> Refused {
    let wait = match failure {
        Failure::Wait { until } => Some(until.seconds_since(app.clock.now())),
        _ => None,
    };
    Refused { failure, wait }
}

/// Gives tokens: for a code, for a refresh token, or for the application itself.
pub async fn token(State(portal): State<Portal>, posted: Posted) -> Result<Response, Refused> {
    let app = &portal.app;
    let grant_type = posted.required("grant_type")?;
    let application = posted.application(&portal).await?;
    let asker = Asker { application: &application, address: &posted.address };
    let scope = posted.form.value("scope");
    let given = match grant_type {
        "authorization_code" => {
            let (code, verifier) = (posted.required("code")?, posted.required("code_verifier")?);
            let redirect_uri = Some(posted.form.value("redirect_uri")).filter(|uri| !uri.is_empty());
            ops::oauth::tokens::for_code(app, asker, code, redirect_uri, verifier).await?
        }
        "refresh_token" => {
            let refresh = posted.required("refresh_token")?;
            ops::oauth::tokens::for_refresh(app, asker, refresh, scope).await?
        }
        "client_credentials" => ops::oauth::tokens::for_credentials(app, &application, scope).await?,
        _ => {
            let description = "The grant_type must be authorization_code, refresh_token or client_credentials.";
            return Err(Refusal::new(ErrorCode::UnsupportedGrantType, description).into());
        }
    };
    Ok(([(PRAGMA, "no-cache")], Json(tokens(&given))).into_response())
}

fn tokens(given: &Given) -> Value {
    let mut answer = json!({
        "access_token": given.access.reveal(),
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "scope": given.scopes.stored(),
    });
    if let Some(refresh) = &given.refresh {
        answer["refresh_token"] = refresh.reveal().into();
    }
    answer
}

/// Ends a token (RFC 7009). One that is unknown is ended already.
pub async fn revoke(State(portal): State<Portal>, posted: Posted) -> Result<StatusCode, Refused> {
    let application = posted.application(&portal).await?;
    let token = posted.required("token")?;
    ops::oauth::inspect::revoke(&portal.app, &application, token, &posted.address).await?;
    Ok(StatusCode::OK)
}

/// Says whether one of the application's own tokens works (RFC 7662).
pub async fn introspect(State(portal): State<Portal>, posted: Posted) -> Result<Json<Value>, Refused> {
    let application = posted.application(&portal).await?;
    if !application.is_confidential() {
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, "Only a confidential client may ask this.").into());
    }
    let text = posted.required("token")?;
    let Some(found) = ops::oauth::inspect::look(&portal.app, &application, text).await? else {
        return Ok(Json(json!({ "active": false })));
    };
    let seconds = |at: i64| at.div_euclid(1_000_000);
    let is_access = text.starts_with(TokenKind::Access.prefix());
    Ok(Json(json!({
        "active": true,
        "scope": found.scopes,
        "client_id": application.client_id,
        "username": found.email,
        "token_type": if is_access { "Bearer" } else { "refresh_token" },
        "exp": seconds(found.expires_at),
        "iat": seconds(found.created_at),
        "nbf": seconds(found.created_at),
        "sub": found.user_id.to_string(),
        "iss": portal.app.config.public_url,
    })))
}

/// Where an application finds all this (RFC 8414).
pub async fn metadata(State(portal): State<Portal>) -> Json<Value> {
    let issuer = &portal.app.config.public_url;
    let at = |path: &str| format!("{issuer}{path}");
    let scopes: Vec<&str> = Scope::ALL.into_iter().map(Scope::slug).collect();
    let secret = ["client_secret_basic", "client_secret_post"];
    let any = ["client_secret_basic", "client_secret_post", "none"];
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": at(urls::AUTHORIZE),
        "token_endpoint": at(urls::OAUTH_TOKEN),
        "revocation_endpoint": at(urls::OAUTH_REVOKE),
        "introspection_endpoint": at(urls::OAUTH_INTROSPECT),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": any,
        "revocation_endpoint_auth_methods_supported": any,
        "introspection_endpoint_auth_methods_supported": secret,
        "authorization_response_iss_parameter_supported": true,
    }))
}
