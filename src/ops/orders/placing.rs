//! Places a draft, with the current VAT, to be paid by card or by invoice.

use crate::app::App;
use crate::model::event::{OrderEvent, Placed};
use crate::model::licence::LicenceRefusal;
use crate::model::money::Money;
use crate::model::order::{Method, OrderError, OrderLine, totals};
use crate::model::refusal::{FieldReason, OrderReason, Reason};
use crate::ops::actor::Actor;
use crate::ops::billing::BillingFields;
use crate::ops::error::{OpError, OpResult, at, refuse};
use crate::ops::orders::currency;
use crate::ops::orders::draft::{lock_own, require_draft};
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::orders::OrderRow;
use crate::store::products::ProductRow;

/// Places a draft: it is now to be paid, by card or by an invoice that is issued at once. What costs nothing is paid
/// at once.
///
/// # Errors
/// A refusal if it is no draft, has no lines, or cannot be paid that way.
pub async fn place(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    order_id: i64,
    method: Method,
    billing: &BillingFields<'_>,
) -> OpResult<Outcome> {
    crate::ops::buying::require_any(app, actor).await?;
    let provider = match (method, app.cards.provider()) {
        (Method::Card, None) => return refuse("method", OrderError::CardsOff),
        (_, provider) => provider.unwrap_or("bank"),
    };
    let billing = crate::ops::billing::check(billing)?;
    let billing_json = serde_json::to_string(&billing).map_err(|e| OpError::Internal(e.to_string()))?;
    let request = serde_json::json!([order_id, method.slug(), billing_json]).to_string();
    let placed = work_once!(app, actor, operation_id, "place_order", &request, work => {
        let row = lock_own(work, actor, order_id).await?;
        require_draft(&row)?;
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        if lines.is_empty() {
            return refuse("", OrderError::Empty);
        }
        crate::ops::buying::require_lines(&mut work.tx, actor, &lines).await?;
        if with_current_vat(work, &row, &lines).await?.is_some() {
            return refuse("", OrderReason::VatChanged);
        }
        let seller = store::seller::get(&mut work.tx).await?;
        let Some(seller) = seller else { return refuse("", OrderError::NoSeller) };
        if row.reverse_charge == 1 && billing.vat_number.is_empty() {
            // The tax is accounted for under this number.
            return refuse("billing_vat_number", FieldReason::Missing);
        }
        if store::billing::get(&mut work.tx, actor.company_id).await?.as_ref() != Some(&billing) {
            let details = crate::ops::billing::summary(&billing);
            work.note(actor.note("company.billing_changed", &actor.company_name, &details));
        }
        store::billing::set(&mut work.tx, actor.company_id, &billing).await?;
        // Checked only after the billing data is written: its lock makes a concurrent placing wait.
        if store::orders::held_for_good(&mut work.tx, &actor.company_path, order_id).await? {
            return refuse("", LicenceRefusal::HeldForGood);
        }
        let method = if row.total == 0 { Method::Invoice } else { method };
        if !store::orders::place(&mut work.tx, order_id, method, &billing_json, work.now).await? {
            return Err(OpError::Collision);
        }
        let by = if row.top_up_type.is_some() { ", by the standing top-up" } else { "" };
        let details = format!("{}{by}", crate::ops::payments::sum(&row)?);
        work.note(actor.note("order.placed", &format!("Order {order_id}"), &details));
        if method == Method::Card && !crate::cards::is_payable(Money::new(row.total, currency(&row)?)) {
            return refuse("method", OrderError::NotForCards);
        }
        let row = lock_own(work, actor, order_id).await?;
        let placed = match method {
            _ if row.total == 0 => {
                crate::ops::payments::settle(app, work, &crate::ops::payments::Settlement::free(actor, &row, work.now)).await?;
                Placed::Free { is_being_made: store::orders::is_being_made(&mut work.tx, order_id).await? }
            }
            Method::Invoice => {
                let invoice = crate::ops::invoices::invoice(work, &row, &lines, &seller, None).await?;
                Placed::ByInvoice { invoice, email: billing.email.clone() }
            }
            Method::Card => {
                crate::ops::card_payments::begin(app, work, &row, provider).await?;
                Placed::ByCard
            }
        };
        Ok(Outcome::of(OrderEvent::Placed { order_id, placed }))
    });
    if matches!(placed, Err(OpError::Refused(_, Reason::Order(OrderReason::VatChanged)))) {
        recalculate(app, actor, order_id).await?;
    }
    placed
}

/// The lines of a draft with the current VAT, and whether reverse charge applies; `None` if that is what they have.
/// Prices stay as they were when the lines were added.
///
/// # Errors
/// [`OrderReason::Withdrawn`] if something is no longer offered.
async fn with_current_vat(
    work: &mut Work,
    row: &OrderRow,
    lines: &[(i64, OrderLine)],
) -> OpResult<Option<(bool, Vec<(i64, OrderLine)>)>> {
    let reverse_charge = store::orders::reverse_charge(&mut work.tx, row.company_id).await?;
    let mut is_changed = reverse_charge != (row.reverse_charge == 1);
    let mut current = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        let product = store::products::current(&mut work.tx, line.product_id).await?;
        let product = product.filter(|p| p.is_offered && has_price(p, line));
        let Some(product) = product else {
            return refuse("", OrderReason::Withdrawn { name: line.name.clone() });
        };
        let rate = if reverse_charge { crate::model::money::VatRate::ZERO } else { product.vat_rate };
        is_changed |= rate != line.vat_rate;
        let line = line.with_vat_rate(rate, currency(row)?);
        current.push((*number, line.map_err(at(""))?));
    }
    Ok(is_changed.then_some((reverse_charge, current)))
}

/// Whether the product still has a price for what the line buys.
fn has_price(product: &ProductRow, line: &OrderLine) -> bool {
    match line.resource_type() {
        None => product.licence_price.is_some(),
        Some(resource_type) => product.unit_price(resource_type).is_some(),
    }
}

/// Applies the current VAT to a draft.
async fn recalculate(app: &App, actor: &Actor, order_id: i64) -> OpResult<()> {
    work!(app, work => {
        let row = lock_own(work, actor, order_id).await?;
        require_draft(&row)?;
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let Some((reverse_charge, lines)) = with_current_vat(work, &row, &lines).await? else { return Ok(()) };
        for (number, line) in &lines {
            store::orders::set_line_vat(&mut work.tx, order_id, *number, line).await?;
        }
        store::orders::set_reverse_charge(&mut work.tx, order_id, reverse_charge).await?;
        let Some((net, vat)) = totals(lines.iter().map(|(_, line)| line)) else {
            return refuse("", OrderError::TooMuch);
        };
        store::orders::set_totals(&mut work.tx, order_id, net, vat).await?;
        Ok(())
    })
}
