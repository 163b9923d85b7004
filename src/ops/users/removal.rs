//! Users are removed: the account ends and disappears from every list, what it did stays in the history, and its e-mail
//! address is free again.

use super::{find_changed, keep_an_administrator};
use crate::app::App;
use crate::model::event::UserEvent;
use crate::model::permission::Permission;
use crate::model::refusal::UserReason;
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::sessions::forget_sessions;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::users::User;

/// Removes a user, which ends all sessions, links, access tokens and what the user allowed applications at once.
///
/// # Errors
/// A refusal for the actor's own account, for the root company's last administrator and for who may do more than the
/// actor.
pub async fn remove(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditUsers)?;
    if id == actor.user_id {
        return refuse("", UserReason::OwnAccount);
    }
    let outcome = work_once!(app, actor, operation_id, "remove_user", &id.to_string(), work => {
        let person = find_changed(work, actor, id).await?;
        // First the administrators, as everything does that takes one from them, then the person.
        keep_an_administrator(work, &person, "").await?;
        let person = lock(work, actor, id).await?;
        end(work, id).await?;
        work.note(actor.note_at(person.company_id, "user.removed", &person.email, ""));
        Ok(Outcome::of(UserEvent::Removed { email: person.email }))
    })?;
    forget_sessions(app, id).await;
    Ok(outcome)
}

/// Withdraws an invitation: its link no longer works, and the account that nobody has ever used is removed.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree, and for a user who has set a password or is disabled.
pub async fn withdraw(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditUsers)?;
    work_once!(app, actor, operation_id, "withdraw_invitation", &id.to_string(), work => {
        let person = lock(work, actor, id).await?;
        if person.is_active == 1 || person.disabled_at.is_some() {
            return Err(OpError::NotFound);
        }
        end(work, id).await?;
        work.note(actor.note_at(person.company_id, "user.invitation_withdrawn", &person.email, ""));
        Ok(Outcome::of(UserEvent::InvitationWithdrawn { email: person.email }))
    })
}

/// Locks a user whom the actor may change, then reads them again. Making and using links takes the same lock.
async fn lock(work: &mut Work, actor: &Actor, id: i64) -> OpResult<User> {
    find_changed(work, actor, id).await?;
    store::auth::lock(&mut work.tx, id).await?;
    find_changed(work, actor, id).await
}

async fn end(work: &mut Work, id: i64) -> OpResult<()> {
    store::users::remove(&mut work.tx, id, work.now).await?;
    store::tokens::revoke_all(&mut work.tx, id).await?;
    Ok(())
}
