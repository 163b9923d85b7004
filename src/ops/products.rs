//! The price list: what is sold, and for how much.

use std::collections::BTreeMap;

use serde::Serialize;

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, refuse, text_reason};
use crate::app::App;
use crate::model::company::NameError;
use crate::model::event::ProductEvent;
use crate::model::money::{Currency, Money, MoneyError};
use crate::model::product::{
    self, DESCRIPTION_LENGTH_MAX, Price, Product, ProductKind, TERM_MONTHS_MAX, VALID_MONTHS, VALID_MONTHS_MAX,
};
use crate::model::refusal::{FieldReason, ProductReason};
use crate::model::text;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::products::ProductRow;

/// How many products there may be.
pub const PRODUCTS_MAX: usize = 500;
/// How many of a product's versions are read at once.
pub const VERSIONS_MAX: i64 = 200;

/// The fields for the types that are not counted in years, with the types' slugs.
pub const UNIT_PRICES: [(&str, &str); 7] = [
    ("credit_price", "credit"),
    ("management_6m_price", "management_6m"),
    ("management_1y_price", "management_1y"),
    ("management_3y_price", "management_3y"),
    ("management_5y_price", "management_5y"),
    ("management_10y_price", "management_10y"),
    ("data_150gb_10y_price", "data_150GB_10y"),
];

/// The fields of the product form. Those of the other kind are ignored.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct ProductFields<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub currency: &'a str,
    pub device_price: &'a str,
    pub apartment_price: &'a str,
    pub licence_price: &'a str,
    /// Prices of one unit of the other types, in the order of [`UNIT_PRICES`].
    pub unit_prices: [&'a str; UNIT_PRICES.len()],
    /// How many months vouchers can be redeemed; three years if empty.
    pub valid_months: &'a str,
    /// One per line.
    pub models: &'a str,
    pub term_months: &'a str,
    /// The id of a VAT class.
    pub vat_class: &'a str,
}

/// The current version of each product, by name.
///
/// # Errors
/// [`OpError::Forbidden`] for anyone but the operator.
pub async fn list(app: &App, actor: &Actor) -> OpResult<Vec<ProductRow>> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    Ok(store::products::all(&mut tx).await?)
}

/// The current version of a product.
///
/// # Errors
/// [`OpError::NotFound`] if there is none.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<ProductRow> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    store::products::current(&mut tx, id).await?.ok_or(OpError::NotFound)
}

/// The versions of a product, newest first.
///
/// # Errors
/// As [`list`].
pub async fn versions(app: &App, actor: &Actor, id: i64) -> OpResult<Vec<ProductRow>> {
    actor.require_operator()?;
    let mut tx = app.db.read().await?;
    Ok(store::products::versions(&mut tx, id, VERSIONS_MAX).await?)
}

/// The offered products of a kind, by name: for users who may buy.
pub async fn offered(app: &App, kind: ProductKind) -> OpResult<Vec<ProductRow>> {
    let mut tx = app.db.read().await?;
    Ok(store::products::offered(&mut tx, kind).await?)
}

/// Adds a product to the price list, and offers it from then on.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn add(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    kind: ProductKind,
    fields: &ProductFields<'_>,
) -> OpResult<Outcome> {
    actor.require_operator()?;
    let product = check(kind, fields)?;
    let request = serde_json::json!([kind.slug(), fields]).to_string();
    work_once!(app, actor, operation_id, "add_product", &request, work => {
        if store::products::all(&mut work.tx).await?.len() >= PRODUCTS_MAX {
            return refuse("", ProductReason::ListFull { maximum: PRODUCTS_MAX });
        }
        require_vat_class(work, &product).await?;
        store::products::insert(&mut work.tx, &product, actor.user_id, work.now).await?;
        work.note(actor.note("product.added", &product.name, &product.prices()));
        let Product { name, currency, price, .. } = product.clone();
        Ok(Outcome::of(ProductEvent::Added { name, currency, price }))
    })
}

/// Makes a new version of a product, if `version` is still the current one.
///
/// # Errors
/// A refusal at the invalid field; [`ProductReason::Changed`] if somebody else was first.
pub async fn change(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    (id, version): (i64, i64),
    fields: &ProductFields<'_>,
) -> OpResult<Outcome> {
    let kind = find(app, actor, id).await?.kind;
    let product = check(kind, fields)?;
    let request = serde_json::json!([id, version, fields]).to_string();
    work_once!(app, actor, operation_id, "change_product", &request, work => {
        require_vat_class(work, &product).await?;
        if !store::products::change(&mut work.tx, id, version, &product, actor.user_id, work.now).await? {
            return Err(changed_meanwhile(work, id).await?);
        }
        work.note(actor.note("product.changed", &product.name, &product.prices()));
        let Product { name, currency, price, .. } = product.clone();
        Ok(Outcome::of(ProductEvent::Changed { name, currency, price }))
    })
}

async fn changed_meanwhile(work: &mut Work, id: i64) -> OpResult<OpError> {
    let now = store::products::current(&mut work.tx, id).await?.ok_or(OpError::NotFound)?;
    let prices = now.as_product().prices();
    let reason = ProductReason::Changed { version: now.version, by: now.changed_by, name: now.name, prices };
    Ok(OpError::refused("", reason))
}

async fn require_vat_class(work: &mut Work, product: &Product) -> OpResult<()> {
    let classes = store::vat_classes::all(&mut work.tx).await?;
    if classes.iter().any(|c| c.id == product.vat_class_id) {
        return Ok(());
    }
    refuse("vat_class", ProductReason::UnknownVatClass)
}

/// Offers a product, or withdraws it. Existing orders are not affected.
///
/// # Errors
/// [`OpError::NotFound`] if there is no such product.
pub async fn set_offered(app: &App, actor: &Actor, operation_id: &str, id: i64, on: bool) -> OpResult<Outcome> {
    actor.require_operator()?;
    let request = serde_json::json!([id, on]).to_string();
    work_once!(app, actor, operation_id, "set_offered", &request, work => {
        let product = store::products::current(&mut work.tx, id).await?.ok_or(OpError::NotFound)?;
        let is_new = store::products::set_offered(&mut work.tx, id, on).await?;
        if is_new {
            let verb = if on { "product.offered" } else { "product.withdrawn" };
            work.note(actor.note(verb, &product.name, ""));
        }
        let name = product.name;
        Ok(Outcome::of(if on { ProductEvent::Offered { name } } else { ProductEvent::Withdrawn { name } }))
    })
}

fn check(kind: ProductKind, fields: &ProductFields<'_>) -> OpResult<Product> {
    let mut problems = Problems::default();
    let name = product::name(fields.name).map_err(|e| text_reason(e, NameError::Missing));
    let name = problems.take("name", name);
    let description = text::lines(fields.description, DESCRIPTION_LENGTH_MAX);
    let description = problems.take("description", description.map_err(|e| text_reason(e, FieldReason::Missing)));
    let currency = Currency::from_code(fields.currency).ok_or(ProductReason::UnknownCurrency);
    let currency = problems.take("currency", currency);
    // The currency decides how many decimals a price has, so there is no price to read without one.
    let price = currency.and_then(|currency| price(&mut problems, kind, currency, fields));
    let vat_class_id = problems.take("vat_class", fields.vat_class.parse().map_err(|_| ProductReason::UnknownVatClass));
    problems.finish()?;
    let (Some(currency), Some(price)) = (currency, price) else { return Err(OpError::NotFound) };
    Ok(Product {
        name: name.unwrap_or_default(),
        description: description.unwrap_or_default(),
        currency,
        price,
        vat_class_id: vat_class_id.unwrap_or_default(),
    })
}

fn price(problems: &mut Problems, kind: ProductKind, currency: Currency, fields: &ProductFields<'_>) -> Option<Price> {
    let read = |text: &str| match Money::parse(text, currency) {
        Ok(price) => Ok(Some(price.minor)),
        Err(MoneyError::Missing) => Ok(None),
        Err(error) => Err(error),
    };
    if kind == ProductKind::Licence {
        let licence = read(fields.licence_price).and_then(|p| p.ok_or(MoneyError::Missing));
        let licence = problems.take("licence_price", licence);
        let models = problems.take("models", product::models(fields.models));
        let term_months = problems.take("term_months", term(fields.term_months));
        return Some(Price::Licence { licence: licence?, models: models?, term_months: term_months? });
    }
    let device = problems.take("device_price", read(fields.device_price));
    let apartment = problems.take("apartment_price", read(fields.apartment_price));
    let mut units = BTreeMap::new();
    let mut is_refused = false;
    for ((field, slug), text) in UNIT_PRICES.into_iter().zip(fields.unit_prices) {
        match problems.take(field, read(text)) {
            Some(price) => units.extend(price.map(|price| (slug.to_owned(), price))),
            None => is_refused = true,
        }
    }
    let valid_months = problems.take("valid_months", validity(fields.valid_months));
    if (device, apartment) == (Some(None), Some(None)) && units.is_empty() && !is_refused {
        problems.add("device_price", ProductReason::NoPrice);
    }
    Some(Price::Voucher { device: device?, apartment: apartment?, units, valid_months: valid_months? })
}

/// How many months vouchers can be redeemed.
fn validity(text: &str) -> Result<i64, FieldReason> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(VALID_MONTHS);
    }
    let months = text.parse().ok().filter(|months| (1..=VALID_MONTHS_MAX).contains(months));
    months.ok_or(FieldReason::NotBetween { minimum: 1, maximum: VALID_MONTHS_MAX })
}

/// Months; `None` for a licence without an end.
fn term(text: &str) -> Result<Option<i64>, FieldReason> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let months = text.parse().ok().filter(|months| (1..=TERM_MONTHS_MAX).contains(months));
    months.map(Some).ok_or(FieldReason::NotBetween { minimum: 1, maximum: TERM_MONTHS_MAX })
}
