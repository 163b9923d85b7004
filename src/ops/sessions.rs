//! A user's sessions. An act that depends on one locks the user; so does every act that ends sessions.

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::refusal::SignInReason;
use crate::ops::work::Work;
use crate::store;
use crate::store::auth::Credentials;

/// Locks the actor, and refuses if they are no longer signed in as the request found them: what ends all sessions also
/// ends what was begun in one of them.
pub(super) async fn lock_actor(work: &mut Work, actor: &Actor) -> OpResult<Credentials> {
    let found = store::auth::lock(&mut work.tx, actor.user_id).await?;
    match found.filter(|c| c.disabled_at.is_none() && c.session_epoch == actor.session_epoch) {
        Some(found) => Ok(found),
        None => refuse("", SignInReason::Lapsed),
    }
}

/// Removes a user's stored sessions after they were ended. The epoch has already made them invalid, so a failure here
/// does no harm.
pub async fn forget_sessions(app: &App, user_id: i64) {
    let forgotten = async {
        let mut tx = app.db.sessions().await?;
        store::sessions::delete_of_user(&mut tx, user_id, None).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(%error, user_id, "ended sessions were not removed, and will be by the clean-up");
    }
}

/// Ends the other sessions of a user. Idempotent.
///
/// # Errors
/// [`OpError::OutcomeUnknown`] if the database did not confirm it.
pub async fn end_other_sessions(app: &App, user_id: i64, current: &[u8]) -> OpResult<()> {
    let mut tx = app.db.sessions().await?;
    let ended = store::sessions::delete_of_user(&mut tx, user_id, Some(current)).await;
    ended.map(drop).map_err(|error| {
        tracing::error!(%error, user_id, "sessions may not have ended");
        OpError::OutcomeUnknown
    })
}
