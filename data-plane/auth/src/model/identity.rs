use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::timestamp;

/// A row of `auth.identities`: one way of a user's to sign in.
#[derive(Debug, Clone, Serialize)]
pub struct Identity {
    #[serde(rename = "identity_id")]
    pub id: Uuid,
    /// Who the user is to the provider.
    #[serde(rename = "id")]
    pub provider_id: String,
    pub user_id: Uuid,
    /// Also told where it is empty, as of a user who was deleted softly: without it, supabase-py can't read a list of users.
    pub identity_data: Map<String, Value>,
    pub provider: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    pub last_sign_in_at: Option<OffsetDateTime>,
    #[serde(serialize_with = "timestamp::option")]
    pub created_at: Option<OffsetDateTime>,
    #[serde(serialize_with = "timestamp::option")]
    pub updated_at: Option<OffsetDateTime>,
    /// Made by the database from `identity_data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl Identity {
    /// One that is not stored yet. `data` has `sub`, who the user is to the provider.
    #[must_use]
    pub fn new(user_id: Uuid, provider: &str, data: Map<String, Value>) -> Self {
        let now = OffsetDateTime::now_utc();
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        Self {
            id: Uuid::new_v4(),
            provider_id: text("sub").unwrap_or_default(),
            user_id,
            email: text("email").map(|email| email.to_lowercase()),
            identity_data: data,
            provider: provider.to_owned(),
            last_sign_in_at: Some(now),
            created_at: Some(now),
            updated_at: Some(now),
        }
    }

    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            provider_id: row.get("provider_id"),
            user_id: row.get("user_id"),
            identity_data: match row.get("identity_data") {
                Value::Object(object) => object,
                _ => Map::new(),
            },
            provider: row.get("provider"),
            last_sign_in_at: row.get("last_sign_in_at"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            email: row.get("email"),
        }
    }
}
