//! What was done to devices: to one, to many at once, or from a file; and to tags.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceEvent {
    Added {
        id: i64,
        label: String,
        company: String,
        settled: Settled,
    },
    Saved {
        label: String,
        settled: Settled,
    },
    /// Service, auto extend and monitoring of many; some may have been left out.
    Set {
        count: usize,
        left_out: usize,
        settled: Settled,
    },
    Removed {
        count: usize,
    },
    /// Many were added at once; some may have been left out, as below.
    ManyAdded {
        count: usize,
        left_out: usize,
        settled: Settled,
    },
    /// Names, descriptions and tags of many.
    ManySaved {
        count: usize,
        left_out: usize,
    },
    Moved {
        count: usize,
        left_out: usize,
        company: String,
        settled: Settled,
    },
    Tagged {
        count: usize,
        left_out: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagEvent {
    Created { name: String, company: String },
    Saved { name: String },
    Deleted { name: String },
}

/// The result for devices that were set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Units that were used.
    pub paid: usize,
    /// Devices that wait for units.
    pub waiting: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportEvent {
    /// The numbers of rows that can and cannot be added.
    Checked {
        good: usize,
        bad: usize,
    },
    Started,
    Cancelled,
}
