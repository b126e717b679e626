use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

use super::timestamp;
use crate::passkey::{Authenticator, Credential, Flags};

/// A row of `auth.webauthn_credentials`, and what clients see of it.
#[derive(Debug, Clone, Serialize)]
pub struct Passkey {
    pub id: Uuid,
    #[serde(skip)]
    pub user_id: Uuid,
    #[serde(skip)]
    pub credential: Credential,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub friendly_name: String,
    #[serde(serialize_with = "timestamp::serialize")]
    pub created_at: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "timestamp::option")]
    pub last_used_at: Option<OffsetDateTime>,
}

impl Passkey {
    pub(crate) fn from_row(row: &Row) -> Self {
        let aaguid: Option<Uuid> = row.get("aaguid");
        let transports: Value = row.get("transports");
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            credential: Credential {
                id: row.get("credential_id"),
                public_key: row.get("public_key"),
                attestation_type: row.get("attestation_type"),
                transports: serde_json::from_value(transports).unwrap_or_default(),
                flags: Flags {
                    user_present: true,
                    user_verified: false,
                    backup_eligible: row.get("backup_eligible"),
                    backup_state: row.get("backed_up"),
                },
                authenticator: Authenticator {
                    aaguid: aaguid.unwrap_or_default().as_bytes().to_vec(),
                    sign_count: u32::try_from(row.get::<_, i64>("sign_count")).unwrap_or_default(),
                    ..Authenticator::default()
                },
            },
            friendly_name: row.get("friendly_name"),
            created_at: row.get("created_at"),
            last_used_at: row.get("last_used_at"),
        }
    }
}
