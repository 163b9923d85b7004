//! Companies: the tree and what is done to it.

use super::actor::Actor;
use super::error::{OpError, OpResult, at, refuse};
use crate::app::App;
use crate::model::company::CompanyName;
use crate::model::company::{self, DEPTH_MAX};
use crate::model::refusal::{CompanyReason, Obstacle, ObstacleKind, SecondFactorReason};
use crate::ops::work::{Outcome, about, work_once};
use crate::store;
use crate::store::companies::{Company, CompanyFilter, LockedCompany};
use crate::store::company_lists::ListFilter;
use crate::store::reach::Reach;

/// From this many companies on, a choice of companies is searched and not listed.
pub const CHOICES_MAX: i64 = 50;

/// A company of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] for one outside it, as for one that does not exist.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Company> {
    if id != actor.company_id {
        actor.require_tree()?;
    }
    let mut tx = app.db.read().await?;
    store::companies::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)
}

/// What a list is about: one company of the actor's tree, or all of it.
///
/// # Errors
/// [`OpError::NotFound`] for a company outside the tree.
pub async fn reach(app: &App, actor: &Actor, company_id: Option<i64>) -> OpResult<Reach> {
    if let Some(id) = company_id {
        return Ok(Reach::Companies(vec![find(app, actor, id).await?.id]));
    }
    if !actor.sees_tree() {
        return Ok(Reach::Companies(vec![actor.company_id]));
    }
    let mut tx = app.db.read().await?;
    Ok(Reach::of_tree(&mut tx, &actor.company_path).await?)
}

/// A page of the actor's tree.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list(app: &App, actor: &Actor, filter: &CompanyFilter) -> OpResult<Vec<Company>> {
    actor.require_tree()?;
    let mut tx = app.db.read_list().await?;
    Ok(store::companies::list(&mut tx, &actor.company_path, filter).await?)
}

/// A page of the actor's tree in any order, and how many there are where `wants_total`.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list_all(
    app: &App,
    actor: &Actor,
    filter: &ListFilter,
    wants_total: bool,
) -> OpResult<(Vec<Company>, Option<i64>)> {
    actor.require_tree()?;
    let mut tx = app.db.read_list().await?;
    let found = store::company_lists::list(&mut tx, &actor.company_path, filter).await?;
    let total = match wants_total {
        true => Some(store::company_lists::count(&mut tx, &actor.company_path, filter).await?),
        false => None,
    };
    Ok((found, total))
}

/// A page of the companies right below one, by name.
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
    actor.require_tree()?;
    let mut tx = app.db.read_list().await?;
    Ok(store::companies::subsidiaries(&mut tx, &actor.company_path, id, after, limit).await?)
}

/// The companies to choose from: all of them where they are few, else those that fit the text.
pub struct Choices {
    pub companies: Vec<CompanyName>,
    /// Whether there are more than the list shows.
    pub is_partial: bool,
}

/// Companies of the actor's tree for a field.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn choices(app: &App, actor: &Actor, text: &str) -> OpResult<Choices> {
    actor.require_tree()?;
    let mut tx = app.db.read_list().await?;
    let mut companies = store::companies::search(&mut tx, &actor.company_path, text, CHOICES_MAX + 1).await?;
    let is_partial = companies.len() as i64 > CHOICES_MAX;
    companies.truncate(CHOICES_MAX as usize);
    Ok(Choices { companies, is_partial })
}

/// Finds the company that a field names: by "Name (#id)", by id, or by a name that only one bears.
///
/// # Errors
/// A refusal at the field; several candidates come with it.
pub async fn resolve(app: &App, actor: &Actor, text: &str) -> Result<CompanyName, ResolveError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ResolveError::Reason(CompanyReason::Missing));
    }
    let mut tx = app.db.read().await.map_err(OpError::from)?;
    let id =
        text.rsplit_once("(#").map_or(text, |(_, rest)| rest.trim_end_matches(')')).trim_start_matches('#');
    if let Ok(id) = id.parse::<i64>()
        && let Some(found) =
            store::companies::find(&mut tx, &actor.company_path, id).await.map_err(OpError::from)?
    {
        return Ok(CompanyName { id: found.id, name: found.name, parent_name: found.parent_name });
    }
    let mut named = store::companies::named(&mut tx, &actor.company_path, text, CHOICES_MAX)
        .await
        .map_err(OpError::from)?;
    if named.len() == 1 {
        return Ok(named.remove(0));
    }
    if named.is_empty() {
        named = store::companies::search(&mut tx, &actor.company_path, text, CHOICES_MAX)
            .await
            .map_err(OpError::from)?;
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

/// Creates a company below one of the actor's tree.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn create(app: &App, actor: &Actor, key: &str, name: &str, parent_id: i64) -> OpResult<Outcome> {
    actor.require_admin()?;
    let name = company::name(name).map_err(at("name"))?;
    let request = serde_json::json!([name, parent_id]).to_string();
    work_once!(app, actor, key, "create_company", &request, work => {
        let parent = lock_one(work, actor, parent_id, "parent").await?;
        if parent.level + 1 >= DEPTH_MAX as i64 {
            return refuse("parent", CompanyReason::TooDeep);
        }
        let path = company::Path::from_stored(parent.path);
        let id = store::companies::insert(&mut work.tx, &name, Some((parent.id, &path)), work.now).await?;
        work.note(actor.note_at(id, "company.created", &name, &parent.name));
        let created = as_it_stands(work, actor, id).await?;
        Ok(format!("Create\nCompany {name} (#{id}) was created under {}.\n{created}", parent.name))
    })
}

/// What to change of a company; what is `None` stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    pub name: Option<&'a str>,
    pub use_parent_credits: Option<bool>,
}

/// Gives a company another name, or switches whether it uses its parent's credits.
///
/// # Errors
/// A refusal at the field that is wrong; the switch of the actor's company is its parent's to set.
pub async fn change(app: &App, actor: &Actor, key: &str, id: i64, change: Change<'_>) -> OpResult<Outcome> {
    actor.require_admin()?;
    if change.use_parent_credits.is_some() && id == actor.company_id {
        return Err(OpError::Forbidden);
    }
    let name = change.name.map(company::name).transpose();
    let name = name.map_err(at("name"))?;
    let request = serde_json::json!([id, name, change.use_parent_credits]).to_string();
    work_once!(app, actor, key, "change_company", &request, work => {
        let company = lock_one(work, actor, id, "").await?;
        let mut told = Vec::new();
        if let Some(on) = change.use_parent_credits {
            told.push(switch_parent_credits(work, actor, &company, on).await?);
        }
        if let Some(name) = &name {
            store::companies::rename(&mut work.tx, id, name).await?;
            work.note(actor.note_at(id, "company.renamed", &company.name, name));
            told.push(format!("{} is now called {name}.", company.name));
        }
        let verb = if name.is_some() { "Rename" } else { "Update" };
        Ok(format!("{verb}\n{}\n{}", told.join(" "), as_it_stands(work, actor, id).await?))
    })
}

async fn switch_parent_credits(
    work: &mut crate::ops::work::Work,
    actor: &Actor,
    company: &LockedCompany,
    on: bool,
) -> OpResult<String> {
    store::devices::shift_waiting(&mut work.tx, company.id, -1).await?;
    store::companies::set_use_parent_credits(&mut work.tx, company.id, on).await?;
    store::devices::shift_waiting(&mut work.tx, company.id, 1).await?;
    let (verb, phrase) = if on {
        ("company.parent_credits_on", "now uses")
    } else {
        ("company.parent_credits_off", "no longer uses")
    };
    work.note(actor.note_at(company.id, verb, &company.name, ""));
    Ok(format!("{} {phrase} its parent's credits.", company.name))
}

/// A company inside its act, for the first answer to be given again.
async fn as_it_stands(work: &mut crate::ops::work::Work, actor: &Actor, id: i64) -> OpResult<String> {
    let found = store::companies::find(&mut work.tx, &actor.company_path, id).await?;
    about(&found.ok_or(OpError::NotFound)?)
}

/// Switches whether the users of a company and of all below it must have two-factor authentication on. What a company
/// above the actor's demands stays demanded.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`SecondFactorReason::DemandedAbove`].
pub async fn demand_second_factor(
    app: &App,
    actor: &Actor,
    key: &str,
    id: i64,
    on: bool,
) -> OpResult<Outcome> {
    actor.require_admin()?;
    let request = serde_json::json!([id, on]).to_string();
    work_once!(app, actor, key, "demand_second_factor", &request, work => {
        let company = lock_one(work, actor, id, "").await?;
        let demand = store::companies::second_factor_demand(&mut work.tx, id).await?;
        let above = demand.filter(|(path, _)| !actor.company_path.contains(path));
        match (above, on) {
            (Some((_, company)), false) => return refuse("", SecondFactorReason::DemandedAbove { company }),
            (Some(_), true) => {}
            (None, _) => {
                let by = on.then_some(actor.company_id);
                store::companies::set_second_factor_demand(&mut work.tx, id, by).await?;
            }
        }
        let (verb, phrase) = if on {
            ("company.second_factor_demanded", "must now have")
        } else {
            ("company.second_factor_optional", "need no longer have")
        };
        work.note(actor.note_at(id, verb, &company.name, ""));
        Ok(format!("Update\nUsers of {} and of the companies below it {phrase} two-factor authentication on.", company.name))
    })
}

/// Puts a company, with everything below it, under another parent.
///
/// # Errors
/// A refusal at the field `parent`: under itself, too deep, or outside the tree.
pub async fn put_under(app: &App, actor: &Actor, key: &str, id: i64, parent_id: i64) -> OpResult<Outcome> {
    actor.require_admin()?;
    if id == actor.company_id {
        return Err(OpError::Forbidden);
    }
    let request = serde_json::json!([id, parent_id]).to_string();
    work_once!(app, actor, key, "put_under", &request, work => {
        store::companies::lock_tree(&mut work.tx).await?;
        let both = store::companies::lock(&mut work.tx, &actor.company_path, &[id, parent_id]).await?;
        let company = both.iter().find(|c| c.id == id).ok_or(OpError::NotFound)?;
        let Some(parent) = both.iter().find(|c| c.id == parent_id) else {
            return refuse("parent", CompanyReason::Unknown);
        };
        let path = company::Path::from_stored(company.path.clone());
        let parent_path = company::Path::from_stored(parent.path.clone());
        if path.contains(&parent_path) {
            return refuse("parent", CompanyReason::UnderItself);
        }
        let deepest = store::companies::deepest_level(&mut work.tx, &path).await?;
        if parent.level + 1 + deepest - company.level >= DEPTH_MAX as i64 {
            return refuse("parent", CompanyReason::TooDeep);
        }
        store::devices::shift_waiting(&mut work.tx, id, -1).await?;
        store::companies::put_under(&mut work.tx, id, &path, parent_id, &parent_path).await?;
        store::devices::shift_waiting(&mut work.tx, id, 1).await?;
        work.note(actor.note_at(id, "company.moved", &company.name, &parent.name));
        let moved = as_it_stands(work, actor, id).await?;
        Ok(format!("Move\n{} is now under {}.\n{moved}", company.name, parent.name))
    })
}

/// Removes companies: all of them, or none and the obstacles of each.
///
/// # Errors
/// [`CompanyReason::Obstacles`] where something hangs on one of them.
pub async fn remove(app: &App, actor: &Actor, key: &str, ids: &[i64]) -> OpResult<Outcome> {
    actor.require_admin()?;
    if ids.is_empty() {
        return refuse("companies", CompanyReason::NoneChosen);
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let request = serde_json::json!(ids).to_string();
    work_once!(app, actor, key, "remove_companies", &request, work => {
        let found = store::companies::lock(&mut work.tx, &actor.company_path, &ids).await?;
        if found.len() != ids.len() {
            return Err(OpError::NotFound);
        }
        let obstacles = obstacles(work, actor, &found).await?;
        if !obstacles.is_empty() {
            return refuse("companies", CompanyReason::Obstacles(obstacles));
        }
        store::companies::remove(&mut work.tx, &ids, work.now).await?;
        for company in &found {
            work.note(actor.note_at(company.id, "company.removed", &company.name, ""));
        }
        let names: Vec<_> = found.iter().map(|c| c.name.as_str()).collect();
        Ok(format!("Remove\nRemoved: {}.", names.join(", ")))
    })
}

/// What stands in the way of removing locked companies. Subsidiaries that go along do not count.
async fn obstacles(
    work: &mut crate::ops::work::Work,
    actor: &Actor,
    companies: &[LockedCompany],
) -> OpResult<Vec<Obstacle>> {
    let ids: Vec<i64> = companies.iter().map(|c| c.id).collect();
    let mut obstacles = Vec::new();
    for (holdings, company) in store::companies::holdings(&mut work.tx, &ids).await?.iter().zip(companies) {
        let mut add =
            |what| obstacles.push(Obstacle { company_id: company.id, company: company.name.clone(), what });
        let below = company::Path::from_stored(company.path.clone());
        let going_along = companies
            .iter()
            .filter(|c| {
                c.level == company.level + 1 && below.contains(&company::Path::from_stored(c.path.clone()))
            })
            .count() as i64;
        if company.level == 0 {
            add(ObstacleKind::Root);
        } else if company.id == actor.company_id {
            add(ObstacleKind::OwnCompany);
        }
        if holdings.balances > 0 {
            add(ObstacleKind::Balance);
        }
        if holdings.unused_codes > 0 {
            add(ObstacleKind::UnusedCodes(holdings.unused_codes));
        }
        if holdings.subsidiaries > going_along {
            add(ObstacleKind::Subsidiaries(holdings.subsidiaries - going_along));
        }
        if holdings.devices > 0 {
            add(ObstacleKind::Devices(holdings.devices));
        }
        if holdings.open_orders > 0 {
            add(ObstacleKind::OpenOrders(holdings.open_orders));
        }
        if holdings.users > 0 {
            add(ObstacleKind::Users(holdings.users));
        }
    }
    Ok(obstacles)
}

async fn lock_one(
    work: &mut crate::ops::work::Work,
    actor: &Actor,
    id: i64,
    field: &'static str,
) -> OpResult<LockedCompany> {
    let mut found = store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?;
    match found.pop() {
        Some(company) => Ok(company),
        None if field.is_empty() => Err(OpError::NotFound),
        None => refuse(field, CompanyReason::Unknown),
    }
}

/// The companies above one, from the actor's own down.
///
/// # Errors
/// Whatever the database says.
pub async fn above(app: &App, actor: &Actor, company: &Company) -> OpResult<Vec<Company>> {
    let mut ids = company.path().ids();
    ids.pop();
    find_many(app, actor, &ids).await
}

/// Companies of the actor's tree, by id; others are left out. From the top down.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn find_many(app: &App, actor: &Actor, ids: &[i64]) -> OpResult<Vec<Company>> {
    actor.require_tree()?;
    let mut tx = app.db.read().await?;
    Ok(store::companies::find_many(&mut tx, &actor.company_path, ids).await?)
}
