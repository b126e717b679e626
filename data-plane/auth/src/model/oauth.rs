use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

/// Whether a client of the OAuth server can keep a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthClientType {
    Public,
    Confidential,
}

impl OauthClientType {
    /// As the enum of the database has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Confidential => "confidential",
        }
    }
}

/// How a client says at the token endpoint that it is itself (RFC 7591, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthClientAuth {
    None,
    Basic,
    Post,
}

impl OauthClientAuth {
    /// As the column has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Basic, Self::Post].into_iter().find(|method| method.as_str() == text)
    }
}

/// Who registered a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthRegistration {
    /// The client itself.
    Dynamic,
    /// An administrator.
    Manual,
}

impl OauthRegistration {
    /// As the enum of the database has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dynamic => "dynamic",
            Self::Manual => "manual",
        }
    }
}

/// A row of `auth.oauth_clients`. Of the secret there is the hash only.
#[derive(Clone)]
pub struct OauthClient {
    pub id: Uuid,
    pub secret_hash: Option<String>,
    pub client_type: OauthClientType,
    pub auth: OauthClientAuth,
    pub registration: OauthRegistration,
    pub name: Option<String>,
    pub uri: Option<String>,
    pub logo_uri: Option<String>,
    pub redirect_uris: Vec<String>,
    pub grant_types: Vec<String>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl std::fmt::Debug for OauthClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OauthClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The columns that hold a list have commas between its members.
pub(crate) const LIST_SEPARATOR: &str = ",";

impl OauthClient {
    pub(crate) fn from_row(row: &Row) -> Self {
        let list = |name: &str| {
            let text: &str = row.get(name);
            text.split(LIST_SEPARATOR).filter(|member| !member.is_empty()).map(ToOwned::to_owned).collect()
        };
        let filled = |name: &str| row.get::<_, Option<String>>(name).filter(|text| !text.is_empty());
        let is_public = row.get::<_, &str>("client_type") == "public";
        Self {
            id: row.get("id"),
            secret_hash: filled("client_secret_hash"),
            client_type: if is_public { OauthClientType::Public } else { OauthClientType::Confidential },
            auth: OauthClientAuth::parse(row.get("token_endpoint_auth_method")).unwrap_or(OauthClientAuth::Basic),
            registration: match row.get("registration_type") {
                "dynamic" => OauthRegistration::Dynamic,
                _ => OauthRegistration::Manual,
            },
            name: filled("client_name"),
            uri: filled("client_uri"),
            logo_uri: filled("logo_uri"),
            redirect_uris: list("redirect_uris"),
            grant_types: list("grant_types"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
        }
    }

    /// Whether it may use a grant of the token endpoint.
    #[must_use]
    pub fn may(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|allowed| allowed == grant_type)
    }

    #[must_use]
    pub fn is_public(&self) -> bool {
        self.client_type == OauthClientType::Public
    }
}

/// A row of `auth.oauth_authorizations`: a client asks a user for something, and gets a code for it.
#[derive(Clone)]
pub struct OauthAuthorization {
    pub id: Uuid,
    /// What the consent page knows it by.
    pub authorization_id: String,
    pub client_id: Uuid,
    /// Who looked at it first.
    pub user_id: Option<Uuid>,
    pub redirect_uri: String,
    /// Separated by spaces.
    pub scope: String,
    pub state: Option<String>,
    pub resource: Option<String>,
    /// Of S256.
    pub code_challenge: String,
    pub nonce: Option<String>,
    /// Nobody has decided yet.
    pub is_pending: bool,
    pub created_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub approved_at: Option<OffsetDateTime>,
}

impl std::fmt::Debug for OauthAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OauthAuthorization").field("id", &self.id).finish_non_exhaustive()
    }
}

impl OauthAuthorization {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            authorization_id: row.get("authorization_id"),
            client_id: row.get("client_id"),
            user_id: row.get("user_id"),
            redirect_uri: row.get("redirect_uri"),
            scope: row.get("scope"),
            state: row.get("state"),
            resource: row.get("resource"),
            code_challenge: row.get::<_, Option<String>>("code_challenge").unwrap_or_default(),
            nonce: row.get("nonce"),
            is_pending: row.get::<_, &str>("status") == "pending",
            created_at: row.get("created_at"),
            expires_at: row.get("expires_at"),
            approved_at: row.get("approved_at"),
        }
    }
}

/// A row of `auth.oauth_consents` that is in force: what a user allowed a client.
#[derive(Debug, Clone)]
pub struct OauthConsent {
    pub client_id: Uuid,
    /// Separated by spaces.
    pub scopes: String,
    pub granted_at: OffsetDateTime,
}

impl OauthConsent {
    pub(crate) fn from_row(row: &Row) -> Self {
        Self { client_id: row.get("client_id"), scopes: row.get("scopes"), granted_at: row.get("granted_at") }
    }
}
