//! The first start: a one-time link, the root company and its first administrator.

use super::error::{OpError, OpResult, Problems, refuse};
use super::links::{RESET_LINK_SECONDS, link_address, link_hash, new_link_token};
use super::passwords::{check_new_password, hash_password};
use crate::app::App;
use crate::model::company;
use crate::model::refusal::{SignInReason, UserReason};
use crate::model::role;
use crate::model::user;
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::history::NewHistory;
use crate::store::users::{Link, Purpose};

/// Makes the one-time link for the first start; `None` once there is a root company.
pub async fn setup_link(app: &App) -> OpResult<Option<String>> {
    let mut tx = app.db.read().await?;
    // Read first: a portal that is set up must start even on a full disk.
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

/// The fields of the set-up page.
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
/// A refusal at the invalid field, or if the link is dead.
pub async fn set_up(app: &App, token: &str, form: &Setup) -> OpResult<()> {
    let mut problems = Problems::default();
    let name = problems.take("company", company::name(&form.company));
    let email = problems.take("email", user::email(&form.email));
    let owner = (form.email.as_str(), form.company.as_str());
    let checked = check_new_password(app, &form.password, &form.again, owner, false).await;
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

/// Makes the root company and its first administrator.
pub async fn make_root(work: &mut Work, name: &str, email: &str, password_hash: &str, address: &str) -> OpResult<()> {
    let company_id = store::companies::insert(&mut work.tx, name, None, work.now).await?;
    let user_id = store::users::insert(&mut work.tx, company_id, email, role::ADMIN, work.now).await?;
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
