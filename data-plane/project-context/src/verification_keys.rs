//! The keys that a token may be signed with: one secret, or a set as in RFC 7517.

use std::fmt;

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet},
};

/// Bytes of a secret at least: as many as the signature has (RFC 7518, section 3.2).
const SHORTEST_SECRET: usize = 32;

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
pub struct VerificationKeys(Vec<VerificationKey>);

struct VerificationKey {
    algorithms: Vec<Algorithm>,
    id: Option<String>,
    key: DecodingKey,
}

impl VerificationKeys {
    /// One secret, for HS256.
    #[must_use]
    pub fn hs256(secret: &[u8]) -> Self {
        Self(vec![VerificationKey { algorithms: vec![Algorithm::HS256], id: None, key: DecodingKey::from_secret(secret) }])
    }

    /// A JSON Web Key, a set of them, or, when it is no JSON object, a secret for HS256: as `jwt-secret` of PostgREST.
    ///
    /// # Errors
    /// [`KeysError`]
    pub fn parse(secret: &[u8]) -> Result<Self, KeysError> {
        let Ok(json @ serde_json::Value::Object(_)) = serde_json::from_slice(secret) else { return Ok(Self::hs256(secret)) };
        let set = if json.get("keys").is_some() {
            serde_json::from_value::<JwkSet>(json).map_err(KeysError::NotAKey)?
        } else {
            JwkSet { keys: vec![serde_json::from_value::<Jwk>(json).map_err(KeysError::NotAKey)?] }
        };
        let keys = set.keys.iter().zip(1..).map(|(jwk, position)| {
            let algorithms = algorithms(jwk);
            if algorithms.is_empty() {
                return Err(KeysError::UnknownAlgorithm { position });
            }
            let key = DecodingKey::from_jwk(jwk).map_err(|source| KeysError::Unusable { position, source })?;
            if let (AlgorithmParameters::OctetKey(_), Ok(secret)) = (&jwk.algorithm, key.try_get_as_bytes())
                && secret.len() < SHORTEST_SECRET
            {
                return Err(KeysError::TooShort { position, bytes: secret.len() });
            }
            Ok(VerificationKey { algorithms, id: jwk.common.key_id.clone(), key })
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// Those that a token with this header can be signed with: of its algorithm and, where both name one, its key.
    pub(crate) fn candidates(&self, header: &Header) -> impl Iterator<Item = &DecodingKey> {
        let named = |key: &&VerificationKey| match (&key.id, &header.kid) {
            (Some(own), Some(wanted)) => own == wanted,
            (None, _) | (_, None) => true,
        };
        self.0.iter().filter(|key| key.algorithms.contains(&header.alg)).filter(named).map(|key| &key.key)
    }
}

impl fmt::Debug for VerificationKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerificationKeys").field(&self.0.len()).finish()
    }
}

/// What the key says that it is for, or all that its kind allows.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    if let Some(one) = jwk.common.key_algorithm {
        return one.to_string().parse().into_iter().collect();
    }
    match &jwk.algorithm {
        AlgorithmParameters::OctetKey(_) => vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
        AlgorithmParameters::RSA(_) => {
            vec![Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]
        }
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            // Of no ECDSA signature.
            _ => Vec::new(),
        },
        AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
        // The library's enum is open; what it adds is not known here.
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Public key and algorithm from RFC 7517, appendix A.1.
    const SET: &str = r#"{"keys":[
        {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
        {"kty":"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA","alg":"HS256","kid":"2"}]}"#;

    fn candidates(keys: &VerificationKeys, algorithm: Algorithm, kid: Option<&str>) -> usize {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        keys.candidates(&header).count()
    }

    #[test]
    fn a_key_is_for_its_algorithm_and_its_name() {
        let keys = VerificationKeys::parse(SET.as_bytes()).unwrap();
        for (algorithm, kid, expected) in [
            (Algorithm::ES256, Some("1"), 1),
            (Algorithm::ES256, Some("2"), 0),
            (Algorithm::ES256, None, 1),
            (Algorithm::HS256, Some("2"), 1),
            (Algorithm::HS512, Some("2"), 0),
            (Algorithm::RS256, None, 0),
        ] {
            assert_eq!(candidates(&keys, algorithm, kid), expected, "{algorithm:?} {kid:?}");
        }
    }

    #[test]
    fn what_is_no_object_is_a_secret() {
        for secret in ["reallyreallyreallyreallyverysafe", "12345678901234567890123456789012", "{not json"] {
            let keys = VerificationKeys::parse(secret.as_bytes()).unwrap();
            assert_eq!((candidates(&keys, Algorithm::HS256, Some("x")), candidates(&keys, Algorithm::HS384, None)), (1, 0));
        }
    }

    #[test]
    fn sets_that_are_of_no_use_are_refused() {
        let error = |set: &str| VerificationKeys::parse(set.as_bytes()).unwrap_err();
        assert!(matches!(error(r#"{"keys":5}"#), KeysError::NotAKey(_)));
        assert!(matches!(error(r#"{"kty":"oct"}"#), KeysError::UnknownAlgorithm { position: 1 }));
        assert!(matches!(error(r#"{"keys":[{"kty":"oct","k":"?"}]}"#), KeysError::Unusable { position: 1, .. }));
        assert!(matches!(error(r#"{"keys":[{"kty":"oct","k":""}]}"#), KeysError::TooShort { position: 1, bytes: 0 }));
    }
}
