//! Who may buy what. Companies that the operator activated buy vouchers and licences; every company buys for its own
//! pool, unless the operator's setting or its word on that company says otherwise. The vendor itself buys nothing.

use super::actor::Actor;
use super::error::{OpError, OpResult, refuse};
use crate::app::App;
use crate::model::event::CompanyEvent;
use crate::model::order::{OrderError, OrderLine};
use crate::model::refusal::CompanyReason;
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::db::Tx;

/// What a user may buy for their company.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MayBuy {
    pub vouchers: bool,
    pub for_own_pool: bool,
}

impl MayBuy {
    /// Whether the user may buy anything at all.
    #[must_use]
    pub fn any(self) -> bool {
        self.vouchers || self.for_own_pool
    }

    /// Whether the user may buy all of these lines.
    fn covers(self, lines: &[(i64, OrderLine)]) -> bool {
        lines.iter().all(|(_, line)| if line.pool.is_some() { self.for_own_pool } else { self.vouchers })
    }
}

/// Whom to ask for what cannot be bought here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub name: String,
    pub email: String,
}

/// The operator's contact, once the seller's data are entered.
pub async fn contact(app: &App) -> OpResult<Option<Contact>> {
    let settings = super::seller::get(app).await?;
    Ok(settings.map(|s| Contact { name: s.seller.name, email: s.seller.email }))
}

/// What the actor may buy.
pub async fn of(app: &App, actor: &Actor) -> OpResult<MayBuy> {
    if !actor.may.buy_resources() {
        return Ok(MayBuy::default());
    }
    read(&mut app.db.read().await?, actor).await
}

pub(super) async fn read(tx: &mut Tx, actor: &Actor) -> OpResult<MayBuy> {
    let vouchers = actor.may_buy();
    let is_buyer = actor.may.buy_resources() && actor.company_path.level() > 0;
    let for_own_pool = is_buyer && allows_itself(tx, actor.company_id).await?;
    Ok(MayBuy { vouchers, for_own_pool })
}

/// Whether a company may buy for itself: the operator's word on it, else the setting.
async fn allows_itself(tx: &mut Tx, company_id: i64) -> OpResult<bool> {
    if let Some(word) = store::distributors::may_buy_for_itself(tx, company_id).await? {
        return Ok(word);
    }
    Ok(store::seller::get(tx).await?.is_none_or(|settings| settings.companies_may_buy))
}

/// # Errors
/// [`OpError::Forbidden`] unless the actor may buy something.
pub async fn require_any(app: &App, actor: &Actor) -> OpResult<()> {
    if of(app, actor).await?.any() { Ok(()) } else { Err(OpError::Forbidden) }
}

/// # Errors
/// [`OpError::Forbidden`] unless the actor may buy for the own pool.
pub async fn require_own_pool(app: &App, actor: &Actor) -> OpResult<()> {
    if of(app, actor).await?.for_own_pool { Ok(()) } else { Err(OpError::Forbidden) }
}

/// Within an act: the actor may buy all lines of an order.
pub(super) async fn require_lines(tx: &mut Tx, actor: &Actor, lines: &[(i64, OrderLine)]) -> OpResult<()> {
    if read(tx, actor).await?.covers(lines) { Ok(()) } else { Err(OpError::Forbidden) }
}

/// The operator's terms for a company that buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether it may buy for its own pool; `None` follows the setting.
    pub for_own_pool: Option<bool>,
    /// Whether its purchases are without VAT.
    pub reverse_charge: bool,
}

/// Sets a company's terms. What it has bought or ordered stays.
///
/// # Errors
/// [`OpError::Forbidden`] for anyone but the operator; a refusal for the vendor's own company.
pub async fn set_terms(app: &App, actor: &Actor, operation_id: &str, id: i64, terms: Terms) -> OpResult<Outcome> {
    actor.require_operator()?;
    let request = serde_json::json!([id, terms.for_own_pool, terms.reverse_charge]).to_string();
    work_once!(app, actor, operation_id, "set_buying_terms", &request, work => {
        let company = store::companies::lock(&mut work.tx, &actor.company_path, &[id]).await?.pop();
        let Some(company) = company else { return refuse("", CompanyReason::Unknown) };
        if company.level == 0 {
            return refuse("", OrderError::Vendor);
        }
        if store::distributors::set_may_buy_for_itself(&mut work.tx, id, terms.for_own_pool).await? {
            let details = crate::words::own_purchases(terms.for_own_pool);
            work.note(actor.note_at(id, "company.own_purchases_set", &company.name, details));
        }
        if store::distributors::set_reverse_charge(&mut work.tx, id, terms.reverse_charge).await? {
            let on = terms.reverse_charge;
            let verb = if on { "distributor.reverse_charge_on" } else { "distributor.reverse_charge_off" };
            work.note(actor.note_at(id, verb, &company.name, ""));
        }
        let (name, for_own_pool) = (company.name, terms.for_own_pool);
        Ok(Outcome::of(CompanyEvent::BuyingTermsSet { name, for_own_pool }))
    })
}
