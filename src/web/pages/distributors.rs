//! Operator: Distributors.

use askama::Template;
use axum::response::Response;

use crate::model::{company, country};
use crate::ops;
use crate::ops::companies::Choices;
use crate::store::distributors::{Distributor, DistributorFilter};
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

#[derive(Template)]
#[template(path = "distributors/list.html")]
struct ListPage<'a> {
    frame: Frame,
    form: &'a Form,
    distributors: Vec<Distributor>,
    next: Option<String>,
    is_first: bool,
    /// This page with its search, to return to.
    here: String,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let text: String = form.value("q").chars().take(200).collect();
    let after = cursor(form.value("after"));
    let is_first = after.is_none();
    let filter = DistributorFilter { text: text.clone(), after, limit: PAGE_SIZE + 1 };
    let mut distributors = ops::distributors::list(&portal.app, &me.actor, &filter).await?;
    let next = next_page(&mut distributors)
        .map(|after| urls::with_query(urls::DISTRIBUTORS, &[("q", &text), ("after", &after)]));
    let frame = Frame::of(&portal, &me, "Distributors").await?;
    let here = urls::with_query(urls::DISTRIBUTORS, &[("q", &text), ("after", form.value("after"))]);
    page(&ListPage { frame, form: &form, distributors, next, is_first, here })
}

/// The start of the next page: the id and the name of this page's last row.
fn next_page(distributors: &mut Vec<Distributor>) -> Option<String> {
    cut(distributors).map(|last| format!("{}.{}", last.id, company::searchable(&last.name)))
}

/// Parses the result of [`next_page`].
fn cursor(text: &str) -> Option<(String, i64)> {
    let (id, name) = text.split_once('.')?;
    Some((name.to_owned(), id.parse().ok()?))
}

#[derive(Template)]
#[template(path = "distributors/new.html")]
struct ActivateWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
}

async fn show_activate(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require_operator()?;
    let (form, choices) = choices(portal, me, form, &["company"]).await?;
    let frame = Frame::of(portal, me, "Activate a company").await?;
    page_of_form(&portal.app, &ActivateWindow { frame, form: &form, choices }, &form)
}

pub async fn activate_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show_activate(&portal, &me, &form).await
}

pub async fn activate(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require_operator()?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(id) = read_company(&portal, &me, &mut form, "company").await? else {
        return show_activate(&portal, &me, &form).await;
    };
    match ops::distributors::set_may_buy(&portal.app, &me.actor, &operation_id, id, true).await {
        Ok(_) => Ok(view::done(urls::DISTRIBUTORS, &operation_id)),
        Err(error) => show_activate(&portal, &me, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "distributors/end.html")]
struct DeactivateWindow<'a> {
    frame: Frame,
    distributor: Distributor,
    back: &'a str,
}

pub async fn deactivate_window(
    Visit(portal, me): Visit,
    Id(id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let distributor = ops::distributors::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "Deactivate a distributor").await?;
    page(&DeactivateWindow { frame, distributor, back: view::back(&form, urls::DISTRIBUTORS) })
}

pub async fn deactivate(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::distributors::set_may_buy(&portal.app, &me.actor, &operation_id, id, false).await?;
    Ok(view::done(view::back(&form, urls::DISTRIBUTORS), &operation_id))
}

pub async fn set_reverse_charge(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let on = form.switch("on")?;
    ops::distributors::set_reverse_charge(&portal.app, &me.actor, &operation_id, id, on).await?;
    Ok(view::done(view::back(&form, urls::DISTRIBUTORS), &operation_id))
}
