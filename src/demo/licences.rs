//! The demo's licences: Baltic Distribution buys some for two of its customer's devices, and one device is replaced
//! later.

use crate::app::App;
use crate::demo::actor;
use crate::model::invoice::Billing;
use crate::model::order::Method;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::billing::BillingFields;
use crate::ops::error::{OpError, OpResult};
use crate::ops::licence_orders::{Choice, LicenceWish};
use crate::ops::licences::Rehost;
use crate::ops::payments::BankPayment;

/// Devices of Acme Logistics, and the replacement for the first.
const SERIALS: [&str; 2] = ["1102840", "1102841"];
const REPLACEMENT: &str = "1102850";

/// Buys all licences that fit the two devices. Their company must have devices, and the price list licences.
pub async fn buy(app: &App, operator: &Actor) -> OpResult<()> {
    let buyer = actor(app, "distributor@scrip.test").await?;
    let serials = SERIALS.map(str::to_owned);
    let groups = ops::licence_orders::groups(app, &buyer, &serials).await?;
    let chosen = groups.iter().flat_map(|g| g.licences.iter().map(|l| (l.product.product_id, g.model.clone())));
    let choices: Vec<Choice> = chosen.map(|(product_id, model)| Choice { product_id, model }).collect();
    let wish = LicenceWish { order_id: None, serials: &serials, choices: &choices, is_confirmed: false };
    let order_id = ops::licence_orders::add(app, &buyer, "demo-licences", &wish).await?.about;
    pay(app, operator, &buyer, order_id).await?;
    let licences = ops::licences::of_order(app, &buyer, order_id, 0, 1).await?;
    let moved = &licences.first().ok_or(OpError::NotFound)?.row;
    let reason = "Damaged by lightning, replaced";
    let wish = Rehost { licence_id: moved.id, key_id: moved.key_id, serial: REPLACEMENT, reason };
    ops::licences::rehost(app, &buyer, "demo-rehost", &wish).await?;
    Ok(())
}

/// Places an order by invoice, and lets the operator record the payment.
async fn pay(app: &App, operator: &Actor, buyer: &Actor, order_id: i64) -> OpResult<()> {
    let kept = ops::billing::get(app, buyer, buyer.company_id).await?.ok_or(OpError::NotFound)?;
    let Billing { name, address, country, vat_number, email } = &kept;
    let billing = BillingFields { name, address, country, vat_number, email };
    ops::orders::placing::place(app, buyer, "demo-licences-placed", order_id, Method::Invoice, &billing).await?;
    let amount = ops::orders::find(app, buyer, order_id).await?.row.total;
    let payment = BankPayment {
        amount,
        on: app.clock.now().zoned(&jiff::tz::TimeZone::UTC).date(),
        reference: "Transfer 88-1204",
    };
    ops::payments::mark_paid(app, operator, "demo-licences-paid", order_id, &payment).await?;
    Ok(())
}
