use std::net::IpAddr;

use serde::Serialize;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

/// How sure it is who signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aal {
    /// By one thing.
    #[default]
    Aal1,
    /// By two.
    Aal2,
    /// By two, one of them hardware.
    Aal3,
}

impl Aal {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::Aal3 => "aal3",
        }
    }

    fn of(text: Option<&str>) -> Self {
        match text {
            Some("aal2") => Self::Aal2,
            Some("aal3") => Self::Aal3,
            _ => Self::Aal1,
        }
    }
}

/// What a session's refresh tokens of version 2 are told by.
#[derive(Clone)]
pub struct Signing {
    /// The key that signs them, as it is stored.
    pub key: String,
    /// Of the last one that was given.
    pub number: i64,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing").field("number", &self.number).finish_non_exhaustive()
    }
}

/// A row of `auth.sessions`.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: Uuid,
    pub user_id: Uuid,
    pub factor_id: Option<Uuid>,
    pub aal: Aal,
    pub not_after: Option<OffsetDateTime>,
    pub refreshed_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub user_agent: Option<String>,
    pub ip: Option<IpAddr>,
    pub tag: Option<String>,
    pub oauth_client_id: Option<Uuid>,
    pub scopes: Option<String>,
    /// Nothing where its refresh tokens are of version 1.
    pub signing: Option<Signing>,
}

impl Session {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            factor_id: row.get("factor_id"),
            aal: Aal::of(row.get::<_, Option<&str>>("aal")),
            not_after: row.get("not_after"),
            refreshed_at: row.get::<_, Option<PrimitiveDateTime>>("refreshed_at").map(PrimitiveDateTime::assume_utc),
            created_at: row.get::<_, Option<OffsetDateTime>>("created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
            user_agent: row.get("user_agent"),
            ip: row.get("ip"),
            tag: row.get("tag"),
            oauth_client_id: row.get("oauth_client_id"),
            scopes: row.get("scopes"),
            signing: row
                .get::<_, Option<String>>("refresh_token_hmac_key")
                .map(|key| Signing { key, number: row.get::<_, Option<i64>>("refresh_token_counter").unwrap_or_default() }),
        }
    }
}

/// A row of `auth.mfa_amr_claims`: how, and when, a session's user showed who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmrClaim {
    /// Such as `password`, `otp` or `totp`.
    pub method: String,
    pub at: OffsetDateTime,
}
