//! The window for editing a company's billing data.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::store::companies::Company;
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "companies/billing.html")]
struct BillingWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    back: &'a str,
}

async fn show(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let kept = ops::billing::get(&portal.app, &me.actor, id).await?;
    if company.may_buy_vouchers != 1 && kept.is_none() {
        return Err(WebError::NotFound);
    }
    let form = form.or_billing(kept);
    let frame = Frame::of(portal, me, "Billing data").await?;
    let otherwise = urls::company(id);
    let back = view::back(&form, &otherwise);
    page_of_form(&portal.app, &BillingWindow { frame, form: &form, company, back }, &form)
}

pub async fn window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    show(&portal, &me, id, form).await
}

pub async fn save(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::billing::save(&portal.app, &me.actor, &operation_id, id, &form.billing_fields()).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::company(id)), &operation_id)),
        Err(error) => show(&portal, &me, id, form.refused(error)?).await,
    }
}
