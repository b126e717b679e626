//! The authorization code flow (RFC 6749, 4.1; RFC 7636), walked by a description: where the browser goes, what the code becomes, who
//! the user is.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    Profile, Provider, ProviderError, ProviderSettings, Tokens,
    answer::{is_unknown_client, json, tokens},
    catalogue, claims,
    custom::{CustomKind, CustomProvider},
    description::{ClientAuthentication, Description, Fetch, Source},
    endpoint::{Endpoints, address, no_flow, resolve, scopes},
    form,
    http::{Call, Transport},
    id_token::{self, IdTokenError, IdTokenGrant},
    issuer::{Issuers, Limits},
    oauth1::{Once, Signer},
};

/// What an application may not say by itself: the flow's own parameters, and those of our own route.
const RESERVED: &[&str] = &[
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "response_mode",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
    "request",
    "request_uri",
    "oauth_token",
    "provider",
    "scopes",
    "redirect_to",
    "invite_token",
    "skip_http_redirect",
    "flow_type",
    "apikey",
];

/// Whether no application and no administrator may set this parameter of an authorization.
#[must_use]
pub fn is_reserved(parameter: &str) -> bool {
    RESERVED.contains(&parameter)
}

/// Walks the flow.
#[derive(Debug)]
pub struct Engine {
    http: Arc<dyn Transport>,
    issuers: Issuers,
}

/// What the browser is sent for.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuthorizationRequest<'a> {
    /// Comes back as it is.
    pub state: &'a str,
    /// More scopes, with spaces or commas between.
    pub scopes: &'a str,
    /// Parameters that the application passes on; reserved ones are left out.
    pub parameters: &'a [(String, String)],
    /// Of [`Pkce`], where [`Provider::uses_pkce`].
    pub code_challenge: Option<&'a str>,
    /// Comes back in the id token.
    pub nonce: Option<&'a str>,
}

/// Where the browser goes.
#[derive(Debug, Clone)]
pub struct Authorization {
    /// There.
    pub url: Url,
    /// OAuth 1.0a's, which [`Callback`] needs again.
    pub request_token: Option<RequestToken>,
}

/// A token of OAuth 1.0a that becomes one of access.
#[derive(Debug, Clone)]
pub struct RequestToken {
    /// Its name, which the callback has as `oauth_token`.
    pub token: String,
    /// Its secret.
    pub secret: SecretString,
}

/// What the browser came back with.
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// `code`, or OAuth 1.0a's `oauth_verifier`.
    pub code: &'a str,
    /// Of [`Pkce`].
    pub verifier: Option<&'a str>,
    /// OAuth 1.0a's. That it is the one of `oauth_token` is checked by whom it was kept by.
    pub request_token: Option<&'a RequestToken>,
}

impl fmt::Debug for Callback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}

/// What a profile is read with, beside the tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The one of the request.
    pub nonce: Option<&'a str>,
    /// The field `user` that Apple has the browser post, once.
    pub user: Option<&'a str>,
}

/// A verifier and its challenge by S256 (RFC 7636).
#[derive(Debug, Clone)]
pub struct Pkce {
    /// Kept.
    pub verifier: SecretString,
    /// Sent.
    pub challenge: String,
}

impl Pkce {
    /// Of 32 random bytes.
    #[must_use]
    pub fn generate() -> Self {
        let verifier = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        Self { verifier: verifier.into(), challenge }
    }
}

impl Engine {
    /// Reaches providers by this.
    #[must_use]
    pub fn new(http: Arc<dyn Transport>) -> Self {
        Self::with_limits(http, Limits::default())
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(http: Arc<dyn Transport>, limits: Limits) -> Self {
        Self { issuers: Issuers::new(http.clone(), limits), http }
    }

    /// What is known of OpenID providers.
    #[must_use]
    pub fn issuers(&self) -> &Issuers {
        &self.issuers
    }

    /// Where the browser goes to sign in.
    ///
    /// # Errors
    /// Settings that are missing; for those that are discovered or of OAuth 1.0a, all that a provider can answer.
    pub async fn authorization_url(
        &self,
        provider: &Provider,
        settings: &ProviderSettings,
        request: &AuthorizationRequest<'_>,
    ) -> Result<Authorization, ProviderError> {
        if let Provider::Known(description) = provider
            && let Source::Oauth1 { request_token, .. } = description.source
        {
            return self.request_token(description, request_token, settings, request.state).await;
        }
        let endpoints = Endpoints::of(&self.issuers, provider, settings).await?;
        let mut url = address(&endpoints.authorization)?;
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        let mut set = |name, value| {
            parameters.retain(|(other, _)| *other != name);
            parameters.push((name, value));
        };
        match provider {
            Provider::Known(description) => description.parameters.iter().for_each(|(name, value)| set(name, value)),
            Provider::Custom(custom) => {
                let ours = custom.authorization_params.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
                ours.for_each(|(name, value)| set(name, value));
            }
        }
        for (name, value) in request.parameters {
            // WorkOS' own `provider` has the name of ours.
            match name.as_str() {
                "workos_provider" => set("provider", value),
                name if RESERVED.contains(&name) || (name == "nonce" && request.nonce.is_some()) => {}
                name => set(name, value),
            }
        }
        set("client_id", settings.client_id()?);
        set("redirect_uri", &settings.redirect_uri);
        set("response_type", "code");
        set("state", request.state);
        let scopes = scopes(provider, request.scopes);
        if !scopes.is_empty() {
            set("scope", &scopes);
        }
        if let Some(challenge) = request.code_challenge {
            set("code_challenge", challenge);
            set("code_challenge_method", "S256");
        }
        if let Some(nonce) = request.nonce {
            set("nonce", nonce);
        }
        url.query_pairs_mut().extend_pairs(parameters);
        Ok(Authorization { url, request_token: None })
    }

    /// What the code becomes.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn exchange(
        &self,
        provider: &Provider,
        settings: &ProviderSettings,
        callback: &Callback<'_>,
    ) -> Result<Tokens, ProviderError> {
        if let Provider::Known(description) = provider
            && let Source::Oauth1 { .. } = description.source
        {
            return self.access_token(description, settings, callback).await;
        }
        let endpoints = Endpoints::of(&self.issuers, provider, settings).await?;
        let url = address(&endpoints.token)?;
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", callback.code), ("redirect_uri", &settings.redirect_uri)];
        form.extend(callback.verifier.map(|verifier| ("code_verifier", verifier)));
        let first = match endpoints.client_authentication {
            ClientAuthentication::Either => ClientAuthentication::Basic,
            other => other,
        };
        let mut answer = self.http.send(with_client(&url, &form, settings, first)?).await?;
        if endpoints.client_authentication == ClientAuthentication::Either && is_unknown_client(&answer) {
            answer = self.http.send(with_client(&url, &form, settings, ClientAuthentication::Body)?).await?;
        }
        tokens(provider, &answer)
    }

    /// Who the user is.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub async fn profile(
        &self,
        provider: &Provider,
        settings: &ProviderSettings,
        tokens: &Tokens,
        beside: Beside<'_>,
    ) -> Result<Profile, ProviderError> {
        let mut profile = match provider {
            Provider::Known(description) => self.known_profile(provider, description, settings, tokens, beside).await?,
            Provider::Custom(custom) => self.custom_profile(provider, custom, settings, tokens, beside).await?,
        };
        // What the browser says counts for nothing where the provider says it.
        if provider.name() == catalogue::WITH_USER_IN_FORM
            && let Some(name) = beside.user.and_then(apple_name)
        {
            profile.claims.insert("name".to_owned(), name.clone().into());
            profile.claims.insert("full_name".to_owned(), name.into());
        }
        with_email(profile, settings)
    }

    /// Who signs in by an id token that the application got by itself.
    ///
    /// # Errors
    /// [`IdTokenError`]
    pub async fn sign_in_with_id_token(
        &self,
        provider: &Provider,
        settings: &ProviderSettings,
        grant: IdTokenGrant<'_>,
    ) -> Result<Profile, IdTokenError> {
        id_token::sign_in(&self.issuers, provider, settings, grant).await
    }

    async fn known_profile(
        &self,
        provider: &Provider,
        description: &Description,
        settings: &ProviderSettings,
        tokens: &Tokens,
        beside: Beside<'_>,
    ) -> Result<Profile, ProviderError> {
        let document = match description.source {
            Source::Requests { profile, more } => {
                let mut document = self.fetch(description, settings, tokens, &profile).await?;
                for (name, fetch) in more {
                    let value = self.fetch(description, settings, tokens, fetch).await?;
                    let object = document.as_object_mut().ok_or_else(|| ProviderError::Answer("the profile".to_owned()))?;
                    object.insert((*name).to_owned(), value);
                }
                document
            }
            Source::IdToken { otherwise } => match (&tokens.id_token, otherwise) {
                (Some(token), _) => return self.by_id_token(provider, settings, tokens, token, beside).await,
                (None, Some(fetch)) => self.fetch(description, settings, tokens, &fetch).await?,
                (None, None) => return Err(ProviderError::Answer("there is no id token".to_owned())),
            },
            Source::TokenAnswer(_) => {
                tokens.profile.clone().ok_or_else(|| ProviderError::Answer("the tokens come without a profile".to_owned()))?
            }
            Source::Oauth1 { profile, .. } => {
                let url = address(&resolve(profile, description, settings)?)?;
                let secret = tokens.token_secret.as_ref().map_or("", |secret| secret.expose_secret());
                let signer = signer(settings, Some((tokens.access_token.expose_secret(), secret)))?;
                let header = signer.header("GET", &url, &[], &Once::now());
                json(&self.http.send(Call::get(url).header("authorization", header)).await?)?
            }
            Source::IdTokenOnly => return Err(no_flow(description)),
        };
        let issuer = resolve(description.mapping.issuer, description, settings)?;
        claims::read(&description.mapping, &issuer, &document)
    }

    async fn custom_profile(
        &self,
        provider: &Provider,
        custom: &CustomProvider,
        settings: &ProviderSettings,
        tokens: &Tokens,
        beside: Beside<'_>,
    ) -> Result<Profile, ProviderError> {
        let endpoints = Endpoints::of(&self.issuers, provider, settings).await?;
        let by_token = match (&custom.kind, &tokens.id_token) {
            (CustomKind::Oidc { .. }, Some(token)) => Some(self.by_id_token(provider, settings, tokens, token, beside).await?),
            (CustomKind::Oidc { .. }, None) | (CustomKind::Oauth2 { .. }, _) => None,
        };
        let (by_token, userinfo) = match (by_token, endpoints.userinfo) {
            (None, None) => return Err(ProviderError::Answer("there is no id token".to_owned())),
            (Some(profile), None) => return Ok(profile),
            (Some(profile), Some(_)) if !profile.emails.is_empty() => return Ok(profile),
            (by_token, Some(userinfo)) => (by_token, userinfo),
        };
        // Of the scopes' claims an id token need have none (OpenID Connect Core 1.0, 5.4).
        let call = bearer(Call::get(address(&userinfo)?), tokens);
        let mut profile = custom.read(&endpoints.issuer, &json(&self.http.send(call).await?)?)?;
        if let Some(by_token) = by_token {
            // Of someone else it is not to be used (5.3.2).
            if by_token.subject != profile.subject {
                return Err(ProviderError::Answer("the profile is another user's than the id token".to_owned()));
            }
            let signed = by_token.claims.into_iter().filter(|(name, _)| name != "email_verified");
            profile.claims.extend(signed);
        }
        Ok(profile)
    }

    async fn by_id_token(
        &self,
        provider: &Provider,
        settings: &ProviderSettings,
        tokens: &Tokens,
        token: &SecretString,
        beside: Beside<'_>,
    ) -> Result<Profile, ProviderError> {
        let access_token = tokens.access_token.expose_secret();
        let token = token.expose_secret();
        Ok(id_token::of_code(&self.issuers, provider, settings, token, access_token, beside.nonce).await?)
    }

    async fn fetch(
        &self,
        description: &Description,
        settings: &ProviderSettings,
        tokens: &Tokens,
        fetch: &Fetch,
    ) -> Result<Value, ProviderError> {
        let mut url = address(&resolve(fetch.url, description, settings)?)?;
        if fetch.proof {
            url.query_pairs_mut().append_pair("appsecret_proof", &proof(settings, tokens));
        }
        let mut call = bearer(Call::get(url), tokens);
        for (name, value) in fetch.headers {
            let value = if *value == "{client_id}" { settings.client_id()? } else { value };
            call = call.header(name, value.to_owned());
        }
        let mut document = json(&self.http.send(call).await?)?;
        match document.pointer_mut(fetch.at) {
            Some(wanted) => Ok(wanted.take()),
            None => Err(ProviderError::Answer(format!("there is nothing at {}", fetch.at))),
        }
    }

    async fn request_token(
        &self,
        description: &Description,
        template: &str,
        settings: &ProviderSettings,
        state: &str,
    ) -> Result<Authorization, ProviderError> {
        let mut back = address(&settings.redirect_uri)?;
        back.query_pairs_mut().append_pair("state", state);
        let signer = signer(settings, None)?;
        let (token, secret) =
            self.signed(&resolve(template, description, settings)?, &signer, ("oauth_callback", back.as_str())).await?;
        let mut url = address(&resolve(description.authorization, description, settings)?)?;
        url.query_pairs_mut().append_pair("oauth_token", &token);
        Ok(Authorization { url, request_token: Some(RequestToken { token, secret: secret.into() }) })
    }

    async fn access_token(
        &self,
        description: &Description,
        settings: &ProviderSettings,
        callback: &Callback<'_>,
    ) -> Result<Tokens, ProviderError> {
        let kept = callback.request_token.ok_or_else(|| ProviderError::Answer("there is no request token".to_owned()))?;
        let signer = signer(settings, Some((&kept.token, kept.secret.expose_secret())))?;
        let url = resolve(description.token, description, settings)?;
        let (token, secret) = self.signed(&url, &signer, ("oauth_verifier", callback.code)).await?;
        Ok(Tokens {
            access_token: token.into(),
            refresh_token: None,
            id_token: None,
            expires_in: None,
            token_secret: Some(secret.into()),
            profile: None,
        })
    }

    /// A token of OAuth 1.0a and its secret.
    async fn signed(&self, url: &str, signer: &Signer<'_>, parameter: (&str, &str)) -> Result<(String, String), ProviderError> {
        let url = address(url)?;
        let header = signer.header("POST", &url, &[parameter], &Once::now());
        let answer = self.http.send(Call::post(url, Vec::new()).header("authorization", header)).await?;
        if !answer.status.is_success() {
            return Err(ProviderError::Refused(format!("status {}", answer.status.as_u16())));
        }
        let pairs = form::decode(&String::from_utf8_lossy(&answer.body));
        let value =
            |name| pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()).filter(|it| !it.is_empty());
        let both = value("oauth_token").zip(value("oauth_token_secret"));
        both.ok_or_else(|| ProviderError::Answer("there is no token".to_owned()))
    }
}

fn signer<'a>(settings: &'a ProviderSettings, token: Option<(&'a str, &'a str)>) -> Result<Signer<'a>, ProviderError> {
    Ok(Signer { client_id: settings.client_id()?, client_secret: settings.client_secret(), token })
}

fn with_client(
    url: &Url,
    form: &[(&str, &str)],
    settings: &ProviderSettings,
    by: ClientAuthentication,
) -> Result<Call, ProviderError> {
    let mut pairs: Vec<(String, String)> = form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (id, secret) = (settings.client_id()?, settings.client_secret());
    if by == ClientAuthentication::Body {
        pairs.push(("client_id".to_owned(), id.to_owned()));
        pairs.push(("client_secret".to_owned(), secret.to_owned()));
        return Ok(Call::post(url.clone(), pairs));
    }
    // Both as in a form first (RFC 6749, 2.3.1).
    let encoded = |text: &str| form::encode([(text, "")]).trim_end_matches('=').to_owned();
    let credentials = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    Ok(Call::post(url.clone(), pairs).header("authorization", format!("Basic {credentials}")))
}

fn bearer(call: Call, tokens: &Tokens) -> Call {
    call.header("authorization", format!("Bearer {}", tokens.access_token.expose_secret()))
}

/// Facebook's proof that the token is used by whom it was given to.
fn proof(settings: &ProviderSettings, tokens: &Tokens) -> String {
    #[expect(clippy::unwrap_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(settings.client_secret().as_bytes()).unwrap();
    mac.update(tokens.access_token.expose_secret().as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// `{"name":{"firstName":"…","lastName":"…"}}`. Only a name: the browser, which sends it, vouches for no address.
fn apple_name(user: &str) -> Option<String> {
    let user: Value = serde_json::from_str(user).ok()?;
    let part = |name| user.get("name")?.get(name)?.as_str();
    let parts: Vec<&str> = ["firstName", "lastName"].into_iter().filter_map(part).collect();
    Some(parts.join(" ").trim().to_owned()).filter(|name| !name.is_empty())
}

fn with_email(profile: Profile, settings: &ProviderSettings) -> Result<Profile, ProviderError> {
    if profile.emails.is_empty() && !settings.email_optional { Err(ProviderError::NoEmail) } else { Ok(profile) }
}
