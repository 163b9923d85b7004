//! Devices from a file. The file is read and checked first; then a job adds the devices, a few hundred per
//! transaction, and continues where it was after a restart. Each transaction also records which rows it added, so that
//! none is added twice.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::companies::ResolveError;
use super::devices::changes::DeviceInput;
use super::devices::settle::settle;
use super::error::{OpError, OpResult, at, refuse};
use crate::app::App;
use crate::model::amount::grouped;
use crate::model::company::searchable;
use crate::model::device::{DeviceChange, DeviceKind};
use crate::model::event::ImportEvent;
use crate::model::import::{self, Row, RowError};
use crate::model::job::Job;
use crate::model::refusal::FieldReason;
use crate::model::resources::ResourceType;
use crate::ops::work::{Outcome, Work, work, work_once};
use crate::store;
use crate::store::imports::Import;

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
    actor.require_admin()?;
    super::companies::find(app, actor, company_id).await?;
    let rows = import::read(text).map_err(at("file"))?;
    let (good, problems) = sort(app, actor, company_id, rows).await?;
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

type Sorted = (Vec<KeptRow>, Vec<(i64, RowError)>);

async fn sort(app: &App, actor: &Actor, company_id: i64, rows: Vec<import::Line>) -> OpResult<Sorted> {
    let companies = companies(app, actor, company_id, &rows).await?;
    let serials: Vec<String> = rows.iter().filter_map(|(_, r)| r.as_ref().ok()).map(|r| r.serial.clone()).collect();
    let mut tx = app.db.read().await?;
    let taken: BTreeSet<String> = store::devices::taken_serials(&mut tx, &serials).await?.into_iter().collect();
    drop(tx);
    let mut lines: HashMap<String, i64> = HashMap::new();
    let (mut good, mut problems) = (Vec::new(), Vec::new());
    for (line, row) in rows {
        let checked = row.and_then(|row| {
            let serial = searchable(&row.serial);
            let company_id =
                *companies.get(&row.company).ok_or_else(|| RowError::UnknownCompany(row.company.clone()))?;
            if row.kind == DeviceKind::Device {
                if taken.contains(&serial) {
                    return Err(RowError::SerialTaken);
                }
                if let Some(earlier) = lines.insert(serial, line) {
                    return Err(RowError::SerialTwice(earlier));
                }
            }
            Ok(kept_row(line, row, company_id))
        });
        match checked {
            Ok(row) => good.push(row),
            Err(why) => problems.push((line, why)),
        }
    }
    Ok((good, problems))
}

fn kept_row(line: i64, row: Row, company_id: i64) -> KeptRow {
    KeptRow {
        line,
        kind: row.kind.slug().to_owned(),
        serial: row.serial,
        name: row.name,
        model: row.model,
        company_id,
        service: row.service.map(ResourceType::id),
        auto_extend: row.auto_extend,
        monitoring: row.monitoring,
    }
}

/// The companies that the rows name, by text.
async fn companies(app: &App, actor: &Actor, company_id: i64, rows: &[import::Line]) -> OpResult<HashMap<String, i64>> {
    let named: BTreeSet<&str> = rows.iter().filter_map(|(_, r)| r.as_ref().ok()).map(|r| r.company.as_str()).collect();
    if named.len() > COMPANIES_MAX {
        return refuse("file", FieldReason::TooMany { maximum: COMPANIES_MAX });
    }
    let mut found = HashMap::from([(String::new(), company_id)]);
    for text in named.into_iter().filter(|t| !t.is_empty()) {
        match super::companies::resolve(app, actor, text).await {
            Ok(company) => {
                found.insert(text.to_owned(), company.id);
            }
            Err(ResolveError::Reason(_)) => {}
            Err(ResolveError::Fault(error)) => return Err(error),
        }
    }
    Ok(found)
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
    actor.require_admin()?;
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
    actor.require_admin()?;
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
    Ok(found.map(|person| Actor::of(person, String::new())).filter(Actor::is_admin))
}

/// Adds the rows that are still as they were checked; the others become problems.
async fn add(app: &App, work: &mut Work, actor: &Actor, import: &mut Import, rows: &[KeptRow]) -> OpResult<()> {
    let companies: BTreeSet<i64> = rows.iter().map(|r| r.company_id).collect();
    let companies: Vec<i64> = companies.into_iter().collect();
    let locked = store::companies::lock(&mut work.tx, &actor.company_path, &companies).await?;
    let serials: Vec<String> = rows.iter().map(|r| r.serial.clone()).collect();
    let taken = store::devices::taken_serials(&mut work.tx, &serials).await?;
    let mut problems: Vec<(i64, RowError)> = serde_json::from_str(&import.problems).unwrap_or_default();
    let (mut new, mut changes) = (Vec::new(), Vec::new());
    for row in rows {
        let input = input(row);
        let is_taken = input.kind == DeviceKind::Device && taken.contains(&searchable(&row.serial));
        if locked.iter().all(|c| c.id != row.company_id) {
            problems.push((row.line, RowError::UnknownCompany(row.company_id.to_string())));
        } else if is_taken {
            problems.push((row.line, RowError::SerialTaken));
        } else {
            changes.push(input.change());
            new.push(input.check()?);
        }
    }
    let ids = store::devices::insert(&mut work.tx, &new, work.now).await?;
    let mut together: Vec<(Vec<i64>, DeviceChange)> = Vec::new();
    for (id, change) in ids.iter().zip(changes) {
        match together.iter_mut().find(|(_, c)| *c == change) {
            Some((devices, _)) => devices.push(*id),
            None => together.push((vec![*id], change)),
        }
    }
    let key = format!("import {} {}", import.id, import.position);
    settle(app, work, actor, &key, together).await?;
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
    }
}
