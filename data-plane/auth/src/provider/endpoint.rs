//! Where a provider is, by its description, the settings and what it says of itself.

use reqwest::Url;

use super::{
    Provider, ProviderError, ProviderSettings,
    custom::CustomKind,
    description::{ClientAuthentication, Description, SCOPE_SEPARATOR, Source},
    id_token::IdTokenError,
    issuer::{Issuers, Metadata},
};

/// Where a provider is.
pub(super) struct Endpoints {
    pub(super) issuer: String,
    pub(super) authorization: String,
    pub(super) token: String,
    pub(super) userinfo: Option<String>,
    pub(super) client_authentication: ClientAuthentication,
}

impl Endpoints {
    pub(super) async fn of(issuers: &Issuers, provider: &Provider, settings: &ProviderSettings) -> Result<Self, ProviderError> {
        match provider {
            Provider::Known(description) if matches!(description.source, Source::IdTokenOnly) => Err(no_flow(description)),
            Provider::Known(description) => Ok(Self {
                issuer: String::new(),
                authorization: resolve(description.authorization, description, settings)?,
                token: resolve(description.token, description, settings)?,
                userinfo: None,
                client_authentication: description.client_authentication,
            }),
            Provider::Custom(custom) => match &custom.kind {
                CustomKind::Oidc { issuer, discovery_url } => {
                    let metadata = issuers.discover(issuer, discovery_url.as_deref()).await.map_err(IdTokenError::from)?;
                    metadata.complete().map_err(IdTokenError::from)?;
                    Self::discovered(&metadata)
                }
                CustomKind::Oauth2 { authorization_url, token_url, userinfo_url } => Ok(Self {
                    issuer: address(userinfo_url)?.origin().ascii_serialization(),
                    authorization: authorization_url.clone(),
                    token: token_url.clone(),
                    userinfo: Some(userinfo_url.clone()),
                    client_authentication: ClientAuthentication::Either,
                }),
            },
        }
    }

    fn discovered(metadata: &Metadata) -> Result<Self, ProviderError> {
        let methods = &metadata.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|other| other == method);
        let addresses = [&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.userinfo_endpoint];
        // The client's secret and the user's tokens go there.
        if metadata.issuer.starts_with("https://") && addresses.into_iter().flatten().any(|url| !url.starts_with("https://")) {
            return Err(ProviderError::Answer("an address of the provider is not of https".to_owned()));
        }
        Ok(Self {
            issuer: metadata.issuer.clone(),
            authorization: metadata.authorization_endpoint.clone().unwrap_or_default(),
            token: metadata.token_endpoint.clone().unwrap_or_default(),
            userinfo: metadata.userinfo_endpoint.clone(),
            client_authentication: if !has("client_secret_basic") && has("client_secret_post") {
                ClientAuthentication::Body
            } else {
                ClientAuthentication::Basic
            },
        })
    }
}

/// The base that a provider has in these settings, without a slash at the end.
pub(super) fn base_of(description: &Description, settings: &ProviderSettings) -> Result<String, ProviderError> {
    let hosts = &description.hosts;
    let configured = settings.base_url.as_deref().map(|url| url.trim().trim_end_matches('/')).filter(|url| !url.is_empty());
    match configured {
        Some(url) if hosts.configurable => {
            let parsed = address(url)?;
            let plain = parsed.query().is_none() && parsed.fragment().is_none() && parsed.host().is_some();
            if plain && matches!(parsed.scheme(), "http" | "https") {
                Ok(url.to_owned())
            } else {
                Err(ProviderError::Settings(format!("the URL of the {} provider is none of http or https", description.name)))
            }
        }
        _ if hosts.base.is_empty() => {
            Err(ProviderError::Settings(format!("unable to find URL for the {} provider", description.name)))
        }
        _ => Ok(hosts.base.to_owned()),
    }
}

pub(super) fn resolve(template: &str, description: &Description, settings: &ProviderSettings) -> Result<String, ProviderError> {
    let hosts = &description.hosts;
    let base = base_of(description, settings)?;
    let api = if base == hosts.base { hosts.api.to_owned() } else { format!("{base}{}", hosts.api_of_configured) };
    Ok(template.replace("{base}", &base).replace("{api}", &api))
}

pub(super) fn address(url: &str) -> Result<Url, ProviderError> {
    Url::parse(url).map_err(|_| ProviderError::Settings(format!("{url:?} is no URL")))
}

pub(super) fn no_flow(description: &Description) -> ProviderError {
    ProviderError::Settings(format!("the provider {} has id tokens only", description.name))
}

/// The provider's, then the request's, each once.
pub(super) fn scopes(provider: &Provider, more: &str) -> String {
    let mut all: Vec<&str> = match provider {
        Provider::Known(description) => description.scopes.to_vec(),
        Provider::Custom(custom) => {
            let openid = matches!(custom.kind, CustomKind::Oidc { .. }).then_some("openid");
            openid.into_iter().chain(custom.scopes.iter().map(String::as_str)).collect()
        }
    };
    all.extend(more.split([' ', ',']).filter(|scope| !scope.is_empty()));
    let mut once: Vec<&str> = Vec::new();
    for scope in all {
        if !once.contains(&scope) {
            once.push(scope);
        }
    }
    once.join(SCOPE_SEPARATOR)
}
