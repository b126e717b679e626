//! Signing keys of a project's tokens, as `/v1/projects/{ref}/config/auth/signing-keys` has them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// What a key signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SigningAlgorithm {
    #[cfg_attr(feature = "openapi", schema(rename = "EdDSA"))]
    EdDsa,
    #[cfg_attr(feature = "openapi", schema(rename = "ES256"))]
    Es256,
    #[cfg_attr(feature = "openapi", schema(rename = "RS256"))]
    Rs256,
    /// By a shared secret.
    #[cfg_attr(feature = "openapi", schema(rename = "HS256"))]
    Hs256,
}

impl SigningAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::EdDsa, Self::Es256, Self::Rs256, Self::Hs256];

    /// Its name in a token's `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

/// What a key is for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum SigningKeyStatus {
    /// New tokens are signed with it. Exactly one key of a project is.
    InUse,
    /// Its tokens are taken; it signs none any more.
    PreviouslyUsed,
    /// Its tokens are refused.
    Revoked,
    /// Known to whoever verifies, so that it can be taken into use.
    Standby,
}

impl SigningKeyStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::InUse, Self::PreviouslyUsed, Self::Revoked, Self::Standby];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::PreviouslyUsed => "previously_used",
            Self::Revoked => "revoked",
            Self::Standby => "standby",
        }
    }
}

serialized_as_word!(SigningAlgorithm);
serialized_as_word!(SigningKeyStatus);

impl FromStr for SigningAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|word| word.as_str() == text).ok_or_else(|| format!("unknown algorithm {text:?}"))
    }
}

impl FromStr for SigningKeyStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|word| word.as_str() == text).ok_or_else(|| format!("unknown status {text:?}"))
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SigningKeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One key. Its private half is never answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SigningKey {
    /// UUID; the `kid` of its tokens. The JWT secret's tokens have none.
    pub id: String,
    pub algorithm: SigningAlgorithm,
    pub status: SigningKeyStatus,
    /// The public JSON Web Key; `null` for a shared secret.
    pub public_jwk: Option<Value>,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: OffsetDateTime,
}

/// All keys of a project, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SigningKeys {
    pub keys: Vec<SigningKey>,
}

/// A key that is to be made, or taken in.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateSigningKey {
    pub algorithm: SigningAlgorithm,
    /// `standby` (the default), or `in_use`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SigningKeyStatus>,
    /// A private JSON Web Key of the algorithm; without it, one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_jwk: Option<Value>,
}

/// A private key is a secret.
impl fmt::Debug for CreateSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateSigningKey")
            .field("algorithm", &self.algorithm)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UpdateSigningKey {
    pub status: SigningKeyStatus,
}

/// Whether the keys `anon` and `service_role` are API keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LegacyApiKeys {
    pub enabled: bool,
}
