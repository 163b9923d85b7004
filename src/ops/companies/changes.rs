//! Creates, renames and moves companies, and sets what each requires and shares.

use crate::app::App;
use crate::model::company::{self, DEPTH_MAX};
use crate::model::event::CompanyEvent;
use crate::model::permission::Permission;
use crate::model::refusal::{CompanyReason, SecondFactorReason};
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, at, refuse};
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::companies::{Company, LockedCompany};

/// Creates a company below one of the actor's tree.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn create(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    name: &str,
    parent_id: i64,
) -> OpResult<Outcome<Company>> {
    actor.require(Permission::EditCompanies)?;
    let name = company::name(name).map_err(at("name"))?;
    let request = serde_json::json!([name, parent_id]).to_string();
    work_once!(app, actor, operation_id, "create_company", &request, work => {
        let parent = lock_one(work, actor, parent_id, "parent").await?;
        if parent.level + 1 >= DEPTH_MAX as i64 {
            return refuse("parent", CompanyReason::TooDeep);
        }
        let path = company::Path::from_stored(parent.path);
        let id = store::companies::insert(&mut work.tx, &name, Some((parent.id, &path)), work.now).await?;
        work.note(actor.note_at(id, "company.created", &name, &parent.name));
        let created = reload(work, actor, id).await?;
        Ok(Outcome::about(created, CompanyEvent::Created { id, name: name.clone(), parent: parent.name }))
    })
}

/// What to change of a company; `None` leaves it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    pub name: Option<&'a str>,
    pub use_parent_credits: Option<bool>,
}

/// Renames a company, or sets whether it uses its parent's credits.
///
/// # Errors
/// A refusal at the invalid field; only the parent may set the switch of the actor's company.
pub async fn change(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    change: Change<'_>,
) -> OpResult<Outcome<Company>> {
    actor.require(Permission::EditCompanies)?;
    if change.use_parent_credits.is_some() && id == actor.company_id {
        return Err(OpError::Forbidden);
    }
    let name = change.name.map(company::name).transpose();
    let name = name.map_err(at("name"))?;
    let request = serde_json::json!([id, name, change.use_parent_credits]).to_string();
    work_once!(app, actor, operation_id, "change_company", &request, work => {
        let company = lock_one(work, actor, id, "").await?;
        if let Some(on) = change.use_parent_credits {
            switch_parent_credits(work, actor, &company, on).await?;
        }
        if let Some(name) = &name {
            store::companies::rename(&mut work.tx, id, name).await?;
            work.note(actor.note_at(id, "company.renamed", &company.name, name));
        }
        let changed = CompanyEvent::Changed {
            name: company.name,
            renamed_to: name.clone(),
            uses_parent_credits: change.use_parent_credits,
        };
        Ok(Outcome::about(reload(work, actor, id).await?, changed))
    })
}

async fn switch_parent_credits(work: &mut Work, actor: &Actor, company: &LockedCompany, on: bool) -> OpResult<()> {
    store::devices::shift_waiting(&mut work.tx, company.id, -1).await?;
    store::companies::set_use_parent_credits(&mut work.tx, company.id, on).await?;
    store::devices::shift_waiting(&mut work.tx, company.id, 1).await?;
    let verb = if on { "company.parent_credits_on" } else { "company.parent_credits_off" };
    work.note(actor.note_at(company.id, verb, &company.name, ""));
    Ok(())
}

/// A company as the act leaves it, stored for replays.
async fn reload(work: &mut Work, actor: &Actor, id: i64) -> OpResult<Company> {
    store::companies::find(&mut work.tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)
}

/// Sets whether the users of a company and of all below it must have two-factor authentication on. They must anyway if
/// a company above the actor's requires it.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree; [`SecondFactorReason::DemandedAbove`].
pub async fn demand_second_factor(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    on: bool,
) -> OpResult<Outcome> {
    actor.require(Permission::EditCompanies)?;
    let request = serde_json::json!([id, on]).to_string();
    work_once!(app, actor, operation_id, "demand_second_factor", &request, work => {
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
        let verb = if on { "company.second_factor_demanded" } else { "company.second_factor_optional" };
        work.note(actor.note_at(id, verb, &company.name, ""));
        let name = company.name;
        Ok(Outcome::of(match on {
            true => CompanyEvent::SecondFactorDemanded { name },
            false => CompanyEvent::SecondFactorOptional { name },
        }))
    })
}

/// Moves a company, with everything below it, under another parent.
///
/// # Errors
/// A refusal at the field `parent`: below itself, too deep, or outside the tree.
pub async fn put_under(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    parent_id: i64,
) -> OpResult<Outcome<Company>> {
    actor.require(Permission::EditCompanies)?;
    if id == actor.company_id {
        return Err(OpError::Forbidden);
    }
    let request = serde_json::json!([id, parent_id]).to_string();
    work_once!(app, actor, operation_id, "put_under", &request, work => {
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
        // A role is for people of its company and below.
        let left: Vec<i64> = path.ids().into_iter().filter(|above| *above != id && !parent_path.ids().contains(above)).collect();
        let held = store::roles::used_in(&mut work.tx, &path, &left).await?;
        if held > 0 {
            return refuse("parent", CompanyReason::RolesAbove { people: held });
        }
        store::devices::shift_waiting(&mut work.tx, id, -1).await?;
        store::companies::put_under(&mut work.tx, id, &path, parent_id, &parent_path).await?;
        store::devices::shift_waiting(&mut work.tx, id, 1).await?;
        let moved = company::Path::of(Some(&parent_path), id);
        store::tags::keep_usable_in(&mut work.tx, &moved, &path.ids()).await?;
        work.note(actor.note_at(id, "company.moved", &company.name, &parent.name));
        let moved = reload(work, actor, id).await?;
        let (name, parent) = (company.name.clone(), parent.name.clone());
        Ok(Outcome::about(moved, CompanyEvent::Moved { name, parent }))
    })
}

async fn lock_one(work: &mut Work, actor: &Actor, id: i64, field: &'static str) -> OpResult<LockedCompany> {
    let mut found = store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?;
    match found.pop() {
        Some(company) => Ok(company),
        None if field.is_empty() => Err(OpError::NotFound),
        None => refuse(field, CompanyReason::Unknown),
    }
}
