//! `POST /signup`

use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::json::{Json, object};
use crate::{
    caller::Caller,
    error::AuthError,
    flow::{
        address,
        phone::Channel,
        pkce::Pkce,
        sign_up::{self, SignUp, SignedUp, Way},
    },
};

#[derive(Deserialize)]
pub(crate) struct Body {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(flatten)]
    pkce: Pkce,
}

pub(crate) async fn post(caller: Caller, Json(body): Json<Body>) -> Result<Response, AuthError> {
    let email = body.email.unwrap_or_default();
    let phone = body.phone.unwrap_or_default();
    let data = object(body.data)?;
    // Whatever the password: who gives neither address nor number is nobody.
    if email.is_empty() && phone.is_empty() {
        return Ok(axum::Json(sign_up::anonymous(&caller, data).await?).into_response());
    }
    sign_up::check_open(&caller.live.settings)?;
    let password = body.password.unwrap_or_default();
    if password.is_empty() {
        return Err(AuthError::validation("Signup requires a valid password"));
    }
    let challenge = body.pkce.challenge()?;
    let way = match (email.is_empty(), phone.is_empty()) {
        (false, false) => {
            return Err(AuthError::validation("Only an email address or phone number should be provided on signup."));
        }
        (_, true) => Way::Email(address::email(&email)?),
        (true, false) => Way::Phone(address::phone(&phone)?, Channel::parse(body.channel.as_deref())?),
    };
    Ok(match sign_up::sign_up(&caller, SignUp { way, password, data, challenge }).await? {
        SignedUp::In(tokens) => axum::Json(tokens).into_response(),
        SignedUp::ToConfirm(user) => axum::Json(user).into_response(),
    })
}
