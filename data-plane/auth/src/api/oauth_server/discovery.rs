//! What the server can do: RFC 8414, and OpenID Connect Discovery 1.0, in one document.

use axum::{Json, response::IntoResponse};
use http::header::CACHE_CONTROL;
use serde_json::{Value, json};

use crate::{
    caller::Caller,
    flow::oauth_server::{GRANT_TYPES, SCOPES, identity::issuer},
};

const CACHED: &str = "public, max-age=600";

pub(super) async fn server(caller: Caller) -> impl IntoResponse {
    std::future::ready(([(CACHE_CONTROL, CACHED)], Json(whole(&caller)))).await
}

/// Others verify the project's tokens by this document, whether it is an OAuth server or not.
pub(super) async fn openid(caller: Caller) -> impl IntoResponse {
    let document = if caller.live.settings.oauth_server.enabled { whole(&caller) } else { keys_only(&caller) };
    std::future::ready(([(CACHE_CONTROL, CACHED)], Json(document))).await
}

fn keys_only(caller: &Caller) -> Value {
    let issuer = issuer(caller);
    json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json") })
}

fn whole(caller: &Caller) -> Value {
    let issuer = issuer(caller);
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "userinfo_endpoint": format!("{issuer}/oauth/userinfo"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "ES256", "EdDSA"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "claims_supported": [
            "sub", "aud", "iss", "exp", "iat", "auth_time", "nonce", "email", "email_verified", "phone_number",
            "phone_number_verified", "name", "picture", "preferred_username", "updated_at",
        ],
        "code_challenge_methods_supported": ["S256"],
    });
    if caller.live.settings.oauth_server.allow_dynamic_registration {
        document["registration_endpoint"] = json!(format!("{issuer}/oauth/clients/register"));
    }
    document
}
