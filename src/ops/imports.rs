//! Devices from a file. The file is read and checked first; then a job adds the devices, a few hundred per
//! transaction, and continues where it was after a restart. Each transaction also records which rows it added, so that
//! none is added twice.

mod check;

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::channels::{self, ImportStarted};
use super::devices::changes::{DeviceInput, tagged};
use super::devices::lock::Locked;
use super::devices::settle::{settle, together};
use super::error::{OpError, OpResult, at};
use crate::app::App;
use crate::model::amount::grouped;
use crate::model::company::searchable;
use crate::model::device::DeviceKind;
use crate::model::event::ImportEvent;
use crate::model::import::{self, RowError};
use crate::model::job::Job;
use crate::model::permission::Permission;
use crate::model::refusal::CompanyReason;
use crate::model::resources::ResourceType;
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::imports::Import;
use crate::store::tags::Tagged;

/// How many rows one transaction adds: other writes get their turn between two.
const BATCH_LENGTH: usize = 200;
/// How many companies a file may name.
const COMPANIES_MAX: usize = 500;
const LATEST: i64 = 20;

/// A row that can be added, as it is stored until then.
#[derive(Serialize, Deserialize)]
struct KeptRow {
    line: i64,
    kind: String,
    serial: String,
    name: String,
    model: String,
    company_id: i64,
    service: Option<i64>,
    auto_extend: bool,
    monitoring: bool,
    // Rows of files that an older version checked have none of these.
    #[serde(default)]
    mac: String,
    #[serde(default)]
    imei: String,
    #[serde(default)]
    series: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<i64>,
}

fn may_import(actor: &Actor) -> bool {
    actor.may.edit_devices() && actor.may.set_service()
}

/// Reads and checks a file, and stores the rows that can be added. Adds nothing yet. The outcome refers to the
/// import's id.
///
/// # Errors
/// A refusal at `file` if it cannot be read at all.
pub async fn check(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    company_id: i64,
    text: &str,
) -> OpResult<Outcome<i64>> {
    actor.require(Permission::EditDevices)?;
    actor.require(Permission::SetService)?;
    super::companies::find(app, actor, company_id).await?;
    let rows = import::read(text).map_err(at("file"))?;
    let (good, problems) = check::sort(app, actor, company_id, rows).await?;
    let content = serde_json::to_string(&good).unwrap_or_default();
    let problems_json = serde_json::to_string(&problems).unwrap_or_default();
    let request = serde_json::json!([company_id, text]).to_string();
    work_once!(app, actor, operation_id, "check_import", &request, work => {
        let owner = (company_id, actor.user_id);
        let (tx, count) = (&mut work.tx, good.len() as i64);
        let id = store::imports::insert(tx, owner, &content, count, &problems_json, work.now).await?;
        Ok(Outcome::about(id, ImportEvent::Checked { good: good.len(), bad: problems.len() }))
    })
}

/// Reads and checks a file, and begins to add its good rows at once. With `takes_credit`, devices whose row names no
/// service run on Credit. The outcome refers to the import.
///
/// # Errors
/// A refusal at `file` if it cannot be read at all, at `company` if that is outside the tree.
pub async fn run(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    company_id: i64,
    takes_credit: bool,
    text: &str,
) -> OpResult<Outcome<ImportStarted>> {
    actor.require(Permission::EditDevices)?;
    actor.require(Permission::SetService)?;
    let found = super::companies::find(app, actor, company_id).await;
    found.map_err(|error| match error {
        OpError::NotFound => OpError::refused("company", CompanyReason::Unknown),
        other => other,
    })?;
    let mut rows = import::read(text).map_err(at("file"))?;
    for row in rows.iter_mut().filter_map(|(_, row)| row.as_mut().ok()) {
        if takes_credit && row.service.is_none() && row.kind == DeviceKind::Device {
            (row.service, row.auto_extend) = (Some(ResourceType::CREDIT), true);
        }
    }
    let (good, problems) = check::sort(app, actor, company_id, rows).await?;
    let content = serde_json::to_string(&good).unwrap_or_default();
    let problems_json = serde_json::to_string(&problems).unwrap_or_default();
    let request = serde_json::json!([company_id, takes_credit, text]).to_string();
    work_once!(app, actor, operation_id, "run_import", &request, work => {
        let owner = (company_id, actor.user_id);
        let (tx, count) = (&mut work.tx, good.len() as i64);
        let id = store::imports::insert(tx, owner, &content, count, &problems_json, work.now).await?;
        store::imports::go(&mut work.tx, id, "checked", "running", work.now).await?;
        work.job(&Job::Import { id: id.to_string() }).await?;
        let channel = channels::open(app, work, actor, operation_id).await?;
        Ok(Outcome::about(ImportStarted { import: id, channel }, ImportEvent::Started))
    })
}

/// An import as shown.
pub struct Shown {
    pub import: Import,
    pub problems: Vec<(i64, RowError)>,
}

/// An import of the tree.
///
/// # Errors
/// [`OpError::NotFound`] outside it.
pub async fn find(app: &App, actor: &Actor, id: i64) -> OpResult<Shown> {
    actor.require(Permission::EditDevices)?;
    let mut tx = app.db.read().await?;
    let import = store::imports::find(&mut tx, &actor.company_path, id).await?.ok_or(OpError::NotFound)?;
    let problems = serde_json::from_str(&import.problems).map_err(|e| OpError::Internal(e.to_string()))?;
    Ok(Shown { import, problems })
}

/// The latest imports of the tree.
///
/// # Errors
/// [`OpError::Forbidden`] unless the actor is an administrator.
pub async fn latest(app: &App, actor: &Actor) -> OpResult<Vec<Import>> {
    actor.require(Permission::EditDevices)?;
    let mut tx = app.db.read().await?;
    Ok(store::imports::latest(&mut tx, &actor.company_path, LATEST).await?)
}

/// Begins to add the rows of a checked file.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree, or if it has already begun or ended.
pub async fn start(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    find(app, actor, id).await?;
    work_once!(app, actor, operation_id, "start_import", &id.to_string(), work => {
        if !store::imports::go(&mut work.tx, id, "checked", "running", work.now).await? {
            return Err(OpError::NotFound);
        }
        work.job(&Job::Import { id: id.to_string() }).await?;
        Ok(Outcome::of(ImportEvent::Started))
    })
}

/// Stops an import. Devices that were added stay.
///
/// # Errors
/// [`OpError::NotFound`] outside the tree, or if it has already ended.
pub async fn cancel(app: &App, actor: &Actor, operation_id: &str, id: i64) -> OpResult<Outcome> {
    find(app, actor, id).await?;
    work_once!(app, actor, operation_id, "cancel_import", &id.to_string(), work => {
        let running = store::imports::go(&mut work.tx, id, "running", "cancelled", work.now).await?;
        if !running && !store::imports::go(&mut work.tx, id, "checked", "cancelled", work.now).await? {
            return Err(OpError::NotFound);
        }
        Ok(Outcome::of(ImportEvent::Cancelled))
    })
}

/// Adds the next rows of an import, all or none; returns whether there may be more.
pub async fn run_batch(app: &App, id: i64) -> OpResult<bool> {
    work!(app, work => {
        let Some(mut import) = store::imports::lock_running(&mut work.tx, id).await? else { return Ok(false) };
        let Some(actor) = actor_of(work, import.actor_id).await? else {
            store::imports::go(&mut work.tx, id, "running", "cancelled", work.now).await?;
            return Ok(false);
        };
        let rows: Vec<KeptRow> = serde_json::from_str(&import.content).map_err(|e| OpError::Internal(e.to_string()))?;
        let begin = (import.position as usize).min(rows.len());
        let end = (begin + BATCH_LENGTH).min(rows.len());
        add(app, work, &actor, &mut import, &rows[begin..end]).await?;
        import.position = end as i64;
        store::imports::advance(&mut work.tx, &import).await?;
        if end == rows.len() {
            store::imports::go(&mut work.tx, id, "running", "done", work.now).await?;
            let details = format!("{} of {} rows added", grouped(import.added), grouped(import.row_count));
            work.note(actor.note_at(import.company_id, "device.imported", &format!("Import #{id}"), &details));
        }
        Ok(end < rows.len())
    })
}

/// Who began the import, as long as they may still add devices.
async fn actor_of(work: &mut Work, user_id: i64) -> OpResult<Option<Actor>> {
    let found = store::auth::signed_in(&mut work.tx, &[user_id]).await?.pop();
    Ok(found.map(|person| Actor::of(person, String::new())).filter(may_import))
}

/// Adds the rows that are still as they were checked; the others become problems. Tags that were deleted in the
/// meantime are left out.
async fn add(app: &App, work: &mut Work, actor: &Actor, import: &mut Import, rows: &[KeptRow]) -> OpResult<()> {
    let companies: Vec<i64> = rows.iter().map(|r| r.company_id).collect();
    let tags: Vec<i64> = rows.iter().flat_map(|r| &r.tags).copied().collect();
    let locked = Locked::of(work, actor, &[], &companies, &tags).await?;
    let serials: Vec<String> = rows.iter().map(|r| r.serial.clone()).collect();
    let taken = store::devices::taken_serials(&mut work.tx, &serials).await?;
    let mut problems: Vec<(i64, RowError)> = serde_json::from_str(&import.problems).unwrap_or_default();
    let (mut new, mut good) = (Vec::new(), Vec::new());
    for row in rows {
        let input = input(row);
        let is_taken = input.kind == DeviceKind::Device && taken.contains(&searchable(&row.serial));
        if locked.company(row.company_id).is_none() {
            problems.push((row.line, RowError::UnknownCompany(row.company_id.to_string())));
        } else if is_taken {
            problems.push((row.line, RowError::SerialTaken));
        } else {
            new.push(input.check()?);
            good.push(input);
        }
    }
    let ids = store::devices::insert(&mut work.tx, &new, work.now).await?;
    let added = || ids.iter().zip(&good);
    let with_tags: Vec<Tagged> = added()
        .flat_map(|(id, input)| tagged(*id, &input.tags).map(move |tagged| (tagged, input.company_id)))
        .filter(|(tagged, company_id)| locked.check_tags(&[tagged.tag_id], *company_id).is_ok())
        .map(|(tagged, _)| tagged)
        .collect();
    store::tags::assign(&mut work.tx, &with_tags).await?;
    let changes = together(added().map(|(id, input)| (*id, input.change())));
    let key = format!("import {} {}", import.id, import.position);
    settle(app, work, actor, &key, changes).await?;
    import.added += ids.len() as i64;
    import.problems = serde_json::to_string(&problems).unwrap_or_default();
    Ok(())
}

fn input(row: &KeptRow) -> DeviceInput {
    DeviceInput {
        kind: DeviceKind::from_slug(&row.kind).unwrap_or_default(),
        serial: row.serial.clone(),
        name: row.name.clone(),
        model: row.model.clone(),
        company_id: row.company_id,
        service: row.service.and_then(|id| ResourceType::try_from(id).ok()),
        auto_extend: row.auto_extend,
        monitoring: row.monitoring,
        mac: row.mac.clone(),
        imei: row.imei.clone(),
        series: row.series.clone(),
        description: row.description.clone(),
        tags: row.tags.clone(),
    }
}
