//! The demo's devices: in every state, with weeks of consumed units.

use crate::app::App;
use crate::demo::{actor, company};
use crate::jobs::renewals;
use crate::model::device::DeviceKind;
use crate::model::resources::ResourceType;
use crate::ops;
use crate::ops::devices::changes::DeviceInput;
use crate::ops::devices::set::DeviceRow;
use crate::ops::devices::tags::{TagChange, TagRow};
use crate::ops::error::OpResult;
use crate::ops::tags::TagInput;
use crate::store::devices::{DeviceFilter, Fact};

/// Day, company, model, service, first serial number and number of devices. Sevilla Solar has no units, so its devices
/// wait.
const FLEETS: [(i64, &str, &str, &str, i64, i64); 9] = [
    (6, "Acme Logistics", "RUT956", "credit", 1_102_840, 18),
    (7, "Acme Logistics North", "RUT956", "credit", 1_102_870, 6),
    (11, "Acme Depot 7", "TRB140", "credit", 1_118_003, 4),
    (16, "Riga Trams", "RUTX11", "credit", 1_120_551, 22),
    (24, "Harbour Café", "RUT241", "credit", 1_131_002, 3),
    (34, "Porto Parking", "RUT956", "credit", 1_140_318, 14),
    (50, "Acme Logistics", "RUTX50", "management_1y", 1_151_770, 5),
    (66, "Vilnius Water", "TRB245", "credit", 1_160_009, 12),
    (75, "Sevilla Solar", "TRB245", "credit", 1_160_101, 3),
];

const APARTMENTS: [&str; 4] = ["Calle Sol 4, 1º A", "Calle Sol 4, 1º B", "Calle Sol 4, 2º A", "Calle Sol 4, ático"];

/// Acts out one of the demo's days for devices.
pub async fn live_a_day(app: &App, day: i64) -> OpResult<()> {
    for (_, company, model, service, first, count) in FLEETS.iter().filter(|f| f.0 == day) {
        for serial in *first..first + count {
            let service = ResourceType::from_slug(service);
            let input = DeviceInput { serial: serial.to_string(), model: (*model).into(), service, ..running() };
            add(app, company, input).await?;
        }
    }
    match day {
        8 => {
            tag(app, "Acme Logistics", "Depot", "#0a7f3f", &["1102840", "1102841", "1102842"]).await?;
            tag(app, "Acme Logistics", "On the road", "#1d5fbf", &["1102843", "1102844"]).await?;
        }
        30 => {
            for name in APARTMENTS {
                let (kind, service) = (DeviceKind::Apartment, Some(ResourceType::APARTMENT_YEAR));
                add(app, "Casa Sol Apartments", DeviceInput { kind, name: name.into(), service, ..running() }).await?;
            }
        }
        // Two trams are out of use, and two are no longer extended.
        40 => set(app, &["1120560", "1120561"], None, Some(false)).await?,
        70 => set(app, &["1120552", "1120553"], Some(false), None).await?,
        _ => {}
    }
    while renewals::run_batch(app, "demo").await? {}
    Ok(())
}

fn running() -> DeviceInput {
    DeviceInput { auto_extend: true, monitoring: true, ..DeviceInput::default() }
}

async fn add(app: &App, company_name: &str, input: DeviceInput) -> OpResult<()> {
    let operator = actor(app, "operator@scrip.test").await?;
    let input = DeviceInput { company_id: company(app, company_name).await?, ..input };
    let key = format!("demo-device-{}{}", input.serial, input.name);
    ops::devices::changes::create(app, &operator, &key, &input).await.map(|_| ())
}

async fn tag(app: &App, company_name: &str, name: &str, color: &str, serials: &[&str]) -> OpResult<()> {
    let operator = actor(app, "operator@scrip.test").await?;
    let (company_id, text) = (company(app, company_name).await?, |text: &str| Some(text.to_owned()));
    let input = TagInput { name: text(name), color: text(color), ..TagInput::default() };
    let tag = ops::tags::create(app, &operator, &format!("demo-tag-{name}"), company_id, &input).await?.about;
    let tests = serials.iter().map(|serial| Fact::Serial((*serial).to_owned()));
    let mut rows = Vec::new();
    for test in tests {
        let filter = DeviceFilter { tests: vec![test.into()], limit: 1, ..DeviceFilter::default() };
        let found = ops::devices::list(app, &operator, &filter).await?;
        rows.extend(found.iter().map(|device| TagRow { device_id: device.id, tags: vec![tag.id] }));
    }
    let key = format!("demo-tags-{name}");
    ops::devices::tags::set_tags(app, &operator, &key, TagChange::Assign, &rows).await.map(|_| ())
}

async fn set(app: &App, serials: &[&str], auto_extend: Option<bool>, monitoring: Option<bool>) -> OpResult<()> {
    let operator = actor(app, "operator@scrip.test").await?;
    for serial in serials {
        let filter = DeviceFilter { text: (*serial).into(), limit: 1, ..DeviceFilter::default() };
        let found = ops::devices::list(app, &operator, &filter).await?;
        let row = |device_id| DeviceRow { device_id, service: None, auto_extend, monitoring };
        let rows: Vec<DeviceRow> = found.iter().map(|d| row(d.id)).collect();
        ops::devices::set::set_many(app, &operator, &format!("demo-set-{serial}"), &rows).await?;
    }
    Ok(())
}
