//! An application asks about its tokens, and ends them.

use super::note;
use crate::app::App;
use crate::model::time::Moment;
use crate::model::token::{Token, TokenKind};
use crate::ops::error::OpResult;
use crate::ops::tokens::hash;
use crate::ops::work::work;
use crate::store;
use crate::store::applications::Application;
use crate::store::db::Tx;
use crate::store::oauth::Inspected;

async fn find(tx: &mut Tx, application: &Application, token: &Token) -> OpResult<Option<Inspected>> {
    let found = match token.kind() {
        TokenKind::Access => store::oauth::inspect_access(tx, &hash(token)).await?,
        TokenKind::Refresh => store::oauth::inspect_refresh(tx, &hash(token)).await?,
        _ => None,
    };
    Ok(found.filter(|found| found.application_id == application.id))
}

/// A token of the application that still works; `None` for any other text.
pub async fn look(app: &App, application: &Application, text: &str) -> OpResult<Option<Inspected>> {
    let Some(token) = Token::parse(text) else { return Ok(None) };
    let mut tx = app.db.read().await?;
    let found = find(&mut tx, application, &token).await?;
    let now = app.clock.now();
    Ok(found.filter(|found| now < Moment(found.expires_at) && found.used_at.is_none()))
}

/// Ends an access token, or with a refresh token the whole grant. Other texts are passed over: they work no longer.
pub async fn revoke(app: &App, application: &Application, text: &str, address: &str) -> OpResult<()> {
    let Some(token) = Token::parse(text) else { return Ok(()) };
    work!(app, work => {
        let Some(found) = find(&mut work.tx, application, &token).await? else { return Ok(()) };
        if token.kind() == TokenKind::Access {
            return Ok(store::oauth::end_access(&mut work.tx, &hash(&token), work.now).await?);
        }
        let Some(grant) = store::oauth::alive(&mut work.tx, found.grant_id).await? else { return Ok(()) };
        if store::oauth::end_grant(&mut work.tx, found.grant_id).await? {
            work.note(note(application, &grant, "application.revoked", address));
        }
        Ok(())
    })
}
