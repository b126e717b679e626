//! Sign-in at a provider by way of the browser: there with a state, and back with a code.
//!
//! The state is the id of a row of `auth.flow_state`, which knows all the rest: nobody can make one up, whatever secret has leaked,
//! and it is good once.

use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    custom_providers,
    linking::{self, Incoming, Settled},
    one_time::is_expired,
    session::{self, Grant, Tokens},
    verify,
};
use crate::{
    caller::Caller,
    error::{AuthError, ErrorCode},
    mfa::CodeChallenge,
    model::{FlowState, Method, TokenKind, User},
    provider::{
        Profile, Provider, ProviderError, ProviderSettings, Tokens as ProviderTokens,
        engine::{AuthorizationRequest, Beside, Callback, Pkce, RequestToken},
    },
    settings,
    store::{self, Db},
};

/// A provider that a project's users may sign in by.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) provider: Provider,
    pub(crate) settings: ProviderSettings,
}

pub(crate) fn unsupported(why: impl std::fmt::Display) -> AuthError {
    AuthError::validation(format!("Unsupported provider: {why}"))
}

/// The provider of this name, if it is switched on.
pub(crate) async fn configured(caller: &Caller, name: &str) -> Result<Configured, AuthError> {
    if name.starts_with(custom_providers::PREFIX) {
        return custom_providers::configured(caller, name).await;
    }
    let provider = Provider::known(name).ok_or_else(|| unsupported(format!("Provider {name} could not be found")))?;
    let external = &caller.live.settings.external;
    let of = external.enabled(provider.name()).ok_or_else(|| unsupported("provider is not enabled"))?;
    Ok(Configured { settings: settings_of(caller, provider.name(), of), provider })
}

/// A known provider's settings as the engine takes them.
pub(crate) fn settings_of(caller: &Caller, name: &str, of: &settings::Provider) -> ProviderSettings {
    let settings = &caller.live.settings;
    let mut client_ids = of.client_ids.clone();
    if name == "apple" && !settings.external.ios_bundle_id.is_empty() {
        client_ids.push(settings.external.ios_bundle_id.clone());
    }
    let callback = [&of.redirect_uri, &settings.external.redirect_url].into_iter().find(|url| !url.is_empty());
    ProviderSettings {
        client_ids,
        secret: of.secret.clone().unwrap_or_default(),
        redirect_uri: callback.cloned().unwrap_or_else(|| format!("{}/callback", settings.api.external_url)),
        base_url: Some(of.url.clone()).filter(|url| !url.is_empty()),
        skip_nonce_check: of.skip_nonce_check,
        email_optional: of.email_optional,
    }
}

/// What a sign-in at a provider begins with.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) provider: String,
    pub(crate) scopes: String,
    pub(crate) invite_token: Option<String>,
    pub(crate) challenge: Option<CodeChallenge>,
    /// Further ones of the request, which the provider may know.
    pub(crate) parameters: Vec<(String, String)>,
    /// The signed-in user whom the identity becomes part of.
    pub(crate) linking_target: Option<Uuid>,
}

/// Where the browser goes to sign in.
pub(crate) async fn begin(caller: &Caller, wanted: Beginning) -> Result<String, AuthError> {
    let Configured { provider, settings } = configured(caller, &wanted.provider).await?;
    if settings.secret.expose_secret().is_empty() {
        return Err(unsupported("missing OAuth secret"));
    }
    if let Some(token) = &wanted.invite_token {
        invited(caller, &caller.db().await?, token)
            .await?
            .ok_or_else(|| AuthError::not_found(ErrorCode::UserNotFound, "User identified by token not found"))?;
    }
    let mut flow = flow_of(provider.name(), &wanted);
    flow.referrer = Some(caller.redirect_to.clone());
    flow.email_optional = settings.email_optional;
    let state = flow.id.to_string();
    let pkce = provider.uses_pkce().then(Pkce::generate);
    let request = AuthorizationRequest {
        state: &state,
        scopes: &wanted.scopes,
        parameters: &wanted.parameters,
        code_challenge: pkce.as_ref().map(|pkce| pkce.challenge.as_str()),
        nonce: None,
    };
    let authorization = caller.context.providers().authorization_url(&provider, &settings, &request).await;
    let authorization = authorization.map_err(|error| match error {
        ProviderError::Settings(why) => unsupported(why),
        error => AuthError::internal("Error reaching the provider", format!("{error:?}")),
    })?;
    let secret = match (&authorization.request_token, &pkce) {
        (Some(RequestToken { token, secret }), _) => Some(format!("{token} {}", secret.expose_secret())),
        (None, Some(pkce)) => Some(pkce.verifier.expose_secret().to_owned()),
        (None, None) => None,
    };
    flow.oauth_client_state_id = secret.is_some().then(Uuid::new_v4);
    let tx = caller.begin().await?;
    let kept = async {
        if let (Some(id), Some(secret)) = (flow.oauth_client_state_id, &secret) {
            store::oauth_client_states::insert(&tx, id, provider.name(), secret).await?;
        }
        store::flow_states::insert(&tx, &flow).await.map_err(AuthError::from)
    }
    .await;
    tx.end(kept).await?;
    Ok(authorization.url.into())
}

fn flow_of(provider: &str, wanted: &Beginning) -> FlowState {
    let mut flow = FlowState::new(provider, Method::OAuth);
    flow.code_challenge_method = wanted.challenge.as_ref().map(|challenge| challenge.method().to_owned());
    flow.code_challenge = wanted.challenge.as_ref().map(|challenge| challenge.challenge().to_owned());
    flow.invite_token.clone_from(&wanted.invite_token);
    flow.linking_target_id = wanted.linking_target;
    flow
}

/// The sign-in that a state belongs to, if it was begun here and is not over.
pub(crate) async fn open(caller: &Caller, state: &str) -> Result<FlowState, AuthError> {
    if state.is_empty() {
        return Err(AuthError::bad_request(ErrorCode::BadOauthCallback, "OAuth state parameter missing"));
    }
    // As it was given, and no other way to write the id.
    let id = state.parse::<Uuid>().ok().filter(|id| id.to_string() == state).ok_or_else(invalid_state)?;
    let flow = store::flow_states::find(&caller.db().await?, id).await?;
    waiting(caller, flow)
}

/// The flow, if somebody may still come back to it.
fn waiting(caller: &Caller, flow: Option<FlowState>) -> Result<FlowState, AuthError> {
    // Those of messages have states that nobody was given.
    let is_waiting =
        |flow: &FlowState| flow.auth_code_issued_at.is_none() && flow.authentication_method == Method::OAuth.as_str();
    let flow = flow.filter(is_waiting).ok_or_else(invalid_state)?;
    if OffsetDateTime::now_utc() - flow.created_at > caller.live.settings.external.flow_state_expiry {
        return Err(AuthError::bad_request(ErrorCode::BadOauthState, "OAuth state has expired"));
    }
    Ok(flow)
}

fn invalid_state() -> AuthError {
    AuthError::bad_request(ErrorCode::BadOauthState, "OAuth callback with invalid state")
}

/// What the browser came back with.
#[derive(Default)]
pub(crate) struct Back {
    /// Or OAuth 1.0a's verifier.
    pub(crate) code: String,
    /// OAuth 1.0a's token, which must be the one that was asked for.
    pub(crate) oauth_token: Option<String>,
    /// Apple's.
    pub(crate) user: Option<String>,
}

/// What becomes of a sign-in.
pub(crate) enum Completed {
    In(Box<Tokens>),
    /// For who began the flow by PKCE.
    Code(String),
}

/// Has somebody who came back signed in. `caller` goes on to where the flow says.
pub(crate) async fn complete(caller: &Caller, flow: FlowState, back: &Back) -> Result<Completed, AuthError> {
    if back.code.is_empty() {
        return Err(AuthError::bad_request(
            ErrorCode::BadOauthCallback,
            "OAuth callback with missing authorization code missing",
        ));
    }
    let configured = configured(caller, &flow.provider_type).await?;
    let secret = match flow.oauth_client_state_id {
        Some(id) => store::oauth_client_states::take(&caller.db().await?, id).await?,
        None => None,
    };
    // No connection waits for the provider.
    let (tokens, profile) = ask(caller, &configured, back, secret).await?;
    let incoming = Incoming {
        provider: configured.provider.name(),
        profile: &profile,
        email_optional: configured.settings.email_optional || flow.email_optional,
    };
    let tx = caller.begin().await?;
    let outcome = async {
        // Of two that come back with one state, one is the first.
        let flow = waiting(caller, store::flow_states::find_for_update(&tx, flow.id).await?)?;
        let settled = match (&flow.invite_token, flow.linking_target_id) {
            (_, Some(target)) => linking::link(caller, &tx, target, &incoming).await?,
            (Some(token), None) => {
                let invited = invited(caller, &tx, token).await?;
                let user = invited.ok_or_else(|| AuthError::not_found(ErrorCode::InviteNotFound, "Invite not found"))?;
                linking::accept_invitation(caller, &tx, user.id, &incoming).await?
            }
            (None, None) => linking::sign_in(caller, &tx, &incoming).await?,
        };
        match settled {
            Settled::Refused(error) => {
                store::flow_states::delete(&tx, flow.id).await?;
                Ok(Err(error))
            }
            Settled::User(user) => finish(caller, &tx, flow, *user, &tokens).await.map(Ok),
        }
    }
    .await;
    tx.end(outcome).await?
}

async fn invited(caller: &Caller, db: &Db, link: &str) -> Result<Option<User>, AuthError> {
    let lifetime = caller.live.settings.mailer.otp_exp;
    let found = verify::by_link(db, TokenKind::Confirmation, link).await?.map(|found| found.user);
    Ok(found.filter(|user| user.deleted_at.is_none() && !is_expired(user.confirmation_sent_at, lifetime)))
}

async fn ask(
    caller: &Caller,
    Configured { provider, settings }: &Configured,
    back: &Back,
    secret: Option<String>,
) -> Result<(ProviderTokens, Profile), AuthError> {
    let request_token = match &back.oauth_token {
        Some(token) => {
            let kept = secret.as_deref().and_then(|secret| secret.split_once(' ')).filter(|(kept, _)| kept == token);
            let (token, secret) = kept.ok_or_else(invalid_state)?;
            Some(RequestToken { token: token.to_owned(), secret: SecretString::from(secret) })
        }
        None => None,
    };
    let verifier = if provider.uses_pkce() {
        let missing = || AuthError::bad_request(ErrorCode::OauthClientStateNotFound, "OAuth state not found or expired");
        Some(secret.as_deref().ok_or_else(missing)?)
    } else {
        None
    };
    let engine = caller.context.providers();
    let callback = Callback { code: &back.code, verifier, request_token: request_token.as_ref() };
    let tokens = engine
        .exchange(provider, settings, &callback)
        .await
        .map_err(|error| AuthError::internal("Unable to exchange external code", format!("{error:?}")))?;
    let beside = Beside { nonce: None, user: back.user.as_deref() };
    let profile = engine.profile(provider, settings, &tokens, beside).await.map_err(|error| match error {
        ProviderError::NoEmail => AuthError::internal(error.to_string(), provider.name()),
        error => AuthError::internal("Error getting user profile from external provider", format!("{error:?}")),
    })?;
    Ok((tokens, profile))
}

async fn finish(
    caller: &Caller,
    db: &Db,
    mut flow: FlowState,
    user: User,
    given: &ProviderTokens,
) -> Result<Completed, AuthError> {
    let access_token = Some(given.access_token.expose_secret().to_owned());
    let refresh_token = given.refresh_token.as_ref().map(|token| token.expose_secret().to_owned());
    if flow.code_challenge.is_none() {
        store::flow_states::delete(db, flow.id).await?;
        let mut tokens = session::begin(caller, db, user, Method::OAuth, Grant::default()).await?;
        tokens.provider_token = access_token;
        tokens.provider_refresh_token = refresh_token;
        return Ok(Completed::In(Box::new(tokens)));
    }
    flow.user_id = Some(user.id);
    flow.auth_code_issued_at = Some(OffsetDateTime::now_utc());
    flow.provider_access_token = access_token;
    flow.provider_refresh_token = refresh_token;
    store::flow_states::update(db, &flow).await?;
    Ok(Completed::Code(flow.auth_code))
}
