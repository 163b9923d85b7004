//! Companies that may buy: the operator activates them and sets their terms.

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::event::CompanyEvent;
use crate::model::order::OrderError;
use crate::model::refusal::CompanyReason;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::companies::LockedCompany;
use crate::store::distributors::{Distributor, DistributorFilter};

/// A page of the companies that may buy, by name.
///
/// # Errors
/// [`OpError::Forbidden`] for anyone but the operator.
pub async fn list(app: &App, actor: &Actor, filter: &DistributorFilter) -> OpResult<Vec<Distributor>> {
    actor.require_operator()?;
    let mut tx = app.db.read_list().await?;
    Ok(store::distributors::list(&mut tx, filter).await?)
}

/// A company that may buy.
///
/// # Errors
/// [`OpError::NotFound`] for a company that may not buy.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Distributor> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    store::distributors::find(&mut tx, id).await?.ok_or(OpError::NotFound)
}

/// Allows a company to buy, or stops it from buying. What it has bought stays.
///
/// # Errors
/// A refusal at the field `company`.
pub async fn set_may_buy(app: &App, actor: &Actor, operation_id: &str, id: i64, on: bool) -> OpResult<Outcome> {
    actor.require_operator()?;
    let request = serde_json::json!([id, on]).to_string();
    work_once!(app, actor, operation_id, "set_may_buy", &request, work => {
        let company = lock_one(work, actor, id).await?;
        if on && company.level == 0 {
            return refuse("company", OrderError::Vendor);
        }
        let is_new = store::distributors::set_may_buy(&mut work.tx, id, on).await?;
        if is_new {
            let verb = if on { "distributor.activated" } else { "distributor.deactivated" };
            work.note(actor.note_at(id, verb, &company.name, ""));
        }
        let name = company.name;
        Ok(Outcome::of(match on {
            true => CompanyEvent::Activated { name },
            false => CompanyEvent::Deactivated { name },
        }))
    })
}

/// Sets whether a company's future orders are under reverse charge, without VAT.
///
/// # Errors
/// [`OpError::NotFound`] for a company that may not buy.
pub async fn set_reverse_charge(app: &App, actor: &Actor, operation_id: &str, id: i64, on: bool) -> OpResult<Outcome> {
    actor.require_operator()?;
    let request = serde_json::json!([id, on]).to_string();
    work_once!(app, actor, operation_id, "set_reverse_charge", &request, work => {
        let company = lock_one(work, actor, id).await?;
        store::distributors::find(&mut work.tx, id).await?.ok_or(OpError::NotFound)?;
        let is_new = store::distributors::set_reverse_charge(&mut work.tx, id, on).await?;
        if is_new {
            let verb = if on { "distributor.reverse_charge_on" } else { "distributor.reverse_charge_off" };
            work.note(actor.note_at(id, verb, &company.name, ""));
        }
        Ok(Outcome::of(CompanyEvent::ReverseChargeSet { name: company.name, is_on: on }))
    })
}

async fn lock_one(work: &mut Work, actor: &Actor, id: i64) -> OpResult<LockedCompany> {
    let mut found = store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?;
    found.pop().map_or_else(|| refuse("company", CompanyReason::Unknown), Ok)
}
