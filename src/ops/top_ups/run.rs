//! The job that checks top-ups. One process takes each at a time, and its orders are numbered: whatever is killed half-way
//! goes on with the same order. Everything it does, whoever set it up could do.

use super::{currency, wish};
use crate::app::App;
use crate::mail;
use crate::model::order::{Method, OrderState};
use crate::model::refusal::Reason;
use crate::model::time::Moment;
use crate::model::top_up::{FAILURES_MAX, Rule, Stopped};
use crate::ops::actor::Actor;
use crate::ops::billing::BillingFields;
use crate::ops::error::{OpError, OpResult};
use crate::ops::orders::{draft, placing};
use crate::ops::work::work;
use crate::ops::{card_payments, coverage, orders, resources};
use crate::store;
use crate::store::history::NewHistory;
use crate::store::top_ups::TopUp;

/// How many are checked in one step.
const TAKEN_AT_ONCE: i64 = 20;
/// When each is checked again.
const CHECK_AGAIN_SECONDS: i64 = 600;

/// Checks the next top-ups that are due; returns whether there may be more.
pub async fn step(app: &App) -> OpResult<bool> {
    // A wrong clock would buy for a month that has not come.
    let Some(now) = crate::ops::clock::trusted_now(app).await? else { return Ok(false) };
    let due: Vec<TopUp> = work!(app, work => {
        let next = now.plus_seconds(CHECK_AGAIN_SECONDS);
        Ok(store::top_ups::take_due(&mut work.tx, now, next, TAKEN_AT_ONCE).await?)
    })?;
    for top_up in &due {
        match check(app, top_up, now).await {
            Ok(()) | Err(OpError::Unavailable | OpError::Collision | OpError::OutcomeUnknown) => {}
            // It is checked again in a while.
            Err(error) => tracing::error!(%error, company = top_up.company_id, "a top-up could not be checked"),
        }
    }
    Ok(due.len() as i64 == TAKEN_AT_ONCE)
}

async fn check(app: &App, top_up: &TopUp, now: Moment) -> OpResult<()> {
    let of = top_up.resource_type()?;
    let mut tx = app.db.read().await?;
    let person = store::auth::signed_in(&mut tx, &[top_up.set_by]).await?.pop();
    let last = store::top_ups::last_order(&mut tx, top_up.company_id, of).await?;
    drop(tx);
    let actor = person.map(|person| Actor::of(person, String::new()));
    let actor = match actor.filter(|actor| actor.company_id == top_up.company_id) {
        Some(actor) if crate::ops::buying::of(app, &actor).await?.for_own_pool => actor,
        _ => return stop(app, top_up, Stopped::Permission).await,
    };
    match last.as_ref().and_then(|order| OrderState::from_slug(&order.state)) {
        Some(OrderState::AwaitingPayment) => return await_payment(app, &actor, top_up, &last).await,
        Some(OrderState::Paid) if top_up.failures > 0 => {
            work!(app, work => { Ok(store::top_ups::set_failures(&mut work.tx, top_up, 0).await?) })?;
        }
        // One that was begun is placed, whatever the balance is by now.
        Some(OrderState::Draft) => return buy(app, &actor, top_up).await,
        _ => {}
    }
    let balance = resources::balance(app, &actor, top_up.company_id, of).await?;
    let coverage = match top_up.rule() {
        Rule::Days => coverage::of_pool(app, &actor, top_up.company_id, of).await?,
        Rule::Units => None,
    };
    if !top_up.rule().is_short(top_up.at_least, balance, coverage.as_ref(), now) {
        return Ok(());
    }
    let line = draft::PoolLine { product_id: top_up.product_id, wish: wish(of, top_up.units) };
    let (priced, priced_in) = match draft::price_pool(app, &actor, &line).await {
        Err(OpError::Refused(..) | OpError::Invalid(_)) => return stop(app, top_up, Stopped::Offer).await,
        priced => priced?,
    };
    if priced_in != currency(top_up)? {
        return stop(app, top_up, Stopped::Offer).await;
    }
    let mut tx = app.db.read().await?;
    let spent = store::top_ups::ordered_since(&mut tx, top_up.company_id, of, month_of(now)).await?;
    drop(tx);
    if spent.saturating_add(priced.net).saturating_add(priced.vat) > top_up.monthly_max {
        return Ok(());
    }
    buy(app, &actor, top_up).await
}

/// The beginning of a moment's calendar month, in UTC.
fn month_of(now: Moment) -> Moment {
    let day = now.zoned(&jiff::tz::TimeZone::UTC).day();
    Moment::of_day(now.day() - i64::from(day) + 1)
}

/// Makes and places the top-up's next order, and charges the saved card. Repeating it goes on with the same order.
async fn buy(app: &App, actor: &Actor, top_up: &TopUp) -> OpResult<()> {
    let of = top_up.resource_type()?;
    // No request's id has a line break, so nobody takes these before.
    let id = |act: &str| format!("top-up\n{}\n{}\n{}\n{act}", top_up.company_id, of.slug(), top_up.orders);
    let line = draft::PoolLine { product_id: top_up.product_id, wish: wish(of, top_up.units) };
    let added = match draft::add_to_pool(app, actor, &id("order"), None, &line, true).await {
        Err(OpError::Refused(..)) => return stop(app, top_up, Stopped::Offer).await,
        added => added?,
    };
    let order_id = added.about;
    let (billing, card) = work!(app, work => {
        let billing = store::billing::get(&mut work.tx, top_up.company_id).await?;
        Ok((billing, store::top_ups::card(&mut work.tx, top_up.company_id).await?))
    })?;
    let (Some(billing), true) = (billing, top_up.method() == Method::Invoice || card.is_some()) else {
        return fail(app, actor, top_up, order_id).await;
    };
    let fields = BillingFields {
        name: &billing.name,
        address: &billing.address,
        country: &billing.country,
        vat_number: &billing.vat_number,
        email: &billing.email,
    };
    match placing::place(app, actor, &id("placement"), order_id, top_up.method(), &fields).await {
        Ok(_) => {}
        // The VAT was recalculated: the next check places it.
        Err(OpError::Refused(_, Reason::Order(crate::model::refusal::OrderReason::VatChanged))) => return Ok(()),
        Err(OpError::Refused(..) | OpError::Invalid(_)) => return fail(app, actor, top_up, order_id).await,
        Err(error) => return Err(error),
    }
    if let (Method::Card, Some(card)) = (top_up.method(), &card) {
        card_payments::charge_saved_card(app, order_id, card).await?;
    }
    work!(app, work => { Ok(store::top_ups::count_order(&mut work.tx, top_up).await?) })
}

/// An order of the top-up is placed and not paid: by invoice or while the card is charged there is nothing to do; a card
/// that failed counts, unless its owner is asked to confirm.
async fn await_payment(
    app: &App,
    actor: &Actor,
    top_up: &TopUp,
    order: &Option<store::top_ups::OrderOfTopUp>,
) -> OpResult<()> {
    let Some(order) = order else { return Ok(()) };
    if order.method.as_deref() != Some(Method::Card.slug()) || top_up.waits_for == Some(order.id) {
        return Ok(());
    }
    let mut tx = app.db.read().await?;
    let payments = store::payments::of_order(&mut tx, order.id).await?;
    let card = store::top_ups::card(&mut tx, top_up.company_id).await?;
    drop(tx);
    match payments.iter().find(|p| p.state == "open") {
        None => fail(app, actor, top_up, order.id).await,
        // It was placed, and the card not charged yet.
        Some(payment) if payment.saved_card().is_none() && payment.session_id.is_none() => match card {
            Some(card) => card_payments::charge_saved_card(app, order.id, &card).await,
            None => fail(app, actor, top_up, order.id).await,
        },
        Some(_) => Ok(()),
    }
}

/// Counts a failure and cancels its order; after some in a row the top-up is turned off.
async fn fail(app: &App, actor: &Actor, top_up: &TopUp, order_id: i64) -> OpResult<()> {
    let id = format!("top-up\n{order_id}\ncancellation");
    match orders::cancel(app, actor, &id, order_id).await {
        // It was paid in the meantime.
        Err(OpError::Refused(..)) => return Ok(()),
        done => done?,
    };
    let failures = top_up.failures + 1;
    work!(app, work => {
        store::top_ups::set_failures(&mut work.tx, top_up, failures).await?;
        Ok(store::top_ups::count_order(&mut work.tx, top_up).await?)
    })?;
    if failures >= FAILURES_MAX { stop(app, top_up, Stopped::Payments).await } else { Ok(()) }
}

/// Turns a top-up off, and tells whoever set it up.
async fn stop(app: &App, top_up: &TopUp, why: Stopped) -> OpResult<()> {
    let of = top_up.resource_type()?;
    work!(app, work => {
        if !store::top_ups::turn_off(&mut work.tx, top_up.company_id, of, Some(why)).await? {
            return Ok(());
        }
        work.note(NewHistory {
            actor_id: None,
            company_id: Some(top_up.company_id),
            address: String::new(),
            verb: "top_up.stopped",
            subject: of.label().to_owned(),
            details: crate::words::top_up_stopped(why).to_owned(),
            token: None,
        });
        if app.config.mail.is_none() {
            return Ok(());
        }
        let mail = mail::top_up_stopped(&top_up.set_by_email, of.label(), why, &app.config.public_url);
        work.mail(app, &mail).await
    })
}
