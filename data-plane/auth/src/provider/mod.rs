//! Social sign-in: one engine driven by data.
//!
//! [`catalogue`] says what each provider's addresses, scopes and profile are like, [`custom`] what an administrator said of one of
//! their own; [`engine`] walks the authorization code flow by it; [`id_token`] accepts tokens that an application got by itself.
//! No SQL and no routes: what survives the way through the browser is the caller's to keep, and who the user is and whether they may
//! sign in is the caller's to decide.

mod answer;
pub mod catalogue;
mod claims;
pub mod custom;
pub mod description;
mod endpoint;
pub mod engine;
mod form;
pub mod http;
pub mod id_token;
pub mod issuer;
mod oauth1;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use self::{custom::CustomProvider, description::Description, http::TransportError, id_token::IdTokenError};

/// Who is asked.
#[derive(Debug, Clone)]
pub enum Provider {
    /// One of the catalogue.
    Known(&'static Description),
    /// One of an administrator's own.
    Custom(Arc<CustomProvider>),
}

/// A provider's settings in a project.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// The first is who this project is; the others are who else's id tokens are accepted.
    pub client_ids: Vec<String>,
    /// Apple's is a JWT that the administrator has signed.
    pub secret: SecretString,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// Another installation of the provider; for Azure the tenant, for Keycloak the realm.
    pub base_url: Option<String>,
    /// The nonce of an id token is not compared.
    pub skip_nonce_check: bool,
    /// A user without an address may sign in.
    pub email_optional: bool,
}

/// What the provider gave for the code.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Of the provider.
    pub access_token: SecretString,
    /// If it gives one.
    pub refresh_token: Option<SecretString>,
    /// If it speaks OpenID Connect.
    pub id_token: Option<SecretString>,
    /// Seconds that the access token is good for.
    pub expires_in: Option<u64>,
    /// OAuth 1.0a's.
    pub token_secret: Option<SecretString>,
    /// The user as part of the tokens' answer, where the provider gives it so.
    pub profile: Option<Value>,
}

/// Who the provider says the user is.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The user's name at the provider, which does not change.
    pub subject: String,
    /// The primary one first.
    pub emails: Vec<Email>,
    /// `identity_data` and `raw_user_meta_data`.
    pub claims: Map<String, Value>,
}

/// An address of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// As the provider writes it.
    pub email: String,
    /// The provider vouches for it.
    pub verified: bool,
    /// The user has chosen it.
    pub primary: bool,
}

/// Why a sign-in by a provider failed.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// A setting is missing or no URL.
    #[error("{0}")]
    Settings(String),
    /// The provider was not reached.
    #[error("the provider was not reached")]
    Transport(#[from] TransportError),
    /// It answered with an error, of OAuth where it has the form of one.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// It answered something that is not of the protocol.
    #[error("the provider's answer is not understood: {0}")]
    Answer(String),
    /// The answer names no user.
    #[error("the provider's profile has no user id")]
    NoSubject,
    /// GoTrue's words.
    #[error("Error getting user email from external provider")]
    NoEmail,
    /// Its id token is not good.
    #[error(transparent)]
    IdToken(#[from] IdTokenError),
}

impl Provider {
    /// The one of this name in the catalogue.
    #[must_use]
    pub fn known(name: &str) -> Option<Self> {
        catalogue::find(name).map(Self::Known)
    }

    /// As in `auth.identities.provider`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Known(description) => description.name,
            Self::Custom(custom) => &custom.identifier,
        }
    }

    /// Whether the code is bound to a verifier that the caller makes and keeps (`auth.oauth_client_states`).
    #[must_use]
    pub fn uses_pkce(&self) -> bool {
        match self {
            Self::Known(description) => description.pkce,
            Self::Custom(custom) => custom.pkce_enabled,
        }
    }
}

impl ProviderSettings {
    /// Who this project is at the provider.
    ///
    /// # Errors
    /// None is set.
    pub fn client_id(&self) -> Result<&str, ProviderError> {
        let named = self.client_ids.first().filter(|id| !id.is_empty());
        named.map(String::as_str).ok_or_else(|| ProviderError::Settings("missing OAuth client ID".to_owned()))
    }

    fn client_secret(&self) -> &str {
        self.secret.expose_secret()
    }
}

impl Profile {
    /// The address that the user is known by: the primary one, whether verified or not; else a verified one.
    #[must_use]
    pub fn email(&self) -> Option<&Email> {
        let first = |wanted: fn(&&Email) -> bool| self.emails.iter().find(wanted);
        first(|email| email.primary).or_else(|| first(|email| email.verified)).or(self.emails.first())
    }
}
