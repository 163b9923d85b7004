//! The second step of signing in: a code after the password, or a recovery code instead.

use askama::Template;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};

use super::auth::next_page;
use crate::model::refusal::{Reason, SignInReason};
use crate::model::second_factor::SecondFactor;
use crate::ops;
use crate::ops::confirmation::Confirmed;
use crate::ops::error::OpError;
use crate::ops::second_step::{Pending, Proof};
use crate::urls;
use crate::web::cookies::known_device;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, QueryForm, Visitor};
use crate::web::form::Form;
use crate::web::session;
use crate::web::state::Portal;
use crate::web::view::{Plain, page_of_form};

#[derive(Template)]
#[template(path = "auth/second_step.html")]
struct SecondStepPage<'a> {
    plain: Plain,
    form: &'a Form,
    email: &'a str,
    /// Codes come by mail.
    is_mailed: bool,
    /// One was mailed for this sign-in.
    was_mailed: bool,
    has_mail: bool,
    /// Whether the page asks for a recovery code.
    is_recovery: bool,
    next: &'a str,
}

impl SecondStepPage<'_> {
    /// The same page for the other kind of code.
    fn other(&self) -> String {
        let with = if self.is_recovery { "" } else { "recovery" };
        urls::with_query(urls::SIGN_IN_CODE, &[("with", with), ("next", self.next)])
    }
}

fn show(portal: &Portal, visitor: &Visitor, pending: &Pending, form: &Form) -> WebResult<Response> {
    let page = SecondStepPage {
        plain: Plain::new("Second step", visitor.theme),
        form,
        email: &pending.email,
        is_mailed: pending.method == SecondFactor::Email,
        was_mailed: pending.is_mailed || form.value("notice") == "sent",
        has_mail: portal.app.config.mail.is_some(),
        is_recovery: form.value("with") == "recovery",
        next: form.value("next"),
    };
    page_of_form(&portal.app, &page, form)
}

/// Where to go without a pending sign-in: home, or to the password.
fn nothing_waits() -> Response {
    Redirect::to(urls::OVERVIEW).into_response()
}

async fn lapsed(visitor: &Visitor) -> WebResult<Response> {
    visitor.session.flush().await?;
    Ok(Redirect::to(&urls::with_query(urls::SIGN_IN, &[("notice", "lapsed")])).into_response())
}

/// The page again after a refusal.
async fn refused(
    portal: &Portal,
    visitor: &Visitor,
    pending: &Pending,
    form: Form,
    error: OpError,
) -> WebResult<Response> {
    match error {
        OpError::Refused(_, Reason::SignIn(SignInReason::Lapsed)) => lapsed(visitor).await,
        error => show(portal, visitor, pending, &form.refused(error)?),
    }
}

/// The second factor in a form.
pub fn proof(form: &Form) -> Proof<'_> {
    match form.value("with") {
        "recovery" => Proof::Recovery(form.value("recovery_code")),
        _ => Proof::Code(form.value("code")),
    }
}

pub async fn page(State(portal): State<Portal>, visitor: Visitor, QueryForm(form): QueryForm) -> WebResult<Response> {
    match session::pending(&visitor.session).await? {
        Some(pending) => show(&portal, &visitor, &pending, &form),
        None => Ok(nothing_waits()),
    }
}

pub async fn check(State(portal): State<Portal>, visitor: Visitor, BodyForm(form): BodyForm) -> WebResult<Response> {
    let Some(pending) = session::pending(&visitor.session).await? else { return Ok(nothing_waits()) };
    let proof = proof(&form);
    let who = match ops::second_step::finish(&portal.app, &pending, proof, &visitor.origin()).await {
        Ok(who) => who,
        Err(error) => return refused(&portal, &visitor, &pending, form, error).await,
    };
    let confirmed = Some(Confirmed::now(&portal.app, true));
    session::begin(&visitor.session, &who, &visitor.address, &visitor.user_agent, confirmed).await?;
    let known = known_device(&portal, &pending.email);
    Ok((AppendHeaders([known]), Redirect::to(next_page(&form))).into_response())
}

pub async fn mail_again(
    State(portal): State<Portal>,
    visitor: Visitor,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let Some(pending) = session::pending(&visitor.session).await? else { return Ok(nothing_waits()) };
    match ops::second_step::mail_again(&portal.app, &pending).await {
        Ok(()) => {
            let parameters = [("notice", "sent"), ("next", form.value("next"))];
            Ok(Redirect::to(&urls::with_query(urls::SIGN_IN_CODE, &parameters)).into_response())
        }
        Err(error) => refused(&portal, &visitor, &pending, form, error).await,
    }
}
