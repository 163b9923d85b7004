//! Buy vouchers: adds one voucher at a time to a draft, showing its price immediately.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use crate::model::money::{Currency, Money};
use crate::model::order::OrderLine;
use crate::model::permission::Permission;
use crate::model::product::ProductKind;
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::orders::draft::VoucherLine;
use crate::store::products::ProductRow;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Ids, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

/// The choices of Subscription type, in the order of the screen.
const SUBSCRIPTION_TYPES: [(ResourceType, &str); 2] =
    [(ResourceType::DEVICE_YEAR, "Device"), (ResourceType::APARTMENT_YEAR, "Apartment")];

#[derive(Template)]
#[template(path = "vouchers/buy.html")]
struct BuyPage<'a> {
    frame: Frame,
    form: &'a Form,
    products: Vec<ProductRow>,
    /// Whether the operator has entered the seller's data.
    has_seller: bool,
    total: Total,
}

impl BuyPage<'_> {
    fn product_choices(&self) -> Vec<(String, String)> {
        self.products.iter().map(|p| (p.product_id.to_string(), p.name.clone())).collect()
    }

    fn type_choices(&self) -> Vec<(String, String)> {
        SUBSCRIPTION_TYPES.iter().map(|(t, label)| (t.slug().to_owned(), (*label).to_owned())).collect()
    }
}

/// The line's price, as far as it is known.
#[derive(Template, Default)]
#[template(path = "orders/total.html")]
struct Total {
    priced: Option<Priced>,
    problem: Option<String>,
}

impl HtmlSafe for Total {}

struct Priced {
    line: OrderLine,
    currency: Currency,
}

impl Priced {
    fn money(&self, minor: &i64) -> Money {
        Money::new(*minor, self.currency)
    }

    fn gross(&self) -> Money {
        Money::new(self.line.net + self.line.vat, self.currency)
    }
}

/// Parses a voucher's fields; faults are recorded in the form.
fn read(form: &mut Form) -> Option<(i64, ResourceType, i64, i64, i64)> {
    let number = |form: &mut Form, field| form::read(form, field, form::amount);
    let product = form::read(form, "product", |text| text.parse().map_err(|_| FieldReason::Missing));
    let resource_type = form::read(form, "type", form::resource_type);
    let (years, subscriptions) = (number(form, "years"), number(form, "subscriptions"));
    let codes = if form.value("codes").is_empty() { Some(1) } else { number(form, "codes") };
    Some((product?, resource_type?, years?, subscriptions?, codes?))
}

async fn price(portal: &Portal, me: &Me, form: &Form) -> WebResult<Total> {
    let Some((product_id, resource_type, years, subscriptions, codes)) = read(&mut form.clone()) else {
        return Ok(Total::default());
    };
    // A price needs no name yet.
    let wish = VoucherLine { product_id, name: "-", resource_type, years, subscriptions, codes };
    match ops::orders::draft::price_voucher(&portal.app, &me.actor, &wish).await {
        Ok((line, currency)) => Ok(Total { priced: Some(Priced { line, currency }), problem: None }),
        Err(error) => {
            let refused = form.clone().refused(error)?;
            let problem = refused.problems().first().map(|p| p.message.clone());
            Ok(Total { priced: None, problem })
        }
    }
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Buy vouchers").await?;
    let products = ops::products::offered(&portal.app, ProductKind::Voucher).await?;
    let has_seller = ops::seller::get(&portal.app).await?.is_some();
    let total = if me.actor.may_buy() { price(portal, me, form).await? } else { Total::default() };
    page_of_form(&portal.app, &BuyPage { frame, form, products, has_seller, total }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    let offered = ops::products::offered(&portal.app, ProductKind::Voucher).await?;
    let first = offered.first().map_or(String::new(), |p| p.product_id.to_string());
    let form = form.or("product", first).or("type", ResourceType::DEVICE_YEAR.slug());
    show(&portal, &me, &form.or("years", "1").or("subscriptions", "10").or("codes", "1")).await
}

/// The line's price, requested by the script while typing.
pub async fn total(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require_buyer()?;
    Ok(Html(price(&portal, &me, &form).await?.render()?).into_response())
}

pub async fn add(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require_buyer()?;
    if form.has("show-total") {
        return show(&portal, &me, &form).await;
    }
    let operation_id = form.operation(&portal.app, &me)?;
    let Some((product_id, resource_type, years, subscriptions, codes)) = read(&mut form) else {
        return show(&portal, &me, &form).await;
    };
    let order_id = form.draft()?;
    let name = form.value("name");
    let wish = VoucherLine { product_id, name, resource_type, years, subscriptions, codes };
    match ops::orders::draft::add_voucher(&portal.app, &me.actor, &operation_id, order_id, &wish).await {
        Ok(outcome) => Ok(Redirect::to(&urls::order(outcome.about)).into_response()),
        Err(error) => show(&portal, &me, &form.refused(error)?).await,
    }
}

/// Returns to the draft after removing a line.
pub async fn remove_line(
    Visit(portal, me): Visit,
    Ids(order_id, line): Ids,
    BodyForm(form): BodyForm,
) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::orders::draft::remove_line(&portal.app, &me.actor, &operation_id, order_id, line).await?;
    Ok(view::done(&urls::order(order_id), &operation_id))
}
