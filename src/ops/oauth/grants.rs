//! The applications that a person allows: listed and ended under Security.

use crate::app::App;
use crate::model::event::ApplicationEvent;
use crate::model::token::Scopes;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult};
use crate::ops::work::{Outcome, work_once};
use crate::store;

/// How many grants the list is made from.
const GRANTS_MAX: i64 = 1_000;

/// An application that a person allows.
pub struct Authorised {
    pub application_id: i64,
    pub application: String,
    /// The company that the application belongs to.
    pub company: String,
    pub scopes: Scopes,
    /// When it was first allowed, of what still holds.
    pub since: i64,
    pub last_used_at: Option<i64>,
}

/// The applications that the actor allows, oldest first.
pub async fn list(app: &App, actor: &Actor) -> OpResult<Vec<Authorised>> {
    let mut tx = app.db.read().await?;
    let mut found: Vec<Authorised> = Vec::new();
    for grant in store::oauth::of_user(&mut tx, actor.user_id, GRANTS_MAX).await? {
        let scopes = Scopes::from_stored(&grant.scopes);
        match found.last_mut().filter(|known| known.application_id == grant.application_id) {
            Some(known) => {
                known.scopes = known.scopes.with(&scopes);
                known.last_used_at = known.last_used_at.max(grant.last_used_at);
            }
            None => found.push(Authorised {
                application_id: grant.application_id,
                application: grant.application,
                company: grant.company,
                scopes,
                since: grant.created_at,
                last_used_at: grant.last_used_at,
            }),
        }
    }
    Ok(found)
}

/// Ends what the actor allowed an application, from its next request on.
///
/// # Errors
/// [`OpError::NotFound`] if it was not allowed anything.
pub async fn revoke(app: &App, actor: &Actor, operation_id: &str, application_id: i64) -> OpResult<Outcome> {
    let request = application_id.to_string();
    work_once!(app, actor, operation_id, "revoke_application", &request, work => {
        let known = store::oauth::of_user(&mut work.tx, actor.user_id, GRANTS_MAX).await?;
        let known = known.into_iter().find(|grant| grant.application_id == application_id);
        let name = known.ok_or(OpError::NotFound)?.application;
        if store::oauth::end_grants(&mut work.tx, actor.user_id, application_id).await? == 0 {
            return Err(OpError::NotFound);
        }
        work.note(actor.note("application.revoked", &name, ""));
        Ok(Outcome::of(ApplicationEvent::Revoked { name }))
    })
}
