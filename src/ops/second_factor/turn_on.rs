//! Turns two-factor authentication on, or changes its method; either needs a right code of the new method.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Change, NewCodes, end_others, forget_attempts, mail_code, mailed_key, new_recovery_codes, throttle_key};
use crate::app::App;
use crate::model::event::SecondFactorEvent;
use crate::model::refusal::{FormReason, SecondFactorReason};
use crate::model::second_factor::{MailedFor, SECRET_LENGTH, SecondFactor, TotpSecret, typed_code};
use crate::model::throttle::{MAILED_CODES_OF_ACCOUNT, SECOND_FACTORS_OF_ACCOUNT};
use crate::ops::actor::Actor;
use crate::ops::attempts::allow;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::notices;
use crate::ops::passwords::{Again, confirm_password};
use crate::ops::sessions::lock_actor;
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::second_factor::{CodeRequest, SealedSecret};

/// The secret of an authenticator app that is not on yet. It waits in the set-up form, sealed just as in the database.
pub struct AppSecret {
    pub sealed: String,
    /// As people type it: base 32.
    pub text: String,
    /// The content of the QR code.
    pub address: String,
}

/// A new secret for the actor's app.
///
/// # Errors
/// Only if the account's name does not fit in an address.
pub fn new_app_secret(app: &App, actor: &Actor) -> OpResult<AppSecret> {
    let secret = TotpSecret::new(app.rng.bytes::<SECRET_LENGTH>().to_vec());
    let (version, sealed) = app.keys.seal_secret(&secret, actor.user_id, &app.rng);
    shown(actor, &secret, format!("{version}.{}", hex::encode(sealed)))
}

/// The secret that a set-up form sends back; `None` if it is not the actor's.
#[must_use]
pub fn app_secret(app: &App, actor: &Actor, sealed: &str) -> Option<AppSecret> {
    let (secret, _) = open(app, actor, sealed)?;
    shown(actor, &secret, sealed.to_owned()).ok()
}

fn shown(actor: &Actor, secret: &TotpSecret, sealed: String) -> OpResult<AppSecret> {
    let address = secret.address(&actor.email);
    let address = address.ok_or_else(|| OpError::Internal("no otpauth address".into()))?;
    Ok(AppSecret { sealed, text: secret.text(), address })
}

fn open(app: &App, actor: &Actor, sealed: &str) -> Option<(TotpSecret, SealedSecret)> {
    let (version, bytes) = sealed.split_once('.')?;
    let stored = SealedSecret { key_version: version.parse().ok()?, sealed: hex::decode(bytes).ok()? };
    let secret = app.keys.open_secret(stored.key_version, &stored.sealed, actor.user_id)?;
    Some((secret, stored))
}

/// Turns on the authenticator app whose secret is in the set-up form, replacing any other method, after a right code
/// of the app.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn turn_on_app(
    app: &App,
    actor: &Actor,
    change: &Change<'_>,
    password: Again<'_>,
    sealed: &str,
    code: &str,
) -> OpResult<NewCodes> {
    let Some((secret, stored)) = open(app, actor, sealed) else { return refuse("", FormReason::Foreign) };
    let code = typed_code(code).ok_or(OpError::refused("code", SecondFactorReason::MalformedCode))?;
    let step = secret.step_of(&code, app.clock.now());
    let step = step.ok_or(OpError::refused("code", SecondFactorReason::WrongCode))?;
    confirm_password(app, actor, "password", password).await?;
    let (codes, hashes) = new_recovery_codes(app, actor);
    let fresh = AtomicBool::new(false);
    let outcome = work_once!(app, actor, change.operation_id, "turn_on_app", sealed, work => {
        turn_on(app, work, actor, SecondFactor::Totp, &hashes).await?;
        store::second_factor::add_secret(&mut work.tx, actor.user_id, &stored, step).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok(Outcome::of(SecondFactorEvent::TurnedOn { method: SecondFactor::Totp }))
    })?;
    end_others(app, actor, change).await?;
    Ok(NewCodes { event: outcome.event, codes: fresh.into_inner().then_some(codes) })
}

/// Mails a code that turns on codes by e-mail in this session.
///
/// # Errors
/// A refusal if no mail is set up, or how long to wait.
pub async fn mail_turn_on_code(app: &App, actor: &Actor, operation_id: &str, session: &str) -> OpResult<Outcome> {
    if app.config.mail.is_none() {
        return refuse("", SecondFactorReason::NoMail);
    }
    let asked = CodeRequest { purpose: MailedFor::TurnOn, by: session };
    work_once!(app, actor, operation_id, "mail_turn_on_code", "", work => {
        allow(work, &mailed_key(actor.user_id), &MAILED_CODES_OF_ACCOUNT, "code").await?;
        mail_code(app, work, actor.user_id, &actor.email, &asked).await?;
        Ok(Outcome::of(SecondFactorEvent::CodeMailed { email: actor.email.clone() }))
    })
}

/// Turns on codes by e-mail, replacing any other method, after a right mailed code. The attempt is counted before the
/// code is checked.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn turn_on_email(
    app: &App,
    actor: &Actor,
    change: &Change<'_>,
    password: Again<'_>,
    session: &str,
    code: &str,
) -> OpResult<NewCodes> {
    let code = typed_code(code).ok_or(OpError::refused("code", SecondFactorReason::MalformedCode))?;
    confirm_password(app, actor, "password", password).await?;
    let (codes, hashes) = new_recovery_codes(app, actor);
    let asked = CodeRequest { purpose: MailedFor::TurnOn, by: session };
    let key = throttle_key(actor.user_id);
    let hash = app.keys.second_factor_hash(actor.user_id, asked.purpose.slug(), code.as_bytes());
    work!(app, work => {
        allow(work, &key, &SECOND_FACTORS_OF_ACCOUNT, "code").await?;
        Ok(store::throttle::fail(&mut work.tx, &key, &SECOND_FACTORS_OF_ACCOUNT, work.now).await?)
    })?;
    let fresh = AtomicBool::new(false);
    let outcome = work_once!(app, actor, change.operation_id, "turn_on_email", &code, work => {
        let (tx, user_id, now) = (&mut work.tx, actor.user_id, work.now);
        if !store::second_factor::take_mailed_code(tx, user_id, &asked, &hash, now).await? {
            return refuse("code", SecondFactorReason::WrongCode);
        }
        forget_attempts(work, user_id).await?;
        turn_on(app, work, actor, SecondFactor::Email, &hashes).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok(Outcome::of(SecondFactorEvent::TurnedOn { method: SecondFactor::Email }))
    })?;
    end_others(app, actor, change).await?;
    Ok(NewCodes { event: outcome.event, codes: fresh.into_inner().then_some(codes) })
}

async fn turn_on(app: &App, work: &mut Work, actor: &Actor, method: SecondFactor, hashes: &[Vec<u8>]) -> OpResult<()> {
    lock_actor(work, actor).await?;
    store::second_factor::turn_on(&mut work.tx, actor.user_id, method).await?;
    store::second_factor::set_recovery_codes(&mut work.tx, actor.user_id, hashes).await?;
    work.note(actor.note("user.second_factor_on", &actor.email, method.label()));
    work.note(actor.note("user.recovery_codes_made", &actor.email, ""));
    let what = match method {
        SecondFactor::Email => "two-factor authentication of your account was turned on: codes come by e-mail.",
        SecondFactor::Totp => {
            "two-factor authentication of your account was turned on: codes come from an authenticator app."
        }
    };
    notices::tell(app, work, &actor.email, "Two-factor authentication is on", what, &actor.address).await
}
