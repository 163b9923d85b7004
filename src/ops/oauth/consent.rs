//! An application asks a person whether it may act for them.

use super::Refusal;
use crate::app::App;
use crate::model::event::ApplicationEvent;
use crate::model::oauth::{Challenge, ErrorCode, STATE_LENGTH_MAX, granted};
use crate::model::refusal::ApplicationReason;
use crate::model::token::{Scopes, Token, TokenKind};
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult};
use crate::ops::notices;
use crate::ops::sessions::lock_actor;
use crate::ops::tokens::hash;
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::applications::Application;

/// What an application asks for, as the browser brought it.
pub struct Request<'a> {
    pub response_type: &'a str,
    pub client_id: &'a str,
    pub redirect_uri: Option<&'a str>,
    pub state: &'a str,
    pub scope: &'a str,
    pub challenge: &'a str,
    pub challenge_method: &'a str,
    /// Whether a parameter came twice.
    pub has_repeats: bool,
}

/// A request that a person can answer.
pub struct ConsentRequest {
    pub application: Application,
    pub redirect_url: String,
    pub scopes: Scopes,
    challenge: Challenge,
}

/// Why nobody is asked.
pub enum Unaskable {
    /// It is not known where the answer may be sent, so it is a page.
    Page(ApplicationReason),
    /// The application gets the answer.
    Back { redirect_url: String, refusal: Refusal },
}

/// Judges a request.
pub async fn look(app: &App, request: &Request<'_>) -> OpResult<Result<ConsentRequest, Unaskable>> {
    let mut tx = app.db.read().await?;
    Ok(judge(store::applications::by_client_id(&mut tx, request.client_id).await?, request))
}

fn judge(found: Option<Application>, request: &Request<'_>) -> Result<ConsentRequest, Unaskable> {
    let application = found.ok_or(Unaskable::Page(ApplicationReason::Unknown))?;
    let redirect_url = application.redirects().choose(request.redirect_uri);
    let redirect_url = redirect_url.ok_or(Unaskable::Page(ApplicationReason::UnknownRedirect))?;
    match terms(&application, request) {
        Ok((challenge, scopes)) => Ok(ConsentRequest { application, redirect_url, scopes, challenge }),
        Err(refusal) => Err(Unaskable::Back { redirect_url, refusal }),
    }
}

fn terms(application: &Application, request: &Request<'_>) -> Result<(Challenge, Scopes), Refusal> {
    let invalid = |description| Refusal::new(ErrorCode::InvalidRequest, description);
    if request.has_repeats {
        return Err(invalid("A parameter was sent twice."));
    }
    if request.state.len() > STATE_LENGTH_MAX {
        return Err(invalid("The state is too long."));
    }
    if request.response_type != "code" {
        let code = match request.response_type {
            "" => ErrorCode::InvalidRequest,
            _ => ErrorCode::UnsupportedResponseType,
        };
        return Err(Refusal::new(code, "The response_type must be code."));
    }
    let challenge = Challenge::parse(request.challenge, request.challenge_method)
        .ok_or(invalid("A code_challenge with code_challenge_method=S256 is required."))?;
    let scopes = granted(request.scope, &application.scopes())
        .map_err(|code| Refusal::new(code, "A scope is unknown, or none is left that the application may have."))?;
    Ok((challenge, scopes))
}

/// Lets an application act for the actor; returns the code that it exchanges for tokens. The same operation gives the
/// same code, so that a form that was sent twice leads to the same place.
///
/// # Errors
/// [`OpError::Forbidden`] for an application that is not open to the actor's company; [`OpError::NotFound`] if it
/// changed in the meantime.
pub async fn allow(app: &App, actor: &Actor, operation_id: &str, request: &Request<'_>) -> OpResult<Token> {
    let code = Token::from_random(TokenKind::Code, app.keys.consent_secret(actor.user_id, operation_id));
    let canonical = [request.client_id, request.redirect_uri.unwrap_or_default(), request.scope, request.challenge];
    let canonical = serde_json::json!(canonical).to_string();
    work_once!(app, actor, operation_id, "allow_application", &canonical, work => {
        let who = lock_actor(work, actor).await?;
        let found = store::applications::by_client_id(&mut work.tx, request.client_id).await?;
        let id = found.map(|application| application.id).ok_or(OpError::NotFound)?;
        // Locked, so that it is asked for what the application is now.
        store::applications::lock(&mut work.tx, id).await?;
        let found = store::applications::by_client_id(&mut work.tx, request.client_id).await?;
        let asked = judge(found, request).map_err(|_| OpError::NotFound)?;
        if !asked.application.is_open_to(&actor.company_path) {
            return Err(OpError::Forbidden);
        }
        let is_known = store::oauth::latest(&mut work.tx, id, actor.user_id).await?.is_some();
        let grant_id = store::oauth::insert_grant(
            &mut work.tx, id, actor.user_id, who.session_epoch, &asked.scopes, work.now,
        )
        .await?;
        let challenge = asked.challenge.as_str();
        store::oauth::insert_code(&mut work.tx, &hash(&code), grant_id, &asked.redirect_url, challenge, work.now)
            .await?;
        let (name, scopes) = (asked.application.name, asked.scopes.stored());
        work.note(actor.note("application.allowed", &name, &scopes));
        if !is_known {
            notices::application_allowed(app, work, &actor.email, (&name, &scopes), &actor.address).await?;
        }
        Ok(Outcome::of(ApplicationEvent::Allowed { name }))
    })?;
    Ok(code)
}
