//! What tokens are signed with and what they say.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

/// Tokens: their claims' defaults and their keys.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// HS256's secret. It signs where no key of `keys` does, and verifies tokens without a `kid`.
    pub secret: SecretString,
    /// The `kid` written into tokens that the secret signs; empty: none.
    pub key_id: String,
    /// How long an access token is valid.
    pub exp: Duration,
    pub aud: String,
    /// A token of one of these roles administers.
    pub admin_roles: Vec<String>,
    /// Role of a new user.
    pub default_group_name: String,
    /// `iss`; where none is given, the API's external URL.
    pub issuer: Option<String>,
    /// In the order given; at most one signs.
    pub keys: Vec<JwtKey>,
    /// Algorithms (`HS256`, …) a token may have; empty: those of the keys, and HS256.
    pub valid_methods: Vec<String>,
}

impl Jwt {
    /// The key that signs; `None`: the secret does.
    #[must_use]
    pub fn signing_key(&self) -> Option<&JwtKey> {
        self.keys.iter().find(|key| key.signs)
    }

    /// The key of this id, if it may verify.
    #[must_use]
    pub fn verifying_key(&self, kid: &str) -> Option<&JwtKey> {
        self.keys.iter().find(|key| key.verifies && key.kid == kid)
    }
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            secret: SecretString::default(),
            key_id: String::new(),
            exp: Duration::from_secs(3600),
            aud: String::new(),
            admin_roles: vec!["service_role".to_owned(), "supabase_admin".to_owned()],
            default_group_name: String::new(),
            issuer: None,
            keys: Vec::new(),
            valid_methods: Vec::new(),
        }
    }
}

/// One key of the set.
#[derive(Clone, Debug)]
pub struct JwtKey {
    pub kid: String,
    pub algorithm: JwtAlgorithm,
    /// The whole JWK as JSON text: with its private part, if it has one.
    pub jwk: SecretString,
    /// What `jwks.json` shows; `None` for a shared secret (`oct`), which is never shown.
    pub public: Option<Map<String, Value>>,
    /// New tokens are signed with it.
    pub signs: bool,
    /// Tokens signed with it are taken.
    pub verifies: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

impl JwtAlgorithm {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}
