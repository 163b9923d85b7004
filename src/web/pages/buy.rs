//! Buy vouchers: adds one voucher at a time to a draft, showing its price immediately.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::{Html, IntoResponse as _, Redirect, Response};

use crate::model::money::{Currency, Money};
use crate::model::order::{OrderLine, PoolWish};
use crate::model::permission::Permission;
use crate::model::product::{ProductKind, validity_in_words};
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::buying::Contact;
use crate::ops::error::OpResult;
use crate::ops::orders::draft::VoucherLine;
use crate::store::products::ProductRow;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Ids, Me, QueryForm, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "vouchers/buy.html")]
struct BuyPage<'a> {
    frame: Frame,
    form: &'a Form,
    offers: Offers,
    /// Whether the operator has entered the seller's data.
    has_seller: bool,
    /// Whom to ask.
    contact: Option<Contact>,
    section: String,
    total: Total,
}

/// The products that sell units, and the choices that they give.
pub(super) struct Offers(pub Vec<ProductRow>);

impl Offers {
    pub async fn read(portal: &Portal) -> WebResult<Offers> {
        Ok(Offers(ops::products::offered(&portal.app, ProductKind::Voucher).await?))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form asks for the product only if there are several.
    pub fn has_several(&self) -> bool {
        self.0.len() > 1
    }

    pub fn products(&self) -> Vec<(String, String)> {
        self.0.iter().map(|p| (p.product_id.to_string(), p.name.clone())).collect()
    }

    /// What at least one of the products sells, subscriptions first.
    fn types(&self) -> Vec<ResourceType> {
        let (by_year, others): (Vec<_>, Vec<_>) = ResourceType::all().partition(|t| t.is_by_year());
        let all = by_year.into_iter().chain(others);
        all.filter(|t| self.0.iter().any(|p| p.unit_price(*t).is_some())).collect()
    }

    /// The choices of Subscription type.
    pub fn type_choices(&self) -> Vec<(String, String)> {
        let label = |t: ResourceType| match t {
            ResourceType::DEVICE_YEAR => "Device",
            ResourceType::APARTMENT_YEAR => "Apartment",
            other => other.label(),
        };
        self.types().into_iter().map(|t| (t.slug().to_owned(), label(t).to_owned())).collect()
    }

    /// Whether something is sold that is not counted in years.
    pub fn has_others(&self) -> bool {
        self.types().iter().any(|t| !t.is_by_year())
    }

    /// How long vouchers are valid, if it is the same for all products.
    fn validity(&self) -> Option<String> {
        let months = self.0.first()?.valid_months;
        self.0.iter().all(|p| p.valid_months == months).then(|| validity_in_words(months))
    }

    /// A new form: the first product, and the first type that it sells.
    pub fn begin(&self, form: Form) -> Form {
        let first = self.0.first();
        let slug = first.and_then(|p| p.types().first().map(|t| t.slug())).unwrap_or_default();
        let product = first.map_or(String::new(), |p| p.product_id.to_string());
        form.or("product", product).or("type", slug).or("years", "1").or("subscriptions", "10")
    }
}

/// The line's price, as far as it is known.
#[derive(Template, Default)]
#[template(path = "orders/total.html")]
pub(super) struct Total {
    priced: Option<Priced>,
    problem: Option<String>,
}

impl HtmlSafe for Total {}

impl Total {
    /// What pricing a line led to.
    pub fn of(priced: OpResult<(OrderLine, Currency)>, form: &Form) -> WebResult<Total> {
        match priced {
            Ok((line, currency)) => Ok(Total { priced: Some(Priced { line, currency }), problem: None }),
            Err(error) => {
                let refused = form.clone().refused(error)?;
                let problem = refused.problems().first().map(|p| p.message.clone());
                Ok(Total { priced: None, problem })
            }
        }
    }
}

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

/// Parses the fields of units: the product, and what of it. Faults are recorded in the form.
pub(super) fn read_units(form: &mut Form) -> Option<(i64, PoolWish)> {
    let number = |form: &mut Form, field| form::read(form, field, form::amount);
    let product = form::read(form, "product", |text| text.parse().map_err(|_| FieldReason::Missing));
    let resource_type = form::read(form, "type", form::resource_type);
    let (years, subscriptions) = (number(form, "years"), number(form, "subscriptions"));
    Some((product?, PoolWish { resource_type: resource_type?, years: years?, subscriptions: subscriptions? }))
}

/// Parses a voucher's fields likewise.
fn read(form: &mut Form) -> Option<(i64, PoolWish, i64)> {
    let units = read_units(form);
    let codes = if form.value("codes").is_empty() { Some(1) } else { form::read(form, "codes", form::amount) };
    let (product, wish) = units?;
    Some((product, wish, codes?))
}

fn wished((product_id, wish, codes): (i64, PoolWish, i64), name: &str) -> VoucherLine<'_> {
    let PoolWish { resource_type, years, subscriptions } = wish;
    VoucherLine { product_id, name, resource_type, years, subscriptions, codes }
}

async fn price(portal: &Portal, me: &Me, form: &Form) -> WebResult<Total> {
    let Some(read) = read(&mut form.clone()) else { return Ok(Total::default()) };
    // A price needs no name yet.
    let wish = wished(read, "-");
    Total::of(ops::orders::draft::price_voucher(&portal.app, &me.actor, &wish).await, form)
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Buy vouchers").await?;
    let offers = Offers::read(portal).await?;
    let contact = ops::buying::contact(&portal.app).await?;
    let has_seller = contact.is_some();
    let section = ops::seller::sections(&portal.app).await?.vouchers;
    let total = if me.actor.may_buy() { price(portal, me, form).await? } else { Total::default() };
    page_of_form(&portal.app, &BuyPage { frame, form, offers, has_seller, contact, section, total }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    let form = Offers::read(&portal).await?.begin(form).or("codes", "1");
    show(&portal, &me, &form).await
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
    let Some(read) = read(&mut form) else { return show(&portal, &me, &form).await };
    let order_id = form.draft()?;
    let wish = wished(read, form.value("name"));
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
