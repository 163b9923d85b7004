//! One of everything that selling creates, with a sample text in every text field.

use scrip::app::App;
use scrip::model::order::{Method, PoolWish};
use scrip::model::product::ProductKind;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::ops::actor::Actor;
use scrip::ops::billing::BillingFields;
use scrip::ops::buying::Terms;
use scrip::ops::licence_orders::{Choice, LicenceWish};
use scrip::ops::licences::Rehost;
use scrip::ops::orders::draft::{PoolLine, VoucherLine};
use scrip::ops::payments::BankPayment;
use scrip::ops::products::ProductFields;
use scrip::ops::seller::SellerFields;

use super::{TestApp, World, who};

/// The text fields of a sale; each gets its own sample text.
pub const KINDS: [&str; 9] =
    ["seller", "footer", "class", "product", "description", "voucher", "billing", "reference", "reason"];

struct Sale<'a> {
    app: &'a App,
    operator: Actor,
    buyer: Actor,
    text: fn(&str) -> String,
}

/// The operator sells and Distributor buys: orders in each state, with each available payment method; vouchers
/// used, cancelled, replaced and unused; licences for two devices, one of which has moved.
pub async fn trade(test: &TestApp, world: &World, text: fn(&str) -> String) {
    let app = &test.app;
    let operator = who(app, "operator@test.example").await;
    open(app, &operator, world, text).await;
    let buyer = who(app, "distributor@test.example").await;
    let sale = Sale { app, operator, buyer, text };
    let draft = sale.order("draft").await;
    ops::orders::draft::add_voucher(app, &sale.buyer, "second line", Some(draft), &sale.line().await).await.unwrap();
    for key in ["open", "cancelled", "vouchers", "by card"] {
        let id = sale.order(key).await;
        let method = if key == "by card" { Method::Card } else { Method::Invoice };
        if method == Method::Invoice || app.cards.provider().is_some() {
            sale.place(key, id, method).await;
        }
        match key {
            "cancelled" => drop(ops::orders::cancel(app, &sale.buyer, "cancel order", id).await.unwrap()),
            "vouchers" => sale.live(id).await,
            _ => {}
        }
    }
    sale.own_pool(world).await;
    sale.licences().await;
}

async fn open(app: &App, operator: &Actor, world: &World, text: fn(&str) -> String) {
    let (name, footer) = (&*text("seller"), &*text("footer"));
    let seller = SellerFields {
        name,
        address: "Street 1",
        country: "LT",
        email: "a@b.test",
        bank_account: "LT1",
        footer,
        due_days: "9",
        may_cancel: true,
        companies_may_buy: true,
        ..Default::default()
    };
    ops::seller::save(app, operator, "seller", &seller).await.unwrap();
    ops::vat_classes::add(app, operator, "class", &text("class"), "21").await.unwrap();
    let class = ops::vat_classes::list(app, operator).await.unwrap().last().unwrap().id.to_string();
    let (name, description) = (&*text("product"), &*text("description"));
    let models = &*text("model");
    let product = ProductFields { name, description, currency: "EUR", vat_class: &class, ..Default::default() };
    let voucher = ProductFields { device_price: "12", apartment_price: "18", ..product };
    let licence = ProductFields { licence_price: "48", term_months: "12", models, ..product };
    for (key, kind, fields) in [("voucher", ProductKind::Voucher, voucher), ("licence", ProductKind::Licence, licence)]
    {
        ops::products::add(app, operator, key, kind, &fields).await.unwrap();
    }
    ops::distributors::set_may_buy(app, operator, "activate", world.distributor, true).await.unwrap();
}

impl Sale<'_> {
    async fn offered(&self, kind: ProductKind) -> i64 {
        ops::products::offered(self.app, kind).await.unwrap().last().unwrap().product_id
    }

    async fn line(&self) -> VoucherLine<'static> {
        let product_id = self.offered(ProductKind::Voucher).await;
        let name: &'static str = Box::leak((self.text)("voucher").into_boxed_str());
        let resource_type = ResourceType::DEVICE_YEAR;
        VoucherLine { product_id, name, resource_type, years: 1, subscriptions: 4, codes: 4 }
    }

    async fn order(&self, key: &str) -> i64 {
        let line = self.line().await;
        let added = ops::orders::draft::add_voucher(self.app, &self.buyer, &format!("{key} begun"), None, &line).await;
        added.unwrap().about
    }

    async fn place(&self, key: &str, order: i64, method: Method) {
        let name = (self.text)("billing");
        let billing =
            BillingFields { name: &name, address: "Street 1", country: "LT", vat_number: "", email: "a@b.test" };
        let key = format!("{key} placed");
        ops::orders::placing::place(self.app, &self.buyer, &key, order, method, &billing).await.unwrap();
    }

    async fn pay(&self, order: i64) {
        let reference = &*(self.text)("reference");
        let amount = ops::orders::find(self.app, &self.operator, order).await.unwrap().row.total;
        let payment =
            BankPayment { amount, on: self.app.clock.now().zoned(&jiff::tz::TimeZone::UTC).date(), reference };
        let key = format!("{order} paid");
        ops::payments::mark_paid(self.app, &self.operator, &key, order, &payment).await.unwrap();
    }

    /// Of four codes, one is used, one replaced and two are cancelled; one of those two is refunded.
    async fn live(&self, order: i64) {
        self.pay(order).await;
        let codes = ops::vouchers::of_line(self.app, &self.buyer, (order, 1), None, 0, 4).await.unwrap();
        let customer = who(self.app, "customer@test.example").await;
        ops::codes::changes::redeem(self.app, &customer, "use", &codes[0].shown.text).await.unwrap();
        ops::vouchers::replace(self.app, &self.buyer, "lost", codes[1].shown.row.id).await.unwrap();
        for code in &codes[2..] {
            let id = code.shown.row.id;
            let key = format!("back {id}");
            ops::vouchers::cancel(self.app, &self.buyer, &key, order, &[id]).await.unwrap();
        }
        let documents = ops::orders::find(self.app, &self.operator, order).await.unwrap().invoices;
        let note = documents.iter().find(|d| d.is_credit_note()).unwrap();
        ops::invoices::settle_credit_note(self.app, &self.operator, "paid back", note.id).await.unwrap();
    }

    /// Of two lines for the own pool, one is taken back. Another company may buy nothing.
    async fn own_pool(&self, world: &World) {
        let wish = PoolWish { resource_type: ResourceType::DEVICE_YEAR, years: 1, subscriptions: 3 };
        let line = PoolLine { product_id: self.offered(ProductKind::Voucher).await, wish };
        let mut order = None;
        for key in ["pool", "pool, second line"] {
            let added = ops::orders::draft::add_to_pool(self.app, &self.buyer, key, order, &line, false).await;
            order = Some(added.unwrap().about);
        }
        let order = order.unwrap();
        self.place("pool", order, Method::Invoice).await;
        self.pay(order).await;
        ops::own_pool::take_back(self.app, &self.operator, "units back", order, 2).await.unwrap();
        let terms = Terms { for_own_pool: Some(false), reverse_charge: true };
        ops::buying::set_terms(self.app, &self.operator, "terms", world.acme, terms).await.unwrap();
    }

    async fn licences(&self) {
        let serials = ["SN-A".to_owned(), "SN-B".to_owned()];
        let product_id = self.offered(ProductKind::Licence).await;
        for key in ["licences", "licences, draft"] {
            let choices = [Choice { product_id, model: String::new() }];
            let wish = LicenceWish { order_id: None, serials: &serials, choices: &choices, is_confirmed: true };
            let added = ops::licence_orders::add(self.app, &self.buyer, key, &wish).await.unwrap();
            if key != "licences" {
                continue;
            }
            let order = added.about;
            self.place(key, order, Method::Invoice).await;
            self.pay(order).await;
            let licences = ops::licences::of_order(self.app, &self.buyer, order, 0, 2).await.unwrap();
            let (row, reason) = (&licences[0].row, &*(self.text)("reason"));
            let wish = Rehost { licence_id: row.id, key_id: row.key_id, serial: "SN-C", reason };
            ops::licences::rehost(self.app, &self.buyer, "moved", &wish).await.unwrap();
        }
    }
}
