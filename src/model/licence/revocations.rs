//! The list of revoked licence keys.

use super::{Malformed, moment, number, seconds};
use crate::model::time::Moment;

/// The prefix of the list.
pub const REVOKED_HEAD: &str = "SCRIPR1";
/// Most keys in one list.
pub const REVOKED_MAX: usize = 100_000;

/// The keys that are revoked as of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocations {
    /// Grows with each list: a device keeps the list with the highest number.
    pub list_number: i64,
    pub issued_at: Moment,
    /// Ascending, each once.
    key_ids: Vec<i64>,
}

impl Revocations {
    /// The longest text of a list, in bytes.
    pub const TEXT_LENGTH_MAX: usize = 4 * 1_024 * 1_024;

    /// A list of these keys, in any order.
    #[must_use]
    pub fn new(list_number: i64, issued_at: Moment, mut key_ids: Vec<i64>) -> Revocations {
        key_ids.sort_unstable();
        key_ids.dedup();
        Revocations { list_number, issued_at, key_ids }
    }

    #[must_use]
    pub fn key_ids(&self) -> &[i64] {
        &self.key_ids
    }

    #[must_use]
    pub fn has(&self, key_id: i64) -> bool {
        self.key_ids.binary_search(&key_id).is_ok()
    }

    /// The lines that are signed, with the version of the signing key.
    ///
    /// # Errors
    /// [`Malformed`] if there are too many keys or a number is below 1.
    pub fn payload(&self, key_version: i64) -> Result<String, Malformed> {
        let has_wrong_id = self.key_ids.first().is_some_and(|id| *id < 1);
        if key_version < 1 || self.list_number < 1 || has_wrong_id || self.key_ids.len() > REVOKED_MAX {
            return Err(Malformed);
        }
        let mut lines = format!("{key_version}\n{}\n{}\n", self.list_number, seconds(self.issued_at)?);
        for id in &self.key_ids {
            lines.push_str(&id.to_string());
            lines.push('\n');
        }
        Ok(lines)
    }

    /// Reads a payload: the key's version and the list.
    ///
    /// # Errors
    /// [`Malformed`], even if [`Revocations::payload`] would merely write it differently.
    pub fn read(payload: &str) -> Result<(i64, Revocations), Malformed> {
        let mut lines = payload.strip_suffix('\n').ok_or(Malformed)?.split('\n');
        let mut next = || lines.next().ok_or(Malformed);
        let (version, list_number) = (number(next()?)?, number(next()?)?);
        let issued_at = moment(number(next()?)?)?;
        let key_ids = lines.map(number).collect::<Result<_, _>>()?;
        let list = Revocations::new(list_number, issued_at, key_ids);
        if list.payload(version)? == payload { Ok((version, list)) } else { Err(Malformed) }
    }
}
