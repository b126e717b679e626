//! The project as an OAuth 2.1 server: clients, consent, codes, tokens.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod clients;

use std::sync::Arc;

use auth::settings::Settings;
use axum::body::Body;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::Request;
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use sha2::Digest as _;
use tower::ServiceExt as _;

use crate::support::{Answer, Project, SECRET, member, project, service_role, text};

const CALLBACK: &str = "https://app.test/callback?tenant=1";
/// `CALLBACK`, as a member of a query.
const CALLBACK_ESCAPED: &str = "https%3A%2F%2Fapp.test%2Fcallback%3Ftenant%3D1";
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-the-rfc-7636";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(VERIFIER.as_bytes()))
}

fn enabled(settings: &mut Settings) {
    settings.mailer.autoconfirm = true;
    settings.oauth_server.enabled = true;
    settings.oauth_server.authorization_path = "/oauth/consent".to_owned();
}

/// A client as the server knows it.
struct Client {
    id: String,
    secret: String,
}

async fn client(project: &Project, more: Value) -> Client {
    let mut body = json!({ "client_name": "An app", "redirect_uris": [CALLBACK] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = project.ask("POST", "/admin/oauth/clients", &service_role(), body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    Client { id: text(&made, "/client_id"), secret: made["client_secret"].as_str().unwrap_or_default().to_owned() }
}

fn query(client: &Client, more: &str) -> String {
    let (id, challenge) = (&client.id, challenge());
    format!(
        "/oauth/authorize?client_id={id}&redirect_uri={CALLBACK_ESCAPED}&response_type=code&code_challenge={challenge}\
         &code_challenge_method=S256{more}"
    )
}

/// Where the browser is sent.
async fn authorize(project: &Project, path: &str) -> String {
    let answer = project.get(path, "").await;
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.headers["location"].to_str().unwrap().to_owned()
}

async fn begin(project: &Project, client: &Client, more: &str) -> String {
    let location = authorize(project, &query(client, more)).await;
    let id = location.strip_prefix("http://localhost:3000/oauth/consent?authorization_id=").map(ToOwned::to_owned);
    id.unwrap_or_else(|| panic!("not the consent page: {location}"))
}

async fn decide(project: &Project, id: &str, token: &str, action: &str) -> Answer {
    project.ask("POST", &format!("/oauth/authorizations/{id}/consent"), token, json!({ "action": action })).await
}

/// A code that the user allowed.
async fn code(project: &Project, client: &Client, token: &str, more: &str) -> String {
    let id = begin(project, client, more).await;
    let url = text(&decide(project, &id, token, "approve").await.ok(), "/redirect_url");
    member(&url, "code").unwrap()
}

/// A form, by a client that shows its secret in the header, or not at all.
async fn form(project: &Project, basic: Option<(&str, &str)>, members: &[(&str, &str)]) -> Answer {
    let escaped = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let body: Vec<_> = members.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let mut request = Request::post("/oauth/token").header("content-type", "application/x-www-form-urlencoded");
    if let Some((id, secret)) = basic {
        request = request.header("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
    }
    let router = auth::router(Arc::clone(&project.context));
    let response = router.oneshot(request.body(Body::from(body.join("&"))).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn exchange(project: &Project, client: &Client, code: &str) -> Answer {
    let members = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    form(project, Some((&client.id, &client.secret)), &members).await
}

async fn refresh(project: &Project, client: &Client, token: &str) -> Answer {
    let members = [("grant_type", "refresh_token"), ("refresh_token", token)];
    form(project, Some((&client.id, &client.secret)), &members).await
}

fn oauth_error(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), text(&answer.json(), "/error"))
}

fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

async fn signed_up(project: &Project, email: &str) -> String {
    text(&project.signed_up(email).await, "/access_token")
}

#[tokio::test]
async fn a_user_allows_a_client_and_the_client_gets_tokens_for_its_code() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    let id = begin(&project, &app, "&scope=openid%20email&state=x%20y&nonce=n1").await;
    let details = project.get(&format!("/oauth/authorizations/{id}"), &token).await.ok();
    assert_eq!(
        details,
        json!({
            "authorization_id": id,
            "redirect_uri": CALLBACK,
            "client": { "id": app.id, "name": "An app", "uri": "", "logo_uri": "" },
            "user": { "id": claims(&token)["sub"], "email": "ann@example.com" },
            "scope": "openid email",
        })
    );
    let url = text(&decide(&project, &id, &token, "approve").await.ok(), "/redirect_url");
    assert!(url.starts_with("https://app.test/callback?tenant=1&code="), "{url}");
    assert_eq!(member(&url, "state").unwrap(), "x+y");
    let code = member(&url, "code").unwrap();
    assert_eq!(
        project.count(&format!("select count(*) from auth.oauth_authorizations where authorization_code = '{code}'")).await,
        0
    );

    let answer = exchange(&project, &app, &code).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    let issued = answer.ok();
    assert_eq!(
        (&issued["token_type"], &issued["expires_in"], &issued["scope"]),
        (&json!("bearer"), &json!(3600), &json!("openid email"))
    );
    let access = text(&issued, "/access_token");
    assert_eq!(claims(&access)["client_id"], app.id.as_str());
    assert_eq!(claims(&access)["scope"], "openid email");
    assert_eq!(claims(&access)["amr"][0]["method"], "oauth_provider/authorization_code");
    assert_eq!(project.get("/user", &access).await.ok()["email"], "ann@example.com");

    // The project has no public key: the token is signed with the client's secret.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[&app.id]);
    validation.set_issuer(&["http://ref.api.localhost:8000/auth/v1"]);
    let key = DecodingKey::from_secret(app.secret.as_bytes());
    let identity = jsonwebtoken::decode::<Value>(&text(&issued, "/id_token"), &key, &validation).unwrap().claims;
    assert_eq!((&identity["nonce"], &identity["email"]), (&json!("n1"), &json!("ann@example.com")));
    assert_eq!(identity["sub"], claims(&token)["sub"]);
    assert!(identity["auth_time"].is_i64() && identity["name"].is_null());
    assert_eq!(project.get("/user", &text(&issued, "/id_token")).await.error(), (403, "bad_jwt".to_owned()));

    let known = project.get("/oauth/userinfo", &access).await.ok();
    assert_eq!(known, json!({ "sub": identity["sub"], "email": "ann@example.com", "email_verified": true }));

    let refreshed = refresh(&project, &app, &text(&issued, "/refresh_token")).await.ok();
    assert_eq!(refreshed["scope"], "openid email");
    assert_eq!(claims(&text(&refreshed, "/access_token"))["client_id"], app.id.as_str());
    assert!(refreshed.get("id_token").is_none() && refreshed.get("user").is_none());
}

#[tokio::test]
async fn an_id_token_is_signed_by_the_project_s_key_where_others_can_verify_that() {
    let signer = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let point = signer.verifying_key().to_encoded_point(false);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = json!({
        "kty": "EC", "crv": "P-256", "kid": "k1", "key_ops": ["sign", "verify"],
        "x": part(point.x().unwrap()), "y": part(point.y().unwrap()), "d": part(&signer.to_bytes()),
    });
    let project = project(|settings| {
        enabled(settings);
        settings.jwt.keys = auth::settings::JwtKey::parse_set(&json!([key]).to_string()).unwrap();
    })
    .await;
    let app = client(&project, json!({ "token_endpoint_auth_method": "none", "client_type": "public" })).await;
    let token = signed_up(&project, "ann@example.com").await;
    let code = code(&project, &app, &token, "&scope=openid%20email&nonce=n1").await;
    let members = [
        ("grant_type", "authorization_code"),
        ("client_id", &app.id),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let issued = form(&project, None, &members).await.ok();
    let identity = text(&issued, "/id_token");
    let header = jsonwebtoken::decode_header(&identity).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::ES256, Some("k1")));
    let known: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&project.get("/.well-known/jwks.json", "").await.body).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[&app.id]);
    validation.set_issuer(&["http://ref.api.localhost:8000/auth/v1"]);
    let key = DecodingKey::from_jwk(known.find("k1").unwrap()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&identity, &key, &validation).unwrap().claims;
    assert_eq!((&claims["nonce"], &claims["email"]), (&json!("n1"), &json!("ann@example.com")));
    // It says who somebody is, and opens nothing.
    assert_eq!(project.get("/user", &identity).await.error(), (403, "bad_jwt".to_owned()));
    let document = project.get("/.well-known/openid-configuration", "").await.ok();
    assert!(document["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&json!("ES256")));
}

#[tokio::test]
async fn a_refresh_token_of_a_client_is_good_with_the_client_only() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let other = client(&project, json!({})).await;
    let session = project.signed_up("ann@example.com").await;
    let code = code(&project, &app, &text(&session, "/access_token"), "").await;
    let token = text(&exchange(&project, &app, &code).await.ok(), "/refresh_token");
    let without = project.post("/token?grant_type=refresh_token", json!({ "refresh_token": token })).await;
    assert_eq!(without.error(), (400, "refresh_token_not_found".to_owned()));
    assert_eq!(oauth_error(&refresh(&project, &other, &token).await), (400, "invalid_grant".to_owned()));
    let own = text(&session, "/refresh_token");
    assert_eq!(oauth_error(&refresh(&project, &app, &own).await), (400, "invalid_grant".to_owned()));
    refresh(&project, &app, &token).await.ok();
    project.post("/token?grant_type=refresh_token", json!({ "refresh_token": own })).await.ok();
}

#[tokio::test]
async fn a_session_of_a_client_is_beside_the_one_that_a_user_may_have() {
    let project = project(|settings| {
        enabled(settings);
        settings.sessions.single_per_user = true;
    })
    .await;
    let app = client(&project, json!({})).await;
    let session = project.signed_up("ann@example.com").await;
    let code = code(&project, &app, &text(&session, "/access_token"), "").await;
    let issued = exchange(&project, &app, &code).await.ok();
    let own = json!({ "refresh_token": session["refresh_token"] });
    project.post("/token?grant_type=refresh_token", own.clone()).await.ok();
    refresh(&project, &app, &text(&issued, "/refresh_token")).await.ok();
    let sign_in = json!({ "email": "ann@example.com", "password": "correct horse" });
    project.post("/token?grant_type=password", sign_in).await.ok();
    assert_eq!(project.post("/token?grant_type=refresh_token", own).await.error(), (400, "session_expired".to_owned()));
}

#[tokio::test]
async fn a_code_is_bound_to_client_address_and_verifier() {
    let project = project(enabled).await;
    let app = client(&project, json!({ "redirect_uris": [CALLBACK, "https://app.test/other"] })).await;
    let other = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    let code = code(&project, &app, &token, "").await;
    let tried = async |by: &Client, redirect_uri: &str, verifier: &str| {
        let members = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        form(&project, Some((&by.id, &by.secret)), &members).await
    };
    let refused = (400, "invalid_grant".to_owned());
    assert_eq!(oauth_error(&tried(&other, CALLBACK, VERIFIER).await), refused);
    assert_eq!(oauth_error(&tried(&app, "https://app.test/other", VERIFIER).await), refused);
    assert_eq!(oauth_error(&tried(&app, CALLBACK, &challenge()).await), refused);
    assert_eq!(oauth_error(&tried(&app, CALLBACK, "").await), (400, "invalid_request".to_owned()));
    tried(&app, CALLBACK, VERIFIER).await.ok();
}

#[tokio::test]
async fn a_code_is_exchanged_once_however_many_try() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    let code = code(&project, &app, &token, "").await;
    let (one, two, three) =
        tokio::join!(exchange(&project, &app, &code), exchange(&project, &app, &code), exchange(&project, &app, &code));
    let mut statuses = [one, two, three].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400]);
    // One of them was not the client: nobody has anything of the code.
    assert_eq!(project.count("select count(*) from auth.sessions where oauth_client_id is not null").await, 0);
}

#[tokio::test]
async fn a_code_that_is_shown_again_ends_what_came_of_it_and_nothing_else() {
    let project = project(enabled).await;
    let (app, other) = (client(&project, json!({})).await, client(&project, json!({})).await);
    let token = signed_up(&project, "ann@example.com").await;
    let first = code(&project, &app, &token, "").await;
    let tokens = exchange(&project, &app, &first).await.ok();
    let kept = exchange(&project, &app, &code(&project, &app, &token, "").await).await.ok();
    // Another client ends nothing by it.
    assert_eq!(oauth_error(&exchange(&project, &other, &first).await), (400, "invalid_grant".to_owned()));
    project.get("/user", &text(&tokens, "/access_token")).await.ok();
    assert_eq!(oauth_error(&exchange(&project, &app, &first).await), (400, "invalid_grant".to_owned()));
    let ended = project.get("/user", &text(&tokens, "/access_token")).await;
    assert_eq!(ended.error(), (403, "session_not_found".to_owned()));
    let refreshed = refresh(&project, &app, &text(&tokens, "/refresh_token")).await;
    assert_eq!(oauth_error(&refreshed), (400, "invalid_grant".to_owned()));
    for token in [text(&kept, "/access_token"), token] {
        project.get("/user", &token).await.ok();
    }
}

#[tokio::test]
async fn a_client_does_not_change_how_its_user_signs_in() {
    let project = project(|settings| {
        enabled(settings);
        settings.passkeys.enabled = true;
        settings.security.manual_linking_enabled = true;
    })
    .await;
    let app = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    let tokens = exchange(&project, &app, &code(&project, &app, &token, "").await).await.ok();
    let by_client = text(&tokens, "/access_token");
    let none = "00000000-0000-4000-8000-000000000000";
    for (method, path, body) in [
        ("PUT", "/user".to_owned(), json!({ "password": "another horse" })),
        ("PUT", "/user".to_owned(), json!({ "email": "eve@example.com" })),
        ("PUT", "/user".to_owned(), json!({ "phone": "15550100" })),
        ("POST", "/factors".to_owned(), json!({ "factor_type": "totp" })),
        ("DELETE", format!("/factors/{none}"), Value::Null),
        ("POST", "/passkeys/registration/options".to_owned(), json!({})),
        ("DELETE", format!("/passkeys/{none}"), Value::Null),
        ("GET", "/user/identities/authorize?provider=google".to_owned(), Value::Null),
        ("DELETE", format!("/user/identities/{none}"), Value::Null),
    ] {
        let answer = project.ask(method, &path, &by_client, body).await;
        assert_eq!(answer.error(), (403, "no_authorization".to_owned()), "{method} {path}");
    }
    // What the user says of itself, it may.
    project.ask("PUT", "/user", &by_client, json!({ "data": { "theme": "dark" } })).await.ok();
}

#[tokio::test]
async fn codes_and_requests_end_with_their_time() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    let late = code(&project, &app, &token, "").await;
    project.sql("update auth.oauth_authorizations set approved_at = now() - interval '601 seconds'").await;
    assert_eq!(oauth_error(&exchange(&project, &app, &late).await), (400, "invalid_grant".to_owned()));
    let id = begin(&project, &app, "&scope=phone").await;
    project
        .sql("update auth.oauth_authorizations set created_at = now() - interval '1 hour', expires_at = now() - interval '1 second'")
        .await;
    assert_eq!(decide(&project, &id, &token, "approve").await.error(), (400, "validation_failed".to_owned()));
    // A user who is banned in between gets no session.
    let id = code_after_consent(&project, &app, &token).await;
    project.sql("update auth.users set banned_until = now() + interval '1 hour'").await;
    assert_eq!(oauth_error(&exchange(&project, &app, &id).await), (400, "invalid_grant".to_owned()));
}

/// A code of a user who has allowed as much before: nobody is asked.
async fn code_after_consent(project: &Project, app: &Client, token: &str) -> String {
    let id = begin(project, app, "").await;
    let url = text(&project.get(&format!("/oauth/authorizations/{id}"), token).await.ok(), "/redirect_url");
    member(&url, "code").unwrap()
}

#[tokio::test]
async fn who_has_allowed_as_much_is_not_asked_again() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    code(&project, &app, &token, "&scope=email%20profile").await;
    let code = code_after_consent(&project, &app, &token).await;
    exchange(&project, &app, &code).await.ok();
    let id = begin(&project, &app, "&scope=email%20phone").await;
    let details = project.get(&format!("/oauth/authorizations/{id}"), &token).await.ok();
    assert_eq!(details["scope"], "email phone");
    // Of another client nothing is known.
    let other = client(&project, json!({})).await;
    let id = begin(&project, &other, "").await;
    assert_eq!(project.get(&format!("/oauth/authorizations/{id}"), &token).await.ok()["authorization_id"], id.as_str());
}

#[tokio::test]
async fn a_user_denies() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let token = signed_up(&project, "ann@example.com").await;
    let id = begin(&project, &app, "&state=s").await;
    assert_eq!(decide(&project, &id, &token, "perhaps").await.error(), (400, "validation_failed".to_owned()));
    let url = text(&decide(&project, &id, &token, "deny").await.ok(), "/redirect_url");
    assert_eq!(
        url,
        format!("{CALLBACK}&error=access_denied&error_description=The+user+denied+the+authorization+request&state=s")
    );
    assert_eq!(decide(&project, &id, &token, "approve").await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(project.count("select count(*) from auth.oauth_consents").await, 0);
}

#[tokio::test]
async fn only_the_user_who_is_asked_decides() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let ann = signed_up(&project, "ann@example.com").await;
    let bob = signed_up(&project, "bob@example.com").await;
    let id = begin(&project, &app, "").await;
    let path = format!("/oauth/authorizations/{id}");
    assert_eq!(project.get(&path, "").await.error(), (401, "no_authorization".to_owned()));
    project.get(&path, &ann).await.ok();
    let not_found = (404, "oauth_authorization_not_found".to_owned());
    assert_eq!(project.get(&path, &bob).await.error(), not_found);
    assert_eq!(decide(&project, &id, &bob, "approve").await.error(), not_found);
    assert_eq!(decide(&project, "unknown", &ann, "approve").await.error(), not_found);
    // A client has a user's token, but is not the user.
    let code = code(&project, &app, &bob, "").await;
    let of_client = text(&exchange(&project, &app, &code).await.ok(), "/access_token");
    let another = client(&project, json!({})).await;
    let id = begin(&project, &another, "").await;
    let forbidden = (403, "no_authorization".to_owned());
    assert_eq!(decide(&project, &id, &of_client, "approve").await.error(), forbidden);
    assert_eq!(project.get(&format!("/oauth/authorizations/{id}"), &of_client).await.error(), forbidden);
    assert_eq!(project.get("/user/oauth/grants", &of_client).await.error(), forbidden);
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_the_clients() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let with = |id: &str, redirect_uri: &str| {
        format!(
            "/oauth/authorize?client_id={id}&redirect_uri={redirect_uri}&response_type=code&code_challenge_method=S256\
             &code_challenge={}",
            challenge()
        )
    };
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(project.get(&with(nobody, CALLBACK_ESCAPED), "").await.error(), (400, "oauth_client_not_found".to_owned()));
    for (id, to) in [
        ("", CALLBACK_ESCAPED),
        ("app", CALLBACK_ESCAPED),
        (app.id.as_str(), ""),
        (app.id.as_str(), "https%3A%2F%2Fevil.test%2F"),
        (app.id.as_str(), "https%3A%2F%2Fapp.test%2Fcallback"),
        (app.id.as_str(), "https%3A%2F%2Fapp.test%2Fcallback%3Ftenant%3D1%26more"),
        (app.id.as_str(), "https%3A%2F%2FAPP.test%2Fcallback%3Ftenant%3D1"),
    ] {
        assert_eq!(project.get(&with(id, to), "").await.error(), (400, "validation_failed".to_owned()), "{id} {to}");
    }
    assert_eq!(project.count("select count(*) from auth.oauth_authorizations").await, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_the_client_is_told() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let id = &app.id;
    let plain = format!("code_challenge={VERIFIER}&code_challenge_method=plain");
    let pkce = format!("code_challenge={}&code_challenge_method=S256", challenge());
    for (rest, error) in [
        ("response_type=code".to_owned(), "invalid_request"),
        (format!("response_type=code&{plain}"), "invalid_request"),
        ("response_type=code&code_challenge=short&code_challenge_method=S256".to_owned(), "invalid_request"),
        (pkce.clone(), "invalid_request"),
        (format!("response_type=token&{pkce}"), "unsupported_response_type"),
        (format!("response_type=code&scope=admin&{pkce}"), "invalid_scope"),
        (format!("response_type=code&resource=mcp&{pkce}"), "invalid_target"),
        (format!("response_type=code&nonce={}&{pkce}", "n".repeat(256)), "invalid_request"),
    ] {
        let path = format!("/oauth/authorize?client_id={id}&redirect_uri={CALLBACK_ESCAPED}&state=s&{rest}");
        let location = authorize(&project, &path).await;
        assert!(location.starts_with(CALLBACK), "{location}");
        assert_eq!(member(&location, "error").as_deref(), Some(error), "{rest}");
        assert_eq!(member(&location, "state").as_deref(), Some("s"));
    }
    // What MCP's clients send is taken.
    let id = begin(&project, &app, "&scope=email%20offline_access&resource=https%3A%2F%2Fmcp.test%2F").await;
    let token = signed_up(&project, "ann@example.com").await;
    assert_eq!(project.get(&format!("/oauth/authorizations/{id}"), &token).await.ok()["scope"], "email");
}

#[tokio::test]
async fn a_user_sees_and_ends_what_clients_may() {
    let project = project(enabled).await;
    let app = client(&project, json!({ "client_uri": "https://app.test" })).await;
    let token = signed_up(&project, "ann@example.com").await;
    let first = code(&project, &app, &token, "&scope=email%20profile").await;
    let issued = exchange(&project, &app, &first).await.ok();
    let left = code_after_consent(&project, &app, &token).await;
    let grants = project.get("/user/oauth/grants", &token).await.ok();
    assert_eq!(grants[0]["client"], json!({ "id": app.id, "name": "An app", "uri": "https://app.test", "logo_uri": "" }));
    assert_eq!(grants[0]["scopes"], json!(["email", "profile"]));
    assert!(text(&grants, "/0/granted_at").contains('T'));
    let revoke =
        async |client: &str| project.ask("DELETE", &format!("/user/oauth/grants?client_id={client}"), &token, Value::Null).await;
    assert_eq!(revoke("").await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(revoke("app").await.error(), (400, "validation_failed".to_owned()));
    assert_eq!(revoke(&app.id).await.status, 204);
    assert_eq!(revoke(&app.id).await.error(), (404, "oauth_consent_not_found".to_owned()));
    assert_eq!(project.get("/user/oauth/grants", &token).await.ok(), json!([]));
    assert_eq!(project.get("/user", &text(&issued, "/access_token")).await.error(), (403, "session_not_found".to_owned()));
    assert_eq!(oauth_error(&refresh(&project, &app, &text(&issued, "/refresh_token")).await), (400, "invalid_grant".to_owned()));
    assert_eq!(oauth_error(&exchange(&project, &app, &left).await), (400, "invalid_grant".to_owned()));
    // The user's own session is none of it.
    project.get("/user", &token).await.ok();
}

#[tokio::test]
async fn an_id_token_with_the_projects_signature_is_no_access_token() {
    let project = project(enabled).await;
    let app = client(&project, json!({})).await;
    let user = claims(&signed_up(&project, "ann@example.com").await)["sub"].clone();
    let signed =
        |claims: Value| jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap();
    let identity = signed(json!({ "sub": user, "aud": app.id, "exp": 4_000_000_000_u64 }));
    assert_eq!(project.get("/user", &identity).await.error(), (403, "bad_jwt".to_owned()));
    let access = signed(json!({ "sub": user, "aud": "authenticated", "role": "authenticated", "exp": 4_000_000_000_u64 }));
    project.get("/user", &access).await.ok();
    // The user's own token has every scope.
    let known = project.get("/oauth/userinfo", &access).await.ok();
    assert_eq!((&known["email"], known["updated_at"].is_i64()), (&json!("ann@example.com"), true));
}
