//! Somebody else whose tokens a project takes, as `/v1/projects/{ref}/config/auth/third-party-auth` has them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ThirdPartyAuth {
    /// UUID.
    pub id: String,
    /// Where the keys are from: `oidc`, `jwks` or `custom`.
    #[serde(rename = "type")]
    pub kind: String,
    pub oidc_issuer_url: Option<String>,
    pub jwks_url: Option<String>,
    pub custom_jwks: Option<Value>,
    /// The keys that are in force.
    pub resolved_jwks: Option<Value>,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub inserted_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: OffsetDateTime,
    /// When the keys were last read.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub resolved_at: Option<OffsetDateTime>,
}

/// One that is to be: an issuer, a set of keys or where there is one; or an issuer with either, which is not asked for its keys then.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateThirdPartyAuth {
    /// The `iss` of the tokens; by OpenID Connect Discovery, the keys are found there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc_issuer_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// A JSON Web Key Set, or the JSON text of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_jwks: Option<Value>,
}
