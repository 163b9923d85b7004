//! Card payments. A provider's page is opened for an order, and the provider reports the result. Only the provider's
//! own report counts, in a signed event or in answer to a question; the browser's does not.
//!
//! Each attempt is a payment of its own, with a reference that no other installation uses. Everything sent to the
//! provider derives from what was stored when the order was placed, so that requesting twice gives the same page.

mod ask;
mod demo;
mod disputes;
mod off_session;
mod refund;
mod take;

pub use ask::{ask_due, close, refresh};
pub use demo::{DemoAnswer, DemoPayment, demo_answer, demo_payment};
pub(super) use off_session::begin as charge_saved_card;
pub use refund::refund;
pub use take::take;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::cards::{ProviderError, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, Session, SessionRequest};
use crate::model::money::{Currency, Money};
use crate::model::order::{Method, OrderError, OrderState};
use crate::model::time::Moment;
use crate::ops::work::{Work, work};
use crate::store;
use crate::store::orders::OrderRow;
use crate::store::payments::{NewPayment, PaymentRow};

/// How long a provider's page can be paid on.
pub const SESSION_SECONDS: i64 = SESSION_SECONDS_MAX - 3_600;
/// A page that ends sooner than this is not worth visiting.
const PAGE_SECONDS_MIN: i64 = 60;
/// How long a request for a page may take to reach the provider.
const REQUEST_SECONDS_MAX: i64 = 300;
/// When to first ask about a page that no event has come for.
const ASK_AFTER_SECONDS: i64 = 60;

/// Where the provider sends the browser afterwards, as absolute URLs.
pub struct ReturnUrls<'a> {
    pub back: &'a str,
    pub cancelled: &'a str,
}

/// Begins a card payment of an order that the caller has locked.
pub(super) async fn begin(app: &App, work: &mut Work, order: &OrderRow, provider: &str) -> OpResult<PaymentRow> {
    let reference = format!("scrip-{}", hex::encode(app.rng.bytes::<12>()));
    let new = NewPayment {
        order_id: order.id,
        provider,
        state: "open",
        amount: order.total,
        currency: &order.currency,
        reference: &reference,
        created_at: work.now,
        // Until there is a page, there is nothing to ask about before it ends.
        ask_at: Some(work.now.plus_seconds(SESSION_SECONDS)),
        ended_at: None,
    };
    let id = store::payments::insert(&mut work.tx, &new).await?;
    store::payments::find(&mut work.tx, id).await?.ok_or(OpError::NotFound)
}

/// The provider's page for an order that is paid by card; opens one if there is none. Calling twice gives the same
/// page.
///
/// # Errors
/// A refusal if the order cannot be paid by card, or the provider cannot be reached.
pub async fn page(app: &App, actor: &Actor, order_id: i64, return_urls: &ReturnUrls<'_>) -> OpResult<String> {
    super::buying::require_any(app, actor).await?;
    let Some(provider) = app.cards.provider() else {
        return refuse("method", OrderError::CardsOff);
    };
    let (order, payment) = open_payment(app, actor, order_id, provider).await?;
    if let Some(url) = payment.session_url {
        return Ok(url);
    }
    let billing = super::invoices::billing(&order)?;
    let request = SessionRequest {
        reference: &payment.reference,
        amount: sum(&payment)?,
        description: &format!("Order {order_id}"),
        customer_email: &billing.email,
        success_url: return_urls.back,
        cancel_url: return_urls.cancelled,
        expires_at: ends_at(&payment),
    };
    match app.cards.create_session(&request).await {
        Ok(session) => keep_session(app, actor, &payment, session).await,
        Err(error) => give_up(app, &payment, &error).await,
    }
}

/// The card payment in progress for an order, or a new one.
async fn open_payment(
    app: &App,
    actor: &Actor,
    order_id: i64,
    provider: &'static str,
) -> OpResult<(OrderRow, PaymentRow)> {
    work!(app, work => {
        let order = lock_own(work, actor, order_id).await?;
        if order.state() != OrderState::AwaitingPayment || order.method() != Some(Method::Card) {
            return refuse("", OrderError::NotOpen);
        }
        let payments = store::payments::of_order(&mut work.tx, order_id).await?;
        if payments.iter().any(PaymentRow::is_under_way) {
            return refuse("", OrderError::UnderWay);
        }
        let now = work.now;
        let found = payments.into_iter().rev().find(|p| p.provider == provider && can_be_gone_to(p, now));
        let payment = match found {
            Some(payment) => payment,
            None => begin(app, work, &order, provider).await?,
        };
        Ok((order, payment))
    })
}

/// An order of the actor's own company, locked.
async fn lock_own(work: &mut Work, actor: &Actor, order_id: i64) -> OpResult<OrderRow> {
    let found = store::orders::lock(&mut work.tx, &actor.company_path, order_id).await?;
    found.filter(|o| o.company_id == actor.company_id).ok_or(OpError::NotFound)
}

/// Whether a payment has a usable page or can still get one: a provider opens none that would end at once.
fn can_be_gone_to(payment: &PaymentRow, now: Moment) -> bool {
    let needed = match payment.session_url {
        Some(_) => PAGE_SECONDS_MIN,
        None => SESSION_SECONDS_MIN + REQUEST_SECONDS_MAX,
    };
    payment.state == "open" && now.plus_seconds(needed) < ends_at(payment)
}

fn ends_at(payment: &PaymentRow) -> Moment {
    Moment(payment.created_at).plus_seconds(SESSION_SECONDS)
}

fn sum(payment: &PaymentRow) -> OpResult<Money> {
    let currency = Currency::from_code(&payment.currency)
        .ok_or_else(|| OpError::Internal(format!("payment {} is in no known currency", payment.id)))?;
    Ok(Money::new(payment.amount, currency))
}

/// Stores the page that the provider has opened. The browser is sent there only afterwards, and not at all if the
/// order was cancelled or paid in the meantime.
async fn keep_session(app: &App, actor: &Actor, payment: &PaymentRow, session: Session) -> OpResult<String> {
    let is_open: bool = work!(app, work => {
        let order = lock_own(work, actor, payment.order_id).await?;
        let ask_at = work.now.plus_seconds(ASK_AFTER_SECONDS);
        store::payments::set_session(&mut work.tx, payment.id, &session.id, Some(&session.url), ask_at).await?;
        Ok(order.state() == OrderState::AwaitingPayment)
    })?;
    if is_open {
        return Ok(session.url);
    }
    if let Err(error) = app.cards.expire_session(&session.id).await {
        tracing::warn!(%error, order = payment.order_id, "a page for a card payment stays open");
    }
    refuse("", OrderError::NotOpen)
}

/// No page was opened. If the same request would get the same answer, the next attempt is a new payment.
async fn give_up(app: &App, payment: &PaymentRow, error: &ProviderError) -> OpResult<String> {
    tracing::error!(%error, order = payment.order_id, "no page for a card payment was opened");
    if !error.may_be_sent_again() {
        work!(app, work => {
            store::payments::end(&mut work.tx, payment.id, "failed", None, work.now).await?;
            Ok(())
        })?;
    }
    refuse("", OrderError::ProviderFailed)
}
