//! Payments: the orders of the tree, or of one company and its subsidiaries, by state.

use askama::Template;
use axum::response::Response;

use super::company::Head;
use crate::model::money::{Currency, Money};
use crate::model::order::OrderState;
use crate::ops;
use crate::ops::buying::MayBuy;
use crate::store::orders::{OrderFilter, OrderRow};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::pages::orders::badge;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{Frame, page};

/// A page of orders, with its filter.
struct OrdersSection {
    orders: Vec<OrderRow>,
    state: Option<OrderState>,
    next: Option<String>,
    now: i64,
}

impl OrdersSection {
    async fn read(
        portal: &Portal,
        me: &Me,
        company_id: Option<i64>,
        form: &Form,
        here: &str,
    ) -> WebResult<OrdersSection> {
        let state = OrderState::from_slug(form.value("state"));
        let filter = OrderFilter { state, cursor: form.value("before").parse().ok(), limit: PAGE_SIZE + 1 };
        let mut orders = ops::orders::list(&portal.app, &me.actor, company_id, &filter).await?;
        let last = cut(&mut orders).map(|order| order.id.to_string());
        let next = last.map(|before| urls::with_query(here, &[("state", form.value("state")), ("before", &before)]));
        Ok(OrdersSection { orders, state, next, now: portal.app.clock.now().0 })
    }

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

#[derive(Template)]
#[template(path = "orders/list.html")]
struct PaymentsPage {
    frame: Frame,
    section: OrdersSection,
    may: MayBuy,
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let section = OrdersSection::read(&portal, &me, None, &form, urls::PAYMENTS).await?;
    let may = ops::buying::of(&portal.app, &me.actor).await?;
    let frame = Frame::of(&portal, &me, "Payments").await?;
    page(&PaymentsPage { frame, section, may })
}

#[derive(Template)]
#[template(path = "companies/payments.html")]
struct PaymentsTab {
    frame: Frame,
    head: Head,
    section: OrdersSection,
    may: MayBuy,
}

/// A tab of Company details.
pub async fn of_company(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "payments").await?;
    let here = urls::company_part(id, "payments");
    let section = OrdersSection::read(&portal, &me, Some(id), &form, &here).await?;
    let may = ops::buying::of(&portal.app, &me.actor).await?;
    let frame = Frame::of(&portal, &me, format!("{}: payments", head.company.name)).await?;
    page(&PaymentsTab { frame, head, section, may })
}
