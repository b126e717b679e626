//! Access tokens: what they say, who signs them, and whether one is good.

mod malformed;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use malformed::unreadable;

use crate::{
    error::{AuthError, ErrorCode},
    settings::{Jwt, JwtKey},
};

/// Why a project's keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// One of them is no private key of its algorithm.
    #[error("the key {kid:?} can't sign; GOTRUE_JWT_KEYS needs a private JSON Web Key there, whose public half is its own")]
    Private {
        /// Its name.
        kid: String,
    },
    /// One of them is no public key of its algorithm.
    #[error("the key {kid:?} is no JSON Web Key of its algorithm; correct GOTRUE_JWT_KEYS")]
    Public {
        /// Its name.
        kid: String,
    },
}

/// What an access token says. Others can have members besides, by the hook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccessClaims {
    #[serde(default)]
    pub iss: String,
    #[serde(default)]
    pub sub: String,
    #[serde(default)]
    pub aud: Value,
    #[serde(default)]
    pub exp: i64,
    #[serde(default)]
    pub iat: i64,
    #[serde(default)]
    pub email: String,
    #[serde(default)]
    pub phone: String,
    #[serde(default)]
    pub app_metadata: Map<String, Value>,
    #[serde(default)]
    pub user_metadata: Map<String, Value>,
    #[serde(default)]
    pub role: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub aal: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<Amr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    #[serde(default)]
    pub is_anonymous: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl AccessClaims {
    /// The OAuth server's ID tokens have the same signature, but say only who somebody is, to the client that is their audience.
    pub(crate) fn is_id_token(&self) -> bool {
        self.role.is_empty()
            && self.session_id.is_none()
            && self.aud.as_str().is_some_and(|audience| Uuid::try_parse(audience).is_ok())
    }
}

/// How, and when, the user showed who it is.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Amr {
    pub method: String,
    /// Seconds since 1970.
    pub timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// The project's keys.
pub struct Keys {
    signer: Signer,
    verifiers: Vec<Verifier>,
    /// Public halves, as RFC 7517 has a set.
    public: Value,
}

struct Signer {
    algorithm: Algorithm,
    kid: Option<String>,
    key: EncodingKey,
}

struct Verifier {
    algorithm: Algorithm,
    kid: String,
    key: DecodingKey,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Keys {
    /// From settings: the listed keys, and the secret as long as it is trusted.
    pub(crate) fn new(jwt: &Jwt) -> Result<Self, KeysError> {
        let secret = jwt.secret.expose_secret().as_bytes();
        let mut verifiers = Vec::new();
        for key in jwt.keys.iter().filter(|key| key.verifies) {
            let verifier = key.verifier().ok_or_else(|| KeysError::Public { kid: key.kid.clone() })?;
            verifiers.push(Verifier { algorithm: key.algorithm.of_signatures(), kid: key.kid.clone(), key: verifier });
        }
        if jwt.secret_verifies {
            let key = DecodingKey::from_secret(secret);
            verifiers.push(Verifier { algorithm: Algorithm::HS256, kid: jwt.key_id.clone(), key });
        }
        if !jwt.valid_methods.is_empty() {
            verifiers.retain(|verifier| jwt.valid_methods.iter().any(|method| method == &format!("{:?}", verifier.algorithm)));
        }
        let signer = match jwt.signing_key() {
            Some(key) => signer(key)?,
            None => Signer {
                algorithm: Algorithm::HS256,
                kid: Some(jwt.key_id.clone()).filter(|kid| !kid.is_empty()),
                key: EncodingKey::from_secret(secret),
            },
        };
        let public: Vec<_> = jwt.keys.iter().filter(|key| key.verifies).filter_map(|key| key.public.as_ref()).collect();
        Ok(Self { signer, verifiers, public: json!({ "keys": public }) })
    }

    /// Public halves, as RFC 7517 has a set.
    pub(crate) fn public(&self) -> &Value {
        &self.public
    }

    /// Whether others can verify what is signed: by a public key.
    pub(crate) fn is_asymmetric(&self) -> bool {
        self.signer.algorithm != Algorithm::HS256
    }

    /// A signed token.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, AuthError> {
        let mut header = Header::new(self.signer.algorithm);
        header.kid.clone_from(&self.signer.kid);
        jsonwebtoken::encode(&header, claims, &self.signer.key).map_err(|error| AuthError::internal("Error signing token", error))
    }

    /// The claims of a token that is ours and whose time has come and is not over.
    pub(crate) fn verify(&self, token: &str) -> Result<AccessClaims, AuthError> {
        let refuse = |why: &str| {
            let message = format!("invalid JWT: unable to parse or verify signature, {why}");
            AuthError::forbidden(ErrorCode::BadJwt, message)
        };
        if token.split('.').count() != 3 {
            return Err(refuse("token is malformed: token contains an invalid number of segments"));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refuse(&unreadable(token)))?;
        let of_algorithm: Vec<_> = self.verifiers.iter().filter(|verifier| verifier.algorithm == header.alg).collect();
        let named = header.kid.as_deref().filter(|kid| !kid.is_empty());
        let by_name: Vec<_> =
            of_algorithm.iter().copied().filter(|verifier| named.is_some_and(|kid| kid == verifier.kid)).collect();
        // The secret is for every token of its algorithm, whatever name it has.
        let candidates = if by_name.is_empty() && header.alg == Algorithm::HS256 { of_algorithm } else { by_name };
        if candidates.is_empty() {
            let kid = named.unwrap_or_default();
            return Err(refuse(&format!(
                "token is unverifiable: error while executing keyfunc: unrecognized JWT kid {kid} for algorithm {:?}",
                header.alg
            )));
        }
        let mut validation = Validation::new(header.alg);
        validation.validate_aud = false;
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_required_spec_claims::<&str>(&[]);
        let mut outcome = Err(ErrorKind::InvalidSignature.into());
        for candidate in candidates {
            outcome = jsonwebtoken::decode::<AccessClaims>(token, &candidate.key, &validation);
            if !matches!(outcome.as_ref().map_err(jsonwebtoken::errors::Error::kind), Err(ErrorKind::InvalidSignature)) {
                break;
            }
        }
        match outcome {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature => refuse("token has invalid claims: token is expired"),
                ErrorKind::ImmatureSignature => refuse("token has invalid claims: token is not valid yet"),
                ErrorKind::InvalidSignature => refuse("token signature is invalid: signature is invalid"),
                _ => refuse("token is malformed: could not be decoded"),
            }),
        }
    }
}

/// When a token that is issued now is over.
pub(crate) fn expiry(lifetime: Duration) -> (i64, i64) {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    (now, now.saturating_add_unsigned(lifetime.as_secs()))
}

fn signer(key: &JwtKey) -> Result<Signer, KeysError> {
    let encoding = key.signer().ok_or_else(|| KeysError::Private { kid: key.kid.clone() })?;
    let kid = Some(key.kid.clone()).filter(|kid| !kid.is_empty());
    Ok(Signer { algorithm: key.algorithm.of_signatures(), kid, key: encoding })
}
