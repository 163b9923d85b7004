//! Applications (OAuth 2.1): made by users with a second factor, changed and deleted by them and by administrators of
//! their companies. What applications themselves ask is in [`super::oauth`].

use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse, text_reason};
use super::notices;
use super::roles::lock_given;
use super::sessions::lock_actor;
use super::tokens::{hash, name, scopes};
use crate::app::App;
use crate::model::company::{NameError, Path};
use crate::model::event::{ApplicationEvent, Event};
use crate::model::oauth::{DESCRIPTION_LENGTH_MAX, RedirectUrls};
use crate::model::refusal::{ApplicationReason, FieldReason, Reason, RoleReason, TokenReason};
use crate::model::role;
use crate::model::text;
use crate::model::token::{Scopes, Token, TokenKind};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::applications::{Application, Content, Secret, Sight};

/// How many applications a user may have made.
pub const APPLICATIONS_MAX: i64 = 50;

/// The form of an application.
pub struct ApplicationForm<'a> {
    pub name: &'a str,
    pub description: &'a str,
    /// One on each line.
    pub redirect_urls: &'a str,
    pub scopes: Vec<&'a str>,
    /// The role of its service user; empty for none.
    pub service_role: &'a str,
    /// Whether people of other companies may allow it: only the operator decides that.
    pub is_published: bool,
}

/// An application that was made, or has a new secret. The secret is shown once, because only its hash is stored.
pub struct MadeApplication {
    pub id: i64,
    pub event: Event,
    /// `None` for a public application, and if the same form was sent before.
    pub secret: Option<Token>,
}

fn sight(actor: &Actor) -> Sight<'_> {
    Sight { user_id: actor.user_id, tree: actor.may.edit_users().then_some(&actor.company_path) }
}

/// A page of the applications that the actor made, and for administrators all of their tree; newest first.
pub async fn list(app: &App, actor: &Actor, before: Option<i64>, limit: i64) -> OpResult<Vec<Application>> {
    let mut tx = app.db.read_list().await?;
    Ok(store::applications::list(&mut tx, &sight(actor), before.unwrap_or(i64::MAX), limit).await?)
}

/// One of them.
///
/// # Errors
/// [`OpError::NotFound`] outside what the actor sees.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Application> {
    let mut tx = app.db.read().await?;
    store::applications::find(&mut tx, &sight(actor), id).await?.ok_or(OpError::NotFound)
}

/// The same, locked.
async fn lock(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Application> {
    if !store::applications::lock(&mut work.tx, id).await? {
        return Err(OpError::NotFound);
    }
    store::applications::find(&mut work.tx, &sight(actor), id).await?.ok_or(OpError::NotFound)
}

fn require_second_factor(actor: &Actor) -> OpResult<()> {
    if actor.has_second_factor() { Ok(()) } else { refuse("", TokenReason::SecondFactorNeeded) }
}

/// Makes an application of the actor's company. Only a user with a second factor may.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    kind: &str,
    form: &ApplicationForm<'_>,
) -> OpResult<MadeApplication> {
    require_second_factor(actor)?;
    let is_confidential = match kind {
        "confidential" => true,
        "public" => false,
        _ => return refuse("kind", ApplicationReason::UnknownType),
    };
    let checked = check(form, is_confidential)?;
    let secret = is_confidential.then(|| Token::from_random(TokenKind::ClientSecret, app.rng.bytes()));
    let client_id = hex::encode(app.rng.bytes::<16>());
    let request = serde_json::json!([kind, checked.request(), form.is_published]).to_string();
    let fresh = AtomicBool::new(false);
    let outcome = work_once!(app, actor, operation_id, "create_application", &request, work => {
        lock_actor(work, actor).await?;
        if store::applications::count_of_maker(&mut work.tx, actor.user_id).await? >= APPLICATIONS_MAX {
            return refuse("", ApplicationReason::TooMany { maximum: APPLICATIONS_MAX });
        }
        let service_user_id = match checked.service_role {
            Some(role) => {
                let (company, path) = (actor.company_id, &actor.company_path);
                let role = lock_given(work, Some(actor.standing()), "service_role", role, path).await?;
                Some(store::applications::insert_service_user(&mut work.tx, company, role.id, work.now).await?)
            }
            None => None,
        };
        let content = checked.content(actor.is_operator() && form.is_published, service_user_id);
        let owner = (actor.company_id, actor.user_id);
        let stored = secret.as_ref().map(hashed);
        let id =
            store::applications::insert(&mut work.tx, owner, &client_id, &content, stored.as_ref(), work.now).await?;
        work.note(actor.note("application.created", &checked.name, &checked.scopes.stored()));
        notices::application_made(app, work, &actor.email, (&checked.name, "was made"), &actor.address).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok(Outcome::about(id, ApplicationEvent::Created { name: checked.name.clone() }))
    })?;
    let secret = secret.filter(|_| fresh.into_inner());
    Ok(MadeApplication { id: outcome.about, event: outcome.event, secret })
}

fn hashed(secret: &Token) -> Secret {
    Secret { hash: hash(secret), ending: secret.ending() }
}

/// The form's content, checked.
struct Checked {
    name: String,
    description: String,
    redirect_urls: RedirectUrls,
    scopes: Scopes,
    service_role: Option<i64>,
}

/// The name of an application is in mails to those who allow it.
fn unlinked_name(text: &str) -> Result<String, Reason> {
    if text::has_link(text) { Err(NameError::Link.into()) } else { name(text) }
}

fn check(form: &ApplicationForm<'_>, is_confidential: bool) -> OpResult<Checked> {
    let mut problems = Problems::default();
    let name = problems.take("name", unlinked_name(form.name));
    let described = text::lines(form.description, DESCRIPTION_LENGTH_MAX);
    let described = described.map_err(|error| text_reason(error, FieldReason::Missing));
    let description = problems.take("description", described);
    let redirect_urls = problems.take("redirect_urls", RedirectUrls::read(form.redirect_urls));
    let scopes = problems.take("scopes", scopes(form.scopes.iter().copied()));
    let service_role = match (form.service_role, role::read(form.service_role)) {
        ("", _) => None,
        (_, None) => problems.take("service_role", Err(RoleReason::Unknown)),
        (_, Some(_)) if !is_confidential => problems.take("service_role", Err(ApplicationReason::PublicService)),
        (_, Some(role)) => Some(role),
    };
    problems.finish()?;
    let (Some(name), Some(description), Some(redirect_urls), Some(scopes)) = (name, description, redirect_urls, scopes)
    else {
        return Err(OpError::NotFound);
    };
    Ok(Checked { name, description, redirect_urls, scopes, service_role })
}

impl Checked {
    /// What distinguishes one form from another.
    fn request(&self) -> serde_json::Value {
        let role = self.service_role.map(role::key);
        serde_json::json!([self.name, self.description, self.redirect_urls.stored(), self.scopes.stored(), role])
    }

    fn content(&self, is_published: bool, service_user_id: Option<i64>) -> Content<'_> {
        Content {
            name: &self.name,
            description: &self.description,
            redirect_urls: &self.redirect_urls,
            scopes: &self.scopes,
            is_published,
            service_user_id,
        }
    }
}

/// Changes an application. One that the operator has published is no longer published if somebody else changes it.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn change(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    form: &ApplicationForm<'_>,
) -> OpResult<Outcome> {
    require_second_factor(actor)?;
    let known = find(app, actor, id).await?;
    let checked = check(form, known.is_confidential())?;
    let request = serde_json::json!([id, checked.request(), form.is_published]).to_string();
    work_once!(app, actor, operation_id, "change_application", &request, work => {
        lock_actor(work, actor).await?;
        let known = lock(work, actor, id).await?;
        let service_user_id = set_service_user(work, actor, &known, checked.service_role).await?;
        let content = checked.content(actor.is_operator() && form.is_published, service_user_id);
        store::applications::update(&mut work.tx, id, &content).await?;
        let details = format!("{} {}", checked.redirect_urls.stored().replace('\n', " "), checked.scopes.stored());
        work.note(actor.note_at(known.company_id, "application.changed", &checked.name, &details));
        Ok(Outcome::of(ApplicationEvent::Changed { name: checked.name.clone() }))
    })
}

/// Gives an application's service user another role, makes one, or ends it with its tokens.
async fn set_service_user(
    work: &mut Work,
    actor: &Actor,
    known: &Application,
    role: Option<i64>,
) -> OpResult<Option<i64>> {
    // No more than its maker may do; and who changes it gives no more than they may.
    if let Some(role) = role.filter(|role| known.service_role_id != Some(*role)) {
        let path = Path::from_stored(known.company_path.clone());
        for giver in [known.maker(), actor.standing()] {
            lock_given(work, Some(giver), "service_role", role, &path).await?;
        }
    }
    let tx = &mut work.tx;
    match (known.service_user_id, role) {
        (None, None) => Ok(None),
        (None, Some(role)) => {
            Ok(Some(store::applications::insert_service_user(tx, known.company_id, role, work.now).await?))
        }
        (Some(id), Some(role)) => {
            store::users::set_role(tx, id, role, work.now).await?;
            Ok(Some(id))
        }
        (Some(id), None) => {
            store::users::set_disabled(tx, id, true, work.now).await?;
            Ok(None)
        }
    }
}

/// Makes a new secret; the old one no longer works.
///
/// # Errors
/// A refusal for a public application.
pub async fn renew_secret(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<MadeApplication> {
    require_second_factor(actor)?;
    let secret = Token::from_random(TokenKind::ClientSecret, app.rng.bytes());
    let fresh = AtomicBool::new(false);
    let outcome = work_once!(app, actor, operation_id, "renew_secret", &id.to_string(), work => {
        lock_actor(work, actor).await?;
        let known = lock(work, actor, id).await?;
        if !known.is_confidential() {
            return refuse("", ApplicationReason::Public);
        }
        store::applications::set_secret(&mut work.tx, id, &hashed(&secret)).await?;
        work.note(actor.note_at(known.company_id, "application.secret_made", &known.name, ""));
        let what = (known.name.as_str(), "has a new secret");
        notices::application_made(app, work, &known.maker_email, what, &actor.address).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok(Outcome::of(ApplicationEvent::SecretMade { name: known.name.clone() }))
    })?;
    Ok(MadeApplication { id, event: outcome.event, secret: fresh.into_inner().then_some(secret) })
}

/// Deletes an application; its tokens and its service user end with it.
///
/// # Errors
/// [`OpError::NotFound`] outside what the actor sees.
pub async fn delete(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    work_once!(app, actor, operation_id, "delete_application", &id.to_string(), work => {
        let known = lock(work, actor, id).await?;
        store::applications::delete(&mut work.tx, id).await?;
        if let Some(service_user_id) = known.service_user_id {
            store::users::set_disabled(&mut work.tx, service_user_id, true, work.now).await?;
        }
        work.note(actor.note_at(known.company_id, "application.deleted", &known.name, ""));
        Ok(Outcome::of(ApplicationEvent::Deleted { name: known.name }))
    })
}
