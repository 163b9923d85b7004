//! Licence keys and revocation lists, signed with Ed25519, and how they are checked. The ring's newest version signs.
//! Its public keys, one per version, check what older ones signed.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::Keys;
use crate::model::licence::{HEAD, LicenceFacts, Malformed, REVOKED_HEAD, Revocations, SignedText, TEXT_LENGTH_MAX};

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// Why a text does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LicenceError {
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("it names version {0} of the signing key, whose public key is not here")]
    UnknownKey(i64),
    #[error("its signature is not of this key: it was forged or altered")]
    Forged,
}

impl Keys {
    /// The text of a licence key. The same facts give the same text.
    ///
    /// # Errors
    /// [`Malformed`] if the facts cannot be written.
    pub fn sign_licence(&self, facts: &LicenceFacts) -> Result<String, Malformed> {
        self.sign(HEAD, |version| facts.payload(version))
    }

    /// The text of a revocation list.
    ///
    /// # Errors
    /// [`Malformed`] if it has too many keys.
    pub fn sign_revocations(&self, list: &Revocations) -> Result<String, Malformed> {
        self.sign(REVOKED_HEAD, |version| list.payload(version))
    }

    /// The public keys of all versions.
    #[must_use]
    pub fn licence_public_keys(&self) -> PublicKeys {
        let public = |seed: &[u8; 32]| SigningKey::from_bytes(seed).verifying_key();
        PublicKeys(self.versions.iter().map(|(v, keys)| (*v, public(&keys.licence))).collect())
    }

    fn sign(&self, head: &str, payload: impl FnOnce(i64) -> Result<String, Malformed>) -> Result<String, Malformed> {
        let (version, keys) = self.versions.last_key_value().expect("a key ring is never empty");
        let signed = SignedText::to_sign(head, &payload(*version)?);
        let signature = SigningKey::from_bytes(&keys.licence).sign(signed.as_bytes());
        Ok(SignedText::join(&signed, &signature.to_bytes()))
    }
}

/// The public keys for checking licence texts, by version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys(BTreeMap<i64, VerifyingKey>);

impl PublicKeys {
    /// Reads lines of `VERSION:BASE64`, or of `BASE64` for version 1; or PEM blocks, each after a line `Version 2` or
    /// else for version 1.
    ///
    /// # Errors
    /// [`Malformed`] without a key, with two of one version, or with one under which no signature is safe.
    pub fn parse(text: &str) -> Result<PublicKeys, Malformed> {
        let text = text.trim();
        if text.contains(PEM_BEGIN) {
            return PublicKeys::parse_pem(text);
        }
        let read = |line: &str| {
            let (version, key) = line.trim().split_once(':').unwrap_or(("1", line.trim()));
            let bytes = STANDARD.decode(key).ok()?.try_into().ok()?;
            Some((version.parse().ok()?, VerifyingKey::from_bytes(&bytes).ok()?))
        };
        let keys = text.lines().map(read).collect::<Option<Vec<_>>>().ok_or(Malformed)?;
        PublicKeys::of(keys)
    }

    fn parse_pem(text: &str) -> Result<PublicKeys, Malformed> {
        let read = |block: &str| {
            let (before, block) = block.split_at(block.find(PEM_BEGIN)?);
            let version = match before.trim() {
                "" => 1,
                head => head.strip_prefix("Version ")?.parse().ok()?,
            };
            let pem = format!("{block}{PEM_END}\n");
            Some((version, VerifyingKey::from_public_key_pem(&pem).ok()?))
        };
        let blocks = text.strip_suffix(PEM_END).ok_or(Malformed)?.split(PEM_END);
        PublicKeys::of(blocks.map(read).collect::<Option<Vec<_>>>().ok_or(Malformed)?)
    }

    fn of(keys: impl IntoIterator<Item = (i64, VerifyingKey)>) -> Result<PublicKeys, Malformed> {
        let mut ring = BTreeMap::new();
        for (version, key) in keys {
            if version < 1 || key.is_weak() || ring.insert(version, key).is_some() {
                return Err(Malformed);
            }
        }
        if ring.is_empty() { Err(Malformed) } else { Ok(PublicKeys(ring)) }
    }

    /// Each version's key as the base64 of its 32 bytes, oldest first.
    pub fn base64(&self) -> impl Iterator<Item = (i64, String)> {
        self.0.iter().map(|(version, key)| (*version, STANDARD.encode(key.as_bytes())))
    }

    /// Each version's key as a line with the version and a PEM block (RFC 8410), oldest first.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let pem = |key: &VerifyingKey| key.to_public_key_pem(LineEnding::LF).expect("44 bytes become PEM");
        self.0.iter().map(|(version, key)| format!("Version {version}\n{}", pem(key))).collect()
    }

    /// Verifies a licence key and returns its facts.
    pub fn open_licence(&self, text: &str) -> Result<LicenceFacts, LicenceError> {
        let text = SignedText::parse(HEAD, text, TEXT_LENGTH_MAX)?;
        let (version, facts) = LicenceFacts::read(&text.payload)?;
        self.check(version, &text)?;
        Ok(facts)
    }

    /// Verifies a revocation list and returns it.
    pub fn open_revocations(&self, text: &str) -> Result<Revocations, LicenceError> {
        let text = SignedText::parse(REVOKED_HEAD, text, Revocations::TEXT_LENGTH_MAX)?;
        let (version, list) = Revocations::read(&text.payload)?;
        self.check(version, &text)?;
        Ok(list)
    }

    fn check(&self, version: i64, text: &SignedText) -> Result<(), LicenceError> {
        let key = self.0.get(&version).ok_or(LicenceError::UnknownKey(version))?;
        let signature = Signature::from_bytes(&text.signature);
        key.verify_strict(text.signed.as_bytes(), &signature).map_err(|_| LicenceError::Forged)
    }
}

#[cfg(test)]
mod tests;
