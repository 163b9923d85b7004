//! The VAT classes of the price list: the windows for adding and changing one.

use askama::Template;
use axum::response::Response;

use crate::model::product::VatClass;
use crate::ops;
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Me, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "vat_classes/form.html")]
struct VatClassWindow<'a> {
    frame: Frame,
    form: &'a Form,
    /// `None` for a new class.
    class: Option<VatClass>,
}

async fn show(portal: &Portal, me: &Me, class: Option<VatClass>, form: &Form) -> WebResult<Response> {
    me.actor.require_operator()?;
    let title = if class.is_some() { "Change VAT class" } else { "Add VAT class" };
    let frame = Frame::of(portal, me, title).await?;
    page_of_form(&portal.app, &VatClassWindow { frame, form, class }, form)
}

async fn find(portal: &Portal, me: &Me, id: i64) -> WebResult<VatClass> {
    let classes = ops::vat_classes::list(&portal.app, &me.actor).await?;
    classes.into_iter().find(|class| class.id == id).ok_or(WebError::NotFound)
}

pub async fn add_window(Visit(portal, me): Visit) -> WebResult<Response> {
    show(&portal, &me, None, &Form::default()).await
}

pub async fn add(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let added =
        ops::vat_classes::add(&portal.app, &me.actor, &operation_id, form.value("name"), form.value("rate")).await;
    match added {
        Ok(_) => Ok(view::done(urls::PRICE_LIST, &operation_id)),
        Err(error) => show(&portal, &me, None, &form.refused(error)?).await,
    }
}

pub async fn change_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let class = find(&portal, &me, id).await?;
    let form = Form::filled(&[("name", &class.name), ("rate", &class.rate.to_string())]);
    show(&portal, &me, Some(class), &form).await
}

pub async fn change(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let (name, rate) = (form.value("name"), form.value("rate"));
    match ops::vat_classes::change(&portal.app, &me.actor, &operation_id, id, name, rate).await {
        Ok(_) => Ok(view::done(urls::PRICE_LIST, &operation_id)),
        Err(error) => {
            let class = find(&portal, &me, id).await?;
            show(&portal, &me, Some(class), &form.refused(error)?).await
        }
    }
}
