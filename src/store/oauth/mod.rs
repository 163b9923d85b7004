//! What people have allowed applications: grants, their codes and their tokens, each found by its hash.

use sqlx::FromRow;

use super::db::{Hex, Result, Tx, WriteTx, sql};
use super::tokens::Holder;
use crate::model::time::Moment;
use crate::model::token::Scopes;

/// How many grants of one application a person has at once; the oldest gives way.
const GRANTS_MAX: i64 = 50;
/// How long something is kept that no longer works, so that no clean-up meets its last use.
const KEPT_SECONDS: i64 = 3_600;

/// The conditions under which a grant `g` of a person `u` of a company `c` works.
macro_rules! alive {
    () => {
        " u.session_epoch = g.session_epoch and u.disabled_at is null and c.removed_at is null "
    };
}

mod tokens;

pub use tokens::{
    Code, Inspected, NewTokens, RefreshToken, end_access, insert_code, insert_tokens, inspect_access, inspect_refresh,
    is_used, lock_code, lock_refresh, use_code, use_refresh, void_tokens,
};

/// The holders of several access tokens of applications.
pub async fn holders(tx: &mut Tx, hashes: &[Vec<u8>]) -> Result<Vec<Holder>> {
    let hashes: Vec<Hex> = hashes.iter().map(|hash| Hex::of(hash)).collect();
    sql(concat!(
        "select g.id as token_id, a.name as token_name, t.access_hash as token_hash, t.scopes, t.created_at,
             t.expires_at, g.last_used_at, '' as networks, a.client_id, a.scopes as application_scopes, ",
        super::auth::signed_in_columns!(),
        " from oauth_token t join oauth_grant g on g.id = t.grant_id join application a on a.id = g.application_id
             join company o on o.id = a.company_id
             join person u on u.id = g.user_id join company c on c.id = u.company_id
         where t.access_hash in {list} and o.removed_at is null and",
        alive!()
    ))
    .bind_list(&hashes)
    .all(tx)
    .await
}

/// A grant with its person, for the history.
#[derive(Debug, Clone, FromRow)]
pub struct Grant {
    pub id: i64,
    pub user_id: i64,
    pub email: String,
    pub company_id: i64,
    pub scopes: String,
}

/// A grant that still works.
pub async fn alive(tx: &mut Tx, id: i64) -> Result<Option<Grant>> {
    sql(concat!(
        "select g.id, g.user_id, u.email, u.company_id, g.scopes
         from oauth_grant g join person u on u.id = g.user_id join company c on c.id = u.company_id
         where g.id = $1 and",
        alive!()
    ))
    .bind(id)
    .optional(tx)
    .await
}

/// The newest grant of an application for a person; for a service user, the one there is.
pub async fn latest(tx: &mut Tx, application_id: i64, user_id: i64) -> Result<Option<Grant>> {
    sql(concat!(
        "select g.id, g.user_id, u.email, u.company_id, g.scopes
         from oauth_grant g join person u on u.id = g.user_id join company c on c.id = u.company_id
         where g.application_id = $1 and g.user_id = $2 and",
        alive!(),
        "order by g.id desc limit 1"
    ))
    .bind(application_id)
    .bind(user_id)
    .optional(tx)
    .await
}

/// Stores what a person allows an application; returns the grant's id.
pub async fn insert_grant(
    tx: &mut WriteTx,
    application_id: i64,
    user_id: i64,
    session_epoch: i64,
    scopes: &Scopes,
    now: Moment,
) -> Result<i64> {
    let id = super::ledger::reserve(tx, "token", 1).await?[0];
    sql("insert into oauth_grant (id, application_id, user_id, session_epoch, scopes, created_at)
         values ($1, $2, $3, $4, $5, $6)")
    .bind(id)
    .bind(application_id)
    .bind(user_id)
    .bind(session_epoch)
    .bind(scopes.stored())
    .bind(now)
    .run(tx)
    .await?;
    sql("delete from oauth_grant where application_id = $1 and user_id = $2 and id not in (
             select id from oauth_grant where application_id = $1 and user_id = $2 order by id desc limit $3)")
    .bind(application_id)
    .bind(user_id)
    .bind(GRANTS_MAX)
    .run(tx)
    .await?;
    Ok(id)
}

/// Ends a grant with its code and its tokens; `false` if it had ended.
pub async fn end_grant(tx: &mut WriteTx, id: i64) -> Result<bool> {
    Ok(sql("delete from oauth_grant where id = $1").bind(id).run(tx).await? == 1)
}

/// Ends all that a person allowed an application. Returns how many grants.
pub async fn end_grants(tx: &mut WriteTx, user_id: i64, application_id: i64) -> Result<u64> {
    sql("delete from oauth_grant where user_id = $1 and application_id = $2")
        .bind(user_id)
        .bind(application_id)
        .run(tx)
        .await
}

/// Ends all that a person allowed any application. Returns how many grants.
pub async fn end_all_grants(tx: &mut WriteTx, user_id: i64) -> Result<u64> {
    sql("delete from oauth_grant where user_id = $1").bind(user_id).run(tx).await
}

/// Records that a grant was used, unless a use was recorded after `since`.
pub async fn touch(tx: &mut WriteTx, id: i64, now: Moment, since: Moment) -> Result<()> {
    sql("update oauth_grant set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $3)")
        .bind(id)
        .bind(now)
        .bind(since)
        .run(tx)
        .await?;
    Ok(())
}

/// A grant in the list of its person.
#[derive(Debug, Clone, FromRow)]
pub struct ListedGrant {
    pub application_id: i64,
    pub application: String,
    pub company: String,
    pub scopes: String,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
}

/// What a person allows now, by application, oldest first.
pub async fn of_user(tx: &mut Tx, user_id: i64, limit: i64) -> Result<Vec<ListedGrant>> {
    sql(concat!(
        "select a.id as application_id, a.name as application, o.name as company, g.scopes, g.created_at,
             g.last_used_at
         from oauth_grant g join application a on a.id = g.application_id join company o on o.id = a.company_id
             join person u on u.id = g.user_id join company c on c.id = u.company_id
         where g.user_id = $1 and",
        alive!(),
        "order by a.id, g.id limit $2"
    ))
    .bind(user_id)
    .bind(limit)
    .all(tx)
    .await
}

/// Deletes tokens that have expired, and grants without any that works.
pub async fn forget(tx: &mut WriteTx, now: Moment) -> Result<()> {
    let before = now.plus_seconds(-KEPT_SECONDS);
    sql("delete from oauth_token where expires_at <= $1 and (refresh_expires_at is null or refresh_expires_at <= $1)")
        .bind(before)
        .run(tx)
        .await?;
    sql("delete from oauth_grant
         where session_epoch <> (select u.session_epoch from person u where u.id = user_id) or (created_at <= $1
             and not exists (select 1 from oauth_token t where t.grant_id = oauth_grant.id))")
    .bind(before)
    .run(tx)
    .await?;
    Ok(())
}
