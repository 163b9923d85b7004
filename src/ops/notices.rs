//! Mails that report changes of an account to its owner, so that a stranger's doing is noticed.

use super::error::OpResult;
use crate::app::App;
use crate::mail;
use crate::ops::work::Work;

/// Mails what happened, if mail is set up. `from` is the client's address.
pub(super) async fn tell(
    app: &App,
    work: &mut Work,
    email: &str,
    subject: &str,
    what: &str,
    from: &str,
) -> OpResult<()> {
    if app.config.mail.is_none() {
        return Ok(());
    }
    let mail = mail::account_notice(email, subject, what, &work.now.exact(), from, &app.config.public_url);
    work.mail(app, &mail).await
}

/// The password was changed, or set by a link.
pub(super) async fn password_changed(app: &App, work: &mut Work, email: &str, from: &str) -> OpResult<()> {
    let what = "the password of your account was changed.";
    tell(app, work, email, "Your password was changed", what, from).await
}

/// An application was made, or got a new secret.
pub(super) async fn application_made(
    app: &App,
    work: &mut Work,
    email: &str,
    (name, what): (&str, &str),
    from: &str,
) -> OpResult<()> {
    let what = format!("the application \"{name}\" {what}.");
    tell(app, work, email, "An application of yours", &what, from).await
}

/// An application may act for a person from now on.
pub(super) async fn application_allowed(
    app: &App,
    work: &mut Work,
    email: &str,
    (name, scopes): (&str, &str),
    from: &str,
) -> OpResult<()> {
    let what = format!(
        "you allowed the application \"{name}\" to act for you. It may use: {}. You can end this under Account \
         settings, Security.",
        scopes.replace(' ', ", ")
    );
    tell(app, work, email, "An application may act for you", &what, from).await
}

/// An access token was made.
pub(super) async fn token_made(
    app: &App,
    work: &mut Work,
    email: &str,
    name: &str,
    scopes: &str,
    from: &str,
) -> OpResult<()> {
    let what = format!(
        "the access token \"{name}\" was made for your account. A program that has it may use: {}.",
        scopes.replace(' ', ", ")
    );
    tell(app, work, email, "A new access token was made", &what, from).await
}
