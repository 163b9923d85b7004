//! What a batch changes, kept beside the state it changes.

use std::collections::{BTreeMap, HashSet};

use super::{Account, AccountKey, CodeFacts, Ledger};
use crate::model::device::DeviceFacts;
use crate::model::ledger::operation::{Limit, NewCode, Operation, Tag, Transfer};
use crate::model::ledger::refusal::Unloaded;
use crate::model::ledger::words::CodeStatus;
use crate::model::time::Moment;

/// What [`super::decide`] changed and `store::ledger` saves.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Changes {
    pub transfers: Vec<Transfer>,
    pub accounts: HashSet<AccountKey>,
    pub new_codes: Vec<CreatedCode>,
    pub codes: BTreeMap<i64, CodeChange>,
    pub attempts: HashSet<String>,
    /// Devices as they were before.
    pub devices: BTreeMap<i64, DeviceFacts>,
}

/// A code's new state, and who caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChange {
    pub tag: Tag,
    pub status: CodeStatus,
    pub company_id: i64,
    pub company_name: String,
    pub user_id: i64,
    pub at: Moment,
    /// The code that replaced it.
    pub replaced_by: Option<i64>,
}

/// A newly created code.
#[derive(Debug, Clone, PartialEq)]
pub struct CreatedCode {
    pub facts: CodeFacts,
    pub new: NewCode,
    pub comment: String,
    pub created_by: i64,
    pub created_at: Moment,
}

impl Ledger {
    pub(in crate::model::ledger) fn account_mut(&mut self, key: AccountKey) -> Result<&mut Account, Unloaded> {
        let account = self.accounts.get_mut(&key).ok_or(Unloaded::Account(key))?;
        self.changes.accounts.insert(key);
        Ok(account)
    }

    pub(in crate::model::ledger) fn next_transfer_id(&mut self) -> Result<i64, Unloaded> {
        self.transfer_ids.pop_front().ok_or(Unloaded::Ids)
    }

    pub(in crate::model::ledger) fn next_code_id(&mut self) -> Result<i64, Unloaded> {
        self.code_ids.pop_front().ok_or(Unloaded::Ids)
    }

    pub(in crate::model::ledger) fn add_code(
        &mut self,
        operation: &Operation,
        facts: CodeFacts,
        new: &NewCode,
        comment: &str,
        created_by: i64,
    ) {
        self.hold_code(facts.clone());
        let (new, comment, created_at) = (new.clone(), comment.to_owned(), operation.at);
        self.changes.new_codes.push(CreatedCode { facts, new, comment, created_by, created_at });
    }

    pub(in crate::model::ledger) fn set_status(
        &mut self,
        operation: &Operation,
        code: &CodeFacts,
        status: CodeStatus,
        replaced_by: Option<i64>,
    ) -> Result<(), Unloaded> {
        let company_id = operation.actor.company_id;
        let change = CodeChange {
            tag: code.tag,
            status,
            company_id,
            company_name: self.name(company_id)?,
            user_id: operation.actor.user_id,
            at: operation.at,
            replaced_by,
        };
        self.hold_code(CodeFacts { status, used_at: Some(operation.at), ..code.clone() });
        self.changes.codes.insert(code.id, change);
        Ok(())
    }

    pub(in crate::model::ledger) fn set_device(&mut self, before: DeviceFacts, now: DeviceFacts) {
        if now != before {
            self.devices.insert(now.id, Some(now));
            self.changes.devices.entry(before.id).or_insert(before);
        }
    }

    pub(in crate::model::ledger) fn count_attempt(&mut self, limits: &[Limit], now: Moment) -> Result<(), Unloaded> {
        for Limit { key, policy } in limits {
            let attempts = self.attempts(key)?.failed(policy, now);
            self.attempts.insert(key.clone(), attempts);
            self.changes.attempts.insert(key.clone());
        }
        Ok(())
    }

    /// Records what an operation did, so that a later one of the same identity in the batch is a replay.
    pub(in crate::model::ledger) fn note_transfers(&mut self, operation: &Operation, transfers: &[Transfer]) {
        if transfers.is_empty() {
            return;
        }
        self.changes.transfers.extend_from_slice(transfers);
        let identity = (operation.actor.user_id, operation.id.clone());
        self.operations.insert(identity, transfers.to_vec());
    }
}
