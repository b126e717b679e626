//! A node of its own for each test, and requests to it as the gateway would send them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::{
    net::SocketAddr,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use test_postgres::TestDatabase;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

const JWT_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// What the program is given: variables, and files of secrets.
pub(crate) struct Given {
    pub(crate) secrets: tempfile::TempDir,
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Given {
    /// A node for this database, reached by that port.
    pub(crate) fn for_database(database: &TestDatabase, port: u16) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        let password = format!("{}\n", database.password());
        let files: [(&str, &str); 5] = [
            ("authenticator_password", &password),
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
        Self { secrets, variables }
    }

    pub(crate) fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != variable);
        self.variables.push((variable, value.to_owned()));
        self
    }

    pub(crate) fn secret(&self, name: &str) -> std::path::PathBuf {
        self.secrets.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_node")));
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
        command
    }

    /// Runs it to its end, which should come at once.
    pub(crate) async fn ends(&self) -> (i32, String) {
        said(within(self.command().output()).await.unwrap())
    }

    /// What `node health` says.
    pub(crate) async fn health(&self) -> (i32, String) {
        said(self.command().arg("health").output().await.unwrap())
    }

    /// Starts it and waits until it listens.
    pub(crate) async fn start(self) -> Node {
        let mut child = self.command().stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("ended before it listened");
                if line.contains(" listening ") {
                    return line;
                }
            }
        };
        let line = within(listening).await;
        let address = |name: &str| {
            let found = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {name} in {line}")).parse().unwrap()
        };
        let (services, admin) = (address("address"), address("admin"));
        let log = tokio::spawn(async move {
            let mut log = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                log.push_str(&line);
                log.push('\n');
            }
            log
        });
        Node { given: self, child, services, admin, log }
    }
}

/// A node that runs. Killed with its value.
pub(crate) struct Node {
    given: Given,
    child: Child,
    pub(crate) services: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: tokio::task::JoinHandle<String>,
}

impl Node {
    /// What `node health` says in its container.
    pub(crate) async fn health(&self) -> (i32, String) {
        let mut command = self.given.command();
        command.arg("health").env("NODE_ADMIN_LISTEN", format!("0.0.0.0:{}", self.admin.port()));
        said(command.output().await.unwrap())
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
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Its exit code and what it logged since it listened.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = within(self.child.wait()).await.unwrap();
        (status.code(), self.log.await.unwrap())
    }
}

fn said(output: Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Sends a request written as `METHOD /path`, header lines, an empty line and a body: status and body.
pub(crate) async fn send(address: SocketAddr, request: &str) -> (u16, String) {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let (target, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut message = format!("{target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for line in headers.lines() {
        message.push_str(&format!("{line}\r\n"));
    }
    message.push_str(&format!("\r\n{body}"));
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(message.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = within(exchange).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The header of a token with these claims.
pub(crate) fn bearer(claims: &Value) -> String {
    let token = jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(JWT_SECRET.as_bytes())).unwrap();
    format!("Authorization: Bearer {token}")
}

pub(crate) fn anon() -> String {
    bearer(&json!({ "role": "anon" }))
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("took more than 20 s")
}
