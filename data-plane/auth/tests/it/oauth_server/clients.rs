//! Clients: who they are, who keeps them, and what they can find out.

use std::time::Duration;

use auth::settings::Rate;
use serde_json::{Value, json};

use super::{
    CALLBACK, Client, VERIFIER, authorize, client, code, code_after_consent, enabled, exchange, form, oauth_error, query,
    refresh, signed_up,
};
use crate::support::{member, project, service_role, text};

#[tokio::test]
async fn a_client_shows_that_it_is_itself() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let public = client(&project, json!({ "client_type": "public" })).await;
    assert_eq!(public.secret, "");
    let token = signed_up(&project, "ann@example.com").await;
    let of_app = code(&project, &app, &token, "").await;
    let of_public = code(&project, &public, &token, "").await;
    let rest = |code: &str| {
        let code = code.to_owned();
        [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", CALLBACK.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ]
    };
    let tried = async |basic: Option<(&str, &str)>, code: &str, more: &[(&str, &str)]| {
        let rest = rest(code);
        let members: Vec<_> = rest.iter().map(|(name, value)| (*name, value.as_str())).chain(more.iter().copied()).collect();
        form(&project, basic, &members).await
    };
    let refused = (401, "invalid_client".to_owned());
    let wrong = tried(Some((&app.id, "wrong")), &of_app, &[]).await;
    assert_eq!(oauth_error(&wrong), refused);
    assert!(wrong.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
    assert_eq!(oauth_error(&tried(Some((&app.id, "")), &of_app, &[]).await), refused);
    assert_eq!(oauth_error(&tried(None, &of_app, &[("client_id", &app.id)]).await), refused);
    assert_eq!(oauth_error(&tried(None, &of_app, &[("client_id", "nobody")]).await), refused);
    assert_eq!(oauth_error(&tried(None, &of_public, &[("client_id", &public.id), ("client_secret", "x")]).await), refused);
    let twice = [("client_id", app.id.as_str()), ("client_secret", app.secret.as_str())];
    assert_eq!(oauth_error(&tried(Some((&app.id, &app.secret)), &of_app, &twice).await), (400, "invalid_request".to_owned()));
    assert_eq!(oauth_error(&tried(None, &of_app, &[]).await), (400, "invalid_request".to_owned()));
    tried(None, &of_app, &twice).await.ok();
    tried(None, &of_public, &[("client_id", &public.id)]).await.ok();
    let grant = [("grant_type", "password"), ("client_id", public.id.as_str())];
    assert_eq!(oauth_error(&form(&project, None, &grant).await), (400, "unsupported_grant_type".to_owned()));
    // Nobody could verify an ID token of the project's secret.
    let location = authorize(&project, &query(&public, "&scope=openid")).await;
    assert_eq!(member(&location, "error").as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn an_administrator_keeps_the_clients() {
    let project = project(enabled).await;
    let admin = service_role();
    let app = client(&project, json!({ "logo_uri": "https://app.test/logo.png" })).await;
    let path = format!("/admin/oauth/clients/{}", app.id);
    let known = project.get(&path, &admin).await.ok();
    assert_eq!(known["client_type"], "confidential");
    assert_eq!(known["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(known["registration_type"], "manual");
    assert_eq!(known["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(known["response_types"], json!(["code"]));
    assert!(known.get("client_secret").is_none() && known.get("client_uri").is_none());

    let put = async |changes: Value| project.ask("PUT", &path, &admin, changes).await;
    let changed = put(json!({ "client_name": "Another", "grant_types": ["authorization_code"] })).await.ok();
    assert_eq!((&changed["client_name"], &changed["logo_uri"]), (&json!("Another"), &known["logo_uri"]));
    for wrong in [
        json!({}),
        json!({ "redirect_uris": [] }),
        json!({ "redirect_uris": ["http://app.test/"] }),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "grant_types": ["password"] }),
        json!({ "client_uri": "javascript:alert(1)" }),
    ] {
        assert_eq!(put(wrong.clone()).await.error(), (400, "validation_failed".to_owned()), "{wrong}");
    }
    // Without the grant there is no token to refresh.
    let token = signed_up(&project, "ann@example.com").await;
    let first = code(&project, &app, &token, "").await;
    let issued = exchange(&project, &app, &first).await.ok();
    assert!(issued.get("refresh_token").is_none());
    assert_eq!(oauth_error(&refresh(&project, &app, "a-token").await), (400, "unauthorized_client".to_owned()));

    let renewed = project.ask("POST", &format!("{path}/regenerate_secret"), &admin, Value::Null).await.ok();
    let renewed = Client { id: app.id.clone(), secret: text(&renewed, "/client_secret") };
    let code = code_after_consent(&project, &app, &token).await;
    assert_eq!(oauth_error(&exchange(&project, &app, &code).await), (401, "invalid_client".to_owned()));
    exchange(&project, &renewed, &code).await.ok();

    assert_eq!(project.ask("DELETE", &path, &admin, Value::Null).await.status, 204);
    let gone = (404, "oauth_client_not_found".to_owned());
    assert_eq!(project.get(&path, &admin).await.error(), gone);
    assert_eq!(put(json!({ "client_name": "x" })).await.error(), gone);
    assert_eq!(project.ask("DELETE", &path, &admin, Value::Null).await.error(), gone);
    assert_eq!(project.get("/admin/oauth/clients/no-id", &admin).await.error(), gone);
    assert_eq!(project.get("/user", &text(&issued, "/access_token")).await.error(), (403, "session_not_found".to_owned()));
    assert_eq!(project.get("/user/oauth/grants", &token).await.ok(), json!([]));

    let public = client(&project, json!({ "token_endpoint_auth_method": "none" })).await;
    let path = format!("/admin/oauth/clients/{}/regenerate_secret", public.id);
    assert_eq!(project.ask("POST", &path, &admin, Value::Null).await.error(), (400, "validation_failed".to_owned()));
    client(&project, json!({})).await;
    let page = project.get("/admin/oauth/clients?page=1&per_page=1", &admin).await;
    assert_eq!(page.headers["x-total-count"], "2");
    assert!(page.headers["link"].to_str().unwrap().starts_with("</admin/oauth/clients?page=2&per_page=1>; rel=\"next\""));
    assert_eq!(page.ok()["clients"].as_array().unwrap().len(), 1);
    let everything = project.get("/admin/oauth/clients?page=&per_page=", &admin).await.ok();
    assert_eq!(everything["clients"].as_array().unwrap().len(), 2);
    assert_eq!(project.get("/admin/oauth/clients?page=0", &admin).await.error(), (400, "validation_failed".to_owned()));
    for path in ["/admin/oauth/clients", "/admin/sso/providers"] {
        assert_eq!(project.get(path, &token).await.error(), (403, "not_admin".to_owned()));
        assert_eq!(project.get(path, "").await.error(), (401, "no_authorization".to_owned()));
    }
}

#[tokio::test]
async fn clients_register_themselves_where_they_may() {
    let project = project(|settings| {
        enabled(settings);
        settings.rate_limits.header = Some("x-forwarded-for".to_owned());
        settings.rate_limits.oauth_dynamic_client_register = Rate { events: 5, over: Duration::from_secs(3600) };
    })
    .await;
    let register = async |body: Value| project.post("/oauth/clients/register", body).await;
    let body =
        json!({ "client_name": "An agent", "redirect_uris": ["http://localhost:1234/cb"], "token_endpoint_auth_method": "none" });
    let refused = (403, "oauth_dynamic_client_registration_disabled".to_owned());
    assert_eq!(register(body.clone()).await.error(), refused);
    assert!(project.get("/.well-known/oauth-authorization-server", "").await.ok().get("registration_endpoint").is_none());

    let mut settings = project.context.live().settings.clone();
    settings.oauth_server.allow_dynamic_registration = true;
    project.context.set(settings).unwrap();
    let made = register(body.clone()).await;
    assert_eq!((made.status.as_u16(), &made.json()["registration_type"]), (201, &json!("dynamic")));
    assert_eq!(made.json()["client_type"], "public");
    assert!(made.json().get("client_secret_expires_at").is_none());
    // Clients refuse an answer with a secret of which it is not said how long it is good (RFC 7591, 3.2.1).
    let confidential = register(json!({ "client_name": "An agent", "redirect_uris": ["https://app.test/"] })).await.json();
    assert_eq!((confidential["client_secret"].is_string(), &confidential["client_secret_expires_at"]), (true, &json!(0)));
    for wrong in [
        json!({ "client_name": "An agent" }),
        json!({ "redirect_uris": ["https://app.test/"] }),
        json!({ "client_name": "An agent", "redirect_uris": ["https://app.test/"], "response_types": ["token"] }),
    ] {
        assert_eq!(register(wrong).await.error(), (400, "validation_failed".to_owned()));
    }
    assert_eq!(register(body).await.error(), (429, "over_request_rate_limit".to_owned()));
    let discovered = project.get("/.well-known/openid-configuration", "").await.ok();
    assert_eq!(discovered["registration_endpoint"], "http://ref.api.localhost:8000/auth/v1/oauth/clients/register");
    assert_eq!(discovered["code_challenge_methods_supported"], json!(["S256"]));
}

#[tokio::test]
async fn a_project_that_is_no_oauth_server_tells_of_its_keys_only() {
    let project = project(|settings| settings.mailer.autoconfirm = true).await;
    let disabled = (404, "feature_disabled".to_owned());
    for path in ["/.well-known/oauth-authorization-server", "/oauth/authorize", "/admin/oauth/clients", "/user/oauth/grants"] {
        assert_eq!(project.get(path, &service_role()).await.error(), disabled, "{path}");
    }
    assert_eq!(project.post("/oauth/token", json!({})).await.error(), disabled);
    let issuer = "http://ref.api.localhost:8000/auth/v1";
    assert_eq!(
        project.get("/.well-known/openid-configuration", "").await.ok(),
        json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/jwks.json") })
    );
}

#[tokio::test]
async fn saml_is_not_there() {
    let project = project(|_| ()).await;
    let disabled = (404, "saml_provider_disabled".to_owned());
    assert_eq!(project.post("/sso", json!({ "domain": "example.com" })).await.error(), disabled);
    assert_eq!(project.get("/sso/saml/metadata", "").await.error(), disabled);
    assert_eq!(project.get("/admin/sso/providers", &service_role()).await.error(), disabled);
    assert_eq!(project.ask("DELETE", "/admin/sso/providers/x", &service_role(), Value::Null).await.error(), disabled);
}
