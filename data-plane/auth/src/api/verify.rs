//! `/verify`

use axum::{
    Json as Answer,
    extract::Query,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{json::Json, redirect};
use crate::{
    caller::Caller,
    error::AuthError,
    flow::{
        address,
        verify::{self, Kind, ONE_OF_TWO, Proof, Verified},
    },
    limits::Limited,
    mfa::PKCE_PREFIX,
};

#[derive(Default, Deserialize)]
pub(crate) struct Parameters {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    token_hash: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    redirect_to: Option<String>,
}

/// A link of a message was followed.
pub(crate) async fn get(caller: Caller, Query(parameters): Query<Parameters>) -> Response {
    let caller = caller.redirecting_to(parameters.redirect_to.as_deref());
    let hash = if parameters.token.is_empty() { &parameters.token_hash } else { &parameters.token };
    let is_pkce = hash.starts_with(PKCE_PREFIX);
    let outcome = async {
        caller.limit_by_address(Limited::Verify, caller.live.settings.rate_limits.verify).await?;
        let kind = Kind::parse(&parameters.kind)?;
        if hash.is_empty() {
            return Err(AuthError::validation("Verify requires a token or a token hash"));
        }
        verify::verify(&caller, kind, &Proof::Hash(hash.clone()), true).await
    }
    .await;
    let to = &caller.redirect_to;
    match outcome {
        Ok(Verified::In(tokens)) => redirect::with_tokens(to, &tokens, &parameters.kind),
        Ok(Verified::Code(code)) => redirect::with_code(to, &code),
        Ok(Verified::OneOfTwo) => redirect::with_message(to, ONE_OF_TWO, is_pkce),
        Err(error) => redirect::with_error(to, &error, is_pkce),
    }
}

pub(crate) async fn post(caller: Caller, Json(body): Json<Parameters>) -> Result<Response, AuthError> {
    caller.limit_by_address(Limited::Verify, caller.live.settings.rate_limits.verify).await?;
    let caller = caller.redirecting_to(body.redirect_to.as_deref());
    let kind = Kind::parse(&body.kind)?;
    let outcome = verify::verify(&caller, kind, &proof(body)?, false).await?;
    Ok(match outcome {
        Verified::In(tokens) => Answer(tokens).into_response(),
        Verified::Code(code) => Answer(json!({ "auth_code": code })).into_response(),
        Verified::OneOfTwo => Answer(json!({ "msg": ONE_OF_TWO, "code": "200" })).into_response(),
    })
}

fn proof(body: Parameters) -> Result<Proof, AuthError> {
    match (body.token_hash.is_empty(), body.token.is_empty()) {
        (true, true) | (false, false) => Err(AuthError::validation("Verify requires either a token or a token hash")),
        (false, true) if !body.email.is_empty() || !body.phone.is_empty() => {
            Err(AuthError::validation("Only the token_hash and type should be provided"))
        }
        (false, true) => Ok(Proof::Hash(body.token_hash)),
        (true, false) => match (body.email.is_empty(), body.phone.is_empty()) {
            (false, true) => Ok(Proof::EmailCode { email: address::email(&body.email)?, code: body.token }),
            (true, false) => Ok(Proof::PhoneCode { phone: address::phone(&body.phone)?, code: body.token }),
            _ => Err(AuthError::validation("Only an email address or phone number should be provided on verify")),
        },
    }
}
