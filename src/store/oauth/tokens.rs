//! The codes and the tokens of grants.

use sqlx::FromRow;

use crate::model::oauth::{ACCESS_SECONDS, CODE_SECONDS, REFRESH_SECONDS};
use crate::model::time::Moment;
use crate::model::token::Scopes;
use crate::store::db::{Result, Tx, Value, WriteTx, sql};

/// How many access tokens an application has at once by its credentials alone; the oldest gives way.
const CREDENTIALS_TOKENS_MAX: i64 = 100;

/// A code with its grant, locked.
#[derive(Debug, Clone, FromRow)]
pub struct Code {
    pub grant_id: i64,
    pub application_id: i64,
    pub redirect_url: String,
    pub challenge: String,
    pub expires_at: i64,
    pub used_at: Option<i64>,
}

/// Stores a code's hash.
pub async fn insert_code(
    tx: &mut WriteTx,
    hash: &[u8],
    grant_id: i64,
    redirect_url: &str,
    challenge: &str,
    now: Moment,
) -> Result<()> {
    sql("insert into oauth_code (hash, grant_id, redirect_url, challenge, expires_at) values ($1, $2, $3, $4, $5)")
        .bind(hash)
        .bind(grant_id)
        .bind(redirect_url)
        .bind(challenge)
        .bind(now.plus_seconds(CODE_SECONDS))
        .run(tx)
        .await?;
    Ok(())
}

/// Locks a code and its grant, so that of two uses one is the second.
pub async fn lock_code(tx: &mut WriteTx, hash: &[u8]) -> Result<Option<Code>> {
    sql("select k.grant_id, g.application_id, k.redirect_url, k.challenge, k.expires_at, k.used_at
         from oauth_code k join oauth_grant g on g.id = k.grant_id where k.hash = $1")
    .locked()
    .bind(hash)
    .optional(tx)
    .await
}

/// Uses a locked code up.
pub async fn use_code(tx: &mut WriteTx, hash: &[u8], now: Moment) -> Result<()> {
    sql("update oauth_code set used_at = $2 where hash = $1").bind(hash).bind(now).run(tx).await?;
    Ok(())
}

/// A new access token, and the refresh token that comes with it.
pub struct NewTokens<'a> {
    pub access_hash: &'a [u8],
    pub refresh_hash: Option<&'a [u8]>,
    pub grant_id: i64,
    pub scopes: &'a Scopes,
}

/// Stores the hashes of new tokens.
pub async fn insert_tokens(tx: &mut WriteTx, tokens: &NewTokens<'_>, now: Moment) -> Result<()> {
    sql("insert into oauth_token (access_hash, refresh_hash, grant_id, scopes, created_at, expires_at,
             refresh_expires_at) values ($1, $2, $3, $4, $5, $6, $7)")
    .bind(tokens.access_hash)
    .bind(Value::Bytes(tokens.refresh_hash.map(<[u8]>::to_vec)))
    .bind(tokens.grant_id)
    .bind(tokens.scopes.stored())
    .bind(now)
    .bind(now.plus_seconds(ACCESS_SECONDS))
    .bind(tokens.refresh_hash.map(|_| now.plus_seconds(REFRESH_SECONDS)))
    .run(tx)
    .await?;
    if tokens.refresh_hash.is_none() {
        sql("delete from oauth_token where grant_id = $1 and access_hash not in (
                 select access_hash from oauth_token where grant_id = $1
                 order by created_at desc, access_hash limit $2)")
        .bind(tokens.grant_id)
        .bind(CREDENTIALS_TOKENS_MAX)
        .run(tx)
        .await?;
    }
    Ok(())
}

/// A refresh token with its grant, locked.
#[derive(Debug, Clone, FromRow)]
pub struct RefreshToken {
    pub access_hash: Vec<u8>,
    pub grant_id: i64,
    pub application_id: i64,
    pub refresh_expires_at: i64,
    pub used_at: Option<i64>,
    pub successor: Option<Vec<u8>>,
}

/// Locks a refresh token and its grant.
pub async fn lock_refresh(tx: &mut WriteTx, hash: &[u8]) -> Result<Option<RefreshToken>> {
    sql("select t.access_hash, t.grant_id, g.application_id, t.refresh_expires_at, t.used_at, t.successor
         from oauth_token t join oauth_grant g on g.id = t.grant_id where t.refresh_hash = $1")
    .locked()
    .bind(hash)
    .optional(tx)
    .await
}

/// Whether the refresh token that came with an access token was used; `None` if there is none.
pub async fn is_used(tx: &mut Tx, access_hash: &[u8]) -> Result<Option<bool>> {
    let found: Option<(Option<i64>,)> =
        sql("select used_at from oauth_token where access_hash = $1").bind(access_hash).optional(tx).await?;
    Ok(found.map(|(used_at,)| used_at.is_some()))
}

/// Marks a locked refresh token as used, with what came of it. Later uses leave the time of the first.
pub async fn use_refresh(tx: &mut WriteTx, access_hash: &[u8], successor: &[u8], now: Moment) -> Result<()> {
    sql("update oauth_token set used_at = coalesce(used_at, $2), successor = $3 where access_hash = $1")
        .bind(access_hash)
        .bind(now)
        .bind(successor)
        .run(tx)
        .await?;
    Ok(())
}

/// Voids tokens whose answer was lost. If they turn up later, somebody has copied them.
pub async fn void_tokens(tx: &mut WriteTx, access_hash: &[u8], now: Moment) -> Result<()> {
    sql("update oauth_token set expires_at = $2, used_at = $2 where access_hash = $1")
        .bind(access_hash)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// Ends one access token.
pub async fn end_access(tx: &mut WriteTx, hash: &[u8], now: Moment) -> Result<()> {
    sql("update oauth_token set expires_at = $2 where access_hash = $1 and expires_at > $2")
        .bind(hash)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// A token as its application may look at it.
#[derive(Debug, Clone, FromRow)]
pub struct Inspected {
    pub grant_id: i64,
    pub application_id: i64,
    pub user_id: i64,
    pub email: String,
    pub scopes: String,
    pub created_at: i64,
    pub expires_at: i64,
    /// Only of refresh tokens.
    pub used_at: Option<i64>,
}

macro_rules! inspected_sql {
    ($scopes:literal, $expires_at:literal, $used_at:literal, $hash:literal) => {
        concat!(
            "select g.id as grant_id, g.application_id, g.user_id, u.email, ",
            $scopes,
            " as scopes, t.created_at, ",
            $expires_at,
            " as expires_at, ",
            $used_at,
            " as used_at from oauth_token t join oauth_grant g on g.id = t.grant_id
             join person u on u.id = g.user_id join company c on c.id = u.company_id where ",
            $hash,
            " = $1 and",
            alive!()
        )
    };
}

/// Looks at an access token.
pub async fn inspect_access(tx: &mut Tx, hash: &[u8]) -> Result<Option<Inspected>> {
    let query = sql(inspected_sql!("t.scopes", "t.expires_at", "cast(null as bigint)", "t.access_hash"));
    query.bind(hash).optional(tx).await
}

/// Looks at a refresh token.
pub async fn inspect_refresh(tx: &mut Tx, hash: &[u8]) -> Result<Option<Inspected>> {
    let query = sql(inspected_sql!("g.scopes", "t.refresh_expires_at", "t.used_at", "t.refresh_hash"));
    query.bind(hash).optional(tx).await
}
