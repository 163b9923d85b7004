//! Account settings, API: access tokens.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::confirm;
use crate::model::token::Scope;
use crate::ops;
use crate::ops::tokens::{MadeToken, TokenForm};
use crate::store::tokens::ListedToken;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "account/tokens.html")]
struct TokensPage {
    frame: Frame,
    tokens: Vec<ListedToken>,
    now: i64,
}

impl TokensPage {
    fn is_expired(&self, token: &ListedToken) -> bool {
        token.expires_at.is_some_and(|at| at <= self.now)
    }
}

pub async fn list(Visit(portal, me): Visit) -> WebResult<Response> {
    let tokens = ops::tokens::list(&portal.app, &me.actor).await?;
    let frame = Frame::of(&portal, &me, "Access tokens").await?;
    page(&TokensPage { frame, tokens, now: portal.app.clock.now().0 })
}

#[derive(Template)]
#[template(path = "account/token_new.html")]
struct NewTokenWindow<'a> {
    frame: Frame,
    form: &'a Form,
    scopes: &'static [Scope],
}

impl NewTokenWindow<'_> {
    fn is_chosen(&self, scope: &Scope) -> bool {
        self.form.all("scope").any(|slug| slug == scope.slug())
    }
}

async fn show_new(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Add new access token").await?;
    page_of_form(&portal.app, &NewTokenWindow { frame, form, scopes: &Scope::ALL }, form)
}

/// The dialog, filled with what was typed before a confirmation was required.
pub async fn new_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    if !me.actor.has_second_factor() {
        return Ok(Redirect::to(urls::TOKENS).into_response()); // It asks for a second factor first.
    }
    confirm::require(&portal, &me, &me.here).await?;
    let last_day = ops::tokens::usual_last_day(&portal.app, &me.actor);
    // Unmasked codes are as good as cash, so the default scope does not show them.
    show_new(&portal, &me, &form.or("last_day", last_day).or("scope", Scope::CodesList.slug())).await
}

/// The dialog's address with what was typed.
fn window_again(form: &Form) -> String {
    let mut typed: Vec<(&str, &str)> =
        ["name", "last_day", "no_end", "networks"].map(|field| (field, form.value(field))).to_vec();
    typed.extend(form.all("scope").map(|slug| ("scope", slug)));
    urls::with_query(urls::TOKENS_NEW, &typed)
}

pub async fn create(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    if me.actor.has_second_factor() {
        confirm::require(&portal, &me, &window_again(&form)).await?;
    }
    let wanted = TokenForm {
        name: form.value("name"),
        scopes: form.all("scope").collect(),
        last_day: form.value("last_day"),
        has_no_end: form.value("no_end") == "1",
        networks: form.value("networks"),
    };
    match ops::tokens::create(&portal.app, &me.actor, &operation_id, &wanted).await {
        Ok(made) => show_made(&portal, &me, &made, form.value("name")).await,
        Err(error) => show_new(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "account/token_made.html")]
struct MadePage<'a> {
    frame: Frame,
    name: &'a str,
    token: Option<&'a str>,
}

/// A token is shown once, in the response itself: no address leads to it.
async fn show_made(portal: &Portal, me: &Me, made: &MadeToken, name: &str) -> WebResult<Response> {
    let mut frame = Frame::of(portal, me, "Personal access token").await?;
    frame.notice = Some(words::event(&made.event));
    page(&MadePage { frame, name, token: made.token.as_ref().map(|t| t.reveal()) })
}

#[derive(Template)]
#[template(path = "account/token_revoke.html")]
struct RevokeWindow<'a> {
    frame: Frame,
    form: &'a Form,
    token: ListedToken,
}

async fn show_revoke(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    let token = ops::tokens::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Revoke access token").await?;
    page_of_form(&portal.app, &RevokeWindow { frame, form, token }, form)
}

pub async fn revoke_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    show_revoke(&portal, &me, id, &Form::default()).await
}

pub async fn revoke(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::tokens::revoke(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => Ok(view::done(urls::TOKENS, &operation_id)),
        Err(error) => show_revoke(&portal, &me, id, &form.refused(error)?).await,
    }
}
