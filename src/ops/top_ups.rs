//! Standing top-ups of a company's own pool: set up by somebody who may buy, checked by a job. `run` checks them, `cards`
//! saves the card that pays.

pub mod cards;
pub mod run;

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse};
use crate::app::App;
use crate::mail;
use crate::model::event::TopUpEvent;
use crate::model::money::{Currency, Money};
use crate::model::order::{Method, OrderError, PoolWish};
use crate::model::permission::Permission;
use crate::model::product::ProductKind;
use crate::model::refusal::{BillingReason, FieldReason, OrderReason};
use crate::model::resources::ResourceType;
use crate::model::top_up::{DAYS_MAX, Rule};
use crate::ops::orders::draft;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::top_ups::{SavedCard, Terms, TopUp};

/// The top-ups of the actor's company, and the card that pays them.
///
/// # Errors
/// [`OpError::Forbidden`] for those who do not see orders.
pub async fn list(app: &App, actor: &Actor) -> OpResult<(Vec<TopUp>, Option<SavedCard>)> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    let all = store::top_ups::of_company(&mut tx, actor.company_id).await?;
    Ok((all, store::top_ups::card(&mut tx, actor.company_id).await?))
}

/// The fields of the form.
#[derive(Debug, Clone, Copy)]
pub struct TopUpFields<'a> {
    pub product_id: i64,
    pub resource_type: ResourceType,
    pub rule: &'a str,
    pub at_least: i64,
    pub units: i64,
    pub method: &'a str,
    /// Money, in the product's currency.
    pub monthly_max: &'a str,
}

/// What a top-up buys at a time: of what is counted in years, one year.
fn wish(resource_type: ResourceType, units: i64) -> PoolWish {
    PoolWish { resource_type, years: 1, subscriptions: units }
}

/// Sets the actor's company's top-up of one type, and turns it on.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn set(app: &App, actor: &Actor, operation_id: &str, fields: &TopUpFields<'_>) -> OpResult<Outcome> {
    super::buying::require_own_pool(app, actor).await?;
    let TopUpFields { product_id, resource_type, at_least, units, .. } = *fields;
    let mut problems = Problems::default();
    let rule = Rule::from_slug(fields.rule).ok_or(FieldReason::NotAChoice { choices: "units, days" });
    let rule = problems.take("rule", rule);
    let method = Method::from_slug(fields.method).ok_or(FieldReason::NotAChoice { choices: "card, invoice" });
    let method = problems.take("method", method);
    if rule == Some(Rule::Days) && at_least > DAYS_MAX {
        problems.add("at_least", FieldReason::NotBetween { minimum: 1, maximum: DAYS_MAX });
    }
    problems.finish()?;
    let (Some(rule), Some(method)) = (rule, method) else { return Err(OpError::NotFound) };
    let line = draft::PoolLine { product_id, wish: wish(resource_type, units) };
    let (priced, currency) = draft::price_pool(app, actor, &line).await.map_err(at_units)?;
    let monthly_max = Money::parse(fields.monthly_max, currency).map_err(|e| OpError::refused("monthly_max", e))?;
    let gross = Money::new(priced.net + priced.vat, currency);
    if monthly_max.minor < gross.minor {
        return refuse("monthly_max", OrderReason::BelowOneOrder { order: gross });
    }
    if method == Method::Card && !app.cards.are_taken() {
        return refuse("method", OrderError::CardsOff);
    }
    let terms = Terms {
        company_id: actor.company_id,
        resource_type,
        product_id,
        set_by: actor.user_id,
        rule,
        at_least,
        units,
        method,
        monthly_max: monthly_max.minor,
    };
    let request = serde_json::json!([
        product_id,
        resource_type.id(),
        rule.slug(),
        at_least,
        units,
        method.slug(),
        monthly_max.minor
    ]);
    work_once!(app, actor, operation_id, "set_top_up", &request.to_string(), work => {
        store::companies::lock(&mut work.tx, &actor.company_path, &[actor.company_id]).await?;
        draft::product(&mut work.tx, product_id, ProductKind::Voucher).await?;
        if store::billing::get(&mut work.tx, actor.company_id).await?.is_none() {
            return refuse("", BillingReason::NotEntered);
        }
        if method == Method::Card && store::top_ups::card(&mut work.tx, actor.company_id).await?.is_none() {
            return refuse("method", OrderError::NoSavedCard);
        }
        store::top_ups::set(&mut work.tx, &terms, work.now).await?;
        let details = crate::words::top_up(rule, at_least, resource_type);
        work.note(actor.note("top_up.set", resource_type.label(), &format!("{details}, at most {monthly_max} a month")));
        Ok(Outcome::of(TopUpEvent::Set { resource_type: resource_type.slug().to_owned(), kept: details }))
    })
}

/// The fields of an order under the form's names.
fn at_units(error: OpError) -> OpError {
    match error {
        OpError::Refused("subscriptions" | "years", reason) => OpError::Refused("units", reason),
        error => error,
    }
}

/// Turns a top-up of the actor's company off. An order that it has placed stays.
///
/// # Errors
/// [`OpError::NotFound`] if none is on.
pub async fn turn_off(app: &App, actor: &Actor, operation_id: &str, of: ResourceType) -> OpResult<Outcome> {
    actor.require(Permission::BuyResources)?;
    work_once!(app, actor, operation_id, "turn_off_top_up", &of.id().to_string(), work => {
        if !store::top_ups::turn_off(&mut work.tx, actor.company_id, of, None).await? {
            return Err(OpError::NotFound);
        }
        work.note(actor.note("top_up.turned_off", of.label(), ""));
        Ok(Outcome::of(TopUpEvent::TurnedOff { resource_type: of.slug().to_owned() }))
    })
}

/// The bank wants the card's owner to confirm a top-up's payment: mails the person who set the top-up, once.
pub(super) async fn needs_payer(app: &App, work: &mut Work, order_id: i64) -> OpResult<()> {
    if !store::top_ups::wait_for_payer(&mut work.tx, order_id).await? || app.config.mail.is_none() {
        return Ok(());
    }
    let (_, root) = store::companies::root(&mut work.tx).await?.ok_or(OpError::NotFound)?;
    let order = store::orders::find(&mut work.tx, &root, order_id).await?.ok_or(OpError::NotFound)?;
    let total = super::payments::sum(&order)?;
    let mail = mail::payment_to_confirm(&order.created_by_email, order_id, &total, &app.config.public_url);
    work.mail(app, &mail).await
}

/// The currency of a top-up.
pub(super) fn currency(top_up: &TopUp) -> OpResult<Currency> {
    Currency::from_code(&top_up.currency)
        .ok_or_else(|| OpError::Internal(format!("product {} is in no known currency", top_up.product_id)))
}
