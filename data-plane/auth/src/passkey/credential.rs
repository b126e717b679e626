//! A credential as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{BASE64URL, Error};
use base64::{Engine, engine::general_purpose::STANDARD};

/// A registered public key. Its JSON is what GoTrue keeps in `mfa_factors.web_authn_credential`; the table `webauthn_credentials` has
/// a column for each of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// What the authenticator calls it.
    #[serde(with = "bytes")]
    pub id: Vec<u8>,
    /// In COSE.
    #[serde(rename = "publicKey", with = "bytes")]
    pub public_key: Vec<u8>,
    /// The format of the attestation that came with it.
    #[serde(rename = "attestationType", default)]
    pub attestation_type: String,
    /// How browsers reach its authenticator: `usb`, `nfc`, `ble`, `internal`, `hybrid`.
    #[serde(rename = "transport", default, deserialize_with = "or_none")]
    pub transports: Vec<String>,
    /// What the authenticator said last.
    #[serde(default)]
    pub flags: Flags,
    /// The authenticator.
    #[serde(default)]
    pub authenticator: Authenticator,
}

/// What the authenticator said of its user and of backups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Flags {
    /// Somebody was there.
    pub user_present: bool,
    /// It was its user.
    pub user_verified: bool,
    /// The key may be copied to other devices; never changes.
    pub backup_eligible: bool,
    /// It was.
    pub backup_state: bool,
}

/// The device or program that holds the private key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Authenticator {
    /// Its model; 16 bytes, zeros if it does not say.
    #[serde(rename = "AAGUID", with = "bytes")]
    pub aaguid: Vec<u8>,
    /// Of its signatures; 0 if it does not count.
    pub sign_count: u32,
    /// Set by GoTrue; here a counter that does not grow is refused.
    pub clone_warning: bool,
    /// `platform` or `cross-platform`.
    pub attachment: String,
}

impl Credential {
    /// To be stored.
    pub fn to_json(&self) -> Result<serde_json::Value, Error> {
        serde_json::to_value(self).map_err(Error::Stored)
    }

    /// What was stored.
    pub fn from_json(json: &serde_json::Value) -> Result<Self, Error> {
        Self::deserialize(json).map_err(Error::Stored)
    }

    /// The model of its authenticator, if it says: the column `aaguid`.
    pub fn aaguid(&self) -> Option<uuid::Uuid> {
        uuid::Uuid::from_slice(&self.authenticator.aaguid).ok().filter(|id| !id.is_nil())
    }

    /// Its `PublicKeyCredentialDescriptor`.
    pub(super) fn descriptor(&self) -> serde_json::Value {
        let mut descriptor = json!({ "type": "public-key", "id": BASE64URL.encode(&self.id) });
        if !self.transports.is_empty() {
            descriptor["transports"] = json!(self.transports);
        }
        descriptor
    }
}

/// Go writes an empty list as null.
fn or_none<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Bytes are standard base64, as Go writes them.
mod bytes {
    use super::{Deserialize, Engine, STANDARD};

    pub(super) fn serialize<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
