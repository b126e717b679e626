//! `/otp`, `/magiclink`, `/recover` and `/resend`

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::{Json, object};
use crate::{
    caller::Caller,
    error::AuthError,
    flow::{
        address,
        otp::{self, Again},
        phone::Channel,
        pkce::Pkce,
    },
    limits::Limited,
};

#[derive(Debug, Deserialize)]
pub(crate) struct Otp {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    create_user: Option<bool>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(flatten)]
    pkce: Pkce,
}

fn sent(message_id: Option<String>) -> Answer<Value> {
    Answer(message_id.map_or_else(|| json!({}), |id| json!({ "message_id": id })))
}

pub(crate) async fn otp(caller: Caller, Json(body): Json<Otp>) -> Result<Answer<Value>, AuthError> {
    caller.limit_by_address(Limited::Otp, caller.live.settings.rate_limits.otp).await?;
    let create = body.create_user.unwrap_or(true);
    let data = object(body.data)?;
    let email = body.email.filter(|email| !email.is_empty());
    let phone = body.phone.filter(|phone| !phone.is_empty());
    match (email, phone) {
        (Some(_), Some(_)) => Err(AuthError::validation("Only an email address or phone number should be provided")),
        (None, None) => Err(AuthError::validation("One of email or phone must be set")),
        (Some(email), None) => {
            let (email, challenge) = (address::email(&email)?, body.pkce.challenge()?);
            otp::by_email(&caller, &email, create, data, challenge).await?;
            Ok(sent(None))
        }
        (None, Some(phone)) => {
            let (phone, channel) = (address::phone(&phone)?, Channel::parse(body.channel.as_deref())?);
            Ok(sent(otp::by_phone(&caller, &phone, create, data, channel).await?))
        }
    }
}

pub(crate) async fn magiclink(caller: Caller, Json(body): Json<Otp>) -> Result<Answer<Value>, AuthError> {
    caller.limit_by_address(Limited::Otp, caller.live.settings.rate_limits.otp).await?;
    let email = address::email(body.email.as_deref().unwrap_or_default())?;
    otp::by_email(&caller, &email, true, object(body.data)?, body.pkce.challenge()?).await?;
    Ok(sent(None))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Recover {
    #[serde(default)]
    email: Option<String>,
    #[serde(flatten)]
    pkce: Pkce,
}

pub(crate) async fn recover(caller: Caller, Json(body): Json<Recover>) -> Result<Answer<Value>, AuthError> {
    caller.limit_by_address(Limited::Otp, caller.live.settings.rate_limits.otp).await?;
    let given = body.email.unwrap_or_default();
    if given.is_empty() {
        return Err(AuthError::validation("Password recovery requires an email"));
    }
    otp::recover(&caller, &address::email(&given)?, body.pkce.challenge()?).await?;
    Ok(sent(None))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resend {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(flatten)]
    pkce: Pkce,
}

pub(crate) async fn resend(caller: Caller, Json(body): Json<Resend>) -> Result<Answer<Value>, AuthError> {
    caller.limit_by_address(Limited::Otp, caller.live.settings.rate_limits.otp).await?;
    let email = body.email.filter(|email| !email.is_empty());
    let phone = body.phone.filter(|phone| !phone.is_empty());
    if email.is_some() && phone.is_some() {
        return Err(AuthError::validation("Only an email address or phone number should be provided."));
    }
    let email = || match &email {
        Some(email) => address::email(email),
        None => Err(AuthError::validation("Type provided requires an email address")),
    };
    let phone = || match &phone {
        Some(phone) => address::phone(phone),
        None => Err(AuthError::validation("Type provided requires a phone number")),
    };
    let again = match body.kind.as_str() {
        "signup" => Again::Signup(email()?),
        "email_change" => Again::EmailChange(email()?),
        "sms" => Again::Sms(phone()?),
        "phone_change" => Again::PhoneChange(phone()?),
        _ => return Err(AuthError::validation("Missing one of these types: signup, email_change, sms, phone_change")),
    };
    Ok(sent(otp::resend(&caller, &again, body.pkce.challenge()?).await?))
}
