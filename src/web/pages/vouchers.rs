//! A prepared voucher: its codes, copied, printed, saved, cancelled and replaced.

use askama::Template;
use axum::response::Response;

use crate::app::App;
use crate::model::ledger::CodeStatus;
use crate::model::order::OrderLine;
use crate::model::permission::Permission;
use crate::ops;
use crate::ops::orders::Order;
use crate::ops::vouchers::ShownVoucher;
use crate::ops::watched::{Export, Way, codes_shown};
use crate::store::vouchers::{StateCount, VoucherFilter};
use crate::urls;
use crate::web::csv as csv_file;
use crate::web::downloads::{self, File, STEP};
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Ids, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::pages::code_sheet;
use crate::web::paging::{PAGE_SIZE, cut};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

#[derive(Template)]
#[template(path = "vouchers/show.html")]
struct VoucherPage {
    frame: Frame,
    order: Order,
    number: i64,
    line: OrderLine,
    codes: Vec<ShownVoucher>,
    /// How many codes of the line exist, and how many of them can still be used.
    made: i64,
    unused: i64,
    tab: &'static str,
    tabs: [(&'static str, &'static str); 5],
    /// This page with its tab, to return to.
    here: String,
    may_cancel: bool,
    next: Option<String>,
}

impl VoucherPage {
    fn is_tab(&self, slug: &str) -> bool {
        self.tab == slug
    }

    /// The address of a tab.
    fn at(&self, slug: &str) -> String {
        urls::with_query(&urls::voucher(self.order.row.id, self.number), &[("state", slug)])
    }

    fn has_unused(&self) -> bool {
        self.codes.iter().any(|c| c.shown.status == CodeStatus::Unused)
    }
}

async fn line(portal: &Portal, me: &Me, order_id: i64, number: i64) -> WebResult<(Order, OrderLine)> {
    let order = ops::orders::find(&portal.app, &me.actor, order_id).await?;
    let found = order.lines.iter().find(|(n, line)| *n == number && line.voucher.is_some());
    let line = found.map(|(_, line)| line.clone()).ok_or(WebError::NotFound)?;
    Ok((order, line))
}

pub async fn show(
    Visit(portal, me): Visit,
    Ids(order_id, number): Ids,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let (order, line) = line(&portal, &me, order_id, number).await?;
    let (tab, after) = (tab(form.value("state")), form.value("after").parse().unwrap_or(0));
    let app = &portal.app;
    let (place, status) = ((order_id, number), CodeStatus::from_slug(tab));
    let mut codes = ops::vouchers::of_line(app, &me.actor, place, status, after, PAGE_SIZE + 1).await?;
    let here = urls::with_query(&urls::voucher(order_id, number), &[("state", tab)]);
    let last = cut(&mut codes).map(|c| c.shown.row.id.to_string());
    noted(&portal, &me, Way::Shown, &order, number, &codes).await?;
    let first = urls::voucher(order_id, number);
    let next = last.map(|after| urls::with_query(&first, &[("state", tab), ("after", &after)]));
    let may_cancel = ops::vouchers::may_cancel(app, &me.actor).await?;
    let counts = ops::vouchers::counts(app, &me.actor, order_id).await?;
    let unused = |c: &&StateCount| c.line == number && c.status == CodeStatus::Unused as i64;
    let unused = counts.iter().find(unused).map_or(0, |c| c.codes);
    let made = counts.iter().filter(|c| c.line == number).map(|c| c.codes).sum();
    let frame = Frame::of(&portal, &me, line.name.clone()).await?;
    page(&VoucherPage { frame, order, number, line, codes, made, unused, tab, tabs: TABS, here, may_cancel, next })
}

fn named(order_id: i64, number: i64) -> String {
    format!("Voucher {number} of order {order_id}")
}

async fn noted(
    portal: &Portal,
    me: &Me,
    way: Way,
    order: &Order,
    number: i64,
    codes: &[ShownVoucher],
) -> WebResult<()> {
    let (what, codes) = (named(order.row.id, number), codes.iter().map(|c| &c.shown));
    Ok(codes_shown(&portal.app, &me.actor, way, order.row.company_id, &what, codes).await?)
}

pub async fn csv(Visit(portal, me): Visit, Ids(order_id, number): Ids) -> WebResult<Response> {
    let place = (order_id, number);
    let order = ops::orders::find(&portal.app, &me.actor, order_id).await?;
    let export = Export::new(&portal.app, &me.actor, order.row.company_id, named(order_id, number));
    let actor = me.actor.clone();
    let read = move |app: App, after: Option<i64>| {
        let (actor, export) = (actor.clone(), export.clone());
        async move {
            let found = ops::vouchers::of_line(&app, &actor, place, None, after.unwrap_or(0), STEP).await?;
            export.step(found.iter().map(|c| &c.shown), found.len() as i64 == STEP).await?;
            Ok(found)
        }
    };
    let name = format!("voucher-{order_id}-{number}.csv");
    csv_file::download(&portal, &me.actor, (name, &CSV_HEAD), csv_line, read).await
}

/// The unused codes, one per line, for Copy all codes.
pub async fn text(Visit(portal, me): Visit, Ids(order_id, number): Ids) -> WebResult<Response> {
    let place = (order_id, number);
    let order = ops::orders::find(&portal.app, &me.actor, order_id).await?;
    let export = Export::new(&portal.app, &me.actor, order.row.company_id, named(order_id, number));
    let actor = me.actor.clone();
    let read = move |app: App, after: Option<i64>| {
        let (actor, export) = (actor.clone(), export.clone());
        async move {
            let found = ops::vouchers::unused(&app, &actor, place, after.unwrap_or(0), STEP).await?;
            export.step(found.iter().map(|c| &c.shown), found.len() as i64 == STEP).await?;
            Ok(found)
        }
    };
    let write = |codes: &[ShownVoucher]| {
        let lines: String = codes.iter().map(|c| format!("{}\n", c.shown.text)).collect();
        (lines.into_bytes(), codes.last().map(|c| c.shown.row.id))
    };
    let name = format!("voucher-{order_id}-{number}.txt");
    let file = File { name, media_type: "text/plain; charset=utf-8", head: Vec::new() };
    downloads::send(&portal, &me.actor, file, write, read).await
}

/// The unused codes as cards, as many as fit on one page.
pub async fn sheet(
    Visit(portal, me): Visit,
    Ids(order_id, number): Ids,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    let (place, after) = ((order_id, number), form.value("after").parse().unwrap_or(0));
    let limit = code_sheet::CARDS_MAX as i64;
    let found = ops::vouchers::unused(&portal.app, &me.actor, place, after, limit).await?;
    let (here, back) = (urls::voucher_part(order_id, number, "sheet"), urls::voucher(order_id, number));
    let last = found.last().filter(|_| found.len() == code_sheet::CARDS_MAX).map(|c| c.shown.row.id.to_string());
    let next = last.map(|after| urls::with_query(&here, &[("after", &after)]));
    let shown: Vec<_> = found.into_iter().map(|c| c.shown).collect();
    code_sheet::sheet_of(&portal, &me, &shown, &back, next).await
}

#[derive(Template)]
#[template(path = "vouchers/cancel.html")]
struct CancelWindow<'a> {
    frame: Frame,
    form: &'a Form,
    order_id: i64,
    vouchers: Vec<ShownVoucher>,
    back: &'a str,
}

async fn show_cancel(portal: &Portal, me: &Me, order_id: i64, form: &Form) -> WebResult<Response> {
    let ids = form.all("code").filter_map(|id| id.parse().ok()).take(ops::vouchers::CANCELLED_MAX + 1);
    let vouchers = ops::vouchers::find_many(&portal.app, &me.actor, &ids.collect::<Vec<i64>>()).await?;
    if let Some(first) = vouchers.first() {
        let (company, what) = (first.shown.row.company_id, format!("Order {order_id}"));
        let codes = vouchers.iter().map(|v| &v.shown);
        codes_shown(&portal.app, &me.actor, Way::Shown, company, &what, codes).await?;
    }
    let frame = Frame::of(portal, me, "Cancel vouchers").await?;
    let otherwise = urls::order(order_id);
    let back = view::back(form, &otherwise);
    page_of_form(&portal.app, &CancelWindow { frame, form, order_id, vouchers, back }, form)
}

pub async fn cancel_window(
    Visit(portal, me): Visit,
    Id(order_id): Id,
    QueryForm(form): QueryForm,
) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    ops::orders::find(&portal.app, &me.actor, order_id).await?;
    show_cancel(&portal, &me, order_id, &form).await
}

pub async fn cancel(Visit(portal, me): Visit, Id(order_id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let ids: Vec<i64> = form.all("code").filter_map(|id| id.parse().ok()).collect();
    match ops::vouchers::cancel(&portal.app, &me.actor, &operation_id, order_id, &ids).await {
        Ok(_) => Ok(view::done(view::back(&form, &urls::order(order_id)), &operation_id)),
        Err(error) => show_cancel(&portal, &me, order_id, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "vouchers/replace.html")]
struct ReplaceWindow<'a> {
    frame: Frame,
    form: &'a Form,
    voucher: ShownVoucher,
}

async fn show_replace(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    let voucher = ops::vouchers::find(&portal.app, &me.actor, id).await?;
    let (company, what) = (voucher.shown.row.company_id, format!("Code #{id}"));
    codes_shown(&portal.app, &me.actor, Way::Shown, company, &what, [&voucher.shown]).await?;
    let frame = Frame::of(portal, me, "Replace code").await?;
    page_of_form(&portal.app, &ReplaceWindow { frame, form, voucher }, form)
}

pub async fn replace_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require(Permission::EditCodes)?;
    show_replace(&portal, &me, id, &Form::default()).await
}

pub async fn replace(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::vouchers::replace(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => {
            let voucher = ops::vouchers::find(&portal.app, &me.actor, id).await?;
            // All states, so that the old code and the new one are seen together.
            let all = urls::with_query(&urls::voucher(voucher.order_id, voucher.line), &[("state", "all")]);
            Ok(view::done(&all, &operation_id))
        }
        Err(error) => show_replace(&portal, &me, id, &form.refused(error)?).await,
    }
}

/// The tabs, each with its word in the address.
const TABS: [(&str, &str); 5] =
    [("unused", "Unused"), ("used", "Used"), ("cancelled", "Cancelled"), ("expired", "Expired"), ("all", "All")];

#[derive(Template)]
#[template(path = "vouchers/list.html")]
struct ListPage {
    frame: Frame,
    vouchers: Vec<ShownVoucher>,
    tab: &'static str,
    tabs: [(&'static str, &'static str); 5],
    next: Option<String>,
}

impl ListPage {
    fn is_tab(&self, slug: &str) -> bool {
        self.tab == slug
    }
}

/// The tab of an address; the unused ones by default.
fn tab(slug: &str) -> &'static str {
    TABS.iter().find(|(s, _)| *s == slug).map_or("unused", |(s, _)| s)
}

pub async fn list(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let tab = tab(form.value("state"));
    let cursor = form.value("before").parse().ok();
    let filter = VoucherFilter { status: CodeStatus::from_slug(tab), cursor, limit: PAGE_SIZE + 1 };
    let mut vouchers = ops::vouchers::list(&portal.app, &me.actor, &filter).await?;
    let last = cut(&mut vouchers).map(|v| v.shown.row.id.to_string());
    let next = last.map(|before| urls::with_query(urls::VOUCHERS, &[("state", tab), ("before", &before)]));
    let codes = vouchers.iter().map(|v| &v.shown);
    codes_shown(&portal.app, &me.actor, Way::Shown, me.actor.company_id, "Vouchers", codes).await?;
    let frame = Frame::of(&portal, &me, "Vouchers").await?;
    page(&ListPage { frame, vouchers, tab, tabs: TABS, next })
}

pub async fn list_csv(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
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
    csv_file::download(&portal, &me.actor, ("vouchers.csv".to_owned(), &CSV_HEAD), csv_line, read).await
}

/// The columns of [`csv_line`].
const CSV_HEAD: [&str; 10] =
    ["code", "voucher", "type", "amount", "status", "company", "order", "created_at", "valid_until", "used_by"];

/// A voucher's id and its cells.
fn csv_line(voucher: &ShownVoucher) -> (i64, Vec<String>) {
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
