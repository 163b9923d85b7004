//! Devices as lists show them, added, described. What they run on, and until when, changes in
//! `store::ledger` alone.

use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::companies::escape_like;
use super::db::{Query, Result, Tx, WriteTx, columns, sql, sql_for};
use super::reach::{Listed, Order, Part, Reach};
use crate::model::company::{Path, searchable};
use crate::model::device::{DeviceKind, DeviceState};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;

/// A device as it stands.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct Device {
    pub id: i64,
    pub company_id: i64,
    pub company_name: String,
    pub kind: String,
    pub serial: Option<String>,
    pub name: String,
    pub model: String,
    pub monitoring: i64,
    pub service: Option<i64>,
    pub auto_extend: i64,
    pub paid_until: Option<i64>,
    pub state: String,
    pub waiting_since: Option<i64>,
    pub created_at: i64,
}

impl Device {
    /// The serial number, or an apartment's name.
    #[must_use]
    pub fn label(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }

    #[must_use]
    pub fn kind(&self) -> DeviceKind {
        DeviceKind::from_slug(&self.kind).unwrap_or_default()
    }

    #[must_use]
    pub fn state(&self) -> DeviceState {
        DeviceState::from_slug(&self.state).unwrap_or(DeviceState::Off)
    }

    #[must_use]
    pub fn service(&self) -> Option<ResourceType> {
        self.service.and_then(|id| ResourceType::try_from(id).ok())
    }

    #[must_use]
    pub fn is_monitored(&self) -> bool {
        self.monitoring == 1
    }

    #[must_use]
    pub fn extends_itself(&self) -> bool {
        self.auto_extend == 1
    }
}

/// By what a list of devices is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceSort {
    /// By serial number, or an apartment's name.
    #[default]
    Label,
    Id,
}

/// Which devices, in which order, from where.
#[derive(Debug, Clone, Default)]
pub struct DeviceFilter {
    /// Only those of this company, without its subsidiaries'.
    pub company_id: Option<i64>,
    pub state: Option<DeviceState>,
    pub service: Option<ResourceType>,
    /// Part of the serial number, name or model.
    pub text: String,
    pub sort: DeviceSort,
    pub descending: bool,
    /// The label in lower case (or the id) and the id of the last row of the page before.
    pub after: Option<(String, i64)>,
    /// Rows to leave out; a page by `after` is found faster.
    pub offset: i64,
    pub limit: i64,
}

macro_rules! device_columns {
    () => {
        "select k.id, k.company_id, o.name as company_name, k.kind, k.serial, k.name, k.model, k.monitoring, k.service,
             k.auto_extend, k.paid_until, k.state, k.waiting_since, k.created_at "
    };
}

/// A page of devices.
///
/// # Errors
/// Whatever the database says.
pub async fn list(tx: &mut Tx, reach: &Reach, filter: &DeviceFilter) -> Result<Vec<Device>> {
    list_query(reach, filter).all(tx).await
}

/// The query of [`list`]: the ids first, by the index of the list's order.
#[must_use]
pub fn list_query(reach: &Reach, filter: &DeviceFilter) -> Query {
    let order = match (filter.sort, filter.descending) {
        (DeviceSort::Id, newest_first) => Order::by_id(newest_first),
        (DeviceSort::Label, false) => {
            Order { of_k: " order by k.label_search, k.id", of_x: " order by x.label_search, x.id" }
        }
        (DeviceSort::Label, true) => Order {
            of_k: " order by k.label_search desc, k.id desc",
            of_x: " order by x.label_search desc, x.id desc",
        },
    };
    let part = Part { order, limit: filter.limit, offset: filter.offset };
    let query = sql(device_columns!()).push("from (");
    let query = reach.ids(query, filter.listed(), |query| after(wanted(query, filter), filter), part);
    query
        .push(") page join device k on k.id = page.id join company o on o.id = k.company_id")
        .push(order.of_k)
}

impl DeviceFilter {
    /// The indexes of the order, of one state or of all.
    fn listed(&self) -> Listed {
        let (walk, of_company) = match (self.sort, self.state.is_some()) {
            (DeviceSort::Label, false) => (" indexed by device_label", " indexed by device_by_label"),
            (DeviceSort::Label, true) => (" indexed by device_state", " indexed by device_by_state"),
            // The table itself.
            (DeviceSort::Id, false) => (" not indexed", " indexed by device_by_company"),
            (DeviceSort::Id, true) => {
                (" indexed by device_state_and_id", " indexed by device_by_state_and_id")
            }
        };
        Listed { table: "device", walk, of_company }
    }
}

fn wanted(query: Query, filter: &DeviceFilter) -> Query {
    let mut query = query.push(" and k.removed_at is null");
    if let Some(state) = filter.state {
        query = query.push(" and k.state = ").push_value(state.slug());
    }
    if let Some(service) = filter.service {
        query = query.push(" and k.service = ").push_value(service);
    }
    if filter.text.is_empty() {
        return query;
    }
    let pattern = format!("%{}%", escape_like(&searchable(&filter.text)));
    query.push(" and k.search like ").push_value(pattern).push(" escape '\\'")
}

fn after(query: Query, filter: &DeviceFilter) -> Query {
    let Some((key, id)) = &filter.after else { return query.push(" and k.id > 0") };
    let compared = match (filter.sort, filter.descending) {
        (DeviceSort::Label, false) => " and (k.label_search, k.id) > (",
        (DeviceSort::Label, true) => " and (k.label_search, k.id) < (",
        (DeviceSort::Id, false) => return query.push(" and k.id > ").push_value(*id),
        (DeviceSort::Id, true) => return query.push(" and k.id < ").push_value(*id),
    };
    query.push(compared).push_value(key).push(", ").push_value(*id).push(")")
}

/// How many devices a filter fits, whatever the page.
///
/// # Errors
/// Whatever the database says.
pub async fn count(tx: &mut Tx, reach: &Reach, filter: &DeviceFilter) -> Result<i64> {
    let (count,): (i64,) = count_query(reach, filter).one(tx).await?;
    Ok(count)
}

/// The query of [`count`].
#[must_use]
pub fn count_query(reach: &Reach, filter: &DeviceFilter) -> Query {
    // In the order of ids, as the rows of what is searched stand in it.
    let by_id = DeviceFilter { sort: DeviceSort::Id, ..filter.clone() };
    wanted(reach.counted(by_id.listed()), filter)
}

/// A device of a tree.
///
/// # Errors
/// Whatever the database says.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<Device>> {
    Ok(find_many(tx, tree, &[id]).await?.pop())
}

/// Devices of a tree, by id.
///
/// # Errors
/// Whatever the database says.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<Device>> {
    sql(concat!(
        device_columns!(),
        "from device k join company o on o.id = k.company_id
         where k.id in {list} and k.removed_at is null and o.path >= $2 and o.path < $3 order by k.id"
    ))
    .bind_list(ids)
    .bind(tree.as_str())
    .bind(tree.end())
    .all(tx)
    .await
}

/// What is known of a device before it is added.
#[derive(Debug, Clone)]
pub struct NewDevice {
    pub company_id: i64,
    pub kind: DeviceKind,
    /// None for an apartment.
    pub serial: Option<String>,
    pub name: String,
    pub model: String,
}

impl NewDevice {
    fn label(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }

    fn search(&self) -> String {
        searchable(&format!("{} {} {}", self.serial.as_deref().unwrap_or_default(), self.name, self.model))
    }
}

columns! {
    struct NewRow<'a> {
        id: i64,
        company_id: i64,
        kind: &'static str,
        serial: Option<&'a str>,
        serial_search: Option<String>,
        name: &'a str,
        model: &'a str,
        label_search: String,
        search: String,
    }
}

/// Adds devices, without any service yet. Their companies are locked.
///
/// # Errors
/// A unique violation where a serial number is taken.
pub async fn insert(tx: &mut WriteTx, new: &[NewDevice], now: Moment) -> Result<Vec<i64>> {
    let ids = super::ledger::reserve(tx, "device", new.len() as i64).await?;
    let list: Vec<NewRow> = ids
        .iter()
        .zip(new)
        .map(|(id, d)| NewRow {
            id: *id,
            company_id: d.company_id,
            kind: d.kind.slug(),
            serial: d.serial.as_deref(),
            serial_search: d.serial.as_deref().map(searchable),
            name: &d.name,
            model: &d.model,
            label_search: searchable(d.label()),
            search: d.search(),
        })
        .collect();
    sql("insert into device (id, company_id, kind, serial, serial_search, name, model, label_search, search,
             monitoring, auto_extend, state, created_at)
         select id, company_id, kind, serial, serial_search, name, model, label_search, search, 0, 0, 'off', $2
         from {rows} r order by serial_search")
    .bind_rows(&list)
    .bind(now)
    .run(tx)
    .await?;
    sql("update company set devices = company.devices + r.devices
         from (select company_id, count(*) as devices from {rows} n group by 1) r where company.id = r.company_id")
    .bind_rows(&list)
    .run(tx)
    .await?;
    Ok(ids.into_iter().collect())
}

/// Describes a device anew.
///
/// # Errors
/// A unique violation where the serial number is taken.
pub async fn describe(tx: &mut WriteTx, id: i64, device: &NewDevice) -> Result<()> {
    sql("update device set serial = $2, serial_search = $3, name = $4, model = $5, label_search = $6, search = $7
         where id = $1")
    .bind(id)
    .bind(device.serial.clone())
    .bind(device.serial.as_deref().map(searchable))
    .bind(&device.name)
    .bind(&device.model)
    .bind(searchable(device.label()))
    .bind(device.search())
    .run(tx)
    .await?;
    Ok(())
}

/// Those of the serial numbers that some device has, whatever the case, in lower case.
///
/// # Errors
/// Whatever the database says.
pub async fn taken_serials(tx: &mut Tx, serials: &[String]) -> Result<Vec<String>> {
    let wanted: Vec<String> = serials.iter().map(|s| searchable(s)).collect();
    let found: Vec<(String,)> =
        sql("select serial_search from device where serial_search in {list} and removed_at is null")
            .bind_list(&wanted)
            .all(tx)
            .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// The serial number in lower case and the model of each of these devices that a tree has.
///
/// # Errors
/// Whatever the database says.
pub async fn models(tx: &mut Tx, tree: &Path, serials: &[String]) -> Result<Vec<(String, String)>> {
    let wanted: Vec<String> = serials.iter().map(|s| searchable(s)).collect();
    sql("select d.serial_search, d.model from device d join company o on o.id = d.company_id
         where d.serial_search in {list} and d.removed_at is null and o.path >= $2 and o.path < $3")
    .bind_list(&wanted)
    .bind(tree.as_str())
    .bind(tree.end())
    .all(tx)
    .await
}

/// How many devices a tree has, and how many of them are monitored.
///
/// # Errors
/// Whatever the database says.
pub async fn owned(tx: &mut Tx, tree: &Path) -> Result<(i64, i64)> {
    sql("select cast(coalesce(sum(devices), 0) as bigint), cast(coalesce(sum(monitored), 0) as bigint)
         from company where path >= $1 and path < $2")
    .bind(tree.as_str())
    .bind(tree.end())
    .one(tx)
    .await
}

/// Devices whose paid time has passed, the earliest first.
///
/// # Errors
/// Whatever the database says.
pub async fn due(tx: &mut Tx, now: Moment, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql(
        "select id from device where state = 'active' and paid_until <= $1 order by paid_until, id limit $2",
    )
    .bind(now)
    .bind(limit)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

macro_rules! servable_sql {
    ($devices:literal) => {
        concat!(
            "with recursive pool(company_id, resource_type) as (
                 select company_id, resource_type from account where waiting > 0 and kind = 0 and balance > 0
                 union select c.id, pool.resource_type from pool
                 join company c on c.parent_id = pool.company_id and c.use_parent_credits = 1 and c.removed_at is null
                 join account a on a.company_id = c.id and a.resource_type = pool.resource_type and a.kind = 0
                     and a.waiting > 0)
             select d.id from pool join ",
            $devices,
            " order by d.waiting_since, d.id limit $1"
        )
    };
}

/// Devices that wait although there are units for them, the longest waiting of each company first.
///
/// # Errors
/// Whatever the database says.
pub async fn servable(tx: &mut Tx, limit: i64) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql_for(
        servable_sql!(
            "device d on d.id in (select w.id from device w where w.company_id = pool.company_id
                 and w.service = pool.resource_type and w.state = 'waiting' order by w.waiting_since, w.id limit $1)"
        ),
        servable_sql!(
            "lateral (select w.id, w.waiting_since from device w where w.company_id = pool.company_id
                 and w.service = pool.resource_type and w.state = 'waiting'
                 order by w.waiting_since, w.id limit $1) d on true"
        ),
    )
    .bind(limit)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// How many devices wait for units of a company's balance.
///
/// # Errors
/// Whatever the database says.
pub async fn waiting(tx: &mut Tx, company_id: i64, resource_type: ResourceType) -> Result<i64> {
    let row: Option<(i64,)> =
        sql("select waiting from account where company_id = $1 and resource_type = $2 and kind = 0")
            .bind(company_id)
            .bind(resource_type)
            .optional(tx)
            .await?;
    Ok(row.map_or(0, |r| r.0))
}

/// When the tree or a switch in it changes, other balances pay for the devices that wait at or below a
/// company: adds them to (`sign` 1), or takes them from (-1), all that stand above it and pay. To be
/// called before (-1) and after (1) the change, with the company locked.
///
/// # Errors
/// Whatever the database says.
pub async fn shift_waiting(tx: &mut WriteTx, company_id: i64, sign: i64) -> Result<()> {
    sql("with recursive payer(company_id) as (
             select parent_id from company where id = $1 and use_parent_credits = 1
             union all select c.parent_id from payer join company c on c.id = payer.company_id
             where c.use_parent_credits = 1 and c.parent_id is not null)
         insert into account (company_id, resource_type, kind, balance, received_total, waiting)
         select payer.company_id, a.resource_type, 0, 0, 0, a.waiting * $2
         from payer join account a on a.company_id = $1 and a.waiting > 0 where payer.company_id is not null
         order by 1, 2
         on conflict (company_id, resource_type, kind) do update set waiting = account.waiting + excluded.waiting")
    .bind(company_id)
    .bind(sign)
    .run(tx)
    .await?;
    Ok(())
}
