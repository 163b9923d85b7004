//! A shop that takes cards, with a fake Stripe on loopback.

use axum::body::Body;
use axum::http::Request;
use scrip::model::ledger::Kind;
use scrip::model::resources::ResourceType;
use scrip::ops;
use scrip::store::db::sql;

use super::shop::{Shop, balance};
use super::stripe::FakeStripe;
use super::{Browser, Page, TestApp, who};

pub struct Till {
    pub test: TestApp,
    pub stripe: FakeStripe,
    pub shop: Shop,
    pub buyer: Browser,
}

impl Till {
    /// A portal on the same kind of database as `test`, with Stripe set up.
    pub async fn open(test: TestApp) -> Till {
        let stripe = FakeStripe::start().await;
        let test = TestApp::start_with(test.backend, stripe.given()).await.unwrap();
        let shop = Shop::open(&test).await;
        let buyer = shop.buyer(&test).await;
        Till { test, stripe, shop, buyer }
    }

    /// Places an order of 10 device subscriptions for 145.20 EUR, to be paid by card.
    pub async fn order(&mut self) -> i64 {
        let order = self.shop.add(&mut self.buyer, None, &[]).await;
        self.shop.place(&mut self.buyer, order, "card").await.is(303);
        order
    }

    /// Presses "Pay by card".
    pub async fn card(&mut self, order: i64) -> Page {
        let at = format!("/orders/{order}");
        self.buyer.submit(&at, &format!("{at}/card"), &[]).await
    }

    /// Places an order and opens its payment page at Stripe: the ids of both.
    pub async fn opened(&mut self) -> (i64, String) {
        let order = self.order().await;
        (order, session(self.card(order).await.is(200)))
    }

    /// Advances the clock, and signs the buyer in again in case the session has expired.
    pub async fn later(&mut self, seconds: i64) {
        self.test.app.clock.advance_seconds(seconds);
        self.buyer = self.shop.buyer(&self.test).await;
    }

    pub fn seconds(&self) -> i64 {
        self.test.app.clock.now().0 / 1_000_000
    }

    /// Stripe delivers an event with the session's current state.
    pub async fn deliver(&self, event_id: &str, kind: &str, session: &str) -> Page {
        let (body, signature) = self.stripe.event(event_id, kind, session, self.seconds());
        self.send(&body, &signature).await
    }

    /// A card pays at once, and Stripe delivers the event.
    pub async fn pays(&self, event_id: &str, session: &str) -> Page {
        self.stripe.complete(session, true);
        self.deliver(event_id, "checkout.session.completed", session).await
    }

    pub async fn send(&self, body: &str, signature: &str) -> Page {
        let request = Request::post("/webhooks/stripe")
            .header("stripe-signature", signature)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.test.browser().send(request).await
    }

    /// The states of an order and of its payments, such as "paid: expired, paid".
    pub async fn state(&self, order: i64) -> String {
        let operator = who(&self.test.app, "operator@test.example").await;
        let found = ops::orders::find(&self.test.app, &operator, order).await.unwrap();
        let payments: Vec<_> = found.payments.iter().map(|p| p.state.as_str()).collect();
        format!("{}: {}", found.row.state().slug(), payments.join(", "))
    }

    /// The units held in the buyer's codes.
    pub async fn units(&self) -> i64 {
        balance(&self.test, self.shop.world.distributor, ResourceType::DEVICE_YEAR, Kind::InCodes).await
    }

    /// Runs the jobs that are due now. Tests have no mail server, so a mail is only logged.
    pub async fn run_jobs(&self) {
        while scrip::jobs::run_next(&self.test.app).await {}
    }

    pub async fn count(&self, statement: &'static str) -> i64 {
        let mut tx = self.test.app.db.read().await.unwrap();
        let (count,): (i64,) = sql(statement).one(&mut tx).await.unwrap();
        count
    }

    pub async fn execute(&self, statement: &'static str) {
        let mut tx = self.test.app.db.write().await.unwrap();
        sql(statement).run(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The session that a page links to.
pub fn session(page: &Page) -> String {
    let rest = page.body.split("https://checkout.stripe.com/c/pay/").nth(1).unwrap();
    rest.split('"').next().unwrap().to_owned()
}
