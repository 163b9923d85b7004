//! Company details with its tabs, and the Resources page, which shows the same for the actor's company.

use askama::Template;
use axum::response::Response;

use super::codes::{self, CodesSection};
use super::companies::{cursor, next_page};
use super::history::{HistorySection, read_history};
use super::overview::Coverages;
use crate::model::country;
use crate::model::invoice::Billing;
use crate::model::permission::Permission;
use crate::ops;
use crate::ops::actor::Actor;
use crate::ops::watched::{Way, codes_shown};
use crate::store::companies::{Company, Sort};
use crate::store::pools::Pool;
use crate::store::users::{User, UserFilter};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::paging::PAGE_SIZE;
use crate::web::state::Portal;
use crate::web::view::{Frame, page};

/// What every tab of a company shows.
pub struct Head {
    pub company: Company,
    pub above: Vec<Company>,
    pub tab: &'static str,
    /// Whether this is the Resources page of the actor's company, not Company details.
    pub is_own_page: bool,
}

impl Head {
    /// The head of a company's page; `WebError::NotFound` outside the tree.
    pub async fn of(portal: &Portal, me: &Me, id: i64, tab: &'static str) -> WebResult<Head> {
        me.actor.require(Permission::ViewCompanies)?;
        let company = ops::companies::find(&portal.app, &me.actor, id).await?;
        let above = ops::companies::above(&portal.app, &me.actor, &company).await?;
        Ok(Head { company, above, tab, is_own_page: false })
    }

    /// Whether the actor sees the balances.
    pub fn sees_resources(&self, actor: &Actor) -> bool {
        actor.may.view_resources() || self.company.id == actor.company_id
    }

    /// Whether the actor sees the devices.
    pub fn sees_devices(&self, actor: &Actor) -> bool {
        actor.may.view_devices() || self.company.id == actor.company_id
    }

    /// The address of a section of the resources.
    pub fn section(&self, part: &str) -> String {
        match (self.is_own_page, part) {
            (true, "codes") => urls::RESOURCES_CODES.to_owned(),
            (true, _) => urls::RESOURCES.to_owned(),
            (false, part) => urls::company_part(self.company.id, part),
        }
    }

    /// Codes are activated only on the page of the actor's company.
    pub fn is_own(&self, frame: &Frame) -> bool {
        self.company.id == frame.actor.company_id
    }
}

#[derive(Template)]
#[template(path = "companies/overview.html")]
struct OverviewTab {
    frame: Frame,
    head: Head,
    pools: Vec<Pool>,
    coverage: Coverages,
    /// The billing data of a company that may buy, or has bought for itself.
    billing: Option<Billing>,
}

pub async fn overview(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "overview").await?;
    let (pools, coverage) = match head.sees_resources(&me.actor) {
        true => {
            let pools = ops::resources::pools(&portal.app, &me.actor, id).await?;
            (pools, Coverages::of(&portal, &me, id).await?)
        }
        false => Default::default(),
    };
    let frame = Frame::of(&portal, &me, head.company.name.clone()).await?;
    let billing = ops::billing::get(&portal.app, &me.actor, id).await?;
    page(&OverviewTab { frame, head, pools, coverage, billing })
}

#[derive(Template)]
#[template(path = "companies/resources.html")]
struct ResourcesTab {
    frame: Frame,
    head: Head,
    pools: Vec<Pool>,
    coverage: Coverages,
}

async fn show_resources(portal: &Portal, me: &Me, head: Head) -> WebResult<Response> {
    let pools = ops::resources::pools(&portal.app, &me.actor, head.company.id).await?;
    let title = if head.is_own_page { "Resources".into() } else { format!("{}: resources", head.company.name) };
    let frame = Frame::of(portal, me, title).await?;
    let coverage = Coverages::of(portal, me, head.company.id).await?;
    page(&ResourcesTab { frame, head, pools, coverage })
}

pub async fn resources(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "resources").await?;
    show_resources(&portal, &me, head).await
}

pub async fn own_resources(Visit(portal, me): Visit) -> WebResult<Response> {
    let head = Head::of(&portal, &me, me.actor.company_id, "resources").await?;
    show_resources(&portal, &me, Head { is_own_page: true, ..head }).await
}

#[derive(Template)]
#[template(path = "companies/codes.html")]
struct CodesTab<'a> {
    frame: Frame,
    head: Head,
    form: &'a Form,
    section: CodesSection,
}

async fn show_codes(portal: &Portal, me: &Me, head: Head, form: &Form) -> WebResult<Response> {
    let codes = codes::read(portal, me, head.company.id, form).await?;
    let what = format!("Codes of {}", head.company.name);
    let shown = codes.iter().take(PAGE_SIZE as usize);
    codes_shown(&portal.app, &me.actor, Way::Shown, head.company.id, &what, shown).await?;
    let section = CodesSection::of(codes, form, &head.section("codes"), head.company.id);
    let title = if head.is_own_page { "Codes".into() } else { format!("{}: codes", head.company.name) };
    let frame = Frame::of(portal, me, title).await?;
    page(&CodesTab { frame, head, form, section })
}

pub async fn codes(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "resources").await?;
    show_codes(&portal, &me, head, &form).await
}

pub async fn own_codes(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, me.actor.company_id, "resources").await?;
    show_codes(&portal, &me, Head { is_own_page: true, ..head }, &form).await
}

#[derive(Template)]
#[template(path = "companies/users.html")]
struct UsersTab {
    frame: Frame,
    head: Head,
    users: Vec<User>,
    next: Option<String>,
}

pub async fn users(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "users").await?;
    let after = form.value("after").parse().ok();
    let filter = UserFilter { company_id: Some(id), after, limit: PAGE_SIZE + 1, ..UserFilter::default() };
    let (mut users, _) = ops::users::list(&portal.app, &me.actor, &filter, false).await?;
    let next = super::users::next_page(&mut users)
        .map(|after| urls::with_query(&urls::company_part(id, "users"), &[("after", &after)]));
    let frame = Frame::of(&portal, &me, format!("{}: users", head.company.name)).await?;
    page(&UsersTab { frame, head, users, next })
}

#[derive(Template)]
#[template(path = "companies/subsidiaries.html")]
struct SubsidiariesTab {
    frame: Frame,
    head: Head,
    companies: Vec<Company>,
    next: Option<String>,
}

pub async fn subsidiaries(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "subsidiaries").await?;
    let after = cursor(form.value("after"), Sort::Name);
    let mut companies = ops::companies::subsidiaries(&portal.app, &me.actor, id, after, PAGE_SIZE + 1).await?;
    let next = next_page(&mut companies, Sort::Name)
        .map(|after| urls::with_query(&urls::company_part(id, "subsidiaries"), &[("after", &after)]));
    let frame = Frame::of(&portal, &me, format!("{}: subsidiaries", head.company.name)).await?;
    page(&SubsidiariesTab { frame, head, companies, next })
}

#[derive(Template)]
#[template(path = "companies/history.html")]
struct HistoryTab<'a> {
    frame: Frame,
    head: Head,
    form: &'a Form,
    section: HistorySection,
}

pub async fn history(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let head = Head::of(&portal, &me, id, "history").await?;
    let filter = read_history(&me, &form, PAGE_SIZE + 1);
    let rows = ops::history::list(&portal.app, &me.actor, Some(id), &filter).await?;
    let section = HistorySection::of(rows, &form, &urls::company_part(id, "history"), Some(id));
    let frame = Frame::of(&portal, &me, format!("{}: history", head.company.name)).await?;
    page(&HistoryTab { frame, head, form: &form, section })
}
