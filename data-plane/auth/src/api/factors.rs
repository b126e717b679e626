//! `/factors`

use axum::{Json as Answer, extract::Path, response::IntoResponse, response::Response};
use http::header::{CACHE_CONTROL, PRAGMA};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::json::Json;
use crate::{
    caller::SignedIn,
    error::{AuthError, ErrorCode},
    flow::{
        address,
        factors::{self, Attempt, Challenged, Enrolled, Enrolment, EnrolmentKind, Proof},
        phone::Channel,
        relying_party::Wanted,
    },
    limits::Limited,
};

#[derive(Debug, Deserialize)]
pub(crate) struct Enroll {
    #[serde(default)]
    factor_type: String,
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    issuer: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

pub(crate) async fn enroll(signed_in: SignedIn, Json(body): Json<Enroll>) -> Result<Answer<Enrolled>, AuthError> {
    let kind = match body.factor_type.as_str() {
        "totp" => EnrolmentKind::Totp { issuer: body.issuer.unwrap_or_default() },
        "phone" => match body.phone.as_deref().unwrap_or_default() {
            "" => return Err(AuthError::validation("Phone number required to enroll Phone factor")),
            phone => EnrolmentKind::Phone(address::phone(phone)?),
        },
        "webauthn" => EnrolmentKind::WebAuthn,
        _ => return Err(AuthError::validation("factor_type needs to be totp, phone, or webauthn")),
    };
    let wanted = Enrolment { friendly_name: body.friendly_name.unwrap_or_default(), kind };
    Ok(Answer(factors::enroll(&signed_in, wanted).await?))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Challenge {
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    webauthn: Option<Wanted>,
}

pub(crate) async fn challenge(
    signed_in: SignedIn,
    Path(id): Path<String>,
    Json(body): Json<Challenge>,
) -> Result<Answer<Challenged>, AuthError> {
    let id = factor_id(&id)?;
    limit(&signed_in, "challenge").await?;
    let channel = Channel::parse(body.channel.as_deref())?;
    Ok(Answer(factors::challenge(&signed_in, id, channel, body.webauthn.as_ref()).await?))
}

#[derive(Deserialize)]
pub(crate) struct Verify {
    #[serde(default)]
    challenge_id: Option<Uuid>,
    #[serde(default)]
    code: String,
    #[serde(default)]
    webauthn: Option<WebAuthn>,
}

/// Whether it makes or uses a credential is known by its factor.
#[derive(Deserialize)]
struct WebAuthn {
    credential_response: Value,
}

pub(crate) async fn verify(signed_in: SignedIn, Path(id): Path<String>, Json(body): Json<Verify>) -> Result<Response, AuthError> {
    let id = factor_id(&id)?;
    limit(&signed_in, "verify").await?;
    let proof = match body.webauthn {
        Some(webauthn) => Proof::WebAuthn(webauthn.credential_response),
        None => Proof::Code(body.code),
    };
    let attempt = Attempt { challenge_id: body.challenge_id.unwrap_or_default(), proof };
    let tokens = factors::verify(&signed_in, id, &attempt).await?;
    Ok(([(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Answer(tokens)).into_response())
}

pub(crate) async fn unenroll(signed_in: SignedIn, Path(id): Path<String>) -> Result<Answer<Value>, AuthError> {
    let id = factor_id(&id)?;
    factors::unenroll(&signed_in, id).await?;
    Ok(Answer(json!({ "id": id })))
}

fn factor_id(text: &str) -> Result<Uuid, AuthError> {
    text.parse().map_err(|_| AuthError::not_found(ErrorCode::ValidationFailed, "factor_id must be an UUID"))
}

/// Counts a user's requests, from wherever they come: it is the user's code that is guessed.
async fn limit(signed_in: &SignedIn, what: &str) -> Result<(), AuthError> {
    let SignedIn { caller, user, .. } = signed_in;
    let rate = caller.live.settings.mfa.challenge_and_verify;
    caller.context.count(Limited::FactorVerify, rate, &format!("{what}:{}", user.id)).await
}
