use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::timestamp;

/// What a second factor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactorKind {
    Totp,
    Phone,
    #[serde(rename = "webauthn")]
    WebAuthn,
}

impl FactorKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Phone => "phone",
            Self::WebAuthn => "webauthn",
        }
    }
}

/// Whether it was used once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FactorStatus {
    Unverified,
    Verified,
}

/// A row of `auth.mfa_factors`, and what clients see of it.
#[derive(Clone, Serialize)]
pub struct Factor {
    pub id: Uuid,
    #[serde(skip)]
    pub user_id: Uuid,
    #[serde(serialize_with = "timestamp::serialize")]
    pub created_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::serialize")]
    pub updated_at: OffsetDateTime,
    pub status: FactorStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    #[serde(rename = "factor_type")]
    pub kind: FactorKind,
    #[serde(skip)]
    pub secret: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    pub last_challenged_at: Option<OffsetDateTime>,
    #[serde(skip)]
    pub web_authn_credential: Option<Value>,
    #[serde(skip)]
    pub web_authn_aaguid: Option<Uuid>,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Factor").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Factor {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            status: if row.get::<_, &str>("status") == "verified" { FactorStatus::Verified } else { FactorStatus::Unverified },
            friendly_name: row.get::<_, Option<String>>("friendly_name").filter(|name| !name.is_empty()),
            kind: match row.get("factor_type") {
                "phone" => FactorKind::Phone,
                "webauthn" => FactorKind::WebAuthn,
                _ => FactorKind::Totp,
            },
            secret: row.get("secret"),
            phone: row.get::<_, Option<String>>("phone").filter(|phone| !phone.is_empty()),
            last_challenged_at: row.get("last_challenged_at"),
            web_authn_credential: row.get("web_authn_credential"),
            web_authn_aaguid: row.get("web_authn_aaguid"),
        }
    }

    /// Whether it was used once.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.status == FactorStatus::Verified
    }
}

/// A row of `auth.mfa_challenges`.
#[derive(Clone)]
pub struct Challenge {
    pub id: Uuid,
    pub factor_id: Uuid,
    pub created_at: OffsetDateTime,
    pub verified_at: Option<OffsetDateTime>,
    pub ip_address: IpAddr,
    pub otp_code: Option<String>,
    pub web_authn_session_data: Option<Value>,
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Challenge").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Challenge {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            factor_id: row.get("factor_id"),
            created_at: row.get("created_at"),
            verified_at: row.get("verified_at"),
            ip_address: row.get("ip_address"),
            otp_code: row.get("otp_code"),
            web_authn_session_data: row.get("web_authn_session_data"),
        }
    }
}
