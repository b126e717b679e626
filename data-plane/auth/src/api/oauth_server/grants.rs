//! What a user allows clients: `/user/oauth/grants`; and what a client learns of its user: `/oauth/userinfo`.

use axum::{Json as Answer, extract::Query};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    caller::SignedIn,
    error::AuthError,
    flow::oauth_server::{
        SCOPES,
        grants::{self, Grant},
        identity,
    },
};

pub(super) async fn list(signed_in: SignedIn) -> Result<Answer<Vec<Grant>>, AuthError> {
    Ok(Answer(grants::list(&signed_in).await?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Of {
    #[serde(default)]
    client_id: String,
}

pub(super) async fn revoke(signed_in: SignedIn, Query(of): Query<Of>) -> Result<StatusCode, AuthError> {
    if of.client_id.is_empty() {
        return Err(AuthError::validation("client_id query parameter is required"));
    }
    let client_id = of.client_id.parse().map_err(|_| AuthError::validation("invalid client_id format"))?;
    grants::revoke(&signed_in, client_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// As far as the token's scopes go; the user's own tokens have all of them.
pub(super) async fn userinfo(signed_in: SignedIn) -> Answer<Map<String, Value>> {
    let scopes = match &signed_in.session {
        Some(session) if session.oauth_client_id.is_some() => session.scopes.clone().unwrap_or_default(),
        _ => SCOPES.join(" "),
    };
    std::future::ready(Answer(identity::claims(&signed_in.user, &scopes))).await
}
