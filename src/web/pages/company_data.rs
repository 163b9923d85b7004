//! The window in which a company buys data for credits.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::store::companies::Company;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "companies/data.html")]
struct DataWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    per_credit: String,
}

async fn show(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Buy data").await?;
    let per_credit = crate::words::data(portal.app.config.data_mebibytes_per_credit);
    page_of_form(&portal.app, &DataWindow { frame, form, company, per_credit }, form)
}

pub async fn window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    show(&portal, &me, id, &Form::default()).await
}

pub async fn buy(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(credits) = form::read(&mut form, "amount", form::amount) else {
        return show(&portal, &me, id, &form).await;
    };
    match ops::company_data::buy(&portal.app, &me.actor, &operation_id, id, credits).await {
        Ok(_) => Ok(view::done(&urls::company(id), &operation_id)),
        Err(error) => show(&portal, &me, id, &form.refused(error)?).await,
    }
}
