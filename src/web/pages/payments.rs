//! The page Payments: the tree's orders, by state.

use askama::Template;
use axum::response::Response;

use crate::model::money::{Currency, Money};
use crate::model::order::OrderState;
use crate::ops;
use crate::store::orders::{OrderFilter, OrderRow};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{QueryForm, Visit};
use crate::web::pages::orders::badge;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::view::{Frame, page};

#[derive(Template)]
#[template(path = "orders/list.html")]
struct PaymentsPage {
    frame: Frame,
    orders: Vec<OrderRow>,
    state: Option<OrderState>,
    next: Option<String>,
    now: i64,
}

impl PaymentsPage {
    fn total(&self, order: &OrderRow) -> String {
        let currency = Currency::from_code(&order.currency);
        currency.map_or(String::new(), |c| Money::new(order.total, c).to_string())
    }

    fn badge(&self, order: &OrderRow) -> &'static str {
        badge(order.state())
    }

    fn is_overdue(&self, order: &OrderRow) -> bool {
        order.state() == OrderState::AwaitingPayment && order.due_at.is_some_and(|due| due < self.now)
    }

    fn is_state(&self, slug: &str) -> bool {
        self.state.map_or("", OrderState::slug) == slug
    }
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let state = OrderState::from_slug(form.value("state"));
    let filter = OrderFilter { state, cursor: form.value("before").parse().ok(), limit: PAGE_SIZE + 1 };
    let mut orders = ops::orders::list(&portal.app, &me.actor, &filter).await?;
    let last = cut(&mut orders).map(|order| order.id.to_string());
    let next =
        last.map(|before| urls::with_query(urls::PAYMENTS, &[("state", form.value("state")), ("before", &before)]));
    let frame = Frame::of(&portal, &me, "Payments").await?;
    page(&PaymentsPage { frame, orders, state, next, now: portal.app.clock.now().0 })
}
