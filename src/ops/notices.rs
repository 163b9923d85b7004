//! Mails that tell a person what happened to the account, so that a stranger's doing is seen.

use super::error::OpResult;
use crate::app::{Act, App};
use crate::jobs::Job;
use crate::jobs::mail;

/// Mails what happened, where mail is set up. `from` is the address that it came from.
pub(super) async fn tell(
    app: &App,
    act: &mut Act,
    email: &str,
    subject: &str,
    what: &str,
    from: &str,
) -> OpResult<()> {
    if app.config.mail.is_none() {
        return Ok(());
    }
    let mail = mail::account_notice(email, subject, what, &act.now.exact(), from, &app.config.public_url);
    act.job(&Job::mail(app, &mail)).await
}

/// The password was changed, or set by a link.
pub(super) async fn password_changed(app: &App, act: &mut Act, email: &str, from: &str) -> OpResult<()> {
    let what = "the password of your account was changed.";
    tell(app, act, email, "Your password was changed", what, from).await
}

/// An access token was made.
pub(super) async fn token_made(
    app: &App,
    act: &mut Act,
    email: &str,
    name: &str,
    scopes: &str,
    from: &str,
) -> OpResult<()> {
    let what = format!(
        "the access token \"{name}\" was made for your account. A program that has it may use: {}.",
        scopes.replace(' ', ", ")
    );
    tell(app, act, email, "A new access token was made", &what, from).await
}
