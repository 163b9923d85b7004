//! The owner of a request's token, and whether the token may do this.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::error::{ApiError, ApiResult, WaitUntil};
use crate::model::network::Networks;
use crate::model::time::Moment;
use crate::model::token::{Scope, Scopes, Token, TokenKind, TokenName};
use crate::ops;
use crate::ops::actor::Actor;
use crate::web::form::Form;
use crate::web::guard;
use crate::web::state::Portal;

/// The token's owner, read for this request, and the token's scopes.
#[derive(Debug, Clone)]
pub struct Caller {
    pub actor: Actor,
    pub scopes: Scopes,
    pub token: Facts,
}

/// What a program may know of its token.
#[derive(Debug, Clone)]
pub struct Facts {
    /// A personal token's number, or the start of an application's token's hash.
    pub id: String,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    /// The application that it was given to; `None` for a personal token.
    pub client_id: Option<String>,
}

/// A caller whose token has the scope `S`.
pub struct May<S> {
    caller: Caller,
    scope: PhantomData<S>,
}

/// A scope as a type, for [`May`].
pub trait Needed {
    const SCOPE: Scope;
    /// An alternative scope that suffices.
    const OR: Option<Scope> = None;
}

macro_rules! needed {
    ($($scope:ident),* $(,)?) => {
        $(pub struct $scope;
        impl Needed for $scope {
            const SCOPE: Scope = Scope::$scope;
        })*
    };
}
needed!(
    CompaniesRead,
    CompaniesWrite,
    CreditsRead,
    CreditsWrite,
    CodesWrite,
    DevicesRead,
    DevicesWrite,
    DeviceCreditsWrite,
    UsersRead,
    UsersWrite
);

/// Either scope lists codes; only the first shows them whole.
pub struct CodesSeen;
impl Needed for CodesSeen {
    const SCOPE: Scope = Scope::CodesRead;
    const OR: Option<Scope> = Some(Scope::CodesList);
}

impl<S> Deref for May<S> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl FromRequestParts<Portal> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Portal) -> ApiResult<Caller> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| ApiError::unauthorised(true))
    }
}

impl<S: Needed> FromRequestParts<Portal> for May<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Portal) -> ApiResult<May<S>> {
        let caller = Caller::from_request_parts(parts, portal).await?;
        if !caller.scopes.has(S::SCOPE) && !S::OR.is_some_and(|other| caller.scopes.has(other)) {
            return Err(ApiError::scope_missing(S::SCOPE));
        }
        Ok(May { caller, scope: PhantomData })
    }
}

/// Runs before each endpoint: finds the token's holder, counts the request, adds the limit headers.
pub async fn authenticate(State(portal): State<Portal>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let (caller, token_id) = match identify(&portal, &parts).await {
        Ok(found) => found,
        Err(error) => return error.into_response(),
    };
    let rate = portal.rates.count(token_id);
    let mut response = match rate.wait_seconds {
        Some(seconds) => ApiError::too_many(seconds, "Too many requests with this access token.").into_response(),
        None => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
    };
    rate.tell(response.headers_mut());
    if let Some(WaitUntil(until)) = response.extensions_mut().remove() {
        let seconds = until.seconds_since(portal.app.clock.now()).clamp(1, 86_400);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn identify(portal: &Portal, parts: &Parts) -> ApiResult<(Caller, i64)> {
    let text = token_text(parts).ok_or_else(|| ApiError::unauthorised(true))?;
    let token = Token::parse(text.trim()).ok_or_else(|| ApiError::unauthorised(false))?;
    let holders = match token.kind() {
        TokenKind::Personal => &portal.holders,
        TokenKind::Access => &portal.application_holders,
        _ => return Err(ApiError::unauthorised(false)),
    };
    let found = holders.get(ops::tokens::hash(&token)).await.map_err(|_| ApiError::unavailable())?;
    let now = portal.app.clock.now();
    let holder = found
        .filter(|h| h.expires_at.is_none_or(|at| now < Moment(at)))
        .ok_or_else(|| ApiError::unauthorised(false))?;
    let address = guard::client_address(&portal.app, parts);
    if !Networks::have(&holder.networks, &address) {
        return Err(ApiError::address_refused());
    }
    // If nothing can be written (a full disk), programs can still read. Boxed: it is rare and large, and each request
    // would otherwise reserve room for it.
    let touched = Box::pin(ops::tokens::touch(&portal.app, &holder)).await;
    if let Err(error) = touched
        && !portal.app.db.is_disk_full()
    {
        tracing::warn!(%error, "a token's use was not noted");
    }
    let facts = Facts {
        id: match holder.client_id {
            None => holder.token_id.to_string(),
            Some(_) => hex::encode(&holder.token_hash[..16]),
        },
        created_at: Moment(holder.created_at),
        expires_at: holder.expires_at.map(Moment),
        client_id: holder.client_id,
    };
    let mut actor = Actor::of(holder.person, address);
    // An application does no more than its person may, who must first set up a second factor.
    if facts.client_id.is_some() && actor.pending_setup.is_some() {
        return Err(ApiError::unauthorised(false));
    }
    actor.token = Some(TokenName { id: holder.token_id, name: holder.token_name });
    let mut scopes = Scopes::from_stored(&holder.scopes);
    if let Some(allowed) = &holder.application_scopes {
        scopes = scopes.within(&Scopes::from_stored(allowed));
    }
    actor.is_shown_masked_codes = !scopes.has(Scope::CodesRead);
    guard::record_who(parts, &actor);
    Ok((Caller { actor, scopes, token: facts }, holder.token_id))
}

/// The token in the header, or in the query parameter that RMS's guide shows. The query is read here and goes nowhere
/// else: the log has only paths.
fn token_text(parts: &Parts) -> Option<String> {
    let bearer = |text: &str| {
        let (scheme, token) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    if let Some(header) = parts.headers.get(AUTHORIZATION) {
        return header.to_str().ok().and_then(bearer);
    }
    let query = Form::read(parts.uri.query()?.as_bytes());
    ["Authorization", "authorization"].into_iter().find_map(|name| bearer(query.value(name)))
}
