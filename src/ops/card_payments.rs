//! Payments by card: a page of the provider's is opened for an order, and the provider tells what became
//! of it. Its word counts, given by a signed event or asked for; the browser's does not.

use super::actor::Actor;
use super::error::{OpError, OpResult, Reason, refuse};
use super::payments::{Settlement, settle};
use crate::app::{App, act};
use crate::jobs::Job;
use crate::model::ledger;
use crate::model::money::{Currency, Money};
use crate::model::order::{Method, OrderError, OrderState};
use crate::model::time::Moment;
use crate::payments::{Event, EventKind, SESSION_SECONDS_MAX, SessionRequest};
use crate::store;
use crate::store::orders::OrderRow;
use crate::store::payments::{NewPayment, PaymentRow};

/// How long a provider's page can be paid on.
const SESSION_SECONDS: i64 = SESSION_SECONDS_MAX - 3_600;

/// Where the provider sends the browser afterwards, as whole addresses.
pub struct Ways<'a> {
    pub back: &'a str,
    pub cancelled: &'a str,
}

/// Where an order is paid by card: the provider's page for it, opened where there is none. Asking twice
/// gives the same page.
///
/// # Errors
/// A refusal where the order is not to be paid by card, or the provider cannot be reached now.
pub async fn page(app: &App, actor: &Actor, order_id: i64, ways: &Ways<'_>) -> OpResult<String> {
    actor.require_buyer()?;
    let Some(provider) = app.cards.provider() else {
        return refuse("method", Reason::Order(OrderError::CardsOff));
    };
    let (order, payment) = open_payment(app, actor, order_id, provider).await?;
    if let Some(url) = payment.session_url {
        return Ok(url);
    }
    let currency = super::orders::currency(&order)?;
    let request = SessionRequest {
        payment_id: payment.id,
        amount: Money::new(payment.amount, currency),
        description: &format!("Order {order_id}"),
        customer_email: &order.created_by_email,
        success_url: ways.back,
        cancel_url: ways.cancelled,
        expires_at: ends_at(&payment),
    };
    let session = app.cards.create_session(&request).await.map_err(|error| {
        tracing::error!(%error, order = order_id, "no page for a card payment was opened");
        OpError::Refused("", Reason::Order(OrderError::ProviderFailed))
    })?;
    act!(app, act => {
        store::payments::set_session(&mut act.tx, payment.id, &session.id, &session.url).await?;
        Ok(())
    })?;
    Ok(session.url)
}

fn ends_at(payment: &PaymentRow) -> Moment {
    Moment(payment.created_at).plus_seconds(SESSION_SECONDS)
}

/// The payment by card that is under way for an order, or a new one.
async fn open_payment(
    app: &App,
    actor: &Actor,
    order_id: i64,
    provider: &'static str,
) -> OpResult<(OrderRow, PaymentRow)> {
    act!(app, act => {
        let found = store::orders::lock(&mut act.tx, &actor.company_path, order_id).await?;
        let order = found.filter(|o| o.company_id == actor.company_id).ok_or(OpError::NotFound)?;
        if order.state() != OrderState::AwaitingPayment || order.method() != Some(Method::Card) {
            return refuse("", Reason::Order(OrderError::NotOpen));
        }
        let payments = store::payments::of_order(&mut act.tx, order_id).await?;
        // Shortly before its end a page is no longer worth going to.
        let lives = |p: &PaymentRow| p.state == "open" && act.now < ends_at(p).plus_seconds(-60);
        if let Some(payment) = payments.iter().rev().find(|p| p.provider == provider && lives(p)) {
            return Ok((order, payment.clone()));
        }
        let new = NewPayment {
            order_id,
            provider,
            state: "open",
            amount: order.total,
            currency: &order.currency,
            reference: "",
            created_at: act.now,
            ended_at: None,
        };
        let id = store::payments::insert(&mut act.tx, &new).await?;
        let payment = store::payments::find(&mut act.tx, id).await?.ok_or(OpError::NotFound)?;
        Ok((order, payment))
    })
}

/// Takes an event of the provider. One that was taken before, or concerns nobody here, changes nothing.
///
/// # Errors
/// Whatever keeps it from being taken now; the provider sends it again.
pub async fn take(app: &App, provider: &'static str, event: &Event) -> OpResult<()> {
    act!(app, act => {
        let kind = format!("{:?}", event.kind);
        if !store::payments::take_event(&mut act.tx, provider, &event.id, &kind, act.now).await? {
            return Ok(());
        }
        let Some(session) = &event.session_id else { return Ok(()) };
        let Some(payment) = store::payments::by_session(&mut act.tx, provider, session).await? else {
            return Ok(());
        };
        let intent = event.payment_intent.as_deref();
        match event.kind {
            EventKind::SessionCompleted { is_paid: true } | EventKind::AsyncSucceeded => {
                paid(app, act, payment.id, intent, event.amount_total).await
            }
            EventKind::AsyncFailed => {
                store::payments::end(&mut act.tx, payment.id, "failed", intent, act.now).await?;
                Ok(())
            }
            EventKind::SessionExpired => {
                store::payments::end(&mut act.tx, payment.id, "expired", intent, act.now).await?;
                Ok(())
            }
            EventKind::SessionCompleted { is_paid: false } | EventKind::Refunded { .. } | EventKind::Other => Ok(()),
        }
    })
}

/// A card payment has come: its order is settled; where that was cancelled, or paid otherwise, the money is
/// due back.
async fn paid(
    app: &App,
    act: &mut crate::app::Act,
    payment_id: i64,
    intent: Option<&str>,
    amount: Option<Money>,
) -> OpResult<()> {
    let Some(payment) = store::payments::find(&mut act.tx, payment_id).await? else { return Ok(()) };
    let Some((root_id, root)) = store::companies::root(&mut act.tx).await? else { return Ok(()) };
    let found = store::orders::lock(&mut act.tx, &root, payment.order_id).await?;
    let order = found.ok_or(OpError::NotFound)?;
    let due = Currency::from_code(&payment.currency).map(|c| Money::new(payment.amount, c));
    if amount != due {
        tracing::error!(payment = payment_id, "another sum was paid than was asked for");
        return Ok(());
    }
    let is_due = order.state() == OrderState::AwaitingPayment;
    let state = if is_due { "paid" } else { "refund_due" };
    if !store::payments::end(&mut act.tx, payment_id, state, intent, act.now).await? {
        return Ok(());
    }
    if is_due {
        let by = ledger::Actor::portal(root_id);
        let settlement = Settlement { order: &order, by, how: "by card", on: act.now };
        settle(app, act, &settlement).await?;
    } else {
        act.job(&Job::Refund { id: payment_id.to_string() }).await?;
    }
    Ok(())
}

/// Asks the provider how the payment of an order stands: a browser may be back before the event is.
///
/// # Errors
/// [`OpError::NotFound`] outside the actor's tree.
pub async fn look(app: &App, actor: &Actor, order_id: i64) -> OpResult<()> {
    let order = super::orders::find(app, actor, order_id).await?;
    let open = order.payments.iter().filter(|p| p.state == "open");
    for payment in open.filter(|p| Some(p.provider.as_str()) == app.cards.provider()) {
        let Some(session) = &payment.session_id else { continue };
        match app.cards.session(session).await {
            Ok(Some(state)) if state.is_paid => act!(app, act => {
                let intent = state.payment_intent.as_deref();
                paid(app, act, payment.id, intent, Some(state.amount_total)).await
            })?,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, order = order_id, "the provider did not say how it stands"),
        }
    }
    Ok(())
}

/// Closes the provider's pages of an order that needs none any more, as far as the provider can be reached:
/// a payment that comes all the same is given back.
pub(super) async fn close_sessions(app: &App, order_id: i64) {
    let found = async {
        let mut tx = app.db.read().await?;
        store::payments::of_order(&mut tx, order_id).await
    };
    let payments = found.await.unwrap_or_default();
    let open =
        payments.iter().filter(|p| p.state == "open" && Some(p.provider.as_str()) == app.cards.provider());
    for session in open.filter_map(|p| p.session_id.as_deref()) {
        if let Err(error) = app.cards.expire_session(session).await {
            tracing::warn!(%error, order = order_id, "a page for a card payment stays open");
        }
    }
}

/// Gives back what came for an order that was cancelled or paid before. Running it again gives it back once.
///
/// # Errors
/// Whatever the provider says; the job is tried again.
pub async fn refund(app: &App, payment_id: &str) -> Result<(), String> {
    let payment_id: i64 = payment_id.parse().map_err(|_| "no such payment".to_owned())?;
    let payment = {
        let mut tx = app.db.read().await.map_err(|e| e.to_string())?;
        store::payments::find(&mut tx, payment_id).await.map_err(|e| e.to_string())?
    };
    let Some(payment) = payment.filter(|p| p.state == "refund_due") else { return Ok(()) };
    let currency = Currency::from_code(&payment.currency).ok_or("no such currency")?;
    let intent = payment.intent.as_deref().ok_or("the payment has no number at the provider")?;
    let key = format!("scrip-refund-{payment_id}");
    app.cards.refund(intent, Money::new(payment.amount, currency), &key).await.map_err(|e| e.to_string())?;
    let done: OpResult<()> = async {
        act!(app, act => {
            store::payments::set_refunded(&mut act.tx, payment_id, act.now).await?;
            Ok(())
        })
    }
    .await;
    done.map_err(|e| e.to_string())
}
