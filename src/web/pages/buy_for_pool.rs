//! Buy for your own pool: adds units to a draft that go straight into the company's pool once they are paid.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use super::buy::{Offers, Total, read_units};
use crate::model::permission::Permission;
use crate::ops;
use crate::ops::buying::{Contact, MayBuy};
use crate::ops::orders::draft::PoolLine;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{Frame, page_of_form};

#[derive(Template)]
#[template(path = "own_pool/buy.html")]
struct BuyPage<'a> {
    frame: Frame,
    form: &'a Form,
    offers: Offers,
    may: MayBuy,
    /// Whether the operator has entered the seller's data.
    has_seller: bool,
    /// Whom to ask.
    contact: Option<Contact>,
    total: Total,
}

async fn price(portal: &Portal, me: &Me, form: &Form) -> WebResult<Total> {
    let Some((product_id, wish)) = read_units(&mut form.clone()) else { return Ok(Total::default()) };
    let line = PoolLine { product_id, wish };
    Total::of(ops::orders::draft::price_pool(&portal.app, &me.actor, &line).await, form)
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Buy for your own pool").await?;
    let offers = Offers::read(portal).await?;
    let may = ops::buying::of(&portal.app, &me.actor).await?;
    let contact = ops::buying::contact(&portal.app).await?;
    let has_seller = contact.is_some();
    let total = if may.for_own_pool { price(portal, me, form).await? } else { Total::default() };
    page_of_form(&portal.app, &BuyPage { frame, form, offers, may, has_seller, contact, total }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    let form = Offers::read(&portal).await?.begin(form);
    show(&portal, &me, &form).await
}

/// The line's price, requested by the script while typing.
pub async fn total(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    ops::buying::require_own_pool(&portal.app, &me.actor).await?;
    Ok(Html(price(&portal, &me, &form).await?.render()?).into_response())
}

pub async fn add(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    ops::buying::require_own_pool(&portal.app, &me.actor).await?;
    if form.has("show-total") {
        return show(&portal, &me, &form).await;
    }
    let operation_id = form.operation(&portal.app, &me)?;
    let Some((product_id, wish)) = read_units(&mut form) else { return show(&portal, &me, &form).await };
    let (order_id, line) = (form.draft()?, PoolLine { product_id, wish });
    match ops::orders::draft::add_to_pool(&portal.app, &me.actor, &operation_id, order_id, &line, false).await {
        Ok(outcome) => Ok(Redirect::to(&urls::order(outcome.about)).into_response()),
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}
