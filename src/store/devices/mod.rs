//! Devices as lists show them; adding and describing them. Only `store::ledger` changes their service and how long it
//! is paid.

mod changes;
mod filter;
mod list;
mod statistics;
mod waiting;

use super::db::{Result, Tx, sql};
use super::tags::DeviceTag;
use crate::model::company::{Path, searchable};
use crate::model::device::{DeviceKind, DeviceState};
use crate::model::resources::ResourceType;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

pub use changes::{NewDevice, describe, insert, touch};
pub use filter::{Fact, Test};
pub use list::{DeviceFilter, DeviceSort, count, count_query, list, list_query};
pub use statistics::{by_model, by_model_query, never_paid, never_paid_query};
pub use waiting::{due, servable, shift_waiting, waiting};

/// A device as stored.
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
    // Outcomes of older versions have none of these.
    #[serde(default)]
    pub mac: String,
    #[serde(default)]
    pub imei: String,
    #[serde(default)]
    pub series: String,
    #[serde(default)]
    pub description: String,
    /// When a person last changed it.
    #[serde(default)]
    pub updated_at: Option<i64>,
    /// Those that the reader sees, by name; added after the row is read.
    #[serde(default)]
    #[sqlx(skip)]
    pub tags: Vec<DeviceTag>,
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

macro_rules! device_columns {
    () => {
        "select k.id, k.company_id, o.name as company_name, k.kind, k.serial, k.name, k.model, k.monitoring, k.service,
             k.auto_extend, k.paid_until, k.state, k.waiting_since, k.created_at, k.mac, k.imei, k.series, k.description,
             k.updated_at "
    };
}
use device_columns;

/// Finds a device within a tree.
pub async fn find(tx: &mut Tx, tree: &Path, id: i64) -> Result<Option<Device>> {
    Ok(find_many(tx, tree, &[id]).await?.pop())
}

/// Finds devices within a tree by id.
pub async fn find_many(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<Device>> {
    sql(concat!(
        device_columns!(),
        "from device k join company o on o.id = k.company_id
         where k.id in {list} and k.removed_at is null and o.path >= $2 and o.path < $3 order by k.id"
    ))
    .bind_list(ids)
    .bind_tree(tree)
    .all(tx)
    .await
}

/// The companies of devices within a tree.
pub async fn companies(tx: &mut Tx, tree: &Path, ids: &[i64]) -> Result<Vec<i64>> {
    let found: Vec<(i64,)> = sql("select distinct d.company_id from device d join company o on o.id = d.company_id
         where d.id in {list} and d.removed_at is null and o.path >= $2 and o.path < $3")
    .bind_list(ids)
    .bind_tree(tree)
    .all(tx)
    .await?;
    Ok(found.into_iter().map(|row| row.0).collect())
}

/// Which of the serial numbers are taken, ignoring case; in lower case.
pub async fn taken_serials(tx: &mut Tx, serials: &[String]) -> Result<Vec<String>> {
    let wanted: Vec<String> = serials.iter().map(|s| searchable(s)).collect();
    let found: Vec<(String,)> =
        sql("select serial_search from device where serial_search in {list} and removed_at is null")
            .bind_list(&wanted)
            .all(tx)
            .await?;
    Ok(found.into_iter().map(|r| r.0).collect())
}

/// Serial number in lower case and model of each of these devices within a tree.
pub async fn models(tx: &mut Tx, tree: &Path, serials: &[String]) -> Result<Vec<(String, String)>> {
    let wanted: Vec<String> = serials.iter().map(|s| searchable(s)).collect();
    sql("select d.serial_search, d.model from device d join company o on o.id = d.company_id
         where d.serial_search in {list} and d.removed_at is null and o.path >= $2 and o.path < $3")
    .bind_list(&wanted)
    .bind_tree(tree)
    .all(tx)
    .await
}

/// The number of a tree's devices, and of those that are monitored.
pub async fn owned(tx: &mut Tx, tree: &Path) -> Result<(i64, i64)> {
    sql("select cast(coalesce(sum(devices), 0) as bigint), cast(coalesce(sum(monitored), 0) as bigint)
         from company where path >= $1 and path < $2")
    .bind_tree(tree)
    .one(tx)
    .await
}
