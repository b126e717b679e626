//! Every code of GoTrue's that the service has is answered somewhere, and the ones that no other test is about are answered here.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{fs, path::Path};

use auth::settings::{Hook, Settings};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use http::Request;
use serde_json::{Value, json};

use crate::{
    openid::challenge,
    support::{Answer, Project, project, service_role, text},
};

/// Rust files below a folder, as one text.
fn sources(folder: &Path, but: &str) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            text += &sources(&entry, but);
        } else if entry.extension().is_some_and(|extension| extension == "rs") && !entry.ends_with(but) {
            text += &fs::read_to_string(entry).unwrap();
        }
    }
    text
}

#[test]
fn every_code_is_answered_and_tested_or_has_a_reason_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (source, tests) = (sources(&root.join("src"), "error.rs"), sources(&root.join("tests/it"), "main.rs"));
    let error = fs::read_to_string(root.join("src/error.rs")).unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, listed) = readme.split_once("## Error codes").unwrap();
    let listed = listed.split("\n## ").next().unwrap();
    let codes = error.split_once("error_codes! {").unwrap().1.split_once('}').unwrap().0;
    let mut wrong = Vec::new();
    for (variant, code) in codes.lines().filter_map(|line| line.trim().split_once(" = ")) {
        let code = code.trim_matches(['"', ',']);
        let is_answered = source.contains(&format!("ErrorCode::{variant}")) || error.contains(&format!("ErrorCode::{variant}"));
        let is_tested = tests.contains(&format!("\"{code}\""));
        if (is_answered && is_tested) == listed.contains(&format!("`{code}`")) {
            wrong.push(format!("{code}: answered {is_answered}, tested {is_tested}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn confirmed(settings: &mut Settings) {
    settings.mailer.autoconfirm = true;
}

async fn session(project: &Project) -> (String, String) {
    let session = project.signed_up("ann@example.com").await;
    (text(&session, "/access_token"), text(&session, "/user/id"))
}

fn is(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.error(), (status, code.to_owned()), "{}", answer.body);
}

#[tokio::test]
async fn of_what_is_switched_off() {
    let project = project(|settings| {
        settings.signup.email = false;
        settings.mfa.totp.enroll_enabled = false;
        settings.mfa.phone.factor.enroll_enabled = true;
        settings.mfa.web_authn.enroll_enabled = true;
    })
    .await;
    let body = json!({ "email": "ann@example.com", "password": "correct horse", "email_confirm": true });
    project.ask("POST", "/admin/users", &service_role(), body.clone()).await.ok();
    is(&project.post("/signup", body.clone()).await, 400, "email_provider_disabled");
    is(&project.post("/token?grant_type=password", body.clone()).await, 422, "email_provider_disabled");
    is(&project.post("/otp", json!({ "email": "ann@example.com" })).await, 422, "email_provider_disabled");
    let project = project.restarted(|settings| {
        settings.mfa.totp.enroll_enabled = false;
        settings.mfa.phone.factor.enroll_enabled = true;
        settings.mfa.web_authn.enroll_enabled = true;
    });
    let token = text(&project.post("/token?grant_type=password", body).await.ok(), "/access_token");
    let enroll = async |body: Value| project.ask("POST", "/factors", &token, body).await;
    is(&enroll(json!({ "factor_type": "totp" })).await, 422, "mfa_totp_enroll_not_enabled");
    for (body, code) in [
        (json!({ "factor_type": "phone", "phone": "15550100", "friendly_name": "p" }), "mfa_phone_verify_not_enabled"),
        (json!({ "factor_type": "webauthn", "friendly_name": "w" }), "mfa_webauthn_verify_not_enabled"),
    ] {
        let factor = text(&enroll(body).await.ok(), "/id");
        is(&project.ask("POST", &format!("/factors/{factor}/challenge"), &token, json!({})).await, 422, code);
    }
}

#[tokio::test]
async fn of_accounts_that_are_not_as_they_should_be() {
    let project = project(|settings| {
        confirmed(settings);
        settings.signup.phone = true;
        settings.security.manual_linking_enabled = true;
    })
    .await;
    let body = json!({ "phone": "15550100", "password": "correct horse" });
    project.post("/signup", body.clone()).await.ok();
    is(&project.post("/token?grant_type=password", body).await, 400, "phone_not_confirmed");
    let (token, id) = session(&project).await;
    // Ben has the address that Ann would be left with.
    project.signed_up("ben@example.com").await;
    let other = format!(
        "insert into auth.identities (id, provider_id, user_id, identity_data, provider, created_at, updated_at) values \
         (gen_random_uuid(), 'x', '{id}', '{{\"sub\": \"x\", \"email\": \"ben@example.com\"}}', 'keycloak', now(), now())"
    );
    project.sql(&other).await;
    let user = project.get("/user", &token).await.ok();
    let identity = user["identities"].as_array().unwrap().iter().find(|identity| identity["provider"] == "email").unwrap();
    let path = format!("/user/identities/{}", text(identity, "/identity_id"));
    let unlinked = project.ask("DELETE", &path, &token, Value::Null).await;
    is(&unlinked, 422, "email_conflict_identity_not_deletable");
    project.sql("update auth.users set is_sso_user = true where email = 'ann@example.com'").await;
    is(&project.ask("PUT", "/user", &token, json!({ "password": "another horse" })).await, 422, "user_sso_managed");
}

#[tokio::test]
async fn of_a_password_that_needs_more_than_a_session() {
    let project = project(|settings| {
        confirmed(settings);
        settings.security.update_password_require_reauthentication = true;
    })
    .await;
    let (token, _) = session(&project).await;
    project.sql("update auth.sessions set created_at = now() - interval '25 hours'").await;
    let change = async |body: Value| project.ask("PUT", "/user", &token, body).await;
    is(&change(json!({ "password": "another horse" })).await, 400, "reauthentication_needed");
    let body = json!({ "password": "another horse", "nonce": "000000" });
    is(&change(body).await, 422, "reauthentication_not_valid");
}

/// Who came by a link of a message may have forgotten it.
#[tokio::test]
async fn of_a_password_that_is_asked_for_before_another_is_set() {
    let project = project(|settings| {
        confirmed(settings);
        settings.security.update_password_require_current_password = true;
    })
    .await;
    let (token, _) = session(&project).await;
    let change = async |token: &str, body: Value| project.ask("PUT", "/user", token, body).await;
    for (body, code) in [
        (json!({ "password": "another horse" }), "current_password_required"),
        (json!({ "password": "another horse", "current_password": "wrong" }), "current_password_invalid"),
    ] {
        let refused = change(&token, body).await;
        is(&refused, 400, code);
        assert_eq!(text(&refused.json(), "/message"), "Current password required when setting new password.");
    }
    change(&token, json!({ "password": "another horse", "current_password": "correct horse" })).await.ok();
    project.post("/recover", json!({ "email": "ann@example.com" })).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let recovered = project.post("/verify", json!({ "type": "recovery", "token_hash": data["token_hash"] })).await.ok();
    change(&text(&recovered, "/access_token"), json!({ "password": "a third horse" })).await.ok();
}

#[tokio::test]
async fn of_flows_that_are_over() {
    let project = project(|_| ()).await;
    let body = json!({
        "email": "ann@example.com", "code_challenge": challenge(&"v".repeat(43)), "code_challenge_method": "s256",
    });
    project.post("/otp", body).await.ok();
    let (_, data) = project.last_message("ann@example.com").await;
    let link = format!("/verify?type=signup&token={}", text(&data, "/token_hash"));
    let location = project.get(&link, "").await.location();
    let code = crate::support::member(&location, "code").unwrap();
    project.sql("update auth.flow_state set auth_code_issued_at = now() - interval '1 hour'").await;
    let body = json!({ "auth_code": code, "code_verifier": "v".repeat(43) });
    is(&project.post("/token?grant_type=pkce", body).await, 403, "flow_state_expired");
}

#[tokio::test]
async fn of_an_invitation_that_was_taken_back() {
    let provider = crate::openid::OpenId::start().await;
    let project = project(|settings| provider.configure(settings)).await;
    provider.user(json!({ "sub": "eve-1", "email": "eve@example.com", "email_verified": true }));
    project.ask("POST", "/invite", &service_role(), json!({ "email": "eve@example.com" })).await.ok();
    let (_, data) = project.last_message("eve@example.com").await;
    let path = format!("/authorize?provider=keycloak&invite_token={}", text(&data, "/token_hash"));
    let there = crate::openid::found(&project.get(&path, "").await);
    project.sql("delete from auth.one_time_tokens").await;
    let location = provider.back(&project, &there).await;
    assert_eq!(crate::support::member(&location, "error_code").as_deref(), Some("invite_not_found"), "{location}");
}

#[tokio::test]
async fn of_audiences() {
    let project = project(confirmed).await;
    let (token, _) = session(&project).await;
    let asked = async |method: &str, path: &str, token: &str, audience: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("x-jwt-aud", audience);
        let request = request.header("x-supabase-api-version", "2024-01-01").header("authorization", format!("Bearer {token}"));
        project.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    is(&asked("GET", "/user", &token, "other", Value::Null).await, 400, "unexpected_audience");
    asked("GET", "/user", &token, "authenticated", Value::Null).await.ok();
    let body = json!({ "email": "ben@example.com", "password": "correct horse" });
    let session = asked("POST", "/signup", "", "other", body.clone()).await.ok();
    assert_eq!(session["user"]["aud"], "other");
    asked("GET", "/user", &text(&session, "/access_token"), "other", Value::Null).await.ok();
    is(&project.post("/token?grant_type=password", body.clone()).await, 400, "invalid_credentials");
    asked("POST", "/token?grant_type=password", "", "other", body).await.ok();
}

#[tokio::test]
async fn of_hooks_that_answer_what_none_may() {
    let json = ("content-type", "application/json");
    for (status, header, body, expected) in [
        (StatusCode::OK, ("content-type", "text/html"), "<p>".to_owned(), (400, "hook_payload_invalid_content_type")),
        (StatusCode::OK, json, format!("{{\"x\":\"{}\"}}", "x".repeat(300_000)), (422, "hook_payload_over_size_limit")),
        (StatusCode::SERVICE_UNAVAILABLE, ("retry-after", "true"), String::new(), (422, "hook_timeout_after_retry")),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(async move || (status, headers.clone(), body.clone())));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let project = project(|settings| {
            let secrets = vec!["v1,whsec_c3VwZXItc2VjcmV0LWtleS1vZi1hLWhvb2stMzItYnl0ZXM=".into()];
            settings.hooks.before_user_created = Hook { enabled: true, uri, secrets };
        })
        .await;
        let refused = project.post("/signup", json!({ "email": "ann@example.com", "password": "correct horse" })).await;
        is(&refused, expected.0, expected.1);
        assert_eq!(project.count("select count(*) from auth.users").await, 0);
    }
}

#[tokio::test]
async fn of_an_address_that_nobody_can_have() {
    let project = project(|settings| settings.mailer.email_validation_extended = true).await;
    let sign_up = async |email: &str| project.post("/signup", json!({ "email": email, "password": "correct horse" })).await;
    let refused = sign_up("ann@example.com").await;
    is(&refused, 400, "email_address_invalid");
    assert_eq!(refused.json()["message"], "Email address \"ann@example.com\" is invalid");
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
    sign_up("ann@supacloud.io").await.ok();
}
