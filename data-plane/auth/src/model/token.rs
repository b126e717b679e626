use time::{OffsetDateTime, PrimitiveDateTime};
use tokio_postgres::Row;
use uuid::Uuid;

/// A row of `auth.refresh_tokens`.
#[derive(Clone)]
pub struct RefreshToken {
    pub id: i64,
    pub token: String,
    pub user_id: Option<Uuid>,
    pub revoked: bool,
    pub parent: Option<String>,
    pub session_id: Option<Uuid>,
    pub updated_at: OffsetDateTime,
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshToken").field("id", &self.id).finish_non_exhaustive()
    }
}

impl RefreshToken {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            token: row.get::<_, Option<String>>("token").unwrap_or_default(),
            user_id: row.get::<_, Option<&str>>("user_id").and_then(|id| id.parse().ok()),
            revoked: row.get::<_, Option<bool>>("revoked").unwrap_or_default(),
            parent: row.get::<_, Option<String>>("parent").filter(|parent| !parent.is_empty()),
            session_id: row.get("session_id"),
            updated_at: row.get::<_, Option<OffsetDateTime>>("updated_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
        }
    }
}

/// What a one-time token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Confirmation,
    Reauthentication,
    Recovery,
    EmailChangeNew,
    EmailChangeCurrent,
    PhoneChange,
}

impl TokenKind {
    /// As the enum of the database has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmation => "confirmation_token",
            Self::Reauthentication => "reauthentication_token",
            Self::Recovery => "recovery_token",
            Self::EmailChangeNew => "email_change_token_new",
            Self::EmailChangeCurrent => "email_change_token_current",
            Self::PhoneChange => "phone_change_token",
        }
    }
}

/// A row of `auth.one_time_tokens`. Only the hash is stored.
#[derive(Debug, Clone)]
pub struct OneTimeToken {
    pub id: Uuid,
    pub user_id: Uuid,
    pub token_hash: String,
    pub relates_to: String,
    pub created_at: OffsetDateTime,
}

impl OneTimeToken {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            token_hash: row.get("token_hash"),
            relates_to: row.get("relates_to"),
            created_at: row.get::<_, PrimitiveDateTime>("created_at").assume_utc(),
        }
    }
}
