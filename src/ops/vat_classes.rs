//! Named VAT rates. A change affects only new orders: a line keeps the rate it was made with.

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::app::App;
use crate::model::company::NameError;
use crate::model::event::ProductEvent;
use crate::model::money::VatRate;
use crate::model::product::{self, VatClass};
use crate::model::refusal::ProductReason;
use crate::ops::work::{Outcome, work_once};
use crate::store;

/// How many classes there may be.
pub const VAT_CLASSES_MAX: usize = 100;

/// All classes, by name.
///
/// # Errors
/// [`OpError::Forbidden`] for anyone but the operator.
pub async fn list(app: &App, actor: &Actor) -> OpResult<Vec<VatClass>> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    Ok(store::vat_classes::all(&mut tx).await?)
}

/// Adds a class.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn add(app: &App, actor: &Actor, operation_id: &str, name: &str, rate: &str) -> OpResult<Outcome> {
    actor.require_operator()?;
    let (name, rate) = check(name, rate)?;
    let request = serde_json::json!([name, rate.hundredths()]).to_string();
    work_once!(app, actor, operation_id, "add_vat_class", &request, work => {
        if store::vat_classes::all(&mut work.tx).await?.len() >= VAT_CLASSES_MAX {
            return refuse("", ProductReason::ListFull { maximum: VAT_CLASSES_MAX });
        }
        if store::vat_classes::insert(&mut work.tx, &name, rate).await?.is_none() {
            return refuse("name", ProductReason::VatClassTaken);
        }
        work.note(actor.note("vat_class.added", &name, &rate.to_string()));
        Ok(Outcome::of(ProductEvent::VatClassAdded { name: name.clone(), rate }))
    })
}

/// Changes a class.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn change(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    id: i64,
    name: &str,
    rate: &str,
) -> OpResult<Outcome> {
    actor.require_operator()?;
    let (name, rate) = check(name, rate)?;
    let request = serde_json::json!([id, name, rate.hundredths()]).to_string();
    work_once!(app, actor, operation_id, "change_vat_class", &request, work => {
        let before = store::vat_classes::lock(&mut work.tx, id).await?.ok_or(OpError::NotFound)?;
        if !store::vat_classes::update(&mut work.tx, id, &name, rate).await? {
            return refuse("name", ProductReason::VatClassTaken);
        }
        let details = format!("{name}, {rate}, in place of {}", before.rate);
        work.note(actor.note("vat_class.changed", &before.name, &details));
        Ok(Outcome::of(ProductEvent::VatClassChanged { name: name.clone(), rate }))
    })
}

fn check(name: &str, rate: &str) -> OpResult<(String, VatRate)> {
    let mut problems = Problems::default();
    let name = product::name(name).map_err(|e| text_reason(e, NameError::Missing));
    let name = problems.take("name", name);
    let rate = problems.take("rate", VatRate::parse(rate).ok_or(ProductReason::MalformedRate));
    problems.finish()?;
    Ok((name.unwrap_or_default(), rate.unwrap_or(VatRate::ZERO)))
}
