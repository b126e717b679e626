//! The engine against a real OpenID provider, by hand: start `node end2end/support/oidc-provider.ts`, and give what it prints.

use std::{collections::BTreeMap, sync::Arc};

use reqwest::{Response, Url, header};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::settings;
use crate::provider::{
    Provider, ProviderSettings,
    custom::{CustomKind, CustomProvider},
    engine::{AuthorizationRequest, Beside, Callback, Engine, Pkce},
};

const BACK: &str = "http://127.0.0.1:9/callback";

/// As much of a browser as a sign-in needs.
struct Browser {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// Follows redirects, presses the button of each page, and stops where it would leave for `back`.
    async fn walk(&mut self, mut url: Url, back: &str) -> Url {
        for _ in 0..20 {
            if url.as_str().starts_with(back) {
                return url;
            }
            let mut response = self.ask(self.client.get(url.clone())).await;
            if response.status().is_success() {
                response = self.ask(self.client.post(url.clone())).await;
            }
            let location = response.headers().get(header::LOCATION).map(|location| location.to_str().unwrap().to_owned());
            let Some(location) = location else { panic!("{} {}", response.status(), response.text().await.unwrap()) };
            url = url.join(&location).unwrap();
        }
        panic!("still at {url}");
    }

    async fn ask(&mut self, request: reqwest::RequestBuilder) -> Response {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        response
    }
}

#[tokio::test]
#[ignore = "needs a provider that runs: OIDC_ISSUER"]
async fn a_real_provider_signs_in() {
    let issuer = std::env::var("OIDC_ISSUER").expect("OIDC_ISSUER says where the provider is");
    let provider = Provider::Custom(Arc::new(CustomProvider {
        identifier: "custom:real".to_owned(),
        kind: CustomKind::Oidc { issuer: issuer.clone(), discovery_url: None },
        scopes: vec!["email".to_owned(), "profile".to_owned()],
        pkce_enabled: true,
        attribute_mapping: serde_json::Map::new(),
        authorization_params: BTreeMap::new(),
        custom_claims_allowlist: Vec::new(),
    }));
    let settings = ProviderSettings {
        client_ids: vec!["supacloud".to_owned()],
        secret: "a secret of the client".to_owned().into(),
        redirect_uri: BACK.to_owned(),
        ..settings()
    };
    let engine = Engine::new(Arc::new(crate::outgoing::testing::client()));
    let pkce = Pkce::generate();
    let request = AuthorizationRequest {
        state: "a state",
        code_challenge: Some(&pkce.challenge),
        nonce: Some("a nonce"),
        ..AuthorizationRequest::default()
    };
    let start = engine.authorization_url(&provider, &settings, &request).await.unwrap().url;
    let mut browser = Browser {
        client: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap(),
        cookies: BTreeMap::new(),
    };
    let back: BTreeMap<String, String> = browser.walk(start, BACK).await.query_pairs().into_owned().collect();
    assert_eq!(back.get("state").map(String::as_str), Some("a state"), "{back:?}");

    let callback = Callback { code: &back["code"], verifier: Some(pkce.verifier.expose_secret()), request_token: None };
    let tokens = engine.exchange(&provider, &settings, &callback).await.unwrap();
    let profile = engine.profile(&provider, &settings, &tokens, Beside { nonce: Some("a nonce"), user: None }).await.unwrap();
    assert_eq!(
        Value::Object(profile.claims),
        json!({"iss": issuer, "sub": "ada", "provider_id": "ada", "name": "Ada Lovelace", "full_name": "Ada Lovelace",
            "preferred_username": "ada", "user_name": "ada", "picture": "http://127.0.0.1/ada.png",
            "avatar_url": "http://127.0.0.1/ada.png", "email": "ada@example.com", "email_verified": true, "phone_verified": false})
    );
    let again = engine.exchange(&provider, &settings, &callback).await.unwrap_err();
    assert!(again.to_string().contains("invalid_grant"), "{again}");
}
