//! Standing top-ups, and the cards that pay them.

use sqlx::FromRow;

use super::db::{Result, Tx, WriteTx, sql};
use crate::model::order::{Method, OrderState};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::model::top_up::{Rule, Stopped};

/// A standing top-up.
#[derive(Debug, Clone, FromRow)]
pub struct TopUp {
    pub company_id: i64,
    resource_type: i64,
    pub product_id: i64,
    pub product_name: String,
    pub currency: String,
    pub set_by: i64,
    pub set_by_email: String,
    pub is_on: i64,
    stopped: String,
    rule: String,
    pub at_least: i64,
    pub units: i64,
    method: String,
    pub monthly_max: i64,
    pub set_at: i64,
    pub waits_for: Option<i64>,
}

impl TopUp {
    /// # Errors
    /// If the database holds a value that Scrip never writes.
    pub fn resource_type(&self) -> Result<ResourceType> {
        ResourceType::try_from(self.resource_type).map_err(super::ledger::decode)
    }

    #[must_use]
    pub fn rule(&self) -> Rule {
        Rule::from_slug(&self.rule).unwrap_or(Rule::Units)
    }

    #[must_use]
    pub fn method(&self) -> Method {
        Method::from_slug(&self.method).unwrap_or(Method::Invoice)
    }

    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on == 1
    }

    /// Why it was turned off, if nobody did.
    #[must_use]
    pub fn stopped(&self) -> Option<Stopped> {
        Stopped::from_slug(&self.stopped)
    }
}

/// What somebody sets.
pub struct Terms {
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub product_id: i64,
    pub set_by: i64,
    pub rule: Rule,
    pub at_least: i64,
    pub units: i64,
    pub method: Method,
    pub monthly_max: i64,
}

const TOP_UP: &str = "select t.company_id, t.resource_type, t.product_id, v.name as product_name, v.currency, t.set_by,
         p.email as set_by_email, t.is_on, t.stopped, t.rule, t.at_least, t.units, t.method, t.monthly_max, t.set_at,
         t.waits_for
     from top_up t join person p on p.id = t.set_by
     join product_version v on v.product_id = t.product_id
         and v.version = (select max(n.version) from product_version n where n.product_id = t.product_id) ";

/// Sets a top-up and turns it on: it is checked at once.
pub async fn set(tx: &mut WriteTx, terms: &Terms, now: Moment) -> Result<()> {
    sql("insert into top_up (company_id, resource_type, product_id, set_by, set_at, is_on, rule, at_least, units, method,
             monthly_max, check_at) values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9, $10, $5)
         on conflict (company_id, resource_type) do update set product_id = excluded.product_id, set_by = excluded.set_by,
             set_at = excluded.set_at, is_on = 1, stopped = '', rule = excluded.rule, at_least = excluded.at_least,
             units = excluded.units, method = excluded.method, monthly_max = excluded.monthly_max,
             check_at = excluded.check_at")
    .bind(terms.company_id)
    .bind(terms.resource_type)
    .bind(terms.product_id)
    .bind(terms.set_by)
    .bind(now)
    .bind(terms.rule.slug())
    .bind(terms.at_least)
    .bind(terms.units)
    .bind(terms.method.slug())
    .bind(terms.monthly_max)
    .run(tx)
    .await?;
    Ok(())
}

/// Turns a top-up off; returns whether it was on.
pub async fn turn_off(tx: &mut WriteTx, company_id: i64, of: ResourceType, why: Option<Stopped>) -> Result<bool> {
    let changed = sql("update top_up set is_on = 0, stopped = $3
         where company_id = $1 and resource_type = $2 and is_on = 1")
    .bind(company_id)
    .bind(of)
    .bind(why.map_or("", Stopped::slug))
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// The top-ups of a company, in the order of types.
pub async fn of_company(tx: &mut Tx, company_id: i64) -> Result<Vec<TopUp>> {
    sql(TOP_UP).push("where t.company_id = ").push_value(company_id).push(" order by t.resource_type").all(tx).await
}

/// Takes those that are due, each for one process: they are due again at `next`.
pub async fn take_due(tx: &mut WriteTx, now: Moment, next: Moment, limit: i64) -> Result<Vec<TopUp>> {
    let due: Vec<(i64, i64)> = sql("update top_up set check_at = $2 where is_on = 1 and check_at <= $1
         and (company_id, resource_type) in (select company_id, resource_type from top_up
             where is_on = 1 and check_at <= $1 order by check_at limit $3)
         returning company_id, resource_type")
    .bind(now)
    .bind(next)
    .bind(limit)
    .all(tx)
    .await?;
    let mut found = Vec::with_capacity(due.len());
    let companies: Vec<i64> = due.iter().map(|row| row.0).collect();
    if !companies.is_empty() {
        let all: Vec<TopUp> = sql(TOP_UP).push("where t.company_id in ").push_list(&companies).all(tx).await?;
        found.extend(all.into_iter().filter(|t| due.contains(&(t.company_id, t.resource_type))));
    }
    Ok(found)
}

/// An order of a top-up.
#[derive(Debug, Clone, FromRow)]
pub struct OrderOfTopUp {
    pub id: i64,
    state: String,
    method: Option<String>,
    /// With VAT, in minor units.
    pub total: i64,
    pub created_at: i64,
}

impl OrderOfTopUp {
    #[must_use]
    pub fn state(&self) -> Option<OrderState> {
        OrderState::from_slug(&self.state)
    }

    #[must_use]
    pub fn is_by_card(&self) -> bool {
        self.method.as_deref() == Some(Method::Card.slug())
    }
}

/// The latest order of a top-up.
pub async fn last_order(tx: &mut Tx, company_id: i64, of: ResourceType) -> Result<Option<OrderOfTopUp>> {
    sql("select id, state, method, total, created_at from purchase_order where company_id = $1 and top_up_type = $2
         order by id desc limit 1")
    .bind(company_id)
    .bind(of)
    .optional(tx)
    .await
}

/// What a top-up's orders since a moment come to with VAT, without those that were cancelled.
pub async fn ordered_since(tx: &mut Tx, company_id: i64, of: ResourceType, since: Moment) -> Result<i64> {
    let (sum,): (i64,) = sql("select cast(coalesce(sum(total), 0) as bigint) from purchase_order
         where company_id = $1 and top_up_type = $2 and state in ('awaiting_payment', 'paid') and placed_at >= $3")
    .bind(company_id)
    .bind(of)
    .bind(since)
    .one(tx)
    .await?;
    Ok(sum)
}

/// Marks a draft as a top-up's.
pub async fn mark_order(tx: &mut WriteTx, order_id: i64, of: ResourceType) -> Result<()> {
    sql("update purchase_order set top_up_type = $2 where id = $1 and state = 'draft'")
        .bind(order_id)
        .bind(of)
        .run(tx)
        .await?;
    Ok(())
}

/// How many of its last orders, up to `most`, were cancelled because the saved card could not be charged, since somebody
/// set the top-up.
pub async fn failures_in_a_row(tx: &mut Tx, top_up: &TopUp, most: i64) -> Result<i64> {
    let (failures,): (i64,) = sql("select count(*) from (
             select o.id, o.state from purchase_order o
             where o.company_id = $1 and o.top_up_type = $2 and o.created_at >= $3 order by o.id desc limit $4) last
         where last.state = 'cancelled' and exists (select 1 from payment p
             where p.order_id = last.id and p.state = 'failed' and p.customer is not null)")
    .bind(top_up.company_id)
    .bind(top_up.resource_type)
    .bind(top_up.set_at)
    .bind(most)
    .one(tx)
    .await?;
    Ok(failures)
}

/// The order waits for its payer, so that its failed payment is no failure. Returns whether this is new.
pub async fn wait_for_payer(tx: &mut WriteTx, order_id: i64) -> Result<bool> {
    let changed = sql("update top_up set waits_for = $1
         where coalesce(waits_for, 0) <> $1 and exists (select 1 from purchase_order o where o.id = $1
             and o.company_id = top_up.company_id and o.top_up_type = top_up.resource_type)")
    .bind(order_id)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// A card that a company has saved.
#[derive(Debug, Clone, FromRow)]
pub struct SavedCard {
    pub provider: String,
    pub customer: String,
    pub method: String,
    /// "Visa ending in 4242, until 12/2028".
    pub label: String,
}

/// The saved card of a company.
pub async fn card(tx: &mut Tx, company_id: i64) -> Result<Option<SavedCard>> {
    sql("select provider, customer, method, label from saved_card where company_id = $1")
        .bind(company_id)
        .optional(tx)
        .await
}

/// Saves a company's card in place of an earlier one.
pub async fn save_card(tx: &mut WriteTx, company_id: i64, person_id: i64, card: &SavedCard, now: Moment) -> Result<()> {
    sql("insert into saved_card (company_id, provider, customer, method, label, saved_by, saved_at)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (company_id) do update set provider = excluded.provider, customer = excluded.customer,
             method = excluded.method, label = excluded.label, saved_by = excluded.saved_by, saved_at = excluded.saved_at")
    .bind(company_id)
    .bind(&card.provider)
    .bind(&card.customer)
    .bind(&card.method)
    .bind(&card.label)
    .bind(person_id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(())
}

/// Forgets a company's card; returns whether it had one.
pub async fn forget_card(tx: &mut WriteTx, company_id: i64) -> Result<bool> {
    Ok(sql("delete from saved_card where company_id = $1").bind(company_id).run(tx).await? > 0)
}

/// A page on which a card is saved.
#[derive(Debug, Clone, FromRow)]
pub struct Setup {
    pub reference: String,
    pub company_id: i64,
    pub person_id: i64,
    pub session_id: Option<String>,
    pub created_at: i64,
}

pub async fn begin_setup(tx: &mut WriteTx, setup: &Setup, provider: &str) -> Result<()> {
    sql("insert into card_setup (reference, company_id, person_id, provider, created_at) values ($1, $2, $3, $4, $5)")
        .bind(&setup.reference)
        .bind(setup.company_id)
        .bind(setup.person_id)
        .bind(provider)
        .bind(setup.created_at)
        .run(tx)
        .await?;
    Ok(())
}

pub async fn set_setup_session(tx: &mut WriteTx, reference: &str, session_id: &str) -> Result<()> {
    sql("update card_setup set session_id = $2 where reference = $1").bind(reference).bind(session_id).run(tx).await?;
    Ok(())
}

/// The pages of a company, or of all, that are still open, oldest first.
pub async fn open_setups(tx: &mut Tx, provider: &str, company_id: Option<i64>, limit: i64) -> Result<Vec<Setup>> {
    sql("select reference, company_id, person_id, session_id, created_at from card_setup
         where provider = $1 and ended_at is null and (cast($2 as bigint) is null or company_id = $2)
         order by created_at limit $3")
    .bind(provider)
    .bind(company_id)
    .bind(limit)
    .all(tx)
    .await
}

/// Ends a page; returns whether it was open.
pub async fn end_setup(tx: &mut WriteTx, reference: &str, now: Moment) -> Result<bool> {
    let ended = sql("update card_setup set ended_at = $2 where reference = $1 and ended_at is null");
    Ok(ended.bind(reference).bind(now).run(tx).await? > 0)
}
