//! `/user/identities`: linking by hand.

use axum::{
    Json,
    extract::{Path, Query},
    response::Response,
};
use serde_json::{Value, json};

use super::authorize::{self, Parameters};
use crate::{
    caller::SignedIn,
    error::{AuthError, ErrorCode},
    flow::{linking, oauth_server::consent::refuse_clients},
};

/// Refuses where the project's users may not.
pub(crate) fn check_enabled(signed_in: &SignedIn) -> Result<(), AuthError> {
    refuse_clients(signed_in)?;
    if signed_in.caller.live.settings.security.manual_linking_enabled {
        Ok(())
    } else {
        Err(AuthError::not_found(ErrorCode::ManualLinkingDisabled, "Manual linking is disabled"))
    }
}

pub(crate) async fn authorize(signed_in: SignedIn, Query(parameters): Parameters) -> Result<Response, AuthError> {
    check_enabled(&signed_in)?;
    authorize::begin(&signed_in.caller, parameters, Some(signed_in.user.id)).await
}

pub(crate) async fn unlink(signed_in: SignedIn, Path(id): Path<String>) -> Result<Json<Value>, AuthError> {
    check_enabled(&signed_in)?;
    let id = id.parse().map_err(|_| AuthError::not_found(ErrorCode::ValidationFailed, "identity_id must be an UUID"))?;
    linking::unlink(&signed_in, id).await?;
    Ok(Json(json!({})))
}
