//! The sessions of a person: an act that hangs on one locks the person, and others end with what ends them.

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::refusal::SignInReason;
use crate::ops::work::Work;
use crate::store;
use crate::store::auth::Credentials;

/// Locks the actor, who must still be signed in as the request found: what ends all sessions ends also
/// what was begun in one of them.
pub(super) async fn lock_actor(work: &mut Work, actor: &Actor) -> OpResult<Credentials> {
    let found = store::auth::lock(&mut work.tx, actor.user_id).await?;
    match found.filter(|c| c.disabled_at.is_none() && c.session_epoch == actor.session_epoch) {
        Some(found) => Ok(found),
        None => refuse("", SignInReason::Lapsed),
    }
}

/// Removes the stored sessions of a person, after what ended them: the epoch has seen to it that they no longer
/// count, so a failure here changes nothing.
pub async fn forget_sessions(app: &App, user_id: i64) {
    let forgotten = async {
        let mut tx = app.db.sessions().await?;
        store::sessions::delete_of_user(&mut tx, user_id, None).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(%error, user_id, "ended sessions were not removed, and will be by the clean-up");
    }
}

/// Ends the other sessions of a person. It may be done twice.
///
/// # Errors
/// [`OpError::OutcomeUnknown`] where the database did not say that it did.
pub async fn end_other_sessions(app: &App, user_id: i64, present: &[u8]) -> OpResult<()> {
    let mut tx = app.db.sessions().await?;
    let ended = store::sessions::delete_of_user(&mut tx, user_id, Some(present)).await;
    ended.map(drop).map_err(|error| {
        tracing::error!(%error, user_id, "sessions may not have ended");
        OpError::OutcomeUnknown
    })
}
