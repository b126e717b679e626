//! A project's Auth through the control plane: its settings in force without a restart, and the pages about it.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Backend, Installation, Server, http::Response};

/// A POST to the project's Auth as an application would send it.
pub(crate) async fn ask(server: &Server, project_ref: &str, path: &str, body: Value) -> Response {
    let key = server.key(project_ref, "anon").await;
    server.post(format!("/p/{project_ref}/auth/v1{path}")).header("apikey", key).json(&body).send().await
}

pub(crate) fn somebody(name: &str) -> Value {
    json!({ "email": format!("{name}@example.com"), "password": "correct horse" })
}

#[tokio::test]
async fn settings_are_in_force_at_once_and_after_a_restart() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("in force").await;
    let path = format!("/v1/projects/{project_ref}/config/auth");
    let answer = ask(&server, &project_ref, "/signup", somebody("ann")).await.expect(200).json();
    assert!(answer.get("access_token").is_none(), "an address is to be confirmed by default");

    server.request("PATCH", &path).json(&json!({ "mailer_autoconfirm": true })).send().await.expect(200);
    let answer = ask(&server, &project_ref, "/signup", somebody("bob")).await.expect(200).json();
    assert!(answer["access_token"].is_string(), "{answer}");

    server.request("PATCH", &path).json(&json!({ "disable_signup": true })).send().await.expect(200);
    let refused = ask(&server, &project_ref, "/signup", somebody("eve")).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (422, &json!("signup_disabled")));

    server.stop().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    let refused = ask(&server, &project_ref, "/signup", somebody("eve")).await;
    assert_eq!((refused.status, &refused.json()["error_code"]), (422, &json!("signup_disabled")));
    server.delete_all(&[project_ref]).await;
    server.stop().await;
}

#[tokio::test]
async fn the_pages_about_auth_work_without_scripts() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("pages").await;
    let page = async |tab: &str| {
        let page = server.get(format!("/project/{project_ref}/auth/{tab}")).header("accept", "text/html").send().await;
        page.expect(200).text()
    };
    assert!(page("mailbox").await.contains("No messages"));
    ask(&server, &project_ref, "/signup", somebody("ann")).await.expect(200);
    let mailbox = page("mailbox").await;
    assert!(mailbox.contains("ann@example.com"), "{mailbox}");
    let id = mailbox.split("?message=").nth(1).unwrap().split('"').next().unwrap();
    let message = page(&format!("mailbox?message={id}")).await;
    assert!(message.contains("<iframe") && message.contains("sandbox=\"\"") && message.contains("/auth/v1/verify?"), "{message}");
    assert!(page("settings/urls").await.contains("http://localhost:3000"));
    // A form that is not whole, or comes from another page, changes nothing.
    let urls = format!("/project/{project_ref}/auth/settings/urls");
    let sent = server.post(&urls).header("accept", "text/html").header("content-type", "application/x-www-form-urlencoded");
    let answer = sent.body("site_url=https%3A%2F%2Fapp.example.com".to_owned()).send().await;
    assert!(answer.status >= 400, "{}", answer.status);
    let config = server.get(format!("/v1/projects/{project_ref}/config/auth")).send().await.expect(200).json();
    assert_eq!(config["site_url"], "http://localhost:3000");

    // Pages of no project.
    let nobody = server.get("/project/abcdefghijklmnopqrst/auth/mailbox").header("accept", "text/html").send().await;
    assert_eq!(nobody.status, 404);
    server.delete_all(&[project_ref]).await;
    server.stop().await;
}

#[tokio::test]
async fn only_who_has_a_secret_key_says_whom_it_asks_for() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("forwarding").await;
    let config = format!("/v1/projects/{project_ref}/config/auth");
    server.request("PATCH", &config).json(&json!({ "mailer_autoconfirm": true })).send().await.expect(200);
    let secret = server.key(&project_ref, "secret").await;
    let address_of = async |name: &str, key: &str| {
        let key = server.key(&project_ref, key).await;
        let sign_up = server.post(format!("/p/{project_ref}/auth/v1/signup")).header("apikey", key);
        let sign_up = sign_up.header("sb-forwarded-for", "203.0.113.9").json(&somebody(name));
        let id = sign_up.send().await.expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let user = server.get(format!("/p/{project_ref}/auth/v1/_admin/users/{id}")).header("apikey", &secret);
        user.send().await.expect(200).json()["sessions"][0]["ip"].clone()
    };
    assert_eq!(address_of("ann", "secret").await, "127.0.0.1", "off by default");
    server.request("PATCH", &config).json(&json!({ "security_sb_forwarded_for_enabled": true })).send().await.expect(200);
    assert_eq!(address_of("bob", "secret").await, "203.0.113.9");
    for (name, key) in [("eve", "publishable"), ("fay", "anon"), ("gil", "service_role")] {
        assert_eq!(address_of(name, key).await, "127.0.0.1", "{key}");
    }
    server.delete_all(&[project_ref]).await;
    server.stop().await;
}

#[tokio::test]
async fn keys_are_rotated_without_signing_anyone_out() {
    let installation = Installation::new(Backend::Sqlite).await;
    let server = installation.start().await;
    let project_ref = server.create_live("rotation").await;
    let key = rotate(&server, &project_ref).await;
    server.stop().await;
    let server = installation.start().await;
    server.wait_for(&project_ref, "ACTIVE_HEALTHY").await;
    expect_signed_by(&server, &project_ref, "late", &key).await;
    server.delete_all(&[project_ref]).await;
    server.stop().await;
}

/// Rotates the keys of a project to the end: everybody stays signed in until a key is revoked, and nobody after that whose token it
/// has signed. Answers the key that signs then.
pub(crate) async fn rotate(server: &Server, project_ref: &str) -> String {
    let config = format!("/v1/projects/{project_ref}/config/auth");
    server.request("PATCH", &config).json(&json!({ "mailer_autoconfirm": true })).send().await.expect(200);
    let keys = format!("{config}/signing-keys");
    let legacy = server.get(format!("{keys}/legacy")).send().await.expect(200).json();
    let legacy = legacy["id"].as_str().unwrap().to_owned();
    let become_ = async |id: &str, status: &str| {
        server.request("PATCH", format!("{keys}/{id}")).json(&json!({ "status": status })).send().await
    };
    let session = ask(server, project_ref, "/signup", somebody("ann")).await.expect(200).json();
    let by_secret = token(&session);
    assert_eq!(header(&by_secret)["alg"], "HS256");
    assert_eq!(read(server, project_ref, &by_secret).await, [200, 200]);

    let key = server.post(&keys).json(&json!({ "algorithm": "ES256" })).send().await.expect(201).json();
    let key = key["id"].as_str().unwrap().to_owned();
    assert_eq!(public_keys(server, project_ref).await, [key.as_str()], "known before it signs");
    become_(&key, "in_use").await.expect(200);
    let by_key = expect_signed_by(server, project_ref, "bob", &key).await;
    assert_eq!(read(server, project_ref, &by_secret).await, [200, 200], "nobody is signed out");
    let refresh = json!({ "refresh_token": session["refresh_token"] });
    let refreshed = ask(server, project_ref, "/token?grant_type=refresh_token", refresh).await.expect(200).json();
    assert_eq!(header(&token(&refreshed))["kid"], json!(key));

    let anon = server.key(project_ref, "anon").await;
    become_(&legacy, "revoked").await.expect(409);
    server.request("PUT", format!("/v1/projects/{project_ref}/api-keys/legacy?enabled=false")).send().await.expect(200);
    let rest = format!("/p/{project_ref}/rest/v1/");
    server.get(&rest).header("apikey", anon).send().await.expect(401);
    become_(&legacy, "revoked").await.expect(200);
    assert_eq!(read(server, project_ref, &by_secret).await, [401, 403], "at once, though they were found good before");
    assert_eq!(read(server, project_ref, &by_key).await, [200, 200]);
    let publishable = server.key(project_ref, "publishable").await;
    server.get(&rest).header("apikey", publishable).send().await.expect(200);
    let secret = server.key(project_ref, "secret").await;
    server.get(format!("/p/{project_ref}/auth/v1/admin/users")).header("apikey", secret).send().await.expect(200);

    // And on to another one, which signs from its first moment on.
    let next = json!({ "algorithm": "EdDSA", "status": "in_use" });
    let next = server.post(&keys).json(&next).send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    expect_signed_by(server, project_ref, "eve", &next).await;
    assert_eq!(read(server, project_ref, &by_key).await, [200, 200]);
    become_(&key, "revoked").await.expect(200);
    assert_eq!(read(server, project_ref, &by_key).await, [401, 403]);
    assert_eq!(public_keys(server, project_ref).await, [next.as_str()]);
    server.request("DELETE", format!("{keys}/{key}")).send().await.expect(200);
    next
}

/// Somebody signs up, and gets a token that this key has signed and everything takes.
pub(crate) async fn expect_signed_by(server: &Server, project_ref: &str, name: &str, key: &str) -> String {
    let publishable = server.key(project_ref, "publishable").await;
    let sign_up = server.post(format!("/p/{project_ref}/auth/v1/signup")).header("apikey", publishable);
    let token = token(&sign_up.json(&somebody(name)).send().await.expect(200).json());
    assert_eq!(header(&token)["kid"], json!(key));
    assert_eq!(read(server, project_ref, &token).await, [200, 200]);
    token
}

pub(crate) fn token(session: &Value) -> String {
    session["access_token"].as_str().unwrap_or_else(|| panic!("no session: {session}")).to_owned()
}

fn header(token: &str) -> Value {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
}

/// What REST and Auth say to a token.
async fn read(server: &Server, project_ref: &str, token: &str) -> [u16; 2] {
    let key = server.key(project_ref, "publishable").await;
    let mut statuses = [0; 2];
    for (status, path) in statuses.iter_mut().zip(["rest/v1/", "auth/v1/user"]) {
        let request = server.get(format!("/p/{project_ref}/{path}")).header("apikey", &key);
        *status = request.header("authorization", format!("Bearer {token}")).send().await.status;
    }
    statuses
}

/// The ids of the keys that the project shows to everybody.
async fn public_keys(server: &Server, project_ref: &str) -> Vec<String> {
    let set = server.get(format!("/p/{project_ref}/auth/v1/.well-known/jwks.json")).send().await.expect(200).json();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}
