//! One project over a fresh database, and requests through the router as a client would send them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

pub(crate) mod program;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt;
use jsonwebtoken::{EncodingKey, Header};
use project_context::{ApiKeys, ContextSettings, DatabaseAddress, ProjectContext};
use secrecy::SecretString;
use serde_json::{Value, json};
use test_postgres::{TestCluster, TestDatabase};
use tower::ServiceExt;

pub(crate) const SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

pub(crate) struct Project {
    pub(crate) database: TestDatabase,
    pub(crate) context: Arc<ProjectContext>,
    pub(crate) router: Router,
}

/// A project whose database ran this SQL as `postgres`.
pub(crate) async fn project(sql: &str) -> Project {
    let database = TestCluster::shared().await.database().await;
    database.connect("postgres").await.batch_execute(sql).await.unwrap();
    on(database, 10, project_context::IDLE_AFTER)
}

/// The same, where the service is told to behave otherwise: names of settings without `pgrst.`, and their values.
pub(crate) async fn project_with(sql: &str, settings: &[(&str, &str)]) -> Project {
    let project = project(sql).await;
    project.set(settings).await;
    project
}

pub(crate) fn on(database: TestDatabase, max_connections: usize, idle_after: Duration) -> Project {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let context = ProjectContext::new(ContextSettings {
        project_ref: "abcdefghijklmnopqrst".parse().unwrap(),
        api_url: "http://abcdefghijklmnopqrst.api.localhost:8000".to_owned(),
        database: DatabaseAddress {
            host: database.socket_dir().to_str().unwrap().to_owned(),
            port: database.port(),
            name: database.name().to_owned(),
        },
        authenticator_password: secret(database.password()),
        auth_password: secret(database.password()),
        jwt_secret: secret(SECRET),
        keys: ApiKeys::new(secret("anon"), secret("service"), vec![], vec![]),
        max_connections,
        idle_after,
    });
    Project { database, router: rest::router(Arc::clone(&context)), context }
}

/// A token that is good for an hour.
pub(crate) fn token(claims: Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = claims;
    if claims.get("exp").is_none() {
        claims["exp"] = json!(now + 3600);
    }
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

pub(crate) fn service_role() -> String {
    format!("Authorization: Bearer {}", token(json!({"role": "service_role"})))
}

/// An answer with the headers that are part of the contract.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no json: {}", self.body))
    }
}

const SHOWN: [&str; 8] = [
    "content-range",
    "content-location",
    "location",
    "preference-applied",
    "www-authenticate",
    "allow",
    "content-type",
    "retry-after",
];

impl Project {
    /// Sets `pgrst.*` in this database. Nobody is notified: it counts from the next load of the schema.
    pub(crate) async fn set(&self, settings: &[(&str, &str)]) {
        let client = self.database.connect("supabase_admin").await;
        for (name, value) in settings {
            let (database, value) = (self.database.name(), value.replace('\'', "''"));
            let sql = format!("alter role authenticator in database \"{database}\" set pgrst.{name} = '{value}'");
            client.batch_execute(&sql).await.unwrap();
        }
    }

    /// Sends a request written as `METHOD /path`, header lines, an empty line and a body.
    pub(crate) async fn send(&self, request: &str) -> Answer {
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines().map(str::trim).filter(|line| !line.is_empty());
        let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
        let mut builder = Request::builder().method(method).uri(target);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            builder = builder.header(name, value);
        }
        self.send_request(builder.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub(crate) async fn send_request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Status, the contract's headers and the body, as one text for a snapshot.
    pub(crate) async fn show(&self, request: &str) -> String {
        let answer = self.send(request).await;
        let mut text = answer.status.to_string();
        for name in SHOWN {
            for value in answer.headers.get_all(name) {
                let value = value.to_str().unwrap();
                if !(name == "content-type" && value.starts_with("application/json")) {
                    text.push_str(&format!("\n{name}: {value}"));
                }
            }
        }
        if !answer.body.is_empty() {
            text.push_str(&format!("\n{}", answer.body));
        }
        text
    }

    /// The status and the body only.
    pub(crate) async fn body(&self, request: &str) -> String {
        let answer = self.send(request).await;
        format!("{} {}", answer.status, answer.body)
    }
}
