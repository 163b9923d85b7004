//! Roles, visible by tree. A role belongs to a company, and is for people of that company and of those below it. Nobody
//! grants what they lack, nor changes the role that they have.

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::app::App;
use crate::model::company::Path;
use crate::model::event::RoleEvent;
use crate::model::permission::{Permission, Permissions};
use crate::model::refusal::{CompanyReason, FieldReason, Reason, RoleReason};
use crate::model::role::{self, DESCRIPTION_LENGTH_MAX, OF_COMPANY_MAX, Standing};
use crate::model::text;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::db::Tx;
use crate::store::roles::{NewRole, Role, RoleFilter};

/// How many roles a form offers.
const CHOICES_MAX: i64 = 200;

/// A page of the roles that the actor sees: those of the tree, of the companies above, and the built-in ones; with
/// their number if `wants_total`. Of one company: those that it has made.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree; [`OpError::Forbidden`] for those who may not see users.
pub async fn list(
    app: &App,
    actor: &Actor,
    company_id: Option<i64>,
    filter: &RoleFilter,
    wants_total: bool,
) -> OpResult<(Vec<Role>, Option<i64>)> {
    actor.require(Permission::ViewUsers)?;
    let scope = super::companies::scope(Permission::ViewUsers, app, actor, company_id).await?;
    let (above, filter) = match company_id {
        Some(_) => (Vec::new(), RoleFilter { is_built_in: Some(false), ..filter.clone() }),
        None => (above(actor), filter.clone()),
    };
    let mut tx = app.db.read_list().await?;
    let found = store::roles::list(&mut tx, &scope, &above, &filter).await?;
    let total = match wants_total {
        true => Some(store::roles::count(&mut tx, &scope, &above, &filter).await?),
        false => None,
    };
    Ok((found, total))
}

/// The companies above the actor's.
fn above(actor: &Actor) -> Vec<i64> {
    actor.company_path.ids().into_iter().filter(|id| *id != actor.company_id).collect()
}

/// The roles that forms offer: those that somebody of this standing may give.
pub async fn choices(app: &App, actor: &Actor, giver: Standing) -> OpResult<Vec<Role>> {
    let scope = super::companies::scope(Permission::ViewUsers, app, actor, None).await?;
    let filter = RoleFilter { limit: CHOICES_MAX, ..RoleFilter::default() };
    let mut tx = app.db.read_list().await?;
    let mut found = store::roles::list(&mut tx, &scope, &above(actor), &filter).await?;
    found.retain(|role| giver.covers(role.standing()));
    Ok(found)
}

/// A role that the actor sees.
///
/// # Errors
/// [`OpError::NotFound`] for any other.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Role> {
    actor.require(Permission::ViewUsers)?;
    let mut tx = app.db.read().await?;
    seen(&mut tx, actor, id).await
}

async fn seen(tx: &mut Tx, actor: &Actor, id: i64) -> OpResult<Role> {
    let found = store::roles::find(tx, id).await?;
    found.filter(|role| role.reaches(&actor.company_path) || is_of_tree(actor, role)).ok_or(OpError::NotFound)
}

/// Whether the role belongs to a company of the actor's tree.
fn is_of_tree(actor: &Actor, role: &Role) -> bool {
    role.company_path.as_ref().is_some_and(|path| actor.company_path.contains(&Path::from_stored(path.clone())))
}

/// Whether the actor may change and delete it.
#[must_use]
pub fn is_editable(actor: &Actor, role: &Role) -> bool {
    actor.may.edit_roles()
        && is_of_tree(actor, role)
        && role.id != actor.role_id
        && actor.standing().covers(role.standing())
}

/// Locks a role that somebody is to give to people of the company with this path.
///
/// # Errors
/// A refusal at the field if there is none, if it is of no company above, or if it allows more than the giver may.
pub(super) async fn lock_given(
    work: &mut Work,
    giver: Option<Standing>,
    field: &'static str,
    id: i64,
    company: &Path,
) -> OpResult<Role> {
    let found = store::roles::lock(&mut work.tx, id).await?;
    let Some(role) = found.filter(|role| role.reaches(company)) else { return refuse(field, RoleReason::Unknown) };
    if giver.is_some_and(|giver| !giver.covers(role.standing())) {
        return refuse(field, RoleReason::TooHigh);
    }
    Ok(role)
}

/// A role as a form or a request describes it; `None` leaves the field of an existing one.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct RoleInput {
    pub title: Option<String>,
    pub description: Option<String>,
    /// Numbers or names.
    pub permissions: Option<Vec<String>>,
}

impl RoleInput {
    fn check(&self, actor: &Actor, before: Option<&Role>) -> OpResult<NewRole> {
        let mut problems = Problems::default();
        let wanted = |new: &Option<String>, old: fn(&Role) -> &String| {
            new.clone().or_else(|| before.map(|role| old(role).clone())).unwrap_or_default()
        };
        let title = role::title(&wanted(&self.title, |role| &role.title));
        let title = title.map_err(|error| text_reason(error, RoleReason::TitleMissing));
        let title = problems.take("title", title).unwrap_or_default();
        let description = text::lines(&wanted(&self.description, |role| &role.description), DESCRIPTION_LENGTH_MAX);
        let description = description.map_err(|error| text_reason(error, FieldReason::Missing));
        let description = problems.take("description", description).unwrap_or_default();
        let permissions = match &self.permissions {
            Some(given) => read_permissions(given),
            None => Ok(before.map(Role::permissions).unwrap_or_default()),
        };
        let permissions = permissions.and_then(|all| if all.are_within(actor.may) { Ok(all) } else { lacking() });
        let permissions = problems.take("permissions", permissions).unwrap_or_default();
        problems.finish()?;
        Ok(NewRole { title, description, permissions })
    }
}

fn lacking<T>() -> Result<T, Reason> {
    Err(RoleReason::Lacking.into())
}

/// Permissions by number or name, with those that they need.
fn read_permissions(given: &[String]) -> Result<Permissions, Reason> {
    let known = |text: &String| {
        let found = Permission::from_slug(text).or_else(|| text.parse().ok().and_then(Permission::from_id));
        found.ok_or_else(|| RoleReason::UnknownPermission(text.chars().take(50).collect()).into())
    };
    Ok(given.iter().map(known).collect::<Result<Permissions, Reason>>()?.completed())
}

/// Adds a role to a company. The outcome refers to the [`Role`].
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    company_id: i64,
    input: &RoleInput,
) -> OpResult<Outcome<Role>> {
    actor.require(Permission::EditRoles)?;
    let role = input.check(actor, None)?;
    let request = serde_json::json!([company_id, input]).to_string();
    work_once!(app, actor, operation_id, "create_role", &request, work => {
        let company = store::companies::lock(&mut work.tx, &actor.company_path, &[company_id]).await?.pop();
        let Some(company) = company else { return refuse("company", CompanyReason::Unknown) };
        if store::roles::of_company(&mut work.tx, company_id).await? >= OF_COMPANY_MAX {
            return refuse("title", RoleReason::ListFull);
        }
        let added = store::roles::insert(&mut work.tx, company_id, &role, work.now).await?;
        let Some(id) = added else { return refuse("title", RoleReason::TitleTaken) };
        work.note(actor.note_at(company_id, "role.created", &role.title, &role.permissions.stored()));
        let event = RoleEvent::Created { title: role.title.clone(), company: company.name };
        Ok(Outcome::about(seen(&mut work.tx, actor, id).await?, event))
    })
}

/// Changes a role, effective from the next request of the people who have it.
///
/// # Errors
/// [`OpError::NotFound`] for one that the actor does not see; a refusal for one that the actor may not change, and at
/// the invalid field.
pub async fn change(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    input: &RoleInput,
) -> OpResult<Outcome<Role>> {
    actor.require(Permission::EditRoles)?;
    let request = serde_json::json!([id, input]).to_string();
    work_once!(app, actor, operation_id, "change_role", &request, work => {
        change_one(work, actor, id, input).await
    })
}

async fn change_one(work: &mut Work, actor: &Actor, id: i64, input: &RoleInput) -> OpResult<Outcome<Role>> {
    let before = lock_editable(work, actor, id).await?;
    let role = input.check(actor, Some(&before))?;
    if !store::roles::update(&mut work.tx, id, &role, work.now).await? {
        return refuse("title", RoleReason::TitleTaken);
    }
    let company_id = before.company_id.unwrap_or(actor.company_id);
    work.note(actor.note_at(company_id, "role.changed", &role.title, &role.permissions.stored()));
    Ok(Outcome::about(seen(&mut work.tx, actor, id).await?, RoleEvent::Saved { title: role.title }))
}

/// Gives several roles the same permissions, all or none.
///
/// # Errors
/// As [`change`].
pub async fn set_permissions(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    ids: &[i64],
    permissions: &[String],
) -> OpResult<Outcome<Vec<Role>>> {
    actor.require(Permission::EditRoles)?;
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() as i64 > OF_COMPANY_MAX {
        return refuse("role_id", RoleReason::Unknown);
    }
    let input = RoleInput { permissions: Some(permissions.to_vec()), ..RoleInput::default() };
    let request = serde_json::json!([ids, permissions]).to_string();
    work_once!(app, actor, operation_id, "set_permissions", &request, work => {
        let mut changed = Vec::new();
        for id in &ids {
            changed.push(change_one(work, actor, *id, &input).await?.about);
        }
        Ok(Outcome::about(changed, RoleEvent::PermissionsSet { roles: ids.len() as i64 }))
    })
}

/// Deletes a role that nobody has.
///
/// # Errors
/// As [`change`]; a refusal if somebody has it.
pub async fn delete(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    actor.require(Permission::EditRoles)?;
    work_once!(app, actor, operation_id, "delete_role", &id.to_string(), work => {
        let role = lock_editable(work, actor, id).await?;
        if !store::roles::delete(&mut work.tx, id).await? {
            return refuse("", RoleReason::InUse);
        }
        work.note(actor.note_at(role.company_id.unwrap_or(actor.company_id), "role.deleted", &role.title, ""));
        Ok(Outcome::of(RoleEvent::Deleted { title: role.title }))
    })
}

async fn lock_editable(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Role> {
    store::roles::lock(&mut work.tx, id).await?;
    let role = seen(&mut work.tx, actor, id).await?;
    if role.is_built_in() {
        return refuse("", RoleReason::BuiltIn);
    }
    if id == actor.role_id {
        return refuse("", RoleReason::Own);
    }
    if is_editable(actor, &role) { Ok(role) } else { refuse("", RoleReason::NotYours) }
}
