//! An OpenID provider on this machine, which says what a test wants: as Keycloak's realm, and as an issuer of its own.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::sync::{Arc, Mutex};

use auth::settings::{Provider, Settings};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, Project, member};

const KEY: &[u8] = include_bytes!("../../src/provider/tests/keys/rsa.pem");

/// Where an application goes on.
pub(crate) const APP: &str = "http://localhost:3000/app";

#[derive(Clone)]
pub(crate) struct OpenId {
    /// Its issuer.
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    user: Value,
    /// What was exchanged: forms, decoded.
    exchanged: Vec<Vec<(String, String)>>,
}

impl OpenId {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let this = Self { url, inner: Arc::default() };
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/realm/protocol/openid-connect/token", post(token))
            .route("/realm/protocol/openid-connect/userinfo", get(userinfo))
            .with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        this
    }

    /// Who signs in from now on.
    pub(crate) fn user(&self, user: Value) {
        self.inner.lock().unwrap().user = user;
    }

    /// A field of the last exchange.
    pub(crate) fn exchanged(&self, name: &str) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        let form = inner.exchanged.last()?;
        form.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    /// Has a project's users sign in here, as by Keycloak.
    pub(crate) fn configure(&self, settings: &mut Settings) {
        let provider = Provider {
            enabled: true,
            client_ids: vec!["client".to_owned()],
            secret: Some("s3cret".into()),
            url: self.url.clone(),
            ..Provider::default()
        };
        settings.external.providers.insert("keycloak".to_owned(), provider);
        settings.mailer.autoconfirm = false;
    }

    pub(crate) fn id_token(&self, more: &Value) -> String {
        let now = jsonwebtoken::get_current_timestamp();
        let mut claims = json!({ "iss": self.url, "aud": "client", "iat": now, "exp": now + 600 });
        let claims_object = claims.as_object_mut().unwrap();
        claims_object.extend(self.inner.lock().unwrap().user.as_object().unwrap().clone());
        claims_object.extend(more.as_object().unwrap().clone());
        let header = Header { kid: Some("r".to_owned()), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_rsa_pem(KEY).unwrap()).unwrap()
    }

    /// From `/authorize` through the provider to the application. `query`: of the beginning.
    pub(crate) async fn sign_in(&self, project: &Project, query: &str) -> String {
        let begun = project.get(&format!("/authorize?redirect_to={APP}&{query}"), "").await;
        self.back(project, &found(&begun)).await
    }

    /// From the provider's page to the application.
    pub(crate) async fn back(&self, project: &Project, at_provider: &str) -> String {
        assert!(at_provider.starts_with(&self.url), "{at_provider}");
        let state = member(at_provider, "state").unwrap();
        found(&project.get(&format!("/callback?code=c0de&state={state}"), "").await)
    }
}

/// Where a browser is sent.
pub(crate) fn found(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// A challenge of RFC 7636 by S256.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

async fn discovery(State(this): State<OpenId>) -> Json<Value> {
    let url = &this.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/protocol/openid-connect/token"),
        "userinfo_endpoint": format!("{url}/protocol/openid-connect/userinfo"),
        "jwks_uri": format!("{url}/keys"),
        "id_token_signing_alg_values_supported": ["RS256"],
    }))
}

async fn keys() -> Json<Value> {
    let mut jwk = Jwk::from_encoding_key(&EncodingKey::from_rsa_pem(KEY).unwrap(), Algorithm::RS256).unwrap();
    jwk.common.key_id = Some("r".to_owned());
    Json(json!({ "keys": [jwk] }))
}

async fn token(State(this): State<OpenId>, body: Bytes) -> Json<Value> {
    let url = reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8(body.to_vec()).unwrap())).unwrap();
    this.inner.lock().unwrap().exchanged.push(url.query_pairs().into_owned().collect());
    let id_token = this.id_token(&json!({}));
    Json(json!({ "access_token": "pat", "refresh_token": "prt", "token_type": "bearer", "id_token": id_token }))
}

async fn userinfo(State(this): State<OpenId>) -> Json<Value> {
    Json(this.inner.lock().unwrap().user.clone())
}
