//! Devices from a file: uploaded, checked, started, watched, stopped.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::ops::companies::Choices;
use crate::ops::imports::Shown;
use crate::store::imports::Import;
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Uploaded, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

/// How many bad rows are listed; a file with more has some other fault.
const SHOWN_PROBLEMS: usize = 200;

#[derive(Template)]
#[template(path = "devices/imports.html")]
struct ListPage {
    frame: Frame,
    imports: Vec<Import>,
}

pub async fn list(Visit(portal, me): Visit) -> WebResult<Response> {
    let imports = ops::imports::latest(&portal.app, &me.actor).await?;
    let frame = Frame::of(&portal, &me, "Imports").await?;
    page(&ListPage { frame, imports })
}

#[derive(Template)]
#[template(path = "devices/import_window.html")]
struct ImportWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    back: &'a str,
}

async fn show_window(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    me.actor.require(Permission::SetService)?;
    let (form, choices) = choices(portal, me, form, &["company"]).await?;
    let frame = Frame::of(portal, me, "Import devices").await?;
    let back = view::back(&form, urls::DEVICES);
    page_of_form(&portal.app, &ImportWindow { frame, form: &form, choices, back }, &form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    show_window(&portal, &me, &form.or("company", own)).await
}

/// A file takes precedence over pasted text. After a refusal the field shows the file's text.
pub async fn check(Visit(portal, me): Visit, Uploaded(mut form): Uploaded) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    me.actor.require(Permission::SetService)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let file = form.value("file").to_owned();
    if !file.trim().is_empty() {
        form.set("text", file);
    }
    let Some(company) = read_company(&portal, &me, &mut form, "company").await? else {
        return show_window(&portal, &me, &form).await;
    };
    match ops::imports::check(&portal.app, &me.actor, &operation_id, company, form.value("text")).await {
        Ok(outcome) => Ok(view::done(&urls::import(outcome.about), &operation_id)),
        Err(error) => show_window(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "devices/import.html")]
struct ImportPage {
    frame: Frame,
    import: Import,
    /// Line numbers, and what is wrong there.
    problems: Vec<(i64, String)>,
    more_problems: i64,
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let Shown { import, problems } = ops::imports::find(&portal.app, &me.actor, id).await?;
    let more_problems = problems.len().saturating_sub(SHOWN_PROBLEMS) as i64;
    let problems = problems.iter().take(SHOWN_PROBLEMS).map(|(line, why)| (*line, words::row_error(why))).collect();
    let frame = Frame::of(&portal, &me, format!("Import #{id}")).await?;
    page(&ImportPage { frame, import, problems, more_problems })
}

pub async fn start(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::imports::start(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(&urls::import(id), &operation_id))
}

pub async fn cancel(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::imports::cancel(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(&urls::import(id), &operation_id))
}
