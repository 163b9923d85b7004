//! What a batch reads and changes, held in memory.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::operation::{NewCode, Tag, Transfer};
use super::words::{CodeStatus, Kind};
use crate::model::company::Path;
use crate::model::device::DeviceFacts;
use crate::model::resources::ResourceType;
use crate::model::throttle::Attempts;
use crate::model::time::Moment;

/// Which account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub kind: Kind,
}

impl AccountKey {
    #[must_use]
    pub fn new(company_id: i64, resource_type: ResourceType, kind: Kind) -> AccountKey {
        AccountKey { company_id, resource_type, kind }
    }
}

/// What an account holds, and all that it ever received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub balance: i64,
    pub received_total: i64,
    /// When units last arrived.
    pub received_at: Option<Moment>,
}

/// What is known of a company while operations are decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanyFacts {
    pub name: String,
    pub parent_name: Option<String>,
    pub path: Path,
    pub removed: bool,
    pub uses_parent_credits: bool,
}

/// A code as the ledger sees it: what it is worth and whether it still is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeFacts {
    pub id: i64,
    pub tag: Tag,
    pub company_id: i64,
    pub resource_type: ResourceType,
    pub amount: i64,
    pub status: CodeStatus,
    pub expires_at: Option<Moment>,
    /// Of a voucher: its order and the line of it.
    pub order: Option<(i64, i64)>,
    pub used_at: Option<Moment>,
}

/// All that a batch of operations reads and changes.
#[derive(Debug, Default)]
pub struct Ledger {
    pub accounts: HashMap<AccountKey, Account>,
    pub companies: HashMap<i64, CompanyFacts>,
    pub codes: HashMap<Tag, CodeFacts>,
    pub operations: HashMap<(i64, String), Vec<Transfer>>,
    /// Operations that were no transfers: their keys are taken.
    pub other_writes: HashSet<(i64, String)>,
    pub attempts: HashMap<String, Attempts>,
    /// Those that an operation names, and those that wait for what it brings.
    pub devices: BTreeMap<i64, DeviceFacts>,
    /// The ids that the new rows take, reserved before.
    pub ids: VecDeque<i64>,
    pub code_ids: VecDeque<i64>,
    pub changes: Changes,
}

/// What [`super::decide`] changed: what `store::ledger::write` writes.
#[derive(Debug, Default)]
pub struct Changes {
    pub transfers: Vec<Transfer>,
    pub accounts: HashSet<AccountKey>,
    pub new_codes: Vec<CreatedCode>,
    pub codes: BTreeMap<i64, CodeChange>,
    pub attempts: HashSet<String>,
    /// Devices as they were before.
    pub devices: BTreeMap<i64, DeviceFacts>,
}

/// A code's new state, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChange {
    pub tag: Tag,
    pub status: CodeStatus,
    pub company_id: i64,
    pub company_name: String,
    pub user_id: i64,
    pub at: Moment,
    /// The code that took its place.
    pub replaced_by: Option<i64>,
}

/// A code that came into being.
#[derive(Debug, Clone)]
pub struct CreatedCode {
    pub facts: CodeFacts,
    pub new: NewCode,
    pub comment: String,
    pub created_by: i64,
    pub created_at: Moment,
}
