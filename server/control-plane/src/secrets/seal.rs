//! Authenticated encryption of single values. A sealed value opens only for the project and field it was sealed for,
//! because both are associated data: a row copied to another place is worthless there.

use chacha20poly1305::{
    Key, KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, Payload},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::MasterKey;
use crate::error::SecretError;

/// Nonce length of XChaCha20-Poly1305, in bytes.
const NONCE_BYTES: usize = 24;

/// Seals and opens values under the master key.
#[derive(Clone)]
pub(crate) struct Vault {
    cipher: XChaCha20Poly1305,
    key: MasterKey,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    pub(crate) fn new(key: &MasterKey) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*key.bytes())), key: key.clone() }
    }

    /// Hash under the master key, so that what was hashed can't be guessed without it: 128 hexadecimal digits, the same for
    /// the same text.
    pub(crate) fn fingerprint(&self, purpose: &str, text: &[u8]) -> String {
        hex::encode(self.key.derive(purpose, text))
    }

    /// Seals a value for a place; `scope` is a project ref or another unique name. The result is nonce, then ciphertext
    /// with tag.
    pub(crate) fn seal(&self, scope: &str, field: &str, value: &SecretString) -> Result<Vec<u8>, SecretError> {
        let nonce = XNonce::generate();
        let aad = associated_data(scope, field);
        let payload = Payload { msg: value.expose_secret().as_bytes(), aad: &aad };
        let ciphertext = self.cipher.encrypt(&nonce, payload).map_err(|_| SecretError)?;
        let mut sealed = nonce.to_vec();
        sealed.extend(ciphertext);
        Ok(sealed)
    }

    /// Opens a value that was sealed for this place.
    pub(crate) fn open(&self, scope: &str, field: &str, sealed: &[u8]) -> Result<SecretString, SecretError> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES).ok_or(SecretError)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| SecretError)?;
        let aad = associated_data(scope, field);
        let opened = self.cipher.decrypt(&nonce, Payload { msg: ciphertext, aad: &aad }).map_err(|_| SecretError)?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| SecretError)
    }
}

fn associated_data(scope: &str, field: &str) -> Vec<u8> {
    [scope.as_bytes(), b"\0", field.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(byte: u8) -> Vault {
        Vault::new(&MasterKey::from_bytes([byte; 32]))
    }

    #[test]
    fn opens_only_in_its_own_place_under_its_own_key() {
        let sealed = vault(1).seal("abc", "jwt_secret", &"hunter2".into()).unwrap();
        assert_eq!(vault(1).open("abc", "jwt_secret", &sealed).unwrap().expose_secret(), "hunter2");
        assert!(vault(1).open("abd", "jwt_secret", &sealed).is_err());
        assert!(vault(1).open("abc", "password", &sealed).is_err());
        assert!(vault(2).open("abc", "jwt_secret", &sealed).is_err());
        assert!(vault(1).open("abc", "jwt_secret", &sealed[..10]).is_err());
        let mut tampered = sealed.clone();
        *tampered.last_mut().unwrap() ^= 1;
        assert!(vault(1).open("abc", "jwt_secret", &tampered).is_err());
    }

    #[test]
    fn the_same_value_never_seals_to_the_same_bytes() {
        let seal = || vault(1).seal("abc", "field", &"value".into()).unwrap();
        assert_ne!(seal(), seal());
        assert!(!seal().windows(5).any(|window| window == b"value"));
    }
}
