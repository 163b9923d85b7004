//! Users: invited, changed, disabled; and what each may change of their own account. `removal` removes them.

pub mod removal;

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse};
use super::links;
use super::links::link_address;
use crate::app::App;
use crate::model::company::{Path, searchable};
use crate::model::event::UserEvent;
use crate::model::permission::Permission;
use crate::model::refusal::{CompanyReason, FieldReason, RoleReason, UserReason};
use crate::model::role;
use crate::model::throttle::{INVITATIONS_OF_ADDRESS, INVITATIONS_OF_COMPANY, INVITATIONS_TO_PERSON, counted_address};
use crate::model::user;
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::companies::Company;
use crate::store::sessions::ListedSession;
use crate::store::users::{User, UserFilter};

const NAME_LENGTH_MAX: usize = 100;

/// A page of the users of the actor's tree; with their number if `wants_total`.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &UserFilter<'_>,
    wants_total: bool,
) -> OpResult<(Vec<User>, Option<i64>)> {
    actor.require(Permission::ViewUsers)?;
    if let Some(id) = filter.company_id {
        super::companies::find_to(Permission::ViewUsers, app, actor, id).await?;
    }
    let mut tx = app.db.read_list().await?;
    let found = store::users::list(&mut tx, &actor.company_path, filter).await?;
    let total = match wants_total {
        true => Some(store::users::count(&mut tx, &actor.company_path, filter).await?),
        false => None,
    };
    Ok((found, total))
}

/// A user of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<User> {
    actor.require(Permission::ViewUsers)?;
    let mut tx = app.db.read().await?;
    store::users::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)
}

/// The actor's own account and company.
///
/// # Errors
/// [`OpError::NotFound`] if the account was disabled in the meantime.
pub async fn own_account(app: &App, actor: &Actor) -> OpResult<(User, Company)> {
    let mut tx = app.db.read().await?;
    let path = &actor.company_path;
    let mut person = store::users::account(&mut tx, actor.user_id).await?.ok_or(OpError::NotFound)?;
    // A service user has the role of its maker where that allows less.
    if person.role_id != actor.role_id {
        let role = store::roles::find(&mut tx, actor.role_id).await?.ok_or(OpError::NotFound)?;
        (person.role_id, person.role_title) = (role.id, role.title);
    }
    let company = store::companies::find(&mut tx, path, actor.company_id).await?.ok_or(OpError::NotFound)?;
    Ok((person, company))
}

/// The result of an invitation. Only the link's hash is stored.
pub struct Invited<T = ()> {
    pub outcome: Outcome<T>,
    /// Only if this portal sends no mail: then there is no other way to deliver it.
    pub link: Option<String>,
}

impl<T> Invited<T> {
    fn of(app: &App, outcome: Outcome<T>, token: &str) -> Invited<T> {
        Invited { outcome, link: app.config.mail.is_none().then(|| link_address(app, token)) }
    }
}

/// Counts an invitation or a new link, or refuses it: nobody may mail strangers by the thousand through the portal.
async fn count_invitation(work: &mut Work, actor: &Actor, email: &str) -> OpResult<()> {
    let counted = [
        (format!("invite:company:{}", actor.company_id), &INVITATIONS_OF_COMPANY),
        (format!("invite:address:{}", counted_address(&actor.address)), &INVITATIONS_OF_ADDRESS),
        (format!("invite:person:{}", super::attempts::hash_hex(&searchable(email))), &INVITATIONS_TO_PERSON),
    ];
    for (key, policy) in counted {
        super::attempts::allow(work, &key, policy, "email").await?;
        store::throttle::fail(&mut work.tx, &key, policy, work.now).await?;
    }
    Ok(())
}

/// Invites a user to a company of the tree.
///
/// # Errors
/// A refusal at the invalid field, also for an address that has an account.
pub async fn invite(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    email: &str,
    role: &str,
    company_id: i64,
) -> OpResult<Invited<User>> {
    actor.require(Permission::EditUsers)?;
    let mut problems = Problems::default();
    let email = problems.take("email", user::email(email));
    let role = problems.take("role", role::read(role).ok_or(RoleReason::Unknown));
    problems.finish()?;
    let (Some(email), Some(role)) = (email, role) else { return Err(OpError::NotFound) };
    let token = token_of(app, actor, operation_id);
    let request = serde_json::json!([email, role::key(role), company_id]).to_string();
    let outcome = work_once!(app, actor, operation_id, "invite_user", &request, work => {
        let found = store::companies::lock(&mut work.tx, &actor.company_path, &[company_id]).await?;
        let Some(company) = found.first() else { return refuse("company", CompanyReason::Unknown) };
        let path = Path::from_stored(company.path.clone());
        let role = super::roles::lock_given(work, Some(actor.standing()), "role", role, &path).await?;
        let added = store::users::insert(&mut work.tx, company_id, &email, role.id, work.now).await?;
        let Some(id) = added else { return refuse("email", UserReason::EmailTaken) };
        count_invitation(work, actor, &email).await?;
        links::make(app, work, id, &actor.email, &company.name, &token).await?;
        work.note(actor.note_at(company_id, "user.invited", &email, &role.title));
        let user = store::users::find(&mut work.tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
        let invited = UserEvent::Invited {
            email: email.clone(),
            company: company.name.clone(),
            role: role.title,
            is_mailed: app.config.mail.is_some(),
        };
        Ok(Outcome::about(user, invited))
    })?;
    Ok(Invited::of(app, outcome, &token))
}

/// A user of the tree to act upon: nobody changes somebody who may do more.
pub(super) async fn find_changed(work: &mut Work, actor: &Actor, id: i64) -> OpResult<User> {
    let person = store::users::find(&mut work.tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
    if actor.standing().covers(person.standing()) { Ok(person) } else { refuse("", UserReason::MayMore) }
}

/// A link's secret, derived from the operation's id so that a retried request gets the same link.
fn token_of(app: &App, actor: &Actor, operation_id: &str) -> String {
    hex::encode(app.keys.link_secret(actor.user_id, operation_id))
}

/// Makes a new link for a user who has not set a password yet, or has lost it. Earlier links become invalid.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree.
pub async fn new_link(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Invited> {
    actor.require(Permission::EditUsers)?;
    let token = token_of(app, actor, operation_id);
    let outcome = work_once!(app, actor, operation_id, "new_link", &id.to_string(), work => {
        let person = find_changed(work, actor, id).await?;
        count_invitation(work, actor, &person.email).await?;
        let life = links::make(app, work, id, &actor.email, &person.company_name, &token).await?;
        work.note(actor.note_at(person.company_id, "user.link_made", &person.email, ""));
        let is_mailed = app.config.mail.is_some();
        Ok(Outcome::of(UserEvent::LinkMade { email: person.email, life, is_mailed }))
    })?;
    Ok(Invited::of(app, outcome, &token))
}

/// Changes a user's role. The outcome refers to the [`User`].
///
/// # Errors
/// A refusal for the actor's own account and for a company's last administrator.
pub async fn set_role(app: &App, actor: &Actor, operation_id: &str, id: i64, role: &str) -> OpResult<Outcome<User>> {
    actor.require(Permission::EditUsers)?;
    let role = role::read(role).ok_or(OpError::refused("role", RoleReason::Unknown))?;
    if id == actor.user_id {
        return refuse("role", UserReason::OwnAccount);
    }
    let request = serde_json::json!([id, role::key(role)]).to_string();
    work_once!(app, actor, operation_id, "set_role", &request, work => {
        let person = find_changed(work, actor, id).await?;
        let company = store::companies::find(&mut work.tx, &actor.company_path, person.company_id).await?;
        let path = Path::from_stored(company.ok_or(OpError::NotFound)?.path);
        let role = super::roles::lock_given(work, Some(actor.standing()), "role", role, &path).await?;
        if role.id != role::ADMIN {
            keep_an_administrator(work, &person, "role").await?;
        }
        store::users::set_role(&mut work.tx, id, role.id, work.now).await?;
        work.note(actor.note_at(person.company_id, "user.role_changed", &person.email, &role.title));
        let changed = store::users::find(&mut work.tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
        Ok(Outcome::about(changed, UserEvent::RoleChanged { email: person.email, role: role.title }))
    })
}

/// Disables a user, which ends all sessions, links and access tokens at once, or enables one again.
///
/// # Errors
/// A refusal for the actor's own account and for a company's last administrator.
pub async fn set_disabled(app: &App, actor: &Actor, operation_id: &str, id: i64, disabled: bool) -> OpResult<Outcome> {
    actor.require(Permission::EditUsers)?;
    if id == actor.user_id {
        return refuse("", UserReason::OwnAccount);
    }
    let request = serde_json::json!([id, disabled]).to_string();
    let outcome = work_once!(app, actor, operation_id, "set_disabled", &request, work => {
        let person = find_changed(work, actor, id).await?;
        if disabled {
            keep_an_administrator(work, &person, "").await?;
        }
        store::users::set_disabled(&mut work.tx, id, disabled, work.now).await?;
        if disabled {
            store::tokens::revoke_all(&mut work.tx, id).await?;
        }
        let verb = if disabled { "user.disabled" } else { "user.enabled" };
        work.note(actor.note_at(person.company_id, verb, &person.email, ""));
        let email = person.email;
        Ok(Outcome::of(if disabled { UserEvent::Disabled { email } } else { UserEvent::Enabled { email } }))
    })?;
    super::sessions::forget_sessions(app, id).await;
    Ok(outcome)
}

/// The root company always keeps an administrator.
async fn keep_an_administrator(work: &mut Work, person: &User, field: &'static str) -> OpResult<()> {
    let is_root = store::companies::root(&mut work.tx).await?.is_some_and(|(id, _)| id == person.company_id);
    let administrators = store::users::lock_administrators(&mut work.tx, person.company_id).await?;
    if is_root && administrators == [person.id] {
        return refuse(field, UserReason::LastAdministrator);
    }
    Ok(())
}

/// Ends all sessions of a user.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree.
pub async fn end_sessions(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditUsers)?;
    let outcome = work_once!(app, actor, operation_id, "end_sessions", &id.to_string(), work => {
        let person = find_changed(work, actor, id).await?;
        store::users::end_sessions(&mut work.tx, id).await?;
        work.note(actor.note_at(person.company_id, "user.sessions_ended", &person.email, ""));
        Ok(Outcome::of(UserEvent::SessionsEnded { email: person.email }))
    })?;
    // A retry must not end sessions that began since.
    if !outcome.replayed {
        super::sessions::forget_sessions(app, id).await;
    }
    Ok(outcome)
}

/// Saves the actor's name and time zone.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn save_profile(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    first: &str,
    last: &str,
    zone: &str,
) -> OpResult<Outcome> {
    let (first, last) = (first.trim(), last.trim());
    let mut problems = Problems::default();
    for (field, text) in [("first_name", first), ("last_name", last)] {
        if text.chars().any(crate::model::text::is_hidden) {
            problems.add(field, FieldReason::HiddenCharacters);
        }
        if text.chars().count() > NAME_LENGTH_MAX {
            problems.add(field, FieldReason::TooLong { maximum: NAME_LENGTH_MAX });
        }
    }
    if jiff::tz::TimeZone::get(zone).is_err() {
        problems.add("time_zone", UserReason::UnknownTimeZone);
    }
    problems.finish()?;
    let request = serde_json::json!([first, last, zone]).to_string();
    work_once!(app, actor, operation_id, "save_profile", &request, work => {
        store::users::set_profile(&mut work.tx, actor.user_id, first, last, zone, work.now).await?;
        Ok(Outcome::of(UserEvent::ProfileSaved))
    })
}

/// The actor's sessions, latest first.
pub async fn sessions(app: &App, actor: &Actor) -> OpResult<Vec<ListedSession>> {
    let mut tx = app.db.sessions().await?;
    Ok(store::sessions::of_user(&mut tx, actor.user_id, app.clock.now()).await?)
}

/// Ends one of the actor's sessions, or all but the current one; on request, all access tokens too.
pub async fn end_own_sessions(
    app: &App,
    actor: &Actor,
    one: Option<&[u8]>,
    current: &[u8],
    ends_tokens: bool,
) -> OpResult<()> {
    match one {
        Some(hash) => {
            let mut tx = app.db.sessions().await?;
            store::sessions::delete_one_of_user(&mut tx, actor.user_id, hash).await?;
        }
        None => super::sessions::end_other_sessions(app, actor.user_id, current).await?,
    }
    work!(app, work => {
        work.note(actor.note("user.sessions_ended", &actor.email, ""));
        match ends_tokens {
            true => super::tokens::revoke_all(work, actor).await,
            false => Ok(()),
        }
    })
}
