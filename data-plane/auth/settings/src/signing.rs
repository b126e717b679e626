//! What tokens are signed with and what they say.

mod library;
mod project;

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value, json};
use thiserror::Error;

pub use project::{ProjectKeys, ThirdPartyKeys};

/// Tokens: their claims' defaults and their keys.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// HS256's secret. It signs where no key of `keys` does, and verifies tokens without a `kid`.
    pub secret: SecretString,
    /// Tokens that the secret has signed are taken.
    pub secret_verifies: bool,
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
            secret_verifies: true,
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

    fn of(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |key| jwk.get(key).and_then(Value::as_str).unwrap_or_default();
        match (text("kty"), text("crv"), text("alg")) {
            ("oct", "", "HS256" | "") => Some(Self::Hs256),
            ("RSA", "", "RS256" | "") => Some(Self::Rs256),
            ("EC", "P-256", "ES256" | "") => Some(Self::Es256),
            ("OKP", "Ed25519", "EdDSA" | "") => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A set of keys that can't be used. Never shows a key.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum JwkError {
    #[error("it is not a JSON array of keys")]
    NotAnArray,
    #[error("key {0} is none of HS256, RS256, ES256 and EdDSA")]
    Algorithm(usize),
    #[error("key {0} lacks `{1}`")]
    Lacks(usize, &'static str),
    #[error("no key has `sign` among its key_ops")]
    NoneSigns,
    #[error("{0} keys have `sign` among their key_ops; one may")]
    ManySign(usize),
}

/// The members that a private key has and its public one has not.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl JwtKey {
    /// The keys of a JSON array. The one with `sign` in its `key_ops` signs; all verify.
    pub fn parse_set(set: &str) -> Result<Vec<Self>, JwkError> {
        let keys = Self::parse_all(set)?;
        match keys.iter().filter(|key| key.signs).count() {
            0 => Err(JwkError::NoneSigns),
            1 => Ok(keys),
            many => Err(JwkError::ManySign(many)),
        }
    }

    fn parse_all(set: &str) -> Result<Vec<Self>, JwkError> {
        let keys: Vec<Map<String, Value>> = serde_json::from_str(set).map_err(|_| JwkError::NotAnArray)?;
        keys.into_iter().enumerate().map(|(at, jwk)| Self::from_jwk(at, jwk)).collect()
    }

    /// One key of a set; `at` is its place there, for the error.
    pub fn from_jwk(at: usize, jwk: Map<String, Value>) -> Result<Self, JwkError> {
        let algorithm = JwtAlgorithm::of(&jwk).ok_or(JwkError::Algorithm(at))?;
        let signs = jwk.get("key_ops").and_then(Value::as_array).is_some_and(|ops| ops.contains(&json!("sign")));
        let (public_parts, private_part): (&[&'static str], _) = match algorithm {
            JwtAlgorithm::Hs256 => (&["k"], "k"),
            JwtAlgorithm::Rs256 => (&["n", "e"], "d"),
            JwtAlgorithm::Es256 => (&["x", "y"], "d"),
            JwtAlgorithm::EdDsa => (&["x"], "d"),
        };
        let needed = public_parts.iter().copied().chain(signs.then_some(private_part));
        for part in needed {
            if !jwk.get(part).is_some_and(Value::is_string) {
                return Err(JwkError::Lacks(at, part));
            }
        }
        let public = (algorithm != JwtAlgorithm::Hs256).then(|| {
            let mut public: Map<_, _> =
                jwk.clone().into_iter().filter(|(member, _)| !PRIVATE.contains(&member.as_str())).collect();
            public.insert("alg".to_owned(), json!(algorithm.name()));
            public.insert("use".to_owned(), json!("sig"));
            public.insert("key_ops".to_owned(), json!(["verify"]));
            public
        });
        let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { kid, algorithm, jwk: SecretString::from(Value::Object(jwk).to_string()), public, signs, verifies: true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_keys_has_one_that_signs_and_shows_no_private_part() {
        let set = json!([
            {"kty": "EC", "crv": "P-256", "kid": "a", "x": "eHg", "y": "eXk", "d": "secret-d", "key_ops": ["sign", "verify"]},
            {"kty": "oct", "alg": "HS256", "k": "secret-k"},
            {"kty": "RSA", "kid": "b", "n": "bm4", "e": "AQAB", "d": "secret-d", "key_ops": ["verify"]},
            {"kty": "OKP", "crv": "Ed25519", "kid": "c", "x": "eHg"},
        ]);
        let jwt = Jwt { keys: JwtKey::parse_set(&set.to_string()).unwrap(), ..Jwt::default() };
        assert_eq!(jwt.signing_key().map(|key| key.kid.as_str()), Some("a"));
        assert_eq!(jwt.verifying_key("b").map(|key| key.algorithm.name()), Some("RS256"));
        assert!(jwt.keys[1].public.is_none(), "a shared secret has no public part");
        let shown = json!(jwt.keys.iter().filter_map(|key| key.public.clone()).collect::<Vec<_>>()).to_string();
        assert!(!shown.contains("secret-"), "{shown}");
        assert_eq!(jwt.keys[0].public.as_ref().map(|key| &key["key_ops"]), Some(&json!(["verify"])));
        assert!(!format!("{jwt:?}").contains("secret-"));
    }

    #[test]
    fn a_set_that_is_none_says_why_and_shows_nothing() {
        let ec = |ops: &str| format!(r#"{{"kty":"EC","crv":"P-256","x":"eA","y":"eQ","d":"ZA","key_ops":["{ops}"]}}"#);
        let cases = [
            ("{}".to_owned(), JwkError::NotAnArray),
            ("[]".to_owned(), JwkError::NoneSigns),
            (format!("[{}]", ec("verify")), JwkError::NoneSigns),
            (format!("[{},{}]", ec("sign"), ec("sign")), JwkError::ManySign(2)),
            (r#"[{"kty":"EC","crv":"P-521","alg":"ES512"}]"#.to_owned(), JwkError::Algorithm(0)),
            (r#"[{"kty":"RSA","alg":"HS256","n":"a","e":"b"}]"#.to_owned(), JwkError::Algorithm(0)),
            (r#"[{"kty":"RSA","n":"a"}]"#.to_owned(), JwkError::Lacks(0, "e")),
            (r#"[{"kty":"OKP","crv":"Ed25519","x":"a","key_ops":["sign"]}]"#.to_owned(), JwkError::Lacks(0, "d")),
        ];
        for (set, expected) in cases {
            assert_eq!(JwtKey::parse_set(&set).unwrap_err(), expected, "{set}");
        }
    }
}
