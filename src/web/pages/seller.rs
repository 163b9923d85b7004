//! Operator: Seller and invoices.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use crate::cards::Cards;
use crate::model::seller::{DUE_DAYS, Sections, SellerSettings};
use crate::ops;
use crate::ops::seller::SellerFields;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Me, Visit};
use crate::web::fields;
use crate::web::form::Form;
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

#[derive(Template)]
#[template(path = "seller/form.html")]
struct SellerPage<'a> {
    frame: Frame,
    form: &'a Form,
    countries: Vec<(String, String)>,
    /// Whether the seller's data are entered: nobody can buy before.
    is_set: bool,
    cards: Arc<Cards>,
    /// Where a card provider reports on payments.
    webhook: String,
}

pub async fn show(Visit(portal, me): Visit) -> WebResult<Response> {
    me.actor.require_operator()?;
    let form = match ops::seller::get(&portal.app).await? {
        Some(settings) => filled(&settings),
        None => Form::filled(&[
            ("due_days", &DUE_DAYS.to_string()),
            ("companies_may_buy", "1"),
            ("vouchers_section", &Sections::default().vouchers),
            ("licences_section", &Sections::default().licences),
        ]),
    };
    show_form(&portal, &me, &form).await
}

async fn show_form(portal: &Portal, me: &Me, form: &Form) -> WebResult<Response> {
    let is_set = ops::seller::get(&portal.app).await?.is_some();
    let frame = Frame::of(portal, me, "Seller and invoices").await?;
    let countries = fields::countries();
    let webhook = format!("{}{}", portal.app.config.public_url, urls::STRIPE_WEBHOOK);
    let cards = portal.app.cards.clone();
    page_of_form(&portal.app, &SellerPage { frame, form, countries, is_set, cards, webhook }, form)
}

fn filled(settings: &SellerSettings) -> Form {
    let seller = &settings.seller;
    Form::filled(&[
        ("name", &seller.name),
        ("address", &seller.address),
        ("country", &seller.country),
        ("vat_number", &seller.vat_number),
        ("registration", &seller.registration),
        ("email", &seller.email),
        ("bank_account", &seller.bank_account),
        ("footer", &seller.footer),
        ("due_days", &settings.due_days.to_string()),
        ("may_cancel", if settings.may_cancel { "1" } else { "" }),
        ("companies_may_buy", if settings.companies_may_buy { "1" } else { "" }),
        ("vouchers_section", &settings.sections.vouchers),
        ("licences_section", &settings.sections.licences),
    ])
}

pub async fn save(Visit(portal, me): Visit, BodyForm(form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let fields = SellerFields {
        name: form.value("name"),
        address: form.value("address"),
        country: form.value("country"),
        vat_number: form.value("vat_number"),
        registration: form.value("registration"),
        email: form.value("email"),
        bank_account: form.value("bank_account"),
        footer: form.value("footer"),
        due_days: form.value("due_days"),
        may_cancel: form.value("may_cancel") == "1",
        companies_may_buy: form.value("companies_may_buy") == "1",
        vouchers_section: form.value("vouchers_section"),
        licences_section: form.value("licences_section"),
    };
    match ops::seller::save(&portal.app, &me.actor, &operation_id, &fields).await {
        Ok(_) => Ok(view::done(urls::SELLER, &operation_id)),
        Err(error) => show_form(&portal, &me, &form.refused(error)?).await,
    }
}
