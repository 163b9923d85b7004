//! The devices of a batch: those it names, and those waiting for the units it brings; and the counts of devices.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::FromRow;

use super::decode;
use super::rows::resource_type;
use crate::model::device::{DeviceFacts, DeviceState};
use crate::model::ledger::{Ledger, SERVED_MAX};
use crate::model::resources::ResourceType;
use crate::model::time::Moment;
use crate::store::db::{DbError, Query, Result, WriteTx, columns, sql};

macro_rules! device_columns {
    () => {
        "d.id, d.company_id, coalesce(d.serial, d.name) as label, d.monitoring, d.service, d.auto_extend, d.paid_until,
             d.state, d.waiting_since"
    };
}

/// The devices of these ids.
pub fn by_id(ids: &BTreeSet<i64>) -> Query {
    sql(concat!("select ", device_columns!(), " from device d where d.id in {list} and d.removed_at is null"))
        .bind_list(ids)
}

columns! {
    struct PoolRow {
        company_id: i64,
        resource_type: i64,
    }
}

/// The devices that wait for units of these types arriving at these companies, the longest waiting of each company
/// first; `None` if nothing arrives. A pool's companies are those that draw on it; only branches with waiting
/// devices are walked.
pub fn waiting(arrivals: &BTreeSet<(i64, ResourceType)>) -> Option<Query> {
    let pools: Vec<_> =
        arrivals.iter().map(|(company_id, t)| PoolRow { company_id: *company_id, resource_type: t.id() }).collect();
    let query = sql("with recursive pool(company_id, resource_type) as (
             select company_id, resource_type from {rows} r
             union select c.id, pool.resource_type from pool
             join company c on c.parent_id = pool.company_id and c.use_parent_credits = 1 and c.removed_at is null
             join account a on a.company_id = c.id and a.resource_type = pool.resource_type and a.kind = 0
                 and a.waiting > 0)")
    .bind_rows(&pools)
    .push(concat!(" select ", device_columns!(), " from pool "))
    .push_for(
        "join device d on d.id in (select w.id from device w where w.company_id = pool.company_id
             and w.service = pool.resource_type and w.state = 'waiting' order by w.waiting_since, w.id limit $2)",
        "cross join lateral (select w.* from device w where w.company_id = pool.company_id
             and w.service = pool.resource_type and w.state = 'waiting' order by w.waiting_since, w.id limit $2) d",
    )
    .push(" order by d.waiting_since, d.id limit $2");
    let limit = (SERVED_MAX * pools.len().min(4)) as i64;
    (!pools.is_empty()).then(|| query.bind(limit))
}

/// A row of `device`.
#[derive(FromRow)]
pub struct DeviceRow {
    id: i64,
    company_id: i64,
    label: String,
    monitoring: i64,
    service: Option<i64>,
    auto_extend: i64,
    paid_until: Option<i64>,
    state: String,
    waiting_since: Option<i64>,
}

impl DeviceRow {
    pub fn facts(self) -> Result<DeviceFacts> {
        let state = DeviceState::from_slug(&self.state);
        Ok(DeviceFacts {
            id: self.id,
            company_id: self.company_id,
            label: self.label,
            monitoring: self.monitoring == 1,
            service: self.service.map(resource_type).transpose()?,
            auto_extend: self.auto_extend == 1,
            paid_until: self.paid_until.map(Moment),
            state: state.ok_or_else(|| DbError::decode("no such state of a device"))?,
            waiting_since: self.waiting_since.map(Moment),
            removed_at: None,
        })
    }
}

columns! {
    struct ChangedRow {
        id: i64,
        company_id: i64,
        monitoring: i64,
        service: Option<i64>,
        auto_extend: i64,
        paid_until: Option<i64>,
        state: &'static str,
        waiting_since: Option<i64>,
        removed_at: Option<i64>,
    }
}

columns! {
    struct CountRow {
        company_id: i64,
        resource_type: i64,
        day: i64,
        devices: i64,
    }
}

columns! {
    struct DayRow {
        company_id: i64,
        resource_type: i64,
        day: i64,
    }
}

impl DayRow {
    fn of(count: &CountRow) -> DayRow {
        let CountRow { company_id, resource_type, day, .. } = *count;
        DayRow { company_id, resource_type, day }
    }
}

/// Writes the devices that changed, and their counts.
pub async fn save(tx: &mut WriteTx, ledger: &Ledger) -> Result<()> {
    if ledger.changes().devices.is_empty() {
        return Ok(());
    }
    let mut changed: Vec<&DeviceFacts> = Vec::new();
    for id in ledger.changes().devices.keys() {
        changed.extend(ledger.device(*id).map_err(decode)?);
    }
    write_rows(tx, &changed).await?;
    let (mut days, mut waiting, mut owned) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (before, now) in ledger.changes().devices.values().zip(changed) {
        for (device, sign) in [(before, -1), (now, 1)] {
            if let Some((company_id, service, day)) = device.renewal_day() {
                *days.entry((company_id, service.id(), day)).or_insert(0) += sign;
            }
            if let Some((company_id, service)) = device.waits_for() {
                for payer in ledger.payers(company_id).map_err(decode)? {
                    *waiting.entry((payer, service.id(), 0)).or_insert(0) += sign;
                }
            }
            if device.removed_at.is_none() {
                let owns: &mut (i64, i64) = owned.entry(device.company_id).or_default();
                owns.0 += sign;
                owns.1 += sign * i64::from(device.monitoring);
            }
        }
    }
    write_owned(tx, owned).await?;
    write_waiting(tx, &counts(waiting)).await?;
    write_days(tx, &counts(days)).await
}

fn counts(counted: BTreeMap<(i64, i64, i64), i64>) -> Vec<CountRow> {
    counted
        .into_iter()
        .filter(|(_, devices)| *devices != 0)
        .map(|((company_id, resource_type, day), devices)| CountRow { company_id, resource_type, day, devices })
        .collect()
}

async fn write_rows(tx: &mut WriteTx, changed: &[&DeviceFacts]) -> Result<()> {
    let changed: Vec<_> = changed
        .iter()
        .map(|d| ChangedRow {
            id: d.id,
            company_id: d.company_id,
            monitoring: i64::from(d.monitoring),
            service: d.service.map(ResourceType::id),
            auto_extend: i64::from(d.auto_extend),
            paid_until: d.paid_until.map(|m| m.0),
            state: d.state.slug(),
            waiting_since: d.waiting_since.map(|m| m.0),
            removed_at: d.removed_at.map(|m| m.0),
        })
        .collect();
    sql("update device set company_id = r.company_id, monitoring = r.monitoring, service = r.service,
             auto_extend = r.auto_extend, paid_until = r.paid_until, state = r.state,
             waiting_since = r.waiting_since, removed_at = r.removed_at
         from {rows} r where device.id = r.id")
    .bind_rows(&changed)
    .later(tx)
    .await
}

columns! {
    struct OwnedRow {
        company_id: i64,
        devices: i64,
        monitored: i64,
    }
}

/// How many devices each company has, and how many of them are monitored. Whatever changes these has locked the
/// companies first.
async fn write_owned(tx: &mut WriteTx, owned: BTreeMap<i64, (i64, i64)>) -> Result<()> {
    let changed: Vec<OwnedRow> = owned
        .into_iter()
        .filter(|(_, owns)| *owns != (0, 0))
        .map(|(company_id, (devices, monitored))| OwnedRow { company_id, devices, monitored })
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    sql("update company set devices = company.devices + r.devices, monitored = company.monitored + r.monitored
         from {rows} r where company.id = r.company_id")
    .bind_rows(&changed)
    .later(tx)
    .await
}

/// How many devices wait for units of each balance. See also `store::devices::shift_waiting`.
async fn write_waiting(tx: &mut WriteTx, counts: &[CountRow]) -> Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    sql("insert into account (company_id, resource_type, kind, balance, received_total, waiting)
         select company_id, resource_type, 0, 0, 0, devices from {rows} r where true order by 1, 2
         on conflict (company_id, resource_type, kind) do update set waiting = account.waiting + excluded.waiting")
    .bind_rows(counts)
    .later(tx)
    .await
}

/// How many devices renew themselves on which day; days without any have no row.
async fn write_days(tx: &mut WriteTx, counts: &[CountRow]) -> Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    sql("insert into renewal_day (company_id, resource_type, day, devices)
         select company_id, resource_type, day, devices from {rows} r where true order by 1, 2, 3
         on conflict (company_id, resource_type, day) do update set devices = renewal_day.devices + excluded.devices")
    .bind_rows(counts)
    .run(tx)
    .await?;
    let fewer: Vec<DayRow> = counts.iter().filter(|c| c.devices < 0).map(DayRow::of).collect();
    sql("delete from renewal_day where devices = 0 and (company_id, resource_type, day) in
         (select company_id, resource_type, day from {rows} r)")
    .bind_rows(&fewer)
    .later(tx)
    .await
}
