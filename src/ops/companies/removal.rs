//! Removes companies that nothing depends on.

use crate::app::App;
use crate::model::company;
use crate::model::event::CompanyEvent;
use crate::model::permission::Permission;
use crate::model::refusal::{CompanyReason, Obstacle, ObstacleKind};
use crate::ops::actor::Actor;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::companies::LockedCompany;

/// Removes companies: all of them, or none and the obstacles of each.
///
/// # Errors
/// [`CompanyReason::Obstacles`] if something depends on one of them.
pub async fn remove(app: &App, actor: &Actor, operation_id: &str, ids: &[i64]) -> OpResult<Outcome> {
    actor.require(Permission::EditCompanies)?;
    if ids.is_empty() {
        return refuse("companies", CompanyReason::NoneChosen);
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let request = serde_json::json!(ids).to_string();
    work_once!(app, actor, operation_id, "remove_companies", &request, work => {
        let found = store::companies::lock(&mut work.tx, &actor.company_path, &ids).await?;
        if found.len() != ids.len() {
            return Err(OpError::NotFound);
        }
        let obstacles = obstacles(work, actor, &found).await?;
        if !obstacles.is_empty() {
            return refuse("companies", CompanyReason::Obstacles(obstacles));
        }
        store::companies::remove(&mut work.tx, &ids, work.now).await?;
        store::tags::delete_of_companies(&mut work.tx, &ids).await?;
        store::roles::delete_of_companies(&mut work.tx, &ids).await?;
        for company in &found {
            work.note(actor.note_at(company.id, "company.removed", &company.name, ""));
        }
        let names = found.into_iter().map(|company| company.name).collect();
        Ok(Outcome::of(CompanyEvent::Removed { names }))
    })
}

/// What prevents the removal of locked companies. Subsidiaries that are removed with them do not count.
async fn obstacles(
    work: &mut crate::ops::work::Work,
    actor: &Actor,
    companies: &[LockedCompany],
) -> OpResult<Vec<Obstacle>> {
    let ids: Vec<i64> = companies.iter().map(|c| c.id).collect();
    let mut obstacles = Vec::new();
    for (holdings, company) in store::companies::holdings(&mut work.tx, &ids).await?.iter().zip(companies) {
        let mut add = |what| obstacles.push(Obstacle { company_id: company.id, company: company.name.clone(), what });
        let below = company::Path::from_stored(company.path.clone());
        let going_along = companies
            .iter()
            .filter(|c| c.level == company.level + 1 && below.contains(&company::Path::from_stored(c.path.clone())))
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
