//! `GET /authorize`

use axum::{
    Json,
    extract::Query,
    response::{IntoResponse, Response},
};
use serde_json::json;
use uuid::Uuid;

use super::redirect;
use crate::{
    caller::Caller,
    error::AuthError,
    flow::{
        external::{self, Beginning},
        pkce::Pkce,
    },
    limits::Limited,
};

/// All parameters, as they are: the provider may know those that are none of ours.
pub(crate) type Parameters = Query<Vec<(String, String)>>;

pub(crate) async fn get(caller: Caller, Query(parameters): Parameters) -> Result<Response, AuthError> {
    begin(&caller, parameters, None).await
}

/// Sends the browser to the provider, or says where it is to be sent.
pub(crate) async fn begin(
    caller: &Caller,
    parameters: Vec<(String, String)>,
    linking_target: Option<Uuid>,
) -> Result<Response, AuthError> {
    limit(caller).await?;
    let value = |name: &str| {
        let found = parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        found.filter(|value| !value.is_empty())
    };
    let skips = value("skip_http_redirect").as_deref() == Some("true");
    let beginning = Beginning {
        provider: value("provider").unwrap_or_default(),
        scopes: value("scopes").unwrap_or_default(),
        invite_token: value("invite_token"),
        challenge: Pkce::of(value("code_challenge"), value("code_challenge_method")).challenge()?,
        linking_target,
        parameters,
    };
    let url = external::begin(caller, beginning).await?;
    if skips {
        return Ok(Json(json!({ "url": url })).into_response());
    }
    Ok(redirect::found(redirect::see_other(&url)))
}

/// Whoever asks for nothing else leaves a row with each request. As often as sessions are refreshed, counted for itself; upstream has
/// no limit here.
pub(super) async fn limit(caller: &Caller) -> Result<(), AuthError> {
    caller.limit_by_address(Limited::Authorize, caller.live.settings.rate_limits.token_refresh).await
}
