//! The key file and its keys. It holds a ring of versions: new secrets use the newest, and each sealed row names the
//! version that sealed it. HKDF derives a subkey for each purpose, so that no key serves two ends.

pub mod chain;
pub mod licence;
mod second_factor;
mod wrapped;

use std::collections::BTreeMap;
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::model::code::Code;
use crate::model::ledger::{CodeFacts, Fingerprint, Tag};
use crate::private;
use crate::rng::Rng;
pub use wrapped::Wrapped;

const NONCE_LENGTH: usize = 24;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("the key file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    #[error("the key file {0} is missing, and this database was made with one: put it back, nothing was written")]
    Missing(String),
    #[error("the key file is not one of Scrip's")]
    Malformed,
    #[error("the key file does not belong to this database: restore the right one (scrip.key)")]
    WrongKey,
    #[error("the passphrase does not open the wrapped key file")]
    WrongPassphrase,
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    /// Version number to 32 bytes in hexadecimal.
    keys: BTreeMap<String, String>,
}

/// The subkeys of one version.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Subkeys {
    code_tag: [u8; 32],
    code_seal: [u8; 32],
    fingerprint: [u8; 32],
    form_token: [u8; 32],
    known_device: [u8; 32],
    job_seal: [u8; 32],
    link: [u8; 32],
    second_factor_seal: [u8; 32],
    second_factor_hash: [u8; 32],
    licence: [u8; 32],
    row_digest: [u8; 32],
    chain_signature: [u8; 32],
    check: [u8; 32],
}

/// All keys, by version. Code tags, fingerprints and tokens always use the first version.
pub struct Keys {
    versions: BTreeMap<i64, Subkeys>,
}

impl Keys {
    /// New keys: for tests, the demo and the first start.
    #[must_use]
    pub fn generate(rng: &Rng) -> (Keys, String) {
        let file = KeyFile { keys: BTreeMap::from([("1".into(), hex::encode(rng.bytes::<32>()))]) };
        let text = serde_json::to_string_pretty(&file).unwrap_or_default();
        let keys = Keys::parse(&text).unwrap_or(Keys { versions: BTreeMap::new() });
        (keys, text)
    }

    /// Reads the key file, or creates it if it does not exist. Only its owner can read it.
    pub fn open(file: &Path, rng: &Rng) -> Result<Keys, KeyError> {
        match private::read(file) {
            Ok(text) => Keys::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (keys, text) = Keys::generate(rng);
                match private::write(file, text.as_bytes()) {
                    Ok(()) => Ok(keys),
                    // Another process was faster.
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                        Keys::parse(&private::read(file)?)
                    }
                    Err(error) => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Parses a key file's text.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn parse(text: &str) -> Result<Keys, KeyError> {
        let file: KeyFile = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
        let mut versions = BTreeMap::new();
        for (version, key) in &file.keys {
            let version = version.parse().map_err(|_| KeyError::Malformed)?;
            let key = hex::decode(key).ok().filter(|k| k.len() == 32).ok_or(KeyError::Malformed)?;
            versions.insert(version, Subkeys::derive(&key));
        }
        if versions.is_empty() { Err(KeyError::Malformed) } else { Ok(Keys { versions }) }
    }

    /// A value that the database keeps, to detect a wrong key file at the start.
    #[must_use]
    pub fn check_value(&self) -> String {
        hex::encode(&mac(&self.first().check, &[b"scrip"])[..16])
    }

    /// The keyed hash that a code is found by.
    #[must_use]
    pub fn tag(&self, code: &Code) -> Tag {
        Tag(short(mac(&self.first().code_tag, &[b"code", code.digits()])))
    }

    /// The keyed hash of a code's last four characters, below 2^53.
    #[must_use]
    pub fn suffix_tag(&self, suffix: &str) -> i64 {
        let hash = mac(&self.first().code_tag, &[b"suffix", suffix.as_bytes()]);
        i64::from_be_bytes(hash[..8].try_into().unwrap_or_default()) & ((1 << 53) - 1)
    }

    /// Seals a code, bound to its worth and its company; also returns the key's version.
    #[must_use]
    pub fn seal(&self, code: &Code, facts: &CodeFacts, rng: &Rng) -> (i64, Vec<u8>) {
        let (version, key) = self.versions.last_key_value().expect("a key ring is never empty");
        let nonce = rng.bytes::<NONCE_LENGTH>();
        let payload = Payload { msg: code.digits(), aad: &bound_to(facts) };
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload).expect("sealing 20 bytes cannot fail");
        (*version, [nonce.as_slice(), &sealed].concat())
    }

    /// Opens a sealed code; `None` if it was tampered with or its key is missing.
    #[must_use]
    pub fn open_code(&self, version: i64, sealed: &[u8], facts: &CodeFacts) -> Option<Code> {
        let key = self.versions.get(&version)?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LENGTH)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        let payload = Payload { msg: text, aad: &bound_to(facts) };
        let digits = cipher(key).decrypt(&XNonce::from(nonce), payload).ok()?;
        Code::from_digits(&digits)
    }

    /// Seals the text of a job, which may carry a secret, as hexadecimal text.
    #[must_use]
    pub fn seal_text(&self, text: &str, rng: &Rng) -> String {
        let nonce = rng.bytes::<NONCE_LENGTH>();
        let cipher = XChaCha20Poly1305::new(&self.first().job_seal.into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), text.as_bytes()).expect("sealing a short text cannot fail");
        hex::encode([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Keys::seal_text`] sealed.
    #[must_use]
    pub fn open_text(&self, sealed: &str) -> Option<String> {
        let bytes = hex::decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LENGTH)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        let cipher = XChaCha20Poly1305::new(&self.first().job_seal.into());
        String::from_utf8(cipher.decrypt(&XNonce::from(nonce), text).ok()?).ok()
    }

    /// The fingerprint of a request's canonical form.
    #[must_use]
    pub fn fingerprint(&self, canonical: &str) -> Fingerprint {
        Fingerprint(short(mac(&self.first().fingerprint, &[canonical.as_bytes()])))
    }

    /// The second half of a form's token: binds its nonce to the session.
    #[must_use]
    pub fn form_mac(&self, session: &[u8], nonce: &str) -> String {
        hex::encode(&mac(&self.first().form_token, &[session, nonce.as_bytes()])[..16])
    }

    /// Whether a form's token belongs to the session, compared in constant time.
    #[must_use]
    pub fn form_mac_matches(&self, session: &[u8], nonce: &str, given: &str) -> bool {
        self.form_mac(session, nonce).as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The secret of the link that an actor's operation creates: the same for the same operation.
    #[must_use]
    pub fn link_secret(&self, actor_id: i64, key: &str) -> [u8; 20] {
        let hash = mac(&self.first().link, &[&actor_id.to_be_bytes(), key.as_bytes()]);
        hash[..20].try_into().unwrap_or_default()
    }

    /// What the code is made from that an actor's consent gives an application: the same for the same operation.
    #[must_use]
    pub fn consent_secret(&self, actor_id: i64, key: &str) -> [u8; 20] {
        let hash = mac(&self.first().link, &[b"consent", &actor_id.to_be_bytes(), key.as_bytes()]);
        hash[..20].try_into().unwrap_or_default()
    }

    /// Marks a browser as one that an account has signed in from.
    #[must_use]
    pub fn device_mark(&self, account: &str) -> String {
        hex::encode(&mac(&self.first().known_device, &[account.as_bytes()])[..16])
    }

    fn first(&self) -> &Subkeys {
        self.versions.first_key_value().expect("a key ring is never empty").1
    }
}

impl Subkeys {
    fn derive(key: &[u8]) -> Subkeys {
        let hkdf = Hkdf::<Sha256>::new(None, key);
        let subkey = |purpose: &str| {
            let mut out = [0; 32];
            hkdf.expand(purpose.as_bytes(), &mut out).expect("32 bytes are a valid length");
            out
        };
        Subkeys {
            code_tag: subkey("code tag"),
            code_seal: subkey("code seal"),
            fingerprint: subkey("operation fingerprint"),
            form_token: subkey("form token"),
            known_device: subkey("known device"),
            job_seal: subkey("job seal"),
            link: subkey("invitation link"),
            second_factor_seal: subkey("second-factor seal"),
            second_factor_hash: subkey("second-factor hash"),
            licence: subkey("licence signature"),
            row_digest: subkey("row digest"),
            chain_signature: subkey("chain signature"),
            check: subkey("check value"),
        }
    }
}

fn cipher(key: &Subkeys) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.code_seal.into())
}

/// What a sealed code is bound to: moved to another row, it does not open.
fn bound_to(facts: &CodeFacts) -> Vec<u8> {
    [facts.id, facts.company_id, facts.resource_type.id(), facts.amount].iter().flat_map(|n| n.to_be_bytes()).collect()
}

/// HMAC-SHA-256 over the parts, each preceded by its length.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("any length of key will do");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn short(hash: [u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&hash[..16]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ledger::CodeStatus;
    use crate::model::resources::ResourceType;

    #[test]
    fn a_sealed_code_opens_only_where_it_belongs() {
        let rng = Rng::seeded(1);
        let (keys, _) = Keys::generate(&rng);
        let code = Code::from_random(rng.bytes());
        let facts = CodeFacts {
            id: 7,
            tag: keys.tag(&code),
            company_id: 3,
            resource_type: ResourceType::CREDIT,
            amount: 5,
            status: CodeStatus::Unused,
            expires_at: None,
            is_disputed: false,
            order: None,
            used_at: None,
        };
        let (version, sealed) = keys.seal(&code, &facts, &rng);
        assert_eq!(keys.open_code(version, &sealed, &facts), Some(code.clone()));
        assert_eq!(keys.open_code(version, &sealed, &CodeFacts { amount: 500, ..facts.clone() }), None);
        assert_eq!(keys.open_code(version + 1, &sealed, &facts), None);
        let (other, _) = Keys::generate(&rng);
        assert_ne!(other.tag(&code), keys.tag(&code));
        assert_ne!(other.check_value(), keys.check_value());
        assert_eq!(other.open_code(version, &sealed, &facts), None);
    }

    #[test]
    fn the_key_file_is_private_and_read_back() {
        let folder = std::env::temp_dir().join(format!("scrip-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("scrip.key");
        let rng = Rng::seeded(2);
        let made = Keys::open(&file, &rng).unwrap().check_value();
        assert_eq!(Keys::open(&file, &rng).unwrap().check_value(), made);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(folder).unwrap();
        assert!(matches!(Keys::parse("{}"), Err(KeyError::Malformed)));
    }
}
