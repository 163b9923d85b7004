//! Sessions, found by the SHA-256 of the cookie's value.

use sqlx::FromRow;

use super::db::{Hex, Query, Result, Tx, WriteTx, sql};
use crate::model::time::Moment;

/// A session to store.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    pub id_hash: &'a [u8],
    pub user_id: Option<i64>,
    pub data: String,
    pub expires_at: Moment,
    pub address: String,
    pub user_agent: String,
}

/// Stores a session; replaces an older one with the same id.
pub async fn save(tx: &mut WriteTx, session: &NewSession<'_>, now: Moment) -> Result<()> {
    sql("insert into session (id_hash, user_id, data, created_at, seen_at, expires_at, address, user_agent)
         values ($1, $2, $3, $4, $4, $5, $6, $7)
         on conflict (id_hash) do update set user_id = excluded.user_id, data = excluded.data,
             seen_at = excluded.seen_at, expires_at = excluded.expires_at")
    .bind(session.id_hash)
    .bind(session.user_id)
    .bind(&session.data)
    .bind(now)
    .bind(session.expires_at)
    .bind(&session.address)
    .bind(&session.user_agent)
    .run(tx)
    .await?;
    Ok(())
}

/// A session as stored.
#[derive(Debug, Clone, FromRow)]
pub struct SessionRow {
    pub id_hash: Vec<u8>,
    pub data: String,
    pub created_at: i64,
    pub seen_at: i64,
    pub expires_at: i64,
}

/// The valid sessions with these hashes.
pub async fn load(tx: &mut Tx, hashes: &[Vec<u8>], now: Moment) -> Result<Vec<SessionRow>> {
    let hashes: Vec<Hex> = hashes.iter().map(|hash| Hex::of(hash)).collect();
    sql("select id_hash, data, created_at, seen_at, expires_at from session
         where id_hash in {list} and expires_at > $2")
    .bind_list(&hashes)
    .bind(now)
    .all(tx)
    .await
}

/// Extends the idle timeout.
pub async fn touch(tx: &mut WriteTx, id_hash: &[u8], now: Moment, until: Moment) -> Result<()> {
    sql("update session set seen_at = $2, expires_at = $3 where id_hash = $1")
        .bind(id_hash)
        .bind(now)
        .bind(until)
        .run(tx)
        .await?;
    Ok(())
}

/// Ends a session.
pub async fn delete(tx: &mut WriteTx, id_hash: &[u8]) -> Result<()> {
    sql("delete from session where id_hash = $1").bind(id_hash).run(tx).await?;
    Ok(())
}

/// A session in its owner's list.
#[derive(Debug, Clone, FromRow)]
pub struct ListedSession {
    pub id_hash: Vec<u8>,
    pub created_at: i64,
    pub seen_at: i64,
    pub address: String,
    pub user_agent: String,
}

/// A person's valid sessions, latest first.
pub async fn of_user(tx: &mut Tx, user_id: i64, now: Moment) -> Result<Vec<ListedSession>> {
    of_user_query(user_id, now).all(tx).await
}

/// The query behind [`of_user`].
#[must_use]
pub fn of_user_query(user_id: i64, now: Moment) -> Query {
    sql("select id_hash, created_at, seen_at, address, user_agent from session
         where user_id = $1 and expires_at > $2 order by seen_at desc, id_hash limit 100")
    .bind(user_id)
    .bind(now)
}

/// Ends one session of a person.
pub async fn delete_one_of_user(tx: &mut WriteTx, user_id: i64, id_hash: &[u8]) -> Result<u64> {
    sql("delete from session where user_id = $1 and id_hash = $2").bind(user_id).bind(id_hash).run(tx).await
}

/// Ends a person's sessions, except `but`.
pub async fn delete_of_user(tx: &mut WriteTx, user_id: i64, but: Option<&[u8]>) -> Result<u64> {
    sql("delete from session where user_id = $1 and id_hash <> $2")
        .bind(user_id)
        .bind(but.unwrap_or_default())
        .run(tx)
        .await
}

/// Deletes expired sessions.
pub async fn forget(tx: &mut WriteTx, now: Moment) -> Result<u64> {
    sql("delete from session where expires_at <= $1").bind(now).run(tx).await
}
