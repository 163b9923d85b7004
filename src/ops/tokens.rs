//! Personal access tokens: made by users with a second factor or on the console, and revoked.

use sha2::{Digest as _, Sha256};

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, at, refuse};
use super::notices;
use super::sessions::lock_actor;
use super::users::find_changed;
use crate::app::App;
use crate::model::company::NameError;
use crate::model::event::{Event, TokenEvent};
use crate::model::network::{NetworkError, Networks};
use crate::model::permission::Permission;
use crate::model::refusal::{DateReason, FieldReason, Reason, TokenReason};
use crate::model::time::Moment;
use crate::model::token::{NAME_LENGTH_MAX, Scopes, Token, TokenKind};
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::auth::Credentials;
use crate::store::history::NewHistory;
use crate::store::tokens::{Holder, ListedToken, NewToken};

/// How many tokens a user may have at once.
pub const TOKENS_MAX: i64 = 100;
/// A token's last use is stored at most this often.
const TOUCH_EVERY_SECONDS: i64 = 60;
const DAY_SECONDS: i64 = 86_400;

/// How many days a token is valid by default.
pub const TOKEN_DAYS: i64 = 90;

/// The form of a new token.
pub struct TokenForm<'a> {
    pub name: &'a str,
    pub scopes: Vec<&'a str>,
    /// The last day of its validity, in the actor's time zone; empty for the default.
    pub last_day: &'a str,
    /// It does not expire, whatever the last day says.
    pub has_no_end: bool,
    /// The addresses and networks it works from; empty for everywhere.
    pub networks: &'a str,
}

/// A token that was made. Its text is shown once, because only its hash is stored.
pub struct MadeToken {
    pub event: Event,
    /// `None` if the same form was sent before.
    pub token: Option<Token>,
}

/// The hash that a token is found by.
#[must_use]
pub fn hash(token: &Token) -> Vec<u8> {
    Sha256::digest(token.reveal().as_bytes()).to_vec()
}

/// The actor's tokens, newest first.
pub async fn list(app: &App, actor: &Actor) -> OpResult<Vec<ListedToken>> {
    let mut tx = app.db.read().await?;
    Ok(store::tokens::of_user(&mut tx, actor.user_id, TOKENS_MAX).await?)
}

/// One of the actor's tokens.
///
/// # Errors
/// [`OpError::NotFound`] for another user's token.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<ListedToken> {
    list(app, actor).await?.into_iter().find(|t| t.id == id).ok_or(OpError::NotFound)
}

/// Makes a token. Only a user with a second factor may.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(app: &App, actor: &Actor, operation_id: &str, form: &TokenForm<'_>) -> OpResult<MadeToken> {
    if !actor.has_second_factor() {
        return refuse("", TokenReason::SecondFactorNeeded);
    }
    let Checked { name, scopes, expires_at, networks } = check(app, actor, form)?;
    let token = Token::from_random(TokenKind::Personal, app.rng.bytes());
    let end = (form.last_day.trim(), form.has_no_end);
    let request = serde_json::json!([name, scopes.stored(), end, networks]).to_string();
    let fresh = std::sync::atomic::AtomicBool::new(false);
    let outcome = work_once!(app, actor, operation_id, "create_token", &request, work => {
        lock_actor(work, actor).await?;
        let existing = store::tokens::of_user(&mut work.tx, actor.user_id, TOKENS_MAX).await?;
        if existing.len() as i64 >= TOKENS_MAX {
            return refuse("", TokenReason::TooMany { maximum: TOKENS_MAX });
        }
        let new = NewToken {
            user_id: actor.user_id,
            name: &name,
            hash: &hash(&token),
            ending: token.ending(),
            scopes: &scopes,
            from_console: false,
            expires_at,
            networks: &networks,
        };
        store::tokens::insert(&mut work.tx, &new, work.now).await?;
        work.note(actor.note("token.created", &name, &scopes.stored()));
        notices::token_made(app, work, &actor.email, &name, &scopes.stored(), &actor.address).await?;
        fresh.store(true, std::sync::atomic::Ordering::SeqCst);
        Ok(Outcome::of(TokenEvent::Created { name: name.clone() }))
    })?;
    Ok(MadeToken { event: outcome.event, token: fresh.into_inner().then_some(token) })
}

/// The form's content, checked.
struct Checked {
    name: String,
    scopes: Scopes,
    expires_at: Option<Moment>,
    networks: String,
}

fn check(app: &App, actor: &Actor, form: &TokenForm<'_>) -> OpResult<Checked> {
    let mut problems = Problems::default();
    let name = problems.take("name", name(form.name));
    let scopes = problems.take("scopes", scopes(form.scopes.iter().copied()));
    let expires_at = match (form.has_no_end, form.last_day.trim()) {
        (true, _) => None,
        (false, "") => problems.take("last_day", last_day(app, actor, &usual_last_day(app, actor))),
        (false, text) => problems.take("last_day", last_day(app, actor, text)),
    };
    let networks = problems.take("networks", networks(form.networks));
    problems.finish()?;
    let (Some(name), Some(scopes), Some(networks)) = (name, scopes, networks) else {
        return Err(OpError::NotFound);
    };
    Ok(Checked { name, scopes, expires_at, networks })
}

fn networks(text: &str) -> Result<String, NetworkError> {
    Networks::read(text).map(|n| n.stored())
}

/// The last day of a token by default, as a date field's value.
#[must_use]
pub fn usual_last_day(app: &App, actor: &Actor) -> String {
    app.clock.now().plus_seconds(TOKEN_DAYS * DAY_SECONDS).zoned(&actor.time_zone).date().to_string()
}

pub(super) fn name(text: &str) -> Result<String, Reason> {
    let name = text.trim().to_owned();
    if name.chars().any(crate::model::text::is_hidden) {
        return Err(FieldReason::HiddenCharacters.into());
    }
    match name.chars().count() {
        0 => Err(NameError::Missing.into()),
        n if n > NAME_LENGTH_MAX => Err(FieldReason::TooLong { maximum: NAME_LENGTH_MAX }.into()),
        _ => Ok(name),
    }
}

pub(super) fn scopes<'a>(slugs: impl IntoIterator<Item = &'a str>) -> Result<Scopes, TokenReason> {
    let scopes = Scopes::read(slugs).map_err(TokenReason::UnknownScope)?;
    if scopes.is_empty() { Err(TokenReason::NoScope) } else { Ok(scopes) }
}

fn last_day(app: &App, actor: &Actor, text: &str) -> Result<Moment, DateReason> {
    let end = crate::model::time::day_end(text, &actor.time_zone).ok_or(DateReason::NotADay)?;
    if end > app.clock.now() { Ok(end) } else { Err(DateReason::Past) }
}

/// Revokes one of the actor's tokens, from the next request on.
///
/// # Errors
/// [`OpError::NotFound`] for another user's token.
pub async fn revoke(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    work_once!(app, actor, operation_id, "revoke_token", &id.to_string(), work => {
        let name = store::tokens::revoke(&mut work.tx, actor.user_id, id).await?.ok_or(OpError::NotFound)?;
        work.note(actor.note("token.revoked", &name, ""));
        Ok(Outcome::of(TokenEvent::Revoked { name, owner: None }))
    })
}

/// The tokens of a user of the actor's tree, newest first.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`OpError::Forbidden`] unless the actor is an administrator.
pub async fn list_of(app: &App, actor: &Actor, user_id: i64) -> OpResult<Vec<ListedToken>> {
    actor.require(Permission::EditUsers)?;
    let mut tx = app.db.read().await?;
    store::users::find(&mut tx, &actor.company_path, user_id).await?.ok_or(OpError::NotFound)?;
    Ok(store::tokens::of_user(&mut tx, user_id, TOKENS_MAX).await?)
}

/// Revokes a token of a user of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree, or if the user has no such token.
pub async fn revoke_of(app: &App, actor: &Actor, operation_id: &str, user_id: i64, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditUsers)?;
    let request = serde_json::json!([user_id, id]).to_string();
    work_once!(app, actor, operation_id, "revoke_token_of", &request, work => {
        let person = find_changed(work, actor, user_id).await?;
        let name = store::tokens::revoke(&mut work.tx, user_id, id).await?.ok_or(OpError::NotFound)?;
        let subject = format!("{name}, of {}", person.email);
        work.note(actor.note_at(person.company_id, "token.revoked", &subject, ""));
        Ok(Outcome::of(TokenEvent::Revoked { name, owner: Some(person.email) }))
    })
}

/// Revokes all tokens of the actor, including those made on the console.
pub(super) async fn revoke_all(work: &mut Work, actor: &Actor) -> OpResult<()> {
    let revoked = store::tokens::revoke_all(&mut work.tx, actor.user_id).await?;
    if revoked > 0 {
        work.note(actor.note("token.revoked", &all_of(&actor.email, revoked), ""));
    }
    Ok(())
}

/// Records that all tokens of a user were revoked by something they did without being signed in.
pub(super) fn note_all_revoked(work: &mut Work, person: &Credentials, address: &str, revoked: u64) {
    if revoked > 0 {
        let subject = all_of(&person.email, revoked);
        work.note(NewHistory { subject, ..person.note("token.revoked", address) });
    }
}

fn all_of(email: &str, count: u64) -> String {
    format!("all {count}, of {email}")
}

/// A token to make on the console.
pub struct ConsoleToken<'a> {
    /// The e-mail address of the user that it acts for.
    pub email: &'a str,
    pub name: &'a str,
    /// Separated by commas.
    pub scopes: &'a str,
    /// How many days it is valid; `None` for no end.
    pub days: Option<i64>,
    /// The addresses and networks it works from; empty for everywhere.
    pub networks: &'a str,
}

impl<'a> ConsoleToken<'a> {
    /// A token that works everywhere until it is revoked.
    #[must_use]
    pub fn without_end(email: &'a str, name: &'a str, scopes: &'a str) -> ConsoleToken<'a> {
        ConsoleToken { email, name, scopes, days: None, networks: "" }
    }
}

/// Makes a token for a machine that is set up without a browser. Needs no second factor.
///
/// # Errors
/// A refusal, or [`OpError::NotFound`] for an address without an account that may sign in.
pub async fn create_on_console(app: &App, wanted: &ConsoleToken<'_>) -> OpResult<Token> {
    let name = self::name(wanted.name).map_err(at("name"))?;
    let slugs = wanted.scopes.split(',').map(str::trim).filter(|s| !s.is_empty());
    let scopes = self::scopes(slugs).map_err(at("scopes"))?;
    let networks = self::networks(wanted.networks).map_err(at("networks"))?;
    let token = Token::from_random(TokenKind::Personal, app.rng.bytes());
    work!(app, work => {
        let owner = store::users::by_email(&mut work.tx, wanted.email).await?.ok_or(OpError::NotFound)?;
        // Locked, so that a user who is being disabled is left no token.
        let locked = store::auth::lock(&mut work.tx, owner.id).await?;
        if locked.is_none_or(|person| person.disabled_at.is_some()) {
            return Err(OpError::NotFound);
        }
        let new = NewToken {
            user_id: owner.id,
            name: &name,
            hash: &hash(&token),
            ending: token.ending(),
            scopes: &scopes,
            from_console: true,
            expires_at: wanted.days.map(|days| work.now.plus_seconds(days * DAY_SECONDS)),
            networks: &networks,
        };
        store::tokens::insert(&mut work.tx, &new, work.now).await?;
        let subject = format!("{name}, of {}", owner.email);
        work.note(super::console::note(owner.company_id, "token.created", &subject));
        notices::token_made(app, work, &owner.email, &name, &scopes.stored(), "the console").await
    })?;
    Ok(token)
}

/// Records a token's use, but rarely: the page needs the minute, not the second.
pub async fn touch(app: &App, holder: &Holder) -> OpResult<()> {
    let now = app.clock.now();
    let since = now.plus_seconds(-TOUCH_EVERY_SECONDS);
    if holder.last_used_at.is_some_and(|at| Moment(at) >= since) {
        return Ok(());
    }
    work!(app, work => {
        let (tx, id) = (&mut work.tx, holder.token_id);
        let touched = match holder.client_id {
            None => store::tokens::touch(tx, id, now, since).await,
            Some(_) => store::oauth::touch(tx, id, now, since).await,
        };
        Ok(touched?)
    })
}
