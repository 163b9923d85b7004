//! Signing in and out, links, sign-up: pages that need no sign-in.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderName;
use axum::response::{AppendHeaders, IntoResponse as _, Redirect, Response};
use time::Duration;

use crate::model::refusal::SignInReason;
use crate::ops;
use crate::ops::confirmation::Confirmed;
use crate::ops::set_up::Setup;
use crate::ops::sign_in::{FirstStep, SignIn};
use crate::ops::sign_up::SignUp;
use crate::store::users::Purpose;
use crate::urls;
use crate::web::cookies::{cookie, known_device};
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, QueryForm, Theme, Visit, Visitor};
use crate::web::form::Form;
use crate::web::session;
use crate::web::state::Portal;
use crate::web::view::{Plain, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "auth/sign_in.html")]
struct SignInPage<'a> {
    plain: Plain,
    form: &'a Form,
    is_demo: bool,
    has_sign_up: bool,
    notice: &'a str,
}

/// The demo's accounts, as listed on its sign-in page.
pub const DEMO_ACCOUNTS: [(&str, &str); 5] = [
    ("operator@scrip.test", "the vendor's customer care"),
    ("distributor@scrip.test", "a distributor"),
    ("admin@scrip.test", "a company's administrator"),
    ("customer@scrip.test", "an end customer with a code"),
    ("auditor@scrip.test", "looks, touches nothing"),
];

impl SignInPage<'_> {
    fn accounts(&self) -> [(&'static str, &'static str); 5] {
        DEMO_ACCOUNTS
    }
}

fn show_sign_in(portal: &Portal, theme: Theme, form: &Form) -> WebResult<Response> {
    let notice = match form.value("notice") {
        "password" => "Your password is set. Sign in with it.",
        "email" => "Your new e-mail address is confirmed. Sign in with it.",
        "stopped" => {
            "The change of your e-mail address is stopped, and all your sessions have ended. If you did not ask for it, somebody else can sign in as you: set a new password now, by “Forgotten password” below."
        }
        "lapsed" => "Too much time has passed since the password, or the account has changed. Sign in again.",
        "out" => "You are signed out.",
        "set-up" => "The portal is set up. Sign in to begin.",
        "confirmed" => "Your account is confirmed. Sign in to activate your code.",
        _ => "",
    };
    let page = SignInPage {
        plain: Plain::new("Sign in", theme),
        form,
        is_demo: portal.app.config.demo,
        has_sign_up: portal.app.config.sign_up,
        notice,
    };
    page_of_form(&portal.app, &page, form)
}

pub async fn sign_in_page(
    State(portal): State<Portal>,
    visitor: Visitor,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_sign_in(&portal, visitor.theme, &form)
}

pub async fn sign_in(State(portal): State<Portal>, visitor: Visitor, BodyForm(form): BodyForm) -> WebResult<Response> {
    let given = SignIn {
        email: form.value("email").to_owned(),
        password: form.value("password").to_owned(),
        from: visitor.origin(),
    };
    let who = match ops::sign_in::sign_in(&portal.app, &given).await {
        Ok(FirstStep::SignedIn(who)) => who,
        Ok(FirstStep::Pending(pending)) => {
            session::begin_pending(&visitor.session, &pending).await?;
            let second = urls::with_query(urls::SIGN_IN_CODE, &[("next", form.value("next"))]);
            return Ok(Redirect::to(&second).into_response());
        }
        Err(error) => return show_sign_in(&portal, visitor.theme, &form.refused(error)?),
    };
    let confirmed = Some(Confirmed::now(&portal.app, false));
    session::begin(&visitor.session, &who, &visitor.address, &visitor.user_agent, confirmed).await?;
    let known = known_device(&portal, &given.email);
    Ok((AppendHeaders([known]), Redirect::to(next_page(&form))).into_response())
}

/// Where to go after signing in.
pub fn next_page(form: &Form) -> &str {
    let next = form.value("next");
    if urls::is_local(next) { next } else { urls::OVERVIEW }
}

pub async fn sign_out(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    ops::sign_in::signed_out(&portal.app, &me.actor).await?;
    me.session.flush().await?;
    let clear = [(HeaderName::from_static("clear-site-data"), "\"cache\", \"storage\"")];
    Ok((clear, Redirect::to(&urls::with_query(urls::SIGN_IN, &[("notice", "out")]))).into_response())
}

#[derive(Template)]
#[template(path = "auth/forgotten.html")]
struct ForgottenPage<'a> {
    plain: Plain,
    form: &'a Form,
    has_mail: bool,
    is_sent: bool,
}

fn show_forgotten(portal: &Portal, theme: Theme, form: &Form, is_sent: bool) -> WebResult<Response> {
    let has_mail = portal.app.config.mail.is_some();
    page_of_form(
        &portal.app,
        &ForgottenPage { plain: Plain::new("Forgotten password", theme), form, has_mail, is_sent },
        form,
    )
}

pub async fn forgotten_page(
    State(portal): State<Portal>,
    visitor: Visitor,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_forgotten(&portal, visitor.theme, &form, false)
}

pub async fn forgotten(
    State(portal): State<Portal>,
    visitor: Visitor,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    match ops::password_reset::forgot_password(&portal.app, form.value("email"), &visitor.address).await {
        Ok(()) => show_forgotten(&portal, visitor.theme, &form, true),
        Err(error) => show_forgotten(&portal, visitor.theme, &form.refused(error)?, false),
    }
}

/// Puts a link's secret into a cookie and redirects, so that no page has it in its address.
pub async fn follow_link(State(portal): State<Portal>, Path(token): Path<String>) -> WebResult<Response> {
    if token.len() != 40 || !token.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(WebError::NotFound);
    }
    let kept = cookie(&portal, portal.cookie_names.link, &token, Duration::seconds(ops::links::INVITE_LINK_SECONDS));
    Ok((AppendHeaders([kept]), Redirect::to(urls::LINK_PAGE)).into_response())
}

#[derive(Template)]
#[template(path = "auth/link.html")]
struct LinkPage<'a> {
    plain: Plain,
    form: &'a Form,
    what: &'static str,
    email: &'a str,
    new_email: &'a str,
    password_help: String,
    dead: String,
}

fn show_link(portal: &Portal, visitor: &Visitor, open: &ops::links::OpenLink, form: &Form) -> WebResult<Response> {
    let (what, title) = match open.purpose {
        Purpose::Setup => ("setup", "Set up the portal"),
        Purpose::Invite | Purpose::Reset => ("password", "Set your password"),
        Purpose::Email => ("email", "Confirm your new e-mail address"),
        Purpose::StopEmail => ("stop", "Stop the change of your e-mail address"),
        Purpose::SignUp => ("sign-up", "Confirm your account"),
    };
    let page = LinkPage {
        plain: Plain::new(title, visitor.theme),
        form,
        what,
        email: &open.email,
        new_email: &open.new_email,
        password_help: words::password_help(open.has_second_factor),
        dead: String::new(),
    };
    page_of_form(&portal.app, &page, form)
}

fn show_dead_link(portal: &Portal, visitor: &Visitor) -> WebResult<Response> {
    let form = Form::default();
    let dead = words::reason(&SignInReason::LinkDead.into()).sentence.into_owned();
    let page = LinkPage {
        plain: Plain::new("This link no longer works", visitor.theme),
        form: &form,
        what: "dead",
        email: "",
        new_email: "",
        password_help: String::new(),
        dead,
    };
    let mut response = page_of_form(&portal.app, &page, &form)?;
    *response.status_mut() = axum::http::StatusCode::GONE;
    Ok(response)
}

pub async fn link_page(State(portal): State<Portal>, visitor: Visitor) -> WebResult<Response> {
    let Some(token) = &visitor.link else { return show_dead_link(&portal, &visitor) };
    match ops::links::look_at_link(&portal.app, token).await {
        Ok(open) => show_link(&portal, &visitor, &open, &Form::default()),
        Err(ops::error::OpError::Refused(..)) => show_dead_link(&portal, &visitor),
        Err(error) => Err(error.into()),
    }
}

pub async fn use_link(State(portal): State<Portal>, visitor: Visitor, BodyForm(form): BodyForm) -> WebResult<Response> {
    let app = &portal.app;
    let Some(token) = visitor.link.clone() else { return show_dead_link(&portal, &visitor) };
    let open = match ops::links::look_at_link(app, &token).await {
        Ok(open) => open,
        Err(ops::error::OpError::Refused(..)) => return show_dead_link(&portal, &visitor),
        Err(error) => return Err(error.into()),
    };
    let (password, repeated) = (form.value("new_password"), form.value("new_password_again"));
    let (outcome, notice) = match open.purpose {
        Purpose::Setup => {
            let setup = Setup {
                company: form.value("company").to_owned(),
                email: form.value("email").to_owned(),
                password: password.to_owned(),
                again: repeated.to_owned(),
                address: visitor.address.clone(),
            };
            (ops::set_up::set_up(app, &token, &setup).await, "set-up")
        }
        Purpose::Invite | Purpose::Reset => (
            ops::password_reset::set_password_by_link(app, &token, password, repeated, &visitor.address).await,
            "password",
        ),
        Purpose::Email => (ops::addresses::confirm(app, &token, &visitor.address).await, "email"),
        Purpose::StopEmail => (ops::addresses::stop(app, &token, &visitor.address).await, "stopped"),
        Purpose::SignUp => {
            return match ops::sign_up::confirm(app, &token, (password, repeated), &visitor.address).await {
                Ok(who) => {
                    let (address, agent) = (&visitor.address, &visitor.user_agent);
                    session::begin(&visitor.session, &who, address, agent, None).await?;
                    Ok(Redirect::to(urls::REDEEM).into_response())
                }
                Err(error) => show_link(&portal, &visitor, &open, &form.refused(error)?),
            };
        }
    };
    match outcome {
        Ok(()) => {
            let gone = cookie(&portal, portal.cookie_names.link, "", Duration::ZERO);
            let next = urls::with_query(urls::SIGN_IN, &[("notice", notice)]);
            Ok((AppendHeaders([gone]), Redirect::to(&next)).into_response())
        }
        Err(error) => show_link(&portal, &visitor, &open, &form.refused(error)?),
    }
}

#[derive(Template)]
#[template(path = "auth/sign_up.html")]
struct SignUpPage<'a> {
    plain: Plain,
    form: &'a Form,
    has_mail: bool,
    is_sent: bool,
}

fn show_sign_up(portal: &Portal, theme: Theme, form: &Form, is_sent: bool) -> WebResult<Response> {
    if !portal.app.config.sign_up {
        return Err(WebError::NotFound);
    }
    let has_mail = portal.app.config.mail.is_some();
    page_of_form(
        &portal.app,
        &SignUpPage { plain: Plain::new("Create an account", theme), form, has_mail, is_sent },
        form,
    )
}

pub async fn sign_up_page(
    State(portal): State<Portal>,
    visitor: Visitor,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    show_sign_up(&portal, visitor.theme, &form, false)
}

pub async fn sign_up(State(portal): State<Portal>, visitor: Visitor, BodyForm(form): BodyForm) -> WebResult<Response> {
    let given = SignUp {
        company: form.value("company").to_owned(),
        email: form.value("email").to_owned(),
        code: form.value("code").to_owned(),
        address: visitor.address.clone(),
    };
    match ops::sign_up::ask(&portal.app, &given).await {
        Ok(Some(link)) => Ok(Redirect::to(&link).into_response()),
        Ok(None) => show_sign_up(&portal, visitor.theme, &form, true),
        Err(error) => show_sign_up(&portal, visitor.theme, &form.refused(error)?, false),
    }
}

/// Stores the colour scheme in a cookie.
pub async fn theme(State(portal): State<Portal>, BodyForm(form): BodyForm) -> Response {
    let theme = Theme::from_slug(form.value("theme"));
    let back = form.value("back");
    let back = if urls::is_local(back) { back } else { urls::OVERVIEW };
    let kept = cookie(&portal, portal.cookie_names.theme, theme.slug(), Duration::days(365));
    (AppendHeaders([kept]), Redirect::to(back)).into_response()
}
