//! Two-factor authentication of an account: turned on, changed, turned off, reset; recovery codes.

use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::Actor;
use super::auth::{
    SignedInAs, allow, check_new_password, confirm_password, end_sessions, hash_password, set_password,
};
use super::error::{OpError, OpResult, Reason, refuse};
use crate::app::{Act, App, act_once};
use crate::jobs::Job;
use crate::keys::unhex;
use crate::model::second_factor::{
    MAILED_CODE_SECONDS, MailedFor, RECOVERY_CODES, RecoveryCode, SECRET_LENGTH, SecondFactor, Secret,
    mailed_code, typed_code,
};
use crate::model::throttle::{MAILED_CODES_OF_ACCOUNT, SECOND_FACTORS_OF_ACCOUNT};
use crate::store;
use crate::store::db::hex;
use crate::store::second_factor::SealedSecret;
use crate::store::users::User;

/// What each change of the second factor comes with.
pub struct Change<'a> {
    /// The operation's id.
    pub key: &'a str,
    pub password: &'a str,
    /// The present session, where all others are to end.
    pub but: Option<&'a [u8]>,
}

/// What was done, and the recovery codes: they are told once, for only their hashes are kept.
pub struct NewCodes {
    pub message: String,
    /// `None` where the same form was sent before.
    pub codes: Option<Vec<String>>,
}

/// The key that wrong second factors of an account are counted under.
pub(super) fn throttle_key(user_id: i64) -> String {
    format!("second_factor:{user_id}")
}

/// The key that mailed codes of an account are counted under.
pub(super) fn mailed_key(user_id: i64) -> String {
    format!("mailed_code:{user_id}")
}

/// How many recovery codes the actor has left.
///
/// # Errors
/// Whatever the database says.
pub async fn recovery_codes_left(app: &App, actor: &Actor) -> OpResult<i64> {
    let mut tx = app.db.read().await?;
    Ok(store::second_factor::recovery_codes_left(&mut tx, actor.user_id).await?)
}

/// A secret for an authenticator app that is not on yet: it waits in the set-up form, sealed, as it
/// would stand in the database.
pub struct AppSecret {
    pub sealed: String,
    /// As people type it: base 32.
    pub text: String,
    /// What the QR code says.
    pub address: String,
}

/// A new secret for the actor's app.
///
/// # Errors
/// Only where the account's name cannot stand in an address.
pub fn new_app_secret(app: &App, actor: &Actor) -> OpResult<AppSecret> {
    let secret = Secret::new(app.rng.bytes::<SECRET_LENGTH>().to_vec());
    let (version, sealed) = app.keys.seal_secret(&secret, actor.user_id, &app.rng);
    shown(actor, &secret, format!("{version}.{}", hex(&sealed)))
}

/// The secret of a set-up form that comes back; `None` where it is not one of the actor's.
#[must_use]
pub fn app_secret(app: &App, actor: &Actor, sealed: &str) -> Option<AppSecret> {
    let (secret, _) = open(app, actor, sealed)?;
    shown(actor, &secret, sealed.to_owned()).ok()
}

fn shown(actor: &Actor, secret: &Secret, sealed: String) -> OpResult<AppSecret> {
    let address = secret.address(&actor.email);
    let address = address.ok_or_else(|| OpError::Internal("no otpauth address".into()))?;
    Ok(AppSecret { sealed, text: secret.text(), address })
}

fn open(app: &App, actor: &Actor, sealed: &str) -> Option<(Secret, SealedSecret)> {
    let (version, bytes) = sealed.split_once('.')?;
    let kept = SealedSecret { key_version: version.parse().ok()?, sealed: unhex(bytes)? };
    let secret = app.keys.open_secret(kept.key_version, &kept.sealed, actor.user_id)?;
    Some((secret, kept))
}

/// Turns on the authenticator app whose secret is in the set-up form, in the place of whatever was on,
/// after a right code of it.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn turn_on_app(
    app: &App,
    actor: &Actor,
    change: &Change<'_>,
    sealed: &str,
    code: &str,
) -> OpResult<NewCodes> {
    let Some((secret, kept)) = open(app, actor, sealed) else { return refuse("", Reason::FormForeign) };
    let code = typed_code(code).ok_or(OpError::Refused("code", Reason::MalformedSecondFactor))?;
    let step = secret.step_of(&code, app.clock.now());
    let step = step.ok_or(OpError::Refused("code", Reason::WrongSecondFactor))?;
    confirm_password(app, actor, "password", change.password).await?;
    let (codes, hashes) = new_recovery_codes(app, actor);
    let fresh = AtomicBool::new(false);
    let message = act_once!(app, actor, change.key, "turn_on_app", sealed, act => {
        turn_on(act, actor, SecondFactor::Totp, &hashes).await?;
        store::second_factor::add_secret(&mut act.tx, actor.user_id, &kept, step).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok("Update\nTwo-factor authentication is on: codes come from your authenticator app.".to_owned())
    })?;
    end_others(app, actor, change).await?;
    Ok(NewCodes { message, codes: fresh.into_inner().then_some(codes) })
}

/// Mails a code that turns on codes by e-mail.
///
/// # Errors
/// A refusal where no mail is set up, or how long to wait.
pub async fn mail_turn_on_code(app: &App, actor: &Actor, key: &str) -> OpResult<String> {
    if app.config.mail.is_none() {
        return refuse("", Reason::NoMail);
    }
    act_once!(app, actor, key, "mail_turn_on_code", "", act => {
        allow(act, &mailed_key(actor.user_id), &MAILED_CODES_OF_ACCOUNT, "code").await?;
        mail_code(app, act, actor.user_id, &actor.email, MailedFor::TurnOn).await?;
        Ok(format!("Send code\nA code is on its way to {}. It works for 10 minutes.", actor.email))
    })
}

/// Turns on codes by e-mail, in the place of whatever was on, after a right code that was mailed. The
/// attempt is counted before the code is looked at.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn turn_on_email(app: &App, actor: &Actor, change: &Change<'_>, code: &str) -> OpResult<NewCodes> {
    let code = typed_code(code).ok_or(OpError::Refused("code", Reason::MalformedSecondFactor))?;
    confirm_password(app, actor, "password", change.password).await?;
    let (codes, hashes) = new_recovery_codes(app, actor);
    let (purpose, key) = (MailedFor::TurnOn, throttle_key(actor.user_id));
    let hash = app.keys.second_factor_hash(actor.user_id, purpose.slug(), code.as_bytes());
    crate::app::act!(app, act => {
        allow(act, &key, &SECOND_FACTORS_OF_ACCOUNT, "code").await?;
        Ok(store::throttle::fail(&mut act.tx, &key, &SECOND_FACTORS_OF_ACCOUNT, act.now).await?)
    })?;
    let fresh = AtomicBool::new(false);
    let message = act_once!(app, actor, change.key, "turn_on_email", &code, act => {
        let (tx, user_id, now) = (&mut act.tx, actor.user_id, act.now);
        if !store::second_factor::take_mailed_code(tx, user_id, purpose, &hash, now).await? {
            return refuse("code", Reason::WrongSecondFactor);
        }
        forget_attempts(act, user_id).await?;
        turn_on(act, actor, SecondFactor::Email, &hashes).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok("Update\nTwo-factor authentication is on: codes come by e-mail.".to_owned())
    })?;
    end_others(app, actor, change).await?;
    Ok(NewCodes { message, codes: fresh.into_inner().then_some(codes) })
}

async fn turn_on(act: &mut Act, actor: &Actor, method: SecondFactor, hashes: &[Vec<u8>]) -> OpResult<()> {
    store::second_factor::turn_on(&mut act.tx, actor.user_id, method).await?;
    store::second_factor::set_recovery_codes(&mut act.tx, actor.user_id, hashes).await?;
    act.note(actor.note("user.second_factor_on", &actor.email, method.label()));
    act.note(actor.note("user.recovery_codes_made", &actor.email, ""));
    Ok(())
}

/// Ten new recovery codes, and what is kept of them.
fn new_recovery_codes(app: &App, actor: &Actor) -> (Vec<String>, Vec<Vec<u8>>) {
    let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::from_random(app.rng.bytes()));
    codes.map(|c| (c.reveal(), app.keys.second_factor_hash(actor.user_id, "recovery", c.digits()))).unzip()
}

/// Makes ten new recovery codes; the old ones no longer work.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn make_recovery_codes(app: &App, actor: &Actor, change: &Change<'_>) -> OpResult<NewCodes> {
    confirm_password(app, actor, "password", change.password).await?;
    let (codes, hashes) = new_recovery_codes(app, actor);
    let fresh = AtomicBool::new(false);
    let message = act_once!(app, actor, change.key, "make_recovery_codes", "", act => {
        if !store::second_factor::lock(&mut act.tx, actor.user_id).await? {
            return refuse("", Reason::SecondFactorOff);
        }
        store::second_factor::set_recovery_codes(&mut act.tx, actor.user_id, &hashes).await?;
        act.note(actor.note("user.recovery_codes_made", &actor.email, ""));
        fresh.store(true, Ordering::SeqCst);
        Ok("Update\nNew recovery codes were made. The old ones no longer work.".to_owned())
    })?;
    end_others(app, actor, change).await?;
    Ok(NewCodes { message, codes: fresh.into_inner().then_some(codes) })
}

/// Turns two-factor authentication off. Where the password is too short to stand alone, a new one comes
/// with it, and all sessions end: the door begins the present one anew as the one that is given.
///
/// # Errors
/// A refusal at the field that is wrong, or where the company demands it.
pub async fn turn_off(
    app: &App,
    actor: &Actor,
    change: &Change<'_>,
    new: &str,
    again: &str,
) -> OpResult<Option<SignedInAs>> {
    if actor.company_demands_second_factor {
        return refuse("", Reason::SecondFactorDemanded);
    }
    let hash = match actor.password_needs_second_factor {
        true => {
            check_new_password(new, again, &actor.email, false)?;
            Some(hash_password(app, new.to_owned()).await?)
        }
        false => None,
    };
    confirm_password(app, actor, "password", change.password).await?;
    act_once!(app, actor, change.key, "turn_off_second_factor", "", act => {
        if let Some(hash) = &hash {
            set_password(act, actor.user_id, hash, false).await?;
            act.note(actor.note("user.password_changed", &actor.email, ""));
        }
        if !store::second_factor::turn_off(&mut act.tx, actor.user_id).await? {
            return refuse("", Reason::SecondFactorOff);
        }
        turned_off(act, actor.user_id).await?;
        act.note(actor.note("user.second_factor_off", &actor.email, ""));
        Ok("Update\nTwo-factor authentication is off.".to_owned())
    })?;
    if hash.is_none() {
        end_others(app, actor, change).await?;
        return Ok(None);
    }
    end_sessions(app, actor.user_id, None).await?;
    let mut tx = app.db.read().await?;
    let now = store::auth::credentials_of(&mut tx, actor.user_id).await?.ok_or(OpError::NotFound)?;
    Ok(Some(SignedInAs { user_id: now.id, session_epoch: now.session_epoch }))
}

/// What ends together with a second factor, in the same transaction: whatever only an account with one
/// may have ends here.
pub(super) async fn turned_off(act: &mut Act, user_id: i64) -> OpResult<()> {
    forget_attempts(act, user_id).await
}

async fn forget_attempts(act: &mut Act, user_id: i64) -> OpResult<()> {
    store::throttle::clear(&mut act.tx, &throttle_key(user_id)).await?;
    Ok(store::throttle::clear(&mut act.tx, &mailed_key(user_id)).await?)
}

/// Takes the second factor from a person of the tree who cannot use it any more. All sessions of the
/// person end, and a mail tells.
///
/// # Errors
/// A refusal for the own account, and for one without a second factor.
pub async fn reset(app: &App, actor: &Actor, key: &str, id: i64) -> OpResult<String> {
    actor.require_admin()?;
    if id == actor.user_id {
        return refuse("", Reason::OwnAccount);
    }
    let message = act_once!(app, actor, key, "reset_second_factor", &id.to_string(), act => {
        let person =
            store::users::find(&mut act.tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
        reset_of(app, act, &person).await?;
        act.note(actor.note_at(person.company_id, "user.second_factor_reset", &person.email, ""));
        Ok(format!("Reset\nTwo-factor authentication of {} is off. The password alone signs in now.", person.email))
    })?;
    end_sessions(app, id, None).await?;
    Ok(message)
}

/// A reset, whoever does it.
pub(super) async fn reset_of(app: &App, act: &mut Act, person: &User) -> OpResult<()> {
    turned_off(act, person.id).await?;
    if !store::second_factor::reset(&mut act.tx, person.id).await? {
        return refuse("", Reason::SecondFactorOff);
    }
    if app.config.mail.is_some() {
        let mail = crate::jobs::mail::second_factor_reset(&person.email, &app.config.public_url);
        act.job(&Job::mail(app, &mail)).await?;
    }
    Ok(())
}

/// Mails a new code, and counts it.
pub(super) async fn mail_code(
    app: &App,
    act: &mut Act,
    user_id: i64,
    email: &str,
    purpose: MailedFor,
) -> OpResult<()> {
    let code = mailed_code(app.rng.bytes());
    let hash = app.keys.second_factor_hash(user_id, purpose.slug(), code.as_bytes());
    let until = act.now.plus_seconds(MAILED_CODE_SECONDS);
    store::throttle::fail(&mut act.tx, &mailed_key(user_id), &MAILED_CODES_OF_ACCOUNT, act.now).await?;
    store::second_factor::set_mailed_code(&mut act.tx, user_id, purpose, &hash, until).await?;
    let mail = crate::jobs::mail::second_factor_code(email, &code);
    act.job(&Job::mail(app, &mail)).await
}

async fn end_others(app: &App, actor: &Actor, change: &Change<'_>) -> OpResult<()> {
    match change.but {
        Some(present) => end_sessions(app, actor.user_id, Some(present)).await,
        None => Ok(()),
    }
}
