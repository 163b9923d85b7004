//! Licences and their signed keys, past and present. A unique index ensures that a licence has one key that is not
//! revoked.

use sqlx::FromRow;

use super::db::{Query, Result, Tx, WriteTx, columns, sql};
use super::ledger::reserve;
use crate::model::company::{Path, searchable};
use crate::model::licence::REHOSTS_MAX;
use crate::model::time::Moment;

/// A licence with its live key.
#[derive(Debug, Clone, FromRow)]
pub struct LicenceRow {
    pub id: i64,
    pub order_id: i64,
    pub company_id: i64,
    pub company_name: String,
    /// Path of the company that bought it.
    pub company_path: String,
    pub product_id: i64,
    pub version: i64,
    pub name: String,
    pub serial: String,
    pub issued_at: i64,
    pub expires_at: Option<i64>,
    pub rehosts: i64,
    pub key_id: i64,
    pub signed: String,
}

const LICENCE: &str = "select l.id, l.order_id, l.company_id, c.name as company_name, c.path as company_path,
         l.product_id, l.version, l.name, l.serial, l.issued_at, l.expires_at, l.rehosts, k.id as key_id, k.signed
     from licence l join company c on c.id = l.company_id
     join licence_key k on k.licence_id = l.id and k.revoked_at is null where ";

columns! {
    /// A licence to issue, with its key.
    #[derive(Debug)]
    pub struct NewLicence {
        pub id: i64,
        pub key_id: i64,
        pub line: i64,
        pub product_id: i64,
        pub version: i64,
        pub name: String,
        pub serial: String,
        pub serial_search: String,
        pub expires_at: Option<i64>,
        pub signed: String,
    }
}

/// Reserves ids for licences and their keys.
pub async fn reserve_ids(tx: &mut WriteTx, count: i64) -> Result<Vec<(i64, i64)>> {
    let licences = reserve(tx, "licence", count).await?;
    let keys = reserve(tx, "licence_key", count).await?;
    Ok(licences.into_iter().zip(keys).collect())
}

/// Stores the licences and keys of a paid order.
pub async fn insert(
    tx: &mut WriteTx,
    (order_id, company_id): (i64, i64),
    new: &[NewLicence],
    now: Moment,
) -> Result<()> {
    sql("insert into licence (id, order_id, line, company_id, product_id, version, name, serial, serial_search,
             issued_at, expires_at)
         select id, $2, line, $3, product_id, version, name, serial, serial_search, $4, expires_at from {rows} r")
    .bind_rows(new)
    .bind(order_id)
    .bind(company_id)
    .bind(now)
    .run(tx)
    .await?;
    sql("insert into licence_key (id, licence_id, serial, signed, issued_at)
         select key_id, id, serial, signed, $2 from {rows} r")
    .bind_rows(new)
    .bind(now)
    .run(tx)
    .await?;
    Ok(())
}

/// Line numbers and terms in months of an order's licence lines; no term means the licence never ends.
pub async fn terms(tx: &mut Tx, order_id: i64) -> Result<Vec<(i64, Option<i64>)>> {
    sql("select l.line, v.term_months from order_line l
         join product_version v on v.product_id = l.product_id and v.version = l.version where l.order_id = $1")
    .bind(order_id)
    .all(tx)
    .await
}

/// A page of an order's licences, in the order of its lines.
pub async fn of_order(tx: &mut Tx, order_id: i64, after: i64, limit: i64) -> Result<Vec<LicenceRow>> {
    sql(LICENCE)
        .push("l.order_id = ")
        .push_value(order_id)
        .push(" and l.id > ")
        .push_value(after)
        .push(" order by l.id limit ")
        .push_value(limit)
        .all(tx)
        .await
}

/// Who sees a licence: the tree that bought it, and the tree that has the device if the buyer is the device's company
/// or one above it.
fn seen_from(query: Query, tree: &Path) -> Query {
    query
        .push(" and ((")
        .push_tree("c.path", tree)
        .push(
            ") or exists (select 1 from device d join company o on o.id = d.company_id
             where d.serial_search = l.serial_search and d.removed_at is null
             and substr(o.path, 1, length(c.path)) = c.path and ",
        )
        .push_tree("o.path", tree)
        .push(")) ")
}

/// Finds a licence that a tree sees.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<LicenceRow>> {
    seen_from(sql(LICENCE).push("l.id = ").push_value(id), tree).optional(tx).await
}

/// The licences of a device that a tree sees, newest first.
pub async fn of_serial(tx: &mut Tx, tree: &Path, serial: &str, limit: i64) -> Result<Vec<LicenceRow>> {
    seen_from(sql(LICENCE).push("l.serial_search = ").push_value(searchable(serial)), tree)
        .push("order by l.id desc limit ")
        .push_value(limit)
        .all(tx)
        .await
}

/// An unexpired licence: its device, and when it ends.
#[derive(Debug, Clone, FromRow)]
pub struct Held {
    pub serial_search: String,
    pub product_id: i64,
    pub expires_at: Option<i64>,
}

/// The unexpired licences that a tree has bought for devices.
pub async fn held(tx: &mut Tx, tree: &Path, serials: &[String], now: Moment) -> Result<Vec<Held>> {
    let wanted: Vec<String> = serials.iter().map(|s| searchable(s)).collect();
    sql("select l.serial_search, l.product_id, l.expires_at from licence l join company c on c.id = l.company_id
         where l.serial_search in {list} and c.path >= $2 and c.path < $3 and (l.expires_at is null or l.expires_at > $4)")
    .bind_list(&wanted)
    .bind_tree(tree)
    .bind(now)
    .all(tx)
    .await
}

/// A current or former key of a licence.
#[derive(Debug, Clone, FromRow)]
pub struct KeyRow {
    pub id: i64,
    pub serial: String,
    pub issued_at: i64,
    pub revoked_at: Option<i64>,
    pub revoked_by: Option<String>,
    pub reason: String,
}

/// The keys of a licence, newest first.
pub async fn keys(tx: &mut Tx, licence_id: i64) -> Result<Vec<KeyRow>> {
    sql("select k.id, k.serial, k.issued_at, k.revoked_at, p.email as revoked_by, k.reason
         from licence_key k left join person p on p.id = k.revoked_by where k.licence_id = $1 order by k.id desc")
    .bind(licence_id)
    .all(tx)
    .await
}

/// Moves a licence to another device, and locks it; `false` if it has no moves left.
pub async fn rehost(tx: &mut WriteTx, id: i64, serial: &str) -> Result<bool> {
    let changed = sql("update licence set serial = $2, serial_search = $3, rehosts = rehosts + 1
         where id = $1 and rehosts < $4")
    .bind(id)
    .bind(serial)
    .bind(searchable(serial))
    .bind(REHOSTS_MAX)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Revokes a key; `false` if it already is.
pub async fn revoke(tx: &mut WriteTx, key_id: i64, by: i64, reason: &str, now: Moment) -> Result<bool> {
    let changed = sql("update licence_key set revoked_at = $2, revoked_by = $3, reason = $4
         where id = $1 and revoked_at is null")
    .bind(key_id)
    .bind(now)
    .bind(by)
    .bind(reason)
    .run(tx)
    .await?;
    Ok(changed > 0)
}

/// Reserves the id of a further key.
pub async fn reserve_key(tx: &mut WriteTx) -> Result<i64> {
    Ok(reserve(tx, "licence_key", 1).await?[0])
}

/// Adds a key to a licence whose former one is revoked.
///
/// # Errors
/// A unique violation if it is not.
pub async fn add_key(
    tx: &mut WriteTx,
    (key_id, licence_id): (i64, i64),
    (serial, signed): (&str, &str),
    now: Moment,
) -> Result<()> {
    sql("insert into licence_key (id, licence_id, serial, signed, issued_at) values ($1, $2, $3, $4, $5)")
        .bind(key_id)
        .bind(licence_id)
        .bind(serial)
        .bind(signed)
        .bind(now)
        .run(tx)
        .await?;
    Ok(())
}

/// How many keys were ever revoked, and the ids of those whose licence has not expired.
pub async fn revoked(tx: &mut Tx, now: Moment) -> Result<(i64, Vec<i64>)> {
    let (count,): (i64,) = sql("select count(*) from licence_key where revoked_at is not null").one(tx).await?;
    let ids: Vec<(i64,)> = sql("select k.id from licence_key k join licence l on l.id = k.licence_id
         where k.revoked_at is not null and (l.expires_at is null or l.expires_at > $1)")
    .bind(now)
    .all(tx)
    .await?;
    Ok((count, ids.into_iter().map(|row| row.0).collect()))
}
