//! The demo's card page, on which no money moves. It replaces a card provider's page.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::ops;
use crate::ops::card_payments::{DemoAnswer, DemoPayment};
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Visit};
use crate::web::view::{Frame, page};

#[derive(Template)]
#[template(path = "orders/demo_card.html")]
struct DemoCardPage {
    frame: Frame,
    payment: DemoPayment,
    /// The form's target.
    action: String,
}

pub async fn show(Visit(portal, me): Visit, Path(session): Path<String>) -> WebResult<Response> {
    let payment = ops::card_payments::demo_payment(&portal.app, &me.actor, &session).await?;
    let frame = Frame::of(&portal, &me, "Test card").await?;
    page(&DemoCardPage { frame, payment, action: urls::demo_card(&session) })
}

pub async fn answer(
    Visit(portal, me): Visit,
    Path(session): Path<String>,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let (answer, next) = match form.value("answer") {
        "pay" => (DemoAnswer::Pay, "return"),
        "decline" => (DemoAnswer::Decline, ""),
        _ => return Err(WebError::BadRequest),
    };
    let order_id = ops::card_payments::demo_answer(&portal.app, &me.actor, &operation_id, &session, answer).await?;
    let next = if next.is_empty() { urls::order(order_id) } else { urls::order_part(order_id, next) };
    Ok(Redirect::to(&next).into_response())
}
