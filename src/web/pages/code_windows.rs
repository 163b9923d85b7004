//! The windows to create codes, and to comment on or delete one.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::codes::ShownCode;
use crate::ops::watched::{Way, codes_shown};
use crate::store::companies::Company;
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "codes/create.html")]
struct CreateWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    back: &'a str,
}

async fn show_create(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    let id = form.value("company").parse().unwrap_or(me.actor.company_id);
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Create new code").await?;
    page_of_form(
        &portal.app,
        &CreateWindow { frame, form, company, back: view::back(form, urls::RESOURCES_CODES) },
        form,
    )
}

pub async fn create_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_create(&portal, &me, &form.or("type", "credit").or("count", "1")).await
}

pub async fn create(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let company_id = form.value("company").parse().map_err(|_| WebError::NotFound)?;
    let resource_type = form::read(&mut form, "type", form::resource_type);
    let amount = form::read(&mut form, "amount", form::amount);
    let count = form::read(&mut form, "count", count);
    let (Some(resource_type), Some(amount), Some(count)) = (resource_type, amount, count) else {
        return show_create(&portal, &me, &form).await;
    };
    let comment = form.value("comment").to_owned();
    let order = ops::codes::changes::CodeOrder { company_id, resource_type, amount, comment: &comment, count };
    if count > ops::codes::changes::CODES_AT_ONCE_MAX {
        return match ops::code_batches::create(&portal.app, &me.actor, &operation_id, &order).await {
            Ok(outcome) => Ok(view::done(&urls::code_batch(outcome.about.id), &operation_id)),
            Err(error) => show_create(&portal, &me, &form.refused(error)?).await,
        };
    }
    match ops::codes::changes::create(&portal.app, &me.actor, &operation_id, &order).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES_CODES), &operation_id)),
        Err(error) => show_create(&portal, &me, &form.refused(error)?).await,
    }
}

/// How many codes: one by default.
fn count(text: &str) -> Result<i64, FieldReason> {
    use crate::model::amount::{AmountError, parse};
    let maximum = ops::code_batches::CODES_MAX;
    match parse(text) {
        Err(AmountError::Missing) => Ok(1),
        Ok(count) if count <= maximum => Ok(count),
        _ => Err(FieldReason::NotBetween { minimum: 1, maximum }),
    }
}

/// A code for a window about it.
async fn shown_one(portal: &Portal, me: &Me, id: i64) -> WebResult<ShownCode> {
    let code = ops::codes::find(&portal.app, &me.actor, id).await?.shown;
    let what = format!("Code #{id}");
    codes_shown(&portal.app, &me.actor, Way::Shown, code.row.company_id, &what, [&code]).await?;
    Ok(code)
}

#[derive(Template)]
#[template(path = "codes/comment.html")]
struct CommentWindow<'a> {
    frame: Frame,
    form: &'a Form,
    code: ShownCode,
    back: &'a str,
}

async fn show_comment(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    let code = shown_one(portal, me, id).await?;
    let form = form.or("comment", code.row.comment.clone());
    let frame = Frame::of(portal, me, "Edit comment").await?;
    let otherwise = urls::company_part(code.row.company_id, "codes");
    page_of_form(&portal.app, &CommentWindow { frame, form: &form, code, back: view::back(&form, &otherwise) }, &form)
}

pub async fn comment_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_comment(&portal, &me, id, form).await
}

pub async fn set_comment(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::codes::changes::set_comment(&portal.app, &me.actor, &operation_id, id, form.value("comment")).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES_CODES), &operation_id)),
        Err(error) => show_comment(&portal, &me, id, form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "codes/delete.html")]
struct DeleteWindow<'a> {
    frame: Frame,
    form: &'a Form,
    code: ShownCode,
    back: &'a str,
}

async fn show_delete(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    let code = shown_one(portal, me, id).await?;
    let frame = Frame::of(portal, me, "Delete code").await?;
    let otherwise = urls::company_part(code.row.company_id, "codes");
    page_of_form(&portal.app, &DeleteWindow { frame, form, code, back: view::back(form, &otherwise) }, form)
}

pub async fn delete_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_delete(&portal, &me, id, &form).await
}

pub async fn delete(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::codes::changes::delete(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES_CODES), &operation_id)),
        Err(error) => show_delete(&portal, &me, id, &form.refused(error)?).await,
    }
}
