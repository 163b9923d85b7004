//! A draft: lines are added and removed until it is placed.

use crate::app::App;
use crate::model::event::OrderEvent;
use crate::model::money::{Currency, Money};
use crate::model::order::{
    CODES_MAX, LINES_MAX, Offer, OrderError, OrderLine, OrderState, PoolWish, VOUCHER_NAME_LENGTH_MAX, VoucherWish,
    totals,
};
use crate::model::product::ProductKind;
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops::actor::Actor;
use crate::ops::buying;
use crate::ops::error::{OpError, OpResult, refuse};
use crate::ops::orders::currency;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::orders::{NewOrder, OrderRow};
use crate::store::products::ProductRow;

/// A voucher to buy.
#[derive(Debug, Clone)]
pub struct VoucherLine<'a> {
    pub product_id: i64,
    pub name: &'a str,
    pub resource_type: ResourceType,
    pub years: i64,
    pub subscriptions: i64,
    pub codes: i64,
}

/// What a voucher would cost: the line, and its currency.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn price_voucher(app: &App, actor: &Actor, wish: &VoucherLine<'_>) -> OpResult<(OrderLine, Currency)> {
    actor.require_buyer()?;
    let mut tx = app.db.read().await?;
    let reverse_charge = store::orders::reverse_charge(&mut tx, actor.company_id).await?;
    let product = product(&mut tx, wish.product_id, ProductKind::Voucher).await?;
    voucher_line(&product, wish, reverse_charge).map(|line| (line, product.currency))
}

/// Units to buy for the own pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolLine {
    pub product_id: i64,
    pub wish: PoolWish,
}

/// What units for the own pool would cost: the line, and its currency.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn price_pool(app: &App, actor: &Actor, line: &PoolLine) -> OpResult<(OrderLine, Currency)> {
    buying::require_own_pool(app, actor).await?;
    let mut tx = app.db.read().await?;
    let reverse_charge = store::orders::reverse_charge(&mut tx, actor.company_id).await?;
    let product = product(&mut tx, line.product_id, ProductKind::Voucher).await?;
    pool_line(&product, line, reverse_charge).map(|line| (line, product.currency))
}

/// Adds units for the own pool to a draft of the actor's own company, or begins one, which may be a standing top-up's.
/// The outcome refers to the order's id.
///
/// # Errors
/// A refusal at the invalid field; the draft is then unchanged.
pub async fn add_to_pool(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    order_id: Option<i64>,
    line: &PoolLine,
    is_top_up: bool,
) -> OpResult<Outcome<i64>> {
    buying::require_own_pool(app, actor).await?;
    let PoolLine { product_id, wish: PoolWish { resource_type, years, subscriptions } } = *line;
    let request = serde_json::json!([order_id, product_id, resource_type.id(), years, subscriptions]).to_string();
    work_once!(app, actor, operation_id, "add_to_pool", &request, work => {
        let product = product(&mut work.tx, product_id, ProductKind::Voucher).await?;
        let draft = draft(work, actor, order_id, ProductKind::Voucher, product.currency).await?;
        let line = pool_line(&product, line, draft.reverse_charge)?;
        let id = draft.add(work, vec![(line, Vec::new())]).await?;
        if is_top_up {
            store::top_ups::mark_order(&mut work.tx, id, resource_type).await?;
        }
        Ok(Outcome::about(id, OrderEvent::UnitsAdded { order_id: id }))
    })
}

/// Adds a voucher to a draft of the actor's own company, or begins one. The outcome refers to the order's id.
///
/// # Errors
/// A refusal at the invalid field; the draft is then unchanged.
pub async fn add_voucher(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    order_id: Option<i64>,
    wish: &VoucherLine<'_>,
) -> OpResult<Outcome<i64>> {
    actor.require_buyer()?;
    let VoucherLine { product_id, name, resource_type, years, subscriptions, codes } = *wish;
    let request = serde_json::json!([order_id, product_id, name, resource_type.id(), years, subscriptions, codes]);
    work_once!(app, actor, operation_id, "add_voucher", &request.to_string(), work => {
        let product = product(&mut work.tx, product_id, ProductKind::Voucher).await?;
        let draft = draft(work, actor, order_id, ProductKind::Voucher, product.currency).await?;
        let line = voucher_line(&product, wish, draft.reverse_charge)?;
        let mut vouchers = draft.lines.iter().filter_map(|(_, line)| line.voucher.as_ref());
        if let Some(other) = vouchers.find(|voucher| voucher.valid_months != product.valid_months) {
            let (order, line) = (other.valid_months, product.valid_months);
            return refuse("product", OrderError::OtherValidity { order, line });
        }
        let id = draft.add(work, vec![(line, Vec::new())]).await?;
        Ok(Outcome::about(id, OrderEvent::VoucherAdded { order_id: id }))
    })
}

/// Removes a line from a draft.
///
/// # Errors
/// [`OpError::NotFound`] if the actor has no such draft.
pub async fn remove_line(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    order_id: i64,
    number: i64,
) -> OpResult<Outcome> {
    buying::require_any(app, actor).await?;
    let request = serde_json::json!([order_id, number]).to_string();
    work_once!(app, actor, operation_id, "remove_order_line", &request, work => {
        let row = lock_own(work, actor, order_id).await?;
        require_open_draft(&row)?;
        if !store::orders::remove_line(&mut work.tx, order_id, number).await? {
            return Err(OpError::NotFound);
        }
        let lines = store::orders::lines(&mut work.tx, order_id).await?;
        let (net, vat) = totals(lines.iter().map(|(_, line)| line)).unwrap_or_default();
        store::orders::set_totals(&mut work.tx, order_id, net, vat).await?;
        Ok(Outcome::of(OrderEvent::LineRemoved { order_id }))
    })
}

/// A draft that lines are added to.
pub(in crate::ops) struct Draft {
    pub id: i64,
    pub currency: Currency,
    pub reverse_charge: bool,
    pub lines: Vec<(i64, OrderLine)>,
}

/// The actor's draft of this id, or a new one.
pub(in crate::ops) async fn draft(
    work: &mut Work,
    actor: &Actor,
    order_id: Option<i64>,
    kind: ProductKind,
    currency: Currency,
) -> OpResult<Draft> {
    if let Some(id) = order_id {
        let row = lock_own(work, actor, id).await?;
        require_open_draft(&row)?;
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
    /// Adds lines, each with the devices that it is for; returns the order's id.
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
pub(super) async fn lock_own(work: &mut Work, actor: &Actor, id: i64) -> OpResult<OrderRow> {
    let found = store::orders::lock(&mut work.tx, &actor.company_path, id).await?;
    found.filter(|row| row.company_id == actor.company_id).ok_or(OpError::NotFound)
}

pub(super) fn require_draft(row: &OrderRow) -> OpResult<()> {
    if row.state() == OrderState::Draft { Ok(()) } else { refuse("", OrderError::NotDraft) }
}

/// A draft that people change: a standing top-up's is placed as it is.
fn require_open_draft(row: &OrderRow) -> OpResult<()> {
    if row.top_up_type.is_some() { refuse("", OrderError::NotDraft) } else { require_draft(row) }
}

/// A product that is offered.
pub(in crate::ops) async fn product(tx: &mut store::db::Tx, id: i64, kind: ProductKind) -> OpResult<ProductRow> {
    let found = store::products::current(tx, id).await?;
    match found.filter(|p| p.is_offered && p.kind == kind) {
        Some(product) => Ok(product),
        None => refuse("product", OrderError::NotOffered),
    }
}

pub(in crate::ops) fn offer(product: &ProductRow, price: Option<i64>, reverse_charge: bool) -> Option<Offer> {
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
    let VoucherLine { resource_type, years, subscriptions, codes, .. } = *wish;
    let Some(offer) = offer(product, product.unit_price(resource_type), reverse_charge) else {
        return refuse("type", OrderError::NotOffered);
    };
    let valid_months = product.valid_months;
    OrderLine::voucher(&offer, VoucherWish { name, resource_type, years, subscriptions, codes, valid_months })
        .map_err(|error| OpError::refused(field_of(error), error))
}

fn pool_line(product: &ProductRow, line: &PoolLine, reverse_charge: bool) -> OpResult<OrderLine> {
    let Some(offer) = offer(product, product.unit_price(line.wish.resource_type), reverse_charge) else {
        return refuse("type", OrderError::NotOffered);
    };
    OrderLine::for_pool(&offer, &product.name, line.wish).map_err(|error| OpError::refused(field_of(error), error))
}

fn field_of(error: OrderError) -> &'static str {
    match error {
        OrderError::Years | OrderError::NotByYear => "years",
        OrderError::Codes | OrderError::Uneven => "codes",
        _ => "subscriptions",
    }
}
