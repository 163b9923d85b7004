//! The head of the chain, for those who keep a copy elsewhere.

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::store;
use crate::store::chain::LinkRow;

/// The last link.
///
/// # Errors
/// [`OpError::Forbidden`] unless the actor is an administrator or auditor of the root company;
/// [`OpError::NotFound`] if nothing is linked yet.
pub async fn last_link(app: &App, actor: &Actor) -> OpResult<LinkRow> {
    if actor.company_path.level() > 0 || !actor.may.view_history() {
        return Err(OpError::Forbidden);
    }
    let mut tx = app.db.read().await?;
    store::chain::last(&mut tx).await?.ok_or(OpError::NotFound)
}
