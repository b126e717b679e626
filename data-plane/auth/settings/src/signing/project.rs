//! The signing keys of a project, as its services go by them.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{JwkError, JwtKey};

/// The keys that are trusted. What was revoked is not among them.
#[derive(Clone, Debug)]
pub struct ProjectKeys {
    /// All but the JWT secret: the one in use with its private half, of the others what verifies. Where none signs, the secret does.
    pub listed: Vec<JwtKey>,
    /// Tokens that the JWT secret has signed are taken.
    pub secret_verifies: bool,
    /// Whose tokens are taken besides, by everything but Auth, which has not signed in their users.
    pub third_party: Vec<ThirdPartyKeys>,
}

/// Public keys of somebody else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThirdPartyKeys {
    /// The `iss` that their tokens must have; where there is none, any. Several issuers may share their keys, as Firebase's projects do.
    pub issuer: Option<String>,
    /// JSON Web Keys, each with a `kid`.
    pub keys: Vec<Value>,
}

impl Default for ProjectKeys {
    fn default() -> Self {
        Self { listed: Vec::new(), secret_verifies: true, third_party: Vec::new() }
    }
}

impl ProjectKeys {
    /// Of a JSON array of keys. The one with `sign` in its `key_ops` signs; there need not be one.
    ///
    /// # Errors
    /// [`JwkError`], which never shows a key.
    pub fn parse(set: &str, secret_verifies: bool) -> Result<Self, JwkError> {
        let listed = JwtKey::parse_all(set)?;
        match listed.iter().filter(|key| key.signs).count() {
            0 | 1 => Ok(Self { listed, secret_verifies, third_party: Vec::new() }),
            many => Err(JwkError::ManySign(many)),
        }
    }

    /// These, and the keys of others.
    #[must_use]
    pub fn with_third_party(self, third_party: Vec<ThirdPartyKeys>) -> Self {
        Self { third_party, ..self }
    }

    /// The array that [`Self::parse`] reads.
    #[must_use]
    pub fn set(&self) -> SecretString {
        let keys = self.listed.iter().filter_map(|key| serde_json::from_str::<Value>(key.jwk.expose_secret()).ok());
        Value::from_iter(keys).to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_go_through_their_text_as_they_are() {
        let set = json!([
            {"kty": "EC", "crv": "P-256", "kid": "a", "x": "eHg", "y": "eXk", "d": "ZGQ", "key_ops": ["sign", "verify"]},
            {"kty": "oct", "alg": "HS256", "kid": "b", "k": "a2s", "key_ops": ["verify"]},
        ]);
        let keys = ProjectKeys::parse(&set.to_string(), false).unwrap();
        let again = ProjectKeys::parse(keys.set().expose_secret(), false).unwrap();
        let told = |keys: &ProjectKeys| keys.listed.iter().map(|key| (key.kid.clone(), key.signs)).collect::<Vec<_>>();
        assert_eq!(told(&again), [("a".to_owned(), true), ("b".to_owned(), false)]);
        assert_eq!(keys.set().expose_secret(), again.set().expose_secret());
    }

    #[test]
    fn none_of_them_has_to_sign_and_one_may() {
        assert!(ProjectKeys::parse("[]", true).unwrap().listed.is_empty());
        let two = json!([{"kty": "oct", "k": "a2s", "key_ops": ["sign"]}, {"kty": "oct", "k": "a2s", "key_ops": ["sign"]}]);
        assert_eq!(ProjectKeys::parse(&two.to_string(), true).unwrap_err(), JwkError::ManySign(2));
    }
}
