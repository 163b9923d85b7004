//! Limits on password attempts and mails. Each attempt is counted before it is judged.

use sha2::{Digest as _, Sha256};

use super::error::{OpResult, refuse};
use crate::app::App;
use crate::model::company;
use crate::model::refusal::SignInReason;
use crate::model::throttle::{MAILS_OF_ADDRESS, PASSWORDS_OF_ACCOUNT, PASSWORDS_OF_ADDRESS, Policy, counted_address};
use crate::model::time::Moment;
use crate::ops::work::Work;
use crate::store;

/// Refuses an attempt that must wait.
pub(super) async fn allow(work: &mut Work, key: &str, policy: &'static Policy, field: &'static str) -> OpResult<()> {
    let attempts = store::throttle::read(&mut work.tx, key, work.now).await?;
    match attempts.blocked_until(policy, work.now) {
        None => Ok(()),
        Some(Moment(i64::MAX)) => refuse(field, SignInReason::ResetNeeded),
        Some(until) => refuse(field, SignInReason::Wait { until }),
    }
}

/// Counts a password attempt before the password is checked, or refuses it.
pub(super) async fn count_password(
    work: &mut Work,
    account_key: &str,
    address_key: &str,
    field: &'static str,
) -> OpResult<()> {
    allow(work, account_key, &PASSWORDS_OF_ACCOUNT, field).await?;
    allow(work, address_key, &PASSWORDS_OF_ADDRESS, field).await?;
    store::throttle::fail(&mut work.tx, account_key, &PASSWORDS_OF_ACCOUNT, work.now).await?;
    Ok(store::throttle::fail(&mut work.tx, address_key, &PASSWORDS_OF_ADDRESS, work.now).await?)
}

/// Failures from a browser that the account knows are counted separately, so that a stranger's guesses do not lock the
/// owner out.
pub(super) fn account_key(app: &App, email: &str, device_mark: Option<&str>) -> String {
    let account = company::searchable(email);
    let known = device_mark.is_some_and(|mark| mark == app.keys.device_mark(&account));
    format!("password:{}:{}", if known { "known" } else { "account" }, hash_hex(&account))
}

pub(super) fn address_key(address: &str) -> String {
    format!("password:address:{}", counted_address(address))
}

/// Under what wrong secrets of applications are counted.
pub(super) fn oauth_key(address: &str) -> String {
    format!("oauth:address:{}", counted_address(address))
}

/// Forgets an account's wrong passwords from everywhere: a reset is the way out of the lock.
pub(super) async fn forget_wrong_passwords(work: &mut Work, email: &str) -> OpResult<()> {
    for kind in ["known", "account"] {
        let key = format!("password:{kind}:{}", hash_hex(&company::searchable(email)));
        store::throttle::clear(&mut work.tx, &key).await?;
    }
    Ok(())
}

/// Counts a mail that a client's address requests.
pub(super) async fn count_mail(work: &mut Work, address: &str) -> OpResult<()> {
    let key = format!("mail:address:{}", counted_address(address));
    let attempts = store::throttle::read(&mut work.tx, &key, work.now).await?;
    if let Some(until) = attempts.blocked_until(&MAILS_OF_ADDRESS, work.now) {
        return refuse("email", SignInReason::Wait { until });
    }
    Ok(store::throttle::fail(&mut work.tx, &key, &MAILS_OF_ADDRESS, work.now).await?)
}

pub(super) fn hash_hex(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}
