//! Move resources: the window, and the balances before and after.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::{Html, IntoResponse as _, Response};

use crate::model::amount;
use crate::model::permission::Permission;
use crate::ops;
use crate::ops::companies::Choices;
use crate::urls;
use crate::web::company_field::{choices, read_company};
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "moves/window.html")]
struct MoveWindow<'a> {
    frame: Frame,
    form: &'a Form,
    choices: Choices,
    balances: Balances,
    back: &'a str,
}

/// Both balances before and after, as far as the form determines them.
#[derive(Template, Default)]
#[template(path = "moves/balances.html")]
pub struct Balances {
    label: &'static str,
    lines: Vec<BalanceLine>,
    /// The source's balance: the most that can be moved.
    most: Option<i64>,
    /// Waiting devices that the move would extend at once.
    served: i64,
}

impl HtmlSafe for Balances {}

struct BalanceLine {
    company: String,
    before: i64,
    after: Option<i64>,
}

impl Balances {
    fn served_count(&self) -> String {
        amount::grouped(self.served)
    }
}

impl BalanceLine {
    fn number(&self, number: &i64) -> String {
        amount::grouped(*number)
    }
}

/// The effect of the form in its current state. Fields not yet chosen are left out.
async fn balances(portal: &Portal, me: &Me, form: &Form) -> WebResult<Balances> {
    let Ok(resource_type) = form::resource_type(form.value("type")) else { return Ok(Balances::default()) };
    let moved = form::amount(form.value("amount")).ok();
    let mut balances = Balances { label: resource_type.label(), ..Balances::default() };
    for (field, sign) in [("from", -1), ("to", 1)] {
        let Ok(company) = ops::companies::resolve(&portal.app, &me.actor, form.value(field)).await else {
            continue;
        };
        let before = ops::resources::balance(&portal.app, &me.actor, company.id, resource_type).await?;
        if field == "from" {
            balances.most = Some(before);
        }
        let after = moved.map(|m| before.saturating_add(sign * m));
        if let ("to", Some(units)) = (field, after) {
            balances.served = ops::resources::served_by(&portal.app, company.id, resource_type, units).await?.count;
        }
        balances.lines.push(BalanceLine { company: company.name, before, after });
    }
    Ok(balances)
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    me.actor.require(Permission::MoveResources)?;
    let (form, choices) = choices(portal, me, form, &["from", "to"]).await?;
    let balances = balances(portal, me, &form).await?;
    let frame = Frame::of(portal, me, "Move resources").await?;
    let back = view::back(&form, urls::RESOURCES);
    page_of_form(&portal.app, &MoveWindow { frame, form: &form, choices, balances, back }, &form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    show(&portal, &me, &form.or("type", "credit")).await
}

/// Only the balances, for the window while it is filled in.
pub async fn preview(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::MoveResources)?;
    Ok(Html(balances(&portal, &me, &form).await?.render()?).into_response())
}

pub async fn create(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::MoveResources)?;
    let operation_id = form.operation(&portal.app, &me)?;
    if form.has("show-balances") {
        return show(&portal, &me, &form).await;
    }
    let resource_type = form::read(&mut form, "type", form::resource_type);
    let from = read_company(&portal, &me, &mut form, "from").await?;
    let to = read_company(&portal, &me, &mut form, "to").await?;
    let amount = form::read(&mut form, "amount", form::amount);
    let (Some(resource_type), Some(from), Some(to), Some(amount)) = (resource_type, from, to, amount) else {
        return show(&portal, &me, &form).await;
    };
    match ops::resources::move_units(&portal.app, &me.actor, &operation_id, resource_type, from, to, amount).await {
        Ok(_) => Ok(view::done(view::back(&form, urls::RESOURCES), &operation_id)),
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}
