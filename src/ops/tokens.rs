//! Personal access tokens: made by people with a second factor, or on the console; revoked.

use sha2::{Digest as _, Sha256};

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, Reason, refuse};
use crate::app::{App, Outcome, act, act_once};
use crate::model::time::Moment;
use crate::model::token::{NAME_LENGTH_MAX, Scopes, Token};
use crate::store;
use crate::store::tokens::{ListedToken, NewToken};

/// How many tokens a person may have at once.
pub const TOKENS_MAX: i64 = 100;
/// A token's last use is written down this often at most.
const TOUCH_EVERY_SECONDS: i64 = 60;

/// What the form of a new token sends.
pub struct TokenForm<'a> {
    pub name: &'a str,
    pub scopes: Vec<&'a str>,
    /// The last day that it is good, in the actor's time zone; empty for no end.
    pub last_day: &'a str,
}

/// A token that was made: its text is told once, for only its hash is kept.
pub struct MadeToken {
    pub message: String,
    /// `None` where the same form was sent before.
    pub token: Option<Token>,
}

/// What a token is found by.
#[must_use]
pub fn hash(token: &Token) -> Vec<u8> {
    Sha256::digest(token.reveal().as_bytes()).to_vec()
}

/// The actor's tokens, the newest first.
///
/// # Errors
/// Whatever the database says.
pub async fn list(app: &App, actor: &Actor) -> OpResult<Vec<ListedToken>> {
    let mut tx = app.db.read().await?;
    Ok(store::tokens::of_user(&mut tx, actor.user_id, TOKENS_MAX).await?)
}

/// One of the actor's tokens.
///
/// # Errors
/// [`OpError::NotFound`] for a token of somebody else.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<ListedToken> {
    list(app, actor).await?.into_iter().find(|t| t.id == id).ok_or(OpError::NotFound)
}

/// Makes a token. Only whoever has a second factor may.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn create(app: &App, actor: &Actor, key: &str, form: &TokenForm<'_>) -> OpResult<MadeToken> {
    if !actor.has_second_factor() {
        return refuse("", Reason::SecondFactorNeeded);
    }
    let (name, scopes, expires_at) = check(app, actor, form)?;
    let token = Token::from_random(app.rng.bytes());
    let request = serde_json::json!([name, scopes.stored(), expires_at]).to_string();
    let fresh = std::sync::atomic::AtomicBool::new(false);
    let outcome = act_once!(app, actor, key, "create_token", &request, act => {
        let present = store::tokens::of_user(&mut act.tx, actor.user_id, TOKENS_MAX).await?;
        if present.len() as i64 >= TOKENS_MAX {
            return refuse("", Reason::TooManyTokens { maximum: TOKENS_MAX });
        }
        let new = NewToken {
            user_id: actor.user_id,
            name: &name,
            hash: &hash(&token),
            ending: token.ending(),
            scopes: &scopes,
            from_console: false,
            expires_at,
        };
        store::tokens::insert(&mut act.tx, &new, act.now).await?;
        act.note(actor.note("token.created", &name, &scopes.stored()));
        fresh.store(true, std::sync::atomic::Ordering::SeqCst);
        Ok(format!("Create\nThe access token {name} was created."))
    })?;
    Ok(MadeToken { message: outcome.result, token: fresh.into_inner().then_some(token) })
}

fn check(app: &App, actor: &Actor, form: &TokenForm<'_>) -> OpResult<(String, Scopes, Option<Moment>)> {
    let mut problems = Problems::default();
    let name = problems.take("name", name(form.name));
    let scopes = problems.take("scopes", scopes(form.scopes.iter().copied()));
    let expires_at = match form.last_day.trim() {
        "" => None,
        text => problems.take("last_day", last_day(app, actor, text)),
    };
    problems.finish()?;
    let (Some(name), Some(scopes)) = (name, scopes) else { return Err(OpError::NotFound) };
    Ok((name, scopes, expires_at))
}

fn name(text: &str) -> Result<String, Reason> {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    match name.chars().count() {
        0 => Err(Reason::Name(crate::model::company::NameError::Missing)),
        n if n > NAME_LENGTH_MAX => Err(Reason::TooLong { maximum: NAME_LENGTH_MAX }),
        _ => Ok(name),
    }
}

fn scopes<'a>(slugs: impl IntoIterator<Item = &'a str>) -> Result<Scopes, Reason> {
    let scopes = Scopes::read(slugs).map_err(Reason::UnknownScope)?;
    if scopes.is_empty() { Err(Reason::NoScope) } else { Ok(scopes) }
}

fn last_day(app: &App, actor: &Actor, text: &str) -> Result<Moment, Reason> {
    let end = crate::model::time::day_end(text, &actor.time_zone).ok_or(Reason::UnknownDay)?;
    if end > app.clock.now() { Ok(end) } else { Err(Reason::PastDay) }
}

/// Revokes one of the actor's tokens. It is refused from the next request on.
///
/// # Errors
/// [`OpError::NotFound`] for a token of somebody else.
pub async fn revoke(app: &App, actor: &Actor, key: &str, id: i64) -> OpResult<Outcome> {
    act_once!(app, actor, key, "revoke_token", &id.to_string(), act => {
        let name = store::tokens::revoke(&mut act.tx, actor.user_id, id).await?.ok_or(OpError::NotFound)?;
        act.note(actor.note("token.revoked", &name, ""));
        Ok(format!("Revoke\nThe access token {name} no longer works."))
    })
}

/// Makes a token for a machine that is set up without a browser. It needs no second factor.
///
/// # Errors
/// A refusal, or [`OpError::NotFound`] for an address without an account.
pub async fn create_on_console(app: &App, email: &str, name: &str, scopes: &str) -> OpResult<Token> {
    let name = self::name(name).map_err(|reason| OpError::Refused("name", reason))?;
    let slugs = scopes.split(',').map(str::trim).filter(|s| !s.is_empty());
    let scopes = self::scopes(slugs).map_err(|reason| OpError::Refused("scopes", reason))?;
    let token = Token::from_random(app.rng.bytes());
    act!(app, act => {
        let owner = store::users::by_email(&mut act.tx, email).await?.ok_or(OpError::NotFound)?;
        let new = NewToken {
            user_id: owner.id,
            name: &name,
            hash: &hash(&token),
            ending: token.ending(),
            scopes: &scopes,
            from_console: true,
            expires_at: None,
        };
        store::tokens::insert(&mut act.tx, &new, act.now).await?;
        act.note(super::console::note(owner.company_id, "token.created", &format!("{name}, of {email}")));
        Ok(())
    })?;
    Ok(token)
}

/// Notes a token's use, seldom: a page needs the minute, not the second.
pub async fn touch(app: &App, id: i64, last_used_at: Option<i64>) -> OpResult<()> {
    let now = app.clock.now();
    let since = now.plus_seconds(-TOUCH_EVERY_SECONDS);
    if last_used_at.is_some_and(|at| Moment(at) >= since) {
        return Ok(());
    }
    act!(app, act => { Ok(store::tokens::touch(&mut act.tx, id, now, since).await?) })
}
