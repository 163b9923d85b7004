//! The second step of signing in: the password was right, and nothing is open yet. The session holds the sign-in
//! until it is done or lapses; wrong codes are counted for the account.

use super::attempts::allow;
use super::error::{OpError, OpResult, refuse};
use super::second_factor::{mail_code, mailed_key, throttle_key};
use super::sign_in::{FirstStep, SignInOrigin, SignedInAs, note_sign_in};
use crate::app::App;
use crate::model::refusal::{SecondFactorReason, SignInReason};
use crate::model::second_factor::{MailedFor, PENDING_SECONDS, RecoveryCode, SecondFactor, typed_code};
use crate::model::throttle::{MAILED_CODES_OF_ACCOUNT, SECOND_FACTORS_OF_ACCOUNT};
use crate::model::time::Moment;
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::auth::Credentials;
use crate::store::history::NewHistory;
use crate::store::second_factor::CodeRequest;

/// A sign-in that waits for its second step. It opens nothing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Pending {
    pub user_id: i64,
    pub email: String,
    pub method: SecondFactor,
    /// Whether a code was mailed for this sign-in: not if several were mailed just now.
    #[serde(default)]
    pub is_mailed: bool,
    /// The id that the sign-in's mailed codes belong to.
    #[serde(default)]
    id: String,
    session_epoch: i64,
    /// Microseconds since 1970.
    until: i64,
}

/// What the user enters as the second factor.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// From the app, or from the mail.
    Code(&'a str),
    Recovery(&'a str),
}

impl Proof<'_> {
    pub(super) fn field(self) -> &'static str {
        match self {
            Proof::Code(_) => "code",
            Proof::Recovery(_) => "recovery_code",
        }
    }

    pub(super) fn wrong(self) -> SecondFactorReason {
        match self {
            Proof::Code(_) => SecondFactorReason::WrongCode,
            Proof::Recovery(_) => SecondFactorReason::WrongRecoveryCode,
        }
    }
}

impl Pending {
    fn asked(&self) -> CodeRequest<'_> {
        CodeRequest { purpose: MailedFor::SignIn, by: &self.id }
    }
}

/// Continues after a right password. Mails a code, unless several were mailed just now.
pub(super) async fn begin(
    app: &App,
    who: &Credentials,
    method: SecondFactor,
    account_key: &str,
) -> OpResult<FirstStep> {
    let id = hex::encode(app.rng.bytes::<16>());
    let asked = CodeRequest { purpose: MailedFor::SignIn, by: &id };
    let (until, is_mailed) = work!(app, work => {
        store::throttle::clear(&mut work.tx, account_key).await?;
        let key = mailed_key(who.id);
        let mailed = store::throttle::read(&mut work.tx, &key, work.now).await?;
        let may_mail = mailed.blocked_until(&MAILED_CODES_OF_ACCOUNT, work.now).is_none();
        let is_mailed = method == SecondFactor::Email && app.config.mail.is_some() && may_mail;
        if is_mailed {
            mail_code(app, work, who.id, &who.email, &asked).await?;
        }
        Ok((work.now.plus_seconds(PENDING_SECONDS).0, is_mailed))
    })?;
    let (user_id, session_epoch, email) = (who.id, who.session_epoch, who.email.clone());
    Ok(FirstStep::Pending(Pending { user_id, email, method, is_mailed, id, session_epoch, until }))
}

/// Checks the second factor, and signs in. A wrong one is counted and recorded in the transaction that judges it.
///
/// # Errors
/// [`SignInReason::Lapsed`], a refusal at the field, or how long to wait.
pub async fn finish(app: &App, pending: &Pending, proof: Proof<'_>, from: &SignInOrigin) -> OpResult<SignedInAs> {
    let typed = read(proof)?;
    let is_right = work!(app, work => {
        let (who, method) = waiting(work, pending).await?;
        let asked = pending.asked();
        let is_right = judge(app, work, &who, method, proof, &typed, &asked, &from.address).await?;
        if is_right {
            note_sign_in(app, work, &who, from).await?;
        }
        Ok(is_right)
    })?;
    if !is_right {
        return refuse(proof.field(), proof.wrong());
    }
    Ok(SignedInAs { user_id: pending.user_id, session_epoch: pending.session_epoch })
}

/// Judges a user's second factor, and uses it up. Counts and records a wrong one; a right one resets the count.
#[expect(clippy::too_many_arguments, reason = "all of one proof")]
pub(super) async fn judge(
    app: &App,
    work: &mut Work,
    who: &Credentials,
    method: SecondFactor,
    proof: Proof<'_>,
    typed: &Typed,
    asked: &CodeRequest<'_>,
    address: &str,
) -> OpResult<bool> {
    let key = throttle_key(who.id);
    allow(work, &key, &SECOND_FACTORS_OF_ACCOUNT, proof.field()).await?;
    if !is_right(app, work, who.id, method, typed, asked).await? {
        store::throttle::fail(&mut work.tx, &key, &SECOND_FACTORS_OF_ACCOUNT, work.now).await?;
        work.note(NewHistory { actor_id: None, ..who.note("user.second_factor_failed", address) });
        return Ok(false);
    }
    store::throttle::clear(&mut work.tx, &key).await?;
    store::throttle::clear(&mut work.tx, &mailed_key(who.id)).await?;
    if matches!(typed, Typed::Recovery(_)) {
        work.note(who.note("user.recovery_code_used", address));
    }
    Ok(true)
}

/// The parsed input: a malformed code costs no attempt.
pub(super) enum Typed {
    Code(String),
    Recovery(RecoveryCode),
}

pub(super) fn read(proof: Proof<'_>) -> OpResult<Typed> {
    let (typed, reason) = match proof {
        Proof::Code(text) => (typed_code(text).map(Typed::Code), SecondFactorReason::MalformedCode),
        Proof::Recovery(text) => {
            (RecoveryCode::parse(text).map(Typed::Recovery), SecondFactorReason::MalformedRecoveryCode)
        }
    };
    typed.ok_or(OpError::refused(proof.field(), reason))
}

/// The account of a pending sign-in, as it is now; refused if it has changed since the password.
async fn waiting(work: &mut Work, pending: &Pending) -> OpResult<(Credentials, SecondFactor)> {
    let found = store::auth::credentials_of(&mut work.tx, pending.user_id).await?;
    let is_good = |c: &Credentials| c.disabled_at.is_none() && c.session_epoch == pending.session_epoch;
    let found = found.filter(|c| is_good(c) && work.now < Moment(pending.until));
    match found.and_then(|c| c.second_factor().map(|method| (c, method))) {
        Some(waiting) => Ok(waiting),
        None => refuse("", SignInReason::Lapsed),
    }
}

/// Whether the proof is right. Asking uses it up.
async fn is_right(
    app: &App,
    work: &mut Work,
    user_id: i64,
    method: SecondFactor,
    typed: &Typed,
    asked: &CodeRequest<'_>,
) -> OpResult<bool> {
    let tx = &mut work.tx;
    Ok(match (typed, method) {
        (Typed::Recovery(code), _) => {
            let hash = app.keys.second_factor_hash(user_id, "recovery", code.digits());
            store::second_factor::take_recovery_code(tx, user_id, &hash).await?
        }
        (Typed::Code(code), SecondFactor::Email) => {
            let hash = app.keys.second_factor_hash(user_id, asked.purpose.slug(), code.as_bytes());
            store::second_factor::take_mailed_code(tx, user_id, asked, &hash, work.now).await?
        }
        (Typed::Code(code), SecondFactor::Totp) => {
            let stored = store::second_factor::secret(tx, user_id).await?;
            let secret = stored.and_then(|k| app.keys.open_secret(k.key_version, &k.sealed, user_id));
            let secret = secret.ok_or(OpError::Internal("the app's secret does not open".into()))?;
            match secret.step_of(code, work.now) {
                Some(step) => store::second_factor::take_step(tx, user_id, step).await?,
                None => false,
            }
        }
    })
}

/// Mails another code. This sign-in's earlier code becomes invalid.
///
/// # Errors
/// [`SignInReason::Lapsed`], or how long to wait.
pub async fn mail_again(app: &App, pending: &Pending) -> OpResult<()> {
    if app.config.mail.is_none() {
        return refuse("code", SecondFactorReason::NoMail);
    }
    work!(app, work => {
        let (who, method) = waiting(work, pending).await?;
        if method != SecondFactor::Email {
            return Err(OpError::NotFound);
        }
        allow(work, &mailed_key(who.id), &MAILED_CODES_OF_ACCOUNT, "code").await?;
        mail_code(app, work, who.id, &who.email, &pending.asked()).await
    })
}
