//! The keys that a token may be signed with: one secret, or a set as in RFC 7517.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, EllipticCurveKeyParameters, Jwk},
};
use p521::ecdsa::signature::Verifier as _;
use serde::Deserialize;
use serde_json::Value;

use crate::jwt::{JwtError, bytes};

/// Bytes of a secret at least: as many as the signature has (RFC 7518, section 3.2).
pub const SHORTEST_SECRET: usize = 32;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A JSON object that is neither a key nor a set.
    #[error("neither a JSON Web Key nor a set of them")]
    NotAKey(#[source] serde_json::Error),
    /// A key of the set has no use.
    #[error("key {position} of the set can't be used")]
    Unusable {
        /// From 1.
        position: usize,
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// A key of the set is a secret that is easily guessed.
    #[error("key {position} of the set is a secret of {bytes} bytes; use at least {SHORTEST_SECRET}")]
    TooShort {
        /// From 1.
        position: usize,
        /// How many it has.
        bytes: usize,
    },
    /// A key of the set is for no signature known here.
    #[error("key {position} of the set is for no signature that is known here")]
    UnknownAlgorithm {
        /// From 1.
        position: usize,
    },
}

/// Keys, each with the algorithms that it is for. No token chooses its algorithm by itself.
pub struct VerificationKeys {
    keys: Vec<VerificationKey>,
}

struct VerificationKey {
    algorithms: Vec<SignatureAlgorithm>,
    name: Name,
    key: Key,
}

/// Which tokens, of those that name their key, a key is for.
enum Name {
    /// Those that name it; without a name, none.
    Own(Option<String>),
    /// All: a project's secret.
    Any,
    /// Those that name it and, where there is an issuer, have that one.
    ThirdParty { own: String, issuer: Option<String> },
}

enum Key {
    Common(DecodingKey),
    /// The library has no ES512.
    P521(Box<p521::ecdsa::VerifyingKey>),
}

/// What a token is signed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    Common(Algorithm),
    Es512,
}

impl FromStr for SignatureAlgorithm {
    type Err = JwtError;

    fn from_str(name: &str) -> Result<Self, JwtError> {
        if name == "ES512" {
            return Ok(Self::Es512);
        }
        name.parse().map(Self::Common).map_err(|_| JwtError::Algorithm)
    }
}

/// A set of keys as RFC 7517 has it.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl VerificationKeys {
    /// One secret, for HS256, whatever key a token names.
    #[must_use]
    pub fn hs256(secret: &[u8]) -> Self {
        Self { keys: vec![VerificationKey::secret(secret, Name::Any)] }
    }

    /// The keys of a project: JSON Web Keys, and its secret as long as that is trusted.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn of_project<'a>(secret: Option<&[u8]>, jwks: impl IntoIterator<Item = &'a str>) -> Result<Self, KeysError> {
        let parse = |(jwk, position): (&str, usize)| {
            VerificationKey::parse(serde_json::from_str(jwk).map_err(KeysError::NotAKey)?, position)
        };
        let mut keys = jwks.into_iter().zip(1..).map(parse).collect::<Result<Vec<_>, _>>()?;
        keys.extend(secret.map(|secret| VerificationKey::secret(secret, Name::Any)));
        Ok(Self { keys })
    }

    /// These, and keys of somebody else, for tokens that name one of them and have this issuer, where there is one. What is no public
    /// key with a name is left out.
    #[must_use]
    pub fn with_third_party<'a>(mut self, issuer: Option<&str>, jwks: impl IntoIterator<Item = &'a Value>) -> Self {
        let parse = |jwk: &Value| {
            let key = VerificationKey::parse(jwk.clone(), 1).ok().filter(|_| jwk["kty"] != "oct")?;
            let Name::Own(Some(own)) = key.name else { return None };
            Some(VerificationKey { name: Name::ThirdParty { own, issuer: issuer.map(str::to_owned) }, ..key })
        };
        self.keys.extend(jwks.into_iter().filter_map(parse));
        self
    }

    /// A JSON Web Key, a set of them, or, when it is no JSON object, a secret for HS256: as `jwt-secret` of PostgREST. Keys
    /// that are for encryption are left out. None without a name is for a token that names its key, be it a secret or not.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn parse(secret: &[u8]) -> Result<Self, KeysError> {
        let Ok(json @ Value::Object(_)) = serde_json::from_slice(secret) else {
            return Ok(Self { keys: vec![VerificationKey::secret(secret, Name::Own(None))] });
        };
        let set = if json.get("keys").is_some() {
            serde_json::from_value::<Set>(json).map_err(KeysError::NotAKey)?.keys
        } else {
            vec![json]
        };
        let keys = set.into_iter().zip(1..).filter(|(jwk, _)| jwk.get("use").is_none_or(|of| of != "enc"));
        let keys = keys.map(|(jwk, position)| VerificationKey::parse(jwk, position)).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// Checks by each key that is for such a token until one agrees: one of its algorithm and, where the token names one, of
    /// that name. `issuer` is asked for where it matters.
    pub(crate) fn check(
        &self,
        algorithm: SignatureAlgorithm,
        name: Option<&str>,
        issuer: impl Fn() -> Option<String>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), JwtError> {
        let mut outcome = Err(JwtError::NoSuitableKey);
        for key in self.candidates(algorithm, name, &issuer) {
            if key.verifies(algorithm, message, signature) {
                return Ok(());
            }
            outcome = Err(JwtError::WrongKey);
        }
        outcome
    }

    fn candidates(
        &self,
        algorithm: SignatureAlgorithm,
        name: Option<&str>,
        issuer: &impl Fn() -> Option<String>,
    ) -> impl Iterator<Item = &Key> {
        let is_named = move |key: &&VerificationKey| match &key.name {
            Name::Own(own) => name.is_none() || own.as_deref() == name,
            Name::Any => true,
            Name::ThirdParty { own, issuer: None } => name == Some(own.as_str()),
            Name::ThirdParty { own, issuer: Some(of) } => {
                name == Some(own.as_str()) && issuer().is_some_and(|issuer| is_same(of, &issuer))
            }
        };
        self.keys.iter().filter(move |key| key.algorithms.contains(&algorithm)).filter(is_named).map(|key| &key.key)
    }
}

/// A slash at the end is where an issuer's name in its tokens and in its settings differ.
fn is_same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

impl fmt::Debug for VerificationKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerificationKeys").field(&self.keys.len()).finish()
    }
}

impl VerificationKey {
    fn secret(secret: &[u8], name: Name) -> Self {
        let algorithms = vec![SignatureAlgorithm::Common(Algorithm::HS256)];
        Self { algorithms, name, key: Key::Common(DecodingKey::from_secret(secret)) }
    }

    fn parse(jwk: Value, position: usize) -> Result<Self, KeysError> {
        // The library forgets the name of an algorithm that it does not know.
        let named = jwk.get("alg").and_then(Value::as_str).map(str::to_owned);
        let jwk: Jwk = serde_json::from_value(jwk).map_err(KeysError::NotAKey)?;
        let algorithms = match named {
            Some(named) => named.parse().into_iter().collect(),
            None => algorithms(&jwk),
        };
        if algorithms.is_empty() {
            return Err(KeysError::UnknownAlgorithm { position });
        }
        let key = Key::parse(&jwk).map_err(|source| KeysError::Unusable { position, source })?;
        if let (AlgorithmParameters::OctetKey(_), Key::Common(key)) = (&jwk.algorithm, &key)
            && let Ok(secret) = key.try_get_as_bytes()
            && secret.len() < SHORTEST_SECRET
        {
            return Err(KeysError::TooShort { position, bytes: secret.len() });
        }
        Ok(Self { algorithms, name: Name::Own(jwk.common.key_id), key })
    }
}

impl Key {
    fn parse(jwk: &Jwk) -> Result<Self, jsonwebtoken::errors::Error> {
        match &jwk.algorithm {
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P521 => {
                p521_key(key).map(|key| Self::P521(Box::new(key))).ok_or_else(|| ErrorKind::InvalidEcdsaKey.into())
            }
            _ => DecodingKey::from_jwk(jwk).map(Self::Common),
        }
    }

    fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Common(key), SignatureAlgorithm::Common(algorithm)) => {
                let signature = URL_SAFE_NO_PAD.encode(signature);
                // A key of another kind than it says is an error, and agrees with nothing.
                jsonwebtoken::crypto::verify(&signature, message, key, algorithm).unwrap_or(false)
            }
            (Self::P521(key), SignatureAlgorithm::Es512) => {
                p521::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
            (Self::Common(_), SignatureAlgorithm::Es512) | (Self::P521(_), SignatureAlgorithm::Common(_)) => false,
        }
    }
}

/// The point that the two coordinates make, if they are of their length and it is on the curve.
fn p521_key(key: &EllipticCurveKeyParameters) -> Option<p521::ecdsa::VerifyingKey> {
    /// Of a point that is not compressed.
    const TAG: u8 = 4;
    let point = [&[TAG][..], &bytes(&key.x).ok()?, &bytes(&key.y).ok()?].concat();
    p521::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()
}

/// All that a key of its kind is for.
fn algorithms(jwk: &Jwk) -> Vec<SignatureAlgorithm> {
    let common = |algorithms: &[Algorithm]| algorithms.iter().map(|one| SignatureAlgorithm::Common(*one)).collect();
    match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => common(&[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]),
        AlgorithmParameters::RSA(_) => {
            common(&[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512])
        }
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => common(&[Algorithm::ES256]),
            EllipticCurve::P384 => common(&[Algorithm::ES384]),
            EllipticCurve::P521 => vec![SignatureAlgorithm::Es512],
            // Of no ECDSA signature.
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(_) => common(&[Algorithm::EdDSA]),
        // The library's enum is open; what it adds is not known here.
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Public key and algorithm from RFC 7517, appendix A.1.
    const SET: &str = r#"{"keys":[
        {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"},
        {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
        {"kty":"RSA","alg":"RSA-OAEP","n":"AQAB","e":"AQAB","use":"enc","kid":"1"},
        {"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA","alg":"HS256","kid":"2"}]}"#;

    fn candidates(keys: &VerificationKeys, algorithm: &str, kid: Option<&str>) -> usize {
        keys.candidates(algorithm.parse().unwrap(), kid, &|| Some("https://id.test/".to_owned())).count()
    }

    #[test]
    fn a_key_is_for_its_algorithm_and_its_name() {
        let keys = VerificationKeys::parse(SET.as_bytes()).unwrap();
        for (algorithm, kid, expected) in [
            ("ES256", Some("1"), 1),
            ("ES256", Some("2"), 0),
            ("ES256", None, 2),
            ("HS256", Some("2"), 1),
            ("HS256", Some(""), 0),
            ("HS512", Some("2"), 0),
            ("RS256", None, 0),
        ] {
            assert_eq!(candidates(&keys, algorithm, kid), expected, "{algorithm} {kid:?}");
        }
    }

    #[test]
    fn a_key_without_a_name_is_for_no_token_that_names_one() {
        let jwk = r#"{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}"#;
        let keys = VerificationKeys::parse(jwk.as_bytes()).unwrap();
        assert_eq!((candidates(&keys, "HS512", None), candidates(&keys, "HS512", Some("1"))), (1, 0));
    }

    #[test]
    fn what_is_no_object_is_a_secret_without_a_name() {
        for secret in ["reallyreallyreallyreallyverysafe", "12345678901234567890123456789012", "{not json"] {
            let keys = VerificationKeys::parse(secret.as_bytes()).unwrap();
            let of = |algorithm, kid| candidates(&keys, algorithm, kid);
            assert_eq!((of("HS256", None), of("HS256", Some("x")), of("HS384", None)), (1, 0, 0));
        }
        let of_project = VerificationKeys::hs256(b"reallyreallyreallyreallyverysafe");
        assert_eq!(candidates(&of_project, "HS256", Some("x")), 1);
    }

    #[test]
    fn a_projects_secret_is_for_every_token_as_long_as_it_is_trusted() {
        let jwk = r#"{"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA","alg":"HS256","kid":"1"}"#;
        let of = |secret, kid| candidates(&VerificationKeys::of_project(secret, [jwk]).unwrap(), "HS256", kid);
        let secret = Some(&b"reallyreallyreallyreallyverysafe"[..]);
        assert_eq!((of(secret, None), of(secret, Some("1")), of(secret, Some("2"))), (2, 2, 1));
        assert_eq!((of(None, None), of(None, Some("1")), of(None, Some("2"))), (1, 1, 0));
        assert!(VerificationKeys::of_project(None, ["?"]).is_err());
    }

    #[test]
    fn a_third_party_s_key_is_for_tokens_that_name_it_and_its_issuer() {
        let set: Value = serde_json::from_str(SET).unwrap();
        let jwks = set["keys"].as_array().unwrap();
        for (issuer, expected) in [(None, 1), (Some("https://id.test"), 1), (Some("https://id.test/other"), 0)] {
            let keys = VerificationKeys::of_project(None, []).unwrap().with_third_party(issuer, jwks);
            assert_eq!(keys.keys.len(), 1, "neither a secret, nor what has no name or is for something else");
            assert_eq!((candidates(&keys, "ES256", Some("1")), candidates(&keys, "ES256", None)), (expected, 0), "{issuer:?}");
        }
        let both = VerificationKeys::of_project(None, []).unwrap();
        let both = both.with_third_party(Some("https://another.test"), jwks).with_third_party(Some("https://id.test"), jwks);
        assert_eq!(candidates(&both, "ES256", Some("1")), 1, "two issuers with the same keys are two");
    }

    #[test]
    fn sets_that_are_of_no_use_are_refused() {
        let error = |set: &str| VerificationKeys::parse(set.as_bytes()).unwrap_err();
        assert!(matches!(error(r#"{"keys":5}"#), KeysError::NotAKey(_)));
        assert!(matches!(error(r#"{"kty":"oct"}"#), KeysError::UnknownAlgorithm { position: 1 }));
        assert!(matches!(error(r#"{"keys":[{"kty":"oct","k":"?"}]}"#), KeysError::Unusable { position: 1, .. }));
        assert!(matches!(error(r#"{"keys":[{"kty":"oct","k":""}]}"#), KeysError::TooShort { position: 1, bytes: 0 }));
        let short = r#"{"kty":"EC","crv":"P-521","x":"AQAB","y":"AQAB"}"#;
        assert!(matches!(error(short), KeysError::Unusable { position: 1, .. }));
    }
}
