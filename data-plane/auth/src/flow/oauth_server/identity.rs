//! Who a user is, as OpenID Connect says it: in ID tokens and at the userinfo endpoint, each as far as the scopes go.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::has_scope;
use crate::{caller::Caller, error::AuthError, model::User, token::expiry};

/// How long an ID token is good.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The claims of OpenID Connect Core, section 5.1, that there is something to say of.
pub(crate) fn claims(user: &User, scopes: &str) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(user.id));
    let mut say = |name: &str, value: Value| {
        if !value.is_null() {
            claims.insert(name.to_owned(), value);
        }
    };
    if has_scope(scopes, "email") && !user.email().is_empty() {
        say("email", json!(user.email()));
        say("email_verified", json!(user.email_confirmed_at.is_some()));
    }
    if has_scope(scopes, "phone") && !user.phone().is_empty() {
        say("phone_number", json!(format!("+{}", user.phone())));
        say("phone_number_verified", json!(user.phone_confirmed_at.is_some()));
    }
    if has_scope(scopes, "profile") {
        let known = |names: &[&str]| {
            let texts = names.iter().filter_map(|name| user.user_metadata.get(*name)?.as_str());
            texts.filter(|text| !text.is_empty()).map(Value::from).next().unwrap_or_default()
        };
        say("name", known(&["full_name", "name"]));
        say("picture", known(&["avatar_url", "picture"]));
        say("preferred_username", known(&["preferred_username", "user_name"]));
        say("updated_at", user.updated_at.map(|at| json!(at.unix_timestamp())).unwrap_or_default());
    }
    claims
}

/// Whom an ID token is for.
#[derive(Debug)]
pub(super) struct Audience<'a> {
    pub(super) client_id: Uuid,
    /// As the client has just said it.
    pub(super) secret: Option<&'a str>,
    pub(super) nonce: Option<&'a str>,
    pub(super) scopes: &'a str,
}

/// Signed by the project's key where others can verify that; otherwise with the client's secret, as OpenID Connect Core, section
/// 10.1, has it. The project's own secret signs none: no client could verify it.
pub(super) fn id_token(caller: &Caller, user: &User, audience: &Audience<'_>) -> Result<String, AuthError> {
    let settings = &caller.live.settings;
    let (issued_at, expires_at) = expiry(LIFETIME);
    let mut claims = claims(user, audience.scopes);
    claims.insert("iss".to_owned(), json!(issuer(caller)));
    claims.insert("aud".to_owned(), json!(audience.client_id));
    claims.insert("iat".to_owned(), json!(issued_at));
    claims.insert("exp".to_owned(), json!(expires_at));
    claims.insert("auth_time".to_owned(), json!(user.last_sign_in_at.map_or(issued_at, |at| at.unix_timestamp())));
    if let Some(nonce) = audience.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    if caller.live.keys.is_asymmetric() {
        return caller.live.keys.sign(&claims);
    }
    let secret = audience.secret.ok_or_else(|| {
        tracing::warn!(site = settings.api.site_url, "an ID token of a public client needs an asymmetric JWT signing key");
        AuthError::oauth("invalid_scope", "scope 'openid' of a public client needs an asymmetric JWT signing key")
    })?;
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .map_err(|error| AuthError::internal("Error signing token", error))
}

/// Who the service is to clients.
pub(crate) fn issuer(caller: &Caller) -> &str {
    let settings = &caller.live.settings;
    settings.jwt.issuer.as_deref().unwrap_or(&settings.api.external_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_has_its_claims() {
        let mut user = User::new("authenticated");
        user.email = Some("ann@example.com".to_owned());
        user.phone = Some("491234567".to_owned());
        user.phone_confirmed_at = user.created_at;
        user.user_metadata.insert("full_name".to_owned(), json!("Ann"));
        user.user_metadata.insert("avatar_url".to_owned(), json!(7));
        let names = |scopes: &str| claims(&user, scopes).into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ");
        assert_eq!(names("openid"), "sub");
        assert_eq!(names("email"), "email email_verified sub");
        assert_eq!(names("profile"), "name sub updated_at");
        assert_eq!(claims(&user, "email")["email_verified"], false);
        assert_eq!(claims(&user, "phone")["phone_number"], "+491234567");
        assert_eq!(claims(&user, "phone")["phone_number_verified"], true);
    }
}
