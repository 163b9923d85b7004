//! Signing in, passwords, and the links that stand in for them.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash};
use sha2::{Digest as _, Sha256};

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, at, refuse};
use super::second_step::Pending;
use super::{links, notices};
use crate::app::App;
use crate::model::company;
use crate::model::refusal::{SignInReason, UserReason};
use crate::model::throttle::{
    MAILS_OF_ADDRESS, PASSWORDS_OF_ACCOUNT, PASSWORDS_OF_ADDRESS, Policy, counted_address,
};
use crate::model::time::Moment;
use crate::model::user::{self, Role};
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::audit::NewHistory;
use crate::store::auth::Credentials;
use crate::store::users::{Link, Purpose};

/// So many names of products are looked for in new passwords.
const KNOWN_NAMES_MAX: usize = 500;
/// How long a link to set a password is good.
pub const RESET_LINK_SECONDS: i64 = 3_600;
pub const INVITE_LINK_SECONDS: i64 = 7 * 86_400;

/// A right password takes its own count at its address back, and one failure more: somebody mistyped there. The
/// latter once in so long for each account, or the owner of one could go on guessing at the others.
const LOWERS_EVERY_SECONDS: i64 = 3_600;

/// What a sign-in form sends.
pub struct SignIn {
    pub email: String,
    pub password: String,
    pub from: Whence,
}

/// Where an attempt to sign in comes from.
#[derive(Debug, Clone)]
pub struct Whence {
    pub address: String,
    /// What the browser calls itself, in a few words.
    pub browser: String,
    /// The mark of a browser that an account was signed in from before.
    pub device_mark: Option<String>,
}

impl Whence {
    /// Whether the account was signed in from this browser before.
    fn is_known(&self, app: &App, email: &str) -> bool {
        self.device_mark.as_deref() == Some(app.keys.device_mark(&company::searchable(email)).as_str())
    }
}

/// The password given again, and the mark of the browser that it is typed into.
#[derive(Clone, Copy)]
pub struct Again<'a> {
    pub password: &'a str,
    pub device_mark: Option<&'a str>,
}

/// Who has signed in: what a session keeps.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct SignedInAs {
    pub user_id: i64,
    pub session_epoch: i64,
}

/// What a right password leads to.
pub enum FirstStep {
    SignedIn(SignedInAs),
    /// Nothing is open yet: the second factor is asked for.
    Pending(Pending),
}

/// Checks an e-mail address and a password. The attempt is counted before the password is looked
/// at, so that many at the same moment are as slow as one after the other.
///
/// # Errors
/// One refusal, whatever was wrong; or how long to wait.
pub async fn sign_in(app: &App, form: &SignIn) -> OpResult<FirstStep> {
    let account_key = account_key(app, &form.email, form.from.device_mark.as_deref());
    let address_key = address_key(&form.from.address);
    // A person who waits for a turn is not counted yet: many who are right at one moment do not look like guesses.
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

/// Notes that somebody has signed in, and tells by mail where the browser is a new one.
pub(super) async fn note_sign_in(
    app: &App,
    work: &mut Work,
    who: &Credentials,
    from: &Whence,
) -> OpResult<()> {
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
    // The first one of all is that of somebody who has just set the password.
    if who.last_login_at.is_none() || from.is_known(app, &who.email) {
        return Ok(());
    }
    let what = format!("somebody has signed in to your account from a new browser: {}.", from.browser);
    notices::tell(app, work, &who.email, "New sign-in to your account", &what, &from.address).await
}

/// Counts an attempt at a password before it is looked at, or refuses it.
async fn count_password(
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

/// Notes what somebody without an account did while signing in or up: for the operator, at the root company.
/// What was typed is kept only where it is an address: people type passwords there too.
pub(super) async fn note_stranger(
    work: &mut Work,
    verb: &'static str,
    subject: &str,
    address: &str,
) -> OpResult<()> {
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

/// Refuses an attempt that must wait.
pub(super) async fn allow(
    work: &mut Work,
    key: &str,
    policy: &'static Policy,
    field: &'static str,
) -> OpResult<()> {
    let attempts = store::throttle::read(&mut work.tx, key, work.now).await?;
    match attempts.blocked_until(policy, work.now) {
        None => Ok(()),
        Some(Moment(i64::MAX)) => refuse(field, SignInReason::ResetNeeded),
        Some(until) => refuse(field, SignInReason::Wait { until }),
    }
}

/// Failures of a browser that the account knows are counted apart, so that a stranger's guesses
/// do not lock the owner out.
fn account_key(app: &App, email: &str, device_mark: Option<&str>) -> String {
    let account = company::searchable(email);
    let known = device_mark.is_some_and(|mark| mark == app.keys.device_mark(&account));
    format!("password:{}:{}", if known { "known" } else { "account" }, hash_hex(&account))
}

fn address_key(address: &str) -> String {
    format!("password:address:{}", counted_address(address))
}

/// Forgets the wrong passwords of an account, wherever they came from: a reset is the way out of the lock.
pub(super) async fn forget_wrong_passwords(work: &mut Work, email: &str) -> OpResult<()> {
    for kind in ["known", "account"] {
        let key = format!("password:{kind}:{}", hash_hex(&company::searchable(email)));
        store::throttle::clear(&mut work.tx, &key).await?;
    }
    Ok(())
}

pub(super) fn hash_hex(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}

/// Checks a password off the request's thread, in a turn of hashing; without a hash it takes as long as with one.
async fn verify(password: String, hash: Option<String>) -> OpResult<bool> {
    // Of a password that nobody has.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$gZiV/M1gPc22ElAH/Jh1Hw$CWOrkoo7oJBQ/iyh7uJ0LO2aLEfrHwTWllSAxT0zRno";
    let has_hash = hash.is_some();
    let matches = tokio::task::spawn_blocking(move || {
        let text = hash.unwrap_or_else(|| NOBODY.into());
        PasswordHash::new(&text)
            .is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
    })
    .await
    .map_err(|e| OpError::Internal(e.to_string()))?;
    Ok(matches && has_hash)
}

/// Hashes a password off the request's thread.
///
/// # Errors
/// Only when the application is shutting down.
pub async fn hash_password(app: &App, password: String) -> OpResult<String> {
    let _turn = app.hashing.acquire().await.map_err(|_| OpError::Unavailable)?;
    let salt = app.rng.bytes::<16>();
    tokio::task::spawn_blocking(move || {
        let hash: argon2::password_hash::Result<PasswordHash> =
            Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|h| h.to_string()).map_err(|e| OpError::Internal(e.to_string()))
    })
    .await
    .map_err(|e| OpError::Internal(e.to_string()))?
}

/// Checks the password given again. Counted like a sign-in, under the same keys.
///
/// # Errors
/// A refusal at the field.
pub async fn confirm_password(
    app: &App,
    actor: &Actor,
    field: &'static str,
    again: Again<'_>,
) -> OpResult<()> {
    let account_key = account_key(app, &actor.email, again.device_mark);
    let address_key = address_key(&actor.address);
    let turn = app.hashing.acquire().await.map_err(|_| OpError::Unavailable)?;
    let found = work!(app, work => {
        count_password(work, &account_key, &address_key, field).await?;
        Ok(store::auth::credentials_of(&mut work.tx, actor.user_id).await?)
    })?;
    let is_right = verify(again.password.to_owned(), found.and_then(|c| c.password_hash)).await?;
    work!(app, work => {
        if is_right {
            store::throttle::clear(&mut work.tx, &account_key).await?;
            return Ok(store::throttle::lower(&mut work.tx, &address_key, 1).await?);
        }
        work.note(actor.note("user.confirmation_failed", &actor.email, ""));
        Ok(())
    })?;
    drop(turn);
    if is_right { Ok(()) } else { refuse(field, UserReason::WrongPassword) }
}

/// Locks the actor, who must still be signed in as the request found: what ends all sessions ends also
/// what was begun in one of them.
pub(super) async fn lock_actor(work: &mut Work, actor: &Actor) -> OpResult<Credentials> {
    let found = store::auth::lock(&mut work.tx, actor.user_id).await?;
    match found.filter(|c| c.disabled_at.is_none() && c.session_epoch == actor.session_epoch) {
        Some(found) => Ok(found),
        None => refuse("", SignInReason::Lapsed),
    }
}

/// The names that people who guess passwords here try first: the vendor's and those of the products.
async fn known_names(app: &App) -> OpResult<Vec<String>> {
    let mut tx = app.db.read().await?;
    let mut names: Vec<String> = store::products::all(&mut tx).await?.into_iter().map(|p| p.name).collect();
    names.truncate(KNOWN_NAMES_MAX);
    if let Some((id, path)) = store::companies::root(&mut tx).await? {
        names.extend(store::companies::find(&mut tx, &path, id).await?.map(|root| root.name));
    }
    Ok(names)
}

/// A new password and its repetition, checked. `whose` are the e-mail address and the company of its owner.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn check_new_password(
    app: &App,
    password: &str,
    again: &str,
    whose: (&str, &str),
    has_second_factor: bool,
) -> OpResult<()> {
    let mut problems = Problems::default();
    let names = known_names(app).await?;
    let context: Vec<&str> = names.iter().map(String::as_str).chain([whose.0, whose.1]).collect();
    let checked = user::check_password(password, &context, has_second_factor);
    problems.take("new_password", checked);
    if password != again {
        problems.add("new_password_again", UserReason::PasswordsDiffer);
    }
    problems.finish()
}

/// Sets a checked password. A short one is refused where the second factor has gone meanwhile.
pub(super) async fn set_password(work: &mut Work, user_id: i64, hash: &str, is_short: bool) -> OpResult<()> {
    if !is_short {
        return Ok(store::users::set_password(&mut work.tx, user_id, hash).await?);
    }
    if store::users::set_short_password(&mut work.tx, user_id, hash).await? {
        return Ok(());
    }
    let minimum = user::PASSWORD_LENGTH_MIN;
    refuse("new_password", user::PasswordError::TooShort { minimum })
}

/// Changes the actor's password. All sessions and links end, where asked also all access tokens; the door begins
/// the present session again.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn change_password(
    app: &App,
    actor: &Actor,
    old: Again<'_>,
    new: &str,
    again: &str,
    ends_tokens: bool,
) -> OpResult<SignedInAs> {
    let whose = (actor.email.as_str(), actor.company_name.as_str());
    check_new_password(app, new, again, whose, actor.second_factor.is_some()).await?;
    confirm_password(app, actor, "password", old).await?;
    let (hash, is_short) = (hash_password(app, new.to_owned()).await?, user::needs_second_factor(new));
    let now_as = work!(app, work => {
        lock_actor(work, actor).await?;
        set_password(work, actor.user_id, &hash, is_short).await?;
        work.note(actor.note("user.password_changed", &actor.email, ""));
        if ends_tokens {
            super::tokens::revoke_all(work, actor).await?;
        }
        notices::password_changed(app, work, &actor.email, &actor.address).await?;
        Ok(store::auth::credentials_of(&mut work.tx, actor.user_id).await?)
    })?
    .ok_or(OpError::NotFound)?;
    forget_sessions(app, actor.user_id).await;
    Ok(SignedInAs { user_id: now_as.id, session_epoch: now_as.session_epoch })
}

/// Removes the stored sessions of a person, after what ended them: the epoch has seen to it that they no longer
/// count, so a failure here changes nothing.
pub async fn forget_sessions(app: &App, user_id: i64) {
    let forgotten = async {
        let mut tx = app.db.sessions().await?;
        store::sessions::delete_of_user(&mut tx, user_id, None).await
    };
    if let Err(error) = forgotten.await {
        tracing::warn!(%error, user_id, "ended sessions were not removed, and will be by the clean-up");
    }
}

/// Ends the other sessions of a person. It may be done twice.
///
/// # Errors
/// [`OpError::OutcomeUnknown`] where the database did not say that it did.
pub async fn end_other_sessions(app: &App, user_id: i64, present: &[u8]) -> OpResult<()> {
    let mut tx = app.db.sessions().await?;
    let ended = store::sessions::delete_of_user(&mut tx, user_id, Some(present)).await;
    ended.map(drop).map_err(|error| {
        tracing::error!(%error, user_id, "sessions may not have ended");
        OpError::OutcomeUnknown
    })
}

/// Makes a link's secret. Only its hash is kept.
#[must_use]
pub fn new_link_token(app: &App) -> (String, Vec<u8>) {
    let token = hex::encode(app.rng.bytes::<20>());
    let hash = link_hash(&token);
    (token, hash)
}

#[must_use]
pub fn link_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// The address of a link, as it is mailed and shown.
#[must_use]
pub fn link_address(app: &App, token: &str) -> String {
    format!("{}/link/{token}", app.config.public_url)
}

/// Sends a link to set a new password to the address, if it has an account. The answer is the same
/// if it has none.
///
/// # Errors
/// How long to wait, when one address asks too often.
pub async fn forgot_password(app: &App, email: &str, address: &str) -> OpResult<()> {
    let email = user::email(email).map_err(at("email"))?;
    let (token, hash) = new_link_token(app);
    work!(app, work => {
        count_mail(work, address).await?;
        let found = store::users::by_email(&mut work.tx, &email).await?;
        let Some(found) = found else { return Ok(()) };
        let found = store::auth::lock(&mut work.tx, found.id).await?.filter(|u| u.disabled_at.is_none());
        let Some(found) = found else { return Ok(()) };
        let link = Link { purpose: Purpose::Reset, user_id: Some(found.id), payload: String::new() };
        let until = work.now.plus_seconds(RESET_LINK_SECONDS);
        store::users::add_link(&mut work.tx, &hash, &link, work.now, until).await?;
        let mail = crate::mail::reset(&found.email, &link_address(app, &token));
        work.mail(app, &mail).await
    })
}

/// Counts a mail that an address asks for.
pub(super) async fn count_mail(work: &mut Work, address: &str) -> OpResult<()> {
    let key = format!("mail:address:{}", counted_address(address));
    let attempts = store::throttle::read(&mut work.tx, &key, work.now).await?;
    if let Some(until) = attempts.blocked_until(&MAILS_OF_ADDRESS, work.now) {
        return refuse("email", SignInReason::Wait { until });
    }
    Ok(store::throttle::fail(&mut work.tx, &key, &MAILS_OF_ADDRESS, work.now).await?)
}

/// What a link is for, and for whom, if it is still good.
pub struct OpenLink {
    pub purpose: Purpose,
    pub email: String,
    pub company: String,
    pub has_second_factor: bool,
    /// The new address, where it is about one.
    pub new_email: String,
}

/// Looks at a link without using it up.
///
/// # Errors
/// A refusal when it is dead.
pub async fn look_at_link(app: &App, token: &str) -> OpResult<OpenLink> {
    let mut tx = app.db.read().await?;
    let link = store::users::find_link(&mut tx, &link_hash(token), app.clock.now()).await?;
    let Some(link) = link else { return refuse("", SignInReason::LinkDead) };
    let person = match link.user_id {
        Some(id) => store::auth::credentials_of(&mut tx, id).await?,
        None => None,
    };
    let has_second_factor = person.as_ref().is_some_and(|p| p.second_factor().is_some());
    let (email, company) = match person {
        Some(person) => {
            let listed = store::users::by_email(&mut tx, &person.email).await?;
            (person.email, listed.map_or(String::new(), |u| u.company_name))
        }
        None if link.purpose == Purpose::SignUp => super::sign_up::whose(&link.payload)?,
        None => (String::new(), String::new()),
    };
    let is_about_address = matches!(link.purpose, Purpose::Email | Purpose::StopEmail);
    let new_email = if is_about_address { link.payload } else { String::new() };
    Ok(OpenLink { purpose: link.purpose, email, company, has_second_factor, new_email })
}

/// Sets a password by an invitation or a reset link. All sessions and links of the person end, at a reset
/// also all access tokens. It opens no session: a second factor is asked for at the sign-in that follows.
///
/// # Errors
/// A refusal at the field that is wrong, or when the link is dead.
pub async fn set_password_by_link(
    app: &App,
    token: &str,
    new: &str,
    again: &str,
    address: &str,
) -> OpResult<()> {
    let open = look_at_link(app, token).await?;
    check_new_password(app, new, again, (&open.email, &open.company), open.has_second_factor).await?;
    let password_hash = hash_password(app, new.to_owned()).await?;
    let is_short = user::needs_second_factor(new);
    let user_id = work!(app, work => {
        let (_, person) = links::take(work, token, &[Purpose::Invite, Purpose::Reset]).await?;
        set_password(work, person.id, &password_hash, is_short).await?;
        forget_wrong_passwords(work, &person.email).await?;
        // Without a password so far, the person has made no token.
        if person.password_hash.is_some() {
            let revoked = store::tokens::revoke_all(&mut work.tx, person.id).await?;
            super::tokens::note_all_revoked(work, &person, address, revoked);
            notices::password_changed(app, work, &person.email, address).await?;
        }
        work.note(person.note("user.password_set", address));
        Ok(person.id)
    })?;
    forget_sessions(app, user_id).await;
    Ok(())
}

/// Makes the one-time link for the first start; `None` once there is a root company.
///
/// # Errors
/// Whatever the database says.
pub async fn setup_link(app: &App) -> OpResult<Option<String>> {
    let mut tx = app.db.read().await?;
    // Read first: a portal that is set up starts on a full disk, too.
    if store::companies::root(&mut tx).await?.is_some() {
        return Ok(None);
    }
    drop(tx);
    let (token, hash) = new_link_token(app);
    let made = work!(app, work => {
        if store::companies::root(&mut work.tx).await?.is_some() {
            return Ok(false);
        }
        store::users::void_links(&mut work.tx, Purpose::Setup).await?;
        let link = Link { purpose: Purpose::Setup, user_id: None, payload: String::new() };
        let until = work.now.plus_seconds(RESET_LINK_SECONDS);
        store::users::add_link(&mut work.tx, &hash, &link, work.now, until).await?;
        Ok(true)
    })?;
    Ok(made.then(|| link_address(app, &token)))
}

/// What the set-up page sends.
pub struct Setup {
    pub company: String,
    pub email: String,
    pub password: String,
    pub again: String,
    pub address: String,
}

/// Names the root company and makes its first administrator.
///
/// # Errors
/// A refusal at the field that is wrong, or when the link is dead.
pub async fn set_up(app: &App, token: &str, form: &Setup) -> OpResult<()> {
    let mut problems = Problems::default();
    let name = problems.take("company", company::name(&form.company));
    let email = problems.take("email", user::email(&form.email));
    let whose = (form.email.as_str(), form.company.as_str());
    let checked = check_new_password(app, &form.password, &form.again, whose, false).await;
    if let Err(OpError::Invalid(more)) = checked {
        more.into_iter().for_each(|(field, reason)| problems.add(field, reason));
    }
    problems.finish()?;
    let (Some(name), Some(email)) = (name, email) else { return Err(OpError::NotFound) };
    let password_hash = hash_password(app, form.password.clone()).await?;
    let hash = link_hash(token);
    work!(app, work => {
        let link = store::users::take_link(&mut work.tx, &hash, work.now).await?;
        if !matches!(link, Some(Link { purpose: Purpose::Setup, .. }))
            || store::companies::root(&mut work.tx).await?.is_some()
        {
            return refuse("", SignInReason::LinkDead);
        }
        make_root(work, &name, &email, &password_hash, &form.address).await
    })
}

/// The root company and its first administrator.
///
/// # Errors
/// Whatever the database says.
pub async fn make_root(
    work: &mut Work,
    name: &str,
    email: &str,
    password_hash: &str,
    address: &str,
) -> OpResult<()> {
    let company_id = store::companies::insert(&mut work.tx, name, None, work.now).await?;
    let user_id = store::users::insert(&mut work.tx, company_id, email, Role::Admin, work.now).await?;
    let user_id = user_id.ok_or(OpError::refused("email", UserReason::EmailTaken))?;
    store::users::set_password(&mut work.tx, user_id, password_hash).await?;
    work.note(NewHistory {
        actor_id: Some(user_id),
        company_id: Some(company_id),
        address: address.to_owned(),
        verb: "company.created",
        subject: name.to_owned(),
        details: String::new(),
        token: None,
    });
    Ok(())
}

/// Notes that somebody signed out.
///
/// # Errors
/// Whatever the database says.
pub async fn signed_out(app: &App, actor: &Actor) -> OpResult<()> {
    work!(app, work => {
        work.note(actor.note("user.signed_out", &actor.email, ""));
        Ok(())
    })
}
