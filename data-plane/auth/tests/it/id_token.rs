//! Sign-in by id tokens.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    openid::OpenId,
    support::{Answer, Project, project, text},
};

async fn with_provider() -> (OpenId, Project) {
    let provider = OpenId::start().await;
    let project = project(|settings| {
        provider.configure(settings);
        settings.security.manual_linking_enabled = true;
        settings.mailer.autoconfirm = true;
    })
    .await;
    provider.user(json!({ "sub": "ann-1", "email": "ann@example.com", "email_verified": true, "name": "Ann" }));
    (provider, project)
}

async fn sign_in(project: &Project, body: Value) -> Answer {
    project.post("/token?grant_type=id_token", body).await
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("error"), text("error_description"))
}

#[tokio::test]
async fn an_application_signs_its_user_in() {
    let (provider, project) = with_provider().await;
    let nonce = hex::encode(Sha256::digest("n0nce"));
    let token = provider.id_token(&json!({ "nonce": nonce }));
    let body = json!({ "provider": "keycloak", "id_token": token, "nonce": "n0nce" });
    let session = sign_in(&project, body.clone()).await.ok();
    assert_eq!(session["user"]["email"], "ann@example.com");
    assert_eq!(session["user"]["app_metadata"], json!({ "provider": "keycloak", "providers": ["keycloak"] }));
    assert!(session["user"]["email_confirmed_at"].is_string());
    let again = sign_in(&project, body).await.ok();
    assert_eq!(again["user"]["id"], session["user"]["id"]);
}

#[tokio::test]
async fn a_provider_that_is_off_is_told_by_its_issuer() {
    let project = project(|_| {}).await;
    let any = json!({ "id_token": "a.b.c", "client_id": "app" });
    for (name, value, issuer) in [
        ("provider", "google", "https://accounts.google.com"),
        ("provider", "apple", "https://appleid.apple.com"),
        ("provider", "facebook", "https://www.facebook.com"),
        ("provider", "azure", "azure"),
        ("issuer", "https://accounts.google.com", "https://accounts.google.com"),
    ] {
        let mut body = any.clone();
        body[name] = json!(value);
        let answer = sign_in(&project, body).await;
        assert_eq!(answer.error(), (400, "provider_disabled".to_owned()), "{value}");
        assert_eq!(answer.json()["message"], format!("Provider (issuer \"{issuer}\") is not enabled"));
    }
}

#[tokio::test]
async fn an_id_token_is_looked_at() {
    let (provider, project) = with_provider().await;
    let good = provider.id_token(&json!({}));
    let nonce = hex::encode(Sha256::digest("n0nce"));
    let with_nonce = provider.id_token(&json!({ "nonce": nonce }));
    let broken = format!("{}x", &good[..good.len() - 4]);
    for (body, error, description) in [
        (json!({ "provider": "keycloak" }), "invalid request", "id_token required"),
        (json!({ "id_token": good }), "invalid request", "provider or client_id and issuer required"),
        (json!({ "provider": "keycloak", "id_token": broken }), "invalid request", "Bad ID token"),
        (json!({ "provider": "keycloak", "id_token": "x" }), "invalid request", "Bad ID token"),
        (
            json!({ "provider": "keycloak", "id_token": with_nonce }),
            "invalid request",
            "Passed nonce and nonce in id_token should either both exist or not.",
        ),
        (json!({ "provider": "keycloak", "id_token": with_nonce, "nonce": "other" }), "invalid nonce", "Nonces mismatch"),
        (
            json!({ "provider": "keycloak", "id_token": provider.id_token(&json!({ "aud": "another" })) }),
            "invalid request",
            "Unacceptable audience in id_token: [another]",
        ),
        (
            json!({ "provider": "keycloak", "id_token": provider.id_token(&json!({ "exp": 1 })) }),
            "invalid request",
            "Bad ID token",
        ),
    ] {
        let answer = sign_in(&project, body.clone()).await;
        assert_eq!(refusal(&answer), (400, error.to_owned(), description.to_owned()), "{body}");
    }
    assert_eq!(project.count("select count(*) from auth.users").await, 0);
}

#[tokio::test]
async fn a_provider_has_to_be_switched_on() {
    let (provider, project) = with_provider().await;
    let token = provider.id_token(&json!({}));
    let off = sign_in(&project, json!({ "provider": "google", "id_token": token })).await;
    assert_eq!(off.error(), (400, "provider_disabled".to_owned()));
    let unknown =
        sign_in(&project, json!({ "issuer": "https://id.example.com", "client_id": "client", "id_token": token })).await;
    assert_eq!(unknown.error(), (400, "validation_failed".to_owned()));
    assert_eq!(unknown.json()["message"], "Custom OIDC provider \"https://id.example.com\" not allowed");
}

#[tokio::test]
async fn an_identity_is_linked_by_an_id_token() {
    let (provider, project) = with_provider().await;
    let session = project.signed_up("bob@example.com").await;
    let body = json!({ "provider": "keycloak", "id_token": provider.id_token(&json!({})), "link_identity": true });
    let nobody = sign_in(&project, body.clone()).await;
    assert_eq!(nobody.error(), (401, "no_authorization".to_owned()));
    let token = text(&session, "/access_token");
    let linked = project.ask("POST", "/token?grant_type=id_token", &token, body.clone()).await.ok();
    assert_eq!(linked["user"]["id"], session["user"]["id"]);
    assert_eq!(linked["user"]["app_metadata"]["providers"], json!(["email", "keycloak"]));
    let again = project.ask("POST", "/token?grant_type=id_token", &token, body).await;
    assert_eq!(again.error(), (422, "identity_already_exists".to_owned()));
}
