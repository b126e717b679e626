//! Verification of a project's tokens: signature, then times and audience, as PostgREST does it (30 s of skew), with a bounded
//! cache of tokens whose signature was already found good.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    VerificationKeys,
    token_cache::{CacheMetrics, Signed, TokenCache},
};

/// Allowed difference between our clock and the issuer's, in seconds (PostgREST's value).
const SKEW_SECONDS: i64 = 30;

/// Tokens remembered, unless another number is asked for: PostgREST's `jwt-cache-max-entries`.
const CACHE_MAX_ENTRIES: usize = 1000;

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
    /// There is no text where the token should be, or the token has one that PostgreSQL can't take.
    #[error("JWT couldn't be decoded")]
    Undecodable,
    /// None of the keys is for its algorithm and its `kid`.
    #[error("No suitable key or wrong key type")]
    NoSuitableKey,
    /// Signed by none of the keys that it could be signed by.
    #[error("No suitable key or wrong key type")]
    WrongKey,
    /// An algorithm that is never accepted, such as `none`.
    #[error("Wrong or unsupported encoding algorithm")]
    Algorithm,
    /// A part is no base64url, or the header is no JSON of one.
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
            Self::Empty
            | Self::Parts { .. }
            | Self::Undecodable
            | Self::NoSuitableKey
            | Self::WrongKey
            | Self::Algorithm
            | Self::Crypto => false,
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

/// The claims of a token whose signature is good. Cheap to clone.
#[derive(Clone)]
pub struct Claims(Arc<Said>);

struct Said {
    claims: Value,
    /// The first role that they were written with, and what came of it.
    written: OnceLock<(String, Arc<str>)>,
}

impl Claims {
    /// `claims` is a JSON object.
    fn new(claims: Value) -> Self {
        Self(Arc::new(Said { claims, written: OnceLock::new() }))
    }

    /// The `role` claim, if it is a string.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.as_json().get("role").and_then(Value::as_str)
    }

    /// All claims, as a JSON object.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.0.claims
    }

    /// All claims as JSON, with this role in the place of theirs. For one role, it is remembered with the token.
    #[must_use]
    pub fn with_role(&self, role: &str) -> Arc<str> {
        let write = || {
            let mut claims = self.as_json().clone();
            claims["role"] = Value::from(role);
            Arc::from(claims.to_string())
        };
        let (of, written) = self.0.written.get_or_init(|| (role.to_owned(), write()));
        if of == role { Arc::clone(written) } else { write() }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("role", &self.role()).finish_non_exhaustive()
    }
}

/// Checks tokens. Those whose signature is good are remembered, also if their claims are refused.
pub struct Verifier {
    trusted: ArcSwap<Trusted>,
    audience: Option<String>,
    max_entries: usize,
}

/// The keys, and the tokens that were found good by them.
struct Trusted {
    keys: Arc<VerificationKeys>,
    cache: TokenCache,
}

impl Verifier {
    /// With an audience, a token that is addressed to others only is refused; one that is addressed to nobody is not.
    #[must_use]
    pub fn new(keys: VerificationKeys, audience: Option<String>) -> Self {
        let trusted = Trusted { keys: Arc::new(keys), cache: TokenCache::new(CACHE_MAX_ENTRIES) };
        Self { trusted: ArcSwap::from_pointee(trusted), audience, max_entries: CACHE_MAX_ENTRIES }
    }

    /// Remembers so many tokens at most; none for 0.
    #[must_use]
    pub fn with_cache(self, max_entries: usize) -> Self {
        let keys = Arc::clone(&self.trusted.load().keys);
        self.trusted.store(Arc::new(Trusted { keys, cache: TokenCache::new(max_entries) }));
        Self { max_entries, ..self }
    }

    /// In the place of another, none of whose tokens it knows: counts on from where that was.
    #[must_use]
    pub fn in_place_of(self, other: &Self) -> Self {
        self.replace(Arc::clone(&self.trusted.load().keys), &other.trusted.load().cache);
        self
    }

    /// Trusts these keys from now on, and no others. What was found good before is checked again.
    pub fn set_keys(&self, keys: VerificationKeys) {
        self.replace(Arc::new(keys), &self.trusted.load().cache);
    }

    fn replace(&self, keys: Arc<VerificationKeys>, counted_by: &TokenCache) {
        let mut cache = TokenCache::new(self.max_entries);
        cache.count_on(counted_by);
        self.trusted.store(Arc::new(Trusted { keys, cache }));
    }

    /// Checks a token's signature, times and audience.
    ///
    /// # Errors
    /// [`JwtError`], whose texts are PostgREST's.
    pub fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        self.verify_at(token, now())
    }

    /// What became of the tokens that were asked for.
    #[must_use]
    pub fn cache_metrics(&self) -> CacheMetrics {
        self.trusted.load().cache.metrics()
    }

    fn verify_at(&self, token: &str, now: i64) -> Result<Claims, JwtError> {
        // What is remembered is remembered with the keys that it was checked by.
        let trusted = self.trusted.load();
        let claims = trusted.cache.get_or_check(token, |token| trusted.check_signature(token))??;
        claims.check_times(now)?;
        claims.check_audience(self.audience.as_deref())?;
        Ok(claims)
    }
}

impl Trusted {
    fn check_signature(&self, token: &str) -> Result<Signed, JwtError> {
        if token.is_empty() {
            return Err(JwtError::Empty);
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { return Err(JwtError::Parts { parts: parts.len() }) };
        let Header { alg, kid } = serde_json::from_slice(&bytes(header)?).map_err(|_| JwtError::Crypto)?;
        let (claims, signature) = (bytes(payload)?, bytes(signature)?);
        let signed = &token[..header.len() + 1 + payload.len()];
        let issuer = || serde_json::from_slice::<Issued>(&claims).ok().and_then(|issued| issued.iss);
        self.keys.check(alg.parse()?, kid.as_deref(), issuer, signed.as_bytes(), &signature)?;
        Ok(match serde_json::from_slice(&claims) {
            Ok(claims @ Value::Object(_)) => Ok(Claims::new(claims)),
            Ok(_) | Err(_) => Err(JwtError::ClaimsNotObject),
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("keys", &self.trusted.load().keys).finish_non_exhaustive()
    }
}

/// What a token says about its signature.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// Who a token says that it is from.
#[derive(Deserialize)]
struct Issued {
    iss: Option<String>,
}

pub(crate) fn bytes(part: &str) -> Result<Vec<u8>, JwtError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwtError::Crypto)
}

impl Claims {
    fn check_times(&self, now: i64) -> Result<(), JwtError> {
        if self.seconds("exp")?.is_some_and(|exp| now.saturating_sub(SKEW_SECONDS) > exp) {
            Err(JwtError::Expired)
        } else if self.seconds("nbf")?.is_some_and(|nbf| now.saturating_add(SKEW_SECONDS) < nbf) {
            Err(JwtError::NotYetValid)
        } else if self.seconds("iat")?.is_some_and(|iat| now.saturating_add(SKEW_SECONDS) < iat) {
            Err(JwtError::IssuedAtFuture)
        } else {
            Ok(())
        }
    }

    /// A time claim in whole seconds; fractions are allowed and cut off, null counts as absent.
    fn seconds(&self, claim: &'static str) -> Result<Option<i64>, JwtError> {
        match self.as_json().get(claim) {
            None | Some(Value::Null) => Ok(None),
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates, which is the meaning wanted here")]
            Some(Value::Number(number)) => Ok(number.as_i64().or_else(|| number.as_f64().map(|n| n as i64))),
            Some(Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(JwtError::ClaimNotNumber { claim })
            }
        }
    }

    fn check_audience(&self, audience: Option<&str>) -> Result<(), JwtError> {
        let is_meant = |one: &str| audience.is_none_or(|audience| one == audience);
        let is_meant = match self.as_json().get("aud") {
            None | Some(Value::Null) => true,
            Some(Value::String(one)) => is_meant(one),
            Some(Value::Array(several)) => {
                let several: Option<Vec<&str>> = several.iter().map(Value::as_str).collect();
                let several = several.ok_or(JwtError::AudienceType)?;
                several.is_empty() || several.into_iter().any(is_meant)
            }
            Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => return Err(JwtError::AudienceType),
        };
        if is_meant { Ok(()) } else { Err(JwtError::NotInAudience) }
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
            // One after the other.
            (json!({"exp": 1, "nbf": "soon", "aud": 5}), Err(JwtError::Expired)),
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
    fn claims_are_written_with_the_role_that_is_meant() {
        let claims = verify(&json!({"role": "a", "n": 1})).unwrap();
        for role in ["b", "a", "b"] {
            let written: Value = serde_json::from_str(&claims.with_role(role)).unwrap();
            assert_eq!(written, json!({"role": role, "n": 1}));
        }
        assert_eq!(claims.role(), Some("a"));
    }

    #[test]
    fn a_cached_token_still_expires() {
        let verifier = verifier(None);
        let token = sign(&json!({"exp": NOW + 10, "role": "anon"}), "secret");
        assert_eq!(verifier.verify_at(&token, NOW).unwrap().role(), Some("anon"));
        assert_eq!(verifier.verify_at(&token, NOW).unwrap().role(), Some("anon"));
        assert_eq!(verifier.verify_at(&token, NOW + 100).map(|_| ()), Err(JwtError::Expired));
        assert_eq!(verifier.cache_metrics().hits, 2);
    }

    #[test]
    fn a_cached_token_becomes_valid() {
        let verifier = verifier(None);
        let token = sign(&json!({"nbf": NOW + 100}), "secret");
        assert_eq!(verifier.verify_at(&token, NOW).map(|_| ()), Err(JwtError::NotYetValid));
        assert_eq!(verifier.verify_at(&token, NOW + 100).map(|_| ()), Ok(()));
        assert_eq!(verifier.cache_metrics().hits, 1);
    }

    #[test]
    fn a_key_that_is_trusted_no_more_ends_what_was_remembered() {
        let verifier = verifier(None);
        let token = sign(&json!({"role": "anon"}), "secret");
        assert!(verifier.verify_at(&token, NOW).is_ok());
        verifier.set_keys(VerificationKeys::hs256(b"another"));
        assert_eq!(verifier.verify_at(&token, NOW).map(|_| ()), Err(JwtError::WrongKey));
        assert!(verifier.verify_at(&sign(&json!({}), "another"), NOW).is_ok());
        verifier.set_keys(VerificationKeys::of_project(Some(b"secret"), []).unwrap());
        assert!(verifier.verify_at(&token, NOW).is_ok());
        assert_eq!(verifier.cache_metrics().requests, 4, "it counts on");
    }

    #[test]
    fn refuses_what_is_not_signed_by_the_project() {
        let verifier = verifier(None);
        let with_header = |header: &str| format!("{}.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.", URL_SAFE_NO_PAD.encode(header));
        for (token, expected) in [
            (String::new(), JwtError::Empty),
            ("abc".to_owned(), JwtError::Parts { parts: 1 }),
            ("a.b.c.d".to_owned(), JwtError::Parts { parts: 4 }),
            ("?.?.?".to_owned(), JwtError::Crypto),
            (with_header("5"), JwtError::Crypto),
            (with_header("{}"), JwtError::Crypto),
            (with_header(r#"{"alg":"none"}"#), JwtError::Algorithm),
            (with_header(r#"{"alg":"HS257"}"#), JwtError::Algorithm),
            (with_header(r#"{"alg":"RS256"}"#), JwtError::NoSuitableKey),
            (with_header(r#"{"alg":"HS256"}"#), JwtError::WrongKey),
            (format!("{}*", with_header(r#"{"alg":"HS256"}"#)), JwtError::Crypto),
            (sign(&json!({"role": "service_role"}), "other"), JwtError::WrongKey),
        ] {
            assert_eq!(verifier.verify_at(&token, NOW).map(|_| ()), Err(expected), "{token}");
        }
        assert_eq!(verifier.cache_metrics().hits, 0);
    }
}
