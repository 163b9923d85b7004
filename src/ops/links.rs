//! Links to set a password, and how a link of a person is used up.

use super::auth::{INVITE_LINK_SECONDS, RESET_LINK_SECONDS, link_address, link_hash};
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::mail;
use crate::model::refusal::SignInReason;
use crate::ops::work::Work;
use crate::store;
use crate::store::auth::Credentials;
use crate::store::users::{Link, Purpose};

/// Uses a person's link up. The person is locked first, as by all that ends links: one of them wins.
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

/// How long the link to set a password lives that somebody else makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lives {
    /// The person has no password yet.
    SevenDays,
    OneHour,
}

impl Lives {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Lives::SevenDays => "7 days",
            Lives::OneHour => "one hour",
        }
    }
}

/// Makes a link with which somebody sets a password, and mails it where mail is set up. The earlier one dies.
///
/// # Errors
/// A refusal for a person who is disabled.
pub(super) async fn make(
    app: &App,
    work: &mut Work,
    user_id: i64,
    from: &str,
    company: &str,
    token: &str,
) -> OpResult<Lives> {
    let person = store::auth::lock(&mut work.tx, user_id).await?.ok_or(OpError::NotFound)?;
    if person.disabled_at.is_some() {
        return refuse("", SignInReason::LinkDead);
    }
    let (lives, purpose, seconds) = match person.password_hash {
        None => (Lives::SevenDays, Purpose::Invite, INVITE_LINK_SECONDS),
        Some(_) => (Lives::OneHour, Purpose::Reset, RESET_LINK_SECONDS),
    };
    let link = Link { purpose, user_id: Some(user_id), payload: String::new() };
    let until = work.now.plus_seconds(seconds);
    store::users::add_link(&mut work.tx, &link_hash(token), &link, work.now, until).await?;
    if app.config.mail.is_some() {
        let address = link_address(app, token);
        let mail = match lives {
            Lives::SevenDays => mail::invitation(&person.email, from, company, &address),
            Lives::OneHour => mail::reset_by_other(&person.email, from, &address),
        };
        work.mail(app, &mail).await?;
    }
    Ok(lives)
}
