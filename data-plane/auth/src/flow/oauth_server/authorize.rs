//! A client's request for an authorization. It is checked and kept, and the user's browser goes on to the consent page.

use fluent_uri::Uri;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AUTHORIZATION_CODE, Redirect, SCOPES, has_scope};
use crate::{
    caller::Caller,
    error::AuthError,
    mfa,
    model::{OauthAuthorization, OauthClient},
    store,
};

/// Asked for by clients that want a refresh token, which they get anyway.
const OFFLINE_ACCESS: &str = "offline_access";

/// Most characters that there is room for.
const LONGEST_STATE: usize = 4096;
const LONGEST_SCOPE: usize = 2048;
const LONGEST_RESOURCE: usize = 2048;
const LONGEST_NONCE: usize = 255;

/// The query.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    response_type: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    resource: Option<String>,
    nonce: Option<String>,
}

/// An error that the client is told by way of the browser (RFC 6749, section 4.1.2.1).
struct Refusal(&'static str, String);

fn refuse<T>(error: &'static str, description: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(error, description.into()))
}

/// Where the browser goes. Nobody is sent to an address that is not the client's.
pub(crate) async fn begin(caller: &Caller, request: Request) -> Result<Redirect, AuthError> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let client_id = filled(&request.client_id).ok_or_else(|| AuthError::validation("client_id is required"))?;
    let redirect_uri = filled(&request.redirect_uri).ok_or_else(|| AuthError::validation("redirect_uri is required"))?;
    let client_id: Uuid = client_id.parse().map_err(|_| AuthError::validation("invalid client_id format"))?;
    let db = caller.db().await?;
    let client = store::oauth_clients::find(&db, client_id)
        .await?
        .ok_or_else(|| AuthError::bad_request(crate::error::ErrorCode::OauthClientNotFound, "invalid client_id"))?;
    if !client.redirect_uris.contains(&redirect_uri) {
        return Err(AuthError::validation("invalid redirect_uri"));
    }
    let state = filled(&request.state);
    let authorization = match check(caller, &client, request, &redirect_uri) {
        Ok(authorization) => authorization,
        // A state that is too long is not carried on.
        Err(Refusal(error, description)) => {
            let state = state.as_deref().filter(|state| state.len() <= LONGEST_STATE);
            return Ok(Redirect::with_error(&redirect_uri, error, &description, state));
        }
    };
    if caller.live.settings.db.cleanup_enabled {
        store::oauth_authorizations::delete_expired(&db).await?;
    }
    store::oauth_authorizations::insert(&db, &authorization).await?;
    let settings = &caller.live.settings;
    let (site, path) = (&settings.api.site_url, &settings.oauth_server.authorization_path);
    let to = format!("{}/{}", site.trim_end_matches('/'), path.trim_start_matches('/'));
    Ok(Redirect { to, members: vec![("authorization_id", authorization.authorization_id)] })
}

fn check(caller: &Caller, client: &OauthClient, request: Request, to: &str) -> Result<OauthAuthorization, Refusal> {
    let settings = &caller.live.settings.oauth_server;
    if settings.authorization_path.is_empty() {
        return refuse("server_error", "oauth authorization path not configured");
    }
    if !client.may(AUTHORIZATION_CODE) {
        return refuse("unauthorized_client", "the client may not use authorization codes");
    }
    match request.response_type.as_deref() {
        Some("code") => {}
        None | Some("") => return refuse("invalid_request", "response_type is required"),
        Some(_) => return refuse("unsupported_response_type", "only response_type=code is supported"),
    }
    let code_challenge = challenge(request.code_challenge, request.code_challenge_method.as_deref())?;
    let bounded = |name: &str, text: Option<String>, longest: usize| match text.filter(|text| !text.is_empty()) {
        Some(text) if text.len() > longest => refuse("invalid_request", format!("{name} is longer than {longest} bytes")),
        text => Ok(text),
    };
    let resource = bounded("resource", request.resource, LONGEST_RESOURCE)?;
    if resource.as_deref().is_some_and(|text| !Uri::parse(text).is_ok_and(|uri| uri.fragment().is_none())) {
        return refuse("invalid_target", "resource must be an absolute URI without a fragment");
    }
    let scope = bounded("scope", request.scope, LONGEST_SCOPE)?;
    let created_at = OffsetDateTime::now_utc();
    Ok(OauthAuthorization {
        id: Uuid::new_v4(),
        authorization_id: mfa::secure_token(),
        client_id: client.id,
        user_id: None,
        redirect_uri: to.to_owned(),
        scope: scopes(caller, client, scope.as_deref().unwrap_or(&settings.default_scope))?,
        state: bounded("state", request.state, LONGEST_STATE)?,
        resource,
        code_challenge,
        nonce: bounded("nonce", request.nonce, LONGEST_NONCE)?,
        is_pending: true,
        created_at,
        expires_at: created_at + settings.authorization_ttl.max(std::time::Duration::from_secs(1)),
        approved_at: None,
    })
}

/// S256 only: `plain` protects from nothing that an encrypted connection does not.
fn challenge(challenge: Option<String>, method: Option<&str>) -> Result<String, Refusal> {
    let Some(challenge) = challenge.filter(|challenge| !challenge.is_empty()) else {
        return refuse("invalid_request", "PKCE flow requires code_challenge and code_challenge_method");
    };
    if !method.is_some_and(|method| method.eq_ignore_ascii_case("S256")) {
        return refuse("invalid_request", "code_challenge_method must be S256");
    }
    match mfa::check_code_challenge(&challenge) {
        Ok(()) => Ok(challenge),
        Err(error) => refuse("invalid_request", error.to_string()),
    }
}

/// Those that are known, each once.
fn scopes(caller: &Caller, client: &OauthClient, wanted: &str) -> Result<String, Refusal> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in wanted.split(' ').filter(|scope| !scope.is_empty() && *scope != OFFLINE_ACCESS) {
        if !SCOPES.contains(&scope) {
            return refuse("invalid_scope", format!("scope '{scope}' is not supported"));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    let scopes = scopes.join(" ");
    if scopes.is_empty() {
        return refuse("invalid_scope", "scope is required");
    }
    if has_scope(&scopes, "openid") && client.is_public() && !caller.live.keys.is_asymmetric() {
        let why = "scope 'openid' of a public client needs an asymmetric JWT signing key: nobody could verify its ID tokens";
        return refuse("invalid_scope", why);
    }
    Ok(scopes)
}
