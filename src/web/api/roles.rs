//! Roles: what the people of a company and of the companies below it may do.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Data, List, Stamp, Written};
use super::body::{self, Body, Field, IdOrName, Key};
use super::caller::{Caller, May, UsersRead, UsersWrite};
use super::error::{ApiError, ApiResult};
use super::page::{Paging, Query};
use super::path::Id;
use crate::model::permission;
use crate::model::refusal::{FieldReason, Reason, RoleReason};
use crate::model::role;
use crate::ops;
use crate::ops::error::Problems;
use crate::ops::roles::RoleInput;
use crate::store;
use crate::store::roles::RoleFilter;
use crate::web::state::Portal;

/// A permission: one thing that roles may allow.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permission {
    id: i64,
    #[schema(example = "move_resources")]
    name: &'static str,
    #[schema(example = "Move resources between companies")]
    title: &'static str,
    /// The scope that a token needs for the same.
    #[schema(example = "credits:write")]
    scope: &'static str,
}

impl From<permission::Permission> for Permission {
    fn from(permission: permission::Permission) -> Permission {
        let scope = permission.scope().slug();
        Permission { id: permission.id(), name: permission.slug(), title: permission.title(), scope }
    }
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
pub struct Role {
    id: i64,
    /// `admin`, `end_user` or `read_only` if it is built in, else its title.
    #[schema(example = "admin")]
    name: String,
    #[schema(example = "Administrator")]
    title: String,
    description: String,
    /// `default` if it is built in, else `custom`.
    #[schema(example = "custom")]
    r#type: &'static str,
    /// The role is for people of this company and of those below it; null if it is built in.
    company_id: Option<i64>,
    company_name: Option<String>,
    permissions: Vec<Permission>,
    created_at: Option<Stamp>,
    updated_at: Option<Stamp>,
}

impl From<store::roles::Role> for Role {
    fn from(role: store::roles::Role) -> Role {
        let is_own = !role.is_built_in();
        Role {
            id: role.id,
            name: role::name(role.id).map_or_else(|| role.title.clone(), str::to_owned),
            permissions: role.permissions().iter().map(Permission::from).collect(),
            title: role.title,
            description: role.description,
            r#type: if is_own { "custom" } else { "default" },
            company_id: role.company_id,
            company_name: role.company_name,
            created_at: is_own.then(|| Stamp::of(role.created_at)),
            updated_at: is_own.then(|| Stamp::of(role.updated_at)),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it describes the parameters")]
pub struct RolesQuery {
    /// Part of the title.
    q: Option<String>,
    /// Only the roles that this company has made; `company` does the same.
    company_id: Option<i64>,
    company: Option<i64>,
    /// `default` for built-in roles, `custom` for others.
    #[param(pattern = "^(default|custom)?$", example = "custom")]
    r#type: Option<String>,
    /// One id, or several separated by commas.
    #[param(pattern = "^([0-9]{1,18}(,[0-9]{1,18}){0,99})?$", example = "1")]
    id: Option<String>,
}

/// Roles that the caller sees, by id
///
/// Those that are built in, those of the caller's tree, and those of the companies above.
#[utoipa::path(get, path = "/api/roles", tag = "roles",
    params(Paging, RolesQuery), responses((status = 200, body = List<Role>)))]
pub async fn list(State(portal): State<Portal>, caller: May<UsersRead>, mut query: Query) -> ApiResult<List<Role>> {
    let company_id = query.number(&["company_id", "company"]);
    let is_built_in = query.read("type", |text| match text {
        "default" => Ok(true),
        "custom" => Ok(false),
        _ => Err(FieldReason::NotAChoice { choices: "default, custom" }),
    });
    let filter = RoleFilter {
        ids: query.ids(&["id"]),
        is_built_in,
        text: query.text(&["q"]).unwrap_or_default().to_owned(),
        ..RoleFilter::default()
    };
    let page = query.page()?;
    let filter =
        RoleFilter { after: page.cursor.flatten().unwrap_or(0), limit: page.rows(), offset: page.offset, ..filter };
    let (mut found, total) = ops::roles::list(&portal.app, &caller.actor, company_id, &filter, !page.is_walk()).await?;
    let meta = page.meta(&mut found, total, |role| role.id);
    Ok(List::of(found.into_iter().map(Role::from).collect(), meta))
}

/// One role
#[utoipa::path(get, path = "/api/roles/{id}", tag = "roles",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Role>)))]
pub async fn show(State(portal): State<Portal>, caller: May<UsersRead>, Id(id): Id) -> ApiResult<Data<Role>> {
    Ok(Data::of(ops::roles::find(&portal.app, &caller.actor, id).await?.into()))
}

/// What a role allows
#[utoipa::path(get, path = "/api/roles/{id}/permissions", tag = "roles",
    params(("id" = i64, Path)), responses((status = 200, body = Data<Vec<Permission>>)))]
pub async fn permissions_of(
    State(portal): State<Portal>,
    caller: May<UsersRead>,
    Id(id): Id,
) -> ApiResult<Data<Vec<Permission>>> {
    let role = ops::roles::find(&portal.app, &caller.actor, id).await?;
    Ok(Data::of(role.permissions().iter().map(Permission::from).collect()))
}

/// All permissions
///
/// Needs no scope: the list is the same for everybody.
#[utoipa::path(get, path = "/api/permissions", tag = "roles", responses((status = 200, body = Data<Vec<Permission>>)))]
pub async fn permissions(_: Caller) -> Data<Vec<Permission>> {
    Data::of(permission::Permission::ALL.iter().copied().map(Permission::from).collect())
}

/// A role to create.
#[derive(Deserialize, ToSchema)]
pub struct NewRole {
    /// Unique in its company, ignoring case.
    #[serde(default)]
    #[schema(value_type = String, required, max_length = 100, example = "Device technician")]
    title: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    /// The role is for people of this company and of those below it; the caller's own by default.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    company_id: Field<i64>,
    /// Ids or names. What needs another permission gets that one too.
    #[serde(default)]
    #[schema(value_type = Option<Vec<IdOrName>>, example = json!([12, "edit_devices"]))]
    permission_id: Field<serde_json::Value>,
}

/// Changes to a role; omitted fields stay as they are.
#[derive(Deserialize, ToSchema)]
pub struct RoleChange {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100, example = "Device technician")]
    title: Field<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    description: Field<String>,
    /// Ids or names. What needs another permission gets that one too.
    #[serde(default)]
    #[schema(value_type = Option<Vec<IdOrName>>, example = json!([12, "edit_devices"]))]
    permission_id: Field<serde_json::Value>,
}

/// Permissions given as a list of ids or names, or as one.
fn names(field: Field<serde_json::Value>) -> Result<Option<Vec<String>>, Reason> {
    let name = |value: &serde_json::Value| match value {
        serde_json::Value::Number(id) => Ok(id.to_string()),
        serde_json::Value::String(name) => Ok(name.replace('\0', "")),
        _ => Err(Reason::from(FieldReason::NotAText)),
    };
    match field.optional(FieldReason::NotAList)? {
        None => Ok(None),
        Some(serde_json::Value::Array(list)) => list.iter().map(name).collect::<Result<_, _>>().map(Some),
        Some(one) => Ok(Some(vec![name(&one)?])),
    }
}

fn read(
    problems: &mut Problems,
    title: Field<String>,
    description: Field<String>,
    permissions: Field<serde_json::Value>,
) -> RoleInput {
    let mut text = |field, value: Field<String>| {
        let text = problems.take(field, value.optional(FieldReason::NotAText)).flatten();
        text.map(|text| text.replace('\0', ""))
    };
    let (title, description) = (text("title", title), text("description", description));
    RoleInput { title, description, permissions: problems.take("permission_id", names(permissions)).flatten() }
}

/// The fields of forms under the API's names.
const FIELDS: &[(&str, &str)] = &[("company", "company_id"), ("permissions", "permission_id")];

/// Create a role
#[utoipa::path(post, path = "/api/roles", tag = "roles", request_body = NewRole,
    responses((status = 201, body = Data<Role>)))]
pub async fn create(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Key(key): Key,
    Body(new): Body<NewRole>,
) -> ApiResult<Written<Data<Role>>> {
    let mut problems = Problems::default();
    let input = read(&mut problems, new.title, new.description, new.permission_id);
    let company_id = problems.take("company_id", new.company_id.optional(FieldReason::NotANumber)).flatten();
    problems.finish()?;
    let company_id = company_id.unwrap_or(caller.actor.company_id);
    let outcome = ops::roles::create(&portal.app, &caller.actor, &key, company_id, &input)
        .await
        .map_err(|e| ApiError::of(e, FIELDS))?;
    Ok(Written { status: StatusCode::CREATED, replayed: outcome.replayed, body: Data::of(outcome.about.into()) })
}

/// Change a role
#[utoipa::path(put, path = "/api/roles/{id}", tag = "roles",
    params(("id" = i64, Path)), request_body = RoleChange, responses((status = 200, body = Data<Role>)))]
pub async fn update(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Id(id): Id,
    Key(key): Key,
    Body(change): Body<RoleChange>,
) -> ApiResult<Written<Data<Role>>> {
    let mut problems = Problems::default();
    let input = read(&mut problems, change.title, change.description, change.permission_id);
    problems.finish()?;
    let outcome =
        ops::roles::change(&portal.app, &caller.actor, &key, id, &input).await.map_err(|e| ApiError::of(e, FIELDS))?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(outcome.about.into()) })
}

/// The same permissions for several roles.
#[derive(Deserialize, ToSchema)]
pub struct RolePermissions {
    /// Up to 100 ids.
    #[serde(default)]
    #[schema(value_type = Vec<i64>, required, example = json!([104]))]
    role_id: Field<serde_json::Value>,
    /// Ids or names. What needs another permission gets that one too.
    #[serde(default)]
    #[schema(value_type = Vec<IdOrName>, required, example = json!([12, "edit_devices"]))]
    permission_id: Field<serde_json::Value>,
}

/// Set the permissions of several roles, all or none
#[utoipa::path(put, path = "/api/roles/permissions", tag = "roles", request_body = RolePermissions,
    responses((status = 200, body = Data<Vec<Role>>)))]
pub async fn set_permissions(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Key(key): Key,
    Body(wanted): Body<RolePermissions>,
) -> ApiResult<Written<Data<Vec<Role>>>> {
    let mut problems = Problems::default();
    let ids = problems.take("role_id", body::ids(wanted.role_id)).flatten().unwrap_or_default();
    let permissions = names(wanted.permission_id).and_then(|names| names.ok_or(FieldReason::Missing.into()));
    let permissions = problems.take("permission_id", permissions).unwrap_or_default();
    if ids.is_empty() {
        problems.add("role_id", RoleReason::Unknown);
    }
    problems.finish()?;
    let outcome = ops::roles::set_permissions(&portal.app, &caller.actor, &key, &ids, &permissions)
        .await
        .map_err(|e| ApiError::of(e, FIELDS))?;
    let body = Data::of(outcome.about.into_iter().map(Role::from).collect());
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body })
}

/// A role that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleDeleted {
    id: i64,
}

/// Delete a role that nobody has
#[utoipa::path(delete, path = "/api/roles/{id}", tag = "roles",
    params(("id" = i64, Path)), responses((status = 200, body = Data<RoleDeleted>)))]
pub async fn delete(
    State(portal): State<Portal>,
    caller: May<UsersWrite>,
    Id(id): Id,
    Key(key): Key,
) -> ApiResult<Written<Data<RoleDeleted>>> {
    let outcome = ops::roles::delete(&portal.app, &caller.actor, &key, id).await?;
    Ok(Written { status: StatusCode::OK, replayed: outcome.replayed, body: Data::of(RoleDeleted { id }) })
}
