//! Personal access tokens, found by their hash, with their owner.

use sqlx::FromRow;

use super::auth::SignedIn;
use super::db::{Hex, Result, Tx, WriteTx, sql};
use crate::model::time::Moment;
use crate::model::token::Scopes;

/// A token in its owner's list.
#[derive(Debug, Clone, FromRow)]
pub struct ListedToken {
    pub id: i64,
    pub name: String,
    pub ending: String,
    pub scopes: String,
    pub from_console: i64,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    /// The networks where it works, separated by spaces; empty for everywhere.
    pub networks: String,
}

impl ListedToken {
    /// The slugs of the scopes.
    #[must_use]
    pub fn slugs(&self) -> Vec<&str> {
        self.scopes.split(' ').collect()
    }
}

/// A valid token with its owner, read for this request.
#[derive(Debug, Clone, FromRow)]
pub struct Holder {
    pub token_id: i64,
    pub token_name: String,
    pub token_hash: Vec<u8>,
    pub scopes: String,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
    pub networks: String,
    /// The application that it was given to; `None` for a personal token.
    pub client_id: Option<String>,
    /// What that application may use now.
    pub application_scopes: Option<String>,
    #[sqlx(flatten)]
    pub person: SignedIn,
}

/// The holders of several tokens, without those who are disabled.
pub async fn holders(tx: &mut Tx, hashes: &[Vec<u8>]) -> Result<Vec<Holder>> {
    let hashes: Vec<Hex> = hashes.iter().map(|hash| Hex::of(hash)).collect();
    sql(concat!(
        "select t.id as token_id, t.name as token_name, t.token_hash, t.scopes, t.created_at, t.expires_at,
             t.last_used_at, t.networks, cast(null as text) as client_id, cast(null as text) as application_scopes, ",
        super::auth::signed_in_columns!(),
        " from access_token t join person u on u.id = t.user_id join company c on c.id = u.company_id
         where u.disabled_at is null and c.removed_at is null and t.token_hash in {list}"
    ))
    .bind_list(&hashes)
    .all(tx)
    .await
}

/// A new token to store.
pub struct NewToken<'a> {
    pub user_id: i64,
    pub name: &'a str,
    pub hash: &'a [u8],
    pub ending: String,
    pub scopes: &'a Scopes,
    pub from_console: bool,
    pub expires_at: Option<Moment>,
    pub networks: &'a str,
}

/// Stores a token's hash.
pub async fn insert(tx: &mut WriteTx, token: &NewToken<'_>, now: Moment) -> Result<i64> {
    let id = super::ledger::reserve(tx, "token", 1).await?[0];
    sql(
        "insert into access_token (id, user_id, name, token_hash, ending, scopes, from_console, created_at, expires_at,
             networks) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id)
    .bind(token.user_id)
    .bind(token.name)
    .bind(token.hash)
    .bind(&token.ending)
    .bind(token.scopes.stored())
    .bind(token.from_console)
    .bind(now)
    .bind(token.expires_at)
    .bind(token.networks)
    .run(tx)
    .await?;
    Ok(id)
}

/// A person's tokens, newest first.
pub async fn of_user(tx: &mut Tx, user_id: i64, limit: i64) -> Result<Vec<ListedToken>> {
    sql("select id, name, ending, scopes, from_console, created_at, expires_at, last_used_at, networks
         from access_token
         where user_id = $1 order by id desc limit $2")
    .bind(user_id)
    .bind(limit)
    .all(tx)
    .await
}

/// Revokes one of a person's tokens; returns its name.
pub async fn revoke(tx: &mut WriteTx, user_id: i64, id: i64) -> Result<Option<String>> {
    let name: Option<(String,)> = sql("delete from access_token where user_id = $1 and id = $2 returning name")
        .bind(user_id)
        .bind(id)
        .returning(tx)
        .await?
        .pop();
    Ok(name.map(|n| n.0))
}

/// Revokes the tokens that a person created with a second factor on, and what the person allowed applications; tokens
/// from the console stay. Returns how many.
pub async fn revoke_own(tx: &mut WriteTx, user_id: i64) -> Result<u64> {
    let own = sql("delete from access_token where user_id = $1 and from_console = 0").bind(user_id).run(tx).await?;
    Ok(own + super::oauth::end_all_grants(tx, user_id).await?)
}

/// Revokes all tokens of a person, including those from the console, and what the person allowed applications. Returns
/// how many.
pub async fn revoke_all(tx: &mut WriteTx, user_id: i64) -> Result<u64> {
    let all = sql("delete from access_token where user_id = $1").bind(user_id).run(tx).await?;
    Ok(all + super::oauth::end_all_grants(tx, user_id).await?)
}

/// Records that a token was used, unless a use was recorded after `since`.
pub async fn touch(tx: &mut WriteTx, id: i64, now: Moment, since: Moment) -> Result<()> {
    sql("update access_token set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $3)")
        .bind(id)
        .bind(now)
        .bind(since)
        .run(tx)
        .await?;
    Ok(())
}
