//! The demo's orders: paid and open, with vouchers used, cancelled, replaced and unused.

use crate::app::App;
use crate::demo::actor;
use crate::model::order::Method;
use crate::model::product::ProductKind;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::billing::BillingFields;
use crate::ops::error::{OpError, OpResult};
use crate::ops::orders::draft::VoucherLine;
use crate::ops::payments::BankPayment;

/// A voucher that a distributor orders on a day.
struct Wish {
    day: i64,
    buyer: &'static str,
    name: &'static str,
    resource_type: ResourceType,
    years: i64,
    subscriptions: i64,
    codes: i64,
    end: End,
}

/// How an order ends.
#[derive(PartialEq)]
enum End {
    /// The operator marks it as paid on the same day; Harbour Café uses this many of its codes.
    Paid { used: usize },
    /// Its invoice stays open.
    Open,
    /// The buyer cancels it.
    Cancelled,
    /// It is still being put together.
    Draft,
}

const DEVICE: ResourceType = ResourceType::DEVICE_YEAR;
const APARTMENT: ResourceType = ResourceType::APARTMENT_YEAR;
const BALTIC: &str = "distributor@scrip.test";
const IBERIA: &str = "iberia@scrip.test";

const WISHES: [Wish; 8] = [
    wish(12, BALTIC, "Vilnius Water 2026", DEVICE, 1, 10, 1, End::Paid { used: 0 }),
    wish(24, IBERIA, "Casa Sol flats", APARTMENT, 1, 24, 24, End::Paid { used: 3 }),
    wish(36, BALTIC, "Riga Trams, three years", DEVICE, 3, 20, 4, End::Paid { used: 1 }),
    wish(48, IBERIA, "Porto fair", DEVICE, 1, 5, 5, End::Cancelled),
    wish(58, BALTIC, "Spring campaign", DEVICE, 1, 50, 10, End::Paid { used: 2 }),
    wish(65, IBERIA, "Sevilla Solar", DEVICE, 5, 12, 1, End::Open),
    wish(82, BALTIC, "Acme winter", DEVICE, 2, 8, 8, End::Open),
    wish(89, BALTIC, "Next year", APARTMENT, 1, 6, 1, End::Draft),
];

#[expect(clippy::too_many_arguments, reason = "a row of the table above")]
const fn wish(
    day: i64,
    buyer: &'static str,
    name: &'static str,
    resource_type: ResourceType,
    years: i64,
    subscriptions: i64,
    codes: i64,
    end: End,
) -> Wish {
    Wish { day, buyer, name, resource_type, years, subscriptions, codes, end }
}

/// Places the orders of a day.
pub async fn live_a_day(app: &App, operator: &Actor, day: i64) -> OpResult<()> {
    for wish in WISHES.iter().filter(|w| w.day == day) {
        order(app, operator, wish).await?;
    }
    if day == 62 {
        mishaps(app).await?;
    }
    Ok(())
}

async fn order(app: &App, operator: &Actor, wish: &Wish) -> OpResult<()> {
    let buyer = actor(app, wish.buyer).await?;
    let offered = ops::products::offered(app, ProductKind::Voucher).await?;
    let product_id = offered.first().ok_or(OpError::NotFound)?.product_id;
    let Wish { name, resource_type, years, subscriptions, codes, .. } = *wish;
    let line = VoucherLine { product_id, name, resource_type, years, subscriptions, codes };
    let key = |what: &str| format!("demo-order-{what}-{}", wish.day);
    let id = ops::orders::draft::add_voucher(app, &buyer, &key("add"), None, &line).await?.about;
    if wish.end == End::Draft {
        return Ok(());
    }
    let kept = ops::billing::get(app, &buyer, buyer.company_id).await?.ok_or(OpError::NotFound)?;
    let billing = BillingFields {
        name: &kept.name,
        address: &kept.address,
        country: &kept.country,
        vat_number: &kept.vat_number,
        email: &kept.email,
    };
    ops::orders::placing::place(app, &buyer, &key("place"), id, Method::Invoice, &billing).await?;
    match wish.end {
        End::Paid { used } => {
            let amount = ops::orders::find(app, operator, id).await?.row.total;
            let payment = BankPayment {
                amount,
                on: app.clock.now().zoned(&jiff::tz::TimeZone::UTC).date(),
                reference: "Bank statement",
            };
            ops::payments::mark_paid(app, operator, &key("pay"), id, &payment).await?;
            use_codes(app, &buyer, id, used).await
        }
        End::Cancelled => ops::orders::cancel(app, &buyer, &key("cancel"), id).await.map(|_| ()),
        End::Open | End::Draft => Ok(()),
    }
}

async fn use_codes(app: &App, buyer: &Actor, order_id: i64, count: usize) -> OpResult<()> {
    let customer = actor(app, "customer@scrip.test").await?;
    for voucher in ops::vouchers::of_line(app, buyer, (order_id, 1), None, 0, count as i64).await? {
        let key = format!("demo-voucher-{}", voucher.shown.row.id);
        ops::codes::changes::redeem(app, &customer, &key, &voucher.shown.text).await?;
    }
    Ok(())
}

/// One code of the spring campaign is lost, and two are returned.
async fn mishaps(app: &App) -> OpResult<()> {
    let buyer = actor(app, BALTIC).await?;
    let filter = crate::store::vouchers::VoucherFilter {
        status: Some(crate::model::ledger::CodeStatus::Unused),
        cursor: None,
        limit: 3,
    };
    let unused = ops::vouchers::list(app, &buyer, &filter).await?;
    let [lost, back @ ..] = unused.as_slice() else { return Ok(()) };
    ops::vouchers::replace(app, &buyer, "demo-voucher-lost", lost.shown.row.id).await?;
    let ids: Vec<i64> = back.iter().map(|v| v.shown.row.id).collect();
    ops::vouchers::cancel(app, &buyer, "demo-vouchers-back", lost.order_id, &ids).await?;
    Ok(())
}
