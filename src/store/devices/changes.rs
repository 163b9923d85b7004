//! Adding devices and editing their descriptions.

use crate::model::company::searchable;
use crate::model::device::DeviceKind;
use crate::model::time::Moment;
use crate::store::db::{Result, WriteTx, columns, sql};

/// A device to be added.
#[derive(Debug, Clone)]
pub struct NewDevice {
    pub company_id: i64,
    pub kind: DeviceKind,
    /// `None` for an apartment.
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

/// Adds devices, not yet with a service. Their companies must be locked.
///
/// # Errors
/// A unique violation if a serial number is taken.
pub async fn insert(tx: &mut WriteTx, new: &[NewDevice], now: Moment) -> Result<Vec<i64>> {
    let ids = crate::store::ledger::reserve(tx, "device", new.len() as i64).await?;
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

/// Replaces a device's description.
///
/// # Errors
/// A unique violation if the serial number is taken.
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
