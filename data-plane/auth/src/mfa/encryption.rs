//! Encryption of single values (TOTP secrets, password hashes, custom providers' secrets) under `GOTRUE_SECURITY_DB_ENCRYPTION_*`.
//!
//! A value is JSON: `key_id`, `alg` (`aes-gcm-hkdf`), `data` and `nonce` (standard base64). The key of AES-256-GCM is derived by HKDF
//! with SHA-256 from the configured key, without a salt, with the object's id as the information: each object has its own key, and a
//! value that is moved to another object does not open. (The shape and the purpose are described in supabase/auth's pull request 1593,
//! which does not say where the id goes in HKDF.)

use std::{collections::HashMap, fmt};

use aes_gcm::{Aes256Gcm, KeyInit, aead::Aead};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hkdf::Hkdf;
use rand::RngExt;
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Error;
use crate::settings::DbEncryption;

const ALGORITHM: &str = "aes-gcm-hkdf";

/// 32 bytes, from `GOTRUE_SECURITY_DB_ENCRYPTION_ENCRYPTION_KEY` or a value of `…_DECRYPTION_KEYS`.
#[derive(Clone)]
pub struct EncryptionKey(Zeroizing<[u8; 32]>);

impl EncryptionKey {
    /// `id` is only for the message.
    pub fn from_base64(id: &str, text: &str) -> Result<Self, Error> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default());
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(key) => Ok(Self(Zeroizing::new(key))),
            Err(_) => Err(Error::EncryptionKey(id.to_owned())),
        }
    }

    fn cipher(&self, object: &str) -> Result<Aes256Gcm, Error> {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &*self.0).expand(object.as_bytes(), &mut *key).map_err(|_| Error::Encryption)?;
        Aes256Gcm::new_from_slice(&*key).map_err(|_| Error::Encryption)
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey([redacted])")
    }
}

/// The keys of an instance. The default one neither encrypts nor decrypts.
#[derive(Debug, Clone, Default)]
pub struct EncryptionKeys {
    /// The id of the key that encrypts; it is among `keys`. `None`: values are stored as they are.
    pub encrypt_with: Option<String>,
    /// All keys that decrypt, by id.
    pub keys: HashMap<String, EncryptionKey>,
}

#[derive(Serialize, Deserialize)]
struct Encrypted {
    key_id: String,
    alg: String,
    data: String,
    nonce: String,
}

impl EncryptionKeys {
    /// From settings; all keys are read.
    pub fn new(settings: &DbEncryption) -> Result<Self, Error> {
        let read = |(id, key): (&String, &SecretString)| {
            EncryptionKey::from_base64(id, key.expose_secret()).map(|key| (id.clone(), key))
        };
        let keys = settings.keys.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { encrypt_with: settings.encrypt_with.clone(), keys })
    }

    /// What is to be stored for `object` (the id of the user or the factor).
    pub fn seal(&self, object: &str, value: &str) -> Result<String, Error> {
        let Some(key_id) = &self.encrypt_with else { return Ok(value.to_owned()) };
        let key = self.keys.get(key_id).ok_or_else(|| Error::NoSuchKey(key_id.clone()))?;
        let nonce: [u8; 12] = rand::rng().random();
        let data = key.cipher(object)?.encrypt(&nonce.into(), value.as_bytes()).map_err(|_| Error::Encryption)?;
        let sealed = Encrypted {
            key_id: key_id.clone(),
            alg: ALGORITHM.to_owned(),
            data: STANDARD.encode(data),
            nonce: STANDARD.encode(nonce),
        };
        serde_json::to_string(&sealed).map_err(|_| Error::Encryption)
    }

    /// The value that is stored for `object`, and whether it should be sealed anew (it is under another key, or under none while
    /// there is one).
    pub fn open(&self, object: &str, stored: &str) -> Result<(String, bool), Error> {
        let Some(sealed) = sealed(stored) else { return Ok((stored.to_owned(), self.encrypt_with.is_some())) };
        let key = self.keys.get(&sealed.key_id).ok_or_else(|| Error::NoSuchKey(sealed.key_id.clone()))?;
        let data = STANDARD.decode(&sealed.data).map_err(|_| Error::Decryption)?;
        let nonce = STANDARD.decode(&sealed.nonce).map_err(|_| Error::Decryption)?;
        let nonce: [u8; 12] = nonce.try_into().map_err(|_| Error::Decryption)?;
        let value = key.cipher(object)?.decrypt(&nonce.into(), data.as_slice()).map_err(|_| Error::Decryption)?;
        let value = String::from_utf8(value).map_err(|_| Error::Decryption)?;
        Ok((value, self.encrypt_with.as_ref() != Some(&sealed.key_id)))
    }
}

/// Neither a hash nor a base32 secret begins with a brace.
fn sealed(stored: &str) -> Option<Encrypted> {
    let sealed: Encrypted = stored.starts_with('{').then(|| serde_json::from_str(stored).ok())??;
    (sealed.alg == ALGORITHM).then_some(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(encrypt_with: Option<&str>) -> EncryptionKeys {
        let key = |byte: u8| EncryptionKey::from_base64("", &URL_SAFE_NO_PAD.encode([byte; 32])).unwrap();
        EncryptionKeys {
            encrypt_with: encrypt_with.map(str::to_owned),
            keys: HashMap::from([("old".to_owned(), key(1)), ("new".to_owned(), key(2))]),
        }
    }

    #[test]
    fn what_is_sealed_opens_for_its_object_only() {
        let sealed = keys(Some("new")).seal("factor 1", "SECRET").unwrap();
        assert!(!sealed.contains("SECRET"));
        let fields: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        assert_eq!((fields["key_id"].as_str(), fields["alg"].as_str()), (Some("new"), Some("aes-gcm-hkdf")));
        assert_eq!(keys(Some("new")).open("factor 1", &sealed).unwrap(), ("SECRET".to_owned(), false));
        assert!(matches!(keys(Some("new")).open("factor 2", &sealed), Err(Error::Decryption)));
        assert_ne!(sealed, keys(Some("new")).seal("factor 1", "SECRET").unwrap());
    }

    #[test]
    fn keys_are_rotated() {
        let sealed = keys(Some("old")).seal("1", "SECRET").unwrap();
        assert_eq!(keys(Some("new")).open("1", &sealed).unwrap(), ("SECRET".to_owned(), true));
        assert_eq!(keys(Some("new")).open("1", "SECRET").unwrap(), ("SECRET".to_owned(), true));
        assert_eq!(EncryptionKeys::default().open("1", "SECRET").unwrap(), ("SECRET".to_owned(), false));
        assert!(matches!(EncryptionKeys::default().open("1", &sealed), Err(Error::NoSuchKey(id)) if id == "old"));
    }

    #[test]
    fn what_is_damaged_does_not_open() {
        let sealed = keys(Some("old")).seal("1", "SECRET").unwrap();
        let mut fields: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        for (field, value) in [("data", "AAAA"), ("nonce", "AAAA"), ("nonce", "?"), ("data", "?")] {
            let before = fields[field].take();
            fields[field] = value.into();
            assert!(matches!(keys(None).open("1", &fields.to_string()), Err(Error::Decryption)));
            fields[field] = before;
        }
        assert!(matches!(EncryptionKey::from_base64("k", "AAAA"), Err(Error::EncryptionKey(id)) if id == "k"));
    }
}
