//! Two-factor authentication of an account: turned on, changed, turned off, reset; recovery codes.

mod turn_off;
mod turn_on;

pub(super) use turn_off::reset_of;
pub use turn_off::{reset, turn_off};
pub use turn_on::{AppSecret, app_secret, mail_turn_on_code, new_app_secret, turn_on_app, turn_on_email};

use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::Actor;
use super::error::{OpResult, refuse};
use super::notices;
use super::sessions::{end_other_sessions, lock_actor};
use crate::app::App;
use crate::model::event::{Event, SecondFactorEvent};
use crate::model::refusal::SecondFactorReason;
use crate::model::second_factor::{MAILED_CODE_SECONDS, RECOVERY_CODES, RecoveryCode, mailed_code};
use crate::model::throttle::MAILED_CODES_OF_ACCOUNT;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::second_factor::CodeRequest;

/// What comes with each change of the second factor.
pub struct Change<'a> {
    pub operation_id: &'a str,
    /// The current session, if all others are to end.
    pub but: Option<&'a [u8]>,
}

/// What was done, and the recovery codes. They are shown once, because only their hashes are stored.
pub struct NewCodes {
    pub event: Event,
    /// `None` if the same form was sent before.
    pub codes: Option<Vec<String>>,
}

/// The key under which an account's wrong second factors are counted.
pub(super) fn throttle_key(user_id: i64) -> String {
    format!("second_factor:{user_id}")
}

/// The key under which an account's mailed codes are counted.
pub(super) fn mailed_key(user_id: i64) -> String {
    format!("mailed_code:{user_id}")
}

/// How many recovery codes the actor has left.
pub async fn recovery_codes_left(app: &App, actor: &Actor) -> OpResult<i64> {
    let mut tx = app.db.read().await?;
    Ok(store::second_factor::recovery_codes_left(&mut tx, actor.user_id).await?)
}

/// Ten new recovery codes, and the hashes to store.
fn new_recovery_codes(app: &App, actor: &Actor) -> (Vec<String>, Vec<Vec<u8>>) {
    let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::from_random(app.rng.bytes()));
    codes.map(|c| (c.reveal(), app.keys.second_factor_hash(actor.user_id, "recovery", c.digits()))).unzip()
}

/// Makes ten new recovery codes; the old ones no longer work.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn make_recovery_codes(app: &App, actor: &Actor, change: &Change<'_>) -> OpResult<NewCodes> {
    let (codes, hashes) = new_recovery_codes(app, actor);
    let fresh = AtomicBool::new(false);
    let outcome = work_once!(app, actor, change.operation_id, "make_recovery_codes", "", work => {
        if lock_actor(work, actor).await?.second_factor().is_none() {
            return refuse("", SecondFactorReason::Off);
        }
        store::second_factor::set_recovery_codes(&mut work.tx, actor.user_id, &hashes).await?;
        work.note(actor.note("user.recovery_codes_made", &actor.email, ""));
        let what = "new recovery codes were made for your account. The old ones no longer work.";
        notices::tell(app, work, &actor.email, "New recovery codes were made", what, &actor.address).await?;
        fresh.store(true, Ordering::SeqCst);
        Ok(Outcome::of(SecondFactorEvent::RecoveryCodesMade))
    })?;
    end_others(app, actor, change).await?;
    Ok(NewCodes { event: outcome.event, codes: fresh.into_inner().then_some(codes) })
}

async fn forget_attempts(work: &mut Work, user_id: i64) -> OpResult<()> {
    store::throttle::clear(&mut work.tx, &throttle_key(user_id)).await?;
    Ok(store::throttle::clear(&mut work.tx, &mailed_key(user_id)).await?)
}

/// Mails a new code, and counts it.
pub(super) async fn mail_code(
    app: &App,
    work: &mut Work,
    user_id: i64,
    email: &str,
    asked: &CodeRequest<'_>,
) -> OpResult<()> {
    let code = mailed_code(app.rng.bytes());
    let hash = app.keys.second_factor_hash(user_id, asked.purpose.slug(), code.as_bytes());
    let until = work.now.plus_seconds(MAILED_CODE_SECONDS);
    store::throttle::fail(&mut work.tx, &mailed_key(user_id), &MAILED_CODES_OF_ACCOUNT, work.now).await?;
    store::second_factor::set_mailed_code(&mut work.tx, user_id, asked, &hash, until).await?;
    let mail = crate::mail::second_factor_code(email, &code);
    work.mail(app, &mail).await
}

async fn end_others(app: &App, actor: &Actor, change: &Change<'_>) -> OpResult<()> {
    match change.but {
        Some(current) => end_other_sessions(app, actor.user_id, current).await,
        None => Ok(()),
    }
}
