//! `POST /token`

use axum::{
    Json as Answer,
    extract::{FromRequestParts as _, Query},
    response::{IntoResponse, Response},
};
use http::{
    header::{CACHE_CONTROL, PRAGMA},
    request::Parts,
};
use serde::Deserialize;

use super::{identities, json::Json};
use crate::{
    caller::{Caller, SignedIn},
    error::{AuthError, ErrorCode},
    flow::{
        address, id_token, pkce, refresh,
        sign_in::{self, Who},
        web3,
    },
    limits::Limited,
};

#[derive(Debug, Deserialize)]
pub(crate) struct Grant {
    #[serde(default)]
    grant_type: String,
}

#[derive(Deserialize)]
pub(crate) struct Body {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    auth_code: Option<String>,
    #[serde(default)]
    code_verifier: Option<String>,
    #[serde(flatten)]
    id_token: id_token::Given,
    #[serde(flatten)]
    web3: web3::Given,
}

pub(crate) async fn post(
    caller: Caller,
    Query(grant): Query<Grant>,
    mut parts: Parts,
    Json(body): Json<Body>,
) -> Result<Response, AuthError> {
    let settings = &caller.live.settings;
    // Upstream has one limit for all grants.
    caller.limit_by_address(Limited::TokenRefresh, settings.rate_limits.token_refresh).await?;
    let tokens = match grant.grant_type.as_str() {
        "password" => {
            let who = who(&caller, body.email.as_deref(), body.phone.as_deref())?;
            sign_in::by_password(&caller, who, body.password.as_deref().unwrap_or_default()).await?
        }
        "refresh_token" => refresh::refresh(&caller, body.refresh_token.as_deref().unwrap_or_default()).await?,
        "pkce" => {
            let verifier = body.code_verifier.as_deref().unwrap_or_default();
            pkce::exchange(&caller, body.auth_code.as_deref().unwrap_or_default(), verifier).await?
        }
        "id_token" => {
            let target = if body.id_token.link_identity == Some(true) {
                let signed_in = SignedIn::from_request_parts(&mut parts, &caller.context).await?;
                identities::check_enabled(&signed_in)?;
                Some(signed_in.user.id)
            } else {
                None
            };
            id_token::sign_in(&caller, &body.id_token, target).await?
        }
        "web3" => web3::sign_in(&caller, &body.web3).await?,
        _ => return Err(AuthError::bad_request(ErrorCode::InvalidCredentials, "unsupported_grant_type")),
    };
    Ok(([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Answer(tokens)).into_response())
}

fn who(caller: &Caller, email: Option<&str>, phone: Option<&str>) -> Result<Who, AuthError> {
    let signup = &caller.live.settings.signup;
    match (email.filter(|email| !email.is_empty()), phone.filter(|phone| !phone.is_empty())) {
        (Some(_), Some(_)) => Err(AuthError::validation("Only an email address or phone number should be provided on login.")),
        (Some(_), None) if !signup.email => {
            Err(AuthError::unprocessable(ErrorCode::EmailProviderDisabled, "Email logins are disabled"))
        }
        (None, Some(_)) if !signup.phone => {
            Err(AuthError::unprocessable(ErrorCode::PhoneProviderDisabled, "Phone logins are disabled"))
        }
        (Some(email), None) => Ok(Who::Email(email.to_lowercase())),
        (None, Some(phone)) => Ok(Who::Phone(address::phone(phone)?)),
        (None, None) => Err(AuthError::validation("missing email or phone")),
    }
}
