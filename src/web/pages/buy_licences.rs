//! Buy licences: serial numbers first, then the licences that fit them. Nothing is stored between the two steps: the
//! second page carries the serial numbers along.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::model::licence::{LicenceRefusal, serials};
use crate::model::money::Money;
use crate::model::permission::Permission;
use crate::model::product::ProductKind;
use crate::ops;
use crate::ops::buying::Contact;
use crate::ops::licence_orders::{Choice, Group, LicenceWish, Suiting};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, QueryForm, Uploaded, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{Frame, page_of_form};

#[derive(Template)]
#[template(path = "licences/buy.html")]
struct BuyPage<'a> {
    frame: Frame,
    form: &'a Form,
    has_seller: bool,
    has_products: bool,
    /// Whom to ask.
    contact: Option<Contact>,
    section: String,
}

async fn show(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let frame = Frame::of(portal, me, "Buy licences").await?;
    let contact = ops::buying::contact(&portal.app).await?;
    let has_seller = contact.is_some();
    let section = ops::seller::sections(&portal.app).await?.licences;
    let has_products = !ops::products::offered(&portal.app, ProductKind::Licence).await?.is_empty();
    page_of_form(&portal.app, &BuyPage { frame, form, has_seller, has_products, contact, section }, form)
}

pub async fn window(Visit(portal, me): Visit, QueryForm(form): QueryForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    show(&portal, &me, &form).await
}

/// Reloading or sharing the second step starts over.
pub async fn begin() -> Redirect {
    Redirect::to(urls::BUY_LICENCES)
}

#[derive(Template)]
#[template(path = "licences/choose.html")]
struct ChoosePage<'a> {
    frame: Frame,
    form: &'a Form,
    serials: Vec<String>,
    groups: Vec<Group>,
}

impl ChoosePage<'_> {
    fn is_chosen(&self, licence: &Suiting, group: &Group) -> bool {
        let value = value(licence, group);
        self.form.all("product").any(|chosen| chosen == value)
    }

    /// Whether the user must confirm that licences fit, because the portal cannot know.
    fn asks_to_confirm(&self, group: &Group) -> bool {
        group.model.is_empty() && group.licences.iter().any(|l| !l.product.models.is_empty())
    }

    fn has_licences(&self) -> bool {
        self.groups.iter().any(|g| !g.licences.is_empty())
    }
}

/// The value of a check box.
fn value(licence: &Suiting, group: &Group) -> String {
    format!("{}:{}", licence.product.product_id, group.model)
}

impl Suiting {
    fn price(&self) -> Money {
        Money::new(self.product.licence_price.unwrap_or_default(), self.product.currency)
    }

    /// For all devices; `None` if it exceeds the limit of an order.
    fn sum(&self) -> Option<Money> {
        self.price().times(self.serials.len() as i64)
    }
}

async fn show_choice(portal: &Portal, me: &Me, serials: Vec<String>, form: &Form) -> WebResult<Response> {
    let groups = ops::licence_orders::groups(&portal.app, &me.actor, &serials).await?;
    let frame = Frame::of(portal, me, "Choose licences").await?;
    page_of_form(&portal.app, &ChoosePage { frame, form, serials, groups }, form)
}

fn read_serials(form: &mut Form) -> Option<Vec<String>> {
    form::read(form, "serials", |text| serials::read(text).map_err(LicenceRefusal::Serial))
}

/// A file takes precedence over typed text. After a refusal the field shows the file's text.
pub async fn choose(Visit(portal, me): Visit, Uploaded(mut form): Uploaded) -> WebResult<Response> {
    me.actor.require_buyer()?;
    form.operation(&portal.app, &me)?;
    let file = form.value("file").to_owned();
    if !file.trim().is_empty() {
        form.set("serials", file);
    }
    match read_serials(&mut form) {
        Some(serials) => show_choice(&portal, &me, serials, &form).await,
        None => show(&portal, &me, &form).await,
    }
}

pub async fn add(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require_buyer()?;
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(serials) = read_serials(&mut form).filter(|_| !form.has("change")) else {
        return show(&portal, &me, &form).await;
    };
    let choices: Vec<Choice> = form.all("product").filter_map(choice).collect();
    let wish = LicenceWish {
        order_id: form.draft()?,
        serials: &serials,
        choices: &choices,
        is_confirmed: form.value("confirmed") == "1",
    };
    match ops::licence_orders::add(&portal.app, &me.actor, &operation_id, &wish).await {
        Ok(outcome) => Ok(Redirect::to(&urls::order(outcome.about)).into_response()),
        Err(error) => show_choice(&portal, &me, serials.clone(), &form.refused(error)?).await,
    }
}

fn choice(value: &str) -> Option<Choice> {
    let (product_id, model) = value.split_once(':')?;
    Some(Choice { product_id: product_id.parse().ok()?, model: model.to_owned() })
}
