//! Sign-in by an id token that an application got from a provider by itself.

use serde::Deserialize;
use uuid::Uuid;

use super::{
    custom_providers,
    external::{Configured, settings_of},
    linking::{self, Incoming, Settled},
    session::{self, Grant, Tokens},
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::Method,
    provider::{
        Provider, ProviderSettings, catalogue,
        description::{Description, Issuers},
        id_token::{IdTokenError, IdTokenGrant},
    },
    store,
};

/// What the application sends.
#[derive(Default, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    provider: Option<String>,
    #[serde(default)]
    id_token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    /// The identity becomes part of the user who is signed in.
    #[serde(default)]
    pub(crate) link_identity: Option<bool>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").field("provider", &self.provider).finish_non_exhaustive()
    }
}

const INVALID: &str = "invalid request";

/// `target`: the signed-in user whom the identity becomes part of.
pub(crate) async fn sign_in(caller: &Caller, given: &Given, target: Option<Uuid>) -> Result<Tokens, AuthError> {
    let id_token = given.id_token.as_deref().unwrap_or_default();
    if id_token.is_empty() {
        return Err(AuthError::oauth(INVALID, "id_token required"));
    }
    let Configured { provider, settings } = asked(caller, given).await?;
    let grant = IdTokenGrant {
        id_token,
        access_token: given.access_token.as_deref().filter(|token| !token.is_empty()),
        nonce: given.nonce.as_deref().filter(|nonce| !nonce.is_empty()),
    };
    let profile = caller.context.providers().sign_in_with_id_token(&provider, &settings, grant).await.map_err(refusal)?;
    if profile.emails.is_empty() && !settings.email_optional {
        return Err(AuthError::oauth(INVALID, "Error getting user email from external provider"));
    }
    let incoming = Incoming { provider: provider.name(), profile: &profile, email_optional: settings.email_optional };
    let tx = caller.begin().await?;
    let outcome = async {
        let settled = match target {
            Some(target) => linking::link(caller, &tx, target, &incoming).await?,
            None => linking::sign_in(caller, &tx, &incoming).await?,
        };
        match settled {
            Settled::Refused(error) => Ok(Err(error)),
            Settled::User(user) => session::begin(caller, &tx, *user, Method::OAuth, Grant::default()).await.map(Ok),
        }
    }
    .await;
    tx.end(outcome).await?
}

fn refusal(error: IdTokenError) -> AuthError {
    let message = error.to_string();
    match error {
        IdTokenError::Bad(cause) => {
            // Also that the issuer's keys can't be fetched, which is for the project's owner to see.
            tracing::info!(?cause, "an id token was refused");
            AuthError::oauth(INVALID, message)
        }
        IdTokenError::Nonces => AuthError::oauth("invalid nonce", message),
        IdTokenError::Audience(_) | IdTokenError::OneNonce | IdTokenError::Subject => AuthError::oauth(INVALID, message),
        IdTokenError::NotSupported(_) | IdTokenError::Settings(_) => AuthError::validation(message),
    }
}

/// By the provider's name, or else by issuer and client.
async fn asked(caller: &Caller, given: &Given) -> Result<Configured, AuthError> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let name = filled(&given.provider);
    let issuer = filled(&given.issuer);
    if let Some(name) = name.as_deref().filter(|name| name.starts_with(custom_providers::PREFIX)) {
        return custom_providers::configured(caller, name).await;
    }
    let known = match (&name, &issuer, &given.client_id) {
        (Some(name), ..) if catalogue::find(name).is_some() => catalogue::find(name),
        (Some(name), ..) => return Err(not_allowed(name)),
        (None, Some(issuer), Some(_)) => catalogue::find_by_issuer(issuer),
        (None, ..) => return Err(AuthError::oauth(INVALID, "provider or client_id and issuer required")),
    };
    let Some(known) = known else {
        let issuer = issuer.unwrap_or_default();
        let row = if caller.live.settings.custom_oauth.enabled {
            store::custom_providers::find_by_issuer(&caller.db().await?, &issuer).await?
        } else {
            None
        };
        return custom_providers::from_row(caller, row.ok_or_else(|| not_allowed(&issuer))?);
    };
    let of = caller.live.settings.external.enabled(known.name).ok_or_else(|| disabled(caller, known, issuer))?;
    let settings = settings_of(caller, known.name, of);
    check_client(given.client_id.as_deref().unwrap_or_default(), &settings)?;
    Ok(Configured { provider: Provider::Known(known), settings })
}

/// A client that the application names must be one of the provider's.
fn check_client(client: &str, settings: &ProviderSettings) -> Result<(), AuthError> {
    settings.client_id().map_err(|error| AuthError::validation(error.to_string()))?;
    if client.is_empty() || settings.client_ids.iter().any(|id| id == client) {
        Ok(())
    } else {
        Err(AuthError::oauth(INVALID, format!("Unacceptable audience in id_token: [{client}]")))
    }
}

/// Told by its issuer, as upstream does: the one that was asked for, or else the provider's own.
fn disabled(caller: &Caller, known: &Description, asked: Option<String>) -> AuthError {
    let own = || match known.id_token.map(|id_token| id_token.issuers) {
        Some(Issuers::Fixed([first, ..])) => Some((*first).to_owned()),
        Some(Issuers::Base) => Some(caller.live.settings.external.providers.get(known.name)?.url.clone()),
        Some(Issuers::Fixed([]) | Issuers::Microsoft) | None => None,
    };
    let issuer = asked.or_else(own).filter(|issuer| !issuer.is_empty()).unwrap_or_else(|| known.name.to_owned());
    AuthError::bad_request(ErrorCode::ProviderDisabled, format!("Provider (issuer {issuer:?}) is not enabled"))
}

fn not_allowed(name: &str) -> AuthError {
    AuthError::validation(format!("Custom OIDC provider {name:?} not allowed"))
}
