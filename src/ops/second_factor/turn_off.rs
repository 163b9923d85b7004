//! Turns two-factor authentication off: by its owner, or by an administrator for them.

use super::{Change, end_others, forget_attempts};
use crate::app::App;
use crate::model::event::SecondFactorEvent;
use crate::model::permission::Permission;
use crate::model::refusal::{SecondFactorReason, UserReason};
use crate::ops::actor::Actor;
use crate::ops::attempts::forget_wrong_passwords;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::notices;
use crate::ops::passwords::{check_new_password, hash_password, set_password};
use crate::ops::sessions::{forget_sessions, lock_actor};
use crate::ops::sign_in::SignedInAs;
use crate::ops::users::find_changed;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::users::User;

/// Turns two-factor authentication off. If the password is too short to be used alone, a new one must come with the
/// request, and all sessions end; the web layer renews the current one.
///
/// # Errors
/// A refusal at the invalid field, or if the company requires it.
pub async fn turn_off(
    app: &App,
    actor: &Actor,
    change: &Change<'_>,
    new: &str,
    again: &str,
) -> OpResult<Option<SignedInAs>> {
    if actor.company_demands_second_factor {
        return refuse("", SecondFactorReason::Demanded);
    }
    let hash = match actor.password_needs_second_factor {
        true => {
            let owner = (actor.email.as_str(), actor.company_name.as_str());
            check_new_password(app, new, again, owner, false).await?;
            Some(hash_password(app, new.to_owned()).await?)
        }
        false => None,
    };
    work_once!(app, actor, change.operation_id, "turn_off_second_factor", "", work => {
        lock_actor(work, actor).await?;
        if let Some(hash) = &hash {
            set_password(work, actor.user_id, hash, false).await?;
            work.note(actor.note("user.password_changed", &actor.email, ""));
            notices::password_changed(app, work, &actor.email, &actor.address).await?;
        }
        if !store::second_factor::turn_off(&mut work.tx, actor.user_id).await? {
            return refuse("", SecondFactorReason::Off);
        }
        turned_off(work, actor.user_id).await?;
        work.note(actor.note("user.second_factor_off", &actor.email, ""));
        let (subject, what) = (
            "Two-factor authentication is off",
            "two-factor authentication of your account was turned off. Your password alone signs in now.",
        );
        notices::tell(app, work, &actor.email, subject, what, &actor.address).await?;
        Ok(Outcome::of(SecondFactorEvent::TurnedOff))
    })?;
    if hash.is_none() {
        end_others(app, actor, change).await?;
        return Ok(None);
    }
    forget_sessions(app, actor.user_id).await;
    let mut tx = app.db.read().await?;
    let now = store::auth::credentials_of(&mut tx, actor.user_id).await?.ok_or(OpError::NotFound)?;
    Ok(Some(SignedInAs { user_id: now.id, session_epoch: now.session_epoch }))
}

/// Ends what goes with a second factor, in the same transaction: the access tokens, which only an account with a second
/// factor may make. Those made on the console stay.
pub(in crate::ops) async fn turned_off(work: &mut Work, user_id: i64) -> OpResult<()> {
    store::tokens::revoke_own(&mut work.tx, user_id).await?;
    forget_attempts(work, user_id).await
}

/// Removes the second factor of a user of the tree who can no longer use it. Ends all of the user's sessions, and
/// reports it by mail.
///
/// # Errors
/// A refusal for the actor's own account, and for one without a second factor.
pub async fn reset(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditUsers)?;
    if id == actor.user_id {
        return refuse("", UserReason::OwnAccount);
    }
    let outcome = work_once!(app, actor, operation_id, "reset_second_factor", &id.to_string(), work => {
        let person = find_changed(work, actor, id).await?;
        reset_of(app, work, &person).await?;
        work.note(actor.note_at(person.company_id, "user.second_factor_reset", &person.email, ""));
        Ok(Outcome::of(SecondFactorEvent::Reset { email: person.email }))
    })?;
    forget_sessions(app, id).await;
    Ok(outcome)
}

/// A reset, by an administrator or on the console. It also lifts the lock after too many wrong passwords.
pub(in crate::ops) async fn reset_of(app: &App, work: &mut Work, person: &User) -> OpResult<()> {
    turned_off(work, person.id).await?;
    forget_wrong_passwords(work, &person.email).await?;
    if !store::second_factor::reset(&mut work.tx, person.id).await? {
        return refuse("", SecondFactorReason::Off);
    }
    if app.config.mail.is_some() {
        let mail = crate::mail::second_factor_reset(&person.email, &app.config.public_url);
        work.mail(app, &mail).await?;
    }
    Ok(())
}
