//! `/passkeys` and `/admin/users/{id}/passkeys`

use axum::{Json as Answer, extract::Path, response::IntoResponse, response::Response};
use http::{
    StatusCode,
    header::{CACHE_CONTROL, PRAGMA},
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::json::Json;
use crate::{
    caller::{Admin, Caller, SignedIn},
    error::{AuthError, ErrorCode},
    flow::passkeys::{self, Begun},
    limits::Limited,
    model::Passkey,
    store,
};

/// Longest name, in characters.
const LONGEST_NAME: usize = 120;

#[derive(Debug, Deserialize)]
pub(crate) struct Verify {
    #[serde(default)]
    challenge_id: Option<Uuid>,
    #[serde(default)]
    credential: Option<Value>,
}

impl Verify {
    fn answer(self) -> Result<passkeys::Answer, AuthError> {
        let challenge_id = self.challenge_id.ok_or_else(|| AuthError::validation("challenge_id is required"))?;
        let credential = self.credential.ok_or_else(|| AuthError::validation("credential is required"))?;
        Ok(passkeys::Answer { challenge_id, credential })
    }
}

pub(crate) async fn registration_options(signed_in: SignedIn) -> Result<Answer<Begun>, AuthError> {
    check(&signed_in.caller)?;
    limit(&signed_in.caller).await?;
    Ok(Answer(passkeys::begin_registration(&signed_in).await?))
}

pub(crate) async fn registration_verify(signed_in: SignedIn, Json(body): Json<Verify>) -> Result<Answer<Passkey>, AuthError> {
    check(&signed_in.caller)?;
    limit(&signed_in.caller).await?;
    Ok(Answer(passkeys::finish_registration(&signed_in, &body.answer()?).await?))
}

pub(crate) async fn authentication_options(caller: Caller) -> Result<Answer<Begun>, AuthError> {
    check(&caller)?;
    limit(&caller).await?;
    Ok(Answer(passkeys::begin_authentication(&caller).await?))
}

pub(crate) async fn authentication_verify(caller: Caller, Json(body): Json<Verify>) -> Result<Response, AuthError> {
    check(&caller)?;
    limit(&caller).await?;
    let tokens = passkeys::finish_authentication(&caller, &body.answer()?).await?;
    Ok(([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Answer(tokens)).into_response())
}

pub(crate) async fn list(signed_in: SignedIn) -> Result<Answer<Vec<Passkey>>, AuthError> {
    check(&signed_in.caller)?;
    Ok(Answer(passkeys::list(&signed_in.caller, signed_in.user.id).await?))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Rename {
    #[serde(default)]
    friendly_name: String,
}

pub(crate) async fn rename(
    signed_in: SignedIn,
    Path(id): Path<String>,
    Json(body): Json<Rename>,
) -> Result<Answer<Passkey>, AuthError> {
    check(&signed_in.caller)?;
    let name = body.friendly_name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(AuthError::validation(format!("friendly_name is to have 1 to {LONGEST_NAME} characters")));
    }
    Ok(Answer(passkeys::rename(&signed_in, passkey_id(&id)?, name).await?))
}

pub(crate) async fn delete(signed_in: SignedIn, Path(id): Path<String>) -> Result<StatusCode, AuthError> {
    check(&signed_in.caller)?;
    passkeys::delete(&signed_in, passkey_id(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn admin_list(admin: Admin, Path(id): Path<String>) -> Result<Answer<Vec<Passkey>>, AuthError> {
    check(&admin.caller)?;
    let user_id = existing_user(&admin.caller, &id).await?;
    Ok(Answer(passkeys::list(&admin.caller, user_id).await?))
}

pub(crate) async fn admin_delete(admin: Admin, Path((id, passkey)): Path<(String, String)>) -> Result<StatusCode, AuthError> {
    check(&admin.caller)?;
    let user_id = existing_user(&admin.caller, &id).await?;
    passkeys::delete_of(&admin.caller, &admin.claims.role, user_id, passkey_id(&passkey)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(caller: &Caller) -> Result<(), AuthError> {
    if caller.live.settings.passkeys.enabled {
        Ok(())
    } else {
        Err(AuthError::unprocessable(ErrorCode::PasskeyDisabled, "Passkeys are disabled"))
    }
}

async fn limit(caller: &Caller) -> Result<(), AuthError> {
    caller.limit_by_address(Limited::Passkey, caller.live.settings.rate_limits.passkey).await
}

fn passkey_id(text: &str) -> Result<Uuid, AuthError> {
    text.parse().map_err(|_| AuthError::not_found(ErrorCode::ValidationFailed, "passkey_id must be an UUID"))
}

async fn existing_user(caller: &Caller, text: &str) -> Result<Uuid, AuthError> {
    let id: Uuid = text.parse().map_err(|_| AuthError::not_found(ErrorCode::ValidationFailed, "user_id must be an UUID"))?;
    match store::users::find(&caller.db().await?, id).await? {
        Some(_) => Ok(id),
        None => Err(AuthError::not_found(ErrorCode::UserNotFound, "User not found")),
    }
}
