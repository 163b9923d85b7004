//! Two-factor authentication in the account settings: choosing a method, setting it up, recovery codes, and turning it
//! off.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::account::present;
use super::confirm;
use crate::model::refusal::SecondFactorReason;
use crate::model::second_factor::SecondFactor;
use crate::model::user::PendingSetup;
use crate::ops;
use crate::ops::confirmation::Confirmed;
use crate::ops::error::OpResult;
use crate::ops::second_factor::{AppSecret, Change, NewCodes};
use crate::store::tokens::ListedToken;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit, Visitor};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::web::{qr, session};
use crate::words;

#[derive(Template)]
#[template(path = "second_factor/choice.html")]
struct ChoicePage {
    frame: Frame,
    has_mail: bool,
}

impl ChoicePage {
    fn owes_longer_password(&self) -> bool {
        self.frame.actor.pending_setup == Some(PendingSetup::LongerPassword)
    }

    fn is_on(&self, slug: &str) -> bool {
        self.frame.actor.second_factor == SecondFactor::from_slug(slug)
    }
}

/// Shows the methods. What was chosen as Authentication type on the Security page leads on to its steps.
pub async fn choice(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    if let Some(step) = step_to(&me, form.value("type")) {
        return Ok(Redirect::to(step).into_response());
    }
    let frame = Frame::of(&portal, &me, "Two-factor authentication").await?;
    page(&ChoicePage { frame, has_mail: portal.app.config.mail.is_some() })
}

/// The page that leads to an authentication type; the Security page if nothing would change. An app leads to another
/// app: phones are lost.
fn step_to(me: &Me, wanted: &str) -> Option<&'static str> {
    match (wanted, me.actor.second_factor) {
        ("none", Some(_)) => Some(urls::SECOND_FACTOR_OFF),
        ("none", None) | ("email", Some(SecondFactor::Email)) => Some(urls::SECURITY),
        ("email", _) => Some(urls::SECOND_FACTOR_EMAIL),
        ("totp", _) => Some(urls::SECOND_FACTOR_APP),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "second_factor/app.html")]
struct AppPage<'a> {
    frame: Frame,
    form: &'a Form,
    secret: AppSecret,
    qr: qr::Svg,
}

impl AppPage<'_> {
    /// The secret in groups of four, which are easier to type.
    fn groups(&self) -> String {
        let groups = self.secret.text.as_bytes().chunks(4).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join(" ")
    }
}

/// The set-up page. After a refusal it keeps the secret, which the app may already have.
async fn show_app(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let pending = ops::second_factor::app_secret(&portal.app, &me.actor, form.value("secret"));
    let secret = match pending {
        Some(secret) => secret,
        None => ops::second_factor::new_app_secret(&portal.app, &me.actor)?,
    };
    let frame = Frame::of(portal, me, "Set up authenticator app").await?;
    let qr = qr::svg(&secret.address, 200)?;
    page_of_form(&portal.app, &AppPage { frame, form, secret, qr }, form)
}

pub async fn app(Visit(portal, me): Visit) -> WebResult<Response> {
    confirm_change(&portal, &me, urls::SECOND_FACTOR_APP).await?;
    show_app(&portal, &me, &Form::filled(&[("end_others", "1")])).await
}

pub async fn turn_on_app(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    confirm_change(&portal, &me, urls::SECOND_FACTOR_APP).await?;
    let but = others_end(&me, &form);
    let change = Change { operation_id: &operation_id, but: but.as_deref() };
    let (password, sealed, code) = (me.again(form.value("password")), form.value("secret"), form.value("code"));
    match ops::second_factor::turn_on_app(&portal.app, &me.actor, &change, password, sealed, code).await {
        Ok(made) => turned_on(&portal, &me, made).await,
        Err(error) => show_app(&portal, &me, &form.clone().refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "second_factor/email.html")]
struct EmailPage<'a> {
    frame: Frame,
    form: &'a Form,
    has_mail: bool,
}

async fn show_email(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Set up codes by e-mail").await?;
    let has_mail = portal.app.config.mail.is_some();
    page_of_form(&portal.app, &EmailPage { frame, form, has_mail }, form)
}

pub async fn email(Visit(portal, me): Visit) -> WebResult<Response> {
    confirm_change(&portal, &me, urls::SECOND_FACTOR_EMAIL).await?;
    show_email(&portal, &me, &Form::filled(&[("end_others", "1")])).await
}

pub async fn mail_code(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let session = me.session_mark();
    match ops::second_factor::mail_turn_on_code(&portal.app, &me.actor, &operation_id, &session).await {
        Ok(_) => Ok(view::done(urls::SECOND_FACTOR_EMAIL, &operation_id)),
        Err(error) => show_email(&portal, &me, &form.refused(error)?).await,
    }
}

pub async fn turn_on_email(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    confirm_change(&portal, &me, urls::SECOND_FACTOR_EMAIL).await?;
    let but = others_end(&me, &form);
    let change = Change { operation_id: &operation_id, but: but.as_deref() };
    let (password, session) = (me.again(form.value("password")), me.session_mark());
    let code = form.value("code");
    match ops::second_factor::turn_on_email(&portal.app, &me.actor, &change, password, &session, code).await {
        Ok(made) => turned_on(&portal, &me, made).await,
        Err(error) => show_email(&portal, &me, &form.clone().refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "second_factor/recovery.html")]
struct RecoveryPage<'a> {
    frame: Frame,
    form: &'a Form,
    left: i64,
}

async fn show_recovery(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    require_on(me)?;
    let left = ops::second_factor::recovery_codes_left(&portal.app, &me.actor).await?;
    let frame = Frame::of(portal, me, "New recovery codes").await?;
    page_of_form(&portal.app, &RecoveryPage { frame, form, left }, form)
}

pub async fn recovery(Visit(portal, me): Visit) -> WebResult<Response> {
    confirm::require(&portal, &me, urls::RECOVERY_CODES).await?;
    show_recovery(&portal, &me, &Form::default()).await
}

pub async fn make_recovery_codes(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    confirm::require(&portal, &me, urls::RECOVERY_CODES).await?;
    let but = others_end(&me, &form);
    let change = Change { operation_id: &operation_id, but: but.as_deref() };
    match ops::second_factor::make_recovery_codes(&portal.app, &me.actor, &change).await {
        Ok(made) => show_codes(&portal, &me, made).await,
        Err(error) => show_recovery(&portal, &me, &form.clone().refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "second_factor/codes.html")]
struct CodesPage {
    frame: Frame,
    codes: Option<Vec<String>>,
}

/// Recovery codes are shown once, in the response itself: no address leads to them.
async fn show_codes(portal: &Portal, me: &Me, made: NewCodes) -> WebResult<Response> {
    let mut frame = Frame::of(portal, me, "Recovery codes").await?;
    frame.notice = Some(words::event(&made.event));
    page(&CodesPage { frame, codes: made.codes })
}

#[derive(Template)]
#[template(path = "second_factor/off.html")]
struct OffPage<'a> {
    frame: Frame,
    form: &'a Form,
    password_help: String,
    /// The tokens that end with it.
    tokens: Vec<ListedToken>,
}

async fn show_off(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    require_on(me)?;
    let frame = Frame::of(portal, me, "Turn off two-factor authentication").await?;
    let mut tokens = ops::tokens::list(&portal.app, &me.actor).await?;
    tokens.retain(|t| t.from_console == 0);
    let password_help = words::password_help(false);
    page_of_form(&portal.app, &OffPage { frame, form, password_help, tokens }, form)
}

pub async fn off(Visit(portal, me): Visit) -> WebResult<Response> {
    confirm::require(&portal, &me, urls::SECOND_FACTOR_OFF).await?;
    show_off(&portal, &me, &Form::filled(&[("end_others", "1")])).await
}

pub async fn turn_off(Visit(portal, me): Visit, visitor: Visitor, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    confirm::require(&portal, &me, urls::SECOND_FACTOR_OFF).await?;
    let but = others_end(&me, &form);
    let change = Change { operation_id: &operation_id, but: but.as_deref() };
    let (new, again) = (form.value("new_password"), form.value("new_password_again"));
    match ops::second_factor::turn_off(&portal.app, &me.actor, &change, new, again).await {
        Ok(signed_in) => {
            if let Some(who) = signed_in {
                let confirmed = session::confirmed(&me.session).await?;
                session::begin(&me.session, &who, &me.actor.address, &visitor.user_agent, confirmed).await?;
            }
            Ok(view::done(urls::SECURITY, &operation_id))
        }
        Err(error) => show_off(&portal, &me, &form.clone().refused(error)?).await,
    }
}

/// The current session, if the form asks to end all others.
fn others_end(me: &Me, form: &Form) -> Option<Vec<u8>> {
    (form.value("end_others") == "1").then(|| present(me))
}

/// Replacing a method needs a confirmation by the current one.
async fn confirm_change(portal: &Portal, me: &Me, back: &str) -> WebResult<()> {
    match me.actor.has_second_factor() {
        true => confirm::require(portal, me, back).await,
        false => Ok(()),
    }
}

/// The password and the new factor were given just now, which confirms the session.
async fn turned_on(portal: &Portal, me: &Me, made: NewCodes) -> WebResult<Response> {
    if made.codes.is_some() {
        session::confirm(&me.session, Confirmed::now(&portal.app, true)).await?;
    }
    show_codes(portal, me, made).await
}

fn require_on(me: &Me) -> OpResult<()> {
    match me.actor.second_factor {
        Some(_) => Ok(()),
        None => ops::error::refuse("", SecondFactorReason::Off),
    }
}
