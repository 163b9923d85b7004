//! The key file under a passphrase, as backups carry it.

use chacha20poly1305::aead::{Aead, KeyInit as _};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

use super::{KeyError, NONCE_LENGTH};
use crate::rng::Rng;

/// A key file under a passphrase: Argon2id derives the key that seals it.
#[derive(Serialize, Deserialize)]
pub struct Wrapped {
    salt: String,
    sealed: String,
}

impl Wrapped {
    /// Seals a key file's text; returns the text of the wrapped file.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if no key can be derived.
    pub fn wrap(text: &str, passphrase: &str, rng: &Rng) -> Result<String, KeyError> {
        let salt = rng.bytes::<16>();
        let nonce = rng.bytes::<NONCE_LENGTH>();
        let cipher = Wrapped::cipher(passphrase, &salt)?;
        let sealed = cipher.encrypt(&XNonce::from(nonce), text.as_bytes()).map_err(|_| KeyError::Malformed)?;
        let wrapped = Wrapped { salt: hex::encode(salt), sealed: hex::encode([nonce.as_slice(), &sealed].concat()) };
        serde_json::to_string_pretty(&wrapped).map_err(|_| KeyError::Malformed)
    }

    /// Opens what [`Wrapped::wrap`] returned.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`].
    pub fn unwrap(text: &str, passphrase: &str) -> Result<String, KeyError> {
        let wrapped: Wrapped = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
        let salt = hex::decode(&wrapped.salt).map_err(|_| KeyError::Malformed)?;
        let sealed = hex::decode(&wrapped.sealed).map_err(|_| KeyError::Malformed)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LENGTH).ok_or(KeyError::Malformed)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().map_err(|_| KeyError::Malformed)?;
        let cipher = Wrapped::cipher(passphrase, &salt)?;
        let text = cipher.decrypt(&XNonce::from(nonce), sealed).map_err(|_| KeyError::WrongPassphrase)?;
        String::from_utf8(text).map_err(|_| KeyError::Malformed)
    }

    fn cipher(passphrase: &str, salt: &[u8]) -> Result<XChaCha20Poly1305, KeyError> {
        let mut key = [0; 32];
        argon2::Argon2::default()
            .hash_password_into(passphrase.as_bytes(), salt, &mut key)
            .map_err(|_| KeyError::Malformed)?;
        Ok(XChaCha20Poly1305::new(&key.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_key_file_opens_only_with_its_passphrase() {
        let wrapped = Wrapped::wrap("secret", "correct horse battery", &Rng::seeded(3)).unwrap();
        assert!(!wrapped.contains("secret"));
        assert_eq!(Wrapped::unwrap(&wrapped, "correct horse battery").unwrap(), "secret");
        assert!(matches!(Wrapped::unwrap(&wrapped, "another passphrase"), Err(KeyError::WrongPassphrase)));
    }
}
