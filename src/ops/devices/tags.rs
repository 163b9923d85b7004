//! Puts tags on devices and takes them off, for many devices at once.

use serde::Serialize;

use crate::app::App;
use crate::model::event::DeviceEvent;
use crate::model::permission::Permission;
use crate::ops::actor::Actor;
use crate::ops::channels;
use crate::ops::devices::changes::tagged;
use crate::ops::devices::lock::Locked;
use crate::ops::devices::rows::{Many, RowRefusal, refuse_all, repeated};
use crate::ops::devices::settle::chosen;
use crate::ops::error::OpResult;
use crate::ops::work::{Outcome, work_once};
use crate::store;
use crate::store::tags::Tagged;

/// What to do with the tags of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TagChange {
    /// Put these on, besides those that are there.
    Assign,
    /// Take these off; without any, all.
    Unassign,
    /// Take all off, and put these on.
    Overwrite,
}

/// A device and the tags in question. Tags of companies above the actor's are neither seen nor changed.
#[derive(Debug, Clone, Serialize)]
pub struct TagRow {
    pub device_id: i64,
    pub tags: Vec<i64>,
}

/// Changes the tags of many devices. Leaves out rows that are impossible, and all rows of a device that several name.
///
/// # Errors
/// [`OpError::Rows`](crate::ops::error::OpError::Rows) if no row can be done.
pub async fn set_tags(
    app: &App,
    actor: &Actor,
    operation_id: &str,
    change: TagChange,
    rows: &[TagRow],
) -> OpResult<Outcome<Many>> {
    actor.require(Permission::EditDevices)?;
    let ids = chosen(&rows.iter().map(|row| row.device_id).collect::<Vec<_>>())?;
    let request = serde_json::json!([change, rows]).to_string();
    work_once!(app, actor, operation_id, "set_device_tags", &request, work => {
        let tags: Vec<i64> = rows.iter().flat_map(|row| &row.tags).copied().collect();
        let locked = Locked::of(work, actor, &ids, &[], &tags).await?;
        let repeated = repeated(rows.iter().map(|row| row.device_id));
        let mut refused: Vec<_> = repeated.iter().map(|id| (*id, RowRefusal::RepeatedDevice)).collect();
        let mut good = Vec::new();
        for row in rows.iter().filter(|row| !repeated.contains(&row.device_id)) {
            match check(&locked, change, row) {
                Ok(()) => good.push(row),
                Err(why) => refused.push((row.device_id, why)),
            }
        }
        if good.is_empty() {
            return Err(refuse_all(rows.iter().map(|row| row.device_id), &refused));
        }
        let named: Vec<Tagged> = good.iter().flat_map(|row| tagged(row.device_id, &row.tags)).collect();
        let is_cleared = |row: &&TagRow| match change {
            TagChange::Assign => false,
            TagChange::Unassign => row.tags.is_empty(),
            TagChange::Overwrite => true,
        };
        let cleared: Vec<i64> = good.iter().copied().filter(is_cleared).map(|row| row.device_id).collect();
        store::tags::clear(&mut work.tx, &actor.company_path, &cleared).await?;
        match change {
            TagChange::Unassign => store::tags::unassign(&mut work.tx, &named).await?,
            TagChange::Assign | TagChange::Overwrite => store::tags::assign(&mut work.tx, &named).await?,
        }
        let done: Vec<i64> = good.iter().map(|row| row.device_id).collect();
        store::devices::touch(&mut work.tx, &done, work.now).await?;
        for row in &good {
            let Some(device) = locked.device(row.device_id) else { continue };
            let details = describe(&locked, change, row);
            work.note(actor.note_at(device.company_id, "device.tags_set", device.label(), &details));
        }
        let channel = channels::open(app, work, actor, operation_id).await?;
        let event = DeviceEvent::Tagged { count: done.len(), left_out: refused.len() };
        Ok(Outcome::about(Many { channel, done, refused }, event))
    })
}

fn check(locked: &Locked, change: TagChange, row: &TagRow) -> Result<(), RowRefusal> {
    let device = locked.device(row.device_id).ok_or(RowRefusal::UnknownDevice)?;
    match change {
        TagChange::Unassign => locked.know_tags(&row.tags),
        TagChange::Assign | TagChange::Overwrite => locked.check_tags(&row.tags, device.company_id),
    }
}

/// How many tags a history row names.
const NAMED_MAX: usize = 10;

/// "on: Roof, North", for the history.
fn describe(locked: &Locked, change: TagChange, row: &TagRow) -> String {
    let names: Vec<&str> = locked
        .tags
        .iter()
        .filter(|tag| row.tags.contains(&tag.id))
        .map(|tag| tag.name.as_str())
        .take(NAMED_MAX)
        .collect();
    let list = match names.as_slice() {
        [] if change == TagChange::Unassign => "all".to_owned(),
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    match change {
        TagChange::Assign => format!("on: {list}"),
        TagChange::Unassign => format!("off: {list}"),
        TagChange::Overwrite => format!("now: {list}"),
    }
}
