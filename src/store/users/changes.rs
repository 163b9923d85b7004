//! Changes to people: roles, passwords, profiles.

use super::end_links;
use crate::model::company::searchable;
use crate::model::time::Moment;
use crate::store::db::{Result, WriteTx, sql};

/// Adds a person without a password; `None` if the address already has an account.
pub async fn insert(tx: &mut WriteTx, company_id: i64, email: &str, role_id: i64, now: Moment) -> Result<Option<i64>> {
    let id = crate::store::ledger::reserve(tx, "user", 1).await?[0];
    let added = sql("insert into person (id, company_id, email, email_search, role_id, created_at)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing")
    .bind(id)
    .bind(company_id)
    .bind(email)
    .bind(searchable(email))
    .bind(role_id)
    .bind(now)
    .run(tx)
    .await?;
    Ok((added == 1).then_some(id))
}

/// Gives a person another role, effective from the next request of theirs and of the service users of their
/// applications, which never do more.
pub async fn set_role(tx: &mut WriteTx, id: i64, role_id: i64, now: Moment) -> Result<()> {
    sql("update person set role_id = $2, updated_at = $3 where id = $1")
        .bind(id)
        .bind(role_id)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// Disables a person, which ends all sessions and links at once, or enables one again.
pub async fn set_disabled(tx: &mut WriteTx, id: i64, is_disabled: bool, now: Moment) -> Result<()> {
    sql("update person set disabled_at = $2, updated_at = $3, session_epoch = session_epoch + 1 where id = $1")
        .bind(id)
        .bind(is_disabled.then_some(now))
        .bind(now)
        .run(tx)
        .await?;
    end_links(tx, id).await
}

/// Removes a person for good, which ends all sessions and links at once. The row stays for the history, which shows the
/// address; what finds the person by the address is replaced by something that is no address, so that it is free again.
pub async fn remove(tx: &mut WriteTx, id: i64, now: Moment) -> Result<()> {
    sql("update person set removed_at = $2, disabled_at = coalesce(disabled_at, $2), updated_at = $2,
             email_search = $3, password_hash = null, session_epoch = session_epoch + 1
         where id = $1")
    .bind(id)
    .bind(now)
    .bind(format!("removed-user-{id}"))
    .run(tx)
    .await?;
    end_links(tx, id).await
}

/// Ends all sessions of a person at once.
pub async fn end_sessions(tx: &mut WriteTx, id: i64) -> Result<()> {
    sql("update person set session_epoch = session_epoch + 1 where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Sets a password, which ends all sessions and links at once.
pub async fn set_password(tx: &mut WriteTx, id: i64, hash: &str) -> Result<()> {
    sql("update person set password_hash = $2, password_needs_second_factor = 0, session_epoch = session_epoch + 1
         where id = $1")
    .bind(id)
    .bind(hash)
    .run(tx)
    .await?;
    end_links(tx, id).await
}

/// Like [`set_password`], for a password so short that it needs a second factor; sets nothing and returns `false` if
/// there is none.
pub async fn set_short_password(tx: &mut WriteTx, id: i64, hash: &str) -> Result<bool> {
    let set =
        sql("update person set password_hash = $2, password_needs_second_factor = 1, session_epoch = session_epoch + 1
         where id = $1 and second_factor is not null")
        .bind(id)
        .bind(hash)
        .run(tx)
        .await?;
    end_links(tx, id).await?;
    Ok(set == 1)
}

/// Sets the name and the time zone.
pub async fn set_profile(tx: &mut WriteTx, id: i64, first: &str, last: &str, zone: &str, now: Moment) -> Result<()> {
    sql("update person set first_name = $2, last_name = $3, time_zone = $4, updated_at = $5 where id = $1")
        .bind(id)
        .bind(first)
        .bind(last)
        .bind(zone)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// Sets a confirmed e-mail address, which ends all links.
///
/// # Errors
/// A unique violation if another account has it.
pub async fn set_email(tx: &mut WriteTx, id: i64, email: &str, now: Moment) -> Result<()> {
    sql("update person set email = $2, email_search = $3, updated_at = $4 where id = $1")
        .bind(id)
        .bind(email)
        .bind(searchable(email))
        .bind(now)
        .run(tx)
        .await?;
    end_links(tx, id).await
}

/// Records a sign-in.
pub async fn set_last_login(tx: &mut WriteTx, id: i64, now: Moment) -> Result<()> {
    sql("update person set last_login_at = $2 where id = $1").bind(id).bind(now).run(tx).await?;
    Ok(())
}
