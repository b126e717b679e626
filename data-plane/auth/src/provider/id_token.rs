//! Id tokens (OpenID Connect Core 1.0, 3.1.3.7): one that an application got by itself and signs its user in with, or the one that
//! came for a code.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use super::{
    Profile, Provider, ProviderError, ProviderSettings, claims,
    custom::CustomKind,
    description::{Description, Issuers as Known},
    endpoint::base_of,
    issuer::{IssuerError, Issuers, Metadata, is_microsoft},
};

/// Bytes of a token at most. Directories put hundreds of groups into some.
const LARGEST: usize = 64 * 1024;

/// Seconds that the issuer's clock may be ahead.
const AHEAD: i64 = 5 * 60;

/// Where a directory's tenant stands for many.
const MANY_TENANTS: &[&str] = &["common", "organizations"];

/// What an application sends to `/token?grant_type=id_token`.
#[derive(Clone, Copy)]
pub struct IdTokenGrant<'a> {
    /// Of the provider.
    pub id_token: &'a str,
    /// The one that came with it: it must be the one that the id token names.
    pub access_token: Option<&'a str>,
    /// Of which the token has the hash.
    pub nonce: Option<&'a str>,
}

/// Never what it holds.
impl std::fmt::Debug for IdTokenGrant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdTokenGrant")
    }
}

/// Why an id token is refused. The texts are GoTrue's where the contract has one; the cause goes to the log only.
#[derive(Debug, thiserror::Error)]
pub enum IdTokenError {
    /// Not whole, not signed by the issuer, or not of now.
    #[error("Bad ID token")]
    Bad(#[source] BadToken),
    /// It is for another application.
    #[error("Unacceptable audience in id_token: [{}]", .0.join(" "))]
    Audience(Vec<String>),
    /// One has it and the other not.
    #[error("Passed nonce and nonce in id_token should either both exist or not.")]
    OneNonce,
    /// They differ.
    #[error("Nonces mismatch")]
    Nonces,
    /// The provider has none.
    #[error("the provider {0} has no id tokens")]
    NotSupported(String),
    /// A setting is missing.
    #[error("{0}")]
    Settings(String),
    /// It names no user.
    #[error("Missing sub claim in id_token")]
    Subject,
}

/// What is wrong with a token.
#[derive(Debug, thiserror::Error)]
pub enum BadToken {
    /// Not of three parts of JSON, or too large.
    #[error("it is no token")]
    Form,
    /// `none`, a shared secret's, or one that its issuer does not use.
    #[error("its algorithm is not allowed")]
    Algorithm,
    /// No key of its issuer has signed it.
    #[error("no key of its issuer has signed it")]
    Signature,
    /// The keys were not had.
    #[error("its issuer's keys are not known")]
    Issuer(#[from] IssuerError),
    /// Of someone who is not asked.
    #[error("it is of another issuer")]
    OtherIssuer,
    /// It is over.
    #[error("it has expired")]
    Expired,
    /// It is not yet.
    #[error("it is of the future")]
    Future,
    /// It was made for another access token.
    #[error("the access token is not its own")]
    AccessToken,
}

impl From<BadToken> for IdTokenError {
    fn from(bad: BadToken) -> Self {
        Self::Bad(bad)
    }
}

impl From<IssuerError> for IdTokenError {
    fn from(error: IssuerError) -> Self {
        Self::Bad(error.into())
    }
}

/// Who a token says has issued it, unverified: to find out which provider to ask.
#[must_use]
pub fn issuer_of(id_token: &str) -> Option<String> {
    Some(Token::parse(id_token).ok()?.claims.get("iss")?.as_str()?.to_owned())
}

/// Who signs in by this token: signed by the provider, of now, for one of the settings' clients, and with the nonce's hash.
pub(super) async fn sign_in(
    issuers: &Issuers,
    provider: &Provider,
    settings: &ProviderSettings,
    grant: IdTokenGrant<'_>,
) -> Result<Profile, IdTokenError> {
    let claims = verified(issuers, provider, settings, grant.id_token, grant.access_token).await?;
    if !settings.skip_nonce_check {
        compare_nonces(grant.nonce.map(hashed).as_deref(), &claims)?;
    }
    profile(provider, claims)
}

/// Who the token is of that came for a code. Its nonce is the request's own.
pub(super) async fn of_code(
    issuers: &Issuers,
    provider: &Provider,
    settings: &ProviderSettings,
    id_token: &str,
    access_token: &str,
    nonce: Option<&str>,
) -> Result<Profile, IdTokenError> {
    let claims = verified(issuers, provider, settings, id_token, Some(access_token)).await?;
    if nonce.is_some() && !settings.skip_nonce_check {
        compare_nonces(nonce, &claims)?;
    }
    profile(provider, claims)
}

fn profile(provider: &Provider, claims: Map<String, Value>) -> Result<Profile, IdTokenError> {
    let issuer = text(&claims, "iss").unwrap_or_default().to_owned();
    let document = Value::Object(claims);
    let read = match provider {
        Provider::Custom(custom) => custom.read(&issuer, &document),
        Provider::Known(description) => {
            let mapping = description.id_token.as_ref().map_or(&description.mapping, |id_token| &id_token.mapping);
            claims::read(mapping, &issuer, &document)
        }
    };
    read.map_err(|_: ProviderError| IdTokenError::Subject)
}

async fn verified(
    issuers: &Issuers,
    provider: &Provider,
    settings: &ProviderSettings,
    id_token: &str,
    access_token: Option<&str>,
) -> Result<Map<String, Value>, IdTokenError> {
    let token = Token::parse(id_token)?;
    let issuer = text(&token.claims, "iss").ok_or(BadToken::OtherIssuer)?;
    let metadata = match provider {
        Provider::Known(description) => known(issuers, description, settings, issuer).await?,
        Provider::Custom(custom) => {
            let CustomKind::Oidc { issuer: expected, discovery_url } = &custom.kind else {
                return Err(IdTokenError::NotSupported(custom.identifier.clone()));
            };
            let metadata = issuers.discover(expected, discovery_url.as_deref()).await?;
            if metadata.issuer != issuer {
                return Err(BadToken::OtherIssuer.into());
            }
            metadata
        }
    };
    token.check_signature(issuers, &metadata).await?;
    token.check_times(OffsetDateTime::now_utc().unix_timestamp())?;
    if let Some(access_token) = access_token {
        token.check_access_token(access_token)?;
    }
    if text(&token.claims, "sub").is_none_or(str::is_empty) {
        return Err(IdTokenError::Subject);
    }
    let audience = audience(&token.claims);
    let ours = |client: &String| !client.is_empty() && settings.client_ids.contains(client);
    if !audience.iter().any(ours) {
        return Err(IdTokenError::Audience(audience));
    }
    Ok(token.claims)
}

/// The metadata of who must have signed, if a token of this issuer is the provider's at all.
async fn known(
    issuers: &Issuers,
    description: &Description,
    settings: &ProviderSettings,
    issuer: &str,
) -> Result<std::sync::Arc<Metadata>, IdTokenError> {
    let Some(id_token) = &description.id_token else {
        return Err(IdTokenError::NotSupported(description.name.to_owned()));
    };
    let base = || base_of(description, settings).map_err(|error| IdTokenError::Settings(error.to_string()));
    match id_token.issuers {
        Known::Fixed(names) => {
            let (true, Some(first)) = (names.contains(&issuer), names.first()) else {
                return Err(BadToken::OtherIssuer.into());
            };
            // All names of one issuer sign by the same keys; the first is where they are.
            Ok(issuers.discover(first, None).await?)
        }
        Known::Base => {
            let metadata = issuers.discover(&base()?, None).await?;
            if metadata.issuer != issuer { Err(BadToken::OtherIssuer.into()) } else { Ok(metadata) }
        }
        Known::Microsoft => {
            if !is_microsoft(issuer) {
                return Err(BadToken::OtherIssuer.into());
            }
            let base = base()?;
            let tenant = base.rsplit('/').next().unwrap_or_default();
            if !MANY_TENANTS.contains(&tenant) {
                // A tenant may be named by its domain: its own document says which it is.
                let configured = issuers.read(&format!("{base}/v2.0"), None).await?;
                if configured.issuer != issuer {
                    return Err(BadToken::OtherIssuer.into());
                }
                return Ok(configured);
            }
            Ok(issuers.discover(issuer, None).await?)
        }
    }
}

struct Token<'a> {
    algorithm: &'a str,
    key_name: Option<String>,
    claims: Map<String, Value>,
    message: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    fn parse(token: &'a str) -> Result<Self, BadToken> {
        if token.len() > LARGEST {
            return Err(BadToken::Form);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(BadToken::Form)?;
        let (header, claims) = message.split_once('.').ok_or(BadToken::Form)?;
        let header = object(header)?;
        // Something in the header that must be understood is not (RFC 7515, 4.1.11).
        if header.contains_key("crit") {
            return Err(BadToken::Form);
        }
        let algorithm = ALLOWED.iter().copied().find(|name| text(&header, "alg") == Some(*name)).ok_or(BadToken::Algorithm)?;
        let key_name = text(&header, "kid").map(str::to_owned);
        Ok(Self { algorithm, key_name, claims: object(claims)?, message, signature })
    }

    async fn check_signature(&self, issuers: &Issuers, metadata: &Metadata) -> Result<(), BadToken> {
        let supported = &metadata.id_token_signing_alg_values_supported;
        if !supported.is_empty() && !supported.iter().any(|name| name == self.algorithm) {
            return Err(BadToken::Algorithm);
        }
        let algorithm: Algorithm = self.algorithm.parse().map_err(|_| BadToken::Algorithm)?;
        let keys = issuers.keys(metadata, algorithm, self.key_name.as_deref()).await?;
        let signs = |key: &jsonwebtoken::DecodingKey| {
            jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, algorithm).unwrap_or(false)
        };
        if keys.iter().any(signs) { Ok(()) } else { Err(BadToken::Signature) }
    }

    fn check_times(&self, now: i64) -> Result<(), BadToken> {
        if seconds(&self.claims, "exp").is_none_or(|end| end <= now) {
            return Err(BadToken::Expired);
        }
        let ahead = |claim| seconds(&self.claims, claim).is_some_and(|at| at > now + AHEAD);
        if ahead("iat") || ahead("nbf") { Err(BadToken::Future) } else { Ok(()) }
    }

    /// OpenID Connect Core 1.0, 3.1.3.6; a token that names no access token goes with any.
    fn check_access_token(&self, access_token: &str) -> Result<(), BadToken> {
        let Some(expected) = self.claims.get("at_hash").and_then(Value::as_str) else { return Ok(()) };
        let hash = match self.algorithm {
            "RS384" | "PS384" | "ES384" => Sha384::digest(access_token).to_vec(),
            "RS512" | "PS512" | "EdDSA" => Sha512::digest(access_token).to_vec(),
            _ => Sha256::digest(access_token).to_vec(),
        };
        let half = URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
        if half.as_bytes().ct_eq(expected.as_bytes()).into() { Ok(()) } else { Err(BadToken::AccessToken) }
    }
}

/// Signatures by a private key. Neither `none` nor one by a secret is ever an issuer's.
const ALLOWED: &[&str] = &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

fn object(part: &str) -> Result<Map<String, Value>, BadToken> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| BadToken::Form)?;
    serde_json::from_slice(&json).map_err(|_| BadToken::Form)
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// A moment, which may have a fraction.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = claims.get(name)?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

fn audience(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn hashed(nonce: &str) -> String {
    if nonce.is_empty() { String::new() } else { hex::encode(Sha256::digest(nonce)) }
}

fn compare_nonces(expected: Option<&str>, claims: &Map<String, Value>) -> Result<(), IdTokenError> {
    let (expected, given) = (expected.unwrap_or_default(), text(claims, "nonce").unwrap_or_default());
    if expected.is_empty() != given.is_empty() {
        return Err(IdTokenError::OneNonce);
    }
    if expected.as_bytes().ct_eq(given.as_bytes()).into() { Ok(()) } else { Err(IdTokenError::Nonces) }
}
