//! One project over a fresh database, and requests through the router as a client would send them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use auth::{
    AuthContext, Shared,
    outgoing::http::{HttpClient, Options},
    password::{Hasher, Limits},
    settings::Settings,
};
use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jsonwebtoken::{EncodingKey, Header};
use project_context::{Database, Pool, PoolSettings};
use secrecy::SecretString;
use serde_json::{Value, json};
use test_postgres::{TestCluster, TestDatabase};
use tokio_postgres::config::Host;
use tower::ServiceExt as _;

pub(crate) const SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// bcrypt's least cost: nothing here is about how long it takes.
static SHARED: LazyLock<Shared> = LazyLock::new(|| Shared {
    hasher: Hasher::new(Limits { cost: 4, ..Limits::default() }).unwrap(),
    // Servers of the tests are on this machine.
    http: HttpClient::new(Options { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Options::default() }).unwrap(),
});

pub(crate) struct Project {
    pub(crate) database: TestDatabase,
    pub(crate) context: Arc<AuthContext>,
    pool: Arc<Pool>,
    router: Router,
}

/// An answer of the service.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no json: {} {}", self.status, self.body))
    }

    /// The body of an answer that is good.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()
    }

    /// Status, and code in the form of the newer API version.
    pub(crate) fn error(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Where a browser is sent.
    pub(crate) fn location(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.body);
        self.headers["location"].to_str().unwrap().to_owned()
    }
}

/// With upstream's defaults, but for what `change` says.
pub(crate) async fn project(change: impl FnOnce(&mut Settings)) -> Project {
    over(TestCluster::shared().await.database().await, change)
}

fn pool(database: &TestDatabase, max_connections: usize) -> Pool {
    let mut config = tokio_postgres::Config::new();
    config.dbname(database.name()).user("supabase_auth_admin").password(database.password());
    Pool::new(PoolSettings {
        database: Database::at(Host::Unix(database.socket_dir().to_owned()), database.port(), config),
        empty_path: true,
        max_connections,
        idle_after: project_context::IDLE_AFTER,
        max_lifetime: None,
        wait: project_context::WAIT,
    })
}

fn over(database: TestDatabase, change: impl FnOnce(&mut Settings)) -> Project {
    let pool = Arc::new(pool(&database, 10));
    let mut settings = Settings::default();
    settings.api.external_url = "http://ref.api.localhost:8000/auth/v1".to_owned();
    settings.api.site_url = "http://localhost:3000".to_owned();
    settings.jwt.secret = SecretString::from(SECRET);
    settings.mailer.max_frequency = Duration::ZERO;
    settings.sms.max_frequency = Duration::ZERO;
    change(&mut settings);
    let context = AuthContext::new(Arc::clone(&pool), settings, SHARED.clone()).unwrap();
    Project { database, router: auth::router(Arc::clone(&context)), pool, context }
}

impl Project {
    /// Closes the connections to the database, and waits until they are gone.
    pub(crate) async fn disconnected(&self) {
        self.pool.close();
        let others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() \
                      and usename = 'supabase_auth_admin'";
        let client = self.database.connect("postgres").await;
        while client.query_one(others, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// As after a restart of the service: nothing is left but the database.
    pub(crate) fn restarted(self, change: impl FnOnce(&mut Settings)) -> Self {
        over(self.database, change)
    }

    /// Connections besides the service's own.
    pub(crate) fn pool(&self, max_connections: usize) -> Pool {
        pool(&self.database, max_connections)
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("x-supabase-api-version", "2024-01-01");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, "", body).await
    }

    /// As a browser posts a form.
    pub(crate) async fn post_form(&self, path: &str, form: String) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let response = self.router.clone().oneshot(request.body(Body::from(form)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// Signs up where that is confirmed at once, and answers the session.
    pub(crate) async fn signed_up(&self, email: &str) -> Value {
        self.post("/signup", json!({ "email": email, "password": "correct horse" })).await.ok()
    }

    /// What was last kept for somebody in the mailbox: its kind, and its link, code and hash.
    pub(crate) async fn last_message(&self, recipient: &str) -> (String, Value) {
        let client = self.database.connect("supabase_auth_admin").await;
        let sql = "select kind, data from _auth.messages where recipient = $1 order by created_at desc limit 1";
        let row = client.query_one(sql, &[&recipient]).await.unwrap();
        (row.get(0), row.get(1))
    }

    pub(crate) async fn sql(&self, sql: &str) {
        self.database.connect("supabase_auth_admin").await.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.database.connect("supabase_auth_admin").await.query_one(sql, &[]).await.unwrap().get(0)
    }
}

/// A token of the role that administers.
pub(crate) fn service_role() -> String {
    let claims = json!({ "role": "service_role", "exp": 4_000_000_000_u64 });
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A member of the fragment or query of an address.
pub(crate) fn member(url: &str, name: &str) -> Option<String> {
    url.split(['?', '#', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(ToOwned::to_owned)
}

/// The text of a member that is there.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} is not in {value}")).to_owned()
}
