//! What the service says of itself.

use axum::{Json, response::IntoResponse};
use http::header::CACHE_CONTROL;
use serde_json::{Value, json};

use crate::{caller::Caller, settings::external::PROVIDERS};

/// The version of GoTrue whose contract this is.
const VERSION: &str = "v2.196.0";

pub(crate) async fn health() -> Json<Value> {
    std::future::ready(Json(json!({
        "version": VERSION,
        "name": "GoTrue",
        "description": "GoTrue is a user registration and authentication API",
    })))
    .await
}

pub(crate) async fn keys(caller: Caller) -> impl IntoResponse {
    std::future::ready(([(CACHE_CONTROL, "public, max-age=600")], Json(caller.live.keys.public().clone()))).await
}

/// Not among what GoTrue's `/settings` tells of.
const UNTOLD: &str = "vercel_marketplace";

pub(crate) async fn settings(caller: Caller) -> Json<Value> {
    let settings = &caller.live.settings;
    let mut external: Value = PROVIDERS
        .iter()
        .filter(|name| **name != UNTOLD)
        .map(|name| ((*name).to_owned(), json!(settings.external.enabled(name).is_some())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    external["email"] = json!(settings.signup.email);
    external["phone"] = json!(settings.signup.phone);
    external["anonymous_users"] = json!(settings.signup.anonymous_users);
    external["web3_ethereum"] = json!(settings.external.web3_ethereum.enabled);
    external["web3_solana"] = json!(settings.external.web3_solana.enabled);
    std::future::ready(Json(json!({
        "external": external,
        "disable_signup": settings.signup.disabled,
        "mailer_autoconfirm": settings.mailer.autoconfirm,
        "phone_autoconfirm": settings.sms.autoconfirm,
        "sms_provider": settings.sms.provider.as_ref().map_or("", crate::settings::SmsProvider::name),
        "saml_enabled": settings.saml.enabled,
        "passkeys_enabled": settings.passkeys.enabled,
    })))
    .await
}
