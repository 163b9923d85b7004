//! What the owner of the machine may do from its console, without signing in.

use super::error::{OpError, OpResult, at, refuse};
use super::links::{self, link_address, new_link_token};
use crate::app::App;
use crate::model::company::Path;
use crate::model::refusal::{RoleReason, UserReason};
use crate::model::role;
use crate::model::user::{self, LinkLife};
use crate::ops::work::work;
use crate::store;
use crate::store::history::NewHistory;
use crate::store::users::User;

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

/// A link to set a password, made on the console.
pub struct ConsoleLink {
    pub lives: LinkLife,
    /// Only if this portal sends no mail: then there is no other way to deliver it.
    pub link: Option<String>,
}

impl ConsoleLink {
    fn of(app: &App, lives: LinkLife, token: &str) -> ConsoleLink {
        ConsoleLink { lives, link: app.config.mail.is_none().then(|| link_address(app, token)) }
    }
}

/// The sender named in the console's mails.
const SENDER: &str = "The operator of this portal";

/// Creates a user, and a link to set the password.
///
/// # Errors
/// A refusal, or [`OpError::NotFound`] for a company that does not exist.
pub async fn create_user(app: &App, email: &str, company_id: i64, role: &str) -> OpResult<ConsoleLink> {
    let email = user::email(email).map_err(at("email"))?;
    let role = role::read(role).ok_or(OpError::refused("role", RoleReason::Unknown))?;
    let (token, _) = new_link_token(app);
    let lives = work!(app, work => {
        let (_, root) = store::companies::root(&mut work.tx).await?.ok_or(OpError::NotFound)?;
        let found = store::companies::lock(&mut work.tx, &root, &[company_id]).await?;
        let company = found.first().ok_or(OpError::NotFound)?;
        let path = Path::from_stored(company.path.clone());
        let role = super::roles::lock_given(work, None, "role", role, &path).await?;
        let added = store::users::insert(&mut work.tx, company_id, &email, role.id, work.now).await?;
        let Some(id) = added else { return refuse("email", UserReason::EmailTaken) };
        work.note(note(company_id, "user.invited", &email));
        links::make(app, work, id, SENDER, &company.name, &token).await
    })?;
    Ok(ConsoleLink::of(app, lives, &token))
}

/// Creates a new link for a user to set the password: the way out of every lock.
///
/// # Errors
/// [`OpError::NotFound`] for an address without an account; a refusal if it is disabled.
pub async fn new_link(app: &App, email: &str) -> OpResult<ConsoleLink> {
    let (token, _) = new_link_token(app);
    let lives = work!(app, work => {
        let found = store::users::by_email(&mut work.tx, email).await?.ok_or(OpError::NotFound)?;
        work.note(note(found.company_id, "user.link_made", &found.email));
        links::make(app, work, found.id, SENDER, &found.company_name, &token).await
    })?;
    Ok(ConsoleLink::of(app, lives, &token))
}

/// Records in the history that the database was restored from a backup.
pub async fn note_restored(app: &App, details: &str) -> OpResult<()> {
    work!(app, work => {
        if let Some((root, _)) = store::companies::root(&mut work.tx).await? {
            work.note(NewHistory { details: details.to_owned(), ..note(root, "portal.restored", "The whole portal") });
        }
        Ok(())
    })
}

/// All users, in pages by id.
pub async fn users(app: &App, after: i64) -> OpResult<Vec<User>> {
    let mut tx = app.db.read().await?;
    Ok(store::users::all(&mut tx, after).await?)
}

/// Disables a user, which ends all sessions, links and access tokens.
///
/// # Errors
/// [`OpError::NotFound`] for an address without an account.
pub async fn disable_user(app: &App, email: &str) -> OpResult<()> {
    let id = work!(app, work => {
        let found = store::users::by_email(&mut work.tx, email).await?.ok_or(OpError::NotFound)?;
        store::users::set_disabled(&mut work.tx, found.id, true, work.now).await?;
        store::tokens::revoke_all(&mut work.tx, found.id).await?;
        work.note(note(found.company_id, "user.disabled", &found.email));
        Ok(found.id)
    })?;
    super::sessions::forget_sessions(app, id).await;
    Ok(())
}

/// Removes the second factor of a user who can no longer use it, and ends all sessions.
///
/// # Errors
/// [`OpError::NotFound`] for an address without an account; a refusal if it is already off.
pub async fn reset_second_factor(app: &App, email: &str) -> OpResult<()> {
    let id = work!(app, work => {
        let found = store::users::by_email(&mut work.tx, email).await?.ok_or(OpError::NotFound)?;
        super::second_factor::reset_of(app, work, &found).await?;
        work.note(note(found.company_id, "user.second_factor_reset", &found.email));
        Ok(found.id)
    })?;
    super::sessions::forget_sessions(app, id).await;
    Ok(())
}
