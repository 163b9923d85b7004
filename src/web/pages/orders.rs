//! One order: checked and placed while it is a draft; afterwards its payments, invoices and purchases.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::civil::Date;

use super::licences::LicencesSection;
use crate::model::invoice::Billing;
use crate::model::ledger::CodeStatus;
use crate::model::money::{Currency, Money};
use crate::model::order::{DisputeState, Method, OrderLine, OrderState};
use crate::model::permission::Permission;
use crate::model::product::validity_in_words;
use crate::model::refusal::{DateReason, FieldReason};
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::buying::MayBuy;
use crate::ops::card_payments::ReturnUrls;
use crate::ops::orders::Order;
use crate::ops::payments::BankPayment;
use crate::store::disputes::DisputeRow;
use crate::store::invoices::InvoiceRow;
use crate::store::vouchers::StateCount;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "orders/check.html")]
struct CheckPage<'a> {
    frame: Frame,
    form: &'a Form,
    order: Order,
    takes_cards: bool,
    has_actions: bool,
    may: MayBuy,
}

#[derive(Template)]
#[template(path = "orders/show.html")]
struct OrderPage {
    frame: Frame,
    order: Order,
    counts: Vec<StateCount>,
    section: LicencesSection,
    billing: Option<Billing>,
    now: i64,
    has_actions: bool,
    /// Whether the reader may cancel codes.
    may_cancel: bool,
}

impl OrderPage {
    fn unused(&self, line: &i64) -> i64 {
        let unused = |c: &&StateCount| c.line == *line && c.status == CodeStatus::Unused as i64;
        self.counts.iter().find(unused).map_or(0, |c| c.codes)
    }

    /// Whether the buyer is the reader's own company.
    fn is_own(&self) -> bool {
        self.order.row.company_id == self.frame.actor.company_id && self.frame.actor.may.buy_resources()
    }

    fn is_by_card(&self) -> bool {
        self.order.row.method() == Some(Method::Card)
    }

    fn is_overdue(&self) -> bool {
        let waits = self.order.row.state() == OrderState::AwaitingPayment;
        waits && self.order.row.due_at.is_some_and(|due| due < self.now)
    }

    fn is_refund_due(&self, document: &InvoiceRow) -> bool {
        document.is_credit_note() && document.paid_at.is_none()
    }
}

impl DisputeRow {
    fn money(&self) -> String {
        let amount = Currency::from_code(&self.currency).map(|currency| Money::new(self.amount, currency));
        amount.map(|amount| amount.to_string()).unwrap_or_default()
    }

    /// What happened to the payment, and what follows.
    fn words(&self) -> (&'static str, &'static str) {
        words::dispute(DisputeState::from_slug(&self.state).unwrap_or(DisputeState::Open))
    }
}

impl Order {
    /// How many codes were cancelled before they were created.
    fn codes_cancelled(&self) -> i64 {
        let bought: i64 = self.lines.iter().filter_map(|(_, line)| Some(line.voucher.as_ref()?.codes)).sum();
        bought - self.row.codes_wanted
    }

    fn has_vouchers(&self) -> bool {
        self.lines.iter().any(|(_, line)| line.voucher.is_some())
    }

    fn has_own_pool(&self) -> bool {
        self.lines.iter().any(|(_, line)| line.pool.is_some())
    }

    /// How long its vouchers can be redeemed.
    fn validity(&self) -> String {
        let months = self.lines.iter().find_map(|(_, line)| Some(line.voucher.as_ref()?.valid_months));
        months.map(validity_in_words).unwrap_or_default()
    }

    fn is_taken_back(&self, line: &i64) -> bool {
        self.taken_back.contains(line)
    }

    /// The page's heading: "Order 12".
    fn title(&self) -> String {
        format!("Order {}", self.row.id)
    }

    fn badge(&self) -> &'static str {
        badge(self.row.state())
    }

    fn amount(&self, minor: &i64) -> Money {
        self.money(*minor)
    }

    fn serials_of(&self, line: &i64) -> Vec<&str> {
        self.serials.iter().filter(|(number, _)| number == line).map(|(_, s)| s.as_str()).collect()
    }
}

/// The colour of a state.
pub fn badge(state: OrderState) -> &'static str {
    match state {
        OrderState::Draft => "off",
        OrderState::AwaitingPayment => "warn",
        OrderState::Paid => "ok",
        OrderState::Cancelled => "off",
    }
}

/// A line's description for people.
fn described(line: &OrderLine) -> String {
    match (&line.voucher, &line.pool) {
        (Some(wish), _) => {
            let units = units(wish.resource_type, wish.subscriptions, wish.years);
            format!("{units}, in {}", plural(wish.codes, "code"))
        }
        (None, Some(wish)) => {
            format!("{}, for the own pool", units(wish.resource_type, wish.subscriptions, wish.years))
        }
        (None, None) => "Licence".to_owned(),
    }
}

/// "Device subscription: 10 for 3 years"; of what is not counted in years, "Credit: 10".
fn units(resource_type: ResourceType, subscriptions: i64, years: i64) -> String {
    let (what, count) = (resource_type.label(), crate::model::amount::grouped(subscriptions));
    match resource_type.is_by_year() {
        true => format!("{what}: {count} for {}", plural(years, "year")),
        false => format!("{what}: {count}"),
    }
}

fn plural(n: i64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", crate::model::amount::grouped(n)) }
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id, QueryForm(query): QueryForm) -> WebResult<Response> {
    let order = ops::orders::find(&portal.app, &me.actor, id).await?;
    if order.row.state() == OrderState::Draft {
        let kept = ops::billing::get(&portal.app, &me.actor, order.row.company_id).await?;
        let form = Form::default().or_billing(kept).or("method", "invoice");
        return show_check(&portal, &me, order, &form).await;
    }
    let app = &portal.app;
    let frame = Frame::of(&portal, &me, order.title()).await?;
    let counts = ops::vouchers::counts(app, &me.actor, id).await?;
    let section = LicencesSection::of(&portal, &me, id, &query).await?;
    let billing = order.row.billing.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let may_cancel = ops::vouchers::may_cancel(app, &me.actor).await?;
    let now = app.clock.now().0;
    let has_actions = false;
    page(&OrderPage { frame, order, counts, section, billing, now, has_actions, may_cancel })
}

async fn show_check(portal: &Portal, me: &Me, order: Order, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Check the order").await?;
    let takes_cards = portal.app.cards.are_taken();
    let may = ops::buying::of(&portal.app, &me.actor).await?;
    let has_actions = may.any() && order.row.company_id == me.actor.company_id;
    page_of_form(&portal.app, &CheckPage { frame, form, order, takes_cards, has_actions, may }, form)
}

pub async fn place(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let method = form::read(&mut form, "method", |slug| Method::from_slug(slug).ok_or(FieldReason::Missing));
    let Some(method) = method else {
        let order = ops::orders::find(&portal.app, &me.actor, id).await?;
        return show_check(&portal, &me, order, &form).await;
    };
    match ops::orders::placing::place(&portal.app, &me.actor, &operation_id, id, method, &form.billing_fields()).await {
        Ok(_) => Ok(view::done(&urls::order(id), &operation_id)),
        Err(error) => {
            let form = form.refused(error)?;
            let order = ops::orders::find(&portal.app, &me.actor, id).await?;
            show_check(&portal, &me, order, &form).await
        }
    }
}

#[derive(Template)]
#[template(path = "orders/card.html")]
struct CardPage {
    frame: Frame,
    order: Order,
    /// The provider's page.
    url: String,
}

/// Opens the provider's page for an order, and redirects to it through a page of ours: the policy that restricts forms
/// to this portal would block a form redirected elsewhere.
pub async fn card(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    let public = &portal.app.config.public_url;
    let (back, cancelled) =
        (format!("{public}{}", urls::order_part(id, "return")), format!("{public}{}", urls::order(id)));
    let return_urls = ReturnUrls { back: &back, cancelled: &cancelled };
    let url = ops::card_payments::page(&portal.app, &me.actor, id, &return_urls).await?;
    let order = ops::orders::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, format!("Pay order {id}")).await?;
    page(&CardPage { frame, order, url })
}

#[derive(Template)]
#[template(path = "orders/return.html")]
struct ReturnPage {
    frame: Frame,
    order: Order,
}

/// Where the provider's page sends the browser back. Its arrival proves nothing: the order's state comes from the
/// provider.
pub async fn payment_return(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let order = ops::orders::find(&portal.app, &me.actor, id).await?;
    if order.row.state() != OrderState::AwaitingPayment {
        return Ok(Redirect::to(&urls::order(id)).into_response());
    }
    let frame = Frame::of(&portal, &me, format!("Order {id}")).await?;
    page(&ReturnPage { frame, order })
}

/// Asks the provider for the current state.
pub async fn refresh(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    form.operation(&portal.app, &me)?;
    ops::card_payments::refresh(&portal.app, &me.actor, id).await?;
    Ok(Redirect::to(&urls::order_part(id, "return")).into_response())
}

#[derive(Template)]
#[template(path = "orders/cancel.html")]
struct CancelWindow<'a> {
    frame: Frame,
    form: &'a Form,
    order: Order,
}

async fn show_cancel(portal: &Portal, me: &Me, id: i64, form: &Form) -> WebResult<Response> {
    let order = ops::orders::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Cancel order").await?;
    page_of_form(&portal.app, &CancelWindow { frame, form, order }, form)
}

pub async fn cancel_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    show_cancel(&portal, &me, id, &Form::default()).await
}

pub async fn cancel(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::orders::cancel(&portal.app, &me.actor, &operation_id, id).await {
        Ok(_) => Ok(view::done(&urls::order(id), &operation_id)),
        Err(error) => show_cancel(&portal, &me, id, &form.refused(error)?).await,
    }
}

#[derive(Template)]
#[template(path = "orders/paid.html")]
struct PaidWindow<'a> {
    frame: Frame,
    form: &'a Form,
    order: Order,
}

async fn show_paid(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    let order = ops::orders::find(&portal.app, &me.actor, id).await?;
    let today = portal.app.clock.now().zoned(&me.actor.time_zone).date().to_string();
    let due = order.money(order.row.total).plain();
    let form = form.or("amount", due).or("day", today);
    let frame = Frame::of(portal, me, "Mark as paid").await?;
    page_of_form(&portal.app, &PaidWindow { frame, form: &form, order }, &form)
}

pub async fn paid_window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    me.actor.require_operator()?;
    show_paid(&portal, &me, id, Form::default()).await
}

pub async fn mark_paid(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require_operator()?;
    let operation_id = form.operation(&portal.app, &me)?;
    let currency = ops::orders::find(&portal.app, &me.actor, id).await?.currency;
    let amount = form::read(&mut form, "amount", |text| Money::parse(text, currency));
    let on = form::read(&mut form, "day", |text| text.parse::<Date>().map_err(|_| DateReason::NotADay));
    let (Some(amount), Some(on)) = (amount, on) else { return show_paid(&portal, &me, id, form).await };
    let payment = BankPayment { amount: amount.minor, on, reference: form.value("reference") };
    match ops::payments::mark_paid(&portal.app, &me.actor, &operation_id, id, &payment).await {
        Ok(_) => Ok(view::done(&urls::order(id), &operation_id)),
        Err(error) => show_paid(&portal, &me, id, form.refused(error)?).await,
    }
}
