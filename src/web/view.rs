//! What every page shows around its content, and helpers for templates.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::tz::TimeZone;

use super::error::WebResult;
use super::extract::{Me, Theme};
use super::state::Portal;
use super::{assets, form, notice};
use crate::app::App;
use crate::model::amount;
use crate::model::clock::Verdict;
use crate::model::time::Moment;
use crate::ops::actor::Actor;
use crate::store::pools::Pool;
use crate::urls;
use crate::words::Notice;

/// The frame of a signed-in page.
pub struct Frame {
    pub title: String,
    pub actor: Actor,
    pub pools: Vec<Pool>,
    pub notice: Option<Notice>,
    /// What is wrong with the machine's clock, for the operator.
    pub clock: Verdict,
    /// Shown to the operator.
    pub is_disk_full: bool,
    /// A new form's token: each window takes it, and sends it once.
    pub token: String,
    pub groups: Vec<NavGroup>,
    pub path: String,
    pub theme: Theme,
    pub assets: Assets,
}

/// The frame of a page that needs no sign-in.
pub struct Plain {
    pub title: String,
    pub theme: Theme,
    pub assets: Assets,
}

/// The addresses of the files that each page loads.
#[derive(Clone, Copy)]
pub struct Assets {
    pub style: &'static str,
    pub script: &'static str,
    pub icon: &'static str,
}

impl Assets {
    pub fn present() -> Assets {
        Assets {
            style: assets::address("style.css"),
            script: assets::address("app.js"),
            icon: assets::address("icon.svg"),
        }
    }
}

pub struct NavGroup {
    pub heading: &'static str,
    pub items: Vec<NavItem>,
}

pub struct NavItem {
    pub label: &'static str,
    pub href: &'static str,
    pub is_current: bool,
}

impl Plain {
    pub fn new(title: &str, theme: Theme) -> Plain {
        Plain { title: title.to_owned(), theme, assets: Assets::present() }
    }
}

impl Frame {
    /// The frame of a page for a person.
    pub async fn of(portal: &Portal, me: &Me, title: impl Into<String>) -> WebResult<Frame> {
        // A person who must first turn on two-factor authentication sees nothing else yet.
        let is_open = me.actor.pending_setup.is_none();
        let pools = match is_open {
            true => crate::ops::resources::own_pools(&portal.app, &me.actor).await?,
            false => Vec::new(),
        };
        let notice = match &me.done {
            Some(key) => Some(notice::of(&portal.app, &me.actor, key).await?.unwrap_or_else(Notice::not_seen)),
            None => None,
        };
        Ok(Frame {
            title: title.into(),
            actor: me.actor.clone(),
            pools,
            notice,
            clock: if me.actor.is_operator() { portal.app.clock_watch.verdict() } else { Verdict::Trusted },
            is_disk_full: me.actor.is_operator() && portal.app.db.is_disk_full(),
            token: form::new_token(&portal.app, me),
            groups: if is_open { navigation(&me.actor, &me.path) } else { Vec::new() },
            path: me.path.clone(),
            theme: me.theme,
            assets: Assets::present(),
        })
    }

    /// The hidden field with the id of the form's operation: the posted one, or a new one.
    pub fn operation<'a>(&'a self, form: &'a form::Form) -> OperationField<'a> {
        let posted = form.value(form::TOKEN);
        if posted.is_empty() { self.new_operation() } else { OperationField { id: posted } }
    }

    /// Like [`Frame::operation`], for a form that shows no refusals.
    pub fn new_operation(&self) -> OperationField<'_> {
        OperationField { id: &self.token }
    }

    pub fn number(&self, number: &i64) -> String {
        amount::grouped(*number)
    }

    /// A moment in the reader's time zone, the exact one on hover.
    pub fn time(&self, at: &i64) -> Time {
        Time::of(Moment(*at), &self.actor.time_zone)
    }

    /// Whether the page's address is this one or below it.
    pub fn is_under(&self, address: &str) -> bool {
        self.path.starts_with(address)
    }

    pub fn is_theme(&self, slug: &str) -> bool {
        self.theme.slug() == slug
    }
}

/// The hidden field that makes a form's operation happen once.
#[derive(Template)]
#[template(path = "parts/operation.html")]
pub struct OperationField<'a> {
    id: &'a str,
}

impl HtmlSafe for OperationField<'_> {}

/// A `<time>` element.
#[derive(Template)]
#[template(source = r#"<time datetime="{{ machine }}" title="{{ exact }}">{{ text }}</time>"#, ext = "html")]
pub struct Time {
    machine: String,
    exact: String,
    text: String,
}

impl HtmlSafe for Time {}

impl Time {
    pub fn of(at: Moment, zone: &TimeZone) -> Time {
        Time { machine: at.rfc3339(), exact: at.exact(), text: at.readable(zone) }
    }
}

/// The sidebar: only what the person may use.
fn navigation(actor: &Actor, path: &str) -> Vec<NavGroup> {
    let item = |label, href: &'static str| NavItem {
        label,
        href,
        is_current: path == href || (href != "/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'))),
    };
    let mut groups = vec![NavGroup { heading: "", items: vec![item("Overview", urls::OVERVIEW)] }];
    let administration = [
        (actor.may.view_companies(), item("Companies", urls::COMPANIES)),
        (actor.may.view_companies(), item("Resources", urls::RESOURCES)),
        (actor.may.view_users(), item("Users", urls::USERS)),
    ];
    let items: Vec<NavItem> =
        administration.into_iter().filter_map(|(is_seen, item)| is_seen.then_some(item)).collect();
    if !items.is_empty() {
        groups.push(NavGroup { heading: "Administration", items });
    }
    groups.push(NavGroup { heading: "", items: vec![item("Devices", urls::DEVICES)] });
    if actor.may.activate_codes() {
        let options = item("Subscriptions, licences", urls::SUBSCRIPTIONS);
        let is_current = options.is_current || path.starts_with("/buy/");
        groups.push(NavGroup { heading: "", items: vec![NavItem { is_current, ..options }] });
    }
    let mut records = vec![item("History", urls::HISTORY)];
    if actor.may.view_orders() {
        records.insert(0, item("Payments", urls::PAYMENTS));
    }
    if actor.has_reports() {
        records.push(item("Reports", urls::REPORTS));
    }
    groups.push(NavGroup { heading: "Records", items: records });
    if actor.is_operator() {
        groups.push(NavGroup {
            heading: "Operator",
            items: vec![
                item("Issue resources", urls::ISSUES_NEW),
                item("Price list", urls::PRICE_LIST),
                item("Distributors", urls::DISTRIBUTORS),
                item("Seller and invoices", urls::SELLER),
                item("Failed jobs", urls::FAILED_JOBS),
            ],
        });
    }
    groups
}

pub fn page(template: &impl Template) -> WebResult<Response> {
    Ok(Html(template.render()?).into_response())
}

/// A page with a form: 422 if it was refused, 429 if the next attempt must wait.
pub fn page_of_form(app: &App, template: &impl Template, form: &form::Form) -> WebResult<Response> {
    let mut response = page(template)?;
    if let Some(until) = form.wait_until {
        let seconds = until.seconds_since(app.clock.now()).max(1);
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    } else if !form.problems().is_empty() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Returns to a page after an act; the notice is rendered there.
pub fn done(back: &str, operation_id: &str) -> Response {
    axum::response::Redirect::to(&urls::with_done(back, operation_id)).into_response()
}

/// Where a form returns to: the page it names, if it is one of this portal.
pub fn back<'a>(form: &'a form::Form, otherwise: &'a str) -> &'a str {
    let wanted = form.value("back");
    if urls::is_local(wanted) { wanted } else { otherwise }
}
