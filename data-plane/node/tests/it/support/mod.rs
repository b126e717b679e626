//! A node of its own for each test, and requests to it as the gateway would send them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{net::SocketAddr, time::Duration};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use test_postgres::TestDatabase;
use test_program::{Running, within};

pub(crate) use test_program::{ask as send, send as answer};

const JWT_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// What the program is given: variables, and files of secrets.
pub(crate) struct Given {
    secrets: tempfile::TempDir,
    given: test_program::Given,
}

impl Given {
    /// A node for this database, reached by that port.
    pub(crate) fn for_database(database: &TestDatabase, port: u16) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let password = format!("{}\n", database.password());
        let files: [(&str, &str); 6] = [
            ("authenticator_password", &password),
            ("auth_password", &password),
            ("jwt_secret", JWT_SECRET),
            ("anon_key", "a.n.on"),
            ("service_role_key", "ser.vi.ce"),
            ("secret_keys", "sb_secret_1\n"),
        ];
        for (name, text) in files {
            std::fs::write(secrets.path().join(name), text).unwrap();
        }
        let variables = vec![
            ("NODE_LISTEN", "127.0.0.1:0".to_owned()),
            ("NODE_ADMIN_LISTEN", "127.0.0.1:0".to_owned()),
            ("NODE_PROJECT_REF", "abcdefghijklmnopqrst".to_owned()),
            ("NODE_API_URL", "http://abcdefghijklmnopqrst.api.localhost:8000".to_owned()),
            ("NODE_DATABASE_HOST", "127.0.0.1".to_owned()),
            ("NODE_DATABASE_PORT", port.to_string()),
            ("NODE_DATABASE_NAME", database.name().to_owned()),
            ("NODE_SECRETS_DIR", secrets.path().to_str().unwrap().to_owned()),
        ];
        Self { secrets, given: test_program::Given::new(env!("CARGO_BIN_EXE_node"), variables) }
    }

    pub(crate) fn with(self, variable: &'static str, value: &str) -> Self {
        Self { given: self.given.with(variable, value), ..self }
    }

    pub(crate) fn secret(&self, name: &str) -> std::path::PathBuf {
        self.secrets.path().join(name)
    }

    /// Runs it to its end, which should come at once.
    pub(crate) async fn ends(&self) -> (i32, String) {
        self.given.ends(&[]).await
    }

    /// What `node health` says.
    pub(crate) async fn health(&self) -> (i32, String) {
        self.given.ends(&["health"]).await
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(self) -> Node {
        let running = self.given.start().await;
        let (services, admin) = (running.address, running.admin.unwrap());
        Node { running, _secrets: self.secrets, services, admin }
    }
}

/// A node that runs. Killed with its value.
pub(crate) struct Node {
    running: Running,
    _secrets: tempfile::TempDir,
    pub(crate) services: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Node {
    /// What `node health` says in its container.
    pub(crate) async fn health(&self) -> (i32, String) {
        let listen = format!("0.0.0.0:{}", self.admin.port());
        self.running.given.clone().with("NODE_ADMIN_LISTEN", &listen).ends(&["health"]).await
    }

    /// Waits until the database runs a statement that has this in it.
    pub(crate) async fn runs(&self, database: &TestDatabase, part: &str) {
        let watcher = database.connect("supabase_admin").await;
        let sql = "select 1 from pg_stat_activity
            where datname = current_database() and state = 'active' and pid <> pg_backend_pid() and strpos(query, $1) > 0";
        let running = async {
            while watcher.query_opt(sql, &[&part]).await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(running).await;
    }

    pub(crate) fn tell(&self, signal: rustix::process::Signal) {
        self.running.tell(signal);
    }

    /// Its exit code and what it logged.
    pub(crate) async fn ended(self) -> (Option<i32>, String) {
        self.running.ended().await
    }
}

/// The header of a token with these claims.
pub(crate) fn bearer(claims: &Value) -> String {
    let token = jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).unwrap();
    format!("Authorization: Bearer {token}")
}

pub(crate) fn anon() -> String {
    bearer(&json!({ "role": "anon" }))
}
