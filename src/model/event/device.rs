//! What was done to devices: to one, to many at once, or from a file.

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
