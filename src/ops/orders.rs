//! Reads and cancels orders. They begin in `draft`, and are placed in `placing`; `ops::payments` handles payment.

pub mod draft;
pub mod placing;

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::event::OrderEvent;
use crate::model::job::Job;
use crate::model::money::{Currency, Money};
use crate::model::order::{Method, OrderError, OrderLine};
use crate::model::permission::Permission;
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::disputes::DisputeRow;
use crate::store::invoices::InvoiceRow;
use crate::store::orders::{OrderFilter, OrderRow};
use crate::store::payments::PaymentRow;

/// An order with everything that belongs to it.
#[derive(Debug, Clone)]
pub struct Order {
    pub row: OrderRow,
    pub currency: Currency,
    /// With their numbers, which do not change when a line is removed.
    pub lines: Vec<(i64, OrderLine)>,
    /// The lines for the own pool whose units went back to the vendor.
    pub taken_back: Vec<i64>,
    /// The devices that licence lines are for.
    pub serials: Vec<(i64, String)>,
    pub payments: Vec<PaymentRow>,
    pub disputes: Vec<DisputeRow>,
    /// Its invoice and credit notes.
    pub invoices: Vec<InvoiceRow>,
}

impl Order {
    #[must_use]
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

/// An order of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it; [`OpError::Forbidden`] for end users.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Order> {
    actor.require(Permission::ViewOrders)?;
    let mut tx = app.db.read().await?;
    let row = store::orders::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
    Ok(Order {
        currency: currency(&row)?,
        lines: store::orders::lines(&mut tx, id).await?,
        taken_back: store::orders::taken_back(&mut tx, id).await?,
        serials: store::orders::serials(&mut tx, id).await?,
        payments: store::payments::of_order(&mut tx, id).await?,
        disputes: store::disputes::of_order(&mut tx, id).await?,
        invoices: store::invoices::of_order(&mut tx, id).await?,
        row,
    })
}

/// A page of the orders of the actor's tree, or of a company of it with its subsidiaries.
///
/// # Errors
/// [`OpError::Forbidden`] for end users; [`OpError::NotFound`] for a company outside the tree.
pub async fn list(app: &App, actor: &Actor, company_id: Option<i64>, filter: &OrderFilter) -> OpResult<Vec<OrderRow>> {
    actor.require(Permission::ViewOrders)?;
    let scope = super::companies::scope(Permission::ViewOrders, app, actor, company_id).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::orders::list(&mut tx, &scope, filter).await?)
}

pub(super) fn currency(row: &OrderRow) -> OpResult<Currency> {
    Currency::from_code(&row.currency)
        .ok_or_else(|| OpError::Internal(format!("order {} is in no known currency", row.id)))
}

/// Cancels an unpaid order; its invoice, if any, gets a credit note. Of a paid order whose codes are still being made,
/// it cancels the codes that are not made yet, if the actor may cancel vouchers.
///
/// # Errors
/// A refusal if the order is complete or cancelled; [`OpError::NotFound`] outside the actor's tree.
pub async fn cancel(app: &App, actor: &Actor, operation_id: &str, order_id: i64) -> OpResult<Outcome> {
    actor.require(Permission::BuyResources)?;
    let may_cancel_vouchers = super::vouchers::may_cancel(app, actor).await?;
    work_once!(app, actor, operation_id, "cancel_order", &order_id.to_string(), work => {
        let found = store::orders::lock(&mut work.tx, &actor.company_path, order_id).await?;
        let row = found.ok_or(OpError::NotFound)?;
        if row.is_being_made() {
            return if may_cancel_vouchers {
                super::order_codes::cancel_rest(work, actor, &row).await
            } else {
                Err(OpError::Forbidden)
            };
        }
        if !store::orders::cancel(&mut work.tx, order_id, work.now).await? {
            return refuse("", OrderError::NotOpen);
        }
        let credit_note = super::invoices::credit_all(work, order_id).await?;
        if row.method() == Some(Method::Card) {
            work.job(&Job::CloseCardPages { id: order_id.to_string() }).await?;
        }
        work.note(actor.note_at(row.company_id, "order.cancelled", &format!("Order {order_id}"), ""));
        Ok(Outcome::of(OrderEvent::Cancelled { order_id, credit_note }))
    })
}
