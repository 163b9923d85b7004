//! How an application gets its tokens: for a code, for a refresh token, or by its own credentials. A use locks the
//! grant, so that of two at once one is the second, and is treated so.

use super::{Failure, Refusal, note};
use crate::app::App;
use crate::model::oauth::{ErrorCode, Refresh, RefreshFacts, granted, is_verified, refresh};
use crate::model::time::Moment;
use crate::model::token::{Scopes, Token, TokenKind};
use crate::ops::error::OpResult;
use crate::ops::tokens::hash;
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::applications::Application;
use crate::store::history::NewHistory;
use crate::store::oauth::{Grant, NewTokens};

/// Tokens that were given. Their texts are in the answer alone, because only their hashes are stored.
pub struct Given {
    pub access: Token,
    pub refresh: Option<Token>,
    /// The access token's.
    pub scopes: Scopes,
}

/// What a transaction that commits says: the end of a copied token must be stored before the token is refused.
type Answer<T> = OpResult<Result<T, Refusal>>;

const DEAD_CODE: Refusal = Refusal {
    code: ErrorCode::InvalidGrant,
    description: "The code is unknown, was used before, is older than 60 seconds, or was made for another request.",
};
const DEAD_REFRESH: Refusal = Refusal {
    code: ErrorCode::InvalidGrant,
    description: "The refresh token is unknown, was used before, has expired, or its grant has ended.",
};
const NO_SCOPE: Refusal = Refusal {
    code: ErrorCode::InvalidScope,
    description: "A scope is unknown, or none is left that the application may have.",
};

fn parse(text: &str, kind: TokenKind) -> Option<Token> {
    Token::parse(text).filter(|token| token.kind() == kind)
}

/// The application that asks, and from where.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    pub application: &'a Application,
    pub address: &'a str,
}

/// The texts of new tokens, which a retried transaction keeps.
struct Fresh {
    access: Token,
    refresh: Token,
}

impl Fresh {
    fn new(app: &App) -> Fresh {
        let access = Token::from_random(TokenKind::Access, app.rng.bytes());
        Fresh { access, refresh: Token::from_random(TokenKind::Refresh, app.rng.bytes()) }
    }

    fn given(self, scopes: Scopes) -> Given {
        Given { access: self.access, refresh: Some(self.refresh), scopes }
    }

    async fn insert(&self, work: &mut Work, grant_id: i64, scopes: &Scopes) -> OpResult<()> {
        let (access_hash, refresh_hash) = (hash(&self.access), hash(&self.refresh));
        let tokens = NewTokens { access_hash: &access_hash, refresh_hash: Some(&refresh_hash), grant_id, scopes };
        Ok(store::oauth::insert_tokens(&mut work.tx, &tokens, work.now).await?)
    }
}

impl Asker<'_> {
    /// What a grant allows now: no more than its application may.
    fn scopes_of(self, grant: &Grant) -> Scopes {
        Scopes::from_stored(&grant.scopes).within(&self.application.scopes())
    }

    /// Ends a grant whose code or refresh token was used twice: one of the two who have it has copied it.
    async fn end_copied(self, work: &mut Work, grant_id: i64, what: &str) -> OpResult<()> {
        let grant = store::oauth::alive(&mut work.tx, grant_id).await?;
        store::oauth::end_grant(&mut work.tx, grant_id).await?;
        if let Some(grant) = grant {
            // Which of the two sent it is unknown.
            let row = note(self.application, &grant, "application.copied", self.address);
            work.note(NewHistory { actor_id: None, token: None, details: what.to_owned(), ..row });
        }
        Ok(())
    }

    async fn use_code(
        self,
        work: &mut Work,
        code: &[u8],
        redirect_uri: Option<&str>,
        verifier: &str,
        fresh: &Fresh,
    ) -> Answer<Scopes> {
        let found = store::oauth::lock_code(&mut work.tx, code).await?;
        let Some(found) = found.filter(|found| found.application_id == self.application.id) else {
            return Ok(Err(DEAD_CODE));
        };
        if found.used_at.is_some() {
            self.end_copied(work, found.grant_id, "its code").await?;
            return Ok(Err(DEAD_CODE));
        }
        let is_right = work.now < Moment(found.expires_at)
            && redirect_uri.is_none_or(|given| given == found.redirect_url)
            && is_verified(&found.challenge, verifier);
        let grant = store::oauth::alive(&mut work.tx, found.grant_id).await?;
        let Some(grant) = grant.filter(|_| is_right) else { return Ok(Err(DEAD_CODE)) };
        let scopes = self.scopes_of(&grant);
        if scopes.is_empty() {
            return Ok(Err(NO_SCOPE));
        }
        store::oauth::use_code(&mut work.tx, code, work.now).await?;
        fresh.insert(work, grant.id, &scopes).await?;
        let row = note(self.application, &grant, "application.connected", self.address);
        work.note(NewHistory { details: scopes.stored(), ..row });
        Ok(Ok(scopes))
    }

    async fn use_refresh(self, work: &mut Work, presented: &[u8], scope: &str, fresh: &Fresh) -> Answer<Scopes> {
        let found = store::oauth::lock_refresh(&mut work.tx, presented).await?;
        let Some(found) = found.filter(|found| found.application_id == self.application.id) else {
            return Ok(Err(DEAD_REFRESH));
        };
        let is_successor_used = match &found.successor {
            Some(successor) => store::oauth::is_used(&mut work.tx, successor).await?,
            None => None,
        };
        let facts = RefreshFacts {
            expires_at: Moment(found.refresh_expires_at),
            used_at: found.used_at.map(Moment),
            is_successor_used,
        };
        let decision = refresh(facts, work.now);
        if decision == Refresh::EndFamily {
            self.end_copied(work, found.grant_id, "a refresh token").await?;
        }
        if matches!(decision, Refresh::EndFamily | Refresh::Expired) {
            return Ok(Err(DEAD_REFRESH));
        }
        let Some(grant) = store::oauth::alive(&mut work.tx, found.grant_id).await? else {
            return Ok(Err(DEAD_REFRESH));
        };
        let Ok(scopes) = granted(scope, &self.scopes_of(&grant)) else { return Ok(Err(NO_SCOPE)) };
        if let (Refresh::Replace, Some(lost)) = (decision, &found.successor) {
            store::oauth::void_tokens(&mut work.tx, lost, work.now).await?;
        }
        store::oauth::use_refresh(&mut work.tx, &found.access_hash, &hash(&fresh.access), work.now).await?;
        fresh.insert(work, grant.id, &scopes).await?;
        Ok(Ok(scopes))
    }
}

/// Exchanges a code for the first tokens of its grant, once.
///
/// # Errors
/// [`ErrorCode::InvalidGrant`]; a code that is used again ends all tokens that came of it.
pub async fn for_code(
    app: &App,
    asker: Asker<'_>,
    code: &str,
    redirect_uri: Option<&str>,
    verifier: &str,
) -> Result<Given, Failure> {
    let code = hash(&parse(code, TokenKind::Code).ok_or(DEAD_CODE)?);
    let fresh = Fresh::new(app);
    let scopes = work!(app, work => { asker.use_code(work, &code, redirect_uri, verifier, &fresh).await })??;
    Ok(fresh.given(scopes))
}

/// Exchanges a refresh token for new tokens.
///
/// # Errors
/// [`ErrorCode::InvalidGrant`]; one that was copied ends all tokens of its grant.
pub async fn for_refresh(app: &App, asker: Asker<'_>, text: &str, scope: &str) -> Result<Given, Failure> {
    let presented = hash(&parse(text, TokenKind::Refresh).ok_or(DEAD_REFRESH)?);
    let fresh = Fresh::new(app);
    let scopes = work!(app, work => { asker.use_refresh(work, &presented, scope, &fresh).await })??;
    Ok(fresh.given(scopes))
}

/// Gives an application an access token to act by itself, as its service user.
///
/// # Errors
/// [`ErrorCode::UnauthorizedClient`] for one without a service user.
pub async fn for_credentials(app: &App, application: &Application, scope: &str) -> Result<Given, Failure> {
    let refused = Refusal::new(ErrorCode::UnauthorizedClient, "This application has no service user to act as.");
    let user_id = application.service_user_id.ok_or(refused)?;
    let scopes = granted(scope, &application.scopes()).map_err(|_| NO_SCOPE)?;
    let access = Token::from_random(TokenKind::Access, app.rng.bytes());
    work!(app, work => {
        let user = store::auth::lock(&mut work.tx, user_id).await?;
        let Some(user) = user.filter(|user| user.disabled_at.is_none()) else { return Ok(Err(refused)) };
        let grant_id = match store::oauth::latest(&mut work.tx, application.id, user_id).await? {
            Some(grant) => grant.id,
            None => {
                let (tx, own) = (&mut work.tx, application.scopes());
                store::oauth::insert_grant(tx, application.id, user_id, user.session_epoch, &own, work.now).await?
            }
        };
        let tokens = NewTokens { access_hash: &hash(&access), refresh_hash: None, grant_id, scopes: &scopes };
        store::oauth::insert_tokens(&mut work.tx, &tokens, work.now).await?;
        Ok(Ok(()))
    })??;
    Ok(Given { access, refresh: None, scopes })
}
