//! Billing data: whom a company's invoices are made out to. Also the fields that buyer and seller share.

use serde::Serialize;

use super::actor::Actor;
use super::error::{OpError, OpResult, Problems, text_reason};
use crate::app::App;
use crate::model::company::NameError;
use crate::model::event::BillingEvent;
use crate::model::invoice::Billing;
use crate::model::permission::Permission;
use crate::model::refusal::{BillingReason, FieldReason, Reason};
use crate::model::user::{self, EmailError};
use crate::model::{country, text};
use crate::ops::work::{Outcome, work_once};
use crate::store;

pub const NAME_LENGTH_MAX: usize = 200;
pub const ADDRESS_LENGTH_MAX: usize = 500;
pub const VAT_NUMBER_LENGTH_MAX: usize = 32;

/// The fields of the billing form.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BillingFields<'a> {
    pub name: &'a str,
    pub address: &'a str,
    pub country: &'a str,
    pub vat_number: &'a str,
    pub email: &'a str,
}

/// Reads billing data, or reports what is wrong with the fields `billing_name`, `billing_address`, `billing_country`,
/// `billing_vat_number` and `billing_email`.
///
/// # Errors
/// [`OpError::Invalid`] with every problem.
pub fn check(fields: &BillingFields<'_>) -> OpResult<Billing> {
    let mut problems = Problems::default();
    let name = problems.take("billing_name", name(fields.name));
    let address = problems.take("billing_address", address(fields.address));
    let country = problems.take("billing_country", country(fields.country));
    let vat_number = problems.take("billing_vat_number", vat_number(fields.vat_number));
    let email = problems.take("billing_email", email(fields.email));
    problems.finish()?;
    Ok(Billing {
        name: name.unwrap_or_default(),
        address: address.unwrap_or_default(),
        country: country.unwrap_or_default(),
        vat_number: vat_number.unwrap_or_default(),
        email: email.unwrap_or_default(),
    })
}

pub(super) fn name(name: &str) -> Result<String, Reason> {
    let read = text::required(text::line(name, NAME_LENGTH_MAX));
    read.map_err(|e| text_reason(e, NameError::Missing))
}

pub(super) fn address(address: &str) -> Result<String, Reason> {
    let read = text::required(text::lines(address, ADDRESS_LENGTH_MAX));
    read.map_err(|e| text_reason(e, BillingReason::MissingAddress))
}

pub(super) fn country(code: &str) -> Result<String, BillingReason> {
    country::code(code).map(str::to_owned).ok_or(BillingReason::UnknownCountry)
}

/// May be empty.
pub(super) fn vat_number(number: &str) -> Result<String, Reason> {
    text::line(number, VAT_NUMBER_LENGTH_MAX).map_err(|e| text_reason(e, FieldReason::Missing))
}

pub(super) fn email(email: &str) -> Result<String, EmailError> {
    user::email(email)
}

/// The billing data of a company of the actor's tree; `None` until it is entered.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree.
pub async fn get(app: &App, actor: &Actor, company_id: i64) -> OpResult<Option<Billing>> {
    super::companies::find(app, actor, company_id).await?;
    let mut tx = app.db.read().await?;
    Ok(store::billing::get(&mut tx, company_id).await?)
}

/// Sets the billing data of a company that may buy vouchers, or has bought for itself.
///
/// # Errors
/// A refusal at the invalid field; [`OpError::NotFound`] outside the tree, or if the company is neither.
pub async fn save(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    company_id: i64,
    fields: &BillingFields<'_>,
) -> OpResult<Outcome> {
    actor.require(Permission::EditCompanies)?;
    let billing = check(fields)?;
    let request = serde_json::json!([company_id, billing]).to_string();
    work_once!(app, actor, operation_id, "save_billing", &request, work => {
        store::companies::lock(&mut work.tx, &actor.company_path, &[company_id]).await?;
        let company = store::companies::find(&mut work.tx, &actor.company_path, company_id).await?;
        let company = company.ok_or(OpError::NotFound)?;
        if company.may_buy_vouchers != 1 && store::billing::get(&mut work.tx, company_id).await?.is_none() {
            return Err(OpError::NotFound);
        }
        store::billing::set(&mut work.tx, company_id, &billing).await?;
        work.note(actor.note_at(company_id, "company.billing_changed", &company.name, &summary(&billing)));
        let name = billing.name.clone();
        Ok(Outcome::of(BillingEvent::BuyerSaved { company: company.name, name }))
    })
}

/// Billing data on one line, for the history.
pub(super) fn summary(billing: &Billing) -> String {
    let Billing { name, address, country, vat_number, email } = billing;
    let parts = [name, &address.replace('\n', ", "), country::name(country), vat_number, email];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<&str>>().join("; ")
}
