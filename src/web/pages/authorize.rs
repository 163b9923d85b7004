//! The page on which a person allows an application to act for them (OAuth 2.1).

use askama::Template;
use axum::extract::State;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::model::oauth::{ErrorCode, form_target};
use crate::model::refusal::Reason;
use crate::ops;
use crate::ops::oauth::Refusal;
use crate::ops::oauth::consent::{ConsentRequest, Request, Unaskable};
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::guard;
use crate::web::state::Portal;
use crate::web::view::{Frame, page as render};

/// What an application sends along; the page's form sends it on.
const PARAMETERS: [&str; 7] =
    ["response_type", "client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method"];

fn request(form: &Form) -> Request<'_> {
    Request {
        response_type: form.value("response_type"),
        client_id: form.value("client_id"),
        redirect_uri: form.has("redirect_uri").then(|| form.value("redirect_uri")),
        state: form.value("state"),
        scope: form.value("scope"),
        challenge: form.value("code_challenge"),
        challenge_method: form.value("code_challenge_method"),
        has_repeats: form.has_repeats(&PARAMETERS),
    }
}

/// This page's address for a request, to come back to after signing in.
fn here(form: &Form) -> String {
    urls::with_query(urls::AUTHORIZE, &PARAMETERS.map(|name| (name, form.value(name))))
}

/// Where an answer is sent: with who gives it (RFC 9207), so that a program of several portals cannot mix them up.
fn answer_address(portal: &Portal, redirect_url: &str, form: &Form, answer: &[(&str, &str)]) -> String {
    let issuer = portal.app.config.public_url.as_str();
    let parameters = [answer, &[("state", form.value("state")), ("iss", issuer)]].concat();
    let query = urls::with_query("", &parameters);
    match redirect_url.contains('?') {
        true => format!("{redirect_url}&{}", query.trim_start_matches('?')),
        false => format!("{redirect_url}{query}"),
    }
}

fn refusal_address(portal: &Portal, redirect_url: &str, form: &Form, refusal: Refusal) -> String {
    let answer = [("error", refusal.code.slug()), ("error_description", refusal.description)];
    answer_address(portal, redirect_url, form, &answer)
}

/// What a person can answer, or the answer if nobody is asked.
async fn look(portal: &Portal, form: &Form) -> WebResult<Result<ConsentRequest, Response>> {
    match ops::oauth::consent::look(&portal.app, &request(form)).await? {
        Ok(asked) => Ok(Ok(asked)),
        Err(Unaskable::Page(reason)) => Err(WebError::Refused(Reason::from(reason))),
        Err(Unaskable::Back { redirect_url, refusal }) => {
            Ok(Err(Redirect::to(&refusal_address(portal, &redirect_url, form, refusal)).into_response()))
        }
    }
}

const NOT_OPEN: Refusal = Refusal {
    code: ErrorCode::AccessDenied,
    description: "The application belongs to another company, and is not published.",
};
const DENIED: Refusal = Refusal { code: ErrorCode::AccessDenied, description: "The person did not allow it." };

#[derive(Template)]
#[template(path = "applications/authorize.html")]
struct ConsentPage<'a> {
    frame: Frame,
    asked: &'a ConsentRequest,
    hidden: Vec<(&'static str, &'a str)>,
    /// Where to go back to, if the person may not allow it.
    back: Option<String>,
}

pub async fn page(State(portal): State<Portal>, me: WebResult<Me>, QueryForm(form): QueryForm) -> WebResult<Response> {
    let asked = match look(&portal, &form).await? {
        Ok(asked) => asked,
        Err(answer) => return Ok(answer),
    };
    let me = me.map_err(|error| match error {
        WebError::SignIn(_) => WebError::SignIn(here(&form)),
        error => error,
    })?;
    let is_open = asked.application.is_open_to(&me.actor.company_path);
    let frame = Frame::of(&portal, &me, "Allow an application").await?;
    let target = form_target(&asked.redirect_url);
    let hidden = PARAMETERS.into_iter().filter(|name| form.has(name)).map(|name| (name, form.value(name))).collect();
    let back = (!is_open).then(|| refusal_address(&portal, &asked.redirect_url, &form, NOT_OPEN));
    let csp = HeaderValue::from_str(&guard::csp_with_form_target(&target)).map_err(|_| WebError::BadRequest)?;
    let mut response = render(&ConsentPage { frame, asked: &asked, hidden, back })?;
    if !is_open {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
    // The form's answer leads to the application, which browsers refuse unless the page says so.
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, csp);
    Ok(response)
}

pub async fn decide(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let asked = match look(&portal, &form).await? {
        Ok(asked) => asked,
        Err(answer) => return Ok(answer),
    };
    let address = if form.value("decision") == "allow" {
        let code = ops::oauth::consent::allow(&portal.app, &me.actor, &operation_id, &request(&form)).await?;
        answer_address(&portal, &asked.redirect_url, &form, &[("code", code.reveal())])
    } else {
        refusal_address(&portal, &asked.redirect_url, &form, DENIED)
    };
    Ok(Redirect::to(&address).into_response())
}
