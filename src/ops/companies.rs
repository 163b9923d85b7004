//! Companies: the tree, and finding a company in it. Changes are in `changes`.

pub mod changes;
pub mod removal;

use super::actor::Actor;
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::company::CompanyName;
use crate::model::permission::Permission;
use crate::model::refusal::CompanyReason;
use crate::store;
use crate::store::companies::{Company, CompanyFilter, SortedFilter};
use crate::store::company_scope::CompanyScope;

/// From this many companies on, a field searches them instead of listing them.
pub const CHOICES_MAX: i64 = 50;

/// A company of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree, as for one that does not exist.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Company> {
    find_to(Permission::ViewCompanies, app, actor, id).await
}

/// The same to see something of it, which the permission allows; of their own company everybody may.
///
/// # Errors
/// As [`find`].
pub(super) async fn find_to(permission: Permission, app: &App, actor: &Actor, id: i64) -> OpResult<Company> {
    if id != actor.company_id {
        actor.require(permission)?;
    }
    let mut tx = app.db.read().await?;
    store::companies::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)
}

/// The scope of a list that the permission allows to see: one company of the actor's tree, or all of it. Without the
/// permission it is the actor's own company.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree.
pub(super) async fn scope(
    permission: Permission,
    app: &App,
    actor: &Actor,
    company_id: Option<i64>,
) -> OpResult<CompanyScope> {
    if let Some(id) = company_id {
        return Ok(CompanyScope::Companies(vec![find_to(permission, app, actor, id).await?.id]));
    }
    if !actor.may.has(permission) {
        return Ok(CompanyScope::Companies(vec![actor.company_id]));
    }
    let mut tx = app.db.read().await?;
    Ok(CompanyScope::of_tree(&mut tx, &actor.company_path).await?)
}

/// A page of the actor's tree.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list(app: &App, actor: &Actor, filter: &CompanyFilter) -> OpResult<Vec<Company>> {
    actor.require(Permission::ViewCompanies)?;
    let mut tx = app.db.read_list().await?;
    Ok(store::companies::list(&mut tx, &actor.company_path, filter).await?)
}

/// A page of the actor's tree by any keys; with the number of companies if `wants_total`.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list_sorted(
    app: &App,
    actor: &Actor,
    filter: &SortedFilter,
    wants_total: bool,
) -> OpResult<(Vec<Company>, Option<i64>)> {
    actor.require(Permission::ViewCompanies)?;
    let mut tx = app.db.read_list().await?;
    let found = store::companies::list_sorted(&mut tx, &actor.company_path, filter).await?;
    let total = match wants_total {
        true => Some(store::companies::count_sorted(&mut tx, &actor.company_path, filter).await?),
        false => None,
    };
    Ok((found, total))
}

/// A page of the companies directly below one, by name.
///
/// # Errors
/// As [`find`].
pub async fn subsidiaries(
    app: &App,
    actor: &Actor,
    id: i64,
    after: Option<(String, i64)>,
    limit: i64,
) -> OpResult<Vec<Company>> {
    actor.require(Permission::ViewCompanies)?;
    let mut tx = app.db.read_list().await?;
    Ok(store::companies::subsidiaries(&mut tx, &actor.company_path, id, after, limit).await?)
}

/// The companies to choose from: all if they are few, else those that match the text.
pub struct Choices {
    pub companies: Vec<CompanyName>,
    /// Whether there are more than the list shows.
    pub is_partial: bool,
}

/// Companies of the actor's tree to offer in a field.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn choices(app: &App, actor: &Actor, text: &str) -> OpResult<Choices> {
    actor.require(Permission::ViewCompanies)?;
    let mut tx = app.db.read_list().await?;
    let mut companies = store::companies::search(&mut tx, &actor.company_path, text, CHOICES_MAX + 1).await?;
    let is_partial = companies.len() as i64 > CHOICES_MAX;
    companies.truncate(CHOICES_MAX as usize);
    Ok(Choices { companies, is_partial })
}

/// Finds the company that a field names: by "Name (#id)", by id, or by a unique name.
///
/// # Errors
/// A refusal at the field, with the candidates if there are several.
pub async fn resolve(app: &App, actor: &Actor, text: &str) -> Result<CompanyName, ResolveError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ResolveError::Reason(CompanyReason::Missing));
    }
    let mut tx = app.db.read().await.map_err(OpError::from)?;
    let id = text.rsplit_once("(#").map_or(text, |(_, rest)| rest.trim_end_matches(')')).trim_start_matches('#');
    if let Ok(id) = id.parse::<i64>()
        && let Some(found) = store::companies::find(&mut tx, &actor.company_path, id).await.map_err(OpError::from)?
    {
        return Ok(CompanyName { id: found.id, name: found.name, parent_name: found.parent_name });
    }
    let mut named =
        store::companies::named(&mut tx, &actor.company_path, text, CHOICES_MAX).await.map_err(OpError::from)?;
    if named.len() == 1 {
        return Ok(named.remove(0));
    }
    if named.is_empty() {
        named =
            store::companies::search(&mut tx, &actor.company_path, text, CHOICES_MAX).await.map_err(OpError::from)?;
    }
    let reason = if named.is_empty() { CompanyReason::Unknown } else { CompanyReason::Ambiguous(named) };
    Err(ResolveError::Reason(reason))
}

/// Why a field names no company.
pub enum ResolveError {
    Reason(CompanyReason),
    Fault(OpError),
}

impl From<OpError> for ResolveError {
    fn from(error: OpError) -> ResolveError {
        ResolveError::Fault(error)
    }
}

/// The companies above one, from the actor's own down.
pub async fn above(app: &App, actor: &Actor, company: &Company) -> OpResult<Vec<Company>> {
    let mut ids = company.path().ids();
    ids.pop();
    find_many(app, actor, &ids).await
}

/// Companies of the actor's tree by id, from the top down; others are left out.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn find_many(app: &App, actor: &Actor, ids: &[i64]) -> OpResult<Vec<Company>> {
    actor.require(Permission::ViewCompanies)?;
    let mut tx = app.db.read().await?;
    Ok(store::companies::find_many(&mut tx, &actor.company_path, ids).await?)
}
