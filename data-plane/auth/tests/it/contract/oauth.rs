//! The project as an OAuth server.

use serde_json::{Value, json};

use super::Walk;
use crate::{
    openid::challenge,
    support::{member, service_role, text},
};

const CALLBACK: &str = "https://app.test/callback";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-7636";

fn registration() -> Value {
    json!({
        "client_name": "App", "client_uri": "https://app.test/", "logo_uri": "https://app.test/logo", "redirect_uris": [CALLBACK],
        "client_type": "confidential", "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "email",
    })
}

pub(super) async fn clients(walk: &mut Walk, ann: &str) {
    let admin = service_role();
    let (all, one) = ("/admin/oauth/clients", "/admin/oauth/clients/{client_id}");
    let secret = format!("POST {one}/regenerate_secret");
    for name in [
        format!("GET {all}"),
        format!("POST {all}"),
        format!("GET {one}"),
        format!("PUT {one}"),
        format!("DELETE {one}"),
        secret.clone(),
    ] {
        walk.refused_to_others(&name, ann, false).await;
    }
    let client = text(&walk.ok(&format!("POST {all}"), "", &admin, registration()).await, "/client_id");
    walk.refused(&format!("POST {all}"), "", &admin, json!({}), 400).await;
    walk.ok(&format!("GET {all}"), "?page=1&per_page=10", &admin, Value::Null).await;
    walk.ok(&format!("GET {one}"), &client, &admin, Value::Null).await;
    let body = json!({
        "client_name": "An app", "client_uri": "https://app.test/a", "logo_uri": "https://app.test/l", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code"], "token_endpoint_auth_method": "client_secret_basic",
    });
    walk.ok(&format!("PUT {one}"), &client, &admin, body).await;
    walk.refused(&format!("PUT {one}"), &client, &admin, json!({ "redirect_uris": ["javascript:x"] }), 400).await;
    walk.ok(&secret, &client, &admin, Value::Null).await;
    walk.ok(&format!("DELETE {one}"), &client, &admin, Value::Null).await;
    for name in [format!("GET {one}"), format!("PUT {one}"), format!("DELETE {one}"), secret.clone()] {
        let body = if name.starts_with("PUT") { json!({ "client_name": "App" }) } else { Value::Null };
        walk.refused(&name, &client, &admin, body, 404).await;
    }
    let mut public = registration();
    (public["client_type"], public["token_endpoint_auth_method"]) = (json!("public"), json!("none"));
    let public = text(&walk.ok(&format!("POST {all}"), "", &admin, public).await, "/client_id");
    walk.refused(&secret, &public, &admin, Value::Null, 400).await;
}

pub(super) async fn codes(walk: &mut Walk, ann: &str) {
    let client = walk.ok("POST /oauth/clients/register", "", "", registration()).await;
    walk.refused("POST /oauth/clients/register", "", "", json!({}), 400).await;
    let (id, secret) = (text(&client, "/client_id"), text(&client, "/client_secret"));
    let query = format!(
        "?response_type=code&client_id={id}&redirect_uri=https%3A%2F%2Fapp.test%2Fcallback&scope=email&state=s\
         &code_challenge={}&code_challenge_method=S256",
        challenge(VERIFIER)
    );
    let answer = walk.ask("GET /oauth/authorize", &query, "", Value::Null).await;
    let asked = member(answer.headers["location"].to_str().unwrap(), "authorization_id").unwrap();
    walk.refused("GET /oauth/authorize", "?client_id=no", "", Value::Null, 400).await;
    let (details, consent) =
        ("GET /oauth/authorizations/{authorization_id}", "POST /oauth/authorizations/{authorization_id}/consent");
    walk.ok(details, &asked, ann, Value::Null).await;
    walk.refused(details, "", ann, Value::Null, 404).await;
    walk.refused(details, "", "", Value::Null, 401).await;
    walk.refused(consent, &asked, "", Value::Null, 401).await;
    walk.refused(consent, &asked, ann, json!({ "action": "other" }), 400).await;
    let allowed = walk.ok(consent, &asked, ann, json!({ "action": "approve" })).await;
    let code = member(&text(&allowed, "/redirect_url"), "code").unwrap();
    let mut body = json!({
        "grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER,
        "client_id": id, "client_secret": "wrong",
    });
    walk.refused("POST /oauth/token", "", "", body.clone(), 401).await;
    body["client_secret"] = json!(secret);
    let tokens = walk.ok("POST /oauth/token", "", "", body.clone()).await;
    let refresh = json!({
        "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": id, "client_secret": secret,
    });
    walk.ok("POST /oauth/token", "", "", refresh).await;
    walk.refused("POST /oauth/token", "", "", body, 400).await;

    let (list, revoke) = ("GET /user/oauth/grants", "DELETE /user/oauth/grants");
    walk.ok(list, "", ann, Value::Null).await;
    for name in [list, revoke] {
        walk.refused(name, "", "", Value::Null, 401).await;
        walk.refused(name, "", "no.good.token", Value::Null, 403).await;
    }
    walk.refused(revoke, "", ann, Value::Null, 400).await;
    walk.ok(revoke, &format!("?client_id={id}"), ann, Value::Null).await;
    walk.refused(revoke, &format!("?client_id={id}"), ann, Value::Null, 404).await;
}
