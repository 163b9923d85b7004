//! A forgotten password: the link to set a new one, and what the link does.

use super::attempts::{count_mail, forget_wrong_passwords};
use super::error::{OpResult, at};
use super::links::{RESET_LINK_SECONDS, link_address, look_at_link, new_link_token};
use super::passwords::{check_new_password, hash_password, set_password};
use super::sessions::forget_sessions;
use super::{links, notices};
use crate::app::App;
use crate::model::user;
use crate::ops::work::work;
use crate::store;
use crate::store::users::{Link, Purpose};

/// Mails a link to set a new password to the address, if it has an account. The answer is the same if it has none.
///
/// # Errors
/// How long to wait, if a client's address asks too often.
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

/// Sets a password by an invitation or a reset link. Ends all sessions and links of the user, and after a reset also
/// all access tokens. Opens no session: the sign-in that follows asks for the second factor.
///
/// # Errors
/// A refusal at the invalid field, or if the link is dead.
pub async fn set_password_by_link(app: &App, token: &str, new: &str, again: &str, address: &str) -> OpResult<()> {
    let open = look_at_link(app, token).await?;
    check_new_password(app, new, again, (&open.email, &open.company), open.has_second_factor).await?;
    let password_hash = hash_password(app, new.to_owned()).await?;
    let is_short = user::needs_second_factor(new);
    let user_id = work!(app, work => {
        let (_, person) = links::take(work, token, &[Purpose::Invite, Purpose::Reset]).await?;
        set_password(work, person.id, &password_hash, is_short).await?;
        forget_wrong_passwords(work, &person.email).await?;
        // A user without a password so far has made no token.
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
