//! Payments: the orders of the tree, their invoices, and the vouchers from them, by state.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::model::ledger::CodeStatus;
use crate::model::money::{Currency, Money};
use crate::model::order::OrderState;
use crate::ops;
use crate::ops::error::OpError;
use crate::ops::vouchers::ShownVoucher;
use crate::ops::watched::{Export, Way, codes_shown};
use crate::store::orders::{OrderFilter, OrderRow};
use crate::store::vouchers::VoucherFilter;
use crate::urls;
use crate::web::csv as csv_file;
use crate::web::downloads::STEP;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm};
use crate::web::pages::orders::badge;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, PAGE_SIZE, page};

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

pub async fn list(State(portal): State<Portal>, me: Me, QueryForm(form): QueryForm) -> WebResult<Response> {
    let state = OrderState::from_slug(form.value("state"));
    let filter = OrderFilter { state, cursor: form.value("before").parse().ok(), limit: PAGE_SIZE + 1 };
    let mut orders = ops::orders::list(&portal.app, &me.actor, &filter).await?;
    let next = next_page(&mut orders, urls::PAYMENTS, form.value("state"), |o| o.id);
    let frame = Frame::of(&portal, &me, "Payments").await?;
    page(&PaymentsPage { frame, orders, state, next, now: portal.app.clock.now().0 })
}

/// The address of the next page; truncates this one to its size.
fn next_page<T>(rows: &mut Vec<T>, here: &str, state: &str, id: impl Fn(&T) -> i64) -> Option<String> {
    if rows.len() as i64 <= PAGE_SIZE {
        return None;
    }
    rows.truncate(PAGE_SIZE as usize);
    let before = rows.last().map(|row| id(row).to_string())?;
    Some(urls::with_query(here, &[("state", state), ("before", &before)]))
}

/// The tabs, each with its word in the address.
const TABS: [(&str, &str); 5] = [
    ("unused", "Unused"),
    ("used", "Used"),
    ("cancelled", "Cancelled"),
    ("expired", "Expired"),
    ("all", "All"),
];

#[derive(Template)]
#[template(path = "orders/vouchers.html")]
struct VouchersPage {
    frame: Frame,
    vouchers: Vec<ShownVoucher>,
    tab: &'static str,
    tabs: [(&'static str, &'static str); 5],
    next: Option<String>,
}

impl VouchersPage {
    fn is_tab(&self, slug: &str) -> bool {
        self.tab == slug
    }
}

/// The tab of an address; the unused ones by default.
fn tab(slug: &str) -> &'static str {
    TABS.iter().find(|(s, _)| *s == slug).map_or("unused", |(s, _)| s)
}

pub async fn vouchers(
    State(portal): State<Portal>,
    me: Me,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let tab = tab(form.value("state"));
    let cursor = form.value("before").parse().ok();
    let filter = VoucherFilter { status: CodeStatus::from_slug(tab), cursor, limit: PAGE_SIZE + 1 };
    let mut vouchers = ops::vouchers::list(&portal.app, &me.actor, &filter).await?;
    let next = next_page(&mut vouchers, urls::VOUCHERS, tab, |v| v.shown.row.id);
    let codes = vouchers.iter().map(|v| &v.shown);
    codes_shown(&portal.app, &me.actor, Way::Shown, me.actor.company_id, "Vouchers", codes).await?;
    let frame = Frame::of(&portal, &me, "Vouchers").await?;
    page(&VouchersPage { frame, vouchers, tab, tabs: TABS, next })
}

pub async fn vouchers_csv(
    State(portal): State<Portal>,
    me: Me,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let status = CodeStatus::from_slug(tab(form.value("state")));
    let export = Export::new(&portal.app, &me.actor, me.actor.company_id, "Vouchers".to_owned());
    let actor = me.actor.clone();
    let read = move |app: App, cursor| {
        let (actor, export) = (actor.clone(), export.clone());
        let filter = VoucherFilter { status, cursor, limit: STEP };
        async move {
            let found = ops::vouchers::list(&app, &actor, &filter).await?;
            export.step(found.iter().map(|v| &v.shown), found.len() as i64 == STEP).await?;
            Ok(found)
        }
    };
    csv_file::download(&portal, &me, ("vouchers.csv".to_owned(), &CSV_HEAD), csv_line, read).await
}

/// The columns of [`csv_line`].
pub const CSV_HEAD: [&str; 10] = [
    "code",
    "voucher",
    "type",
    "amount",
    "status",
    "company",
    "order",
    "created_at",
    "valid_until",
    "used_by",
];

/// A voucher's id and its cells.
pub fn csv_line(voucher: &ShownVoucher) -> (i64, Vec<String>) {
    let time = |at: i64| crate::model::time::Moment(at).rfc3339();
    let ShownVoucher { shown, order_id, .. } = voucher;
    let row = &shown.row;
    let used_by = row.ended_company_name.clone().filter(|_| shown.status == CodeStatus::Used);
    let cells = vec![
        shown.text.clone(),
        row.comment.clone(),
        shown.resource_type.slug().to_owned(),
        row.amount.to_string(),
        shown.status.slug().to_owned(),
        row.company_name.clone(),
        order_id.to_string(),
        time(row.created_at),
        row.expires_at.map(time).unwrap_or_default(),
        used_by.unwrap_or_default(),
    ];
    (row.id, cells)
}

/// An invoice or a credit note as PDF.
pub async fn pdf(State(portal): State<Portal>, me: Me, Id(id): Id) -> WebResult<Response> {
    let document = ops::payments::document(&portal.app, &me.actor, id).await?;
    let name = document.number.clone();
    // Rendering a page of text and tables keeps a core busy for a moment.
    let bytes = tokio::task::spawn_blocking(move || crate::pdf::invoice(&document)).await;
    let bytes =
        bytes.map_err(|e| OpError::Internal(e.to_string()))?.map_err(|e| OpError::Internal(e.to_string()))?;
    let disposition = format!("attachment; filename=\"{name}.pdf\"");
    let headers =
        [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, bytes).into_response())
}

/// The operator confirms that a credit note was paid back.
pub async fn settle(
    State(portal): State<Portal>,
    me: Me,
    Id(id): Id,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let key = form.operation(&portal.app, &me)?;
    let order_id = ops::payments::settle_credit_note(&portal.app, &me.actor, &key, id).await?;
    Ok(view::done(&urls::order(order_id), &key))
}
