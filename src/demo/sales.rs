//! The demo's trade: the seller, the price list, and the two distributors that buy.

use crate::app::App;
use crate::demo::{actor, company};
use crate::model::product::ProductKind;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::billing::BillingFields;
use crate::ops::error::{OpError, OpResult};
use crate::ops::products::ProductFields;
use crate::ops::seller::SellerFields;

const SELLER: SellerFields<'static> = SellerFields {
    name: "Scrip Demo Vendor Oy",
    address: "Nordlight Devices\nSatamakatu 5\n00160 Helsinki",
    country: "FI",
    vat_number: "FI12345678",
    registration: "Helsinki, 1234567-8",
    email: "sales@scrip.test",
    bank_account: "IBAN FI21 1234 5600 0007 85\nBIC NDEAFIHH, Example Bank",
    footer: "This is an example. Nothing is sold and nothing is to be paid.",
    due_days: "14",
    may_cancel: true,
    companies_may_buy: true,
    vouchers_section: "",
    licences_section: "",
};

const VIDEO: ProductFields<'static> = ProductFields {
    name: "Mobile video",
    description: "Video calls from the door to a telephone, for a year.",
    currency: "EUR",
    device_price: "11.00",
    apartment_price: "18.00",
    licence_price: "",
    unit_prices: ["1.00", "", "", "", "", "", ""],
    valid_months: "",
    models: "",
    term_months: "",
    vat_class: "",
};

const LICENCES: [ProductFields<'static>; 2] = [
    ProductFields {
        name: "Enhanced video",
        description: "Video in a higher resolution, and recordings.",
        device_price: "",
        apartment_price: "",
        unit_prices: [""; 7],
        licence_price: "95.00",
        models: "RUT956\nRUTX50",
        ..VIDEO
    },
    ProductFields {
        name: "Lift control",
        description: "The door calls the lift to the visitor's floor.",
        device_price: "",
        apartment_price: "",
        unit_prices: [""; 7],
        licence_price: "48.00",
        term_months: "12",
        ..VIDEO
    },
];

/// E-mail of its administrator, name of the company, and its billing data.
const DISTRIBUTORS: [(&str, &str, BillingFields<'static>); 2] = [
    (
        "distributor@scrip.test",
        "Baltic Distribution",
        BillingFields {
            name: "Baltic Distribution UAB",
            address: "Gedimino pr. 9\n01103 Vilnius",
            country: "LT",
            vat_number: "LT123456789",
            email: "invoices@baltic.test",
        },
    ),
    (
        "iberia@scrip.test",
        "Iberia Distribution",
        BillingFields {
            name: "Iberia Distribution SL",
            address: "Calle Mayor 12\n28013 Madrid",
            country: "ES",
            vat_number: "ESB12345678",
            email: "facturas@iberia.test",
        },
    ),
];

/// Sets up what is needed before anybody can buy.
pub async fn open(app: &App, operator: &Actor) -> OpResult<()> {
    ops::seller::save(app, operator, "demo-seller", &SELLER).await?;
    for (name, rate) in [("Standard", "21"), ("Zero", "0")] {
        ops::vat_classes::add(app, operator, &format!("demo-vat-{name}"), name, rate).await?;
    }
    let class = standard(app, operator).await?;
    let video = ProductFields { vat_class: &class, ..VIDEO };
    ops::products::add(app, operator, "demo-video", ProductKind::Voucher, &video).await?;
    for licence in LICENCES {
        let (key, fields) = (format!("demo-{}", licence.name), ProductFields { vat_class: &class, ..licence });
        ops::products::add(app, operator, &key, ProductKind::Licence, &fields).await?;
    }
    for (email, name, billing) in DISTRIBUTORS {
        let id = company(app, name).await?;
        ops::distributors::set_may_buy(app, operator, &format!("demo-activate-{id}"), id, true).await?;
        let admin = actor(app, email).await?;
        ops::billing::save(app, &admin, &format!("demo-billing-{id}"), id, &billing).await?;
    }
    // Iberia is in another country of the EU, and accounts for the VAT itself.
    let id = company(app, DISTRIBUTORS[1].1).await?;
    ops::distributors::set_reverse_charge(app, operator, "demo-reverse-charge", id, true).await?;
    Ok(())
}

/// Raises the price of Mobile video, so that its page shows two versions.
pub async fn raise_prices(app: &App, operator: &Actor) -> OpResult<()> {
    let class = standard(app, operator).await?;
    let products = ops::products::list(app, operator).await?;
    let video = products.iter().find(|p| p.name == VIDEO.name).ok_or(OpError::NotFound)?;
    let fields = ProductFields { device_price: "12.00", vat_class: &class, ..VIDEO };
    let current = (video.product_id, video.version);
    ops::products::change(app, operator, "demo-video-dearer", current, &fields).await?;
    Ok(())
}

/// The id of the VAT class "Standard".
async fn standard(app: &App, operator: &Actor) -> OpResult<String> {
    let classes = ops::vat_classes::list(app, operator).await?;
    classes.iter().find(|c| c.name == "Standard").map(|c| c.id.to_string()).ok_or(OpError::NotFound)
}
