//! Changing an e-mail address: requested, confirmed from the new address, or stopped from the old one.

use super::actor::Actor;
use super::attempts::count_mail;
use super::error::{OpResult, at, refuse};
use super::links;
use super::links::{RESET_LINK_SECONDS, link_address, link_hash, new_link_token};
use super::sessions::{forget_sessions, lock_actor};
use crate::app::App;
use crate::mail;
use crate::model::refusal::UserReason;
use crate::model::user;
use crate::ops::work::work;
use crate::store;
use crate::store::users::{Link, Purpose};

/// Requests a new e-mail address. It takes effect once confirmed by the link sent to it. The old address gets a mail
/// at once, with a link to stop the change.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn request(app: &App, actor: &Actor, email: &str) -> OpResult<()> {
    let email = user::email(email).map_err(at("email"))?;
    let (to_confirm, to_stop) = (new_link_token(app).0, new_link_token(app).0);
    work!(app, work => {
        lock_actor(work, actor).await?;
        if store::users::by_email(&mut work.tx, &email).await?.is_some() {
            return refuse("email", UserReason::EmailTaken);
        }
        count_mail(work, &actor.address).await?;
        let until = work.now.plus_seconds(RESET_LINK_SECONDS);
        for (purpose, token) in [(Purpose::Email, &to_confirm), (Purpose::StopEmail, &to_stop)] {
            let link = Link { purpose, user_id: Some(actor.user_id), payload: email.clone() };
            store::users::add_link(&mut work.tx, &link_hash(token), &link, work.now, until).await?;
        }
        work.note(actor.note("user.email_asked", &actor.email, &email));
        let confirm = mail::confirm_email(&email, &link_address(app, &to_confirm));
        let stop = mail::stop_email(&actor.email, &email, &link_address(app, &to_stop));
        for mail in [confirm, stop] {
            work.mail(app, &mail).await?;
        }
        Ok(())
    })
}

/// Confirms a new e-mail address by its link.
///
/// # Errors
/// A refusal if the link is dead or the address has been taken since.
pub async fn confirm(app: &App, token: &str, address: &str) -> OpResult<()> {
    work!(app, work => {
        let (link, person) = links::take(work, token, &[Purpose::Email]).await?;
        let new = link.payload;
        if store::users::by_email(&mut work.tx, &new).await?.is_some() {
            return refuse("", UserReason::EmailTaken);
        }
        store::users::set_email(&mut work.tx, person.id, &new, work.now).await?;
        let mut note = person.note("user.email_changed", address);
        note.details = new.clone();
        work.note(note);
        let mail = mail::email_changed(&person.email, &new, &app.config.public_url);
        work.mail(app, &mail).await
    })
}

/// Stops a change of the e-mail address by the link that was sent to the old one. The request came from a signed-in
/// session, so all sessions end.
///
/// # Errors
/// A refusal if the link is dead: the change was stopped or confirmed before.
pub async fn stop(app: &App, token: &str, address: &str) -> OpResult<()> {
    let user_id = work!(app, work => {
        let (link, person) = links::take(work, token, &[Purpose::StopEmail]).await?;
        store::users::end_links(&mut work.tx, person.id).await?;
        store::users::end_sessions(&mut work.tx, person.id).await?;
        let mut note = person.note("user.email_stopped", address);
        note.details = link.payload;
        work.note(note);
        Ok(person.id)
    })?;
    forget_sessions(app, user_id).await;
    Ok(())
}
