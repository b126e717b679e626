//! Sign-in at a provider by way of the browser: there with a sealed state, and back with a code.

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
        state::{State, StateError, StateKey},
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
    let flow = wanted.challenge.as_ref().map(|challenge| flow_of(provider.name(), challenge));
    let client_state = Uuid::new_v4();
    let state = State {
        site_url: caller.live.settings.api.site_url.clone(),
        provider: provider.name().to_owned(),
        referrer: caller.redirect_to.clone(),
        invite_token: wanted.invite_token.clone(),
        flow_state_id: flow.as_ref().map(|flow| flow.id),
        linking_target_id: wanted.linking_target,
        oauth_client_state_id: Some(client_state),
        email_optional: settings.email_optional,
    };
    let state = key(caller).seal(state).map_err(|error| AuthError::internal("Error creating state", error))?;
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
    if flow.is_some() || secret.is_some() {
        let tx = caller.begin().await?;
        let kept = async {
            if let Some(flow) = &flow {
                store::flow_states::insert(&tx, flow).await?;
            }
            if let Some(secret) = &secret {
                store::oauth_client_states::insert(&tx, client_state, provider.name(), secret).await?;
            }
            Ok::<_, AuthError>(())
        }
        .await;
        tx.end(kept).await?;
    }
    Ok(authorization.url.into())
}

fn flow_of(provider: &str, challenge: &CodeChallenge) -> FlowState {
    let mut flow = FlowState::new(provider, Method::OAuth);
    flow.code_challenge_method = Some(challenge.method().to_owned());
    flow.code_challenge = Some(challenge.challenge().to_owned());
    flow
}

fn key(caller: &Caller) -> StateKey {
    StateKey::new(&caller.live.settings.jwt.secret)
}

/// What the sign-in knows of itself, from what came back.
pub(crate) fn open(caller: &Caller, state: &str) -> Result<State, AuthError> {
    key(caller).open(state).map_err(|error| match error {
        StateError::Missing => AuthError::bad_request(ErrorCode::BadOauthCallback, error.to_string()),
        StateError::Invalid(_) | StateError::Expired => AuthError::bad_request(ErrorCode::BadOauthState, error.to_string()),
    })
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

/// Has somebody who came back signed in. `caller` goes on to where the state says.
pub(crate) async fn complete(caller: &Caller, state: &State, back: &Back) -> Result<Completed, AuthError> {
    if back.code.is_empty() {
        return Err(AuthError::bad_request(
            ErrorCode::BadOauthCallback,
            "OAuth callback with missing authorization code missing",
        ));
    }
    let configured = configured(caller, &state.provider).await?;
    let secret = {
        let db = caller.db().await?;
        if let Some(id) = state.flow_state_id {
            check_flow(caller, store::flow_states::find(&db, id).await?.as_ref())?;
        }
        match state.oauth_client_state_id {
            Some(id) => store::oauth_client_states::take(&db, id).await?,
            None => None,
        }
    };
    // No connection waits for the provider.
    let (tokens, profile) = ask(caller, &configured, back, secret).await?;
    let incoming = Incoming {
        provider: configured.provider.name(),
        profile: &profile,
        email_optional: configured.settings.email_optional || state.email_optional,
    };
    let tx = caller.begin().await?;
    let outcome = async {
        let settled = match (&state.invite_token, state.linking_target_id) {
            (_, Some(target)) => linking::link(caller, &tx, target, &incoming).await?,
            (Some(token), None) => {
                let invited = invited(caller, &tx, token).await?;
                let user = invited.ok_or_else(|| AuthError::not_found(ErrorCode::InviteNotFound, "Invite not found"))?;
                linking::accept_invitation(caller, &tx, user.id, &incoming).await?
            }
            (None, None) => linking::sign_in(caller, &tx, &incoming).await?,
        };
        match settled {
            Settled::Refused(error) => Ok(Err(error)),
            Settled::User(user) => finish(caller, &tx, state, *user, &tokens).await.map(Ok),
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

fn check_flow(caller: &Caller, flow: Option<&FlowState>) -> Result<(), AuthError> {
    let not_found = || AuthError::not_found(ErrorCode::FlowStateNotFound, "Flow state not found");
    let flow = flow.filter(|flow| flow.auth_code_issued_at.is_none()).ok_or_else(not_found)?;
    if OffsetDateTime::now_utc() - flow.created_at > caller.live.settings.external.flow_state_expiry {
        return Err(AuthError::unprocessable(ErrorCode::FlowStateExpired, "Flow state is expired"));
    }
    Ok(())
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
            let (token, secret) =
                kept.ok_or_else(|| AuthError::bad_request(ErrorCode::BadOauthState, "OAuth callback with invalid state"))?;
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

async fn finish(caller: &Caller, db: &Db, state: &State, user: User, given: &ProviderTokens) -> Result<Completed, AuthError> {
    let access_token = Some(given.access_token.expose_secret().to_owned());
    let refresh_token = given.refresh_token.as_ref().map(|token| token.expose_secret().to_owned());
    let Some(id) = state.flow_state_id else {
        let mut tokens = session::begin(caller, db, user, Method::OAuth, Grant::default()).await?;
        tokens.provider_token = access_token;
        tokens.provider_refresh_token = refresh_token;
        return Ok(Completed::In(Box::new(tokens)));
    };
    // Nobody else comes back with this state until the end: the code is one user's.
    let flow = store::flow_states::find_for_update(db, id).await?;
    check_flow(caller, flow.as_ref())?;
    let mut flow = flow.ok_or_else(|| AuthError::not_found(ErrorCode::FlowStateNotFound, "Flow state not found"))?;
    flow.user_id = Some(user.id);
    flow.auth_code_issued_at = Some(OffsetDateTime::now_utc());
    flow.provider_access_token = access_token;
    flow.provider_refresh_token = refresh_token;
    store::flow_states::update(db, &flow).await?;
    Ok(Completed::Code(flow.auth_code))
}
