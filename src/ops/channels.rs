//! Channels: a program that changed many things asks for the outcome later, under a random id that the answer gave it.
//! The outcome is what the operation stored, so it is there after a restart, for the same person only. An import goes
//! on after its answer: its channel tells how far it is.

use serde::Deserialize;
use serde_json::Value;

use super::actor::Actor;
use super::devices::rows::{Many, RowRefusal};
use super::error::{OpError, OpResult};
use crate::app::App;
use crate::model::import::RowError;
use crate::ops::work::Work;
use crate::store;
use crate::store::operations::Use;

/// The verb of [`crate::ops::devices::many::add`]: its refused rows have no device yet.
const CREATE_DEVICES: &str = "create_devices";

/// The outcome for one thing.
#[derive(Debug)]
pub struct Item {
    /// A device's id, or where it stood in the request or the file.
    pub key: String,
    pub state: ItemState,
}

#[derive(Debug)]
pub enum ItemState {
    Done,
    /// Rows processed, of how many.
    Running(i64, i64),
    Refused(RowRefusal),
    BadLine(RowError),
}

/// Opens a channel for the operation of a program; people in the portal need none.
pub(super) async fn open(app: &App, work: &mut Work, actor: &Actor, operation_id: &str) -> OpResult<Option<String>> {
    if actor.token.is_none() {
        return Ok(None);
    }
    let id = hex::encode(app.rng.bytes::<16>());
    store::channels::open(&mut work.tx, &id, actor.user_id, operation_id).await?;
    Ok(Some(id))
}

/// What an import's operation stored.
#[derive(Debug, Clone, serde::Serialize, Deserialize)]
pub struct ImportStarted {
    pub import: i64,
    pub channel: Option<String>,
}

/// What has become of the operation behind a channel of the actor.
///
/// # Errors
/// [`OpError::NotFound`] for another person's channel, as for one that does not exist.
pub async fn status(app: &App, actor: &Actor, id: &str) -> OpResult<Vec<Item>> {
    let mut tx = app.db.read().await?;
    let operation_id = store::channels::operation(&mut tx, id, actor.user_id).await?.ok_or(OpError::NotFound)?;
    let Some(Use::Write(stored)) = store::operations::find(&mut tx, actor.user_id, &operation_id).await? else {
        return Err(OpError::NotFound);
    };
    drop(tx);
    if let Ok(started) = ImportStarted::deserialize(&stored.about) {
        return of_import(app, actor, started.import).await;
    }
    Ok(of_devices(&stored.verb, stored.about))
}

fn of_devices(verb: &str, about: Value) -> Vec<Item> {
    let Many { done, refused, .. } = serde_json::from_value(about).unwrap_or_default();
    let key = |n: i64| if verb == CREATE_DEVICES { format!("data.{n}") } else { n.to_string() };
    let done = done.into_iter().map(|id| Item { key: id.to_string(), state: ItemState::Done });
    done.chain(refused.into_iter().map(|(n, why)| Item { key: key(n), state: ItemState::Refused(why) })).collect()
}

async fn of_import(app: &App, actor: &Actor, id: i64) -> OpResult<Vec<Item>> {
    let shown = super::imports::find(app, actor, id).await?;
    let import = &shown.import;
    let state = match import.state.as_str() {
        "done" | "cancelled" => ItemState::Done,
        _ => ItemState::Running(import.position, import.row_count),
    };
    let whole = Item { key: format!("import.{id}"), state };
    let bad = |(line, why)| Item { key: format!("line.{line}"), state: ItemState::BadLine(why) };
    Ok(std::iter::once(whole).chain(shown.problems.into_iter().map(bad)).collect())
}
