//! Signing in, the second step: the password was right, and nothing is open yet. What is known of the
//! sign-in lives in the session until it is done or lapses; wrong codes are counted for the account.

use super::auth::{FirstStep, SignedInAs, allow, note_sign_in};
use super::error::{OpError, OpResult, Reason, refuse};
use super::second_factor::{mail_code, mailed_key, throttle_key};
use crate::app::{Act, App, act};
use crate::model::second_factor::{MailedFor, PENDING_SECONDS, RecoveryCode, SecondFactor, typed_code};
use crate::model::throttle::{MAILED_CODES_OF_ACCOUNT, SECOND_FACTORS_OF_ACCOUNT};
use crate::model::time::Moment;
use crate::store;
use crate::store::audit::NewHistory;
use crate::store::auth::Credentials;

/// A sign-in that waits for its second step. It opens nothing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Pending {
    pub user_id: i64,
    pub email: String,
    pub method: SecondFactor,
    session_epoch: i64,
    /// Microseconds since 1970.
    until: i64,
}

/// What is given as the second factor.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// Of the app, or of the mail.
    Code(&'a str),
    Recovery(&'a str),
}

impl Proof<'_> {
    fn field(self) -> &'static str {
        match self {
            Proof::Code(_) => "code",
            Proof::Recovery(_) => "recovery_code",
        }
    }

    fn wrong(self) -> Reason {
        match self {
            Proof::Code(_) => Reason::WrongSecondFactor,
            Proof::Recovery(_) => Reason::WrongRecoveryCode,
        }
    }
}

/// Goes on from a right password. A code is mailed, unless several were mailed just now: then the
/// last one still counts.
pub(super) async fn begin(
    app: &App,
    who: &Credentials,
    method: SecondFactor,
    account_key: &str,
) -> OpResult<FirstStep> {
    let until = act!(app, act => {
        store::throttle::clear(&mut act.tx, account_key).await?;
        let key = mailed_key(who.id);
        let mailed = store::throttle::read(&mut act.tx, &key, act.now).await?;
        let may_mail = mailed.blocked_until(&MAILED_CODES_OF_ACCOUNT, act.now).is_none();
        if method == SecondFactor::Email && app.config.mail.is_some() && may_mail {
            mail_code(app, act, who.id, &who.email, MailedFor::SignIn).await?;
        }
        Ok(act.now.plus_seconds(PENDING_SECONDS).0)
    })?;
    let (user_id, session_epoch) = (who.id, who.session_epoch);
    Ok(FirstStep::Pending(Pending { user_id, email: who.email.clone(), method, session_epoch, until }))
}

/// Checks the second factor, and signs in. A wrong one is counted and noted in the same transaction
/// that judges it.
///
/// # Errors
/// [`Reason::SignInLapsed`], a refusal at the field, or how long to wait.
pub async fn finish(app: &App, pending: &Pending, proof: Proof<'_>, address: &str) -> OpResult<SignedInAs> {
    let typed = read(proof)?;
    let key = throttle_key(pending.user_id);
    let is_right = act!(app, act => {
        let (who, method) = waiting(act, pending).await?;
        allow(act, &key, &SECOND_FACTORS_OF_ACCOUNT, proof.field()).await?;
        if !is_right(app, act, who.id, method, &typed).await? {
            store::throttle::fail(&mut act.tx, &key, &SECOND_FACTORS_OF_ACCOUNT, act.now).await?;
            act.note(note(&who, None, "user.second_factor_failed", address));
            return Ok(false);
        }
        store::throttle::clear(&mut act.tx, &key).await?;
        store::throttle::clear(&mut act.tx, &mailed_key(who.id)).await?;
        if matches!(typed, Typed::Recovery(_)) {
            act.note(note(&who, Some(who.id), "user.recovery_code_used", address));
        }
        note_sign_in(act, &who, address, "").await?;
        Ok(true)
    })?;
    if !is_right {
        return refuse(proof.field(), proof.wrong());
    }
    Ok(SignedInAs { user_id: pending.user_id, session_epoch: pending.session_epoch })
}

/// What was typed, read: a slip of the pen costs no attempt.
enum Typed {
    Code(String),
    Recovery(RecoveryCode),
}

fn read(proof: Proof<'_>) -> OpResult<Typed> {
    let (typed, reason) = match proof {
        Proof::Code(text) => (typed_code(text).map(Typed::Code), Reason::MalformedSecondFactor),
        Proof::Recovery(text) => {
            (RecoveryCode::parse(text).map(Typed::Recovery), Reason::MalformedRecoveryCode)
        }
    };
    typed.ok_or(OpError::Refused(proof.field(), reason))
}

/// Whose sign-in waits, as the account is now; refused where it has changed since the password.
async fn waiting(act: &mut Act, pending: &Pending) -> OpResult<(Credentials, SecondFactor)> {
    let found = store::auth::credentials_of(&mut act.tx, pending.user_id).await?;
    let is_good = |c: &Credentials| c.disabled_at.is_none() && c.session_epoch == pending.session_epoch;
    let found = found.filter(|c| is_good(c) && act.now < Moment(pending.until));
    match found.and_then(|c| c.second_factor().map(|method| (c, method))) {
        Some(waiting) => Ok(waiting),
        None => refuse("", Reason::SignInLapsed),
    }
}

/// Whether the proof is right; it is used up by the asking.
async fn is_right(
    app: &App,
    act: &mut Act,
    user_id: i64,
    method: SecondFactor,
    typed: &Typed,
) -> OpResult<bool> {
    let tx = &mut act.tx;
    Ok(match (typed, method) {
        (Typed::Recovery(code), _) => {
            let hash = app.keys.second_factor_hash(user_id, "recovery", code.digits());
            store::second_factor::take_recovery_code(tx, user_id, &hash).await?
        }
        (Typed::Code(code), SecondFactor::Email) => {
            let purpose = MailedFor::SignIn;
            let hash = app.keys.second_factor_hash(user_id, purpose.slug(), code.as_bytes());
            store::second_factor::take_mailed_code(tx, user_id, purpose, &hash, act.now).await?
        }
        (Typed::Code(code), SecondFactor::Totp) => {
            let kept = store::second_factor::secret(tx, user_id).await?;
            let secret = kept.and_then(|k| app.keys.open_secret(k.key_version, &k.sealed, user_id));
            let secret = secret.ok_or(OpError::Internal("the app's secret does not open".into()))?;
            match secret.step_of(code, act.now) {
                Some(step) => store::second_factor::take_step(tx, user_id, step).await?,
                None => false,
            }
        }
    })
}

/// Mails another code; the earlier one dies.
///
/// # Errors
/// [`Reason::SignInLapsed`], or how long to wait.
pub async fn mail_again(app: &App, pending: &Pending) -> OpResult<()> {
    if app.config.mail.is_none() {
        return refuse("code", Reason::NoMail);
    }
    act!(app, act => {
        let (who, method) = waiting(act, pending).await?;
        if method != SecondFactor::Email {
            return Err(OpError::NotFound);
        }
        allow(act, &mailed_key(who.id), &MAILED_CODES_OF_ACCOUNT, "code").await?;
        mail_code(app, act, who.id, &who.email, MailedFor::SignIn).await
    })
}

fn note(who: &Credentials, actor_id: Option<i64>, verb: &'static str, address: &str) -> NewHistory {
    NewHistory {
        actor_id,
        company_id: Some(who.company_id),
        address: address.to_owned(),
        verb,
        subject: who.email.clone(),
        details: String::new(),
        token: None,
    }
}
