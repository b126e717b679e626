use time::OffsetDateTime;
use tokio_postgres::Row;
use uuid::Uuid;

/// How the user of a flow shows who it is: what becomes of it in `amr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    OAuth,
    Password,
    Otp,
    Totp,
    PhoneFactor,
    WebAuthnFactor,
    Recovery,
    Invite,
    SsoSaml,
    MagicLink,
    EmailSignup,
    EmailChange,
    TokenRefresh,
    Anonymous,
    Web3,
    Passkey,
    OAuthProviderAuthorizationCode,
}

impl Method {
    /// As the claim and the column have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuth => "oauth",
            Self::Password => "password",
            Self::Otp => "otp",
            Self::Totp => "totp",
            Self::PhoneFactor => "mfa/phone",
            Self::WebAuthnFactor => "mfa/webauthn",
            Self::Recovery => "recovery",
            Self::Invite => "invite",
            Self::SsoSaml => "sso/saml",
            Self::MagicLink => "magiclink",
            Self::EmailSignup => "email/signup",
            Self::EmailChange => "email_change",
            Self::TokenRefresh => "token_refresh",
            Self::Anonymous => "anonymous",
            Self::Web3 => "web3",
            Self::Passkey => "passkey",
            Self::OAuthProviderAuthorizationCode => "oauth_provider/authorization_code",
        }
    }
}

/// A row of `auth.flow_state`: a sign-in that goes by way of a link or another's page, and ends in tokens, or, where it was begun by
/// PKCE, in an exchange of its code.
#[derive(Clone)]
pub struct FlowState {
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub auth_code: String,
    /// `s256` or `plain`; nothing without PKCE.
    pub code_challenge_method: Option<String>,
    pub code_challenge: Option<String>,
    pub provider_type: String,
    pub provider_access_token: Option<String>,
    pub provider_refresh_token: Option<String>,
    pub authentication_method: String,
    pub auth_code_issued_at: Option<OffsetDateTime>,
    pub invite_token: Option<String>,
    pub referrer: Option<String>,
    pub oauth_client_state_id: Option<Uuid>,
    pub linking_target_id: Option<Uuid>,
    pub email_optional: bool,
    pub created_at: OffsetDateTime,
}

impl std::fmt::Debug for FlowState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlowState").field("id", &self.id).field("provider_type", &self.provider_type).finish_non_exhaustive()
    }
}

impl FlowState {
    /// One that is not stored yet.
    #[must_use]
    pub fn new(provider_type: &str, method: Method) -> Self {
        Self {
            id: Uuid::new_v4(),
            user_id: None,
            auth_code: Uuid::new_v4().to_string(),
            code_challenge_method: None,
            code_challenge: None,
            provider_type: provider_type.to_owned(),
            provider_access_token: None,
            provider_refresh_token: None,
            authentication_method: method.as_str().to_owned(),
            auth_code_issued_at: None,
            invite_token: None,
            referrer: None,
            oauth_client_state_id: None,
            linking_target_id: None,
            email_optional: false,
            created_at: OffsetDateTime::now_utc(),
        }
    }

    pub(crate) fn from_row(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            user_id: row.get("user_id"),
            auth_code: row.get::<_, Option<String>>("auth_code").unwrap_or_default(),
            code_challenge_method: row.get("code_challenge_method"),
            code_challenge: row.get("code_challenge"),
            provider_type: row.get("provider_type"),
            provider_access_token: row.get("provider_access_token"),
            provider_refresh_token: row.get("provider_refresh_token"),
            authentication_method: row.get("authentication_method"),
            auth_code_issued_at: row.get("auth_code_issued_at"),
            invite_token: row.get("invite_token"),
            referrer: row.get("referrer"),
            oauth_client_state_id: row.get("oauth_client_state_id"),
            linking_target_id: row.get("linking_target_id"),
            email_optional: row.get("email_optional"),
            created_at: row.get::<_, Option<OffsetDateTime>>("created_at").unwrap_or(OffsetDateTime::UNIX_EPOCH),
        }
    }
}
