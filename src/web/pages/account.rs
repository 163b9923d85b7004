//! Account settings: profile and security.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::confirm;
use crate::model::event::UserEvent;
use crate::model::second_factor::SecondFactor;
use crate::ops;
use crate::ops::oauth::grants::Authorised;
use crate::store::sessions::ListedSession;
use crate::urls;
use crate::web::browser_name::browser_name;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::session;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage<'a> {
    frame: Frame,
    form: &'a Form,
    zones: Vec<(String, String)>,
}

async fn show_profile(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Profile").await?;
    let zones = jiff::tz::db().available().map(|z| (z.to_string(), z.to_string().replace('_', " "))).collect();
    page_of_form(&portal.app, &ProfilePage { frame, form, zones }, form)
}

pub async fn profile(Visit(portal, me): Visit) -> WebResult<Response> {
    let zone = me.actor.time_zone.iana_name().unwrap_or("UTC").to_owned();
    let form =
        Form::filled(&[("first_name", &me.actor.first_name), ("last_name", &me.actor.last_name), ("time_zone", &zone)]);
    show_profile(&portal, &me, &form).await
}

pub async fn save_profile(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let [first, last, zone] = ["first_name", "last_name", "time_zone"].map(|f| form.value(f));
    match ops::users::save_profile(&portal.app, &me.actor, &operation_id, first, last, zone).await {
        Ok(_) => Ok(view::done(urls::PROFILE, &operation_id)),
        Err(error) => show_profile(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "account/security.html")]
struct SecurityPage<'a> {
    frame: Frame,
    form: &'a Form,
    sessions: Vec<ListedSession>,
    present: Vec<u8>,
    has_mail: bool,
    recovery_codes_left: i64,
    authorised: Vec<Authorised>,
    password_help: String,
    /// Whether a new password needs the second factor first.
    must_confirm: bool,
}

async fn show_security(portal: &Portal, me: &Me, form: &Form, done: Option<UserEvent>) -> WebResult<Response> {
    let mut frame = Frame::of(portal, me, "Security").await?;
    if let Some(event) = done {
        frame.notice = Some(words::event(&event.into()));
    }
    let sessions = ops::users::sessions(&portal.app, &me.actor).await?;
    let page = SecurityPage {
        frame,
        form,
        sessions,
        present: present(me),
        has_mail: portal.app.config.mail.is_some(),
        recovery_codes_left: ops::second_factor::recovery_codes_left(&portal.app, &me.actor).await?,
        authorised: ops::oauth::grants::list(&portal.app, &me.actor).await?,
        password_help: words::password_help(me.actor.second_factor.is_some()),
        must_confirm: me.actor.has_second_factor() && !confirm::is_confirmed(portal, me).await?,
    };
    page_of_form(&portal.app, &page, form)
}

impl SecurityPage<'_> {
    fn browser_name(&self, session: &ListedSession) -> String {
        browser_name(&session.user_agent)
    }

    /// The choices of Authentication type: the word of each, its label, and whether it is the present one.
    fn types(&self) -> Vec<(&'static str, &'static str, bool)> {
        let actor = &self.frame.actor;
        let none = ("none", "None", actor.second_factor.is_none());
        let methods = [SecondFactor::Email, SecondFactor::Totp].into_iter();
        let usable = methods.filter(|m| *m != SecondFactor::Email || self.has_mail || actor.second_factor == Some(*m));
        let methods = usable.map(|m| (m.slug(), m.label(), actor.second_factor == Some(m)));
        // While a company demands a second factor, it is not turned off.
        let none = (!actor.company_demands_second_factor || none.2).then_some(none);
        none.into_iter().chain(methods).collect()
    }

    fn hex(&self, hash: &[u8]) -> String {
        hex::encode(hash)
    }
}

pub fn present(me: &Me) -> Vec<u8> {
    me.session.id().map(session::hash).unwrap_or_default()
}

/// The form's defaults.
fn fresh() -> Form {
    Form::filled(&[("end_all", "1")])
}

pub async fn security(Visit(portal, me): Visit) -> WebResult<Response> {
    show_security(&portal, &me, &fresh(), None).await
}

pub async fn change_password(
    Visit(portal, me): Visit,
    visitor: crate::web::extract::Visitor,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    // The form itself asks for the password.
    if me.actor.has_second_factor() {
        confirm::require(&portal, &me, urls::SECURITY).await?;
    }
    let [old, new, again] = ["password", "new_password", "new_password_again"].map(|f| form.value(f));
    let (old, ends_tokens) = (me.again(old), form.value("end_all") == "1");
    match ops::passwords::change_password(&portal.app, &me.actor, old, new, again, ends_tokens).await {
        Ok(who) => {
            let confirmed = session::confirmed(&me.session).await?;
            session::begin(&me.session, &who, &me.actor.address, &visitor.user_agent, confirmed).await?;
            let done = UserEvent::PasswordChanged { are_tokens_revoked: ends_tokens };
            show_security(&portal, &me, &fresh(), Some(done)).await
        }
        Err(error) => show_security(&portal, &me, &form.refused(error)?, None).await,
    }
}

#[derive(Template)]
#[template(path = "account/email.html")]
struct EmailPage<'a> {
    frame: Frame,
    form: &'a Form,
    has_mail: bool,
}

async fn show_email(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Change e-mail").await?;
    let has_mail = portal.app.config.mail.is_some();
    page_of_form(&portal.app, &EmailPage { frame, form, has_mail }, form)
}

pub async fn email(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    confirm::require(&portal, &me, &me.here).await?;
    show_email(&portal, &me, &form).await
}

pub async fn change_email(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    let email = form.value("email");
    confirm::require(&portal, &me, &urls::with_query(urls::SECURITY_EMAIL, &[("email", email)])).await?;
    match ops::addresses::request(&portal.app, &me.actor, email).await {
        Ok(()) => {
            let done = UserEvent::EmailChangeRequested { email: email.to_owned() };
            show_security(&portal, &me, &fresh(), Some(done)).await
        }
        Err(error) => show_email(&portal, &me, &form.refused(error)?).await,
    }
}

/// Ends the session that the form names, or all but the current one; on request, access tokens too.
pub async fn end_sessions(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    let one = form.has("session").then(|| hex::decode(form.value("session")).ok().unwrap_or_default());
    let ends_tokens = form.value("tokens") == "1";
    ops::users::end_own_sessions(&portal.app, &me.actor, one.as_deref(), &present(&me), ends_tokens).await?;
    Ok(Redirect::to(urls::SECURITY).into_response())
}
