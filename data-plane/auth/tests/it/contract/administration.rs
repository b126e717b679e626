//! What administrators do.

use serde_json::{Value, json};

use super::Walk;
use crate::{
    openid::APP,
    support::{service_role, text},
};

pub(super) async fn users(walk: &mut Walk, ann: &str) {
    let admin = service_role();
    let one = "/admin/users/{userId}";
    for (name, has_body) in [
        ("GET /admin/audit", false),
        ("GET /admin/users", false),
        ("POST /admin/generate_link", true),
        ("GET /admin/users/{userId}", false),
        ("PUT /admin/users/{userId}", false),
        ("DELETE /admin/users/{userId}", false),
        ("GET /admin/users/{userId}/factors", false),
        ("PUT /admin/users/{userId}/factors/{factorId}", false),
        ("DELETE /admin/users/{userId}/factors/{factorId}", false),
    ] {
        walk.refused_to_others(name, ann, has_body).await;
    }
    walk.ok("GET /admin/audit", "?page=1&per_page=100", &admin, Value::Null).await;
    walk.ok("GET /admin/users", "?page=1&per_page=10", &admin, Value::Null).await;
    walk.refused("POST /invite", "", &admin, json!("{"), 400).await;
    walk.refused("POST /invite", "", &admin, json!({ "email": "ann@example.com" }), 422).await;

    let link = "POST /admin/generate_link";
    let body = json!({
        "type": "signup", "email": "dan@example.com", "password": "correct horse", "data": { "name": "Dan" }, "redirect_to": APP,
    });
    let dan = text(&walk.ok(link, "", &admin, body).await, "/id");
    walk.refused(link, "", &admin, json!({ "type": "recovery", "email": "no@example.com" }), 404).await;
    let body = json!({ "type": "signup", "email": "ann@example.com", "password": "correct horse" });
    walk.refused(link, "", &admin, body, 422).await;
    let body = json!({ "type": "email_change_new", "email": "dan@example.com", "new_email": "dana@example.com" });
    walk.ok(link, "", &admin, body).await;

    walk.ok(&format!("GET {one}"), &dan, &admin, Value::Null).await;
    let body = json!({
        "email": "d@example.com", "phone": "15550110", "role": "authenticated", "app_metadata": { "plan": "pro" },
        "user_metadata": { "name": "D" },
    });
    walk.ok(&format!("PUT {one}"), &dan, &admin, body).await;
    walk.ok(&format!("DELETE {one}"), &dan, &admin, Value::Null).await;
    for method in ["GET", "PUT", "DELETE"] {
        walk.refused(&format!("{method} {one}"), &dan, &admin, Value::Null, 404).await;
    }
    walk.refused(&format!("GET {one}/factors"), &dan, &admin, Value::Null, 404).await;
}

/// Those that administrators define; and of single sign-on, which is not there.
pub(super) async fn providers(walk: &mut Walk, ann: &str) {
    let admin = service_role();
    let (all, one) = ("/admin/custom-providers", "/admin/custom-providers/{identifier}");
    for name in [format!("GET {all}"), format!("POST {all}"), format!("GET {one}"), format!("PUT {one}"), format!("DELETE {one}")]
    {
        walk.refused_to_others(&name, ann, false).await;
    }
    let url = |path: &str| format!("https://id.test/{path}");
    let mut body = json!({
        "name": "Acme", "client_id": "client", "client_secret": "s3cret", "acceptable_client_ids": ["other"],
        "scopes": ["email"], "pkce_enabled": false, "attribute_mapping": { "name": "nick" }, "custom_claims_allowlist": ["team"],
        "authorization_params": { "prompt": "login" }, "enabled": true, "email_optional": true, "issuer": url(""),
        "discovery_url": url("d"), "skip_nonce_check": true, "authorization_url": url("a"), "token_url": url("t"),
        "userinfo_url": url("u"), "jwks_uri": url("j"),
    });
    let changes = body.clone();
    body["provider_type"] = json!("oauth2");
    body["identifier"] = json!("acme");
    walk.ok(&format!("POST {all}"), "", &admin, body).await;
    walk.refused(&format!("POST {all}"), "", &admin, json!({}), 400).await;
    walk.ok(&format!("GET {all}"), "?type=oauth2", &admin, Value::Null).await;
    walk.refused(&format!("GET {all}"), "?type=other", &admin, Value::Null, 400).await;
    walk.ok(&format!("GET {one}"), "custom:acme", &admin, Value::Null).await;
    walk.ok(&format!("PUT {one}"), "custom:acme", &admin, changes).await;
    walk.ok(&format!("DELETE {one}"), "custom:acme", &admin, Value::Null).await;
    for method in ["GET", "PUT", "DELETE"] {
        walk.refused(&format!("{method} {one}"), "acme", &admin, Value::Null, 400).await;
        walk.refused(&format!("{method} {one}"), "custom:acme", &admin, Value::Null, 404).await;
    }

    let body = json!({
        "domain": "example.com", "provider_id": super::NOBODY, "redirect_to": APP, "skip_http_redirect": true,
        "code_challenge": "c", "code_challenge_method": "s256", "gotrue_meta_security": {},
    });
    walk.refused("POST /sso", "", "", body, 404).await;
    walk.refused_to_others("POST /admin/sso/providers", ann, false).await;
    for method in ["GET", "PUT", "DELETE"] {
        let name = format!("{method} /admin/sso/providers/{{ssoProviderId}}");
        walk.refused_to_others(&name, ann, false).await;
        walk.refused(&name, "", &admin, Value::Null, 404).await;
    }
}
