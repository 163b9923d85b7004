//! Orders: put together line by line as a draft, placed, cancelled. What happens when one is paid is in
//! `ops::payments`.

use super::actor::Actor;
use super::billing::BillingFields;
use super::error::{OpError, OpResult, at, refuse};
use crate::app::App;
use crate::model::job::Job;
use crate::model::licence::LicenceRefusal;
use crate::model::money::{Currency, Money};
use crate::model::order::{
    CODES_MAX, LINES_MAX, Method, Offer, OrderError, OrderLine, OrderState, VOUCHER_NAME_LENGTH_MAX,
    VoucherWish, totals,
};
use crate::model::product::ProductKind;
use crate::model::refusal::{FieldReason, OrderReason, Reason};
use crate::model::resources::ResourceType;
use crate::ops::work::{Outcome, Work, about, work, work_once};
use crate::store;
use crate::store::invoices::InvoiceRow;
use crate::store::orders::{NewOrder, OrderFilter, OrderRow};
use crate::store::payments::PaymentRow;
use crate::store::products::ProductRow;

/// An order with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Order {
    pub row: OrderRow,
    pub currency: Currency,
    /// With their numbers, which stay when one is taken out.
    pub lines: Vec<(i64, OrderLine)>,
    /// The devices that lines of licences are for.
    pub serials: Vec<(i64, String)>,
    pub payments: Vec<PaymentRow>,
    /// Its invoice and credit notes.
    pub invoices: Vec<InvoiceRow>,
}

impl Order {
    #[must_use]
    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

/// What a voucher shall be, of which product.
#[derive(Debug, Clone)]
pub struct VoucherLine<'a> {
    pub product_id: i64,
    pub name: &'a str,
    pub resource_type: ResourceType,
    pub years: i64,
    pub subscriptions: i64,
    pub codes: i64,
}

/// An order of the actor's tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it; [`OpError::Forbidden`] for end users.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Order> {
    actor.require_tree()?;
    let mut tx = app.db.read().await?;
    let row = store::orders::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
    Ok(Order {
        currency: currency(&row)?,
        lines: store::orders::lines(&mut tx, id).await?,
        serials: store::orders::serials(&mut tx, id).await?,
        payments: store::payments::of_order(&mut tx, id).await?,
        invoices: store::invoices::of_order(&mut tx, id).await?,
        row,
    })
}

/// A page of the orders of the actor's tree.
///
/// # Errors
/// [`OpError::Forbidden`] for end users.
pub async fn list(app: &App, actor: &Actor, filter: &OrderFilter) -> OpResult<Vec<OrderRow>> {
    actor.require_tree()?;
    let reach = super::companies::reach(app, actor, None).await?;
    let mut tx = app.db.read_list().await?;
    Ok(store::orders::list(&mut tx, &reach, filter).await?)
}

pub(super) fn currency(row: &OrderRow) -> OpResult<Currency> {
    Currency::from_code(&row.currency)
        .ok_or_else(|| OpError::Internal(format!("order {} is in no known currency", row.id)))
}

/// What a voucher would cost: the line, and its currency.
///
/// # Errors
/// A refusal at the field that is wrong.
pub async fn price_voucher(
    app: &App,
    actor: &Actor,
    wish: &VoucherLine<'_>,
) -> OpResult<(OrderLine, Currency)> {
    actor.require_buyer()?;
    let mut tx = app.db.read().await?;
    let reverse_charge = store::orders::reverse_charge(&mut tx, actor.company_id).await?;
    let product = product(&mut tx, wish.product_id, ProductKind::Voucher).await?;
    voucher_line(&product, wish, reverse_charge).map(|line| (line, product.currency))
}

/// Adds a voucher to a draft of the actor's own company, or begins one. The outcome is about the order's
/// id.
///
/// # Errors
/// A refusal at the field that is wrong; then the draft is as it was.
pub async fn add_voucher(
    app: &App,
    actor: &Actor,
    key: &str,
    order_id: Option<i64>,
    wish: &VoucherLine<'_>,
) -> OpResult<Outcome> {
    actor.require_buyer()?;
    let VoucherLine { product_id, name, resource_type, years, subscriptions, codes } = *wish;
    let request =
        serde_json::json!([order_id, product_id, name, resource_type.id(), years, subscriptions, codes]);
    work_once!(app, actor, key, "add_voucher", &request.to_string(), work => {
        let product = product(&mut work.tx, product_id, ProductKind::Voucher).await?;
        let draft = draft(work, actor, order_id, ProductKind::Voucher, product.currency).await?;
        let line = voucher_line(&product, wish, draft.reverse_charge)?;
        let id = draft.add(work, vec![(line, Vec::new())]).await?;
        Ok(format!("Add\nThe voucher was added to order {id}.\n{}", about(&id)?))
    })
}

/// Takes a line out of a draft.
///
/// # Errors
/// [`OpError::NotFound`] where the actor has no such draft.
pub async fn remove_line(
    app: &App,
    actor: &Actor,
    key: &str,
    order_id: i64,
    number: i64,
) -> OpResult<Outcome> {
    actor.require_buyer()?;
    let request = serde_json::json!([order_id, number]).to_string();
    work_once!(app, actor, key, "remove_order_line", &request, work => {
        let row = lock_own(work, actor, order_id).await?;
        require_draft(&row)?;
        if !store::orders::remove_line(&mut work.tx, order_id, number).await? {
            return Err(OpError::NotFound);
        }
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let (net, vat) = totals(lines.iter().map(|(_, line)| line)).unwrap_or_default();
        store::orders::set_totals(&mut work.tx, order_id, net, vat).await?;
        Ok(format!("Remove\nThe line was taken out of order {order_id}."))
    })
}

/// Places a draft: it is to be paid now, by card or by an invoice that is made at once. What costs nothing
/// is paid at once.
///
/// # Errors
/// A refusal where it is no draft, has no lines, or cannot be paid that way.
pub async fn place(
    app: &App,
    actor: &Actor,
    key: &str,
    order_id: i64,
    method: Method,
    billing: &BillingFields<'_>,
) -> OpResult<Outcome> {
    actor.require_buyer()?;
    let provider = match (method, app.cards.provider()) {
        (Method::Card, None) => return refuse("method", OrderError::CardsOff),
        (_, provider) => provider.unwrap_or("bank"),
    };
    let billing = super::billing::check(billing)?;
    let kept = serde_json::to_string(&billing).map_err(|e| OpError::Internal(e.to_string()))?;
    let request = serde_json::json!([order_id, method.slug(), kept]).to_string();
    let placed = work_once!(app, actor, key, "place_order", &request, work => {
        let row = lock_own(work, actor, order_id).await?;
        require_draft(&row)?;
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        if lines.is_empty() {
            return refuse("", OrderError::Empty);
        }
        if with_present_vat(work, &row, &lines).await?.is_some() {
            return refuse("", OrderReason::VatChanged);
        }
        let seller = store::seller::get(&mut work.tx).await?;
        let Some(seller) = seller else { return refuse("", OrderError::NoSeller) };
        if row.reverse_charge == 1 && billing.vat_number.is_empty() {
            // The tax is accounted for under this number.
            return refuse("billing_vat_number", FieldReason::Missing);
        }
        if store::billing::get(&mut work.tx, actor.company_id).await?.as_ref() != Some(&billing) {
            let told = super::billing::told(&billing);
            work.note(actor.note("company.billing_changed", &actor.company_name, &told));
        }
        store::billing::set(&mut work.tx, actor.company_id, &billing).await?;
        // A person who places at the same time has waited for the billing data.
        if store::orders::held_for_good(&mut work.tx, &actor.company_path, order_id).await? {
            return refuse("", LicenceRefusal::HeldForGood);
        }
        let method = if row.total == 0 { Method::Invoice } else { method };
        if !store::orders::place(&mut work.tx, order_id, method, &kept, work.now).await? {
            return Err(OpError::Collision);
        }
        work.note(actor.note("order.placed", &format!("Order {order_id}"), &super::payments::sum(&row)?));
        if method == Method::Card && !crate::cards::is_payable(Money::new(row.total, currency(&row)?)) {
            return refuse("method", OrderError::NotForCards);
        }
        let row = lock_own(work, actor, order_id).await?;
        let told = match method {
            _ if row.total == 0 => {
                super::payments::settle(app, work, &super::payments::Settlement::free(actor, &row, work.now)).await?;
                match store::orders::is_being_made(&mut work.tx, order_id).await? {
                    true => "It costs nothing; its codes are being made.".to_owned(),
                    false => "It costs nothing and is ready.".to_owned(),
                }
            }
            Method::Invoice => {
                let name = super::payments::invoice(work, &row, &lines, &seller, None).await?;
                format!("Invoice {name} was made and is sent to {}.", billing.email)
            }
            Method::Card => {
                super::card_payments::begin(app, work, &row, provider).await?;
                "It is to be paid by card.".to_owned()
            }
        };
        Ok(format!("Order\nOrder {order_id} was placed. {told}"))
    });
    if matches!(placed, Err(OpError::Refused(_, Reason::Order(OrderReason::VatChanged)))) {
        recalculate(app, actor, order_id).await?;
    }
    placed
}

/// The lines of a draft with the VAT of now, and whether it is under reverse charge; `None` where that is what they
/// have. Prices stay as they were when the lines were added.
///
/// # Errors
/// [`OrderReason::Withdrawn`] where something is no longer offered.
async fn with_present_vat(
    work: &mut Work,
    row: &OrderRow,
    lines: &[(i64, OrderLine)],
) -> OpResult<Option<(bool, Vec<(i64, OrderLine)>)>> {
    let reverse_charge = store::orders::reverse_charge(&mut work.tx, row.company_id).await?;
    let mut is_changed = reverse_charge != (row.reverse_charge == 1);
    let mut present = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        let product = store::products::current(&mut work.tx, line.product_id).await?;
        let product = product.filter(|p| p.is_offered && has_price(p, line));
        let Some(product) = product else {
            return refuse("", OrderReason::Withdrawn { name: line.name.clone() });
        };
        let rate = if reverse_charge { crate::model::money::VatRate::ZERO } else { product.vat_rate };
        is_changed |= rate != line.vat_rate;
        let line = line.with_vat_rate(rate, currency(row)?);
        present.push((*number, line.map_err(at(""))?));
    }
    Ok(is_changed.then_some((reverse_charge, present)))
}

/// Whether what a line buys still has a price.
fn has_price(product: &ProductRow, line: &OrderLine) -> bool {
    let price = match line.voucher.as_ref().map(|wish| wish.resource_type) {
        None => product.licence_price,
        Some(ResourceType::APARTMENT_YEAR) => product.apartment_price,
        Some(_) => product.device_price,
    };
    price.is_some()
}

/// Gives a draft the VAT of now.
async fn recalculate(app: &App, actor: &Actor, order_id: i64) -> OpResult<()> {
    work!(app, work => {
        let row = lock_own(work, actor, order_id).await?;
        require_draft(&row)?;
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let Some((reverse_charge, lines)) = with_present_vat(work, &row, &lines).await? else { return Ok(()) };
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

/// Cancels an order that nobody has paid; an invoice that was made gets a credit note. Of one that is paid, and
/// whose codes are still being made, it cancels the codes that are not there yet, by those who may cancel vouchers.
///
/// # Errors
/// A refusal where it is ready or cancelled; [`OpError::NotFound`] outside the actor's tree.
pub async fn cancel(app: &App, actor: &Actor, key: &str, order_id: i64) -> OpResult<Outcome> {
    actor.require_admin()?;
    let may_cancel_vouchers = super::vouchers::may_cancel(app, actor).await?;
    work_once!(app, actor, key, "cancel_order", &order_id.to_string(), work => {
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
        let credited = super::payments::credit_all(work, order_id).await?;
        let told = credited.map_or(String::new(), |name| format!(" Credit note {name} was made."));
        if row.method() == Some(Method::Card) {
            work.job(&Job::CloseCardPages { id: order_id.to_string() }).await?;
        }
        work.note(actor.note_at(row.company_id, "order.cancelled", &format!("Order {order_id}"), ""));
        Ok(format!("Cancel\nOrder {order_id} was cancelled.{told}"))
    })
}

/// A draft that lines are added to.
pub(super) struct Draft {
    pub id: i64,
    pub currency: Currency,
    pub reverse_charge: bool,
    pub lines: Vec<(i64, OrderLine)>,
}

/// The actor's draft of this id, or a new one.
pub(super) async fn draft(
    work: &mut Work,
    actor: &Actor,
    order_id: Option<i64>,
    kind: ProductKind,
    currency: Currency,
) -> OpResult<Draft> {
    if let Some(id) = order_id {
        let row = lock_own(work, actor, id).await?;
        require_draft(&row)?;
        if row.kind != kind.slug() {
            return refuse("product", OrderError::NotOffered);
        }
        let order = self::currency(&row)?;
        if order != currency {
            return refuse("product", OrderError::OtherCurrency { order, line: currency });
        }
        let lines = store::orders::lines(&mut work.tx, id).await?;
        return Ok(Draft { id, currency, reverse_charge: row.reverse_charge == 1, lines });
    }
    let reverse_charge = store::orders::reverse_charge(&mut work.tx, actor.company_id).await?;
    let new = NewOrder {
        company_id: actor.company_id,
        created_by: actor.user_id,
        kind: kind.slug(),
        currency: currency.code(),
        reverse_charge,
        now: work.now,
    };
    let id = store::orders::insert(&mut work.tx, &new).await?;
    Ok(Draft { id, currency, reverse_charge, lines: Vec::new() })
}

impl Draft {
    /// Adds lines, each with the devices that it is for; gives the order's id.
    pub async fn add(mut self, work: &mut Work, new: Vec<(OrderLine, Vec<String>)>) -> OpResult<i64> {
        if (self.lines.len() + new.len()) as i64 > LINES_MAX {
            return refuse("", OrderError::TooManyLines);
        }
        let mut number = self.lines.last().map_or(0, |(number, _)| *number);
        for (line, serials) in new {
            number += 1;
            store::orders::add_line(&mut work.tx, self.id, number, &line).await?;
            if !serials.is_empty() {
                store::orders::add_serials(&mut work.tx, self.id, number, &serials).await?;
            }
            self.lines.push((number, line));
        }
        let codes = self.lines.iter().filter_map(|(_, line)| line.voucher.as_ref()).map(|v| v.codes);
        if codes.sum::<i64>() > CODES_MAX {
            return refuse("codes", OrderError::TooManyCodes);
        }
        let Some((net, vat)) = totals(self.lines.iter().map(|(_, line)| line)) else {
            return refuse("subscriptions", OrderError::TooMuch);
        };
        store::orders::set_totals(&mut work.tx, self.id, net, vat).await?;
        Ok(self.id)
    }
}

/// An order of the actor's own company, locked.
async fn lock_own(work: &mut Work, actor: &Actor, id: i64) -> OpResult<OrderRow> {
    let found = store::orders::lock(&mut work.tx, &actor.company_path, id).await?;
    found.filter(|row| row.company_id == actor.company_id).ok_or(OpError::NotFound)
}

fn require_draft(row: &OrderRow) -> OpResult<()> {
    if row.state() == OrderState::Draft { Ok(()) } else { refuse("", OrderError::NotDraft) }
}

/// A product that is offered.
pub(super) async fn product(tx: &mut store::db::Tx, id: i64, kind: ProductKind) -> OpResult<ProductRow> {
    let found = store::products::current(tx, id).await?;
    match found.filter(|p| p.is_offered && p.kind == kind) {
        Some(product) => Ok(product),
        None => refuse("product", OrderError::NotOffered),
    }
}

pub(super) fn offer(product: &ProductRow, price: Option<i64>, reverse_charge: bool) -> Option<Offer> {
    Some(Offer {
        product_id: product.product_id,
        version: product.version,
        price: Money::new(price?, product.currency),
        vat_rate: if reverse_charge { crate::model::money::VatRate::ZERO } else { product.vat_rate },
    })
}

fn voucher_line(product: &ProductRow, wish: &VoucherLine<'_>, reverse_charge: bool) -> OpResult<OrderLine> {
    let name: String = wish.name.trim().to_owned();
    if name.chars().any(crate::model::text::is_hidden) {
        return refuse("name", FieldReason::HiddenCharacters);
    }
    if name.is_empty() {
        return refuse("name", FieldReason::Missing);
    }
    if name.chars().count() > VOUCHER_NAME_LENGTH_MAX {
        return refuse("name", FieldReason::TooLong { maximum: VOUCHER_NAME_LENGTH_MAX });
    }
    let price = match wish.resource_type {
        ResourceType::DEVICE_YEAR => product.device_price,
        ResourceType::APARTMENT_YEAR => product.apartment_price,
        _ => None,
    };
    let Some(offer) = offer(product, price, reverse_charge) else {
        return refuse("type", OrderError::NotOffered);
    };
    let VoucherLine { resource_type, years, subscriptions, codes, .. } = *wish;
    OrderLine::voucher(&offer, VoucherWish { name, resource_type, years, subscriptions, codes })
        .map_err(|error| OpError::refused(field_of(error), error))
}

fn field_of(error: OrderError) -> &'static str {
    match error {
        OrderError::Years => "years",
        OrderError::Codes | OrderError::Uneven => "codes",
        _ => "subscriptions",
    }
}
