//! Orders and their lines. Whoever changes an order locks it first ([`lock`]), or guards the statement by
//! the state that it leaves.

use sqlx::FromRow;

use super::db::{DbError, Query, Result, Tx, WriteTx, columns, sql};
use super::ledger::{decode, reserve};
use super::reach::{Listed, Order, Part, Reach};
use crate::model::company::Path;
use crate::model::money::VatRate;
use crate::model::order::{Method, OrderLine, OrderState, VoucherWish};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// An order as it stands. Money is in minor units of `currency`.
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
    /// As JSON, from when it was placed.
    pub billing: Option<String>,
    pub created_at: i64,
    pub placed_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub cancelled_at: Option<i64>,
    pub expires_at: Option<i64>,
    /// How many codes it shall have, once it is paid, without those that were cancelled before they were made; and
    /// how many were made.
    pub codes_wanted: i64,
    pub codes_made: i64,
    /// Since when they can't be made.
    pub codes_late_since: Option<i64>,
    /// The name of its invoice, if it has one.
    pub invoice: Option<String>,
    pub invoice_id: Option<i64>,
    pub due_at: Option<i64>,
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

    /// Whether it is paid, and a job is still making its codes.
    #[must_use]
    pub fn is_being_made(&self) -> bool {
        self.codes_made < self.codes_wanted
    }
}

const ORDER: &str = "select o.id, o.company_id, c.name as company_name, o.created_by, p.email as created_by_email, o.kind,
         o.state, o.method, o.currency, o.net, o.vat, o.total, o.reverse_charge, o.billing, o.created_at, o.placed_at,
         o.paid_at, o.cancelled_at, o.expires_at, o.codes_wanted, o.codes_made,
         o.codes_late_since, i.name as invoice, i.id as invoice_id, i.due_at
     from ";
const JOINED: &str = " join company c on c.id = o.company_id join person p on p.id = o.created_by
     left join invoice i on i.order_id = o.id and i.kind = 'invoice'";

/// Begins a draft; its id is given.
///
/// # Errors
/// Whatever the database says.
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

/// What a draft begins with.
pub struct NewOrder<'a> {
    pub company_id: i64,
    pub created_by: i64,
    pub kind: &'a str,
    pub currency: &'a str,
    pub reverse_charge: bool,
    pub now: Moment,
}

/// An order of a tree.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<OrderRow>> {
    sql(ORDER)
        .push("purchase_order o")
        .push(JOINED)
        .push(" where o.id = ")
        .push_value(id)
        .push(" and c.path >= ")
        .push_value(tree.as_str())
        .push(" and c.path < ")
        .push_value(tree.end())
        .optional(tx)
        .await
}

/// Locks an order of a tree, so that nobody else changes it, and reads it.
///
/// # Errors
/// Whatever the database says.
pub async fn lock(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<OrderRow>> {
    if tx.is_postgres() {
        let _: Option<(i64,)> =
            sql("select id from purchase_order where id = $1").locked().bind(id).optional(tx).await?;
    }
    find(tx, tree, id).await
}

/// Which orders.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    pub state: Option<OrderState>,
    /// The last id of the page before.
    pub cursor: Option<i64>,
    pub limit: i64,
}

/// A page of orders, the newest first.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, reach: &Reach, filter: &OrderFilter) -> Result<Vec<OrderRow>> {
    list_query(reach, filter).all(tx).await
}

/// The query of [`list`].
#[must_use]
pub fn list_query(reach: &Reach, filter: &OrderFilter) -> Query {
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
    let query = reach.ids(sql(ORDER).push("("), listed, wanted, part);
    query.push(") page join purchase_order o on o.id = page.id").push(JOINED).push(" order by o.id desc")
}

#[derive(FromRow)]
struct LineRow {
    line: i64,
    product_id: i64,
    version: i64,
    name: String,
    resource_type: Option<i64>,
    years: Option<i64>,
    subscriptions: Option<i64>,
    codes: Option<i64>,
    quantity: i64,
    unit_price: i64,
    net: i64,
    vat_rate: i64,
    vat: i64,
}

impl LineRow {
    fn line(self) -> Result<(i64, OrderLine)> {
        let facts = self.resource_type.zip(self.years).zip(self.subscriptions.zip(self.codes));
        let voucher = match facts {
            None => None,
            Some(((resource_type, years), (subscriptions, codes))) => Some(VoucherWish {
                name: self.name.clone(),
                resource_type: ResourceType::try_from(resource_type).map_err(decode)?,
                years,
                subscriptions,
                codes,
            }),
        };
        let no_rate = || DbError::decode("no such rate of VAT");
        let line = OrderLine {
            product_id: self.product_id,
            version: self.version,
            name: self.name,
            voucher,
            quantity: self.quantity,
            unit_price: self.unit_price,
            net: self.net,
            vat_rate: VatRate::new(self.vat_rate).ok_or_else(no_rate)?,
            vat: self.vat,
        };
        Ok((self.line, line))
    }
}

/// The lines of an order with their numbers, in order.
///
/// # Errors
/// Whatever the database says.
pub async fn lines(tx: &mut Tx, order_id: i64) -> Result<Vec<(i64, OrderLine)>> {
    let found: Vec<LineRow> =
        sql("select line, product_id, version, name, resource_type, years, subscriptions, codes, quantity, unit_price,
                 net, vat_rate, vat from order_line where order_id = $1 order by line")
        .bind(order_id)
        .all(tx)
        .await?;
    found.into_iter().map(LineRow::line).collect()
}

/// Adds a line to an order that its caller has locked.
///
/// # Errors
/// Whatever the database says.
pub async fn add_line(tx: &mut WriteTx, order_id: i64, number: i64, line: &OrderLine) -> Result<()> {
    let voucher = line.voucher.as_ref();
    sql("insert into order_line (order_id, line, product_id, version, name, resource_type, years, subscriptions, codes,
             quantity, unit_price, net, vat_rate, vat)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
    .bind(order_id)
    .bind(number)
    .bind(line.product_id)
    .bind(line.version)
    .bind(&line.name)
    .bind(voucher.map(|v| v.resource_type.id()))
    .bind(voucher.map(|v| v.years))
    .bind(voucher.map(|v| v.subscriptions))
    .bind(voucher.map(|v| v.codes))
    .bind(line.quantity)
    .bind(line.unit_price)
    .bind(line.net)
    .bind(line.vat_rate.hundredths())
    .bind(line.vat)
    .run(tx)
    .await?;
    Ok(())
}

/// Sets the VAT of a line of a draft that its caller has locked.
///
/// # Errors
/// Whatever the database says.
pub async fn set_line_vat(tx: &mut WriteTx, order_id: i64, number: i64, line: &OrderLine) -> Result<()> {
    sql("update order_line set vat_rate = $3, vat = $4 where order_id = $1 and line = $2")
        .bind(order_id)
        .bind(number)
        .bind(line.vat_rate.hundredths())
        .bind(line.vat)
        .run(tx)
        .await?;
    Ok(())
}

/// Sets whether a draft is without VAT, as its company is now.
///
/// # Errors
/// Whatever the database says.
pub async fn set_reverse_charge(tx: &mut WriteTx, order_id: i64, on: bool) -> Result<()> {
    sql("update purchase_order set reverse_charge = $2 where id = $1 and state = 'draft'")
        .bind(order_id)
        .bind(on)
        .run(tx)
        .await?;
    Ok(())
}

/// Takes a line out of an order that its caller has locked; tells whether it was there.
///
/// # Errors
/// Whatever the database says.
pub async fn remove_line(tx: &mut WriteTx, order_id: i64, number: i64) -> Result<bool> {
    sql("delete from order_serial where order_id = $1 and line = $2")
        .bind(order_id)
        .bind(number)
        .run(tx)
        .await?;
    let removed = sql("delete from order_line where order_id = $1 and line = $2")
        .bind(order_id)
        .bind(number)
        .run(tx)
        .await?;
    Ok(removed > 0)
}

/// Sets what the lines of a draft come to.
///
/// # Errors
/// Whatever the database says.
pub async fn set_totals(tx: &mut WriteTx, order_id: i64, net: i64, vat: i64) -> Result<bool> {
    let changed =
        sql("update purchase_order set net = $2, vat = $3, total = $4 where id = $1 and state = 'draft'")
            .bind(order_id)
            .bind(net)
            .bind(vat)
            .bind(net + vat)
            .run(tx)
            .await?;
    Ok(changed > 0)
}

columns! {
    struct SerialRow<'a> {
        serial: &'a str,
        search: String,
    }
}

/// Says which devices a line of licences is for.
///
/// # Errors
/// Whatever the database says; a unique violation where one stands twice.
pub async fn add_serials(tx: &mut WriteTx, order_id: i64, line: i64, serials: &[String]) -> Result<()> {
    let new: Vec<_> = serials
        .iter()
        .map(|serial| SerialRow { serial, search: crate::model::company::searchable(serial) })
        .collect();
    sql("insert into order_serial (order_id, line, serial, serial_search)
         select $1, $2, r.serial, r.search from {rows} r")
    .bind(order_id)
    .bind(line)
    .bind_rows(&new)
    .run(tx)
    .await?;
    Ok(())
}

/// The devices of an order's lines of licences: line and serial number.
///
/// # Errors
/// Whatever the database says.
pub async fn serials(tx: &mut Tx, order_id: i64) -> Result<Vec<(i64, String)>> {
    sql("select line, serial from order_serial where order_id = $1 order by line, serial_search")
        .bind(order_id)
        .all(tx)
        .await
}

/// Places a draft: from now on it is to be paid. Tells whether it was one.
///
/// # Errors
/// Whatever the database says.
pub async fn place(tx: &mut WriteTx, id: i64, method: Method, billing: &str, now: Moment) -> Result<bool> {
    let changed =
        sql("update purchase_order set state = 'awaiting_payment', method = $2, billing = $3, placed_at = $4
         where id = $1 and state = 'draft'")
        .bind(id)
        .bind(method.slug())
        .bind(billing)
        .bind(now)
        .run(tx)
        .await?;
    Ok(changed > 0)
}

/// Marks an order as paid: it shall have so many codes, which expire then. Tells whether it was waiting for that.
///
/// # Errors
/// Whatever the database says.
pub async fn set_paid(
    tx: &mut WriteTx,
    id: i64,
    now: Moment,
    expires_at: Option<Moment>,
    codes: i64,
) -> Result<bool> {
    let changed =
        sql("update purchase_order set state = 'paid', paid_at = $2, expires_at = $3, codes_wanted = $4
         where id = $1 and state = 'awaiting_payment'")
        .bind(id)
        .bind(now)
        .bind(expires_at.map(|at| at.0))
        .bind(codes)
        .run(tx)
        .await?;
    Ok(changed > 0)
}

/// Counts codes that were made for a paid order; false where others were made meanwhile, or they are not wanted.
///
/// # Errors
/// Whatever the database says.
pub async fn set_codes_made(tx: &mut WriteTx, id: i64, before: i64, made: i64) -> Result<bool> {
    let changed = sql("update purchase_order set codes_made = $3, codes_late_since = null
         where id = $1 and codes_made = $2 and codes_wanted >= $3 and state = 'paid'")
    .bind(id)
    .bind(before)
    .bind(made)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// No more codes are made for an order that its caller has locked.
///
/// # Errors
/// Whatever the database says.
pub async fn stop_codes(tx: &mut WriteTx, id: i64) -> Result<()> {
    sql("update purchase_order set codes_wanted = codes_made where id = $1").bind(id).run(tx).await?;
    Ok(())
}

/// Notes that codes of an order could not be made now.
///
/// # Errors
/// Whatever the database says.
pub async fn set_codes_late(tx: &mut WriteTx, id: i64, now: Moment) -> Result<()> {
    sql("update purchase_order set codes_late_since = $2
         where id = $1 and codes_made < codes_wanted and codes_late_since is null")
    .bind(id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(())
}

/// Orders whose codes can't be made now: their numbers, and since when.
///
/// # Errors
/// Whatever the database says.
pub async fn with_late_codes(tx: &mut Tx, limit: i64) -> Result<Vec<(i64, i64)>> {
    sql("select id, codes_late_since from purchase_order
         where codes_made < codes_wanted and codes_late_since is not null order by company_id, id limit $1")
    .bind(limit)
    .all(tx)
    .await
}

/// Whether codes of an order are still being made.
///
/// # Errors
/// Whatever the database says.
pub async fn is_being_made(tx: &mut Tx, id: i64) -> Result<bool> {
    let found: Option<(i64,)> =
        sql("select id from purchase_order where id = $1 and codes_made < codes_wanted")
            .bind(id)
            .optional(tx)
            .await?;
    Ok(found.is_some())
}

/// Cancels an order that nobody has paid; tells whether it was one.
///
/// # Errors
/// Whatever the database says.
pub async fn cancel(tx: &mut WriteTx, id: i64, now: Moment) -> Result<bool> {
    let changed = sql("update purchase_order set state = 'cancelled', cancelled_at = $2
         where id = $1 and state in ('draft', 'awaiting_payment')")
    .bind(id)
    .bind(now)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Whether an order has a licence without an end for a device that has it already, bought by this tree, or that
/// another order of the same company is about to give it.
///
/// # Errors
/// Whatever the database says.
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
    .bind(tree.as_str())
    .bind(tree.end())
    .optional(tx)
    .await?;
    Ok(found.is_some())
}

/// Forgets some drafts that were begun before a moment; tells how many.
///
/// # Errors
/// Whatever the database says.
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

/// Whether no VAT is added for a company: it accounts for that itself.
///
/// # Errors
/// Whatever the database says.
pub async fn reverse_charge(tx: &mut Tx, company_id: i64) -> Result<bool> {
    let found: Option<(i64,)> =
        sql("select reverse_charge from company where id = $1").bind(company_id).optional(tx).await?;
    Ok(found.is_some_and(|row| row.0 == 1))
}
