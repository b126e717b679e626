//! Providers that an administrator defines, and sign-in by them.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    external::{Configured, unsupported},
    sealed,
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    model::timestamp,
    provider::{
        Provider, ProviderSettings, catalogue,
        custom::{self, CustomKind},
        engine::is_reserved,
        issuer::IssuerError,
    },
    store::{self, custom_providers::CustomProvider},
};

/// What each one's identifier begins with.
pub(crate) const PREFIX: &str = "custom:";

/// Ways to sign in that have names beside the providers'.
const RESERVED: [&str; 8] = ["anonymous", "email", "mfa", "passkey", "phone", "saml", "sso", "web3"];

const OIDC: &str = "oidc";
const OAUTH2: &str = "oauth2";

/// What an administrator says of one. At a change, what is not said stays.
#[derive(Default, Deserialize)]
pub(crate) struct Document {
    provider_type: Option<String>,
    identifier: Option<String>,
    name: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    acceptable_client_ids: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    pkce_enabled: Option<bool>,
    attribute_mapping: Option<Map<String, Value>>,
    authorization_params: Option<BTreeMap<String, String>>,
    custom_claims_allowlist: Option<Vec<String>>,
    enabled: Option<bool>,
    email_optional: Option<bool>,
    issuer: Option<String>,
    discovery_url: Option<String>,
    skip_nonce_check: Option<bool>,
    authorization_url: Option<String>,
    token_url: Option<String>,
    userinfo_url: Option<String>,
    jwks_uri: Option<String>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

/// What an administrator sees: all but the secret.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    id: Uuid,
    provider_type: String,
    identifier: String,
    name: String,
    client_id: String,
    acceptable_client_ids: Vec<String>,
    scopes: Vec<String>,
    pkce_enabled: bool,
    attribute_mapping: Value,
    authorization_params: Value,
    custom_claims_allowlist: Vec<String>,
    enabled: bool,
    email_optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<String>,
    skip_nonce_check: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(serialize_with = "timestamp::serialize")]
    created_at: OffsetDateTime,
    #[serde(serialize_with = "timestamp::serialize")]
    updated_at: OffsetDateTime,
}

impl From<CustomProvider> for View {
    fn from(row: CustomProvider) -> Self {
        Self {
            id: row.id,
            provider_type: row.provider_type,
            identifier: row.identifier,
            name: row.name,
            client_id: row.client_id,
            acceptable_client_ids: row.acceptable_client_ids,
            scopes: row.scopes,
            pkce_enabled: row.pkce_enabled,
            attribute_mapping: row.attribute_mapping,
            authorization_params: row.authorization_params,
            custom_claims_allowlist: row.custom_claims_allowlist,
            enabled: row.enabled,
            email_optional: row.email_optional,
            issuer: row.issuer,
            discovery_url: row.discovery_url,
            skip_nonce_check: row.skip_nonce_check,
            authorization_url: row.authorization_url,
            token_url: row.token_url,
            userinfo_url: row.userinfo_url,
            jwks_uri: row.jwks_uri,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

fn not_found() -> AuthError {
    AuthError::not_found(ErrorCode::CustomProviderNotFound, "Custom OAuth provider not found")
}

fn check_enabled(caller: &Caller) -> Result<(), AuthError> {
    if caller.live.settings.custom_oauth.enabled {
        Ok(())
    } else {
        Err(AuthError::bad_request(ErrorCode::FeatureDisabled, "Custom OAuth/OIDC providers are not enabled"))
    }
}

fn check_identifier(identifier: &str) -> Result<(), AuthError> {
    if identifier.starts_with(PREFIX) {
        Ok(())
    } else {
        Err(AuthError::validation("identifier must start with 'custom:' prefix"))
    }
}

/// The enabled one of this identifier.
pub(crate) async fn configured(caller: &Caller, identifier: &str) -> Result<Configured, AuthError> {
    let row = if caller.live.settings.custom_oauth.enabled {
        store::custom_providers::find(&caller.db().await?, identifier).await?
    } else {
        None
    };
    let row = row.ok_or_else(|| unsupported(format!("Provider {identifier} could not be found")))?;
    if !row.enabled {
        return Err(unsupported("provider is not enabled"));
    }
    from_row(caller, row)
}

/// A row as the engine takes it.
pub(crate) fn from_row(caller: &Caller, row: CustomProvider) -> Result<Configured, AuthError> {
    let settings = &caller.live.settings;
    let secret = sealed::open(caller, row.id, &row.client_secret)?.value;
    let incomplete = || unsupported(format!("Provider {} is incomplete", row.identifier));
    let kind = if row.provider_type == OIDC {
        CustomKind::Oidc { issuer: row.issuer.clone().ok_or_else(incomplete)?, discovery_url: row.discovery_url.clone() }
    } else {
        CustomKind::Oauth2 {
            authorization_url: row.authorization_url.clone().ok_or_else(incomplete)?,
            token_url: row.token_url.clone().ok_or_else(incomplete)?,
            userinfo_url: row.userinfo_url.clone().ok_or_else(incomplete)?,
        }
    };
    let external_url = match settings.custom_oauth.external_url.as_str() {
        "" => &settings.api.external_url,
        url => url,
    };
    let client_ids = std::iter::once(row.client_id).chain(row.acceptable_client_ids).collect();
    Ok(Configured {
        settings: ProviderSettings {
            client_ids,
            secret: secret.into(),
            redirect_uri: format!("{}/callback", external_url.trim_end_matches('/')),
            base_url: None,
            skip_nonce_check: row.skip_nonce_check,
            email_optional: row.email_optional,
        },
        provider: Provider::Custom(Arc::new(custom::CustomProvider {
            identifier: row.identifier,
            kind,
            scopes: row.scopes,
            pkce_enabled: row.pkce_enabled,
            attribute_mapping: row.attribute_mapping.as_object().cloned().unwrap_or_default(),
            authorization_params: serde_json::from_value(row.authorization_params).unwrap_or_default(),
            custom_claims_allowlist: row.custom_claims_allowlist,
        })),
    })
}

pub(crate) async fn list(caller: &Caller, of_type: Option<&str>) -> Result<Vec<View>, AuthError> {
    check_enabled(caller)?;
    if of_type.is_some_and(|of_type| !matches!(of_type, OIDC | OAUTH2)) {
        return Err(AuthError::validation("type must be either 'oauth2' or 'oidc'"));
    }
    let rows = store::custom_providers::all(&caller.db().await?, of_type).await?;
    Ok(rows.into_iter().map(View::from).collect())
}

pub(crate) async fn get(caller: &Caller, identifier: &str) -> Result<View, AuthError> {
    check_enabled(caller)?;
    check_identifier(identifier)?;
    let row = store::custom_providers::find(&caller.db().await?, identifier).await?;
    row.map(View::from).ok_or_else(not_found)
}

pub(crate) async fn create(caller: &Caller, document: Document) -> Result<View, AuthError> {
    check_enabled(caller)?;
    let required = |value: &Option<String>, name: &str| match value {
        Some(value) if !value.is_empty() => Ok(value.clone()),
        _ => Err(AuthError::validation(format!("{name} is required"))),
    };
    let provider_type = required(&document.provider_type, "provider_type")?;
    if !matches!(provider_type.as_str(), OIDC | OAUTH2) {
        return Err(AuthError::validation("provider_type must be either 'oauth2' or 'oidc'"));
    }
    required(&document.client_secret, "client_secret")?;
    let now = store::custom_providers::now();
    let mut row = CustomProvider {
        id: Uuid::new_v4(),
        provider_type,
        identifier: new_identifier(&required(&document.identifier, "identifier")?)?,
        name: required(&document.name, "name")?,
        client_id: required(&document.client_id, "client_id")?,
        client_secret: String::new(),
        acceptable_client_ids: Vec::new(),
        scopes: Vec::new(),
        pkce_enabled: true,
        attribute_mapping: json!({}),
        authorization_params: json!({}),
        custom_claims_allowlist: Vec::new(),
        enabled: true,
        email_optional: false,
        issuer: None,
        discovery_url: None,
        skip_nonce_check: false,
        authorization_url: None,
        token_url: None,
        userinfo_url: None,
        jwks_uri: None,
        created_at: now,
        updated_at: now,
    };
    document.apply(caller, &mut row)?;
    check(&row)?;
    discover(caller, &row).await?;
    let most = caller.live.settings.custom_oauth.max_providers;
    let tx = caller.begin().await?;
    let outcome = async {
        if most > 0 && usize::try_from(store::custom_providers::count(&tx).await?).is_ok_and(|count| count >= most) {
            let message = "Maximum number of custom OIDC/OAuth providers reached";
            return Err(AuthError::bad_request(ErrorCode::OverCustomProviderQuota, message));
        }
        store::custom_providers::insert(&tx, &row).await.map_err(|error| match error.violated_unique() {
            Some(_) => {
                let message = "A custom OAuth provider with this identifier already exists";
                AuthError::bad_request(ErrorCode::Conflict, message)
            }
            None => error.into(),
        })
    }
    .await;
    tx.end(outcome).await?;
    Ok(row.into())
}

pub(crate) async fn update(caller: &Caller, identifier: &str, document: Document) -> Result<View, AuthError> {
    check_enabled(caller)?;
    check_identifier(identifier)?;
    let before = store::custom_providers::find(&caller.db().await?, identifier).await?.ok_or_else(not_found)?;
    let mut row = before.clone();
    document.apply(caller, &mut row)?;
    check(&row)?;
    if (&row.issuer, &row.discovery_url) != (&before.issuer, &before.discovery_url) {
        discover(caller, &row).await?;
    }
    store::custom_providers::update(&caller.db().await?, &mut row).await?;
    Ok(row.into())
}

pub(crate) async fn delete(caller: &Caller, identifier: &str) -> Result<(), AuthError> {
    check_enabled(caller)?;
    check_identifier(identifier)?;
    if store::custom_providers::delete(&caller.db().await?, identifier).await? { Ok(()) } else { Err(not_found()) }
}

/// With its prefix, which need not be given.
fn new_identifier(given: &str) -> Result<String, AuthError> {
    let name = given.strip_prefix(PREFIX).unwrap_or(given);
    if catalogue::find(name).is_some() || RESERVED.contains(&name) {
        return Err(AuthError::validation(format!(
            "Cannot use reserved provider name: {name}. This provider is already built into Supabase Auth."
        )));
    }
    let identifier = format!("{PREFIX}{name}");
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = identifier.len() <= 50
        && name.bytes().all(|byte| is_fine(byte) || byte == b'-')
        && name.bytes().next().is_some_and(is_fine)
        && name.bytes().last().is_some_and(is_fine);
    if fits {
        Ok(identifier)
    } else {
        Err(AuthError::validation(
            "identifier must have at most 43 lowercase letters, digits and hyphens, and neither begin nor end with a hyphen",
        ))
    }
}

impl Document {
    fn apply(self, caller: &Caller, row: &mut CustomProvider) -> Result<(), AuthError> {
        fn set<T>(value: Option<T>, into: &mut T) {
            if let Some(value) = value {
                *into = value;
            }
        }
        /// An empty text takes one away.
        fn set_url(value: Option<String>, into: &mut Option<String>) {
            if let Some(value) = value {
                *into = Some(value).filter(|value| !value.is_empty());
            }
        }
        if let Some(claim) = self.attribute_mapping.iter().flat_map(Map::keys).find(|claim| custom::is_protected(claim)) {
            return Err(AuthError::validation(format!("attribute_mapping cannot set the protected field {claim:?}")));
        }
        if let Some(name) = self.authorization_params.iter().flat_map(BTreeMap::keys).find(|name| is_reserved(name)) {
            return Err(AuthError::validation(format!("authorization_params cannot set the reserved parameter {name:?}")));
        }
        set(self.name, &mut row.name);
        set(self.client_id, &mut row.client_id);
        let secret = self.client_secret.filter(|secret| !secret.is_empty());
        set(secret.map(|secret| sealed::seal(caller, row.id, &secret)).transpose()?, &mut row.client_secret);
        set(self.acceptable_client_ids, &mut row.acceptable_client_ids);
        set(self.scopes, &mut row.scopes);
        set(self.pkce_enabled, &mut row.pkce_enabled);
        set(self.attribute_mapping.map(Value::Object), &mut row.attribute_mapping);
        set(self.authorization_params.map(|params| json!(params)), &mut row.authorization_params);
        set(self.custom_claims_allowlist, &mut row.custom_claims_allowlist);
        set(self.enabled, &mut row.enabled);
        set(self.email_optional, &mut row.email_optional);
        set(self.skip_nonce_check, &mut row.skip_nonce_check);
        set_url(self.issuer, &mut row.issuer);
        set_url(self.discovery_url, &mut row.discovery_url);
        set_url(self.authorization_url, &mut row.authorization_url);
        set_url(self.token_url, &mut row.token_url);
        set_url(self.userinfo_url, &mut row.userinfo_url);
        set_url(self.jwks_uri, &mut row.jwks_uri);
        Ok(())
    }
}

/// What the table would refuse, in words.
fn check(row: &CustomProvider) -> Result<(), AuthError> {
    let lengths = [("name", &row.name, 100), ("client_id", &row.client_id, 512)];
    for (name, value, most) in lengths {
        if value.is_empty() || value.chars().count() > most {
            return Err(AuthError::validation(format!("{name} must have 1 to {most} characters")));
        }
    }
    let needed: &[(&str, &Option<String>)] = if row.provider_type == OIDC {
        &[("issuer", &row.issuer)]
    } else {
        &[("authorization_url", &row.authorization_url), ("token_url", &row.token_url), ("userinfo_url", &row.userinfo_url)]
    };
    if let Some((name, _)) = needed.iter().find(|(_, value)| value.is_none()) {
        let whose = if row.provider_type == OIDC { "OIDC" } else { "OAuth2" };
        return Err(AuthError::validation(format!("{name} is required for {whose} providers")));
    }
    let urls = [
        ("issuer", &row.issuer),
        ("discovery_url", &row.discovery_url),
        ("authorization_url", &row.authorization_url),
        ("token_url", &row.token_url),
        ("userinfo_url", &row.userinfo_url),
        ("jwks_uri", &row.jwks_uri),
    ];
    for (name, url) in urls {
        let is_https = |url: &String| {
            let parsed =
                reqwest::Url::parse(url).ok().filter(|parsed| parsed.username().is_empty() && parsed.password().is_none());
            url.starts_with("https://") && url.len() <= 2048 && parsed.is_some_and(|parsed| parsed.has_host())
        };
        if url.as_ref().is_some_and(|url| !is_https(url)) {
            return Err(AuthError::validation(format!("{name} must be a valid HTTPS URL")));
        }
    }
    Ok(())
}

/// Whether an OpenID provider is where it should be, and is itself.
async fn discover(caller: &Caller, row: &CustomProvider) -> Result<(), AuthError> {
    let Some(issuer) = row.issuer.as_deref().filter(|_| row.provider_type == OIDC) else { return Ok(()) };
    let outcome = caller.context.providers().issuers().discover(issuer, row.discovery_url.as_deref()).await;
    outcome.and_then(|metadata| metadata.complete()).map_err(|error: IssuerError| {
        tracing::info!(?error, "a custom provider was not found");
        AuthError::validation(error.to_string())
    })
}
