//! The tree of companies.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, Key};
use super::caller::{CompaniesRead, CompaniesWrite, May};
use super::error::{ApiError, ApiResult};
use super::moves::either;
use super::page::{Paging, Query};
use super::path::Id;
use crate::model::company::NameError;
use crate::model::data::MEBIBYTE;
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::companies::changes::Change;
use crate::ops::error::{OpError, Problems};
use crate::ops::work::Outcome;
use crate::store;
use crate::store::companies::{SortKey, SortedFilter};
use crate::web::state::Portal;

/// A company.
#[derive(Debug, Serialize, ToSchema)]
pub struct Company {
    id: i64,
    name: String,
    /// The name again, under the key that RMS uses.
    company_name: String,
    /// 0 for the root.
    level: i64,
    parent_id: Option<i64>,
    parent_name: Option<String>,
    users_count: i64,
    devices_count: i64,
    /// The number of devices again, under the key that RMS uses.
    device_count: i64,
    /// Its usable balance of Credit.
    credits_left: i64,
    /// The data that it has bought, in bytes.
    remaining_data: i64,
    /// 1 if it uses its parent's credits once its own run out.
    #[schema(minimum = 0, maximum = 1)]
    can_use_parent_license: i64,
    created_at: Stamp,
}

impl From<store::companies::Company> for Company {
    fn from(c: store::companies::Company) -> Company {
        Company {
            id: c.id,
            company_name: c.name.clone(),
            name: c.name,
            level: c.level,
            parent_id: c.parent_id,
            parent_name: c.parent_name,
            users_count: c.users,
            devices_count: c.devices,
            device_count: c.devices,
            credits_left: c.credits_left,
            remaining_data: c.data_mebibytes * MEBIBYTE,
            can_use_parent_license: c.use_parent_credits,
            created_at: Stamp::of(c.created_at),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct CompaniesQuery {
    /// Part of the name.
    q: Option<String>,
    /// One id, or several separated by commas.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
    parent_id: Option<i64>,
    /// A comma-separated list of id, name, company_name, parent_id, created_at, device_count; with a minus
    /// before one it descends. With `cursor` the order is by id.
    #[param(
        pattern = "^-?(id|name|company_name|parent_id|created_at|device_count)(,-?(id|name|company_name|parent_id|created_at|device_count)){0,5}$|^$",
        example = "name,-created_at"
    )]
    sort: Option<String>,
}

/// Companies of the caller's tree
#[utoipa::path(get, path = "/api/companies", tag = "companies",
    params(Paging, CompaniesQuery), responses((status = 200, body = List<Company>)))]
pub async fn list(
    State(portal): State<Portal>,
    caller: May<CompaniesRead>,
    mut query: Query,
) -> ApiResult<List<Company>> {
    let filter = SortedFilter {
        ids: query.ids(&["id"]),
        parent_id: query.number(&["parent_id"]),
        text: query.text(&["q"]).unwrap_or_default().to_owned(),
        order: query.read("sort", order).unwrap_or_default(),
        ..SortedFilter::default()
    };
    let walks_otherwise = !filter.order.is_empty() && filter.order != [(SortKey::Id, false)];
    if query.has("cursor") && walks_otherwise {
        query.problems.add("sort", FieldReason::NotAChoice { choices: "id, with a cursor" });
    }
    let page = query.page()?;
    let filter = SortedFilter { cursor: page.cursor.flatten(), limit: page.rows(), offset: page.offset, ..filter };
    let (mut found, total) = ops::companies::list_sorted(&portal.app, &caller.actor, &filter, !page.is_walk()).await?;
    let mut meta = page.meta(&mut found, total, |c| c.id);
    meta.next_cursor = meta.next_cursor.filter(|_| !walks_otherwise);
    Ok(List::of(found.into_iter().map(Company::from).collect(), meta))
}

fn order(text: &str) -> Result<Vec<(SortKey, bool)>, FieldReason> {
    let choices = "id, name, company_name, parent_id, created_at, device_count, each with or without a minus";
    let key = |word: &str| {
        let (name, descends) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
        let key = match name {
            "id" => SortKey::Id,
            "name" | "company_name" => SortKey::Name,
            "parent_id" => SortKey::Parent,
            "created_at" => SortKey::Created,
            "device_count" => SortKey::Devices,
            _ => return Err(FieldReason::NotAChoice { choices }),
        };
        Ok((key, descends))
    };
    let keys: Vec<_> = text.split(',').map(|word| key(word.trim())).collect::<Result<_, _>>()?;
    if keys.len() > KEYS_MAX { Err(FieldReason::NotAChoice { choices }) } else { Ok(keys) }
}

const KEYS_MAX: usize = 6;

/// One company
#[utoipa::path(get, path = "/api/companies/{id}", tag = "companies",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Company>)))]
pub async fn show(State(portal): State<Portal>, caller: May<CompaniesRead>, Id(id): Id) -> ApiResult<Data<Company>> {
    Ok(Data::of(ops::companies::find(&portal.app, &caller.actor, id).await?.into()))
}

/// A company to create.
#[derive(Deserialize, ToSchema)]
pub struct NewCompany {
    /// 3 to 200 characters, without links, control characters, and characters that change the direction of text
    /// (U+202A to U+202E, U+2066 to U+2069). `company_name` does the same.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 200, example = "Acme North")]
    name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 200)]
    company_name: Field<String>,
    /// The company that it stands under.
    #[serde(default)]
    #[schema(value_type = i64, required)]
    parent_id: Field<i64>,
}

/// Create a company
#[utoipa::path(post, path = "/api/companies", tag = "companies",
    request_body = NewCompany, responses((status = 201, body = Data<Company>)))]
pub async fn create(
    State(portal): State<Portal>,
    caller: May<CompaniesWrite>,
    Key(key): Key,
    Body(new): Body<NewCompany>,
) -> ApiResult<Written<Data<Company>>> {
    let mut problems = Problems::default();
    let name = either(new.name, new.company_name).required(NameError::Missing, FieldReason::NotAText);
    let name = problems.take("name", name.map(|n| n.replace('\0', "")));
    let parent_id = problems.take("parent_id", body::company(new.parent_id));
    problems.finish()?;
    let (name, parent_id) = (name.unwrap_or_default(), parent_id.unwrap_or_default());
    let outcome = ops::companies::changes::create(&portal.app, &caller.actor, &key, &name, parent_id)
        .await
        .map_err(|e| ApiError::of(e, &[("parent", "parent_id")]))?;
    Ok(written(StatusCode::CREATED, outcome))
}

fn written(status: StatusCode, outcome: Outcome<store::companies::Company>) -> Written<Data<Company>> {
    Written { status, replayed: outcome.replayed, body: Data::of(outcome.about.into()) }
}

/// Changes to a company; omitted fields stay as they are.
#[derive(Deserialize, ToSchema)]
pub struct CompanyChange {
    /// 3 to 200 characters, without links, control characters, and characters that change the direction of text
    /// (U+202A to U+202E, U+2066 to U+2069). `company_name` does the same.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 200, example = "Acme North")]
    name: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 200)]
    company_name: Field<String>,
    /// 1 to use its parent's credits once its own run out.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1)]
    can_use_parent_license: Field<serde_json::Value>,
}

/// Change a company
#[utoipa::path(put, path = "/api/companies/{id}", tag = "companies",
    params(("id" = i64, Path)), request_body = CompanyChange, responses((status = 200, body = Data<Company>)))]
pub async fn update(
    State(portal): State<Portal>,
    caller: May<CompaniesWrite>,
    Id(id): Id,
    Key(key): Key,
    Body(change): Body<CompanyChange>,
) -> ApiResult<Written<Data<Company>>> {
    let mut problems = Problems::default();
    let name = either(change.name, change.company_name).optional(FieldReason::NotAText);
    let name = problems.take("name", name).flatten().map(|n| n.replace('\0', ""));
    let on = problems.take("can_use_parent_license", body::flag(change.can_use_parent_license)).flatten();
    problems.finish()?;
    if name.is_none() && on.is_none() {
        return Err(OpError::refused("", FieldReason::NothingToChange).into());
    }
    let change = Change { name: name.as_deref(), use_parent_credits: on };
    let outcome = ops::companies::changes::change(&portal.app, &caller.actor, &key, id, change).await?;
    Ok(written(StatusCode::OK, outcome))
}

/// A company that was removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Removed {
    id: i64,
}

/// Remove a company
///
/// Refused while it has devices, a balance, unused codes, subsidiaries or users. There is one
/// error for each.
#[utoipa::path(delete, path = "/api/companies/{id}", tag = "companies",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Removed>)))]
pub async fn remove(
    State(portal): State<Portal>,
    caller: May<CompaniesWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<Removed>>> {
    let outcome = ops::companies::removal::remove(&portal.app, &caller.actor, &key, &[id])
        .await
        .map_err(|e| ApiError::of(e, &[("companies", "id")]))?;
    let body = Data::of(Removed { id });
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body })
}

/// Moves a company in the tree.
#[derive(Deserialize, ToSchema)]
pub struct CompanyMove {
    /// The company to move, with everything below it.
    #[serde(default)]
    #[schema(value_type = i64, required)]
    source: Field<i64>,
    /// Its new parent.
    #[serde(default)]
    #[schema(value_type = i64, required)]
    target: Field<i64>,
}

/// Move a company, with everything below it, under another
#[utoipa::path(post, path = "/api/companies/move", tag = "companies",
    request_body = CompanyMove, responses((status = 200, body = Data<Company>)))]
pub async fn put_under(
    State(portal): State<Portal>,
    caller: May<CompaniesWrite>,
    Key(key): Key,
    Body(new): Body<CompanyMove>,
) -> ApiResult<Written<Data<Company>>> {
    let mut problems = Problems::default();
    let source = problems.take("source", body::company(new.source));
    let target = problems.take("target", body::company(new.target));
    problems.finish()?;
    let (source, target) = (source.unwrap_or_default(), target.unwrap_or_default());
    let outcome = ops::companies::changes::put_under(&portal.app, &caller.actor, &key, source, target)
        .await
        .map_err(|e| ApiError::of(e, &[("parent", "target")]))?;
    Ok(written(StatusCode::OK, outcome))
}
