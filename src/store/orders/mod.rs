//! Orders and their lines. To change an order, lock it first ([`lock`]), or guard the statement by the state that it
//! leaves.

mod codes;
mod lines;

use super::company_scope::{CompanyScope, Listed, Order, Part};
use super::db::{Query, Result, Tx, WriteTx, sql};
use super::ledger::reserve;
use crate::model::company::Path;
use crate::model::order::{Method, OrderState};
use crate::model::time::Moment;
use sqlx::FromRow;

pub use codes::{is_being_made, set_codes_late, set_codes_made, stop_codes, with_late_codes};
pub use lines::{
    add_line, add_serials, lines, remove_line, serials, set_line_vat, set_reverse_charge, set_taken_back, set_totals,
    taken_back,
};

/// An order as stored. Money is in minor units of `currency`.
#[derive(Debug, Clone, FromRow)]
pub struct OrderRow {
    pub id: i64,
    pub company_id: i64,
    pub company_name: String,
    pub created_by: i64,
    pub created_by_email: String,
    pub kind: String,
    state: String,
    method: Option<String>,
    pub currency: String,
    pub net: i64,
    pub vat: i64,
    pub total: i64,
    pub reverse_charge: i64,
    /// As JSON, since it was placed.
    pub billing: Option<String>,
    pub created_at: i64,
    pub placed_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub cancelled_at: Option<i64>,
    pub expires_at: Option<i64>,
    /// How many codes it gets once paid, without those cancelled before they were created; and how many exist.
    pub codes_wanted: i64,
    pub codes_made: i64,
    /// Since when they cannot be created.
    pub codes_late_since: Option<i64>,
    /// The name of its invoice, if it has one.
    pub invoice: Option<String>,
    pub invoice_id: Option<i64>,
    pub due_at: Option<i64>,
    /// Since when a payment of it is disputed, or was lost.
    pub disputed_at: Option<i64>,
    /// The type of the standing top-up that made it.
    pub top_up_type: Option<i64>,
}

impl OrderRow {
    #[must_use]
    pub fn state(&self) -> OrderState {
        OrderState::from_slug(&self.state).unwrap_or(OrderState::Cancelled)
    }

    #[must_use]
    pub fn method(&self) -> Option<Method> {
        self.method.as_deref().and_then(Method::from_slug)
    }

    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.disputed_at.is_some()
    }

    /// Whether it is paid and a job is still creating its codes.
    #[must_use]
    pub fn is_being_made(&self) -> bool {
        self.codes_made < self.codes_wanted
    }
}

const ORDER: &str =
    "select o.id, o.company_id, c.name as company_name, o.created_by, p.email as created_by_email, o.kind,
         o.state, o.method, o.currency, o.net, o.vat, o.total, o.reverse_charge, o.billing, o.created_at, o.placed_at,
         o.paid_at, o.cancelled_at, o.expires_at, o.codes_wanted, o.codes_made,
         o.codes_late_since, o.disputed_at, o.top_up_type, i.name as invoice, i.id as invoice_id, i.due_at
     from ";
const JOINED: &str = " join company c on c.id = o.company_id join person p on p.id = o.created_by
     left join invoice i on i.order_id = o.id and i.kind = 'invoice'";

/// Whether the order of a code is disputed, as a column.
macro_rules! is_disputed {
    ($code:literal) => {
        concat!(
            "cast(case when exists (select 1 from purchase_order d where d.id = ",
            $code,
            ".order_id and d.disputed_at is not null) then 1 else 0 end as bigint) as is_disputed"
        )
    };
}
pub(crate) use is_disputed;

/// Starts a draft; returns its id.
pub async fn insert(tx: &mut WriteTx, new: &NewOrder<'_>) -> Result<i64> {
    let id = reserve(tx, "order", 1).await?[0];
    sql("insert into purchase_order (id, company_id, created_by, kind, state, currency, net, vat, total, reverse_charge,
             created_at) values ($1, $2, $3, $4, 'draft', $5, 0, 0, 0, $6, $7)")
    .bind(id)
    .bind(new.company_id)
    .bind(new.created_by)
    .bind(new.kind)
    .bind(new.currency)
    .bind(i64::from(new.reverse_charge))
    .bind(new.now)
    .run(tx)
    .await?;
    Ok(id)
}

/// The initial values of a draft.
pub struct NewOrder<'a> {
    pub company_id: i64,
    pub created_by: i64,
    pub kind: &'a str,
    pub currency: &'a str,
    pub reverse_charge: bool,
    pub now: Moment,
}

/// Finds an order within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<OrderRow>> {
    sql(ORDER)
        .push("purchase_order o")
        .push(JOINED)
        .push(" where o.id = ")
        .push_value(id)
        .push(" and ")
        .push_tree("c.path", tree)
        .optional(tx)
        .await
}

/// Locks an order within a tree, and reads it.
pub async fn lock(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<OrderRow>> {
    if tx.is_postgres() {
        let _: Option<(i64,)> =
            sql("select id from purchase_order where id = $1").locked().bind(id).optional(tx).await?;
    }
    find(tx, tree, id).await
}

/// Filters orders.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    pub state: Option<OrderState>,
    /// The last id of the previous page.
    pub cursor: Option<i64>,
    pub limit: i64,
}

/// A page of orders, newest first.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &OrderFilter) -> Result<Vec<OrderRow>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &OrderFilter) -> Query {
    let wanted = |mut query: Query| {
        if let Some(state) = filter.state {
            query = query.push(" and k.state = ").push_value(state.slug());
        }
        if let Some(cursor) = filter.cursor {
            query = query.push(" and k.id < ").push_value(cursor);
        }
        query
    };
    let listed = Listed { table: "purchase_order", walk: "", of_company: "" };
    let part = Part { order: Order::NEWEST, limit: filter.limit, offset: 0 };
    let query = scope.ids(sql(ORDER).push("("), listed, wanted, part);
    query.push(") page join purchase_order o on o.id = page.id").push(JOINED).push(" order by o.id desc")
}

/// Places a draft, which now awaits payment; returns whether it was a draft.
pub async fn place(tx: &mut WriteTx, id: i64, method: Method, billing: &str, now: Moment) -> Result<bool> {
    let changed = sql("update purchase_order set state = 'awaiting_payment', method = $2, billing = $3, placed_at = $4
         where id = $1 and state = 'draft'")
    .bind(id)
    .bind(method.slug())
    .bind(billing)
    .bind(now)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Marks an order as paid, with the number of its codes and when they expire; returns whether it was awaiting payment.
pub async fn set_paid(tx: &mut WriteTx, id: i64, now: Moment, expires_at: Option<Moment>, codes: i64) -> Result<bool> {
    let changed = sql("update purchase_order set state = 'paid', paid_at = $2, expires_at = $3, codes_wanted = $4
         where id = $1 and state = 'awaiting_payment'")
    .bind(id)
    .bind(now)
    .bind(expires_at.map(|at| at.0))
    .bind(codes)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Cancels an unpaid order; returns whether it was unpaid.
pub async fn cancel(tx: &mut WriteTx, id: i64, now: Moment) -> Result<bool> {
    let changed = sql("update purchase_order set state = 'cancelled', cancelled_at = $2
         where id = $1 and state in ('draft', 'awaiting_payment')")
    .bind(id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Whether an order has a licence without end for a device that already has one, bought by this tree, or is about to
/// get one from another order of the same company.
pub async fn held_for_good(tx: &mut Tx, tree: &Path, order_id: i64) -> Result<bool> {
    let found: Option<(i64,)> = sql("select s.line from order_serial s
         join order_line l on l.order_id = s.order_id and l.line = s.line
         join product_version v on v.product_id = l.product_id and v.version = l.version and v.term_months is null
         where s.order_id = $1 and (
             exists (select 1 from licence x join company c on c.id = x.company_id
                 where x.serial_search = s.serial_search and x.product_id = l.product_id and x.expires_at is null
                 and c.path >= $2 and c.path < $3)
             or exists (select 1 from purchase_order o join order_line m on m.order_id = o.id
                 join order_serial r on r.order_id = m.order_id and r.line = m.line
                 where o.company_id = (select company_id from purchase_order where id = $1) and o.id <> $1
                 and o.state = 'awaiting_payment' and m.product_id = l.product_id
                 and r.serial_search = s.serial_search))
         limit 1")
    .bind(order_id)
    .bind_tree(tree)
    .optional(tx)
    .await?;
    Ok(found.is_some())
}

/// Deletes some drafts started before a moment; returns how many.
pub async fn forget_drafts(tx: &mut WriteTx, before: Moment) -> Result<u64> {
    let found: Vec<(i64,)> =
        sql("select id from purchase_order where state = 'draft' and created_at < $1 order by id limit 1000")
            .locking(" for update skip locked")
            .bind(before)
            .all(tx)
            .await?;
    let ids: Vec<i64> = found.into_iter().map(|row| row.0).collect();
    for text in [
        "delete from order_serial where order_id in {list}",
        "delete from order_line where order_id in {list}",
        "delete from purchase_order where id in {list}",
    ] {
        sql(text).bind_list(&ids).run(tx).await?;
    }
    Ok(ids.len() as u64)
}

/// Whether no VAT is added for a company because it accounts for that itself.
pub async fn reverse_charge(tx: &mut Tx, company_id: i64) -> Result<bool> {
    let found: Option<(i64,)> =
        sql("select reverse_charge from company where id = $1").bind(company_id).optional(tx).await?;
    Ok(found.is_some_and(|row| row.0 == 1))
}
