//! Operator: whether the machine's clock is trusted, and confirming that it is right.

use askama::Template;
use axum::response::Response;

use super::confirm;
use crate::model::time::Moment;
use crate::ops;
use crate::ops::clock::Standing;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "clock/accept.html")]
struct ClockPage<'a> {
    frame: Frame,
    form: &'a Form,
    standing: Standing,
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let standing = ops::clock::show(&portal.app, &me.actor).await?;
    let frame = Frame::of(portal, me, "Clock").await?;
    page_of_form(&portal.app, &ClockPage { frame, form, standing }, form)
}

pub async fn page(Visit(portal, me): Visit) -> WebResult<Response> {
    show(&portal, &me, &Form::default()).await
}

pub async fn accept(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    me.actor.require_operator()?;
    confirm::require(&portal, &me, urls::CLOCK).await?;
    let operation_id = form.operation(&portal.app, &me)?;
    let seen = Moment(form.value("seen").parse().unwrap_or_default());
    match ops::clock::accept(&portal.app, &me.actor, &operation_id, seen).await {
        Ok(_) => Ok(view::done(urls::CLOCK, &operation_id)),
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}
