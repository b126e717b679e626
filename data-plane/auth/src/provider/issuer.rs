//! OpenID providers: what they say of themselves (OpenID Connect Discovery 1.0) and their keys (RFC 7517), kept for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use reqwest::Url;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::http::{Call, Transport, TransportError};

/// Bytes of a document or a set of keys at most.
const LARGEST: usize = 256 * 1024;
/// Keys of a set at most.
const MOST_KEYS: usize = 64;
/// Issuers remembered at most.
const MOST_ISSUERS: usize = 64;
/// Bytes of an RSA modulus: less is broken, more only costs time.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// What a provider says of itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// Who signs.
    pub issuer: String,
    /// Where the browser is sent.
    pub authorization_endpoint: Option<String>,
    /// Where the code becomes tokens.
    pub token_endpoint: Option<String>,
    /// The profile.
    pub userinfo_endpoint: Option<String>,
    /// The keys.
    pub jwks_uri: Option<String>,
    /// How it signs.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// How it wants to know its clients; without, `client_secret_basic`.
    pub token_endpoint_auth_methods_supported: Vec<String>,
}

/// Why a provider's metadata or keys can't be had. The texts of the first three are GoTrue's.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Not reached, or no document.
    #[error("Failed to fetch OIDC discovery document from \"{url}\"")]
    Fetch {
        /// Where it should be.
        url: String,
        #[source]
        source: FetchError,
    },
    /// It is another's.
    #[error("OIDC discovery issuer mismatch: discovery document reports \"{reported}\" but expected \"{expected}\"")]
    Mismatch {
        /// Whose the document is.
        reported: String,
        /// Whose it should be.
        expected: String,
    },
    /// It lacks something.
    #[error("OIDC discovery document is missing required fields: {0}")]
    Missing(String),
    /// The keys were not had.
    #[error("the keys of the issuer can't be fetched")]
    Keys(#[source] FetchError),
}

/// Why a document was not had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No URL, or not over TLS though its issuer is.
    #[error("the address is no https URL")]
    Address,
    /// Not reached.
    #[error("not reached")]
    Transport(#[from] TransportError),
    /// Another status than 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// Larger than any honest one.
    #[error("the document is too large")]
    TooLarge,
    /// No JSON of that form.
    #[error("the document is not understood")]
    Document(#[from] serde_json::Error),
    /// It failed a moment ago.
    #[error("the last attempt failed a moment ago")]
    TooSoon,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After this a document is fetched again.
    pub oldest: Duration,
    /// Between two attempts at one document, however many ask for a key that is not there.
    pub least_between: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { oldest: Duration::from_secs(60 * 60), least_between: Duration::from_secs(10) }
    }
}

/// Metadata and keys of the issuers that were asked for.
#[derive(Debug)]
pub struct Issuers {
    http: Arc<dyn Transport>,
    limits: Limits,
    metadata: Kept<Metadata>,
    keys: Kept<Keys>,
}

impl Issuers {
    /// Knows none yet.
    #[must_use]
    pub fn new(http: Arc<dyn Transport>, limits: Limits) -> Self {
        Self { http, limits, metadata: Kept::default(), keys: Kept::default() }
    }

    /// What an issuer says of itself, at the address of the protocol or another. It is that issuer's own.
    ///
    /// # Errors
    /// [`IssuerError`]
    pub async fn discover(&self, issuer: &str, discovery_url: Option<&str>) -> Result<Arc<Metadata>, IssuerError> {
        let metadata = self.read(issuer, discovery_url).await?;
        // Google's tokens have had its name without the scheme, and a slash at the end is where people differ.
        if metadata.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
            return Err(IssuerError::Mismatch { reported: metadata.issuer.clone(), expected: issuer.to_owned() });
        }
        Ok(metadata)
    }

    /// As [`Self::discover`], but whose it is is the caller's to compare: a directory of Microsoft's has another name there.
    pub(super) async fn read(&self, issuer: &str, discovery_url: Option<&str>) -> Result<Arc<Metadata>, IssuerError> {
        let url = discovery_url.map_or_else(|| well_known(issuer), str::to_owned);
        let failed = |source| IssuerError::Fetch { url: url.clone(), source };
        check_address(&url, issuer).map_err(failed)?;
        let fetched = self.metadata.get(&url, self.limits, false, || fetch::<Metadata>(&*self.http, &url));
        let metadata = fetched.await.map_err(failed)?;
        if metadata.issuer.is_empty() {
            return Err(IssuerError::Missing("issuer".to_owned()));
        }
        Ok(metadata)
    }

    /// The keys that may have signed: those of that name, or all if the token names none. A name that is not there has the set
    /// fetched again, but not often.
    pub(super) async fn keys(
        &self,
        metadata: &Metadata,
        algorithm: Algorithm,
        name: Option<&str>,
    ) -> Result<Vec<DecodingKey>, IssuerError> {
        let uri = metadata.jwks_uri.as_deref().ok_or_else(|| IssuerError::Missing("jwks_uri".to_owned()))?;
        check_address(uri, &metadata.issuer).map_err(IssuerError::Keys)?;
        let fetch = || async { fetch::<Set>(&*self.http, uri).await.and_then(Keys::of) };
        let kept = self.keys.get(uri, self.limits, false, fetch).await.map_err(IssuerError::Keys)?;
        let found = kept.for_token(algorithm, name);
        if !found.is_empty() {
            return Ok(found);
        }
        let renewed = self.keys.get(uri, self.limits, true, fetch).await.map_err(IssuerError::Keys)?;
        Ok(renewed.for_token(algorithm, name))
    }
}

impl Metadata {
    /// The names of the fields that a sign-in through the browser needs and that are not there.
    ///
    /// # Errors
    /// [`IssuerError::Missing`]
    pub fn complete(&self) -> Result<(), IssuerError> {
        let fields = [
            ("authorization_endpoint", &self.authorization_endpoint),
            ("token_endpoint", &self.token_endpoint),
            ("jwks_uri", &self.jwks_uri),
        ];
        let missing: Vec<&str> = fields.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        if missing.is_empty() { Ok(()) } else { Err(IssuerError::Missing(missing.join(", "))) }
    }
}

/// Whether this is the name of a Microsoft directory: `https://login.microsoftonline.com/{tenant}/v2.0` or one of External ID's.
#[must_use]
pub fn is_microsoft(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    let host = url.host_str().unwrap_or_default();
    let external = host.strip_suffix(".ciamlogin.com").is_some_and(|name| !name.is_empty() && !name.contains('.'));
    let path: Vec<&str> = url.path().trim_end_matches('/').split('/').skip(1).collect();
    let plain = url.query().is_none() && url.fragment().is_none() && url.port().is_none() && url.username().is_empty();
    let of_tenant = matches!(path.as_slice(), [tenant, "v2.0"] if !tenant.is_empty());
    url.scheme() == "https" && (host == "login.microsoftonline.com" || external) && plain && of_tenant
}

fn well_known(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Over TLS, unless the issuer itself is not. Before anything kept is used: another issuer may have had it fetched.
fn check_address(url: &str, issuer: &str) -> Result<(), FetchError> {
    let plain = issuer.starts_with("http://") && url.starts_with("http://");
    if plain || url.starts_with("https://") { Ok(()) } else { Err(FetchError::Address) }
}

async fn fetch<T: DeserializeOwned>(http: &dyn Transport, url: &str) -> Result<T, FetchError> {
    let url = Url::parse(url).map_err(|_| FetchError::Address)?;
    let answer = http.send(Call::get(url)).await?;
    if answer.status != ::http::StatusCode::OK {
        return Err(FetchError::Status(answer.status.as_u16()));
    }
    if answer.body.len() > LARGEST {
        return Err(FetchError::TooLarge);
    }
    Ok(serde_json::from_slice(&answer.body)?)
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// The keys of a set that are of use; the others are no reason to refuse the set.
struct Keys(Vec<Key>);

struct Key {
    name: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Keys {
    fn of(set: Set) -> Result<Self, FetchError> {
        if set.keys.len() > MOST_KEYS {
            return Err(FetchError::TooLarge);
        }
        Ok(Self(set.keys.into_iter().filter_map(Key::of).collect()))
    }

    fn for_token(&self, algorithm: Algorithm, name: Option<&str>) -> Vec<DecodingKey> {
        let keys = self.0.iter().filter(|key| key.algorithms.contains(&algorithm));
        keys.filter(|key| name.is_none() || key.name.as_deref() == name).map(|key| key.key.clone()).collect()
    }
}

impl Key {
    /// None is a secret: what is public signs nothing.
    fn of(jwk: Value) -> Option<Self> {
        let named = jwk.get("alg").and_then(Value::as_str).map(str::to_owned);
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|of| *of != PublicKeyUse::Signature) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) if is_sound(&key.n) => {
                vec![Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => vec![Algorithm::ES384],
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            _ => return None,
        };
        algorithms.retain(|algorithm| named.as_ref().is_none_or(|named| named.parse() == Ok(*algorithm)));
        Some(Self { name: jwk.common.key_id.clone(), algorithms, key: DecodingKey::from_jwk(&jwk).ok()? })
    }
}

fn is_sound(modulus: &str) -> bool {
    // Four letters are three bytes.
    MODULUS.contains(&(modulus.len() * 3 / 4))
}

/// Documents by address: each fetched by one task at a time, not too often, and forgotten when it is old.
struct Kept<T>(Mutex<HashMap<String, (Instant, Entry<T>)>>);

type Entry<T> = Arc<tokio::sync::Mutex<Slot<T>>>;

struct Slot<T> {
    value: Option<(Instant, Arc<T>)>,
    attempted: Option<Instant>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> std::fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl<T> Kept<T> {
    async fn get<F: Future<Output = Result<T, FetchError>>>(
        &self,
        url: &str,
        limits: Limits,
        renew: bool,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, FetchError> {
        let entry = self.entry(url);
        let mut slot = entry.lock().await;
        let tried = slot.attempted.is_some_and(|at| at.elapsed() < limits.least_between);
        if let Some((at, value)) = &slot.value
            && at.elapsed() < limits.oldest
            && (!renew || tried)
        {
            return Ok(value.clone());
        }
        if tried {
            return Err(FetchError::TooSoon);
        }
        slot.attempted = Some(Instant::now());
        let value = Arc::new(fetch().await?);
        slot.value = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    fn entry(&self, url: &str) -> Entry<T> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !entries.contains_key(url)
            && entries.len() >= MOST_ISSUERS
            && let Some(oldest) = entries.iter().min_by_key(|(_, (used, _))| *used).map(|(url, _)| url.clone())
        {
            entries.remove(&oldest);
        }
        let empty = || (Instant::now(), Arc::new(tokio::sync::Mutex::new(Slot { value: None, attempted: None })));
        let (used, entry) = entries.entry(url.to_owned()).or_insert_with(empty);
        *used = Instant::now();
        entry.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_microsofts_own_names_are_microsofts() {
        for issuer in [
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://login.microsoftonline.com/common/v2.0/",
            "https://contoso.ciamlogin.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        ] {
            assert!(is_microsoft(issuer), "{issuer}");
        }
        for issuer in [
            "http://login.microsoftonline.com/x/v2.0",
            "https://login.microsoftonline.com.evil.example/x/v2.0",
            "https://evil.example/login.microsoftonline.com/x/v2.0",
            "https://login.microsoftonline.com@evil.example/x/v2.0",
            "https://login.microsoftonline.com:8443/x/v2.0",
            "https://login.microsoftonline.com/x/v2.0?y",
            "https://login.microsoftonline.com/v2.0",
            "https://login.microsoftonline.com//v2.0",
            "https://login.microsoftonline.com/x/y/v2.0",
            "https://a.b.ciamlogin.com/x/v2.0",
            "https://.ciamlogin.com/x/v2.0",
            "https://ciamlogin.com/x/v2.0",
            "",
        ] {
            assert!(!is_microsoft(issuer), "{issuer}");
        }
    }

    #[test]
    fn an_issuer_of_tls_names_no_address_without() {
        assert!(check_address("https://a.example/keys", "https://a.example").is_ok());
        assert!(check_address("http://a.example/keys", "http://a.example").is_ok());
        assert!(check_address("https://a.example/keys", "http://a.example").is_ok());
        for url in ["http://a.example/keys", "file:///keys", "keys", ""] {
            assert!(check_address(url, "https://a.example").is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_failure_is_not_repeated_at_once_and_an_old_value_is_renewed() {
        let kept = Kept::<u8>::default();
        let limits = Limits { oldest: Duration::from_secs(60), least_between: Duration::from_secs(60) };
        let failed = kept.get("a", limits, false, || async { Err(FetchError::Status(500)) }).await;
        assert!(matches!(failed, Err(FetchError::Status(500))));
        assert!(matches!(kept.get("a", limits, false, || async { Ok(1) }).await, Err(FetchError::TooSoon)));
        assert_eq!(*kept.get("b", limits, false, || async { Ok(1) }).await.unwrap(), 1);
        assert_eq!(*kept.get("b", limits, true, || async { Ok(2) }).await.unwrap(), 1, "renewed too soon");
        let never_wait = Limits { least_between: Duration::ZERO, ..limits };
        assert_eq!(*kept.get("b", never_wait, false, || async { Ok(3) }).await.unwrap(), 1);
        assert_eq!(*kept.get("b", never_wait, true, || async { Ok(3) }).await.unwrap(), 3);
        let never_keep = Limits { oldest: Duration::ZERO, least_between: Duration::ZERO };
        assert_eq!(*kept.get("b", never_keep, false, || async { Ok(4) }).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn no_more_than_so_many_are_kept() {
        let kept = Kept::<usize>::default();
        for number in 0..MOST_ISSUERS * 2 {
            kept.get(&number.to_string(), Limits::default(), false, || async { Ok(number) }).await.unwrap();
        }
        assert_eq!(kept.0.lock().unwrap().len(), MOST_ISSUERS);
    }
}
