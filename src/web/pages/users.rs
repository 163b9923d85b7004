//! Users: the list, invitations, and what administrators do to an account.

use askama::Template;
use axum::response::Response;

use super::confirm;
use crate::model::permission::Permission;
use crate::model::refusal::RoleReason;
use crate::model::role;
use crate::model::user::LinkLife;
use crate::ops;
use crate::ops::companies::Choices;
use crate::store::roles::Role;
use crate::store::tokens::ListedToken;
use crate::store::users::{User, UserFilter};
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Ids, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "users/list.html")]
struct ListPage<'a> {
    frame: Frame,
    form: &'a Form,
    users: Vec<User>,
    next: Option<String>,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let after = form.value("after").parse().ok();
    let text: String = form.value("q").chars().take(200).collect();
    let filter = UserFilter { text: &text, after, limit: PAGE_SIZE + 1, ..UserFilter::default() };
    let (mut users, _) = ops::users::list(&portal.app, &me.actor, &filter, false).await?;
    let next = next_page(&mut users).map(|after| urls::with_query(urls::USERS, &[("q", &text), ("after", &after)]));
    let frame = Frame::of(&portal, &me, "Users").await?;
    page(&ListPage { frame, form: &form, users, next })
}

/// The id after which the next page begins.
pub fn next_page(users: &mut Vec<User>) -> Option<String> {
    cut(users).map(|last| last.id.to_string())
}

#[derive(Template)]
#[template(path = "users/invite.html")]
struct InviteWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    roles: Vec<Role>,
    back: &'a str,
}

async fn show_invite(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditUsers)?;
    let (form, choices) = choices(portal, me, form, &["company"]).await?;
    let frame = Frame::of(portal, me, "Invite user").await?;
    let back = view::back(&form, urls::USERS);
    let roles = ops::roles::choices(&portal.app, &me.actor, me.actor.standing()).await?;
    page_of_form(&portal.app, &InviteWindow { frame, form: &form, choices, roles, back }, &form)
}

pub async fn invite_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    show_invite(&portal, &me, &form.or("company", own).or("role", "end_user")).await
}

pub async fn invite(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditUsers)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let company = read_company(&portal, &me, &mut form, "company").await?;
    form::read(&mut form, "email", crate::model::user::email);
    form::read(&mut form, "role", |t| role::read(t).ok_or(RoleReason::Unknown));
    let Some(company) = company.filter(|_| form.problems().is_empty()) else {
        return show_invite(&portal, &me, &form).await;
    };
    let (email, role) = (form.value("email"), form.value("role"));
    match ops::users::invite(&portal.app, &me.actor, &operation_id, email, role, company).await {
        Ok(invited) => {
            let back = view::back(&form, urls::USERS);
            show_link(&portal, &me, &operation_id, invited, LinkLife::SevenDays, back).await
        }
        Err(error) => show_invite(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "users/link.html")]
struct LinkPage {
    frame: Frame,
    link: String,
    lives: LinkLife,
}

/// Shows the outcome. A link that was mailed is not shown. Without mail it is shown once, in the response itself: it is
/// a secret, so no address leads to it.
async fn show_link<T>(
    portal: &Portal,
    me: &Me,
    operation_id: &str,
    invited: ops::users::Invited<T>,
    lives: LinkLife,
    back: &str,
) -> WebResult<Response> {
    let Some(link) = invited.link else { return Ok(view::done(back, operation_id)) };
    let mut frame = Frame::of(portal, me, "Link to set the password").await?;
    frame.notice = Some(words::event(&invited.outcome.event));
    page(&LinkPage { frame, link, lives })
}

#[derive(Template)]
#[template(path = "users/show.html")]
struct UserPage<'a> {
    frame: Frame,
    form: &'a Form,
    user: User,
    /// Those that may be given to the user; empty if none may.
    roles: Vec<Role>,
    /// What an administrator sees of another user's tokens.
    tokens: Vec<ListedToken>,
}

async fn show_user(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    let user = ops::users::find(&portal.app, &me.actor, id).await?;
    let tokens = match me.actor.may.edit_users() && me.actor.user_id != id {
        true => ops::tokens::list_of(&portal.app, &me.actor, id).await?,
        false => Vec::new(),
    };
    let frame = Frame::of(portal, me, user.email.clone()).await?;
    let is_changed = me.actor.may.edit_users() && me.actor.user_id != id && me.actor.standing().covers(user.standing());
    let roles = match is_changed {
        true => ops::roles::choices(&portal.app, &me.actor, me.actor.standing()).await?,
        false => Vec::new(),
    };
    page_of_form(&portal.app, &UserPage { frame, form, user, roles, tokens }, form)
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    show_user(&portal, &me, id, &Form::default()).await
}

pub async fn set_role(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let outcome = ops::users::set_role(&portal.app, &me.actor, &operation_id, id, form.value("role")).await;
    finish(&portal, &me, id, form, &operation_id, outcome).await
}

pub async fn set_disabled(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let disabled = form.switch("disabled")?;
    let outcome = ops::users::set_disabled(&portal.app, &me.actor, &operation_id, id, disabled).await;
    finish(&portal, &me, id, form, &operation_id, outcome).await
}

pub async fn end_sessions(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let outcome = ops::users::end_sessions(&portal.app, &me.actor, &operation_id, id).await;
    finish(&portal, &me, id, form, &operation_id, outcome).await
}

#[derive(Template)]
#[template(path = "users/reset.html")]
struct ResetWindow {
    frame: Frame,
    user: User,
}

pub async fn reset_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require(Permission::EditUsers)?;
    confirm::require(&portal, &me, &me.path).await?;
    let user = ops::users::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "Reset two-factor authentication").await?;
    page(&ResetWindow { frame, user })
}

pub async fn reset_second_factor(
    Visit(portal, me): Visit,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    me.actor.require(Permission::EditUsers)?;
    confirm::require(&portal, &me, &me.path).await?;
    let outcome = ops::second_factor::reset(&portal.app, &me.actor, &operation_id, id).await;
    finish(&portal, &me, id, form, &operation_id, outcome).await
}

#[derive(Template)]
#[template(path = "users/remove.html")]
struct RemoveWindow {
    frame: Frame,
    user: User,
}

pub async fn remove_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require(Permission::EditUsers)?;
    let user = ops::users::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "Remove user").await?;
    page(&RemoveWindow { frame, user })
}

pub async fn remove(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::users::removal::remove(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => Ok(view::done(urls::USERS, &operation_id)),
        Err(error) => show_user(&portal, &me, id, &form.refused(error)?).await,
    }
}

pub async fn revoke_token(
    Visit(portal, me): Visit,
    Ids(id, token): Ids,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let outcome = ops::tokens::revoke_of(&portal.app, &me.actor, &operation_id, id, token).await;
    finish(&portal, &me, id, form, &operation_id, outcome).await
}

async fn finish<T>(
    portal: &Portal,
    me: &Me,
    id: i64,
    form: Form,
    operation_id: &str,
    outcome: ops::error::OpResult<crate::ops::work::Outcome<T>>,
) -> WebResult<Response> {
    match outcome {
        Ok(_) => Ok(view::done(&urls::user(id), operation_id)),
        Err(error) => show_user(portal, me, id, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "users/link_new.html")]
struct NewLinkWindow {
    frame: Frame,
    user: User,
    lives: LinkLife,
    has_mail: bool,
}

/// How long a link made for the user now is valid.
fn lives(user: &User) -> LinkLife {
    if user.is_active == 1 { LinkLife::OneHour } else { LinkLife::SevenDays }
}

pub async fn link_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require(Permission::EditUsers)?;
    confirm::require(&portal, &me, &me.path).await?;
    let user = ops::users::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "New link").await?;
    let (lives, has_mail) = (lives(&user), portal.app.config.mail.is_some());
    page(&NewLinkWindow { frame, user, lives, has_mail })
}

pub async fn new_link(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    me.actor.require(Permission::EditUsers)?;
    confirm::require(&portal, &me, &me.path).await?;
    let user = ops::users::find(&portal.app, &me.actor, id).await?;
    match ops::users::new_link(&portal.app, &me.actor, &operation_id, id).await {
        Ok(invited) => show_link(&portal, &me, &operation_id, invited, lives(&user), &urls::user(id)).await,
        Err(error) => show_user(&portal, &me, id, &form.refused(error)?).await,
    }
}
