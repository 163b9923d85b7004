//! Chooses licences for serial numbers, and adds them to an order.
//!
//! A device need not be in the portal yet. If the actor's tree has it, its model decides which licences fit. For any
//! other device, even one of another tree, the buyer sees all licences and confirms that they fit.

use std::collections::{BTreeMap, BTreeSet};

use super::actor::Actor;
use super::error::{OpError, OpResult, at, refuse};
use super::orders::draft::{Draft, draft, offer};
use crate::app::App;
use crate::model::company::searchable;
use crate::model::event::OrderEvent;
use crate::model::licence::{LicenceRefusal, SerialError};
use crate::model::order::{OrderError, OrderLine, SERIALS_MAX};
use crate::model::product::ProductKind;
use crate::model::time::Moment;
use crate::ops::work::{Outcome, Work, work_once};
use crate::store;
use crate::store::db::Tx;
use crate::store::licences::Held;
use crate::store::products::ProductRow;

/// Devices of one model, or of a model unknown to the portal, and the licences that fit them.
#[derive(Debug, Clone)]
pub struct Group {
    /// Empty if unknown.
    pub model: String,
    pub serials: Vec<String>,
    pub licences: Vec<Suiting>,
}

/// A licence that fits a group.
#[derive(Debug, Clone)]
pub struct Suiting {
    pub product: ProductRow,
    /// The devices that it can be bought for.
    pub serials: Vec<String>,
    /// Those that hold it without an end: it is not bought again.
    pub held_for_good: Vec<String>,
    /// Those that hold it for a while yet.
    pub held: Vec<(String, i64)>,
}

/// A licence chosen for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub product_id: i64,
    pub model: String,
}

/// The buyer's request.
#[derive(Debug, Clone)]
pub struct LicenceWish<'a> {
    /// The draft to add to; `None` begins a new one.
    pub order_id: Option<i64>,
    pub serials: &'a [String],
    pub choices: &'a [Choice],
    /// Whether the buyer confirmed that the licences fit devices that the portal does not know.
    pub is_confirmed: bool,
}

/// The licences that fit each device, by model; devices that the portal does not know come last.
///
/// # Errors
/// [`OpError::Forbidden`] unless the actor may buy.
pub async fn groups(app: &App, actor: &Actor, serials: &[String]) -> OpResult<Vec<Group>> {
    actor.require_buyer()?;
    let mut tx = app.db.read().await?;
    read_groups(&mut tx, actor, serials, app.clock.now()).await
}

async fn read_groups(tx: &mut Tx, actor: &Actor, serials: &[String], now: Moment) -> OpResult<Vec<Group>> {
    let tree = &actor.company_path;
    let models: BTreeMap<String, String> = store::devices::models(tx, tree, serials).await?.into_iter().collect();
    let held = store::licences::held(tx, tree, serials, now).await?;
    let offered = store::products::offered(tx, ProductKind::Licence).await?;
    let mut by_model: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for serial in serials {
        let model = models.get(&searchable(serial)).cloned().unwrap_or_default();
        by_model.entry(model).or_default().push(serial.clone());
    }
    let unknown = by_model.remove_entry("");
    let groups = by_model.into_iter().chain(unknown).map(|(model, serials)| {
        let suits = offered.iter().filter(|p| model.is_empty() || p.suits(&model));
        let licences = suits.map(|product| suiting(product, &serials, &held)).collect();
        Group { model, serials, licences }
    });
    Ok(groups.collect())
}

fn suiting(product: &ProductRow, serials: &[String], held: &[Held]) -> Suiting {
    let product = product.clone();
    let mut suiting = Suiting { product, serials: Vec::new(), held_for_good: Vec::new(), held: Vec::new() };
    for serial in serials {
        let search = searchable(serial);
        let own = held.iter().filter(|h| h.product_id == suiting.product.product_id && h.serial_search == search);
        let ends: Vec<Option<i64>> = own.map(|h| h.expires_at).collect();
        if ends.contains(&None) {
            suiting.held_for_good.push(serial.clone());
            continue;
        }
        if let Some(end) = ends.into_iter().flatten().max() {
            suiting.held.push((serial.clone(), end));
        }
        suiting.serials.push(serial.clone());
    }
    suiting
}

/// Adds licences to a draft of the actor's own company, or begins one: one line per product. The outcome refers to the
/// order's id.
///
/// # Errors
/// A refusal at `product` or `confirmed`; the draft is then unchanged.
pub async fn add(app: &App, actor: &Actor, operation_id: &str, wish: &LicenceWish<'_>) -> OpResult<Outcome<i64>> {
    actor.require_buyer()?;
    let chosen: Vec<(i64, &str)> = wish.choices.iter().map(|c| (c.product_id, c.model.as_str())).collect();
    let request = serde_json::json!([wish.order_id, wish.serials, chosen, wish.is_confirmed]).to_string();
    work_once!(app, actor, operation_id, "add_licences", &request, work => {
        let groups = read_groups(&mut work.tx, actor, wish.serials, work.now).await?;
        let bought = bought(&groups, wish)?;
        let currency = bought.first().map(|(product, _)| product.currency);
        let Some(currency) = currency else { return refuse("product", LicenceRefusal::NothingChosen) };
        let draft = draft(work, actor, wish.order_id, ProductKind::Licence, currency).await?;
        require_new(work, &draft, &bought).await?;
        let mut lines = Vec::with_capacity(bought.len());
        for (product, serials) in bought {
            lines.push((line(&product, serials.len() as i64, &draft)?, serials));
        }
        let id = draft.add(work, lines).await.map_err(at_product)?;
        Ok(Outcome::about(id, OrderEvent::LicencesAdded { order_id: id }))
    })
}

/// What is bought: each product once, with all its devices.
fn bought(groups: &[Group], wish: &LicenceWish<'_>) -> OpResult<Vec<(ProductRow, Vec<String>)>> {
    let mut bought: Vec<(ProductRow, Vec<String>)> = Vec::new();
    for Choice { product_id, model } in wish.choices {
        let group = groups.iter().find(|g| g.model == *model);
        let found = group.and_then(|g| g.licences.iter().find(|l| l.product.product_id == *product_id));
        let Some(licence) = found else {
            return refuse("product", LicenceRefusal::Unsuitable { model: model.clone() });
        };
        if model.is_empty() && !licence.product.models.is_empty() && !wish.is_confirmed {
            return refuse("confirmed", LicenceRefusal::NotConfirmed);
        }
        if licence.serials.is_empty() {
            return refuse("product", LicenceRefusal::HeldForGood);
        }
        match bought.iter_mut().find(|(product, _)| product.product_id == *product_id) {
            Some((_, serials)) => serials.extend(licence.serials.iter().cloned()),
            None => bought.push((licence.product.clone(), licence.serials.clone())),
        }
    }
    Ok(bought)
}

/// Refuses what the draft already has for a device, or too much of it.
async fn require_new(work: &mut Work, draft: &Draft, bought: &[(ProductRow, Vec<String>)]) -> OpResult<()> {
    let before = store::orders::serials(&mut work.tx, draft.id).await?;
    let product_of = |number: i64| draft.lines.iter().find(|(n, _)| *n == number).map(|(_, l)| l.product_id);
    let mut taken: BTreeSet<(Option<i64>, String)> =
        before.iter().map(|(number, serial)| (product_of(*number), searchable(serial))).collect();
    for (product, serials) in bought {
        for serial in serials {
            if !taken.insert((Some(product.product_id), searchable(serial))) {
                return refuse("product", LicenceRefusal::Twice { serial: serial.clone() });
            }
        }
    }
    if taken.len() > SERIALS_MAX {
        return refuse("product", LicenceRefusal::Serial(SerialError::TooMany));
    }
    Ok(())
}

fn line(product: &ProductRow, devices: i64, draft: &Draft) -> OpResult<OrderLine> {
    let first = draft.currency;
    if product.currency != first {
        let error = OrderError::OtherCurrency { order: first, line: product.currency };
        return refuse("product", error);
    }
    let Some(offer) = offer(product, product.licence_price, draft.reverse_charge) else {
        return refuse("product", OrderError::NotOffered);
    };
    OrderLine::licence(&offer, &product.name, devices).map_err(at("product"))
}

/// A draft's refusals name fields of the voucher form; here they belong to `product`.
fn at_product(error: OpError) -> OpError {
    match error {
        OpError::Refused(_, reason) => OpError::Refused("product", reason),
        other => other,
    }
}
