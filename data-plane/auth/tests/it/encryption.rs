//! Values that are encrypted in the database.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use auth::settings::Settings;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    mfa::code,
    support::{Answer, Project, project, service_role, text},
};

/// With the keys of these names, the last of which encrypts.
fn with_keys(ids: &'static [&'static str]) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.mailer.autoconfirm = true;
        let encryption = &mut settings.security.db_encryption;
        for id in ids {
            let key = URL_SAFE_NO_PAD.encode([id.as_bytes()[0]; 32]);
            encryption.keys.insert((*id).to_owned(), key.into());
            encryption.encrypt_with = Some((*id).to_owned());
        }
    }
}

async fn sign_in(project: &Project, password: &str) -> Answer {
    project.post("/token?grant_type=password", json!({ "email": "ann@example.com", "password": password })).await
}

async fn sealed_with(project: &Project, column: &str, id: &str) {
    let (table, column) = column.rsplit_once('.').unwrap();
    let sql =
        format!("select count(*) from auth.{table} where {column}::json ->> 'key_id' = '{id}' and {column} not like '%$2%'");
    assert_eq!(project.count(&sql).await, 1, "{table}.{column}");
}

#[tokio::test]
async fn hashes_and_secrets_are_sealed_and_keys_are_rotated() {
    let project = project(with_keys(&["old"])).await;
    let session = project.signed_up("ann@example.com").await;
    sealed_with(&project, "users.encrypted_password", "old").await;
    let token = text(&session, "/access_token");
    let same = project.ask("PUT", "/user", &token, json!({ "password": "correct horse" })).await;
    assert_eq!(same.error(), (422, "same_password".to_owned()));
    project.ask("PUT", "/user", &token, json!({ "password": "another horse" })).await.ok();
    sealed_with(&project, "users.encrypted_password", "old").await;
    let factor = project.ask("POST", "/factors", &token, json!({ "factor_type": "totp", "friendly_name": "app" })).await.ok();
    let (id, secret) = (text(&factor, "/id"), text(&factor, "/totp/secret"));
    sealed_with(&project, "mfa_factors.secret", "old").await;
    let verify = async |project: &Project, later: u64| -> Value {
        let challenge = project.ask("POST", &format!("/factors/{id}/challenge"), &token, json!({})).await.ok();
        let body = json!({ "challenge_id": challenge["id"], "code": code(&secret, later) });
        project.ask("POST", &format!("/factors/{id}/verify"), &token, body).await.ok()
    };
    verify(&project, 0).await;
    let provider = json!({
        "provider_type": "oauth2", "identifier": "acme", "name": "Acme", "client_id": "client", "client_secret": "s3cret",
        "authorization_url": "https://id.test/a", "token_url": "https://id.test/t", "userinfo_url": "https://id.test/u",
    });
    assert_eq!(project.ask("POST", "/admin/custom-providers", &service_role(), provider).await.status, 201);
    sealed_with(&project, "custom_oauth_providers.client_secret", "old").await;

    let project = project.restarted(with_keys(&["old", "new"]));
    assert_eq!(sign_in(&project, "correct horse").await.error(), (400, "invalid_credentials".to_owned()));
    sealed_with(&project, "users.encrypted_password", "old").await;
    sign_in(&project, "another horse").await.ok();
    sealed_with(&project, "users.encrypted_password", "new").await;
    verify(&project, 1).await;
    sealed_with(&project, "mfa_factors.secret", "new").await;
    let begun = project.get("/authorize?provider=custom:acme", "").await;
    assert_eq!(begun.status, 302, "{}", begun.body);

    // Whoever has lost the key has lost what it was for.
    let project = project.restarted(|_| ());
    assert_eq!(sign_in(&project, "another horse").await.error(), (500, "unexpected_failure".to_owned()));
}

#[tokio::test]
async fn what_is_plain_stays_good_and_is_sealed_when_it_is_used() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    project.signed_up("ann@example.com").await;
    let plain = "select count(*) from auth.users where encrypted_password like '$2%'";
    assert_eq!(project.count(plain).await, 1);
    let project = project.restarted(with_keys(&["new"]));
    sign_in(&project, "correct horse").await.ok();
    assert_eq!(project.count(plain).await, 0);
    sign_in(&project, "correct horse").await.ok();
}
