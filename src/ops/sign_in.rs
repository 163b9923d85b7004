//! Signing in with a password, and signing out. [`super::second_step`] continues for users with a second factor.

use super::actor::Actor;
use super::attempts::{account_key, address_key, count_password};
use super::error::{OpError, OpResult, refuse};
use super::notices;
use super::passwords::verify;
use super::second_step::Pending;
use crate::app::App;
use crate::model::company;
use crate::model::refusal::SignInReason;
use crate::model::time::Moment;
use crate::model::user;
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::auth::Credentials;
use crate::store::history::NewHistory;

/// A right password takes back its own count at its address, and one failure more: the user's typing error. The latter
/// only this often per account, or the owner of one account could keep guessing at others.
const LOWERS_EVERY_SECONDS: i64 = 3_600;

/// The fields of the sign-in form.
pub struct SignIn {
    pub email: String,
    pub password: String,
    pub from: SignInOrigin,
}

/// Where a sign-in attempt comes from.
#[derive(Debug, Clone)]
pub struct SignInOrigin {
    pub address: String,
    /// The browser's name for itself, in a few words.
    pub browser: String,
    /// The mark of a browser that has signed in to an account before.
    pub device_mark: Option<String>,
}

impl SignInOrigin {
    /// Whether the account has signed in from this browser before.
    fn is_known(&self, app: &App, email: &str) -> bool {
        self.device_mark.as_deref() == Some(app.keys.device_mark(&company::searchable(email)).as_str())
    }
}

/// Who has signed in, as a session stores it.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct SignedInAs {
    pub user_id: i64,
    pub session_epoch: i64,
}

/// What a right password leads to.
pub enum FirstStep {
    SignedIn(SignedInAs),
    /// Nothing is open yet: the second factor is required.
    Pending(Pending),
}

/// Checks an e-mail address and a password. The attempt is counted before the password is checked, so that many at the
/// same moment are as slow as one after the other.
///
/// # Errors
/// The same refusal, whatever was wrong; or how long to wait.
pub async fn sign_in(app: &App, form: &SignIn) -> OpResult<FirstStep> {
    let account_key = account_key(app, &form.email, form.from.device_mark.as_deref());
    let address_key = address_key(&form.from.address);
    // Counted only once hashing has a free slot: many right passwords at once must not look like guesses.
    let turn = app.hashing.acquire().await.map_err(|_| OpError::Unavailable)?;
    let found = work!(app, work => {
        count_password(work, &account_key, &address_key, "password").await?;
        Ok(store::auth::credentials(&mut work.tx, &form.email).await?)
    })?;
    let hash = found.as_ref().and_then(|c| c.password_hash.clone());
    let matches = verify(form.password.clone(), hash).await?;
    let Some(who) = found.filter(|c| matches && c.disabled_at.is_none()) else {
        return failed(app, form).await;
    };
    work!(app, work => {
        let next = Moment(who.last_login_at.unwrap_or(0)).plus_seconds(LOWERS_EVERY_SECONDS);
        store::throttle::clear(&mut work.tx, &account_key).await?;
        Ok(store::throttle::lower(&mut work.tx, &address_key, if work.now > next { 2 } else { 1 }).await?)
    })?;
    drop(turn);
    match who.second_factor() {
        Some(method) => super::second_step::begin(app, &who, method, &account_key).await,
        None => signed_in(app, form, &who, &account_key).await,
    }
}

async fn signed_in(app: &App, form: &SignIn, who: &Credentials, account_key: &str) -> OpResult<FirstStep> {
    work!(app, work => {
        store::throttle::clear(&mut work.tx, account_key).await?;
        note_sign_in(app, work, who, &form.from).await
    })?;
    Ok(FirstStep::SignedIn(SignedInAs { user_id: who.id, session_epoch: who.session_epoch }))
}

/// Records a sign-in, and reports it by mail if the browser is new.
pub(super) async fn note_sign_in(app: &App, work: &mut Work, who: &Credentials, from: &SignInOrigin) -> OpResult<()> {
    store::users::set_last_login(&mut work.tx, who.id, work.now).await?;
    work.note(NewHistory {
        actor_id: Some(who.id),
        company_id: Some(who.company_id),
        address: from.address.clone(),
        verb: "user.signed_in",
        subject: who.email.clone(),
        details: String::new(),
        token: None,
    });
    // The very first sign-in is by the user who has just set the password.
    if who.last_login_at.is_none() || from.is_known(app, &who.email) {
        return Ok(());
    }
    let what = format!("somebody has signed in to your account from a new browser: {}.", from.browser);
    notices::tell(app, work, &who.email, "New sign-in to your account", &what, &from.address).await
}

async fn failed(app: &App, form: &SignIn) -> OpResult<FirstStep> {
    work!(app, work => {
        let Some(known) = store::auth::credentials(&mut work.tx, &form.email).await? else {
            let typed = user::email(&form.email).unwrap_or_else(|_| "no e-mail address".to_owned());
            return note_stranger(work, "stranger.sign_in_failed", &typed, &form.from.address).await;
        };
        work.note(NewHistory {
            actor_id: None,
            company_id: Some(known.company_id),
            address: form.from.address.clone(),
            verb: "user.sign_in_failed",
            subject: known.email,
            details: String::new(),
            token: None,
        });
        Ok(())
    })?;
    refuse("password", SignInReason::Failed)
}

/// Records a failed sign-in or sign-up without an account, for the operator, at the root company. Stores what was typed
/// only if it is an address: people type passwords there too.
pub(super) async fn note_stranger(work: &mut Work, verb: &'static str, subject: &str, address: &str) -> OpResult<()> {
    let root = store::companies::root(&mut work.tx).await?;
    work.note(NewHistory {
        actor_id: None,
        company_id: root.map(|(id, _)| id),
        address: address.to_owned(),
        verb,
        subject: subject.to_owned(),
        details: String::new(),
        token: None,
    });
    Ok(())
}

/// Records that the actor signed out.
pub async fn signed_out(app: &App, actor: &Actor) -> OpResult<()> {
    work!(app, work => {
        work.note(actor.note("user.signed_out", &actor.email, ""));
        Ok(())
    })
}
