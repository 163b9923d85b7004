//! What an act did with each of many devices: some rows may be impossible while the others are done.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::refusal::{CompanyReason, DeviceReason, Reason, TagReason};
use crate::ops::error::OpError;

/// Why a row was refused while others were not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowRefusal {
    /// Another row names the same device, and nothing says which of them should win.
    RepeatedDevice,
    /// There is no such device in the actor's tree.
    UnknownDevice,
    /// See [`DeviceReason::UnsuitableService`].
    UnsuitableService,
    /// A device, or an earlier row, has the serial number.
    SerialTaken,
    UnknownCompany,
    UnknownTag,
    /// See [`TagReason::OutOfReach`].
    TagOutOfReach,
    /// An apartment needs a name.
    MissingName,
}

impl RowRefusal {
    /// The field, and the reason.
    #[must_use]
    pub fn reason(self) -> (&'static str, Reason) {
        match self {
            RowRefusal::RepeatedDevice => ("device", DeviceReason::Repeated.into()),
            RowRefusal::UnknownDevice => ("device", DeviceReason::Unknown.into()),
            RowRefusal::UnsuitableService => ("service", DeviceReason::UnsuitableService.into()),
            RowRefusal::SerialTaken => ("serial", DeviceReason::SerialTaken.into()),
            RowRefusal::UnknownCompany => ("company", CompanyReason::Unknown.into()),
            RowRefusal::UnknownTag => ("tags", TagReason::Unknown.into()),
            RowRefusal::TagOutOfReach => ("tags", TagReason::OutOfReach.into()),
            RowRefusal::MissingName => ("name", DeviceReason::MissingApartment.into()),
        }
    }
}

impl From<RowRefusal> for OpError {
    fn from(why: RowRefusal) -> OpError {
        let (field, reason) = why.reason();
        OpError::Refused(field, reason)
    }
}

/// The device of each refused row, and why.
pub type Refused = Vec<(i64, RowRefusal)>;

/// What was done and what was refused, as the operation stores it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Many {
    /// Under which a program asks for this again.
    pub channel: Option<String>,
    /// The devices that were changed.
    pub done: Vec<i64>,
    /// The device of each refused row; for new devices, the number of the row in the request.
    pub refused: Vec<(i64, RowRefusal)>,
}

/// What older versions stored: nothing, or only what was refused.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Nothing(()),
    Refused(Vec<(i64, RowRefusal)>),
    Whole { channel: Option<String>, done: Vec<i64>, refused: Vec<(i64, RowRefusal)> },
}

impl From<Stored> for Many {
    fn from(stored: Stored) -> Many {
        match stored {
            Stored::Nothing(()) => Many::default(),
            Stored::Refused(refused) => Many { refused, ..Many::default() },
            Stored::Whole { channel, done, refused } => Many { channel, done, refused },
        }
    }
}

impl Many {
    /// Why a device was refused.
    #[must_use]
    pub fn refusal(&self, n: i64) -> Option<RowRefusal> {
        self.refused.iter().find(|(of, _)| *of == n).map(|(_, why)| *why)
    }
}

/// Those that occur more than once.
pub(super) fn repeated(ids: impl Iterator<Item = i64>) -> BTreeSet<i64> {
    let mut seen = BTreeSet::new();
    ids.filter(|id| !seen.insert(*id)).collect()
}

/// The refusal of all rows: the device or number of each, in order. If none of them is there, nothing is.
pub(super) fn refuse_all(rows: impl Iterator<Item = i64>, refused: &[(i64, RowRefusal)]) -> OpError {
    if refused.iter().all(|(_, why)| *why == RowRefusal::UnknownDevice) {
        return OpError::NotFound;
    }
    let numbered = rows.enumerate().filter_map(|(n, of)| {
        let (_, why) = refused.iter().find(|(refused, _)| *refused == of)?;
        let (field, reason) = why.reason();
        Some((n, field, reason))
    });
    OpError::Rows(numbered.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_older_versions_stored_is_read() {
        for (stored, refused) in [
            ("null", vec![]),
            (r#"[[7,"unknown_device"]]"#, vec![(7, RowRefusal::UnknownDevice)]),
            (r#"{"channel":null,"done":[1],"refused":[]}"#, vec![]),
        ] {
            let many: Many = serde_json::from_str(stored).unwrap();
            assert_eq!(many.refused, refused, "{stored}");
        }
    }
}
