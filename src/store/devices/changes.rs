//! Adding devices and editing their descriptions.

use crate::model::company::searchable;
use crate::model::device::DeviceKind;
use crate::model::hardware::mac_digits;
use crate::model::time::Moment;
use crate::store::db::{Result, WriteTx, columns, sql};

/// A device to be added, or a device as it is described from now on.
#[derive(Debug, Clone, Default)]
pub struct NewDevice {
    pub company_id: i64,
    pub kind: DeviceKind,
    /// `None` for an apartment.
    pub serial: Option<String>,
    pub name: String,
    pub model: String,
    pub mac: String,
    pub imei: String,
    pub series: String,
    pub description: String,
}

impl NewDevice {
    /// The serial number, or an apartment's name.
    #[must_use]
    pub fn label(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }

    fn row(&self, id: i64) -> DeviceRow<'_> {
        let serial = self.serial.as_deref();
        let NewDevice { name, model, mac, imei, series, description, .. } = self;
        let parts = [serial.unwrap_or_default(), name, model, mac, imei];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        DeviceRow {
            id,
            company_id: self.company_id,
            kind: self.kind.slug(),
            serial,
            serial_search: serial.map(searchable),
            name,
            model,
            mac,
            mac_search: mac_digits(mac).unwrap_or_default(),
            imei,
            series,
            description,
            label_search: searchable(self.label()),
            search: searchable(&parts.join(" ")),
        }
    }
}

columns! {
    struct DeviceRow<'a> {
        id: i64,
        company_id: i64,
        kind: &'static str,
        serial: Option<&'a str>,
        serial_search: Option<String>,
        name: &'a str,
        model: &'a str,
        mac: &'a str,
        mac_search: String,
        imei: &'a str,
        series: &'a str,
        description: &'a str,
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
    let list: Vec<DeviceRow> = ids.iter().zip(new).map(|(id, device)| device.row(*id)).collect();
    sql("insert into device (id, company_id, kind, serial, serial_search, name, model, mac, mac_search, imei, series,
             description, label_search, search, monitoring, auto_extend, state, created_at)
         select id, company_id, kind, serial, serial_search, name, model, mac, mac_search, imei, series,
             description, label_search, search, 0, 0, 'off', $2
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

/// Replaces the descriptions of devices.
///
/// # Errors
/// A unique violation if a serial number is taken.
pub async fn describe(tx: &mut WriteTx, devices: &[(i64, NewDevice)]) -> Result<()> {
    let rows: Vec<DeviceRow> = devices.iter().map(|(id, device)| device.row(*id)).collect();
    sql("update device set serial = r.serial, serial_search = r.serial_search, name = r.name, model = r.model,
             mac = r.mac, mac_search = r.mac_search, imei = r.imei, series = r.series, description = r.description,
             label_search = r.label_search, search = r.search
         from {rows} r where device.id = r.id")
    .bind_rows(&rows)
    .run(tx)
    .await?;
    Ok(())
}

/// Notes that a person changed devices.
pub async fn touch(tx: &mut WriteTx, ids: &[i64], now: Moment) -> Result<()> {
    sql("update device set updated_at = $2 where id in {list}").bind_list(ids).bind(now).later(tx).await
}
