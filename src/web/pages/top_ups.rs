//! Standing top-ups of the own pool: what each keeps, and the card that pays.

use askama::Template;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::buy::Offers;
use crate::model::money::{Currency, Money};
use crate::model::order::Method;
use crate::model::permission::Permission;
use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::buying::{Contact, MayBuy};
use crate::ops::card_payments::ReturnUrls;
use crate::ops::top_ups::TopUpFields;
use crate::store::top_ups::{SavedCard, TopUp};
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page, page_of_form};
use crate::words;

#[derive(Template)]
#[template(path = "top_ups/list.html")]
struct TopUpsPage<'a> {
    frame: Frame,
    form: &'a Form,
    may: MayBuy,
    contact: Option<Contact>,
    offers: Offers,
    top_ups: Vec<TopUp>,
    card: Option<SavedCard>,
    takes_cards: bool,
}

impl TopUpsPage<'_> {
    fn rules(&self) -> Vec<(String, String)> {
        [("units", "At least this many units"), ("days", "This many days of coverage")]
            .map(|(slug, label)| (slug.to_owned(), label.to_owned()))
            .to_vec()
    }

    fn methods(&self) -> Vec<(String, String)> {
        let invoice = (Method::Invoice.slug().to_owned(), "By invoice".to_owned());
        match &self.card {
            Some(card) => vec![(Method::Card.slug().to_owned(), card.label.clone()), invoice],
            None => vec![invoice],
        }
    }
}

impl TopUp {
    fn label(&self) -> &'static str {
        self.resource_type().map_or("", |of| of.label())
    }

    fn slug(&self) -> &'static str {
        self.resource_type().map_or("", |of| of.slug())
    }

    /// What it keeps.
    fn kept(&self) -> String {
        self.resource_type().map(|of| words::top_up(self.rule(), self.at_least, of)).unwrap_or_default()
    }

    fn limit(&self) -> String {
        let currency = Currency::from_code(&self.currency);
        currency.map(|currency| Money::new(self.monthly_max, currency).to_string()).unwrap_or_default()
    }

    fn why_stopped(&self) -> Option<&'static str> {
        self.stopped().map(words::top_up_stopped)
    }
}

async fn draw(portal: &Portal, me: &Me, form: Form) -> WebResult<Response> {
    let offers = Offers::read(portal).await?;
    let (top_ups, card) = ops::top_ups::list(&portal.app, &me.actor).await?;
    let may = ops::buying::of(&portal.app, &me.actor).await?;
    let contact = ops::buying::contact(&portal.app).await?;
    let frame = Frame::of(portal, me, "Standing top-ups").await?;
    let takes_cards = portal.app.cards.are_taken();
    let method = if card.is_some() { "card" } else { "invoice" };
    let form = offers.begin(form).or("rule", "units").or("at_least", "10").or("units", "10").or("method", method);
    let shown = TopUpsPage { frame, form: &form, may, contact, offers, top_ups, card, takes_cards };
    page_of_form(&portal.app, &shown, &form)
}

pub async fn show(Visit(portal, me): Visit) -> WebResult<Response> {
    draw(&portal, &me, Form::default()).await
}

pub async fn set(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    me.actor.require(Permission::BuyResources)?;
    let operation_id = form.operation(&portal.app, &me)?;
    let product_id = form::read(&mut form, "product", |text| text.parse().map_err(|_| FieldReason::Missing));
    let resource_type = form::read(&mut form, "type", form::resource_type);
    let at_least = form::read(&mut form, "at_least", form::amount);
    let units = form::read(&mut form, "units", form::amount);
    let (Some(product_id), Some(resource_type), Some(at_least), Some(units)) =
        (product_id, resource_type, at_least, units)
    else {
        return draw(&portal, &me, form).await;
    };
    let fields = TopUpFields {
        product_id,
        resource_type,
        rule: form.value("rule"),
        at_least,
        units,
        method: form.value("method"),
        monthly_max: form.value("monthly_max"),
    };
    match ops::top_ups::set(&portal.app, &me.actor, &operation_id, &fields).await {
        Ok(_) => Ok(view::done(urls::TOP_UPS, &operation_id)),
        Err(error) => draw(&portal, &me, form.refused(error)?).await,
    }
}

pub async fn turn_off(Visit(portal, me): Visit, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let Some(of) = form::read(&mut form, "type", form::resource_type) else { return draw(&portal, &me, form).await };
    ops::top_ups::turn_off(&portal.app, &me.actor, &operation_id, of).await?;
    Ok(view::done(urls::TOP_UPS, &operation_id))
}

#[derive(Template)]
#[template(path = "top_ups/card.html")]
struct CardPage {
    frame: Frame,
    url: String,
}

/// Opens the provider's page on which a card is saved.
pub async fn save_card(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    form.operation(&portal.app, &me)?;
    let public = &portal.app.config.public_url;
    let (back, cancelled) = (format!("{public}{}", urls::TOP_UPS_CARD), format!("{public}{}", urls::TOP_UPS));
    let return_urls = ReturnUrls { back: &back, cancelled: &cancelled };
    match ops::top_ups::cards::begin(&portal.app, &me.actor, &return_urls).await {
        Ok(url) => page(&CardPage { frame: Frame::of(&portal, &me, "Save a card").await?, url }),
        Err(error) => draw(&portal, &me, form.refused(error)?).await,
    }
}

/// Where the provider's page sends the browser back: the provider is asked what was saved.
pub async fn card_saved(Visit(portal, me): Visit) -> WebResult<Response> {
    ops::top_ups::cards::finish(&portal.app, &me.actor).await?;
    Ok(Redirect::to(urls::TOP_UPS).into_response())
}

pub async fn forget_card(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    ops::top_ups::cards::forget(&portal.app, &me.actor, &operation_id).await?;
    Ok(view::done(urls::TOP_UPS, &operation_id))
}
