//! Secrets of authenticator apps, sealed; recovery codes and mailed codes, hashed.

use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::{Keys, NONCE_LENGTH, Subkeys, mac};
use crate::model::second_factor::TotpSecret;
use crate::rng::Rng;

impl Keys {
    /// Seals an app's secret, bound to its owner; also returns the key's version.
    #[must_use]
    pub fn seal_secret(&self, secret: &TotpSecret, user_id: i64, rng: &Rng) -> (i64, Vec<u8>) {
        let (version, key) = self.versions.last_key_value().expect("a key ring is never empty");
        let nonce = rng.bytes::<NONCE_LENGTH>();
        let payload = Payload { msg: secret.bytes(), aad: &user_id.to_be_bytes() };
        let sealed = cipher(key).encrypt(&XNonce::from(nonce), payload).expect("sealing 20 bytes cannot fail");
        (*version, [nonce.as_slice(), &sealed].concat())
    }

    /// Opens a sealed secret; `None` if it is another person's, was altered, or its key is missing.
    #[must_use]
    pub fn open_secret(&self, version: i64, sealed: &[u8], user_id: i64) -> Option<TotpSecret> {
        let key = self.versions.get(&version)?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LENGTH)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().ok()?;
        let payload = Payload { msg: text, aad: &user_id.to_be_bytes() };
        cipher(key).decrypt(&XNonce::from(nonce), payload).ok().map(TotpSecret::new)
    }

    /// The keyed hash stored for a person's code of some kind: without the key file, trying all six-digit codes finds
    /// nothing.
    #[must_use]
    pub fn second_factor_hash(&self, user_id: i64, kind: &str, code: &[u8]) -> Vec<u8> {
        let parts = [kind.as_bytes(), &user_id.to_be_bytes(), code];
        mac(&self.first().second_factor_hash, &parts).to_vec()
    }
}

fn cipher(key: &Subkeys) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.second_factor_seal.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_for_its_owner() {
        let rng = Rng::seeded(5);
        let (keys, _) = Keys::generate(&rng);
        let secret = TotpSecret::new(vec![7; 20]);
        let (version, sealed) = keys.seal_secret(&secret, 3, &rng);
        let open = |version, user_id| keys.open_secret(version, &sealed, user_id).map(|s| s.bytes().to_vec());
        assert_eq!(open(version, 3), Some(vec![7; 20]));
        assert_eq!((open(version, 4), open(version + 1, 3)), (None, None));
        assert!(!sealed.windows(20).any(|w| w == [7; 20]));
    }

    #[test]
    fn a_hash_belongs_to_one_user_and_one_kind() {
        let (keys, _) = Keys::generate(&Rng::seeded(6));
        let hash = keys.second_factor_hash(1, "sign_in", b"123456");
        assert_ne!(hash, keys.second_factor_hash(2, "sign_in", b"123456"));
        assert_ne!(hash, keys.second_factor_hash(1, "turn_on", b"123456"));
        assert_eq!(hash, keys.second_factor_hash(1, "sign_in", b"123456"));
    }
}
