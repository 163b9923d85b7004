//! Tags: labels that a company puts on its devices and on those of the companies below it.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, Key};
use super::caller::{DevicesRead, DevicesWrite, May};
use super::error::{ApiError, ApiResult};
use super::fields::Listed;
use super::page::{Paging, Query};
use super::path::Id;
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::error::Problems;
use crate::ops::tags::TagInput;
use crate::ops::work::Outcome;
use crate::store;
use crate::store::tags::{TagFilter, TagSort};
use crate::web::state::Portal;

/// A tag.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tag {
    id: i64,
    #[schema(example = "Roof")]
    name: String,
    company_id: i64,
    company_name: String,
    description: String,
    /// As the web writes colours, or empty.
    #[schema(example = "#0a7f3f")]
    color: String,
    created_at: Stamp,
    updated_at: Stamp,
}

impl From<store::tags::Tag> for Tag {
    fn from(tag: store::tags::Tag) -> Tag {
        Tag {
            id: tag.id,
            name: tag.name,
            company_id: tag.company_id,
            company_name: tag.company_name,
            description: tag.description,
            color: tag.color,
            created_at: Stamp::of(tag.created_at),
            updated_at: Stamp::of(tag.updated_at),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct TagsQuery {
    /// Part of the name.
    q: Option<String>,
    /// One company, without its subsidiaries; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// One id, or several separated by commas.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
    /// Only these fields of each row, separated by commas.
    #[param(example = "id,name")]
    fields: Option<String>,
    /// `true` returns the names of the fields; a list of names does the same as `fields`.
    #[param(example = "false")]
    fields_only: Option<String>,
    /// `id` (the default) or `name`; with a minus for descending order. With `cursor` the order is by id.
    #[param(pattern = "^(-?(id|name))?$", example = "name")]
    sort: Option<String>,
}

/// Tags of the caller's tree
#[utoipa::path(get, path = "/api/tags", tag = "tags",
    params(Paging, TagsQuery), responses((status = 200, body = Listed<Tag>)))]
pub async fn list(State(portal): State<Portal>, caller: May<DevicesRead>, mut query: Query) -> ApiResult<Listed<Tag>> {
    let (sort, descending) = query.read("sort", order).unwrap_or((TagSort::Id, false));
    let filter = TagFilter {
        company_id: query.number(&["company_id", "company"]),
        ids: query.ids(&["id"]),
        text: query.text(&["q"]).unwrap_or_default().to_owned(),
        sort,
        descending,
        ..TagFilter::default()
    };
    let fields = query.fields();
    if query.has("cursor") && sort != TagSort::Id {
        query.problems.add("sort", FieldReason::NotAChoice { choices: "id, -id, with a cursor" });
    }
    let page = query.page()?;
    let filter = TagFilter { after: page.cursor.flatten(), limit: page.rows(), offset: page.offset, ..filter };
    let mut found = ops::tags::list(&portal.app, &caller.actor, &filter).await?;
    let total = match page.is_walk() {
        true => None,
        false => Some(ops::tags::count(&portal.app, &caller.actor, &filter).await?),
    };
    let mut meta = page.meta(&mut found, total, |tag| tag.id);
    meta.next_cursor = meta.next_cursor.filter(|_| sort == TagSort::Id);
    Ok(Listed::of(List::of(found.into_iter().map(Tag::from).collect(), meta), &fields))
}

fn order(text: &str) -> Result<(TagSort, bool), FieldReason> {
    match text {
        "id" => Ok((TagSort::Id, false)),
        "-id" => Ok((TagSort::Id, true)),
        "name" => Ok((TagSort::Name, false)),
        "-name" => Ok((TagSort::Name, true)),
        _ => Err(FieldReason::NotAChoice { choices: "id, -id, name, -name" }),
    }
}

/// One tag
#[utoipa::path(get, path = "/api/tags/{id}", tag = "tags",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Tag>)))]
pub async fn show(State(portal): State<Portal>, caller: May<DevicesRead>, Id(id): Id) -> ApiResult<Data<Tag>> {
    Ok(Data::of(ops::tags::find(&portal.app, &caller.actor, id).await?.into()))
}

/// A tag to create.
#[derive(Deserialize, ToSchema)]
pub struct NewTag {
    /// Unique in its company, ignoring case; without commas and semicolons.
    #[serde(default)]
    #[schema(value_type = String, required, max_length = 100, example = "Roof")]
    name: Field<String>,
    /// The tag is for devices of this company and of those below it.
    #[serde(default)]
    #[schema(value_type = i64, required)]
    company_id: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    /// As the web writes colours: three or six hexadecimal digits, or a word.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 30, example = "#0a7f3f")]
    color: Field<String>,
}

/// Changes to a tag; omitted fields stay as they are.
#[derive(Deserialize, ToSchema)]
pub struct TagChange {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100, example = "Roof")]
    name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 30, example = "#0a7f3f")]
    color: Field<String>,
}

fn read(problems: &mut Problems, name: Field<String>, description: Field<String>, color: Field<String>) -> TagInput {
    let mut text = |field, value: Field<String>| {
        let text = problems.take(field, value.optional(FieldReason::NotAText)).flatten();
        text.map(|text| text.replace('\0', ""))
    };
    TagInput { name: text("name", name), description: text("description", description), color: text("color", color) }
}

/// Create a tag
#[utoipa::path(post, path = "/api/tags", tag = "tags", request_body = NewTag,
    responses((status = 201, body = Data<Tag>)))]
pub async fn create(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Key(key): Key,
    Body(new): Body<NewTag>,
) -> ApiResult<Written<Data<Tag>>> {
    let mut problems = Problems::default();
    let input = read(&mut problems, new.name, new.description, new.color);
    let company_id = problems.take("company_id", body::company(new.company_id)).unwrap_or_default();
    problems.finish()?;
    let outcome = ops::tags::create(&portal.app, &caller.actor, &key, company_id, &input)
        .await
        .map_err(|e| ApiError::of(e, &[("company", "company_id")]))?;
    Ok(written(StatusCode::CREATED, outcome))
}

/// Change a tag
#[utoipa::path(put, path = "/api/tags/{id}", tag = "tags",
    params(("id" = i64, Path)), request_body = TagChange, responses((status = 200, body = Data<Tag>)))]
pub async fn update(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Id(id): Id,
    Key(key): Key,
    Body(change): Body<TagChange>,
) -> ApiResult<Written<Data<Tag>>> {
    let mut problems = Problems::default();
    let input = read(&mut problems, change.name, change.description, change.color);
    problems.finish()?;
    let outcome = ops::tags::change(&portal.app, &caller.actor, &key, id, &input).await?;
    Ok(written(StatusCode::OK, outcome))
}

fn written(status: StatusCode, outcome: Outcome<store::tags::Tag>) -> Written<Data<Tag>> {
    Written { status, replayed: outcome.replayed, body: Data::of(outcome.about.into()) }
}

/// A tag that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct TagDeleted {
    id: i64,
}

/// Delete a tag, and take it off all devices
#[utoipa::path(delete, path = "/api/tags/{id}", tag = "tags",
    params(("id" = i64, Path)), responses((status = 200, body = Data<TagDeleted>)))]
pub async fn delete(
    State(portal): State<Portal>,
    caller: May<DevicesWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<TagDeleted>>> {
    let outcome = ops::tags::delete(&portal.app, &caller.actor, &key, id).await?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(TagDeleted { id }) })
}
