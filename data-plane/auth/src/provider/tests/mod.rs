//! The engine against a server on loopback that plays all providers: `https://host/path` is its `/host/path`.

mod flow;
mod hostile;
mod id_tokens;
mod profiles;
mod real;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use reqwest::Url;
use serde_json::{Value, json};

use super::{
    Provider, ProviderSettings,
    engine::Engine,
    form,
    http::{Answer, Call, Transport, TransportError},
    issuer::Limits,
};
use crate::outgoing::{http::HttpClient, testing::client};

const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const ANOTHER_RSA: &[u8] = include_bytes!("keys/another-rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa-public.pem");
const EC: &[u8] = include_bytes!("keys/ec.pem");

/// What the server was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    method: String,
    /// `host/path?query`
    target: String,
    authorization: Option<String>,
    headers: HashMap<String, String>,
    form: Vec<(String, String)>,
}

impl Asked {
    fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// All providers at once.
#[derive(Debug, Clone)]
struct World {
    port: u16,
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By `host/path`: answers in turn, the last one for ever.
    answers: Mutex<HashMap<String, Vec<(u16, String)>>>,
    asked: Mutex<Vec<Asked>>,
}

impl World {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let world = Self { port: listener.local_addr().unwrap().port(), inner: Arc::default() };
        let router = Router::new().fallback(answer).with_state(world.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        world
    }

    fn says(&self, target: &str, body: impl ToString) {
        self.says_with(200, target, body);
    }

    fn says_with(&self, status: u16, target: &str, body: impl ToString) {
        self.inner.answers.lock().unwrap().entry(target.to_owned()).or_default().push((status, body.to_string()));
    }

    fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }

    fn times_asked(&self, target: &str) -> usize {
        self.asked().iter().filter(|asked| asked.target == target).count()
    }

    fn engine(&self) -> Engine {
        Engine::new(self.transport())
    }

    /// One that asks again at once.
    fn impatient_engine(&self) -> Engine {
        Engine::with_limits(self.transport(), Limits { oldest: Duration::from_secs(60), least_between: Duration::ZERO })
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(ToWorld { client: client(), port: self.port })
    }

    /// A provider of OpenID Connect at this issuer, with these keys.
    fn is_issuer(&self, issuer: &str, keys: &[Value]) {
        let host = issuer.strip_prefix("https://").unwrap();
        self.says(
            &format!("{host}/.well-known/openid-configuration"),
            json!({
                "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "userinfo_endpoint": format!("{issuer}/userinfo"),
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            }),
        );
        self.says(&format!("{host}/keys"), json!({"keys": keys}));
    }
}

#[derive(Debug)]
struct ToWorld {
    client: HttpClient,
    port: u16,
}

impl Transport for ToWorld {
    fn send(&self, mut call: Call) -> BoxFuture<'_, Result<Answer, TransportError>> {
        assert_eq!(call.url.scheme(), "https", "{call:?}");
        let query = call.url.query().map_or(String::new(), |query| format!("?{query}"));
        let target = format!("{}{}{query}", call.url.host_str().unwrap(), call.url.path());
        call.url = Url::parse(&format!("http://127.0.0.1:{}/{target}", self.port)).unwrap();
        Transport::send(&self.client, call)
    }
}

async fn answer(State(world): State<World>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let headers: HashMap<String, String> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    world.inner.asked.lock().unwrap().push(Asked {
        method: parts.method.to_string(),
        target: parts.uri.to_string()[1..].to_owned(),
        authorization: headers.get("authorization").cloned(),
        headers,
        form: form::decode(&body),
    });
    let mut answers = world.inner.answers.lock().unwrap();
    let Some(queue) = answers.get_mut(&parts.uri.path()[1..]) else {
        return (http::StatusCode::NOT_FOUND, format!("no {}", parts.uri)).into_response();
    };
    let (status, body) = if queue.len() > 1 { queue.remove(0) } else { queue[0].clone() };
    (http::StatusCode::from_u16(status).unwrap(), body).into_response()
}

fn provider(name: &str) -> Provider {
    Provider::known(name).unwrap()
}

fn settings() -> ProviderSettings {
    ProviderSettings {
        client_ids: vec!["client".to_owned(), "app.ios".to_owned()],
        secret: "s3cret&".to_owned().into(),
        redirect_uri: "https://ref.example.com/auth/v1/callback".to_owned(),
        base_url: None,
        skip_nonce_check: false,
        email_optional: false,
    }
}

/// The public half of a key, under a name.
fn jwk(key: &EncodingKey, algorithm: Algorithm, name: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(name.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_pem(RSA).unwrap()
}

fn ec() -> EncodingKey {
    EncodingKey::from_ec_pem(EC).unwrap()
}

fn now() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}

/// Claims that are good for an hour, with more.
fn claims(issuer: &str, more: Value) -> Value {
    let mut claims = json!({"iss": issuer, "sub": "1", "aud": "client", "iat": now(), "exp": now() + 3600});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn sign(key: &EncodingKey, algorithm: Algorithm, name: &str, claims: &Value) -> String {
    let header = Header { kid: Some(name.to_owned()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).unwrap()
}

/// By the RSA key, which [`rsa_jwk`] is the public half of.
fn signed(claims: &Value) -> String {
    sign(&rsa(), Algorithm::RS256, "r", claims)
}

fn rsa_jwk() -> Value {
    jwk(&rsa(), Algorithm::RS256, "r")
}
