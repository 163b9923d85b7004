//! Protects the ledger's rows from being rewritten by somebody who has the database but not the key file: keyed digests
//! of rows, and signatures on the chain that links them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};

use super::{Keys, mac};
use crate::model::digest::{Entries, Hash, Head};
use crate::model::time::Moment;

/// What a digest covers: its rows as JSON, in the order of their ids.
pub struct Covered<'a> {
    pub at: Moment,
    /// Whether a job made it for rows that are older than digests.
    pub is_older: bool,
    pub entries: &'a Entries,
    pub transfers: &'a str,
    pub history: &'a str,
}

impl Keys {
    /// The keyed hash of rows: HMAC-SHA-256, always under the first version.
    #[must_use]
    pub fn digest(&self, covered: &Covered) -> Hash {
        let entries = covered.entries.to_string();
        let head = [u8::from(covered.is_older)];
        let at = covered.at.0.to_be_bytes();
        let parts: [&[u8]; 5] =
            [&head, &at, entries.as_bytes(), covered.transfers.as_bytes(), covered.history.as_bytes()];
        mac(&self.first().row_digest, &parts)
    }

    /// Signs the end of the chain with the newest version; also returns that version.
    #[must_use]
    pub fn sign_head(&self, head: &Head) -> (i64, [u8; 64]) {
        let (version, keys) = self.versions.last_key_value().expect("a key ring is never empty");
        let key = SigningKey::from_bytes(&keys.chain_signature);
        (*version, key.sign(signed_text(head).as_bytes()).to_bytes())
    }

    /// Whether a signature was made by this portal's key.
    #[must_use]
    pub fn head_is_signed(&self, version: i64, head: &Head, signature: &[u8]) -> bool {
        let Some(keys) = self.versions.get(&version) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        let key = SigningKey::from_bytes(&keys.chain_signature).verifying_key();
        key.verify_strict(signed_text(head).as_bytes(), &signature).is_ok()
    }

    /// The public key for checking a version's signatures, as base64.
    #[must_use]
    pub fn chain_public_key(&self, version: i64) -> Option<String> {
        let keys = self.versions.get(&version)?;
        Some(STANDARD.encode(SigningKey::from_bytes(&keys.chain_signature).verifying_key().as_bytes()))
    }
}

/// The text that is signed.
fn signed_text(head: &Head) -> String {
    format!("scrip chain {head}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn a_signature_belongs_to_one_head_and_one_key_file() {
        let (keys, _) = Keys::generate(&Rng::seeded(1));
        let (others, _) = Keys::generate(&Rng::seeded(2));
        let head = Head { number: 3, hash: [7; 32] };
        let (version, signature) = keys.sign_head(&head);
        assert!(keys.head_is_signed(version, &head, &signature));
        assert!(!keys.head_is_signed(version, &Head { number: 4, ..head }, &signature));
        assert!(!keys.head_is_signed(version + 1, &head, &signature));
        assert!(!keys.head_is_signed(version, &head, &signature[1..]));
        assert!(!others.head_is_signed(version, &head, &signature));
        assert_ne!(keys.chain_public_key(version), others.chain_public_key(version));
    }

    #[test]
    fn a_digest_depends_on_each_of_its_parts() {
        let (keys, _) = Keys::generate(&Rng::seeded(1));
        let (others, _) = Keys::generate(&Rng::seeded(2));
        let entries = Entries::of([1, 2]);
        let rows = || Covered { at: Moment(5), is_older: false, entries: &entries, transfers: "[1]", history: "[]" };
        let digest = keys.digest(&rows());
        assert_eq!(keys.digest(&rows()), digest);
        assert_ne!(others.digest(&rows()), digest);
        assert_ne!(keys.digest(&Covered { at: Moment(6), ..rows() }), digest);
        assert_ne!(keys.digest(&Covered { is_older: true, ..rows() }), digest);
        assert_ne!(keys.digest(&Covered { entries: &Entries::of([1, 3]), ..rows() }), digest);
        assert_ne!(keys.digest(&Covered { transfers: "[]", history: "[1]", ..rows() }), digest);
    }
}
