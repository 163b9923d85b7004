//! Tags, visible by tree. A tag belongs to a company, and is for devices of that company and of those below it.

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::app::App;
use crate::model::event::TagEvent;
use crate::model::permission::Permission;
use crate::model::refusal::{CompanyReason, FieldReason, TagReason};
use crate::model::tag::{self, DESCRIPTION_LENGTH_MAX, OF_COMPANY_MAX};
use crate::model::text;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::tags::{NewTag, Tag, TagFilter, TagSort};

/// How many tags a form offers.
pub const CHOICES_MAX: i64 = 500;

/// A page of the tags that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] if the filter's company is outside the tree.
pub async fn list(app: &App, actor: &Actor, filter: &TagFilter) -> OpResult<Vec<Tag>> {
    let scope = super::companies::scope(Permission::ViewDevices, app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::tags::list(&mut tx, &scope, filter).await?)
}

/// How many tags [`list`] returns on all its pages.
pub async fn count(app: &App, actor: &Actor, filter: &TagFilter) -> OpResult<i64> {
    let scope = super::companies::scope(Permission::ViewDevices, app, actor, filter.company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::tags::count(&mut tx, &scope, filter).await?)
}

/// The tags that forms and filters offer, by name.
pub async fn choices(app: &App, actor: &Actor) -> OpResult<Vec<Tag>> {
    list(app, actor, &TagFilter { sort: TagSort::Name, limit: CHOICES_MAX, ..TagFilter::default() }).await
}

/// A tag that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] for any other.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Tag> {
    let mut tx = app.db.read().await?;
    let found = store::tags::find_many(&mut tx, &actor.company_path, &[id]).await?.pop();
    found.filter(|tag| actor.may.view_devices() || tag.company_id == actor.company_id).ok_or(OpError::NotFound)
}

/// The ids of the tags of the actor's tree that have one of these names. A name may be that of several companies' tags.
pub async fn named(app: &App, actor: &Actor, names: &[String]) -> OpResult<Vec<i64>> {
    let mut tx = app.db.read().await?;
    Ok(store::tags::named(&mut tx, &actor.company_path, names).await?.iter().map(|tag| tag.id).collect())
}

/// A tag as a form or a request describes it; `None` leaves the field of an existing one.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct TagInput {
    pub name: Option<String>,
    pub description: Option<String>,
    pub color: Option<String>,
}

impl TagInput {
    fn check(&self, before: Option<&Tag>) -> OpResult<NewTag> {
        let mut problems = Problems::default();
        let wanted = |new: &Option<String>, old: fn(&Tag) -> &String| {
            new.clone().or_else(|| before.map(|tag| old(tag).clone())).unwrap_or_default()
        };
        let name = tag::name(&wanted(&self.name, |tag| &tag.name)).map_err(TagReason::Name);
        let name = problems.take("name", name).unwrap_or_default();
        let description = text::lines(&wanted(&self.description, |tag| &tag.description), DESCRIPTION_LENGTH_MAX);
        let description = description.map_err(|error| text_reason(error, FieldReason::Missing));
        let description = problems.take("description", description).unwrap_or_default();
        let color = tag::color(&wanted(&self.color, |tag| &tag.color)).ok_or(TagReason::MalformedColor);
        let color = problems.take("color", color).unwrap_or_default();
        problems.finish()?;
        Ok(NewTag { name, description, color })
    }
}

/// Adds a tag to a company. The outcome refers to the [`Tag`].
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    company_id: i64,
    input: &TagInput,
) -> OpResult<Outcome<Tag>> {
    actor.require(Permission::EditDevices)?;
    let tag = input.check(None)?;
    let request = serde_json::json!([company_id, input]).to_string();
    work_once!(app, actor, operation_id, "create_tag", &request, work => {
        let company = lock_company(work, actor, company_id).await?;
        let Some(company) = company else { return refuse("company", CompanyReason::Unknown) };
        if store::tags::of_company(&mut work.tx, company_id).await? >= OF_COMPANY_MAX {
            return refuse("name", TagReason::ListFull);
        }
        let added = store::tags::insert(&mut work.tx, company_id, &tag, work.now).await?;
        let Some(id) = added else { return refuse("name", TagReason::NameTaken) };
        work.note(actor.note_at(company_id, "tag.created", &tag.name, &company));
        let event = TagEvent::Created { name: tag.name.clone(), company };
        Ok(Outcome::about(reload(work, actor, id).await?, event))
    })
}

/// Changes a tag.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; a refusal at the invalid field.
pub async fn change(app: &App, actor: &Actor, operation_id: &str, id: i64, input: &TagInput) -> OpResult<Outcome<Tag>> {
    actor.require(Permission::EditDevices)?;
    let request = serde_json::json!([id, input]).to_string();
    work_once!(app, actor, operation_id, "change_tag", &request, work => {
        let before = lock(work, actor, id).await?;
        let tag = input.check(Some(&before))?;
        if !store::tags::update(&mut work.tx, id, &tag, work.now).await? {
            return refuse("name", TagReason::NameTaken);
        }
        let details = if tag.name == before.name { String::new() } else { format!("now {}", tag.name) };
        work.note(actor.note_at(before.company_id, "tag.changed", &before.name, &details));
        Ok(Outcome::about(reload(work, actor, id).await?, TagEvent::Saved { name: tag.name.clone() }))
    })
}

/// Deletes a tag, and takes it off all devices.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree.
pub async fn delete(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditDevices)?;
    work_once!(app, actor, operation_id, "delete_tag", &id.to_string(), work => {
        let tag = lock(work, actor, id).await?;
        store::tags::delete(&mut work.tx, id).await?;
        work.note(actor.note_at(tag.company_id, "tag.deleted", &tag.name, ""));
        Ok(Outcome::of(TagEvent::Deleted { name: tag.name }))
    })
}

/// Locks a company of the tree; returns its name.
async fn lock_company(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Option<String>> {
    Ok(store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?.pop().map(|company| company.name))
}

/// A tag whose company is locked: whoever puts it on a device locks that as well.
async fn lock(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Tag> {
    let tag = reload(work, actor, id).await?;
    lock_company(work, actor, tag.company_id).await?.ok_or(OpError::NotFound)?;
    reload(work, actor, id).await
}

async fn reload(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Tag> {
    store::tags::find_many(&mut work.tx, &actor.company_path, &[id]).await?.pop().ok_or(OpError::NotFound)
}
