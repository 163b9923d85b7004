//! The window that takes back units which a company bought for its own pool.

use askama::Template;
use axum::response::Response;

use crate::model::order::{OrderLine, PoolWish};
use crate::model::permission::Permission;
use crate::ops;
use crate::ops::orders::Order;
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Ids, Me, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "own_pool/return.html")]
struct ReturnWindow<'a> {
    frame: Frame,
    form: &'a Form,
    order: Order,
    number: i64,
    line: OrderLine,
    wish: PoolWish,
}

async fn show(portal: &Portal, me: &Me, (order_id, number): (i64, i64), form: &Form) -> WebResult<Response> {
    let order = ops::orders::find(&portal.app, &me.actor, order_id).await?;
    let found = order.lines.iter().find(|(n, _)| *n == number).map(|(_, line)| line.clone());
    let (line, wish) = found.and_then(|line| line.pool.map(|wish| (line, wish))).ok_or(WebError::NotFound)?;
    let frame = Frame::of(portal, me, "Take back").await?;
    page_of_form(&portal.app, &ReturnWindow { frame, form, order, number, line, wish }, form)
}

pub async fn return_window(Visit(portal, me): Visit, Ids(order_id, number): Ids) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    show(&portal, &me, (order_id, number), &Form::default()).await
}

pub async fn take_back(
    Visit(portal, me): Visit,
    Ids(order_id, number): Ids,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    match ops::own_pool::take_back(&portal.app, &me.actor, &operation_id, order_id, number).await {
        Ok(_) => Ok(view::done(&urls::order(order_id), &operation_id)),
        Err(error) => show(&portal, &me, (order_id, number), &form.refused(error)?).await,
    }
}
