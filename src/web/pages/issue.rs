//! Issuing resources, for the operator alone.

use askama::Template;
use axum::response::Response;

use crate::ops;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "moves/issue.html")]
struct IssueWindow<'a> {
    frame: Frame,
    form: &'a Form,
    back: &'a str,
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require_operator()?;
    let frame = Frame::of(portal, me, "Issue resources").await?;
    page_of_form(&portal.app, &IssueWindow { frame, form, back: view::back(form, urls::RESOURCES) }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show(&portal, &me, &form.or("type", "credit")).await
}

pub async fn issue(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require_operator()?;
    let operation_id = form.operation(&portal.app, &me)?;
    let resource_type = form::read(&mut form, "type", form::resource_type);
    let amount = form::read(&mut form, "amount", form::amount);
    let (Some(resource_type), Some(amount)) = (resource_type, amount) else {
        return show(&portal, &me, &form).await;
    };
    match ops::resources::issue(&portal.app, &me.actor, &operation_id, resource_type, amount, form.value("memo")).await
    {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES), &operation_id)),
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}
