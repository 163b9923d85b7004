//! The tags of devices: the choice in forms, and the window that sets them for many devices.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::Response;

use super::device_windows::chosen;
use crate::model::permission::Permission;
use crate::model::refusal::{FieldReason, TagReason};
use crate::ops;
use crate::ops::devices::tags::{TagChange, TagRow};
use crate::store::devices::Device;
use crate::store::tags::Tag;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

/// The tags that a form offers, each with whether it is chosen.
#[derive(Template)]
#[template(path = "tags/choices.html")]
pub struct TagChoices {
    tags: Vec<(Tag, bool)>,
    problem: Option<String>,
    /// Whether there are several companies, so that each tag's is shown.
    has_companies: bool,
    may_create: bool,
}

impl HtmlSafe for TagChoices {}

impl TagChoices {
    pub async fn of(portal: &Portal, me: &Me, form: &Form) -> WebResult<TagChoices> {
        let chosen = chosen_tags(form);
        let tags = ops::tags::choices(&portal.app, &me.actor).await?;
        let has_companies = tags.iter().any(|tag| tag.company_id != me.actor.company_id);
        let tags = tags.into_iter().map(|tag| (chosen.contains(&tag.id), tag)).map(|(is, tag)| (tag, is)).collect();
        let problem = form.problem("tags").map(str::to_owned);
        Ok(TagChoices { tags, problem, has_companies, may_create: me.actor.may.edit_devices() })
    }
}

/// A tag's colour as a dot. It says nothing that the name does not.
#[derive(Template)]
#[template(path = "tags/swatch.html")]
pub struct Swatch<'a> {
    color: &'a str,
}

impl HtmlSafe for Swatch<'_> {}

impl Swatch<'_> {
    pub fn of(color: &str) -> Swatch<'_> {
        Swatch { color }
    }
}

/// The chosen tags, each once.
pub fn chosen_tags(form: &Form) -> Vec<i64> {
    let ids: std::collections::BTreeSet<i64> = form.all("tag").filter_map(|id| id.parse().ok()).collect();
    ids.into_iter().collect()
}

/// The tags for the selected devices.
#[derive(Template)]
#[template(path = "devices/tags.html")]
struct TagsWindow<'a> {
    frame: Frame,
    form: &'a Form,
    devices: Vec<Device>,
    changes: Vec<(String, String)>,
    tags: TagChoices,
    back: &'a str,
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let devices = ops::devices::find_many(&portal.app, &me.actor, &chosen(form)).await?;
    let frame = Frame::of(portal, me, "Set tags").await?;
    let changes =
        [("assign", "Put these tags on"), ("unassign", "Take these tags off"), ("overwrite", "Leave only these tags")];
    let changes = changes.map(|(slug, text)| (slug.to_owned(), text.to_owned())).into();
    let tags = TagChoices::of(portal, me, form).await?;
    let back = view::back(form, urls::DEVICES);
    page_of_form(&portal.app, &TagsWindow { frame, form, devices, changes, tags, back }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    // The list is filtered by a field of the same name.
    show(&portal, &me, &form).await
}

pub async fn set(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::EditDevices)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let change = form::read(&mut form, "change", |slug| match slug {
        "assign" => Ok(TagChange::Assign),
        "unassign" => Ok(TagChange::Unassign),
        "overwrite" => Ok(TagChange::Overwrite),
        _ => Err(FieldReason::NotAChoice { choices: "put on, take off, leave only" }),
    });
    let Some(change) = change else { return show(&portal, &me, &form).await };
    let tags = chosen_tags(&form);
    if tags.is_empty() && change != TagChange::Overwrite {
        form.refuse("tags", TagReason::NoneChosen);
        return show(&portal, &me, &form).await;
    }
    let row = |device_id| TagRow { device_id, tags: tags.clone() };
    let rows: Vec<TagRow> = chosen(&form).into_iter().map(row).collect();
    match ops::devices::tags::set_tags(&portal.app, &me.actor, &operation_id, change, &rows).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::DEVICES), &operation_id)),
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}
