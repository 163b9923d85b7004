//! Operator: Price list.

use askama::Template;
use axum::response::Response;

use crate::model::money::{Currency, Money};
use crate::model::product::{MODEL_LENGTH_MAX, MODELS_MAX, ProductKind, VALID_MONTHS, VatClass};
use crate::model::refusal::{ProductReason, Reason};
use crate::model::resources::ResourceType;
use crate::model::seller::Sections;
use crate::ops;
use crate::ops::error::OpError;
use crate::ops::products::{ProductFields, UNIT_PRICES, VERSIONS_MAX};
use crate::store::products::ProductRow;
use crate::urls;
use crate::web::error::{WebError, WebResult};
use crate::web::extract::{BodyForm, Id, Me, QueryForm, Visit};
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};

#[derive(Template)]
#[template(path = "price_list/list.html")]
struct ListPage {
    frame: Frame,
    vouchers: Vec<ProductRow>,
    licences: Vec<ProductRow>,
    sections: Sections,
    vat_classes: Vec<VatClass>,
}

pub async fn list(Visit(portal, me): Visit) -> WebResult<Response> {
    let products = ops::products::list(&portal.app, &me.actor).await?;
    let (vouchers, licences) = products.into_iter().partition(|p| p.kind == ProductKind::Voucher);
    let vat_classes = ops::vat_classes::list(&portal.app, &me.actor).await?;
    let sections = ops::seller::sections(&portal.app).await?;
    let frame = Frame::of(&portal, &me, "Price list").await?;
    page(&ListPage { frame, vouchers, licences, sections, vat_classes })
}

#[derive(Template)]
#[template(path = "price_list/product.html")]
struct ProductPage {
    frame: Frame,
    product: ProductRow,
    versions: Vec<ProductRow>,
}

impl ProductPage {
    fn is_voucher(&self) -> bool {
        self.product.kind == ProductKind::Voucher
    }

    fn has_older(&self) -> bool {
        self.versions.len() as i64 == VERSIONS_MAX
    }
}

pub async fn show(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let product = ops::products::find(&portal.app, &me.actor, id).await?;
    let versions = ops::products::versions(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(&portal, &me, product.name.clone()).await?;
    page(&ProductPage { frame, product, versions })
}

/// The longest list of models, in characters, including each line's end.
const LISTED_LENGTH_MAX: usize = MODELS_MAX * (MODEL_LENGTH_MAX + 1);

#[derive(Template)]
#[template(path = "price_list/form.html")]
struct ProductWindow<'a> {
    frame: Frame,
    form: &'a Form,
    /// `None` for a new product.
    id: Option<i64>,
    kind: ProductKind,
    currencies: Vec<(String, String)>,
    vat_classes: Vec<(String, String)>,
    back: &'a str,
}

impl ProductWindow<'_> {
    /// The types that are not counted in years: the field of each, its label, and what a unit buys.
    fn unit_prices(&self) -> Vec<(&'static str, String, String)> {
        let of_type = |(field, slug): (&'static str, &str)| {
            let of = ResourceType::from_slug(slug)?;
            Some((field, format!("Price of 1 {}", of.label()), format!("{}. Empty: not offered.", of.buys())))
        };
        UNIT_PRICES.into_iter().filter_map(of_type).collect()
    }

    fn is_voucher(&self) -> bool {
        self.kind == ProductKind::Voucher
    }
}

async fn show_form(
    portal: &Portal,
    me: &Me,
    (id, kind): (Option<i64>, ProductKind),
    form: &Form,
) -> WebResult<Response> {
    let classes = ops::vat_classes::list(&portal.app, &me.actor).await?;
    let vat_classes = classes.iter().map(|c| (c.id.to_string(), format!("{} ({})", c.name, c.rate)));
    let currencies = Currency::all().map(|c| (c.code().to_owned(), c.code().to_owned())).collect();
    let title = match (id, kind) {
        (Some(_), _) => "Change product",
        (None, ProductKind::Voucher) => "Add voucher product",
        (None, ProductKind::Licence) => "Add licence product",
    };
    let frame = Frame::of(portal, me, title).await?;
    let back = view::back(form, urls::PRICE_LIST);
    let vat_classes = vat_classes.collect();
    page_of_form(&portal.app, &ProductWindow { frame, form, id, kind, currencies, vat_classes, back }, form)
}

/// The kind of product that the form adds.
fn kind(form: &Form) -> WebResult<ProductKind> {
    ProductKind::from_slug(form.value("kind")).ok_or(WebError::NotFound)
}

pub async fn add_window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    let kind = kind(&form)?;
    let form = form.or("currency", "EUR").or("valid_months", VALID_MONTHS.to_string());
    show_form(&portal, &me, (None, kind), &form).await
}

pub async fn add(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let kind = kind(&form)?;
    match ops::products::add(&portal.app, &me.actor, &operation_id, kind, &fields(&form)).await {
        Ok(_) => Ok(view::done(urls::PRICE_LIST, &operation_id)),
        Err(error) => show_form(&portal, &me, (None, kind), &form.refused(error)?).await,
    }
}

fn fields(form: &Form) -> ProductFields<'_> {
    ProductFields {
        name: form.value("name"),
        description: form.value("description"),
        currency: form.value("currency"),
        device_price: form.value("device_price"),
        apartment_price: form.value("apartment_price"),
        licence_price: form.value("licence_price"),
        unit_prices: UNIT_PRICES.map(|(field, _)| form.value(field)),
        valid_months: form.value("valid_months"),
        models: form.value("models"),
        term_months: form.value("term_months"),
        vat_class: form.value("vat_class"),
    }
}

fn filled(form: Form, product: &ProductRow) -> Form {
    let price = |minor: Option<i64>| minor.map_or_else(String::new, |m| Money::new(m, product.currency).plain());
    let units = UNIT_PRICES.into_iter();
    let form = units.fold(form, |form, (field, slug)| form.or(field, price(product.unit_prices.get(slug).copied())));
    form.or("name", product.name.clone())
        .or("valid_months", product.valid_months.to_string())
        .or("description", product.description.clone())
        .or("currency", product.currency.code())
        .or("device_price", price(product.device_price))
        .or("apartment_price", price(product.apartment_price))
        .or("licence_price", price(product.licence_price))
        .or("models", product.models.join("\n"))
        .or("term_months", product.term_months.map_or_else(String::new, |months| months.to_string()))
        .or("vat_class", product.vat_class_id.to_string())
        .or("version", product.version.to_string())
}

pub async fn change_window(Visit(portal, me): Visit, Id(id): Id, QueryForm(form): QueryForm) -> WebResult<Response> {
    let product = ops::products::find(&portal.app, &me.actor, id).await?;
    show_form(&portal, &me, (Some(id), product.kind), &filled(form, &product)).await
}

pub async fn change(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    // An unreadable version was never the current one.
    let version = form.value("version").parse().unwrap_or(0);
    let error = match ops::products::change(&portal.app, &me.actor, &operation_id, (id, version), &fields(&form)).await
    {
        Ok(_) => return Ok(view::done(view::back(&form, &urls::product(id)), &operation_id)),
        Err(error) => error,
    };
    // The person has now seen the current state, and may save again.
    if let OpError::Refused(_, Reason::Product(ProductReason::Changed { version, .. })) = &error {
        form.set("version", version.to_string());
    }
    let form = form.refused(error)?;
    let product = ops::products::find(&portal.app, &me.actor, id).await?;
    show_form(&portal, &me, (Some(id), product.kind), &form).await
}

pub async fn set_offered(Visit(portal, me): Visit, Id(id): Id, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let on = form.switch("on")?;
    ops::products::set_offered(&portal.app, &me.actor, &operation_id, id, on).await?;
    Ok(view::done(view::back(&form, urls::PRICE_LIST), &operation_id))
}
