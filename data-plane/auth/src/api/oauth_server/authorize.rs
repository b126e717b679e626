//! `/oauth/authorize`, and what the consent page asks: `/oauth/authorizations/{id}`.

use axum::{
    Json as Answer,
    extract::{Path, Query, rejection::QueryRejection},
    response::Response,
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::url;
use crate::{
    api::{json::Json, redirect::see_other},
    caller::{Caller, SignedIn},
    error::AuthError,
    flow::oauth_server::{
        authorize,
        consent::{self, Decision, Details},
    },
};

pub(super) async fn get(caller: Caller, query: Result<Query<authorize::Request>, QueryRejection>) -> Result<Response, AuthError> {
    let Query(request) = query.map_err(|error| AuthError::validation(error.body_text()))?;
    crate::api::authorize::limit(&caller).await?;
    let mut response = see_other(&url(&authorize::begin(&caller, request).await?));
    // As upstream: it is a GET anyway.
    *response.status_mut() = StatusCode::FOUND;
    Ok(response)
}

pub(super) async fn details(signed_in: SignedIn, Path(id): Path<String>) -> Result<Answer<Value>, AuthError> {
    Ok(Answer(match consent::details(&signed_in, &id).await? {
        Details::Decided(redirect) => json!({ "redirect_url": url(&redirect) }),
        Details::Ask { authorization, client } => json!({
            "authorization_id": authorization.authorization_id,
            "redirect_uri": authorization.redirect_uri,
            "client": client,
            "user": { "id": signed_in.user.id, "email": signed_in.user.email() },
            "scope": authorization.scope,
        }),
    }))
}

#[derive(Debug, Deserialize)]
pub(super) struct Body {
    #[serde(default)]
    action: String,
}

pub(super) async fn consent(
    signed_in: SignedIn,
    Path(id): Path<String>,
    Json(body): Json<Body>,
) -> Result<Answer<Value>, AuthError> {
    let decision = match body.action.as_str() {
        "approve" => Decision::Approve,
        "deny" => Decision::Deny,
        _ => return Err(AuthError::validation("action must be 'approve' or 'deny'")),
    };
    let redirect = consent::decide(&signed_in, &id, decision).await?;
    Ok(Answer(json!({ "redirect_url": url(&redirect) })))
}
