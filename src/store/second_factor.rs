//! A person's second factor: the app's secret, recovery codes, mailed codes. A guarded statement consumes each code, so
//! that of several concurrent uses one succeeds.

use sqlx::FromRow;

use super::db::{Hex, Result, Tx, WriteTx, columns, sql};
use crate::model::second_factor::{MailedFor, SecondFactor};
use crate::model::time::Moment;

/// What a mailed code was requested for, and where: it works nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct CodeRequest<'a> {
    pub purpose: MailedFor,
    /// The pending sign-in, or the session.
    pub by: &'a str,
}

/// Turns a method on in place of the previous one; earlier codes and secrets are deleted.
pub async fn turn_on(tx: &mut WriteTx, user_id: i64, method: SecondFactor) -> Result<()> {
    sql("update person set second_factor = $2 where id = $1").bind(user_id).bind(method.slug()).run(tx).await?;
    forget(tx, user_id).await
}

/// Turns it off unless the password is too short to stand alone; returns whether it did.
pub async fn turn_off(tx: &mut WriteTx, user_id: i64) -> Result<bool> {
    let done = sql("update person set second_factor = null
         where id = $1 and second_factor is not null and password_needs_second_factor = 0")
    .bind(user_id)
    .run(tx)
    .await?;
    if done == 1 {
        forget(tx, user_id).await?;
    }
    Ok(done == 1)
}

/// Removes it from a person who can no longer use it, and ends all sessions and links; returns whether there was one.
pub async fn reset(tx: &mut WriteTx, user_id: i64) -> Result<bool> {
    let done = sql("update person set second_factor = null, session_epoch = session_epoch + 1
         where id = $1 and second_factor is not null")
    .bind(user_id)
    .run(tx)
    .await?;
    forget(tx, user_id).await?;
    super::users::end_links(tx, user_id).await?;
    Ok(done == 1)
}

async fn forget(tx: &mut WriteTx, user_id: i64) -> Result<()> {
    sql("delete from totp where user_id = $1").bind(user_id).run(tx).await?;
    sql("delete from recovery_code where user_id = $1").bind(user_id).run(tx).await?;
    sql("delete from requested_code where user_id = $1").bind(user_id).run(tx).await?;
    Ok(())
}

/// An app's secret, sealed.
#[derive(FromRow)]
pub struct SealedSecret {
    pub key_version: i64,
    pub sealed: Vec<u8>,
}

/// The secret of a person's app.
pub async fn secret(tx: &mut Tx, user_id: i64) -> Result<Option<SealedSecret>> {
    sql("select key_version, sealed from totp where user_id = $1").bind(user_id).optional(tx).await
}

/// Stores an app's secret, and the step of the code that proved it.
pub async fn add_secret(tx: &mut WriteTx, user_id: i64, secret: &SealedSecret, step: i64) -> Result<()> {
    sql("insert into totp (user_id, key_version, sealed, last_step) values ($1, $2, $3, $4)")
        .bind(user_id)
        .bind(secret.key_version)
        .bind(secret.sealed.as_slice())
        .bind(step)
        .run(tx)
        .await?;
    Ok(())
}

/// How far ahead of a code's step the last used one may be; if further, it was used before the clock was set back.
const STEPS_AHEAD_MAX: i64 = 10;

/// Consumes a step; `false` if it, or a later one, was already used.
pub async fn take_step(tx: &mut WriteTx, user_id: i64, step: i64) -> Result<bool> {
    let taken = sql("update totp set last_step = $2 where user_id = $1 and (last_step < $2 or last_step > $3)")
        .bind(user_id)
        .bind(step)
        .bind(step + STEPS_AHEAD_MAX)
        .run(tx)
        .await?;
    Ok(taken == 1)
}

columns! {
    struct HashRow {
        hash: Hex,
    }
}

/// Replaces the recovery codes.
pub async fn set_recovery_codes(tx: &mut WriteTx, user_id: i64, hashes: &[Vec<u8>]) -> Result<()> {
    sql("delete from recovery_code where user_id = $1").bind(user_id).run(tx).await?;
    let codes: Vec<HashRow> = hashes.iter().map(|hash| HashRow { hash: Hex::of(hash) }).collect();
    sql("insert into recovery_code (hash, user_id) select hash, $2 from {rows} r")
        .bind_rows(&codes)
        .bind(user_id)
        .run(tx)
        .await?;
    Ok(())
}

/// How many recovery codes are left.
pub async fn recovery_codes_left(tx: &mut Tx, user_id: i64) -> Result<i64> {
    let (count,): (i64,) = sql("select count(*) from recovery_code where user_id = $1").bind(user_id).one(tx).await?;
    Ok(count)
}

/// Consumes a recovery code; `false` if there is no such code.
pub async fn take_recovery_code(tx: &mut WriteTx, user_id: i64, hash: &[u8]) -> Result<bool> {
    let taken =
        sql("delete from recovery_code where user_id = $1 and hash = $2").bind(user_id).bind(hash).run(tx).await?;
    Ok(taken == 1)
}

/// Stores a mailed code's hash. It replaces the earlier one for the same purpose and requester.
pub async fn set_mailed_code(
    tx: &mut WriteTx,
    user_id: i64,
    request: &CodeRequest<'_>,
    hash: &[u8],
    until: Moment,
) -> Result<()> {
    sql("insert into requested_code (user_id, purpose, asked_by, hash, expires_at) values ($1, $2, $3, $4, $5)
         on conflict (user_id, purpose, asked_by)
             do update set hash = excluded.hash, expires_at = excluded.expires_at")
    .bind(user_id)
    .bind(request.purpose.slug())
    .bind(request.by)
    .bind(hash)
    .bind(until)
    .run(tx)
    .await?;
    Ok(())
}

/// Consumes a mailed code; `false` if there is no such valid code.
pub async fn take_mailed_code(
    tx: &mut WriteTx,
    user_id: i64,
    request: &CodeRequest<'_>,
    hash: &[u8],
    now: Moment,
) -> Result<bool> {
    let taken = sql("delete from requested_code
         where user_id = $1 and purpose = $2 and asked_by = $3 and hash = $4 and expires_at > $5")
    .bind(user_id)
    .bind(request.purpose.slug())
    .bind(request.by)
    .bind(hash)
    .bind(now)
    .run(tx)
    .await?;
    Ok(taken == 1)
}

/// Deletes expired mailed codes.
pub async fn forget_mailed_codes(tx: &mut WriteTx, now: Moment) -> Result<u64> {
    sql("delete from requested_code where expires_at <= $1").bind(now).run(tx).await
}
