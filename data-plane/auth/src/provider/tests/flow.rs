//! What does not depend on who the provider is: parameters, client authentication, errors, custom providers, OAuth 1.0a.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::{World, claims, provider, rsa_jwk, settings, signed};
use crate::provider::{
    Provider, ProviderError, ProviderSettings,
    custom::{CustomKind, CustomProvider},
    engine::{AuthorizationRequest, Beside, Callback, Pkce},
};

const CALLBACK: Callback<'_> = Callback { code: "co", verifier: Some("ver"), request_token: None };

fn custom(kind: CustomKind) -> Provider {
    let params = [("prompt", "consent"), ("redirect_uri", "https://evil.example"), ("state", "mine")];
    Provider::Custom(Arc::new(CustomProvider {
        identifier: "custom:mine".to_owned(),
        kind,
        scopes: vec!["email".to_owned(), "profile".to_owned()],
        pkce_enabled: true,
        attribute_mapping: serde_json::Map::new(),
        authorization_params: params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        custom_claims_allowlist: vec!["groups".to_owned()],
    }))
}

fn oidc() -> Provider {
    custom(CustomKind::Oidc { issuer: "https://id.example.com".to_owned(), discovery_url: None })
}

fn oauth2() -> Provider {
    custom(CustomKind::Oauth2 {
        authorization_url: "https://o.example.com/authorize?tenant=1".to_owned(),
        token_url: "https://o.example.com/token".to_owned(),
        userinfo_url: "https://api.o.example.com/me".to_owned(),
    })
}

async fn parameters(world: &World, provider: &Provider, request: &AuthorizationRequest<'_>) -> BTreeMap<String, Vec<String>> {
    let url = world.engine().authorization_url(provider, &settings(), request).await.unwrap().url;
    let mut parameters = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in url.query_pairs().into_owned() {
        parameters.entry(name).or_default().push(value);
    }
    parameters
}

#[tokio::test]
async fn an_application_adds_scopes_and_parameters_but_not_the_flows_own() {
    let world = World::new().await;
    let given = [
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("client_id", "evil"),
        ("redirect_uri", "https://evil.example"),
        ("state", "evil"),
        ("scope", "evil"),
        ("response_type", "token"),
        ("response_mode", "fragment"),
        ("code_challenge", "evil"),
        ("nonce", "evil"),
        ("provider", "google"),
        ("redirect_to", "https://app.example.com"),
    ];
    let given: Vec<(String, String)> = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = AuthorizationRequest {
        state: "st",
        scopes: "email https://www.googleapis.com/auth/calendar,openid",
        parameters: &given,
        code_challenge: Some("ch"),
        nonce: Some("no"),
    };
    let parameters = parameters(&world, &provider("google"), &request).await;
    let expected = [
        ("access_type", "offline"),
        ("client_id", "client"),
        ("code_challenge", "ch"),
        ("code_challenge_method", "S256"),
        ("nonce", "no"),
        ("prompt", "consent"),
        ("redirect_uri", "https://ref.example.com/auth/v1/callback"),
        ("response_type", "code"),
        ("scope", "email profile https://www.googleapis.com/auth/calendar openid"),
        ("state", "st"),
    ];
    let expected: BTreeMap<String, Vec<String>> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    assert_eq!(parameters, expected);
}

#[tokio::test]
async fn apple_posts_back_and_workos_names_the_provider() {
    let world = World::new().await;
    let apple = parameters(&world, &provider("apple"), &AuthorizationRequest::default()).await;
    assert_eq!(
        (apple["response_mode"].as_slice(), apple["scope"].as_slice()),
        (&["form_post".to_owned()][..], &["email name".to_owned()][..])
    );
    let given = [("workos_provider".to_owned(), "GoogleOAuth".to_owned()), ("connection".to_owned(), "conn_1".to_owned())];
    let request = AuthorizationRequest { parameters: &given, ..AuthorizationRequest::default() };
    let workos = parameters(&world, &provider("workos"), &request).await;
    assert_eq!(
        (workos["provider"].as_slice(), workos["connection"].as_slice()),
        (&["GoogleOAuth".to_owned()][..], &["conn_1".to_owned()][..])
    );
    assert!(!workos.contains_key("scope"));
}

#[tokio::test]
async fn what_is_not_configured_is_said() {
    let world = World::new().await;
    let request = AuthorizationRequest::default();
    let refused = |provider: &'static str, settings: ProviderSettings| {
        let engine = world.engine();
        async move { engine.authorization_url(&super::provider(provider), &settings, &request).await.unwrap_err().to_string() }
    };
    assert_eq!(refused("keycloak", settings()).await, "unable to find URL for the keycloak provider");
    for bad in ["javascript:alert(1)", "https://x.example.com/?y", "nothing"] {
        let settings = ProviderSettings { base_url: Some(bad.to_owned()), ..settings() };
        assert!(refused("keycloak", settings).await.contains("URL"), "{bad}");
    }
    let nobody = ProviderSettings { client_ids: Vec::new(), ..settings() };
    assert_eq!(refused("google", nobody).await, "missing OAuth client ID");
    assert_eq!(refused("vercel_marketplace", settings()).await, "the provider vercel_marketplace has id tokens only");
    assert!(Provider::known("nobody").is_none());
    assert_eq!(Provider::known("GitHub").unwrap().name(), "github");
}

#[tokio::test]
async fn a_provider_that_cannot_be_moved_is_not_moved() {
    let world = World::new().await;
    let moved = ProviderSettings { base_url: Some("https://evil.example".to_owned()), ..settings() };
    let url = world.engine().authorization_url(&provider("google"), &moved, &AuthorizationRequest::default()).await.unwrap().url;
    assert_eq!(url.host_str(), Some("accounts.google.com"));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_providers_words_whatever_its_status() {
    let bodies = [
        (
            200,
            r#"{"error":"bad_verification_code","error_description":"It has\nexpired."}"#,
            "bad_verification_code: It hasexpired.",
        ),
        (400, r#"{"error":"invalid_grant"}"#, "invalid_grant"),
        (400, r#"{"error":{"type":"OAuthException","message":"No.","code":100}}"#, "OAuthException: No."),
        (200, "error=bad&error_description=Worse+yet", "bad: Worse yet"),
        (502, "<html>", "status 502"),
    ];
    for (status, body, expected) in bodies {
        let world = World::new().await;
        world.says_with(status, "github.com/login/oauth/access_token", body);
        let refused = world.engine().exchange(&provider("github"), &settings(), &CALLBACK).await.unwrap_err();
        assert!(matches!(&refused, ProviderError::Refused(why) if why == expected), "{refused}");
    }
    let world = World::new().await;
    world.says("github.com/login/oauth/access_token", "{}");
    let refused = world.engine().exchange(&provider("github"), &settings(), &CALLBACK).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Answer(_)), "{refused}");
}

#[tokio::test]
async fn tokens_come_as_a_form_too() {
    let world = World::new().await;
    world.says("github.com/login/oauth/access_token", "access_token=gho_1&scope=user%3Aemail&expires_in=60");
    let tokens = world.engine().exchange(&provider("github"), &settings(), &CALLBACK).await.unwrap();
    assert_eq!((tokens.access_token.expose_secret(), tokens.expires_in), ("gho_1", Some(60)));
    assert!(!format!("{tokens:?}").contains("gho_1"));
    let asked = &world.asked()[0];
    assert_eq!(asked.headers["accept"], "application/json");
    assert_eq!(asked.field("code_verifier"), Some("ver"));
    assert_eq!(asked.field("redirect_uri"), Some("https://ref.example.com/auth/v1/callback"));
}

#[tokio::test]
async fn a_custom_provider_is_discovered() {
    let world = World::new().await;
    world.is_issuer("https://id.example.com", &[rsa_jwk()]);
    let request = AuthorizationRequest { state: "st", ..AuthorizationRequest::default() };
    let parameters = parameters(&world, &oidc(), &request).await;
    assert_eq!(parameters["scope"], ["openid email profile"]);
    assert_eq!(parameters["prompt"], ["consent"]);
    assert_eq!(
        (&parameters["state"][..], &parameters["redirect_uri"][..]),
        (&["st".to_owned()][..], &[settings().redirect_uri][..])
    );

    let more = json!({"email": "a@example.com", "email_verified": true, "name": "Ann", "groups": ["x"], "nonce": "no"});
    let token = signed(&claims("https://id.example.com", more));
    world.says("id.example.com/token", json!({"access_token": "at", "id_token": token}));
    let engine = world.engine();
    let tokens = engine.exchange(&oidc(), &settings(), &CALLBACK).await.unwrap();
    // Only Apple's browser is believed what the user's name is.
    let beside = Beside { nonce: Some("no"), user: Some(r#"{"name":{"firstName":"Eve"}}"#) };
    let profile = engine.profile(&oidc(), &settings(), &tokens, beside).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": "https://id.example.com", "sub": "1", "provider_id": "1", "name": "Ann", "full_name": "Ann",
            "email": "a@example.com", "email_verified": true, "phone_verified": false, "custom_claims": {"groups": ["x"]}})
    );
    let another = Beside { nonce: Some("another"), user: None };
    let refused = engine.profile(&oidc(), &settings(), &tokens, another).await.unwrap_err();
    assert_eq!(refused.to_string(), "Nonces mismatch");
}

#[tokio::test]
async fn a_custom_provider_without_an_id_token_is_asked_for_the_user() {
    let world = World::new().await;
    world.is_issuer("https://id.example.com", &[]);
    world.says("id.example.com/token", json!({"access_token": "at"}));
    world.says("id.example.com/userinfo", json!({"sub": "1", "email": "a@example.com"}));
    let engine = world.engine();
    let tokens = engine.exchange(&oidc(), &settings(), &CALLBACK).await.unwrap();
    let profile = engine.profile(&oidc(), &settings(), &tokens, Beside::default()).await.unwrap();
    assert_eq!((profile.subject.as_str(), profile.email().unwrap().verified), ("1", false));
}

#[tokio::test]
async fn an_id_token_without_an_address_is_completed_for_the_same_user_only() {
    for (of, good) in [("1", true), ("2", false)] {
        let world = World::new().await;
        world.is_issuer("https://id.example.com", &[rsa_jwk()]);
        let token = signed(&claims("https://id.example.com", json!({"name": "Signed"})));
        world.says("id.example.com/token", json!({"access_token": "at", "id_token": token}));
        let answer = json!({"sub": of, "email": "a@example.com", "email_verified": true, "name": "Told", "locale": "en"});
        world.says("id.example.com/userinfo", answer);
        let engine = world.engine();
        let tokens = engine.exchange(&oidc(), &settings(), &CALLBACK).await.unwrap();
        let outcome = engine.profile(&oidc(), &settings(), &tokens, Beside::default()).await;
        if good {
            let claims = outcome.unwrap().claims;
            assert_eq!((&claims["name"], &claims["locale"]), (&json!("Signed"), &json!("en")));
            assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("a@example.com"), &json!(true)));
        } else {
            assert!(matches!(outcome, Err(ProviderError::Answer(_))), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_secret_is_not_sent_without_tls() {
    let world = World::new().await;
    world.says(
        "id.example.com/.well-known/openid-configuration",
        json!({"issuer": "https://id.example.com", "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "http://id.example.com/token", "jwks_uri": "https://id.example.com/keys"}),
    );
    let refused = world.engine().exchange(&oidc(), &settings(), &CALLBACK).await.unwrap_err();
    assert!(matches!(refused, ProviderError::Answer(_)), "{refused}");
    assert_eq!(world.asked().len(), 1);
}

#[tokio::test]
async fn a_custom_provider_of_oauth_is_asked_in_both_ways_who_the_client_is() {
    let world = World::new().await;
    let url = world.engine().authorization_url(&oauth2(), &settings(), &AuthorizationRequest::default()).await.unwrap().url;
    assert!(url.as_str().starts_with("https://o.example.com/authorize?tenant=1&"), "{url}");
    world.says_with(401, "o.example.com/token", r#"{"error":"invalid_client"}"#);
    world.says("o.example.com/token", json!({"access_token": "at"}));
    world.says("api.o.example.com/me", json!({"id": 5, "email": "a@example.com", "email_verified": true, "name": "Ann"}));
    let engine = world.engine();
    let tokens = engine.exchange(&oauth2(), &settings(), &CALLBACK).await.unwrap();
    let asked = world.asked();
    assert!(asked[0].authorization.is_some() && asked[0].field("client_secret").is_none());
    assert!(asked[1].authorization.is_none() && asked[1].field("client_secret") == Some("s3cret&"));
    let profile = engine.profile(&oauth2(), &settings(), &tokens, Beside::default()).await.unwrap();
    assert_eq!((profile.subject.as_str(), &profile.claims["iss"]), ("5", &json!("https://api.o.example.com")));
}

#[tokio::test]
async fn a_document_of_another_issuer_or_without_addresses_is_refused() {
    let world = World::new().await;
    let target = "id.example.com/.well-known/openid-configuration";
    world.says(target, json!({"issuer": "https://other.example.com"}));
    let discover = || async { world.impatient_engine().issuers().discover("https://id.example.com", None).await };
    assert_eq!(
        discover().await.unwrap_err().to_string(),
        "OIDC discovery issuer mismatch: discovery document reports \"https://other.example.com\" but expected \
         \"https://id.example.com\""
    );
    world.inner.answers.lock().unwrap().clear();
    assert_eq!(
        discover().await.unwrap_err().to_string(),
        "Failed to fetch OIDC discovery document from \"https://id.example.com/.well-known/openid-configuration\""
    );
    world.says(target, json!({"issuer": "https://id.example.com", "token_endpoint": "https://id.example.com/token"}));
    let incomplete = discover().await.unwrap().complete().unwrap_err().to_string();
    assert_eq!(incomplete, "OIDC discovery document is missing required fields: authorization_endpoint, jwks_uri");
}

#[tokio::test]
async fn twitter_walks_oauth_1() {
    let world = World::new().await;
    world.says("api.twitter.com/oauth/request_token", "oauth_token=rt&oauth_token_secret=rts&oauth_callback_confirmed=true");
    let (engine, twitter) = (world.engine(), provider("twitter"));
    let request = AuthorizationRequest { state: "s t", ..AuthorizationRequest::default() };
    let authorization = engine.authorization_url(&twitter, &settings(), &request).await.unwrap();
    assert_eq!(authorization.url.as_str(), "https://api.twitter.com/oauth/authenticate?oauth_token=rt");
    let header = world.asked()[0].authorization.clone().unwrap();
    assert!(
        header.contains("oauth_callback=\"https%3A%2F%2Fref.example.com%2Fauth%2Fv1%2Fcallback%3Fstate%3Ds%2Bt\""),
        "{header}"
    );

    world.says("api.twitter.com/oauth/access_token", "oauth_token=at&oauth_token_secret=ats&user_id=6253282");
    let callback = Callback { code: "verifier", verifier: None, request_token: authorization.request_token.as_ref() };
    let tokens = engine.exchange(&twitter, &settings(), &callback).await.unwrap();
    let header = world.asked()[1].authorization.clone().unwrap();
    assert!(header.contains("oauth_verifier=\"verifier\"") && header.contains("oauth_token=\"rt\""), "{header}");

    let user = json!({"id": 6253282, "id_str": "6253282", "name": "Tw", "screen_name": "tw", "email": "t@example.com",
        "profile_image_url_https": "https://a/1"});
    world.says("api.twitter.com/1.1/account/verify_credentials.json", user);
    let profile = engine.profile(&twitter, &settings(), &tokens, Beside::default()).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": "https://api.twitter.com/1.1/account/verify_credentials.json", "sub": "6253282", "provider_id": "6253282",
            "name": "Tw", "full_name": "Tw", "preferred_username": "tw", "user_name": "tw", "picture": "https://a/1",
            "avatar_url": "https://a/1", "email": "t@example.com", "email_verified": true, "phone_verified": false})
    );
    assert!(world.asked()[2].authorization.as_ref().unwrap().contains("oauth_token=\"at\""));
    let without = Callback { request_token: None, ..callback };
    assert!(matches!(engine.exchange(&twitter, &settings(), &without).await, Err(ProviderError::Answer(_))));
}

#[test]
fn a_challenge_is_of_its_verifier() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let (one, other) = (Pkce::generate(), Pkce::generate());
    assert_ne!(one.verifier.expose_secret(), other.verifier.expose_secret());
    assert_eq!(one.verifier.expose_secret().len(), 43);
    assert_eq!(one.challenge, URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(one.verifier.expose_secret())));
}
