//! The job that checks top-ups. One process takes each at a time, and each order's id follows from the one before: a check
//! that was killed goes on with the same order. It acts as the person who set the top-up.

use super::{currency, wish};
use crate::app::App;
use crate::mail;
use crate::model::order::{Method, OrderState};
use crate::model::refusal::{FormReason, OrderReason, Reason};
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
use crate::store::top_ups::{OrderOfTopUp, TopUp};

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
    match last.as_ref().map(|order| (order, order.state())) {
        Some((order, Some(OrderState::AwaitingPayment))) => return await_payment(app, &actor, top_up, order).await,
        // One that was begun and killed is placed, unless the terms have changed since.
        Some((order, Some(OrderState::Draft))) => {
            if order.created_at >= top_up.set_at && fits(app, top_up, order.total, now).await? {
                return place(app, &actor, top_up, order.id).await;
            }
            cancel(app, &actor, order.id).await?;
        }
        _ => {}
    }
    if has_failed(app, top_up).await? {
        return stop(app, top_up, Stopped::Payments).await;
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
    if !fits(app, top_up, priced.net.saturating_add(priced.vat), now).await? {
        return Ok(());
    }
    // The order after the last one is made once, however many checks see this last one. No request's id has a line
    // break, so nobody takes these ids before.
    let id = format!("top-up\n{}\n{}\n{}", top_up.company_id, of.slug(), last.map_or(0, |order| order.id));
    match draft::add_to_pool(app, &actor, &id, None, &line, true).await {
        Ok(added) => place(app, &actor, top_up, added.about).await,
        // Another check has made it, on terms that have changed since.
        Err(OpError::Refused(_, Reason::Form(FormReason::KeyReused))) => Ok(()),
        Err(OpError::Refused(..)) => stop(app, top_up, Stopped::Offer).await,
        Err(error) => Err(error),
    }
}

/// Whether the month's limit leaves room for an order of this total.
async fn fits(app: &App, top_up: &TopUp, total: i64, now: Moment) -> OpResult<bool> {
    let mut tx = app.db.read().await?;
    let of = top_up.resource_type()?;
    let ordered = store::top_ups::ordered_since(&mut tx, top_up.company_id, of, month_of(now)).await?;
    Ok(ordered.saturating_add(total) <= top_up.monthly_max)
}

/// The beginning of a moment's calendar month, in UTC.
fn month_of(now: Moment) -> Moment {
    let day = now.zoned(&jiff::tz::TimeZone::UTC).day();
    Moment::of_day(now.day() - i64::from(day) + 1)
}

/// Places a draft of the top-up, and charges the saved card. Once, however often it is repeated.
async fn place(app: &App, actor: &Actor, top_up: &TopUp, order_id: i64) -> OpResult<()> {
    let mut tx = app.db.read().await?;
    let billing = store::billing::get(&mut tx, top_up.company_id).await?;
    let card = store::top_ups::card(&mut tx, top_up.company_id).await?;
    drop(tx);
    let method = top_up.method();
    let (Some(billing), true) = (billing, method == Method::Invoice || card.is_some()) else {
        return give_up(app, actor, top_up, order_id).await;
    };
    let fields = BillingFields {
        name: &billing.name,
        address: &billing.address,
        country: &billing.country,
        vat_number: &billing.vat_number,
        email: &billing.email,
    };
    let id = format!("top-up\n{order_id}\nplacement");
    match placing::place(app, actor, &id, order_id, method, &fields).await {
        Ok(_) => {}
        // The VAT was recalculated, or another check placed it: the next check sees which.
        Err(OpError::Refused(_, Reason::Order(OrderReason::VatChanged) | Reason::Form(FormReason::KeyReused))) => {
            return Ok(());
        }
        Err(OpError::Refused(..) | OpError::Invalid(_)) => return give_up(app, actor, top_up, order_id).await,
        Err(error) => return Err(error),
    }
    match (method, &card) {
        (Method::Card, Some(card)) => card_payments::charge_saved_card(app, order_id, card).await,
        _ => Ok(()),
    }
}

/// An order of the top-up is placed and not paid. By invoice, or while the card is charged, there is nothing to do; a
/// card that was declined cancels it, unless its owner was asked to confirm.
async fn await_payment(app: &App, actor: &Actor, top_up: &TopUp, order: &OrderOfTopUp) -> OpResult<()> {
    if !order.is_by_card() || top_up.waits_for == Some(order.id) {
        return Ok(());
    }
    let mut tx = app.db.read().await?;
    let payments = store::payments::of_order(&mut tx, order.id).await?;
    let card = store::top_ups::card(&mut tx, top_up.company_id).await?;
    drop(tx);
    match payments.iter().find(|p| p.state == "open") {
        None => {
            cancel(app, actor, order.id).await?;
            if has_failed(app, top_up).await? { stop(app, top_up, Stopped::Payments).await } else { Ok(()) }
        }
        // It was placed, and the check killed before it charged the card.
        Some(payment) if payment.saved_card().is_none() && payment.session_id.is_none() => match card {
            Some(card) => card_payments::charge_saved_card(app, order.id, &card).await,
            None => give_up(app, actor, top_up, order.id).await,
        },
        Some(_) => Ok(()),
    }
}

/// Whether the card was declined too often in a row.
async fn has_failed(app: &App, top_up: &TopUp) -> OpResult<bool> {
    let mut tx = app.db.read().await?;
    Ok(store::top_ups::failures_in_a_row(&mut tx, top_up, FAILURES_MAX).await? >= FAILURES_MAX)
}

/// Cancels an order that could not be placed or charged, and turns the top-up off.
async fn give_up(app: &App, actor: &Actor, top_up: &TopUp, order_id: i64) -> OpResult<()> {
    cancel(app, actor, order_id).await?;
    stop(app, top_up, Stopped::Order).await
}

async fn cancel(app: &App, actor: &Actor, order_id: i64) -> OpResult<()> {
    match orders::cancel(app, actor, &format!("top-up\n{order_id}\ncancellation"), order_id).await {
        // It was paid or cancelled in the meantime.
        Ok(_) | Err(OpError::Refused(..)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Turns a top-up off, and mails the person who set it up.
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
