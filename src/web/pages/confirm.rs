//! Asks for the password and the second factor again before a sensitive change.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::second_step::proof;
use crate::model::second_factor::SecondFactor;
use crate::ops;
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::session;
use crate::web::state::Portal;
use crate::web::view::{Frame, page_of_form};

/// Guards everything that is worth as much as the account itself, both its window and its act: redirects to the
/// confirmation unless it was given a moment ago, and from there to `back`.
pub async fn require(portal: &Portal, me: &Me, back: &str) -> WebResult<()> {
    match is_confirmed(portal, me).await? {
        true => Ok(()),
        false => Err(WebError::Confirm(back.to_owned())),
    }
}

/// Whether the confirmation was given a moment ago.
pub async fn is_confirmed(portal: &Portal, me: &Me) -> WebResult<bool> {
    let confirmed = session::confirmed(&me.session).await?;
    Ok(confirmed.is_some_and(|c| c.holds(&me.actor, portal.app.clock.now())))
}

#[derive(Template)]
#[template(path = "account/confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    form: &'a Form,
    has_mail: bool,
    /// Whether the page asks for a recovery code.
    is_recovery: bool,
    next: &'a str,
}

impl ConfirmPage<'_> {
    fn is_mailed(&self) -> bool {
        self.frame.actor.second_factor == Some(SecondFactor::Email)
    }

    /// The same page for the other kind of code.
    fn other(&self) -> String {
        let with = if self.is_recovery { "" } else { "recovery" };
        urls::with_query(urls::CONFIRM, &[("with", with), ("next", self.next)])
    }
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Confirm that it is you").await?;
    let (has_mail, is_recovery) = (portal.app.config.mail.is_some(), form.value("with") == "recovery");
    let page = ConfirmPage { frame, form, has_mail, is_recovery, next: next(form) };
    page_of_form(&portal.app, &page, form)
}

/// Where to go once confirmed.
fn next(form: &Form) -> &str {
    let next = form.value("next");
    if urls::is_local(next) { next } else { urls::SECURITY }
}

pub async fn page(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    if is_confirmed(&portal, &me).await? {
        return Ok(Redirect::to(next(&form)).into_response());
    }
    show(&portal, &me, &form).await
}

pub async fn confirm(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    let (password, session) = (me.again(form.value("password")), me.session_mark());
    match ops::confirmation::confirm(&portal.app, &me.actor, password, proof(&form), &session).await {
        Ok(confirmed) => {
            session::confirm(&me.session, confirmed).await?;
            Ok(Redirect::to(next(&form)).into_response())
        }
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}

pub async fn mail_code(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    match ops::confirmation::mail_confirmation_code(&portal.app, &me.actor, &me.session_mark()).await {
        Ok(()) => {
            let parameters = [("notice", "sent"), ("next", form.value("next"))];
            Ok(Redirect::to(&urls::with_query(urls::CONFIRM, &parameters)).into_response())
        }
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}
