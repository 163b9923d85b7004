//! Vouchers: codes that belong to an order. Only `store::ledger` changes their value.

use sqlx::FromRow;

use super::codes::CodeRow;
use super::company_scope::{CompanyScope, Listed, Order, Part};
use super::db::{Query, Result, Tx, WriteTx, sql};
use crate::model::company::Path;
use crate::model::ledger::CodeStatus;
use crate::model::time::Moment;

/// A voucher's code; the code itself is still sealed.
#[derive(Debug, Clone, FromRow)]
pub struct VoucherRow {
    #[sqlx(flatten)]
    pub row: CodeRow,
    pub order_id: i64,
    pub order_line: i64,
    /// The code that replaced it, and the one that it replaces.
    pub replaced_by: Option<i64>,
    pub replaces: Option<i64>,
}

const VOUCHER: &str = concat!(
    "select k.id, k.tag, k.company_id, c.name as company_name, k.resource_type, k.amount, k.status,
         k.key_version, k.sealed, k.comment, p.email as created_by, k.created_at, k.expires_at, k.ended_at,
         k.ended_company_name, k.order_id, k.order_line, k.replaced_by,
         (select b.id from code b where b.replaced_by = k.id) as replaces, ",
    crate::store::orders::is_disputed!("k"),
    " from "
);
const JOINED: &str = " join company c on c.id = k.company_id join person p on p.id = k.created_by";

/// A page of the codes of an order line, oldest first.
pub async fn of_line(
    tx: &mut Tx,
    place: (i64, i64),
    status: Option<CodeStatus>,
    after: i64,
    limit: i64,
) -> Result<Vec<VoucherRow>> {
    line_query(place, status, after, limit).all(tx).await
}

/// The query behind [`of_line`].
#[must_use]
pub fn line_query((order_id, line): (i64, i64), status: Option<CodeStatus>, after: i64, limit: i64) -> Query {
    // Named, because SQLite would choose the index of all vouchers' states.
    let index = if status.is_some() { " indexed by code_of_line" } else { " indexed by code_of_order" };
    let mut query = sql(VOUCHER)
        .push("code k")
        .push_for(index, "")
        .push(JOINED)
        .push(" where k.order_id = ")
        .push_value(order_id)
        .push(" and k.order_line = ")
        .push_value(line)
        .push(" and k.id > ")
        .push_value(after);
    if let Some(status) = status {
        query = query.push(" and k.status = ").push_value(status as i64);
    }
    query.push(" order by k.id limit ").push_value(limit)
}

/// Filters vouchers.
#[derive(Debug, Clone, Default)]
pub struct VoucherFilter {
    pub status: Option<CodeStatus>,
    /// The last id of the previous page.
    pub cursor: Option<i64>,
    pub limit: i64,
}

/// A page of the vouchers in scope, newest first.
pub async fn list(tx: &mut Tx, scope: &CompanyScope, filter: &VoucherFilter) -> Result<Vec<VoucherRow>> {
    list_query(scope, filter).all(tx).await
}

/// The query behind [`list`].
#[must_use]
pub fn list_query(scope: &CompanyScope, filter: &VoucherFilter) -> Query {
    let wanted = |mut query: Query| {
        query = query.push(" and k.order_id is not null");
        if let Some(status) = filter.status {
            query = query.push(" and k.status = ").push_value(status as i64);
        }
        if let Some(cursor) = filter.cursor {
            query = query.push(" and k.id < ").push_value(cursor);
        }
        query
    };
    let (walk, of_company) = match filter.status {
        None => (" indexed by code_voucher_by_id", " indexed by code_voucher_by_company"),
        Some(_) => (" indexed by code_voucher_by_status", " indexed by code_voucher"),
    };
    let part = Part { order: Order::NEWEST, limit: filter.limit, offset: 0 };
    let query = scope.ids(sql(VOUCHER).push("("), Listed { table: "code", walk, of_company }, wanted, part);
    query.push(") page join code k on k.id = page.id").push(JOINED).push(" order by k.id desc")
}

/// Finds vouchers within a tree by id.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<VoucherRow>> {
    sql(VOUCHER)
        .push("code k")
        .push(JOINED)
        .push(" where k.order_id is not null and k.id in ")
        .push_list(ids)
        .push(" and ")
        .push_tree("c.path", tree)
        .push(" order by k.id")
        .all(tx)
        .await
}

/// How many codes of an order line are in a state.
#[derive(Debug, Clone, Copy, FromRow)]
pub struct StateCount {
    pub line: i64,
    pub status: i64,
    pub codes: i64,
}

/// An order's codes, counted by line and state.
pub async fn counts(tx: &mut Tx, order_id: i64) -> Result<Vec<StateCount>> {
    sql("select order_line as line, status, count(*) as codes from code where order_id = $1
         group by order_line, status order by order_line, status")
    .bind(order_id)
    .all(tx)
    .await
}

/// The unused codes of an order or of one of its lines, oldest first.
pub async fn unused(tx: &mut Tx, order_id: i64, line: Option<i64>, limit: i64) -> Result<Vec<i64>> {
    let query = sql("select id from code where status = 0 and order_id = ").push_value(order_id);
    let query = match line {
        Some(line) => query.push(" and order_line = ").push_value(line),
        None => query,
    };
    let found: Vec<(i64,)> = query.push(" order by id limit ").push_value(limit).all(tx).await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Unused vouchers that have expired.
pub async fn over(tx: &mut Tx, now: Moment, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql("select id from code where status = 0 and expires_at is not null and expires_at <= $1
         order by expires_at, id limit $2")
    .bind(now)
    .bind(limit)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// An order whose vouchers expire soon, and how many of them are unused.
#[derive(Debug, Clone, FromRow)]
pub struct ExpiringOrder {
    pub id: i64,
    pub billing: String,
    pub expires_at: i64,
    pub warned_days: Option<i64>,
    pub unused: i64,
}

/// Orders whose vouchers expire before `until` and that were not yet warned at `days` days or fewer.
pub async fn expiring(tx: &mut Tx, now: Moment, until: Moment, days: i64) -> Result<Vec<ExpiringOrder>> {
    sql("select o.id, o.billing, o.expires_at, o.warned_days,
             (select count(*) from code k where k.order_id = o.id and k.status = 0) as unused
         from purchase_order o where o.expires_at is not null and o.expires_at > $1 and o.expires_at <= $2
             and o.billing is not null and (o.warned_days is null or o.warned_days > $3)
         order by o.expires_at, o.id limit 100")
    .bind(now)
    .bind(until)
    .bind(days)
    .all(tx)
    .await
}

/// Records a warning; `false` if another process was faster.
pub async fn set_warned(tx: &mut WriteTx, order_id: i64, days: i64) -> Result<bool> {
    let changed = sql("update purchase_order set warned_days = $2
         where id = $1 and (warned_days is null or warned_days > $2)")
    .bind(order_id)
    .bind(days)
    .run(tx)
    .await?;
    Ok(changed > 0)
}
