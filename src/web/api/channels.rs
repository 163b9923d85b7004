//! The outcome of a write, asked for again under the id that its answer gave.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Data;
use super::caller::{DevicesRead, May};
use super::error::ApiResult;
use crate::model::amount::grouped;
use crate::ops;
use crate::ops::channels::{Item, ItemState};
use crate::web::state::Portal;
use crate::words;

/// The outcome for one thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelItem {
    /// `completed`, `error`, or `processing` while an import goes on.
    #[schema(example = "completed")]
    status: &'static str,
    /// For people.
    value: String,
    /// For programs: the code of an error.
    #[serde(rename = "errorCode")]
    #[schema(example = "UNKNOWN_DEVICE")]
    error_code: Option<&'static str>,
}

impl From<ItemState> for ChannelItem {
    fn from(state: ItemState) -> ChannelItem {
        let (status, value, error_code) = match state {
            ItemState::Done => ("completed", "Done.".to_owned(), None),
            ItemState::Running(done, of) => {
                ("processing", format!("{} of {} rows processed.", grouped(done), grouped(of)), None)
            }
            ItemState::Refused(why) => {
                let worded = words::reason(&why.reason().1);
                ("error", worded.sentence.into_owned(), Some(worded.code))
            }
            ItemState::BadLine(why) => ("error", words::row_error(&why), Some("FILE")),
        };
        ChannelItem { status, value, error_code }
    }
}

/// For each device, by its id, or for each row that has no device: what has happened.
type Items = BTreeMap<String, Vec<ChannelItem>>;

/// What has become of a write
///
/// The keys are ids of devices; `data.N` for a row of the request that has no device; `import.ID` for an import, and
/// `line.N` for a line of its file that was left out.
#[utoipa::path(get, path = "/api/status/channel/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = Data<BTreeMap<String, Vec<ChannelItem>>>)))]
pub async fn channel(
    State(portal): State<Portal>,
    caller: May<DevicesRead>,
    Path(id): Path<String>,
) -> ApiResult<Data<Items>> {
    let items = ops::channels::status(&portal.app, &caller.actor, &id).await?;
    let mut by_key = Items::new();
    for Item { key, state } in items {
        by_key.entry(key).or_default().push(state.into());
    }
    Ok(Data::of(by_key))
}
