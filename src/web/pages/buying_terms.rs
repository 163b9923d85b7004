//! The operator's window for what a company may buy for itself, and whether with VAT.

use askama::Template;
use axum::response::Response;

use crate::model::refusal::FieldReason;
use crate::ops;
use crate::ops::buying::Terms;
use crate::store::companies::Company;
use crate::urls;
use crate::web::error::WebResult;
use crate::web::extract::{BodyForm, Id, Me, Visit};
use crate::web::form::{self, Form};
use crate::web::state::Portal;
use crate::web::view::{self, Frame, page_of_form};

/// Each choice with its word in the form.
const CHOICES: [(&str, Option<bool>, &str); 3] =
    [("setting", None, "Follow the setting"), ("may", Some(true), "May"), ("may-not", Some(false), "May not")];

#[derive(Template)]
#[template(path = "companies/buying.html")]
struct TermsWindow<'a> {
    frame: Frame,
    form: &'a Form,
    company: Company,
}

impl TermsWindow<'_> {
    fn choices(&self) -> Vec<(String, String)> {
        CHOICES.iter().map(|(slug, _, label)| ((*slug).to_owned(), (*label).to_owned())).collect()
    }
}

impl Company {
    /// The operator's word on its buying for itself.
    pub fn own_purchases(&self) -> &'static str {
        let word = self.may_buy_for_itself.map(|may| may == 1);
        CHOICES.iter().find(|(_, may, _)| *may == word).map_or("", |(.., label)| label)
    }

    pub fn has_reverse_charge(&self) -> bool {
        self.reverse_charge == 1
    }
}

async fn show(portal: &Portal, me: &Me, id: i64, form: Form) -> WebResult<Response> {
    me.actor.require_operator()?;
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let frame = Frame::of(portal, me, "Buying terms").await?;
    page_of_form(&portal.app, &TermsWindow { frame, form: &form, company }, &form)
}

pub async fn window(Visit(portal, me): Visit, Id(id): Id) -> WebResult<Response> {
    let company = ops::companies::find(&portal.app, &me.actor, id).await?;
    let word = company.may_buy_for_itself.map(|may| may == 1);
    let slug = CHOICES.iter().find(|(_, may, _)| *may == word).map_or("", |(slug, ..)| slug);
    let reverse_charge = if company.has_reverse_charge() { "1" } else { "" };
    show(&portal, &me, id, Form::filled(&[("own_pool", slug), ("reverse_charge", reverse_charge)])).await
}

pub async fn save(Visit(portal, me): Visit, Id(id): Id, BodyForm(mut form): BodyForm) -> WebResult<Response> {
    let operation_id = form.operation(&portal.app, &me)?;
    let chosen = form::read(&mut form, "own_pool", |slug| {
        CHOICES.iter().find(|(s, ..)| *s == slug).map(|(_, may, _)| *may).ok_or(FieldReason::Missing)
    });
    let Some(for_own_pool) = chosen else { return show(&portal, &me, id, form).await };
    let terms = Terms { for_own_pool, reverse_charge: form.value("reverse_charge") == "1" };
    match ops::buying::set_terms(&portal.app, &me.actor, &operation_id, id, terms).await {
        Ok(_) => Ok(view::done(&urls::company(id), &operation_id)),
        Err(error) => show(&portal, &me, id, form.refused(error)?).await,
    }
}
