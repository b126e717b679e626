//! Verification of a project's tokens: signature, then times, as PostgREST does it (30 s of skew), with a bounded cache
//! of tokens whose signature was already found good.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Validation, errors::ErrorKind};
use lru::LruCache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::VerificationKeys;

/// Allowed difference between our clock and the issuer's, in seconds (PostgREST's value).
const SKEW_SECONDS: i64 = 30;

/// Verified tokens remembered per project.
const CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).expect("not zero");

/// Why a token was refused. `Display` is PostgREST's `message`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// `Authorization: Bearer` with nothing after it.
    #[error("Empty JWT is sent in Authorization header")]
    Empty,
    /// Not of the form `a.b.c`.
    #[error("Expected 3 parts in JWT; got {parts}")]
    Parts {
        /// How many there were.
        parts: usize,
    },
    /// Header or payload is not base64url of JSON.
    #[error("JWT couldn't be decoded")]
    Undecodable,
    /// Signed by another key, or by an algorithm none of the keys is for.
    #[error("No suitable key or wrong key type")]
    NoSuitableKey,
    /// An algorithm that is never accepted, such as `none`.
    #[error("Wrong or unsupported encoding algorithm")]
    Algorithm,
    /// The signature part is malformed.
    #[error("JWT cryptographic operation failed")]
    Crypto,
    /// Past `exp`.
    #[error("JWT expired")]
    Expired,
    /// Before `nbf`.
    #[error("JWT not yet valid")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("JWT issued at future")]
    IssuedAtFuture,
    /// The payload is not a JSON object.
    #[error("Parsing claims failed")]
    ClaimsNotObject,
    /// `aud` names others.
    #[error("JWT not in audience")]
    NotInAudience,
    /// `aud` is of another type.
    #[error("The JWT 'aud' claim must be a string or an array of strings")]
    AudienceType,
    /// A time claim is not a number.
    #[error("The JWT '{claim}' claim must be a number")]
    ClaimNotNumber {
        /// `exp`, `nbf` or `iat`.
        claim: &'static str,
    },
}

impl JwtError {
    /// Whether the token itself was good and only its claims were refused (PGRST303 rather than PGRST301).
    #[must_use]
    pub fn is_about_claims(&self) -> bool {
        match self {
            Self::Empty | Self::Parts { .. } | Self::Undecodable | Self::NoSuitableKey | Self::Algorithm | Self::Crypto => false,
            Self::Expired
            | Self::NotYetValid
            | Self::IssuedAtFuture
            | Self::ClaimsNotObject
            | Self::NotInAudience
            | Self::AudienceType
            | Self::ClaimNotNumber { .. } => true,
        }
    }
}

/// The claims of a verified token. Cheap to clone.
#[derive(Clone)]
pub struct Claims(Arc<Inner>);

struct Inner {
    claims: Map<String, Value>,
    times: Times,
}

#[derive(Clone, Copy)]
struct Times {
    exp: Option<i64>,
    nbf: Option<i64>,
    iat: Option<i64>,
}

impl Claims {
    /// The `role` claim, if it is a string.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.0.claims.get("role").and_then(Value::as_str)
    }

    /// All claims.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0.claims
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("role", &self.role()).finish_non_exhaustive()
    }
}

/// Checks tokens. Those found good are remembered until they expire.
pub struct Verifier {
    keys: VerificationKeys,
    audience: Option<String>,
    cache: Mutex<LruCache<[u8; 32], Claims>>,
}

impl Verifier {
    /// With an audience, a token that is addressed to others only is refused; one that is addressed to nobody is not.
    #[must_use]
    pub fn new(keys: VerificationKeys, audience: Option<String>) -> Self {
        Self { keys, audience, cache: Mutex::new(LruCache::new(CACHE_CAPACITY)) }
    }

    /// Checks a token's signature, times and audience.
    ///
    /// # Errors
    /// [`JwtError`], whose texts are PostgREST's.
    pub fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        self.verify_at(token, now())
    }

    fn verify_at(&self, token: &str, now: i64) -> Result<Claims, JwtError> {
        let fingerprint: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint).cloned();
        if let Some(claims) = cached {
            let outcome = claims.0.times.check(now);
            if outcome == Err(JwtError::Expired) {
                self.cache.lock().unwrap_or_else(PoisonError::into_inner).pop(&fingerprint);
            }
            return outcome.map(|()| claims);
        }
        let claims = self.check_signature(token)?;
        claims.0.times.check(now)?;
        claims.check_audience(self.audience.as_deref())?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(fingerprint, claims.clone());
        Ok(claims)
    }

    fn check_signature(&self, token: &str) -> Result<Claims, JwtError> {
        if token.is_empty() {
            return Err(JwtError::Empty);
        }
        let parts = token.split('.').count();
        if parts != 3 {
            return Err(JwtError::Parts { parts });
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| decode_error(error.kind()))?;
        let mut outcome = Err(JwtError::NoSuitableKey);
        for key in self.keys.candidates(&header) {
            let mut validation = Validation::new(header.alg);
            validation.validate_exp = false;
            validation.validate_aud = false;
            validation.required_spec_claims.clear();
            outcome = match jsonwebtoken::decode::<Value>(token, key, &validation) {
                Ok(data) => return Claims::from_payload(data.claims),
                // The signature is checked before the payload is read.
                Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => Err(JwtError::ClaimsNotObject),
                Err(error) => Err(decode_error(error.kind())),
            };
        }
        outcome
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Claims {
    fn from_payload(payload: Value) -> Result<Self, JwtError> {
        let Value::Object(claims) = payload else {
            return Err(JwtError::ClaimsNotObject);
        };
        let times = Times { exp: seconds(&claims, "exp")?, nbf: seconds(&claims, "nbf")?, iat: seconds(&claims, "iat")? };
        let is_audience = match claims.get("aud") {
            None | Some(Value::Null | Value::String(_)) => true,
            Some(Value::Array(several)) => several.iter().all(Value::is_string),
            Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => false,
        };
        if !is_audience {
            return Err(JwtError::AudienceType);
        }
        Ok(Self(Arc::new(Inner { claims, times })))
    }

    fn check_audience(&self, audience: Option<&str>) -> Result<(), JwtError> {
        let Some(audience) = audience else { return Ok(()) };
        let is_meant = match self.0.claims.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(several)) => several.is_empty() || several.iter().any(|one| one == audience),
            // Absent or null; other types were refused before.
            _ => true,
        };
        if is_meant { Ok(()) } else { Err(JwtError::NotInAudience) }
    }
}

impl Times {
    fn check(self, now: i64) -> Result<(), JwtError> {
        if self.exp.is_some_and(|exp| now.saturating_sub(SKEW_SECONDS) > exp) {
            Err(JwtError::Expired)
        } else if self.nbf.is_some_and(|nbf| now.saturating_add(SKEW_SECONDS) < nbf) {
            Err(JwtError::NotYetValid)
        } else if self.iat.is_some_and(|iat| now.saturating_add(SKEW_SECONDS) < iat) {
            Err(JwtError::IssuedAtFuture)
        } else {
            Ok(())
        }
    }
}

/// A time claim in whole seconds; fractions are allowed and cut off, null counts as absent.
fn seconds(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<i64>, JwtError> {
    match claims.get(claim) {
        None | Some(Value::Null) => Ok(None),
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is the meaning wanted here")]
        Some(Value::Number(number)) => Ok(number.as_i64().or_else(|| number.as_f64().map(|n| n as i64))),
        Some(Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => Err(JwtError::ClaimNotNumber { claim }),
    }
}

fn decode_error(kind: &ErrorKind) -> JwtError {
    match kind {
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => JwtError::NoSuitableKey,
        ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm | ErrorKind::UnsupportedAlgorithm => JwtError::Algorithm,
        // The header names one that the library does not know, such as `none`.
        ErrorKind::Json(error) if error.to_string().starts_with("unknown variant") => JwtError::Algorithm,
        ErrorKind::Base64(_) | ErrorKind::Json(_) | ErrorKind::Utf8(_) | ErrorKind::InvalidToken => JwtError::Undecodable,
        // The library's enum is open; whatever it adds is a failed operation on the token.
        _ => JwtError::Crypto,
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn verifier(audience: Option<&str>) -> Verifier {
        Verifier::new(VerificationKeys::hs256(b"secret"), audience.map(str::to_owned))
    }

    fn verify(claims: &Value) -> Result<Claims, JwtError> {
        let token = sign(claims, "secret");
        verifier(None).verify_at(&token, NOW)
    }

    fn sign(claims: &Value, secret: &str) -> String {
        jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    #[test]
    fn claims_are_checked_and_times_with_thirty_seconds_of_skew() {
        for (claims, expected) in [
            (json!({"exp": NOW - 30}), Ok(())),
            (json!({"exp": NOW - 31}), Err(JwtError::Expired)),
            (json!({"nbf": NOW + 30}), Ok(())),
            (json!({"nbf": NOW + 31}), Err(JwtError::NotYetValid)),
            (json!({"iat": NOW + 31}), Err(JwtError::IssuedAtFuture)),
            (json!({"exp": "soon"}), Err(JwtError::ClaimNotNumber { claim: "exp" })),
            (json!({"exp": null}), Ok(())),
            (json!({"aud": ["a", "b"]}), Ok(())),
            (json!({"aud": 5}), Err(JwtError::AudienceType)),
            (json!({"aud": ["a", 5]}), Err(JwtError::AudienceType)),
            (json!([1]), Err(JwtError::ClaimsNotObject)),
        ] {
            assert_eq!(verify(&claims).map(|_| ()), expected, "{claims}");
        }
    }

    #[test]
    fn an_audience_is_asked_for_where_a_token_names_one() {
        for (claims, expected) in [
            (json!({}), Ok(())),
            (json!({"aud": null}), Ok(())),
            (json!({"aud": []}), Ok(())),
            (json!({"aud": "us"}), Ok(())),
            (json!({"aud": ["them", "us"]}), Ok(())),
            (json!({"aud": "them"}), Err(JwtError::NotInAudience)),
            (json!({"aud": ["them"]}), Err(JwtError::NotInAudience)),
        ] {
            let outcome = verifier(Some("us")).verify_at(&sign(&claims, "secret"), NOW);
            assert_eq!(outcome.map(|_| ()), expected, "{claims}");
        }
    }

    #[test]
    fn a_cached_token_still_expires() {
        let verifier = verifier(None);
        let token = sign(&json!({"exp": NOW + 10, "role": "anon"}), "secret");
        assert_eq!(verifier.verify_at(&token, NOW).unwrap().role(), Some("anon"));
        assert_eq!(verifier.verify_at(&token, NOW).unwrap().role(), Some("anon"));
        assert_eq!(verifier.verify_at(&token, NOW + 100).map(|_| ()), Err(JwtError::Expired));
    }

    #[test]
    fn refuses_what_is_not_signed_by_the_project() {
        let verifier = verifier(None);
        let unsigned = "eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.";
        for (token, expected) in [
            (String::new(), JwtError::Empty),
            ("abc".to_owned(), JwtError::Parts { parts: 1 }),
            ("a.b.c.d".to_owned(), JwtError::Parts { parts: 4 }),
            ("?.?.?".to_owned(), JwtError::Undecodable),
            (sign(&json!({"role": "service_role"}), "other"), JwtError::NoSuitableKey),
        ] {
            assert_eq!(verifier.verify_at(&token, NOW).map(|_| ()), Err(expected), "{token}");
        }
        assert!(verifier.verify_at(unsigned, NOW).is_err());
    }
}
