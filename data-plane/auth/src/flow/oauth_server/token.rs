//! Tokens for clients: for a code once, and for a refresh token after that.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    REFRESH_TOKEN, has_scope, hash,
    identity::{Audience, id_token},
};
use crate::{
    caller::Caller,
    error::AuthError,
    flow::{
        audit::{self, Action},
        lock, refresh,
        session::{self, Grant, Tokens},
    },
    mfa::{CodeChallenge, tokens_equal},
    model::{Method, OauthAuthorization, OauthClient},
    store::{self, Db},
};

/// How long a code is good, from the user's decision on.
const CODE_LIFETIME: Duration = Duration::from_secs(600);

/// How a client says that it is itself.
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) secret: Option<String>,
}

/// A client that is itself.
pub(crate) struct Authenticated {
    client: OauthClient,
    secret: Option<String>,
}

/// A code, and what shows that it is the client's.
pub(crate) struct Exchange {
    pub(crate) code: String,
    pub(crate) redirect_uri: String,
    pub(crate) code_verifier: String,
}

#[derive(Serialize)]
pub(crate) struct Issued {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

pub(crate) fn invalid_client() -> AuthError {
    AuthError::oauth("invalid_client", "client authentication failed").with_status(http::StatusCode::UNAUTHORIZED)
}

/// A secret is taken from the header and from the body alike, whichever the client registered: neither is weaker.
pub(crate) async fn authenticate(caller: &Caller, credentials: Credentials) -> Result<Authenticated, AuthError> {
    let id: Uuid = credentials.client_id.parse().map_err(|_| invalid_client())?;
    let client = store::oauth_clients::find(&caller.db().await?, id).await?.ok_or_else(invalid_client)?;
    let secret = credentials.secret.filter(|secret| !secret.is_empty());
    let is_itself = match (&client.secret_hash, &secret) {
        (None, None) => client.is_public(),
        (Some(known), Some(secret)) => tokens_equal(known, &hash(secret)),
        (None, Some(_)) | (Some(_), None) => false,
    };
    if is_itself { Ok(Authenticated { client, secret }) } else { Err(invalid_client()) }
}

/// Exchanges a code. Nothing of it is left after that: a second try finds none, and ends the session that came of the first one, for
/// one of the two was not the client's (RFC 6749, section 4.1.2).
pub(crate) async fn exchange(caller: &Caller, by: &Authenticated, given: &Exchange) -> Result<Issued, AuthError> {
    let tx = caller.begin().await?;
    let outcome = async {
        match store::oauth_authorizations::find_by_code(&tx, &hash(&given.code)).await? {
            Some(authorization) => within(caller, &tx, by, given, authorization).await.map(Some),
            None => {
                store::sessions::delete_of_code(&tx, session_of(&given.code), by.client.id).await?;
                Ok(None)
            }
        }
    }
    .await;
    tx.end(outcome).await?.ok_or_else(unknown)
}

fn refuse(why: &'static str) -> AuthError {
    AuthError::oauth("invalid_grant", why)
}

fn unknown() -> AuthError {
    refuse("Invalid authorization code")
}

/// The id of a code's session follows from the code, of which nothing is kept.
fn session_of(code: &str) -> Uuid {
    let digest = Sha256::new().chain_update("session of ").chain_update(code).finalize();
    uuid::Builder::from_random_bytes(std::array::from_fn(|at| digest[at])).into_uuid()
}

async fn within(
    caller: &Caller,
    db: &Db,
    by: &Authenticated,
    given: &Exchange,
    authorization: OauthAuthorization,
) -> Result<Issued, AuthError> {
    let (Some(user_id), Some(approved_at)) = (authorization.user_id, authorization.approved_at) else { return Err(unknown()) };
    if authorization.client_id != by.client.id {
        return Err(unknown());
    }
    if OffsetDateTime::now_utc() - approved_at > CODE_LIFETIME {
        return Err(refuse("Authorization code has expired"));
    }
    if authorization.redirect_uri != given.redirect_uri {
        return Err(refuse("redirect_uri does not match the authorization request"));
    }
    if !CodeChallenge::S256(authorization.code_challenge).verify(&given.code_verifier) {
        return Err(refuse("code_verifier does not match the code_challenge"));
    }
    store::oauth_authorizations::delete(db, authorization.id).await?;
    let user = lock(db, user_id).await?;
    if user.is_banned() || user.deleted_at.is_some() {
        return Err(refuse("The user can't sign in any longer"));
    }
    let id_token = if has_scope(&authorization.scope, "openid") {
        let (nonce, scopes) = (authorization.nonce.as_deref(), authorization.scope.as_str());
        let audience = Audience { client_id: by.client.id, secret: by.secret.as_deref(), nonce, scopes };
        Some(id_token(caller, &user, &audience)?)
    } else {
        None
    };
    let method = Method::OAuthProviderAuthorizationCode;
    let traits = json!({ "provider": method.as_str(), "client_id": by.client.id });
    audit::note(caller, db, &user, Action::Login, traits).await?;
    let grant = Grant {
        session_id: Some(session_of(&given.code)),
        oauth_client_id: Some(by.client.id),
        scopes: Some(authorization.scope),
    };
    let tokens = session::begin(caller, db, user, method, grant).await?;
    Ok(issued(by, tokens, id_token))
}

/// Refreshes a session that is this client's.
pub(crate) async fn refresh(caller: &Caller, by: &Authenticated, token: &str) -> Result<Issued, AuthError> {
    if !by.client.may(REFRESH_TOKEN) {
        return Err(AuthError::oauth("unauthorized_client", "the client may not use refresh tokens"));
    }
    let tokens = refresh::refresh_of_client(caller, token, by.client.id).await?;
    Ok(issued(by, tokens, None))
}

fn issued(by: &Authenticated, tokens: Tokens, id_token: Option<String>) -> Issued {
    Issued {
        access_token: tokens.access_token,
        token_type: tokens.token_type,
        expires_in: tokens.expires_in,
        refresh_token: by.client.may(REFRESH_TOKEN).then_some(tokens.refresh_token),
        scope: tokens.scope.unwrap_or_default(),
        id_token,
    }
}
