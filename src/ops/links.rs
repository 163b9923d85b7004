//! One-time links: to set a password, to set up the portal, to sign up, to change an address. Only a link's hash is
//! stored.

use sha2::{Digest as _, Sha256};

use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::mail;
use crate::model::refusal::SignInReason;
use crate::model::user::LinkLife;
use crate::ops::work::Work;
use crate::store;
use crate::store::auth::Credentials;
use crate::store::users::{Link, Purpose};

/// How long a link to set a password is valid.
pub const RESET_LINK_SECONDS: i64 = 3_600;
pub const INVITE_LINK_SECONDS: i64 = 7 * 86_400;

/// Makes a link's secret; only its hash is stored.
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

/// The address of a link, as mailed and shown.
#[must_use]
pub fn link_address(app: &App, token: &str) -> String {
    format!("{}/link/{token}", app.config.public_url)
}

/// What a valid link is for, and for whom.
pub struct OpenLink {
    pub purpose: Purpose,
    pub email: String,
    pub company: String,
    pub has_second_factor: bool,
    /// The new address, if the link confirms one.
    pub new_email: String,
}

/// Reads a link without using it up.
///
/// # Errors
/// A refusal if it is dead.
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
        None if link.purpose == Purpose::SignUp => super::sign_up::owner(&link.payload)?,
        None => (String::new(), String::new()),
    };
    let is_about_address = matches!(link.purpose, Purpose::Email | Purpose::StopEmail);
    let new_email = if is_about_address { link.payload } else { String::new() };
    Ok(OpenLink { purpose: link.purpose, email, company, has_second_factor, new_email })
}

/// Uses up a user's link. Locks the user first, as everything does that ends links, so that only one of them wins.
pub(super) async fn take(work: &mut Work, token: &str, wanted: &[Purpose]) -> OpResult<(Link, Credentials)> {
    let dead = || OpError::refused("", SignInReason::LinkDead);
    let hash = link_hash(token);
    let found = store::users::find_link(&mut work.tx, &hash, work.now).await?;
    let found = found.filter(|link| wanted.contains(&link.purpose)).ok_or_else(dead)?;
    let person = store::auth::lock(&mut work.tx, found.user_id.ok_or_else(dead)?).await?;
    let person = person.filter(|p| p.disabled_at.is_none()).ok_or_else(dead)?;
    let link = store::users::take_link(&mut work.tx, &hash, work.now).await?.ok_or_else(dead)?;
    Ok((link, person))
}

/// Makes a link to set a password, and mails it if mail is set up. Earlier links become invalid.
///
/// # Errors
/// A refusal for a user who is disabled.
pub(super) async fn make(
    app: &App,
    work: &mut Work,
    user_id: i64,
    from: &str,
    company: &str,
    token: &str,
) -> OpResult<LinkLife> {
    let person = store::auth::lock(&mut work.tx, user_id).await?.ok_or(OpError::NotFound)?;
    if person.disabled_at.is_some() {
        return refuse("", SignInReason::LinkDead);
    }
    let (life, purpose, seconds) = match person.password_hash {
        None => (LinkLife::SevenDays, Purpose::Invite, INVITE_LINK_SECONDS),
        Some(_) => (LinkLife::OneHour, Purpose::Reset, RESET_LINK_SECONDS),
    };
    let link = Link { purpose, user_id: Some(user_id), payload: String::new() };
    let until = work.now.plus_seconds(seconds);
    store::users::add_link(&mut work.tx, &link_hash(token), &link, work.now, until).await?;
    if app.config.mail.is_some() {
        let address = link_address(app, token);
        let mail = match life {
            LinkLife::SevenDays => mail::invitation(&person.email, from, company, &address),
            LinkLife::OneHour => mail::reset_by_other(&person.email, from, &address),
        };
        work.mail(app, &mail).await?;
    }
    Ok(life)
}
