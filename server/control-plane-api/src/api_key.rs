//! API keys of a project, as `GET /v1/projects/{ref}/api-keys` lists them.

use serde::{Deserialize, Serialize};

/// Kind of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ApiKeyType {
    /// A JWT signed with the project's secret: `anon` or `service_role`.
    Legacy,
    /// `sb_publishable_…`, safe in a browser.
    Publishable,
    /// `sb_secret_…`, for servers only.
    Secret,
}

/// The role a secret key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretJwtTemplate {
    pub role: String,
}

/// One API key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// `anon`, `service_role`, or a UUID.
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub key_type: ApiKeyType,
    /// The key. Of a secret key only the beginning, then `·`, unless it was asked for with `reveal=true`.
    pub api_key: String,
    /// Hex SHA-256 of the key.
    pub hash: String,
    /// A few characters that tell keys apart.
    pub prefix: String,
    pub description: Option<String>,
    pub secret_jwt_template: Option<SecretJwtTemplate>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inserted_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
}

/// Keys are secrets: their `Debug` shows which key it is, never the key.
impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).field("type", &self.key_type).finish_non_exhaustive()
    }
}
