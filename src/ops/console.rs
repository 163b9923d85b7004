//! What whoever holds the machine may do from its console, without signing in.

use super::auth::{INVITE_LINK_SECONDS, link_address, new_link_token};
use super::error::{OpError, OpResult, Reason, refuse};
use crate::app::{App, act};
use crate::model::user::{self, Role};
use crate::store;
use crate::store::audit::NewHistory;
use crate::store::users::{Link, Purpose, User};

pub(super) fn note(company_id: i64, verb: &'static str, subject: &str) -> NewHistory {
    NewHistory {
        actor_id: None,
        company_id: Some(company_id),
        address: "console".into(),
        verb,
        subject: subject.to_owned(),
        details: String::new(),
        token: None,
    }
}

/// Makes a user and gives a link to set the password; a new link for one who exists.
///
/// # Errors
/// A refusal, or [`OpError::NotFound`] for a company that does not exist.
pub async fn create_user(app: &App, email: &str, company_id: i64, role: &str) -> OpResult<String> {
    let email = user::email(email).map_err(|e| OpError::Refused("email", Reason::Email(e)))?;
    let role = Role::from_slug(role).ok_or(OpError::Refused("role", Reason::UnknownRole))?;
    let (token, hash) = new_link_token(app);
    act!(app, act => {
        let (_, root) = store::companies::root(&mut act.tx).await?.ok_or(OpError::NotFound)?;
        if store::companies::lock(&mut act.tx, &root, &[company_id]).await?.is_empty() {
            return Err(OpError::NotFound);
        }
        let added = store::users::insert(&mut act.tx, company_id, &email, role, act.now).await?;
        let Some(id) = added else { return refuse("email", Reason::EmailTaken) };
        let link = Link { purpose: Purpose::Invite, user_id: Some(id), payload: String::new() };
        let until = act.now.plus_seconds(INVITE_LINK_SECONDS);
        store::users::add_link(&mut act.tx, &hash, &link, act.now, until).await?;
        act.note(note(company_id, "user.invited", &email));
        Ok(())
    })?;
    Ok(link_address(app, &token))
}

/// Everybody, in pages by id.
///
/// # Errors
/// Whatever the database says.
pub async fn users(app: &App, after: i64) -> OpResult<Vec<User>> {
    let mut tx = app.db.read().await?;
    Ok(store::users::all(&mut tx, after).await?)
}

/// Disables a user and ends all sessions.
///
/// # Errors
/// [`OpError::NotFound`] for an address without an account.
pub async fn disable_user(app: &App, email: &str) -> OpResult<()> {
    let id = act!(app, act => {
        let found = store::users::by_email(&mut act.tx, email).await?.ok_or(OpError::NotFound)?;
        store::users::set_disabled(&mut act.tx, found.id, Some(act.now)).await?;
        act.note(note(found.company_id, "user.disabled", &found.email));
        Ok(found.id)
    })?;
    super::auth::end_sessions(app, id, None).await
}

/// Takes the second factor from a user who cannot use it any more, and ends all sessions.
///
/// # Errors
/// [`OpError::NotFound`] for an address without an account; a refusal where it is off already.
pub async fn reset_second_factor(app: &App, email: &str) -> OpResult<()> {
    let id = act!(app, act => {
        let found = store::users::by_email(&mut act.tx, email).await?.ok_or(OpError::NotFound)?;
        super::second_factor::reset_of(app, act, &found).await?;
        act.note(note(found.company_id, "user.second_factor_reset", &found.email));
        Ok(found.id)
    })?;
    super::auth::end_sessions(app, id, None).await
}
