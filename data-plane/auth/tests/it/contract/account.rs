//! What somebody does for oneself.

use serde_json::{Map, Value, json};

use super::{NOBODY, Walk};
use crate::{
    authenticator::Authenticator,
    mfa::code as totp,
    openid::{APP, challenge, found},
    support::{member, service_role, text},
};

fn with(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_else(Map::new));
    body
}

fn pkce() -> Value {
    json!({ "code_challenge": challenge(&"v".repeat(43)), "code_challenge_method": "s256" })
}

fn meta() -> Value {
    json!({ "gotrue_meta_security": { "captcha_token": "" } })
}

/// By address and number; and what is sent for that.
pub(super) async fn sign_up_and_in(walk: &mut Walk) {
    let body = json!({ "email": "ann@example.com", "password": "correct horse", "data": { "name": "Ann" }, "channel": "sms" });
    walk.ok("POST /signup", "", "", with(with(body, &pkce()), &meta())).await;
    walk.ok("POST /signup", "", "", json!({ "phone": "15550100", "password": "correct horse" })).await;
    walk.refused("POST /signup", "", "", json!("{"), 400).await;
    walk.ok("POST /resend", "", "", with(json!({ "type": "signup", "email": "ann@example.com" }), &meta())).await;
    walk.ok("POST /resend", "", "", json!({ "type": "sms", "phone": "15550100" })).await;
    walk.refused("POST /resend", "", "", json!({ "type": "other" }), 400).await;
    let sent = walk.code("ann@example.com").await;
    let body = json!({ "type": "signup", "email": "ann@example.com", "token": sent["token"], "redirect_to": APP });
    walk.ok("POST /verify", "", "", body).await;
    let sent = walk.code("15550100").await;
    walk.ok("POST /verify", "", "", json!({ "type": "sms", "phone": "15550100", "token": sent["token"] })).await;

    let body = with(json!({ "email": "ann@example.com", "data": {} }), &meta());
    walk.ok("POST /magiclink", "", "", body.clone()).await;
    walk.refused("POST /magiclink", "", "", json!("{"), 400).await;
    walk.ok("POST /otp", "", "", with(with(body, &pkce()), &json!({ "create_user": false }))).await;
    walk.ok("POST /otp", "", "", json!({ "phone": "15550100", "channel": "sms" })).await;
    walk.refused("POST /otp", "", "", json!({ "email": "no@example.com", "create_user": false }), 422).await;
    walk.refused("POST /otp", "", "", json!("{"), 400).await;
    walk.ok("POST /recover", "", "", with(with(json!({ "email": "ann@example.com" }), &pkce()), &meta())).await;
    walk.refused("POST /recover", "", "", json!({}), 400).await;
    walk.ok("POST /recover", "", "", json!({ "email": "ann@example.com" })).await;
    let hash = text(&walk.code("ann@example.com").await, "/token_hash");
    walk.ok("POST /verify", "", "", json!({ "type": "recovery", "token_hash": hash })).await;
    walk.ok("POST /recover", "", "", json!({ "email": "ann@example.com" })).await;
    let hash = text(&walk.code("ann@example.com").await, "/token_hash");
    walk.ask("GET /verify", &format!("?token={hash}&type=recovery&redirect_to={APP}"), "", Value::Null).await;
}

/// The access token of somebody with an address.
pub(super) async fn signed_in(walk: &mut Walk) -> String {
    let body = with(json!({ "email": "ann@example.com", "password": "correct horse" }), &meta());
    walk.ok("POST /token", "?grant_type=password", "", body.clone()).await;
    let body = json!({ "phone": "15550100", "password": "correct horse" });
    let session = walk.ok("POST /token", "?grant_type=password", "", body).await;
    walk.ok("POST /logout", "?scope=local", &text(&session, "/access_token"), Value::Null).await;
    walk.refused("POST /logout", "", "", Value::Null, 401).await;
    for body in [
        json!({ "auth_code": NOBODY, "code_verifier": "" }),
        json!({ "id_token": "x", "access_token": "x", "nonce": "x", "provider": "google", "client_id": "x", "issuer": "x" }),
        json!({ "message": "x", "signature": "x", "chain": "solana" }),
    ] {
        walk.refused("POST /token", "?grant_type=password", "", body, 400).await;
    }
    let body = json!({ "email": "ann@example.com", "password": "correct horse" });
    let session = walk.ok("POST /token", "?grant_type=password", "", body).await;
    let body = json!({ "refresh_token": session["refresh_token"] });
    text(&walk.ok("POST /token", "?grant_type=refresh_token", "", body).await, "/access_token")
}

pub(super) async fn change(walk: &mut Walk, ann: &str) {
    walk.ok("GET /user", "", ann, Value::Null).await;
    walk.ok("POST /reauthenticate", "", ann, Value::Null).await;
    let nonce = text(&walk.code("ann@example.com").await, "/token");
    walk.project.sql("update auth.sessions set created_at = now() - interval '25 hours'").await;
    let body = json!({ "password": "another horse", "nonce": nonce, "data": { "name": "Anna" } });
    walk.ok("PUT /user", "", ann, body).await;
    walk.ok("PUT /user", "", ann, json!({ "email": "anna@example.com", "phone": "15550101", "channel": "sms" })).await;
    walk.refused("PUT /user", "", ann, json!("{"), 400).await;
    walk.ok("POST /resend", "", "", json!({ "type": "email_change", "email": "ann@example.com" })).await;
    walk.ok("POST /resend", "", "", json!({ "type": "phone_change", "phone": "15550101" })).await;
    let sent = walk.code("15550101").await;
    walk.ok("POST /verify", "", "", json!({ "type": "phone_change", "phone": "15550101", "token": sent["token"] })).await;
}

/// Sign-in at a provider, and identities by hand.
pub(super) async fn providers(walk: &mut Walk, ann: &str) {
    let flow = format!("provider=keycloak&scopes=roles&redirect_to={APP}");
    let pkce = format!("code_challenge_method=s256&code_challenge={}", challenge(&"v".repeat(43)));
    let begun = walk.ask("GET /authorize", &format!("?{flow}&{pkce}"), "", Value::Null).await;
    let state = member(&found(&begun), "state").unwrap();
    walk.ask("GET /callback", &format!("?code=c0de&state={state}"), "", Value::Null).await;
    walk.ok("POST /invite", "", &service_role(), json!({ "email": "eve@example.com", "data": { "name": "Eve" } })).await;
    let invitation = text(&walk.code("eve@example.com").await, "/token_hash");
    walk.ask("GET /authorize", &format!("?{flow}&invite_token={invitation}"), "", Value::Null).await;
    walk.project.sql("delete from auth.users where email = 'cat@example.com'").await;

    let path = "GET /user/identities/authorize";
    let begun = walk.ask(path, &format!("?{flow}&{pkce}"), ann, Value::Null).await;
    found(&begun);
    let begun = walk.ask(path, &format!("?{flow}"), ann, Value::Null).await;
    let state = member(&found(&begun), "state").unwrap();
    walk.ask("POST /callback", "", "", json!({ "code": "c0de", "state": state })).await;
    let user = walk.ok("GET /user", "", ann, Value::Null).await;
    let path = "DELETE /user/identities/{identityId}";
    walk.refused(path, "", "", Value::Null, 401).await;
    walk.refused(path, "", "no.good.token", Value::Null, 403).await;
    walk.refused(path, "no-id", ann, Value::Null, 404).await;
    walk.refused(path, "", ann, Value::Null, 422).await;
    let of = |provider: &str| {
        let all = user["identities"].as_array().unwrap();
        text(all.iter().find(|identity| identity["provider"] == provider).unwrap(), "/identity_id")
    };
    walk.ok(path, &of("keycloak"), ann, Value::Null).await;
}

/// The last: whoever is not sure of its user is out then.
pub(super) async fn factors(walk: &mut Walk, ann: &str) {
    let body = json!({ "factor_type": "totp", "friendly_name": "app", "issuer": "https://app.test" });
    let app = walk.ok("POST /factors", "", ann, body).await;
    walk.refused("POST /factors", "", ann, json!({ "factor_type": "other" }), 400).await;
    let (id, path) = (text(&app, "/id"), "POST /factors/{factorId}/challenge");
    let challenge = walk.ok(path, &id, ann, json!({})).await;
    walk.refused(path, &id, ann, json!("{"), 400).await;
    let path = "POST /factors/{factorId}/verify";
    walk.refused(path, &id, ann, json!("{"), 400).await;
    let body = json!({ "challenge_id": challenge["id"], "code": totp(&text(&app, "/totp/secret"), 0) });
    let ann = text(&walk.ok(path, &id, ann, body).await, "/access_token");

    let phone = walk.ok("POST /factors", "", &ann, json!({ "factor_type": "phone", "phone": "15550102" })).await;
    walk.ok("POST /factors/{factorId}/challenge", &text(&phone, "/id"), &ann, json!({ "channel": "sms" })).await;
    let mut authenticator = Authenticator::new(1);
    let key = walk.ok("POST /factors", "", &ann, json!({ "factor_type": "webauthn", "friendly_name": "key" })).await;
    for kind in ["create", "request"] {
        let id = text(&key, "/id");
        let challenge = walk.ok("POST /factors/{factorId}/challenge", &id, &ann, json!({})).await;
        assert_eq!(challenge["webauthn"]["type"], kind);
        let options = &challenge["webauthn"]["credential_options"]["publicKey"];
        let credential = if kind == "create" { authenticator.create(options) } else { authenticator.get(options) };
        let body = json!({ "challenge_id": challenge["id"], "webauthn": { "type": kind, "credential_response": credential } });
        walk.ok(path, &id, &ann, body).await;
    }
    walk.ok("DELETE /factors/{factorId}", &id, &ann, Value::Null).await;
    let user = text(&walk.ok("GET /user", "", &ann, Value::Null).await, "/id");
    let path = "/admin/users/{userId}/factors";
    let token = service_role();
    walk.ok(&format!("GET {path}"), &user, &token, Value::Null).await;
    for name in [format!("PUT {path}/{{factorId}}"), format!("DELETE {path}/{{factorId}}")] {
        let body = if name.starts_with("PUT") { json!({ "friendly_name": "other" }) } else { Value::Null };
        walk.refused(&name, &format!("{user} {NOBODY}"), &token, body.clone(), 404).await;
        walk.ok(&name, &format!("{user} {}", text(&key, "/id")), &token, body).await;
    }
}
