//! Settings as the Management API has them: `GET` and `PATCH /v1/projects/{ref}/config/auth`, 238 keys.
//!
//! A [`Document`] holds only what differs from the defaults, and only what was checked. Where it is kept, and that its
//! secrets ([`is_secret`]) are sealed there, is not decided here.

mod check;
mod field;
mod to_settings;

#[cfg(test)]
mod tests;

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde_json::{Map, Value};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::ProjectKeys;
use field::{FIELDS, Field};

/// A project's Auth settings, as far as they differ from the defaults.
#[derive(Clone, Default, PartialEq)]
pub struct Document {
    set: Map<String, Value>,
}

/// What a project's settings have besides the document.
#[derive(Clone, Debug)]
pub struct ProjectFacts {
    /// This service as browsers see it: `https://<ref>.<domain>/auth/v1`.
    pub external_url: String,
    pub jwt_secret: SecretString,
    /// The signing keys in use, standing by and used before.
    pub keys: ProjectKeys,
    /// RSA key of the SAML service, base64 of PKCS#1.
    pub saml_private_key: Option<SecretString>,
}

/// Why a key can't be set to what was asked. Has no value, which might be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub key: String,
    /// What belongs there.
    pub expected: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.key, self.expected)
    }
}

impl std::error::Error for FieldError {}

/// Keys that change nothing: kept and answered, because clients send and expect them.
pub const KEPT_WITHOUT_EFFECT: [(&str, &str); 3] = [
    ("nimbus_oauth_client_id", "sign-in by a provider that only Supabase's own platform has"),
    ("nimbus_oauth_client_secret", "sign-in by a provider that only Supabase's own platform has"),
    ("nimbus_oauth_email_optional", "sign-in by a provider that only Supabase's own platform has"),
];

/// Is this key's value secret: kept sealed, never shown, never logged?
#[must_use]
pub fn is_secret(key: &str) -> bool {
    field::find(key).is_some_and(|field| field.secret)
}

impl Document {
    /// A document as it was kept. What is no longer valid is an error, as for a patch.
    pub fn from_kept(kept: &Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        Self::default().patched(kept, |_, _| false)
    }

    /// What is to be kept: the keys that differ from the defaults. Has secrets.
    #[must_use]
    pub fn kept(&self) -> &Map<String, Value> {
        &self.set
    }

    /// This document with a patch: all of it, or nothing and all that is wrong with it. `null` takes a key back to its
    /// default. A secret that is answered back as it was shown stays what it is.
    pub fn apply(&self, patch: &Map<String, Value>, project_ref: &str) -> Result<Self, Vec<FieldError>> {
        self.patched(patch, |key, value| {
            let shown = self.text(key).map(|secret| shown(project_ref, secret));
            shown.is_some_and(|shown| shown.as_bytes().ct_eq(value.as_bytes()).into())
        })
    }

    fn patched(&self, patch: &Map<String, Value>, is_unchanged: impl Fn(&str, &str) -> bool) -> Result<Self, Vec<FieldError>> {
        let mut patched = self.clone();
        let mut errors = Vec::new();
        for (key, value) in patch {
            let Some(field) = field::find(key) else {
                errors.push(FieldError { key: key.clone(), expected: "a key of the Auth settings".to_owned() });
                continue;
            };
            if field.secret && value.as_str().is_some_and(|value| is_unchanged(key, value)) {
                continue;
            }
            match check::value(field, value) {
                Ok(value) if value == field.default() || (field.secret && value == "") => drop(patched.set.remove(key)),
                Ok(value) => drop(patched.set.insert(key.clone(), value)),
                Err(expected) => errors.push(FieldError { key: key.clone(), expected }),
            }
        }
        if errors.is_empty() {
            errors = check::together(&patched);
        }
        if errors.is_empty() { Ok(patched) } else { Err(errors) }
    }

    /// All keys as `GET` answers them; `null` where nothing is set and there is no default. A secret is shown as the hex
    /// HMAC-SHA256 under the project's ref: by that, the command line sees whether its own value differs.
    #[must_use]
    pub fn to_response(&self, project_ref: &str) -> Map<String, Value> {
        let answer = |field: &Field| match self.set.get(field.key) {
            Some(Value::String(secret)) if field.secret => Value::String(shown(project_ref, secret)),
            Some(value) => value.clone(),
            None => field.default(),
        };
        FIELDS.iter().map(|field| (field.key.to_owned(), answer(field))).collect()
    }

    /// What the key holds, or its default.
    fn value(&self, key: &str) -> Value {
        self.set.get(key).cloned().or_else(|| field::find(key).map(Field::default)).unwrap_or(Value::Null)
    }

    /// A text that was set and is not empty.
    fn text(&self, key: &str) -> Option<&str> {
        self.set.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn flag(&self, key: &str) -> bool {
        self.value(key).as_bool().unwrap_or_default()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value)| if is_secret(key) { (key, "[REDACTED]".to_owned()) } else { (key, format!("{value}")) };
        f.debug_map().entries(self.set.iter().map(|(key, value)| shown((key.as_str(), value)))).finish()
    }
}

fn shown(project_ref: &str, secret: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(project_ref.as_bytes()) else { return String::new() };
    mac.update(secret.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
