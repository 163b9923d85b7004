//! Hashes, verifies, checks and changes passwords.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

use super::actor::Actor;
use super::attempts::{account_key, address_key, count_password};
use super::error::{OpError, OpResult, Problems, refuse};
use super::notices;
use super::sessions::{forget_sessions, lock_actor};
use super::sign_in::SignedInAs;
use crate::app::App;
use crate::model::refusal::UserReason;
use crate::model::user;
use crate::ops::work::{Work, work};
use crate::store;

/// How many product names are looked for in new passwords.
const KNOWN_NAMES_MAX: usize = 500;

/// The current password, typed again, and the mark of the browser.
#[derive(Clone, Copy)]
pub struct Again<'a> {
    pub password: &'a str,
    pub device_mark: Option<&'a str>,
}

/// Verifies a password off the request's thread, in a turn of hashing. Takes as long without a hash as with one.
pub(super) async fn verify(password: String, hash: Option<String>) -> OpResult<bool> {
    // The hash of a password that nobody has.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw$CWOrkoo7oJBQ/iyh7uJ0LO2aLEfrHwTWllSAxT0zRno";
    let has_hash = hash.is_some();
    let matches = tokio::task::spawn_blocking(move || {
        let text = hash.unwrap_or_else(|| NOBODY.into());
        PasswordHash::new(&text)
            .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
    })
    .await
    .map_err(|e| OpError::Internal(e.to_string()))?;
    Ok(matches && has_hash)
}

/// Hashes a password off the request's thread.
///
/// # Errors
/// Only during shutdown.
pub async fn hash_password(app: &App, password: String) -> OpResult<String> {
    let _turn = app.hashing.acquire().await.map_err(|_| OpError::Unavailable)?;
    let salt = app.rng.bytes::<16>();
    tokio::task::spawn_blocking(move || {
        let hash: argon2::password_hash::Result<PasswordHash> =
            Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|h| h.to_string()).map_err(|e| OpError::Internal(e.to_string()))
    })
    .await
    .map_err(|e| OpError::Internal(e.to_string()))?
}

/// Checks the current password, typed again. Counted like a sign-in, under the same keys.
///
/// # Errors
/// A refusal at the field.
pub async fn confirm_password(app: &App, actor: &Actor, field: &'static str, again: Again<'_>) -> OpResult<()> {
    let account_key = account_key(app, &actor.email, again.device_mark);
    let address_key = address_key(&actor.address);
    let turn = app.hashing.acquire().await.map_err(|_| OpError::Unavailable)?;
    let found = work!(app, work => {
        count_password(work, &account_key, &address_key, field).await?;
        Ok(store::auth::credentials_of(&mut work.tx, actor.user_id).await?)
    })?;
    let is_right = verify(again.password.to_owned(), found.and_then(|c| c.password_hash)).await?;
    work!(app, work => {
        if is_right {
            store::throttle::clear(&mut work.tx, &account_key).await?;
            return Ok(store::throttle::lower(&mut work.tx, &address_key, 1).await?);
        }
        work.note(actor.note("user.confirmation_failed", &actor.email, ""));
        Ok(())
    })?;
    drop(turn);
    if is_right { Ok(()) } else { refuse(field, UserReason::WrongPassword) }
}

/// The names that an attacker would try first here: the vendor's and the products'.
async fn known_names(app: &App) -> OpResult<Vec<String>> {
    let mut tx = app.db.read().await?;
    let mut names: Vec<String> = store::products::all(&mut tx).await?.into_iter().map(|p| p.name).collect();
    names.truncate(KNOWN_NAMES_MAX);
    if let Some((id, path)) = store::companies::root(&mut tx).await? {
        names.extend(store::companies::find(&mut tx, &path, id).await?.map(|root| root.name));
    }
    Ok(names)
}

/// Checks a new password and its repetition. `owner` is the user's e-mail address and company.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn check_new_password(
    app: &App,
    password: &str,
    again: &str,
    owner: (&str, &str),
    has_second_factor: bool,
) -> OpResult<()> {
    let mut problems = Problems::default();
    let names = known_names(app).await?;
    let context: Vec<&str> = names.iter().map(String::as_str).chain([owner.0, owner.1]).collect();
    let checked = user::check_password(password, &context, has_second_factor);
    problems.take("new_password", checked);
    if password != again {
        problems.add("new_password_again", UserReason::PasswordsDiffer);
    }
    problems.finish()
}

/// Sets a checked password. Refuses a short one if the second factor was turned off in the meantime.
pub(super) async fn set_password(work: &mut Work, user_id: i64, hash: &str, is_short: bool) -> OpResult<()> {
    if !is_short {
        return Ok(store::users::set_password(&mut work.tx, user_id, hash).await?);
    }
    if store::users::set_short_password(&mut work.tx, user_id, hash).await? {
        return Ok(());
    }
    let minimum = user::PASSWORD_LENGTH_MIN;
    refuse("new_password", user::PasswordError::TooShort { minimum })
}

/// Changes the actor's password. Ends all sessions and links, and on request also all access tokens; the web layer
/// renews the current session.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn change_password(
    app: &App,
    actor: &Actor,
    old: Again<'_>,
    new: &str,
    again: &str,
    ends_tokens: bool,
) -> OpResult<SignedInAs> {
    let owner = (actor.email.as_str(), actor.company_name.as_str());
    check_new_password(app, new, again, owner, actor.second_factor.is_some()).await?;
    confirm_password(app, actor, "password", old).await?;
    let (hash, is_short) = (hash_password(app, new.to_owned()).await?, user::needs_second_factor(new));
    let now_as = work!(app, work => {
        lock_actor(work, actor).await?;
        set_password(work, actor.user_id, &hash, is_short).await?;
        work.note(actor.note("user.password_changed", &actor.email, ""));
        if ends_tokens {
            super::tokens::revoke_all(work, actor).await?;
        }
        notices::password_changed(app, work, &actor.email, &actor.address).await?;
        Ok(store::auth::credentials_of(&mut work.tx, actor.user_id).await?)
    })?
    .ok_or(OpError::NotFound)?;
    forget_sessions(app, actor.user_id).await;
    Ok(SignedInAs { user_id: now_as.id, session_epoch: now_as.session_epoch })
}
