//! The windows for creating, renaming, moving and removing a company.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::ops::companies::Choices;
use crate::ops::companies::changes::Change;
use crate::store::companies::Company;
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::paging::PAGE_SIZE;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

#[derive(Template)]
#[template(path = "companies/create.html")]
struct CreateWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    back: &'a str,
}

async fn show_create(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let (form, choices) = choices(portal, me, form, &["parent"]).await?;
    let frame = Frame::of(portal, me, "Create company").await?;
    let back = view::back(&form, urls::COMPANIES);
    page_of_form(&portal.app, &CreateWindow { frame, form: &form, choices, back }, &form)
}

pub async fn create_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    show_create(&portal, &me, &form.or("parent", own)).await
}

pub async fn create(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let parent = read_company(&portal, &me, &mut form, "parent").await?;
    form::read(&mut form, "name", crate::model::company::name);
    let Some(parent) = parent.filter(|_| form.problems().is_empty()) else {
        return show_create(&portal, &me, &form).await;
    };
    match ops::companies::changes::create(&portal.app, &me.actor, &operation_id, form.value("name"), parent).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::COMPANIES), &operation_id)),
        Err(error) => show_create(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "companies/rename.html")]
struct RenameWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    back: &'a str,
}

async fn show_rename(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let form = form.or("name", company.name.clone());
    let frame = Frame::of(portal, me, "Rename company").await?;
    let otherwise = urls::company(id);
    page_of_form(&portal.app, &RenameWindow { frame, form: &form, company, back: view::back(&form, &otherwise) }, &form)
}

pub async fn rename_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_rename(&portal, &me, id, form).await
}

pub async fn rename(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let change = Change { name: Some(form.value("name")), ..Change::default() };
    match ops::companies::changes::change(&portal.app, &me.actor, &operation_id, id, change).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::company(id)), &operation_id)),
        Err(error) => show_rename(&portal, &me, id, form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "companies/parent.html")]
struct ParentWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
    choices: Choices,
    back: &'a str,
}

async fn show_parent(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let form = form.or("parent", company.parent_id.unwrap_or_default().to_string());
    let (form, choices) = choices(portal, me, &form, &["parent"]).await?;
    let frame = Frame::of(portal, me, "Put under another company").await?;
    let otherwise = urls::company(id);
    page_of_form(
        &portal.app,
        &ParentWindow { frame, form: &form, company, choices, back: view::back(&form, &otherwise) },
        &form,
    )
}

pub async fn parent_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_parent(&portal, &me, id, form).await
}

pub async fn put_under(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(parent) = read_company(&portal, &me, &mut form, "parent").await? else {
        return show_parent(&portal, &me, id, form).await;
    };
    match ops::companies::changes::put_under(&portal.app, &me.actor, &operation_id, id, parent).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::company(id)), &operation_id)),
        Err(error) => show_parent(&portal, &me, id, form.refused(error)?).await,
    }
}

pub async fn parent_credits(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let on = form.switch("on")?;
    let change = Change { use_parent_credits: Some(on), ..Change::default() };
    ops::companies::changes::change(&portal.app, &me.actor, &operation_id, id, change).await?;
    Ok(view::done(view::back(&form, &urls::company(id)), &operation_id))
}

#[derive(Template)]
#[template(path = "companies/second_factor.html")]
struct SecondFactorWindow {
    frame: Frame,
    company: Company,
}

pub async fn second_factor_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "Two-factor authentication").await?;
    page(&SecondFactorWindow { frame, company })
}

pub async fn demand_second_factor(
    Visit(portal, me): Visit,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let on = form.switch("on")?;
    ops::companies::changes::demand_second_factor(&portal.app, &me.actor, &operation_id, id, on).await?;
    Ok(view::done(&urls::company(id), &operation_id))
}

#[derive(Template)]
#[template(path = "companies/remove.html")]
struct RemoveWindow<'a> {
    frame: Frame,
    form: &'a Form,
    companies: Vec<Company>,
    back: &'a str,
}

async fn show_remove(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditCompanies)?;
    let ids = chosen(form);
    let companies = ops::companies::find_many(&portal.app, &me.actor, &ids).await?;
    let frame = Frame::of(portal, me, "Remove company").await?;
    page_of_form(&portal.app, &RemoveWindow { frame, form, companies, back: view::back(form, urls::COMPANIES) }, form)
}

fn chosen(form: &Form) -> Vec<i64> {
    form.all("company").filter_map(|id| id.parse().ok()).take(PAGE_SIZE as usize).collect()
}

pub async fn remove_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_remove(&portal, &me, &form).await
}

pub async fn remove(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::companies::removal::remove(&portal.app, &me.actor, &operation_id, &chosen(&form)).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::COMPANIES), &operation_id)),
        Err(error) => show_remove(&portal, &me, &form.refused(error)?).await,
    }
}
