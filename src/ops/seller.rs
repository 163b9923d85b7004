//! The seller and its terms: what the operator sets before anybody can buy.

use serde::Serialize;

use super::actor::Actor;
use super::billing::{address, country, email, name, vat_number};
use super::error::{OpResult, Problems, text_reason};
use crate::app::App;
use crate::model::event::BillingEvent;
use crate::model::invoice::Seller;
use crate::model::refusal::{BillingReason, FieldReason, Reason};
pub use crate::model::seller::SellerSettings;
use crate::model::seller::{DUE_DAYS_MAX, SECTION_LENGTH_MAX, Sections};
use crate::model::text;
use crate::ops::work::{Outcome, work_once};
use crate::store;

pub const REGISTRATION_LENGTH_MAX: usize = 200;
pub const BANK_ACCOUNT_LENGTH_MAX: usize = 500;
pub const FOOTER_LENGTH_MAX: usize = 1_000;

/// The fields of the form.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct SellerFields<'a> {
    pub name: &'a str,
    pub address: &'a str,
    pub country: &'a str,
    pub vat_number: &'a str,
    pub registration: &'a str,
    pub email: &'a str,
    pub bank_account: &'a str,
    pub footer: &'a str,
    pub due_days: &'a str,
    pub may_cancel: bool,
    pub companies_may_buy: bool,
    /// What the shop calls its sections; the usual names if empty.
    pub vouchers_section: &'a str,
    pub licences_section: &'a str,
}

/// The seller's data; `None` until the operator sets it, and nobody can buy before. Buyers may know it: every invoice
/// shows it.
pub async fn get(app: &App) -> OpResult<Option<SellerSettings>> {
    let mut tx = app.db.read().await?;
    Ok(store::seller::get(&mut tx).await?)
}

/// What the shop calls its sections.
pub async fn sections(app: &App) -> OpResult<Sections> {
    Ok(get(app).await?.map(|settings| settings.sections).unwrap_or_default())
}

/// Sets the seller's data. Documents that were issued stay as they are.
///
/// # Errors
/// A refusal at the invalid field.
pub async fn save(app: &App, actor: &Actor, operation_id: &str, fields: &SellerFields<'_>) -> OpResult<Outcome> {
    actor.require_operator()?;
    let settings = check(fields)?;
    let request = serde_json::json!(settings).to_string();
    work_once!(app, actor, operation_id, "save_seller", &request, work => {
        store::seller::set(&mut work.tx, &settings).await?;
        work.note(actor.note("seller.changed", &settings.seller.name, &summary(&settings)));
        Ok(Outcome::of(BillingEvent::SellerSaved { name: settings.seller.name.clone() }))
    })
}

fn check(fields: &SellerFields<'_>) -> OpResult<SellerSettings> {
    let mut problems = Problems::default();
    let name = problems.take("name", name(fields.name));
    let address = problems.take("address", address(fields.address));
    let country = problems.take("country", country(fields.country));
    let vat_number = problems.take("vat_number", vat_number(fields.vat_number));
    let registration = text::line(fields.registration, REGISTRATION_LENGTH_MAX);
    let registration = problems.take("registration", registration.map_err(too_long));
    let email = problems.take("email", email(fields.email));
    let bank_account = problems.take("bank_account", bank_account(fields.bank_account));
    let footer = text::lines(fields.footer, FOOTER_LENGTH_MAX);
    let footer = problems.take("footer", footer.map_err(too_long));
    let due_days = problems.take("due_days", due_days(fields.due_days));
    let usual = Sections::default();
    let vouchers = problems.take("vouchers_section", section(fields.vouchers_section, usual.vouchers));
    let licences = problems.take("licences_section", section(fields.licences_section, usual.licences));
    problems.finish()?;
    let seller = Seller {
        name: name.unwrap_or_default(),
        address: address.unwrap_or_default(),
        country: country.unwrap_or_default(),
        vat_number: vat_number.unwrap_or_default(),
        registration: registration.unwrap_or_default(),
        email: email.unwrap_or_default(),
        bank_account: bank_account.unwrap_or_default(),
        footer: footer.unwrap_or_default(),
    };
    let sections = Sections { vouchers: vouchers.unwrap_or_default(), licences: licences.unwrap_or_default() };
    Ok(SellerSettings {
        seller,
        due_days: due_days.unwrap_or_default(),
        may_cancel: fields.may_cancel,
        companies_may_buy: fields.companies_may_buy,
        sections,
    })
}

/// What the shop calls a section.
fn section(name: &str, usual: String) -> Result<String, Reason> {
    let name = text::line(name, SECTION_LENGTH_MAX).map_err(too_long)?;
    Ok(if name.is_empty() { usual } else { name })
}

fn too_long(error: text::TextError) -> Reason {
    text_reason(error, FieldReason::Missing)
}

fn bank_account(account: &str) -> Result<String, Reason> {
    let read = text::required(text::lines(account, BANK_ACCOUNT_LENGTH_MAX));
    read.map_err(|e| text_reason(e, BillingReason::MissingBankAccount))
}

fn due_days(text: &str) -> Result<i64, FieldReason> {
    let days = text.trim().parse().ok().filter(|days| (0..=DUE_DAYS_MAX).contains(days));
    days.ok_or(FieldReason::NotBetween { minimum: 0, maximum: DUE_DAYS_MAX })
}

/// The terms that buyers pay by, for the history.
fn summary(settings: &SellerSettings) -> String {
    let cancel = if settings.may_cancel { "may" } else { "may not" };
    let buy = if settings.companies_may_buy { "may" } else { "may not" };
    format!(
        "{} days to pay; to {}; distributors {cancel} cancel unused vouchers; companies {buy} buy for themselves; \
         sections “{}” and “{}”",
        settings.due_days,
        settings.seller.bank_account.replace('\n', ", "),
        settings.sections.vouchers,
        settings.sections.licences,
    )
}
