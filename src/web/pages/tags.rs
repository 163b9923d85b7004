//! The page Tags under Devices: the list, and the windows that create, change and delete one.

use askama::Template;
use axum::response::Response;

use crate::model::permission::Permission;
use crate::ops;
use crate::ops::companies::Choices;
use crate::ops::tags::TagInput;
use crate::store::tags::{Tag, TagFilter, TagSort};
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

#[derive(Template)]
#[template(path = "tags/list.html")]
struct ListPage<'a> {
    frame: Frame,
    form: &'a Form,
    tags: Vec<Tag>,
    next: Option<String>,
    /// This list with its filter.
    here: String,
    is_filtered: bool,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let after = form.value("after").split_once('.');
    let filter = TagFilter {
        text: form.value("q").chars().take(200).collect(),
        sort: TagSort::Name,
        after_name: after.and_then(|(company_id, name)| Some((name.to_owned(), company_id.parse().ok()?))),
        limit: PAGE_SIZE + 1,
        ..TagFilter::default()
    };
    let mut tags = ops::tags::list(&portal.app, &me.actor, &filter).await?;
    let after =
        cut(&mut tags).map(|last| format!("{}.{}", last.company_id, crate::model::company::searchable(&last.name)));
    let search = ("q", form.value("q"));
    let next = after.map(|after| urls::with_query(urls::TAGS, &[search, ("after", &after)]));
    let here = urls::with_query(urls::TAGS, &[search]);
    let is_filtered = form.has("after") || !form.value("q").is_empty();
    let frame = Frame::of(&portal, &me, "Tags").await?;
    page(&ListPage { frame, form: &form, tags, next, here, is_filtered })
}

#[derive(Template)]
#[template(path = "tags/form.html")]
struct TagWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    /// `None` for a new tag.
    tag: Option<Tag>,
    back: &'a str,
}

async fn show(portal: &Portal, me: &Me, tag: Option<Tag>, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let (form, choices) = choices(portal, me, form, &["company"]).await?;
    let frame = Frame::of(portal, me, if tag.is_some() { "Edit tag" } else { "Create tag" }).await?;
    let back = view::back(&form, urls::TAGS);
    page_of_form(&portal.app, &TagWindow { frame, form: &form, choices, tag, back }, &form)
}

fn input(form: &Form) -> TagInput {
    let text = |field| Some(form.value(field).to_owned());
    TagInput { name: text("name"), description: text("description"), color: text("color") }
}

pub async fn create_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let own = me.actor.company_id.to_string();
    show(&portal, &me, None, &form.or("company", own)).await
}

pub async fn create(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(company) = read_company(&portal, &me, &mut form, "company").await? else {
        return show(&portal, &me, None, &form).await;
    };
    match ops::tags::create(&portal.app, &me.actor, &operation_id, company, &input(&form)).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::TAGS), &operation_id)),
        Err(error) => show(&portal, &me, None, &form.refused(error)?).await,
    }
}

pub async fn edit_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let tag = ops::tags::find(&portal.app, &me.actor, id).await?;
    let form =
        form.or("name", tag.name.clone()).or("description", tag.description.clone()).or("color", tag.color.clone());
    show(&portal, &me, Some(tag), &form).await
}

pub async fn edit(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::tags::change(&portal.app, &me.actor, &operation_id, id, &input(&form)).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::TAGS), &operation_id)),
        Err(error) => {
            let tag = ops::tags::find(&portal.app, &me.actor, id).await?;
            show(&portal, &me, Some(tag), &form.refused(error)?).await
        }
    }
}

#[derive(Template)]
#[template(path = "tags/delete.html")]
struct DeleteWindow<'a> {
    frame: Frame,
    form: &'a Form,
    tag: Tag,
    back: &'a str,
}

pub async fn delete_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let tag = ops::tags::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, "Delete tag").await?;
    let back = view::back(&form, urls::TAGS);
    page_of_form(&portal.app, &DeleteWindow { frame, form: &form, tag, back }, &form)
}

pub async fn delete(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::tags::delete(&portal.app, &me.actor, &operation_id, id).await?;
    Ok(view::done(view::back(&form, urls::TAGS), &operation_id))
}
