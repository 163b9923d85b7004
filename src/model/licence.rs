//! Licence keys and revocation lists, as texts that a device checks offline. `docs/licences.md` describes the format
//! for makers of such devices; `keys::licence` signs.
//!
//! Each text is `HEAD.PAYLOAD.SIGNATURE`. The payload's lines have a fixed order and a single way of writing, so that
//! two texts never mean the same and one text never means two things.

mod revocations;
pub mod serials;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::device::SERIAL_LENGTH_MAX;
use super::time::Moment;
pub use revocations::{REVOKED_HEAD, REVOKED_MAX, Revocations};

/// The prefix of a licence key.
pub const HEAD: &str = "SCRIP1";
pub const PRODUCT_LENGTH_MAX: usize = 64;
/// In bytes. The longest key that can be issued is shorter.
pub const TEXT_LENGTH_MAX: usize = 1_024;
const SIGNATURE_LENGTH: usize = 64;
/// How often a licence may move to another device.
pub const REHOSTS_MAX: i64 = 3;
/// Length of the reason for a move, in characters.
pub const REHOST_REASON_LENGTH: std::ops::RangeInclusive<usize> = 3..=500;
/// The end of the year 9999, in seconds since 1970.
const SECONDS_MAX: i64 = 253_402_300_799;
/// The end of a licence that never ends.
const NEVER: i64 = 0;

/// The contents of a licence key. Its moments are whole seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenceFacts {
    /// Unique per key, even for a device that had one before.
    pub key_id: i64,
    /// The device's serial number, as its owner typed it.
    pub serial: String,
    /// The product's code: printable ASCII without spaces.
    pub product: String,
    pub issued_at: Moment,
    /// The first moment at which it is no longer valid; `None` if it never ends.
    pub expires_at: Option<Moment>,
}

/// The status of a genuine key here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Valid,
    Expired,
    Revoked,
    OtherSerial,
}

/// Why a text is not a serial number, or not a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SerialError {
    Missing,
    TooMany,
    /// The text, or its beginning.
    Malformed(String),
}

/// Why a licence cannot be ordered, or cannot move to another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenceRefusal {
    Serial(SerialError),
    NothingChosen,
    /// Nobody has confirmed that a licence fits devices whose model the portal does not know.
    NotConfirmed,
    /// The chosen licence is not offered for devices of this model.
    Unsuitable {
        model: String,
    },
    /// The order already has it for that device.
    Twice {
        serial: String,
    },
    /// All chosen devices already have it without an end.
    HeldForGood,
    SameSerial,
    Expired,
    NoMoreRehosts,
    /// It has moved since the form was opened.
    Moved,
    Reason,
}

/// The product's name in licence keys: it stays when the product's name or price changes.
#[must_use]
pub fn product_code(product_id: i64) -> String {
    format!("product-{product_id}")
}

/// The text is not ours, or the facts cannot be written as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no licence text")]
pub struct Malformed;

impl LicenceFacts {
    /// The lines that are signed, with the version of the signing key.
    ///
    /// # Errors
    /// [`Malformed`] if a fact is empty, too long or would break its line.
    pub fn payload(&self, key_version: i64) -> Result<String, Malformed> {
        let is_serial = (1..=SERIAL_LENGTH_MAX).contains(&self.serial.chars().count())
            && !self.serial.chars().any(char::is_control);
        let is_product = (1..=PRODUCT_LENGTH_MAX).contains(&self.product.len())
            && self.product.bytes().all(|b| b.is_ascii_graphic());
        let issued = seconds(self.issued_at)?;
        let expires = self.expires_at.map_or(Ok(NEVER), seconds)?;
        let ends_later = expires == NEVER || expires > issued;
        if !is_serial || !is_product || !ends_later || key_version < 1 || self.key_id < 1 {
            return Err(Malformed);
        }
        let (key_id, serial, product) = (self.key_id, &self.serial, &self.product);
        Ok(format!("{key_version}\n{key_id}\n{serial}\n{product}\n{issued}\n{expires}\n"))
    }

    /// Reads a payload: the key's version and the licence's facts.
    ///
    /// # Errors
    /// [`Malformed`], even if [`LicenceFacts::payload`] would merely write it differently.
    pub fn read(payload: &str) -> Result<(i64, LicenceFacts), Malformed> {
        let lines: Vec<&str> = payload.split('\n').collect();
        let [version, key_id, serial, product, issued, expires, ""] = lines[..] else {
            return Err(Malformed);
        };
        let expires = number(expires)?;
        let facts = LicenceFacts {
            key_id: number(key_id)?,
            serial: serial.to_owned(),
            product: product.to_owned(),
            issued_at: moment(number(issued)?)?,
            expires_at: if expires == NEVER { None } else { Some(moment(expires)?) },
        };
        let version = number(version)?;
        if facts.payload(version)? == payload { Ok((version, facts)) } else { Err(Malformed) }
    }

    /// The key's status for a device, or for any device if no serial is given.
    #[must_use]
    pub fn standing(&self, serial: Option<&str>, revoked: Option<&Revocations>, now: Moment) -> Standing {
        // No two devices of a portal have serial numbers that differ only in case.
        if serial.is_some_and(|s| !s.eq_ignore_ascii_case(&self.serial)) {
            Standing::OtherSerial
        } else if revoked.is_some_and(|r| r.has(self.key_id)) {
            Standing::Revoked
        } else if self.expires_at.is_some_and(|end| now >= end) {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }
}

/// A text split into its parts; the signature is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    pub payload: String,
    pub signature: [u8; SIGNATURE_LENGTH],
    /// What the signature covers: the text up to its last dot.
    pub signed: String,
}

impl SignedText {
    /// The text to sign for a payload.
    #[must_use]
    pub fn to_sign(head: &str, payload: &str) -> String {
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(payload))
    }

    /// The text from its signed part and its signature.
    #[must_use]
    pub fn join(signed: &str, signature: &[u8; SIGNATURE_LENGTH]) -> String {
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Splits a text without checking its signature.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(head: &str, text: &str, length_max: usize) -> Result<SignedText, Malformed> {
        if text.len() > length_max {
            return Err(Malformed);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Malformed)?;
        let payload = signed.strip_prefix(head).and_then(|rest| rest.strip_prefix('.')).ok_or(Malformed)?;
        // The decoder refuses padding, foreign letters and stray trailing bits: one text per value.
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Malformed);
        Ok(SignedText {
            payload: String::from_utf8(decode(payload)?).map_err(|_| Malformed)?,
            signature: decode(signature)?.try_into().map_err(|_| Malformed)?,
            signed: signed.to_owned(),
        })
    }
}

fn seconds(moment: Moment) -> Result<i64, Malformed> {
    let seconds = moment.0.div_euclid(1_000_000);
    if (1..=SECONDS_MAX).contains(&seconds) { Ok(seconds) } else { Err(Malformed) }
}

fn moment(seconds: i64) -> Result<Moment, Malformed> {
    if (1..=SECONDS_MAX).contains(&seconds) { Ok(Moment(seconds * 1_000_000)) } else { Err(Malformed) }
}

fn number(text: &str) -> Result<i64, Malformed> {
    text.parse().map_err(|_| Malformed)
}

#[cfg(test)]
mod tests;
