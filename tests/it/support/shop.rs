//! A world with something for sale: a seller, a price list, and Distributor who may buy.

use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::store::db::sql;

use super::{Browser, Page, TestApp, World, signed_in, who};

/// The billing data that the buyer enters.
pub const BILLING: [(&str, &str); 5] = [
    ("billing_name", "Distributor Ltd"),
    ("billing_address", "Main Street 1\r\nVilnius"),
    ("billing_country", "LT"),
    ("billing_vat_number", "LT123456789"),
    ("billing_email", "invoices@distributor.example"),
];

/// The ids of the products for sale.
pub struct Shop {
    pub world: World,
    /// Mobile video: 12.00 EUR per device and year, 18.00 EUR per apartment and year, 21 % VAT.
    pub video: i64,
    /// The same in CZK: 300.00, for devices only.
    pub video_czk: i64,
}

impl Shop {
    pub async fn open(test: &TestApp) -> Shop {
        let world = World::new(test).await;
        let app = &test.app;
        let operator = who(app, "operator@test.example").await;
        let seller = ops::seller::SellerFields {
            name: "Vendor Ltd",
            address: "Factory Road 2\nKaunas",
            country: "LT",
            vat_number: "LT987654321",
            email: "sales@vendor.example",
            bank_account: "LT12 1000 0111 0100 1000",
            due_days: "14",
            may_cancel: true,
            companies_may_buy: true,
            ..Default::default()
        };
        ops::seller::save(app, &operator, "shop-seller", &seller).await.unwrap();
        ops::vat_classes::add(app, &operator, "shop-vat", "Standard", "21").await.unwrap();
        let class = ops::vat_classes::list(app, &operator).await.unwrap()[0].id.to_string();
        let video = ops::products::ProductFields {
            name: "Mobile video",
            currency: "EUR",
            device_price: "12.00",
            apartment_price: "18.00",
            vat_class: &class,
            ..Default::default()
        };
        let czk = ops::products::ProductFields {
            name: "Mobile video CZ",
            currency: "CZK",
            device_price: "300",
            apartment_price: "",
            ..video
        };
        let kind = scrip::model::product::ProductKind::Voucher;
        ops::products::add(app, &operator, "shop-video", kind, &video).await.unwrap();
        ops::products::add(app, &operator, "shop-czk", kind, &czk).await.unwrap();
        let offered = ops::products::offered(app, kind).await.unwrap();
        let id = |name: &str| offered.iter().find(|p| p.name == name).unwrap().product_id;
        let (video, video_czk) = (id("Mobile video"), id("Mobile video CZ"));
        ops::distributors::set_may_buy(app, &operator, "shop-activate", world.distributor, true).await.unwrap();
        Shop { world, video, video_czk }
    }

    /// The buyer's browser.
    pub async fn buyer(&self, test: &TestApp) -> Browser {
        signed_in(test, "distributor@test.example").await
    }

    /// Adds a voucher to a draft, or starts a new draft; returns the order's id.
    pub async fn add(&self, buyer: &mut Browser, order: Option<i64>, fields: &[(&str, &str)]) -> i64 {
        let answer = self.try_add(buyer, order, fields).await;
        answer.is(303);
        answer.location().rsplit('/').next().unwrap().parse().unwrap()
    }

    /// The same, without expecting success. Missing fields get default values.
    pub async fn try_add(&self, buyer: &mut Browser, order: Option<i64>, fields: &[(&str, &str)]) -> Page {
        let (video, order) = (self.video.to_string(), order.map(|id| id.to_string()));
        let usual = [
            ("name", "Video for Acme"),
            ("product", video.as_str()),
            ("years", "1"),
            ("subscriptions", "10"),
            ("type", "device_year"),
            ("codes", "1"),
        ];
        let given = |name: &str| fields.iter().any(|f| f.0 == name);
        let mut all: Vec<_> = usual.into_iter().filter(|f| !given(f.0)).chain(fields.iter().copied()).collect();
        all.extend(order.as_deref().map(|id| ("order", id)));
        buyer.submit("/buy/vouchers", "/buy/vouchers", &all).await
    }

    /// Places a draft.
    pub async fn place(&self, buyer: &mut Browser, order: i64, method: &str) -> Page {
        let fields = [&BILLING[..], &[("method", method)]].concat();
        let (page, action) = (format!("/orders/{order}"), format!("/orders/{order}/placement"));
        buyer.submit(&page, &action, &fields).await
    }

    /// A paid order of one voucher: 10 device subscriptions for a year, in this many codes. Returns its id.
    pub async fn paid(&self, test: &TestApp, codes: &str) -> i64 {
        let mut buyer = self.buyer(test).await;
        let order = self.add(&mut buyer, None, &[("codes", codes)]).await;
        self.place(&mut buyer, order, "invoice").await.is(303);
        self.mark_paid(test, order, "145.20").await.is(303);
        order
    }

    /// The operator marks an invoice as paid.
    pub async fn mark_paid(&self, test: &TestApp, order: i64, amount: &str) -> Page {
        let mut operator = signed_in(test, "operator@test.example").await;
        let at = format!("/orders/{order}/paid");
        let fields = [("amount", amount), ("day", "2026-11-20"), ("reference", "Statement 7")];
        operator.submit(&at, &at, &fields).await
    }

    /// The codes of an order's line: id and text, in order.
    pub async fn codes(&self, test: &TestApp, order: i64, line: i64) -> Vec<(i64, String)> {
        let buyer = who(&test.app, "distributor@test.example").await;
        let found = ops::vouchers::of_line(&test.app, &buyer, (order, line), None, 0, 1_000).await.unwrap();
        found.into_iter().map(|v| (v.shown.row.id, v.shown.text)).collect()
    }
}

/// The balance of a company's account.
pub async fn balance(test: &TestApp, company: i64, resource_type: ResourceType, kind: Kind) -> i64 {
    let mut tx = test.app.db.read().await.unwrap();
    let found: Option<(i64,)> =
        sql("select balance from account where company_id = $1 and resource_type = $2 and kind = $3")
            .bind(company)
            .bind(resource_type.id())
            .bind(kind as i64)
            .optional(&mut tx)
            .await
            .unwrap();
    found.map_or(0, |row| row.0)
}
