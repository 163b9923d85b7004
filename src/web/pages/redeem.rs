//! Redeem code: at once, or after previewing what the code holds.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::ops::codes::changes::Preview;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "redeem/window.html")]
struct RedeemPage<'a> {
    frame: Frame,
    form: &'a Form,
    preview: Option<Preview>,
    back: &'a str,
}

async fn show(portal: &Portal, me: &Me, form: &Form, preview: Option<Preview>) -> WebResult<Response> {
    me.actor.require(Permission::ActivateCodes)?;
    let frame = Frame::of(portal, me, "Redeem code").await?;
    page_of_form(&portal.app, &RedeemPage { frame, form, preview, back: view::back(form, urls::REDEEM) }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    // A code in the query would end up in logs, so it is ignored there.
    let blank = Form::filled(&[("back", form.value("back"))]);
    show(&portal, &me, &blank, None).await
}

pub async fn redeem(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let code = form.value("code");
    let error = if form.has("check") {
        match ops::codes::changes::preview(&portal.app, &me.actor, code).await {
            Ok(preview) => return show(&portal, &me, &form, Some(preview)).await,
            Err(error) => error,
        }
    } else {
        match ops::codes::changes::redeem(&portal.app, &me.actor, &operation_id, code).await {
            Ok(_) => return Ok(view::done(view::back(&form, urls::REDEEM), &operation_id)),
            Err(error) => error,
        }
    };
    show(&portal, &me, &form.refused(error)?, None).await
}
